"""Estimators told of columns that they will not get."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from glassbox.core.terms import PAIR_SEPARATOR
from glassbox.estimators.base import AdditiveEstimator


def without_columns(estimator: Any, names: Sequence[str], kept: Sequence[str]) -> Any:
    """A clone whose parameters speak of the columns that are kept, and of no other.

    Parameters
    ----------
    estimator : estimator
        Those of other packages are cloned as they are.
    names : sequence of str
        Columns that the parameters may speak of.
    kept : sequence of str
        Columns that the estimator will be given.

    Examples
    --------
    >>> from glassbox import SplineGAMClassifier
    >>> estimator = SplineGAMClassifier(monotonic_cst={"age": 1, "sex": 1})
    >>> without_columns(estimator, ["age", "sex"], ["age"]).monotonic_cst
    {'age': 1}
    """
    estimator = clone(estimator)
    if not isinstance(estimator, AdditiveEstimator):
        return estimator
    names, kept = list(names), list(kept)
    changes = {}
    for parameter, adapted in _ADAPTED.items():
        value = getattr(estimator, parameter, None)
        if value is not None and not isinstance(value, str | numbers.Real):
            changes[parameter] = adapted(value, names, kept)
    return estimator.set_params(**changes)


def _moved(item: Any, names: list[str], kept: list[str]) -> Any:
    """A column as the estimator will know it; None if it will not."""
    if isinstance(item, numbers.Integral):
        name = names[item] if -len(names) <= item < len(names) else None
        # A wrong number stays wrong, so that the estimator says so.
        return kept.index(name) if name in kept else item if name is None else None
    return item if item in kept or item not in names else None


def _listed(value: Any, names: list[str], kept: list[str]) -> list:
    items = list(value)
    if items and all(isinstance(item, bool | np.bool_) for item in items):
        return [item for item, name in zip(items, names, strict=False) if name in kept]
    moved = [_moved(item, names, kept) for item in items]
    return [item for item in moved if item is not None]


def _directions(value: Any, names: list[str], kept: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {n: sign for n, sign in value.items() if n in kept or n not in names}
    items = list(value)
    if len(items) != len(names):
        return value
    return [sign for sign, name in zip(items, names, strict=True) if name in kept]


def _terms(value: Any, names: list[str], kept: list[str]) -> list:
    """Names, numbers, and pairs of these."""
    found = []
    for item in value:
        if isinstance(item, str | numbers.Integral):
            moved = _moved(item, names, kept)
            if moved is not None:
                found.append(moved)
        else:
            moved = tuple(_moved(part, names, kept) for part in item)
            if None not in moved:
                found.append(moved)
    return found


def _by_term(value: Mapping, names: list[str], kept: list[str]) -> dict:
    gone = set(names) - set(kept)
    return {term: v for term, v in value.items() if not set(term.split(PAIR_SEPARATOR)) & gone}


_ADAPTED = {
    "categorical_features": _listed,
    "monotonic_cst": _directions,
    "interactions": _terms,
    "exclude": _terms,
    "lam": _by_term,
    "smoothness": _by_term,
}
