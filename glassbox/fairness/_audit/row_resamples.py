"""Bootstrap resamples of rows that many figures share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glassbox.evaluation.estimates import LEVEL

# Row numbers that are drawn at a time: a few resamples of a table of ordinary size.
_DRAWS = 1 << 20


@dataclass(frozen=True)
class RowResamples:
    """Resamples of the rows, drawn with replacement; the same ones whenever they are asked for.

    They are drawn again for each use, which is quick, and never kept, which would take memory.

    Parameters
    ----------
    n_rows : int
    n_resamples : int
    seed : int

    Examples
    --------
    >>> resamples = RowResamples(4, 3, seed=0)
    >>> resamples.tables(np.array([0, 1, 1, -1]), 2).shape
    (3, 2)
    """

    n_rows: int
    n_resamples: int
    seed: int

    def _drawn(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self.seed)
        size = max(1, _DRAWS // self.n_rows)
        for done in range(0, self.n_resamples, size):
            shape = (min(size, self.n_resamples - done), self.n_rows)
            yield rng.integers(self.n_rows, size=shape, dtype=np.int32)

    def _counts(self) -> Iterator[np.ndarray]:
        for drawn in self._drawn():
            yield _tables(drawn, self.n_rows).astype(np.float64)

    def tables(self, codes: np.ndarray, n_cells: int) -> np.ndarray:
        """How many rows of each resample have each code, shape (n_resamples, n_cells).

        Rows with negative codes are left out.
        """
        # One more cell takes the rows that are left out.
        codes = np.where(codes < 0, n_cells, codes)
        found = [_tables(codes[drawn], n_cells + 1)[:, :n_cells] for drawn in self._drawn()]
        return np.concatenate([np.empty((0, n_cells), dtype=np.int64), *found])

    def sums(self, codes: np.ndarray, n_groups: int, columns: np.ndarray) -> np.ndarray:
        """Column sums by group, shape (n_resamples, n_groups, n_columns).

        Rows with negative codes are left out.
        """
        members = [np.flatnonzero(codes == group) for group in range(n_groups)]
        parts = [np.ascontiguousarray(columns[rows]) for rows in members]
        found = [
            np.stack([counts[:, r] @ part for r, part in zip(members, parts, strict=True)], axis=1)
            for counts in self._counts()
        ]
        return np.concatenate([np.empty((0, n_groups, columns.shape[1])), *found])

    def products(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Cross products of two tables' columns, shape (n_resamples, n_left, n_right)."""
        left = np.ascontiguousarray(left.T)
        found = [(left * each) @ right for counts in self._counts() for each in counts]
        return np.array(found).reshape(-1, len(left), right.shape[1])


def _tables(codes: np.ndarray, n_cells: int) -> np.ndarray:
    flat = codes + n_cells * np.arange(len(codes))[:, None]
    return np.bincount(flat.ravel(), minlength=len(codes) * n_cells).reshape(-1, n_cells)


def percentiles(resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval over the first axis; NaN where there is no finite value."""
    shape = resampled.shape[1:]
    if not len(resampled):
        return np.full(shape, np.nan), np.full(shape, np.nan)
    finite = np.where(np.isfinite(resampled), resampled, np.nan)
    empty = np.isnan(finite).all(axis=0)
    finite[:, empty] = 0.0
    levels = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    lower, upper = (
        np.nanquantile(finite, levels, axis=0)
        if np.isnan(finite).any()
        else np.quantile(finite, levels, axis=0)
    )
    return np.where(empty, np.nan, lower), np.where(empty, np.nan, upper)


def centred_percentiles(
    observed: np.ndarray, resampled: np.ndarray, least: float, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles less the bias that redrawing rows adds, kept between two bounds.

    For figures such as the largest of several differences, which sampling makes larger and
    resampling makes larger once more.
    """
    lower, upper = percentiles(resampled)
    if not len(resampled):
        return lower, upper
    finite = np.where(np.isfinite(resampled), resampled, np.nan)
    known = ~np.isnan(finite).all(axis=0)
    means = np.nansum(finite, axis=0) / np.maximum((~np.isnan(finite)).sum(axis=0), 1)
    bias = np.where(known, means - observed, np.nan)
    return np.clip(lower - bias, least, most), np.clip(upper - bias, least, most)
