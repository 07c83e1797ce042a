"""What a model says of rows whose outcome is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

# Bare numbers with more distinct outcomes than this are taken for a regression.
_CLASSES = 2

NO_PROBABILITIES = "the scores are no probabilities"


@dataclass(frozen=True, eq=False)
class Scored:
    """Outcomes, and what was predicted.

    Attributes
    ----------
    task : {"classification", "regression"}
    labels : tuple
        What each column below is about: the event of two classes, every class of more, or
        ``("outcome",)``.
    classes : tuple
        All classes; empty for regressions.
    truth : ndarray of shape (n_rows, n_outputs)
        1 where the row is of the class; the outcome itself for regressions.
    prediction : ndarray of shape (n_rows, n_outputs), or None
        Probabilities, or means. None for scores on another scale.
    score : ndarray of shape (n_rows, n_outputs)
        Of additive models the sum of the terms, on the link scale; else the prediction.
    predict : callable, or None
        From a table to predictions; None for bare scores.
    link : str
        "logit" for probabilities; of additive regressors their own link; else "identity".
    """

    task: Literal["classification", "regression"]
    labels: tuple
    classes: tuple
    truth: np.ndarray
    prediction: np.ndarray | None
    score: np.ndarray
    predict: Callable[[Any], np.ndarray] | None = None
    link: str = "identity"

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.truth)

    @property
    def several(self) -> bool:
        """Whether frames need a column that names the output."""
        return len(self.labels) > 1

    @property
    def ranking(self) -> np.ndarray:
        """What orders the rows: predictions, or scores where there are none."""
        return self.score if self.prediction is None else self.prediction


def is_additive(estimator: Any) -> bool:
    """Whether what the estimator predicts is a sum of terms that it shows."""
    return hasattr(estimator, "contributions") and hasattr(estimator, "additive_model_")


def score_rows(estimator: Any, X: Any, y: Any) -> Scored:
    """What an estimator says of rows, or what bare numbers are.

    Parameters
    ----------
    estimator : fitted estimator, or array-like of shape (n_rows,) or (n_rows, n_classes)
    X : DataFrame or array-like of shape (n_rows, n_features), or None for bare numbers
    y : array-like of shape (n_rows,)

    Returns
    -------
    Scored

    Raises
    ------
    ValueError, TypeError
        For outcomes that are missing, are of classes the model does not know, or do not fit the
        number of rows.
    """
    y = _read_outcome(y)
    if not hasattr(estimator, "predict"):
        return _bare(estimator, y)
    if X is None:
        raise ValueError("X is None. Give the table that the estimator is to predict from.")
    if is_classifier(estimator) or hasattr(estimator, "predict_proba"):
        return _classifier(estimator, X, y)
    return _regressor(estimator, X, y)


def contributions_of(estimator: Any, X: Any) -> tuple[list[str], np.ndarray]:
    """Names of the terms, and what they add, shape (n_rows, n_terms, n_outputs)."""
    frame = estimator.contributions(X)
    if not isinstance(frame.columns, pd.MultiIndex):
        return list(frame.columns), frame.to_numpy()[:, :, None]
    names = list(dict.fromkeys(frame.columns.get_level_values(0)))
    return names, frame.to_numpy().reshape(len(frame), len(names), -1)


def link_scores(estimator: Any, X: Any) -> np.ndarray:
    """The score of an additive estimator, shape (n_rows, n_outputs)."""
    if hasattr(estimator, "decision_function"):
        scores = np.asarray(estimator.decision_function(X), dtype=float)
        return scores.reshape(len(scores), -1)
    mean = np.asarray(estimator.predict(X), dtype=float)
    return estimator.additive_model_.link_function.link(mean)[:, None]


def _read_outcome(y: Any) -> np.ndarray:
    if y is None:
        raise ValueError("y is None. An audit needs to know the outcome.")
    values = np.asarray(y)
    if values.ndim != 1:
        raise ValueError(f"y has shape {values.shape}. Give one outcome per row.")
    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        raise ValueError(f"y is missing in row {missing[0]}. Leave out rows without an outcome.")
    return values


def _one_hot(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    known = np.isin(y, classes)
    if not known.all():
        raise ValueError(
            f"y has the class {y[~known].tolist()[0]!r}, which the model does not know; its "
            f"classes are {classes.tolist()}. Leave out these rows, or audit a model that knows "
            "them."
        )
    truth = (y[:, None] == classes).astype(float)
    return truth[:, 1:] if len(classes) == 2 else truth


def _labels(classes: np.ndarray) -> tuple:
    return tuple(classes.tolist()[1:] if len(classes) == 2 else classes.tolist())


def _classifier(estimator: Any, X: Any, y: np.ndarray) -> Scored:
    classes = np.asarray(estimator.classes_)
    truth = _one_hot(y, classes)

    def predict(table: Any) -> np.ndarray:
        probabilities = np.asarray(estimator.predict_proba(table), dtype=float)
        return probabilities[:, 1:] if len(classes) == 2 else probabilities

    has_probabilities = hasattr(estimator, "predict_proba")
    prediction = predict(X) if has_probabilities else None
    if is_additive(estimator):
        score = link_scores(estimator, X)
    elif prediction is not None:
        score = prediction
    elif hasattr(estimator, "decision_function"):
        score = np.asarray(estimator.decision_function(X), dtype=float)
        score = score.reshape(len(score), -1)
    else:
        raise TypeError(
            f"{type(estimator).__name__} has neither predict_proba nor decision_function. Give "
            "its scores instead, one number per row."
        )
    _check_rows(len(score), len(y))
    return Scored(
        "classification",
        _labels(classes),
        tuple(classes.tolist()),
        truth,
        prediction,
        score,
        predict if has_probabilities else None,
        "logit",
    )


def _regressor(estimator: Any, X: Any, y: np.ndarray) -> Scored:
    def predict(table: Any) -> np.ndarray:
        return np.asarray(estimator.predict(table), dtype=float).reshape(-1, 1)

    prediction = predict(X)
    _check_rows(len(prediction), len(y))
    additive = is_additive(estimator)
    return Scored(
        "regression",
        ("outcome",),
        (),
        _numbers(y)[:, None],
        prediction,
        link_scores(estimator, X) if additive else prediction,
        predict,
        estimator.additive_model_.link if additive else "identity",
    )


def _bare(scores: Any, y: np.ndarray) -> Scored:
    table = np.asarray(scores)
    try:
        table = table.astype(float)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"estimator is a {type(scores).__name__}. Give a fitted estimator, or its scores: one "
            "number per row."
        ) from error
    if table.ndim not in (1, 2) or not table.size or not np.isfinite(table).all():
        raise ValueError(
            f"The scores have shape {table.shape} and must be finite: give one number per row, or "
            "one per row and class."
        )
    _check_rows(len(table), len(y))
    classes = np.unique(y)
    table = table.reshape(len(table), -1)
    if table.shape[1] == 2 and len(classes) == 2:
        table = table[:, 1:]
    if table.shape[1] == 1 and len(classes) > _CLASSES:
        return Scored("regression", ("outcome",), (), _numbers(y)[:, None], table, table)
    if len(classes) == 1:
        if classes[0] not in (0, 1):
            raise ValueError(
                f"y is {classes.tolist()[0]!r} in every row, and bare scores do not say what else "
                "it could be. Give y as 0 and 1."
            )
        classes = np.array([0, 1])
    if table.shape[1] != len(_labels(classes)):
        raise ValueError(
            f"The scores have {table.shape[1]} columns and y has {len(classes)} classes: "
            f"{classes.tolist()}. Give one column per class, in this order."
        )
    inside = bool((table >= 0).all() and (table <= 1).all())
    return Scored(
        "classification",
        _labels(classes),
        tuple(classes.tolist()),
        _one_hot(y, classes),
        table if inside else None,
        table,
        None,
        "logit",
    )


def _numbers(y: np.ndarray) -> np.ndarray:
    try:
        return y.astype(float)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"y holds {y.tolist()[0]!r}, and the model predicts numbers. Give the outcome as "
            "numbers."
        ) from error


def _check_rows(n_scores: int, n_rows: int) -> None:
    if n_scores != n_rows:
        raise ValueError(f"There are {n_scores} scores and {n_rows} outcomes. Give one per row.")
