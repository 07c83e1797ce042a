"""What all fairness strategies share: columns, routing, prediction, and the face of tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    _fit_context,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    has_fit_parameter,
)

from glassbox.core._tables import open_table
from glassbox.core.attributes import Attribute, groups, read_attributes
from glassbox.core.schema import Schema
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._strategies.columns import TableColumns, resolved
from glassbox.fairness._strategies.face import TablesFace


def _inner_has(name: str) -> Callable[[FairEstimator], bool]:
    def check(self: FairEstimator) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class FairEstimator(TablesFace, MetaEstimatorMixin, BaseEstimator):
    """Base of the strategies: an estimator around another, whose parameter is `estimator`.

    A strategy implements :meth:`_fit`, which sets `estimator_`: what predicts. All that can be
    asked of an additive estimator can be asked of the strategy, if `estimator_` is one.

    Attributes
    ----------
    estimator_ : estimator
        Fitted: what predicts.
    sensitive_names_ : list of str
        Names of the sensitive columns of X.
    n_features_in_ : int
        Columns of the table given to ``fit``, sensitive ones included.
    feature_names_in_ : ndarray of str
        Only if that table had column names.
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "sensitive": ["array-like", None],
    }

    #: Fitted attributes that ``save`` writes: each class names its own, all bases count.
    _fitted_state_names: tuple[str, ...] = ("sensitive_names_",)

    #: Fitted estimators that ``save`` writes in full; None is allowed for all but the first.
    _fitted_estimator_names: tuple[str, ...] = ("estimator_",)

    @abstractmethod
    def _fit(self, X: Any, y: Any, sample_weight: Any, sensitive_features: Any, given: dict):
        """Set `estimator_`; `given` is what the inner estimator's fit takes beyond the rows."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        sensitive_features: Any = None,
        **fit_params: Any,
    ) -> FairEstimator:
        """Fit the inner estimator under the strategy.

        Parameters
        ----------
        X : DataFrame (pandas, polars) or array-like of shape (n_samples, n_features)
            With the columns named in `sensitive`.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Passed on to the inner estimator.
        sensitive_features : DataFrame, Series, array-like or mapping, optional
            Sensitive features that are no columns of X, one value (or one row) per row of X.
        **fit_params : dict
            Passed on to the ``fit`` of the inner estimator.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            Naming the column or parameter that cannot be used, and what to do.
        """
        given = self._prepare(X, y, sample_weight, fit_params)
        self._fit(X, y, sample_weight, sensitive_features, given)
        return self

    def _prepare(self, X: Any, y: Any, sample_weight: Any, fit_params: dict) -> dict:
        """Check a training table and remember its columns; what the inner fit takes besides."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        self._check_inner()
        table = open_table(X)
        columns = TableColumns.of(table, self.sensitive)
        for name in columns.sensitive:
            # Refuses what is no column of values, also where the inner estimator never sees it.
            table.factorized(name)
        check_consistent_length(table.values(table.names[0]), y)
        if is_classifier(self):
            check_classification_targets(y)
        given = self._routed(sample_weight, fit_params)
        _check_feature_names(self, X, reset=True)
        self.n_features_in_ = len(columns.names)
        self.sensitive_names_ = list(columns.sensitive)
        return given

    def _check_inner(self) -> None:
        for is_one, kind in ((is_classifier, "classifier"), (is_regressor, "regressor")):
            if is_one(self) and not is_one(self.estimator):
                raise TypeError(
                    f"{type(self).__name__} needs a {kind}, got {self.estimator!r:.200}."
                )

    def _routed(self, sample_weight: Any, fit_params: dict) -> dict:
        if _routing_enabled():
            routed = process_routing(self, "fit", sample_weight=sample_weight, **fit_params)
            return dict(routed.estimator.fit)
        if sample_weight is None:
            return fit_params
        if not has_fit_parameter(self.estimator, "sample_weight"):
            raise TypeError(
                f"{type(self.estimator).__name__}.fit takes no sample_weight. Leave it out, or "
                "enable metadata routing, and request it where it is used."
            )
        return {"sample_weight": sample_weight, **fit_params}

    def _fitted_inner(self, X: Any, y: Any, given: dict, estimator: Any = None) -> Any:
        """A fitted clone of the inner estimator (or of another)."""
        return clone(self.estimator if estimator is None else estimator).fit(X, y, **given)

    def _attributes(
        self, X: Any, sensitive_features: Any, schema: Schema | None = None
    ) -> list[Attribute]:
        """The sensitive columns of the training table that vary, and the features beside it.

        A schema says which columns of numbers are categories.
        """
        table, found = open_table(X), []
        for name in self.sensitive_names_:
            codes, levels = table.factorized(name)
            if len(levels) + bool((codes < 0).any()) < 2:
                continue
            if schema is not None and schema[name].kind == "categorical":
                column = schema[name]
                labels = [str(category) for category in column.categories]
                found.append(groups(name, column.read(table, name), labels))
            else:
                found += read_attributes(pd.DataFrame({name: table.values(name)}))
        if sensitive_features is not None:
            found += read_attributes(sensitive_features, table.n_rows)
        names = [attribute.name for attribute in found]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"{name!r} is named in `sensitive` and given in `sensitive_features` as "
                    "well; give it once."
                )
        return found

    def _weights(self, X: Any, sample_weight: Any) -> np.ndarray:
        """The weights of the training rows, ones if none are given."""
        n_rows = open_table(X).n_rows
        if sample_weight is None:
            return np.ones(n_rows)
        return _check_sample_weight(
            sample_weight, np.empty((n_rows, 1)), dtype=np.float64, ensure_non_negative=True
        )

    @property
    def _columns(self) -> TableColumns:
        names = getattr(self, "feature_names_in_", None)
        named = names is not None
        names = names if named else [f"x{j}" for j in range(self.n_features_in_)]
        return TableColumns(tuple(names), named, tuple(self.sensitive_names_))

    def _as_read(self, X: Any) -> Any:
        """The table that `estimator_` reads, made from one that may lack sensitive columns."""
        check_is_fitted(self)
        return self._columns.hidden(X, owner=type(self).__name__)

    @property
    def _others(self) -> list[str]:
        """Columns that are not sensitive."""
        return [name for name in self._columns.names if name not in self.sensitive_names_]

    @property
    def _names_read(self) -> list[str]:
        """Columns that `estimator_` reads: all, or those that are not sensitive."""
        schema = getattr(self.estimator_, "schema_", None)
        if schema is not None and len(schema) == len(self._others):
            return self._others
        return list(self._columns.names)

    def _check_fitted(self) -> None:
        """Raise an error if fitted attributes contradict one another, as in an edited file."""
        columns = self._columns
        names = self.sensitive_names_
        if type(names) is not list or names != resolved(self.sensitive, columns.names):
            raise ValueError(
                f"the sensitive columns {names!r:.80} are not those of the parameter `sensitive`, "
                f"{self.sensitive!r:.80}"
            )
        if isinstance(self.estimator_, AdditiveEstimator):
            schema, read = self.estimator_.schema_, self._names_read
            if len(schema) != len(read) or (columns.named and schema.names != read):
                raise ValueError("the inner estimator reads other columns than the outer one")

    @available_if(_inner_has("predict"))
    def predict(self, X: Any) -> np.ndarray:
        """Predictions of the strategy.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.estimator_.predict(self._as_read(X))

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata `fit` takes itself and passes on.

        Returns
        -------
        MetadataRouter
        """
        passed_on = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=passed_on)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.sparse = False
        tags.non_deterministic = inner.non_deterministic
        tags.target_tags = inner.target_tags
        return tags


class FairClassifier(ClassifierMixin, FairEstimator):
    """Base of the strategies for classes."""

    @property
    def classes_(self) -> np.ndarray:
        """The classes, in the order of the columns of ``predict_proba``."""
        if not hasattr(self, "estimator_"):
            raise AttributeError(f"{type(self).__name__} has no classes_ before fit.")
        return self.estimator_.classes_

    @available_if(_inner_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(self._as_read(X))

    @available_if(_inner_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Scores: log-odds of the second class for two classes, else one per class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(self._as_read(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).classifier_tags
        if inner is not None:
            tags.classifier_tags = inner
        # To give up some of the score is what a strategy is for.
        tags.classifier_tags.poor_score = True
        return tags


class FairRegressor(RegressorMixin, FairEstimator):
    """Base of the strategies for numeric outcomes."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).regressor_tags
        if inner is not None:
            tags.regressor_tags = inner
        # To give up some of the score is what a strategy is for.
        tags.regressor_tags.poor_score = True
        return tags
