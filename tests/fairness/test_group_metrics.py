"""Figures by group against a straightforward recomputation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from sklearn import metrics

from glassbox.evaluation.calibration import risk_calibration
from tests.fairness.audit_tables import figure, patients, scored_audit

SHARES = {
    "selection_rate": lambda y, d: d.mean(),
    "tpr": metrics.recall_score,
    "fpr": lambda y, d: metrics.recall_score(~y, d),
    "fnr": lambda y, d: 1 - metrics.recall_score(y, d),
    "ppv": metrics.precision_score,
    "npv": lambda y, d: metrics.precision_score(~y, ~d),
    "accuracy": metrics.accuracy_score,
}


@pytest.fixture(scope="module")
def rows():
    X, died, race, risk = patients()
    return X, died == "yes", race.to_numpy(), risk


@pytest.fixture(scope="module")
def found(rows):
    _, died, race, risk = rows
    return scored_audit(risk, died, {"race": race}, thresholds=(0.6, 0.4), n_bootstrap=200)


@pytest.mark.parametrize("group", ["A", "B"])
@pytest.mark.parametrize("threshold", [0.4, 0.6])
def test_shares_are_those_of_sklearn(rows, found, group, threshold):
    _, died, race, risk = rows
    y, decided = died[race == group], risk[race == group] >= threshold
    for metric, compute in SHARES.items():
        where = {"group": group, "threshold": threshold, "metric": metric}
        value = figure(found.groups, **where)
        assert value == pytest.approx(compute(y, decided)), metric
        assert figure(found.groups, "lower", **where) < value
        assert figure(found.groups, "upper", **where) > value
    assert (
        figure(found.groups, "n", group="A", threshold=0.4, metric="tpr")
        == (died & (race == "A")).sum()
    )


def test_areas_and_brier_are_those_of_sklearn(rows, found):
    _, died, race, risk = rows
    inside = race == "B"
    auc = figure(found.groups, group="B", metric="auc")
    assert auc == pytest.approx(metrics.roc_auc_score(died[inside], risk[inside]))
    brier = figure(found.groups, group="B", metric="brier")
    assert brier == pytest.approx(metrics.brier_score_loss(died[inside], risk[inside]))
    above = risk[inside & died][:, None] > risk[~inside & ~died]
    assert figure(found.groups, group="B", metric="xauc") == pytest.approx(above.mean())


def test_disparities_are_those_of_the_groups(rows, found):
    _, died, race, risk = rows
    rates = {g: (risk[race == g] >= 0.4) for g in "AB"}
    where = {"threshold": 0.4, "metric": "demographic_parity"}
    low, high = rates["A"].mean(), rates["B"].mean()
    assert figure(found.disparities, "difference", **where) == pytest.approx(high - low)
    assert figure(found.disparities, "ratio", **where) == pytest.approx(low / high)
    table = [[r.sum() for r in rates.values()], [(~r).sum() for r in rates.values()]]
    p_value = chi2_contingency(table, correction=False).pvalue
    assert figure(found.disparities, "p_value", **where) == pytest.approx(p_value)
    assert figure(found.disparities, "highest", **where) == "B"
    differences = [
        figure(found.disparities, "difference", threshold=0.4, metric=name)
        for name in ("equal_opportunity", "fpr", "equalised_odds")
    ]
    assert differences[2] == max(differences[:2])
    adjusted = found.disparities[["p_value", "p_adjusted"]].dropna()
    assert (adjusted["p_adjusted"] >= adjusted["p_value"]).all()


def test_intervals_of_differences_have_the_width_of_theory(rows, found):
    _, _, race, risk = rows
    row = found.disparities[
        (found.disparities["metric"] == "demographic_parity")
        & (found.disparities["threshold"] == 0.4)
    ].iloc[0]
    variance = 0.0
    for group in "AB":
        selected = risk[race == group] >= 0.4
        variance += selected.var() / len(selected)
    width = (row["upper"] - row["lower"]) / (2 * 1.96)
    assert width == pytest.approx(np.sqrt(variance), rel=0.25)


def test_net_benefit_is_its_formula(rows, found):
    _, died, race, risk = rows
    inside = race == "A"
    y, decided = died[inside], risk[inside] >= 0.4
    tpr, fpr, pi = decided[y].mean(), decided[~y].mean(), y.mean()
    where = {"group": "A", "threshold": 0.4}
    expected = tpr * pi - fpr * (1 - pi) * 0.4 / 0.6
    assert figure(found.net_benefit, "net_benefit", **where) == pytest.approx(expected)
    everybody = pi - (1 - pi) * 0.4 / 0.6
    assert figure(found.net_benefit, "treat_all", **where) == pytest.approx(everybody)
    assert {0.05, 0.4, 0.6, 0.95} <= set(found.net_benefit["threshold"].round(10))


def test_calibration_is_that_of_the_groups_rows(rows, found):
    _, died, race, risk = rows
    alone = risk_calibration(died[race == "A"], risk[race == "A"])
    row = found.calibration[found.calibration["group"] == "A"].iloc[0]
    assert row["slope"] == alone.slope.value and row["ici"] == alone.ici
    assert (row["ratio_lower"], row["ratio_upper"]) == (alone.ratio.lower, alone.ratio.upper)
    curve = found.calibration_curves[found.calibration_curves["group"] == "A"]
    np.testing.assert_array_equal(curve["observed"], alone.curve["observed"])


def test_the_overview_counts(rows, found):
    X, died, race, risk = rows
    a = found.overview[found.overview["group"] == "A"].iloc[0]
    assert a["n"] == (race == "A").sum() and a["event_rate"] == died[race == "A"].mean()
    assert a["events"] == died[race == "A"].sum()
    assert a["mean_prediction"] == pytest.approx(risk[race == "A"].mean())
    assert found.overview["missing"].isna().all()


def test_small_groups_have_reasons_and_no_figures(found):
    for frame in (found.overview, found.groups, found.calibration, found.net_benefit):
        small = frame[frame["group"] == "C"]
        assert len(small) and (small["reason"] == "fewer than 20 rows").all()
        shown = small.drop(columns=["attribute", "group", "reason"])
        shown = shown.drop(columns=[c for c in ("metric", "threshold") if c in shown])
        assert shown.isna().all(axis=None)
    assert "C" not in set(found.calibration_curves["group"])
    assert not {"C"} & set(found.disparities[["highest", "lowest"]].to_numpy().ravel())


def test_the_size_of_a_small_group_is_in_no_frame(found):
    b = found.overview[found.overview["group"] == "B"].iloc[0]
    assert np.isnan(b["n"]) and "withheld" in b["reason"] and np.isfinite(b["event_rate"])
    for frame in (found.groups, found.calibration, found.net_benefit):
        assert frame.loc[frame["group"] == "B", "n"].isna().all()
    assert found.dependence["n"].isna().all()


def test_shares_of_few_rows_are_not_shown(rows):
    _, died, race, risk = rows
    found = scored_audit(risk, died, {"race": np.where(race == "A", "A", "B")}, thresholds=0.83)
    few = found.groups[(found.groups["metric"] == "ppv") & (found.groups["group"] == "A")].iloc[0]
    n_selected = (risk[race == "A"] >= 0.83).sum()
    assert 0 < n_selected < 20
    assert np.isnan(few["value"]) and np.isnan(few["n"]) and few["reason"] == "fewer than 20 rows"


def test_degenerate_groups_are_nan_with_a_reason(rows):
    _, _, _, risk = rows
    site = np.repeat(["none", "all", "some"], 200)
    y = np.random.default_rng(0).random(600) < risk
    y[:200], y[200:400] = False, True
    found = scored_audit(risk, y, {"site": site})
    expected = {
        "none": {"tpr": "no events", "auc": "no events", "xauc": "no events", "ppv": "no events"},
        "all": {"fpr": "no rows without the event", "auc": "no rows without the event",
                "npv": "no rows without the event"},
    }  # fmt: skip
    for group, metrics_ in expected.items():
        for metric, reason in metrics_.items():
            assert np.isnan(figure(found.groups, group=group, metric=metric))
            assert figure(found.groups, "reason", group=group, metric=metric) == reason
    calibration = found.calibration.set_index("group")
    assert calibration.loc["none", "reason"] == "no events"
    assert np.isnan(calibration.loc["none", "ratio"])
    assert calibration.loc["all", "reason"] == "events only"
    auc = found.disparities[found.disparities["metric"] == "auc"].iloc[0]
    assert np.isnan(auc["difference"]) and auc["reason"].startswith("fewer than two groups")


def test_nothing_selected_is_no_share(rows):
    _, died, race, risk = rows
    found = scored_audit(risk * 0.4, died, {"race": race})
    assert figure(found.groups, group="A", metric="ppv", column="reason") == "no rows are selected"
    parity = found.disparities[found.disparities["metric"] == "demographic_parity"].iloc[0]
    assert parity["difference"] == 0 and np.isnan(parity["ratio"])


def test_errors_of_regressions_are_those_of_sklearn():
    rng = np.random.default_rng(0)
    y, site = rng.normal(size=300), np.repeat(["a", "b", "c"], 100)
    mean = y + rng.normal(size=300)
    found = scored_audit(mean, y, {"site": site})
    inside = site == "b"
    compute = {
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
        "r2": metrics.r2_score,
        "mean_residual": lambda truth, p: (truth - p).mean(),
    }
    for metric, expected in compute.items():
        value = figure(found.groups, group="b", metric=metric)
        assert value == pytest.approx(expected(y[inside], mean[inside])), metric
    rmse = [figure(found.groups, group=g, metric="rmse") for g in "abc"]
    row = found.disparities[found.disparities["metric"] == "rmse"].iloc[0]
    assert row["difference"] == pytest.approx(max(rmse) - min(rmse))
    assert found.net_benefit.empty and "net benefit" in found.left_out


def test_amounts_have_four_groups(rows):
    X, died, _, risk = rows
    found = scored_audit(risk, died, X[["age"]])
    assert found.overview["group"].nunique() == 4
    assert found.overview["n"].tolist() == [150.0] * 4
    assert pd.unique(found.groups["group"]).tolist() == found.overview["group"].tolist()
