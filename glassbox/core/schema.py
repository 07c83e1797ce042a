"""The schema: reads any table into typed columns, and holds later tables to the same types."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from glassbox.core._tables import Table, open_table
from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE

#: More categories than this in one column are taken for a mistake: an identifier, or free text.
MAX_CATEGORIES = 2_000

Kind = Literal["numeric", "categorical"]


@dataclass(frozen=True)
class ColumnSchema:
    """Name and type of one column.

    Attributes
    ----------
    name : str
    kind : {"numeric", "categorical"}
        Booleans are numeric: 0 and 1.
    categories : tuple
        Categories in the order of their codes; empty for numeric columns.
    ordered : bool
        Whether the order of the categories means something.
    """

    name: str
    kind: Kind
    categories: tuple = ()
    ordered: bool = False

    @cached_property
    def _code_of(self) -> dict:
        return {category: code for code, category in enumerate(self.categories)}

    def read(self, table: Table, name: str) -> np.ndarray:
        """Read a column of a table as float64 (NaN for missing) or as category codes.

        Parameters
        ----------
        table : Table
        name : str
            What the table calls the column.

        Raises
        ------
        ValueError
            If the values are of another type than the column had when the schema was made, or
            infinite.
        """
        if self.kind == "numeric":
            return self._read_numbers(table.values(name))
        return self._read_codes(*table.factorized(name))

    def _read_numbers(self, values: np.ndarray) -> np.ndarray:
        if values.dtype == object:
            values = _numbers_from_objects(values, self.name)
        elif values.dtype.kind not in "fiub":
            raise ValueError(
                f"Column {self.name!r} was numeric when the model was fitted and now holds "
                f"{_example(values)!r}. Convert it to numbers first."
            )
        values = np.asarray(values, dtype=np.float64)
        if np.isinf(values).any():
            raise ValueError(
                f"Column {self.name!r} holds infinity. Replace it by a large finite number, or "
                "by NaN if it means that the value is missing."
            )
        return values

    def _read_codes(self, codes: np.ndarray, uniques: np.ndarray) -> np.ndarray:
        lookup = np.array([self._code_of.get(value, UNSEEN_CODE) for value in uniques], dtype=int)
        if len(uniques) and (lookup == UNSEEN_CODE).all():
            self._check_retyped(uniques)
        return np.append(lookup, MISSING_CODE)[codes]

    def _check_retyped(self, uniques: np.ndarray) -> None:
        if not self.categories:
            return
        had_text = isinstance(self.categories[0], str)
        if isinstance(uniques[0], str) != had_text:
            was, now = ("text", "numbers") if had_text else ("numbers", "text")
            raise ValueError(
                f"Column {self.name!r} held categories given as {was} when the model was fitted "
                f"(such as {self.categories[0]!r}) and now holds {now} (such as "
                f"{_plain(uniques[0])!r}). Convert it first."
            )


@dataclass(frozen=True)
class Schema:
    """Names and types of the columns of a table.

    Attributes
    ----------
    columns : tuple of ColumnSchema
    named : bool
        Whether the table had column names. If not, columns are called x0, x1, ... and later
        tables are matched by position.

    Examples
    --------
    >>> schema = Schema.infer(pd.DataFrame({"age": [40, 51], "sex": ["m", None]}))
    >>> [(column.name, column.kind) for column in schema.columns]
    [('age', 'numeric'), ('sex', 'categorical')]
    >>> schema.read(pd.DataFrame({"sex": ["f", "m"], "age": [None, 60]}))
    {'age': array([nan, 60.]), 'sex': array([-2,  0])}
    """

    columns: tuple[ColumnSchema, ...]
    named: bool = True

    @classmethod
    def infer(cls, X: Any, categorical_features: Any = "from_dtype") -> Schema:
        """Read the types off a table.

        Parameters
        ----------
        X : DataFrame (pandas, polars or another that narwhals knows) or array-like, 2-d
        categorical_features : "from_dtype", None, or list of names, indices or booleans
            Text, categorical and enum columns are always categorical; the list adds columns
            whose categories are coded as numbers.

        Raises
        ------
        ValueError, TypeError
            Naming the column that cannot be used, and why.
        """
        inference = SchemaInference(categorical_features)
        inference.add(X)
        return inference.schema()

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> ColumnSchema:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"No column is called {name!r}; the columns are {self.names}.")

    def __len__(self) -> int:
        return len(self.columns)

    def read(self, X: Any, *, owner: str = "The model") -> dict[str, np.ndarray]:
        """All columns of a table, typed.

        Returns
        -------
        dict of str to ndarray
            float64 for numeric columns, category codes for categorical ones.
        """
        reader = self.open(X, owner=owner)
        return reader.read(slice(0, reader.n_rows))

    def open(self, X: Any, *, owner: str = "The model") -> SchemaReader:
        """Check the names of a table's columns and return a reader of row blocks."""
        table = open_table(X)
        return SchemaReader(table, self._matched(table, owner))

    def _matched(self, table: Table, owner: str) -> list[tuple[str, ColumnSchema]]:
        if self.named and table.named:
            missing = [name for name in self.names if name not in table.names]
            extra = [name for name in table.names if name not in self.names]
            if missing or extra:
                raise ValueError(_names_differ(missing, extra))
            return [(column.name, column) for column in self.columns]
        if len(table.names) != len(self):
            raise ValueError(
                f"X has {len(table.names)} features, but {owner} is expecting {len(self)} "
                "features as input."
            )
        if self.named != table.named:
            had, has = ("with", "no") if self.named else ("without", "some")
            warnings.warn(
                f"X has {has} feature names, but {owner} was fitted {had} feature names: columns "
                "are matched by position.",
                UserWarning,
                stacklevel=4,
            )
        return list(zip(table.names, self.columns, strict=True))

    def to_json(self) -> dict:
        """The schema as plain JSON values."""
        return {
            "named": self.named,
            "columns": [
                {
                    "name": column.name,
                    "kind": column.kind,
                    "categories": list(column.categories),
                    "ordered": column.ordered,
                }
                for column in self.columns
            ],
        }

    @classmethod
    def from_json(cls, document: dict) -> Schema:
        """Rebuild a schema from :meth:`to_json`; ValueError or TypeError if it is damaged."""
        if set(document) != {"named", "columns"} or type(document["named"]) is not bool:
            raise ValueError("the schema needs exactly 'named' and 'columns'")
        columns = tuple(_column_from_json(column) for column in document["columns"])
        names = [column.name for column in columns]
        if not names or len(set(names)) != len(names):
            raise ValueError("the schema needs columns with different names")
        return cls(columns, named=document["named"])


