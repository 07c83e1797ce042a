"""The model, fitted to all rows, and its predictions for rows that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold

import glassbox
from glassbox.report._request import ReportRequest
from glassbox.report._study import Study

_ESTIMATORS = {
    ("boosted", "classes"): "BoostedGAMClassifier",
    ("boosted", "numbers"): "BoostedGAMRegressor",
    ("spline", "classes"): "SplineGAMClassifier",
    ("spline", "numbers"): "SplineGAMRegressor",
}
MODELS = tuple(dict.fromkeys(model for model, _ in _ESTIMATORS))

# Below this, starting worker processes takes longer than fitting.
_ROWS_WORTH_WORKERS = 20_000


def make_estimator(study: Study, request: ReportRequest) -> Any:
    """The estimator that the request asks for, not fitted."""
    estimator = getattr(glassbox, _ESTIMATORS[request.model, study.outcome.task])()
    settings = {
        "interactions": request.interactions,
        "monotonic_cst": dict(request.monotonic) or None,
        "categorical_features": study.categorical or "from_dtype",
        "random_state": request.seed,
        "n_jobs": -1 if len(study.X) >= _ROWS_WORTH_WORKERS else None,
    }
    known = estimator.get_params()
    return estimator.set_params(**{k: v for k, v in settings.items() if k in known})


def predict_means(estimator: Any, X: Any, is_classifier: bool) -> np.ndarray:
    """Probabilities of shape (n_rows, n_classes), or means of shape (n_rows,)."""
    return estimator.predict_proba(X) if is_classifier else estimator.predict(X)


def out_of_fold(
    estimator: Any, study: Study, request: ReportRequest, advance: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Predict each row by a model that was fitted without it.

    Parameters
    ----------
    estimator : estimator
        Not fitted.
    study : Study
    request : ReportRequest
        Gives the number of folds and the seed. Folds of classes are stratified.
    advance : callable
        Called after each fold.

    Returns
    -------
    predictions : ndarray of shape (n_rows, n_classes) or (n_rows,)
    fold : ndarray of int, shape (n_rows,)
        In which fold each row was predicted.
    """
    is_classifier = study.outcome.task == "classes"
    Splitter = StratifiedKFold if is_classifier else KFold
    splitter = Splitter(request.folds, shuffle=True, random_state=request.seed)
    y, n_rows = study.outcome.y, len(study.X)
    shape = (n_rows, len(study.outcome.classes)) if is_classifier else (n_rows,)
    predictions, fold = np.empty(shape), np.empty(n_rows, dtype=int)
    for k, (train, test) in enumerate(splitter.split(study.X, y)):
        fitted = clone(estimator).fit(study.X.iloc[train], y[train])
        predictions[test] = predict_means(fitted, study.X.iloc[test], is_classifier)
        fold[test] = k
        advance()
    return predictions, fold
