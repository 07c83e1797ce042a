"""Which pairs are worth a table: the best cut of each pair in four (FAST).

References
----------
Lou, Caruana, Gehrke & Hooker (2013), "Accurate intelligible models with pairwise interactions",
KDD 2013:623-631.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassbox.solvers._boosting._compiled import entry, inner, larger, spliced
from glassbox.solvers._boosting.pair_partition import accumulate
from glassbox.solvers._boosting.partition import IMPOSSIBLE, TINY, StepRule, worth
from glassbox.solvers._boosting.terms import BinnedFeature, smallest_type
from glassbox.solvers._boosting.threads import Threads

#: Additions to a cell of a pair that are affordable.
_MOST_ADDITIONS = 4_000_000_000
_FEWEST_ROWS = 10_000


def n_rows_to_screen(n_rows: int, n_pairs: int) -> int:
    """How many rows a screen of so many pairs can afford to read."""
    return min(n_rows, max(_MOST_ADDITIONS // max(n_pairs, 1), _FEWEST_ROWS))


def pair_strengths(
    features: Sequence[BinnedFeature],
    pairs: Sequence[tuple[int, int]],
    residuals: np.ndarray,
    curvatures: np.ndarray,
    rule: StepRule,
    threads: Threads,
) -> np.ndarray:
    """How much one cut of both features would lower the loss, for each pair.

    Parameters
    ----------
    features : sequence of BinnedFeature
    pairs : sequence of (int, int)
    residuals, curvatures : ndarray of shape (n_rows, n_outputs)
        Of the first rows of the features.
    rule : StepRule
    threads : Threads

    Returns
    -------
    ndarray of shape (n_pairs,)
    """
    sizes = np.array([feature.n_bins for feature in features])
    codes = np.array(
        [feature.codes[: len(residuals)] for feature in features], dtype=smallest_type(sizes.max())
    )
    numbers = np.array(pairs).reshape(-1, 2)
    strengths = np.zeros(len(numbers))
    parts = np.array_split(np.arange(len(numbers)), min(len(numbers), 64))

    def measure(part: np.ndarray) -> None:
        _measure(codes, sizes, numbers[part], residuals, curvatures, rule, strengths, part[0])

    threads.map(measure, [part for part in parts if len(part)])
    return strengths


@entry
def _measure(codes, sizes, pairs, residuals, curvatures, rule, strengths, first):
    n_rows, n_outputs = residuals.shape
    largest = 0
    for size in sizes:
        largest = max(largest, size)
    sums = np.empty((2 * n_outputs + 1, largest * largest))
    gains = np.empty(largest)
    for p in range(len(pairs)):
        a, b = pairs[p]
        n_second = sizes[b]
        n_cells = sizes[a] * n_second
        sums[:, :n_cells] = 0.0
        for k in range(n_outputs):
            _count(
                codes[a], codes[b], n_second, residuals[:, k], curvatures[:, k], sums[2 * k],
                sums[2 * k + 1],
            )  # fmt: skip
        of_rows = sums[2 * n_outputs]
        for r in range(n_rows):
            of_rows[np.uint32(codes[a, r]) * np.uint32(n_second) + np.uint32(codes[b, r])] += 1.0
        for s in range(len(sums)):
            accumulate(sums[s], sizes[a], n_second, sums[s])
        strengths[first + p] = _best_quadrants(rule, sums, n_cells, n_second, gains)


@inner
def _count(first, second, n_second, residuals, curvatures, pulls, masses):
    """Add residuals and curvatures to the cells of a table."""
    for r in range(len(residuals)):
        cell = np.uint32(first[r]) * np.uint32(n_second) + np.uint32(second[r])
        pulls[cell] += residuals[r]
        masses[cell] += curvatures[r]


@inner
def _best_quadrants(rule, sums, n_cells, n_second, gains):
    """The largest gain of cutting both features once, from sums over all cells up to each."""
    total = n_cells - 1
    lefts = slice(n_cells - n_second, total)
    n_outputs = len(sums) // 2
    enough = max(rule.min_rows, 1)
    least = max(rule.min_hessian, TINY)
    gains = gains[: n_second - 1]
    parent = 0.0
    for k in range(n_outputs):
        parent += worth(rule, sums[2 * k, total], sums[2 * k + 1, total])
    best = parent
    for start in range(0, n_cells - n_second, n_second):
        end = start + n_second - 1
        gains[:] = 0.0
        for s in range(n_outputs):
            pulls, masses = sums[2 * s], sums[2 * s + 1]
            _add_quadrants(
                rule, pulls[start:end], masses[start:end], pulls[lefts], masses[lefts],
                pulls[end], masses[end], pulls[total], masses[total], gains,
            )  # fmt: skip
            _strike_out(least, masses[start:end], masses[lefts], masses[end], masses[total], gains)
        rows = sums[2 * n_outputs]
        _strike_out(enough, rows[start:end], rows[lefts], rows[end], rows[total], gains)
        for j in range(len(gains)):
            best = larger(best, gains[j])
    return best - parent


@spliced
def _add_quadrants(
    rule, pulls, masses, left_pulls, left_masses, top_pull, top_mass, pull, mass, gains
):  # fmt: skip
    """Add what four parts are worth, cut after one row and any column."""
    for j in range(len(gains)):
        p2, m2 = left_pulls[j] - pulls[j], left_masses[j] - masses[j]
        gain = worth(rule, pulls[j], masses[j]) + worth(rule, p2, m2)
        gain += worth(rule, top_pull - pulls[j], top_mass - masses[j])
        gains[j] += gain + worth(rule, pull - top_pull - p2, mass - top_mass - m2)


@spliced
def _strike_out(least, here, lefts, top, total, gains):
    """Four parts are none if one of them is too small."""
    for j in range(len(gains)):
        under = lefts[j] - here[j]
        enough = (here[j] >= least) & (top - here[j] >= least)
        enough &= (under >= least) & (total - top - under >= least)
        gains[j] = gains[j] if enough else IMPOSSIBLE
