"""Where one boosting step cuts the table of a pair, and what it adds in each part.

A tree of three leaves: one cut on one feature, then a cut on the other feature on one of the two
sides. With two features to start with and two sides to go on with, there are four kinds of tree.
"""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import inner
from glassbox.solvers._boosting.partition import (
    _IMPOSSIBLE,
    TINY,
    fill,
    newton,
    random_below,
    worth,
)

#: The kinds of tree, in the order in which ties are broken: the first cut is on the second
#: feature and its low side is cut further, its high side is; the same with the first feature.
_LOW_COLUMNS, _HIGH_COLUMNS, _LOW_ROWS, _HIGH_ROWS = range(4)


@inner
def legal_trees(rows, n_first, n_second, min_rows, legal):
    """Which trees have enough rows in every leaf.

    Parameters
    ----------
    rows : ndarray of shape (n_first * n_second,)
        Rows in each cell.
    n_first, n_second : int
        Bins of the two features.
    min_rows : int
    legal : ndarray of uint8, shape (n_first * n_second,)
        Written: for a cut after row i and column j, bit q says whether tree q is legal.
    """
    counts = np.zeros((n_first, n_second))
    for i in range(n_first):
        along = 0.0
        for j in range(n_second):
            along += rows[i * n_second + j]
            counts[i, j] = along + (counts[i - 1, j] if i > 0 else 0.0)
    total = counts[n_first - 1, n_second - 1]
    enough = max(min_rows, 1)
    for i in range(n_first - 1):
        top = counts[i, n_second - 1]
        for j in range(n_second - 1):
            left = counts[n_first - 1, j]
            top_left = counts[i, j]
            top_right, bottom_left = top - top_left, left - top_left
            bottom_right = total - top - bottom_left
            bits = 0
            if min(top_left, bottom_left, total - left) >= enough:
                bits |= 1 << _LOW_COLUMNS
            if min(top_right, bottom_right, left) >= enough:
                bits |= 1 << _HIGH_COLUMNS
            if min(top_left, top_right, total - top) >= enough:
                bits |= 1 << _LOW_ROWS
            if min(bottom_left, bottom_right, top) >= enough:
                bits |= 1 << _HIGH_ROWS
            legal[i * n_second + j] = bits


@inner
def best_tree(rule, pull, mass, legal, n_first, n_second, room, delta):
    """Cut a table into the three parts that are worth most.

    Parameters
    ----------
    rule : StepRule
    pull, mass : ndarray of shape (n_outputs, n_first * n_second)
    legal : ndarray of uint8, shape (n_first * n_second,)
        From :func:`legal_trees`.
    n_first, n_second : int
        Bins of the two features.
    room : ndarray of shape (6, n_first * n_second) at least
        Room to work in.
    delta : ndarray of shape (n_outputs, n_first * n_second)
        Written: what the step adds in each cell.

    Returns
    -------
    float
        The gain.
    """
    n_outputs = len(pull)
    n_cells = n_first * n_second
    last = n_cells - n_second
    trees = room[2:]
    least = max(rule.min_hessian, TINY)
    parent = 0.0
    for k in range(n_outputs):
        pulls, masses = room[0], room[1]
        _accumulate(pull[k], n_first, n_second, pulls)
        _accumulate(mass[k], n_first, n_second, masses)
        all_pull, all_mass = pulls[n_cells - 1], masses[n_cells - 1]
        parent += worth(rule, all_pull, all_mass)
        for i in range(n_first - 1):
            start = i * n_second
            top_pull, top_mass = pulls[start + n_second - 1], masses[start + n_second - 1]
            top = _worth_if(rule, top_pull, top_mass, least)
            bottom = _worth_if(rule, all_pull - top_pull, all_mass - top_mass, least)
            for j in range(n_second - 1):
                p, m = pulls[start + j], masses[start + j]
                left_p, left_m = pulls[last + j], masses[last + j]
                top_left = _worth_if(rule, p, m, least)
                top_right = _worth_if(rule, top_pull - p, top_mass - m, least)
                bottom_left = _worth_if(rule, left_p - p, left_m - m, least)
                bottom_right = _worth_if(
                    rule, all_pull - top_pull - left_p + p, all_mass - top_mass - left_m + m, least
                )
                left = _worth_if(rule, left_p, left_m, least)
                right = _worth_if(rule, all_pull - left_p, all_mass - left_m, least)
                low_columns = top_left + bottom_left + right
                high_columns = top_right + bottom_right + left
                low_rows = top_left + top_right + bottom
                high_rows = bottom_left + bottom_right + top
                if k == 0:
                    trees[_LOW_COLUMNS, start + j] = low_columns
                    trees[_HIGH_COLUMNS, start + j] = high_columns
                    trees[_LOW_ROWS, start + j] = low_rows
                    trees[_HIGH_ROWS, start + j] = high_rows
                else:
                    trees[_LOW_COLUMNS, start + j] += low_columns
                    trees[_HIGH_COLUMNS, start + j] += high_columns
                    trees[_LOW_ROWS, start + j] += low_rows
                    trees[_HIGH_ROWS, start + j] += high_rows
    best = 0.0
    for q in range(4):
        for i in range(n_first - 1):
            for c in range(i * n_second, (i + 1) * n_second - 1):
                gain = trees[q, c] if (legal[c] >> q) & 1 else _IMPOSSIBLE
                trees[q, c] = gain
                best = max(best, gain)
    gain = best - parent
    if best <= 0.0 or gain < TINY:
        fill(rule, pull, mass, n_cells - 1, False, 0, delta)
        return 0.0
    kind, row, column = _first_place(trees, best, n_first, n_second)
    for k in range(n_outputs):
        _fill_tree(rule, pull[k], mass[k], n_first, n_second, kind, row, column, delta[k])
    return gain


