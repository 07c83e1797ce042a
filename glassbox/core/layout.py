"""Which coefficients of a term training rows can touch, and how a table's rows touch them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from scipy import sparse

from glassbox.core.additive import Columns
from glassbox.core.axes import Axis, BasisRows
from glassbox.core.terms import PAIR_SEPARATOR


@dataclass(frozen=True)
class TermColumns:
    """Columns of one term: its table without the slots that no training row can touch.

    A main effect has its values and *missing*; *unseen* adds nothing. A pair has the values of
    both features only, and adds nothing where one of them is missing.

    Attributes
    ----------
    axes : tuple of Axis
    """

    axes: tuple[Axis, ...]

    @property
    def name(self) -> str:
        """Name of the term."""
        return PAIR_SEPARATOR.join(axis.name for axis in self.axes)

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.slots)

    @cached_property
    def slots(self) -> np.ndarray:
        """Positions of the columns in the term's flattened table."""
        if len(self.axes) == 1:
            return np.arange(self.axes[0].n_values + 1)
        first, second = self.axes
        values = np.arange(first.n_values)[:, None] * second.size + np.arange(second.n_values)
        return values.ravel()

    def table(self, columns: np.ndarray) -> np.ndarray:
        """Spread values of the columns, shape (n_columns, m), over the table; others are zero."""
        shape = tuple(axis.size for axis in self.axes)
        table = np.zeros((int(np.prod(shape)), columns.shape[1]))
        table[self.slots] = columns
        return table.reshape(*shape, -1)

    def touched(self, rows: list[BasisRows]) -> Iterator[tuple[np.ndarray, np.ndarray | float]]:
        """Column numbers and weights that each row touches, one pair of arrays at a time."""
        if len(self.axes) == 1:
            if self.axes[0].unseen_index is not None:
                seen = rows[0].first < self.axes[0].unseen_index
                yield np.where(seen, rows[0].first, 0), np.where(seen, 1.0, 0.0)
                return
            for r in range(rows[0].width):
                yield rows[0].first + r, rows[0].weight(r)
            return
        second = self.axes[1]
        present = np.ones(len(rows[0].first))
        starts = []
        for axis, basis in zip(self.axes, rows, strict=True):
            missing = basis.first + (basis.width - 1) >= axis.missing_index
            present[missing] = 0.0
            starts.append(np.where(missing, 0, basis.first))
        for a, b in product(range(rows[0].width), range(rows[1].width)):
            weight = present * rows[0].weight(a) * rows[1].weight(b)
            yield (starts[0] + a) * second.n_values + (starts[1] + b), weight


@dataclass(frozen=True)
class Layout:
    """The columns of all terms, one after another.

    Attributes
    ----------
    terms : tuple of TermColumns

    Examples
    --------
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> layout = Layout((TermColumns((age,)),))
    >>> layout.rows({"age": np.array([77.5, np.nan])}).toarray()
    array([[0. , 0.5, 0.5, 0. ],
           [0. , 0. , 0. , 1. ]])
    """

    terms: tuple[TermColumns, ...]

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return sum(term.n_columns for term in self.terms)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where the columns of each term are."""
        return consecutive((term.name, term.n_columns) for term in self.terms)

    def flat(self, tables: Mapping[str, np.ndarray]) -> np.ndarray:
        """Values of tables, such as densities, at the columns, shape (n_columns,)."""
        return np.concatenate([tables[term.name].ravel()[term.slots] for term in self.terms])

    def rows(self, columns: Columns, dtype: type = np.float64) -> sparse.csr_array:
        """Basis rows of a table, shape (n_rows, n_columns)."""
        located: dict[int, BasisRows] = {}
        positions, weights = [], []
        for term in self.terms:
            for axis in term.axes:
                if id(axis) not in located:
                    located[id(axis)] = axis.locate(columns[axis.name])
            start = self.slices[term.name].start
            for column, weight in term.touched([located[id(axis)] for axis in term.axes]):
                positions.append(start + column)
                weights.append(weight)
        n_rows, width = len(next(iter(columns.values()))), len(positions)
        indices = np.empty((n_rows, width), dtype=np.int32)
        data = np.empty((n_rows, width), dtype=dtype)
        for k, (position, weight) in enumerate(zip(positions, weights, strict=True)):
            indices[:, k] = position
            data[:, k] = weight
        starts = np.arange(n_rows + 1) * width
        shape = (n_rows, self.n_columns)
        return sparse.csr_array((data.ravel(), indices.ravel(), starts), shape=shape)


def consecutive(sizes: Iterable[tuple[str, int]], start: int = 0) -> dict[str, slice]:
    """Slices of the given sizes, one after another."""
    slices = {}
    for name, size in sizes:
        slices[name] = slice(start, start + size)
        start += size
    return slices
