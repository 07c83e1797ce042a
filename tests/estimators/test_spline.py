import numpy as np
import pandas as pd
import pygam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import cross_val_score

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.estimators import spline
from glassbox.estimators._pygam import fit_with_pygam


@pytest.fixture
def mixed():
    rng = np.random.default_rng(0)
    n = 500
    X = pd.DataFrame(
        {
            "age": rng.normal(60, 12, n),
            "bun": rng.exponential(10, n),
            "site": rng.choice(["a", "b", "c"], n, p=[0.6, 0.38, 0.02]),
            "stage": pd.Categorical(
                rng.choice(["I", "II", "III"], n), ["I", "II", "III"], ordered=True
            ),
            "count": rng.integers(0, 3, n),
            "flat": np.ones(n),
        }
    )
    score = (
        np.sin(X["age"] / 8)
        + 0.05 * X["bun"]
        + 0.8 * (X["site"] == "b")
        + 0.4 * X["stage"].cat.codes
        - 1.2
    ).to_numpy()
    X.loc[rng.random(n) < 0.2, "age"] = np.nan
    X.loc[7, "bun"] = np.nan
    X.loc[[3, 4], "site"] = None
    return X, score, rng


ESTIMATORS = {
    "normal": (SplineGAMRegressor, {}, lambda s, rng: s + 0.3 * rng.normal(size=len(s))),
    "poisson": (SplineGAMRegressor, {"loss": "poisson"}, lambda s, rng: rng.poisson(np.exp(s))),
    "gamma": (SplineGAMRegressor, {"loss": "gamma"}, lambda s, rng: rng.gamma(3, np.exp(s))),
    "binary": (SplineGAMClassifier, {}, lambda s, rng: s + rng.logistic(size=len(s)) > 0),
    "classes": (
        SplineGAMClassifier,
        {},
        lambda s, rng: np.digitize(s + rng.logistic(size=len(s)), [-1, 1]),
    ),
}


def scores(est, X):
    if hasattr(est, "decision_function"):
        return est.decision_function(X)
    return est.additive_model_.link_function.link(est.predict(X))


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("interactions", [0, 1, [("age", "site"), ("bun", "age")]], ids=str)
def test_contributions_sum_to_the_score(kind, interactions, mixed):
    X, score, rng = mixed
    cls, options, draw = ESTIMATORS[kind]
    est = cls(interactions=interactions, **options).fit(X, draw(score, rng))
    new = X.assign(site=["zzz", *X["site"][1:]])
    parts = est.contributions(new)
    if kind == "classes":
        total = parts.T.groupby(level="class").sum().T.to_numpy() + est.intercept_
    else:
        total = parts.sum(axis=1).to_numpy() + est.intercept_
    np.testing.assert_allclose(total, scores(est, new), atol=1e-9)
    n_pairs = interactions if isinstance(interactions, int) else len(interactions)
    assert len(est.term_names_) == 6 + n_pairs
    known = est.contributions(X).to_numpy()
    np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-9)


def test_slots_that_few_rows_stand_behind(mixed):
    X, score, rng = mixed
    y = score + 0.3 * rng.normal(size=500)
    y[7] += 20
    est = SplineGAMRegressor().fit(X, y)
    bun = est.shape_function("bun").set_index("kind").loc["missing"]
    # One patient, twenty units off: at most half of it is believed.
    assert 0 < bun["score"] < 0.51 * 20
    assert SplineGAMRegressor().fit(X, y).lam_["(missing)"] >= 1
    site = est.shape_function("site").set_index("kind")
    assert site.loc["unseen", "score"] == 0.0
    widths = site["upper"] - site["lower"]
    assert widths["unseen"] > widths["value"].min()
    assert widths["missing"] > widths["value"].min()
    unmissed = est.shape_function("count").set_index("kind").loc["missing"]
    assert unmissed["score"] == 0.0 and unmissed["upper"] > 0.1
    assert not est.shape_function("flat").query("kind == 'value'")["score"].any()


def test_a_missing_slot_with_many_rows_is_believed():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2_000)
    missing = rng.random(2_000) < 0.5
    y = 2.0 * missing + rng.normal(size=2_000)
    est = SplineGAMRegressor().fit(np.where(missing, np.nan, x)[:, None], y)
    shape = est.shape_function("x0")
    slot = shape[shape["kind"] == "missing"]["score"].item()
    values = shape[shape["kind"] == "value"]["score"]
    assert slot - np.median(values) == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("kind", ["normal", "binary", "poisson"])
def test_declared_directions_hold_everywhere(kind, mixed):
    X, score, rng = mixed
    cls, options, draw = ESTIMATORS[kind]
    directions = {"age": -1, "bun": 1, "stage": 1}
    est = cls(monotonic_cst=directions, **options).fit(X, draw(score, rng))
    certificate = est.certificate().set_index("feature")
    assert certificate.loc[list(directions), "holds"].all()
    for name, sign in directions.items():
        term = est.additive_model_[name]
        values = term.coefficients[: term.axes[0].n_values, 0]
        assert (np.diff(sign * values) >= 0).all()


