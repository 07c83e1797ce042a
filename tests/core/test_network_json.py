import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.network_json import joint_from_json, joint_to_json
from glassbox.core.storage import ModelFileError
from tests.core.test_network import random_joint, random_rows

seeds = st.integers(0, 2**32 - 1)


def _document(seed=0):
    joint, _ = random_joint(np.random.default_rng(seed))
    return json.loads(json.dumps(joint_to_json(joint), allow_nan=False))


def _arrays(joint):
    network = joint.network
    yield from (network.branch_weights, network.branch_bias)
    for layer in network.layers:
        yield from (layer.up, layer.free, layer.bias)
    for term in (*network.directed, *network.others, *joint.shown.terms):
        yield from (term.coefficients, term.density)
    yield joint.shown.intercept


@settings(max_examples=30)
@given(seeds)
def test_joint_parts_come_back_bit_for_bit(seed):
    rng = np.random.default_rng(seed)
    joint, _ = random_joint(rng)
    joint.network.branch_weights.flat[:3] = [-0.0, 5e-324, 1.7e308]
    back = joint_from_json(json.loads(json.dumps(joint_to_json(joint), allow_nan=False)))
    for mine, its in zip(_arrays(joint), _arrays(back), strict=True):
        assert mine.shape == its.shape and mine.tobytes() == its.tobytes()
    for mine, its in (
        (joint.network.directed, back.network.directed),
        (joint.network.others, back.network.others),
        (joint.shown.terms, back.shown.terms),
    ):
        assert [term.axes for term in mine] == [term.axes for term in its]
    assert joint_to_json(back) == joint_to_json(joint)


def test_scores_and_verdicts_come_back():
    rng = np.random.default_rng(0)
    joint, _ = random_joint(rng)
    back = joint_from_json(_document())
    columns = random_rows(rng, 100)
    assert back.scores(columns).tobytes() == joint.scores(columns).tobytes()
    assert back.network.holds("age", 1) and not back.network.holds("age", -1)


def _nodes(document, path=()):
    """Paths to all nodes; of a list, only to the first items."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _nodes(value, (*path, key))
    elif isinstance(document, list):
        for k, value in enumerate(document[:2]):
            yield from _nodes(value, (*path, k))


def _at(document, path):
    for key in path:
        document = document[key]
    return document


PATHS = [path for path in _nodes(_document()) if path]
FIELDS = [path for path in PATHS if type(path[-1]) is str]
WEIGHTS = [p for p in PATHS if p[0] == "network" and p[-1] == "$array"]


@pytest.mark.parametrize("path", FIELDS, ids=str)
def test_a_missing_field_is_refused(path):
    document = _document()
    del _at(document, path[:-1])[path[-1]]
    with pytest.raises(ModelFileError):
        joint_from_json(document)


def test_a_field_too_many_is_refused():
    for path in {path[:-1] for path in FIELDS}:
        document = _document()
        _at(document, path)["surprise"] = 1
        with pytest.raises(ModelFileError):
            joint_from_json(document)


@pytest.mark.parametrize(
    "junk", [None, "text", True, -1, [], {}, {"$module": "os"}, [[]]], ids=str
)
def test_junk_anywhere_is_refused_or_harmless(junk):
    for path in PATHS:
        document = copy.deepcopy(_document())
        _at(document, path[:-1])[path[-1]] = copy.deepcopy(junk)
        try:
            found = joint_from_json(document)
        except ModelFileError:
            continue
        columns = random_rows(np.random.default_rng(0), 5)
        if {*found.network.features, *found.shown.features} <= set(columns):
            assert np.isfinite(found.scores(columns)).all()


@pytest.mark.parametrize("path", WEIGHTS, ids=str)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_weights_that_are_not_finite_are_refused(path, number):
    document = _document()
    _at(document, path)["values"][-1] = number
    with pytest.raises(ModelFileError, match="not finite"):
        joint_from_json(document)


@pytest.mark.parametrize("path", WEIGHTS, ids=str)
def test_weights_of_another_shape_are_refused(path):
    size = len(_at(_document(), path)["values"])
    shape = _at(_document(), path)["shape"]
    for other in (
        [size],
        [*shape, 1],
        [1, *shape],
        shape[::-1] if shape != shape[::-1] else [size],
    ):
        document = _document()
        _at(document, path)["shape"] = other
        with pytest.raises(ModelFileError):
            joint_from_json(document)


@pytest.mark.parametrize("dtype", ["float32", "int64", "object", "str", "bool", "float128"])
def test_weights_of_another_type_are_refused(dtype):
    document = _document()
    array = document["network"]["branch_bias"]["$array"]
    array["dtype"] = dtype
    value = {"str": "x", "bool": True, "int64": 1}.get(dtype, 1.0)
    array["values"] = [value] * len(array["values"])
    with pytest.raises(ModelFileError):
        joint_from_json(document)


@pytest.mark.parametrize(
    "tagged",
    [{"$pickle": "gASV"}, {"$array": {}}, {"$tuple": [1.0]}, {"$float": "nan"}, [[0.0]], 1.0],
    ids=str,
)
def test_weights_under_another_tag_are_refused(tagged):
    document = _document()
    document["network"]["branch_weights"] = tagged
    with pytest.raises(ModelFileError):
        joint_from_json(document)


@pytest.mark.parametrize("document", [None, [], {}, "joint", 1, {"network": {}, "shown": {}}])
def test_what_is_no_joint_part_is_refused(document):
    with pytest.raises(ModelFileError):
        joint_from_json(document)


def test_networks_that_do_not_fit_together_are_refused_with_the_reason():
    document = _document()
    document["network"]["layers"].pop()
    with pytest.raises(ModelFileError, match="last layer of a network has one unit"):
        joint_from_json(document)
    document = _document()
    document["network"]["others"]["terms"].pop()
    with pytest.raises(ModelFileError, match="other inputs than there are tables"):
        joint_from_json(document)
    document = _document()
    document["shown"]["intercept"] = [0.0, 0.0]
    with pytest.raises(ModelFileError):
        joint_from_json(document)
