"""What a model is judged by: its score before rounding to labels and, if it can be, the link."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from glassbox.core.schema import Schema

Scorer = Callable[[Any], Any]


def find_score(estimator: Any, schema: Schema) -> tuple[str, Scorer]:
    """What of a model to compare, in words, and the function that gives it."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(estimator, torch.nn.Module):
        return "output of the torch module", _torch_score(torch, estimator, schema)
    if isinstance(estimator, type):
        raise TypeError(f"{estimator.__name__} is a class; give a fitted instance of it.")
    if hasattr(estimator, "decision_function"):
        return "decision_function", estimator.decision_function
    margin = _margin_argument(estimator)
    if margin:
        return f"predict({margin}=True)", lambda X: estimator.predict(X, **{margin: True})
    if hasattr(estimator, "predict_proba"):
        return "predict_proba", lambda X: _second_class(estimator.predict_proba(X))
    if hasattr(estimator, "predict"):
        if hasattr(estimator, "classes_"):
            raise TypeError(
                f"{type(estimator).__name__} predicts labels only, and has neither "
                "decision_function nor predict_proba. Give a callable that returns its scores."
            )
        return "predict", estimator.predict
    if callable(estimator):
        return "output of the callable", estimator
    raise TypeError(
        "estimator must have decision_function, predict_proba or predict, or be callable; "
        f"{type(estimator).__name__} is not."
    )


def _margin_argument(estimator: Any) -> str | None:
    """The argument of predict that asks XGBoost and LightGBM for scores before the link."""
    last = estimator
    while hasattr(last, "steps"):
        last = last.steps[-1][1]
    if not hasattr(last, "predict"):
        return None
    try:
        known = inspect.signature(last.predict).parameters
    except (TypeError, ValueError):  # compiled
        return None
    return next((name for name in ("output_margin", "raw_score") if name in known), None)


def _second_class(probabilities: Any) -> np.ndarray:
    probabilities = np.asarray(probabilities)
    if probabilities.ndim == 2 and probabilities.shape[1] == 2:
        return probabilities[:, 1]
    raise ValueError(
        f"predict_proba gave an array of shape {probabilities.shape}, and monotonicity is tested "
        "for two classes: scores that are monotone do not make the probabilities of several "
        "classes monotone. Give a callable that returns the one score to test."
    )


def _torch_score(torch: Any, module: Any, schema: Schema) -> Scorer:
    for column in schema.columns:
        if column.kind == "categorical":
            raise TypeError(
                f"A torch module takes numbers, and column {column.name!r} holds categories. Give "
                "a callable that encodes the table and calls the module."
            )
    parameter = next(module.parameters(), None)
    dtype = torch.float32 if parameter is None else parameter.dtype
    device = None if parameter is None else parameter.device

    def score(X: Any) -> np.ndarray:
        matrix = np.column_stack(list(schema.read(X, owner="The module").values()))
        modes = [(part, part.training) for part in module.modules()]
        module.eval()
        try:
            with torch.no_grad():
                return module(torch.as_tensor(matrix, dtype=dtype, device=device))
        finally:
            for part, training in modes:
                part.training = training

    return score
