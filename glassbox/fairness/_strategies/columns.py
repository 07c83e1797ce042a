"""Which columns of a table are sensitive, and tables without them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from glassbox.core._tables import Table, open_table


@dataclass(frozen=True)
class TableColumns:
    """The columns of a training table, and which of them are sensitive.

    Attributes
    ----------
    names : tuple of str
        As the schema calls them: x0, x1, ... for tables without names.
    named : bool
    sensitive : tuple of str

    Examples
    --------
    >>> columns = TableColumns(("age", "sex"), True, ("sex",))
    >>> columns.hidden(pd.DataFrame({"age": [40, 51]}))
       age  sex
    0   40  NaN
    1   51  NaN
    """

    names: tuple[str, ...]
    named: bool
    sensitive: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, sensitive: Sequence | None) -> TableColumns:
        """Find the sensitive columns of a table, given by name or position.

        Raises
        ------
        ValueError
            If one is not a column, or named twice.
        """
        names = tuple(table.names)
        return cls(names, table.named, tuple(resolved(sensitive, names)))

    def of_training(self, X: Any, kept: Sequence[str]) -> Any:
        """Some columns of the training table, in a table of its type."""
        return _selected(X, [self.names.index(name) for name in kept])

    def kept(self, X: Any, kept: Sequence[str], owner: str) -> Any:
        """Some columns of a later table, in the order of the training table.

        Raises
        ------
        ValueError
            If the table lacks one of them, or has a column that training did not have.
        """
        spare = [name for name in self.names if name not in kept]
        where = self.positions(open_table(X), spare, owner)
        return _selected(X, [where[name] for name in kept])

    def hidden(self, X: Any, owner: str = "The model") -> Any:
        """A later table with nothing in its sensitive columns, which it may lack."""
        return self.filled(X, None, 0, owner)

    def filled(self, X: Any, cells: Any, row: int, owner: str = "The model") -> Any:
        """A later table with given values in its sensitive columns, which it may lack.

        Parameters
        ----------
        X : DataFrame or array-like
        cells : table of the sensitive columns, or None
            As :meth:`cells_of` makes it. None: the values are missing.
        row : int
            Which row of `cells` all rows of X get.

        Raises
        ------
        ValueError
            If X lacks another column, or has one that training did not have.
        """
        where = self.positions(open_table(X), self.sensitive, owner)
        if not nw.dependencies.is_into_dataframe(X):
            positions = [where[name] for name in self.sensitive]
            return _overwritten(np.asarray(X), positions, self._values(cells, row))
        if isinstance(X, pd.DataFrame):
            values = dict(zip(self.sensitive, self._values(cells, row, len(X)), strict=True))
            columns = {
                j: values[name] if name in values else X.iloc[:, where[name]]
                for j, name in enumerate(self.names)
            }
            labels = self.names if self.named else range(len(self.names))
            return pd.DataFrame(columns, index=X.index).set_axis(list(labels), axis="columns")
        frame = nw.from_native(X, eager_only=True)
        given = list(frame.columns)
        values = dict(zip(self.sensitive, self._values(cells, row), strict=True))
        dtypes = _dtypes(cells)
        series = [
            nw.new_series(
                name,
                [_plain(values[name])] * len(frame),
                dtypes.get(name, nw.Float64 if cells is None else None),
                backend=frame.implementation,
            )
            if name in values
            else frame[given[where[name]]].alias(name)
            for name in self.names
        ]
        return nw.concat([one.to_frame() for one in series], how="horizontal").to_native()

    def cells_of(self, X: Any, rows: Mapping[str, np.ndarray]) -> Any:
        """Cells of the sensitive columns of the training table, in a table of its type.

        Parameters
        ----------
        X : the training table
        rows : mapping of str to ndarray of int
            By sensitive column: the rows that cells are taken from, -1 for missing.
        """
        places = [self.names.index(name) for name in self.sensitive]
        if not nw.dependencies.is_into_dataframe(X):
            array = np.asarray(X)
            parts = [array[rows[n], j] for n, j in zip(self.sensitive, places, strict=True)]
            cells = np.column_stack(parts)
            for k, name in enumerate(self.sensitive):
                if (rows[name] < 0).any():
                    cells = _overwritten(cells, [k], [np.nan])
            return cells
        if isinstance(X, pd.DataFrame):
            # Reindexing knows what is missing in columns of each type.
            parts = {
                name: X.iloc[:, j].reset_index(drop=True).reindex(rows[name]).array
                for name, j in zip(self.sensitive, places, strict=True)
            }
            return pd.DataFrame(parts)
        frame = nw.from_native(X, eager_only=True)
        series = []
        for name, j in zip(self.sensitive, places, strict=True):
            column = frame[frame.columns[j]]
            values = [None if r < 0 else column[int(r)] for r in rows[name]]
            backend = frame.implementation
            series.append(nw.new_series(name, values, column.dtype, backend=backend).to_frame())
        return nw.concat(series, how="horizontal").to_native()

    def _values(self, cells: Any, row: int, n_rows: int | None = None) -> list:
        """Values of a row of cells; as columns of a data frame, if a length is given."""
        if cells is None:
            values = [np.nan] * len(self.sensitive)
        elif n_rows is not None and isinstance(cells, pd.DataFrame):
            return [cells.iloc[np.full(n_rows, row), k].array for k in range(cells.shape[1])]
        else:
            table = open_table(cells)
            values = [table.values(name)[row] for name in table.names]
        return values if n_rows is None else [np.repeat(value, n_rows) for value in values]

    def positions(self, table: Table, spare: Sequence[str], owner: str) -> dict[str, int]:
        """Where the columns of the training table are; spare ones need not be there."""
        given = list(table.names)
        if self.named and table.named:
            missing = [n for n in self.names if n not in given and n not in spare]
            extra = [n for n in given if n not in self.names]
            if missing or extra:
                raise ValueError(_names_differ(missing, extra))
            return {name: given.index(name) for name in self.names if name in given}
        if len(given) != len(self.names):
            raise ValueError(
                f"X has {len(given)} features, but {owner} is expecting {len(self.names)} "
                "features as input."
            )
        return {name: j for j, name in enumerate(self.names)}


def resolved(sensitive: Sequence | None, names: Sequence[str]) -> list[str]:
    """Names of columns that are given by name or position; ValueError if one is none."""
    found = [_name_of(item, names) for item in ([] if sensitive is None else sensitive)]
    for name in found:
        if found.count(name) > 1:
            raise ValueError(f"sensitive names the column {name!r} twice; name it once.")
    return found


def _name_of(item: Any, names: Sequence[str]) -> str:
    if isinstance(item, str) and item in names:
        return item
    if isinstance(item, numbers.Integral) and not isinstance(item, bool):
        if -len(names) <= item < len(names):
            return names[item]
    raise ValueError(
        f"sensitive names {item!r}, which is not a column; the columns are {list(names)}. Give "
        "features that are no columns of X as sensitive_features."
    )


def _selected(X: Any, positions: list[int]) -> Any:
    if not nw.dependencies.is_into_dataframe(X):
        return np.asarray(X)[:, positions]
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, positions]
    frame = nw.from_native(X, eager_only=True)
    return frame.select([frame.columns[j] for j in positions]).to_native()


def _overwritten(array: np.ndarray, positions: list[int], values: Sequence) -> np.ndarray:
    if array.dtype.kind in "OUS" or any(isinstance(value, str) for value in values):
        array = array.astype(object)
    else:
        array = array.astype(np.result_type(array.dtype, *(np.asarray(v).dtype for v in values)))
    array[:, positions] = np.array(values, dtype=array.dtype)
    return array


def _dtypes(cells: Any) -> dict:
    """Types of the cells of a data frame that is not pandas's."""
    if not nw.dependencies.is_into_dataframe(cells) or isinstance(cells, pd.DataFrame):
        return {}
    return dict(nw.from_native(cells, eager_only=True).schema)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if pd.isna(value) else value


def _names_differ(missing: list[str], extra: list[str]) -> str:
    lines = ["The feature names should match those that were passed during fit."]
    if extra:
        lines += ["Feature names unseen at fit time:", *(f"- {name}" for name in extra)]
    if missing:
        lines += ["Feature names seen at fit time, yet now missing:"]
        lines += [f"- {name}" for name in missing]
    return "\n".join(lines)
