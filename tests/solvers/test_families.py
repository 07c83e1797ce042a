import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.solvers._families import (
    Bernoulli,
    Gamma,
    Gaussian,
    Huber,
    Multinomial,
    Poisson,
    Quantile,
)
from glassbox.solvers.pirls import fit_penalised
from tests.solvers.layouts import layout, predictor


def _outcome(family, rng, n):
    if isinstance(family, Bernoulli):
        return rng.integers(0, 2, n).astype(float)
    if isinstance(family, Multinomial):
        return rng.integers(0, 4, n).astype(float)
    if isinstance(family, Poisson):
        return rng.poisson(2.0, n).astype(float)
    return rng.gamma(2.0, size=n)


SMOOTH = [Gaussian(), Bernoulli(), Multinomial(4), Poisson(), Gamma()]
ROBUST = [Huber(0.5), Quantile(0.9), Quantile(0.2, scale=5.0)]
FAMILIES = [*SMOOTH, *ROBUST]


@pytest.mark.parametrize("family", SMOOTH, ids=lambda family: type(family).__name__)
@given(seed=st.integers(0, 2**31))
def test_slope_and_curvature_are_derivatives_of_the_deviance(family, seed):
    rng = np.random.default_rng(seed)
    n, q = 5, family.contrasts.shape[1]
    y, weights = _outcome(family, rng, n), rng.uniform(0.5, 2.0, n)
    at = rng.normal(size=(n, q))
    fit = family.local_fit(y, at, weights)
    h = 1e-5
    for a in range(q):
        step = np.zeros(q)
        step[a] = h
        up, down = (family.local_fit(y, at + s * step, weights) for s in (1, -1))
        assert (down.deviance - up.deviance) / (4 * h) == pytest.approx(
            fit.slope[:, a].sum(), rel=1e-5, abs=1e-5
        )
        np.testing.assert_allclose(
            (down.slope - up.slope) / (2 * h), fit.curvature[:, :, a], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_the_start_has_no_slope(family):
    rng = np.random.default_rng(1)
    y, weights = _outcome(family, rng, 50), rng.uniform(0.5, 2.0, 50)
    start = np.tile(family.start(y, weights), (50, 1))
    slope = family.local_fit(y, start, weights).slope.sum(axis=0)
    np.testing.assert_allclose(slope, 0, atol=1e-10)


def test_class_scores_sum_to_zero():
    contrasts = Multinomial(5).contrasts
    np.testing.assert_allclose(contrasts.sum(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(contrasts.T @ contrasts, np.eye(4), atol=1e-14)


@pytest.mark.parametrize("family", ROBUST, ids=lambda family: type(family).__name__)
@given(seed=st.integers(0, 2**31))
def test_the_robust_slope_is_the_derivative_of_the_deviance(family, seed):
    rng = np.random.default_rng(seed)
    y, weights = rng.normal(size=5), rng.uniform(0.5, 2.0, 5)
    # Some rows in the middle of the loss, some on its outer branches.
    at = (y + rng.choice([0.02, 0.2, 2.0], 5) * rng.normal(size=5))[:, None]
    h = 1e-6
    up, down = (family.local_fit(y, at + s * h, weights) for s in (1, -1))
    assert (down.deviance - up.deviance) / (4 * h) == pytest.approx(
        family.local_fit(y, at, weights).slope.sum(), rel=1e-4, abs=1e-4
    )


@pytest.mark.parametrize("family", ROBUST, ids=lambda family: type(family).__name__)
@given(residual=st.floats(-10, 10), step=st.floats(-20, 20), weight=st.floats(0.1, 10))
def test_the_robust_curvature_is_that_of_a_parabola_below_the_log_likelihood(
    family, residual, step, weight
):
    y, weights = np.array([1.0]), np.array([weight])
    here = family.local_fit(y, np.array([[1.0 - residual]]), weights)
    there = family.local_fit(y, np.array([[1.0 - residual + step]]), weights)
    parabola = here.deviance - 2 * here.slope[0, 0] * step + here.curvature[0, 0, 0] * step**2
    assert there.deviance <= parabola + 1e-9 * (1 + abs(parabola))


@given(residual=st.floats(-10, 10), level=st.floats(0.01, 0.99))
def test_the_quantile_loss_is_the_pinball_but_for_its_corner(residual, level):
    family = Quantile(level, scale=2.0)
    fit = family.local_fit(np.array([residual]), np.zeros((1, 1)), np.ones(1))
    pinball = max(level * residual, (level - 1) * residual)
    assert fit.deviance / 2 >= pinball - 1e-12
    slack = 0.0 if abs(residual) >= family.corner else family.corner / 4
    assert fit.deviance / 2 == pytest.approx(pinball, abs=slack + 1e-12)


def test_the_loss_of_huber_is_half_a_square_and_then_a_line():
    family = Huber(2.0)
    for residual, loss in ((1.0, 0.5), (2.0, 2.0), (-5.0, 8.0)):
        fit = family.local_fit(np.array([residual]), np.zeros((1, 1)), np.ones(1))
        assert fit.deviance / 2 == pytest.approx(loss)


def test_the_start_of_the_robust_families_is_robust():
    y = np.r_[np.linspace(-1.0, 1.0, 101), np.full(10, 1e6)]
    weights = np.r_[np.ones(101), np.full(10, 0.1)]
    assert abs(Huber(0.5).start(y, weights)[0]) < 0.1
    assert Quantile(0.5).start(y, weights)[0] == pytest.approx(0.01, abs=0.03)
    assert Quantile(0.9).start(y, weights)[0] == pytest.approx(0.82, abs=0.03)


def test_the_start_of_a_constant_outcome():
    for family in ROBUST:
        start = family.start(np.full(5, 3.0), np.ones(5))[0]
        assert start == pytest.approx(3.0, abs=0.25)


@pytest.mark.parametrize(
    "family", [Huber(0.8), Quantile(0.5), Quantile(0.9)], ids=["huber", "median", "upper"]
)
def test_the_dispersion_gives_the_variance_of_the_start(family):
    rng = np.random.default_rng(0)
    n = 400
    weights = np.ones(n)
    samples = rng.standard_t(3, size=(400, n))
    starts = np.array([family.start(y, weights) for y in samples])[:, 0]
    variances = []
    for y, start in zip(samples[:100], starts, strict=False):
        fit = family.local_fit(y, np.full((n, 1), start), weights)
        variances.append(fit.pearson / n / fit.curvature.sum())
    assert np.mean(variances) == pytest.approx(starts.var(), rel=0.25)


@pytest.mark.parametrize("family", ROBUST, ids=lambda family: type(family).__name__)
def test_the_dispersion_is_finite_wherever_the_predictor_is(family):
    y = np.array([0.0, 1.0, 1.0])
    for at in (-1e9, 1.0, 1e9):
        fit = family.local_fit(y, np.full((3, 1), at), np.ones(3))
        assert np.isfinite(fit.pearson) and fit.pearson > 0


def test_outliers_move_huber_less_than_the_mean(waves):
    X, shape, rng = waves
    y = shape + 0.3 * rng.normal(size=400)
    y[rng.choice(400, 20, replace=False)] += 30.0
    design, columns = layout(X, shrink_lines=True)
    off = {}
    for family in (Gaussian(), Huber(0.4)):
        fit = fit_penalised(design, columns, y, np.ones(400), family)
        assert fit.converged
        off[type(family)] = np.sqrt(np.mean((predictor(fit, columns, 400)[:, 0] - shape) ** 2))
    assert off[Huber] < 0.2 < off[Gaussian] / 5


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_that_share_of_the_rows_lies_below_a_quantile(level, waves):
    X, shape, rng = waves
    y = shape + rng.normal(size=400) * (1 + (X[:, 1] > 0))
    design, columns = layout(X, shrink_lines=True)
    fit = fit_penalised(
        design, columns, y, np.ones(400), Quantile(level), fixed_strength=lambda _: 1.0
    )
    assert fit.converged
    below = y < predictor(fit, columns, 400)[:, 0]
    assert below.mean() == pytest.approx(level, abs=0.02)
    # Not only over all rows: where the scatter is wide as well as where it is narrow.
    assert below[X[:, 1] > 0].mean() == pytest.approx(level, abs=0.06)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Huber(0.0), "delta=0.0"),
        (lambda: Huber(np.inf), "delta=inf"),
        (lambda: Quantile(90), "level=90"),
        (lambda: Quantile(0.5, scale=0.0), "scale=0.0"),
    ],
)
def test_parameters_without_meaning_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
