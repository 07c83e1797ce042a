"""Train, then clean: what is deleted, what stays, and what is said about it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox import BoostedGAMRegressor, MonotonicNetRegressor, SplineGAMRegressor
from glassbox.core.attributes import read_attributes
from glassbox.core.density import with_density
from glassbox.fairness._strategies.explained import columns_by_term, without_explained
from glassbox.fairness._strategies.ordered import in_order
from glassbox.fairness.strategies import TrainThenCleanClassifier, TrainThenCleanRegressor
from tests.core.random_models import random_columns, random_model
from tests.fairness.strategy_tables import classifier, outcomes, regressor


def correlated(n_rows=600, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, size=n_rows).astype(float)
    x = a + rng.normal(size=n_rows)
    return pd.DataFrame({"x": x, "a": a}), rng


def slope(est, low=-1.0, high=1.0):
    first, last = est.predict(pd.DataFrame({"x": [low, high]}))
    return (last - first) / (high - low)


def test_cleaning_leaves_the_slope_of_the_other_feature():
    X, rng = correlated(4_000)
    y = X["x"] + X["a"] + 0.1 * rng.normal(size=len(X))
    inner = SplineGAMRegressor(n_knots=5)
    clean = TrainThenCleanRegressor(inner, sensitive=["a"]).fit(X, y)
    assert slope(clean) == pytest.approx(1.0, abs=0.02)
    biased = SplineGAMRegressor(n_knots=5).fit(X[["x"]], y)
    assert slope(biased) > 1.1


def test_a_pair_leaves_what_belongs_to_the_other_feature():
    rng = np.random.default_rng(0)
    x, a = np.tile(np.linspace(-2, 2, 200), 2), np.repeat([0.0, 1.0], 200)
    X = pd.DataFrame({"x": x, "a": a})
    y = x + 0.8 * a + 0.6 * x * a + 1e-3 * rng.normal(size=400)
    inner = SplineGAMRegressor(n_knots=5, n_pair_knots=5, lam=1e-6, interactions=[("x", "a")])
    est = TrainThenCleanRegressor(inner, sensitive=["a"]).fit(X, y)
    assert slope(est) == pytest.approx(1.3, abs=0.01)
    assert est.term_names_ == ["x"]


def test_the_mean_score_stays():
    X, y = outcomes(2)
    for proxies in (None, "all", 0.5):
        est = TrainThenCleanClassifier(
            classifier(), sensitive=["race", "age"], proxies=proxies, random_state=0
        ).fit(X, y)
        whole = classifier().fit(X, y)
        means = [e.decision_function(X).mean() for e in (est, whole)]
        assert means[0] == pytest.approx(means[1], abs=1e-10)


def test_what_was_removed_is_said():
    X, y = outcomes(0)
    inner = regressor(interactions=[("bun", "age")])
    est = TrainThenCleanRegressor(inner, sensitive=["race", "age"]).fit(X, y)
    found = est.cleaned_
    by_term = found.drop_duplicates("term").set_index("term")
    gone = ["race", "age", "bun & age"]
    assert (by_term.loc[gone, "removed"] == by_term.loc[gone, "importance"]).all()
    assert (by_term.loc[["bun", "ward"], "removed"] == 0).all()
    assert set(found.loc[found["attribute"] == "race", "group"]) == {"b", "c", "missing"}
    assert set(found.loc[found["attribute"] == "race", "reference"]) == {"a"}
    assert set(found.loc[found["attribute"] == "age", "group"]) == {""}
    assert (found["reason"] == "").all()
    whole = regressor(interactions=[("bun", "age")]).fit(X, y)
    race = X["race"].to_numpy()
    for (attribute, group), rows in found.groupby(["attribute", "group"]):
        before, after = whole.predict(X), est.predict(X)
        if attribute == "race":
            here = pd.isna(race) if group == "missing" else race == group
            gaps = [s[here].mean() - s[race == "a"].mean() for s in (before, after)]
        else:
            known = X["age"].notna().to_numpy()
            gaps = [
                np.cov(s[known], X.loc[known, "age"], bias=True)[0, 1] for s in (before, after)
            ]
        assert rows["gap"].sum() == pytest.approx(gaps[0], abs=1e-9)
        assert rows["gap_after"].sum() == pytest.approx(gaps[1], abs=1e-9)
        assert rows["share"].sum() == pytest.approx(1 - gaps[1] / gaps[0], abs=1e-9)


def test_what_was_removed_by_class():
    X, y = outcomes(3)
    est = TrainThenCleanClassifier(classifier(), sensitive=["race"]).fit(X, y)
    assert set(est.cleaned_["output"]) == {"died", "home", "ward"}


def test_a_sensitive_column_that_does_not_vary():
    X, y = outcomes(0)
    est = TrainThenCleanRegressor(regressor(), sensitive=["race"]).fit(X.assign(race="a"), y)
    assert set(est.cleaned_["reason"]) == {"it does not vary"}
    assert est.cleaned_["gap"].isna().all() and "race" not in est.term_names_


def test_codes_are_groups_where_the_estimator_says_so():
    X, y = outcomes(0)
    coded = X.assign(race=X["race"].map({"a": 1, "b": 2, "c": 3}))
    inner = regressor(categorical_features=["race"])
    est = TrainThenCleanRegressor(inner, sensitive=["race"]).fit(coded, y)
    assert set(est.cleaned_["group"]) == {"2", "3", "missing"}


def covariances(est, X, attribute, weights):
    values = est.contributions(X).to_numpy()
    psi = attribute.whitened(weights)
    share = weights / weights.sum()
    return (values - share @ values).T @ (share[:, None] * psi)


@pytest.mark.parametrize("name", ["race", "age"])
@pytest.mark.parametrize("weighted", [False, True])
def test_no_term_covaries_with_what_was_cleaned(name, weighted):
    X, y = outcomes(0)
    weights = np.random.default_rng(0).uniform(0.5, 3, len(X)) if weighted else np.ones(len(X))
    inner = regressor(monotonic_cst={"bun": 1}, interactions=[("age", "ward")])
    est = TrainThenCleanRegressor(inner, sensitive=[name], proxies="all")
    est.fit(X, y, sample_weight=weights)
    attribute = read_attributes(X[[name]])[0]
    assert np.abs(covariances(est, X, attribute, weights)).max() < 1e-8
    certificate = est.certificate().set_index("feature")
    assert certificate.loc["bun", "declared"] == 1 and certificate.loc["bun", "holds"]
    before = regressor(**inner.get_params()).fit(X, y, sample_weight=weights)
    assert np.abs(covariances(before, X, attribute, weights)).max() > 1e-3


def test_directions_are_kept_where_cleaning_would_break_them():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, size=2_000)
    # One group is in the middle, so that its mean must come down there.
    x = np.where(a == 1, rng.normal(0.5, 0.3, 2_000), rng.normal(0, 1, 2_000))
    X = pd.DataFrame({"x": x, "a": a})
    y = x + rng.normal(size=2_000)
    for inner in (
        SplineGAMRegressor(n_knots=12, monotonic_cst={"x": 1}),
        BoostedGAMRegressor(
            monotonic_cst={"x": 1}, n_bags=2, max_rounds=200, max_bins=24, random_state=0
        ),
    ):
        est = TrainThenCleanRegressor(inner, sensitive=["a"], proxies="all").fit(X, y)
        row = est.certificate().set_index("feature").loc["x"]
        assert row["holds"]
        gap = est.predict(X)[a == 1].mean() - est.predict(X)[a == 0].mean()
        assert abs(gap) < 1e-8
        assert np.std(est.predict(X)) > 0.01
        free = inner.set_params(monotonic_cst=None)
        turning = TrainThenCleanRegressor(free, sensitive=["a"], proxies="all").fit(X, y)
        assert np.diff(turning.additive_model_["x"].coefficients[:-1, 0]).min() < 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(0,), (1,), (3,)]), st.integers(1, 2))
def test_every_random_model_is_cleaned_of_what_is_explained(seed, degrees, n_outputs):
    rng = np.random.default_rng(seed)
    model = random_model(rng, degrees, n_outputs, shared=True)
    columns = random_columns(rng, model, 150, inside=True)
    weights = rng.uniform(0.5, 2, size=150)
    model = with_density(model, columns, weights)
    first = np.nan_to_num(np.asarray(columns[model.features[0]], dtype=float))
    sensitive = {"a": np.where(first > np.median(first), "p", "q")}
    sensitive["a"][:2] = ["p", "q"]
    psi = read_attributes(sensitive)[0].whitened(weights)
    cleaned = without_explained(
        model, columns, weights, columns_by_term({"a": psi}, lambda term: ["a"])
    )
    values = cleaned.contributions(columns)
    share = weights / weights.sum()
    left = np.einsum("n,nto,nk->tok", share, values, psi)
    assert np.abs(left).max() < 1e-9
    untouched = without_explained(model, columns, weights, lambda term: None)
    assert np.array_equal(untouched.scores(columns), model.scores(columns))


def test_the_change_is_the_smallest():
    """For steps, E[psi | x] is the mean of each step, and the nearest function is known."""
    rng = np.random.default_rng(0)
    model = random_model(rng, (0,), n_features=1)
    columns = random_columns(rng, model, 400, inside=True)
    weights = np.ones(400)
    model = with_density(model, columns, weights)
    (term,) = model.terms
    place = term.axes[0].locate(columns[term.name]).first
    a = np.where(rng.random(400) < 0.2 + 0.1 * (place % 3), "p", "q")
    psi = read_attributes({"a": a})[0].whitened(weights)
    f = model.contributions(columns)[:, 0, 0]
    counts = np.bincount(place)
    g = (np.bincount(place, psi[:, 0]) / np.maximum(counts, 1))[place]
    wanted = f - (f - f.mean()) @ psi[:, 0] / (g @ g) * g
    cleaned = without_explained(
        model, columns, weights, columns_by_term({"a": psi}, lambda term: ["a"])
    )
    found = cleaned.contributions(columns)[:, 0, 0]
    assert np.allclose(found - found.mean(), wanted - wanted.mean(), atol=2e-3)
    assert np.abs(f - wanted).max() > 0.02


def test_directions_in_pairs_are_restored_together():
    rng = np.random.default_rng(3)
    n = 800
    x, z = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    a = (x + 0.3 * rng.normal(size=n) > 0.5).astype(float)
    X = pd.DataFrame({"x": x, "z": z, "a": a})
    y = x + x * z + 0.1 * rng.normal(size=n)
    inner = BoostedGAMRegressor(
        interactions=[("x", "z")],
        monotonic_cst={"x": 1},
        n_bags=1,
        max_rounds=100,
        max_bins=12,
        max_interaction_bins=6,
        random_state=0,
    )
    est = TrainThenCleanRegressor(inner, sensitive=["a"], proxies="all").fit(X, y)
    assert est.certificate().set_index("feature").loc["x", "holds"]
    attribute = read_attributes(X[["a"]])[0]
    assert np.abs(covariances(est, X, attribute, np.ones(n))).max() < 1e-8
    # The main effect got cuts from its pair, where it is not known how many rows stand.
    whole = inner.fit(X, y)
    assert est.predict(X).mean() == pytest.approx(whole.predict(X).mean(), abs=1e-10)


def test_models_that_keep_their_directions_stay_as_they_are():
    X, y = outcomes(0)
    est = regressor(monotonic_cst={"bun": 1}).fit(X, y)
    model, columns = est.additive_model_, est.schema_.read(X)
    same = in_order(model, model, columns, np.ones(len(X)), {"bun": 1}, lambda term: None)
    assert same is model
    turned = in_order(model, model, columns, np.ones(len(X)), {"bun": -1}, lambda term: None)
    assert np.diff(turned["bun"].coefficients[:-1, 0]).max() <= 0


def test_only_terms_of_proxies_change():
    X, y = outcomes(0)
    X["clinic"] = X["race"].fillna("none") + "'s"
    est = TrainThenCleanRegressor(
        regressor(), sensitive=["race"], proxies=0.9, random_state=0
    ).fit(X, y)
    assert est.proxies_.loc[est.proxies_["removed"], "feature"].tolist() == ["clinic"]
    removed = est.cleaned_.drop_duplicates("term").set_index("term")["removed"]
    assert removed["clinic"] > 1e-6 and removed["bun"] == 0 and removed["ward"] == 0
    assert np.abs(est.contributions(X)["clinic"]).max() < 1e-8


def test_features_outside_the_table_are_cleaned_of():
    X, y = outcomes(0)
    inside = X.drop(columns=["race", "age"])
    est = TrainThenCleanRegressor(regressor(), proxies="all")
    est.fit(inside, y, sensitive_features=X[["race"]])
    attribute = read_attributes(X[["race"]])[0]
    assert np.abs(covariances(est, inside, attribute, np.ones(len(X)))).max() < 1e-8
    with pytest.raises(ValueError, match="nothing would be cleaned"):
        TrainThenCleanRegressor(regressor()).fit(inside, y, sensitive_features=X[["race"]])


def test_networks_are_refused():
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["x", "a"])
    y = X["x"] * X["a"]
    params = {"n_bags": 2, "max_steps": 60, "random_state": 0, "device": "cpu", "n_knots": 6}
    with pytest.raises(ValueError, match="residual=False"):
        TrainThenCleanRegressor(
            MonotonicNetRegressor(joint_penalty=0.0, learning_rate=0.02, **params), sensitive=["a"]
        ).fit(X, y)
    tables = MonotonicNetRegressor(residual=False, **params)
    est = TrainThenCleanRegressor(tables, sensitive=["a"]).fit(X, y)
    assert est.term_names_ == ["x"]
