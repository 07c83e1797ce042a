"""The tables of a fitted model, changed so that its scores depend less on sensitive features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.terms import Term
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._penalties.terms import PenaltyTerms
from glassbox.fairness._strategies.retabled import with_tables
from glassbox.solvers.changes import Changes
from glassbox.solvers.constrained import Order
from glassbox.solvers.divergence import Divergence
from glassbox.solvers.least_dependence import LeastDependence
from glassbox.solvers.order import MonotoneOrder

# Of the mean square of the outcome, where a model leaves no scatter at all.
_LEAST_SCATTER = 1e-6
# From one strength to the next on the way to a large one.
_STRIDE = 4.0
_MOST_ON_THE_WAY = 6
_LEAST_DISPERSION = 1e-300


@dataclass(frozen=True)
class TrainingRows:
    """What a refit needs of the rows that a model was fitted to.

    Attributes
    ----------
    columns : mapping of str to ndarray
        Typed, as the model's schema reads them.
    scores : ndarray of shape (n_rows, n_outputs)
        Of the whole model.
    outcome : ndarray of shape (n_rows,) or None
        Of a regression.
    weights : ndarray of shape (n_rows,)
    """

    columns: Columns
    scores: np.ndarray
    outcome: np.ndarray | None
    weights: np.ndarray

    @classmethod
    def of(cls, estimator: AdditiveEstimator, X: Any, y: np.ndarray, weights: np.ndarray):
        """Read a training table with the schema of the estimator that was fitted to it."""
        columns = estimator.schema_.read(X, owner=type(estimator).__name__)
        scores = estimator._scores_of(columns)
        is_amount = estimator.additive_model_.link in ("identity", "log")
        return cls(columns, scores, column_or_1d(y, dtype=float) if is_amount else None, weights)


class Refit:
    """All strengths of one penalty on one fitted model.

    Parameters
    ----------
    estimator : AdditiveEstimator
        Fitted.
    rows : TrainingRows
    terms : PenaltyTerms
    measure : str
    smoothness : float
    """

    def __init__(
        self,
        estimator: AdditiveEstimator,
        rows: TrainingRows,
        terms: PenaltyTerms,
        measure: str,
        smoothness: float,
    ):
        self.estimator, self.rows, self.terms = estimator, rows, terms
        self.measure = measure
        self._model = estimator.additive_model_
        order, directed = self._order()
        self._order_of_tables = order
        self._changes = Changes(self._model.terms, directed)
        self._solver = LeastDependence(
            self._changes,
            rows.columns,
            rows.scores,
            rows.weights,
            Divergence(self._model.link, self._dispersion()),
            terms.explained(),
            order=order,
            smoothness=smoothness,
        )
        self._measure = None if measure == "mean" else terms.measured(measure)

    def least(
        self,
        strength: float,
        start: np.ndarray | None = None,
        on_step: Callable[[int, float], None] | None = None,
    ) -> np.ndarray:
        """The best changes at one strength, begun at those of another."""
        if strength == 0:
            return np.zeros((self._changes.n_unknowns, self._model.n_outputs))
        if self._measure is None:
            return self._solver.least(strength, start, on_step=on_step)
        for milder in _milder(strength) if start is None else ():
            start = self._polished(milder, start, on_step)
        return self._polished(strength, start, on_step)

    def _polished(self, strength, start, on_step) -> np.ndarray:
        """The measure's own local minimum, begun where it is least."""
        by_mean = self._solver.least(strength, start, on_step=on_step)
        starts = [by_mean, np.zeros_like(by_mean)] + ([] if start is None else [start])
        begin = min(starts, key=lambda point: self._solver.cost(point, strength, self._measure))
        return self._solver.least(strength, begin, self._measure, on_step)

    def changed(self, unknowns: np.ndarray) -> AdditiveEstimator:
        """The estimator with the changed tables."""
        if not unknowns.any():
            return self.estimator
        return with_tables(
            self.estimator,
            self._changed_model(unknowns),
            self.rows.columns,
            self.rows.weights,
            "moved along with shapes that depend less on sensitive features",
        )

    def dependence(self, changed: AdditiveEstimator) -> pd.DataFrame:
        """The measure on the training rows, by attribute, before and after."""
        after = changed._scores_of(self.rows.columns)
        return pd.DataFrame(
            {
                "attribute": attribute.name,
                "measure": self.measure,
                "before": before,
                "after": meter(after),
            }
            for attribute, meter, before in zip(
                self.terms.attributes, self._meters, self._before, strict=True
            )
        )

    @cached_property
    def _meters(self) -> list[Callable[[np.ndarray], float]]:
        """From scores to the measure, one for each attribute."""
        return [
            replace(self.terms, attributes=[attribute]).meter(self.measure)
            for attribute in self.terms.attributes
        ]

    @cached_property
    def _before(self) -> list[float]:
        return [meter(self.rows.scores) for meter in self._meters]

    def _changed_model(self, unknowns: np.ndarray) -> AdditiveModel:
        model, order = self._model, self._order_of_tables
        moves = self._changes.tables(unknowns)
        if order is not None:
            densities = np.concatenate([term.density.ravel() for term in model.terms])
            moves[:, 0] = order.rule.settled(order.tables + moves[:, 0], densities) - order.tables
        intercept = model.intercept + unknowns[0]
        terms = []
        for term in model.terms:
            here = self._changes.slices[term.name]
            table = term.coefficients + moves[here].reshape(term.coefficients.shape)
            # What every row gets goes to the intercept, so that a term has mean zero.
            if len(term.axes) == 1 and term.density.any():
                mean = np.average(table, axis=0, weights=term.density)
                table, intercept = table - mean, intercept + mean
            terms.append(term.replace(coefficients=table))
        return model.replace(terms=tuple(terms), intercept=intercept)

    def _dispersion(self) -> float:
        """Variance of the scatter around the mean, in units of the mean's own variance."""
        if self.rows.outcome is None:
            return 1.0
        mean = self._model.link_function.inverse(self.rows.scores)[:, 0]
        squares = (self.rows.outcome - mean) ** 2
        if self._model.link == "log":
            squares = squares / mean
        spread = np.average(self.rows.outcome**2, weights=self.rows.weights)
        scatter = np.average(squares, weights=self.rows.weights)
        return float(max(scatter, _LEAST_SCATTER * spread, _LEAST_DISPERSION))

    def _order(self) -> tuple[Order | None, dict[str, np.ndarray]]:
        """Directions of the tables, and the shapes of the main effects that have one."""
        declared = self.estimator._declared_directions()
        directions = {
            name: sign for name, sign in declared.items() if sign and name in self._model.features
        }
        if not directions:
            return None, {}
        joint = getattr(self.estimator, "joint_", None)
        kept = self._model if joint is None else joint.trunk(self._model)
        rule = MonotoneOrder([term.axes for term in kept.terms], directions)
        flat = np.concatenate([term.coefficients.ravel() for term in kept.terms])
        shapes = {name: _main(kept, name).coefficients[:, 0] for name in directions}
        return Order(rule, flat), shapes


def _milder(strength: float) -> list[float]:
    """Strengths on the way, so that a single fit ends where a path does."""
    n_steps = int(
        np.clip(np.ceil(np.log(max(strength, 1.0)) / np.log(_STRIDE)), 0, _MOST_ON_THE_WAY)
    )
    return [strength ** (k / n_steps) for k in range(n_steps)]


def _main(model: AdditiveModel, name: str) -> Term:
    return next(term for term in model.terms if term.features == (name,))
