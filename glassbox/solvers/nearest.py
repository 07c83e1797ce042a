"""The nearest coefficients that keep an order: quadratic programs."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import linalg, sparse
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning

from glassbox.solvers._program import solve_program
from glassbox.solvers.order import MonotoneOrder

_MOST_ROUNDS = 40
# Of the interior-point solver, in units of the largest coefficient.
_TOLERANCE = 1e-11
# Of the largest entry on the diagonal: cuts that say nearly the same stay apart.
_RIDGE = 1e-10


def nearest_in_order(
    points: np.ndarray,
    order: MonotoneOrder,
    spread: Callable[[sparse.csr_array], np.ndarray],
    slots: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    tolerance: float = 1e-7,
) -> np.ndarray:
    """Project vectors of coefficients onto those that keep an order.

    Parameters
    ----------
    points : ndarray of shape (n_columns, n_points)
        Each is projected on its own.
    order : MonotoneOrder
    spread : callable
        From cuts, a csr_array of shape (n_cuts, n_columns), to ``inverse(metric) @ cuts.T``, an
        array of shape (n_columns, n_cuts): distances are ``(x - y) @ metric @ (x - y)``.
    slots : ndarray of int, shape (n_columns,), optional
        Where the coefficients stand in the flat vector of the order; all others are zero, and
        stay so. Every coefficient if not given.
    weights : ndarray of shape (order.size,), optional
        Under which main effects keep their means in the last repair.
    tolerance : float
        Violations below it, as a share of the largest coefficient, are left to that repair: main
        effects rise by what is lacking.

    Returns
    -------
    ndarray of the same shape
        In order, exactly.

    Notes
    -----
    The constraints are too many to list (each increment times all combinations of the values of
    its partners). Those that are violated are found in one pass, for the worst combination, and
    added until none is violated (Kelley 1960, "The cutting-plane method for solving convex
    programs", J. SIAM 8:703-712). Each program is solved in its dual, a non-negative least-squares
    problem (Lawson & Hanson 1974, "Solving Least Squares Problems", chapter 23).
    """
    slots = np.arange(order.size) if slots is None else slots
    centre = _Projection(order, spread, slots, tolerance)
    centre.run(points.mean(axis=1))
    columns = [centre.copy().run(point) for point in points.T]
    settled = [order.settled(_flat(x, slots, order.size), weights)[slots] for x in columns]
    return np.column_stack(settled)


def nearest_by_weights(point: np.ndarray, order: MonotoneOrder, weights: np.ndarray) -> np.ndarray:
    """Project a vector of coefficients onto those that keep an order, each with its own weight.

    Parameters
    ----------
    point : ndarray of shape (order.size,)
    order : MonotoneOrder
    weights : ndarray of shape (order.size,)
        Positive: distances are ``sum(weights * (x - y) ** 2)``. Main effects keep their means
        under them in the last repair, which is the size of the solver's tolerance.

    Returns
    -------
    ndarray of the same shape
        In order, exactly.

    Warns
    -----
    ConvergenceWarning
        If the solver stops early: what is returned is in order, but may not be the nearest.

    Notes
    -----
    The program is sparse, and solved by an interior-point method.

    Examples
    --------
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([20.0, 40.0, 60.0]), degree=1)
    >>> order = MonotoneOrder([(age,)], {"age": 1})
    >>> weights = np.array([1.0, 1.0, 2.0, 1.0])
    >>> nearest_by_weights(np.array([0.0, 3.0, 0.0, 5.0]), order, weights).round(6) + 0.0
    array([0., 1., 1., 5.])
    """
    unit = np.abs(point).max(initial=0.0)
    if all(spare.min(initial=0.0) >= -_TOLERANCE * unit for spare in order.slack(point).values()):
        return order.settled(point, weights)
    rows = order.lifted()
    n_rows, n_bounds = rows.shape[0], rows.shape[1] - order.size
    cost = np.append(weights / weights.mean(), np.zeros(n_bounds))
    wished = np.append(point / unit, np.zeros(n_bounds))
    solution = solve_program(
        sparse.diags_array(cost), -cost * wished, rows, np.zeros(n_rows), _TOLERANCE
    )
    if not solution.solved:
        warnings.warn(
            f"The nearest monotone tables were not found ({solution.status}); those that are used "
            "are monotone, but may have changed more than needed.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return order.settled(unit * solution.x[: order.size], weights)


class _Projection:
    """Cuts, and where each of them moves a point."""

    def __init__(self, order: MonotoneOrder, spread, slots: np.ndarray, tolerance: float):
        self.order, self.spread, self.slots, self.tolerance = order, spread, slots, tolerance
        self.cuts = sparse.csr_array((0, len(slots)))
        self.moves = np.zeros((len(slots), 0))

    def copy(self) -> _Projection:
        """The same cuts, to begin with for another point."""
        other = _Projection(self.order, self.spread, self.slots, self.tolerance)
        other.cuts, other.moves = self.cuts, self.moves
        return other

    def run(self, point: np.ndarray) -> np.ndarray:
        """The point, moved until none of its increments is violated by more than a trifle."""
        allowed = self.tolerance * np.abs(point).max(initial=0.0)
        nearest = point
        if self.cuts.shape[0]:
            nearest = self._solve(point)
        for _ in range(_MOST_ROUNDS):
            flat = _flat(nearest, self.slots, self.order.size)
            new = self.order.cuts(flat, allowed)[:, self.slots]
            if not new.shape[0]:
                break
            self.cuts = sparse.csr_array(sparse.vstack([self.cuts, new]))
            self.moves = np.hstack([self.moves, self.spread(new)])
            try:
                nearest = self._solve(point)
            except RuntimeError:
                # Too many cuts that say nearly the same: the last repair does the rest.
                break
        return nearest

    def _solve(self, point: np.ndarray) -> np.ndarray:
        multipliers = _multipliers(self.cuts @ self.moves, self.cuts @ point)
        nearest = point + self.moves @ multipliers
        active = multipliers > 0
        self.cuts, self.moves = self.cuts[active], self.moves[:, active]
        return nearest


def _flat(x: np.ndarray, slots: np.ndarray, size: int) -> np.ndarray:
    flat = np.zeros(size)
    flat[slots] = x
    return flat


def _multipliers(products: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Non-negative multipliers of the cuts."""
    products = (products + products.T) / 2
    ridge = _RIDGE * np.diag(products).max()
    factor = linalg.cholesky(products + ridge * np.eye(len(products)), lower=False)
    target = linalg.solve_triangular(factor, -slack, trans="T")
    return nnls(factor, target, maxiter=10 * len(factor) + 100)[0]
