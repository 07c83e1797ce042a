"""What "no effect" means in a panel: the average patient, the normal value, a chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassbox.core.dictionary import Entry
from glassbox.plots._effects import MainEffect
from glassbox.plots._labels import number, with_unit

MEAN = "mean"
NORMAL = "normal"

#: A term whose average is further from zero than this is not called centred.
_CENTRED = 0.02


@dataclass(frozen=True, eq=False)
class Zero:
    """What is subtracted from a term before it is drawn.

    Attributes
    ----------
    shift : ndarray of shape (n_outputs,)
    text : str
        What the line of no effect stands for.
    category : object or None
        The reference level, where it is a category.
    """

    shift: np.ndarray
    text: str
    category: object = None


def find_zero(effect: MainEffect, reference: Any, entry: Entry, average: np.ndarray) -> Zero:
    """Where a main effect is zero.

    Parameters
    ----------
    effect : MainEffect
    reference : "mean", "normal", a value or a category, or a mapping from features to these
        "normal" is the middle of the reference range, or the most frequent category; a feature
        without either keeps the average patient.
    entry : Entry
    average : ndarray of shape (n_outputs,)
        Mean of the effect over the training data.

    Raises
    ------
    ValueError
        If the category is unknown.
    """
    if isinstance(reference, Mapping):
        reference = reference.get(effect.name, MEAN)
    is_word = isinstance(reference, str)
    if is_word and reference == MEAN:
        return _average(effect, average)
    if effect.categorical:
        if is_word and reference == NORMAL:
            most = effect.x[int(np.argmax(effect.weight))]
            return Zero(effect.at(most), f"{most} (the most frequent)", most)
        level = effect.level(reference)
        return Zero(effect.at(level), str(level), level)
    if is_word and reference == NORMAL:
        if entry.ref_low is None or entry.ref_high is None:
            return _average(effect, average)
        middle = (entry.ref_low + entry.ref_high) / 2
        return Zero(effect.at(middle), f"at {with_unit(middle, entry)} (mid-normal)")
    try:
        value = float(reference)
    except (TypeError, ValueError):
        raise ValueError(
            f"Feature {effect.name!r} is numeric; reference={reference!r} must be 'mean', "
            "'normal', a number, or a dict from features to these."
        ) from None
    return Zero(effect.at(value), f"at {with_unit(value, entry)}")


def _average(effect: MainEffect, average: np.ndarray) -> Zero:
    nothing = np.zeros(effect.score.shape[1])
    if np.abs(average).max() > _CENTRED * max(1.0, np.ptp(effect.score)):
        return Zero(nothing, "the term's own zero")
    return Zero(nothing, "average patient")


def zero_sentence(scale_null: float, text: str) -> str:
    """For under the axis: "1 = average patient"."""
    return f"{number(scale_null)} = {text}"
