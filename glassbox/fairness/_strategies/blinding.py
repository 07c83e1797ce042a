"""What blind classifiers and regressors share: averages over what they must not see."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from glassbox.core._tables import open_table
from glassbox.core.additive import Columns
from glassbox.core.marginal import averaged_over
from glassbox.core.schema import Schema
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._strategies.averages import Average, condensed, of_others, of_tables
from glassbox.fairness._strategies.retabled import with_tables
from glassbox.fairness._strategies.support import (
    WEIGHT,
    check_reference,
    check_support,
    combinations,
    group_column,
    group_of_rows,
    typed_value,
    usual_row,
)
from glassbox.fairness._strategies.without import without_columns
from glassbox.fairness._strategies.wrapper import FairEstimator

_HOW = ("marginal", "reference", "missing", "conditional")


class TestTimeBlinder(FairEstimator):
    # Its name is no test's.
    __test__ = False

    _parameter_constraints: dict = {
        **FairEstimator._parameter_constraints,
        "how": [StrOptions(set(_HOW))],
        "scale": [StrOptions({"link", "response"})],
        "reference": [dict, None],
        "n_draws": [Interval(numbers.Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    _fitted_state_names = ("support_", "cells_", "n_drawn_")
    _fitted_estimator_names = ("sighted_estimator_", "weights_estimators_")

    def __init__(
        self,
        estimator,
        *,
        sensitive=None,
        how="marginal",
        scale="link",
        reference=None,
        n_draws=200,
        random_state=None,
    ):
        self.estimator = estimator
        self.sensitive = sensitive
        self.how = how
        self.scale = scale
        self.reference = reference
        self.n_draws = n_draws
        self.random_state = random_state

    def _fit(self, X: Any, y: Any, sample_weight: Any, sensitive_features: Any, given: dict):
        if not self.sensitive_names_:
            raise ValueError(
                "sensitive names no column, so that nothing would be hidden from predictions. "
                "Name the sensitive columns of X."
            )
        if sensitive_features is not None:
            raise ValueError(
                "sensitive_features are no columns of X, which the model never sees. Leave them "
                "out, or make them columns and name them in `sensitive`."
            )
        check_reference(self.reference, self.how, self.sensitive_names_)
        self._check_scale()
        inner = self._fitted_inner(X, y, given)
        weights = self._weights(X, sample_weight)
        self.sighted_estimator_ = self.estimator_ = inner
        self.support_, self.cells_, self.weights_estimators_, self.n_drawn_ = None, None, [], 0
        if isinstance(inner, AdditiveEstimator):
            self._fit_tables(X, weights)
        else:
            self._fit_others(X, weights)

    def _check_fitted(self) -> None:
        super()._check_fitted()
        names, support = self.sensitive_names_, self.support_
        if not names or self.sighted_estimator_ is None or type(self.n_drawn_) is not int:
            raise ValueError("no column is hidden, or the sighted model is missing")
        if support is None:
            used = set(self.estimator_.additive_model_.features) & set(names)
            if used:
                raise ValueError(f"the blind model uses {sorted(used)[0]!r}, which is sensitive")
            return
        schema = None
        if isinstance(self.sighted_estimator_, AdditiveEstimator):
            schema = self.sighted_estimator_.schema_
        elif self.cells_ is None or open_table(self.cells_).n_rows != len(support):
            raise ValueError("the values that are averaged over are missing")
        check_support(support, names, schema, [len(m.classes_) for m in self.weights_estimators_])

    def _check_scale(self) -> None:
        averaged = self.how in ("marginal", "conditional")
        if isinstance(self.estimator, AdditiveEstimator) or not is_classifier(self):
            return
        if averaged and self.scale == "link":
            raise ValueError(
                f"scale='link' averages scores, and only those of glassbox's own estimators have "
                f"a known link to probabilities; for {type(self.estimator).__name__} use "
                "scale='response'."
            )
        if not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                f"{type(self.estimator).__name__} has no predict_proba, and probabilities are "
                "what is averaged. Calibrate it first."
            )

    def _fit_tables(self, X: Any, weights: np.ndarray) -> None:
        inner: AdditiveEstimator = self.sighted_estimator_
        columns = inner.schema_.read(X)
        names = self.sensitive_names_
        support = self._typed_support(X, columns, weights)
        reads = getattr(inner, "joint_", None) is not None
        single = len(support) == 1 or self.scale == "link"
        if single and self.how != "conditional" and not reads:
            values = {name: support[name].to_numpy() for name in names}
            model = averaged_over(inner.additive_model_, values, support[WEIGHT].to_numpy())
            used = weights > 0
            columns = {name: column[used] for name, column in columns.items()}
            self.estimator_ = with_tables(inner, model, columns, weights[used], self._said())
            return
        self.support_ = condensed(support, inner.additive_model_, names)

    def _said(self) -> str:
        names = ", ".join(self.sensitive_names_)
        values = {"marginal": "averaged over", "reference": "at the reference of"}
        return f"{values.get(self.how, 'without')} {names}"

    def _typed_support(self, X: Any, columns: Columns, weights: np.ndarray) -> pd.DataFrame:
        names, schema = self.sensitive_names_, self.sighted_estimator_.schema_
        if self.how in ("marginal", "conditional"):
            support = self._weighted(X, schema, weights)
            typed = {name: columns[name][support["row"]] for name in names}
            return pd.concat([pd.DataFrame(typed), support.drop(columns="row")], axis="columns")
        typed = {}
        for name in names:
            column = schema[name]
            if self.how == "reference" and name in (self.reference or {}):
                typed[name] = typed_value(column, self.reference[name])
                continue
            row = -1
            if self.how == "reference":
                row = usual_row(columns[name], column.kind, weights)
            typed[name] = columns[name][[row]] if row >= 0 else typed_value(column, None)
        return pd.DataFrame(typed).assign(**{WEIGHT: 1.0})

    def _weighted(self, X: Any, schema: Schema | None, weights: np.ndarray) -> pd.DataFrame:
        """Combinations by the row they are found in, their weights, and their groups."""
        support = combinations(open_table(X), self.sensitive_names_, weights)
        if self.how != "conditional":
            return support
        warnings.warn(
            "how='conditional' predicts the sensitive columns from the others, and so brings "
            "their proxies back. It is a diagnostic, not a way to blind predictions.",
            UserWarning,
            stacklevel=6,
        )
        used = np.flatnonzero(weights > 0)
        for attribute in self._attributes(X, None, schema) if self._others else []:
            groups = np.zeros(len(weights), dtype=int)
            groups[used] = group_of_rows(attribute.take(used), weights[used])
            if groups.max() > 0:
                support[group_column(len(self.weights_estimators_))] = groups[support["row"]]
                self.weights_estimators_.append(self._predicting(groups, X, weights))
        return support

    def _predicting(self, groups: np.ndarray, X: Any, weights: np.ndarray) -> AdditiveEstimator:
        """How likely each group is, given the columns that are not sensitive."""
        from glassbox import SplineGAMClassifier

        listed = "from_dtype"
        if isinstance(self.sighted_estimator_, AdditiveEstimator):
            listed = self.sighted_estimator_.categorical_features
        model = SplineGAMClassifier(n_knots=6, lam=1.0, categorical_features=listed)
        model = without_columns(model, self._columns.names, self._others)
        part = self._columns.of_training(X, self._others)
        return model.fit(part, groups, sample_weight=weights)

    def _fit_others(self, X: Any, weights: np.ndarray) -> None:
        names = self.sensitive_names_
        if self.how in ("marginal", "conditional"):
            support = self._weighted(X, None, weights)
            support = self._drawn(support)
            rows = dict.fromkeys(names, support["row"].to_numpy())
        else:
            support = pd.DataFrame({WEIGHT: [1.0]})
            rows = self._single_rows(X, weights)
        self.support_ = support
        self.cells_ = self._columns.cells_of(X, rows)

    def _drawn(self, support: pd.DataFrame) -> pd.DataFrame:
        """All combinations if they are few, else some of them by chance."""
        if len(support) <= self.n_draws:
            return support
        rng = check_random_state(self.random_state)
        share = support[WEIGHT] / support[WEIGHT].sum()
        counts = rng.multinomial(self.n_draws, share)
        self.n_drawn_ = int(self.n_draws)
        support = support.assign(**{WEIGHT: counts.astype(float)})
        return support[counts > 0].reset_index(drop=True)

    def _single_rows(self, X: Any, weights: np.ndarray) -> dict[str, np.ndarray]:
        schema = Schema.infer(X)
        columns = schema.read(X)
        rows = {}
        for name in self.sensitive_names_:
            column, values, row = schema[name], columns[name], -1
            if self.how == "reference" and name in (self.reference or {}):
                wanted = typed_value(column, self.reference[name])[0]
                same = np.flatnonzero(values == wanted)
                if not len(same):
                    raise ValueError(
                        f"reference[{name!r}] is {self.reference[name]!r}, a value that no "
                        "training row has. Give one that occurs."
                    )
                row = int(same[0])
            elif self.how == "reference":
                row = usual_row(values, column.kind, weights)
            rows[name] = np.array([row])
        return rows

    def _shows_tables(self) -> bool:
        if not hasattr(self, "sighted_estimator_"):
            return super()._shows_tables()
        return self.support_ is None and super()._shows_tables()

    def _average(self, X: Any) -> Average:
        """Scores (scale "link") or means (scale "response"), shape (n_rows, n_outputs)."""
        inner, owner = self.sighted_estimator_, type(self).__name__
        if isinstance(inner, AdditiveEstimator):
            columns = inner.schema_.read(self._as_read(X), owner=owner)
            scores = of_tables(inner, columns, self.support_, self.sensitive_names_)
            inverse = inner.additive_model_.link_function.inverse
            found = scores if self.scale == "link" else lambda k: inverse(scores(k))
        else:
            predict = inner.predict_proba if is_classifier(self) else inner.predict
            found = of_others(predict, X, self._columns, self.cells_, owner)
        return Average.over(found, self._shares(X))

    def _shares(self, X: Any) -> np.ndarray:
        weight = self.support_[WEIGHT].to_numpy()
        weight = weight / weight.sum()
        if not self.weights_estimators_:
            return weight
        rest = self._columns.kept(X, self._others, type(self).__name__)
        shares = weight[None]
        for k, model in enumerate(self.weights_estimators_):
            groups, known = self.support_[group_column(k)].to_numpy(), model.predict_proba(rest)
            # Groups are as likely as the model says; values inside one as in the training table.
            shares = shares * (known / np.bincount(groups, weight, known.shape[1]))[:, groups]
        return shares / shares.sum(axis=1, keepdims=True)

    def _link(self):
        """Between scores and means; None where the means of another estimator are averaged."""
        inner = self.sighted_estimator_
        return (
            inner.additive_model_.link_function if isinstance(inner, AdditiveEstimator) else None
        )

    def _means(self, X: Any) -> np.ndarray:
        found, link = self._average(X).mean, self._link()
        return link.inverse(found) if link is not None and self.scale == "link" else found

    def predict_standard_error(self, X: Any) -> np.ndarray:
        """Standard error of the predictions that comes from drawing values by chance.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            That of ``predict_proba`` for classifiers and of ``predict`` for regressors. Zero
            where all combinations of values were averaged.
        """
        check_is_fitted(self)
        if not self.n_drawn_:
            shape = self.predict_proba(X).shape if is_classifier(self) else len(self.predict(X))
            return np.zeros(shape)
        found = np.sqrt(self._average(X).variance / (self.n_drawn_ - 1))
        return found if is_classifier(self) else found[:, 0]
