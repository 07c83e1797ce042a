"""Boosted GAMs on glassbox's own engine."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from glassbox import BoostedGAMClassifier, BoostedGAMRegressor, load, save
from glassbox.datasets import load_birthwt
from glassbox.estimators import _gram

FAST = {"n_bags": 2, "max_rounds": 60, "smoothing_rounds": 10, "random_state": 0}
FEW = settings(max_examples=12)


def mixed_frame(rng, n_rows, missing=0.1):
    frame = pd.DataFrame(
        {
            "age": rng.normal(60, 10, n_rows),
            "stage": pd.Categorical(
                rng.choice(["I", "II", "III"], n_rows), ["I", "II", "III", "IV"], ordered=True
            ),
            "ward": rng.choice(np.array(["a", "b", "c"], dtype=object), n_rows),
            "flag": rng.random(n_rows) < 0.5,
        }
    )
    return frame.mask(rng.random(frame.shape) < missing) if missing else frame


def signal_of(frame):
    age = frame["age"].fillna(60).to_numpy(float)
    return (age - 60) / 10 + (frame["ward"] == "b").to_numpy() - (frame["stage"] == "I")


def problem(seed=0, n_rows=300, task="binary", missing=0.1):
    rng = np.random.default_rng(seed)
    X = mixed_frame(rng, n_rows, missing)
    signal = np.asarray(signal_of(X), dtype=float)
    if task == "poisson":
        return X, rng.poisson(np.exp(signal / 2)).astype(float)
    noisy = signal + rng.logistic(size=n_rows)
    if task == "number":
        return X, noisy
    if task == "binary":
        return X, np.where(noisy > 0, "died", "lived")
    return X, np.array(["home", "ward", "icu"])[np.digitize(noisy, [-1, 1])]


def model_of(task, **settings):
    settings = FAST | settings
    if task in ("binary", "classes"):
        return BoostedGAMClassifier(**settings)
    return BoostedGAMRegressor(
        loss="poisson" if task == "poisson" else "squared_error", **settings
    )


def parameters_of(model):
    additive = model.additive_model_
    return [additive.intercept, *(term.coefficients for term in additive.terms)]


def assert_same(first, second, atol=0.0):
    assert first.term_names_ == second.term_names_
    for one, two in zip(parameters_of(first), parameters_of(second), strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=atol)


def assert_sound(model, X):
    """Finite scores that are the sum of their parts, on tables that hold nothing but numbers."""
    scores = model._scores(X)
    assert np.isfinite(scores).all()
    contributions = model.contributions(X).to_numpy().reshape(len(scores), -1, scores.shape[1])
    total = contributions.sum(axis=1) + model.intercept_
    scale = max(1.0, np.abs(scores).max())
    np.testing.assert_allclose(total, scores, rtol=0, atol=1e-9 * scale)
    for term in model.additive_model_.terms:
        assert np.isfinite(term.coefficients).all()


TASKS = ["binary", "classes", "number", "poisson"]


def force(patch, upkeep):
    """Take sums from the rows at every step, or keep them up in the space of bins."""
    options = _gram._options
    patch.setattr(_gram, "_options", lambda *which: replace(options(*which), upkeep=upkeep))


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
@pytest.mark.parametrize("task", TASKS)
def test_the_number_of_jobs_changes_nothing(task, upkeep, monkeypatch):
    force(monkeypatch, upkeep)
    X, y = problem(task=task)
    one, two = (model_of(task, n_jobs=n, n_bags=3, interactions=2).fit(X, y) for n in (1, 2))
    assert_same(one, two)
    assert one.n_rounds_ == two.n_rounds_
    for a, b in zip(one.additive_model_.terms, two.additive_model_.terms, strict=True):
        assert np.array_equal(a.lower, b.lower) and np.array_equal(a.upper, b.upper)


@pytest.mark.parametrize("task", TASKS)
def test_the_order_of_the_rows_changes_nothing(task):
    X, y = problem(1, task=task)
    order = np.random.default_rng(5).permutation(len(y))
    first = model_of(task, interactions=1).fit(X, y)
    assert_same(first, model_of(task, interactions=1).fit(X.iloc[order], y[order]))
    other = model_of(task, interactions=1, random_state=1).fit(X, y)
    assert not np.array_equal(other._scores(X), first._scores(X))


@pytest.mark.parametrize("task", TASKS)
def test_weights_of_zero_leave_rows_out_and_whole_weights_repeat_them(task):
    X, y = problem(2, task=task)
    weights = np.random.default_rng(0).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    weighted = model_of(task, interactions=1).fit(X, y, sample_weight=weights)
    assert_same(weighted, model_of(task, interactions=1).fit(X.iloc[rows], y[rows]))
    kept = weights > 0
    zero_or_half = np.where(kept, 0.5, 0.0)
    assert_same(
        model_of(task).fit(X, y, sample_weight=zero_or_half),
        model_of(task).fit(X[kept], y[kept], sample_weight=np.full(kept.sum(), 0.5)),
    )


def test_weights_count():
    X, y = problem(2, task="number", missing=0.0)
    up = np.where(X["ward"] == "a", 5.3, 0.7)
    weighted = model_of("number").fit(X, y, sample_weight=up)
    mean = np.average(weighted.predict(X), weights=up)
    assert mean == pytest.approx(np.average(y, weights=up), rel=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_pandas_and_polars_are_the_same_table(task):
    X, y = problem(3, task=task)
    frame = pl.from_pandas(X.assign(stage=X["stage"].astype(object))).with_columns(
        pl.col("stage").cast(pl.Enum(["I", "II", "III", "IV"]))
    )
    first, second = (model_of(task, interactions=1).fit(table, y) for table in (X, frame))
    assert_same(first, second)
    assert np.array_equal(first._scores(X), second._scores(frame))
    assert_sound(first, X)


def test_classes_have_names():
    X, y = problem(4, task="classes", n_rows=500)
    model = BoostedGAMClassifier(n_bags=2, interactions=1, random_state=0).fit(X, y)
    assert model.classes_.tolist() == ["home", "icu", "ward"]
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    shares = [(y == name).mean() for name in model.classes_]
    np.testing.assert_allclose(probabilities.mean(axis=0), shares, atol=1e-6)
    assert log_loss(y, probabilities) < 0.9 * -np.sum(shares * np.log(shares))
    assert set(model.predict(X)) <= set(model.classes_)
    assert_sound(model, X)


@pytest.mark.parametrize("task", TASKS)
def test_pickles_clones_and_files(task, tmp_path):
    X, y = problem(5, task=task)
    model = model_of(task, interactions=1).fit(X, y)
    assert_same(model, pickle.loads(pickle.dumps(model)))
    assert_same(model, clone(model).fit(X, y))
    save(model, tmp_path / "model.json")
    assert np.array_equal(load(tmp_path / "model.json")._scores(X), model._scores(X))


def test_grid_search():
    X, y = problem(6)
    grid = {"learning_rate": [0.001, 0.05], "interactions": [0, 1]}
    search = GridSearchCV(BoostedGAMClassifier(**FAST), grid, cv=2, scoring="neg_log_loss")
    search.fit(X, y)
    assert search.best_params_["learning_rate"] == 0.05


def test_unseen_categories_and_values_beyond_the_table():
    X, y = problem(7, missing=0.0)
    model = BoostedGAMClassifier(interactions=[("ward", "age")], **FAST).fit(X, y)
    new = X.iloc[:6].assign(ward="never seen", age=[-1e9, 1e9, 50, 60, 70, 80])
    assert_sound(model, new)
    # Missing in no row of the training table: nothing is known, and nothing is added.
    nothing = pd.DataFrame({name: [None] * 2 for name in X}).astype({"age": float})
    assert np.abs(model.contributions(nothing).to_numpy()).max() == 0.0


@pytest.mark.parametrize("interactions", [0, 3, [("age", "flag")]])
def test_directions_hold_everywhere(interactions):
    rng = np.random.default_rng(80)
    X, _ = problem(8, n_rows=400)
    y = (np.sin(X["age"].fillna(60) / 5) + rng.normal(size=400) > 0).astype(int)
    model = BoostedGAMClassifier(
        interactions=interactions, monotonic_cst={"age": 1, "stage": -1}, **FAST
    ).fit(X, y)
    certificate = model.certificate().set_index("feature")
    assert certificate.loc["age", "declared"] == 1
    assert certificate.loc[["age", "stage"], "holds"].all()
    assert_sound(model, X)
    free = BoostedGAMClassifier(interactions=interactions, **FAST).fit(X, y)
    assert not np.allclose(free.decision_function(X), model.decision_function(X))


def test_terms_that_are_excluded_or_listed():
    X, y = problem(9)
    model = BoostedGAMClassifier(
        interactions=[("age", "ward"), ("flag", "stage")], exclude=["ward"], **FAST
    ).fit(X, y)
    assert model.term_names_ == ["age", "stage", "flag", "age & ward", "flag & stage"]
    found = BoostedGAMClassifier(interactions=99, exclude=[("age", "ward"), "flag"], **FAST)
    names = found.fit(X, y).term_names_
    assert names[:3] == ["age", "stage", "ward"] and len(names) == 3 + 5
    assert not {"age & ward", "ward & age"} & set(names)
    alone = BoostedGAMClassifier(exclude=["age", "ward", "stage", "flag"], **FAST).fit(X, y)
    assert alone.term_names_ == []
    assert alone.predict_proba(X)[0, 1] == pytest.approx((y == "lived").mean())


@pytest.mark.parametrize("change", [{"inner_bags": 2}, {"max_leaves": 3}, {"missing": "gain"}])
def test_what_only_interpret_can_do(change):
    (name,) = change
    X, y = problem()
    with pytest.raises(ValueError, match=f"{name}=.*engine='interpret'"):
        BoostedGAMClassifier(**change, **FAST).fit(X, y)
    BoostedGAMClassifier(engine="interpret", **change, **FAST).fit(X, y)


def test_a_loss_that_only_interpret_has():
    X, y = problem(task="poisson")
    with pytest.raises(ValueError, match="log_squared_error.*engine='interpret'"):
        BoostedGAMRegressor(loss="log_squared_error", **FAST).fit(X, y)


@pytest.mark.parametrize("change", [{"warm_start": True}, {"device": "cuda"}])
def test_what_interpret_cannot_do(change):
    (name,) = change
    X, y = problem()
    with pytest.raises(ValueError, match=f"{name}=.*engine='gram'"):
        BoostedGAMClassifier(engine="interpret", **change, **FAST).fit(X, y)


def test_a_device_that_is_not_there():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    X, y = problem()
    on_cpu = BoostedGAMClassifier(**FAST).fit(X, y)
    with pytest.warns(UserWarning, match="'cuda'.*CPU"):
        model = BoostedGAMClassifier(device="cuda", **FAST).fit(X, y)
    assert_same(model, on_cpu)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(BoostedGAMClassifier(device="auto", **FAST).fit(X, y), on_cpu)
    with pytest.raises(ValueError, match="device='tpu'"):
        BoostedGAMClassifier(device="tpu", **FAST).fit(X, y)


WITHOUT_STOPPING = {
    "n_bags": 2, "early_stopping_rounds": 0, "smoothing_rounds": 4, "random_state": 0,
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_going_on_is_as_good_as_never_having_stopped(task, monkeypatch):
    force(monkeypatch, "rows")
    X, y = problem(10, task=task)
    start = model_of(task, **(WITHOUT_STOPPING | {"max_rounds": 15, "warm_start": True}))
    start.fit(X, y)
    before = parameters_of(start)
    start.set_params(max_rounds=40).fit(X, y)
    at_once = model_of(task, **(WITHOUT_STOPPING | {"max_rounds": 40})).fit(X, y)
    assert start.n_rounds_ == at_once.n_rounds_ == 2 * [160]
    assert_same(start, at_once, atol=1e-9)
    assert np.abs(before[1] - parameters_of(start)[1]).max() > 1e-3
    # Once more, with nothing left to do.
    assert_same(start.fit(X, y), at_once, atol=1e-9)


def test_going_on_with_pairs_fits_better():
    X, y = problem(11, task="number")
    model = BoostedGAMRegressor(
        interactions=2, max_rounds=12, warm_start=True, **WITHOUT_STOPPING
    ).fit(X, y)
    first, names = model.score(X, y), model.term_names_
    model.set_params(max_rounds=60).fit(X, y)
    assert model.term_names_ == names and model.score(X, y) > first + 0.02
    assert_sound(model, X)


def test_going_on_after_early_stopping():
    X, y = problem(12)
    model = BoostedGAMClassifier(n_bags=2, warm_start=True, random_state=0).fit(X, y)
    rounds, scores = model.n_rounds_, model.decision_function(X)
    model.fit(X, y)
    assert all(now >= before for now, before in zip(model.n_rounds_, rounds, strict=True))
    assert np.abs(model.decision_function(X) - scores).mean() < 0.2


@pytest.mark.parametrize(
    "change, words",
    [
        ({"interactions": 2}, "interactions has changed"),
        ({"exclude": ["age"]}, "exclude has changed"),
        ({"monotonic_cst": {"age": 1}}, "monotonic_cst has changed"),
    ],
)
def test_going_on_with_other_terms(change, words):
    X, y = problem()
    model = BoostedGAMClassifier(warm_start=True, **FAST).fit(X, y)
    with pytest.raises(ValueError, match=words):
        model.set_params(**change).fit(X, y)


@pytest.mark.parametrize("rename", [{"age": "years"}, {}])
def test_going_on_with_other_columns(rename):
    X, y = problem()
    model = BoostedGAMClassifier(warm_start=True, **FAST).fit(X, y)
    other = X.rename(columns=rename) if rename else X.assign(ward="z")
    with pytest.raises(ValueError, match="warm_start=True.*others"):
        model.fit(other, y)


def test_going_on_where_missing_is_new():
    X, y = problem(missing=0.0)
    model = BoostedGAMClassifier(warm_start=True, **FAST).fit(X, y)
    with pytest.raises(ValueError, match="'age'.*warm_start=False"):
        model.fit(X.assign(age=X["age"].where(X.index > 3)), y)


def test_without_warm_start_a_fit_starts_afresh():
    X, y = problem()
    model = BoostedGAMClassifier(**FAST)
    first = parameters_of(model.fit(X, y))
    for one, two in zip(first, parameters_of(model.fit(X, y)), strict=True):
        assert np.array_equal(one, two)


def test_a_model_from_a_file_starts_afresh_and_says_so(tmp_path):
    X, y = problem()
    model = BoostedGAMClassifier(warm_start=True, **FAST).fit(X, y)
    save(model, tmp_path / "model.json")
    loaded = load(tmp_path / "model.json")
    with pytest.warns(UserWarning, match="starts afresh"):
        loaded.set_params(warm_start=True).fit(X, y)


def test_progress_is_printed(capfd):
    X, y = problem()
    BoostedGAMClassifier(verbose=100, **FAST).fit(X, y)
    printed = capfd.readouterr().err
    assert "bag 1: " in printed and "bag 2: " in printed and "validation loss" in printed
    BoostedGAMClassifier(**FAST).fit(X, y)
    assert capfd.readouterr().err == ""


@FEW
@given(
    seed=st.integers(0, 10_000),
    task=st.sampled_from(TASKS),
    n_rows=st.sampled_from([12, 40, 120]),
    interactions=st.integers(0, 3),
    missing=st.sampled_from([0.0, 0.2, 0.9]),
    odd=st.sampled_from(["none", "constant", "empty", "rare", "all rare"]),
    handling=st.sampled_from(["low", "high", "separate"]),
    upkeep=st.sampled_from(["rows", "cells"]),
)
def test_random_tables(seed, task, n_rows, interactions, missing, odd, handling, upkeep):
    X, y = problem(seed, n_rows, task, missing)
    if odd == "constant":
        X = X.assign(more=3.0, same="x")
    elif odd == "empty":
        X = X.assign(more=np.nan, same=pd.Series([None] * n_rows, dtype="category"))
    elif odd == "rare":
        X.loc[X.index[0], "ward"] = "only once"
    elif odd == "all rare":
        X = X.assign(ward=[f"w{i}" for i in range(n_rows)])
    model = model_of(task, interactions=interactions, missing=handling)
    with pytest.MonkeyPatch.context() as patch:
        force(patch, upkeep)
        try:
            model.fit(X, y)
        except ValueError as error:
            assert n_rows < 100 and ("class" in str(error) or "above zero" in str(error))
            return
    assert_sound(model, X)
    assert np.isfinite(model._scores(X.assign(age=X["age"].iloc[::-1].to_numpy() + 9.0))).all()


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
@pytest.mark.parametrize("scale", [1e8, 1e-8])
def test_the_scale_of_the_outcome_changes_nothing_else(scale, upkeep, monkeypatch):
    force(monkeypatch, upkeep)
    X, y = problem(13, task="number")
    plain, scaled = (
        BoostedGAMRegressor(interactions=1, **FAST).fit(X, values) for values in (y, y * scale)
    )
    # Rows are put in an order that depends on the outcome: other bags, and other random cuts.
    np.testing.assert_allclose(
        np.corrcoef(plain.predict(X), scaled.predict(X))[0, 1], 1.0, atol=0.02
    )
    assert np.std(scaled.predict(X)) == pytest.approx(scale * np.std(plain.predict(X)), rel=0.15)


def test_counts_that_are_mostly_zero():
    rng = np.random.default_rng(14)
    X = rng.normal(size=(600, 2))
    y = rng.poisson(np.exp(X[:, 0] - 4)).astype(float)
    assert 0 < (y > 0).mean() < 0.1
    model = BoostedGAMRegressor(loss="poisson", n_bags=2, random_state=0).fit(X, y)
    assert_sound(model, X)
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=1e-6)


def test_a_handful_of_rows():
    rng = np.random.default_rng(15)
    X = rng.normal(size=(10, 3))
    assert_sound(BoostedGAMRegressor(n_bags=3, random_state=0).fit(X, X[:, 0]), X)
    y = np.arange(10) % 2
    assert_sound(BoostedGAMClassifier(n_bags=3, interactions=1, random_state=0).fit(X, y), X)


def test_bags_leave_out_the_same_share_of_every_class(monkeypatch):
    X, _ = problem(17)
    y = np.arange(300) < 40
    caught, boost = [], _gram.boost
    monkeypatch.setattr(_gram, "boost", lambda p, *rest: caught.append(p) or boost(p, *rest))
    BoostedGAMClassifier(n_bags=10, max_rounds=3, random_state=0).fit(X, y)
    (bags,) = caught
    left_out = bags.draws == 0
    assert (left_out.sum(axis=0) == 45).all()
    assert (left_out[bags.y == 1].sum(axis=0) == 6).all()


def test_one_row_of_a_class_is_too_few():
    X, y = problem(16, missing=0.0)
    y = np.where(np.arange(len(y)) == 7, "rare", "common")
    with pytest.raises(ValueError, match="class has so few rows"):
        BoostedGAMClassifier(n_bags=20, max_rounds=5, random_state=0).fit(X, y)


def test_both_engines_see_the_same_shapes():
    bunch = load_birthwt()
    first, second = (
        BoostedGAMClassifier(engine=engine, random_state=0).fit(bunch.data, bunch.target)
        for engine in ("gram", "interpret")
    )
    assert first.term_names_ == second.term_names_
    scores = first.decision_function(bunch.data), second.decision_function(bunch.data)
    assert np.corrcoef(*scores)[0, 1] > 0.9
    assert np.std(scores[0]) == pytest.approx(np.std(scores[1]), rel=0.5)


@pytest.mark.parametrize(
    "loss, said",
    [
        ("tweedie:variance_power=1", "between 1 and 2"),
        ("tweedie:power=1.5", "variance_power"),
        ("pseudo_huber:delta=-1", "between 0 and inf"),
        ("pseudo_huber:delta=two", "delta"),
        ("poisson:foo=3", "has no parameters"),
    ],
)
@pytest.mark.parametrize("engine", ["gram", "interpret"])
def test_parameters_of_losses_are_checked(loss, said, engine):
    X = np.arange(20.0)[:, None]
    with pytest.raises(ValueError, match=said):
        BoostedGAMRegressor(loss=loss, engine=engine).fit(X, np.arange(20.0))


def test_equal_weights_of_any_size_are_none():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
    settings = {"n_bags": 2, "max_rounds": 30, "random_state": 0}
    plain = BoostedGAMClassifier(**settings).fit(X, y).predict_proba(X)
    tiny = BoostedGAMClassifier(**settings).fit(X, y, np.full(200, 1e-6)).predict_proba(X)
    np.testing.assert_allclose(tiny, plain)


def test_robust_steps_survive_outcomes_far_beyond_delta():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    y = 300.0 * X[:, 0]
    y[::50] = 1e5
    model = BoostedGAMRegressor(loss="pseudo_huber", n_bags=2, random_state=0).fit(X, y)
    close = np.arange(500) % 50 != 0
    assert np.corrcoef(model.predict(X)[close], y[close])[0, 1] > 0.9


def test_columns_of_one_huge_value_have_an_axis():
    X = np.column_stack([np.full(60, 1e17), np.arange(60.0)])
    model = BoostedGAMRegressor(n_bags=2, max_rounds=20, random_state=0).fit(X, X[:, 1])
    assert np.isfinite(model.predict(X)).all()


def test_what_a_warm_start_cannot_change_is_refused():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = (X[:, 0] > 0).astype(int)
    model = BoostedGAMClassifier(warm_start=True, n_bags=2, max_rounds=5, random_state=0)
    model.fit(X, y)
    for name, value in (("n_bags", 3), ("max_bins", 32), ("missing", "low")):
        before = getattr(model, name)
        with pytest.raises(ValueError, match=f"{name} has changed"):
            model.set_params(**{name: value}).fit(X, y)
        model.set_params(**{name: before})
    with pytest.raises(ValueError, match="the classes of y has changed"):
        model.fit(X, np.where(y, "yes", "no"))
    model.set_params(max_rounds=8).fit(X, y)
    assert min(model.n_rounds_) > 5 * 2
