"""Batches of prepared rows: basis rows, and which member drew which row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassbox.core.layout import Layout
from glassbox.estimators._blocks import Blocks, MemoryBlocks
from glassbox.estimators._dependence import SensitiveBatch, SensitiveTable
from glassbox.estimators._training import TrainingTable
from glassbox.solvers.members import Batch

#: Share of the rows that a member draws; it is judged by the others.
DRAWN = 0.8
#: Rows from which smoothness is learned; the coefficients are learned from all.
SAMPLE_ROWS = 16_384


class MemberBatches:
    """The rows of a training table, in batches.

    Parameters
    ----------
    blocks : Blocks
    layout : Layout
    n_members : int
    batch_rows : int
        Rows of a batch.
    seed : int
        Which member draws which row depends on the seed and the row's place in its block.
    class_weights : ndarray of shape (n_classes,), optional
        Factors on the weights of rows, by class number.
    """

    def __init__(
        self,
        blocks: Blocks,
        layout: Layout,
        n_members: int,
        batch_rows: int,
        seed: int,
        class_weights: np.ndarray | None = None,
    ):
        self.blocks, self.layout = blocks, layout
        self.n_members, self.batch_rows, self.seed = n_members, batch_rows, seed
        self.class_weights = class_weights
        self.in_memory = isinstance(blocks, MemoryBlocks)
        self._kept: dict[int, list[Batch]] = {}

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.blocks.n_blocks

    def __iter__(self) -> Iterator[Batch]:
        for k in range(self.n_blocks):
            yield from self.block(k)

    def block(self, k: int) -> list[Batch]:
        """The batches of one block."""
        if k in self._kept:
            return self._kept[k]
        table = weighted_rows(self.blocks[k], self.class_weights)
        batches = list(self._cut(table, k))
        if self.in_memory:
            self._kept[k] = batches
        return batches

    def _cut(self, table: TrainingTable, k: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self.seed, k])
        drawn = rng.random((table.n_rows, self.n_members)) < DRAWN
        bags = np.where(drawn, 1 / DRAWN, 0.0).astype(np.float32)
        n_batches = -(-table.n_rows // self.batch_rows)
        edges = np.linspace(0, table.n_rows, n_batches + 1).astype(int)
        for start, stop in zip(edges[:-1], edges[1:], strict=True):
            part = slice(start, stop)
            columns = {name: column[part] for name, column in table.columns.items()}
            rows = self.layout.rows(columns, np.float32)
            parts = rows, table.y[part], table.weights[part], bags[part]
            if isinstance(table, SensitiveTable):
                sensitive = tuple(column.take(part) for column in table.sensitive)
                yield SensitiveBatch(*parts, sensitive)
            else:
                yield Batch(*parts)


def weighted_rows(table: TrainingTable, class_weights: np.ndarray | None) -> TrainingTable:
    """The rows of a block as a fit counts them."""
    table = table.with_whole_weights_as_rows()
    if class_weights is None:
        return table
    return table.reweighted(class_weights[table.y.astype(int)])


def sample_rows(
    blocks: Blocks, n_rows: int, seed: int, class_weights: np.ndarray | None
) -> TrainingTable:
    """Some rows of every block, or all if there are no more than `n_rows`."""
    share = min(1.0, n_rows / blocks.n_rows)
    parts = []
    for k in range(blocks.n_blocks):
        table = blocks[k]
        if share < 1:
            rng = np.random.default_rng([seed, k])
            size = max(1, round(share * table.n_rows))
            table = table.take(np.sort(rng.choice(table.n_rows, size, replace=False)))
        parts.append(weighted_rows(table, class_weights))
    return TrainingTable.joined(parts)
