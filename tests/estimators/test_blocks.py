import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators._blocks import BLOCK_ROWS, MemoryBlocks
from glassbox.estimators._training import TrainingTable


def numbered(n_rows):
    schema = Schema((ColumnSchema("a", "numeric"),))
    rows = np.arange(n_rows, dtype=float)
    return TrainingTable(schema, {"a": rows}, rows % 3, rows + 1)


@given(st.integers(1, 60), st.integers(1, 25))
def test_blocks_are_the_rows_in_the_order_given(n_rows, block_rows):
    table = numbered(n_rows)
    blocks = MemoryBlocks(table, block_rows)
    assert blocks.schema is table.schema and blocks.n_rows == n_rows
    assert len(list(blocks)) == len(blocks) == blocks.n_blocks
    assert {block.n_rows for block in list(blocks)[:-1]} <= {block_rows}
    for k, block in enumerate(blocks):
        rows = np.arange(k * block_rows, min((k + 1) * block_rows, n_rows))
        expected = table.take(rows).in_canonical_order()
        np.testing.assert_array_equal(block.columns["a"], expected.columns["a"])
        np.testing.assert_array_equal(block.y, expected.y)
        np.testing.assert_array_equal(block.weights, expected.weights)


def test_blocks_forget_the_order_within_them():
    one = MemoryBlocks(numbered(8), 4)[1]
    other = MemoryBlocks(numbered(8).take(np.array([0, 1, 2, 3, 7, 5, 6, 4])), 4)[1]
    np.testing.assert_array_equal(one.columns["a"], other.columns["a"])


def test_a_block_is_large_unless_told():
    assert MemoryBlocks(numbered(10)).block_rows == BLOCK_ROWS


@pytest.mark.parametrize("k", [-1, 3])
def test_there_is_no_such_block(k):
    with pytest.raises(IndexError, match=rf"no block {k}; the blocks are 0 to 2"):
        MemoryBlocks(numbered(5), 2)[k]
