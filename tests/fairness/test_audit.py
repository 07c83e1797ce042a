"""Audits of every kind of model, and what they hold."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.fairness._audit.decomposition import TOTAL, decompose_gap
from glassbox.fairness.audit import Audit, audit
from tests.fairness.audit_tables import FEW, Means, figure, patients, scored_audit

FRAMES = ("overview", "dependence", "groups", "disparities", "terms", "proxies", "calibration",
          "calibration_curves", "net_benefit", "flip")  # fmt: skip


@pytest.fixture(scope="module")
def table():
    X, died, race, risk = patients()
    return X.assign(race=race.to_numpy()), died, risk


@pytest.fixture(scope="module")
def model(table):
    X, died, _ = table
    return SplineGAMClassifier(n_knots=5).fit(X, died)


@pytest.fixture(scope="module")
def found(table, model):
    X, died, _ = table
    return audit(model, X, died, sensitive_features=["race", "age"], **FEW)


def assert_whole(found):
    """Plain values in JSON, reasons for what is missing, and sentences."""
    text = json.dumps(found.to_dict(), allow_nan=False)
    again = Audit.from_dict(json.loads(text))
    for name in FRAMES:
        pd.testing.assert_frame_equal(
            getattr(found, name), getattr(again, name), check_dtype=False
        )
    assert again.findings == found.findings and repr(again) == repr(found)
    assert found.findings and all(f.text.endswith((".", "…")) for f in found.findings)
    weights = [f.weight for f in found.findings]
    assert weights == sorted(weights, reverse=True) and 0 <= min(weights) <= max(weights) <= 1
    for name, column in {"groups": "value", "dependence": "estimate", "terms": "gap"}.items():
        frame = getattr(found, name)
        assert (frame[column].isna() <= (frame["reason"] != "")).all(), name


def test_an_additive_classifier_has_every_section(found):
    assert_whole(found)
    assert all(len(getattr(found, name)) for name in FRAMES)
    assert found.left_out == {} and found.strategies is None
    assert found.settings["task"] == "classification" and found.settings["outputs"] == ["yes"]
    assert found.attributes == ["race", "age"]
    assert set(found.tripod) >= {"3c", "12f", "14", "23a"}
    named = {name for item in found.tripod.values() for name in item["frames"]}
    assert named <= {*FRAMES, "strategies", "findings"}


def test_terms_are_the_exact_decomposition(table, model, found):
    X, _, _ = table
    gaps = decompose_gap(model, X, ["race", "age"])
    shown = found.terms[found.terms["reason"] == ""]
    merged = shown.merge(gaps, on=["attribute", "contrast", "term"], suffixes=("", "_alone"))
    assert len(merged) == len(shown)
    np.testing.assert_allclose(merged["gap"], merged["gap_alone"], atol=1e-12)
    for _, part in shown.groupby(["attribute", "contrast"]):
        whole = part["term"] == TOTAL
        assert part.loc[~whole, "share"].sum() == pytest.approx(1.0)
    small = found.terms[found.terms["contrast"] == "C − A"]
    assert small["gap"].isna().all() and (small["reason"] == "fewer than 20 rows").all()
    assert figure(found.terms, "eta2", contrast="B − A", term="race") > 0.95
    assert (found.terms["p_adjusted"] >= found.terms["p_value"]).all()


def test_the_largest_gap_is_that_of_its_measure(found):
    gap = found.dependence[
        (found.dependence["attribute"] == "race") & (found.dependence["measure"] == "mean_gap")
    ]
    total = found.terms[(found.terms["contrast"] == "B − A") & (found.terms["term"] == TOTAL)]
    # The small group is in neither.
    assert gap["estimate"].item() == pytest.approx(abs(total["gap"].item()))
    share = found.terms[
        (found.terms["contrast"] == "share of variance") & (found.terms["term"] == TOTAL)
    ]
    assert share["eta2"].item() == pytest.approx(share["gap"].item())


def test_an_amount_is_no_group_per_value(found):
    for frame in (found.overview, found.groups, found.calibration, found.net_benefit):
        assert frame.loc[frame["attribute"] == "age", "group"].nunique() == 4
    age = found.terms[found.terms["attribute"] == "age"]
    assert set(age["contrast"]) == {"per SD", "share of variance"}


def test_flips_are_what_predictions_do(table, model, found):
    X, _, _ = table
    ends = [model.predict_proba(X.assign(race=value))[:, 1] for value in ("A", "B")]
    change = np.abs(ends[1] - ends[0])
    row = found.flip[found.flip["attribute"] == "race"].iloc[0]
    assert row["change"] == "A → B"
    assert row["mean_change"] == pytest.approx(change.mean())
    assert row["max_change"] == pytest.approx(change.max())
    older = model.predict_proba(X.assign(age=X["age"] + X["age"].std(ddof=0)))[:, 1]
    change = np.abs(older - model.predict_proba(X)[:, 1]).mean()
    assert figure(found.flip, "mean_change", attribute="age") == pytest.approx(change)


def test_proxies_are_told_from_features_and_from_shapes(found):
    bun = found.proxies[
        (found.proxies["attribute"] == "race") & (found.proxies["feature"] == "bun")
    ].iloc[0]
    lab = found.proxies[
        (found.proxies["attribute"] == "race") & (found.proxies["feature"] == "lab")
    ].iloc[0]
    assert bun["measure"] == "auc" and min(bun["from_feature"], bun["from_shape"]) > 0.75
    assert lab["from_feature"] < 0.6


def test_missing_cells_are_counted(table, found):
    X, _, _ = table
    a = X[X["race"] == "A"]
    shown = figure(found.overview, "missing", attribute="race", group="A")
    assert shown == pytest.approx(a.isna().to_numpy().mean())


def test_a_pipeline_of_another_library_has_no_terms(table):
    X, died, _ = table
    X = X[["bun", "age"]].assign(sex=np.tile([0, 1], 300))
    est = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, died)
    found = audit(est, X, died, sensitive_features=["sex", "age"], **FEW)
    assert_whole(found)
    assert found.terms.empty and "audit an additive estimator" in found.left_out["terms"]
    assert found.proxies["from_shape"].isna().all() and found.proxies["from_feature"].notna().all()
    assert set(found.flip["attribute"]) == {"sex", "age"}
    array = audit(
        est.fit(X.to_numpy(), died), X.to_numpy(), died, sensitive_features=["x2", "x1"], **FEW
    )
    assert array.flip["mean_change"].tolist() == found.flip["mean_change"].tolist()


def test_a_model_without_probabilities_has_scores(table):
    X, died, _ = table
    est = LinearSVC().fit(X[["bun", "age"]], died)
    found = audit(est, X[["bun", "age"]], died, sensitive_features=X["race"], **FEW)
    assert_whole(found)
    assert set(found.groups["metric"]) == {"auc", "xauc"} and found.calibration.empty
    assert "no probabilities" in found.left_out["thresholds, calibration and net benefit"]


def test_bare_numbers_are_probabilities_or_scores(table):
    X, died, risk = table
    as_risks = scored_audit(risk, died, X[["race"]])
    as_scores = scored_audit(4 * risk - 2, died, X[["race"]])
    for found in (as_risks, as_scores):
        assert_whole(found)
        assert found.settings["model"] == "bare scores" and found.flip.empty
    assert len(as_risks.calibration) and as_scores.calibration.empty
    where = {"group": "A", "metric": "auc"}
    assert figure(as_risks.groups, **where) == figure(as_scores.groups, **where)
    dcor = {"measure": "dcor"}
    assert figure(as_risks.dependence, "estimate", **dcor) == pytest.approx(
        figure(as_scores.dependence, "estimate", **dcor)
    )


def test_several_classes_are_each_looked_at_against_the_rest(table):
    X, _, risk = table
    y = np.array(["home", "icu", "ward"])[np.digitize(risk, [0.3, 0.6])]
    y[::5] = "icu"
    est = SplineGAMClassifier(n_knots=4).fit(X, y)
    found = audit(est, X, y, sensitive_features=["race", "age"], **FEW)
    assert_whole(found)
    for name in FRAMES:
        frame = getattr(found, name)
        assert frame.columns[0] == "output" and set(frame["output"]) == {"home", "icu", "ward"}
    rate = figure(found.overview, "event_rate", output="icu", attribute="race", group="A")
    assert rate == (y[X["race"] == "A"] == "icu").mean()
    home = found.terms[(found.terms["output"] == "home") & (found.terms["contrast"] == "B − A")]
    total = home["term"] == TOTAL
    gap = est.decision_function(X)[:, 0]
    gap = gap[X["race"] == "B"].mean() - gap[X["race"] == "A"].mean()
    assert home.loc[total, "gap"].item() == pytest.approx(gap)
    assert home.loc[~total, "gap"].sum() == pytest.approx(gap)


def test_a_regression_has_errors_by_group(table):
    X, _, risk = table
    y = risk + np.random.default_rng(0).normal(scale=0.1, size=len(risk))
    est = SplineGAMRegressor(n_knots=4).fit(X, y)
    found = audit(est, X, y, sensitive_features=["race"], **FEW)
    assert_whole(found)
    assert set(found.groups["metric"]) == {"rmse", "mae", "r2", "mean_residual", "mean_prediction"}
    assert found.terms.loc[found.terms["term"] == "bun", "shape_p"].notna().all()
    foreign = Means().fit(X, y)
    X = X.assign(mean=risk)
    found = audit(foreign, X, y, sensitive_features=["race"], **FEW)
    assert_whole(found)
    assert figure(found.calibration, "slope", group="A") == pytest.approx(1.0, abs=0.1)


def test_polars_tables_are_read(table, model):
    X, died, _ = table
    frame = pl.from_pandas(X, nan_to_null=True)
    est = SplineGAMClassifier(n_knots=5).fit(frame, died)
    found = audit(est, frame, died, sensitive_features=["race", "age"], **FEW)
    assert_whole(found)
    assert len(found.flip) == 2


def test_intersections_can_be_left_out(table):
    X, died, risk = table
    sensitive = {"race": X["race"], "sex": np.tile(["f", "m"], 300)}
    both = scored_audit(risk, died, sensitive)
    assert "race & sex" in set(both.dependence["attribute"]) & set(both.groups["attribute"])
    alone = scored_audit(risk, died, sensitive, intersections=False)
    assert set(alone.groups["attribute"]) == {"race", "sex"}
    assert both.attributes == ["race", "sex"]


def test_one_group_of_size_is_no_dependence(table):
    _, died, risk = table
    found = scored_audit(risk, died, {"race": np.r_[["B"] * 5, ["A"] * 595]})
    assert found.dependence["estimate"].isna().all()
    assert (found.dependence["reason"] == "one group has 20 rows, and others fewer").all()
    assert_whole(found)


def test_an_audit_is_repeatable(table):
    X, died, risk = table
    first, second = (scored_audit(risk, died, X[["race"]]) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    other = scored_audit(risk, died, X[["race"]], random_state=1)
    assert other.to_dict() != first.to_dict()


def test_without_resamples_and_permutations_nothing_fails(table, model):
    X, died, _ = table
    found = audit(model, X, died, sensitive_features=["race"], n_bootstrap=0, n_permutations=0)
    assert_whole(found)
    assert found.dependence["p_value"].isna().all()


def test_strategies_are_compared(table):
    X, died, _ = table
    est = SplineGAMClassifier(n_knots=4).fit(X, died)
    found = audit(est, X, died, sensitive_features=["race"], strategies=["remove"], **FEW)
    assert {"none", "remove"} <= set(found.strategies["strategy"])
    assert_whole(found)
    with pytest.raises(ValueError, match="strategies needs an estimator"):
        scored_audit(np.full(600, 0.5), died, X[["race"]], strategies=["remove"])


def test_a_bar_is_shown_where_one_is_asked_for(table, capsys):
    X, died, risk = table
    scored_audit(risk, died, X[["race"]], verbose=1)
    assert "audit" in capsys.readouterr().err
    scored_audit(risk, died, X[["race"]])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": 1.5}, "thresholds has 1.5"),
        ({"thresholds": ()}, "thresholds is empty"),
        ({"n_bootstrap": -1}, "n_bootstrap must be a whole number"),
        ({"n_permutations": 0.5}, "n_permutations must be a whole number"),
        ({"min_cell": 0}, "min_cell must be a whole number, 1 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        scored_audit(
            np.linspace(0, 1, 40), np.tile([0, 1], 20), np.tile(["f", "m"], 20), **options
        )


def test_what_cannot_be_audited_is_refused(table, model):
    X, died, risk = table
    with pytest.raises(ValueError, match="y is missing in row 0"):
        scored_audit(risk, np.r_[[None], died[1:]], X["race"])
    with pytest.raises(ValueError, match="y has the class 'unknown', which the model does not"):
        audit(model, X, np.r_[["unknown"], died[1:]], sensitive_features=["race"])
    with pytest.raises(ValueError, match="There are 600 scores and 3 outcomes"):
        scored_audit(risk, [0, 1, 0], X["race"])
    with pytest.raises(ValueError, match="sensitive_features has 3 rows"):
        scored_audit(risk, died, {"sex": ["f", "m", "f"]})
    with pytest.raises(TypeError, match="Give a fitted estimator, or its scores"):
        scored_audit("model", died, X["race"])
    with pytest.raises(ValueError, match="must be finite"):
        scored_audit(np.r_[[np.nan], risk[1:]], died, X["race"])
    with pytest.raises(ValueError, match="X is None"):
        audit(model, None, died, sensitive_features=X["race"])
    with pytest.raises(ValueError, match="bare scores do not say what else"):
        scored_audit(risk, np.full(600, "died"), X["race"])
    with pytest.raises(ValueError, match="This is no audit"):
        Audit.from_dict({"kind": "something"})
    with pytest.raises(ValueError, match="schema version 99"):
        Audit.from_dict(scored_audit(risk, died, X["race"]).to_dict() | {"schema_version": 99})
