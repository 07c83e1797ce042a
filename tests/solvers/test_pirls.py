import numpy as np
import pygam
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from glassbox.core.terms import Term
from glassbox.solvers._families import Bernoulli, Gamma, Gaussian, Multinomial, Poisson
from glassbox.solvers.pirls import fit_penalised, inverse_positive, solve_positive
from tests.solvers.layouts import layout, predictor

MACHINES = {
    Gaussian: pygam.LinearGAM,
    Bernoulli: pygam.LogisticGAM,
    Poisson: pygam.PoissonGAM,
    Gamma: pygam.GammaGAM,
}


def _draw(family, eta, rng):
    if family is Gaussian:
        return eta + rng.normal(size=len(eta))
    if family is Bernoulli:
        return (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float)
    if family is Poisson:
        return rng.poisson(np.exp(0.5 * eta)).astype(float)
    return rng.gamma(2.0, np.exp(0.5 * eta))


def _fixed(strength):
    return lambda smoothing: 1.0 if smoothing.kind == "missing" else strength


@pytest.mark.filterwarnings("ignore::RuntimeWarning:pygam")
@pytest.mark.parametrize("family", MACHINES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), strength=st.sampled_from([0.05, 0.6, 30.0]))
def test_same_predictions_as_pygam_at_the_same_strength(family, seed, strength):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(150, 2)) * [1, 50] + [0, 300]
    y = _draw(family, np.sin(2 * X[:, 0]) + (X[:, 1] - 300) / 60, rng)
    weights = rng.integers(1, 4, 150).astype(float)
    design, columns = layout(X, weights, shrink_lines=False)
    fit = fit_penalised(design, columns, y, weights, family(), fixed_strength=_fixed(strength))
    gam = MACHINES[family](n_splines=12, lam=strength, tol=1e-14, max_iter=100)
    gam.fit(X, y, weights=weights)
    theirs = gam._linear_predictor(X)
    # pyGAM has no step control: where classes nearly separate it may end anywhere.
    assume(gam.logs_["diffs"][-1] < 1e-5 and np.abs(theirs).max() < 12)
    np.testing.assert_allclose(predictor(fit, columns, 150)[:, 0], theirs, rtol=1e-6, atol=1e-6)
    for j in range(2):
        ours = fit.outputs[design.slices[f"x{j}"], 0][:-1]
        other = gam.coef_[gam.terms.get_coef_indices(j)]
        np.testing.assert_allclose(ours - ours.mean(), other - other.mean(), rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:pygam")
def test_same_predictions_as_pygam_where_classes_nearly_separate():
    # Where the data say next to nothing, the tiny ridge decides.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = _draw(Bernoulli, 2 * np.sin(2 * X[:, 0]) + X[:, 1], rng)
    design, columns = layout(X, shrink_lines=False, n_knots=18)
    fit = fit_penalised(
        design, columns, y, np.ones(300), Bernoulli(), fixed_strength=_fixed(0.01), tol=1e-12
    )
    gam = pygam.LogisticGAM(lam=0.01, tol=1e-14, max_iter=200).fit(X, y)
    theirs = gam._linear_predictor(X)
    assert np.abs(theirs).max() > 12
    np.testing.assert_allclose(predictor(fit, columns, 300)[:, 0], theirs, rtol=1e-7, atol=1e-7)


def test_a_pair_adds_nothing_where_a_feature_is_missing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    X[:10, 0], X[5:15, 1] = np.nan, np.nan
    design, columns = layout(X, shrink_lines=True, pairs=[(0, 1)])
    blocks = np.concatenate([block.copy() for _, block in design.blocks(columns, 50)])
    pair = blocks[:, design.slices["x0 & x1"]]
    assert not pair[:15].any()
    np.testing.assert_allclose(pair[15:].sum(axis=1), 1)
    table = rng.normal(size=(design.terms[2].n_columns, 1))
    term = Term(design.terms[2].axes, design.terms[2].table(table))
    rows = [axis.locate(columns[axis.name]) for axis in term.axes]
    np.testing.assert_allclose(term.evaluate(rows), pair @ table, atol=1e-12)


def test_same_pairs_as_pygam():
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, size=(300, 2))
    y = X[:, 0] * X[:, 1] + 0.2 * rng.normal(size=300)
    design, columns = layout(X, shrink_lines=False, pairs=[(0, 1)])
    fit = fit_penalised(design, columns, y, np.ones(300), Gaussian(), fixed_strength=_fixed(0.6))
    terms = pygam.s(0, n_splines=12) + pygam.s(1, n_splines=12) + pygam.te(0, 1, n_splines=6)
    gam = pygam.LinearGAM(terms).fit(X, y)
    np.testing.assert_allclose(predictor(fit, columns, 300)[:, 0], gam.predict(X), atol=1e-6)


