"""The target of an audited table, in the words of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.base import is_classifier

from glassbox.report._errors import InputError
from glassbox.report._outcome import finite_numbers, plain_classes

_MOST_SHOWN = 6


def read_audited_outcome(estimator: Any, target: pd.Series, request: Any) -> np.ndarray:
    """The outcome, in the classes of the model or as numbers.

    Parameters
    ----------
    estimator : fitted estimator
    target : Series of shape (n_rows,)
        Without missing values.
    request : AuditRequest

    Raises
    ------
    InputError
        If the values are not those that the model predicts, or an option does not fit the model.
    """
    if is_classifier(estimator):
        return _classes(list(np.asarray(estimator.classes_).tolist()), target, request)
    for option, given in (
        ("--threshold", request.thresholds),
        ("--outcome-positive", request.positive),
    ):
        if given:
            raise InputError(
                f"{option} is for models that predict classes, and this one predicts a number; "
                "leave it away."
            )
    return _numbers(target, request.target)


def _numbers(target: pd.Series, name: str) -> np.ndarray:
    if not is_numeric_dtype(target.dtype):
        raise InputError(
            f"The target {name!r} holds text (such as {str(target.iloc[0])!r}), and the model "
            "predicts a number; name the column that it predicts."
        )
    return finite_numbers(target, name)


def _classes(classes: list, target: pd.Series, request: Any) -> np.ndarray:
    values = plain_classes(target)
    held = [str(value) for value in np.unique(values)]
    texts = np.array([str(value) for value in values])
    if request.positive is not None:
        event = _event(classes, held, request)
        return np.array([classes[int(text == event)] for text in texts])
    by_text = {str(value): value for value in classes}
    strange = [text for text in held if text not in by_text]
    if strange:
        remedy = "name the column that the model predicts"
        if len(classes) == 2 and len(held) == 2:
            remedy = f"say which value is the event, such as --outcome-positive {held[1]}"
        raise InputError(
            f"The target {request.target!r} holds {strange[0]!r}, and the model's classes are "
            f"{_listed([str(value) for value in classes])}; {remedy}."
        )
    return np.array([by_text[text] for text in texts])


def _event(classes: list, held: list[str], request: Any) -> str:
    option = f"--outcome-positive {request.positive!r}"
    if len(classes) != 2:
        raise InputError(
            f"{option} is for models of two classes, and this one has {len(classes)}: "
            f"{_listed([str(value) for value in classes])}; leave it away."
        )
    if request.positive not in held:
        raise InputError(
            f"{option} is not a value of {request.target!r}, which holds {_listed(held)}."
        )
    if len(held) > 2:
        raise InputError(
            f"{option} is for a target of two values, and {request.target!r} holds "
            f"{_listed(held)}; name the column that the model predicts."
        )
    event = str(classes[1])
    # Zeros and ones may be turned round; names say themselves what they are.
    named = isinstance(classes[1], str) and {str(value) for value in classes} >= set(held)
    if named and request.positive != event:
        raise InputError(f"{option}: the model's event is {event!r}; leave the option away.")
    return request.positive


def _listed(texts: list[str]) -> str:
    shown = ", ".join(map(repr, texts[:_MOST_SHOWN]))
    return shown + (", ..." if len(texts) > _MOST_SHOWN else "")
