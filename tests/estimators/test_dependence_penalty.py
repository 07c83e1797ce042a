import dcor
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from glassbox import (
    MonotonicNetClassifier,
    MonotonicNetRegressor,
    NAMClassifier,
    NAMRegressor,
    load,
    save,
)
from glassbox.estimators._batches import MemberBatches
from glassbox.estimators._blocks import MemoryBlocks
from glassbox.estimators._dependence import DependenceOptions, with_sensitive

torch.set_num_threads(1)

CLASSIFIERS = (NAMClassifier, MonotonicNetClassifier)
every_classifier = pytest.mark.parametrize("make", CLASSIFIERS)
SMALL = {"n_bags": 2, "random_state": 0, "device": "cpu"}


def _patients(n=1_500, seed=0, numeric=False):
    """x0 rises and x1 falls with A, which is not a column; the outcome depends on all of them."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n) if numeric else (rng.random(n) < 0.4).astype(float)
    X = pd.DataFrame(
        {
            "x0": rng.normal(size=n) + a,
            "x1": rng.normal(size=n) - 0.5 * a,
            "x2": rng.normal(size=n),
        }
    )
    score = X["x0"] + 0.5 * np.sin(2 * X["x1"]) + 0.7 * X["x2"] + 0.4 * a
    y = (rng.random(n) < 1 / (1 + np.exp(score.mean() - score))).astype(int)
    a = a if numeric else np.where(a == 1, "b", "w")
    return X, y.to_numpy(), pd.Series(a, name="A")


def _dependence(score, a):
    a = np.asarray(a)
    values = a.astype(float) if a.dtype.kind == "f" else (a == "b").astype(float)
    return float(dcor.u_distance_correlation_sqr(np.asarray(score, dtype=float), values))


def _penalty(strength=10.0, measure="dcov", **rest):
    return {"measure": measure, "strength": strength, **rest}


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (NAMClassifier, {}),
        (NAMClassifier, {"start": "zero"}),
        (MonotonicNetClassifier, {"hidden": (8,), "max_steps": 200, "learning_rate": 5e-3}),
        (MonotonicNetClassifier, {"residual": False, "max_steps": 200, "learning_rate": 5e-3}),
    ],
    ids=["nam", "nam from zero", "monotonic", "monotonic tables"],
)
def test_dependence_on_new_rows_falls_to_its_floor_as_strength_grows(make, options):
    X, y, a = _patients()
    X_new, y_new, a_new = _patients(6_000, seed=1)
    if make is MonotonicNetClassifier:
        options = {**options, "monotonic_cst": {"x0": 1, "x2": 1}}
    found = []
    for strength in (None, 1.0, 10.0):
        est = make(**SMALL, **options)
        if strength is None:
            # From zero there would be nothing without networks.
            steps = {} if "start" in options else {"max_steps": 0}
            est.set_params(**steps).fit(X, y)
        else:
            est.set_params(dependence_penalty=_penalty(strength))
            est.fit(X, y, sensitive_features=a)
        score = est.decision_function(X_new)
        found.append(_dependence(score, a_new))
        assert ((score > 0) == y_new).mean() > 0.6
        assert score.std() > 0.3
        if make is MonotonicNetClassifier:
            holds = est.certificate().set_index("feature")["holds"]
            assert holds["x0"] and holds["x2"]
            assert (est.joint_ is not None) <= (options.get("residual", True))
    assert found[0] > 0.08
    assert found[1] < 0.6 * found[0]
    assert found[2] < 0.06 * found[0] and found[2] < 0.5 * found[1]
    assert "does not account for the dependence penalty" in est.band_description_


@pytest.mark.parametrize("measure", ["mean", "dcov", "hsic", "hgr", "mmd"])
def test_every_measure_is_learned_under(measure):
    X, y, a = _patients()
    plain = NAMClassifier(**SMALL, max_steps=0).fit(X, y)
    est = NAMClassifier(**SMALL, max_steps=60, dependence_penalty=_penalty(5.0, measure))
    est.fit(X, y, sensitive_features=a)
    assert _dependence(est.decision_function(X), a) < 0.5 * _dependence(
        plain.decision_function(X), a
    )


@pytest.mark.parametrize("measure", ["mean", "dcov"])
def test_amounts_may_be_missing_and_several_features_count(measure):
    X, y, age = _patients(numeric=True)
    rng = np.random.default_rng(5)
    incomplete = age.where(rng.random(len(age)) < 0.8)
    group = np.where(X["x2"] + rng.normal(size=len(X)) > 0, "b", "w")
    both = pd.DataFrame({"age": incomplete, "group": group})
    plain = NAMClassifier(**SMALL, max_steps=0).fit(X, y)
    est = NAMClassifier(**SMALL, max_steps=100, dependence_penalty=_penalty(measure=measure))
    est.fit(X, y, sensitive_features=both)
    before, after = plain.decision_function(X), est.decision_function(X)
    for feature in (age, group):
        assert _dependence(after, feature) < 0.3 * _dependence(before, feature)


@pytest.mark.parametrize("make", [NAMRegressor, MonotonicNetRegressor])
def test_regression_given_fifths_of_the_outcome(make):
    X, _, a = _patients(3_000)
    rng = np.random.default_rng(2)
    shift = (a == "b").astype(float)
    y = X["x0"] + 0.5 * X["x2"] + 0.5 * rng.normal(size=len(X))
    X = X.assign(x1=X["x1"] + 2 * shift)
    y = y + shift
    plain = make(**{**SMALL, "n_bags": 4}, max_steps=0).fit(X, y)
    est = make(**{**SMALL, "n_bags": 4}, max_steps=100, learning_rate=1e-2, hidden=(16,))
    est.set_params(dependence_penalty=_penalty(30.0, condition="outcome"))
    est.fit(X, y, sensitive_features=a)
    # The unit of the outcome does not matter.
    again = clone(est).fit(X, 1_000 * y, sensitive_features=a)

    def within(score):
        fifth = pd.qcut(y, 5, labels=False)
        return np.mean([_dependence(score[fifth == k], a[fifth == k]) for k in range(5)])

    for model in (est, again):
        assert within(model.predict(X)) < 0.4 * within(plain.predict(X))
    # What is due to the outcome stays.
    assert _dependence(est.predict(X), a) > 0.1


def test_given_the_class_the_score_may_depend_through_it():
    X, y, a = _patients(3_000)
    options = {**SMALL, "max_steps": 150}
    plain = NAMClassifier(**SMALL, max_steps=0).fit(X, y)
    est = NAMClassifier(**options, dependence_penalty=_penalty(condition="outcome"))
    est.fit(X, y, sensitive_features=a)
    for k in (0, 1):
        before, after = (
            _dependence(model.decision_function(X)[y == k], a[y == k]) for model in (plain, est)
        )
        assert after < 0.3 * before


def test_rare_groups_weigh_as_much_as_others_on_request():
    rng = np.random.default_rng(0)
    n = 3_000
    a = np.where(rng.random(n) < 0.04, "rare", np.where(rng.random(n) < 0.5, "b", "w"))
    X = pd.DataFrame({"x0": rng.normal(size=n) + 1.5 * (a == "rare"), "x1": rng.normal(size=n)})
    y = (X["x0"] + X["x1"] + rng.logistic(size=n) > 0).astype(int)
    gaps = {}
    for weights in ("proportional", "equal"):
        est = NAMClassifier(**SMALL, max_steps=100)
        est.set_params(dependence_penalty=_penalty(1.0, "mean", group_weights=weights))
        score = est.fit(X, y, sensitive_features=a).decision_function(X)
        gaps[weights] = (score[a == "rare"].mean() - score[a != "rare"].mean()) / score.std()
    assert gaps["equal"] < 0.6 * gaps["proportional"]


def test_three_classes():
    X, _, a = _patients()
    rng = np.random.default_rng(0)
    y = np.digitize(X["x0"] + rng.logistic(size=len(X)), [-0.5, 1.5])
    plain = NAMClassifier(**SMALL, max_steps=0).fit(X, y)
    est = NAMClassifier(**SMALL, max_steps=100, dependence_penalty=_penalty())
    est.fit(X, y, sensitive_features=a)
    before, after = plain.decision_function(X), est.decision_function(X)
    for k in (0, 2):
        assert _dependence(after[:, k], a) < 0.3 * _dependence(before[:, k], a)


@every_classifier
def test_rows_in_any_order_and_rows_of_weight_zero(make):
    X, y, a = _patients(400)
    # Equal rows that differ in the sensitive feature alone.
    X, y = X.round(0), y
    est = make(**SMALL, max_steps=30, dependence_penalty=_penalty())
    first = clone(est).fit(X, y, sensitive_features=a)
    assert (first.training_record_["kept"] & (first.training_record_["step"] > 0)).any()
    order = np.random.default_rng(0).permutation(len(X))
    second = clone(est).fit(X.iloc[order], y[order], sensitive_features=a.iloc[order])
    np.testing.assert_array_equal(first.decision_function(X), second.decision_function(X))
    more = pd.concat([X, X[:50]]), np.append(y, y[:50]), [*a, *a[:50]]
    weights = np.append(np.ones(len(X)), np.zeros(50))
    third = clone(est).fit(more[0], more[1], weights, sensitive_features=more[2])
    np.testing.assert_array_equal(first.decision_function(X), third.decision_function(X))


def test_sensitive_features_go_where_their_rows_go():
    X, y, a = _patients(3_000)
    X["x0"] = np.where(a == "b", 7.0, 3.0)
    est = NAMClassifier(**SMALL)
    table = est._read_training_table(X, y, None)
    options = DependenceOptions.of(_penalty(condition="outcome"), a)
    weights = np.random.default_rng(0).integers(1, 3, len(X)).astype(float)
    table = table.reweighted(weights)
    table = with_sensitive(table, options, a, y, None, has_classes=True)
    layout = NAMClassifier(**SMALL, max_steps=0, warm_start=True).fit(X, y)._state.layout
    batches = list(MemberBatches(MemoryBlocks(table), layout, 2, 1_024, seed=0))
    assert sum(batch.n_rows for batch in batches) == weights.sum() and len(batches) > 2
    for batch in batches:
        (column,) = batch.sensitive
        first = batch.rows.toarray()[:, layout.slices["x0"]].argmax(axis=1)
        assert ((first == first.max()) == (column.codes == 0)).all()
        np.testing.assert_array_equal(column.strata, batch.y)


@every_classifier
def test_the_rows_are_judged_by_loss_and_penalty(make):
    X, y, a = _patients(600)
    options = {**SMALL, "max_steps": 10, "hidden": (4,)}
    first = make(**options).fit(X, y).training_record_["validation_loss"][:2]
    weighted = []
    for strength in (1.0, 2.0):
        est = make(**options, dependence_penalty=_penalty(strength))
        est.fit(X, y, sensitive_features=a)
        weighted.append(est.training_record_["validation_loss"][:2] - first)
    assert (weighted[0] > 0.02).all()
    np.testing.assert_allclose(weighted[1], 2 * weighted[0], rtol=1e-3)


@every_classifier
def test_a_fitted_model_is_saved_with_its_penalty(make, tmp_path):
    X, y, a = _patients(400)
    est = make(**SMALL, max_steps=20, dependence_penalty=_penalty(np.float64(2.0)))
    est.fit(X, y, sensitive_features=a)
    save(est, tmp_path / "model.json")
    again = load(tmp_path / "model.json")
    assert again.dependence_penalty == est.dependence_penalty
    np.testing.assert_allclose(again.decision_function(X), est.decision_function(X), rtol=1e-12)
    assert again.band_description_ == est.band_description_
    clone(again).fit(X, y, sensitive_features=a)


def test_metadata_are_routed_through_pipelines_and_searches():
    X, y, a = _patients(500)
    with config_context(enable_metadata_routing=True):
        est = NAMClassifier(**{**SMALL, "n_bags": 2}, max_steps=20)
        est.set_params(dependence_penalty=_penalty()).set_fit_request(sensitive_features=True)
        pipeline = make_pipeline(FunctionTransformer(), est).fit(X, y, sensitive_features=a)
        assert pipeline.predict(X).shape == (500,)
        grid = {"dependence_penalty": [_penalty(1.0), _penalty(5.0, "mean")]}
        search = GridSearchCV(est, grid, cv=2, scoring="roc_auc", error_score="raise")
        search.fit(X, y, sensitive_features=a)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_warm_start_goes_on_under_the_penalty():
    X, y, a = _patients(600)
    est = NAMClassifier(**SMALL, max_steps=30, warm_start=True, dependence_penalty=_penalty())
    first = _dependence(est.fit(X, y, sensitive_features=a).decision_function(X), a)
    again = _dependence(est.fit(X, y, sensitive_features=a).decision_function(X), a)
    plain = _dependence(NAMClassifier(**SMALL, max_steps=0).fit(X, y).decision_function(X), a)
    assert max(first, again) < 0.7 * plain


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        ({"measure": "dcov"}, "has no 'strength'"),
        ({"strength": 1.0}, "has no 'measure'"),
        (_penalty(lam=3), "unknown key 'lam'; the keys are"),
        (_penalty(-1.0), "at least 0, got -1.0"),
        (_penalty(np.inf), "at least 0, got inf"),
        (_penalty(True), "at least 0, got True"),
        (_penalty(measure="corr"), "'measure' of dependence_penalty must be one of"),
        (_penalty(condition="y"), "'condition' of dependence_penalty must be one of"),
        (_penalty(group_weights="same"), "'group_weights' of dependence_penalty must be one of"),
    ],
)
@every_classifier
def test_bad_penalties_are_refused(make, penalty, message):
    X, y, a = _patients(100)
    with pytest.raises(ValueError, match=message):
        make(dependence_penalty=penalty).fit(X, y, sensitive_features=a)


@every_classifier
def test_what_would_do_nothing_is_refused(make, tmp_path):
    X, y, a = _patients(100)
    with pytest.raises(ValueError, match="needs the features that the score should not depend on"):
        make(dependence_penalty=_penalty()).fit(X, y)
    with pytest.raises(ValueError, match="would do nothing without a penalty"):
        make().fit(X, y, sensitive_features=a)
    with pytest.raises(ValueError, match="would do nothing with max_steps=0"):
        make(max_steps=0, dependence_penalty=_penalty()).fit(X, y, sensitive_features=a)
    with pytest.raises(TypeError, match="Read the table first"):
        make(dependence_penalty=_penalty()).fit("rows.parquet", "y", sensitive_features=a)
    with pytest.raises(ValueError, match="has 99 rows and X has 100"):
        make(dependence_penalty=_penalty()).fit(X, y, sensitive_features=a[:99])
    ages = np.arange(100.0)
    with pytest.raises(ValueError, match="'sensitive feature' holds amounts"):
        make(dependence_penalty=_penalty(measure="mmd")).fit(X, y, sensitive_features=ages)
    equal = _penalty(group_weights="equal")
    with pytest.raises(ValueError, match="no sensitive feature has groups"):
        make(dependence_penalty=equal).fit(X, y, sensitive_features=ages)
    weights = (a == "b").astype(float)
    with pytest.raises(ValueError, match="one value only in the rows of positive weight"):
        make(dependence_penalty=_penalty()).fit(X, y, weights, sensitive_features=a)


def test_chunks_are_refused_under_a_penalty():
    X, y, _ = _patients(100)
    with pytest.raises(ValueError, match="partial_fit takes no sensitive_features"):
        NAMClassifier(dependence_penalty=_penalty()).partial_fit(X, y)
    est = NAMClassifier(**SMALL, max_steps=0).partial_fit(X, y)
    with pytest.raises(ValueError, match="partial_fit takes no sensitive_features"):
        est.set_params(dependence_penalty=_penalty()).partial_fit(X, y)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_classifier
def test_the_penalty_is_learned_on_a_cuda_device(make):
    X, y, a = _patients()
    plain = make(**{**SMALL, "max_steps": 0}).fit(X, y)
    est = make(**{**SMALL, "device": "cuda"}, dependence_penalty=_penalty())
    est.fit(X, y, sensitive_features=a)
    assert _dependence(est.decision_function(X), a) < 0.3 * _dependence(
        plain.decision_function(X), a
    )
