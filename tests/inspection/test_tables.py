import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.inspection.watched import Watched, audit, numbers, patients


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32, object])
def test_arrays_keep_their_type(dtype):
    X = np.random.default_rng(0).integers(0, 50, (30, 2)).astype(dtype)
    model = Watched(lambda X: X[:, 0].astype(float))
    assert audit(model, X, {"x0": 1}, n_sweeps=2).passed
    for before, after in model.moves():
        assert before.dtype == after.dtype == X.dtype
        assert (before[:, 0] < after[:, 0]).all()
    if X.dtype.kind == "O":
        assert all(type(value) is int for value in before[:, 0])


@pytest.mark.parametrize("dtype", [pl.Float32, pl.UInt16, pl.Int8, pl.Boolean])
def test_polars_columns_keep_their_type(dtype):
    values = np.random.default_rng(0).integers(0, 2 if dtype == pl.Boolean else 50, 30)
    X = pl.DataFrame({"n": pl.Series(values).cast(dtype), "text": ["a", None, "b"] * 10})
    model = Watched(lambda X: X["n"].cast(float))
    assert audit(model, X, {"n": 1}, n_sweeps=2).passed
    for before, after in model.moves():
        assert before.schema == after.schema == X.schema
        assert (before["n"] < after["n"]).all() and before["text"].equals(after["text"])


@pytest.mark.parametrize("column", range(2))
def test_every_kind_of_table_gives_the_same_counts(column):
    X = numbers()
    X[::7, 1] = np.nan
    names = ["x0", "x1", "x2"]

    def score(X):
        matrix = np.asarray(X)
        return np.sin(3 * matrix[:, column]) + np.nan_to_num(matrix[:, 1 - column])

    results = [
        audit(score, table, {f"x{column}": 1})
        for table in (
            X,
            pd.DataFrame(X, columns=names),
            pd.DataFrame(X, columns=names, index=np.arange(len(X)) // 2),
            pd.DataFrame(X),
            pl.DataFrame(X, schema=names),
            pl.DataFrame(X, schema=names, nan_to_null=True),
        )
    ]
    assert not results[0].passed
    for result in results[1:]:
        pd.testing.assert_frame_equal(result.summary, results[0].summary)
        numeric = ["from", "to", "score_before", "score_after", "change"]
        pd.testing.assert_frame_equal(result.violations[numeric], results[0].violations[numeric])


def test_callables_get_the_type_of_table_that_was_given():
    for table in (numbers(), pd.DataFrame(numbers()), pl.DataFrame(numbers())):
        model = Watched(lambda X: np.asarray(X)[:, 0])
        audit(model, table, [1, 0, 0], n_sweeps=2)
        assert {type(given) for given in model.tables} == {type(table)}
        if not isinstance(table, np.ndarray):
            assert list(model.tables[-1].columns) == list(table.columns)


def test_the_rows_of_pandas_tables_are_numbered_anew():
    X = pd.DataFrame(numbers()).set_index(np.repeat(np.arange(100), 2))
    model = Watched(lambda X: X[0])
    audit(model, X, [1, 0, 0], n_sweeps=2, n_moves=100)
    assert all(table.index.equals(pd.RangeIndex(len(table))) for table in model.tables)


def test_the_table_of_the_user_is_left_alone():
    X, frame = numbers(), patients()
    array_copy, frame_copy = X.copy(), frame.copy()
    audit(lambda X: X[:, 0], X, {"x0": 1}, n_sweeps=2)
    audit(lambda X: X["falls"], frame, {"age": 1, "stage": 1}, n_sweeps=2)
    np.testing.assert_array_equal(X, array_copy)
    pd.testing.assert_frame_equal(frame, frame_copy)
