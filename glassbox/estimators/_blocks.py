"""Blocks: a training table that is read a part at a time, from memory or from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from glassbox.core.schema import Schema
from glassbox.estimators._training import TrainingTable

#: Rows of a block. A mini-batch is a part of one block, so a block is many batches long.
BLOCK_ROWS = 65_536


class Blocks(ABC):
    """A training table cut into blocks of rows, in the order in which the rows were given.

    Within a block the rows are in canonical order. What is random in a fit then depends on the
    rows of each block and the seed, and is the same for a table in memory and for its file.

    Attributes
    ----------
    schema : Schema
    n_rows : int
        Rows of positive weight.
    block_rows : int
        Rows of each block but the last.

    Examples
    --------
    >>> from glassbox.core.schema import ColumnSchema
    >>> ages = np.array([40.0, 51.0, 62.0])
    >>> schema = Schema((ColumnSchema("age", "numeric"),))
    >>> table = TrainingTable(schema, {"age": ages}, np.array([0, 1, 1]), np.ones(3))
    >>> [block.n_rows for block in MemoryBlocks(table, block_rows=2)]
    [2, 1]
    """

    schema: Schema
    n_rows: int
    block_rows: int

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return -(-self.n_rows // self.block_rows)

    def __len__(self) -> int:
        return self.n_blocks

    def __getitem__(self, k: int) -> TrainingTable:
        if not 0 <= k < self.n_blocks:
            raise IndexError(f"There is no block {k}; the blocks are 0 to {self.n_blocks - 1}.")
        start = k * self.block_rows
        return self._read(start, min(start + self.block_rows, self.n_rows))

    def __iter__(self) -> Iterator[TrainingTable]:
        return (self[k] for k in range(self.n_blocks))

    @abstractmethod
    def _read(self, start: int, stop: int) -> TrainingTable:
        """One block, from its first row to the one after its last, in canonical order."""


class MemoryBlocks(Blocks):
    """The blocks of a table in memory.

    Parameters
    ----------
    table : TrainingTable
        Rows of positive weight, in the order given.
    block_rows : int
    """

    def __init__(self, table: TrainingTable, block_rows: int = BLOCK_ROWS):
        self.schema = table.schema
        self.n_rows = table.n_rows
        self.block_rows = block_rows
        rows = np.arange(table.n_rows)
        self._blocks = [
            table.take(rows[start : start + block_rows]).in_canonical_order()
            for start in range(0, table.n_rows, block_rows)
        ]

    def _read(self, start: int, stop: int) -> TrainingTable:
        return self._blocks[start // self.block_rows]
