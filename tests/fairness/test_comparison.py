import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.core.attributes import groups, read_attributes
from glassbox.fairness import (
    DependencePenalizedClassifier,
    StrategyComparison,
    compare_strategies,
)
from glassbox.fairness._audit.groupings import quartered
from glassbox.fairness._comparison.levelling import group_merits
from glassbox.fairness._comparison.verdicts import Verdicts, widening
from glassbox.fairness._scored import score_rows


def splines(**options):
    return SplineGAMClassifier(n_knots=4, lam=1.0, **options)


def patients(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    ward = rng.choice(["A", "B"], size=n_rows)
    age = rng.uniform(20, 80, size=n_rows)
    X = pd.DataFrame({"lab": rng.normal(size=n_rows) + 2 * (ward == "B"), "ward": ward})
    X["dose"] = rng.normal(size=n_rows)
    X["age"] = age
    y = (rng.logistic(size=n_rows) < 2 * X["lab"] + X["dose"] - 2).astype(int).to_numpy()
    return X, y


@pytest.fixture(scope="module")
def found():
    X, y = patients()
    return compare_strategies(
        splines(), X, y, sensitive_features=["ward", "age"], strengths=[50.0], cv=3
    )


def test_all_strategies_stand_side_by_side(found):
    frame = found.frame
    named = ["none", "remove", "clean", "blind", "penalised, λ = 50"]
    assert frame["strategy"].unique().tolist() == named
    assert (
        frame.groupby("strategy", sort=False)["attribute"].apply(list).tolist()
        == [["ward", "age"]] * 5
    )
    for name in ("auc", "accuracy", "brier", "loss", "dependence"):
        assert frame[[name, f"{name}_se"]].notna().all(axis=None)
    assert frame.loc[frame["attribute"] == "age", ["dp_gap", "eo_gap"]].isna().all(axis=None)
    ward = frame[frame["attribute"] == "ward"].set_index("strategy")
    assert ward.loc["penalised, λ = 50", "dependence"] < 0.5 * ward.loc["none", "dependence"]
    assert ((ward["floor"] > 0) & (ward["floor"] < 0.3)).all()
    assert found.skipped == {}
    assert repr(found) == f"StrategyComparison({', '.join(named)})"
    assert isinstance(found, StrategyComparison)


def test_folds_are_the_same_for_all():
    X, y = patients(300)
    mine = {"again": splines(), "and again": splines()}
    frame = compare_strategies(
        splines(), X, y, sensitive_features=["ward"], strategies=mine, cv=3
    ).frame
    assert frame["strategy"].tolist() == ["none", "again", "and again"]
    numbers = frame.select_dtypes("number")
    for row in (1, 2):
        np.testing.assert_array_equal(numbers.iloc[row], numbers.iloc[0])
    # What differs in nothing dominates nobody and levels nobody down.
    assert (frame["dominated_by"] == "").all()
    assert (frame["levelled_down"] == "").all()


def test_what_none_pays_is_nothing(found):
    none = found.groups[found.groups["strategy"] == "none"]
    assert not none["fell"].any()
    np.testing.assert_array_equal(none["change"].dropna(), 0.0)


def test_quarters_of_an_amount_are_those_of_all_rows(found):
    """A group of one fold only has no standard error, and nobody could see it fall."""
    ages = found.groups[found.groups["attribute"] == "age"]
    assert ages["group"].nunique() == 4
    assert ages[["change", "change_se"]].notna().all(axis=None)


class _Worse(LogisticRegression):
    """Turns the ranking of some rows around."""

    def predict_proba(self, X):
        p = super().predict_proba(X)
        wrong = X["old"].to_numpy() > self.C
        p[wrong] = p[wrong][:, ::-1]
        return p


def numbers(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"lab": rng.normal(size=n_rows), "old": rng.uniform(0, 4, size=n_rows)})
    y = (rng.logistic(size=n_rows) < 3 * X["lab"]).astype(int).to_numpy()
    return X, y


