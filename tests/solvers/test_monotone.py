import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from glassbox.solvers._families import Bernoulli, Gaussian
from glassbox.solvers._monotone import OrderedTerms
from glassbox.solvers.pirls import fit_penalised
from tests.solvers.layouts import layout


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), direction=st.sampled_from([-1, 1]))
def test_the_ordered_minimiser_has_no_better_neighbour(seed, direction):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2))
    design, _ = layout(X, shrink_lines=True, n_knots=4)
    size = design.transform.shape[1]
    half = rng.normal(size=(size, size))
    matrix, right = half @ half.T + np.eye(size), 5 * rng.normal(size=size)
    solution = OrderedTerms(design, {"x1": direction}).solve(matrix, right)
    values = (design.transform @ solution)[design.slices["x1"]][:-1]
    assert (direction * np.diff(values) > -1e-9).all()
    rise = (design.transform[[*range(*design.slices["x1"].indices(99))][:-1]]).toarray()
    reference = minimize(
        lambda x: x @ matrix @ x / 2 - right @ x,
        np.zeros(size),
        jac=lambda x: matrix @ x - right,
        constraints={"type": "ineq", "fun": lambda x: direction * np.diff(rise @ x)},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    value = solution @ matrix @ solution / 2 - right @ solution
    assert value <= reference.fun + 1e-6 * abs(reference.fun)


@pytest.mark.parametrize("family", [Gaussian(), Bernoulli()], ids=["normal", "binary"])
@pytest.mark.parametrize("direction", [-1, 1])
def test_fits_against_the_truth_converge(family, direction, waves):
    X, f, rng = waves
    y = f + X[:, 1] + rng.normal(size=400)
    if isinstance(family, Bernoulli):
        y = (y > 0).astype(float)
    design, columns = layout(X, shrink_lines=True)
    fit = fit_penalised(
        design, columns, y, np.ones(400), family, directions={"x0": direction, "x1": 1}
    )
    assert fit.converged
    for name, sign in (("x0", direction), ("x1", 1)):
        values = fit.outputs[design.slices[name], 0][:-1]
        assert (sign * np.diff(values) > -1e-9).all()
