"""Compiled pieces of the engine as Python can call them, and what they should give, naively."""

from __future__ import annotations

from itertools import product

import numba
import numpy as np

from glassbox.solvers._boosting.pair_partition import legal_trees
from glassbox.solvers._boosting.schedule import next_term, pass_turn
from glassbox.solvers._boosting.terms import BinnedFeature, Terms, find_step, pair_effects


@numba.njit
def _find_step(terms, rule, smoothing, pull, mass, rows, legal, seed, room, trees, order, delta):
    return find_step(
        terms, 0, rule, smoothing, pull, mass, rows, legal, seed, room, trees, order, delta
    )


@numba.njit
def _legal_trees(rows, n_first, n_second, min_rows, legal):
    legal_trees(rows, n_first, n_second, min_rows, legal)


@numba.njit
def take_turns(order, turn, gains, n_turns):
    """Terms and whether they made a step, when term t has the gain ``gains[turn, t]``."""
    turns = np.empty((n_turns, 2), np.int64)
    for i in range(n_turns):
        term, stepping = next_term(order, turn)
        turns[i, 0], turns[i, 1] = term, stepping
        pass_turn(order, turn, term, gains[i, term], stepping)
    return turns


def step_of_main(feature, rule, pull, mass, rows, smoothing=False, seed=1):
    """Gain and step of a main effect, given sums of shape (n_outputs, n_bins)."""
    n_bins = pull.shape[1]
    terms = Terms(
        np.array([0, n_bins]),
        np.array([1 if feature.nominal else 0]),
        np.array([n_bins]),
        np.array([1]),
        np.array([feature.separate]),
        np.array([not feature.nominal]),
        np.array([feature.direction], dtype=np.int8),
    )
    return _step(terms, rule, pull, mass, rows, np.zeros(n_bins, np.uint8), smoothing, seed)


def step_of_pair(rule, pull, mass, rows, smoothing=False, seed=1):
    """Gain and step of a pair, given sums of shape (n_outputs, n_first, n_second)."""
    n_outputs, n_first, n_second = pull.shape
    features = [BinnedFeature(np.zeros(1, np.uint8), n) for n in (n_first, n_second)]
    terms, _ = pair_effects(features, [(0, 1)])
    legal = np.zeros(n_first * n_second, np.uint8)
    flat = rows.ravel().astype(np.int32)
    _legal_trees(flat, n_first, n_second, rule.min_rows, legal)
    gain, delta = _step(
        terms, rule, pull.reshape(n_outputs, -1), mass.reshape(n_outputs, -1), flat, legal,
        smoothing, seed,
    )  # fmt: skip
    return gain, delta.reshape(pull.shape)


def _step(terms, rule, pull, mass, rows, legal, smoothing, seed):
    n_outputs, n_cells = pull.shape
    delta = np.full((n_outputs, n_cells), np.nan)
    room, trees = np.full((4 * n_outputs, n_cells), np.nan), np.full((4, n_cells), np.nan)
    gain = _find_step(
        terms, rule, smoothing, pull, mass, rows.astype(np.int32), legal,
        np.array([seed], dtype=np.uint64), room, trees, np.zeros(n_cells, np.int64), delta,
    )  # fmt: skip
    return gain, delta


def newton(rule, pull, mass):
    """Newton steps of leaves, before the learning rate."""
    if mass < np.finfo(float).tiny:
        return 0.0
    size = max(abs(pull) - rule.reg_alpha, 0.0) / (mass + rule.reg_lambda)
    return np.copysign(min(size, rule.largest), pull)


def worth(rule, pull, mass):
    """By how much a Newton step lowers the second-order approximation of the loss, twice over."""
    step = newton(rule, pull, mass)
    return 2 * step * pull - 2 * rule.reg_alpha * abs(step) - step**2 * (mass + rule.reg_lambda)


def leaves_step(rule, pull, mass, leaves):
    """What leaves are worth together, and what they add in each cell.

    Leaves are boolean arrays of the shape of the cells; sums have one more dimension in front.
    """
    delta, total = np.zeros_like(pull), 0.0
    for k, leaf in product(range(len(pull)), leaves):
        sums = pull[k][leaf].sum(), mass[k][leaf].sum()
        total += worth(rule, *sums)
        delta[k][leaf] = rule.learning_rate * newton(rule, *sums)
    return total, delta


def is_legal(rule, mass, rows, leaf):
    """Whether a leaf has enough rows, and enough mass for every output."""
    least = max(rule.min_hessian, np.finfo(float).tiny)
    return rows[leaf].sum() >= max(rule.min_rows, 1) and all(m[leaf].sum() >= least for m in mass)


def best_partition(rule, pull, mass, rows, partitions):
    """Gain and step of the best legal partition into leaves, or of none."""
    everything = [np.ones(pull.shape[1:], dtype=bool)]
    nothing, delta = leaves_step(rule, pull, mass, everything)
    best = 0.0
    for leaves in partitions:
        if all(is_legal(rule, mass, rows, leaf) for leaf in leaves):
            total, step = leaves_step(rule, pull, mass, leaves)
            if total - nothing > best:
                best, delta = total - nothing, step
    return best, delta
