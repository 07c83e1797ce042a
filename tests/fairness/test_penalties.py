import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from glassbox import (
    BoostedGAMClassifier,
    MonotonicNetClassifier,
    NAMClassifier,
    SplineGAMClassifier,
    SplineGAMRegressor,
    load,
    save,
)
from glassbox.core.attributes import read_attributes
from glassbox.core.strata import outcome_strata
from glassbox.fairness import (
    DependencePenalizedClassifier,
    DependencePenalizedRegressor,
    dependence,
)

seeds = st.integers(0, 2**32 - 1)


def splines(**options):
    return SplineGAMClassifier(n_knots=5, lam=1.0, **options)


def lines(**options):
    return SplineGAMRegressor(n_knots=5, lam=1.0, **options)


def penalised(estimator=None, **options):
    return DependencePenalizedClassifier(splines() if estimator is None else estimator, **options)


def patients(n_rows=240, seed=0, **also):
    """A table whose lab depends on the ward and the age, and the ward itself beside it."""
    rng = np.random.default_rng(seed)
    ward = rng.choice(["A", "B", "C"], size=n_rows, p=[0.5, 0.42, 0.08])
    age = rng.uniform(20, 80, size=n_rows)
    shift = pd.Series(ward).map({"A": 0.0, "B": 1.0, "C": -1.0}).to_numpy()
    X = pd.DataFrame(
        {
            "lab": rng.normal(size=n_rows) + shift,
            "bun": rng.normal(size=n_rows) + age / 30,
            "dose": rng.normal(size=n_rows),
        }
    )
    score = X["lab"] + X["bun"] - X["dose"] / 2 - 1.7
    y = (rng.logistic(size=n_rows) < score).astype(int).to_numpy()
    return X, y, ward, age


def score_of(model, X):
    scores = model.estimator_._scores(X)
    return scores[:, 0] if scores.shape[1] == 1 else scores


def gaps(score, groups, weights=None):
    """Means of the score by group, less their mean."""
    weights = np.ones(len(score)) if weights is None else weights
    means = [
        np.average(score[groups == g], axis=0, weights=weights[groups == g])
        for g in np.unique(groups)
    ]
    return np.ptp(means, axis=0).max()


BOOSTED = BoostedGAMClassifier(
    n_bags=1, max_bins=16, max_rounds=150, learning_rate=0.1, random_state=0
)
NEURAL = NAMClassifier(n_bags=2, max_steps=10, hidden=(8,), n_knots=8, random_state=0)
NET = MonotonicNetClassifier(
    monotonic_cst={"lab": 1},
    n_bags=2,
    max_steps=8,
    hidden=(6,),
    n_knots=8,
    learning_rate=0.02,
    random_state=0,
)
FAMILIES = {"boosted": BOOSTED, "spline": splines(interactions=1), "neural": NEURAL, "net": NET}
families = pytest.mark.parametrize("family", FAMILIES)


# Every family


@families
def test_strength_zero_is_the_original(family):
    X, y, ward, _ = patients()
    fair = penalised(FAMILIES[family], strength=0.0).fit(X, y, sensitive_features=ward)
    plain = clone(FAMILIES[family]).fit(X, y)
    np.testing.assert_array_equal(fair.decision_function(X), plain.decision_function(X))
    np.testing.assert_array_equal(fair.dependence_["after"], fair.dependence_["before"])


