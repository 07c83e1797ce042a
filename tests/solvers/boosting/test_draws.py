import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.solvers._boosting.draws import draw_bags


@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(2, 200),
    share=st.floats(0, 0.95),
    n_bags=st.integers(1, 5),
    n_classes=st.integers(0, 4),
)
def test_counts(seed, n_rows, share, n_bags, n_classes):
    n_held_out = int(share * n_rows)
    classes = np.random.default_rng(seed).integers(0, n_classes, n_rows) if n_classes else None
    draws = draw_bags(classes, n_rows, n_held_out, n_bags, seed)
    assert draws.shape == (n_rows, n_bags) and draws.dtype == np.uint8
    assert set(np.unique(draws)) <= {0, 1}
    assert ((draws == 0).sum(axis=0) == n_held_out).all()
    if n_classes:
        for k in range(n_classes):
            wanted = (classes == k).sum() * n_held_out / n_rows
            left_out = (draws[classes == k] == 0).sum(axis=0)
            assert (np.abs(left_out - wanted) < 1).all()


def test_the_seed_decides():
    first, again, other = (draw_bags(None, 100, 20, 3, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:, 0], first[:, 1])


def test_more_bags_leave_the_first_ones_as_they_are():
    assert np.array_equal(draw_bags(None, 50, 10, 2, 3), draw_bags(None, 50, 10, 5, 3)[:, :2])


@pytest.mark.parametrize("classes", [None, np.arange(400) < 100])
def test_every_row_is_left_out_equally_often(classes):
    draws = draw_bags(classes, 400, 60, 400, 0)
    left_out = (draws == 0).mean(axis=1)
    assert np.abs(left_out - 0.15).max() < 0.15 * 0.85 / 20 * 12  # five standard deviations


def test_rounding_goes_to_the_classes_in_turn():
    # 1 of 4 rows in each of three classes, 4 rows in all: each class now and then gives two.
    classes = np.repeat(np.arange(3), 4)
    draws = draw_bags(classes, 12, 4, 300, 0)
    twice = np.array([(draws[classes == k] == 0).sum(axis=0) == 2 for k in range(3)])
    assert (twice.sum(axis=0) == 1).all()
    assert (np.abs(twice.sum(axis=1) - 100) < 45).all()
