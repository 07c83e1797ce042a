import copy
import hashlib
import json
import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import glassbox
from glassbox import BoostedGAMClassifier, BoostedGAMRegressor, load, save
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.density import term_importances, with_density
from glassbox.core.schema import Schema
from glassbox.core.storage import ModelFileError
from glassbox.core.terms import Term
from glassbox.estimators import persistence

ESTIMATORS = [
    kind
    for kind in (getattr(glassbox, name) for name in glassbox.__all__)
    if isinstance(kind, type) and issubclass(kind, BaseEstimator)
]


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def table(n_rows=160):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(60, 10, size=n_rows),
            "sex": rng.choice(["f", "m"], size=n_rows),
            "stage": pd.Categorical(rng.choice([1, 2, 3], size=n_rows), ordered=True),
        }
    )
    frame.loc[::9, "age"] = np.nan
    frame.loc[::11, "sex"] = None
    return frame


def hand_made():
    """A fitted classifier, without the time that fitting takes."""
    X = table()
    estimator = BoostedGAMClassifier(random_state=7, monotonic_cst={"age": 1})
    schema = Schema.infer(X)
    columns, weights = schema.read(X), np.ones(len(X))
    age = NumericAxis("age", np.array([40.0, 55.0, 70.0, 80.0]))
    sex = CategoricalAxis("sex", schema["sex"].categories)
    rng = np.random.default_rng(1)
    rising = np.append(np.sort(rng.normal(size=age.n_values)), 0.3)
    # Along age every category rises by the same.
    pair = np.add.outer(rising, rng.normal(size=sex.size))
    terms = Term((age,), rising), Term((age, sex), pair)
    model = with_density(AdditiveModel(0.1, terms, "logit"), columns, weights)
    estimator.schema_, estimator.additive_model_ = schema, model
    estimator.term_importances_ = term_importances(model, columns, weights)
    estimator.band_description_ = "no band"
    estimator.classes_ = np.array(["died", "lived"])
    estimator.n_rounds_ = [3, 4]
    estimator.repair_ = {}
    estimator.feature_names_in_ = np.array(schema.names, dtype=object)
    return estimator, X


def fitted(kind, n_classes, **params):
    X = table()
    rng = np.random.default_rng(1)
    if n_classes:
        y = rng.choice(list("xyz")[:n_classes], size=len(X))
    else:
        y = X["age"].fillna(50).to_numpy() + rng.normal(size=len(X))
    if kind.__name__.startswith("Boosted"):
        params |= {"n_bags": 2, "max_rounds": 50, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**params).fit(X, y), X


def _numbers_of_classes(kind):
    if kind.__name__.endswith("Regressor"):
        return (0,)
    return (2, 3) if kind().__sklearn_tags__().classifier_tags.multi_class else (2,)


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_every_estimator_comes_back_bit_for_bit(kind, path):
    for n_classes in _numbers_of_classes(kind):
        pairs = [] if n_classes == 3 else [("age", "sex")]
        estimator, X = fitted(kind, n_classes, interactions=pairs)
        save(estimator, path)
        back = load(path)
        assert type(back) is kind
        assert repr(back.get_params()) == repr(estimator.get_params())
        assert set(vars(back)) >= {n for n in vars(estimator) if n.endswith("_")}
        assert back.predict(X).tolist() == estimator.predict(X).tolist()
        assert back._scores(X).tobytes() == estimator._scores(X).tobytes()
        pd.testing.assert_series_equal(back.term_importances_, estimator.term_importances_)
        pd.testing.assert_frame_equal(back.contributions(X), estimator.contributions(X))
        for name in ("n_features_in_", "term_names_", "feature_names_in_", "band_description_"):
            assert np.all(getattr(back, name) == getattr(estimator, name))


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_every_fitted_attribute_has_a_declared_type(kind):
    assert set(persistence._other_state(kind)) <= set(persistence._STATE_TYPES)


def test_tables_without_names(path):
    X = np.random.default_rng(0).normal(size=(60, 2))
    estimator = BoostedGAMRegressor(n_bags=1, max_rounds=10, random_state=0).fit(X, X[:, 0])
    save(estimator, path)
    back = load(path)
    assert not hasattr(back, "feature_names_in_")
    assert back.predict(X).tobytes() == estimator.predict(X).tobytes()


def test_parameters_keep_their_types(path):
    estimator, _ = hand_made()
    estimator.set_params(interactions=(("age", "sex"),), validation_size=np.float64(0.2))
    save(estimator, path)
    back = load(path)
    assert back.interactions == (("age", "sex"),) and back.monotonic_cst == {"age": 1}
    assert back.validation_size == 0.2


def test_the_file_is_readable_json(path):
    estimator, _ = hand_made()
    save(estimator, path)
    document = json.loads(path.read_text())
    assert document["estimator"] == "BoostedGAMClassifier"
    assert document["versions"]["glassbox"] == glassbox.__version__
    assert document["schema"]["columns"][0]["name"] == "age"


