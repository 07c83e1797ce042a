"""Calibration figures on predictions whose calibration is known."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from glassbox.core.natural_spline import natural_spline
from glassbox.evaluation.calibration import mean_calibration, risk_calibration, wilson
from glassbox.evaluation.regression import fit_linear, fit_logistic


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    score = rng.normal(-1, 1.3, size=20_000)
    return score, rng.random(20_000) < expit(score)


def test_perfect_predictions_are_found_perfect(truth):
    score, event = truth
    c = risk_calibration(event, expit(score))
    for figure, best in ((c.ratio, 1), (c.intercept, 0), (c.slope, 1)):
        assert figure.lower < best < figure.upper
        assert figure.value == pytest.approx(best, abs=0.06)
    assert c.ici < 0.008
    assert c.e50 <= c.e90
    middle = c.curve[c.curve["predicted"].between(0.05, 0.9)]
    inside = (middle["lower"] <= middle["predicted"]) & (middle["predicted"] <= middle["upper"])
    assert inside.mean() > 0.8


def test_overconfident_predictions_have_a_slope_below_one(truth):
    score, event = truth
    c = risk_calibration(event, expit(2 * score))
    assert c.slope.value == pytest.approx(0.5, abs=0.03)
    assert c.slope.upper < 0.6


def test_shifted_predictions_have_that_intercept(truth):
    score, event = truth
    c = risk_calibration(event, expit(score - 0.7))
    assert c.intercept.value == pytest.approx(0.7, abs=0.06)
    assert c.slope.value == pytest.approx(1, abs=0.05)
    assert c.ratio.lower > 1
    assert c.observed == event.sum()
    assert c.expected == pytest.approx(expit(score - 0.7).sum())


def test_distances_measure_a_known_miscalibration(truth):
    score, event = truth
    risk = expit(1.5 * score + 0.3)
    c = risk_calibration(event, risk)
    distance = np.abs(risk - expit(score))
    assert c.ici == pytest.approx(distance.mean(), abs=0.006)
    assert c.e50 == pytest.approx(np.median(distance), abs=0.008)
    assert c.e90 == pytest.approx(np.quantile(distance, 0.9), abs=0.012)


def test_intervals_of_the_slope_cover():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        score = rng.normal(size=300)
        slope = risk_calibration(rng.random(300) < expit(score), expit(score)).slope
        covered += slope.lower <= 1 <= slope.upper
    assert 182 <= covered <= 199


def test_degenerate_predictions_give_no_figure_instead_of_a_wrong_one():
    event = np.arange(100) % 4 == 0
    same = risk_calibration(event, np.full(100, 0.25))
    assert same.curve is None
    assert np.isnan(same.slope.value)
    assert same.ratio.value == pytest.approx(1)
    separated = risk_calibration(event, np.where(event, 0.9, 0.1))
    assert np.isnan(separated.slope.value)
    certain = risk_calibration(event, np.where(np.arange(100) < 10, 0.0, 0.3))
    assert np.isfinite(certain.intercept.value)
    none = risk_calibration(np.zeros(50, dtype=bool), np.linspace(0.1, 0.5, 50))
    assert none.ratio.value == 0
    assert np.isnan(none.ratio.lower)
    assert np.isnan(none.intercept.value)


def test_means():
    rng = np.random.default_rng(6)
    mean = rng.normal(10, 3, size=5_000)
    y = mean + rng.normal(size=5_000) * (1 + np.abs(mean) / 10)
    c = mean_calibration(y, mean)
    assert c.slope.lower < 1 < c.slope.upper
    assert c.intercept.lower < 0 < c.intercept.upper
    stretched = mean_calibration(y, 2 * mean)
    assert stretched.slope.value == pytest.approx(0.5, abs=0.02)
    assert stretched.intercept.value == pytest.approx(-10, abs=0.3)


def test_groups_hold_every_row_once():
    risk = np.random.default_rng(7).uniform(size=205)
    c = risk_calibration(risk > 0.5, risk)
    assert c.groups["n"].sum() == 205
    assert len(c.groups) == 10
    assert c.groups["predicted"].is_monotonic_increasing


def test_logistic_regression_agrees_with_scikit_learn():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(400, 2))
    y = (rng.random(400) < expit(x @ [1.0, -2.0] + 0.5)).astype(float)
    fit = fit_logistic(np.column_stack([np.ones(400), x]), y)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(x, y)
    assert fit.coefficients == pytest.approx([*other.intercept_, *other.coef_[0]], abs=1e-4)


def test_linear_regression_refuses_a_deficient_design():
    ones = np.ones((10, 2))
    assert fit_linear(ones, np.arange(10.0)) is None
    line = np.column_stack([np.ones(5), np.arange(5.0)])
    assert fit_linear(line, 2 + 3 * np.arange(5.0)).coefficients == pytest.approx([2, 3])


def test_natural_spline_is_straight_outside_its_knots_and_smooth_inside():
    knots = np.array([0.0, 1.0, 2.0, 4.0])
    weights = np.array([0.3, -1.0, 2.0, -3.0])

    def curve(x):
        return natural_spline(np.asarray(x, dtype=float), knots) @ weights

    for ends in ([-3, -2, -1], [5, 6, 7]):
        left, middle, right = curve(ends)
        assert middle == pytest.approx((left + right) / 2)
    step = 1e-4
    for knot in knots:
        x = knot + step * np.arange(-2, 3)
        second = np.diff(curve(x), 2) / step**2
        assert second == pytest.approx(second[1], abs=0.02)


def test_wilson():
    # Newcombe, Statistics in Medicine 1998;17:857-872, table I: 81 of 263.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20)[0] == 0
    assert logit(wilson(1.0, 20)[0]) < 3
