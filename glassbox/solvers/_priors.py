"""Local priors: how rough a shape may be, and where.

A prior says that certain combinations of a block's coefficients (differences between neighbouring
slopes, the slope of a whole line, the effect of a category) are normal with mean zero, each with
a variance of its own. The data say what the variances are; neighbours on an axis lend one another
what they know, so that a shape may be rough in one place and smooth in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter

from glassbox.core.additive import Columns
from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.solvers._penalties import curvature_differences

# Standard deviation, in knots, of the window in which neighbours share what they know. Windows of
# 1 to 4 knots recover the shapes of benchmarks/recovery.py about equally well.
_REACH = 2.0
_PAIR_REACH = 1.5
# Categories of a feature with fewer levels share one variance with those of other such features.
_FEW_LEVELS = 6
# Variances, in units of the variance of the predictor: where they start.
_START = {"curve": 1e-3, "line": 1.0, "level": 0.1, "missing": 0.1, "pair": 1e-2, "cell": 1.0}
# A line or level that doubles the odds thirty times over is not believed: the square of the
# scale of Gelman et al. (2008), Annals of Applied Statistics 2(4):1360-1383.
_LARGEST = 2.5**2
_LEAST = 1e-9
# Of the evidence for a variance, per combination: so much speaks for leaving it as it is.
_DOUBT = 1e-3
_FURTHEST_BELOW = 1e-2
# Share of a fast step, on the log scale; 0.5 to 1 recover shapes equally well.
_FAST = 0.8
# Weight of "each term has mean zero over the training rows", in numbers of training rows. It takes
# nothing from the fit: the intercept says what the means would.
_CENTRING = 1e2
# Weight, at most, of one slope's change in a curvature. Beside an outlying knot it would be as
# wide as the gap, and would hold the shape flat on its near side: with one value of 10,000 among
# 2,000 normal ones, the error of a fitted sine is .105 with it and .170 without; 3 to 100 do
# equally well.
_MOST_LEVERAGE = 10.0
# Combinations that are determined, at least, where a band asks how rough a shape may be.
_LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Pool:
    """Combinations that share what they know of their variances.

    Attributes
    ----------
    kind : str
        A key of the table of starting variances.
    rows : slice
        Which combinations.
    shape : tuple of int
        How they lie on the axes.
    reach : float or None
        Standard deviation of the window along the axes; None if all have the same variance.
    n_bound : int
        How many combinations follow from the others, as one category's effect does where their
        mean is zero.
    """

    kind: str
    rows: slice
    shape: tuple[int, ...]
    reach: float | None
    n_bound: int = 0

    def share(self, moments: np.ndarray) -> np.ndarray:
        """Local means of something known of each combination."""
        here = moments[self.rows]
        if self.reach is None:
            return np.full(len(here), here.mean() if len(here) else 0.0)
        return gaussian_filter(here.reshape(self.shape), self.reach, mode="nearest").ravel()


@dataclass(frozen=True)
class Prior:
    """Normal priors on combinations of a block's coefficients.

    Attributes
    ----------
    combinations : sparse array of shape (n_combinations, n_columns)
    variances : ndarray of shape (n_combinations,)
    pools : tuple of Pool
    centring : ndarray of shape (n_terms, n_columns)
        Each row times the coefficients is a term's mean over the training rows, times the
        square root of their weight.
    overlapping : bool
        Whether several combinations hold down the same coefficients, as the two sides of a
        surface do.
    unit : float
        Variance of the predictor.
    """

    combinations: sparse.csr_array
    variances: np.ndarray
    pools: tuple[Pool, ...]
    centring: np.ndarray
    overlapping: bool
    unit: float
    _row_of_entry: np.ndarray = field(repr=False, default=None)

    def __post_init__(self):
        counts = np.diff(self.combinations.indptr)
        object.__setattr__(self, "_row_of_entry", np.repeat(np.arange(len(counts)), counts))

    def precision(self, centred: bool = True) -> np.ndarray:
        """Precision matrix of the coefficients, shape (n_columns, n_columns).

        Parameters
        ----------
        centred : bool
            Whether terms must have mean zero.
        """
        scaled = sparse.diags_array(1 / self.variances) @ self.combinations
        matrix = (self.combinations.T @ scaled).toarray()
        if centred:
            matrix += (_CENTRING / self.unit) * (self.centring.T @ self.centring)
        matrix[np.diag_indices_from(matrix)] += _LEAST / self.unit
        return matrix

    def variances_under(self, covariance: np.ndarray) -> np.ndarray:
        """Variance of each combination if the coefficients have a covariance."""
        product = self.combinations @ covariance
        entries = product[self._row_of_entry, self.combinations.indices] * self.combinations.data
        return np.bincount(self._row_of_entry, entries, minlength=len(self.variances))

    def updated(self, coefficients: np.ndarray, covariance: np.ndarray) -> Prior:
        """The prior that makes a posterior more likely.

        Half way between the steps of expectation maximisation, which are safe and slow, and
        those of MacKay (1992), "Bayesian interpolation", Neural Computation 4(3):415-447, which
        are fast.
        """
        squares = (self.combinations @ coefficients) ** 2
        spread = self.variances_under(covariance)
        before = self.variances
        if self.overlapping:
            expected = self.variances_under(np.linalg.inv(self.precision()))
        variances = np.empty_like(before)
        for pool in self.pools:
            free = 1 - pool.n_bound / max(float(np.prod(pool.shape)), 1.0)
            safe = pool.share(squares + spread) / free
            if self.overlapping:
                variances[pool.rows] = before[pool.rows] * safe / pool.share(expected)
                continue
            determined = pool.share(np.clip(1 - spread / before, 0.0, 1.0)) - (1 - free)
            determined = np.maximum(determined, 0.0)
            # Where nothing is determined, nothing is learned.
            fast = (pool.share(squares) + _DOUBT * safe) / (determined + _DOUBT)
            variances[pool.rows] = (
                safe ** (1 - _FAST) * np.maximum(fast, _FURTHEST_BELOW * safe) ** _FAST
            )
        largest = np.full(len(before), np.inf)
        for pool in self.pools:
            if pool.kind in ("line", "level", "missing", "cell"):
                largest[pool.rows] = _LARGEST * self.unit
        return replace(self, variances=np.clip(variances, _LEAST * self.unit, largest))

    def loosened(self, coefficients: np.ndarray, covariance: np.ndarray) -> Prior:
        """The prior with every variance one standard error of its logarithm larger.

        Few rows cannot show how rough a shape is; a band must leave room for what it may be.
        """
        spread = self.variances_under(covariance)
        determined = np.clip(1 - spread / self.variances, 0.0, 1.0)
        variances = self.variances.copy()
        for pool in self.pools:
            known = pool.share(determined) * _pooled(pool)
            variances[pool.rows] *= np.exp(np.sqrt(2 / np.maximum(known, _LEAST_KNOWN)))
        return replace(self, variances=variances)


def _pooled(pool: Pool) -> float:
    """How many combinations a local mean is taken over."""
    size = float(np.prod(pool.shape))
    if pool.reach is None:
        return size
    return min(size, float((2 * np.sqrt(np.pi) * pool.reach) ** len(pool.shape)))


def main_prior(
    terms: Sequence[TermColumns],
    rows: sparse.csr_array,
    columns: Columns,
    weights: np.ndarray,
    unit: float,
    strength_of: dict[str, float],
) -> Prior:
    """Priors of main effects: curvature, slope, levels and missing slots.

    Parameters
    ----------
    terms : sequence of TermColumns
        Main effects, in the order of the columns of `rows`.
    rows : sparse array of shape (n_rows, n_columns)
        Basis rows.
    columns : mapping of str to ndarray
    weights : ndarray of shape (n_rows,)
    unit : float
        Variance of the predictor.
    strength_of : dict of str to float
        Factor on a term's precision, the user's say in its smoothness.
    """
    mean_row = (rows.T @ weights) / np.sqrt(weights.sum())
    layout = Layout(tuple(terms))
    by_column = rows.tocsc()
    builder = _Builder(layout.n_columns, unit)
    curves, lines, levels, few_levels, missing = [], [], [], [], []
    for term in terms:
        axis, here = term.axes[0], layout.slices[term.name]
        strength = strength_of.get(term.name, 1.0)
        missing.append(_unit_row(here.stop - 1))
        if isinstance(axis, CategoricalAxis):
            found = [_row(here, r) for r in _level_rows(axis)]
            few = len(found) < _FEW_LEVELS and not axis.ordered
            bound = int(len(found) > 1 and not axis.ordered)
            (few_levels if few else levels).append((found, strength, bound))
            continue
        if len(axis.knots) > 2:
            differences = np.sqrt(strength) * _bounded(curvature_differences(axis))
            curves.append([_row(here, r) for r in differences])
        line = _line(by_column[:, here], columns[axis.name], weights)
        if line is not None:
            lines.append(_row(here, line))
        else:
            # Fewer than two values show nothing of a slope: the values themselves are held.
            levels.append(([_row(here, r) for r in np.eye(axis.n_values)], strength, 0))
    for found in curves:
        builder.add("curve", found, _REACH)
    builder.add("line", lines)
    for found, strength, bound in levels:
        builder.add("level", [(p, np.sqrt(strength) * v) for p, v in found], n_bound=bound)
    together = [(p, np.sqrt(strength) * v) for found, strength, _ in few_levels for p, v in found]
    builder.add("level", together, n_bound=sum(bound for *_, bound in few_levels))
    builder.add("missing", missing)
    centring = np.zeros((len(terms), layout.n_columns))
    for k, term in enumerate(terms):
        centring[k, layout.slices[term.name]] = mean_row[layout.slices[term.name]]
    return builder.build(centring, overlapping=False)


def pair_prior(
    term: TermColumns, rows: sparse.csr_array, weights: np.ndarray, unit: float, strength: float
) -> Prior:
    """Priors of a surface: differences along either axis, and the size of every cell."""
    sizes = tuple(axis.n_values for axis in term.axes)
    builder = _Builder(term.n_columns, unit)
    for side, axis in enumerate(term.axes):
        steps = _steps(axis)
        if not len(steps):
            continue
        parts = [np.eye(size) for size in sizes]
        parts[side] = np.sqrt(strength) * steps
        matrix = sparse.csr_array(sparse.kron(*parts))
        shape = tuple(len(part) for part in parts)
        ordered = all(isinstance(a, NumericAxis) or a.ordered for a in term.axes)
        builder.add_matrix("pair", matrix, shape, _PAIR_REACH if ordered else None)
    builder.add_matrix("cell", sparse.eye_array(term.n_columns, format="csr"), sizes, None)
    mean_row = (rows.T @ weights) / np.sqrt(weights.sum())
    return builder.build(mean_row[None], overlapping=True)


def _bounded(differences: np.ndarray) -> np.ndarray:
    largest = np.abs(differences).max(axis=1, keepdims=True)
    return differences * np.minimum(1.0, _MOST_LEVERAGE / largest)


def _steps(axis: Axis) -> np.ndarray:
    if isinstance(axis, CategoricalAxis) and not axis.ordered:
        return np.zeros((0, axis.n_values))
    return np.diff(np.eye(axis.n_values), axis=0)


def _level_rows(axis: CategoricalAxis) -> np.ndarray:
    return _steps(axis) if axis.ordered and axis.n_values > 1 else np.eye(axis.n_values)


def _line(rows, column, weights) -> np.ndarray | None:
    """Covariance of the shape with the standardised feature, as a row over its coefficients."""
    present = ~np.isnan(column)
    if not present.any():
        return None
    total = weights[present].sum()
    mean = weights[present] @ column[present] / total
    deviation = np.where(present, column - mean, 0.0)
    spread = np.sqrt(weights @ deviation**2 / total)
    if not spread > 0:
        return None
    return (rows.T @ (weights * deviation / spread)) / total


def _row(here: slice, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used = np.flatnonzero(values)
    return here.start + used, values[used]


def _unit_row(position: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([position]), np.ones(1)


class _Builder:
    def __init__(self, n_columns: int, unit: float):
        self.n_columns, self.unit = n_columns, unit
        self.matrices, self.pools, self.n_rows = [], [], 0

    def add(self, kind: str, rows: list[tuple], reach=None, n_bound: int = 0) -> None:
        """Combinations given row by row; one pool."""
        if not rows:
            return
        starts = np.cumsum([0, *(len(positions) for positions, _ in rows)])
        indices = np.concatenate([positions for positions, _ in rows])
        data = np.concatenate([values for _, values in rows])
        shape = (len(rows), self.n_columns)
        matrix = sparse.csr_array((data, indices, starts), shape=shape)
        self.add_matrix(kind, matrix, (len(rows),), reach, n_bound)

    def add_matrix(self, kind: str, matrix, shape, reach, n_bound: int = 0) -> None:
        """Combinations given as a matrix; one pool."""
        rows = slice(self.n_rows, self.n_rows + matrix.shape[0])
        self.matrices.append(matrix)
        self.pools.append(Pool(kind, rows, shape, reach, n_bound))
        self.n_rows = rows.stop

    def build(self, centring: np.ndarray, overlapping: bool) -> Prior:
        variances = np.empty(self.n_rows)
        for pool in self.pools:
            variances[pool.rows] = _START[pool.kind] * self.unit
        combinations = sparse.csr_array(sparse.vstack(self.matrices, format="csr"))
        return Prior(combinations, variances, tuple(self.pools), centring, overlapping, self.unit)
