"""One face for the tables that users have: pandas, polars and others through narwhals, numpy."""

from __future__ import annotations

from typing import Any, Protocol

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.utils import check_array


class Table(Protocol):
    """What the schema needs to know of a table."""

    names: list[str]
    named: bool
    n_rows: int

    def values(self, name: str) -> np.ndarray:
        """Raw values of a column: numbers, text or objects."""

    def factorized(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes of a column and its distinct values; the code -1 stands for missing."""

    def declared_categories(self, name: str) -> tuple[list, bool] | None:
        """Levels of a categorical column and whether they are ordered; None for other types."""

    def rows(self, rows: slice | np.ndarray) -> Table:
        """Some rows: a slice, or an array of row numbers."""


def open_table(X: Any) -> Table:
    """Wrap a data frame or anything that is array-like and two-dimensional.

    Raises
    ------
    TypeError, ValueError
        For sparse, complex, one-dimensional or empty input, lazy frames, duplicate column names.
    """
    if isinstance(X, FrameTable | ArrayTable):
        return X
    if nw.dependencies.is_into_dataframe(X):
        return FrameTable.open(X)
    if nw.dependencies.is_polars_lazyframe(X):
        raise TypeError("X is a lazy frame; collect() it first.")
    return ArrayTable(
        check_array(X, dtype=None, ensure_all_finite=False, ensure_min_features=1, estimator=None)
    )


class _ReadOnce:
    """A fit asks for each column twice: for its type, and for its content."""

    def __init__(self):
        self._values: dict[str, np.ndarray] = {}
        self._factorized: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def values(self, name: str) -> np.ndarray:
        """Raw values of a column; nulls of numeric columns become NaN."""
        if name not in self._values:
            self._values[name] = self._raw_values(name)
        return self._values[name]

    def factorized(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes of a column and its distinct values; the code -1 stands for missing."""
        if name not in self._factorized:
            self._factorized[name] = _factorize(self.values(name))
        return self._factorized[name]


class ArrayTable(_ReadOnce):
    """A two-dimensional array; its columns are called x0, x1, ..."""

    named = False

    def __init__(self, array: np.ndarray):
        super().__init__()
        self._array = array
        self.n_rows = len(array)
        self.names = [f"x{j}" for j in range(array.shape[1])]

    def _raw_values(self, name: str) -> np.ndarray:
        return np.ascontiguousarray(self._array[:, int(name[1:])])

    def declared_categories(self, name: str) -> None:
        """Arrays declare no categories."""
        return None

    def rows(self, rows: slice | np.ndarray) -> ArrayTable:
        """Some rows; a slice makes no copy."""
        return ArrayTable(self._array[rows])


class FrameTable(_ReadOnce):
    """A data frame, read through narwhals."""

    def __init__(self, frame: nw.DataFrame, named: bool):
        super().__init__()
        self._frame = frame
        self.names = list(frame.columns)
        self.named = named
        self.n_rows = frame.shape[0]

    @classmethod
    def open(cls, X: Any) -> FrameTable:
        """Check the names and the shape of a data frame."""
        # Only pandas has names that are not text, or two columns of one name.
        native_names = list(X.columns) if nw.dependencies.is_pandas_dataframe(X) else []
        named = all(isinstance(name, str) for name in native_names)
        if not named and any(isinstance(name, str) for name in native_names):
            raise TypeError(
                "Feature names are only supported if all input features have string names, but "
                f"the columns are {native_names}. Rename them to strings."
            )
        if len(set(native_names)) != len(native_names):
            twice = next(name for name in native_names if native_names.count(name) > 1)
            raise ValueError(f"X has two columns called {twice!r}; rename one.")
        if not named:
            X = X.set_axis([f"x{j}" for j in range(len(native_names))], axis="columns")
        frame = nw.from_native(X, eager_only=True)
        n_rows, n_columns = frame.shape
        if n_columns == 0 or n_rows == 0:
            what = "feature" if n_columns == 0 else "sample"
            raise ValueError(
                f"Found array with 0 {what}(s) (shape=({n_rows}, {n_columns})) while a minimum of "
                "1 is required."
            )
        return cls(frame, named)

    def _raw_values(self, name: str) -> np.ndarray:
        return _raw_values(self._frame[name])

    def declared_categories(self, name: str) -> tuple[list, bool] | None:
        """Levels of a categorical or enum column, and whether they are ordered."""
        series = self._frame[name]
        if series.dtype not in (nw.Categorical, nw.Enum):
            return None
        return series.cat.get_categories().to_list(), series.dtype == nw.Enum

    def rows(self, rows: slice | np.ndarray) -> FrameTable:
        """Some rows; a slice makes no copy."""
        return FrameTable(self._frame[rows], self.named)


def _raw_values(series: nw.Series) -> np.ndarray:
    if series.dtype.is_numeric():
        if series.dtype.is_decimal() or series.null_count():
            series = series.cast(nw.Float64)
        return series.to_numpy()
    if series.dtype == nw.Boolean and not series.null_count():
        return series.to_numpy().astype(bool)
    levelled = series.dtype in (nw.Categorical, nw.Enum, nw.String, nw.Boolean)
    if levelled and not series.implementation.is_pyarrow():
        return series.to_numpy().astype(object)
    if levelled or series.dtype == nw.Object:
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
        return values
    return series.to_numpy()


def _factorize(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes and distinct values; the code -1 stands for missing."""
    if values.dtype.kind in "US":
        values = values.astype(object)
    try:
        return pd.factorize(values, use_na_sentinel=True)
    except TypeError:
        offender = next(value for value in values if value.__hash__ is None)
        raise TypeError(
            f"A column holds {offender!r}; every argument must be a string or a number, "
            f"not {type(offender).__name__!r}."
        ) from None
