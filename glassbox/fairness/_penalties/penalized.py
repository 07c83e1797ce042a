"""What dependence-penalised classifiers and regressors share."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval, StrOptions

from glassbox.core._tables import open_table
from glassbox.core.attributes import Attribute, crossings
from glassbox.core.penalty_options import GROUP_WEIGHTS, MEASURES, check_attributes
from glassbox.core.strata import outcome_strata
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._penalties.refit import Refit, TrainingRows
from glassbox.fairness._penalties.terms import PenaltyTerms
from glassbox.fairness._strategies.wrapper import FairEstimator

#: Largest strength: beyond it the dependence is as good as gone, and so are the digits.
MOST_STRENGTH = 1e9


class DependencePenalized(FairEstimator):
    _parameter_constraints: dict = {
        **FairEstimator._parameter_constraints,
        "measure": [StrOptions(set(MEASURES))],
        "strength": [Interval(numbers.Real, 0, MOST_STRENGTH, closed="both")],
        "condition": [StrOptions({"outcome"}), None],
        "group_weights": [StrOptions(set(GROUP_WEIGHTS))],
        "intersections": ["boolean"],
        "use_sensitive": ["boolean"],
        "smoothness": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    _fitted_state_names = ("dependence_",)

    def __init__(
        self,
        estimator,
        *,
        sensitive=None,
        measure="mean",
        strength=1.0,
        condition=None,
        group_weights="proportional",
        intersections=False,
        use_sensitive=True,
        smoothness=1.0,
    ):
        self.estimator = estimator
        self.sensitive = sensitive
        self.measure = measure
        self.strength = strength
        self.condition = condition
        self.group_weights = group_weights
        self.intersections = intersections
        self.use_sensitive = use_sensitive
        self.smoothness = smoothness

    def _fit(self, X, y, sample_weight, sensitive_features, given) -> None:
        refit = self._begin(X, y, sample_weight, sensitive_features, given)
        self._finish(refit, refit.least(float(self.strength)))

    def _prepared_refit(self, rows: Any) -> Refit:
        """What `fit` does before it changes tables, for all strengths at once."""
        self._validate_params()
        given = self._prepare(rows.X, rows.y, rows.sample_weight, {})
        return self._begin(rows.X, rows.y, rows.sample_weight, rows.sensitive_features, given)

    def _begin(self, X, y, sample_weight, sensitive_features, given) -> Refit:
        """Fit the inner estimator, and read what its tables are to depend less on."""
        self._check_additive()
        attributes = self._read_attributes(X, sensitive_features)
        weights = self._weights(X, sample_weight)
        X = self._inner_table(X)
        fitted = self._fitted_inner(X, y, given)
        rows = TrainingRows.of(fitted, X, y, weights)
        strata = None
        if self.condition == "outcome":
            strata, _ = outcome_strata(np.asarray(y), is_classifier(self), weights)
        terms = PenaltyTerms(attributes, weights, self.group_weights == "equal", strata)
        return Refit(fitted, rows, terms, self.measure, self.smoothness)

    def _finish(self, refit: Refit, unknowns: np.ndarray) -> None:
        self.estimator_ = refit.changed(unknowns)
        self.dependence_ = refit.dependence(self.estimator_)

    def _check_additive(self) -> None:
        if not isinstance(self.estimator, AdditiveEstimator):
            raise TypeError(
                f"{type(self).__name__} changes the tables of an additive estimator of glassbox, "
                f"and {type(self.estimator).__name__} has none. Use TestTimeBlinder or "
                "SensitiveFeatureRemover around other estimators."
            )

    def _read_attributes(self, X, sensitive_features) -> list[Attribute]:
        attributes = self._attributes(X, sensitive_features)
        if not attributes and self.sensitive_names_:
            raise ValueError(
                f"Sensitive feature {self.sensitive_names_[0]!r} is the same in every row "
                f"(n_samples={open_table(X).n_rows}); nothing can depend on it. Leave it out."
            )
        if not attributes:
            raise ValueError(
                f"{type(self).__name__} needs a sensitive feature: name columns of X in "
                "`sensitive`, or give fit the values as `sensitive_features`."
            )
        if not self.use_sensitive and not self.sensitive_names_:
            raise ValueError(
                "use_sensitive=False leaves out the columns named in `sensitive`, and none is. "
                "Features given as `sensitive_features` are no inputs in any case."
            )
        check_attributes(attributes, self.measure, self.group_weights)
        if not self.intersections:
            return attributes
        crossed = crossings(attributes)
        if not crossed:
            raise ValueError(
                "intersections=True crosses groups of two sensitive features, and there are not "
                "two that are groups. Give more, or leave it out."
            )
        return [*attributes, *crossed]

    def _inner_table(self, X: Any) -> Any:
        return X if self.use_sensitive else self._columns.of_training(X, self._kept)

    @property
    def _kept(self) -> list[str]:
        return [name for name in self._columns.names if name not in self.sensitive_names_]

    def _as_read(self, X: Any) -> Any:
        if self.use_sensitive or not self.sensitive_names_:
            return X
        return self._columns.kept(X, self._kept, type(self).__name__)
