"""Tables that depend less on a sensitive feature, and otherwise stay what they are."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy import linalg, optimize
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from glassbox.core.additive import Columns
from glassbox.solvers.changes import Changes
from glassbox.solvers.constrained import Constraints, Order
from glassbox.solvers.divergence import Divergence
from glassbox.solvers.explained import Explained, Quadratic, centred
from glassbox.solvers.pirls import solve_positive

# Numbers of the basis rows that are kept in memory, at most.
_KEPT = 50_000_000
# Per unit of weight, the objective must promise to fall by more than this.
_TOLERANCE = 1e-10
_POLISHED = 1e-7
_MOST_STEPS = 60
_MOST_POLISHING = 500
_MOST_HALVINGS = 25
# Share of the promised gain that a step must bring (Armijo).
_ENOUGH = 1e-4

#: From scores of shape (n_rows, n_outputs) to a measure in [0, 1] and its derivative in them.
Measure = Callable[[np.ndarray], tuple[float, np.ndarray]]


class LeastDependence:
    """Minimises divergence from the original + strength * dependence, over changes of the tables.

    Parameters
    ----------
    changes : Changes
    columns : mapping of str to ndarray
    original : ndarray of shape (n_rows, n_outputs)
        Scores of the original.
    weights : ndarray of shape (n_rows,)
    divergence : Divergence
    explained : sequence of Explained
    order : Order, optional
        For one output.
    smoothness : float
        Factor on the cost of changes.

    Notes
    -----
    With w the unknowns, W the sum of weights and s = original + Z w, minimised is
    ``sum_i weight_i KL_i(s) + W strength Dep(s) + information * w' P w / 2``. The mean dependence
    is ``sum share |Cov(columns, s)|^2`` over the variance of the original: quadratic and convex.
    Newton steps solve it; where tables have to keep an order, each is a quadratic program. Other
    measures are polished by quasi-Newton steps (L-BFGS), or by such programs.
    """

    def __init__(
        self,
        changes: Changes,
        columns: Columns,
        original: np.ndarray,
        weights: np.ndarray,
        divergence: Divergence,
        explained: Sequence[Explained],
        *,
        order: Order | None = None,
        smoothness: float = 1.0,
    ):
        self.changes, self.columns = changes, columns
        self.original, self.weights = original, weights
        self.divergence, self.order = divergence, order
        self.n_outputs = original.shape[1]
        self._kept: list[tuple[slice, np.ndarray]] | None = None
        self._total = float(weights.sum())
        curvature = np.einsum("nkk->n", divergence.curvature(original)) / self.n_outputs
        information = float(weights @ curvature)
        prior = information * smoothness * changes.penalty
        self._prior = np.kron(np.eye(self.n_outputs), prior)
        self._quadratics = [self._quadratic(part) for part in explained]
        if order is not None:
            self._constraints = Constraints(order, changes)

    def least(
        self,
        strength: float,
        start: np.ndarray | None = None,
        measure: Measure | None = None,
        on_step: Callable[[int, float], None] | None = None,
    ) -> np.ndarray:
        """The best changes, shape (n_unknowns, n_outputs).

        Parameters
        ----------
        strength : float
        start : ndarray of shape (n_unknowns, n_outputs), optional
        measure : callable, optional
            Takes the place of the mean dependence; the latter remains as a guess of its
            curvature. A local minimum near `start` is found.
        on_step : callable from int and float to None, optional
            Told the number of each step and the objective, per unit of weight.

        Warns
        -----
        ConvergenceWarning
        """
        shape = (self.n_outputs, self.changes.n_unknowns)
        point = np.zeros(shape[0] * shape[1]) if start is None else start.T.ravel()
        with threadpool_limits(limits=1, user_api="blas"):
            descend = self._descend
            if measure is not None and self.order is None:
                descend = self._polish
            point = descend(point, strength, measure, on_step or (lambda step, value: None))
        # What all classes share predicts nothing.
        return centred(point.reshape(shape).T)

    def cost(self, unknowns: np.ndarray, strength: float, measure: Measure | None = None) -> float:
        """What is minimised, per unit of weight."""
        return self._objective(unknowns.T.ravel(), strength, measure)[0] / self._total

    def scores(self, unknowns: np.ndarray) -> np.ndarray:
        """Scores of the changed tables, shape (n_rows, n_outputs)."""
        scores = self.original.copy()
        for rows, basis in self._blocks():
            scores[rows] += basis @ unknowns
        return scores

    def _descend(self, point, strength, measure, on_step) -> np.ndarray:
        tolerance = (_TOLERANCE if measure is None else _POLISHED) * self._total
        damping = 0.0
        value, scores, by_scores = self._objective(point, strength, measure)
        for step in range(_MOST_STEPS):
            on_step(step, value / self._total)
            slope = self._slope(point, scores, strength, by_scores)
            target = self._solved(self._curvature(scores, strength), slope, point, damping)
            move = target - point
            promised = -(slope @ move)
            if promised <= tolerance:
                return point
            for halving in range(_MOST_HALVINGS):
                trial = point + move * 0.5**halving
                new, new_scores, new_by_scores = self._objective(trial, strength, measure)
                if new <= value - _ENOUGH * promised * 0.5**halving:
                    break
            else:
                # Not even the smallest step gains: the rest is rounding, or a kink.
                return point
            if measure is not None:
                damping = damping / 3 if halving == 0 else max(2 * damping, 0.1) * 2
            gained = value - new
            point, value, scores, by_scores = trial, new, new_scores, new_by_scores
            if measure is not None and gained <= tolerance:
                return point
        if measure is None:
            warnings.warn(
                f"The tables of least dependence were not found in {_MOST_STEPS} steps; those "
                "that are used are nearly so. A smaller strength, or fewer columns, would help.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return point

    def _polish(self, point, strength, measure, on_step) -> np.ndarray:
        """Quasi-Newton steps, in coordinates in which the curvature was one at the start."""
        root = linalg.cholesky(self._curvature(self._scores_at(point), strength), lower=True)
        taken = 0

        def objective(coordinates):
            here = linalg.solve_triangular(root, coordinates, lower=True, trans="T")
            value, scores, by_scores = self._objective(here, strength, measure)
            slope = self._slope(here, scores, strength, by_scores)
            slope = linalg.solve_triangular(root, slope, lower=True)
            return value / self._total, slope / self._total

        def count(intermediate_result):
            nonlocal taken
            taken += 1
            on_step(taken, intermediate_result.fun)

        found = optimize.minimize(
            objective,
            root.T @ point,
            jac=True,
            method="L-BFGS-B",
            callback=count,
            options={"maxiter": _MOST_POLISHING, "ftol": _POLISHED, "gtol": 0.0, "maxcor": 20},
        )
        return linalg.solve_triangular(root, found.x, lower=True, trans="T")

    def _scores_at(self, point: np.ndarray) -> np.ndarray:
        return self.scores(point.reshape(self.n_outputs, -1).T)

    def _objective(self, point, strength, measure):
        scores = self._scores_at(point)
        value = float(self.weights @ self.divergence.value(self.original, scores))
        value += float(point @ (self._prior @ point)) / 2
        if measure is None:
            value += self._total * strength * sum(q.value(point) for q in self._quadratics)
            return value, scores, None
        amount, by_scores = measure(scores)
        return value + self._total * strength * amount, scores, by_scores

    def _slope(self, point, scores, strength, by_scores) -> np.ndarray:
        """Derivative of the objective."""
        pull = self.weights[:, None] * self.divergence.slope(self.original, scores)
        if by_scores is not None:
            pull = pull + self._total * strength * by_scores
        slope = np.zeros((self.n_outputs, self.changes.n_unknowns))
        for rows, basis in self._blocks():
            slope += pull[rows].T @ basis
        slope = slope.ravel() + self._prior @ point
        if by_scores is None:
            for quadratic in self._quadratics:
                slope += 2 * self._total * strength * quadratic.slope(point)
        return slope

    def _curvature(self, scores, strength) -> np.ndarray:
        """Second derivative of the objective; of a measure, that of the mean dependence."""
        n_unknowns = self.changes.n_unknowns
        matrix = np.zeros((self.n_outputs, n_unknowns, self.n_outputs, n_unknowns))
        for rows, basis in self._blocks():
            curvature = self.divergence.curvature(scores[rows])
            weights = self.weights[rows]
            for a in range(self.n_outputs):
                for b in range(a + 1):
                    weighted = basis * (weights * curvature[:, a, b])[:, None]
                    matrix[a, :, b] += weighted.T @ basis
                    if a != b:
                        matrix[b, :, a] = matrix[a, :, b].T
        size = self.n_outputs * n_unknowns
        matrix = matrix.reshape(size, size) + self._prior
        for quadratic in self._quadratics:
            matrix += 2 * self._total * strength * quadratic.curvature
        return matrix

    def _solved(self, matrix, slope, point, damping) -> np.ndarray:
        if damping:
            matrix = matrix + damping * np.diag(np.diag(matrix))
        if self.order is None:
            return point - solve_positive(matrix, slope)
        return self._constraints.solve(matrix, slope, point)

    def _quadratic(self, part: Explained) -> Quadratic:
        covariances = np.zeros((part.columns.shape[1], self.changes.n_unknowns))
        columns = part.columns * part.weights[:, None]
        # Columns are centred under the weights, so that the mean of the basis drops out.
        for rows, basis in self._blocks():
            covariances += columns[rows].T @ basis
        unit = part.share / max(part.variance(self.original), 1e-300)
        start = part.covariances(centred(self.original))
        return Quadratic.of(covariances, start, unit)

    def _blocks(self):
        if self._kept is not None:
            return self._kept
        n_rows = len(self.original)
        blocks = self.changes.blocks(self.columns, n_rows)
        if n_rows * self.changes.n_unknowns > _KEPT:
            return blocks
        self._kept = list(blocks)
        return self._kept
