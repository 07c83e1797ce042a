import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.inspection.watched import Watched, audit, first, numbers, patients


def test_moves_go_up_and_leave_everything_else_as_it_was():
    X = patients()
    model = Watched(lambda X: X["falls"])
    audit(model, X, {"age": 1, "stage": -1}, n_sweeps=4, n_moves=100)
    for before, after in model.moves():
        assert (before.dtypes == X.dtypes).all() and (after.dtypes == X.dtypes).all()
        moved = "age" if not before["age"].equals(after["age"]) else "stage"
        assert (before[moved] < after[moved]).all()
        pd.testing.assert_frame_equal(before.drop(columns=moved), after.drop(columns=moved))


def test_observed_values_are_never_moved_from_or_to_missing():
    X = patients()
    model = Watched(lambda X: X["age"].fillna(1e6))
    result = audit(model, X, {"age": 1}, n_sweeps=2)
    assert result.passed
    assert not any(table["age"].isna().any() for table in model.tables)


def test_repeatable_under_a_random_state():
    X = numbers()

    def found(state):
        result = audit(lambda X: np.sin(4 * X[:, 0]), X, {"x0": 1}, random_state=state)
        return result.summary, result.violations

    for one, other in zip(found(3), found(3), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert not found(3)[1].equals(found(4)[1])
    by_object = found(np.random.RandomState(3))
    pd.testing.assert_frame_equal(by_object[0], found(3)[0])


def test_torch_is_not_loaded():
    code = (
        "import sys, numpy as np; from glassbox.inspection import audit_monotonicity as audit; "
        "audit(lambda X: X[:, 0], np.eye(3), [1, 0, 0]); print('torch' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "False"


@pytest.mark.parametrize(
    "X, directions, error, message",
    [
        (numbers(), {"age": 1}, ValueError, "'age', which is not a column"),
        (numbers(), {"x0": 2}, ValueError, "'x0' must be -1 .* got 2"),
        (numbers(), [1, 0], ValueError, "2 values for 3 features"),
        (numbers(), {"x0": 0}, ValueError, "no column a direction"),
        (numbers(), None, ValueError, "no column a direction"),
        (numbers(), "x0", TypeError, "must be a dict .* got 'x0'"),
        (numbers(), 1, TypeError, "must be a dict .* got 1"),
        (patients(), {"sex": 1}, ValueError, "'sex' to be monotone, but its categories"),
        (patients()[:0], {"age": 1}, ValueError, "0 sample"),
        (np.empty((0, 2)), {"x0": 1}, ValueError, "0 sample"),
        (np.arange(3.0), {"x0": 1}, ValueError, "1D array"),
        ([[1.0, 2.0]], {"x0": 1}, TypeError, "data frame or a numpy array, not list"),
        (pl.LazyFrame({"a": [1.0]}), {"a": 1}, TypeError, "collect"),
        (np.full((3, 1), np.nan), {"x0": 1}, ValueError, "'x0' holds no two values"),
        (
            pd.DataFrame({"s": pd.Categorical(["a"], ["a", "b"], ordered=True)}),
            {"s": 1},
            ValueError,
            "'s' holds no two values",
        ),
        (
            pl.DataFrame({"d": pl.Series([1, 2], dtype=pl.Decimal(10, 2))}),
            {"d": 1},
            TypeError,
            "'d' has type Decimal.*convert it",
        ),
    ],
)
def test_tables_and_directions_that_cannot_be_used(X, directions, error, message):
    with pytest.raises(error, match=message):
        audit(first, X, directions)


@pytest.mark.parametrize("option", ["n_sweeps", "n_moves", "n_examples"])
@pytest.mark.parametrize("value", [0, 1.5, True, "many"])
def test_counts_that_cannot_be_used(option, value):
    with pytest.raises(ValueError, match=f"{option} must be an integer of at least 1"):
        audit(first, numbers(), {"x0": 1}, **{option: value})


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, "small", True])
def test_tolerances_that_cannot_be_used(value):
    with pytest.raises(ValueError, match="tolerance must be a number of at least 0"):
        audit(first, numbers(), {"x0": 1}, tolerance=value)