@families
def test_a_fitted_model_is_of_the_same_kind(family):
    X, y, ward, _ = patients()
    inner = FAMILIES[family]
    plain = clone(inner).fit(X, y)
    fair = penalised(inner, strength=4.0).fit(X, y, sensitive_features=ward)
    assert type(fair.estimator_) is type(plain)
    assert fair.term_names_ == plain.term_names_
    for before, after in zip(plain.additive_model_.terms, fair.additive_model_.terms, strict=True):
        assert before.axes == after.axes
        np.testing.assert_array_equal(before.density, after.density)
        if before.lower is not None:
            # Bands move along with their shapes.
            moved = after.coefficients - before.coefficients
            np.testing.assert_allclose(after.lower - before.lower, moved, atol=1e-9)
            np.testing.assert_allclose(after.upper - before.upper, moved, atol=1e-9)
    holes = X.copy()
    holes.loc[::5, "lab"] = np.nan
    holes.loc[::7, "dose"] = 99.0
    for table in (X, holes):
        total = fair.contributions(table).sum(axis=1) + fair.intercept_
        np.testing.assert_allclose(total, fair.decision_function(table), atol=1e-9, rtol=0)
    assert gaps(fair.decision_function(X), ward) < 0.7 * gaps(plain.decision_function(X), ward)
    (row,) = fair.dependence_.itertuples()
    assert row.after < row.before
    sizes = fair.contributions(X).abs().mean()
    importances = fair.term_importances_[sizes.index]
    shown = [name for name in sizes.index if name != "joint"]
    np.testing.assert_allclose(importances[shown], sizes[shown], rtol=1e-6)


@given(seeds, st.sampled_from([-1, 1]), st.sampled_from([0.1, 3.0, 1e3, 1e6]))
@settings(max_examples=8)
def test_directions_hold_at_every_strength(seed, direction, strength):
    X, y, ward, _ = patients(120, seed % 1000)
    X["lab"] *= direction
    inner = splines(monotonic_cst={"lab": direction, "dose": -1}, interactions=[("bun", "ward")])
    X["ward"] = pd.Categorical(ward)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fair = penalised(inner, strength=strength).fit(X, y, sensitive_features=ward)
    table = fair.certificate().set_index("feature")
    assert table.loc[["lab", "dose"], "holds"].all()
    assert fair.monotonic_cst == {"lab": direction, "dose": -1}
    (row,) = fair.dependence_.itertuples()
    assert row.after < row.before
    # The certificate against pairs of rows that differ in the one feature.
    rng = np.random.default_rng(seed)
    low = pd.DataFrame(rng.normal(size=(300, 3)) * 2, columns=X.columns[:3])
    low["ward"] = pd.Categorical(rng.choice(["A", "B"], size=300))
    high = low.assign(lab=low["lab"] + rng.exponential(size=300))
    rises = direction * (fair.decision_function(high) - fair.decision_function(low))
    assert rises.min() >= -1e-9


@pytest.mark.parametrize("direction", [1, -1])
def test_directions_cost_no_more_whichever_way_they_point(direction):
    X, y, ward, _ = patients()
    X["lab"] *= direction
    inner = splines(monotonic_cst={"lab": direction})
    fair = penalised(inner, strength=100.0).fit(X, y, sensitive_features=ward)
    (row,) = fair.dependence_.itertuples()
    assert row.after < 1e-3 * row.before


@pytest.mark.parametrize("strength", [1.0, 1e4])
def test_a_joint_network_keeps_its_directions(strength):
    X, _, ward, _ = patients(400)
    # No sum of tables holds this.
    y = (6 * np.tanh(X["lab"]) * (X["bun"] > 1.7) > 1).astype(int).to_numpy()
    net = clone(NET).set_params(max_steps=60, hidden=(16, 16), learning_rate=0.1)
    fair = penalised(net, strength=strength).fit(X, y, sensitive_features=ward)
    assert fair.joint_ is not None
    assert fair.certificate().set_index("feature").loc["lab", "holds"]
    steps = X.assign(lab=X["lab"] + 0.3)
    assert (fair.decision_function(steps) >= fair.decision_function(X) - 1e-9).all()
    (row,) = fair.dependence_.itertuples()
    assert row.after < row.before
    # Smaller tables leave more of the score to the network.
    share = 1 - np.var(fair.contributions(X)["joint"].to_numpy()) / fair.decision_function(X).var()
    assert fair.additivity_ == pytest.approx(max(share, 0.0), abs=1e-9)


# What a strong penalty reaches


def test_groups_have_the_same_mean():
    X, y, ward, _ = patients()
    fair = penalised(strength=1e8).fit(X, y, sensitive_features=ward)
    assert gaps(fair.decision_function(X), ward) < 1e-6
    assert fair.decision_function(X).std() > 0.3


