import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.purify import purify
from glassbox.core.refine import AxisMergeError
from glassbox.core.terms import Term
from tests.core.random_models import counted, random_columns, random_model

seeds = st.integers(0, 2**32 - 1)
degrees = st.sampled_from([(0,), (1,), (3,), (0, 1, 3)])


def largest_mean(model):
    """Largest weighted sum along a row or column of a pair, or over a main effect."""
    worst = 0.0
    for term in model.terms:
        weighted = term.density[..., None] * term.coefficients
        scale = term.density.sum() * max(np.abs(term.coefficients).max(), 1.0)
        sides = (0, 1) if len(term.axes) == 2 else (0,)
        worst = max(worst, *(np.abs(weighted.sum(axis=s)).max() / scale for s in sides))
    return worst


@settings(max_examples=150, deadline=None)
@given(seeds, degrees, st.integers(1, 3), st.booleans(), st.booleans())
def test_same_scores_and_no_means(seed, degrees, n_outputs, shared, linear):
    rng = np.random.default_rng(seed)
    model = counted(rng, random_model(rng, degrees, n_outputs, shared=shared, linear=linear))
    pure = purify(model)
    columns = random_columns(rng, model)
    np.testing.assert_allclose(pure.scores(columns), model.scores(columns), rtol=0, atol=1e-9)
    assert largest_mean(pure) < 1e-8


