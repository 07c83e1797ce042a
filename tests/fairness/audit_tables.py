"""Models and tables that the tests of audits share."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from glassbox.fairness.audit import audit

FEW = {"n_bootstrap": 20, "n_permutations": 49, "random_state": 0}


class Tables(ClassifierMixin, BaseEstimator):
    """An additive model of given tables, read from typed columns."""

    def __init__(self, model):
        self.additive_model_ = model
        self.classes_ = np.arange(max(2, model.n_outputs))

    def contributions(self, columns):
        values = self.additive_model_.contributions(columns)
        names = self.additive_model_.term_names
        if values.shape[2] == 1:
            return pd.DataFrame(values[:, :, 0], columns=names)
        both = pd.MultiIndex.from_product([names, self.classes_], names=["term", "class"])
        return pd.DataFrame(values.reshape(len(values), -1), columns=both)

    def decision_function(self, columns):
        scores = self.additive_model_.scores(columns)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, columns):
        return self.classes_[np.zeros(len(self.decision_function(columns)), dtype=int)]


class Means(RegressorMixin, BaseEstimator):
    """Predicts a column."""

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return X["mean"].to_numpy()


def patients(n_rows=600, seed=0, dependent=True):
    """Features, a sensitive group with a small level, an amount, and a risk."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["A", "B"], p=[0.6, 0.4], size=n_rows)
    race[:7] = "C"
    age = rng.normal(60, 12, size=n_rows)
    bun = rng.normal(size=n_rows) + (1.5 * (race == "B") if dependent else 0.0)
    X = pd.DataFrame({"bun": bun, "lab": rng.normal(size=n_rows), "age": age})
    X.loc[::11, "lab"] = np.nan
    risk = 1 / (1 + np.exp(0.4 - bun - 0.5 * X["lab"].fillna(0)))
    died = np.where(rng.random(n_rows) < risk, "yes", "no")
    return X, died, pd.Series(race, name="race"), risk.to_numpy()


def scored_audit(risk, y, sensitive, **options):
    """An audit of bare numbers."""
    return audit(risk, None, y, sensitive_features=sensitive, **FEW | options)


def figure(frame, column="value", **where):
    """The one value of a column where others have given values."""
    kept = np.ones(len(frame), dtype=bool)
    for name, value in where.items():
        kept &= (frame[name] == value).to_numpy()
    assert kept.sum() == 1, where
    return frame.loc[kept, column].item()
