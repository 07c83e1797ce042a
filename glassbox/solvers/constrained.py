"""Steps of a solver that keep directions: quadratic programs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from glassbox.solvers._program import solve_program
from glassbox.solvers.changes import Changes
from glassbox.solvers.order import MonotoneOrder

_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class Order:
    """Directions that the tables keep.

    Attributes
    ----------
    rule : MonotoneOrder
        Of the terms, in their order.
    tables : ndarray of shape (rule.size,)
        Those that are in order now: of the model, or of the part of it that must be.
    """

    rule: MonotoneOrder
    tables: np.ndarray


class Constraints:
    """Quadratic programs over changes that keep an order.

    Parameters
    ----------
    order : Order
    changes : Changes
    """

    def __init__(self, order: Order, changes: Changes):
        rows = order.rule.lifted()
        size = order.rule.size
        coefficients, self._bounds = rows[:, :size], rows[:, size:]
        self._by_unknowns = sparse.csr_array(coefficients @ changes.matrix)
        self._spare = coefficients @ order.tables
        self._n_bounds = rows.shape[1] - size

    def solve(self, matrix: np.ndarray, slope: np.ndarray, point: np.ndarray) -> np.ndarray:
        """The minimum of a parabola around a point, in order."""
        scale = 1 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
        scaled = matrix * scale[:, None] * scale
        cost = scale * (slope - matrix @ point)
        height = max(float(np.abs(cost).max(initial=0.0)), 1e-300)
        quadratic = sparse.block_diag(
            [sparse.triu(sparse.csc_array(scaled)), sparse.csc_array((self._n_bounds,) * 2)],
            format="csc",
        )
        rows = sparse.hstack([self._by_unknowns * scale, self._bounds], format="csc")
        # Unknowns in units of the size of the solution.
        linear = np.append(cost / height, np.zeros(self._n_bounds))
        solution = solve_program(quadratic, linear, rows, self._spare / height, _TOLERANCE)
        found = scale * solution.x[: len(point)] * height
        if solution.solved and np.isfinite(found).all():
            return found
        warnings.warn(
            f"A step under the declared directions was not found ({solution.status}); the tables "
            "keep them, but may depend more on the sensitive features than they need to.",
            ConvergenceWarning,
            stacklevel=6,
        )
        return point