def test_directions_that_cannot_be(mixed):
    X, score, rng = mixed
    y = score + rng.normal(size=500)
    with pytest.raises(ValueError, match="'age'.*Drop the pair or the direction"):
        SplineGAMRegressor(monotonic_cst={"age": 1}, interactions=[("age", "bun")]).fit(X, y)
    with pytest.raises(ValueError, match="one per class"):
        SplineGAMClassifier(monotonic_cst={"age": 1}).fit(X, np.digitize(y, [-1, 1]))
    est = SplineGAMRegressor(monotonic_cst={"age": 1, "bun": 1}, interactions=1).fit(X, y)
    assert not {"age", "bun"} & set(est.additive_model_.terms[-1].features)


PYGAMS = {
    "normal": pygam.LinearGAM,
    "binary": pygam.LogisticGAM,
    "poisson": pygam.PoissonGAM,
    "gamma": pygam.GammaGAM,
}


@pytest.fixture
def pygams_own(monkeypatch):
    """Catches pyGAM's object, so that both can be asked for the same predictions."""
    caught = []

    def spy(*args, **options):
        fit, gam = fit_with_pygam(*args, **options)
        caught.append(gam)
        return fit, gam

    monkeypatch.setattr("glassbox.estimators._pygam.fit_with_pygam", spy)
    return caught


@pytest.mark.parametrize("kind", PYGAMS)
@pytest.mark.parametrize("interactions", [0, 1, [(1, 0)]], ids=str)
def test_pygam_is_read_exactly(kind, interactions, pygams_own):
    rng = np.random.default_rng(5)
    X = np.column_stack(
        [rng.normal(size=200), rng.uniform(50, 90, 200), rng.integers(0, 4, 200), np.ones(200)]
    )
    score = np.sin(X[:, 0]) + X[:, 1] / 40 - 1.5 + (X[:, 2] == 1)
    cls, options, draw = ESTIMATORS[kind]
    est = cls(
        solver="pygam", categorical_features=[2], interactions=interactions, lam=2.0, **options
    )
    est.fit(X, draw(score, rng))
    far = X.copy()
    far[:, :2] += rng.normal(size=(200, 2)) * [5, 60]
    for table in (X, far):
        ours = scores(est, table)
        np.testing.assert_allclose(
            ours, pygams_own[-1]._linear_predictor(table), rtol=1e-8, atol=1e-8
        )
        if kind != "binary":
            np.testing.assert_allclose(est.predict(table), pygams_own[-1].predict_mu(table), 1e-7)
    assert len(est.term_names_) == 4 + (interactions if interactions in (0, 1) else 1)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31), lam=st.sampled_from([0.6, 20.0]))
def test_both_solvers_agree_at_the_same_strength(seed, lam):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 2))
    y = np.sin(2 * X[:, 0]) + rng.normal(size=200)
    ours, theirs = (
        SplineGAMRegressor(lam=lam, solver=solver, extrapolation="linear").fit(X, y)
        for solver in ("pirls", "pygam")
    )
    far = 3 * X
    np.testing.assert_allclose(ours.predict(far), theirs.predict(far), rtol=1e-6, atol=1e-6)
    for name in ours.term_names_:
        a, b = ours.additive_model_[name], theirs.additive_model_[name]
        np.testing.assert_allclose(a.coefficients, b.coefficients, rtol=1e-6, atol=1e-6)
        assert (b.lower < b.coefficients).all() and (b.coefficients < b.upper).all()


def test_pygam_under_directions(mixed):
    X, score, rng = mixed
    X = X[["age", "bun"]].fillna(60.0)
    est = SplineGAMRegressor(solver="pygam", monotonic_cst={"age": -1, "bun": 1})
    est.fit(X, score + 0.3 * rng.normal(size=500))
    assert est.certificate()["holds"].all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"lam": "reml"}, "REML.*give lam a number, or use solver='pirls'"),
        ({"knots": "quantile"}, "quantiles.*use solver='pirls'"),
        ({}, "missing values.*'age'.*use solver='pirls'"),
    ],
)
def test_what_pygam_lacks_is_refused(options, message, mixed):
    X, score, _ = mixed
    with pytest.raises(ValueError, match=message):
        SplineGAMRegressor(solver="pygam", **options).fit(X, score)


