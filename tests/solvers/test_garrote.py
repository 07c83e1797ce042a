import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.solvers._families import Bernoulli, Gaussian, Multinomial, Poisson
from glassbox.solvers.garrote import helpful_terms

N_ROWS, N_REAL, N_NULL = 3_000, 3, 6


def _problem(family, seed=0, noise=1.0):
    """Three real shapes and six that are chance, each a third as large, and an outcome."""
    rng = np.random.default_rng(seed)
    n_predictors = family.contrasts.shape[1]
    contributions = rng.normal(size=(N_ROWS, N_REAL + N_NULL, n_predictors)) / 2
    contributions[:, N_REAL:] /= 3
    score = contributions[:, :N_REAL].sum(axis=1)
    if isinstance(family, Gaussian):
        y = score[:, 0] + noise * rng.normal(size=N_ROWS)
    elif isinstance(family, Bernoulli):
        y = (rng.random(N_ROWS) < 1 / (1 + np.exp(-score[:, 0]))).astype(float)
    elif isinstance(family, Poisson):
        y = rng.poisson(np.exp(score[:, 0])).astype(float)
    else:
        noisy = score @ family.contrasts.T + rng.gumbel(size=(N_ROWS, len(family.contrasts)))
        y = noisy.argmax(axis=1).astype(float)
    return contributions, y


def _kept(family, contributions, y, weights=None):
    weights = np.ones(len(y)) if weights is None else weights
    intercept = np.zeros(family.contrasts.shape[1])
    return helpful_terms(contributions, y, weights, family, intercept)


@pytest.mark.parametrize(
    "family",
    [Gaussian(), Bernoulli(), Multinomial(3), Poisson()],
    ids=lambda family: type(family).__name__,
)
def test_real_terms_stay_and_most_others_go(family):
    kept = np.array([_kept(family, *_problem(family, seed)) for seed in range(5)])
    assert kept.dtype == bool
    assert kept[:, :N_REAL].all()
    assert kept[:, N_REAL:].mean() <= 0.2


@pytest.mark.parametrize("family", [Gaussian(), Bernoulli()])
@given(seed=st.integers(0, 2**31))
@settings(max_examples=20)
def test_what_is_kept_predicts_no_worse_than_all_terms(family, seed):
    contributions, y = _problem(family, seed)
    contributions, y = contributions[:200], y[:200]

    def deviance(terms):
        return family.local_fit(y, contributions[:, terms].sum(axis=1), np.ones(200)).deviance

    everything = np.ones(N_REAL + N_NULL, dtype=bool)
    assert deviance(_kept(family, contributions, y)) <= deviance(everything)


def test_leaving_a_term_out_must_save_more_than_chance_would():
    contributions, y = _problem(Gaussian())
    # Shapes so small that they change the deviance by far less than one.
    contributions[:, N_REAL:] /= 1_000
    assert _kept(Gaussian(), contributions, y).all()


def test_a_term_that_hurts_goes():
    contributions, y = _problem(Gaussian())
    contributions[:, 0] *= -1
    np.testing.assert_array_equal(_kept(Gaussian(), contributions, y)[:2], [False, True])


@pytest.mark.parametrize("family", [Gaussian(), Bernoulli()])
def test_terms_that_add_nothing_go(family):
    contributions, y = _problem(family)
    contributions[:, 1] = 0.0
    kept = _kept(family, contributions, y)
    assert kept[0] and not kept[1]
    assert not _kept(family, np.zeros_like(contributions), y).any()


def test_there_may_be_no_terms():
    assert _kept(Gaussian(), np.zeros((10, 0, 1)), np.arange(10.0)).shape == (0,)


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_the_outcome_does_not_matter(unit):
    contributions, y = _problem(Gaussian())
    np.testing.assert_array_equal(
        _kept(Gaussian(), unit * contributions, unit * y), _kept(Gaussian(), contributions, y)
    )


def test_rows_of_no_weight_do_not_speak():
    contributions, y = _problem(Gaussian())
    weights = np.repeat([1.0, 0.0], N_ROWS // 2)
    y[weights == 0] *= -100
    half = _kept(Gaussian(), contributions[: N_ROWS // 2], y[: N_ROWS // 2])
    np.testing.assert_array_equal(_kept(Gaussian(), contributions, y, weights=weights), half)