@pytest.mark.parametrize("kind", ["groups", "amounts"])
def test_whoever_is_levelled_down_is_named(kind):
    X, y = numbers()
    feature = np.where(X["old"] > 3, "old", "young") if kind == "groups" else X["old"].to_numpy()
    found = compare_strategies(
        _Worse(C=9.0),
        X,
        y,
        sensitive_features={"it": feature},
        strategies={"worse": _Worse(C=3.0)},
        cv=4,
    )
    fell = found.groups[found.groups["fell"]]
    assert set(fell["strategy"]) == {"worse"}
    assert fell["group"].nunique() == 1
    assert "old" in fell["group"].iloc[0] or "over" in fell["group"].iloc[0]
    assert set(fell["metric"]) == {"auc", "tpr", "net_benefit"}
    said = found.frame.set_index("strategy")["levelled_down"]
    assert said["none"] == ""
    assert "auc" in said["worse"] and "net benefit" in said["worse"] and "→" in said["worse"]
    # Worse in performance; no better for it.
    by = found.frame.set_index("strategy")["dominated_by"]
    assert by["none"] == ""


def test_a_strategy_that_is_worse_in_both_is_dominated():
    X, y = numbers()
    X["ward"] = (np.random.default_rng(5).random(len(X)) < 0.5).astype(float)
    X["lab"] += 0.0

    class Spoiled(LogisticRegression):
        """Adds the ward to the score."""

        def predict_proba(self, X):
            p = super().predict_proba(X)[:, 1]
            odds = np.log(p / (1 - p)) + 6 * X["ward"].to_numpy()
            p = 1 / (1 + np.exp(-odds))
            return np.column_stack([1 - p, p])

    found = compare_strategies(
        LogisticRegression(),
        X,
        y,
        sensitive_features=["ward"],
        strategies={"spoiled": Spoiled()},
        cv=4,
    )
    by = found.frame.set_index("strategy")["dominated_by"]
    assert by.to_dict() == {"none": "", "spoiled": "none"}


# Verdicts on figures that are made up