def test_more_refusals(mixed):
    X, score, rng = mixed
    with pytest.raises(ValueError, match="more than two classes"):
        SplineGAMClassifier(solver="pygam").fit(X[["count"]], np.digitize(score, [-1, 0]))
    with pytest.raises(ValueError, match="pairs of categories"):
        SplineGAMRegressor(solver="pygam", interactions=[("count", "stage")]).fit(
            X[["count", "stage"]], score
        )
    with pytest.raises(ValueError, match="lacks.*'bun'.*names.*'nun'"):
        SplineGAMRegressor(lam={"age": 1.0, "nun": 1.0}).fit(X[["age", "bun"]], score)
    with pytest.raises(ValueError, match="'bun' must be 0 or more"):
        SplineGAMRegressor(lam={"age": 1.0, "bun": -1.0}).fit(X[["age", "bun"]], score)
    with pytest.raises(ValueError, match="above zero"):
        SplineGAMRegressor(loss="gamma").fit(X, np.maximum(score, 0))
    with pytest.raises(ValueError, match="zero or more"):
        SplineGAMRegressor(loss="poisson").fit(X, score)
    with pytest.raises(ValueError, match="twice over"):
        SplineGAMRegressor(interactions=[("age", "bun"), (1, 0)]).fit(X, score)
    with pytest.raises(ValueError, match="n_samples=1"):
        SplineGAMRegressor().fit(X[:1], score[:1])


def test_strengths_by_term(mixed):
    X, score, rng = mixed
    X = X[["age", "bun"]]
    est = SplineGAMRegressor(lam={"age": 0.1, "bun": 1e9}).fit(X, score)
    assert est.lam_["age"] == pytest.approx(0.1)
    bun = est.shape_function("bun").query("kind == 'value'")
    slopes = np.diff(bun["score"].to_numpy(float)) / np.diff(bun["x"].to_numpy(float))
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-3)


def test_knots_follow_the_values(mixed):
    X, score, rng = mixed
    y = score + 0.3 * rng.normal(size=500)
    est = SplineGAMRegressor(knots="quantile", n_knots=8).fit(X, y)
    count = est.additive_model_["count"].axes[0]
    assert count.degree == 1 and count.knots.tolist() == [0, 1, 2]
    bun = est.additive_model_["bun"]
    assert len(bun.axes[0].knots) == 8
    rows, _ = np.histogram(X["bun"].dropna(), bun.axes[0].knots)
    assert np.ptp(rows) <= 2


@pytest.mark.parametrize("kind", ["normal", "binary"])
def test_the_band_covers_the_truth(kind):
    covered = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-2, 2, size=(1_000, 3))
        shapes = np.column_stack([np.sin(2 * X[:, 0]), X[:, 1], 0 * X[:, 2]])
        shapes -= shapes.mean(axis=0)
        cls, _, draw = ESTIMATORS[kind]
        est = cls().fit(X, draw(shapes.sum(axis=1), rng))
        for j, term in enumerate(est.additive_model_.terms):
            rows = [term.axes[0].locate(np.ascontiguousarray(X[:, j]))]
            low, high = (term.evaluate(rows, edge)[:, 0] for edge in (term.lower, term.upper))
            covered.append(np.mean((low <= shapes[:, j]) & (shapes[:, j] <= high)))
            assert (low <= high).all()
    assert 0.9 < np.mean(covered) <= 1.0


def test_smoothness_needs_no_grid_search():
    X, y = load_diabetes(return_X_y=True)
    assert cross_val_score(SplineGAMRegressor(), X, y, cv=5).mean() > 0.47
    X, y = load_breast_cancer(return_X_y=True)
    columns = np.r_[0:10, 20:30]
    losses = -cross_val_score(
        SplineGAMClassifier(n_knots=8), X[:, columns], y, cv=3, scoring="neg_log_loss"
    )
    assert losses.mean() < 0.09


def test_pygam_is_loaded_only_when_asked_for():
    assert not hasattr(spline, "pygam")


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma"])
def test_a_constant_outcome(loss):
    X = np.random.default_rng(0).normal(size=(50, 2))
    est = SplineGAMRegressor(loss=loss).fit(X, np.full(50, 3.0))
    np.testing.assert_allclose(est.predict(X), 3.0)


def test_columns_without_values():
    X = pd.DataFrame({"c": [None] * 40, "x": np.nan, "one": 1.0})
    y = np.random.default_rng(0).normal(size=40)
    est = SplineGAMRegressor().fit(X, y)
    np.testing.assert_allclose(est.predict(X), y.mean())
    assert np.isfinite(est.predict(pd.DataFrame({"c": [1.0], "x": [2.0], "one": [0.0]}))).all()


def test_verbose_tells_of_every_pass(capsys):
    X = np.random.default_rng(0).normal(size=(200, 1))
    est = SplineGAMClassifier(verbose=1).fit(X, X[:, 0] + np.sin(9 * np.arange(200)) > 0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == est.n_iter_
    assert lines[0].startswith("[glassbox] pass 1 over the rows: deviance ")
    with pytest.raises(ValueError, match="solver='pygam' cannot tell its progress"):
        SplineGAMClassifier(solver="pygam", verbose=1).fit(X, X[:, 0] > 0)