def test_amounts_explain_nothing():
    X, y, _, age = patients(241)
    fair = penalised(strength=1e8).fit(X, y, sensitive_features={"age": age})
    score = fair.decision_function(X)
    (attribute,) = read_attributes({"age": age})
    covariances = attribute.whitened().T @ (score - score.mean()) / len(score)
    np.testing.assert_allclose(covariances, 0.0, atol=1e-6)
    assert score.std() > 0.3


def test_within_classes_of_the_outcome():
    X, y, ward, _ = patients()
    fair = penalised(strength=1e8, condition="outcome").fit(X, y, sensitive_features=ward)
    score = fair.decision_function(X)
    for value in (0, 1):
        assert gaps(score[y == value], ward[y == value]) < 1e-6
    assert abs(score[y == 1].mean() - score[y == 0].mean()) > 0.2


def test_within_fifths_of_an_amount():
    X, _, ward, _ = patients(241)
    outcome = X.sum(axis=1).to_numpy() + np.random.default_rng(1).normal(size=len(X))
    fair = DependencePenalizedRegressor(lines(), strength=1e8, condition="outcome")
    score = fair.fit(X, outcome, sensitive_features=ward).predict(X)
    fifth, labels = outcome_strata(outcome, is_classifier=False)
    assert len(labels) == 5
    for k in range(5):
        assert gaps(score[fifth == k], ward[fifth == k]) < 1e-5


def test_a_class_with_one_group_only_is_left_alone():
    """Nothing can depend on the group there, and the mean of the class is free."""
    X, y, ward, _ = patients(283)
    within = np.where(y == 1, "A", ward)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y))
    options = {"strength": 1e7, "condition": "outcome"}
    fair = penalised(**options).fit(X, y, weights, sensitive_features=within)
    plain = splines().fit(X, y, weights)
    before, after = (m.decision_function(X)[y == 1].mean() for m in (plain, fair))
    assert gaps(fair.decision_function(X)[y == 0], within[y == 0], weights[y == 0]) < 1e-4
    assert (fair.dependence_["after"] < 1e-6).all()
    # The intercept follows: predictions stay right on average, as the divergence asks.
    mean = [np.average(m.predict_proba(X)[:, 1], weights=weights) for m in (plain, fair)]
    assert mean[1] == pytest.approx(mean[0], abs=0.02), (before, after)


@pytest.mark.parametrize("sensitive", ["ward", "age"])
@pytest.mark.parametrize("n_rows", [240, 241, 249])
def test_the_mean_prediction_is_not_penalised(sensitive, n_rows):
    X, y, ward, age = patients(n_rows)
    X["bun"] -= 4.0
    feature = {"ward": ward, "age": age}[sensitive]
    plain = splines().fit(X, y)
    fair = penalised(strength=1e6).fit(X, y, sensitive_features={sensitive: feature})
    means = [m.predict_proba(X)[:, 1].mean() for m in (plain, fair)]
    # In an exponential family with a free intercept the mean is kept exactly.
    assert means[1] == pytest.approx(means[0], abs=1e-5)


@pytest.mark.parametrize("several", [False, True])
def test_a_rare_group_counts_like_others(several):
    X, y, ward, _ = patients(400, 3)
    rare = np.where(ward == "C", "rare", "frequent")
    features = {"rare": rare}
    if several:
        features["half"] = np.where(np.arange(400) % 2, "x", "y")

    def gap(group_weights):
        fair = penalised(strength=1.0, group_weights=group_weights)
        score = fair.fit(X, y, sensitive_features=features).decision_function(X)
        return gaps(score, rare)

    assert gap("equal") < 0.7 * gap("proportional")


def test_equal_weights_are_equal_within_classes_too():
    X, y, ward, _ = patients(400, 3)
    fair = penalised(strength=1e8, group_weights="equal", condition="outcome")
    score = fair.fit(X, y, sensitive_features=ward).decision_function(X)
    for value in (0, 1):
        assert gaps(score[y == value], ward[y == value]) < 1e-6


