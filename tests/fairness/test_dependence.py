"""The table of dependence: inference that is calibrated and has power, and what it refuses."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import kstest

from glassbox.fairness._dependence import inference
from glassbox.fairness._dependence.measures import MEASURES
from glassbox.fairness.dependence import dependence

COLUMNS = ["attribute", "measure", "estimate", "floor", "floor_95", "p_value", "lower", "upper"]
# Without ties between permutations, so that their p-values are exactly uniform.
UNTIED = ["dcor", "dcor2_unbiased", "hsic", "mean_gap", "standardised_gap", "eta2"]


def estimates(score, features, **options):
    found = dependence(score, features, n_permutations=0, n_bootstrap=0, **options)
    return found.set_index("measure")["estimate"]


def p_values(score, features, n_permutations=99, **options):
    found = dependence(
        score, features, n_permutations=n_permutations, n_bootstrap=0, random_state=0, **options
    )
    return found.set_index("measure")["p_value"]


def draw(kind, rng, n):
    if kind == "groups":
        return np.resize(["a", "b", "c"], n)
    return rng.normal(size=n)


@pytest.mark.parametrize("kind", ["groups", "amount"])
def test_p_values_are_uniform_under_independence(kind):
    rng = np.random.default_rng(11)
    n_permutations, found = 19, []
    for seed in range(500):
        score = rng.normal(size=20)
        table = dependence(
            score,
            {"A": draw(kind, rng, 20)},
            n_permutations=n_permutations,
            n_bootstrap=0,
            random_state=seed,
        )
        found.append(table.set_index("measure")["p_value"])
    found = pd.DataFrame(found)
    steps = rng.random(len(found)) / (n_permutations + 1)
    for name in UNTIED:
        assert kstest(found[name] - steps, "uniform").pvalue > 0.01, name
    for name in set(MEASURES) - set(UNTIED) - ({"ks"} if kind == "amount" else set()):
        for level in (0.05, 0.25, 0.5):
            error = np.sqrt(level * (1 - level) / len(found))
            assert (found[name] <= level).mean() < level + 3 * error, name


def test_floor_is_what_independent_data_give():
    rng = np.random.default_rng(12)
    sex = np.resize(["f", "m"], 300)
    independent = [estimates(rng.normal(size=300), {"A": sex}) for _ in range(300)]
    independent = pd.DataFrame(independent)
    found = dependence(rng.normal(size=300), {"A": sex}, n_bootstrap=0, random_state=0)
    found = found.set_index("measure")
    for name in set(MEASURES) - {"dcor2_unbiased"}:
        assert found.loc[name, "floor"] == pytest.approx(independent[name].mean(), rel=0.12), name
        high = np.quantile(independent[name], 0.95)
        assert found.loc[name, "floor_95"] == pytest.approx(high, rel=0.25), name


@pytest.mark.parametrize("kind", ["groups", "amount"])
def test_power_on_linear_dependence(kind):
    rng = np.random.default_rng(13)
    found = []
    for _ in range(10):
        amount = rng.normal(size=300)
        attribute = amount if kind == "amount" else np.where(amount > 0, "high", "low")
        found.append(p_values(0.6 * amount + rng.normal(size=300), {"A": attribute}))
    found = pd.DataFrame(found).drop(columns=["ks"] if kind == "amount" else [])
    assert (found <= 0.05).mean().min() >= 0.8


def test_quadratic_dependence_is_seen_by_some_and_not_by_lines():
    rng = np.random.default_rng(14)
    found = []
    for _ in range(10):
        # Every amount with both signs, so that no line explains anything.
        amount = rng.uniform(0.0, 2.0, size=200)
        score = np.tile(amount**2 + rng.normal(0, 0.7, size=200), 2)
        both = np.concatenate([amount, -amount])
        found.append(p_values(score, {"A": both}))
    found = pd.DataFrame(found)
    for name in ("dcor", "dcor2_unbiased", "hsic", "eta2", "hgr", "mutual_information"):
        assert (found[name] <= 0.05).all(), name
    for name in ("mean_gap", "standardised_gap", "auc"):
        assert (found[name] > 0.9).all(), name


def test_a_difference_of_spread_is_not_one_of_means():
    rng = np.random.default_rng(15)
    half = np.abs(rng.normal(size=150)) * 3
    narrow = np.abs(rng.normal(size=150)) / 2
    score = np.concatenate([half, -half, narrow, -narrow])
    found = p_values(score, {"A": np.repeat(["wide", "narrow"], 300)})
    assert (found[["dcor", "hsic", "ks", "hgr", "mutual_information"]] <= 0.05).all()
    assert (found[["mean_gap", "standardised_gap", "eta2", "auc"]] > 0.9).all()


def test_intervals_hold_the_estimate_and_the_population():
    rng = np.random.default_rng(16)
    # Two normal groups a half apart; their gap, its square's share, and the area.
    truth = {"mean_gap": 0.5, "auc": 0.638163, "eta2": 0.25 / 4.25}
    held, near, names = [], [], [*truth, "dcor"]
    sex = np.resize(["f", "m"], 400)
    for seed in range(60):
        noise = rng.normal(size=400)
        options = {"measures": names, "n_permutations": 0, "random_state": seed}
        shifted = dependence(noise + (sex == "m") / 2, {"A": sex}, **options)
        independent = dependence(noise, {"A": sex}, **options)
        for table in (shifted, independent):
            assert (table["lower"] <= table["estimate"]).all()
            assert (table["estimate"] <= table["upper"]).all()
        shifted = shifted.set_index("measure").loc[list(truth)]
        values = pd.Series(truth)
        held.append((shifted["lower"] <= values) & (values <= shifted["upper"]))
        near.append(independent["lower"].to_numpy() <= [0, 0.5, 0, 0])
    assert (pd.DataFrame(held).mean() >= 0.87).all()
    assert (np.mean(near, axis=0) >= 0.9).all()


def test_order_of_rows_and_names_of_groups_do_not_matter():
    rng = np.random.default_rng(17)
    group, amount = rng.choice(["a", "b", "c"], size=200), rng.normal(size=200)
    score = rng.normal(size=200) + (group == "a") + amount
    expected = estimates(score, pd.DataFrame({"group": group, "amount": amount})).to_numpy()
    order = rng.permutation(200)
    renamed = pd.Series(group).map({"a": "z", "b": "y", "c": "x"}).to_numpy()
    features = pd.DataFrame({"group": renamed[order], "amount": -3 * amount[order] + 5})
    np.testing.assert_allclose(estimates(score[order], features), expected, atol=1e-9)
    shifted = estimates(7 * score - 2, pd.DataFrame({"group": group, "amount": amount}))
    in_units = shifted.index == "mean_gap"
    np.testing.assert_allclose(shifted, np.where(in_units, 7, 1) * expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["groups", "amount"])
def test_quantiles_hardly_move_what_is_tested(kind, monkeypatch):
    rng = np.random.default_rng(18)
    amount = rng.normal(size=3_000)
    score = 0.3 * amount + rng.normal(size=3_000)
    attribute = amount if kind == "amount" else np.where(amount > 0, "high", "low")
    options = {"n_permutations": 3, "n_bootstrap": 2, "random_state": 0}
    coarse = dependence(score, {"A": attribute}, **options).dropna(subset="estimate")
    monkeypatch.setattr(inference, "MOST_CELLS", 750)
    monkeypatch.setattr(inference, "MOST_BESIDE_GROUPS", 3_000)
    fine = dependence(score, {"A": attribute}, **options).dropna(subset="estimate")
    size = fine["estimate"]
    np.testing.assert_allclose(coarse["estimate"], size, rtol=1e-9)
    for column in ("floor", "lower", "upper"):
        assert (np.abs(coarse[column] - fine[column]) <= 0.02 * size).all(), column


def test_attributes_and_measures_do_not_disturb_each_other():
    rng = np.random.default_rng(19)
    features = pd.DataFrame({"sex": rng.choice(["f", "m"], 80), "age": rng.normal(size=80)})
    score = rng.normal(size=80)
    options = {"n_permutations": 50, "n_bootstrap": 50, "random_state": 3}
    together = dependence(score, features, **options)
    alone = dependence(score, features["age"], measures=["hsic", "dcor"], **options)
    expected = together[together["attribute"] == "age"].set_index("measure").loc[["hsic", "dcor"]]
    pd.testing.assert_frame_equal(alone.set_index("measure"), expected)
    pd.testing.assert_frame_equal(together, dependence(score, features, **options))
    pd.testing.assert_frame_equal(together, dependence(score, pl.from_pandas(features), **options))


def test_outputs_come_first_and_keep_their_labels():
    rng = np.random.default_rng(20)
    scores = pd.DataFrame(rng.normal(size=(60, 2)), columns=["yes", "no"])
    features = {"sex": rng.choice(["f", "m"], 60), "site": rng.choice(["A", "B"], 60)}
    options = {"measures": ["dcor"], "n_permutations": 9, "n_bootstrap": 9, "random_state": 0}
    found = dependence(scores, features, intersections=True, **options)
    assert found.columns.tolist() == ["output", *COLUMNS, "n", "reason"]
    assert found["output"].tolist() == ["yes"] * 3 + ["no"] * 3
    assert found["attribute"].tolist() == ["sex", "site", "sex & site"] * 2
    one = dependence(scores["yes"], features, intersections=True, **options)
    pd.testing.assert_frame_equal(one, found.iloc[:3].drop(columns="output"))
    assert dependence(scores.to_numpy(), features, **options)["output"].tolist() == [0, 0, 1, 1]


def test_missing_amounts_are_left_out_or_are_a_bin():
    rng = np.random.default_rng(21)
    amount = rng.normal(size=300)
    score = rng.normal(size=300)
    amount[:60] = np.nan
    # The score says nothing about the amount, and much about whether there is one.
    score[:60] += 3
    found = dependence(score, {"A": amount}, n_permutations=99, n_bootstrap=20, random_state=0)
    found = found.set_index("measure")
    takes = ["eta2", "hgr", "mutual_information"]
    assert (found.loc[takes, "n"] == 300).all()
    assert (found.drop(takes)["n"] == 240).all()
    assert (found.loc[takes, "p_value"] == 0.01).all()
    present = estimates(score[60:], {"A": amount[60:]})
    np.testing.assert_allclose(found.drop(takes)["estimate"], present.drop(takes))
    missing = np.isnan(amount)
    assert found.loc["eta2", "estimate"] > 0.95 * np.corrcoef(score, missing)[0, 1] ** 2


def test_missing_is_a_group():
    score = np.array([0.0, 1.0, 2.0, 3.0, 8.0, 9.0])
    group = pd.Series(["a", "b", "a", "b", None, None], name="g")
    found = dependence(score, group, measures=["mean_gap"], n_permutations=0, n_bootstrap=0).iloc[
        0
    ]
    assert found["estimate"] == pytest.approx(7.5)
    assert found["n"] == 6


def test_what_cannot_be_measured_is_nan_with_a_reason():
    rng = np.random.default_rng(22)
    features = {"sex": np.resize(["f", "m"], 30), "age": rng.normal(size=30)}
    found = dependence(np.full(30, 0.1 + 0.2), features, n_permutations=9, n_bootstrap=9)
    assert found.drop(columns=["n", "reason", "attribute", "measure"]).isna().all(axis=None)
    assert (found["reason"] == "the score is constant").all()
    found = dependence(rng.normal(size=30), features, n_permutations=9, n_bootstrap=9)
    refused = found[found["estimate"].isna()]
    assert refused[["attribute", "measure"]].to_numpy().tolist() == [["age", "ks"]]
    assert refused["reason"].tolist() == ["needs groups, and 'age' is an amount"]
    assert (found.drop(refused.index)["reason"] == "").all()
    assert found.drop(refused.index).notna().all(axis=None)
    apart = dependence(
        np.resize([0.0, 1.0], 30), {"sex": features["sex"]}, measures=["standardised_gap"]
    ).iloc[0]
    assert np.isnan(apart["estimate"]) and "within groups" in apart["reason"]
    few = dependence(np.arange(3.0), {"g": ["a", "b", "b"]}, measures=["dcor2_unbiased"]).iloc[0]
    assert np.isnan(few["estimate"]) and "more rows" in few["reason"]


def test_without_resamples_there_is_neither_floor_nor_interval():
    score, sex = np.arange(10.0), np.resize(["f", "m"], 10)
    found = dependence(score, {"sex": sex}, n_permutations=0, n_bootstrap=0)
    assert found["estimate"].notna().all()
    assert found[["floor", "floor_95", "p_value", "lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("score", "options", "message"),
    [
        (np.arange(5.0), {}, "4 rows and score has 5"),
        ([0.0, 1.0, np.nan, 2.0], {}, "nan in row 2"),
        ([0.0, np.inf, 1.0, 2.0], {}, "inf in row 1"),
        (np.zeros((4, 2, 2)), {}, r"shape \(4, 2, 2\)"),
        (np.arange(4.0), {"measures": ["dcorr"]}, "'dcorr'. Known are dcor"),
        (np.arange(4.0), {"measures": []}, "measures is empty"),
        (np.arange(4.0), {"n_permutations": -1}, "n_permutations .* got -1"),
        (np.arange(4.0), {"n_bootstrap": 2.5}, "n_bootstrap .* got 2.5"),
    ],
)
def test_bad_input_is_named(score, options, message):
    with pytest.raises(ValueError, match=message):
        dependence(score, {"sex": ["f", "m", "f", "m"]}, **options)


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="must hold numbers"):
        dependence(["low", "high"], {"sex": ["f", "m"]})
    with pytest.raises(TypeError, match=r"give \['dcor'\]"):
        dependence([0.0, 1.0], {"sex": ["f", "m"]}, measures="dcor")
