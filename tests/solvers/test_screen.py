import numpy as np

from glassbox.solvers._families import Bernoulli, Gaussian
from glassbox.solvers._quantiles import weighted_quantiles
from glassbox.solvers._screen import rank_pairs


def test_the_pair_that_matters_comes_first():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 4))
    X[rng.random(2_000) < 0.1, 1] = np.nan
    code = rng.integers(-1, 12, 2_000)
    columns = {f"x{j}": X[:, j] for j in range(4)} | {"c": code}
    names = list(columns)
    product = np.nan_to_num(X[:, 1] * X[:, 3])
    y = product + rng.normal(size=2_000)
    flat = np.zeros((2_000, 1))
    ranked = rank_pairs(columns, names, y, np.ones(2_000), Gaussian(), flat)
    assert ranked[0] == ("x1", "x3")
    assert len(ranked) == 10
    y = (rng.random(2_000) < 1 / (1 + np.exp(-2 * X[:, 0] * (code % 2)))).astype(float)
    main = (0.9 * X[:, 0])[:, None]
    assert rank_pairs(columns, names, y, np.ones(2_000), Bernoulli(), main)[0] == ("x0", "c")


def test_weighted_quantiles_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=40), rng.integers(1, 5, 40)
    shares = np.linspace(0, 1, 11)
    repeated = np.repeat(values, weights)
    np.testing.assert_array_equal(
        weighted_quantiles(values, weights, shares),
        weighted_quantiles(repeated, np.ones(len(repeated)), shares),
    )
    np.testing.assert_array_equal(
        weighted_quantiles(values, weights, shares[1:]),
        np.quantile(repeated, shares[1:], method="inverted_cdf"),
    )
