"""Monotonicity that the user declares: from names or arrays to one direction per column."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from glassbox.core.schema import Schema


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