def test_several_features_at_once():
    X, y, ward, age = patients()
    fair = penalised(strength=1e8).fit(X, y, sensitive_features={"ward": ward, "age": age})
    score = fair.decision_function(X)
    assert fair.dependence_["attribute"].tolist() == ["ward", "age"]
    assert (fair.dependence_["after"] < 1e-10).all()
    assert gaps(score, ward) < 1e-6
    assert abs(np.corrcoef(score, age)[0, 1]) < 1e-6


def test_only_intersections_see_what_neither_feature_shows():
    rng = np.random.default_rng(0)
    sex, site = np.repeat(["f", "m"], 200), np.tile(["a", "b"], 200)
    odd = (sex == "f") ^ (site == "a")
    X = pd.DataFrame({"lab": rng.normal(size=400) + 1.5 * odd, "dose": rng.normal(size=400)})
    y = (rng.logistic(size=400) < X.sum(axis=1) - 0.7).astype(int)
    found = {}
    for intersections in (False, True):
        fair = penalised(strength=10.0, intersections=intersections)
        fair.fit(X, y, sensitive_features={"sex": sex, "site": site})
        names = ["sex", "site"] + ["sex & site"] * intersections
        assert fair.dependence_["attribute"].tolist() == names
        found[intersections] = gaps(fair.decision_function(X), odd)
    assert found[False] > 1.0
    assert found[True] < 0.3


@pytest.mark.parametrize("link", ["softmax", "identity", "log"])
def test_other_outcomes(link):
    X, y, ward, age = patients(300)
    rng = np.random.default_rng(2)
    score = X.sum(axis=1).to_numpy() / 3
    if link == "softmax":
        outcome = np.array(["low", "mid", "top"])[
            np.digitize(score + rng.normal(size=300), [0, 1])
        ]
        fair = penalised(strength=1e8)
    else:
        options = {"loss": "poisson"} if link == "log" else {}
        noise = rng.normal(size=300)
        outcome = rng.poisson(np.exp(score)) if link == "log" else 40 * (score + noise) + 900
        fair = DependencePenalizedRegressor(lines(**options), strength=1e8)
    fair.fit(X, outcome, sensitive_features={"ward": ward, "age": age})
    assert fair.additive_model_.link == link
    scores = fair.estimator_._scores(X)
    centred = scores - scores.mean(axis=1, keepdims=True) if link == "softmax" else scores
    assert gaps(centred, ward) < 1e-5 * max(1.0, np.std(scores))
    assert np.std(centred) > 0.05
    assert (fair.dependence_["after"] < 1e-9).all()
    if link == "softmax":
        assert fair.classes_.tolist() == ["low", "mid", "top"]
        np.testing.assert_allclose(fair.predict_proba(X).sum(axis=1), 1.0)
        total = fair.contributions(X).T.groupby(level="class").sum().T
        np.testing.assert_allclose(total + fair.intercept_, scores, atol=1e-9)
    else:
        # The mean of the outcome is kept, as everywhere with a free intercept.
        plain = clone(fair.estimator).fit(X, outcome)
        assert fair.predict(X).mean() == pytest.approx(plain.predict(X).mean(), rel=1e-4)


def test_the_unit_of_an_outcome_does_not_matter():
    X, _, ward, _ = patients()
    outcome = X.sum(axis=1) + np.random.default_rng(1).normal(size=len(X))
    first, second = (
        DependencePenalizedRegressor(lines(), strength=2.0).fit(X, y, sensitive_features=ward)
        for y in (outcome, 1000 * outcome + 5e4)
    )
    np.testing.assert_allclose(1000 * first.predict(X) + 5e4, second.predict(X), atol=1.0)


