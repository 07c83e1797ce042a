"""Which tree of three leaves is worth most in the table of a pair."""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import inner, larger, spliced
from glassbox.solvers._boosting.pair_partition import (
    HIGH_COLUMNS,
    HIGH_ROWS,
    LOW_COLUMNS,
    LOW_ROWS,
    accumulate,
    fill_tree,
    strike_out,
)
from glassbox.solvers._boosting.partition import (
    IMPOSSIBLE,
    TINY,
    inverse_curvature,
    is_plain,
    no_step,
    worth,
    worth_over,
)

#: Cuts of both features part a table in four.
QUARTERS = 4
#: Gains that differ by less may be equal.
_ROUNDING = 1e-9


@inner
def weigh_trees(rule, mass, here, n_first, n_second, legal, up_to, inverses):
    """What the masses of a table say about every tree, and which trees are legal.

    Parameters
    ----------
    rule : StepRule
    mass : ndarray of shape (n_outputs, n_cells)
    here : slice
        The table, row by row, among all cells.
    n_first, n_second : int
        Bins of the two features.
    legal : ndarray of uint8, shape (n_cells,)
        From :func:`legal_trees`; changed: trees need enough mass in every leaf, too.
    up_to : ndarray of shape (n_outputs, n_cells)
        Written: the mass of the cells above and to the left, the cell included.
    inverses : ndarray of shape (n_outputs * QUARTERS, n_cells)
        Written: inverse curvatures of the quarters of cuts after each row and column.
    """
    least = max(rule.min_hessian, TINY)
    for k in range(len(mass)):
        sums = up_to[k, here]
        accumulate(mass[k, here], n_first, n_second, sums)
        total, lefts = sums[len(sums) - 1], sums[len(sums) - n_second : len(sums) - 1]
        for i in range(n_first - 1):
            start, end = i * n_second, (i + 1) * n_second - 1
            top, masses = sums[end], sums[start:end]
            cuts = slice(here.start + start, here.start + end)
            # A loop writes one array: of more, compilers do not see whether they overlap.
            q = QUARTERS * k
            _invert(rule, least, 0.0, 0.0, lefts, 1.0, masses, inverses[q, cuts])
            _invert(rule, least, top, 0.0, lefts, -1.0, masses, inverses[q + 1, cuts])
            _invert(rule, least, 0.0, 1.0, lefts, -1.0, masses, inverses[q + 2, cuts])
            _invert(rule, least, total - top, -1.0, lefts, 1.0, masses, inverses[q + 3, cuts])
            strike_out(least, top, total, lefts, masses, legal[cuts])


@spliced
def _invert(rule, least, rest, of_left, lefts, of_here, here, inverse):
    """Inverse curvatures of the leaves whose masses are such sums."""
    for j in range(len(here)):
        mass = rest + of_left * lefts[j] + of_here * here[j]
        inverse[j] = inverse_curvature(rule, mass, least)


@inner
def best_tree(
    rule, pull, mass, here, n_first, n_second, legal, up_to, inverses, room, delta
):  # fmt: skip
    """Cut a table into the three parts that are worth most.

    Parameters
    ----------
    rule : StepRule
    pull, mass : ndarray of shape (n_outputs, n_cells)
    here : slice
        The table, row by row, among all cells.
    n_first, n_second : int
        Bins of the two features.
    legal, up_to, inverses : ndarray
        From :func:`weigh_trees`.
    room : ndarray of shape (1 + 3 * n_outputs, n_first * n_second) at least
        Room to work in.
    delta : ndarray of shape (n_outputs, n_first * n_second) at least
        Written: what the step adds in each cell.

    Returns
    -------
    float
        The gain.
    """
    n_outputs = len(pull)
    n_cells = n_first * n_second
    last_row = n_cells - n_second
    parent = 0.0
    for k in range(n_outputs):
        sums, masses = room[3 * k, :n_cells], up_to[k, here]
        accumulate(pull[k, here], n_first, n_second, sums)
        parent += worth(rule, sums[n_cells - 1], masses[n_cells - 1])
        # What is left and right of each column, from the last row.
        _worths_on_both_sides(
            rule, sums[last_row:], masses[last_row:], room[3 * k + 1], room[3 * k + 2]
        )
    best, kind, row, column = 0.0, -1, 0, 0
    of_rows = room[3 * n_outputs, : n_first - 1]
    highest = _best_of_rows(rule, here, n_second, legal, up_to, inverses, room, of_rows)
    for i in range(n_first - 1):
        if of_rows[i] < highest * (1.0 - _ROUNDING):
            continue
        gain, found, at = _first_best(rule, here, i, n_second, legal, up_to, inverses, room)
        # Between equals, the kind comes first, then the feature that is cut first.
        by_columns = found == LOW_COLUMNS or found == HIGH_COLUMNS
        earlier = found < kind or (found == kind and by_columns and at < column)
        if gain > best or (gain == best and earlier):
            best, kind, row, column = gain, found, i, at
    gain = best - parent
    if kind < 0 or gain < TINY:
        no_step(rule, pull, mass, here, delta)
        return 0.0
    for k in range(n_outputs):
        fill_tree(
            rule, room[3 * k], up_to[k, here], n_first, n_second, kind, row, column, delta[k]
        )
    return gain


