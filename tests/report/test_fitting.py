"""Cross-validation predicts no row by a model that has seen it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from glassbox.core.dictionary import DataDictionary
from glassbox.report import ReportRequest
from glassbox.report._fitting import make_estimator, out_of_fold
from glassbox.report._study import prepare


class Memory(BaseEstimator):
    """Predicts 1 for rows that it was fitted to, 0 for others."""

    def fit(self, X, y):
        self.seen_ = set(X["x"])
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return X["x"].isin(self.seen_).to_numpy(dtype=float)

    def predict_proba(self, X):
        seen = self.predict(X)
        return np.column_stack([seen, np.full(len(X), self.mean_)])


def study_of(y, **settings):
    request = ReportRequest("y", folds=4, **settings)
    frame = pd.DataFrame({"x": np.arange(len(y)) + 0.5, "y": y})
    return prepare(frame, DataDictionary(), request), request


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_no_row_is_predicted_by_a_model_that_has_seen_it(task):
    y = np.arange(103) % 2 if task == "classes" else np.arange(103.0) ** 2
    study, request = study_of(y, task=task)
    done = []
    prediction, fold = out_of_fold(Memory(), study, request, lambda: done.append(1))
    assert not prediction.reshape(103, -1)[:, 0].any()
    assert len(done) == 4
    assert np.bincount(fold).tolist() == [26, 26, 26, 25]


def test_folds_are_stratified_and_hang_on_the_seed():
    y = (np.arange(100) < 20).astype(int)
    study, request = study_of(y)
    prediction, fold = out_of_fold(Memory(), study, request, lambda: None)
    assert prediction[:, 1] == pytest.approx(0.2)
    assert np.array_equal(fold, out_of_fold(Memory(), study, request, lambda: None)[1])
    other, request = study_of(y, seed=1)
    assert not np.array_equal(fold, out_of_fold(Memory(), other, request, lambda: None)[1])


@pytest.mark.parametrize("model", ["boosted", "spline"])
def test_settings_reach_the_estimator(model):
    study, request = study_of(
        np.arange(100) % 2, model=model, monotonic={"x": -1}, interactions=2, seed=7
    )
    parameters = make_estimator(study, request).get_params()
    assert parameters["monotonic_cst"] == {"x": -1}
    assert parameters["interactions"] == 2
    assert parameters.get("random_state", 7) == 7
    assert parameters["categorical_features"] == "from_dtype"
