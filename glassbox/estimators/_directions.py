"""Monotonicity that the user declares: from names or arrays to one direction per column."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import rankdata

from glassbox.core.additive import Columns
from glassbox.core.schema import Schema

_COPY = 0.999
_ROWS_LOOKED_AT = 10_000


def resolve_directions(monotonic_cst: Any, schema: Schema) -> dict[str, int]:
    """Directions other than 0, by column name.

    Parameters
    ----------
    monotonic_cst : None, mapping of str to {-1, 0, 1}, or array-like of shape (n_features,)
    schema : Schema

    Raises
    ------
    ValueError
        For an unknown column, another value than -1, 0 and 1, an array of the wrong length, or a
        direction on a column whose categories have no order.
    """
    if monotonic_cst is None:
        return {}
    if isinstance(monotonic_cst, Mapping):
        given = dict(monotonic_cst)
    else:
        values = list(monotonic_cst)
        if len(values) != len(schema):
            raise ValueError(
                f"monotonic_cst has {len(values)} values for {len(schema)} features; give one per "
                "column, or a dict from column names to directions."
            )
        given = dict(zip(schema.names, values, strict=True))
    for name, direction in given.items():
        if name not in schema.names:
            raise ValueError(
                f"monotonic_cst names {name!r}, which is not a column; the columns are "
                f"{schema.names}."
            )
        if not isinstance(direction, numbers.Real) or direction not in (-1, 0, 1):
            raise ValueError(
                f"monotonic_cst of column {name!r} must be -1 (decreasing), 0 or 1 (increasing), "
                f"got {direction!r}."
            )
        column = schema[name]
        if direction and column.kind == "categorical" and not column.ordered:
            raise ValueError(
                f"monotonic_cst asks column {name!r} to be monotone, but its categories "
                f"{list(column.categories)} have no order. Give the column as an ordered "
                "categorical."
            )
    return {name: int(direction) for name, direction in given.items() if direction}


def check_one_score(directions: Mapping[str, int], n_scores: int) -> None:
    """Refuse directions for a model of several scores.

    Scores that are monotone do not make the probabilities of several classes monotone.
    """
    if directions and n_scores > 1:
        raise ValueError(
            "monotonic_cst needs one score, and a model of three or more classes has one per "
            "class. Drop monotonic_cst, or fit two classes."
        )


def warn_of_copies(columns: Columns, directions: Mapping[str, int]) -> None:
    """Warn if a column without a direction says the same as one with a direction.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Typed columns.
    directions : mapping of str to {-1, 1}
    """
    if not directions:
        return
    ranks = {name: _ranks(column) for name, column in columns.items()}
    for constrained in directions:
        for name in columns:
            if name not in directions and _are_copies(ranks[name], ranks[constrained]):
                warnings.warn(
                    f"Column {name!r} has no direction in monotonic_cst, and is a monotone copy "
                    f"of {constrained!r}, which has one: what the model promises for one it can "
                    "undo through the other. Give both a direction, or drop one.",
                    UserWarning,
                    stacklevel=5,
                )


def _ranks(column: np.ndarray) -> np.ndarray:
    step = -(-len(column) // _ROWS_LOOKED_AT)
    some = column[::step].astype(np.float64)
    some = np.where(some < 0, np.nan, some) if column.dtype.kind == "i" else some
    return rankdata(some, nan_policy="omit")


def _are_copies(first: np.ndarray, second: np.ndarray) -> bool:
    present = ~np.isnan(first) & ~np.isnan(second)
    first, second = first[present], second[present]
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return False
    return abs(np.corrcoef(first, second)[0, 1]) >= _COPY
