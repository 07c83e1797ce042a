import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassbox.solvers._knots import choose_axis

numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 2))
columns = arrays(float, st.integers(1, 60), elements=st.one_of(numbers, st.just(np.nan)))
degrees = st.sampled_from([1, 3])
spacings = st.sampled_from(["uniform", "quantile"])


@given(columns, degrees, spacings, st.integers(3, 20))
def test_an_axis_covers_its_column_with_no_more_coefficients_than_values(
    column, degree, spacing, n_knots
):
    axis = choose_axis("x", column, np.ones(len(column)), n_knots, spacing, "constant", degree)
    values = np.unique(column[~np.isnan(column)])
    assert axis.n_values <= max(len(values), 2)
    assert len(axis.knots) <= max(n_knots, 6)
    if len(values):
        assert axis.knots[0] <= values[0] and values[-1] <= axis.knots[-1]
    rows = axis.locate(column).to_csr(axis.size).toarray()
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-9)
    assert (rows >= -1e-12).all()


@given(st.integers(0, 2**31), degrees)
def test_a_row_of_weight_three_counts_as_three(seed, degree):
    rng = np.random.default_rng(seed)
    column, weights = rng.normal(size=50), rng.integers(1, 4, 50)
    repeated = np.repeat(column, weights)
    weighted = choose_axis("x", column, weights, 9, "quantile", "constant", degree)
    assert weighted == choose_axis(
        "x", repeated, np.ones(len(repeated)), 9, "quantile", "constant", degree
    )


@pytest.mark.parametrize("spacing", ["uniform", "quantile"])
def test_straight_lines_may_bend_at_every_value_if_the_values_are_few(spacing):
    column = np.tile(np.arange(12.0) ** 2, 3)
    axis = choose_axis("x", column, np.ones(36), 12, spacing, degree=1)
    np.testing.assert_array_equal(axis.knots, np.arange(12.0) ** 2)
    axis = choose_axis("x", column, np.ones(36), 11, spacing, degree=1)
    assert len(axis.knots) <= 11 and axis.degree == 1


def test_cubic_axes_are_cubic_from_seven_values_on():
    def degree(n):
        return choose_axis("x", np.arange(float(n)), np.ones(n), 12).degree

    assert (degree(6), degree(7)) == (1, 3)


def test_knots_at_quantiles_have_equally_many_rows_between_them():
    column = np.random.default_rng(0).exponential(size=1_000)
    axis = choose_axis("x", column, np.ones(1_000), 11, "quantile", degree=1)
    counts, _ = np.histogram(column, axis.knots)
    assert len(axis.knots) == 11
    assert counts.min() >= 98 and counts.max() <= 102


@pytest.mark.parametrize("column", [np.full(5, np.nan), np.full(5, 3.0), np.full(5, 0.0)])
def test_a_column_without_two_values_has_an_axis_all_the_same(column):
    axis = choose_axis("x", column, np.ones(5), 10, "quantile", "linear", 1)
    assert axis.n_values == 2
    assert axis.extrapolation == "linear"
    assert np.isfinite(axis.locate(column).weights).all()