def figures(**by_strategy):
    rows = [
        {"strategy": name, "attribute": "ward", "fold": k, "auc": a, "dependence": d,
         "dp_gap": 0.1, "eo_gap": 0.1, "floor": 0.05}
        for name, folds in by_strategy.items() for k, (a, d) in enumerate(folds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


NO_GROUPS = pd.DataFrame(
    columns=["strategy", "attribute", "group", "metric", "value", "change", "fell"]
).astype({"fell": bool})


@pytest.mark.parametrize(
    ("other", "dominated"),
    [
        ([(0.8, 0.2), (0.7, 0.3), (0.9, 0.1)], ""),
        ([(0.7, 0.2), (0.6, 0.3), (0.8, 0.1)], "none"),
        ([(0.8, 0.3), (0.7, 0.4), (0.9, 0.2)], "none"),
        # Better in one, worse in the other.
        ([(0.9, 0.3), (0.8, 0.4), (1.0, 0.2)], ""),
        # Worse on average, and within chance.
        ([(0.9, 0.2), (0.5, 0.3), (0.9, 0.1)], ""),
    ],
)
def test_dominance_needs_both_and_one_for_sure(other, dominated):
    rows = figures(none=[(0.8, 0.2), (0.7, 0.3), (0.9, 0.1)], other=other)
    frame = Verdicts(["none", "other"], 0.8).overall(rows, NO_GROUPS)
    assert frame.set_index("strategy")["dominated_by"]["other"] == dominated


def test_standard_errors_are_widened():
    folds = [(np.arange(40), np.arange(10))] * 5
    assert widening(folds) == pytest.approx(np.sqrt(1 / 5 + 1 / 4))
    rows = figures(none=[(0.8, 0.2), (0.7, 0.3), (0.9, 0.1)])
    frame = Verdicts(["none"], 0.8).overall(rows, NO_GROUPS)
    assert frame["auc_se"].iloc[0] == pytest.approx(0.8 * np.std([0.8, 0.7, 0.9], ddof=1))


def merits(none, other, reason=""):
    rows = []
    for name, values in (("none", none), ("other", other)):
        rows += [
            {"strategy": name, "attribute": "ward", "group": "A", "metric": "auc", "fold": k,
             "value": v, "reason": reason if np.isnan(v) else ""}
            for k, v in enumerate(values)
        ]  # fmt: skip
    return Verdicts(["none", "other"], 0.8).groups(pd.DataFrame(rows)).set_index("strategy")


@pytest.mark.parametrize(
    ("other", "fell"),
    [
        ([0.7, 0.6, 0.8], True),
        ([0.79, 0.69, 0.89], True),
        ([0.9, 0.8, 0.95], False),
        ([0.6, 0.85, 0.85], False),
        ([0.7, np.nan, 0.8], True),
        ([0.7, np.nan, np.nan], False),
    ],
)
def test_a_group_fell_if_it_surely_did(other, fell):
    found = merits([0.8, 0.7, 0.9], other)
    assert bool(found.loc["other", "fell"]) is fell
    assert not found.loc["none", "fell"]


def test_figures_that_no_fold_has_keep_their_reason():
    found = merits([np.nan, np.nan], [np.nan, np.nan], "fewer than 20 rows")
    assert found["value"].isna().all() and found["change"].isna().all()
    assert (found["reason"] == "fewer than 20 rows").all()


# Merits of groups


def test_merits_by_hand():
    p = np.array([0.9, 0.2, 0.6, 0.4, 0.7, 0.1])
    y = np.array([1, 0, 0, 1, 1, 1])
    codes = np.array([0, 0, 0, 0, 1, 1])
    found = group_merits(score_rows(p, None, y), [groups("g", codes, ["a", "b"])], 0.5, 1)
    found = pd.DataFrame(found).set_index(["group", "metric"])
    a, b = found.loc["a"], found.loc["b"]
    assert a.loc["auc", "value"] == pytest.approx(3 / 4)
    assert a.loc["tpr", "value"] == pytest.approx(1 / 2)
    assert a.loc["net_benefit", "value"] == pytest.approx((1 - 1) / 4)
    assert b.loc["tpr", "value"] == pytest.approx(1 / 2)
    assert np.isnan(b.loc["auc", "value"]) and "nothing but events" in b.loc["auc", "reason"]


def test_thresholds_weigh_false_alarms():
    p, y = np.array([0.3, 0.3, 0.1]), np.array([1, 0, 1])
    found = group_merits(score_rows(p, None, y), [groups("g", np.zeros(3, int), ["a"])], 0.2, 1)
    net = next(row for row in found if row["metric"] == "net_benefit")
    assert net["value"] == pytest.approx((1 - 0.25) / 3)


def test_small_and_absent_groups_have_a_reason():
    rng = np.random.default_rng(0)
    scored = score_rows(rng.random(40), None, np.arange(40) % 2)
    codes = np.repeat([0, 1], [35, 5])
    attribute = groups("g", np.append(codes, 2), ["a", "b", "c"]).take(np.arange(40))
    table = pd.DataFrame(group_merits(scored, [attribute], 0.5, 20)).set_index("group")
    assert table.loc["a", "value"].notna().all()
    for name in ("b", "c"):
        assert table.loc[name, "value"].isna().all()
        assert (table.loc[name, "reason"] == "fewer than 20 rows").all()


def test_merits_of_amounts_and_of_several_classes():
    rng = np.random.default_rng(0)
    y = rng.normal(size=80)
    age = quartered(*read_attributes({"age": np.arange(80.0)}))
    found = pd.DataFrame(group_merits(score_rows(y * 0.5, None, y), [age], 0.5, 5))
    assert found["metric"].unique().tolist() == ["r2"]
    assert len(found) == 4 and (found["value"] < 1).all()
    p = rng.dirichlet(np.ones(3), size=80)
    found = pd.DataFrame(group_merits(score_rows(p, None, p.argmax(axis=1)), [age], 0.5, 5))
    assert found["metric"].unique().tolist() == ["accuracy"]
    assert (found["value"] == 1.0).all()


# Other tables, estimators and folds


def test_values_beside_the_table_leave_some_strategies_out():
    X, y = patients(300)
    ward = X.pop("ward")
    found = compare_strategies(
        splines(), X, y, sensitive_features={"ward": ward.to_numpy()}, strengths=[5.0], cv=2
    )
    assert found.frame["strategy"].tolist() == ["none", "penalised, λ = 5"]
    assert set(found.skipped) == {"remove", "clean", "blind"}
    assert all("no columns of X" in reason for reason in found.skipped.values())


def test_estimators_without_tables_leave_some_strategies_out():
    X, y = numbers()
    X["ward"] = (X["lab"] > 0).astype(float)
    found = compare_strategies(LogisticRegression(), X, y, sensitive_features=["ward"], cv=2)
    assert found.frame["strategy"].tolist() == ["none", "remove", "blind"]
    assert set(found.skipped) == {"clean", "penalised"}
    assert all("no tables" in reason for reason in found.skipped.values())


def test_regressions_and_string_classes():
    X, y = patients(240)
    outcome = X["lab"].to_numpy() * 3 + np.random.default_rng(0).normal(size=len(X))
    found = compare_strategies(
        SplineGAMRegressor(n_knots=4, lam=1.0), X, outcome, sensitive_features=["ward"],
        strategies=["remove", "penalised"], strengths=[30.0], cv=2,
    )  # fmt: skip
    assert {"loss", "r2", "rmse"} <= set(found.frame)
    assert set(found.groups["metric"]) == {"r2"}
    words = np.array(["alive", "dead"])[y]
    by_word, by_number = (
        compare_strategies(splines(), X, o, sensitive_features=["ward"], strategies=[], cv=2).frame
        for o in (words, y)
    )
    pd.testing.assert_frame_equal(by_word, by_number)


def test_weights_reach_every_fit():
    X, y = patients(240)
    weights = np.where(X["dose"] > 0, 3.0, 0.2)
    options = {"sensitive_features": ["ward"], "strategies": ["penalised"], "strengths": [5.0]}
    plain = compare_strategies(splines(), X, y, cv=2, **options).frame
    found = compare_strategies(splines(), X, y, cv=2, sample_weight=weights, **options).frame
    assert (found["loss"] != plain["loss"]).all()
    assert (found["auc"] != plain["auc"]).all()


def test_folds_of_ones_own():
    X, y = patients(240)
    options = {"sensitive_features": ["ward"], "strategies": []}
    own = list(KFold(2).split(X))
    first = compare_strategies(splines(), X, y, cv=own, **options).frame
    second = compare_strategies(splines(), X, y, cv=KFold(2), **options).frame
    pd.testing.assert_frame_equal(first, second)
    by_site = list(GroupKFold(2).split(X, groups=np.arange(240) // 60))
    compare_strategies(splines(), X, y, cv=by_site, **options)


def test_a_strategy_of_ones_own_reads_columns():
    X, y = patients(240)
    mine = DependencePenalizedClassifier(splines(), sensitive=["ward"], strength=20.0)
    found = compare_strategies(
        splines(), X, y, sensitive_features=["ward"], strategies={"mine": mine}, cv=2
    ).frame.set_index("strategy")
    assert found.loc["mine", "dependence"] < found.loc["none", "dependence"]
    assert not hasattr(mine, "estimator_")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategies": ["drop"]}, ["'drop'", "remove"]),
        ({"sensitive_features": ["ward", "race"]}, ["'race'", "no column"]),
        ({"sensitive_features": np.zeros(7)}, ["7 rows", "300"]),
        ({"threshold": 1.0}, ["threshold", "1.0"]),
        ({"threshold": -0.1}, ["threshold", "-0.1"]),
        ({"strategies": ["penalised"], "strengths": []}, ["strengths"]),
    ],
)
def test_what_cannot_be_done_is_said(options, words):
    X, y = patients(300)
    given = {"sensitive_features": ["ward"], "strategies": ["remove"], "cv": 2, **options}
    with pytest.raises(ValueError) as caught:
        compare_strategies(splines(), X, y, **given)
    for word in words:
        assert word in str(caught.value)
