"""Boosting steps that read every row: exact after every step, for small tables."""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import entry
from glassbox.solvers._boosting.losses import pull as pull_rows
from glassbox.solvers._boosting.pair_partition import legal_trees
from glassbox.solvers._boosting.schedule import next_term, pass_turn, random_rate, steps_taken
from glassbox.solvers._boosting.terms import find_step, nothing_weighed, widest


@entry
def count_rows(terms, codes, draws, bag, min_rows, rows, legal):
    """Rows of a bag in every cell, and the trees that are legal in every pair.

    Parameters
    ----------
    terms : Terms
    codes : ndarray of int, shape (n_terms, n_rows)
    draws : ndarray of int, shape (n_rows, n_bags)
    bag : int
    min_rows : int
    rows : ndarray of int32, shape (n_cells,)
    legal : ndarray of uint8, shape (n_cells,), or None
        Both written; None unless the terms are pairs.
    """
    rows[:] = 0
    for t in range(len(terms.kind)):
        start = terms.start[t]
        for i in range(codes.shape[1]):
            rows[start + codes[t, i]] += draws[i, bag]
        if legal is not None:
            end = terms.start[t + 1]
            legal_trees(
                rows[start:end], terms.n_first[t], terms.n_second[t], min_rows, legal[start:end]
            )


@entry
def walk_rows(
    terms, codes, loss, rule, order, turn, y, weights, draws, scores, tables, rows, legal,
    categories, prior, n_steps,
):  # fmt: skip
    """Take steps, with residuals and curvatures of all rows computed anew after each.

    Parameters
    ----------
    terms : Terms
    codes : ndarray of int, shape (n_terms, n_rows)
    loss : Loss
    rule : StepRule
    order : Order
    turn : Turn
        Moved on.
    y, weights : ndarray of shape (n_rows,)
    draws : ndarray of int, shape (n_rows, 1)
        Of one bag.
    scores : ndarray of shape (n_rows, n_outputs)
    tables : ndarray of shape (n_outputs, n_cells)
        Both change with every step.
    rows, legal, categories : ndarray of shape (n_cells,)
        As :func:`find_step` takes them.
    prior : ndarray of shape (n_cells,)
        Mass of the priors of the coefficients; zero for none.
    n_steps : int

    Returns
    -------
    float
        Mean loss of the rows that are held out, after the last step.
    """
    n_rows, n_outputs = scores.shape
    largest = widest(terms.start)
    residuals, curvatures = np.empty_like(scores), np.empty_like(scores)
    bits = np.empty(scores.size, np.int64)
    losses, held_out = np.zeros(1), np.zeros(1)
    pull, mass = np.empty_like(tables), np.empty_like(tables)
    delta = np.empty((n_outputs, largest))
    room = np.empty((1 + 3 * n_outputs, largest))
    weighed = nothing_weighed(len(terms.kind), len(prior), n_outputs, legal is not None)
    pull_rows(loss, y, weights, draws, scores, bits, residuals, curvatures, losses, held_out)
    goal = steps_taken(turn) + n_steps
    while steps_taken(turn) < goal:
        rate = random_rate(rule, turn)
        t, stepping = next_term(order, turn)
        start, end = terms.start[t], terms.start[t + 1]
        size = end - start
        for k in range(n_outputs):
            own_pull, own_mass = pull[k, start:end], mass[k, start:end]
            own_table, own_prior = tables[k, start:end], prior[start:end]
            for c in range(size):
                own_pull[c] = -own_prior[c] * own_table[c]
                own_mass[c] = own_prior[c]
        for i in range(n_rows):
            c = start + codes[t, i]
            for k in range(n_outputs):
                pull[k, c] += residuals[i, k]
                mass[k, c] += curvatures[i, k]
        weighed.fresh[t] = False
        gain = find_step(
            terms, t, rule, rate, pull, mass, rows, legal, categories, weighed, turn.random, room,
            delta,
        )  # fmt: skip
        pass_turn(order, turn, t, gain, stepping)
        if not stepping:
            continue
        for k in range(n_outputs):
            own_table, steps = tables[k, start:end], delta[k, :size]
            for c in range(size):
                own_table[c] += steps[c]
        for i in range(n_rows):
            c = codes[t, i]
            for k in range(n_outputs):
                scores[i, k] += delta[k, c]
        losses[0] = 0.0
        held_out[0] = 0.0
        pull_rows(loss, y, weights, draws, scores, bits, residuals, curvatures, losses, held_out)
    return losses[0] / held_out[0] if held_out[0] > 0 else 0.0
