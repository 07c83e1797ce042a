"""How one boosting step parts the table of a pair, and what it adds in each part.

A tree of three leaves: one cut on one feature, then a cut on the other feature on one of the two
sides. With two features to start with and two sides to go on with, there are four kinds of tree.
"""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import inner
from glassbox.solvers._boosting.partition import leaf_sums, newton, random_below

#: The kinds of tree, in the order in which ties are broken: the first cut is on the second
#: feature and its low side is cut further, its high side is; the same with the first feature.
LOW_COLUMNS, HIGH_COLUMNS, LOW_ROWS, HIGH_ROWS = range(4)


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
                bits |= 1 << LOW_COLUMNS
            if min(top_right, bottom_right, left) >= enough:
                bits |= 1 << HIGH_COLUMNS
            if min(top_left, top_right, total - top) >= enough:
                bits |= 1 << LOW_ROWS
            if min(bottom_left, bottom_right, top) >= enough:
                bits |= 1 << HIGH_ROWS
            legal[i * n_second + j] = bits


@inner
def random_quadrants(rule, pull, mass, here, n_first, n_second, random, rate, delta):
    """Cut both features anywhere; the gain of that is not counted.

    `rate` is the learning rate.
    """
    row = random_below(random, n_first - 1) if n_first > 1 else 0
    column = random_below(random, n_second - 1) if n_second > 1 else 0
    pulls, masses = np.empty(4), np.empty(4)
    for k in range(len(pull)):
        pulls[:], masses[:] = 0.0, 0.0
        for i in range(n_first):
            side = 2 * (i > row)
            start, end = here.start + i * n_second, here.start + (i + 1) * n_second
            middle = start + min(column + 1, n_second)
            for q, first, last in ((side, start, middle), (side + 1, middle, end)):
                more_pull, more_mass = leaf_sums(pull[k], mass[k], first, last)
                pulls[q] += more_pull
                masses[q] += more_mass
        for q in range(4):
            pulls[q] = rate * newton(rule, pulls[q], masses[q])
        for i in range(n_first):
            side = 2 * (i > row)
            start = i * n_second
            delta[k, start : start + column + 1] = pulls[side]
            delta[k, start + column + 1 : start + n_second] = pulls[side + 1]
    return 0.0


@inner
def fill_tree(rule, pulls, masses, n_first, n_second, kind, row, column, delta):
    """Newton steps of the three leaves, from sums over all cells above and to the left."""
    n_cells = n_first * n_second
    here, top = row * n_second + column, row * n_second + n_second - 1
    left = n_cells - n_second + column
    by_columns = kind == LOW_COLUMNS or kind == HIGH_COLUMNS
    low = kind == LOW_COLUMNS or kind == LOW_ROWS
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
