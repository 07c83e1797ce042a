"""Peers behind one face: ``fit``, ``predict`` and, where they have any, ``shape``."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks._common import predict_for_scores


@dataclass(frozen=True)
class Shape:
    """A learned effect at each row of a table, and its nominal 95 % band."""

    score: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def centred(self, rows: np.ndarray) -> Shape:
        """The shape with mean zero over some rows, and only these."""
        mean = self.score[rows].mean()
        return Shape(self.score[rows] - mean, self.lower[rows] - mean, self.upper[rows] - mean)


class ScikitLearn:
    """An estimator in scikit-learn's manner, with or without columns turned into numbers."""

    def __init__(self, task: str, estimator, preprocessing=None):
        self.task = task
        self.model = make_pipeline(preprocessing, estimator) if preprocessing else estimator

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> ScikitLearn:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.fit(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return predict_for_scores(self.task, self.model, X)


class Glassbox(ScikitLearn):
    """An additive estimator of glassbox."""

    def shape(self, name: str, X: pd.DataFrame) -> Shape:
        if name not in self.model.term_names_:  # left out by the model: no effect
            return Shape(*np.zeros((3, len(X))))
        term = self.model.additive_model_[name]
        column = self.model.schema_.read(X)[name]
        rows = [term.axes[0].locate(column)]
        tables = (term.coefficients, term.lower, term.upper)
        return Shape(
            *(
                np.full(len(X), np.nan) if table is None else term.evaluate(rows, table)[:, 0]
                for table in tables
            )
        )


class Interpret(ScikitLearn):
    """interpret's explainable boosting machine; its band is ±1.96 of its standard deviations."""

    def shape(self, name: str, X: pd.DataFrame) -> Shape:
        ebm = self.model
        position = list(ebm.feature_names_in_).index(name)
        bins = _interpret_bins(ebm.bins_[position][0], X[name])
        score = ebm.term_scores_[position][bins]
        half_width = 1.96 * ebm.standard_deviations_[position][bins]
        return Shape(score, score - half_width, score + half_width)


def _interpret_bins(bins, column: pd.Series) -> np.ndarray:
    missing = column.isna().to_numpy()
    if isinstance(bins, dict):
        unseen = max(bins.values(), default=0) + 1
        found = np.array([bins.get(str(value), unseen) for value in column])
    else:
        values = pd.to_numeric(column).to_numpy(dtype=float)
        found = np.searchsorted(bins, values, side="right") + 1
    return np.where(missing, 0, found)


class PyGAM:
    """pyGAM, which has neither missing values nor text.

    Numbers are filled in with the median, with a column that says where (unless fewer than one
    row in a hundred is missing); categories become factor terms, missing a category of its own;
    numbers with two values become linear terms.

    Parameters
    ----------
    task : {"classification", "regression"}
    search : bool
        Choose one smoothing parameter for all terms by pyGAM's own grid search (six values, 0.1
        to 10,000, by GCV or UBRE), instead of its default of 0.6.
    """

    def __init__(self, task: str, search: bool = False):
        self.task = task
        self.search = search

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> PyGAM:
        from pygam import LinearGAM, LogisticGAM, f, l, s

        self.medians_ = {
            name: column.median() for name, column in X.items() if column.dtype.kind in "iufb"
        }
        self.flagged_ = [name for name in self.medians_ if X[name].isna().mean() >= 0.01]
        self.levels_ = {
            name: column.value_counts(dropna=False).loc[lambda counts: counts > 0].index
            for name, column in X.items()
            if name not in self.medians_
        }
        matrix, kept = self._matrix(X), []
        for i, name in enumerate([*X, *self.flagged_]):
            n_values = len(np.unique(matrix[:, i]))
            if n_values > 1:
                is_factor = i < X.shape[1] and name in self.levels_
                kept.append((i, f if is_factor else l if n_values == 2 else s))
        self.kept_ = [i for i, _ in kept]
        terms = kept[0][1](0)
        for j, (_, term) in enumerate(kept[1:], start=1):
            terms += term(j)
        family = LogisticGAM if self.task == "classification" else LinearGAM
        self.model = family(terms)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.search:
                grid = np.logspace(-1, 4, 6)
                self.model.gridsearch(matrix[:, self.kept_], y, lam=grid, progress=False)
            else:
                self.model.fit(matrix[:, self.kept_], y)
        self.columns_ = list(X)
        return self

    def _matrix(self, X: pd.DataFrame) -> np.ndarray:
        columns = []
        for name, column in X.items():
            if name in self.medians_:
                columns.append(column.fillna(self.medians_[name]).to_numpy(dtype=float))
            else:
                # An unseen level is read as the most frequent one.
                codes = self.levels_[name].get_indexer(column)
                columns.append(np.maximum(codes, 0).astype(float))
        flags = [X[name].isna().to_numpy(dtype=float) for name in self.flagged_]
        return np.column_stack([*columns, *flags])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model.predict_mu(self._matrix(X)[:, self.kept_])

    def shape(self, name: str, X: pd.DataFrame) -> Shape:
        column = self.columns_.index(name)
        if column not in self.kept_:
            return Shape(*np.zeros((3, len(X))))
        matrix = self._matrix(X)[:, self.kept_]
        position = self.kept_.index(column)
        score, band = self.model.partial_dependence(position, X=matrix, width=0.95)
        return Shape(score, band[:, 0], band[:, 1])


def as_numbers(*, impute: bool):
    """Categories as one-hot columns; numbers scaled and filled in, or left as they are."""
    numeric = (
        make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        if impute
        else "passthrough"
    )
    return make_column_transformer(
        (numeric, make_column_selector(dtype_include=np.number)),
        (
            OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False),
            make_column_selector(dtype_exclude=np.number),
        ),
    )
