"""Neural additive models as a user meets them."""

import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from glassbox import NAMClassifier, NAMRegressor, load, save
from glassbox.estimators import _blocks, _parquet
from glassbox.nets.shape_nets import ShapeNets

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


@pytest.mark.parametrize("start", ["penalised", "zero"])
def test_directions_hold_in_pairs(start):
    X, y = mixed()
    directions = {"age": 1, "stage": -1, "lab": 1}
    pairs = [("age", "lab"), ("age", "sex"), ("stage", "lab")]
    est = NAMRegressor(monotonic_cst=directions, interactions=pairs, start=start, **QUICK)
    # The interaction turns the sign of every direction for some partner.
    y = y + X.age * np.where(X.sex == "f", -0.05, 0.05) - X.lab.fillna(0) * X.age / 30
    est.fit(X, y)
    certificate = est.certificate().set_index("feature")
    assert certificate.loc[list(directions), "holds"].eq(True).all()
    assert any(est.additive_model_[name].coefficients.any() for name in est.term_names_[-3:])
    rng = np.random.default_rng(0)
    low = X.sample(20_000, replace=True, random_state=1).reset_index(drop=True)
    shuffled = {name: rng.permutation(low[name].to_numpy()) for name in ("age", "lab")}
    low = low.assign(**shuffled, sex=low.sex.sample(frac=1, random_state=2).to_numpy())
    for name in ("age", "lab"):
        steps = rng.exponential(10 ** rng.uniform(-6, 2), len(low))
        high = low.assign(**{name: low[name] + steps})
        assert (est.predict(high) >= est.predict(low) - 1e-12)[low[name].notna()].all()


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


def test_order_does_not_matter_and_the_seed_decides():
    X, y = mixed(200)
    order = np.random.default_rng(1).permutation(len(y))
    first = NAMRegressor(**QUICK).fit(X, y)
    same_model(first, NAMRegressor(**QUICK).fit(X, y))
    same_model(first, NAMRegressor(**QUICK).fit(X.iloc[order], y[order]))
    other = NAMRegressor(**{**QUICK, "random_state": 1}).fit(X, y)
    assert (other.predict(X) != first.predict(X)).any()
    assert first.predict(X.astype({"age": np.float32})).dtype == np.float64


@pytest.mark.parametrize("loss", ["huber", "quantile", "poisson", "gamma"])
def test_weights_count_rows_in_every_loss(loss):
    X, y = mixed(150)
    weights = np.random.default_rng(1).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    y = np.exp(y / 2)
    first = NAMRegressor(loss=loss, **QUICK).fit(X, y, sample_weight=weights)
    second = NAMRegressor(loss=loss, **QUICK).fit(X.iloc[rows], y[rows])
    np.testing.assert_allclose(first.predict(X), second.predict(X), atol=1e-9)


def test_inside_the_tools_of_scikit_learn():
    X, y = mixed(200)
    quick = NAMClassifier(**{**QUICK, "max_steps": 0})
    search = GridSearchCV(quick, {"smoothness": [0.1, 1.0, 100.0]}, cv=2).fit(X, y > 0)
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    pipe = make_pipeline(FunctionTransformer(lambda X: X.drop(columns="noise")), quick)
    assert pipe.fit(X, y > 0)[-1].feature_names_in_.tolist() == list(X.drop(columns="noise"))
    weights = np.where(y > 0, 5.0, 1.0)
    with config_context(enable_metadata_routing=True):
        routed = quick.set_fit_request(sample_weight=True)
        routed = routed.set_score_request(sample_weight=True)
        found = cross_validate(
            make_pipeline(routed),
            X,
            y > 0,
            cv=2,
            params={"sample_weight": weights},
            return_estimator=True,
        )["estimator"][0]
    plain = cross_validate(quick, X, y > 0, cv=2, return_estimator=True)["estimator"][0]
    assert found.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.05


def test_one_number_makes_all_shapes_smoother():
    X, y = mixed()

    def wiggles(smoothness):
        est = NAMRegressor(smoothness=smoothness, prune=False, **QUICK).fit(X, y)
        return np.abs(np.diff(est.shape_function("lab").score[:-1], n=2)).sum()

    assert wiggles(1e4) < 0.8 * wiggles(1.0) < wiggles(0.01)


def test_balanced_classes_weigh_the_same():
    X, y = mixed()
    label = np.digitize(y, [0.0, 1.0])
    counts = np.bincount(label)
    by_hand = dict(enumerate(len(y) / (3 * counts)))
    same_model(
        NAMClassifier(class_weight="balanced", **QUICK).fit(X, label),
        NAMClassifier(class_weight=by_hand, **QUICK).fit(X, label),
    )
    with pytest.raises(ValueError, match="class_weight of 1 must be above 0"):
        NAMClassifier(class_weight={1: -1.0}, **QUICK).fit(X, label)