# Rows


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"condition": "outcome"},
        {"group_weights": "equal"},
        {"measure": "dcov"},
        {"measure": "mmd"},
    ],
    ids=str,
)
@pytest.mark.parametrize("feature", ["ward", "age"])
def test_a_weight_of_three_is_three_copies(feature, options):
    X, y, ward, age = patients(150)
    if feature == "age" and {"group_weights", "mmd"} & {*options, *options.values()}:
        pytest.skip("groups only")
    sensitive = {"ward": ward, "age": age}[feature]
    weights = np.random.default_rng(1).choice([0, 1, 3], size=len(y))
    copies = np.repeat(np.arange(len(y)), weights)
    one = penalised(strength=3.0, **options)
    other = clone(one).fit(X.iloc[copies], y[copies], sensitive_features=sensitive[copies])
    one.fit(X, y, weights, sensitive_features=sensitive)
    # Measures other than the mean end where a step gains less than a tolerance.
    atol = 1e-3 if "measure" in options else 1e-6
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=atol)


def test_a_weight_of_three_is_three_copies_within_fifths():
    X, _, ward, _ = patients(150)
    outcome = X.sum(axis=1).to_numpy()
    weights = np.random.default_rng(1).choice([0, 1, 3], size=len(outcome))
    copies = np.repeat(np.arange(len(outcome)), weights)
    one = DependencePenalizedRegressor(lines(), strength=3.0, condition="outcome")
    other = clone(one).fit(X.iloc[copies], outcome[copies], sensitive_features=ward[copies])
    one.fit(X, outcome, weights, sensitive_features=ward)
    np.testing.assert_allclose(one.predict(X), other.predict(X), atol=1e-6)


@pytest.mark.parametrize("measure", ["mean", "dcov"])
def test_a_row_of_weight_zero_may_hold_anything(measure):
    X, y, ward, _ = patients(100)
    weights = np.ones(len(y))
    weights[:10] = 0
    X.loc[:4, "lab"] = 1e6
    ward, y = ward.astype(object), y.astype(object)
    ward[5:8], y[:3] = "Z", 7
    fair = penalised(strength=3.0, measure=measure, condition="outcome")
    without = clone(fair).fit(X[10:], y[10:].astype(int), sensitive_features=ward[10:])
    fair.fit(X, y.astype(int), weights, sensitive_features=ward)
    np.testing.assert_allclose(
        fair.decision_function(X[10:]), without.decision_function(X[10:]), atol=1e-4
    )


def test_the_order_of_rows_does_not_matter():
    X, y, ward, _ = patients()
    rows = np.random.default_rng(0).permutation(len(y))
    one = penalised(strength=3.0).fit(X, y, sensitive_features=ward)
    other = penalised(strength=3.0).fit(X.iloc[rows], y[rows], sensitive_features=ward[rows])
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=1e-6)


# Measures


@pytest.mark.parametrize("measure", ["dcov", "hsic", "hgr", "mmd"])
@pytest.mark.parametrize("feature", ["ward", "age"])
def test_measures_reduce_what_they_measure(measure, feature):
    X, y, ward, age = patients()
    sensitive = {"ward": ward, "age": age}[feature]
    fair = penalised(strength=4.0, measure=measure)
    if measure == "mmd" and feature == "age":
        with pytest.raises(ValueError, match="'age'.*'dcov' or 'hsic'"):
            fair.fit(X, y, sensitive_features={"age": age})
        return
    fair.fit(X, y, sensitive_features={feature: sensitive})
    (row,) = fair.dependence_.itertuples()
    assert (row.attribute, row.measure) == (feature, measure)
    assert 0 <= row.after < 0.6 * row.before <= 1


@given(seeds, st.sampled_from(["dcov", "mmd", "hgr"]), st.sampled_from([1e-3, 0.1, 10.0]))
@settings(max_examples=4)
def test_measures_never_raise_what_is_minimised(seed, measure, strength):
    from glassbox.fairness.path import _Rows

    X, y, ward, _ = patients(100, seed % 1000)
    refit = penalised(measure=measure)._prepared_refit(_Rows(X, y, ward, None))
    best = refit.least(strength)
    cost, how = refit._solver.cost, refit._measure
    nothing, mean = np.zeros_like(best), refit._solver.least(strength)
    for point in (nothing, mean):
        assert cost(best, strength, how) <= cost(point, strength, how) + 1e-10


