"""Freely boosted tables made monotone, with the least change: a sparse quadratic program."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import reduce

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from sklearn.exceptions import ConvergenceWarning

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.axes import Axis
from glassbox.core.density import count_density
from glassbox.core.refine import common_axis, refine, refinement_matrix
from glassbox.core.terms import Term
from glassbox.solvers.order import MonotoneOrder

# Rows that every cell has on top of its own: without any, it must not move at no cost.
_EMPTY_CELL = 0.1

# Of the largest coefficient.
_NO_VIOLATION = 1e-13

_MOST_STEPS = 100
# How much of the squared change going on could save, and the same of squares of the unit and the
# weights of all. The unit is the largest violation, or this share of the largest increment.
_GAP, _LEAST_GAP, _LEAST_UNIT = 1e-12, 1e-16, 1e-3
_RESIDUAL = 1e-9
# Rounding may end the way before these are reached: so much more will do.
_ROUNDING = 1e3
# Of the way to the boundary.
_SHARE_OF_STEP = 0.995
# Of the smallest weight: what unknowns weigh that are no coefficients.
_BOUND_WEIGHT = 1e-6


def nearest_monotone_model(
    model: AdditiveModel, directions: Mapping[str, int], columns: Columns, weights: np.ndarray
) -> tuple[AdditiveModel, dict[str, float]]:
    """The monotone model whose tables differ least from those of a model of step functions.

    Parameters
    ----------
    model : AdditiveModel
        Of one output and steps. Features with a direction that take part in pairs have a main
        effect.
    directions : mapping of str to {-1, 1}
        Features without a direction may turn, whatever they are in the model.
    columns : mapping of str to ndarray
        Typed columns of the training table.
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    model : AdditiveModel
        In which the features keep their directions, exactly. Bands move with their coefficients.
        Main effects of features with a direction are on axes with the cuts of their pairs.
    changes : dict of str to float
        By term: root of the mean squared change over the training rows, on the link scale.

    Notes
    -----
    Minimises the sum of squared changes, weighted by the rows in each cell (plus a tenth of
    one, for those without), over main effects and pairs of all features with a direction together.
    Features that keep their direction already, and are tied by pairs to none that turns, stay as
    they are.

    Examples
    --------
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([20.0, 40.0, 60.0, 80.0]))
    >>> model = AdditiveModel(0.0, (Term((age,), np.array([0.0, 2.0, 1.0, 0.0])),))
    >>> rows = {"age": np.array([30.0, 50.0, 70.0])}
    >>> nearest, changes = nearest_monotone_model(model, {"age": 1}, rows, np.ones(3))
    >>> nearest["age"].coefficients.ravel().round(6)
    array([-0. ,  1.5,  1.5,  0. ])
    >>> round(changes["age"], 6)
    0.408248
    """
    directions = {name: sign for name, sign in directions.items() if name in model.features}
    model = _on_common_axes(model, directions)
    terms = _terms_of(model, directions)
    changes = {term.name: 0.0 for term in terms}
    directions = _linked(_violated(terms, directions), terms, directions)
    if not directions:
        return model, changes
    terms = _terms_of(model, directions)
    counts = [count_density(term.axes, columns, weights) for term in terms]
    axes = [term.axes for term in terms]
    cost = np.concatenate([count.ravel() for count in counts]) + _EMPTY_CELL * weights.mean()
    nearest = nearest_in_cone(_flat(terms), cost, _order_rows(axes, directions))
    nearest = MonotoneOrder(axes, directions).settled(nearest, cost)
    mended, start = {}, 0
    for term, count in zip(terms, counts, strict=True):
        table = nearest[start : start + count.size].reshape(term.coefficients.shape)
        start += count.size
        squares = (table - term.coefficients)[..., 0] ** 2
        changes[term.name] = float(np.sqrt(np.average(squares, weights=count)))
        mended[term.name] = term.replace(coefficients=table)
    return model.replace(terms=tuple(mended.get(t.name, t) for t in model.terms)), changes


def _on_common_axes(model: AdditiveModel, names: Mapping[str, int]) -> AdditiveModel:
    """The model with main effects on axes that have the cuts of their pairs."""

    def finer(term: Term) -> Term:
        if len(term.axes) == 2 or term.name not in names:
            return term
        axes = [axis for t in model.terms for axis in t.axes if axis.name == term.name]
        return refine(term, [reduce(common_axis, axes)])

    return model.replace(terms=tuple(finer(term) for term in model.terms))


def _terms_of(model: AdditiveModel, names: Mapping[str, int]) -> list[Term]:
    return [term for term in model.terms if set(term.features) & set(names)]


def _flat(terms: list[Term]) -> np.ndarray:
    return np.concatenate([term.coefficients.ravel() for term in terms])


def _violated(terms: list[Term], directions: Mapping[str, int]) -> set[str]:
    """Features that turn."""
    if not terms:
        return set()
    flat = _flat(terms)
    slack = MonotoneOrder([term.axes for term in terms], directions).slack(flat)
    rounding = _NO_VIOLATION * np.abs(flat).max()
    return {name for name, spare in slack.items() if (spare < -rounding).any()}


def _linked(names: set[str], terms: list[Term], directions: Mapping[str, int]) -> dict[str, int]:
    """Directions of these features, and of those that pairs tie them to."""
    found: set[str] = set()
    while found != names:
        found = names
        tied = {name for term in terms if names & set(term.features) for name in term.features}
        names = names | (tied & set(directions))
    return {name: sign for name, sign in directions.items() if name in found}


def _order_rows(terms: list[tuple[Axis, ...]], directions: Mapping[str, int]) -> sparse.csr_array:
    """Rows with which monotone tables have non-negative products.

    The unknowns are the tables, flat, and then, for each feature and each of its pairs, the
    least change of the pair over the values of the partner at each of its cuts: bounds from
    below, which let the sum over pairs be written in few rows.
    """
    sizes = [int(np.prod([axis.size for axis in axes])) for axes in terms]
    positions = [
        start + np.arange(size).reshape([axis.size for axis in axes])
        for start, size, axes in zip(np.cumsum([0, *sizes]), sizes, terms, strict=False)
    ]
    triplets = _Triplets(sum(sizes))
    for name, sign in directions.items():
        seen = [
            (axes[which], np.moveaxis(cells, which, 0).reshape(axes[which].size, -1), len(axes))
            for axes, cells in zip(terms, positions, strict=True)
            for which in range(len(axes))
            if axes[which].name == name
        ]
        common = reduce(common_axis, [axis for axis, _, _ in seen])
        totals = triplets.new_rows(common.n_values - 1)
        for axis, cells, n_axes in seen:
            matrix = sign * refinement_matrix(axis, common)[: common.n_values]
            steps = sparse.csr_array(matrix[1:] - matrix[:-1])
            steps.eliminate_zeros()
            if n_axes == 1:
                triplets.put(totals, steps, cells[:, 0])
                continue
            moving = np.flatnonzero(np.diff(steps.indptr))
            least = triplets.new_unknowns(len(moving))
            triplets.put(totals[moving], sparse.eye_array(len(moving)), least)
            for partner in cells.T:
                rows = triplets.new_rows(len(moving))
                triplets.put(rows, steps[moving], partner)
                triplets.put(rows, -sparse.eye_array(len(moving)), least)
    return triplets.matrix()


class _Triplets:
    """A sparse matrix in the making."""

    def __init__(self, n_unknowns: int):
        self.n_rows, self.n_unknowns = 0, n_unknowns
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def new_rows(self, n: int) -> np.ndarray:
        self.n_rows += n
        return np.arange(self.n_rows - n, self.n_rows)

    def new_unknowns(self, n: int) -> np.ndarray:
        self.n_unknowns += n
        return np.arange(self.n_unknowns - n, self.n_unknowns)

    def put(self, rows: np.ndarray, block, unknowns: np.ndarray) -> None:
        entries = block.tocoo()
        self.parts.append((rows[entries.row], unknowns[entries.col], entries.data))

    def matrix(self) -> sparse.csr_array:
        rows, unknowns, values = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return sparse.csr_array((values, (rows, unknowns)), shape=(self.n_rows, self.n_unknowns))


def nearest_in_cone(point: np.ndarray, weights: np.ndarray, rows: sparse.csr_array) -> np.ndarray:
    """Project a point onto the vectors with which all rows have non-negative products.

    Parameters
    ----------
    point : ndarray of shape (n,)
    weights : ndarray of shape (n,)
        Positive: distances are ``sum(weights * (x - point) ** 2)``.
    rows : csr_array of shape (n_rows, n + n_bounds)
        Some vector has positive products with all. Unknowns beyond the point are free.

    Returns
    -------
    ndarray of shape (n,)
        In the cone up to rounding.

    Warns
    -----
    ConvergenceWarning
        If the way to it is too long; what is returned is then not the nearest.

    Notes
    -----
    An interior-point method with Mehrotra's predictor and corrector (1992, "On the implementation
    of a primal-dual interior point method", SIAM J. Optim. 2(4):575-601). With slacks s of the
    rows A and their multipliers z, each step solves ``(W + A' diag(z / s) A) dx = r``, which is
    as sparse as a grid.

    Examples
    --------
    >>> rows = sparse.csr_array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
    >>> nearest_in_cone(np.array([0.0, 3.0, 0.0]), np.array([1.0, 1.0, 2.0]), rows).round(6) + 0.0
    array([0., 1., 1.])
    """
    n = len(point)
    increments = rows[:, :n] @ point
    unit = max(-increments.min(initial=0.0), _LEAST_UNIT * np.abs(increments).max(initial=0.0))
    if unit == 0.0:
        return point.copy()
    weights = weights / weights.mean()
    n_bounds = rows.shape[1] - n
    start = np.append(point / unit, np.zeros(n_bounds))
    floor = weights.min()
    weights = np.append(weights, np.full(n_bounds, _BOUND_WEIGHT * floor))
    return unit * _interior_point(start, weights, rows, floor)[:n]


def _interior_point(
    start: np.ndarray, weights: np.ndarray, rows: sparse.csr_array, floor: float
) -> np.ndarray:
    across = sparse.csr_array(rows.T)
    own = sparse.diags_array(weights)
    x = nearest = start.copy()
    s = np.maximum(rows @ x, 0.1)
    z = np.full(len(s), np.median(weights))
    least = np.inf
    for _ in range(_MOST_STEPS):
        uphill = weights * (x - start) - across @ z
        off = rows @ x - s
        gap = s @ z
        allowed = _GAP * (weights @ (x - start) ** 2) + _LEAST_GAP * weights.sum()
        lost = max(gap, uphill**2 @ (1 / np.maximum(weights, floor))) / allowed
        lost = max(lost, np.abs(off).max() / _RESIDUAL)
        if lost < least:
            least, nearest = lost, x
        if least <= 1.0 or (least <= _ROUNDING and not lost < _ROUNDING * least):
            return nearest
        factor = splu(
            sparse.csc_array(own + across @ sparse.diags_array(z / s) @ rows),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )

        def step(change, factor=factor, uphill=uphill, off=off, s=s, z=z):
            dx = factor.solve(-uphill - across @ ((change + z * off) / s))
            ds = rows @ dx + off
            return dx, ds, -(change + z * ds) / s

        _, ds, dz = step(s * z)
        ahead = (s + _reach(s, ds) * ds) @ (z + _reach(z, dz) * dz)
        centre = (ahead / gap) ** 3 * gap / len(s)
        dx, ds, dz = step(s * z + ds * dz - centre)
        length = _SHARE_OF_STEP * min(_reach(s, ds), _reach(z, dz))
        x, s, z = x + length * dx, s + length * ds, z + length * dz
    warnings.warn(
        f"The nearest monotone tables were not found within {_MOST_STEPS} steps; those found are "
        "monotone, but may have changed more than needed.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return nearest


def _reach(values: np.ndarray, change: np.ndarray) -> float:
    """How much of a change, at most all, leaves positive values positive."""
    falls = change < 0
    return float(min(1.0, (-values[falls] / change[falls]).min(initial=1.0)))
