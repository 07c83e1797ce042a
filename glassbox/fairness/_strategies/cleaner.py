"""Train, then clean: fit with the sensitive columns, then delete what was learned of them."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.attributes import Attribute
from glassbox.core.marginal import without_terms_of
from glassbox.core.purify import purify
from glassbox.core.terms import Term
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._strategies.cleaned import cleaned_frame
from glassbox.fairness._strategies.explained import Explains, columns_by_term, without_explained
from glassbox.fairness._strategies.ordered import in_order
from glassbox.fairness._strategies.proxies import proxy_scores
from glassbox.fairness._strategies.retabled import with_tables
from glassbox.fairness._strategies.wrapper import FairClassifier, FairEstimator, FairRegressor


class _TrainThenClean(FairEstimator):
    _parameter_constraints: dict = {
        **FairEstimator._parameter_constraints,
        "proxies": [StrOptions({"all"}), Interval(numbers.Real, 0, 1, closed="both"), None],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }

    _fitted_state_names = ("cleaned_", "proxies_")

    def __init__(self, estimator, *, sensitive=None, proxies=None, cv=5, random_state=None):
        self.estimator = estimator
        self.sensitive = sensitive
        self.proxies = proxies
        self.cv = cv
        self.random_state = random_state

    def _fit(self, X: Any, y: Any, sample_weight: Any, sensitive_features: Any, given: dict):
        self._check_asked(sensitive_features)
        inner = self._fitted_inner(X, y, given)
        if getattr(inner, "joint_", None) is not None:
            raise ValueError(
                f"The network of {type(inner).__name__} reads the sensitive features together "
                "with others, and no part of it can be deleted. Use residual=False."
            )
        weights = self._weights(X, sample_weight)
        used = np.flatnonzero(weights > 0)
        attributes = [
            attribute.take(used)
            for attribute in self._attributes(X, sensitive_features, inner.schema_)
        ]
        columns = {name: column[used] for name, column in inner.schema_.read(X).items()}
        weights = weights[used]
        before = purify(inner.additive_model_)
        rest = without_terms_of(before, self.sensitive_names_)
        explains = self._explaining(columns, weights, attributes)
        after = without_explained(rest, columns, weights, explains)
        if after.n_outputs == 1:
            declared = inner.certificate().set_index("feature")["declared"]
            after = in_order(after, rest, columns, weights, declared.to_dict(), explains)
        after = _with_the_mean_of(before, after, columns, weights)
        names = {attribute.name for attribute in attributes}
        unvarying = [name for name in self.sensitive_names_ if name not in names]
        labels = inner.classes_.tolist() if after.n_outputs > 1 else None
        self.cleaned_ = cleaned_frame(
            before, after, columns, weights, attributes, unvarying, labels
        )
        self.estimator_ = with_tables(inner, after, columns, weights, self._said())

    def _check_fitted(self) -> None:
        super()._check_fitted()
        used = set(self.estimator_.additive_model_.features) & set(self.sensitive_names_)
        if used:
            raise ValueError(f"the cleaned model uses {sorted(used)[0]!r}, which is sensitive")

    def _check_asked(self, sensitive_features: Any) -> None:
        if not isinstance(self.estimator, AdditiveEstimator):
            raise TypeError(
                f"{type(self).__name__} cleans the tables of glassbox's additive estimators, and "
                f"{type(self.estimator).__name__} has none. Use SensitiveFeatureRemover or "
                "TestTimeBlinder."
            )
        if not self.sensitive_names_ and (sensitive_features is None or self.proxies is None):
            raise ValueError(
                "sensitive names no column, so that nothing would be cleaned. Name the sensitive "
                "columns of X, or give sensitive_features and `proxies`."
            )

    def _explaining(
        self, columns: Columns, weights: np.ndarray, attributes: list[Attribute]
    ) -> Explains:
        """What each term must not covary with."""
        self.proxies_ = None
        if self.proxies is None:
            return lambda term: None
        whitened = {a.name: a.whitened(weights) for a in attributes}
        if self.proxies == "all":
            return columns_by_term(whitened, lambda term: list(whitened))
        rest = {name: c for name, c in columns.items() if name not in self.sensitive_names_}
        found = proxy_scores(
            rest, attributes, cv=self.cv, random_state=self.random_state, weights=weights
        )
        self.proxies_ = found.assign(removed=found["value"] > self.proxies)
        above = self.proxies_[self.proxies_["removed"]]

        def names_of(term: Term) -> list[str]:
            return list(
                dict.fromkeys(above.loc[above["feature"].isin(term.features), "attribute"])
            )

        return columns_by_term(whitened, names_of)

    def _said(self) -> str:
        names = ", ".join(self.sensitive_names_)
        said = f"without what was learned of {names}" if names else "with terms changed"
        if self.proxies is not None:
            said += ", and what sensitive features explain of other terms"
        return said


def _with_the_mean_of(
    before: AdditiveModel, after: AdditiveModel, columns: Columns, weights: np.ndarray
) -> AdditiveModel:
    """The model with the intercept that leaves the mean score where it was."""
    change = np.average(before.scores(columns) - after.scores(columns), axis=0, weights=weights)
    return after.replace(intercept=after.intercept + change)


class TrainThenCleanClassifier(FairClassifier, _TrainThenClean):
    """Fit a classifier with the sensitive columns, then delete what it learned of them.

    With the sensitive columns in the model, their effect lands in their own terms, and not in
    those of their proxies. Deleting these terms leaves what the other columns say by themselves:
    predictions no longer depend on the sensitive columns, given the others. They may still
    depend on them through the others; see `proxies`.

    Parameters
    ----------
    estimator : classifier
        One of glassbox's additive estimators; :class:`~glassbox.MonotonicNetClassifier` with
        ``residual=False``.
    sensitive : list of str or int
        Columns of X to clean of, by name or position.
    proxies : "all", float or None, default=None
        Whether to remove from the other terms what sensitive features explain of them. "all":
        from all terms. A number: from terms of a feature from which alone a sensitive feature can
        be predicted better than this (cross-validated AUC for groups, R² for amounts).
    cv : int or cross-validation splitter, default=5
        Folds in which proxies are looked for.
    random_state : int, RandomState or None, default=None
        Which rows go to which fold.

    Attributes
    ----------
    estimator_ : classifier
        The fitted estimator with the cleaned tables.
    cleaned_ : DataFrame
        What was removed, by ``term``, ``attribute`` and ``group``: ``importance`` of the term
        before (mean absolute contribution), ``removed`` (that of what was removed), ``gap`` and
        ``gap_after`` (mean contribution in the group less that in the ``reference``, the largest
        group; for amounts the covariance with them, and no group), ``share`` of the score's gap
        that went with the term, ``reason`` (why it is NaN); ``output`` for several classes.
    proxies_ : DataFrame or None
        If `proxies` is a number: as in :class:`SensitiveFeatureRemoverClassifier`.
    sensitive_names_ : list of str
    n_features_in_, feature_names_in_
        Of the table given to ``fit``; later tables may lack the sensitive columns.

    Notes
    -----
    The model is purified before anything is deleted, so that what a pair says of its other
    feature stays in the model. The mean score stays what it was.

    With `proxies`, each term f changes by as little as possible (in mean square over the training
    rows, as a function of its own features) to be uncorrelated with every function of the groups,
    or with a natural cubic spline of the amount. Its mean is then the same in all groups, if it
    is a group; more than means is not promised. `fit` takes `sensitive_features` that are no
    columns of X, which count here as well.

    Declared directions are kept: where a change would break one, the nearest tables that keep it
    (and are uncorrelated) are used.

    References
    ----------
    Pope & Sydnor (2011), "Implementing anti-discrimination policies in statistical profiling
    models", American Economic Journal: Economic Policy 3(3):206-231.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from glassbox import SplineGAMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"bun": rng.normal(20, 5, 200), "race": rng.choice(["a", "b"], 200)})
    >>> y = rng.random(200) < 0.3 + 0.3 * (X["race"] == "a")
    >>> est = TrainThenCleanClassifier(SplineGAMClassifier(), sensitive=["race"]).fit(X, y)
    >>> est.term_names_
    ['bun']
    >>> est.cleaned_.loc[est.cleaned_["term"] == "race", "gap_after"].tolist()
    [0.0]
    """


class TrainThenCleanRegressor(FairRegressor, _TrainThenClean):
    """An additive regressor without what it learned of the sensitive columns.

    Parameters, attributes and notes are those of :class:`TrainThenCleanClassifier`.

    Parameters
    ----------
    estimator : regressor
        One of glassbox's additive estimators.
    sensitive, proxies, cv, random_state
        As for the classifier.

    Attributes
    ----------
    estimator_, cleaned_, proxies_, sensitive_names_, n_features_in_, feature_names_in_
        As for the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMRegressor
    >>> a = np.tile([0.0, 1.0], 100)
    >>> x = np.linspace(0, 1, 200) + a
    >>> X = np.column_stack([x, a])
    >>> est = TrainThenCleanRegressor(SplineGAMRegressor(), sensitive=[1]).fit(X, x + a)
    >>> low, high = est.predict(np.array([[0.5, 0.0], [1.5, 1.0]]))
    >>> bool(abs(high - low - 1) < 0.01)
    True
    """
