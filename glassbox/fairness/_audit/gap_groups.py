"""What each term adds to the difference of two groups' mean scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassbox.fairness._audit.groupings import largest
from glassbox.fairness._audit.row_resamples import RowResamples, percentiles

MINUS = "\N{MINUS SIGN}"

#: A contrast, its gaps with lower and upper ends, each of shape (n_columns,), and a reason.
Contrast = tuple[str, np.ndarray, np.ndarray, np.ndarray, str]


def group_gaps(
    values: np.ndarray,
    levels: tuple[str, ...],
    codes: np.ndarray,
    weights: np.ndarray,
    resamples: RowResamples,
    reference: int,
    rows_in: np.ndarray,
) -> Iterator[Contrast]:
    """Differences of means of every column, each group less the reference.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Contributions, and scores.
    levels : tuple of str
    codes : ndarray of int, shape (n_rows,)
    weights : ndarray of shape (n_rows,)
    resamples : RowResamples
    reference : int
        Number of the group that others are compared with.
    rows_in : ndarray of bool, shape (n_rows,)
        The stratum.
    """
    codes = np.where(rows_in & (weights > 0), codes, -1)
    columns = weights[:, None] * np.column_stack([np.ones(len(values)), values])
    sums = np.stack([columns[codes == k].sum(axis=0) for k in range(len(levels))])
    means = _means(sums)
    resampled = _means(resamples.sums(codes, len(levels), columns))
    for k, level in enumerate(levels):
        if k == reference:
            continue
        lower, upper = percentiles(resampled[:, k] - resampled[:, reference])
        reason = next((f"no rows of {levels[j]!r}" for j in (k, reference) if not sums[j, 0]), "")
        contrast = contrast_name(level, levels[reference])
        yield contrast, means[k] - means[reference], lower, upper, reason


def contrast_name(level: str, reference: str) -> str:
    """What the difference of two groups is called."""
    return f"{level} {MINUS} {reference}"


def reference_group(levels: tuple[str, ...], codes: np.ndarray, weights: np.ndarray) -> int:
    """The largest group whose value is known."""
    return largest(levels, np.bincount(codes, weights=weights, minlength=len(levels)))


def _means(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 1:] / sums[..., :1]
