import numpy as np
import pytest
from scipy.stats import poisson
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from glassbox.core.attributes import groups, read_attributes
from glassbox.fairness import dependence
from glassbox.fairness._comparison.standing import correlation, quality, standing
from glassbox.fairness._scored import Scored, score_rows

RNG = np.random.default_rng(0)
WEIGHTS = RNG.uniform(0.2, 3, size=200)


def two_classes(n_rows=200):
    score = np.random.default_rng(1).normal(size=n_rows)
    p = 1 / (1 + np.exp(-score))
    y = (np.random.default_rng(2).random(n_rows) < p).astype(int)
    return score_rows(p, None, y), y, p


def three_classes(n_rows=200):
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(3), size=n_rows)
    y = np.array([rng.choice(3, p=row) for row in p])
    return score_rows(p, None, y), y, p


def test_two_classes_as_scikit_learn_counts_them():
    scored, y, p = two_classes()
    found = quality(scored, WEIGHTS)
    # Hanley & McNeil (1982) know the size of it, from the area and the counts alone.
    area, (negatives, positives) = found["auc"], np.bincount(y)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (q1 - area**2)
    variance += (negatives - 1) * (q2 - area**2)
    by_counts = np.sqrt(variance / (positives * negatives))
    assert found.pop("auc_se") == pytest.approx(by_counts, rel=0.15)
    assert found == pytest.approx(
        {
            "loss": log_loss(y, p, sample_weight=WEIGHTS),
            "auc": roc_auc_score(y, p),
            "accuracy": accuracy_score(y, p > 0.5, sample_weight=WEIGHTS),
            "brier": brier_score_loss(y, p, sample_weight=WEIGHTS),
        }
    )


def test_three_classes_as_scikit_learn_counts_them():
    scored, y, p = three_classes()
    found = quality(scored, WEIGHTS)
    truth = np.eye(3)[y]
    assert found == pytest.approx(
        {
            "loss": log_loss(y, p, sample_weight=WEIGHTS),
            "accuracy": accuracy_score(y, p.argmax(axis=1), sample_weight=WEIGHTS),
            "brier": np.average(((p - truth) ** 2).sum(axis=1), weights=WEIGHTS),
        }
    )


def test_amounts_as_scikit_learn_counts_them():
    rng = np.random.default_rng(4)
    y = rng.normal(size=200)
    mean = y + rng.normal(size=200)
    found = quality(score_rows(mean, None, y), WEIGHTS)
    squares = mean_squared_error(y, mean, sample_weight=WEIGHTS)
    assert found == pytest.approx(
        {
            "loss": squares / 2,
            "r2": r2_score(y, mean, sample_weight=WEIGHTS),
            "rmse": np.sqrt(squares),
        }
    )


def test_counts_have_the_loss_of_poisson():
    rng = np.random.default_rng(4)
    mean = rng.uniform(0.2, 4, size=200)
    y = rng.poisson(mean).astype(float)
    column, other = mean[:, None], (mean * 1.3)[:, None]
    first, second = (
        quality(Scored("regression", ("outcome",), (), y[:, None], m, np.log(m), None, "log"),
                WEIGHTS)["loss"] for m in (column, other)
    )  # fmt: skip
    expected = [np.average(poisson.logpmf(y, m[:, 0]), weights=WEIGHTS) for m in (column, other)]
    assert first - second == pytest.approx(expected[1] - expected[0])


def test_impossible_events_have_a_finite_loss():
    scored = score_rows(np.array([0.0, 1.0, 0.5]), None, np.array([1, 0, 1]))
    assert np.isfinite(quality(scored, np.ones(3))["loss"])


def test_an_outcome_that_does_not_vary_has_no_r2():
    ones = np.ones((5, 1))
    scored = Scored("regression", ("outcome",), (), ones, ones, ones)
    assert np.isnan(quality(scored, np.ones(5))["r2"])


