"""Sensitive features that are columns of X, or given beside it."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from glassbox.core._tables import Table, open_table
from glassbox.core.attributes import Attribute, read_attributes


def sensitive_names(X: Any, sensitive_features: Any) -> list[str] | None:
    """Names of columns of X, if that is what was given.

    Raises
    ------
    ValueError
        If some are columns of X and others are not.
    """
    given = [sensitive_features] if isinstance(sensitive_features, str) else sensitive_features
    if X is None or not isinstance(given, list | tuple):
        return None
    if not given or not all(isinstance(name, str) for name in given):
        return None
    columns = open_table(X).names
    unknown = [name for name in given if name not in columns]
    if not unknown:
        return list(dict.fromkeys(given))
    if len(unknown) < len(given) or isinstance(sensitive_features, str):
        raise ValueError(
            f"sensitive_features names {unknown[0]!r}, which is no column of X; the columns are "
            f"{columns}. Name columns, or give one value per row."
        )
    return None


def attributes_of(
    X: Any, sensitive_features: Any, n_rows: int, *, intersections: bool = False
) -> list[Attribute]:
    """Read sensitive features.

    Parameters
    ----------
    X : DataFrame, array-like or None
    sensitive_features : list of str, DataFrame, Series, array-like or mapping
        Names of columns of X, or one value per row and attribute.
    n_rows : int
    intersections : bool
        Append the groups of all pairs of attributes that are groups.

    Returns
    -------
    list of Attribute

    Raises
    ------
    ValueError, TypeError
        Naming the attribute that cannot be used, and what to do.
    """
    names = sensitive_names(X, sensitive_features)
    if names is not None:
        sensitive_features = columns_as_frame(open_table(X), names)
    return read_attributes(sensitive_features, n_rows, intersections=intersections)


def columns_as_frame(table: Table, names: list[str]) -> pd.DataFrame:
    """Some columns of a table; categories stay categories, also where they are numbers."""
    columns = {}
    for name in names:
        declared = table.declared_categories(name)
        values = table.values(name)
        if declared is not None:
            values = pd.Categorical(values, categories=declared[0], ordered=declared[1])
        columns[name] = values
    return pd.DataFrame(columns)


def without_unknown(estimator: Any, X: Any, names: list[str] | None) -> Any:
    """X without sensitive columns that the estimator was not fitted with."""
    known = getattr(estimator, "feature_names_in_", None)
    if names is None or known is None:
        return X
    spare = [name for name in names if name not in set(np.asarray(known).tolist())]
    if not spare:
        return X
    return nw.from_native(X, eager_only=True).drop(spare).to_native()
