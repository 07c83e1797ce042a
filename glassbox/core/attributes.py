"""Sensitive features as penalties and audits read them: groups, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from glassbox.core._tables import Table, open_table
from glassbox.core.natural_spline import natural_spline
from glassbox.core.schema import MAX_CATEGORIES, Schema

#: What rows without a value are called.
MISSING = "missing"

# Places of the knots of a numeric attribute's basis (Harrell, Regression Modeling Strategies,
# 2nd edition, table 2.3).
_KNOT_QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)
# Of the largest: smaller singular values are those of columns that say the same.
_SAME = 1e-9
# Of the size of a column: smaller variation is that of rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Attribute:
    """One sensitive feature of some rows.

    Attributes
    ----------
    name : str
    kind : {"categorical", "numeric"}
        Text, booleans, categories, and numbers with two values are groups; other numbers are
        amounts.
    codes : ndarray of int, shape (n_rows,)
        Numbers of the groups; for amounts, 0 where there is one and 1 where it is missing.
    levels : tuple of str
        Names of the groups that occur, in order, "missing" last; empty for amounts.
    values : ndarray of float, shape (n_rows,)
        Amounts, NaN where missing; for groups, the codes.
    """

    name: str
    kind: Literal["categorical", "numeric"]
    codes: np.ndarray
    levels: tuple[str, ...]
    values: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.codes)

    @property
    def present(self) -> np.ndarray:
        """Which rows have a value; all of them for groups, where *missing* is one."""
        return ~np.isnan(self.values)

    def take(self, rows: np.ndarray) -> Attribute:
        """The attribute of some rows; groups keep their numbers and names."""
        return Attribute(self.name, self.kind, self.codes[rows], self.levels, self.values[rows])

    def standardised(self, weights: np.ndarray) -> np.ndarray:
        """Amounts of mean zero and variance one, zero where missing; for groups, zeros."""
        known = self.present
        values = np.zeros(self.n_rows)
        if self.kind == "numeric":
            share = weights[known] / weights[known].sum()
            centred = self.values[known] - share @ self.values[known]
            values[known] = centred / np.sqrt(share @ centred**2)
        return values

    @cached_property
    def basis(self) -> np.ndarray:
        """Columns whose span holds what the attribute can explain, shape (n_rows, n_columns).

        One indicator per group; for amounts a constant, a natural cubic spline with five knots
        and an indicator of *missing*.
        """
        return self._basis_with(np.ones(self.n_rows))

    def _basis_with(self, weights: np.ndarray) -> np.ndarray:
        if self.kind == "categorical":
            return np.eye(len(self.levels))[self.codes]
        known = self.present
        counted = known & (weights > 0)
        if not counted.any():
            return np.ones((self.n_rows, 1))
        knots = _quantiles(self.values[counted], _KNOT_QUANTILES, weights[counted])
        spline = natural_spline(np.where(known, self.values, 0.0), np.unique(knots))
        spline[~known] = 0.0
        return spline if known.all() else np.column_stack([spline, ~known])

    def whitened(self, weights: np.ndarray | None = None) -> np.ndarray:
        """The basis without its constant, uncorrelated and of variance one.

        Parameters
        ----------
        weights : ndarray of shape (n_rows,), optional

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Whatever the attribute explains of a score has the variance of the squared
            covariances of the score with these columns, summed.
        """
        weights = np.ones(self.n_rows) if weights is None else weights
        share = weights / weights.sum()
        basis = self._basis_with(weights)
        centred = basis - share @ basis
        spread = np.sqrt(share @ centred**2)
        varies = spread > _ROUNDING * np.sqrt(share @ basis**2)
        centred = centred[:, varies] / spread[varies]
        root = np.sqrt(share)[:, None]
        _, sizes, directions = np.linalg.svd(root * centred, full_matrices=False)
        kept = sizes > _SAME * sizes.max(initial=0.0)
        return centred @ (directions[kept].T / sizes[kept])


def _quantiles(values: np.ndarray, shares: Sequence[float], weights: np.ndarray) -> np.ndarray:
    """Quantiles for which a weight of three is three rows, and turning the scale round nothing."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    wanted, rounding = below[-1] * np.array(shares), _ROUNDING * below[-1]
    # Where a share falls between two rows, the quantile lies between them as well.
    sides = [np.searchsorted(below, wanted + shift) for shift in (-rounding, rounding)]
    return values[order][np.minimum(sides, len(values) - 1)].mean(axis=0)


