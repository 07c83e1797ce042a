"""The combinations of values that sensitive columns have, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core._tables import Table, open_table
from glassbox.core.attributes import Attribute
from glassbox.core.axes import MISSING_CODE
from glassbox.core.schema import ColumnSchema, Schema

#: What a support calls the weights; in brackets, as columns of users may be called weight.
WEIGHT = "(weight)"

# Groups of an amount, where a model predicts which one a row belongs to.
_N_CLASSES_OF_AMOUNTS = 5


def combinations(table: Table, names: Sequence[str], weights: np.ndarray) -> pd.DataFrame:
    """Distinct rows of some columns.

    Parameters
    ----------
    table : Table
    names : sequence of str
        What the table calls them.
    weights : ndarray of shape (n_rows,)
        Rows of weight zero are left out.

    Returns
    -------
    DataFrame
        ``row``, the first row with the combination, and ``(weight)``, the weight of all.

    Examples
    --------
    >>> table = open_table(pd.DataFrame({"sex": ["f", "m", None, "m"]}))
    >>> combinations(table, ["sex"], np.ones(4))
       row  (weight)
    0    2       1.0
    1    0       1.0
    2    1       2.0
    """
    codes = pd.DataFrame({str(k): table.factorized(name)[0] for k, name in enumerate(names)})
    rows = np.flatnonzero(weights > 0)
    keys = list(codes)
    codes = codes.iloc[rows].assign(row=rows, **{WEIGHT: weights[rows]})
    found = codes.groupby(keys, sort=True).agg({"row": "min", WEIGHT: "sum"})
    return found.reset_index(drop=True)


def group_of_rows(attribute: Attribute, weights: np.ndarray) -> np.ndarray:
    """Numbers of the groups that rows belong to.

    Amounts are cut into five groups of about equal weight, and *missing*.
    """
    codes = attribute.codes
    if attribute.kind == "numeric":
        known = attribute.present & (weights > 0)
        shares = np.arange(1, _N_CLASSES_OF_AMOUNTS) / _N_CLASSES_OF_AMOUNTS
        amounts = attribute.values[known]
        cuts = np.quantile(amounts, shares, weights=weights[known], method="inverted_cdf")
        codes = np.searchsorted(np.unique(cuts), attribute.values)
        codes = np.where(attribute.present, codes, _N_CLASSES_OF_AMOUNTS)
    return np.unique(codes, return_inverse=True)[1]


def group_column(k: int) -> str:
    """What a support calls the groups of its k-th attribute."""
    return f"(group {k})"


def usual_row(values: np.ndarray, kind: str, weights: np.ndarray) -> int:
    """A row that has the median of the numbers, or the most frequent category.

    Parameters
    ----------
    values : ndarray
        Numbers, NaN for missing; or codes, negative for missing.
    kind : {"numeric", "categorical"}
    weights : ndarray

    Returns
    -------
    int
        -1 if all are missing.
    """
    known = (~np.isnan(values) if kind == "numeric" else values >= 0) & (weights > 0)
    if not known.any():
        return -1
    if kind == "numeric":
        found = np.quantile(
            values[known], 0.5, weights=weights[known], method="inverted_cdf", axis=0
        )
    else:
        found = np.bincount(values[known], weights[known]).argmax()
    return int(np.flatnonzero(known & (values == found))[0])


def typed_value(column: ColumnSchema, value: Any) -> np.ndarray:
    """A value that the user gives, as a typed column of one row.

    Raises
    ------
    ValueError
        If it is no number for a number, or a category that training did not see.
    """
    raw = pd.DataFrame({column.name: pd.Series([value], dtype=object)})
    if column.kind == "numeric":
        return column.read(open_table(raw), column.name)
    if value is not None and value not in column.categories:
        raise ValueError(
            f"reference[{column.name!r}] is {value!r}, which training did not see; the categories "
            f"are {list(column.categories)}."
        )
    code = MISSING_CODE if value is None else column.categories.index(value)
    return np.array([code])


def check_reference(reference: Mapping | None, how: str, sensitive: Sequence[str]) -> None:
    """Refuse reference values that would not be used."""
    if reference is None:
        return
    if how != "reference":
        raise ValueError(
            f"reference is given and how={how!r} does not use it. Use how='reference', or leave "
            "it out."
        )
    for name in reference:
        if name not in sensitive:
            raise ValueError(
                f"reference names {name!r}, which is not a sensitive column; those are "
                f"{list(sensitive)}."
            )


def check_support(
    support: Any, names: Sequence[str], schema: Schema | None, n_groups: Sequence[int]
) -> None:
    """Refuse combinations that no fit has made; without a schema, only weights and groups."""
    wanted = {WEIGHT, *map(group_column, range(len(n_groups)))}
    wanted |= set() if schema is None else set(names)
    known = type(support) is pd.DataFrame and wanted <= set(support.columns)
    if not known or not len(support) or not (support[WEIGHT] > 0).all():
        raise ValueError("the values that are averaged over, or their weights, are damaged")
    for name in names if schema is not None else ():
        values, column = support[name].to_numpy(), schema[name]
        if column.kind == "numeric":
            good = values.dtype.kind == "f" and not np.isinf(values).any()
        else:
            in_range = values.dtype.kind == "i" and (values >= MISSING_CODE).all()
            good = in_range and (values < len(column.categories)).all()
        if not good:
            raise ValueError(f"the values of {name!r} that are averaged over are damaged")
    for k, most in enumerate(n_groups):
        groups = support[group_column(k)].to_numpy()
        if groups.dtype.kind != "i" or groups.min() < 0 or groups.max() >= most:
            raise ValueError("the groups of the values that are averaged over are damaged")
