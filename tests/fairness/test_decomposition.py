"""The decomposition of gaps by term: exact for every kind of attribute, score and model."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.core.attributes import read_attributes
from glassbox.fairness._audit.decomposition import TOTAL, decompose_gap
from glassbox.fairness._audit.row_resamples import RowResamples
from tests.core.random_models import random_columns, random_model
from tests.fairness.audit_tables import Tables

ALL = ["binary", "groups", "amount"]


def attributes(rng, n_rows):
    """A binary one, several groups with missing ones, and an amount with missing ones."""
    amount = rng.normal(50, 20, size=n_rows)
    amount[rng.random(n_rows) < 0.1] = np.nan
    groups = rng.choice(["a", "b", "c", None], p=[0.4, 0.3, 0.2, 0.1], size=n_rows)
    return pd.DataFrame(
        {"binary": rng.integers(2, size=n_rows), "groups": groups, "amount": amount}
    )


def keys(frame):
    return [k for k in ("output", "attribute", "contrast", "stratum") if k in frame]


def assert_sums(frame):
    known = frame[frame["reason"] == ""]
    for key, part in known.groupby(keys(frame), dropna=False):
        total = part.loc[part["term"] == TOTAL, "gap"].item()
        terms = part.loc[part["term"] != TOTAL, "gap"].sum()
        assert abs(terms - total) <= 1e-9 * max(1.0, abs(total)), key


def expected_total(score, values, contrast, weights):
    """Straight from the definition."""
    if contrast == "per SD":
        known = ~np.isnan(values)
        cov = np.cov(score[known], values[known], aweights=weights[known], ddof=0)
        return cov[0, 1] / np.sqrt(cov[1, 1])
    if contrast == "share of variance":
        (attribute,) = read_attributes({"a": values})
        share = weights / weights.sum()
        centred = score - share @ score
        explained = ((share * centred) @ attribute.whitened(weights)) ** 2
        return explained.sum() / (share @ centred**2)
    level, reference = contrast.split(" − ")
    means = [
        np.average(score[values == group], weights=weights[values == group])
        for group in (level, reference)
    ]
    return means[0] - means[1]


@given(st.integers(0, 10_000), st.sampled_from([1, 3]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_terms_sum_to_the_gap_of_the_score(seed, n_outputs, weighted):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1, 3), n_outputs)
    columns = random_columns(rng, model, 120)
    sensitive = attributes(rng, 120)
    weights = rng.uniform(0.1, 3, size=120) if weighted else None
    est = Tables(model)
    frame = decompose_gap(
        est, columns, sensitive, y=rng.integers(2, size=120), sample_weight=weights
    )
    assert_sums(frame)
    used = np.ones(120) if weights is None else weights
    scores = model.scores(columns)
    values = {name: sensitive[name].to_numpy() for name in ALL}
    values["binary"] = np.array([f"{v:g}" for v in values["binary"]])
    values["groups"] = np.array([v if isinstance(v, str) else "missing" for v in values["groups"]])
    for row in frame[(frame["term"] == TOTAL) & (frame["stratum"] == "")].itertuples():
        score = scores[:, getattr(row, "output", 0)]
        if np.ptp(score) > 1e-9:
            total = expected_total(score, values[row.attribute], row.contrast, used)
            assert row.gap == pytest.approx(total, abs=1e-9), row


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_a_gap_within_an_outcome_is_that_of_its_rows(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (1,))
    columns = random_columns(rng, model, 150)
    sensitive = attributes(rng, 150)[["groups"]].fillna("a")
    sensitive.loc[:79, "groups"] = "a"  # the largest in each stratum as well
    y = rng.choice(["no", "yes"], size=150)
    whole = decompose_gap(Tables(model), columns, sensitive, y=y)
    assert set(whole["stratum"]) == {"", "outcome = no", "outcome = yes"}
    rows = np.flatnonzero(y == "yes")
    part = {name: values[rows] for name, values in columns.items()}
    inside = decompose_gap(Tables(model), part, sensitive.iloc[rows])
    of_yes = whole[whole["stratum"] == "outcome = yes"]
    np.testing.assert_allclose(of_yes["gap"], inside["gap"], atol=1e-9)


def test_weights_count_rows():
    rng = np.random.default_rng(1)
    model = random_model(rng, (1,))
    columns = random_columns(rng, model, 80)
    sensitive = attributes(rng, 80).fillna({"groups": "a"})
    counts = rng.integers(1, 4, size=80)
    weighted = decompose_gap(Tables(model), columns, sensitive, sample_weight=counts)
    rows = np.repeat(np.arange(80), counts)
    repeated = {name: values[rows] for name, values in columns.items()}
    plain = decompose_gap(Tables(model), repeated, sensitive.iloc[rows].reset_index(drop=True))
    np.testing.assert_allclose(weighted["gap"], plain["gap"], atol=1e-9)


def test_the_network_of_a_joint_model_is_a_term():
    pytest.importorskip("torch")
    from glassbox import MonotonicNetClassifier

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    sex = rng.choice(["f", "m"], size=200)
    X["a"] += sex == "m"
    y = rng.random(200) < 1 / (1 + np.exp(-X["a"] * X["b"]))
    est = MonotonicNetClassifier(
        monotonic_cst={"a": 1}, residual=True, n_bags=2, max_steps=20, random_state=0
    ).fit(X, y)
    frame = decompose_gap(est, X, {"sex": sex, "c": X["c"]}, n_bootstrap=5, random_state=0)
    assert "joint" in set(frame["term"])
    assert_sums(frame)


def test_columns_that_the_model_does_not_read_can_be_named():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=100), "sex": rng.choice(["f", "m"], size=100)})
    est = SplineGAMRegressor(n_knots=4).fit(X[["x"]], X["x"] ** 2)
    named = decompose_gap(est, X, ["sex"])
    given_ = decompose_gap(est, X[["x"]], X["sex"])
    pd.testing.assert_frame_equal(named, given_)
    assert set(named["term"]) == {"x", TOTAL}


def test_intervals_are_those_of_resampled_rows():
    rng = np.random.default_rng(2)
    model = random_model(rng, (1,), n_features=2)
    columns = random_columns(rng, model, 300)
    sex = rng.choice(["f", "m"], size=300, p=[0.7, 0.3])
    frame = decompose_gap(Tables(model), columns, {"sex": sex}, n_bootstrap=40, random_state=3)
    seed = int(np.random.RandomState(3).randint(np.iinfo(np.int32).max))
    score = model.scores(columns)[:, 0]
    gaps = []
    for counts in RowResamples(300, 40, seed).tables(np.arange(300), 300):
        means = [np.average(score[sex == g], weights=counts[sex == g]) for g in ("m", "f")]
        gaps.append(means[0] - means[1])
    total = frame[frame["term"] == TOTAL].iloc[0]
    np.testing.assert_allclose(
        [total["lower"], total["upper"]], np.quantile(gaps, [0.025, 0.975]), atol=1e-9
    )


def test_intervals_of_amounts_have_the_width_of_theory():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=1_000)})
    est = SplineGAMRegressor(n_knots=4).fit(X, X["x"])
    age = 0.5 * X["x"] + rng.normal(size=1_000)
    frame = decompose_gap(est, X, {"age": age}, n_bootstrap=200, random_state=0)
    slope = frame[(frame["contrast"] == "per SD") & (frame["term"] == "x")].iloc[0]
    residual = np.std(X["x"] - slope["gap"] * (age - age.mean()) / age.std())
    assert slope["lower"] < slope["gap"] < slope["upper"]
    width = (slope["upper"] - slope["lower"]) / (2 * 1.96)
    assert width == pytest.approx(residual / np.sqrt(1_000), rel=0.3)
    share = frame[(frame["contrast"] == "share of variance") & (frame["term"] == TOTAL)].iloc[0]
    assert share["gap"] == pytest.approx(np.corrcoef(X["x"], age)[0, 1] ** 2, abs=0.02)
    assert share["lower"] < share["gap"] < share["upper"]


def test_without_resamples_there_is_no_interval():
    rng = np.random.default_rng(2)
    model = random_model(rng, (1,), n_features=2)
    columns = random_columns(rng, model, 60)
    frame = decompose_gap(Tables(model), columns, attributes(rng, 60))
    assert frame[["lower", "upper"]].isna().all(axis=None) and frame["gap"].notna().all()


def test_a_group_that_a_stratum_lacks_has_a_reason():
    rng = np.random.default_rng(0)
    model = random_model(rng, (1,), n_features=2)
    columns = random_columns(rng, model, 60)
    site = np.repeat(["a", "b"], [40, 20])
    y = np.repeat([0, 1, 1], [20, 20, 20])
    frame = decompose_gap(Tables(model), columns, {"site": site}, y=y, n_bootstrap=5)
    lacking = frame[frame["stratum"] == "outcome = 0"]
    assert lacking["gap"].isna().all() and (lacking["reason"] == "no rows of 'b'").all()
    assert frame.loc[frame["stratum"] == "outcome = 1", "gap"].notna().all()


def test_an_amount_that_a_stratum_holds_once_has_a_reason():
    rng = np.random.default_rng(0)
    model = random_model(rng, (1,), n_features=2)
    columns = random_columns(rng, model, 60)
    age = np.where(np.arange(60) < 30, 50.0, np.arange(60.0))
    y = np.repeat([0, 1], 30)
    frame = decompose_gap(Tables(model), columns, {"age": age}, y=y, n_bootstrap=5)
    lacking = frame[frame["stratum"] == "outcome = 0"]
    assert lacking["gap"].isna().all()
    assert (lacking["reason"] == "'age' does not vary in these rows").all()
    assert frame.loc[frame["stratum"] == "outcome = 1", "gap"].notna().all()


def test_intersections_are_groups_too():
    rng = np.random.default_rng(0)
    model = random_model(rng, (1,), n_features=2)
    columns = random_columns(rng, model, 200)
    frame = decompose_gap(Tables(model), columns, attributes(rng, 200), intersections=True)
    assert "binary & groups" in set(frame["attribute"])
    assert_sums(frame)


def test_what_cannot_be_decomposed_is_refused():
    from sklearn.linear_model import LogisticRegression

    X = pd.DataFrame({"x": np.arange(40.0), "sex": ["f", "m"] * 20})
    y = (X["x"] > 20).to_numpy()
    foreign = LogisticRegression().fit(X[["x"]], y)
    with pytest.raises(TypeError, match="LogisticRegression has no contributions"):
        decompose_gap(foreign, X[["x"]], X["sex"])
    est = SplineGAMClassifier(n_knots=4).fit(X[["x"]], y)
    with pytest.raises(ValueError, match="n_bootstrap must be a whole number"):
        decompose_gap(est, X[["x"]], X["sex"], n_bootstrap=-1)
    with pytest.raises(ValueError, match="'race', which is no column of X"):
        decompose_gap(est, X, ["sex", "race"])
    with pytest.raises(ValueError, match="sensitive_features has 3 rows"):
        decompose_gap(est, X[["x"]], {"sex": ["f", "m", "f"]})
