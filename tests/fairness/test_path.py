import numpy as np
import pandas as pd
import polars as pl
import pytest

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.fairness import (
    DependencePenalizedClassifier,
    DependencePenalizedRegressor,
    PenaltyPath,
    dependence,
    penalty_path,
)
from glassbox.fairness.path import STRENGTHS


def splines(**options):
    return SplineGAMClassifier(n_knots=5, lam=1.0, **options)


def patients(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    ward = rng.choice(["A", "B"], size=n_rows)
    X = pd.DataFrame({"lab": rng.normal(size=n_rows), "dose": rng.normal(size=n_rows)})
    X["lab"] += (ward == "B") * 1.3
    y = (rng.logistic(size=n_rows) < X.sum(axis=1) - 0.6).astype(int).to_numpy()
    return X, y, ward, rng.uniform(20, 80, size=n_rows)


@pytest.fixture(scope="module")
def path():
    X, y, ward, age = patients()
    features = {"ward": ward, "age": age}
    return penalty_path(splines(), X, y, features, [100.0, 0.0, 1.0, 10.0], random_state=0)


def test_the_frame_says_where_every_model_stands(path):
    frame = path.frame
    assert len(frame) == 4 * 2 * 2
    assert frame["strength"].unique().tolist() == [0.0, 1.0, 10.0, 100.0]
    assert set(frame["sample"]) == {"train", "validation"}
    assert set(frame["attribute"]) == {"ward", "age"}
    named = ["loss", "auc", "accuracy", "brier", "dependence", "floor", "dp_gap", "eo_gap"]
    assert set(named) <= set(frame)
    assert frame[["loss", "auc", "dependence", "floor"]].notna().all(axis=None)
    assert frame.loc[frame["attribute"] == "age", "dp_gap"].isna().all()
    assert [m.strength for m in path.models] == [0.0, 1.0, 10.0, 100.0]
    assert repr(path) == "PenaltyPath(strengths=0, 1, 10, 100)"
    assert isinstance(path, PenaltyPath)


def test_dependence_falls_on_the_training_rows(path):
    after = [m.dependence_.set_index("attribute")["after"] for m in path.models]
    for name in ("ward", "age"):
        assert after[0][name] >= after[-1][name]
    total = [float(a.sum()) for a in after]
    assert (np.diff(total) < 0).all()
    train = path.frame[(path.frame["sample"] == "train") & (path.frame["attribute"] == "ward")]
    assert (np.diff(train["dependence"]) < 0).all()
    # And the original is the best that the training rows know.
    assert train["loss"].iloc[0] == train["loss"].min()


@pytest.mark.parametrize("condition", [None, "outcome"])
def test_every_model_is_what_a_single_fit_gives(condition):
    X, y, ward, _ = patients()
    options = {"condition": condition}
    rows = (X, y, ward)
    path = penalty_path(splines(), X, y, ward, [0, 2.0, 20.0], validation=rows, **options)
    for model in path.models:
        fitted = DependencePenalizedClassifier(splines(), strength=model.strength, **options)
        fitted.fit(X, y, sensitive_features=ward)
        np.testing.assert_allclose(
            model.decision_function(X), fitted.decision_function(X), atol=1e-3
        )
    assert (np.diff([m.dependence_["after"].iloc[0] for m in path.models]) <= 1e-6).all()
    first, *others = path.models
    np.testing.assert_array_equal(
        first.decision_function(X), splines().fit(X, y).decision_function(X)
    )
    assert all(m.estimator_ is not first.estimator_ for m in others)


def test_a_path_of_a_measure_depends_less_and_less():
    X, y, ward, _ = patients(120)
    path = penalty_path(
        splines(), X, y, ward, [0, 0.5, 5.0], validation=(X, y, ward), measure="dcov"
    )
    assert (np.diff([m.dependence_["after"].iloc[0] for m in path.models]) < 0).all()


def test_selection_is_by_validation(path):
    judged = path.frame[path.frame["sample"] == "validation"]
    by_strength = judged.groupby("strength").agg({"loss": "first", "dependence": "max"})
    for target in by_strength["dependence"]:
        chosen = path.select(target)
        allowed = by_strength[by_strength["dependence"] <= target]
        assert allowed.loc[chosen.strength, "loss"] == allowed["loss"].min()
        assert any(chosen is model for model in path.models)
    ward = judged[judged["attribute"] == "ward"].set_index("strength")
    target = float(ward["dependence"].median())
    chosen = path.select(target, attribute="ward")
    assert ward.loc[chosen.strength, "dependence"] <= target
    assert path.select(1.0).strength == by_strength["loss"].idxmin()


def test_targets_out_of_reach_are_said(path):
    judged = path.frame[path.frame["sample"] == "validation"]
    least = judged.groupby("strength")["dependence"].max().min()
    with pytest.raises(ValueError, match=f"1e-06 or less.*least is {least:.3g}.*larger"):
        path.select(1e-6)
    with pytest.raises(ValueError, match="no attribute 'race'.*ward"):
        path.select(0.5, attribute="race")


def test_validation_rows_may_be_given():
    X, y, ward, _ = patients()
    other, outcome, their_ward, _ = patients(200, seed=9)
    path = penalty_path(
        splines(), X, y, ward, [0.0, 50.0], validation=(other, outcome, their_ward)
    )
    judged = path.frame[path.frame["sample"] == "validation"].set_index("strength")
    for model in path.models:
        score = model.decision_function(other)
        expected = dependence(score, their_ward, measures=["dcor"])["estimate"].iloc[0]
        assert judged.loc[model.strength, "dependence"] == pytest.approx(expected)
        right = (model.predict(other) == outcome).mean()
        assert judged.loc[model.strength, "accuracy"] == pytest.approx(right)


def test_columns_of_the_table_and_blind_models():
    X, y, ward, _ = patients()
    table = X.assign(ward=ward)
    options = {"sensitive": ["ward"], "use_sensitive": False}
    path = penalty_path(splines(), table, y, strengths=[0, 9.0], random_state=0, **options)
    assert path.frame["attribute"].unique().tolist() == ["ward"]
    for model in path.models:
        np.testing.assert_array_equal(model.predict(X), model.predict(table))
    rows = (table, y)
    path = penalty_path(splines(), table, y, strengths=[0, 9.0], validation=rows, **options)
    frame = path.frame.set_index(["strength", "sample"])
    same = ["loss", "auc", "dependence", "dp_gap", "eo_gap", "floor"]
    for strength in (0.0, 9.0):
        np.testing.assert_array_equal(
            frame.loc[(strength, "train"), same], frame.loc[(strength, "validation"), same]
        )


@pytest.mark.parametrize("kind", ["polars", "numpy", "lists"])
def test_tables_of_any_make(kind):
    X, y, ward, _ = patients()
    expected = penalty_path(splines(), X, y, ward, [0, 5.0], random_state=0).frame
    table, features = {
        "polars": (pl.from_pandas(X), pl.Series("sensitive feature", ward)),
        "numpy": (X.to_numpy(), ward),
        "lists": (X.to_numpy().tolist(), ward.tolist()),
    }[kind]
    found = penalty_path(splines(), table, y, features, [0, 5.0], random_state=0).frame
    pd.testing.assert_frame_equal(found, expected)


def test_amounts_as_outcome():
    X, _, ward, _ = patients()
    outcome = X.sum(axis=1).to_numpy() * 30 + 7
    inner = SplineGAMRegressor(n_knots=5, lam=1.0)
    path = penalty_path(inner, X, outcome, ward, [0, 3.0, 300.0], random_state=0)
    assert all(isinstance(m, DependencePenalizedRegressor) for m in path.models)
    assert {"loss", "r2", "rmse"} <= set(path.frame) and "auc" not in path.frame
    train = path.frame[path.frame["sample"] == "train"]
    assert (np.diff(train["dependence"]) < 0).all()
    assert (np.diff(train["r2"]) < 0).all()


def test_several_classes():
    X, _, ward, _ = patients()
    rng = np.random.default_rng(0)
    words = np.array(["low", "mid", "top"])
    outcome = words[np.digitize(X.sum(axis=1) + rng.normal(size=len(X)), [0, 1.3])]
    path = penalty_path(splines(), X, outcome, ward, [0, 3.0, 300.0], random_state=0)
    train = path.frame[path.frame["sample"] == "train"]
    assert "auc" not in path.frame
    assert (np.diff(train["dependence"]) < 0).all()
    assert path.select(1.0).classes_.tolist() == ["low", "mid", "top"]


def test_weights_reach_the_fit_and_the_figures():
    X, y, ward, _ = patients()
    weights = np.where(X["dose"] > 0, 4.0, 0.25)
    rows = (X, y, ward)
    options = {"strengths": [0, 5.0], "validation": rows}
    plain = penalty_path(splines(), X, y, ward, **options)
    path = penalty_path(splines(), X, y, ward, sample_weight=weights, **options)
    assert not np.allclose(path.models[1].predict_proba(X), plain.models[1].predict_proba(X))
    train = path.frame[path.frame["sample"] == "train"].set_index("strength")
    p = path.models[1].predict_proba(X)[np.arange(len(y)), y]
    assert train.loc[5.0, "loss"] == pytest.approx(-np.average(np.log(p), weights=weights))


def test_the_split_repeats_itself_and_keeps_classes_in_proportion():
    X, y, ward, _ = patients()
    y = (np.arange(len(y)) % 10 == 0).astype(int)
    frames = [
        penalty_path(splines(), X, y, ward, [1.0], random_state=seed).frame for seed in (0, 0, 1)
    ]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert not frames[0].equals(frames[2])


def test_the_estimator_that_was_given_is_left_alone():
    X, y, ward, _ = patients(100)
    inner = splines()
    penalty_path(inner, X, y, ward, [0, 1.0], random_state=0)
    assert not hasattr(inner, "additive_model_")


def test_the_strengths_that_are_tried_if_none_are_given():
    X, y, ward, _ = patients(120)
    path = penalty_path(splines(), X, y, ward, random_state=0)
    assert tuple(m.strength for m in path.models) == STRENGTHS


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strengths": []}, ["strengths", "[]"]),
        ({"strengths": [1.0, 1]}, ["different numbers", "[1.0, 1]"]),
        ({"strengths": [-1.0]}, ["from 0 to 1e+09", "-1.0"]),
        ({"strengths": [np.nan]}, ["strengths", "nan"]),
        ({"strengths": [1.0, np.inf]}, ["strengths", "inf"]),
        ({"validation": 1.5}, ["validation=1.5", "between 0 and 1"]),
        ({"validation": (1,)}, ["1 parts", "(X, y)"]),
        ({"validation": "half"}, ["validation", "'half'"]),
        ({"validation": patients(90)[:2]}, ["sensitive_features", "training and the validation"]),
        ({"measure": "gap"}, ["'measure'", "'gap'"]),
    ],
)
def test_what_cannot_be_done_is_said(options, words):
    X, y, ward, _ = patients(90)
    with pytest.raises((ValueError, TypeError)) as caught:
        penalty_path(splines(), X, y, ward, **{"strengths": [0, 1.0], **options})
    for word in words:
        assert word in str(caught.value)


