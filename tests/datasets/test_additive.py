"""`make_additive` returns the truth that it drew from."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from glassbox.datasets import make_additive
from glassbox.datasets._additive_shapes import KINDS

MECHANISMS = ("random", "age_dependent", "when_sick", "unable")
VARIANTS = [
    {},
    {"task": "regression", "noise": 0.5},
    {"task": "poisson", "signal": 0.7, "intercept": -0.5},
    {"task": "multiclass", "n_classes": 4, "n_pairs": 2, "n_categorical": 2},
    {"n_pairs": 3, "correlation": 0.6},
    {"n_pairs": 2, "correlation": 0.4, "marginal": "uniform", "n_categorical": 3},
    {"n_informative": 4, "n_categorical": 4},
    *({"missing": mechanism, "n_pairs": 1} for mechanism in MECHANISMS),
    {"task": "multiclass", "missing": "unable"},
    {"n_features": 1},
    {"n_features": 2, "n_categorical": 2},
]


def evaluate(table):
    """Return the effect of every term on the rows of the table."""
    effects = {name: shape(table.data[name]) for name, shape in table.shapes.items()}
    for (first, second), pair in table.pair_shapes.items():
        effects[first, second] = pair(table.data[first], table.data[second])
    return effects


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_score_is_the_sum_of_centred_effects(variant):
    table = make_additive(700, **variant, random_state=3)
    effects = evaluate(table)
    assert list(table.shapes) == list(table.data)
    np.testing.assert_allclose(
        table.intercept + sum(effects.values()), table.score, rtol=0, atol=1e-12
    )
    for name, effect in effects.items():
        assert np.abs(effect.mean(axis=0)).max() < 1e-12, name
    assert np.all(np.asarray(table.intercept) == variant.get("intercept", 0.0))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_same_number_same_table(variant):
    one, two = (make_additive(200, **variant, random_state=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    np.testing.assert_array_equal(one.score, two.score)
    X, y = make_additive(200, **variant, random_state=5, return_X_y=True)
    pd.testing.assert_frame_equal(X, one.data)
    pd.testing.assert_series_equal(y, one.target)
    other = make_additive(200, **variant, random_state=6)
    assert not one.data.equals(other.data)


def test_rows_do_not_depend_on_what_is_asked_beside():
    plain = make_additive(100, 4, random_state=0).data
    for variant in ({"task": "poisson"}, {"n_pairs": 2}, {"n_features": 9}, {"signal": 3.0}):
        other = make_additive(100, **{"n_features": 4} | variant, random_state=0).data
        pd.testing.assert_frame_equal(other[list(plain)], plain)
    gaps = make_additive(100, 4, missing="random", random_state=0).data
    pd.testing.assert_frame_equal(gaps, plain.where(gaps.notna()))


def test_outcome_follows_the_mean():
    n = 40_000
    binary = make_additive(n, random_state=0)
    spread = np.sqrt(np.sum(binary.probability * (1 - binary.probability)))
    assert abs((binary.target - binary.probability).sum()) < 3 * spread
    # Along the risk, too.
    bins = pd.qcut(binary.probability, 10, labels=False)
    gap = (binary.target - binary.probability).groupby(bins).mean()
    assert gap.abs().max() < 4 * 0.5 / np.sqrt(n / 10)

    counts = make_additive(n, task="poisson", signal=0.5, random_state=0)
    assert abs((counts.target - counts.mean).sum()) < 3 * np.sqrt(counts.mean.sum())
    assert "probability" not in counts

    classes = make_additive(n, task="multiclass", n_classes=4, random_state=0)
    np.testing.assert_allclose(classes.probability.sum(axis=1), 1)
    for k in range(4):
        p = classes.probability[:, k]
        assert abs(((classes.target == k) - p).sum()) < 3 * np.sqrt(np.sum(p * (1 - p)))

    normal = make_additive(n, task="regression", noise=0.5, random_state=0)
    assert (normal.target - normal.mean).std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marginal", ["normal", "uniform"])
def test_kinds_have_the_signal_asked_for(kind, marginal):
    table = make_additive(20_000, 1, kinds=[kind], marginal=marginal, signal=0.8, random_state=0)
    expected = 0.0 if kind == "null" else 0.8
    assert table.shapes["x0"](table.data["x0"]).std() == pytest.approx(expected, rel=0.03)
    assert table.kinds == {"x0": kind}


def test_signal_is_shared_by_all_effects():
    table = make_additive(
        50_000, 6, n_categorical=2, n_informative=5, n_pairs=2, signal=2.0, random_state=0
    )
    sizes = {name: effect.std() for name, effect in evaluate(table).items()}
    assert sizes.pop("c1") == 0.0
    assert table.kinds["c1"] == "null" and table.kinds["c0"] == "levels"
    np.testing.assert_allclose(list(sizes.values()), 2.0 / np.sqrt(7), rtol=0.05)
    assert table.score.std() == pytest.approx(2.0, rel=0.05)


def test_correlation_is_that_of_the_copula():
    data = make_additive(50_000, 3, correlation=0.6, marginal="uniform", random_state=0).data
    scores = norm.ppf((data + 2) / 4)
    np.testing.assert_allclose(np.corrcoef(scores.T)[np.triu_indices(3, 1)], 0.6, atol=0.02)
    assert data.abs().max().max() <= 2


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_pairs_are_pure_under_correlation(correlation):
    table = make_additive(
        200_000, 2, n_pairs=1, correlation=correlation, signal=1.0, random_state=0
    )
    effect = pd.Series(evaluate(table)["x0", "x1"])
    assert effect.std() == pytest.approx(1 / np.sqrt(3), rel=0.05)
    for name in ("x0", "x1"):
        by_value = effect.groupby(pd.qcut(table.data[name], 20, labels=False))
        # The chance of each bin, and that of the overall mean which centring took out.
        chance = by_value.std() / np.sqrt(10_000) + effect.std() / np.sqrt(200_000)
        assert (by_value.mean().abs() < 4 * chance).all()


def test_what_a_missing_value_means():
    complete = make_additive(30_000, 4, random_state=0)
    by_mechanism = {
        mechanism: make_additive(30_000, 4, missing=mechanism, missing_rate=0.3, random_state=0)
        for mechanism in MECHANISMS
    }
    for mechanism, table in by_mechanism.items():
        assert table.data["x0"].notna().all()
        share = table.data.drop(columns="x0").isna().mean()
        np.testing.assert_allclose(share, 0.3, atol=0.015, err_msg=mechanism)

    old = complete.data["x0"] > 0

    def excess_among_old(table):
        gaps = table.data["x2"].isna()
        return gaps[old].mean() - gaps[~old].mean()

    assert abs(excess_among_old(by_mechanism["random"])) < 0.03
    assert excess_among_old(by_mechanism["age_dependent"]) > 0.2
    assert excess_among_old(by_mechanism["unable"]) > 0.2

    # Ordered when sick: what was not measured had lower effects than what was.
    for name in ("x1", "x2", "x3"):
        hidden = by_mechanism["when_sick"].data[name].isna()
        effect = pd.Series(complete.shapes[name](complete.data[name]))
        assert effect[hidden].mean() < effect[~hidden].mean()
        slot, normal = by_mechanism["when_sick"].shapes[name](np.array([np.nan, 0.0]))
        assert slot == pytest.approx(normal)

    # Being unable adds 0.5 to the mean effect, which is the slot of the random mechanism.
    def slot_against_value(mechanism):
        slot, value = by_mechanism[mechanism].shapes["x1"](np.array([np.nan, 1.0]))
        return slot - value

    assert slot_against_value("random") == pytest.approx(slot_against_value("age_dependent"))
    assert slot_against_value("unable") - slot_against_value("random") == pytest.approx(0.5)


def test_arrays():
    numbers = make_additive(20, 3, as_frame=False, random_state=0)
    assert numbers.data.dtype == float and numbers.frame is None
    assert make_additive(20, 3, n_categorical=1, as_frame=False).data.dtype == object


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples=0"),
        ({"task": "survival"}, "task='survival'"),
        ({"n_features": 3, "n_categorical": 4}, "n_categorical=4"),
        ({"n_informative": 11}, "n_informative=11"),
        ({"kinds": ["cubic"]}, "'cubic'"),
        ({"kinds": []}, "kinds is empty"),
        ({"n_features": 3, "n_pairs": 4}, "n_pairs=4 must be between 0 and 3"),
        ({"correlation": 1.0}, "correlation=1.0"),
        ({"marginal": "cauchy"}, "marginal='cauchy'"),
        ({"signal": -1.0}, "signal=-1.0"),
        ({"noise": 1.0}, "noise=1.0 is for task='regression' only"),
        ({"n_classes": 3}, "n_classes=3 is for task='multiclass' only"),
        ({"missing": "never"}, "missing='never'"),
        ({"missing": "random", "n_features": 1}, "needs two numeric columns"),
        ({"missing_rate": 0.1}, "needs a mechanism"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_additive(**arguments)
