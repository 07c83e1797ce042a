"""Which pairs are worth a table: the best cut of each pair in four (FAST).

References
----------
Lou, Caruana, Gehrke & Hooker (2013), "Accurate intelligible models with pairwise interactions",
KDD 2013:623-631.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassbox.solvers._boosting._compiled import entry, inner
from glassbox.solvers._boosting.partition import TINY, StepRule, worth
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
    sums = np.empty((2 * n_outputs + 1, largest, largest))
    for p in range(len(pairs)):
        a, b = pairs[p]
        n_first, n_second = sizes[a], sizes[b]
        for s in range(len(sums)):
            for i in range(n_first):
                for j in range(n_second):
                    sums[s, i, j] = 0.0
        for r in range(n_rows):
            i, j = codes[a, r], codes[b, r]
            sums[2 * n_outputs, i, j] += 1.0
            for k in range(n_outputs):
                sums[2 * k, i, j] += residuals[r, k]
                sums[2 * k + 1, i, j] += curvatures[r, k]
        for s in range(len(sums)):
            for i in range(n_first):
                along = 0.0
                for j in range(n_second):
                    along += sums[s, i, j]
                    sums[s, i, j] = along + (sums[s, i - 1, j] if i > 0 else 0.0)
        strengths[first + p] = _best_quadrants(rule, sums, n_first, n_second)


@inner
def _best_quadrants(rule, sums, n_first, n_second):
    """The largest gain of cutting both features once, from sums over all cells up to each."""
    enough = max(rule.min_rows, 1)
    least = max(rule.min_hessian, TINY)
    n_outputs = len(sums) // 2
    best = 0.0
    for i in range(n_first - 1):
        for j in range(n_second - 1):
            gain = 0.0
            for s in range(2 * n_outputs, -1, -2):
                low, top = sums[s, i, j], sums[s, i, n_second - 1]
                left, total = sums[s, n_first - 1, j], sums[s, n_first - 1, n_second - 1]
                if s == 2 * n_outputs:
                    fewest = min(low, top - low, left - low, total - top - left + low)
                    if fewest < enough:
                        gain = -1.0
                        break
                    continue
                mass, mass_top = sums[s + 1, i, j], sums[s + 1, i, n_second - 1]
                mass_left = sums[s + 1, n_first - 1, j]
                mass_total = sums[s + 1, n_first - 1, n_second - 1]
                last = mass_total - mass_top - mass_left + mass
                if min(mass, mass_top - mass, mass_left - mass, last) < least:
                    gain = -1.0
                    break
                gain += worth(rule, low, mass) + worth(rule, top - low, mass_top - mass)
                gain += worth(rule, left - low, mass_left - mass)
                gain += worth(rule, total - top - left + low, last)
                gain -= worth(rule, total, mass_total)
            best = max(best, gain)
    return best
