"""Discrimination and losses: exact values, and intervals that mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss, r2_score, roc_auc_score

from glassbox.evaluation.estimates import bootstrap_estimate, bootstrap_sums
from glassbox.evaluation.performance import auc, class_losses, regression_errors

# DeLong's variance for a table that can be worked out by hand: events score 3, 1, 4; others
# 2, 0, 1. Placements of events: 1, 1/2, 1; of the others: 2/3, 1, 5/6.
HAND_EVENT = np.array([True, True, True, False, False, False])
HAND_SCORE = np.array([3.0, 1.0, 4.0, 2.0, 0.0, 1.0])


def test_auc_and_delong_by_hand():
    area = auc(HAND_EVENT, HAND_SCORE)
    value = (1 + 0.5 + 1) / 3
    variance = np.var([1, 0.5, 1], ddof=1) / 3 + np.var([2 / 3, 1, 5 / 6], ddof=1) / 3
    reach = 1.959963985 * np.sqrt(variance) / (value * (1 - value))
    assert area.value == pytest.approx(value)
    assert area.lower == pytest.approx(expit(logit(value) - reach))
    assert area.upper == pytest.approx(expit(logit(value) + reach))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=4, max_size=60))
def test_auc_is_that_of_scikit_learn_ties_included(rows):
    event = np.array([row[0] for row in rows])
    score = np.array([row[1] for row in rows], dtype=float)
    if event.all() or not event.any():
        assert np.isnan(auc(event, score).value)
        return
    area = auc(event, score)
    assert area.value == pytest.approx(roc_auc_score(event, score))
    if np.isfinite(area.lower):
        assert 0 <= area.lower <= area.value <= area.upper <= 1


def test_delong_agrees_with_the_bootstrap():
    rng = np.random.default_rng(0)
    event = rng.random(600) < 0.3
    score = rng.normal(size=600) + event
    resampled = []
    for _ in range(2_000):
        rows = rng.integers(600, size=600)
        resampled.append(auc(event[rows], score[rows]).value)
    area = auc(event, score)
    log_odds = np.log(np.array(resampled) / (1 - np.array(resampled)))
    reach = (logit(area.upper) - logit(area.lower)) / 2
    assert reach == pytest.approx(1.96 * log_odds.std(), rel=0.06)


def test_perfect_separation_has_no_interval():
    area = auc(np.array([True, True, False, False]), np.array([4.0, 3.0, 2.0, 1.0]))
    assert area.value == 1
    assert np.isnan(area.lower)
    assert np.isnan(area.upper)


def test_losses_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    codes = rng.integers(2, size=200)
    risk = rng.uniform(0.05, 0.95, 200)
    losses = class_losses(codes, np.column_stack([1 - risk, risk]), seed=0)
    assert losses["log_loss"][0].value == pytest.approx(log_loss(codes, risk))
    assert losses["brier"][0].value == pytest.approx(brier_score_loss(codes, risk))
    share = codes.mean()
    assert losses["log_loss"][1] == pytest.approx(log_loss(codes, np.full(200, share)))
    assert losses["brier"][1] == pytest.approx(share * (1 - share))


def test_multiclass_losses():
    rng = np.random.default_rng(2)
    codes = rng.integers(3, size=100)
    p = rng.dirichlet([1, 1, 1], size=100)
    losses = class_losses(codes, p, seed=0)
    assert losses["log_loss"][0].value == pytest.approx(log_loss(codes, p))
    assert losses["brier"][0].value == pytest.approx(((p - np.eye(3)[codes]) ** 2).sum(1).mean())


def test_regression_errors():
    rng = np.random.default_rng(3)
    y = rng.normal(size=300) + 1e6
    prediction = y + rng.normal(size=300)
    errors = regression_errors(y, prediction, seed=0)
    assert errors["r2"][0].value == pytest.approx(r2_score(y, prediction))
    assert errors["rmse"][0].value == pytest.approx(np.sqrt(((y - prediction) ** 2).mean()))
    assert errors["rmse"][1] == pytest.approx(y.std())
    for figure, _ in errors.values():
        assert figure.lower < figure.value < figure.upper


def test_bootstrap_interval_of_a_mean_is_the_normal_one():
    rows = np.random.default_rng(4).normal(size=(2_000, 1))
    sums = bootstrap_sums(rows, seed=0)
    mean = bootstrap_estimate(rows, sums, lambda s: s[..., 0] / 2_000)
    reach = 1.96 * rows.std() / np.sqrt(2_000)
    assert mean.upper - mean.value == pytest.approx(reach, rel=0.12)
    assert mean.value - mean.lower == pytest.approx(reach, rel=0.12)
    again = bootstrap_sums(rows, seed=0)
    assert np.array_equal(sums, again)
