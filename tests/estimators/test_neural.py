"""Neural additive models as a user meets them."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from glassbox import NAMClassifier, NAMRegressor, load, save
from glassbox.estimators import _blocks, _parquet

QUICK = {"n_bags": 4, "max_steps": 20, "random_state": 0}


def mixed(n_rows=400, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(60, 10, n_rows),
            "lab": rng.gamma(2.0, 1.0, n_rows),
            "noise": rng.normal(size=n_rows),
            "sex": rng.choice(["f", "m"], n_rows),
            "stage": pd.Categorical(rng.choice([1, 2, 3], n_rows), ordered=True),
            "smoker": rng.random(n_rows) < 0.3,
        }
    )
    score = (frame.age - 60) / 10 + (frame.lab > 2) - (frame.sex == "f")
    frame.loc[::9, "lab"] = np.nan
    frame.loc[::11, "sex"] = None
    return frame, score.to_numpy() + rng.normal(size=n_rows) / 2


def same_model(first, second):
    pairs = zip(first.additive_model_.terms, second.additive_model_.terms, strict=True)
    assert all(np.array_equal(a.coefficients, b.coefficients) for a, b in pairs)
    np.testing.assert_array_equal(first.intercept_, second.intercept_)


@settings(max_examples=4)
@given(st.integers(0, 1_000), st.booleans(), st.sampled_from([2, 3]))
def test_contributions_add_up_to_the_score(seed, with_pairs, n_classes):
    X, y = mixed(150, seed)
    classes = np.digitize(y, [0.0] if n_classes == 2 else [-0.5, 0.7])
    pairs = [("age", "lab"), ("sex", "age")] if with_pairs else 0
    est = NAMClassifier(interactions=pairs, **QUICK).fit(X, np.array(list("abc"))[classes])
    scores = est.decision_function(X)
    parts = est.contributions(X)
    if n_classes == 2:
        total = parts.sum(axis=1) + est.intercept_
    else:
        total = parts.T.groupby(level="class").sum().T[list(est.classes_)] + est.intercept_
    assert scores.dtype == np.float64
    np.testing.assert_allclose(np.asarray(total), scores, atol=1e-9)


def test_frames_of_all_kinds_give_the_same_model():
    X, y = mixed()
    X = X[["age", "lab", "noise"]]
    first = NAMRegressor(**QUICK).fit(X, y)
    same_model(first, NAMRegressor(**QUICK).fit(pl.from_pandas(X), y))
    same_model(first, clone(first).fit(X.sample(frac=1, random_state=1), _aligned(X, y)))
    other = NAMRegressor(**QUICK).fit(X.to_numpy(), y)
    np.testing.assert_allclose(other.predict(X.to_numpy()), first.predict(X), rtol=1e-12)


def _aligned(X, y):
    return pd.Series(y, index=X.index).loc[X.sample(frac=1, random_state=1).index].to_numpy()


def test_weights_count_rows():
    X, y = mixed(200)
    weights = np.random.default_rng(1).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    first = NAMRegressor(**QUICK).fit(X, y, sample_weight=weights)
    second = NAMRegressor(**QUICK).fit(X.iloc[rows], y[rows])
    np.testing.assert_allclose(first.predict(X), second.predict(X), atol=1e-9)


def test_pickled_and_saved_models_predict_the_same(tmp_path):
    X, y = mixed()
    est = NAMClassifier(**QUICK).fit(X, y > 0)
    expected = est.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(est)).predict_proba(X), expected)
    save(est, tmp_path / "model.json")
    loaded = load(tmp_path / "model.json")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert loaded.pruned_terms_ == est.pruned_terms_
    # No row of the training table goes with the model.
    assert not hasattr(est, "_state")


@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile", "poisson", "gamma"])
def test_losses(loss):
    X, y = mixed(600)
    if loss in ("poisson", "gamma"):
        y = np.exp(y / 2).round() if loss == "poisson" else np.exp(y / 2)
    est = NAMRegressor(loss=loss, quantile=0.8, **QUICK).fit(X, y)
    prediction = est.predict(X)
    assert np.corrcoef(prediction, y)[0, 1] > 0.6
    if loss == "quantile":
        assert 0.75 < np.mean(y < prediction) < 0.85
    if loss in ("poisson", "gamma"):
        with pytest.raises(ValueError, match=f"loss='{loss}' needs outcomes"):
            est.fit(X, y - 5)


def test_outliers_pull_huber_less_than_squares():
    X, y = mixed(600)
    spoilt = y.copy()
    spoilt[::20] += 50
    fitted = {loss: NAMRegressor(loss=loss, **QUICK).fit(X, spoilt) for loss in LOSSES}
    error = {loss: np.mean((est.predict(X) - y) ** 2) for loss, est in fitted.items()}
    assert error["huber"] < error["squared_error"] / 4


LOSSES = ("huber", "squared_error")


def test_class_weights():
    X, y = mixed()
    label = y > 1
    est = NAMClassifier(class_weight={True: 2.5}, **QUICK).fit(X, label)
    by_hand = NAMClassifier(**QUICK).fit(X, label, sample_weight=np.where(label, 2.5, 1.0))
    np.testing.assert_allclose(est.predict_proba(X), by_hand.predict_proba(X), atol=1e-9)
    balanced = NAMClassifier(class_weight="balanced", **QUICK).fit(X, label)
    assert balanced.predict_proba(X)[:, 1].mean() > label.mean() + 0.05
    with pytest.raises(ValueError, match="class_weight names 'x'"):
        NAMClassifier(class_weight={"x": 1.0}, **QUICK).fit(X, label)


def test_directions_hold_everywhere():
    X, y = mixed()
    est = NAMRegressor(monotonic_cst={"age": -1, "stage": 1, "lab": 1}, **QUICK).fit(X, y)
    certificate = est.certificate().set_index("feature")
    assert certificate.loc[["age", "stage", "lab"], "holds"].eq(True).all()
    low = X.sample(2_000, replace=True, random_state=0)
    high = low.assign(age=low.age + np.random.default_rng(0).exponential(20, len(low)))
    assert (est.predict(high) <= est.predict(low) + 1e-12).all()
    with pytest.raises(ValueError, match="cannot take part"):
        NAMRegressor(monotonic_cst={"age": 1}, interactions=[("age", "lab")], **QUICK).fit(X, y)


def test_a_term_that_does_not_help_is_flat_and_its_band_holds_what_was_taken():
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.normal(size=(3_000, 3)), columns=["a", "b", "null"])
    y = X.a + X.b**2 + rng.normal(size=len(X))
    free = NAMRegressor(prune=False, max_steps=0, random_state=0).fit(X, y)
    pruned = NAMRegressor(max_steps=0, random_state=0).fit(X, y)
    assert pruned.pruned_terms_ == ["null"]
    before, after = free.shape_function("null"), pruned.shape_function("null")
    assert (after.score == 0).all() and before.score.abs().max() > 0
    assert (after.lower <= before.score).all() and (before.score <= after.upper).all()


def test_smoothness_is_a_factor_on_what_the_data_choose():
    X, y = mixed()

    def wiggles(smoothness):
        est = NAMRegressor(smoothness=smoothness, prune=False, **QUICK).fit(X, y)
        return np.abs(np.diff(est.shape_function("lab").score[:-1], n=2)).sum()

    assert wiggles({"lab": 1e4}) < 0.8 * wiggles(1.0) < wiggles({"lab": 0.01})
    with pytest.raises(ValueError, match="smoothness names 'lob'"):
        NAMRegressor(smoothness={"lob": 1.0}, **QUICK).fit(X, y)


def test_pairs_are_found_and_pure():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(1_500, 4)), columns=list("abcd"))
    y = X.a + np.where(X.b > 0, X.c, -X.c) * 2 + rng.normal(size=len(X)) / 2
    est = NAMRegressor(interactions=1, **QUICK).fit(X, y)
    assert est.term_names_ == ["a", "b", "c", "d", "b & c"]
    pair = est.additive_model_["b & c"]
    for axis in (0, 1):
        means = (pair.coefficients[..., 0] * pair.density).sum(axis=axis)
        np.testing.assert_allclose(means, 0.0, atol=1e-6 * len(X))
    assert est.score(X, y) > NAMRegressor(**QUICK).fit(X, y).score(X, y) + 0.3
    # Neither b nor c has a main effect of its own.
    heirs = NAMRegressor(interactions=6, heredity="strong", **QUICK).fit(X, y)
    assert "b & c" not in heirs.term_names_


@pytest.mark.parametrize("activation", ["silu", "relu", "tanh", "exu"])
def test_networks_from_scratch_learn(activation):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (1_000, 1))
    y = np.sin(2 * x[:, 0]) + rng.normal(size=1_000) / 10
    options = {**QUICK, "max_steps": 300}
    est = NAMRegressor(start="zero", activation=activation, **options).fit(x, y)
    assert np.sqrt(np.mean((est.predict(x) - np.sin(2 * x[:, 0])) ** 2)) < 0.15
    assert list(est.history_) == [
        "step",
        "member",
        "training_loss",
        "validation_loss",
        "kept",
    ]
    assert est.history_.groupby("member").kept.sum().eq(1).all()


def test_chunks_come_close_to_all_rows():
    X, y = mixed(2_000)
    label = np.where(y > 0, "ill", "well")
    whole = NAMClassifier(**QUICK).fit(X, label)
    parts = NAMClassifier(**QUICK)
    for rows in np.array_split(np.arange(len(X)), 4):
        parts.partial_fit(X.iloc[rows], label[rows], classes=["ill", "well"])
    gap = parts.decision_function(X) - whole.decision_function(X)
    assert np.sqrt(np.mean(gap**2)) < 0.3 * whole.decision_function(X).std()
    unseen = X.iloc[:50].assign(sex="x")
    assert np.isfinite(parts.partial_fit(unseen, label[:50]).predict_proba(unseen)).all()
    with pytest.raises(ValueError, match="holds the class 'dead'"):
        parts.partial_fit(X.iloc[:2], ["dead", "ill"])


def test_a_warm_start_goes_on_with_the_same_columns():
    X, y = mixed()
    est = NAMRegressor(warm_start=True, **QUICK).fit(X, y)
    axes = [term.axes for term in est.additive_model_.terms]
    est.fit(X, y)
    assert [term.axes for term in est.additive_model_.terms] == axes
    with pytest.raises(ValueError, match="warm_start=True continues"):
        est.fit(X[["age", "lab"]], y)


@pytest.mark.parametrize("as_dataset", [False, True])
def test_a_parquet_file_gives_the_model_of_its_table(tmp_path, monkeypatch, as_dataset):
    monkeypatch.setattr(_blocks.MemoryBlocks.__init__, "__defaults__", (150,))
    parameters = _parquet.ParquetBlocks.__init__.__kwdefaults__
    monkeypatch.setitem(parameters, "block_rows", 150)
    X, y = mixed()
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    whole = X.assign(outcome=y > 0, weight=weights)
    path = tmp_path / "table.parquet"
    whole.to_parquet(path, row_group_size=70)
    source = path
    if as_dataset:
        import pyarrow.dataset

        source = pyarrow.dataset.dataset(path)
    # Ordered numbers come back from a file as plain numbers.
    X = pd.read_parquet(path).drop(columns=["outcome", "weight"])
    first = NAMClassifier(**QUICK).fit(X, y > 0, sample_weight=weights)
    second = NAMClassifier(**QUICK).fit(source, "outcome", sample_weight="weight")
    same_model(first, second)
    pd.testing.assert_series_equal(first.term_importances_, second.term_importances_)
    assert second.feature_names_in_.tolist() == list(X)
    np.testing.assert_array_equal(second.predict_proba(X), first.predict_proba(X))


def test_odd_tables():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=60), "constant": 1.0, "never": np.nan})
    y = X.x + rng.normal(size=60) / 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        est = NAMRegressor(**QUICK).fit(X, y)
    assert est.score(X, y) > 0.8
    far = pd.DataFrame({"x": [np.nan, 1e9], "constant": 2.0, "never": 1.0})
    assert np.isfinite(est.predict(far)).all()
    wide = pd.DataFrame(rng.normal(size=(80, 60))).add_prefix("w")
    assert np.isfinite(NAMRegressor(**QUICK).fit(wide, wide.w0 + 1).predict(wide)).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"hidden": ()}, "hidden must be"),
        ({"device": "abacus"}, "device='abacus'"),
        ({"n_bags": 0}, "n_bags"),
        ({"interactions": [("age", "none")]}, "interactions names 'none'"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    X, y = mixed(60)
    with pytest.raises(ValueError, match=message):
        NAMRegressor(**{**QUICK, **options}).fit(X, y)


def test_one_member_without_networks_and_a_bar(capsys):
    X, y = mixed(100)
    est = NAMRegressor(n_bags=1, max_steps=0, random_state=0, verbose=1).fit(X, y)
    assert est.score(X, y) > 0.3
    assert "rows" in capsys.readouterr().err
