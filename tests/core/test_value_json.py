import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassbox.core.storage import ModelFileError
from glassbox.core.value_json import decode_value, encode_value

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text()
keys = st.text(max_size=4) | st.integers(-9, 9) | st.tuples(st.integers(-9, 9), st.text())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=10,
)
dtypes = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "i1", "u8", "u2", "bool", "U5"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["$array", "$tuple", "$dict", "$float", "$series", "$x"]
                + ["dtype", "shape", "values", "index", "name", "a"]
            ),
            inner,
            max_size=3,
        )
    ),
)


def through_json(value):
    return decode_value(json.loads(json.dumps(encode_value(value), allow_nan=False)))


@given(values)
def test_values_keep_their_types(value):
    assert repr(through_json(value)) == repr(value)


@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))
def test_arrays_come_back_bit_for_bit(array):
    back = through_json(array)
    assert back.shape == array.shape
    if array.dtype.kind == "U":
        assert back.tolist() == array.tolist()
    else:
        assert back.dtype == array.dtype
        same = back.view() if array.dtype.kind != "f" else np.nan_to_num(back, nan=7.0)
        other = array if array.dtype.kind != "f" else np.nan_to_num(array, nan=7.0)
        assert same.tobytes() == other.tobytes()


def test_numpy_scalars_become_plain():
    assert encode_value([np.float32(0.5), np.int64(3), np.bool_(True), np.str_("a")]) == [
        0.5,
        3,
        True,
        "a",
    ]


def test_object_arrays_and_series():
    names = np.array(["a", 2, None, 0.5, math.inf], dtype=object)
    back = through_json(names)
    assert back.dtype == object and back.tolist() == names.tolist()
    series = pd.Series([0.5, np.nan], index=["age", "age & sex"], name="importance")
    pd.testing.assert_series_equal(through_json(series), series)
    empty = pd.Series([], dtype=float, index=[], name=None)
    assert through_json(empty).dtype == float


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (print, "builtin_function_or_method cannot be stored"),
        (np.random.RandomState(0), "RandomState cannot be stored"),
        ({1, 2}, "builtins.set"),
        (2**70, "too large"),
        (np.array([1j]), "complex128"),
        (np.array([[1], "a"], dtype=object), "array of objects"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "datetime64"),
        (pd.Series([1], index=[(1, 2)]), "plain labels"),
        (nested(40), "more than 32 deep"),
    ],
)
def test_what_cannot_be_stored_is_named(value, reason):
    with pytest.raises((TypeError, ValueError), match=reason):
        encode_value(value)


@given(json_values)
def test_any_json_gives_a_value_or_the_error(document):
    try:
        decode_value(document)
    except ModelFileError:
        pass


def array(**changes):
    return {"$array": {"dtype": "float64", "shape": [2], "values": [1.0, 2.0]} | changes}


@pytest.mark.parametrize(
    "document",
    [
        array(dtype="float128"),
        array(dtype="object_"),
        array(dtype=["float64"]),
        array(shape=[3]),
        array(shape=[-2, -1]),
        array(shape=[True, 2]),
        array(shape=[1] * 60 + [2]),
        array(shape=2),
        array(shape=[0, 2**31 - 1, 2**31 - 1], values=[]),
        array(values=[1.0, True]),
        array(values=[1.0, "infinity"]),
        array(values=[1.0, None]),
        array(dtype="int8", values=[1, 300]),
        array(dtype="int64", values=[1, 2.0]),
        array(dtype="uint8", values=[1, -2]),
        array(dtype="bool", values=[1, 0]),
        array(dtype="str", values=["a", 1]),
        array(dtype="str", shape=[20_000], values=["a" * 10_000] + ["a"] * 19_999),
        array(dtype="object", values=["a", []]),
        array(more=1),
        {"$tuple": 3},
        {"$float": "1.0"},
        {"$float": [1]},
        {"$dict": [[1]]},
        {"$dict": [[[], 1]]},
        {"$dict": [[1, 1], [1, 2]]},
        {"$unknown": 1},
        {"$tuple": [], "a": 1},
        {"$series": {"name": None, "index": ["a"], "values": array()["$array"]}},
        {"$series": {"name": [], "index": ["a", "b"], "values": array()["$array"]}},
        math.inf,
        nested(2000),
    ],
)
def test_damaged_values_are_refused(document):
    with pytest.raises(ModelFileError):
        decode_value(document)
