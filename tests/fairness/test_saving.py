"""Strategies as JSON files: bit for bit back, and nothing else gets in."""

import copy
import hashlib
import json
import os
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import glassbox
from glassbox import load, save
from glassbox.core.storage import ModelFileError
from glassbox.fairness.strategies import (
    SensitiveFeatureRemoverClassifier,
    SensitiveFeatureRemoverRegressor,
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
    TrainThenCleanClassifier,
    TrainThenCleanRegressor,
)
from tests.fairness.strategy_tables import classifier, outcomes, regressor

NAMES = ["race", "age"]


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def strategies():
    pair = {"interactions": [("race", "ward")]}
    return {
        "remove": SensitiveFeatureRemoverClassifier(
            classifier(), sensitive=NAMES, proxies=0.9, random_state=0
        ),
        "remove numbers": SensitiveFeatureRemoverRegressor(regressor(), sensitive=NAMES),
        "clean": TrainThenCleanClassifier(classifier(**pair), sensitive=NAMES, proxies="all"),
        "clean numbers": TrainThenCleanRegressor(
            regressor(), sensitive=NAMES, proxies=0.6, random_state=0
        ),
        "blind": TestTimeBlinderClassifier(classifier(**pair), sensitive=NAMES),
        "blind response": TestTimeBlinderClassifier(
            classifier(**pair), sensitive=NAMES, scale="response"
        ),
        "blind reference": TestTimeBlinderClassifier(
            classifier(), sensitive=["race"], how="reference", reference={"race": "b"}
        ),
        "blind conditional": TestTimeBlinderClassifier(
            classifier(), sensitive=["race"], how="conditional"
        ),
        "blind numbers": TestTimeBlinderRegressor(regressor(), sensitive=NAMES),
        "blind of removed": TestTimeBlinderClassifier(
            SensitiveFeatureRemoverClassifier(classifier(), sensitive=["age"]),
            sensitive=["race"],
            scale="response",
        ),
    }


def fitted(name, n_classes=2):
    est = strategies()[name]
    X, y = outcomes(0 if name.endswith("numbers") else n_classes)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "how='conditional'", UserWarning)
        return est.fit(X, y), X


def same(first, second):
    if isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second, check_exact=True)
    elif isinstance(first, np.ndarray):
        assert first.tolist() == second.tolist()
    elif not hasattr(first, "fit") and not isinstance(first, list):
        assert first == second


@pytest.mark.parametrize("name", list(strategies()))
def test_strategies_come_back_bit_for_bit(name, path):
    est, X = fitted(name)
    save(est, path)
    back = load(path)
    assert type(back) is type(est)
    assert repr(back) == repr(est)
    assert set(vars(back)) == set(vars(est))
    for attribute, value in vars(est).items():
        if attribute.endswith("_"):
            same(value, getattr(back, attribute))
    methods = ["predict"]
    if not name.endswith("numbers"):
        methods += ["predict_proba", "decision_function"]
    for method in methods:
        assert getattr(back, method)(X).tolist() == getattr(est, method)(X).tolist()
        inside = X.drop(columns=est.sensitive_names_)
        assert getattr(back, method)(inside).tolist() == getattr(est, method)(X).tolist()
    assert hasattr(back, "contributions") == hasattr(est, "contributions")
    if hasattr(est, "contributions"):
        pd.testing.assert_frame_equal(back.contributions(X), est.contributions(X))
    save(back, path.with_name("again.json"))
    assert path.read_text() == path.with_name("again.json").read_text()


def test_several_classes_and_tables_without_names(path):
    X, y = outcomes(3)
    numbers = X[["bun", "age"]].to_numpy()
    est = TestTimeBlinderClassifier(classifier(), sensitive=[1], scale="response")
    save(est.fit(numbers, y), path)
    back = load(path)
    assert not hasattr(back, "feature_names_in_") and back.n_features_in_ == 2
    assert back.predict_proba(numbers).tolist() == est.predict_proba(numbers).tolist()


def test_one_object_stays_one_object(path):
    est, _ = fitted("blind response")
    save(est, path)
    back = load(path)
    assert back.estimator_ is back.sighted_estimator_


def test_what_cannot_be_saved_is_named(path):
    X, y = outcomes(2)
    numbers = X[["bun", "age"]].fillna(0.0)
    est = SensitiveFeatureRemoverClassifier(LogisticRegression(), sensitive=["age"])
    with pytest.raises(
        TypeError, match="LogisticRegression is not an estimator of glassbox.*pickl"
    ):
        save(est.fit(numbers, y), path)
    with pytest.raises(NotFittedError):
        save(SensitiveFeatureRemoverClassifier(classifier(), sensitive=["age"]), path)

    class Mine(SensitiveFeatureRemoverClassifier):
        pass

    with pytest.raises(TypeError, match="Mine is not an estimator of glassbox"):
        save(Mine(classifier(), sensitive=["age"]), path)
    est, _ = fitted("remove")
    est.set_params(random_state=np.random.RandomState(0))
    with pytest.raises(TypeError, match="Parameter 'random_state' cannot be saved"):
        save(est, path)
    est, _ = fitted("clean")
    est.estimator_ = classifier().fit(X, y)
    with pytest.raises(ValueError, match="uses 'age', which is sensitive"):
        save(est, path)
    assert not path.exists()


