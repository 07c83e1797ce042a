"""Remove: fit without the sensitive columns, and without their proxies on request."""

from __future__ import annotations

import numbers
from typing import Any

from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from glassbox.core.schema import Schema
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._strategies.proxies import proxy_scores
from glassbox.fairness._strategies.without import without_columns
from glassbox.fairness._strategies.wrapper import FairClassifier, FairEstimator, FairRegressor


class _SensitiveFeatureRemover(FairEstimator):
    _parameter_constraints: dict = {
        **FairEstimator._parameter_constraints,
        "proxies": [Interval(numbers.Real, 0, 1, closed="both"), None],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }

    _fitted_state_names = ("kept_names_", "proxies_")

    def __init__(self, estimator, *, sensitive=None, proxies=None, cv=5, random_state=None):
        self.estimator = estimator
        self.sensitive = sensitive
        self.proxies = proxies
        self.cv = cv
        self.random_state = random_state

    def _fit(self, X: Any, y: Any, sample_weight: Any, sensitive_features: Any, given: dict):
        columns = self._columns
        self._check_asked(sensitive_features)
        kept = [name for name in columns.names if name not in columns.sensitive]
        self.proxies_ = None
        if self.proxies is not None and kept:
            self.proxies_ = self._measured(X, kept, sample_weight, sensitive_features)
            removed = set(self.proxies_.loc[self.proxies_["removed"], "feature"])
            kept = [name for name in kept if name not in removed]
        if not kept:
            raise ValueError(
                f"Nothing is left to learn from: X has n_features={len(columns.names)}, and all "
                "are sensitive, or proxies above the threshold. Raise `proxies`, or give other "
                "features."
            )
        self.kept_names_ = kept
        inner = without_columns(self.estimator, columns.names, kept)
        self.estimator_ = inner.fit(columns.of_training(X, kept), y, **given)

    def _check_asked(self, sensitive_features: Any) -> None:
        if not self.sensitive_names_ and sensitive_features is None:
            raise ValueError(
                "sensitive names no column, and there are no sensitive_features, so that nothing "
                "would be removed. Name the sensitive columns of X."
            )
        if sensitive_features is not None and self.proxies is None:
            raise ValueError(
                "sensitive_features are used to find proxies, and proxies=None looks for none. "
                "Give `proxies` a threshold, or leave sensitive_features out."
            )

    def _measured(self, X: Any, kept: list[str], sample_weight: Any, sensitive_features: Any):
        listed = "from_dtype"
        if isinstance(self.estimator, AdditiveEstimator):
            listed = self.estimator.categorical_features
        typed = Schema.infer(X, listed).read(X)
        found = proxy_scores(
            {name: typed[name] for name in kept},
            self._attributes(X, sensitive_features),
            cv=self.cv,
            random_state=self.random_state,
            weights=self._weights(X, sample_weight),
        )
        return found.assign(removed=found["value"] > self.proxies)

    @property
    def _names_read(self) -> list[str]:
        return self.kept_names_

    def _check_fitted(self) -> None:
        names, kept = self._columns.names, self.kept_names_
        if type(kept) is not list or [name for name in names if name in kept] != kept:
            raise ValueError(f"kept columns {kept!r:.80} are not among the features")
        super()._check_fitted()
        if set(kept) & set(self.sensitive_names_):
            raise ValueError("a sensitive column was kept")

    def _as_read(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._columns.kept(X, self.kept_names_, owner=type(self).__name__)


class SensitiveFeatureRemoverClassifier(FairClassifier, _SensitiveFeatureRemover):
    """Fit a classifier without the sensitive columns.

    Predictions cannot change when a sensitive column changes. They may still depend on it: other
    columns stand in for it, and take over its effect. Dropping a feature is not fairness; an
    audit shows what is left.

    Parameters
    ----------
    estimator : classifier
        Any of scikit-learn's kind. Parameters of glassbox's own that name a column which is
        removed (`monotonic_cst`, `categorical_features`, `interactions`, ...) are told so.
    sensitive : list of str or int
        Columns of X to remove, by name or position.
    proxies : float, optional
        Also remove every column from which alone a sensitive feature can be predicted better than
        this: cross-validated AUC for groups (0.5 is chance), R² for amounts (0 is chance).
    cv : int or cross-validation splitter, default=5
        Folds in which proxies are looked for.
    random_state : int, RandomState or None, default=None
        Which rows go to which fold.

    Attributes
    ----------
    estimator_ : classifier
        Fitted to the columns that were kept.
    kept_names_ : list of str
        Columns that were kept.
    proxies_ : DataFrame or None
        If proxies were looked for: ``attribute``, ``feature``, ``measure`` ("auc" or "r2"),
        ``value``, ``reason`` (why a value is NaN), ``removed``.
    sensitive_names_ : list of str
    n_features_in_, feature_names_in_
        Of the table given to ``fit``.

    Notes
    -----
    For least squares, what is left of a removed column is known: the coefficient of another
    column takes the removed effect times the slope of the removed column on it (omitted-variable
    bias).

    With `proxies`, `fit` takes `sensitive_features` that are no columns of X, and looks for
    proxies of these as well.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from glassbox import SplineGAMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"bun": rng.normal(20, 5, 200), "race": rng.choice(["a", "b"], 200)})
    >>> y = rng.random(200) < 0.3 + 0.3 * (X["race"] == "a")
    >>> est = SensitiveFeatureRemoverClassifier(SplineGAMClassifier(), sensitive=["race"])
    >>> est.fit(X, y).term_names_
    ['bun']
    >>> est.predict_proba(X[["bun"]]).shape
    (200, 2)
    """


class SensitiveFeatureRemoverRegressor(FairRegressor, _SensitiveFeatureRemover):
    """Fit a regressor without the sensitive columns.

    Parameters, attributes and notes are those of :class:`SensitiveFeatureRemoverClassifier`.

    Parameters
    ----------
    estimator : regressor
    sensitive, proxies, cv, random_state
        As for the classifier.

    Attributes
    ----------
    estimator_, kept_names_, proxies_, sensitive_names_, n_features_in_, feature_names_in_
        As for the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> a = np.tile([0.0, 1.0], 50)
    >>> X = np.column_stack([np.arange(100.0), a])
    >>> est = SensitiveFeatureRemoverRegressor(LinearRegression(), sensitive=[1])
    >>> est.fit(X, X[:, 0] + a).kept_names_
    ['x0']
    """
