import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.solvers._families import Bernoulli, Gamma, Gaussian, Multinomial, Poisson


def _outcome(family, rng, n):
    if isinstance(family, Bernoulli):
        return rng.integers(0, 2, n).astype(float)
    if isinstance(family, Multinomial):
        return rng.integers(0, 4, n).astype(float)
    if isinstance(family, Poisson):
        return rng.poisson(2.0, n).astype(float)
    return rng.gamma(2.0, size=n)


FAMILIES = [Gaussian(), Bernoulli(), Multinomial(4), Poisson(), Gamma()]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
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
