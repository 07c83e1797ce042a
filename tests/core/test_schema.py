from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.schema import MAX_CATEGORIES, ColumnSchema, Schema, SchemaInference


@pytest.fixture
def patients():
    return pd.DataFrame(
        {
            "age": [40, 51, 62],
            "stage": pd.Categorical(
                ["II", "I", None], categories=["I", "II", "III"], ordered=True
            ),
            "sex": ["m", "f", None],
            "smoker": [True, False, True],
            "crea": pd.array([1, None, 3], dtype="Int64"),
        }
    )


def assert_columns_equal(left, right):
    assert list(left) == list(right)
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])


def test_types_of_a_pandas_table(patients):
    schema = Schema.infer(patients)
    assert schema["age"] == ColumnSchema("age", "numeric")
    assert schema["stage"] == ColumnSchema("stage", "categorical", ("I", "II"), ordered=True)
    assert schema["sex"] == ColumnSchema("sex", "categorical", ("f", "m"))
    assert schema["smoker"].kind == "numeric"
    columns = schema.read(patients)
    np.testing.assert_array_equal(columns["stage"], [1, 0, -1])
    np.testing.assert_array_equal(columns["sex"], [1, 0, -1])
    np.testing.assert_array_equal(columns["smoker"], [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(columns["crea"], [1.0, np.nan, 3.0])


def test_polars_reads_like_pandas(patients):
    polars = pl.DataFrame(
        {
            "age": [40, 51, 62],
            "stage": pl.Series(["II", "I", None], dtype=pl.Enum(["I", "II", "III"])),
            "sex": ["m", "f", None],
            "smoker": [True, False, True],
            "crea": [1, None, 3],
        }
    )
    schema = Schema.infer(polars)
    assert schema == Schema.infer(patients)
    assert_columns_equal(schema.read(polars), schema.read(patients))


def test_pyarrow_reads_like_pandas(patients):
    arrow = pa.table(
        {
            "age": [40, 51, 62],
            "sex": pa.array(["m", "f", None]).dictionary_encode(),
            "smoker": [True, False, True],
            "crea": [1, None, 3],
        }
    )
    schema = Schema.infer(arrow)
    pandas = patients[schema.names]
    assert schema == Schema.infer(pandas)
    assert_columns_equal(schema.read(arrow), schema.read(pandas))


def test_polars_categorical_has_no_order():
    frame = pl.DataFrame({"sex": pl.Series(["m", "f", None], dtype=pl.Categorical)})
    column = Schema.infer(frame)["sex"]
    assert set(column.categories) == {"f", "m"} and not column.ordered


@pytest.mark.parametrize(
    "values, expected",
    [
        (pd.array([1.5, None], dtype="Float64"), [1.5, np.nan]),
        (pd.array([True, None], dtype="boolean"), [1.0, np.nan]),
        (np.array([True, None], dtype=object), [1.0, np.nan]),
        (np.array([2, None], dtype=object), [2.0, np.nan]),
        (np.array([2, pd.NA], dtype=object), [2.0, np.nan]),
        (np.array([None, None], dtype=object), [np.nan, np.nan]),
        (np.array([7, 8], dtype=np.uint8), [7.0, 8.0]),
        (np.array([1, 2], dtype=np.float32), [1.0, 2.0]),
    ],
)
def test_numbers_in_many_clothes(values, expected):
    frame = pd.DataFrame({"a": values})
    schema = Schema.infer(frame)
    assert schema["a"].kind == "numeric"
    column = schema.read(frame)["a"]
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, expected)


@pytest.mark.parametrize("dtype", ["string", "category", object, "str"])
def test_text_in_many_clothes(dtype):
    frame = pd.DataFrame({"a": pd.Series(["x", None, "y"], dtype=dtype)})
    schema = Schema.infer(frame)
    assert schema["a"] == ColumnSchema("a", "categorical", ("x", "y"))
    np.testing.assert_array_equal(schema.read(frame)["a"], [0, -1, 1])


def test_numpy_columns_get_names():
    schema = Schema.infer(np.array([[1.0, 2.0], [3.0, np.nan]]))
    assert schema.names == ["x0", "x1"] and not schema.named


def test_numpy_of_objects_is_typed_by_column():
    X = np.array([["a", 1.0], ["b", None]], dtype=object)
    schema = Schema.infer(X)
    assert [column.kind for column in schema.columns] == ["categorical", "numeric"]
    np.testing.assert_array_equal(schema.read(X)["x1"], [1.0, np.nan])


def test_whole_number_names_are_positions():
    schema = Schema.infer(pd.DataFrame({3: [1.0, 2.0], 5: ["a", "b"]}))
    assert schema.names == ["x0", "x1"] and not schema.named


@pytest.mark.parametrize("listed", [["sex"], [1], [False, True], [-1]])
def test_listed_columns_are_categorical(listed):
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0], "sex": [1.0, 2.0, np.nan]})
    assert Schema.infer(frame, listed)["sex"].categories == (1, 2)
    assert Schema.infer(frame, listed)["age"].kind == "numeric"


