"""Blind at test time: exact averages, and predictions that cannot see."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from glassbox import MonotonicNetRegressor
from glassbox.core.axes import NumericAxis
from glassbox.core.density import with_density
from glassbox.fairness._strategies import averages
from glassbox.fairness.strategies import (
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
    TrainThenCleanClassifier,
)
from tests.core.random_models import feature_axes, random_columns, random_model
from tests.fairness.strategy_tables import classifier, outcomes, regressor

HOW = ["marginal", "reference", "missing", "conditional"]
NAMES = ["race", "age"]


def fit(est, X, y, **given):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "how='conditional'", UserWarning)
        return est.fit(X, y, **given)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("scale", ["link", "response"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_are_the_same_whatever_the_columns_hold(how, scale, n_classes):
    X, y = outcomes(n_classes, n_rows=150)
    inner = classifier(interactions=[("race", "ward"), ("age", "bun"), ("race", "age")])
    est = fit(TestTimeBlinderClassifier(inner, sensitive=NAMES, how=how, scale=scale), X, y)
    other = X.assign(race=X["race"].to_numpy()[::-1], age=np.nan)
    for name in ("predict", "predict_proba", "decision_function"):
        assert getattr(est, name)(X).tolist() == getattr(est, name)(other).tolist()
        assert getattr(est, name)(X[["ward", "bun"]]).tolist() == getattr(est, name)(X).tolist()
    proba = est.predict_proba(X)
    assert np.allclose(proba.sum(axis=1), 1)
    assert (est.classes_[proba.argmax(axis=1)] == est.predict(X)).all()
    assert (est.predict_standard_error(X) == 0).all()
    assert hasattr(est, "contributions") == (est.support_ is None)
    assert (est.support_ is None) == (how in HOW[1:3] or (scale == "link" and how != HOW[3]))


def by_hand(est, X, shares=None):
    """Averages over all rows of the training table, one after the other."""
    inner = est.sighted_estimator_
    means, scores = 0.0, 0.0
    for k, (race, age) in enumerate(X[NAMES].itertuples(index=False)):
        here = X.assign(race=race, age=age)
        share = 1 / len(X) if shares is None else shares[k]
        means = means + share * inner.predict_proba(here)
        scores = scores + share * inner.decision_function(here)
    return means, scores


@pytest.mark.parametrize("n_classes", [2, 3])
def test_marginal_averages_are_those_over_the_training_rows(n_classes):
    X, y = outcomes(n_classes, n_rows=120)
    inner = classifier(interactions=[("race", "ward"), ("age", "bun")])
    weights = np.random.default_rng(0).uniform(0, 2, size=len(X))
    weights[::5] = 0.0
    link, response = (
        TestTimeBlinderClassifier(inner, sensitive=NAMES, scale=scale).fit(
            X, y, sample_weight=weights
        )
        for scale in ("link", "response")
    )
    means, scores = by_hand(response, X, weights / weights.sum())
    assert np.allclose(response.predict_proba(X), means, rtol=0, atol=1e-12)
    assert np.allclose(link.decision_function(X), scores, rtol=0, atol=1e-10)
    if n_classes == 2:
        logit = np.log(means[:, 1] / means[:, 0])
        assert np.allclose(response.decision_function(X), logit, atol=1e-10)
    total = (
        link.contributions(X).T.groupby(level=-1, sort=False).sum().T if n_classes > 2 else None
    )
    if n_classes == 2:
        total = link.contributions(X).sum(axis=1) + link.intercept_
        assert np.allclose(total, link.decision_function(X), rtol=0, atol=1e-9)
    else:
        found = total.to_numpy() + link.intercept_
        assert np.allclose(found, link.decision_function(X), rtol=0, atol=1e-9)


class Fitted:
    """A made-up additive model under a strategy, without the time that fitting takes."""

    def __init__(self, rng, degrees, how, scale):
        model = random_model(rng, degrees, shared=True)
        self.columns = random_columns(rng, model, 40)
        self.model = with_density(model.replace(link="logit"), self.columns, np.ones(40))
        self.name = model.features[int(rng.integers(len(model.features)))]
        self.how, self.scale = how, scale

    def estimator(self):
        outer = self

        class Known(type(classifier())):
            def _learn(self, table):
                self.lam_, self.n_iter_ = {}, 1
                self.effective_df_ = self.dispersion_ = 1.0
                self.band_description_ = "no band"
                return outer.model

        est = Known()
        Known.__name__ = "SplineGAMClassifier"
        return est

    def table(self):
        frame = {}
        for name, axes in feature_axes(self.model).items():
            values = self.columns[name]
            if isinstance(axes[0], NumericAxis):
                frame[name] = values
            else:
                labels = np.array([*axes[0].categories, None, None], dtype=object)
                frame[name] = pd.Categorical(
                    labels[values], categories=axes[0].categories, ordered=True
                )
        return pd.DataFrame(frame)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(0,), (1,), (3,)]),
    st.sampled_from(HOW[:3]),
    st.sampled_from(["link", "response"]),
)
def test_no_random_table_and_model_lets_a_prediction_see(seed, degrees, how, scale):
    rng = np.random.default_rng(seed)
    made = Fitted(rng, degrees, how, scale)
    X = made.table()
    y = np.arange(len(X)) % 2
    est = TestTimeBlinderClassifier(
        made.estimator(), sensitive=[made.name], how=how, scale=scale
    ).fit(X, y)
    before = est.decision_function(X)
    shuffled = X.assign(**{made.name: X[made.name].array[rng.permutation(len(X))]})
    assert est.decision_function(shuffled).tobytes() == before.tobytes()
    assert np.isfinite(before).all()
    if how != "marginal":
        return
    columns, total = est.sighted_estimator_.schema_.read(X), 0.0
    for value in columns[made.name]:
        here = {**columns, made.name: np.full(len(X), value)}
        scores = made.model.scores(here)[:, 0]
        total = total + (scores if scale == "link" else 1 / (1 + np.exp(-scores))) / len(X)
    found = before if scale == "link" else est.predict_proba(X)[:, 1]
    assert np.allclose(found, total, rtol=0, atol=1e-9)


def test_clean_and_blind_rank_alike_without_interactions():
    X, y = outcomes(2)
    clean = TrainThenCleanClassifier(classifier(), sensitive=NAMES).fit(X, y)
    scores = clean.decision_function(X)
    for how in HOW[:3]:
        for scale in ("link", "response"):
            est = TestTimeBlinderClassifier(classifier(), sensitive=NAMES, how=how, scale=scale)
            found = est.fit(X, y).decision_function(X)
            assert (np.argsort(found) == np.argsort(scores)).all()
            if est.support_ is None:
                assert np.ptp(found - scores) < 1e-9
    marginal = TestTimeBlinderClassifier(classifier(), sensitive=NAMES).fit(X, y)
    assert np.allclose(marginal.decision_function(X), scores, atol=1e-9)


def test_reference_values():
    X, y = outcomes(2)
    inner = classifier(interactions=[("race", "ward")])
    est = TestTimeBlinderClassifier(inner, sensitive=NAMES, how="reference").fit(X, y)
    middle = X["age"].dropna().quantile(0.5, interpolation="lower")
    here = X.assign(race="a", age=middle)
    assert np.allclose(
        est.decision_function(X), est.sighted_estimator_.decision_function(here), atol=1e-10
    )
    given = TestTimeBlinderClassifier(
        inner, sensitive=NAMES, how="reference", reference={"race": "c", "age": 30}
    ).fit(X, y)
    here = X.assign(race="c", age=30.0)
    assert np.allclose(
        given.decision_function(X), given.sighted_estimator_.decision_function(here), atol=1e-10
    )
    missing = TestTimeBlinderClassifier(inner, sensitive=NAMES, how="missing").fit(X, y)
    here = X.assign(race=None, age=np.nan)
    assert np.allclose(
        missing.decision_function(X), missing.sighted_estimator_.decision_function(here)
    )


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"how": "reference", "reference": {"race": "z"}}, "which training did not see"),
        ({"how": "reference", "reference": {"ward": "x"}}, "not a sensitive column"),
        ({"how": "marginal", "reference": {"race": "a"}}, "does not use it"),
    ],
)
def test_wrong_references_are_refused(params, reason):
    X, y = outcomes(2)
    with pytest.raises(ValueError, match=reason):
        TestTimeBlinderClassifier(classifier(), sensitive=NAMES, **params).fit(X, y)


def test_features_outside_the_table_cannot_be_hidden():
    X, y = outcomes(2)
    est = TestTimeBlinderClassifier(classifier(), sensitive=["race"])
    with pytest.raises(ValueError, match="which the model never sees"):
        est.fit(X, y, sensitive_features=X["age"])


@pytest.mark.parametrize("scale", ["link", "response"])
def test_conditional_weights_bring_proxies_back(scale):
    X, y = outcomes(2)
    X["clinic"] = X["race"].fillna("none") + "'s"
    est = TestTimeBlinderClassifier(
        classifier(), sensitive=["race"], how="conditional", scale=scale
    )
    with pytest.warns(UserWarning, match="brings? their proxies back"):
        est.fit(X, y)
    seen = est.sighted_estimator_.predict_proba(X)[:, 1]
    marginal = TestTimeBlinderClassifier(classifier(), sensitive=["race"], scale=scale).fit(X, y)
    far, near = (np.abs(e.predict_proba(X)[:, 1] - seen).mean() for e in (marginal, est))
    assert near < far / 2
    amounts = fit(est.set_params(sensitive=["age"]), X, y)
    assert amounts.support_["(group 0)"].nunique() == 6
    assert amounts.weights_estimators_[0].classes_.tolist() == list(range(6))


def test_conditional_weights_of_groups_and_amounts():
    X, y = outcomes(2, n_rows=150)
    weights = np.random.default_rng(0).uniform(0.5, 2, size=len(X))
    params = {"how": "conditional", "scale": "response"}
    est = TestTimeBlinderClassifier(classifier(), sensitive=["race"], **params)
    fit(est, X, y, sample_weight=weights)
    (model,), inner = est.weights_estimators_, est.sighted_estimator_
    known, wanted = model.predict_proba(X[["bun", "ward", "age"]]), 0.0
    for k, race in enumerate(["a", "b", "c", None]):
        here = X.assign(race=pd.Series([race] * len(X), dtype=object))
        wanted = wanted + known[:, [k]] * inner.predict_proba(here)
    assert np.allclose(est.predict_proba(X), wanted, rtol=0, atol=1e-12)
    est = fit(est.set_params(sensitive=["age"]), X, y, sample_weight=weights)
    (model,), inner = est.weights_estimators_, est.sighted_estimator_
    known, wanted = model.predict_proba(X[["bun", "race", "ward"]]), 0.0
    group = est.support_["(group 0)"].to_numpy()
    for k in range(6):
        rows = est.support_[group == k]
        share = rows["(weight)"] / rows["(weight)"].sum()
        for age, part in zip(rows["age"], share, strict=True):
            wanted = wanted + part * known[:, [k]] * inner.predict_proba(X.assign(age=age))
    assert np.allclose(est.predict_proba(X), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["pandas", "polars", "numpy"])
def test_other_estimators_average_over_the_combinations(kind):
    X, y = outcomes(0)
    X = X.dropna()[["bun", "age"]].assign(sex=np.arange(len(X.dropna())) % 2)
    y = y[: len(X)]
    table = {"pandas": X, "polars": pl.from_pandas(X), "numpy": X.to_numpy()}[kind]
    forest = RandomForestRegressor(n_estimators=5, random_state=0)
    est = TestTimeBlinderRegressor(forest, sensitive=[2]).fit(table, y)
    inner, wanted = est.sighted_estimator_, 0.0
    for sex in (0, 1):
        share = (X["sex"] == sex).mean()
        filled = X.assign(sex=sex)
        filled = {"pandas": filled, "polars": pl.from_pandas(filled), "numpy": filled.to_numpy()}
        wanted = wanted + share * inner.predict(filled[kind])
    assert np.allclose(est.predict(table), wanted)
    assert (est.predict_standard_error(table) == 0).all()
    if kind == "pandas":
        assert np.allclose(est.predict(X[["bun", "age"]]), wanted)


def test_draws_are_seeded_and_have_a_standard_error():
    X, y = outcomes(2)
    X = X[["bun", "age"]].fillna(0.0)
    forest = DecisionTreeClassifier(random_state=0, max_depth=6)
    params = {"sensitive": ["age"], "scale": "response"}
    exact = TestTimeBlinderClassifier(forest, n_draws=1_000, **params).fit(X, y)
    drawn = [
        TestTimeBlinderClassifier(forest, n_draws=40, random_state=seed, **params).fit(X, y)
        for seed in range(8)
    ]
    again = TestTimeBlinderClassifier(forest, n_draws=40, random_state=0, **params).fit(X, y)
    assert again.predict_proba(X).tolist() == drawn[0].predict_proba(X).tolist()
    assert exact.n_drawn_ == 0 and drawn[0].n_drawn_ == 40
    errors = drawn[0].predict_standard_error(X)
    assert errors.shape == (len(X), 2) and errors.max() > 0
    known = exact.predict_proba(X)[:, 1]
    misses = np.array([e.predict_proba(X)[:, 1] - known for e in drawn])
    spread = np.sqrt((misses**2).mean())
    said = np.sqrt(np.mean([e.predict_standard_error(X)[:, 1] ** 2 for e in drawn]))
    assert 0.5 < spread / said < 2
    blind = drawn[0].predict_proba(X.assign(age=1.0))
    assert blind.tolist() == drawn[0].predict_proba(X).tolist()
    assert np.allclose(drawn[0].decision_function(X), np.log(blind[:, 1] / blind[:, 0]))


def test_references_of_other_estimators():
    X, y = outcomes(0)
    X = X[["bun", "age"]].fillna(50.0)
    line = LinearRegression()
    est = TestTimeBlinderRegressor(line, sensitive=["age"], how="reference").fit(X, y)
    middle = X["age"].quantile(0.5, interpolation="lower")
    assert np.allclose(est.predict(X), est.sighted_estimator_.predict(X.assign(age=middle)))
    est = TestTimeBlinderRegressor(
        line, sensitive=["age"], how="reference", reference={"age": 50.0}
    ).fit(X, y)
    assert np.allclose(est.predict(X), est.sighted_estimator_.predict(X.assign(age=50.0)))
    with pytest.raises(ValueError, match="no training row has|that no training row"):
        est.set_params(reference={"age": -1.0}).fit(X, y)


def test_missing_values_of_other_estimators():
    X, y = outcomes(0)
    X = X[["bun", "age"]]
    forest = RandomForestRegressor(n_estimators=5, random_state=0)
    est = TestTimeBlinderRegressor(forest, sensitive=["age"], how="missing").fit(X, y)
    wanted = est.sighted_estimator_.predict(X.assign(age=np.nan))
    assert est.predict(X).tolist() == wanted.tolist()


def test_what_other_estimators_cannot_do():
    X, y = outcomes(2)
    X = X[["bun", "age"]].fillna(0.0)
    forest = RandomForestClassifier(n_estimators=2)
    with pytest.raises(ValueError, match="use scale='response'"):
        TestTimeBlinderClassifier(forest, sensitive=["age"]).fit(X, y)
    with pytest.raises(TypeError, match="no predict_proba"):
        TestTimeBlinderClassifier(LinearSVC(), sensitive=["age"], scale="response").fit(X, y)


def test_many_combinations_are_condensed(monkeypatch):
    X, y = outcomes(2)
    params = {"sensitive": ["age"], "scale": "response"}
    every = TestTimeBlinderClassifier(classifier(), **params).fit(X, y)
    monkeypatch.setattr(averages, "MOST_COMBINATIONS", 60)
    some = TestTimeBlinderClassifier(classifier(), **params).fit(X, y)
    assert len(every.support_) > 200 and len(some.support_) <= 60
    assert some.support_["(weight)"].sum() == pytest.approx(every.support_["(weight)"].sum())
    assert np.allclose(some.predict_proba(X), every.predict_proba(X), atol=3e-3)


def test_means_of_a_log_link():
    X, y = outcomes(0)
    y = np.exp(y / 4)
    inner = regressor(loss="gamma")
    response = TestTimeBlinderRegressor(inner, sensitive=["race"], scale="response").fit(X, y)
    link = TestTimeBlinderRegressor(inner, sensitive=["race"]).fit(X, y)
    wanted = 0.0
    for race, share in X["race"].value_counts(dropna=False, normalize=True).items():
        here = X.assign(race=pd.Series([race] * len(X), dtype=object))
        wanted = wanted + share * response.sighted_estimator_.predict(here)
    assert np.allclose(response.predict(X), wanted)
    # The mean of exponentials is above the exponential of the mean.
    assert (response.predict(X) > link.predict(X)).all()


def test_networks_beside_tables_are_averaged_too():
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=300), "a": rng.integers(0, 2, size=300)})
    y = X["x"] * X["a"]
    params = {"n_bags": 2, "max_steps": 60, "random_state": 0, "device": "cpu", "n_knots": 6}
    inner = MonotonicNetRegressor(joint_penalty=0.0, learning_rate=0.02, **params)
    est = TestTimeBlinderRegressor(inner, sensitive=["a"]).fit(X, y)
    assert est.sighted_estimator_.joint_ is not None and not hasattr(est, "contributions")
    share = X["a"].mean()
    wanted = sum(
        weight * est.sighted_estimator_.predict(X.assign(a=a))
        for a, weight in ((0, 1 - share), (1, share))
    )
    assert np.allclose(est.predict(X), wanted)


def test_the_sighted_model_stays_as_it_is():
    X, y = outcomes(2)
    est = TestTimeBlinderClassifier(classifier(), sensitive=NAMES).fit(X, y)
    whole = classifier().fit(X, y)
    sighted = est.sighted_estimator_
    assert sighted.decision_function(X).tolist() == whole.decision_function(X).tolist()
    assert sighted.term_names_ == ["bun", "race", "ward", "age"]