@pytest.mark.parametrize("start", ["penalised", "zero"])
def test_no_move_goes_against_a_direction(start):
    X, y = mixed()
    est = NAMRegressor(monotonic_cst={"age": -1}, start=start, interactions=2, **QUICK)
    est.fit(X, y)
    assert est.certificate().set_index("feature").loc["age", "holds"]
    rng = np.random.default_rng(0)
    low = X.sample(10_000, replace=True, random_state=0)
    low = low.assign(age=rng.uniform(0, 120, len(low)))
    high = low.assign(age=low.age + rng.exponential(10, len(low)))
    assert (est.predict(high) <= est.predict(low) + 1e-12).all()


def test_heredity_and_knots_of_pairs():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(-1, 1, (1_500, 4)), columns=list("abcd"))
    y = 3 * X.a + 2 * X.a * X.b + 2 * X.c * X.d + rng.normal(size=len(X)) / 2
    options = {"n_pair_knots": 5, **QUICK}
    free = NAMRegressor(interactions=2, **options).fit(X, y)
    assert set(free.term_names_[4:]) == {"a & b", "c & d"}
    assert free.additive_model_["a & b"].shape == (6, 6)

    def found(heredity):
        est = NAMRegressor(interactions=6, heredity=heredity, **{**options, "max_steps": 0})
        return {tuple(name.split(" & ")) for name in est.fit(X, y).term_names_[4:]}

    weak, strong = found("weak"), found("strong")
    assert strong < weak < found(None)
    heirs = {name for pair in strong for name in pair}
    assert "a" in heirs and all(heirs & set(pair) for pair in weak)


def test_bands_hold_the_estimate():
    X, y = mixed()
    est = NAMClassifier(interactions=[("age", "sex")], **QUICK).fit(X, y > 0)
    for term in est.additive_model_.terms:
        assert (term.lower <= term.coefficients).all()
        assert (term.coefficients <= term.upper).all()


def test_without_torch_the_error_names_the_extra(monkeypatch):
    X, y = mixed(60)
    for name in [n for n in sys.modules if n.startswith("glassbox.nets")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "glassbox.estimators._networks", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"glassbox\[nets\]"):
        NAMRegressor(**QUICK).fit(X, y)


