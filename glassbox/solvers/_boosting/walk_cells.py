"""Boosting steps in the space of bins: their cost does not depend on the number of rows.

A step on one term changes the residuals of its own rows by what it adds times their curvature;
that is exact, to first order. What it does to the sums of another term's cells is the mean step
over their rows, which the joint distribution of coarse cells tells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glassbox.solvers._boosting._compiled import entry, inner, larger
from glassbox.solvers._boosting.partition import TINY
from glassbox.solvers._boosting.schedule import next_term, pass_turn, random_rate, steps_taken
from glassbox.solvers._boosting.terms import (
    _NOMINAL,
    find_step,
    nothing_weighed,
    widest,
)


class Joint(NamedTuple):
    """Where the rows of one term's cells lie among the cells of the others.

    Attributes
    ----------
    coarse_of : ndarray of uint32, shape (n_cells,)
        The coarse cell of each cell, counted from the first of its term; without a sign, so that
        compilers need not think of indices from the end.
    start : ndarray of shape (n_terms + 1,)
        Where the coarse cells of each term start.
    n_first, n_second : ndarray of shape (n_terms,)
        Coarse bins of the features of each term.
    corners : ndarray of int32, shape (n_coarse, 2)
        The first and the last cell of each coarse cell, counted from the first of its term: the
        opposite corners of a rectangle, for a pair.
    block : ndarray of shape (n_terms, 2)
        The first coarse cell of each term's block, and the first that is beyond.
    shares : ndarray of float32, shape (n_coarse, most coarse cells of a block)
        In row (t, a), column (u, b): the share of the rows in coarse cell b of term u that lie in
        coarse cells of term t up to a, along both features. Columns count from the first coarse
        cell of the block: rows of other blocks are taken to lie as all rows do.
    """

    coarse_of: np.ndarray
    start: np.ndarray
    n_first: np.ndarray
    n_second: np.ndarray
    corners: np.ndarray
    block: np.ndarray
    shares: np.ndarray

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(np.unique(self.block[:, 0]))


@entry
def walk_cells(
    terms, joint, rule, order, turn, pull, mass, rows, legal, categories, tables,
    max_steps, max_move,
):  # fmt: skip
    """Take steps until the scores may have moved too far from where the rows were read.

    Parameters
    ----------
    terms : Terms
    joint : Joint
    rule : StepRule
    order : Order
    turn : Turn
        Moved on.
    pull, mass : ndarray of shape (n_outputs, n_cells)
        Sums of residuals and curvatures in every cell; the pull changes with every step.
    rows, legal, categories : ndarray of shape (n_cells,)
        As :func:`find_step` takes them.
    tables : ndarray of shape (n_outputs, n_cells)
        Change with every step.
    max_steps : int
    max_move : float
        Sum of the largest changes that the steps make to a score.

    Returns
    -------
    float
        That sum.
    """
    n_outputs = len(pull)
    n_terms = len(terms.kind)
    largest = widest(terms.start)
    delta = np.empty((n_outputs, largest))
    room = np.empty((1 + 3 * n_outputs, largest))
    weighed = nothing_weighed(n_terms, terms.start[n_terms], n_outputs, legal is not None)
    means = np.empty(widest(joint.start))
    # What steps on other terms have added to the rows of each coarse cell since it was last
    # looked at: a part that differs, and a part that all cells share.
    pending = np.zeros((n_outputs, joint.start[n_terms]), np.float32)
    common = np.zeros(n_outputs)
    seen = np.zeros((n_outputs, n_terms))
    moved = 0.0
    goal = steps_taken(turn) + max_steps
    while steps_taken(turn) < goal and moved < max_move:
        rate = random_rate(rule, turn)
        t, stepping = next_term(order, turn)
        start, end = terms.start[t], terms.start[t + 1]
        size = end - start
        own = joint.start[t]
        coarse_of = joint.coarse_of[start:end]
        for k in range(n_outputs):
            here = pending[k, own : joint.start[t + 1]]
            everywhere = common[k] - seen[k, t]
            own_pull, own_mass = pull[k, start:end], mass[k, start:end]
            for c in range(size):
                own_pull[c] -= own_mass[c] * (here[coarse_of[c]] + everywhere)
            for a in range(len(here)):
                here[a] = 0.0
            seen[k, t] = common[k]
        gain = find_step(
            terms, t, rule, rate, pull, mass, rows, legal, categories, weighed, turn.random, room,
            delta,
        )  # fmt: skip
        pass_turn(order, turn, t, gain, stepping)
        if not stepping:
            continue
        furthest = 0.0
        for k in range(n_outputs):
            own_pull, own_mass = pull[k, start:end], mass[k, start:end]
            own_table, steps = tables[k, start:end], delta[k, :size]
            for c in range(size):
                own_table[c] += steps[c]
                own_pull[c] -= own_mass[c] * steps[c]
                furthest = larger(furthest, abs(steps[c]))
            n_coarse = joint.start[t + 1] - own
            corners = joint.corners[own : own + n_coarse]
            straight = terms.kind[t] != _NOMINAL
            _mean_steps(steps, own_mass, corners, terms.n_second[t], straight, means)
            common[k] += means[n_coarse - 1]
            block = pending[k, joint.block[t, 0] : joint.block[t, 1]]
            _spread(joint.shares, own, joint.n_first[t], joint.n_second[t], means, block)
            here = pending[k, own : own + n_coarse]
            for a in range(n_coarse):
                here[a] = 0.0
            seen[k, t] = common[k]
        moved += furthest
    return moved


@inner
def _mean_steps(delta, mass, corners, n_second, straight, means):
    """Mean step over the rows of each coarse cell.

    Cuts are straight, except between categories: where a step is the same in all corners of a
    coarse cell, it is the same all over it.
    """
    for a in range(len(corners)):
        first, last = corners[a]
        top, left = first // n_second, first % n_second
        bottom, right = last // n_second, last % n_second
        means[a] = delta[first]
        if (
            straight
            and delta[first] == delta[last]
            and delta[top * n_second + right] == delta[first]
            and delta[bottom * n_second + left] == delta[first]
        ):
            continue
        total, total_mass = 0.0, 0.0
        for i in range(top, bottom + 1):
            for c in range(i * n_second + left, i * n_second + right + 1):
                total += mass[c] * delta[c]
                total_mass += mass[c]
        if total_mass > TINY:
            means[a] = total / total_mass


@inner
def _spread(shares, own, n_first, n_second, means, pending):
    """Add the mean step over the rows of every coarse cell of the other terms.

    Sums by parts: what counts is where neighbouring cells differ, which they seldom do.
    """
    for i in range(n_first):
        for j in range(n_second):
            a = i * n_second + j
            corner = means[a]
            if i + 1 < n_first:
                corner -= means[a + n_second]
            if j + 1 < n_second:
                corner -= means[a + 1]
                if i + 1 < n_first:
                    corner += means[a + n_second + 1]
            if corner == 0.0 or a == n_first * n_second - 1:
                continue
            step = np.float32(corner)
            row = shares[own + a]
            for b in range(len(pending)):
                pending[b] += step * row[b]