@dataclass(frozen=True)
class SchemaReader:
    """Reads typed columns from a table, a block of rows at a time."""

    table: Table
    matched: Sequence[tuple[str, ColumnSchema]]

    @property
    def n_rows(self) -> int:
        """Number of rows of the table."""
        return self.table.n_rows

    def read(self, rows: slice) -> dict[str, np.ndarray]:
        """Typed columns of some rows."""
        # The table itself remembers what it has read; a part of it starts anew.
        block = self.table if rows == slice(0, self.n_rows) else self.table.rows(rows)
        return {column.name: column.read(block, name) for name, column in self.matched}


class SchemaInference:
    """Reads the types off a table that comes in blocks of rows.

    What it remembers of a column is its distinct categories: nothing grows with the rows.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or list of names, indices or booleans
        As in :meth:`Schema.infer`.

    Examples
    --------
    >>> inference = SchemaInference()
    >>> inference.add(pd.DataFrame({"sex": ["m", None]}))
    >>> inference.add(pd.DataFrame({"sex": [None, "f"]}))
    >>> inference.schema()["sex"].categories
    ('f', 'm')
    """

    def __init__(self, categorical_features: Any = "from_dtype"):
        self._categorical_features = categorical_features
        self._columns: list[_SeenColumn] = []
        self._named = True

    def add(self, X: Any) -> None:
        """Look at a block of rows.

        Parameters
        ----------
        X : DataFrame or array-like, 2-d
            With the columns of the blocks before it.

        Raises
        ------
        ValueError, TypeError
            Naming the column that cannot be used, and why.
        """
        table = open_table(X)
        if not self._columns:
            listed = _listed_columns(self._categorical_features, table.names)
            self._columns = [_SeenColumn(name, name in listed) for name in table.names]
            self._named = table.named
        for column in self._columns:
            column.add(table)

    def schema(self) -> Schema:
        """The schema of all blocks together."""
        return Schema(tuple(column.schema() for column in self._columns), named=self._named)


@dataclass
class _SeenColumn:
    """What the blocks of a column have shown so far."""

    name: str
    listed: bool
    declared: bool = False
    ordered: bool = False
    # Dictionaries, because a set forgets the order of appearance.
    levels: dict = field(default_factory=dict)
    uniques: dict = field(default_factory=dict)
    number: Any = None  # the first, to tell when text comes later

    def add(self, table: Table) -> None:
        values = table.values(self.name)
        declared = table.declared_categories(self.name)
        if values.dtype.kind not in "fiubOUS":
            raise TypeError(
                f"Column {self.name!r} has type {values.dtype}, which is neither numeric nor "
                "categorical. Convert it, for instance dates to a number of days, or drop it."
            )
        if declared is None and not self.listed and self._holds_numbers(table, values):
            ColumnSchema(self.name, "numeric").read(table, self.name)
            if self.number is None:
                self.number = _first_present(values)
            return
        if declared is not None:
            levels, self.ordered = declared
            self.declared = True
            self.levels.update(dict.fromkeys(levels))
        self.uniques.update(dict.fromkeys(table.factorized(self.name)[1]))
        self._refuse_too_many()

    def _holds_numbers(self, table: Table, values: np.ndarray) -> bool:
        if values.dtype.kind in "fiub":
            return True
        return not _are_text(table.factorized(self.name)[1], self.name)

    def _refuse_too_many(self) -> None:
        if len(self.uniques) > MAX_CATEGORIES:
            raise ValueError(
                f"Column {self.name!r} has {len(self.uniques):,} categories (such as "
                f"{_plain(next(iter(self.uniques)))!r}), more than {MAX_CATEGORIES:,}. It looks "
                "like an identifier or free text: drop it, or group its values."
            )

    def schema(self) -> ColumnSchema:
        if not self.declared and not self.listed:
            number = [] if self.number is None else [self.number]
            if not _are_text([*self.uniques, *number], self.name):
                return ColumnSchema(self.name, "numeric")
        if self.ordered:
            categories = tuple(_plain(level) for level in self.levels if level in self.uniques)
        else:
            categories = _sorted_categories(self.uniques, self.name)
        return ColumnSchema(self.name, "categorical", categories, self.ordered)