def test_a_device_that_is_not_there_is_named_before_anything_is_fitted(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("glassbox.estimators._neural_base.learn", None)
    X, y = mixed(60)
    with pytest.raises(ValueError, match="device='cuda' asks for a CUDA device"):
        NAMRegressor(device="cuda", **QUICK).fit(X, y)


@pytest.mark.parametrize("passes", [0, 9])
def test_interrupted_networks_leave_a_model(monkeypatch, passes):
    X, y = mixed(200)
    left, forward = [passes], ShapeNets.forward

    def interrupted(nets):
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return forward(nets)

    monkeypatch.setattr(ShapeNets, "forward", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        est = NAMRegressor(**QUICK).fit(X, y)
    assert est.score(X, y) > 0.5
    assert (len(est.history_) > 0) == (passes > 0)


def test_no_rows_stay_with_a_model():
    X, y = mixed(1_900)
    for warm_start in (False, True):
        est = NAMRegressor(warm_start=warm_start, **{**QUICK, "max_steps": 0}).fit(X, y)
        lengths = {size for found in _arrays(vars(est)) for size in np.shape(found)}
        assert lengths and max(lengths) < len(X)


def _arrays(found, seen=None):
    """All arrays that can be reached from an object."""
    seen = set() if seen is None else seen
    if id(found) in seen:
        return
    seen.add(id(found))
    if isinstance(found, np.ndarray):
        yield found
        return
    if hasattr(found, "tocsr"):
        yield found
    inner = list(getattr(found, "__dict__", {}).values())
    if isinstance(found, dict):
        inner += found.values()
    elif isinstance(found, list | tuple):
        inner += found
    for other in inner:
        yield from _arrays(other, seen)


def test_a_refused_warm_start_leaves_the_model_as_it_was():
    X, y = mixed()
    est = NAMClassifier(warm_start=True, **QUICK).fit(X, y > 0)
    expected = est.predict_proba(X)
    for _ in range(2):
        with pytest.raises(ValueError, match="columns and categories"):
            est.fit(X[["age", "lab"]], y > 0)
        with pytest.raises(ValueError, match="continues with the classes"):
            est.fit(X, np.digitize(y, [-1, 1]))
    np.testing.assert_array_equal(est.predict_proba(X), expected)
    scratch = NAMRegressor(start="zero", warm_start=True, **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="continues with the 4 members"):
        scratch.set_params(n_bags=3).fit(X, y)
    with pytest.raises(ValueError, match="another link"):
        scratch.set_params(n_bags=4, loss="gamma").fit(X, np.exp(y))
    gained = scratch.set_params(loss="squared_error").fit(X, y)
    first = clone(gained).set_params(warm_start=False).fit(X, y)
    assert gained.history_.validation_loss.iloc[0] < first.history_.validation_loss.iloc[0]


def test_the_first_chunk_is_a_fit():
    X, y = mixed()
    label = np.where(y > 0, "ill", "well")
    whole = NAMClassifier(**QUICK).fit(X, label)
    parts = NAMClassifier(**QUICK).partial_fit(X, label, classes=["well", "ill"])
    same_model(whole, parts)
    assert parts.classes_.tolist() == ["ill", "well"]
    with pytest.raises(ValueError, match="differs from the first call's"):
        parts.partial_fit(X, label, classes=["ill", "dead"])
    same_model(parts.fit(X, label), whole)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_chunks_of_a_regression_beat_their_first(loss):
    X, y = mixed(2_000)
    truth = np.exp(y / 2).round() if loss == "poisson" else y
    est = NAMRegressor(loss=loss, **QUICK)
    whole = clone(est).fit(X, truth)
    gaps = []  # to the fit on all rows
    for rows in np.array_split(np.arange(len(X)), 5):
        est.partial_fit(X.iloc[rows], truth[rows])
        gaps.append(np.mean((est._scores(X) - whole._scores(X)) ** 2))
    # The smoothness is that of the first chunk, and so some of the gap stays.
    assert gaps[-1] < 0.8 * gaps[0] and gaps[-1] < 0.06 * whole._scores(X).var()


def test_chunks_that_cannot_be_learned_from_are_named(tmp_path):
    X, y = mixed(100)
    label = np.where(y > 0, "ill", "well")
    est = NAMClassifier(**QUICK)
    with pytest.raises(ValueError, match="no row of the class 'dead'"):
        est.partial_fit(X, label, classes=["ill", "well", "dead"])
    with pytest.raises(ValueError, match="holds the class 'well'"):
        est.partial_fit(X, label, classes=["ill", "dead"])
    with pytest.raises(ValueError, match="fewer than two classes"):
        est.partial_fit(X, label, classes=["ill"])
    with pytest.raises(TypeError, match="partial_fit reads tables"):
        est.partial_fit(tmp_path / "table.parquet", "y")
    with pytest.raises(ValueError, match="start='zero' has none"):
        clone(est).set_params(start="zero").partial_fit(X, label)
    with pytest.raises(ValueError, match="positive weight|non-zero number"):
        est.partial_fit(X, label).partial_fit(X, label, sample_weight=np.zeros(len(X)))


def test_columns_without_any_value():
    X, y = mixed(150)
    X = X.assign(never=np.nan, none=pd.Categorical([None] * len(X), categories=["u"]))
    est = NAMRegressor(interactions=[("never", "age")], **QUICK).fit(X, y)
    assert est.score(X, y) > 0.5
    # What nobody had says nothing.
    expected = est.predict(X.assign(none=pd.Categorical(["u"] * len(X))))
    np.testing.assert_array_equal(est.predict(X), expected)
    alone = NAMRegressor(**QUICK).fit(X[["age"]], y)
    assert alone.term_names_ == ["age"]


@pytest.mark.parametrize(
    "y, weight, kind, message",
    [
        ("none", None, ValueError, "no column 'none' for the outcome"),
        ("outcome", "none", ValueError, "no column 'none' for the weights"),
        (np.zeros(60), None, TypeError, "y is the name of the column"),
        (None, None, TypeError, "y is the name of the column"),
        ("outcome", np.ones(60), TypeError, "sample_weight is the name of the column"),
    ],
)
def test_columns_of_a_file_are_named(tmp_path, y, weight, kind, message):
    X, outcome = mixed(60)
    X.assign(outcome=outcome).to_parquet(tmp_path / "table.parquet")
    with pytest.raises(kind, match=message):
        NAMRegressor(**QUICK).fit(str(tmp_path / "table.parquet"), y, sample_weight=weight)


def test_one_factor_makes_all_terms_smoother():
    X, y = mixed()
    freedom = [
        NAMRegressor(smoothness=factor, n_bags=2, max_steps=0, random_state=0)
        .fit(X, y)
        .effective_df_
        for factor in (0.1, 1.0, 100.0)
    ]
    assert freedom[0] > 1.2 * freedom[1] > 1.4 * freedom[2]