@settings(max_examples=50, deadline=None)
@given(seeds, degrees)
def test_purifying_twice_changes_nothing(seed, degrees):
    rng = np.random.default_rng(seed)
    once = purify(counted(rng, random_model(rng, degrees, 2)))
    twice = purify(once)
    assert twice.term_names == once.term_names
    np.testing.assert_allclose(twice.intercept, once.intercept, atol=1e-9)
    for before, after in zip(once.terms, twice.terms, strict=True):
        assert before.axes == after.axes
        np.testing.assert_allclose(after.coefficients, before.coefficients, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(seeds, degrees)
def test_bands_move_with_their_coefficients(seed, degrees):
    rng = np.random.default_rng(seed)
    model = counted(rng, random_model(rng, degrees, shared=True, band=True))
    pure = purify(model)
    for term in model.terms:
        for edge in ("lower", "upper"):
            np.testing.assert_allclose(
                getattr(pure[term.name], edge) - pure[term.name].coefficients,
                getattr(term, edge) - term.coefficients,
                atol=1e-12,
            )


def binary(name):
    return CategoricalAxis(name, ("no", "yes"))


def two_by_two(table, seen):
    axes = binary("a"), binary("b")
    full, weight = np.zeros((4, 4)), np.zeros((4, 4))
    full[:2, :2], weight[:2, :2] = table, seen
    return Term(axes, full, density=weight)


def test_slope_of_a_feature_with_an_interaction():
    # s = x + 0.8 a + 0.6 x a with P(a = 1) = 1/2 is, on average over a, 0.4 + 1.3 x.
    x, a = NumericAxis("x", np.linspace(0, 1, 11), degree=1), binary("a")
    grid = x.knots
    main_x = Term((x,), np.append(grid, 0.0), density=np.append(np.ones(11), 0.0))
    main_a = Term((a,), np.array([0.0, 0.8, 0.0, 0.0]), density=np.array([50.0, 50.0, 0, 0]))
    table, seen = np.zeros((12, 4)), np.zeros((12, 4))
    table[:11, 1] = 0.6 * grid
    seen[:11, :2] = 5.0
    pure = purify(AdditiveModel(0.0, (main_x, main_a, Term((x, a), table, density=seen))))
    slopes = np.diff(pure["x"].coefficients[:11, 0]) / np.diff(grid)
    np.testing.assert_allclose(slopes, 1.3)
    np.testing.assert_allclose(pure["a"].coefficients[:2, 0], [-0.55, 0.55])
    expected = 0.3 * (grid - 0.5)
    np.testing.assert_allclose(pure["x & a"].coefficients[:11, 1, 0], expected, atol=1e-14)
    assert pure.intercept[0] == pytest.approx(0.5 + 0.4 + 0.15)


def test_exclusive_or_is_pure_already():
    xor = two_by_two([[-1.0, 1.0], [1.0, -1.0]], 25.0)
    pure = purify(AdditiveModel(0.0, (xor,)))
    assert pure.term_names == ["a & b"]
    np.testing.assert_allclose(pure["a & b"].coefficients, xor.coefficients, atol=1e-15)


def test_exclusive_or_under_unequal_weights():
    # P(a = 1) = p and P(b = 1) = q, independent: the mean over b of (2a - 1)(2b - 1), up to sign.
    p, q = 0.2, 0.7
    seen = np.outer([1 - p, p], [1 - q, q]) * 1000
    pure = purify(AdditiveModel(0.0, (two_by_two([[1.0, -1.0], [-1.0, 1.0]], seen),)))
    sign = np.array([-1.0, 1.0])
    expected = sign * (2 * q - 1) - (2 * p - 1) * (2 * q - 1)
    np.testing.assert_allclose(pure["a"].coefficients[:2, 0], expected)
    assert pure.intercept[0] == pytest.approx((2 * p - 1) * (2 * q - 1))


def test_a_constant_goes_to_the_intercept():
    seen = np.zeros((4, 4))
    seen[:2, :2] = [[1.0, 2.0], [3.0, 4.0]]
    pair = Term((binary("a"), binary("b")), np.full((4, 4), 3.0), density=seen)
    pure = purify(AdditiveModel(1.0, (pair,)))
    assert pure.term_names == ["a & b"]
    assert pure.intercept[0] == pytest.approx(4.0)
    np.testing.assert_allclose(pure["a & b"].coefficients, 0.0, atol=1e-14)


def test_categories_that_never_meet_share_symmetrically():
    table = np.array([[1.0, 5.0], [7.0, 3.0]])
    seen = np.diag([10.0, 10.0])
    pure = purify(AdditiveModel(0.0, (two_by_two(table, seen),)))
    np.testing.assert_allclose(pure["a"].coefficients[:2], pure["b"].coefficients[:2], atol=1e-12)
    np.testing.assert_allclose(np.diag(pure["a & b"].coefficients[:2, :2, 0]), 0, atol=1e-12)


def test_tiny_weights_do_not_blow_up():
    rng = np.random.default_rng(0)
    x, z = (NumericAxis(n, np.linspace(0, 1, 12), 3) for n in "xz")
    density = 10.0 ** rng.uniform(-300, 2, size=(x.size, z.size))
    pair = Term((x, z), rng.normal(size=density.shape), density=density)
    model = AdditiveModel(0.0, (pair,))
    pure = purify(model)
    assert largest_mean(pure) < 1e-8
    assert max(np.abs(term.coefficients).max() for term in pure.terms) < 100
    columns = random_columns(rng, model)
    np.testing.assert_allclose(pure.scores(columns), model.scores(columns), atol=1e-9)


def test_large_tables_of_a_boosted_model():
    rng = np.random.default_rng(0)
    fine = [NumericAxis(n, np.unique(rng.normal(size=300))) for n in "xz"]
    coarse = [NumericAxis(n, np.unique(rng.normal(size=65))) for n in "xz"]
    terms = [Term((a,), rng.normal(size=a.size)) for a in fine]
    terms.append(Term(tuple(coarse), rng.normal(size=tuple(a.size for a in coarse))))
    model = counted(rng, AdditiveModel(0.0, tuple(terms)), n_rows=2000)
    pure = purify(model)
    assert pure["x"].axes[0].size == fine[0].size + coarse[0].size - 2
    assert largest_mean(pure) < 1e-8
    columns = random_columns(rng, model, 2000)
    np.testing.assert_allclose(pure.scores(columns), model.scores(columns), atol=1e-9)


def test_steps_and_lines_cannot_be_added():
    knots = np.array([0.0, 1.0, 2.0])
    steps, lines, b = NumericAxis("a", knots), NumericAxis("a", knots, 1), binary("b")
    main = Term((lines,), np.arange(4.0), density=np.ones(4))
    pair = Term((steps, b), np.arange(12.0).reshape(3, 4), density=np.ones((3, 4)))
    with pytest.raises(AxisMergeError, match="'a & b' cannot be purified.*same degree"):
        purify(AdditiveModel(0.0, (main, pair)))


def test_terms_need_a_density():
    pair = two_by_two(np.eye(2), 0.0)
    with pytest.raises(ValueError, match="'a & b' has no density"):
        purify(AdditiveModel(0.0, (pair,)))
    with pytest.raises(ValueError, match="'a & b' has a negative density"):
        purify(AdditiveModel(0.0, (two_by_two(np.eye(2), -1.0),)))
