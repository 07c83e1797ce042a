"""Tables of the type that the user gave: rows of it, and columns of new values."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from glassbox.core._tables import open_table


def tables_like(X: Any) -> Tables:
    """A maker of tables of the type of X.

    Raises
    ------
    TypeError, ValueError
        If X is neither a data frame nor a two-dimensional array, or is empty.
    """
    if isinstance(X, np.ndarray):
        return ArrayTables(X)
    if nw.dependencies.is_into_dataframe(X):
        return FrameTables(X)
    open_table(X)  # explains lazy frames and sparse matrices in its own words
    raise TypeError(f"X must be a data frame or a numpy array, not {type(X).__name__}.")


class ArrayTables:
    """Arrays of the type of X.

    Attributes
    ----------
    source : Table
        X, as the schema reads it.
    """

    def __init__(self, X: np.ndarray):
        self.source = open_table(X)
        self._X = X

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Some rows of X."""
        return self._X[rows]

    def recombine(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """A table in which each column has cells from rows of its own; one array per column."""
        return self._X[np.column_stack(rows), np.arange(len(rows))]

    def cells(self, name: str, rows: np.ndarray) -> np.ndarray:
        """A column with the cells of some rows of X."""
        return self._X[rows, self._position(name)]

    def numbers(self, name: str, values: np.ndarray) -> np.ndarray:
        """A column with new numbers."""
        return values

    def with_column(self, table: np.ndarray, name: str, column: np.ndarray) -> np.ndarray:
        """A copy of the table with another column."""
        table = table.copy()
        table[:, self._position(name)] = column
        return table

    def native(self, table: np.ndarray) -> np.ndarray:
        """The table as the model takes it."""
        return table

    def as_dicts(self, table: np.ndarray, rows: np.ndarray) -> list[dict[str, Any]]:
        """Some rows of a table, as dicts."""
        names = self.source.names
        return [dict(zip(names, values, strict=True)) for values in table[rows].tolist()]

    def number_type(self, name: str) -> np.dtype:
        """The type of the numbers in a numeric column."""
        if self._X.dtype.kind != "O":
            return self._X.dtype
        return _type_of_objects(self.source.values(name))

    def _position(self, name: str) -> int:
        return self.source.names.index(name)


class FrameTables:
    """Data frames of the type of X. Until the model takes them, they are narwhals' frames.

    Attributes
    ----------
    source : Table
        X, as the schema reads it.
    """

    def __init__(self, X: Any):
        self.source = open_table(X)
        self._pandas_labels = X.columns if isinstance(X, pd.DataFrame) else None
        if self._pandas_labels is not None:
            X = X.set_axis(self.source.names, axis="columns")
        self._frame = nw.from_native(X, eager_only=True)

    def take(self, rows: np.ndarray) -> nw.DataFrame:
        """Some rows of X."""
        return self._frame[rows]

    def recombine(self, rows: Sequence[np.ndarray]) -> nw.DataFrame:
        """A table in which each column has cells from rows of its own; one array per column."""
        columns = map(self.cells, self.source.names, rows)
        return self._frame[rows[0]].with_columns(*columns)

    def cells(self, name: str, rows: np.ndarray) -> nw.Series:
        """A column with the cells of some rows of X."""
        return self._frame[name][rows]

    def numbers(self, name: str, values: np.ndarray) -> nw.Series:
        """A column with new numbers, of the type that the column has in X."""
        if self._pandas_labels is not None:  # pandas has types that narwhals does not tell apart
            dtype = self._frame[name].to_native().dtype
            return nw.from_native(pd.Series(values, name=name).astype(dtype), series_only=True)
        dtype = self._frame.schema[name]
        return nw.new_series(name, values, dtype, backend=self._frame.implementation)

    def with_column(self, table: nw.DataFrame, name: str, column: nw.Series) -> nw.DataFrame:
        """A copy of the table with another column."""
        return table.with_columns(column.alias(name))

    def native(self, table: nw.DataFrame) -> Any:
        """The table as the model takes it."""
        native = table.to_native()
        if self._pandas_labels is None:
            return native
        return native.reset_index(drop=True).set_axis(self._pandas_labels, axis="columns")

    def as_dicts(self, table: nw.DataFrame, rows: np.ndarray) -> list[dict[str, Any]]:
        """Some rows of a table, as dicts."""
        return table[rows].rows(named=True)

    def number_type(self, name: str) -> np.dtype:
        """The type of the numbers in a numeric column."""
        declared = self._frame.schema[name]
        if declared.is_decimal():
            raise TypeError(
                f"Column {name!r} has type {declared}; convert it to floats, or drop its "
                "direction."
            )
        if declared == nw.Boolean:
            return np.dtype(bool)
        if declared.is_numeric():
            return np.dtype(str(declared).lower().replace("int128", "int64"))
        return _type_of_objects(self.source.values(name))


Tables = ArrayTables | FrameTables


def _type_of_objects(values: np.ndarray) -> np.dtype:
    present = values[~pd.isna(values)]
    for family, dtype in ((bool | np.bool_, np.bool_), (numbers.Integral, np.int64)):
        if all(isinstance(value, family) for value in present):
            return np.dtype(dtype)
    return np.dtype(np.float64)
