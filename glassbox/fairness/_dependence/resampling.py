"""Tables of score by attribute: as observed, with the attribute permuted, with rows redrawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassbox.fairness._dependence.kernels import gaussian_columns, median_distance

#: Cells of a score beside groups, and of each side in a table of two amounts. Both nest in the
#: bins below.
MOST_BESIDE_GROUPS = 2_000
MOST_CELLS = 250
#: Bins for what is defined on bins.
N_BINS = 10

# Numbers that tables of one batch hold: few enough for the processor's cache.
_BATCH = 1 << 18


@dataclass(frozen=True, eq=False)
class Cells:
    """Where on one side of a table each row stands.

    Attributes
    ----------
    codes : ndarray of int, shape (n_rows,)
        Number of each row's cell.
    values : ndarray of float, shape (n_cells,), or None
        Increasing, in units of ``scale``, with mean zero over the rows; None for groups.
    bins : ndarray of int, shape (n_cells,)
        Number of each cell's bin, not decreasing.
    scale : float
        Standard deviation of the rows.
    basis : ndarray of shape (n_cells, n_columns), or None
        Means over each cell of columns that span what the attribute can explain; None for groups.
    """

    codes: np.ndarray
    values: np.ndarray | None
    bins: np.ndarray
    scale: float = 1.0
    basis: np.ndarray | None = None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.bins)

    @cached_property
    def gaps(self) -> np.ndarray:
        """Distances of neighbouring cells."""
        return np.diff(self.values)

    @cached_property
    def kernel_columns(self) -> np.ndarray:
        """Columns of the Gaussian kernel, its bandwidth the median distance of the rows."""
        return gaussian_columns(self.values, median_distance(self.values[self.codes]))


def amount_cells(
    values: np.ndarray, most: int | None = None, basis: np.ndarray | None = None
) -> Cells:
    """Cells of numbers: one for each value, or quantiles where there are more than ``most``.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Not all the same; NaN for missing, which is then a cell of its own, with value NaN.
    most : int, optional
    basis : ndarray of shape (n_rows, n_columns), optional

    Examples
    --------
    >>> cells = amount_cells(np.array([3.0, 1.0, 3.0, 5.0]))
    >>> cells.codes, cells.values * cells.scale
    (array([1, 0, 1, 2]), array([-2.,  0.,  2.]))
    """
    known = ~np.isnan(values)
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    n_known = int(known.sum())
    ends = np.cumsum(counts)
    middles = ((ends - counts / 2) / n_known)[: codes[known].max() + 1]
    if most is not None and len(middles) > most:
        _, merged = np.unique((middles * most).astype(int), return_inverse=True)
        codes = np.append(merged, merged[-1] + 1)[codes]
        counts = np.bincount(codes[known])
        middles = (np.cumsum(counts) - counts / 2) / n_known
    _, bins = np.unique((middles * N_BINS).astype(int), return_inverse=True)
    centre, scale = float(values[known].mean()), float(values[known].std())
    sizes = np.bincount(codes)
    means = np.bincount(codes, weights=(values - centre) / scale) / sizes
    if not known.all():
        bins = np.append(bins, bins[-1] + 1)
    if basis is not None:
        basis = np.column_stack([np.bincount(codes, weights=column) for column in basis.T])
        basis /= sizes[:, None]
    return Cells(codes, means, bins, scale, basis)


def group_cells(codes: np.ndarray) -> Cells:
    """Cells of groups: one for each that occurs."""
    present, codes = np.unique(codes, return_inverse=True)
    return Cells(codes, None, np.arange(len(present)))


def observed_table(score: Cells, attribute: Cells) -> np.ndarray:
    """Counts of rows, shape (1, n_attribute_cells, n_score_cells)."""
    return _count((attribute.codes * score.n_cells + score.codes)[None], score, attribute)


def permuted_tables(
    score: Cells, attribute: Cells, n_permutations: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Batches of tables in which every row has the attribute of another."""
    for size in _batches(score, attribute, n_permutations):
        rows = np.broadcast_to(attribute.codes * score.n_cells, (size, len(attribute.codes)))
        yield _count(rng.permuted(rows, axis=1) + score.codes, score, attribute)


def bootstrap_tables(
    score: Cells, attribute: Cells, n_bootstrap: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Batches of tables of as many rows, drawn with replacement."""
    cells = attribute.codes * score.n_cells + score.codes
    for size in _batches(score, attribute, n_bootstrap):
        yield _count(cells[rng.integers(len(cells), size=(size, len(cells)))], score, attribute)


def _batches(score: Cells, attribute: Cells, n: int) -> Iterator[int]:
    rows_or_cells = max(len(score.codes), score.n_cells * attribute.n_cells)
    size = max(1, _BATCH // rows_or_cells)
    yield from (min(size, n - done) for done in range(0, n, size))


def _count(cells: np.ndarray, score: Cells, attribute: Cells) -> np.ndarray:
    """Tables from the number of each row's cell, shape (n_tables, n_rows)."""
    shape = (len(cells), attribute.n_cells, score.n_cells)
    each = attribute.n_cells * score.n_cells
    flat = cells + each * np.arange(len(cells))[:, None]
    return np.bincount(flat.ravel(), minlength=len(cells) * each).reshape(shape)