def test_distance_correlation_sees_what_means_do_not():
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], 150)
    wide = np.where(group == "a", 0.3, 2.0)
    X = pd.DataFrame({"lab": rng.normal(size=300) * wide, "dose": rng.normal(size=300)})
    y = (rng.logistic(size=300) < X["lab"] + X["dose"]).astype(int)
    by_mean, by_dcov = (
        penalised(strength=10.0, measure=m).fit(X, y, sensitive_features=group)
        for m in ("mean", "dcov")
    )
    found = [
        dependence(m.decision_function(X), group, measures=["dcor"])["estimate"].iloc[0]
        for m in (by_mean, by_dcov)
    ]
    assert found[1] < 0.8 * found[0]


# The sensitive column as an input


def test_a_blind_model_may_lack_the_column():
    X, y, ward, _ = patients()
    table = X.assign(ward=ward)
    fair = penalised(sensitive=["ward"], use_sensitive=False, strength=2.0).fit(table, y)
    score = fair.decision_function(table)
    swapped = table.assign(ward=np.roll(ward, 7))
    for other in (swapped, table.assign(ward="unheard of"), X, table[table.columns[::-1]]):
        np.testing.assert_array_equal(fair.decision_function(other), score)
        np.testing.assert_array_equal(fair.predict(other), fair.predict(table))
        pd.testing.assert_frame_equal(fair.contributions(other), fair.contributions(table))
    assert fair.term_names_ == ["lab", "bun", "dose"]
    assert fair.n_features_in_ == 4
    assert fair.feature_names_in_.tolist() == [*X.columns, "ward"]
    beside = penalised(strength=2.0).fit(X, y, sensitive_features={"ward": ward})
    np.testing.assert_array_equal(beside.decision_function(X), score)
    array = penalised(sensitive=[-1], use_sensitive=False, strength=2.0)
    array.fit(table.to_numpy(dtype=object), y)
    assert array.sensitive_names_ == ["x3"]
    assert len(array.term_names_) == 3


def test_with_the_column_less_of_the_score_is_lost():
    X, y, ward, _ = patients(300)
    table = X.assign(ward=ward)
    with_it = penalised(sensitive=["ward"], strength=1e7).fit(table, y)
    blind = penalised(sensitive=["ward"], use_sensitive=False, strength=1e7).fit(table, y)
    assert "ward" in with_it.term_names_
    for model in (with_it, blind):
        assert gaps(model.decision_function(table), ward) < 1e-5
    assert with_it.score(table, y) >= blind.score(table, y) - 0.02


# Tables of any make


def test_numpy_pandas_and_polars_agree():
    X, y, ward, age = patients()
    features = pd.DataFrame({"ward": ward, "age": age})
    expected = penalised(strength=2.0).fit(X, y, sensitive_features=features)
    score = expected.decision_function(X)
    polars = penalised(strength=2.0)
    polars.fit(pl.from_pandas(X), y, sensitive_features=pl.from_pandas(features))
    np.testing.assert_allclose(polars.decision_function(pl.from_pandas(X)), score, atol=1e-10)
    numpy = penalised(strength=2.0)
    numpy.fit(X.to_numpy(), y, sensitive_features=features.to_dict("list"))
    np.testing.assert_allclose(numpy.decision_function(X.to_numpy()), score, atol=1e-10)


def test_string_classes():
    X, y, ward, _ = patients()
    words = np.array(["alive", "dead"])[y]
    fair = penalised(strength=2.0).fit(X, words, sensitive_features=ward)
    number = penalised(strength=2.0).fit(X, y, sensitive_features=ward)
    assert fair.classes_.tolist() == ["alive", "dead"]
    assert set(fair.predict(X)) <= {"alive", "dead"}
    np.testing.assert_array_equal(fair.predict_proba(X), number.predict_proba(X))


