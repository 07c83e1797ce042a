"""What all strategies share: tables of every type, routing, composition with scikit-learn."""

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from glassbox.fairness.strategies import (
    SensitiveFeatureRemoverClassifier,
    SensitiveFeatureRemoverRegressor,
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
    TrainThenCleanClassifier,
    TrainThenCleanRegressor,
)
from glassbox.plots import ContributionDisplay, ImportanceDisplay, ShapeDisplay
from tests.fairness.strategy_tables import classifier, outcomes, patients, regressor

CLASSIFIERS = [
    SensitiveFeatureRemoverClassifier,
    TrainThenCleanClassifier,
    TestTimeBlinderClassifier,
]
REGRESSORS = [SensitiveFeatureRemoverRegressor, TrainThenCleanRegressor, TestTimeBlinderRegressor]
every_classifier = pytest.mark.parametrize("kind", CLASSIFIERS)
every_strategy = pytest.mark.parametrize("kind", CLASSIFIERS + REGRESSORS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def made(kind, **params):
    inner = classifier() if kind in CLASSIFIERS else regressor()
    return kind(inner, **{"sensitive": ["race", "age"]} | params)


def fitted(kind, **params):
    X, y = outcomes(2 if kind in CLASSIFIERS else 0)
    return made(kind, **params).fit(X, y), X, y


def permuted(X, rng):
    rows = rng.permutation(len(X))
    return X.assign(race=X["race"].to_numpy()[rows], age=X["age"].to_numpy()[rows])


@every_strategy
def test_predictions_do_not_see_the_sensitive_columns(kind):
    est, X, _ = fitted(kind)
    before = est.predict(X)
    assert est.predict(permuted(X, np.random.default_rng(1))).tolist() == before.tolist()
    assert est.predict(X.drop(columns=["race", "age"])).tolist() == before.tolist()
    strange = X.assign(race="nobody's", age=np.nan)
    assert est.predict(strange).tolist() == before.tolist()
    assert est.sensitive_names_ == ["race", "age"] and est.n_features_in_ == 4


@every_classifier
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_are_text_and_many(kind, n_classes):
    X, y = outcomes(n_classes)
    est = made(kind).fit(X, y)
    assert est.classes_.tolist() == ["died", "home", "ward"][:n_classes]
    probabilities = est.predict_proba(X)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (est.classes_[probabilities.argmax(axis=1)] == est.predict(X)).all()
    assert est.score(X, y) > 1.2 / n_classes


@every_strategy
def test_contributions_add_up_to_the_score(kind):
    est, X, _ = fitted(kind)
    total = est.contributions(X).sum(axis=1) + est.intercept_
    score = est.decision_function(X) if kind in CLASSIFIERS else est.predict(X)
    assert np.allclose(total, score, rtol=0, atol=1e-9)
    assert list(est.term_importances_.index) == est.term_names_ == ["bun", "ward"]
    assert not set(est.additive_model_.features) & {"race", "age"}


@every_strategy
def test_the_face_of_the_tables_is_drawn(kind):
    est, *_ = fitted(kind)
    assert ShapeDisplay.from_estimator(est, "bun").ax_ is not None
    assert ImportanceDisplay.from_estimator(est).ax_ is not None
    assert est.shape_function("bun").attrs["term"] == "bun"
    assert set(est.certificate()["feature"]) >= {"bun"}


@every_strategy
def test_the_schema_reads_tables_with_and_without_sensitive_columns(kind):
    X, y = outcomes(2 if kind in CLASSIFIERS else 0)
    inner = (classifier if kind in CLASSIFIERS else regressor)(monotonic_cst=[1, 0, 0, 0])
    est = kind(inner, sensitive=["race", "age"]).fit(X, y)
    assert est.schema_.names == ["bun", "ward"] and est.monotonic_cst["bun"] == 1
    read = est.schema_.read(X)
    inside = est.schema_.read(X[["ward", "bun"]])
    assert all(np.array_equal(read[n], inside[n], equal_nan=True) for n in ("bun", "ward"))
    for table in (X, X[["bun", "ward"]]):
        ContributionDisplay.from_estimator(est, table.iloc[[3]])
    with pytest.raises(ValueError, match="unseen at fit time:\n- height"):
        est.schema_.read(X.assign(height=1.0))


@every_strategy
def test_tables_of_every_type_give_the_same(kind):
    X, y = outcomes(2 if kind in CLASSIFIERS else 0)
    X = X.dropna().assign(race=lambda X: (X["race"] == "b").astype(float)).drop(columns="ward")
    y = y[X.index]
    names = ["race", "age"]
    by_name = made(kind, sensitive=names).fit(X, y).predict(X)
    frame = pl.from_pandas(X)
    est = made(kind, sensitive=names).fit(frame, y)
    assert est.predict(frame).tolist() == by_name.tolist()
    assert est.predict(frame.select("bun")).tolist() == by_name.tolist()
    assert est.predict(frame.select(reversed(frame.columns))).tolist() == by_name.tolist()
    for array in (X.to_numpy(), X.to_numpy().tolist()):
        by_position = made(kind, sensitive=[1, -1]).fit(array, y)
        assert by_position.sensitive_names_ == ["x1", "x2"]
        assert by_position.predict(array).tolist() == by_name.tolist()
        with pytest.raises(ValueError, match="expecting 3"):
            by_position.predict(X.to_numpy()[:, :1])


@every_strategy
def test_wrong_columns_are_refused(kind):
    est, X, y = fitted(kind)
    with pytest.raises(ValueError, match="yet now missing:\n- bun"):
        est.predict(X.drop(columns="bun"))
    with pytest.raises(ValueError, match="unseen at fit time:\n- height"):
        est.predict(X.assign(height=1.0))
    for wrong in (["ethnicity"], [4], [True]):
        with pytest.raises(ValueError, match="which is not a column"):
            made(kind, sensitive=wrong).fit(X, y)
    with pytest.raises(ValueError, match="twice"):
        made(kind, sensitive=["age", 3]).fit(X, y)
    with pytest.raises(ValueError, match="sensitive names no column"):
        made(kind, sensitive=None).fit(X, y)


@every_strategy
def test_the_inner_estimator_is_of_the_right_kind(kind):
    X, y = outcomes(2)
    wrong = regressor() if kind in CLASSIFIERS else classifier()
    with pytest.raises(TypeError, match="needs a (classifier|regressor)"):
        kind(wrong, sensitive=["race"]).fit(X, y)


@every_strategy
def test_clones_pickles_and_zero_weights(kind):
    est, X, y = fitted(kind)
    again = clone(est).fit(X, y)
    assert again.predict(X).tolist() == est.predict(X).tolist()
    assert pickle.loads(pickle.dumps(est)).predict(X).tolist() == est.predict(X).tolist()
    weights = (np.arange(len(X)) % 3 > 0).astype(float)
    weighted = clone(est).fit(X, y, sample_weight=weights)
    part = clone(est).fit(X[weights > 0], y[weights > 0])
    if kind in CLASSIFIERS:
        assert np.allclose(weighted.predict_proba(X), part.predict_proba(X), atol=1e-8)
    else:
        assert np.allclose(weighted.predict(X), part.predict(X), atol=1e-8)


def test_sample_weight_needs_an_estimator_that_takes_it():
    X, y = outcomes(0)
    X = X[["bun", "age"]].fillna(0.0)
    inner = make_pipeline(LinearRegression())
    est = SensitiveFeatureRemoverRegressor(inner, sensitive=["age"])
    with pytest.raises(TypeError, match="Pipeline.fit takes no sample_weight"):
        est.fit(X, y, sample_weight=np.ones(len(X)))
    weights = np.linspace(0, 1, len(X))
    est.fit(X, y, linearregression__sample_weight=weights)
    wanted = LinearRegression().fit(X[["bun"]], y, sample_weight=weights)
    assert np.allclose(est.predict(X), wanted.predict(X[["bun"]]))


@every_classifier
def test_pipelines_and_grids(kind):
    X, y = outcomes(2)
    pipeline = make_pipeline(FunctionTransformer(), made(kind))
    name = pipeline.steps[-1][0]
    grid = {f"{name}__estimator__lam": [0.1, 10.0], f"{name}__sensitive": [["race"], ["age"]]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("kind", [SensitiveFeatureRemoverClassifier, TrainThenCleanClassifier])
def test_sensitive_features_are_routed_through_cross_validation(kind):
    X, y = outcomes(2)
    outside = X[["age"]].fillna(60.0)
    seen = []

    class Watching(kind):
        def fit(self, X, y, sample_weight=None, *, sensitive_features=None, **fit_params):
            seen.append(sensitive_features)
            return super().fit(
                X, y, sample_weight, sensitive_features=sensitive_features, **fit_params
            )

    with sklearn.config_context(enable_metadata_routing=True):
        est = Watching(classifier(), sensitive=["race"], proxies=0.95)
        est.set_fit_request(sensitive_features=True, sample_weight=False)
        found = cross_validate(
            est, X.drop(columns="age"), y, cv=3, params={"sensitive_features": outside}
        )
        assert np.isfinite(found["test_score"]).all()
    assert [len(part) for part in seen] == [160, 160, 160]


def test_weights_are_routed_on_request():
    X, y = outcomes(0)
    weights = np.linspace(0, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        inner = regressor().set_fit_request(sample_weight=True)
        est = TestTimeBlinderRegressor(inner, sensitive=["race"])
        est.set_fit_request(sample_weight=True)
        routed = est.fit(X, y, sample_weight=weights).predict(X)
    plain = TestTimeBlinderRegressor(regressor(), sensitive=["race"])
    assert routed.tolist() == plain.fit(X, y, sample_weight=weights).predict(X).tolist()


def test_omitted_variable_bias_of_removal():
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    x = 0.6 * a + rng.normal(size=500)
    X = pd.DataFrame({"x": x, "a": a})
    y = 2.0 * x + 3.0 * a
    est = SensitiveFeatureRemoverRegressor(LinearRegression(), sensitive=["a"]).fit(X, y)
    slope_of_a_on_x = np.cov(x, a)[0, 1] / np.var(x, ddof=1)
    assert est.estimator_.coef_[0] == pytest.approx(2.0 + 3.0 * slope_of_a_on_x, abs=1e-10)


def test_proxies_are_measured_and_removed():
    X, y = outcomes(2)
    X["clinic"] = X["race"].fillna("none") + "'s"
    est = SensitiveFeatureRemoverClassifier(
        classifier(), sensitive=["race", "age"], proxies=0.9, random_state=0
    ).fit(X, y)
    found = est.proxies_.set_index(["attribute", "feature"])
    assert est.kept_names_ == ["bun", "ward"]
    assert found.loc[("race", "clinic"), "value"] == 1.0
    assert found.loc["race", "measure"].tolist() == ["auc"] * 3
    assert found.loc["age", "measure"].tolist() == ["r2"] * 3
    assert 0.55 < found.loc[("race", "bun"), "value"] < 0.8
    assert abs(found.loc[("race", "ward"), "value"] - 0.5) < 0.1
    assert found["removed"].sum() == 1 and est.term_names_ == ["bun", "ward"]
    assert est.predict(X[["bun", "ward"]]).tolist() == est.predict(X).tolist()


def test_proxies_of_features_outside_the_table():
    X, y = outcomes(2)
    inside = X[["bun", "ward"]].assign(clinic=X["race"])
    est = SensitiveFeatureRemoverClassifier(classifier(), proxies=0.9, random_state=0)
    est.fit(inside, y, sensitive_features=X["race"])
    assert est.kept_names_ == ["bun", "ward"]
    with pytest.raises(ValueError, match="proxies=None looks for none"):
        clone(est).set_params(proxies=None).fit(inside, y, sensitive_features=X["race"])
    with pytest.raises(ValueError, match="Nothing is left"):
        clone(est).set_params(proxies=0.0).fit(inside, y, sensitive_features=X["race"])
    with pytest.raises(ValueError, match="give it once"):
        est.set_params(sensitive=["clinic"])
        est.fit(inside, y, sensitive_features={"clinic": X["race"].to_numpy()})


def test_parameters_that_name_removed_columns_are_adapted():
    X, y = outcomes(2)
    inner = classifier(
        monotonic_cst={"age": 1, "bun": 1},
        categorical_features=["race", "ward"],
        interactions=[("race", "ward")],
    )
    est = SensitiveFeatureRemoverClassifier(inner, sensitive=["race", "age"]).fit(X, y)
    assert est.estimator_.monotonic_cst == {"bun": 1} and est.estimator_.interactions == []
    assert est.certificate().set_index("feature").loc["bun", "holds"]
    by_number = classifier(monotonic_cst=[1, 0, 0, 1], categorical_features=[1, 2])
    est = SensitiveFeatureRemoverClassifier(by_number, sensitive=["race", "age"]).fit(X, y)
    assert est.estimator_.monotonic_cst == [1, 0]
    assert est.estimator_.categorical_features == [1]


def test_other_estimators_have_no_tables():
    X, _, _ = patients()
    X = X[["bun", "age"]].fillna(0.0)
    est = SensitiveFeatureRemoverClassifier(LogisticRegression(), sensitive=["age"])
    est.fit(X, X["bun"] > 20)
    for name in ("contributions", "additive_model_", "certificate", "shape_function"):
        assert not hasattr(est, name)
    assert hasattr(est, "decision_function")
    with pytest.raises(TypeError, match="LogisticRegression has none"):
        TrainThenCleanClassifier(LogisticRegression(), sensitive=["age"]).fit(X, X["bun"] > 20)