def test_what_cannot_be_saved_is_named(path):
    estimator, _ = hand_made()
    estimator.random_state = np.random.RandomState(0)
    with pytest.raises(TypeError, match="Parameter 'random_state' cannot be saved.*RandomState"):
        save(estimator, path)
    with pytest.raises(NotFittedError):
        save(BoostedGAMClassifier(), path)
    with pytest.raises(TypeError, match="LogisticRegression is not an estimator of glassbox"):
        save(LogisticRegression(), path)

    class BoostedGAMClassifierOfMine(BoostedGAMClassifier):
        pass

    BoostedGAMClassifierOfMine.__name__ = "BoostedGAMClassifier"
    with pytest.raises(TypeError, match="not an estimator of glassbox"):
        save(BoostedGAMClassifierOfMine(), path)
    assert not path.exists()


def content(path):
    document = json.loads(path.read_text())
    del document["checksum"]
    return document


def rewrite(path, document):
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps({**document, "checksum": checksum}))


def nodes(document, path=()):
    """Paths to all nodes outside the model; of a list of numbers, only to the first."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from [("model",)] if key == "model" else nodes(value, (*path, key))
    elif isinstance(document, list):
        flat = all(isinstance(item, float) for item in document)
        for i, value in enumerate(document[:1] if flat else document):
            yield from nodes(value, (*path, i))


OTHERS = [None, True, 1, -1, 10**24, 0.5, float("inf"), "", "age", "BoostedGAMRegressor", "save"]
OTHERS += [[], [1.0], ["a"], {}, {"$tuple": []}, {"$array": 1}]


def test_confused_types_give_the_error_or_an_estimator(path):
    estimator, X = hand_made()
    save(estimator, path)
    document = content(path)
    n_accepted = 0
    for where in nodes(document):
        for other in OTHERS:
            edited = {"root": copy.deepcopy(document)}
            parent = edited
            for key in ("root", *where)[:-1]:
                parent = parent[key]
            parent[("root", *where)[-1]] = copy.deepcopy(other)
            if where == ():
                path.write_text(json.dumps(edited["root"]))
            else:
                rewrite(path, edited["root"])
            try:
                back = load(path)
            except ModelFileError:
                continue
            n_accepted += 1
            if back.schema_.names == list(X.columns):
                try:
                    assert back.predict(X[:3]).shape == (3,)
                except ValueError as error:  # columns of another type than the file says
                    assert "when the model was fitted" in str(error)
    assert n_accepted > 30


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_mutated_bytes_are_refused_or_harmless(path, data):
    estimator, X = hand_made()
    save(estimator, path)
    mutated = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(mutated) - 1))
    if data.draw(st.booleans()):
        mutated[at] = data.draw(st.integers(0, 255))
    else:
        del mutated[at : at + data.draw(st.integers(1, 10_000))]
    path.write_bytes(mutated)
    try:
        back = load(path)
    except ModelFileError:
        return
    assert back._scores(X).tobytes() == estimator._scores(X).tobytes()


def change_links(document):
    document["model"]["link"] = "identity"


def change_classes(document):
    classes = document["state"]["classes_"]["$array"]
    classes["shape"], classes["values"] = [3], ["a", "b", "c"]


def rename_column(document):
    document["schema"]["columns"][0]["name"] = "height"


def change_categories(document):
    document["schema"]["columns"][1]["categories"].append("x")


def change_kind(document):
    document["schema"]["columns"][0].update(kind="categorical")


def change_importances(document):
    document["state"]["term_importances_"]["$series"]["index"] = ["a", "b"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(estimator="os.system"), "no estimator 'os.system'"),
        (lambda d: d.update(estimator="save"), "no estimator 'save'"),
        (lambda d: d.update(estimator="BoostedGAMRegressor"), "no parameter|exactly the fields"),
        (lambda d: d["params"].update(evil=1), "no parameter 'evil'"),
        (lambda d: d["params"].update(n_bags="many"), "a parameter is invalid.*n_bags"),
        (lambda d: d["state"].pop("classes_"), "the state needs exactly"),
        (lambda d: d["state"].update(band_description_=3), "'band_description_' has the type int"),
        (lambda d: d.update(versions=[]), "versions are damaged"),
        (lambda d: d.update(schema={}), "its schema is damaged"),
        (change_links, "need the link 'logit'"),
        (change_classes, "do not fit the classes"),
        (rename_column, "uses 'age', which is not in its schema"),
        (change_categories, "contradict one another on 'sex'"),
        (change_kind, "contradict one another on 'age'"),
        (change_importances, "importances do not belong"),
    ],
)
def test_contradictions_are_found(path, change, reason):
    save(hand_made()[0], path)
    document = content(path)
    change(document)
    rewrite(path, document)
    with pytest.raises(ModelFileError, match=reason):
        load(path)


def test_a_large_file_is_refused(path):
    save(hand_made()[0], path)
    with pytest.raises(ModelFileError, match="max_bytes=100"):
        load(path, max_bytes=100)
    with pytest.raises(FileNotFoundError):
        load(path.with_name("nothing.json"))
