import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from glassbox.core._basis import extended_knots
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.refine import (
    AxisMergeError,
    add_tables,
    common_axis,
    refine,
    refinement_matrix,
)
from glassbox.core.terms import Term
from tests.core.random_models import numeric_axis, random_table

seeds = st.integers(0, 2**32 - 1)
degrees = st.sampled_from([0, 1, 3])
POINTS = np.unique(np.concatenate([np.linspace(-5, 13, 200), np.arange(-1, 10) / 2, [np.nan]]))


def evaluate(term, column=POINTS):
    return term.evaluate([axis.locate(column) for axis in term.axes])[:, 0]


def two_axes(rng, degree, extrapolations=("constant", "constant")):
    return [
        numeric_axis(
            rng, "x", degree, extrapolation=e if degree else "constant", inner_only=degree == 3
        )
        for e in extrapolations
    ]


@given(seeds, degrees)
def test_refined_function_is_the_same_everywhere(seed, degree):
    rng = np.random.default_rng(seed)
    first, second = two_axes(rng, degree)
    fine = common_axis(first, second)
    for axis in (first, second):
        term = Term((axis,), random_table(rng, (axis,), 1))
        np.testing.assert_allclose(evaluate(refine(term, [fine])), evaluate(term), atol=1e-12)


@given(seeds, st.sampled_from([1, 3]))
def test_linear_extrapolation_is_kept(seed, degree):
    rng = np.random.default_rng(seed)
    first, second = two_axes(rng, degree, ("linear", "linear"))
    fine = common_axis(first, second)
    assert fine.extrapolation == "linear"
    term = Term((first,), random_table(rng, (first,), 1))
    np.testing.assert_allclose(evaluate(refine(term, [fine])), evaluate(term), atol=1e-10)


@given(seeds)
def test_flat_and_linear_edges_share_an_axis(seed):
    rng = np.random.default_rng(seed)
    flat, linear = two_axes(rng, 1, ("constant", "linear"))
    fine = common_axis(flat, linear)
    for axis in (flat, linear):
        term = Term((axis,), random_table(rng, (axis,), 1))
        np.testing.assert_allclose(evaluate(refine(term, [fine])), evaluate(term), atol=1e-10)


def test_inserted_cubic_knots_agree_with_scipy():
    rng = np.random.default_rng(0)
    coarse = NumericAxis("x", np.array([0.0, 1.0, 4.0, 10.0]), 3)
    fine = NumericAxis("x", np.array([0.0, 0.3, 1.0, 4.0, 4.5, 7.0, 10.0]), 3)
    coefficients = rng.normal(size=coarse.n_values)
    refined = refinement_matrix(coarse, fine) @ np.append(coefficients, -9.0)
    assert refined[-1] == -9.0
    x = np.linspace(0, 10, 101)
    expected = BSpline(extended_knots(coarse.knots, 3), coefficients, 3)(x)
    got = BSpline(extended_knots(fine.knots, 3), refined[:-1], 3)(x)
    np.testing.assert_allclose(got, expected, atol=1e-13)


@given(seeds, degrees)
def test_common_axis_is_symmetric_and_reuses(seed, degree):
    rng = np.random.default_rng(seed)
    first, second = two_axes(rng, degree)
    fine = common_axis(first, second)
    assert fine == common_axis(second, first)
    assert common_axis(first, fine) is fine
    assert common_axis(fine, first) is fine


@given(seeds, degrees)
def test_density_keeps_its_total_and_stays_positive(seed, degree):
    rng = np.random.default_rng(seed)
    first, second = two_axes(rng, degree)
    fine = common_axis(first, second)
    density = rng.uniform(size=first.size) * (rng.random(first.size) < 0.7)
    term = refine(Term((first,), np.zeros(first.size), density=density), [fine])
    assert (term.density >= 0).all()
    assert term.density.sum() == pytest.approx(density.sum())
    assert term.density[-1] == pytest.approx(density[-1])
    if degree == 0:
        back = refinement_matrix(first, fine).T @ term.density
        np.testing.assert_allclose(back, density, atol=1e-9)


