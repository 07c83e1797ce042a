import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.strata import outcome_strata


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (np.array(["b", "a", "c", "a"]), ["a", "b", "c"]),
        (np.array([1, 0, 1, 1]), ["0", "1"]),
        (np.array([True, False]), ["False", "True"]),
    ],
)
def test_classes_are_strata(y, labels):
    codes, found = outcome_strata(y, is_classifier=True)
    assert found == labels
    assert [labels[code] for code in codes] == [str(value) for value in y.tolist()]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_fifths_hold_neighbours(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=int(rng.integers(2, 80)))
    y = y.round(int(rng.integers(0, 3)))
    codes, labels = outcome_strata(y, is_classifier=False)
    assert codes.shape == y.shape
    assert 0 <= codes.min() <= codes.max() < len(labels)
    order = np.argsort(y, kind="stable")
    assert (np.diff(codes[order]) >= 0).all()
    # Equal outcomes are never told apart.
    for value in np.unique(y):
        assert len(set(codes[y == value].tolist())) == 1


def test_fifths_of_an_amount_are_alike_in_size():
    codes, labels = outcome_strata(np.random.default_rng(0).normal(size=500), False)
    assert len(labels) == 5
    assert np.bincount(codes).tolist() == [100] * 5


def test_outcomes_that_hardly_vary():
    codes, labels = outcome_strata(np.full(7, 3.0), False)
    assert (codes.tolist(), labels) == ([0] * 7, ["all"])
    codes, labels = outcome_strata(np.array([0.0] * 9 + [1.0]), False)
    assert codes.max() < len(labels)


def test_two_values_are_two_strata():
    codes, labels = outcome_strata(np.repeat([0.0, 1.0], 50), False)
    assert (np.bincount(codes).tolist(), labels) == ([50, 50], ["up to 0", "over 0"])