@pytest.mark.parametrize(
    "listed, message",
    [
        (["six"], "'six'"),
        ([7], "7"),
        ([True], "1 booleans for 2 columns"),
        ("auto", "'auto'"),
    ],
)
def test_wrong_lists_are_refused(listed, message):
    frame = pd.DataFrame({"age": [1.0, 2.0], "sex": [1.0, 2.0]})
    with pytest.raises(ValueError, match=message):
        Schema.infer(frame, listed)


def test_columns_are_matched_by_name(patients):
    schema = Schema.infer(patients)
    shuffled = patients[["crea", "sex", "age", "smoker", "stage"]]
    assert_columns_equal(schema.read(shuffled), schema.read(patients))


def test_missing_and_extra_columns_are_named(patients):
    schema = Schema.infer(patients)
    with pytest.raises(ValueError, match=r"lacks the column\(s\) \['age'\]"):
        schema.read(patients.drop(columns="age"))
    with pytest.raises(ValueError, match=r"has the column\(s\) \['bun'\]"):
        schema.read(patients.assign(bun=1))


def test_arrays_are_matched_by_position(patients):
    schema = Schema.infer(patients[["age", "smoker"]])
    with pytest.warns(UserWarning, match="no feature names"):
        columns = schema.read(np.array([[1.0, 0.0]]))
    assert columns["age"] == 1.0
    with pytest.raises(ValueError, match="X has 3 features, but M is expecting 2"):
        schema.read(np.ones((1, 3)), owner="M")


def test_retyped_columns_are_named(patients):
    schema = Schema.infer(patients)
    with pytest.raises(ValueError, match="'age' was numeric .* 'forty'"):
        schema.read(patients.assign(age=["forty", "1", "2"]))
    with pytest.raises(ValueError, match="'age' was numeric"):
        schema.read(patients.assign(age=pd.Timestamp("2020-01-01")))
    with pytest.raises(ValueError, match="'sex' held categories given as text"):
        schema.read(patients.assign(sex=[0, 1, 1]))


def test_new_categories_are_unseen(patients):
    schema = Schema.infer(patients)
    columns = schema.read(patients.assign(sex=["x", "m", None], stage=["III", "I", "II"]))
    np.testing.assert_array_equal(columns["sex"], [-2, 1, -1])
    np.testing.assert_array_equal(columns["stage"], [-2, 0, 1])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_names_the_column(value, patients):
    with pytest.raises(ValueError, match="Column 'age' holds infinity"):
        Schema.infer(patients.assign(age=[1.0, value, 2.0]))
    with pytest.raises(ValueError, match="Column 'age' holds infinity"):
        Schema.infer(patients).read(patients.assign(age=[1.0, value, 2.0]))


