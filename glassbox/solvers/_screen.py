"""Which pairs of features are worth a term: a screen on what the main effects left over.

Each pair is cut into a small grid of cells; the working residuals of a fit without pairs are
summed up in every cell. If no pair mattered, the sum of squares that the cells explain beyond
their rows and columns would follow a chi-squared distribution, so that pairs of features with
many and with few cells compare fairly, by p-value.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.stats import chi2

from glassbox.core.additive import Columns, row_blocks
from glassbox.solvers._families import Family
from glassbox.solvers._quantiles import weighted_quantiles

_CELLS_PER_AXIS = 8


def rank_pairs(
    columns: Columns,
    candidates: Sequence[str],
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    predictor: np.ndarray,
) -> list[tuple[str, str]]:
    """All pairs of the candidates, the most promising first.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Typed columns.
    candidates : sequence of str
        Names of columns that may take part.
    y, weights : ndarray of shape (n_rows,)
    family : Family
    predictor : ndarray of shape (n_rows, n_predictors)
        Of a fit without pairs.

    Returns
    -------
    list of pairs of str
    """
    cells = {name: _cells(columns[name], weights) for name in candidates}
    pairs = list(combinations(candidates, 2))
    n_predictors = predictor.shape[1]
    sums = np.zeros((len(pairs), 2, n_predictors, (_CELLS_PER_AXIS + 1) ** 2))
    pearson = 0.0
    for rows in row_blocks(len(y)):
        fit = family.local_fit(y[rows], predictor[rows], weights[rows])
        pearson += fit.pearson
        for p, (first, second) in enumerate(pairs):
            cell = cells[first][rows] * (_CELLS_PER_AXIS + 1) + cells[second][rows]
            for a in range(n_predictors):
                for kind, value in enumerate((fit.slope[:, a], fit.curvature[:, a, a])):
                    sums[p, kind, a] += np.bincount(cell, value, sums.shape[-1])
    dispersion = 1.0 if family.dispersion_known else max(pearson / weights.sum(), 1e-300)
    promise = [_log_p_value(table, dispersion) for table in sums]
    return [pairs[p] for p in np.argsort(promise, kind="stable")]


def _cells(column: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Cell numbers from 1; 0 where the value is missing."""
    if column.dtype.kind == "f":
        present = ~np.isnan(column)
        if not present.any():
            return np.zeros(len(column), dtype=np.int64)
        shares = np.arange(1, _CELLS_PER_AXIS) / _CELLS_PER_AXIS
        cuts = np.unique(weighted_quantiles(column[present], weights[present], shares))
        return np.where(present, 1 + np.searchsorted(cuts, column, side="left"), 0)
    counts = np.bincount(column[column >= 0], weights[column >= 0])
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    rank = np.minimum(rank, _CELLS_PER_AXIS - 1)
    return np.where(column >= 0, 1 + np.append(rank, 0)[column], 0)


def _log_p_value(sums: np.ndarray, dispersion: float) -> float:
    size = _CELLS_PER_AXIS + 1
    slope, curvature = (table.reshape(-1, size, size)[:, 1:, 1:] for table in sums)
    explained, freedom = _explained(slope, curvature)
    for axis in (1, 2):
        by_rows, cells = _explained(slope.sum(axis=axis), curvature.sum(axis=axis))
        explained, freedom = explained - by_rows, freedom - cells
    freedom += len(slope)
    if freedom < 1:
        return 0.0
    return float(chi2.logsf(max(explained, 0.0) / dispersion, freedom))


def _explained(slope: np.ndarray, curvature: np.ndarray) -> tuple[float, int]:
    used = curvature > 0
    return float(np.sum(slope[used] ** 2 / curvature[used])), int(used.sum())
