import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from glassbox.core._basis import extended_knots
from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, CategoricalAxis, NumericAxis
from tests.core.random_models import numeric_axis

seeds = st.integers(0, 2**32 - 1)
KNOTS = np.array([0.0, 1.0, 2.5, 4.0])


def evaluate(axis, coefficients, x):
    return axis.locate(np.asarray(x, dtype=float)).to_csr(axis.size) @ coefficients


@given(seeds, st.sampled_from([0, 1, 3]), st.sampled_from(["constant", "linear"]))
def test_rows_sum_to_one_everywhere(seed, degree, extrapolation):
    rng = np.random.default_rng(seed)
    if degree == 0:
        extrapolation = "constant"
    axis = numeric_axis(rng, "x", degree, extrapolation=extrapolation)
    x = np.concatenate([rng.uniform(-5, 15, 50), axis.knots, [np.nan, -1e3, 1e3]])
    rows = axis.locate(x)
    np.testing.assert_allclose(rows.to_csr(axis.size).sum(axis=1), 1.0, atol=1e-9)
    assert rows.first.dtype == np.int32
    assert (rows.first >= 0).all() and (rows.first + rows.width <= axis.size).all()


@given(seeds)
def test_a_value_at_a_cut_belongs_to_the_right(seed):
    rng = np.random.default_rng(seed)
    axis = numeric_axis(rng, "x", 0)
    cuts = axis.knots[1:-1]
    x = np.concatenate([cuts, np.nextafter(cuts, -np.inf), rng.uniform(-9, 19, 50)])
    expected = np.searchsorted(cuts, x, side="right")
    np.testing.assert_array_equal(axis.locate(x).first, expected)


def test_steps_go_on_beyond_the_edges():
    first = NumericAxis("x", KNOTS).locate(np.array([-1e300, -1.0, 0.0, 3.9, 4.0, 1e300])).first
    assert first.tolist() == [0, 0, 0, 2, 2, 2]


@given(seeds, st.sampled_from([1, 3]))
def test_functions_are_those_of_scipy_and_flat_outside(seed, degree):
    rng = np.random.default_rng(seed)
    axis = numeric_axis(rng, "x", degree)
    coefficients = rng.normal(size=axis.size)
    low, high = axis.knots[[0, -1]]
    inside = np.append(rng.uniform(low, high, 50), axis.knots)
    spline = BSpline(extended_knots(axis.knots, degree), coefficients[:-1], degree)
    np.testing.assert_allclose(evaluate(axis, coefficients, inside), spline(inside), atol=1e-11)
    outside = evaluate(axis, coefficients, [low - 3, low - 1e9, high + 3, high + 1e9])
    np.testing.assert_allclose(outside[:2], spline(low), atol=1e-11)
    np.testing.assert_allclose(outside[2:], spline(high), atol=1e-11)


@given(seeds, st.sampled_from([1, 3]))
def test_linear_extrapolation_is_the_tangent_at_the_edge(seed, degree):
    rng = np.random.default_rng(seed)
    axis = numeric_axis(rng, "x", degree, extrapolation="linear")
    coefficients = rng.normal(size=axis.size)
    spline = BSpline(extended_knots(axis.knots, degree), coefficients[:-1], degree)
    slope = spline.derivative()
    width = np.diff(axis.knots)
    for edge, side in ((axis.knots[0], -1), (axis.knots[-1], 1)):
        just_inside = edge - side * 1e-7 * width.min() if degree == 1 else edge
        for distance in (1e-3, 1.0, 100.0):
            x = edge + side * distance
            expected = spline(edge) + side * distance * slope(just_inside)
            np.testing.assert_allclose(
                evaluate(axis, coefficients, [x]), expected, rtol=1e-7, atol=1e-7
            )


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_missing_reads_its_own_coefficient_only(degree):
    axis = NumericAxis("x", KNOTS, degree)
    coefficients = np.append(np.zeros(axis.n_values), 7.0)
    got = evaluate(axis, coefficients, [np.nan, 0.0, 4.0, 99.0])
    assert got.tolist() == [7.0, 0.0, 0.0, 0.0]
    assert axis.missing_index == axis.n_values == axis.size - 1
    assert axis.unseen_index is None


def test_the_column_is_left_as_it_was():
    column = np.array([np.nan, -5.0, 2.0, 9.0])
    before = column.copy()
    for degree in (0, 1, 3):
        NumericAxis("x", KNOTS, degree).locate(column)
    np.testing.assert_array_equal(column, before)


def test_categories_have_their_codes():
    axis = CategoricalAxis("sex", ("f", "m"))
    codes = np.array([0, 1, MISSING_CODE, UNSEEN_CODE, 1])
    rows = axis.locate(codes)
    assert rows.first.tolist() == [0, 1, 2, 3, 1] and rows.weights is None
    assert codes.tolist() == [0, 1, -1, -2, 1]
    assert (axis.n_values, axis.size, axis.missing_index, axis.unseen_index) == (2, 4, 2, 3)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_the_grid_draws_the_function(degree):
    axis = NumericAxis("x", KNOTS, degree)
    grid = axis.grid()
    assert grid.kinds.tolist() == ["value"] * (len(grid.kinds) - 1) + ["missing"]
    assert grid.labels[-1] is None and np.isnan(grid.column[-1])
    assert set(KNOTS) <= set(grid.column[:-1])
    assert (np.diff(grid.column[:-1]) > 0).all()
    if degree == 3:
        assert len(grid.column) == 3 * 8 + 2


def test_the_grid_of_categories():
    grid = CategoricalAxis("sex", ("f", "m")).grid()
    assert grid.labels.tolist() == ["f", "m", None, None]
    assert grid.kinds.tolist() == ["value", "value", "missing", "unseen"]
    assert grid.column.tolist() == [0, 1, MISSING_CODE, UNSEEN_CODE]


def test_equality_is_by_content():
    assert NumericAxis("x", KNOTS) == NumericAxis("x", list(KNOTS))
    assert NumericAxis("x", KNOTS) != NumericAxis("x", KNOTS, 1)
    assert NumericAxis("x", KNOTS) != NumericAxis("z", KNOTS)
    assert NumericAxis("x", KNOTS) != CategoricalAxis("x", ("a",))
    assert CategoricalAxis("x", ["a"]) == CategoricalAxis("x", ("a",))


def test_knots_cannot_be_changed():
    source = KNOTS.copy()
    axis = NumericAxis("x", source)
    source[0] = -9.0
    assert axis.knots[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        axis.knots[0] = 1.0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (([0.0],), "at least two finite knots"),
        (([0.0, np.nan],), "at least two finite knots"),
        (([0.0, np.inf],), "at least two finite knots"),
        (([[0.0, 1.0]],), "at least two finite knots"),
        (([0.0, 0.0],), "strictly increasing"),
        (([1.0, 0.0],), "strictly increasing"),
        ((KNOTS, 2), "degree must be 0, 1 or 3, got 2"),
        ((KNOTS, 1, "cubic"), "extrapolation must be"),
        ((KNOTS, 0, "linear"), "steps cannot be extrapolated"),
    ],
)
def test_bad_axes_are_refused_by_name(arguments, reason):
    with pytest.raises(ValueError, match=f"'age'.*{reason}"):
        NumericAxis("age", *arguments)


def test_categories_must_differ():
    with pytest.raises(ValueError, match="'sex': categories must differ"):
        CategoricalAxis("sex", ("f", "f"))
