import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators._batches import DRAWN, MemberBatches, sample_rows, weighted_rows
from glassbox.estimators._blocks import MemoryBlocks
from glassbox.estimators._training import TrainingTable

LAYOUT = Layout((TermColumns((NumericAxis("a", np.array([0.0, 50.0, 100.0]), degree=1),)),))


def numbered(n_rows, weights=None):
    schema = Schema((ColumnSchema("a", "numeric"),))
    rows = np.arange(n_rows, dtype=float)
    weights = np.ones(n_rows) if weights is None else np.asarray(weights, dtype=float)
    return TrainingTable(schema, {"a": rows}, rows % 3, weights)


def batches_of(table, block_rows=40, batch_rows=15, n_members=3, seed=0, class_weights=None):
    blocks = MemoryBlocks(table, block_rows)
    return MemberBatches(blocks, LAYOUT, n_members, batch_rows, seed, class_weights)


@given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 30))
def test_every_row_is_in_one_batch(n_rows, block_rows, batch_rows):
    table = numbered(n_rows)
    batches = list(batches_of(table, block_rows, batch_rows))
    assert max(batch.n_rows for batch in batches) <= batch_rows
    rows = np.concatenate([batch.rows.toarray() for batch in batches])
    expected = LAYOUT.rows(table.columns, np.float32).toarray()
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(expected, axis=0))
    assert all(batch.rows.dtype == batch.bags.dtype == np.float32 for batch in batches)


def test_members_draw_their_share_of_the_rows():
    bags = np.concatenate([b.bags for b in batches_of(numbered(4_000), 1_500, 400)])
    assert set(np.unique(bags)) == {0.0, np.float32(1 / DRAWN)}
    np.testing.assert_allclose((bags > 0).mean(axis=0), DRAWN, atol=0.03)
    # What one member drew says nothing of another, nor one block of the next.
    assert np.abs(np.corrcoef(bags.T) - np.eye(3)).max() < 0.06
    assert abs(np.corrcoef(bags[:1_500, 0], bags[1_500:3_000, 0])[0, 1]) < 0.1


def test_what_is_drawn_depends_on_the_seed_and_not_on_the_size_of_batches():
    table = numbered(100)

    def drawn(**options):
        return np.concatenate([batch.bags for batch in batches_of(table, **options)])

    np.testing.assert_array_equal(drawn(batch_rows=15), drawn(batch_rows=100))
    assert (drawn(seed=0) != drawn(seed=1)).any()


def test_what_is_drawn_does_not_depend_on_the_order_of_rows_in_a_block():
    order = np.random.default_rng(0).permutation(40)
    first = batches_of(numbered(40)).block(0)
    second = batches_of(numbered(40).take(order)).block(0)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.rows.toarray(), other.rows.toarray())
        np.testing.assert_array_equal(one.y, other.y)


def test_batches_in_memory_are_made_once():
    batches = batches_of(numbered(90))
    assert batches.n_blocks == 3
    assert all(a is b for a, b in zip(batches, batches, strict=True))


def test_whole_weights_are_rows_and_others_stay_weights():
    whole = weighted_rows(numbered(3, [1, 2, 3]), None)
    np.testing.assert_array_equal(whole.columns["a"], [0, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(whole.weights, np.ones(6))
    np.testing.assert_array_equal(weighted_rows(numbered(2, [0.5, 2]), None).weights, [0.5, 2])
    classes = weighted_rows(numbered(3, [1, 2, 3]), np.array([1.0, 10.0, 100.0]))
    np.testing.assert_array_equal(classes.weights, [1, 10, 10, 100, 100, 100])


def test_a_sample_holds_rows_of_every_block():
    blocks = MemoryBlocks(numbered(900), 300)
    sample = sample_rows(blocks, 90, 0, None)
    assert sample.n_rows == 90 == len(np.unique(sample.columns["a"]))
    np.testing.assert_array_equal(np.bincount(sample.columns["a"].astype(int) // 300), [30] * 3)
    np.testing.assert_array_equal(
        sample_rows(blocks, 90, 0, None).columns["a"], sample.columns["a"]
    )
    assert (sample_rows(blocks, 90, 1, None).columns["a"] != sample.columns["a"]).any()
    assert sample_rows(blocks, 900, 0, None).n_rows == 900
