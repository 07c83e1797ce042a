"""The test whether a shape differs by group."""

import numpy as np
import pytest
from scipy.stats import kstest

from glassbox.core.attributes import read_attributes
from glassbox.fairness._audit.shape_differences import shape_difference


def draw(rng, link, slopes, n_rows=600):
    sex = rng.integers(2, size=n_rows)
    x = rng.normal(size=n_rows)
    score = np.where(sex == 1, slopes[1], slopes[0]) * x
    if link == "logit":
        truth = (rng.random(n_rows) < 1 / (1 + np.exp(-score))).astype(float)
        mean = 1 / (1 + np.exp(-x))
    elif link == "log":
        truth, mean = rng.poisson(np.exp(score)).astype(float), np.exp(x)
    else:
        # Unequal variances, which the test must not take for a shape.
        truth, mean = score + rng.normal(size=n_rows) * (1 + sex), x
    (attribute,) = read_attributes({"sex": sex})
    return shape_difference(truth, mean, x, attribute.whitened(), link)


@pytest.mark.parametrize("link", ["logit", "identity", "log"])
def test_p_values_are_uniform_where_shapes_are_the_same(link):
    rng = np.random.default_rng(0)
    # The model's slope is wrong for everybody: that is no difference between groups.
    p_values = [draw(rng, link, (0.7, 0.7))[0] for _ in range(150)]
    assert kstest(p_values, "uniform").pvalue > 0.001


@pytest.mark.parametrize("link", ["logit", "identity", "log"])
def test_another_slope_is_found(link):
    rng = np.random.default_rng(0)
    p_values = [draw(rng, link, (0.3, 1.0))[0] for _ in range(10)]
    assert np.median(p_values) < 0.01


def test_where_nothing_can_be_told_there_is_a_reason():
    rng = np.random.default_rng(0)
    (attribute,) = read_attributes({"sex": rng.integers(2, size=100)})
    basis = attribute.whitened()
    truth = (rng.random(100) < 0.5).astype(float)
    half = np.full(100, 0.5)
    p_value, reason = shape_difference(truth, half, np.zeros(100), basis, "logit")
    assert np.isnan(p_value) and reason == "the term is constant"
    same = attribute.codes.astype(float)
    p_value, reason = shape_difference(truth, half, same, basis, "logit")
    assert np.isnan(p_value) and reason == "too few rows or values to tell"
    p_value, reason = shape_difference(same, half, rng.normal(size=100), basis, "logit")
    assert np.isnan(p_value) and reason.startswith("no finite fit")
