import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate

from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

FAST = {"n_bags": 2, "max_rounds": 100, "random_state": 0}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"age": rng.normal(size=300), "sex": rng.choice(["f", "m"], 300), "bun": rng.random(300)},
        index=[f"patient {i}" for i in range(300)],
    )
    return X, X["age"] + (X["sex"] == "m") + rng.normal(size=300)


@pytest.fixture(scope="module")
def classifier(table):
    X, y = table
    return BoostedGAMClassifier(interactions=1, **FAST).fit(X, np.where(y > 0, "died", "lived"))


@pytest.fixture(scope="module")
def multiclass(table):
    X, y = table
    return BoostedGAMClassifier(interactions=1, **FAST).fit(X, np.digitize(y, [-0.5, 1.0]))


def test_contributions_name_rows_and_terms(classifier, table):
    X, _ = table
    contributions = classifier.contributions(X)
    assert contributions.columns.tolist() == classifier.term_names_
    assert contributions.index.equals(X.index)
    np.testing.assert_allclose(
        contributions.sum(axis=1) + classifier.intercept_,
        classifier.decision_function(X),
        rtol=0,
        atol=1e-9,
    )


def test_contributions_of_several_classes(multiclass, table):
    X, _ = table
    contributions = multiclass.contributions(X)
    assert contributions.columns.names == ["term", "class"]
    per_class = contributions.T.groupby(level="class").sum().T
    np.testing.assert_allclose(
        per_class + multiclass.intercept_, multiclass.decision_function(X), rtol=0, atol=1e-9
    )


def test_predictions_derive_from_the_score(classifier, multiclass, table):
    X, _ = table
    p = classifier.predict_proba(X)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-classifier.decision_function(X))))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (classifier.predict(X) == classifier.classes_[p.argmax(axis=1)]).all()
    p = multiclass.predict_proba(X)
    e = np.exp(multiclass.decision_function(X))
    np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True))
    assert (multiclass.predict(X) == p.argmax(axis=1)).all()


def test_importance_is_the_mean_absolute_contribution(classifier, table):
    X, _ = table
    expected = classifier.contributions(X).abs().mean()
    pd.testing.assert_series_equal(
        classifier.term_importances_, expected, check_names=False, rtol=1e-12
    )


def test_shape_functions_by_name_or_pair(classifier):
    pair = classifier.term_names_[-1]
    first, second = pair.split(" & ")
    frame = classifier.shape_function(pair)
    pd.testing.assert_frame_equal(frame, classifier.shape_function((second, first)))
    with pytest.raises(ValueError, match="no term 'six'; the terms are"):
        classifier.shape_function("six")


def test_shape_functions_of_several_classes(multiclass):
    assert multiclass.shape_function("sex")["output"].unique().tolist() == [0, 1, 2]


def test_certificate_has_a_row_per_feature_with_an_order(classifier):
    assert classifier.certificate()["feature"].tolist() == ["age", "bun"]


def test_prediction_goes_through_blocks(classifier, table, monkeypatch):
    import glassbox.estimators.base as base

    X, _ = table
    whole = classifier.decision_function(X)
    monkeypatch.setattr(base, "_PREDICT_ROWS", 7)
    np.testing.assert_array_equal(classifier.decision_function(X), whole)


@pytest.mark.parametrize("copy", [lambda e: pickle.loads(pickle.dumps(e)), "joblib"])
def test_pickle_and_joblib(classifier, table, copy, tmp_path):
    X, _ = table
    if copy == "joblib":
        joblib.dump(classifier, tmp_path / "model.joblib")
        other = joblib.load(tmp_path / "model.joblib")
    else:
        other = copy(classifier)
    np.testing.assert_array_equal(other.predict_proba(X), classifier.predict_proba(X))


def test_sample_weight_is_routed(table):
    X, y = table
    with sklearn.config_context(enable_metadata_routing=True):
        model = BoostedGAMRegressor(**FAST).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        result = cross_validate(
            model, X, y, cv=2, params={"sample_weight": np.ones(len(y))}, error_score="raise"
        )
    assert len(result["test_score"]) == 2


def test_refitting_on_an_array_forgets_the_names(table):
    X, y = table
    model = BoostedGAMRegressor(**FAST).fit(X, y)
    assert model.feature_names_in_.tolist() == ["age", "sex", "bun"]
    model.fit(X[["age", "bun"]].to_numpy(), y)
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 2


@pytest.mark.parametrize(
    "weights, message",
    [
        (np.zeros(300), "at least one non-zero"),
        (np.full(300, -1.0), "[Nn]egative"),
        (np.ones(3), "sample_weight.shape"),
    ],
)
def test_bad_weights(table, weights, message):
    X, y = table
    with pytest.raises(ValueError, match=message):
        BoostedGAMRegressor(**FAST).fit(X, y, sample_weight=weights)


def test_bad_targets(table):
    X, y = table
    with pytest.raises(ValueError, match="one class only \\('a'\\)"):
        BoostedGAMClassifier(**FAST).fit(X, ["a"] * 300)
    with pytest.raises(ValueError, match="NaN"):
        BoostedGAMRegressor(**FAST).fit(X, y.where(y > 0))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        BoostedGAMRegressor(**FAST).fit(X, y[:-1])


def test_unfitted():
    for method in ("predict", "contributions", "shape_function", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(BoostedGAMClassifier(), method)(np.ones((1, 1)))
    with pytest.raises(NotFittedError):
        BoostedGAMClassifier().certificate()


def test_a_zero_weight_row_leaves_no_trace():
    X = pd.DataFrame({"sex": ["f", "m"] * 20 + ["typo"], "age": [*range(40), 900]})
    y = np.arange(41) % 3 == 0
    weights = np.append(np.ones(40), 0)
    model = BoostedGAMClassifier(**FAST).fit(X, y, sample_weight=weights)
    assert model.schema_["sex"].categories == ("f", "m")
    assert model.additive_model_["age"].axes[0].knots[-1] == 39
