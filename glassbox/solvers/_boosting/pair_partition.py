"""How one boosting step parts the table of a pair, and what it adds in each part.

A tree of three leaves: one cut on one feature, then a cut on the other feature on one of the two
sides. With two features to start with and two sides to go on with, there are four kinds of tree.
"""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import inner, spliced
from glassbox.solvers._boosting.partition import leaf_sums, newton, random_below

#: The kinds of tree, in the order in which ties are broken: the first cut is on the second
#: feature and its low side is cut further, its high side is; the same with the first feature.
LOW_COLUMNS, HIGH_COLUMNS, LOW_ROWS, HIGH_ROWS = range(4)
_ALL = 0b1111


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
    counts = np.empty(n_first * n_second)
    accumulate(rows, n_first, n_second, counts)
    total, lefts = counts[len(counts) - 1], counts[len(counts) - n_second : len(counts) - 1]
    legal[:] = 0
    for i in range(n_first - 1):
        start, end = i * n_second, (i + 1) * n_second - 1
        legal[start:end] = _ALL
        strike_out(
            max(min_rows, 1), counts[end], total, lefts, counts[start:end], legal[start:end]
        )


@spliced
def strike_out(least, top, total, lefts, here, legal):
    """Trees are not legal of which a leaf holds too little."""
    for j in range(len(here)):
        m0, m1, m2 = here[j], top - here[j], lefts[j] - here[j]
        m3 = total - top - m2
        e0, e1, e2, e3 = m0 >= least, m1 >= least, m2 >= least, m3 >= least
        low_columns = (e0 & e2 & (total - lefts[j] >= least)) << LOW_COLUMNS
        high_columns = (e1 & e3 & (lefts[j] >= least)) << HIGH_COLUMNS
        low_rows = (e0 & e1 & (total - top >= least)) << LOW_ROWS
        high_rows = (e2 & e3 & (top >= least)) << HIGH_ROWS
        legal[j] &= low_columns | high_columns | low_rows | high_rows


@spliced
def accumulate(values, n_first, n_second, sums):
    """Sums over all cells above and to the left, the cell included; in place, if one likes."""
    for i in range(n_first):
        start = i * n_second
        along = 0.0
        here, row = values[start : start + n_second], sums[start : start + n_second]
        for j in range(n_second):
            along += here[j]
            row[j] = along
        if i > 0:
            above = sums[start - n_second : start]
            for j in range(n_second):
                row[j] += above[j]


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