def test_a_strength_beside_the_strengths_is_refused():
    X, y, ward, _ = patients(90)
    with pytest.raises((TypeError, ValueError), match="strength"):
        penalty_path(splines(), X, y, ward, [0, 1.0], strength=7.0)


def test_an_unknown_option_is_refused():
    X, y, ward, _ = patients(90)
    with pytest.raises(TypeError, match="smothness"):
        penalty_path(splines(), X, y, ward, [0, 1.0], smothness=7.0)


def test_validation_rows_of_one_group_only():
    X, y, ward, _ = patients()
    some = ward == "A"
    with pytest.raises(ValueError, match="'A' in every row"):
        penalty_path(splines(), X, y, ward, [0, 1.0], validation=(X[some], y[some], ward[some]))


def test_standard_errors_shrink_with_the_rows():
    errors = {}
    for n_rows in (200, 3200):
        X, y, ward, _ = patients(n_rows)
        path = penalty_path(
            SplineGAMClassifier(n_knots=4, lam=1.0), X, y, ward, [0, 1], validation=0.5,
            random_state=0,
        )  # fmt: skip
        judged = path.frame[path.frame["sample"] == "validation"]
        errors[n_rows] = judged[["auc_se", "dependence_se"]].mean()
        trained = path.frame[path.frame["sample"] == "train"]
        assert trained["dependence_se"].isna().all()
    ratio = errors[200] / errors[3200]
    assert ratio.between(2.5, 6.5).all(), ratio


def test_no_resamples_no_standard_error():
    X, y, ward, _ = patients(200)
    path = penalty_path(
        SplineGAMClassifier(n_knots=4, lam=1.0), X, y, ward, [0, 1], n_bootstrap=0, random_state=0
    )
    assert "dependence_se" not in path.frame
