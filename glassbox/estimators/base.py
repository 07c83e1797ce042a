"""What all additive estimators share: reading tables, prediction, contributions, shapes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
)

from glassbox.core._tables import open_table
from glassbox.core.additive import AdditiveModel, Columns, row_blocks
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.density import term_importances, with_density
from glassbox.core.schema import Schema
from glassbox.core.shapes import shape_function
from glassbox.core.terms import PAIR_SEPARATOR
from glassbox.estimators._directions import resolve_directions, warn_of_copies
from glassbox.estimators._training import TrainingTable

#: Rows that are read and scored at a time.
_PREDICT_ROWS = 65_536


class AdditiveEstimator(BaseEstimator, ABC):
    """Base of all estimators whose fitted model is an :class:`AdditiveModel`.

    A family implements :meth:`_learn`, from a training table to an additive model; everything
    that users call is written here, once, against that model.

    Attributes
    ----------
    additive_model_ : AdditiveModel
        The fitted model: every method below reads it and nothing else.
    schema_ : Schema
        Names and types of the columns.
    intercept_ : float or ndarray of shape (n_classes,)
    term_names_ : list of str
        Names of the terms; pairs as "age & bun".
    term_importances_ : Series
        Mean absolute contribution of each term over the training data.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if the training table had column names.
    """

    #: Fitted attributes that ``save`` writes: each class names its own, all bases count.
    _fitted_state_names = (
        "schema_",
        "additive_model_",
        "term_importances_",
        "band_description_",
    )

    #: Other fitted parts that ``save`` writes: attribute to (as JSON, from JSON); or None.
    _fitted_parts: dict = {}

    @abstractmethod
    def _learn(self, table: TrainingTable) -> AdditiveModel:
        """Learn from rows in canonical order, without zero weights."""

    @abstractmethod
    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        """Check the outcome and turn it into numbers."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AdditiveEstimator:
        """Learn an additive model.

        Parameters
        ----------
        X : DataFrame (pandas, polars) or array-like of shape (n_samples, n_features)
            Numbers, booleans, text and categorical columns; missing values as NaN, None or NA.
        y : array-like of shape (n_samples,)
            Classes (numbers, text or booleans), or the outcome of a regression.
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight zero is left out; a row of weight three counts as three rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            Naming the column and the value that cannot be used, and what to do.
        """
        table = self._read_training_table(X, y, sample_weight)
        self._remember_names(X)
        model = self._learn(table)
        if not all(term.density.any() for term in model.terms):
            model = with_density(model, table.columns, table.weights)
        self._finish(model, [table])
        return self

    def _remember_names(self, X: Any) -> None:
        _check_feature_names(self, X, reset=True)

    def _finish(self, model: AdditiveModel, tables: Iterable[TrainingTable]) -> None:
        """Take over a model that was learned from some tables."""
        sums, total = 0.0, 0.0
        for table in tables:
            weight = table.weights.sum()
            sums = sums + weight * term_importances(model, table.columns, table.weights)
            total += weight
        self.additive_model_ = model
        self.term_importances_ = sums / total

    def _read_training_table(self, X: Any, y: Any, sample_weight: Any) -> TrainingTable:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        X = open_table(X)
        schema = Schema.infer(X, self.categorical_features)
        columns = schema.read(X)
        warn_of_copies(columns, resolve_directions(getattr(self, "monotonic_cst", None), schema))
        y, weights = self._checked_outcome(columns, y, sample_weight)
        used = weights > 0
        if not used.all():
            X = X.rows(np.flatnonzero(used))
            schema = Schema.infer(X, self.categorical_features)
            columns, y, weights = schema.read(X), y[used], weights[used]
        self.schema_ = schema
        target = self._encode_target(y)
        return self._canonical(TrainingTable(schema, columns, target, weights))

    def _checked_outcome(
        self, columns: Columns, y: Any, sample_weight: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """The outcome and the weights of the rows, checked against their columns."""
        y = _check_y(y, multi_output=False, y_numeric=False, estimator=self)
        first = next(iter(columns.values()))
        check_consistent_length(first, y)
        weights = np.ones(len(y))
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, first[:, None], dtype=np.float64, ensure_non_negative=True
            )
        return y, weights

    def _canonical(self, table: TrainingTable) -> TrainingTable:
        """The rows in the order in which the family learns from them."""
        return table.in_canonical_order()

    @property
    def n_features_in_(self) -> int:
        """Number of columns of the training table."""
        if not hasattr(self, "schema_"):
            raise AttributeError(f"{type(self).__name__} has no n_features_in_ before fit.")
        return len(self.schema_)

    @property
    def intercept_(self) -> float | np.ndarray:
        """The score when every term is zero."""
        intercept = self.additive_model_.intercept
        return float(intercept[0]) if len(intercept) == 1 else intercept

    @property
    def term_names_(self) -> list[str]:
        """Names of the terms."""
        return self.additive_model_.term_names

    @property
    def _outputs(self) -> list | None:
        """Labels of the scores, if there is more than one."""
        return None

    def _scores(self, X: Any) -> np.ndarray:
        """Scores, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        reader = self.schema_.open(X, owner=type(self).__name__)
        scores = np.empty((reader.n_rows, self.additive_model_.n_outputs))
        for block in row_blocks(reader.n_rows, _PREDICT_ROWS):
            scores[block] = self._scores_of(reader.read(block))
        return scores

    def _scores_of(self, columns: Columns) -> np.ndarray:
        """Scores of typed columns, shape (n_rows, n_outputs)."""
        return self.additive_model_.scores(columns)

    def _means(self, X: Any) -> np.ndarray:
        """Means of the outcome, shape (n_samples, n_outputs)."""
        scores = self._scores(X)
        return self.additive_model_.link_function.inverse(scores)

    def _beyond_tables(self, columns: Columns) -> dict[str, np.ndarray | float]:
        """What adds to the score and is in no table, by name."""
        return {}

    def contributions(self, X: Any) -> pd.DataFrame:
        """What each term adds to the score of each row, on the link scale.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        DataFrame of shape (n_samples, n_terms)
            One column per name in ``term_names_``; for several classes, one per (term, class);
            "joint" is what a network adds beyond the tables, in models that have one. The sum of
            a row and ``intercept_`` is the score.
        """
        check_is_fitted(self)
        columns = self.schema_.read(X, owner=type(self).__name__)
        values = self.additive_model_.contributions(columns)
        index = X.index if isinstance(X, pd.DataFrame) else None
        if self._outputs is None:
            frame = pd.DataFrame(values[:, :, 0], columns=self.term_names_, index=index)
            return frame.assign(**self._beyond_tables(columns))
        names = pd.MultiIndex.from_product(
            [self.term_names_, self._outputs], names=["term", "class"]
        )
        return pd.DataFrame(values.reshape(len(values), -1), columns=names, index=index)

    def shape_function(self, term: str | tuple[str, str]) -> pd.DataFrame:
        """The exact function of a term, as :func:`glassbox.core.shapes.shape_function` gives it.

        Parameters
        ----------
        term : str or pair of str
            A name from ``term_names_``, or the names of two features in either order.

        Returns
        -------
        DataFrame
            ``x`` (or ``x1``, ``x2``), ``kind``, ``score``, ``lower``, ``upper``, ``weight``; with
            ``output`` first for several classes.

        Raises
        ------
        ValueError
            If there is no such term.
        """
        check_is_fitted(self)
        return shape_function(self.additive_model_[self._term_name(term)], self._outputs)

    def _term_name(self, term: str | tuple[str, str]) -> str:
        candidates = [term] if isinstance(term, str) else []
        if not candidates and len(term) == 2:
            first, second = term
            candidates = [PAIR_SEPARATOR.join(pair) for pair in ((first, second), (second, first))]
        for name in candidates:
            if name in self.term_names_:
                return name
        raise ValueError(f"There is no term {term!r}; the terms are {self.term_names_}.")

    def certificate(self) -> pd.DataFrame:
        """Whether each feature's declared direction holds over the whole input space.

        Returns
        -------
        DataFrame
            One row per feature that can have a direction, as
            :func:`glassbox.core.certificate.monotonicity_certificate` gives it.
        """
        check_is_fitted(self)
        return monotonicity_certificate(self.additive_model_, self._declared_directions())

    def _declared_directions(self) -> dict[str, int]:
        """By name of every feature that can have one; 0 where none was declared."""
        declared = resolve_directions(getattr(self, "monotonic_cst", None), self.schema_)
        return {
            column.name: declared.get(column.name, 0)
            for column in self.schema_.columns
            if column.kind == "numeric" or column.ordered
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class AdditiveClassifier(ClassifierMixin, AdditiveEstimator):
    """Base of the classifiers: two classes with a logit link, more with a softmax."""

    _fitted_state_names = ("classes_",)

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"The target has one class only ({self.classes_.tolist()[0]!r}); a classifier "
                "needs rows of at least two classes."
            )
        return codes

    @property
    def _outputs(self) -> list | None:
        return self.classes_.tolist() if self.additive_model_.n_outputs > 1 else None

    def decision_function(self, X: Any) -> np.ndarray:
        """The score: log-odds of the second class, or one score per class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        means = self._means(X)
        if means.shape[1] == 1:
            return np.column_stack([1.0 - means, means])
        return means

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scores = self._scores(X)
        winner = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)
        return self.classes_[winner]


class AdditiveRegressor(RegressorMixin, AdditiveEstimator):
    """Base of the regressors."""

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        return _check_y(y, y_numeric=True, estimator=self).astype(np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """Mean of the outcome.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._means(X)[:, 0]