def test_columns_that_cannot_be_used():
    with pytest.raises(TypeError, match="Column 'when' has type datetime"):
        Schema.infer(pd.DataFrame({"when": pd.to_datetime(["2020-01-01"])}))
    with pytest.raises(TypeError, match="Column 'mix' mixes text"):
        Schema.infer(pd.DataFrame({"mix": ["a", 1]}))
    with pytest.raises(TypeError, match="must be a string or a number"):
        Schema.infer(np.array([[{"a": 1}]], dtype=object))
    many = pd.DataFrame({"id": [f"p{i}" for i in range(MAX_CATEGORIES + 1)]})
    with pytest.raises(ValueError, match="Column 'id' has 2,001 categories"):
        Schema.infer(many)
    with pytest.raises(ValueError, match="two columns called 'a'"):
        Schema.infer(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(TypeError, match="string names"):
        Schema.infer(pd.DataFrame([[1, 2]], columns=["a", 1]))
    with pytest.raises(TypeError, match="collect"):
        Schema.infer(pl.LazyFrame({"a": [1]}))
    with pytest.raises(ValueError, match="0 sample"):
        Schema.infer(pd.DataFrame({"a": []}))


def test_json_round_trip(patients):
    schema = Schema.infer(patients)
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("named"),
        lambda d: d.update(named=1),
        lambda d: d.update(columns=[]),
        lambda d: d["columns"].append(d["columns"][0]),
        lambda d: d["columns"][0].update(kind="text"),
        lambda d: d["columns"][0].update(categories=["a"]),
        lambda d: d["columns"][2].update(categories=["a", "a"]),
        lambda d: d["columns"][2].update(categories=[["a"]]),
        lambda d: d["columns"][2].update(ordered=0),
        lambda d: d["columns"][2].pop("name"),
    ],
)
def test_damaged_json_is_refused(damage, patients):
    document = Schema.infer(patients).to_json()
    damage(document)
    with pytest.raises(ValueError):
        Schema.from_json(document)


@given(
    st.lists(
        st.one_of(st.none(), st.sampled_from(["a", "b", "c", "é", ""])), min_size=1, max_size=30
    )
)
def test_codes_lead_back_to_the_values(values):
    frame = pd.DataFrame({"a": np.array(values, dtype=object)})
    schema = Schema.infer(frame)
    codes = schema.read(frame)["a"]
    if schema["a"].kind == "numeric":
        assert all(value is None for value in values)
        return
    decoded = [None if code == -1 else schema["a"].categories[code] for code in codes]
    assert decoded == values


def test_blocks_read_like_the_whole(patients):
    schema = Schema.infer(patients)
    reader = schema.open(patients)
    whole = schema.read(patients)
    for name, column in reader.read(slice(1, 3)).items():
        np.testing.assert_array_equal(column, whole[name][1:3])


@given(st.lists(st.integers(1, 4), max_size=4))
def test_blocks_show_the_types_of_the_whole(cuts):
    frame = pd.DataFrame(
        {
            "age": [np.nan, np.nan, 40.0, 51.0],
            "sex": [None, None, "m", "f"],
            "stage": pd.Categorical(["I", "III", None, "II"], ["III", "I", "II"], ordered=True),
            "code": [2.0, np.nan, 1.0, 2.5],
            "dose": np.array([1, None, 2.5, None], dtype=object),
            "nothing": np.full(4, None, dtype=object),
        }
    )
    inference = SchemaInference(["code"])
    for start, stop in pairwise(sorted({0, 4, *cuts})):
        inference.add(frame.iloc[start:stop])
    assert inference.schema() == Schema.infer(frame, ["code"])


@pytest.mark.parametrize("blocks", [([np.nan, 1.0], ["a"]), (["a"], [1.0])])
def test_blocks_of_text_and_of_numbers_do_not_mix(blocks):
    inference = SchemaInference()
    with pytest.raises(TypeError, match=r"'mix' mixes text \('a'\) and other values"):
        for block in blocks:
            inference.add(pd.DataFrame({"mix": block}))
        inference.schema()


def test_categories_are_counted_over_all_blocks():
    inference = SchemaInference()
    with pytest.raises(ValueError, match="'id' has 2,100 categories"):
        for start in range(0, 10_000, 700):
            inference.add(pd.DataFrame({"id": [f"p{i}" for i in range(start, start + 700)]}))
