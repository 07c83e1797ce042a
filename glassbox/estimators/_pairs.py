"""Interactions that the user asks for: from names or numbers to pairs of columns."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

from glassbox.core.schema import Schema


def resolve_pairs(
    interactions: Iterable, schema: Schema, refused: Mapping[str, int] | None = None
) -> list[tuple[str, str]]:
    """Check a list of pairs and name their columns.

    Parameters
    ----------
    interactions : iterable of pairs of str or int
    schema : Schema
    refused : mapping of str to {-1, 1}, optional
        Columns with a direction, where such columns may take part in no pair.

    Returns
    -------
    list of pairs of str

    Raises
    ------
    ValueError
        Naming the pair that cannot be used.
    """
    pairs: list[tuple[str, str]] = []
    for pair in interactions:
        if isinstance(pair, str) or not isinstance(pair, Iterable) or len(pair) != 2:
            raise ValueError(
                f"interactions holds {pair!r}; give pairs of two columns, such as "
                f"({schema.names[0]!r}, {schema.names[-1]!r})."
            )
        first, second = (column_name(item, schema.names, "interactions") for item in pair)
        for name in (first, second):
            if name in (refused or {}):
                raise ValueError(
                    f"Column {name!r} has a direction in monotonic_cst and cannot take part in "
                    f"the pair {tuple(pair)!r}: the sum of both terms might not be monotone. "
                    "Drop the pair or the direction."
                )
        if first == second or (first, second) in pairs or (second, first) in pairs:
            raise ValueError(f"interactions names the pair {tuple(pair)!r} twice over.")
        pairs.append((first, second))
    return pairs


def column_name(item: Any, names: list[str], parameter: str) -> str:
    """Name of a column that a parameter gives by name or number."""
    if isinstance(item, str) and item in names:
        return item
    if isinstance(item, numbers.Integral) and 0 <= item < len(names):
        return names[item]
    raise ValueError(
        f"{parameter} names {item!r}, which is not a column; the columns are {names}."
    )