def test_dependence_is_the_distance_correlation():
    scored, _, p = two_classes()
    ward, age = read_attributes({"ward": np.where(p > 0.6, "A", "B"), "age": RNG.normal(size=200)})
    for attribute, raw in ((ward, np.where(p > 0.6, "A", "B")), (age, age.values)):
        expected = dependence(p, {"it": raw}, measures=["dcor"])["estimate"].iloc[0]
        (found,) = standing(scored, [attribute], np.ones(200))
        assert found["attribute"] == attribute.name
        assert found["dependence"] == pytest.approx(expected)
    assert "floor" not in correlation(scored.score, ward)
    assert 0.02 < correlation(scored.score, age, 50)["floor"] < 0.2


def test_of_several_outputs_the_largest_counts():
    scored, _, p = three_classes()
    attribute = groups("g", (p[:, 2] > 0.4).astype(int), ["a", "b"])
    each = [correlation(column[:, None], attribute)["dependence"] for column in scored.score.T]
    assert correlation(scored.score, attribute)["dependence"] == max(each) == each[2]


def test_gaps_by_hand():
    """Three groups of four times thirty rows; weights make the second group's rate a third."""
    p = np.array([0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
    y = np.array([1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0])
    codes = np.repeat([0, 1, 2], 4)
    weights = np.ones(12)
    weights[4] = 1.5
    p, y, codes, weights = (np.repeat(column, 30) for column in (p, y, codes, weights))
    scored = score_rows(p, None, y)
    (found,) = standing(scored, [groups("g", codes, ["a", "b", "c"])], weights)
    assert found["dp_gap"] == pytest.approx(1 - 1.5 / 4.5)
    # True class 1: 1/2, 1.5/2.5, 1. True class 0: 1/2, 0, 1.
    assert found["eo_gap"] == pytest.approx(1.0)


def test_gaps_of_several_classes_by_hand():
    y = np.repeat([0, 0, 1, 2], 30)
    scored = score_rows(np.eye(3)[y], None, y)
    codes = np.repeat([0, 0, 1, 1], 30)
    (found,) = standing(scored, [groups("g", codes, ["a", "b"])], np.ones(120))
    assert found["dp_gap"] == 1.0
    # No class has rows of both groups.
    assert np.isnan(found["eo_gap"])


def test_gaps_where_one_class_has_one_group_only():
    """What cannot be compared does not hide what can."""
    p = np.repeat([0.9, 0.1, 0.9, 0.9, 0.9], 30)
    y = np.repeat([1, 1, 1, 1, 0], 30)
    group = groups("g", np.repeat([0, 0, 1, 1, 1], 30), ["a", "b"])
    for scored in (score_rows(p, None, y), score_rows(1 - p, None, 1 - y)):
        (found,) = standing(scored, [group], np.ones(150))
        assert found["eo_gap"] == pytest.approx(0.5)


def test_tiny_groups_have_no_share():
    p, y = np.append(np.tile([0.9, 0.1], 40), 0.9), np.append(np.tile([0, 1], 40), 1)
    codes = np.append(np.repeat([0, 1], 40), 2)
    (found,) = standing(score_rows(p, None, y), [groups("g", codes, ["a", "b", "c"])], np.ones(81))
    assert found["dp_gap"] == 0.0


def test_amounts_and_regressions_have_no_gaps():
    scored, _, _ = two_classes()
    (age,) = read_attributes({"age": RNG.normal(size=200)})
    (found,) = standing(scored, [age], np.ones(200))
    assert np.isnan([found["dp_gap"], found["eo_gap"]]).all()
    y = RNG.normal(size=200)
    (found,) = standing(
        score_rows(y, None, y), [groups("g", np.arange(200) % 2, ["a", "b"])], np.ones(200)
    )
    assert np.isnan([found["dp_gap"], found["eo_gap"]]).all()
    assert np.isfinite(found["dependence"])


def test_a_constant_score_has_no_distance_correlation_above_zero():
    scored = score_rows(np.full(50, 0.3), None, np.arange(50) % 2)
    (found,) = standing(scored, [groups("g", np.arange(50) // 25, ["a", "b"])], np.ones(50))
    assert not found["dependence"] > 1e-9
    assert found["dp_gap"] == 0.0
