import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators._training import TrainingTable


def table(a, y, weights):
    schema = Schema((ColumnSchema("a", "numeric"),))
    return TrainingTable(schema, {"a": a}, y, weights)


@given(st.integers(0, 10_000))
def test_canonical_order_forgets_the_given_order(seed):
    rng = np.random.default_rng(seed)
    a = np.where(rng.random(20) < 0.3, np.nan, rng.integers(0, 3, 20) + 0.0)
    y, weights = rng.integers(0, 2, 20), rng.random(20)
    order = rng.permutation(20)
    one = table(a, y, weights).in_canonical_order()
    other = table(a[order], y[order], weights[order]).in_canonical_order()
    np.testing.assert_array_equal(one.columns["a"], other.columns["a"])
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.weights, other.weights)
    assert sorted(zip(y, weights, strict=True)) == sorted(zip(one.y, one.weights, strict=True))


def test_rows_that_differ_only_in_one_place_are_told_apart():
    values = np.arange(1000.0)
    one = table(values, np.zeros(1000), np.ones(1000)).in_canonical_order()
    assert sorted(one.columns["a"]) == list(values)
    assert list(one.columns["a"]) != list(values)


def test_whole_weights_become_rows():
    repeated = table(np.array([1.0, 2.0]), np.array([0, 1]), np.array([3.0, 1.0]))
    repeated = repeated.with_whole_weights_as_rows()
    assert repeated.columns["a"].tolist() == [1, 1, 1, 2] and repeated.weights.tolist() == [1] * 4


@pytest.mark.parametrize("weights", [[0.5, 1.0], [1.0, 1.0], [1.0, 500.0]])
def test_other_weights_stay_weights(weights):
    one = table(np.array([1.0, 2.0]), np.array([0, 1]), np.array(weights))
    assert one.with_whole_weights_as_rows() is one