@inner
def random_quadrants(rule, pull, mass, n_first, n_second, random, delta):
    """Cut both features anywhere; the gain of that is not counted."""
    row = random_below(random, n_first - 1) if n_first > 1 else 0
    column = random_below(random, n_second - 1) if n_second > 1 else 0
    sums = np.empty((2, 4))
    for k in range(len(pull)):
        sums[:] = 0.0
        for i in range(n_first):
            for j in range(n_second):
                q = 2 * (i > row) + (j > column)
                sums[0, q] += pull[k, i * n_second + j]
                sums[1, q] += mass[k, i * n_second + j]
        for q in range(4):
            sums[0, q] = rule.learning_rate * newton(rule, sums[0, q], sums[1, q])
        for i in range(n_first):
            for j in range(n_second):
                delta[k, i * n_second + j] = sums[0, 2 * (i > row) + (j > column)]
    return 0.0


@inner
def _worth_if(rule, pull, mass, least):
    """What a leaf is worth, if it has enough mass."""
    value = worth(rule, pull, mass)
    return value if mass >= least else _IMPOSSIBLE


@inner
def _accumulate(values, n_first, n_second, sums):
    """Sums over all cells above and to the left, the cell included."""
    for i in range(n_first):
        start = i * n_second
        along = 0.0
        for j in range(n_second):
            along += values[start + j]
            sums[start + j] = along
        if i > 0:
            for j in range(n_second):
                sums[start + j] += sums[start - n_second + j]


@inner
def _first_place(trees, best, n_first, n_second):
    """The first of the best trees: its kind, and the row and the column that it cuts after."""
    for kind in (_LOW_COLUMNS, _HIGH_COLUMNS):
        for j in range(n_second - 1):
            for i in range(n_first - 1):
                if trees[kind, i * n_second + j] == best:
                    return kind, i, j
    for kind in (_LOW_ROWS, _HIGH_ROWS):
        for i in range(n_first - 1):
            for j in range(n_second - 1):
                if trees[kind, i * n_second + j] == best:
                    return kind, i, j
    return -1, 0, 0


@inner
def _fill_tree(rule, pull, mass, n_first, n_second, kind, row, column, delta):
    """Newton steps of the three leaves; leaf 2 is the one that is not cut further."""
    leaves = np.zeros((2, 3))
    for i in range(n_first):
        for j in range(n_second):
            leaf = _leaf(kind, i <= row, j <= column)
            leaves[0, leaf] += pull[i * n_second + j]
            leaves[1, leaf] += mass[i * n_second + j]
    for leaf in range(3):
        leaves[0, leaf] = rule.learning_rate * newton(rule, leaves[0, leaf], leaves[1, leaf])
    for i in range(n_first):
        for j in range(n_second):
            delta[i * n_second + j] = leaves[0, _leaf(kind, i <= row, j <= column)]


@inner
def _leaf(kind, low_row, low_column):
    if kind == _LOW_COLUMNS or kind == _HIGH_COLUMNS:
        cut_further = low_column == (kind == _LOW_COLUMNS)
        return (0 if low_row else 1) if cut_further else 2
    cut_further = low_row == (kind == _LOW_ROWS)
    return (0 if low_column else 1) if cut_further else 2