def read_attributes(
    sensitive_features: Any, n_rows: int | None = None, *, intersections: bool = False
) -> list[Attribute]:
    """Read sensitive features from whatever holds them.

    Parameters
    ----------
    sensitive_features : DataFrame (pandas, polars), Series, array-like of shape (n_rows,) or \
(n_rows, n_attributes), or mapping of str to array-like
    n_rows : int, optional
        How many rows there must be.
    intersections : bool
        Append the groups of all pairs of attributes that are groups.

    Returns
    -------
    list of Attribute

    Raises
    ------
    ValueError, TypeError
        Naming the attribute that cannot be used, and what to do.

    Examples
    --------
    >>> sex, age = read_attributes({"sex": ["f", None, "m"], "age": [51.0, 60.0, 72.0]})
    >>> sex.levels, sex.codes, age.kind
    (('f', 'm', 'missing'), array([0, 2, 1]), 'numeric')
    """
    table = _open(sensitive_features)
    if n_rows is not None and table.n_rows != n_rows:
        raise ValueError(
            f"sensitive_features has {table.n_rows} rows and X has {n_rows}. Give one value per "
            "row of X."
        )
    schema = Schema.infer(table)
    columns = schema.read(table)
    found = []
    for column in schema.columns:
        name, values = column.name, columns[column.name]
        if column.kind == "categorical":
            found.append(groups(name, values, [str(c) for c in column.categories]))
            continue
        distinct = np.unique(values[~np.isnan(values)])
        if len(distinct) <= 2:
            codes = np.searchsorted(distinct, values)
            codes[np.isnan(values)] = -1
            labels = [f"{value:g}" for value in distinct]
            found.append(groups(name, codes, labels))
        else:
            known = ~np.isnan(values)
            found.append(Attribute(name, "numeric", (~known).astype(int), (), values))
    for attribute in found:
        _check_varies(attribute)
    return [*found, *crossings(found)] if intersections else found


def crossings(attributes: Sequence[Attribute]) -> list[Attribute]:
    """The intersections of every two attributes that are groups."""
    grouped = [attribute for attribute in attributes if attribute.kind == "categorical"]
    return [crossed(first, second) for first, second in combinations(grouped, 2)]


def groups(name: str, codes: np.ndarray, labels: Sequence[str]) -> Attribute:
    """An attribute of groups that occur, from codes (negative for missing) and their labels."""
    codes = np.where(codes < 0, len(labels), codes)
    present, codes = np.unique(codes, return_inverse=True)
    every = [*labels, MISSING]
    levels = tuple(every[code] for code in present)
    return Attribute(name, "categorical", codes, levels, codes.astype(float))


def crossed(first: Attribute, second: Attribute) -> Attribute:
    """The intersections of the groups of two attributes.

    Examples
    --------
    >>> a, b = read_attributes({"sex": ["f", "m", "m"], "site": ["A", "A", "B"]})
    >>> crossed(a, b).name, crossed(a, b).levels
    ('sex & site', ('f & A', 'm & A', 'm & B'))
    """
    codes = first.codes * len(second.levels) + second.codes
    labels = [f"{a} & {b}" for a in first.levels for b in second.levels]
    return groups(f"{first.name} & {second.name}", codes, labels)


def _open(sensitive_features: Any) -> Table:
    if isinstance(sensitive_features, dict):
        return open_table(pd.DataFrame(sensitive_features))
    if nw.dependencies.is_into_series(sensitive_features):
        series = nw.from_native(sensitive_features, series_only=True)
        name = series.name if isinstance(series.name, str) and series.name else "sensitive feature"
        return open_table(series.rename(name).to_frame().to_native())
    if nw.dependencies.is_into_dataframe(sensitive_features):
        return open_table(sensitive_features)
    values = np.asarray(sensitive_features)
    if values.ndim == 1:
        # A list may mix text and None, which only pandas takes for missing.
        column = pd.Series(list(sensitive_features))
        return open_table(column.rename("sensitive feature").to_frame())
    return open_table(sensitive_features)


def _check_varies(attribute: Attribute) -> None:
    if attribute.kind == "categorical" and len(attribute.levels) < 2:
        only = attribute.levels[0] if attribute.levels else MISSING
        raise ValueError(
            f"Sensitive feature {attribute.name!r} is {only!r} in every row; nothing can depend "
            "on it. Leave it out."
        )
    if len(attribute.levels) > MAX_CATEGORIES:
        raise ValueError(
            f"Sensitive feature {attribute.name!r} has {len(attribute.levels):,} groups, more "
            f"than {MAX_CATEGORIES:,}. Group its values."
        )
