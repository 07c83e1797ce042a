"""Blocks of a training table in Parquet files that need not fit into memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.core.schema import MAX_CATEGORIES, SchemaInference
from glassbox.estimators._blocks import BLOCK_ROWS, Blocks
from glassbox.estimators._training import TrainingTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset, ParquetFileFragment


def is_parquet_source(X: Any) -> bool:
    """Whether ``X`` is the path of a file or folder, or a pyarrow dataset, and not a table.

    Examples
    --------
    >>> is_parquet_source("patients.parquet"), is_parquet_source([[1.0, 2.0]])
    (True, False)
    """
    if isinstance(X, str | os.PathLike):
        return True
    dataset = sys.modules.get("pyarrow.dataset")
    return dataset is not None and isinstance(X, dataset.Dataset)


class ParquetBlocks(Blocks):
    """The blocks of a table in Parquet files: at any time a block and a row group in memory.

    A first pass over all row groups finds the types of the columns and checks the outcome and
    the weights. After it, each block is read when it is asked for. The rows are those that
    ``pandas.read_parquet`` gives, in its order; the index that pandas wrote is not a column.

    Parameters
    ----------
    source : str, path-like or pyarrow.dataset.Dataset
        A Parquet file, a folder of such files (partition folders like ``site=A`` are columns),
        or a dataset of such files.
    target : str
        The column of the outcome.
    weight : str, optional
        The column of sample weights; rows of weight zero are left out.
    categorical_features : "from_dtype", None, or list of names, indices or booleans
        As in :meth:`glassbox.core.schema.Schema.infer`, over the columns that are neither
        outcome nor weight.
    encode_target : callable
        Checks outcomes and turns them into numbers. It is called with the distinct values of
        the outcome, once, if ``has_classes``, else with the outcomes of some rows.
    has_classes : bool
        Whether the outcome is a class.
    block_rows : int

    Raises
    ------
    ImportError
        Without pyarrow.
    FileNotFoundError
        If there is nothing at the path.
    ValueError, TypeError
        If the files are not Parquet, hold no rows, or a column cannot be used: naming the file
        or the column, the row (counted from 0) and the value.
    """

    def __init__(
        self,
        source: Any,
        target: str,
        weight: str | None = None,
        categorical_features: Any = "from_dtype",
        *,
        encode_target: Callable[[np.ndarray], np.ndarray],
        has_classes: bool = False,
        block_rows: int = BLOCK_ROWS,
    ):
        self.block_rows = block_rows
        self._target, self._weight = target, weight
        self._dataset = _open_dataset(source)
        self._groups = list(_row_groups(self._dataset))
        self._features = _feature_names(self._dataset.schema, target, weight)
        self._held: tuple[int, pa.Table] | None = None
        look = _FirstLook(SchemaInference(categorical_features), encode_target, has_classes)
        for group in self._groups:
            self._look_at(group, look)
        self._ends = np.cumsum([0, *look.used_rows])
        self.n_rows = int(self._ends[-1])
        if self.n_rows == 0:
            what = "rows" if weight is None else f"rows with a positive {weight!r}"
            raise ValueError(f"{_name(source)} holds no {what}.")
        self.schema = look.inference.schema()
        self._encode = look.encoder()

    def _look_at(self, group: ParquetFileFragment, look: _FirstLook) -> None:
        rows = self._load(group)
        for part in _parts(rows, self.block_rows):
            _check_weights(self._weights(part), self._weight, look.n_rows)
            _check_outcomes(self._outcomes(part), self._target, look.n_rows)
            look.n_rows += len(part)
        rows = self._of_positive_weight(rows)
        look.used_rows.append(len(rows))
        for part in _parts(rows, self.block_rows):
            look.inference.add(self._frame(part))
            look.add_outcomes(self._outcomes(part), self._target)

    def _read(self, start: int, stop: int) -> TrainingTable:
        first, last = np.searchsorted(self._ends, [start, stop - 1], side="right") - 1
        parts = []
        for g in range(first, last + 1):
            offset = self._ends[g]
            parts += self._read_from_group(g, max(start - offset, 0), stop - offset)
        return _joined(parts).in_canonical_order()

    def _read_from_group(self, g: int, start: int, stop: int) -> list[TrainingTable]:
        """Some rows of a row group, typed, so that the group itself is no longer needed."""
        if self._held is None or self._held[0] != g:
            self._held = None
            self._held = g, self._of_positive_weight(self._load(self._groups[g]))
        rows = self._held[1].slice(start, stop - start)
        return [self._typed(part) for part in _parts(rows, self.block_rows)]

    def _load(self, group: ParquetFileFragment) -> pa.Table:
        names = [*self._features, self._target, *([self._weight] if self._weight else [])]
        with _reading(group.path):
            return group.to_table(self._dataset.schema, columns=names)

    def _of_positive_weight(self, rows: pa.Table) -> pa.Table:
        used = self._weights(rows) > 0
        return rows if used.all() else rows.filter(used)

    def _typed(self, rows: pa.Table) -> TrainingTable:
        columns = self.schema.read(self._frame(rows))
        return TrainingTable(
            self.schema, columns, self._encode(self._outcomes(rows)), self._weights(rows)
        )

    def _frame(self, rows: pa.Table) -> pd.DataFrame:
        return rows.select(self._features).to_pandas(ignore_metadata=True)

    def _outcomes(self, rows: pa.Table) -> np.ndarray:
        frame = rows.select([self._target]).to_pandas(ignore_metadata=True)
        return np.asarray(frame[self._target])

    def _weights(self, rows: pa.Table) -> np.ndarray:
        if self._weight is None:
            return np.ones(len(rows))
        return rows[self._weight].cast("float64", safe=False).to_numpy()


@dataclass
class _FirstLook:
    """What the first pass has found so far."""

    inference: SchemaInference
    encode_target: Callable[[np.ndarray], np.ndarray]
    has_classes: bool
    n_rows: int = 0
    used_rows: list[int] = field(default_factory=list)  # by row group
    classes: np.ndarray | None = None

    def add_outcomes(self, y: np.ndarray, name: str) -> None:
        if not self.has_classes:
            self.encode_target(y)
            return
        found = np.unique(y)
        if self.classes is not None:
            found = np.unique(np.concatenate([self.classes, found]))
        if len(found) > MAX_CATEGORIES:
            raise ValueError(
                f"Column {name!r} has more than {MAX_CATEGORIES:,} distinct values (such as "
                f"{found[0]!r}), too many for classes. Group them, or use a regressor."
            )
        self.classes = found

    def encoder(self) -> Callable[[np.ndarray], np.ndarray]:
        """From the outcomes of some rows to numbers."""
        if not self.has_classes:
            return self.encode_target
        # Each class twice: scikit-learn warns of a target in which most values are distinct.
        codes = self.encode_target(np.repeat(self.classes, 2))[::2]
        return lambda y: codes[np.searchsorted(self.classes, y)]


def _open_dataset(source: Any) -> Dataset:
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            f"Reading {_name(source)} needs pyarrow: pip install glassbox[parquet]."
        ) from error
    if isinstance(source, dataset.Dataset):
        return source
    with _reading(source):
        opened = dataset.dataset(
            os.fspath(source),
            format="parquet",
            partitioning=dataset.HivePartitioning.discover(infer_dictionary=True),
        )
    if not opened.files:
        raise ValueError(f"{_name(source)} holds no Parquet file.")
    return opened


def _row_groups(dataset: Dataset) -> Iterator[ParquetFileFragment]:
    for fragment in dataset.get_fragments():
        if not hasattr(fragment, "split_by_row_group"):
            raise TypeError(
                f"X is a dataset of {type(fragment).__name__}, which is not Parquet. Write it as "
                "Parquet first, for instance with pyarrow.dataset.write_dataset."
            )
        with _reading(fragment.path):
            yield from fragment.split_by_row_group()


@contextmanager
def _reading(source: Any) -> Iterator[None]:
    """Errors of pyarrow, with the name of what was being read."""
    import pyarrow

    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no file or folder {_name(source)}.") from error
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{_name(source)} cannot be read as Parquet: {error}") from error


def _name(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else "The dataset"


def _feature_names(schema: pa.Schema, target: str, weight: str | None) -> list[str]:
    from pyarrow import types

    names = schema.names
    for name, role, given in (
        (target, "outcome", "y"),
        (weight, "weights", "sample_weight"),
    ):
        if not isinstance(name, str) and (name is not None or given == "y"):
            raise TypeError(
                f"{given} is the name of the column of the {role} where X is a Parquet source, "
                f"got {type(name).__name__}. Put the {role} into the files."
            )
        if name is not None and name not in names:
            raise ValueError(
                f"There is no column {name!r} for the {role}; the columns are {names}."
            )
    if target == weight:
        raise ValueError(f"Column {target!r} cannot be both the outcome and the weights.")
    if weight is not None:
        kind = schema.field(weight).type
        checks = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
        if not any(is_number(kind) for is_number in checks):
            raise TypeError(f"Column {weight!r} has type {kind}; weights are numbers.")
    # An index that pandas wrote names the rows: a model that learns from it learns by heart.
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    features = [name for name in names if name not in (target, weight, *index)]
    if not features:
        raise ValueError(f"There are no features; the columns are {names}.")
    return features


def _parts(rows: pa.Table, length: int) -> Iterator[pa.Table]:
    return (rows.slice(start, length) for start in range(0, len(rows), length))


def _joined(parts: list[TrainingTable]) -> TrainingTable:
    schema = parts[0].schema
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in schema.names
    }
    y, weights = (np.concatenate([getattr(part, of) for part in parts]) for of in ("y", "weights"))
    return TrainingTable(schema, columns, y, weights)


def _check_weights(weights: np.ndarray, name: str | None, first_row: int) -> None:
    good = np.isfinite(weights) & (weights >= 0)
    if not good.all():
        row = good.argmin()
        raise ValueError(
            f"Column {name!r} holds the weight {weights[row]:g} in row {first_row + row}. Weights "
            "are finite numbers, zero or more; a row of weight zero is left out."
        )


def _check_outcomes(y: np.ndarray, name: str, first_row: int) -> None:
    bad = pd.isna(y)
    if y.dtype.kind == "f":
        bad |= np.isinf(y)
    if bad.any():
        row = bad.argmax()
        raise ValueError(
            f"Column {name!r} holds {y[row]} in row {first_row + row}. Every row needs an "
            "outcome: drop those that have none."
        )