@pytest.mark.parametrize("measure", ["mean", "dcov"])
def test_missing_values_in_features_and_attributes(measure):
    X, y, ward, age = patients()
    X.loc[::6, "lab"] = np.nan
    ward, age = ward.astype(object), age.copy()
    ward[::5], age[::4] = None, np.nan
    fair = penalised(strength=50.0, measure=measure)
    fair.fit(X, y, sensitive_features=pd.DataFrame({"ward": ward, "age": age}))
    assert np.isfinite(fair.decision_function(X)).all()
    assert (fair.dependence_["after"] < 0.6 * fair.dependence_["before"]).all()
    if measure == "mean":
        named = np.where(pd.isna(ward), "missing", ward).astype(str)
        assert gaps(fair.decision_function(X), named) < 0.5


def test_categories_may_be_numbers():
    """As a column of X and beside it: categories have no amounts."""
    X, y, ward, _ = patients()
    codes = pd.Categorical(pd.Series(ward).map({"A": 2, "B": 7, "C": 3}))
    beside = penalised(strength=1e8).fit(X, y, sensitive_features=pd.Series(codes, name="ward"))
    assert gaps(beside.decision_function(X), ward) < 1e-6
    table = X.assign(ward=codes)
    blind = penalised(sensitive=["ward"], use_sensitive=False, strength=1e8).fit(table, y)
    np.testing.assert_allclose(
        blind.decision_function(table), beside.decision_function(X), atol=1e-6
    )


@pytest.mark.parametrize("measure", ["mean", "dcov"])
def test_a_model_that_says_nothing_stays_what_it_is(measure):
    X, y, ward, age = patients(101)
    X = X[["lab"]] * 0 + 1.0
    fair = penalised(strength=10.0, measure=measure)
    fair.fit(X, y, sensitive_features={"ward": ward, "age": age})
    np.testing.assert_allclose(
        fair.predict_proba(X)[:, 1], splines().fit(X, y).predict_proba(X)[:, 1], atol=1e-6
    )
    np.testing.assert_allclose(fair.dependence_["before"], 0.0, atol=1e-9)
    np.testing.assert_allclose(fair.dependence_["after"], 0.0, atol=1e-9)


# scikit-learn


def test_clones_and_pickles():
    X, y, ward, _ = patients()
    fair = penalised(strength=2.0, measure="mean", condition="outcome", smoothness=3.0)
    again = clone(fair)
    assert again.get_params(deep=False).keys() == fair.get_params(deep=False).keys()
    assert not hasattr(again, "estimator_")
    fair.fit(X, y, sensitive_features=ward)
    assert not hasattr(fair.estimator, "additive_model_")
    thawed = pickle.loads(pickle.dumps(fair))
    np.testing.assert_array_equal(thawed.predict_proba(X), fair.predict_proba(X))