@inner
def _worths_on_both_sides(rule, pulls, masses, left, right):
    """What the columns up to each are worth, and those after it."""
    all_pull, all_mass = pulls[len(pulls) - 1], masses[len(pulls) - 1]
    for j in range(len(pulls) - 1):
        left[j] = worth(rule, pulls[j], masses[j])
    for j in range(len(pulls) - 1):
        right[j] = worth(rule, all_pull - pulls[j], all_mass - masses[j])


@inner
def _best_of_rows(rule, here, n_second, legal, up_to, inverses, room, best):
    """Write what the best tree is worth that cuts after each row, and return the highest.

    Only of tables with one output; of others, any may be.
    """
    if len(up_to) > 1:
        best[:] = np.inf
        return 0.0
    highest = 0.0
    for i in range(len(best)):
        start, end = i * n_second, (i + 1) * n_second - 1
        best[i] = _best_of_row(
            rule, start, end, here.stop - here.start - 1, n_second, room, up_to[0, here],
            legal[here.start + start : here.start + end],
            inverses[0, here.start + start : here.start + end],
            inverses[1, here.start + start : here.start + end],
            inverses[2, here.start + start : here.start + end],
            inverses[3, here.start + start : here.start + end],
        )  # fmt: skip
        highest = larger(highest, best[i])
    return highest


@spliced
def _best_of_row(
    rule, start, end, total, n_second, room, masses, bits, first, second, third, fourth
):  # fmt: skip
    """What the best tree is worth that cuts after one row."""
    plain = is_plain(rule)
    sums, left, right = room[0], room[1], room[2]
    pulls, lefts = sums[start:end], sums[total + 1 - n_second : total]
    top, rest = sums[end], sums[total] - sums[end]
    above = worth(rule, top, masses[end])
    below = worth(rule, rest, masses[total] - masses[end])
    best = 0.0
    for j in range(len(pulls)):
        p0, p2 = pulls[j], lefts[j] - pulls[j]
        w0 = _worth(rule, plain, p0, first[j])
        w1 = _worth(rule, plain, top - p0, second[j])
        w2 = _worth(rule, plain, p2, third[j])
        w3 = _worth(rule, plain, rest - p2, fourth[j])
        a = w0 + w2 + right[j] if bits[j] & (1 << LOW_COLUMNS) else IMPOSSIBLE
        b = w1 + w3 + left[j] if bits[j] & (1 << HIGH_COLUMNS) else IMPOSSIBLE
        c = w0 + w1 + below if bits[j] & (1 << LOW_ROWS) else IMPOSSIBLE
        d = w2 + w3 + above if bits[j] & (1 << HIGH_ROWS) else IMPOSSIBLE
        best = larger(best, larger(larger(a, b), larger(c, d)))
    return best


@inner
def _first_best(rule, here, i, n_second, legal, up_to, inverses, room):
    """The first of the best trees that cut after a row: its worth, its kind, and the column."""
    start, end, total = i * n_second, (i + 1) * n_second - 1, here.stop - here.start - 1
    plain = is_plain(rule)
    best, kind, column = 0.0, -1, 0
    for j in range(n_second - 1):
        cell = here.start + start + j
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for k in range(len(up_to)):
            sums, masses = room[3 * k], up_to[k, here]
            q = QUARTERS * k
            top, rest = sums[end], sums[total] - sums[end]
            p0 = sums[start + j]
            p2 = sums[total + 1 - n_second + j] - p0
            w0 = _worth(rule, plain, p0, inverses[q, cell])
            w1 = _worth(rule, plain, top - p0, inverses[q + 1, cell])
            w2 = _worth(rule, plain, p2, inverses[q + 2, cell])
            w3 = _worth(rule, plain, rest - p2, inverses[q + 3, cell])
            a += w0 + w2 + room[3 * k + 2, j]
            b += w1 + w3 + room[3 * k + 1, j]
            c += w0 + w1 + worth(rule, rest, masses[total] - masses[end])
            d += w2 + w3 + worth(rule, top, masses[end])
        for q, gain in enumerate((a, b, c, d)):
            if not legal[cell] & (1 << q):
                continue
            if gain > best or (gain == best and q < kind):
                best, kind, column = gain, q, j
    return best, kind, column


@inner
def _worth(rule, plain, pull, inverse):
    return pull * pull * inverse if plain else worth_over(rule, pull, inverse)