@pytest.mark.parametrize("choose", [True, False], ids=["reml", "fixed"])
def test_whole_weights_count_as_rows(choose, waves):
    X, f, rng = waves
    X, y = X[:80], (f[:80] + rng.normal(size=80) > 0).astype(float)
    weights = rng.integers(1, 4, 80)
    rows = np.repeat(np.arange(80), weights)
    found = []
    for take, w in ((np.arange(80), weights.astype(float)), (rows, np.ones(len(rows)))):
        design, columns = layout(X[take], w, shrink_lines=choose)
        strength = None if choose else _fixed(0.6)
        fit = fit_penalised(design, columns, y[take], w, Bernoulli(), fixed_strength=strength)
        found.append((fit.outputs, fit.covariance[0, 0, 0, 0], fit.effective_df))
    for once, repeated in zip(*found, strict=True):
        np.testing.assert_allclose(once, repeated, rtol=1e-6, atol=1e-8)


def test_multinomial_gradient_is_zero_at_the_optimum(waves):
    X, f, rng = waves
    scores = np.column_stack([f, -f, 0.3 * X[:, 2]])
    y = np.array([rng.choice(3, p=p) for p in softmax(scores, axis=1)]).astype(float)
    design, columns = layout(X, shrink_lines=True)
    fit = fit_penalised(design, columns, y, np.ones(400), Multinomial(3))
    assert fit.converged
    p = softmax(predictor(fit, columns, 400) @ fit.family.contrasts.T, axis=1)
    blocks = np.concatenate([b.copy() for _, b in design.blocks(columns, 400)])
    penalty = sum(fit.strengths[s] * d for s, d in design.penalties.items())
    natural = blocks @ design.transform
    for k in range(3):
        coordinates = fit.coordinates @ fit.family.contrasts[k]
        slope = natural.T @ ((y == k) - p[:, k]) - penalty * coordinates
        np.testing.assert_allclose(slope, 0, atol=1e-4)
    np.testing.assert_allclose(fit.outputs.sum(axis=1), 0, atol=1e-9)


def test_separated_classes_converge():
    x = np.linspace(-1, 1, 100)[:, None]
    design, columns = layout(x, shrink_lines=True)
    y = (x[:, 0] > 0).astype(float)
    fit = fit_penalised(design, columns, y, np.ones(100), Bernoulli())
    assert fit.converged
    score = predictor(fit, columns, 100)[:, 0]
    assert ((score > 0) == (y > 0)).all()
    assert np.abs(score).max() < 100


def test_collinear_columns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    X = np.column_stack([x, 2 * x + 1])
    y = np.sin(x) + 0.1 * rng.normal(size=200)
    design, columns = layout(X, shrink_lines=False)
    fit = fit_penalised(design, columns, y, np.ones(200), Gaussian(), fixed_strength=_fixed(1.0))
    assert np.corrcoef(predictor(fit, columns, 200)[:, 0], np.sin(x))[0, 1] > 0.99
    assert np.isfinite(fit.covariance).all()


def test_extra_penalties_hold_coefficients_down(waves):
    X, f, rng = waves
    y = f + rng.normal(size=400)
    design, columns = layout(X, shrink_lines=True)
    extra = np.zeros((design.n_columns, design.n_columns))
    here = design.slices["x0"]
    extra[here, here] = 1e8 * np.eye(here.stop - here.start)
    fit = fit_penalised(
        design, columns, y, np.ones(400), Gaussian(), extra_penalties=[extra / 2, extra / 2]
    )
    assert np.abs(fit.outputs[here]).max() < 1e-4
    assert np.abs(fit.outputs[design.slices["x1"]]).max() > 0.1
    with pytest.raises(ValueError, match="one row per column"):
        fit_penalised(design, columns, y, np.ones(400), Gaussian(), extra_penalties=[np.eye(3)])


def test_running_out_of_passes_warns(waves):
    X, f, rng = waves
    y = rng.poisson(np.exp(f)).astype(float)
    design, columns = layout(X, shrink_lines=True)
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        fit = fit_penalised(design, columns, y, np.ones(400), Poisson(), max_iter=2)
    assert not fit.converged


@given(seed=st.integers(0, 2**31), rank=st.integers(1, 6))
def test_singular_systems(seed, rank):
    half = np.random.default_rng(seed).normal(size=(6, rank))
    matrix = half @ half.T
    right = matrix @ np.ones(6)
    np.testing.assert_allclose(
        matrix @ solve_positive(matrix, right), right, atol=1e-5 * np.abs(right).max()
    )
    inverse = inverse_positive(matrix)
    np.testing.assert_allclose(matrix @ inverse @ matrix, matrix, atol=1e-5 * np.abs(matrix).max())