def test_the_names_that_glassbox_exports_are_what_they_were():
    assert not set(glassbox._FAIRNESS_HOME_OF) & set(glassbox.__all__)


def content(path):
    document = json.loads(path.read_text())
    del document["checksum"]
    return document


def rewrite(path, document):
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps({**document, "checksum": checksum}))


def nested_in_itself(document):
    for _ in range(20):
        document["nested"]["estimator"] = copy.deepcopy(
            {name: document[name] for name in ("estimator", "params", "nested")}
        )


def fitted_in_itself(document):
    inner = copy.deepcopy(document)
    del inner["versions"], inner["format"], inner["schema_version"]
    for _ in range(8):
        inner = {**inner, "fitted": {**inner["fitted"], "estimator_": copy.deepcopy(inner)}}
    document["fitted"]["estimator_"] = inner


def swap_model(document):
    """The sighted tables in the place of the blind ones."""
    document["fitted"]["estimator_"] = document["fitted"]["sighted_estimator_"]


def wrong_code(document):
    column = next(c for c in document["state"]["support_"]["frame"] if c[0] == "race")
    column[2]["$array"]["values"][0] = 99


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("remove", lambda d: d.update(estimator="os.system"), "no estimator 'os.system'"),
        ("remove", lambda d: d["nested"]["estimator"].update(estimator="save"), "no estimator"),
        ("remove", lambda d: d["nested"].clear(), "a parameter is invalid|missing 1 required"),
        ("remove", lambda d: d["params"].update(evil=1), "no such parameters"),
        ("remove", lambda d: d["params"].update(proxies=3), "a parameter is invalid.*proxies"),
        ("remove", lambda d: d["state"].pop("proxies_"), "the state needs exactly"),
        ("remove", lambda d: d["fitted"].pop("estimator_"), "list of fitted estimators needs"),
        ("remove", lambda d: d["fitted"].update(estimator_=None), "of another class"),
        ("remove", lambda d: d["fitted"].update(estimator_="estimator_"), "which is not there"),
        ("remove", lambda d: d["features"].update(n=0), "it has 0 features"),
        ("remove", lambda d: d["features"].update(names=["a"] * 4), "different names"),
        ("remove", lambda d: d["features"].update(names=[1, 2, 3, 4]), "is not text"),
        ("remove", lambda d: d["state"].update(sensitive_names_={"value": ["x"]}), "not those of"),
        ("remove", lambda d: d["state"].update(kept_names_={"value": ["race"]}), "other columns"),
        ("remove", lambda d: d["state"].update(proxies_={"frame": [["a", 1, 2]]}), "a frame"),
        ("remove", lambda d: d["state"].update(kept_names_={"value": {"$array": 1}}), "array"),
        (
            "blind response",
            lambda d: (
                d["state"].update(sensitive_names_={"value": []}),
                d["params"].update(sensitive=[]),
            ),
            "no column is hidden",
        ),
        ("remove", nested_in_itself, "nested too deeply"),
        ("remove", fitted_in_itself, "nested too deeply|another class"),
        ("remove", lambda d: d.update(versions=3), "versions are damaged"),
        (
            "blind conditional",
            lambda d: next(c for c in d["state"]["support_"]["frame"] if c[0] == "(group 0)")[2][
                "$array"
            ]["values"].__setitem__(0, 77),
            "groups of the values",
        ),
        ("blind", swap_model, "uses '(race|age)', which is sensitive"),
        ("blind response", wrong_code, "values of 'race' that are averaged over are damaged"),
        (
            "blind response",
            lambda d: d["state"].update(support_={"value": 3}),
            "averaged over, or their weights",
        ),
        (
            "blind conditional",
            lambda d: d["fitted"]["weights_estimators_"].extend(
                d["fitted"]["weights_estimators_"]
            ),
            "averaged over, or their weights",
        ),
    ],
)
def test_contradictions_are_found(name, change, reason, path):
    est, _ = fitted(name)
    save(est, path)
    document = content(path)
    change(document)
    rewrite(path, document)
    with pytest.raises(ModelFileError, match=reason):
        load(path)


OTHERS = [None, True, -1, 0.5, "age", [], ["a"], {}, {"$array": 1}]


def nodes(document, path=()):
    """Paths to all nodes but those inside fitted estimators, and of lists only to the first."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            if path != ("fitted",):
                yield from nodes(value, (*path, key))
    elif isinstance(document, list):
        for i, value in enumerate(document[:1]):
            yield from nodes(value, (*path, i))


@pytest.mark.parametrize("name", ["remove", "blind response"])
def test_confused_types_give_the_error_or_an_estimator(name, path):
    est, X = fitted(name)
    save(est, path)
    document = content(path)
    accepted = refused = 0
    for where in nodes(document):
        for other in OTHERS if where else []:
            edited = dict(document)
            parent = edited
            for key in where[:-1]:
                parent[key] = copy.copy(parent[key])
                parent = parent[key]
            parent[where[-1]] = other
            rewrite(path, edited)
            try:
                back = load(path)
            except ModelFileError:
                refused += 1
                continue
            accepted += 1
            if back.feature_names_in_.tolist() == list(X.columns):
                assert back.predict(X[:3]).shape == (3,)
    assert accepted > 10 and refused > 100
