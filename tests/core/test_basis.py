import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from glassbox.core._basis import (
    SegmentFinder,
    bspline_slopes,
    bspline_weights,
    extended_knots,
    uniform_cubic_weights,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
cut_lists = st.lists(finite, max_size=40, unique=True).map(sorted)
crowded = st.lists(st.integers(0, 60), min_size=10, max_size=40, unique=True).map(
    lambda steps: sorted([1.0 + s * 2.0**-52 for s in steps] + [1e6])
)


def points_around(cuts, more):
    cuts = np.array(cuts, dtype=float)
    with np.errstate(over="ignore"):
        beside = [np.nextafter(cuts, side) for side in (-np.inf, np.inf)]
    far = [0.0, -0.0, 1e308, -1e308, np.inf, -np.inf, 5e-324, np.nan]
    return np.concatenate([cuts, *beside, np.array(more, dtype=float), far])


@settings(max_examples=300)
@given(cut_lists | crowded, st.lists(finite, max_size=20))
@example([0.0, 1e-300], [])
@example([-1.7e308, 1.7e308], [0.0])
@example([0.0, 5e-324], [])
@example(list(np.linspace(0, 1, 255)), list(np.linspace(-1, 2, 999)))
@example([1.0, 1.0 + 2**-52, 1e300], [2.0])
def test_segments_are_those_of_searchsorted(cuts, more):
    x = points_around(cuts, more)
    with np.errstate(all="ignore"):
        got = SegmentFinder(np.array(cuts, dtype=float))(x)
    expected = np.searchsorted(cuts, x, side="right")
    expected[np.isnan(x)] = 0
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.int32


def test_both_ways_of_looking_up_are_used():
    even = SegmentFinder(np.arange(100.0))
    bunched = SegmentFinder(np.append(1.0 + np.arange(50) * 2.0**-50, 1e9))
    assert even._first_cuts is not None
    assert bunched._first_cuts is None


knots_and_points = st.tuples(
    st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True).map(sorted),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
)


def locate(knots, shares):
    x = knots[0] + np.array(shares) * (knots[-1] - knots[0])
    x = np.append(x, knots)
    return x, np.searchsorted(knots[1:-1], x, side="right")


@given(knots_and_points, st.sampled_from([0, 1, 2, 3]))
def test_weights_are_those_of_scipy(drawn, degree):
    knots, shares = np.array(drawn[0], dtype=float), drawn[1]
    x, segment = locate(knots, shares)
    extended = extended_knots(knots, degree)
    weights = bspline_weights(extended, segment, x, degree)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    assert (weights >= -1e-12).all()
    n_coefficients = len(extended) - degree - 1
    dense = np.zeros((len(x), n_coefficients))
    for r in range(degree + 1):
        dense[np.arange(len(x)), segment + r] = weights[:, r]
    inside = x < knots[-1] if degree == 0 else np.ones(len(x), dtype=bool)
    expected = BSpline(extended, np.eye(n_coefficients), degree)(x)
    np.testing.assert_allclose(dense[inside], expected[inside], atol=1e-12)


@given(knots_and_points, st.sampled_from([1, 2, 3]))
def test_slopes_are_those_of_scipy(drawn, degree):
    knots, shares = np.array(drawn[0], dtype=float), drawn[1]
    x, segment = locate(knots, shares)
    if degree == 1:  # a straight line has two slopes at a knot
        x = x[~np.isin(x, knots)]
        segment = np.searchsorted(knots[1:-1], x, side="right")
    extended = extended_knots(knots, degree)
    slopes = bspline_slopes(extended, segment, x, degree)
    n_coefficients = len(extended) - degree - 1
    dense = np.zeros((len(x), n_coefficients))
    for r in range(degree + 1):
        dense[np.arange(len(x)), segment + r] = slopes[:, r]
    expected = BSpline(extended, np.eye(n_coefficients), degree).derivative()(x)
    np.testing.assert_allclose(dense, expected, atol=1e-9)


@given(knots_and_points)
def test_the_blossom_is_symmetric_affine_and_agrees_on_the_diagonal(drawn):
    knots = np.array(drawn[0], dtype=float)
    x, segment = locate(knots, drawn[1])
    extended = extended_knots(knots, 3)
    rng = np.random.default_rng(len(x))
    u = knots[0] + rng.random((len(x), 3)) * (knots[-1] - knots[0])

    def blossom(arguments):
        return bspline_weights(extended, segment, arguments, 3)

    scale = 1 + np.abs(blossom(u)).max()
    np.testing.assert_allclose(blossom(u), blossom(u[:, [2, 0, 1]]), atol=1e-9 * scale)
    diagonal = np.repeat(x[:, None], 3, axis=1)
    np.testing.assert_array_equal(blossom(diagonal), bspline_weights(extended, segment, x, 3))
    v, mean = u.copy(), u.copy()
    v[:, 0] += 1.0
    mean[:, 0] += 0.5
    halfway = (blossom(u) + blossom(v)) / 2
    np.testing.assert_allclose(blossom(mean), halfway, atol=1e-9 * scale)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_outer_knots_repeat_the_spacing(degree):
    extended = extended_knots(np.array([0.0, 1.0, 4.0]), degree)
    before = [-k for k in range(degree, 0, -1)]
    after = [4.0 + 3 * k for k in range(1, degree + 1)]
    assert extended.tolist() == [*before, 0.0, 1.0, 4.0, *after]


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(2, 40), st.integers(0, 10_000))
def test_equally_spaced_knots_have_the_same_weights(start, width, n_knots, seed):
    knots = np.linspace(start, start + width, n_knots)
    x = np.append(np.random.default_rng(seed).uniform(knots[0], knots[-1], 50), knots)
    segment = np.searchsorted(knots[1:-1], x, side="right")
    spacing = (knots[-1] - knots[0]) / (n_knots - 1)
    quick = uniform_cubic_weights((x - knots[segment]) / spacing)
    np.testing.assert_allclose(
        quick, bspline_weights(extended_knots(knots, 3), segment, x, 3), rtol=0, atol=1e-8
    )