def _first_present(values: np.ndarray) -> Any:
    """The first value that is not missing, or None."""
    present = ~pd.isna(values)
    first = present.argmax()
    return values[first] if present[first] else None


def _are_text(uniques: Sequence, name: str) -> bool:
    """Whether values of unknown type are text (else numbers, or nothing at all)."""
    text = [isinstance(value, str) for value in uniques]
    if any(text) and not all(text):
        number, word = uniques[text.index(False)], uniques[text.index(True)]
        raise TypeError(
            f"Column {name!r} mixes text ({word!r}) and other values ({number!r}). Convert it to "
            "one type; an argument must be a string or a number."
        )
    return any(text)


def _sorted_categories(uniques: Iterable, name: str) -> tuple:
    try:
        return tuple(sorted(_plain(value) for value in uniques))
    except TypeError:
        raise TypeError(
            f"Column {name!r} mixes categories of different types. Convert them to text first."
        ) from None


def _plain(value: Any) -> str | int | float | bool:
    """A category as a plain Python value; whole floats become integers."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, numbers.Real):
        return int(value) if float(value).is_integer() else float(value)
    raise TypeError(f"A category must be a string, a number or a boolean, got {value!r}.")


def _numbers_from_objects(values: np.ndarray, name: str) -> np.ndarray:
    missing = pd.isna(values)
    result = np.full(len(values), np.nan)
    for row in np.flatnonzero(~missing):
        value = values[row]
        if isinstance(value, str):
            raise ValueError(
                f"Column {name!r} was numeric when the model was fitted and now holds the text "
                f"{value!r}. Convert it to numbers first."
            )
        if not isinstance(value, numbers.Real | np.bool_):
            try:
                value = float(value)
            except (TypeError, ValueError):
                raise TypeError(
                    f"Column {name!r} holds {value!r}; every argument must be a string or a "
                    f"number, not {type(value).__name__!r}."
                ) from None
        result[row] = value
    return result


def _listed_columns(categorical_features: Any, names: list[str]) -> set[str]:
    if categorical_features is None:
        return set()
    if isinstance(categorical_features, str):
        if categorical_features == "from_dtype":
            return set()
        raise ValueError(
            "categorical_features must be 'from_dtype', None, or a list of names, indices or "
            f"booleans, got {categorical_features!r}."
        )
    listed = list(categorical_features)
    if listed and all(isinstance(item, bool | np.bool_) for item in listed):
        if len(listed) != len(names):
            raise ValueError(
                f"categorical_features has {len(listed)} booleans for {len(names)} columns."
            )
        return {name for name, is_listed in zip(names, listed, strict=True) if is_listed}
    found = set()
    for item in listed:
        if isinstance(item, str) and item in names:
            found.add(item)
        elif isinstance(item, numbers.Integral) and -len(names) <= item < len(names):
            found.add(names[item])
        else:
            raise ValueError(
                f"categorical_features names {item!r}, which is not a column; the columns are "
                f"{names}."
            )
    return found


def _names_differ(missing: list[str], extra: list[str]) -> str:
    parts = []
    if missing:
        parts.append(f"lacks the column(s) {missing} that the model was fitted with")
    if extra:
        parts.append(f"has the column(s) {extra} that the model does not know")
    return f"X {' and '.join(parts)}. Give exactly the columns of the training table."


def _example(values: np.ndarray) -> Any:
    present = values[~pd.isna(values)]
    return present[0] if len(present) else values.dtype


def _column_from_json(document: dict) -> ColumnSchema:
    if set(document) != {"name", "kind", "categories", "ordered"}:
        raise ValueError("a column of the schema has unknown or missing fields")
    name, kind = document["name"], document["kind"]
    categories, ordered = document["categories"], document["ordered"]
    if type(name) is not str or kind not in ("numeric", "categorical"):
        raise ValueError(f"column {name!r} of the schema has kind {kind!r}")
    if type(ordered) is not bool or type(categories) is not list:
        raise ValueError(f"column {name!r} of the schema has damaged categories")
    if any(type(category) not in (str, int, float, bool) for category in categories):
        raise ValueError(f"column {name!r} of the schema has damaged categories")
    if len(set(categories)) != len(categories) or (kind == "numeric" and categories):
        raise ValueError(f"column {name!r} of the schema has damaged categories")
    return ColumnSchema(name, kind, tuple(categories), ordered)