@pytest.mark.parametrize("family", ["spline", "net"])
def test_saved_and_loaded(tmp_path, family):
    X, y, ward, _ = patients()
    table = X.assign(ward=ward)
    fair = penalised(FAMILIES[family], sensitive=["ward"], use_sensitive=False, strength=3.0)
    fair.fit(table, y)
    save(fair, tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    np.testing.assert_array_equal(again.predict_proba(X), fair.predict_proba(X))
    pd.testing.assert_frame_equal(again.dependence_, fair.dependence_)
    assert again.get_params()["strength"] == 3.0


def test_sensitive_features_are_routed():
    X, y, ward, _ = patients()
    expected = penalised(strength=5.0).fit(X, y, sensitive_features=ward)
    with sklearn.config_context(enable_metadata_routing=True):
        fair = penalised(strength=5.0).set_fit_request(sensitive_features=True)
        pipeline = make_pipeline(FunctionTransformer(), fair)
        pipeline.fit(X, y, sensitive_features=ward)
        np.testing.assert_array_equal(pipeline.decision_function(X), expected.decision_function(X))
        search = GridSearchCV(pipeline, {f"{pipeline.steps[1][0]}__strength": [0.0, 5.0]}, cv=2)
        search.fit(X, y, sensitive_features=ward)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        found = cross_validate(fair, X, y, cv=3, params={"sensitive_features": ward})
        assert np.isfinite(found["test_score"]).all()


def test_weights_are_routed_to_the_inner_fit():
    X, y, ward, _ = patients()
    weights = np.random.default_rng(0).uniform(0.2, 2, len(y))
    expected = penalised(strength=5.0).fit(X, y, weights, sensitive_features=ward)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = splines().set_fit_request(sample_weight=True)
        fair = penalised(inner, strength=5.0)
        fair.set_fit_request(sensitive_features=True, sample_weight=True)
        fair.set_score_request(sample_weight=True)
        search = GridSearchCV(fair, {"strength": [5.0]}, cv=2)
        search.fit(X, y, sensitive_features=ward, sample_weight=weights)
        np.testing.assert_array_equal(search.decision_function(X), expected.decision_function(X))


def test_columns_of_the_table_need_no_routing():
    X, y, ward, _ = patients()
    fair = penalised(sensitive=["ward"], use_sensitive=False)
    search = GridSearchCV(fair, {"strength": [0.0, 2.0], "estimator__n_knots": [4]}, cv=2)
    search.fit(X.assign(ward=ward), y)
    assert search.best_estimator_.estimator_.n_knots == 4


# Errors


@pytest.mark.parametrize(
    ("options", "features", "words"),
    [
        ({}, {}, ["needs a sensitive feature", "`sensitive`", "`sensitive_features`"]),
        ({"use_sensitive": False}, {"ward": 0}, ["use_sensitive=False", "none is"]),
        ({"group_weights": "equal"}, {"age": 0}, ["no sensitive feature has", "'proportional'"]),
        ({"measure": "mmd"}, {"age": 0}, ["'age' holds amounts", "'dcov' or 'hsic'"]),
        ({"intersections": True}, {"ward": 0}, ["intersections=True", "leave it out"]),
        ({"intersections": True}, {"ward": 0, "age": 0}, ["intersections=True"]),
        ({"strength": -1.0}, {"ward": 0}, ["'strength'", "-1.0"]),
        ({"strength": np.nan}, {"ward": 0}, ["'strength'", "nan"]),
        ({"strength": np.inf}, {"ward": 0}, ["strength", "inf"]),
        ({"measure": "gap"}, {"ward": 0}, ["'measure'", "'gap'"]),
        ({"condition": "y"}, {"ward": 0}, ["'condition'", "'y'"]),
        ({"group_weights": "even"}, {"ward": 0}, ["'group_weights'", "'even'"]),
        ({"smoothness": 0.0}, {"ward": 0}, ["'smoothness'", "0.0"]),
        ({"smoothness": np.inf}, {"ward": 0}, ["smoothness", "inf"]),
        ({"sensitive": ["wrad"]}, {}, ["'wrad'", "not a column"]),
        ({"sensitive": ["lab"]}, {"lab": 0}, ["'lab'", "give it once"]),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(options, features, words):
    X, y, ward, age = patients(60)
    values = {"ward": ward, "age": age, "lab": X["lab"]}
    given_features = {name: values[name] for name in features} or None
    with pytest.raises(ValueError) as caught:
        penalised(**options).fit(X, y, sensitive_features=given_features)
    for word in words:
        assert word in str(caught.value)


def test_a_sensitive_column_that_does_not_vary_is_named():
    X, y, ward, _ = patients(60)
    with pytest.raises(ValueError, match="'site'"):
        penalised(sensitive=["site"]).fit(X.assign(site="A"), y)


def test_too_few_values_of_a_feature():
    X, y, ward, _ = patients(60)
    with pytest.raises(ValueError, match="59 rows.*60"):
        penalised().fit(X, y, sensitive_features=ward[:59])


def test_other_estimators_are_refused():
    X, y, ward, _ = patients(60)
    with pytest.raises(TypeError, match="LogisticRegression has none.*TestTimeBlinder"):
        penalised(LogisticRegression()).fit(X, y, sensitive_features=ward)
    with pytest.raises(TypeError, match="needs a classifier"):
        penalised(lines()).fit(X, y, sensitive_features=ward)


def test_a_blind_model_that_lacks_another_column():
    X, y, ward, _ = patients(60)
    fair = penalised(sensitive=["ward"], use_sensitive=False).fit(X.assign(ward=ward), y)
    with pytest.raises(ValueError, match="lab"):
        fair.predict(X.drop(columns="lab"))
