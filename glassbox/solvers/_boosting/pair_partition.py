"""Where one boosting step cuts the table of a pair, and what it adds in each part.

A tree of three leaves: one cut on one feature, then a cut on the other feature on one of the two
sides. With two features to start with and two sides to go on with, there are four kinds of tree.
"""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import inner, spliced
from glassbox.solvers._boosting.partition import (
    _IMPOSSIBLE,
    FLOOR,
    TINY,
    fill,
    newton,
    random_below,
    worth,
    worth_over,
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
def best_tree(rule, pull, mass, legal, n_first, n_second, room, trees, delta):
    """Cut a table into the three parts that are worth most.

    Parameters
    ----------
    rule : StepRule
    pull, mass : ndarray of shape (n_outputs, n_first * n_second)
    legal : ndarray of uint8, shape (n_first * n_second,)
        From :func:`legal_trees`.
    n_first, n_second : int
        Bins of the two features.
    room : ndarray of shape (4 * n_outputs, n_first * n_second) at least
    trees : ndarray of shape (4, n_first * n_second) at least
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
    last_row = n_cells - n_second
    least = max(rule.min_hessian, TINY)
    parent = 0.0
    for k in range(n_outputs):
        pulls, masses = room[2 * k], room[2 * k + 1]
        _accumulate(pull[k], n_first, n_second, pulls)
        _accumulate(mass[k], n_first, n_second, masses)
        parent += worth(rule, pulls[n_cells - 1], masses[n_cells - 1])
        # What is left and right of each column, from the last row.
        left, right = room[2 * n_outputs + 2 * k], room[2 * n_outputs + 2 * k + 1]
        _worths_on_both_sides(
            rule, pulls[last_row:n_cells], masses[last_row:n_cells], least, left, right
        )
    best = 0.0
    for i in range(n_first - 1):
        start, end = i * n_second, (i + 1) * n_second - 1
        low_columns, high_columns = trees[_LOW_COLUMNS, start:end], trees[_HIGH_COLUMNS, start:end]
        low_rows, high_rows = trees[_LOW_ROWS, start:end], trees[_HIGH_ROWS, start:end]
        for k in range(n_outputs):
            pulls, masses = room[2 * k], room[2 * k + 1]
            _add_worths(
                rule, pulls[start : end + 1], masses[start : end + 1], pulls[last_row:n_cells],
                masses[last_row:n_cells], room[2 * n_outputs + 2 * k],
                room[2 * n_outputs + 2 * k + 1], least, k == 0, low_columns, high_columns,
                low_rows, high_rows,
            )  # fmt: skip
        here = legal[start:end]
        row_best = 0.0
        for j in range(len(here)):
            bits = np.int64(here[j])
            a = low_columns[j] if bits & 1 else _IMPOSSIBLE
            b = high_columns[j] if bits & 2 else _IMPOSSIBLE
            c = low_rows[j] if bits & 4 else _IMPOSSIBLE
            d = high_rows[j] if bits & 8 else _IMPOSSIBLE
            low_columns[j], high_columns[j], low_rows[j], high_rows[j] = a, b, c, d
            a = a if a > b else b
            c = c if c > d else d
            a = a if a > c else c
            row_best = a if a > row_best else row_best
        best = max(best, row_best)
    gain = best - parent
    if best <= 0.0 or gain < TINY:
        fill(rule, pull, mass, n_cells - 1, False, 0, rule.learning_rate, delta)
        return 0.0
    kind, row, column = _first_place(trees, best, n_first, n_second)
    for k in range(n_outputs):
        _fill_tree(
            rule, room[2 * k], room[2 * k + 1], n_first, n_second, kind, row, column, delta[k]
        )
    return gain


@inner
def _worths_on_both_sides(rule, pulls, masses, least, left, right):
    """What the columns up to each are worth, and those after it."""
    all_pull, all_mass = pulls[len(pulls) - 1], masses[len(pulls) - 1]
    for j in range(len(pulls) - 1):
        left[j] = _worth_if(rule, pulls[j], masses[j], least)
        right[j] = _worth_if(rule, all_pull - pulls[j], all_mass - masses[j], least)


@spliced
def _add_worths(
    rule, pulls, masses, last_pulls, last_masses, left, right, least, first, low_columns,
    high_columns, low_rows, high_rows,
):  # fmt: skip
    """Add what the four kinds of tree are worth that cut after one row and any column.

    All arrays are rows: compilers vectorise loops over whole arrays.
    """
    end = len(pulls) - 1
    top_pull, top_mass = pulls[end], masses[end]
    rest_pull, rest_mass = last_pulls[end] - top_pull, last_masses[end] - top_mass
    top = _worth_if(rule, top_pull, top_mass, least)
    bottom = _worth_if(rule, rest_pull, rest_mass, least)
    if first:
        for j in range(end):
            low_columns[j] = high_columns[j] = low_rows[j] = high_rows[j] = 0.0
    for j in range(end):
        p0, m0 = pulls[j], masses[j]
        p1, m1 = top_pull - p0, top_mass - m0
        p2, m2 = last_pulls[j] - p0, last_masses[j] - m0
        p3, m3 = rest_pull - p2, rest_mass - m2
        c0, c1 = max(m0 + rule.reg_lambda, FLOOR), max(m1 + rule.reg_lambda, FLOOR)
        c2, c3 = max(m2 + rule.reg_lambda, FLOOR), max(m3 + rule.reg_lambda, FLOOR)
        # One division for four: divisions are what takes the time here.
        upper, lower = c0 * c1, c2 * c3
        inverse = 1.0 / (upper * lower)
        w0 = worth_over(rule, p0, c0, c1 * lower * inverse)
        w1 = worth_over(rule, p1, c1, c0 * lower * inverse)
        w2 = worth_over(rule, p2, c2, c3 * upper * inverse)
        w3 = worth_over(rule, p3, c3, c2 * upper * inverse)
        w0 = w0 if m0 >= least else _IMPOSSIBLE
        w1 = w1 if m1 >= least else _IMPOSSIBLE
        w2 = w2 if m2 >= least else _IMPOSSIBLE
        w3 = w3 if m3 >= least else _IMPOSSIBLE
        low_columns[j] += w0 + w2 + right[j]
        high_columns[j] += w1 + w3 + left[j]
        low_rows[j] += w0 + w1 + bottom
        high_rows[j] += w2 + w3 + top


@inner
def random_quadrants(rule, pull, mass, n_first, n_second, random, rate, delta):
    """Cut both features anywhere; the gain of that is not counted.

    `rate` is the learning rate.
    """
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
            sums[0, q] = rate * newton(rule, sums[0, q], sums[1, q])
        for i in range(n_first):
            for j in range(n_second):
                delta[k, i * n_second + j] = sums[0, 2 * (i > row) + (j > column)]
    return 0.0


@inner
def _worth_if(rule, pull, mass, least):
    """What a leaf is worth, if it has enough mass."""
    value = worth(rule, pull, mass)
    return value if mass >= least else _IMPOSSIBLE


@spliced
def _accumulate(values, n_first, n_second, sums):
    """Sums over all cells above and to the left, the cell included."""
    for i in range(n_first):
        row = sums[i * n_second : (i + 1) * n_second]
        here = values[i * n_second : (i + 1) * n_second]
        along = 0.0
        for j in range(n_second):
            along += here[j]
            row[j] = along
        if i > 0:
            above = sums[(i - 1) * n_second : i * n_second]
            for j in range(n_second):
                row[j] += above[j]


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
def _fill_tree(rule, pulls, masses, n_first, n_second, kind, row, column, delta):
    """Newton steps of the three leaves, from sums over all cells above and to the left."""
    n_cells = n_first * n_second
    here, top = row * n_second + column, row * n_second + n_second - 1
    left = n_cells - n_second + column
    by_columns = kind == _LOW_COLUMNS or kind == _HIGH_COLUMNS
    low = kind == _LOW_COLUMNS or kind == _LOW_ROWS
    half = left if by_columns else top
    # The side that is cut further, and its low part; sums of the high side are what is left.
    side_pull, side_mass = pulls[half], masses[half]
    part_pull, part_mass = pulls[here], masses[here]
    if not low:
        other = top if by_columns else left
        part_pull, part_mass = pulls[other] - part_pull, masses[other] - part_mass
        side_pull, side_mass = pulls[n_cells - 1] - side_pull, masses[n_cells - 1] - side_mass
    whole = newton(rule, pulls[n_cells - 1] - side_pull, masses[n_cells - 1] - side_mass)
    first = newton(rule, part_pull, part_mass)
    second = newton(rule, side_pull - part_pull, side_mass - part_mass)
    whole *= rule.learning_rate
    first *= rule.learning_rate
    second *= rule.learning_rate
    for i in range(n_first):
        cells = delta[i * n_second : (i + 1) * n_second]
        at_left = at_right = whole
        if by_columns:
            part = first if i <= row else second
            at_left, at_right = (part, whole) if low else (whole, part)
        elif (i <= row) == low:
            at_left, at_right = first, second
        for j in range(n_second):
            cells[j] = at_left if j <= column else at_right
