import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from glassbox.solvers import _reml
from glassbox.solvers._families import Bernoulli, Gaussian
from glassbox.solvers.pirls import fit_penalised
from tests.solvers.layouts import layout, predictor


def _model(seed, dispersion_known):
    rng = np.random.default_rng(seed)
    m, n = 7, 30
    B = rng.normal(size=(n, m))
    penalties = np.zeros((3, m))
    penalties[0, 1:4] = rng.uniform(0.5, 2, 3)
    penalties[1, 3:6] = rng.uniform(0.5, 2, 3)  # overlaps with the first, as in pairs
    penalties[2, 6] = 1.0
    z = B @ rng.normal(size=m) + rng.normal(size=n)
    return _reml.WorkingModel(
        B.T @ B,
        B.T @ z,
        np.zeros(m),
        float(z @ z),
        penalties,
        np.where(np.arange(m) > 0, 1e-8, 0.0),
        np.array([False, True, True]),
        float(n),
        1e-3,
        dispersion_known,
    )


@given(
    seed=st.integers(0, 2**31),
    known=st.booleans(),
    at=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
)
def test_gradient_and_hessian(seed, known, at):
    model, at = _model(seed, known), np.array(at)
    point = _reml.evaluate(model, at)
    gradient = approx_fprime(at, lambda x: _reml.evaluate(model, x).value, 1e-6)
    np.testing.assert_allclose(point.gradient, gradient, rtol=1e-3, atol=1e-4)
    hessian = approx_fprime(at, lambda x: _reml.evaluate(model, x).gradient, 1e-6)
    np.testing.assert_allclose(point.hessian, hessian, rtol=1e-3, atol=1e-4)
    shifts = approx_fprime(at, lambda x: _reml.evaluate(model, x).coefficients, 1e-6)
    np.testing.assert_allclose(point.shifts, shifts, rtol=1e-3, atol=1e-5)


@given(seed=st.integers(0, 2**31))
def test_the_value_is_the_marginal_likelihood(seed):
    # With one unpenalised coefficient and known dispersion, REML is the density of the outcome
    # with a flat prior on that coefficient and normal priors on the others.
    rng = np.random.default_rng(seed)
    B, z = rng.normal(size=(12, 4)), rng.normal(size=12)
    penalties = np.array([[0.0, 1.0, 1.0, 1.0]])

    def model():
        return _reml.WorkingModel(
            B.T @ B, B.T @ z, np.zeros(4), float(z @ z), penalties, np.zeros(4),
            np.zeros(1, dtype=bool), 12.0, 0.0, True,
        )  # fmt: skip

    def marginal(rho):
        covariance = np.eye(12) + B[:, 1:] @ B[:, 1:].T / np.exp(rho)
        precision = np.linalg.inv(covariance)
        one = B[:, :1]
        inner = (one.T @ precision @ one)[0, 0]
        mean = (one.T @ precision @ z)[0] / inner
        residual = z - one[:, 0] * mean
        return -0.5 * (
            np.linalg.slogdet(covariance)[1] + np.log(inner) + residual @ precision @ residual
        )

    ours = [_reml.evaluate(model(), np.array([r])).value - z @ z / 2 for r in (-1.0, 0.5, 2.0)]
    np.testing.assert_allclose(ours, [marginal(r) for r in (-1.0, 0.5, 2.0)], rtol=1e-9)


@pytest.mark.parametrize("family", [Gaussian(), Bernoulli()], ids=["normal", "binary"])
def test_the_chosen_strengths_are_at_the_top(family, waves):
    X, f, rng = waves
    y = f + rng.normal(size=400)
    if isinstance(family, Bernoulli):
        y = (y > 0).astype(float)
    design, columns = layout(X, shrink_lines=True)
    fit = fit_penalised(design, columns, y, np.ones(400), family)
    best = np.log(list(fit.strengths.values()))
    top = _reml.evaluate(fit.working, best).value
    for j in range(len(best)):
        for step in (-0.3, 0.3):
            aside = best.copy()
            aside[j] += step
            assert _reml.evaluate(fit.working, aside).value < top + 1e-5


def test_smoothness_is_recovered(waves):
    X, f, rng = waves
    truth = np.column_stack([np.sin(2 * X[:, 0]), 0.5 * X[:, 1], 0 * X[:, 2]])
    y = f + 0.5 * rng.normal(size=400)
    design, columns = layout(X, shrink_lines=True, n_knots=18)
    fit = fit_penalised(design, columns, y, np.ones(400), Gaussian())
    blocks = np.concatenate([b.copy() for _, b in design.blocks(columns, 400)])
    for j in range(3):
        here = design.slices[f"x{j}"]
        shape = blocks[:, here] @ fit.outputs[here, 0]
        error = np.std(shape - truth[:, j])
        assert error < 0.12
        assert j != 2 or np.std(shape) < 0.05
    assert fit.dispersion == pytest.approx(0.25, rel=0.15)
    assert 6 < fit.effective_df < 16
    residual = y - predictor(fit, columns, 400)[:, 0]
    assert fit.dispersion == pytest.approx(residual @ residual / (400 - fit.effective_df))