def test_density_of_straight_lines_agrees_with_the_coarse_one():
    coarse = NumericAxis("x", np.array([0.0, 4.0, 8.0]), 1)
    fine = NumericAxis("x", np.array([0.0, 2.0, 4.0, 6.0, 8.0]), 1)
    density = np.array([10.0, 20.0, 10.0, 3.0])
    spread = refine(Term((coarse,), np.zeros(4), density=density), [fine]).density
    np.testing.assert_allclose(refinement_matrix(coarse, fine).T @ spread, density, rtol=1e-6)


@settings(max_examples=50)
@given(seeds, degrees, degrees)
def test_pairs_are_refined_along_both_sides(seed, degree, other_degree):
    rng = np.random.default_rng(seed)
    axes, finer = [], []
    for name, d in (("x", degree), ("z", other_degree)):
        pair = [numeric_axis(rng, name, d, inner_only=d == 3) for _ in range(2)]
        axes.append(pair[0])
        finer.append(common_axis(*pair))
    table = random_table(rng, axes, 1)
    term = Term(tuple(axes), table, table - 1, table + 2, rng.uniform(size=table.shape[:2]))
    refined = refine(term, finer)
    x, z = rng.uniform(-2, 10, size=(2, 100))

    def read(some_term, field):
        rows = [axis.locate(c) for axis, c in zip(some_term.axes, (x, z), strict=True)]
        return some_term.evaluate(rows, getattr(some_term, field))

    for field in ("coefficients", "lower", "upper"):
        np.testing.assert_allclose(read(refined, field), read(term, field), atol=1e-12)
    assert refined.density.sum() == pytest.approx(term.density.sum())


@given(seeds, degrees)
def test_added_tables_add_up(seed, degree):
    rng = np.random.default_rng(seed)
    first, second = two_axes(rng, degree)
    table = random_table(rng, (first,), 1)
    term = Term((first,), table, table - 1, table + 1)
    added = Term((second,), random_table(rng, (second,), 1))
    total = add_tables(term, (second,), added.coefficients)
    np.testing.assert_allclose(evaluate(total), evaluate(term) + evaluate(added), atol=1e-12)
    np.testing.assert_allclose(total.upper - total.coefficients, 1, atol=1e-12)


def test_nothing_to_refine_returns_the_same_object():
    axis = NumericAxis("x", np.array([0.0, 1.0]))
    term = Term((axis,), np.zeros(2))
    assert refine(term, [axis]) is term
    assert common_axis(axis, NumericAxis("x", np.array([0.0, 1.0]))) is axis


STEPS = NumericAxis("x", np.array([0.0, 1.0, 2.0]))
LINES = NumericAxis("x", np.array([0.0, 1.0, 2.0]), 1)
CUBIC = NumericAxis("x", np.array([0.0, 1.0, 2.0]), 3)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (STEPS, LINES, "degree 0 in one term and 1 in another"),
        (LINES, CUBIC, "degree 1 in one term and 3 in another"),
        (STEPS, NumericAxis("z", STEPS.knots), "two features, 'x' and 'z'"),
        (STEPS, CategoricalAxis("x", ("a",)), "'x': its terms list different categories"),
        (CategoricalAxis("x", ("b", "a")), CategoricalAxis("x", ("a", "b")), "another order"),
        (CUBIC, NumericAxis("x", np.array([0.0, 1.0, 3.0]), 3), "'x': cubic axes end at"),
        (CUBIC, NumericAxis("x", CUBIC.knots, 3, "linear"), "same extrapolation"),
    ],
)
def test_axes_without_a_common_one_are_refused(first, second, reason):
    with pytest.raises(AxisMergeError, match=reason):
        common_axis(first, second)


def test_a_finer_axis_must_have_all_knots():
    coarse = NumericAxis("x", np.array([0.0, 1.5, 2.0]))
    with pytest.raises(AxisMergeError, match="lacks knots"):
        refinement_matrix(coarse, STEPS)
