import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.inspection import audit_monotonicity
from tests.inspection.watched import Watched, audit, numbers


def test_finds_a_notch_between_two_observed_values():
    X = np.arange(11.0).reshape(-1, 1)

    def score(X):
        return X[:, 0] - 2.0 * ((X[:, 0] > 4.40) & (X[:, 0] < 4.41))

    assert not audit(score, X, {"x0": 1}).passed


@pytest.mark.parametrize("width", [1e-6, 1e-13])
@pytest.mark.parametrize("side", [-1, 1])
def test_finds_a_tiny_notch_at_an_observed_value(width, side):
    X = numbers(n_columns=1)
    at = X[17, 0]

    def score(X):
        # Between observed values, which themselves are in order.
        distance = side * (X[:, 0] - at)
        return X[:, 0] - side * ((distance > 0) & (distance < width))

    result = audit(score, X, {"x0": 1})
    assert not result.passed
    worst = result.violations.iloc[0]
    assert at in (worst["from"], worst["to"]) and worst["change"] == pytest.approx(-1, abs=1e-3)


def test_finds_a_notch_that_only_the_next_representable_numbers_show():
    X = numbers(n_columns=1)
    above = np.nextafter(X[17, 0], np.inf)
    result = audit(lambda X: X[:, 0] - (X[:, 0] == above), X, {"x0": 1})
    assert result.violations.iloc[0][["from", "to"]].tolist() == [X[17, 0], above]


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize("end", [-1, 1])
def test_finds_violations_beyond_the_range(direction, end):
    X = np.linspace(-1, 1, 50).reshape(-1, 1)

    def score(X):
        beyond = np.maximum(end * X[:, 0] - 1.1, 0)
        return direction * (X[:, 0] - 10 * end * beyond)

    assert not audit(score, X, {"x0": direction}).passed


def test_a_constant_column_is_moved_beyond_its_value():
    X = np.column_stack([np.full(20, 3.0), np.arange(20.0)])
    assert not audit(lambda X: -X[:, 0], X, {"x0": 1}).passed


def test_moves_have_all_sizes_and_leave_the_range_by_a_tenth():
    X = np.linspace(0, 1, 40).reshape(-1, 1)
    model = Watched(lambda X: X[:, 0])
    audit(model, X, {"x0": 1})
    low = np.concatenate([before[:, 0] for before, _ in model.moves()])
    high = np.concatenate([after[:, 0] for _, after in model.moves()])
    assert -0.1 <= low.min() < -0.09 and 1.09 < high.max() <= 1.1
    assert (np.nextafter(low, 2) == high).sum() > 1_000
    for smallest, largest in [(1e-9, 1e-7), (1e-7, 1e-5), (1e-5, 1e-3), (1e-3, 0.1), (0.1, 1)]:
        assert ((high - low > smallest) & (high - low < largest)).sum() > 500
    assert ((low > 1) & (high > low)).sum() > 500 and ((high < 0) & (high > low)).sum() > 500
    inside = (np.searchsorted(X[:, 0], low) == np.searchsorted(X[:, 0], high)) & (high < 1)
    assert set(np.searchsorted(X[:, 0], low[inside & (high - low > 0.01)])) >= set(range(1, 40))
    neighbours = np.isin(low, X[:-1]) & (np.searchsorted(X[:, 0], low) + 1 < 40)
    following = X[np.minimum(np.searchsorted(X[:, 0], low) + 1, 39), 0]
    assert set(low[neighbours & (following == high)]) == set(X[:-1, 0])


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int8", "Int64", "bool", "boolean"])
def test_whole_numbers_stay_whole(dtype):
    values = np.array([0, 1] * 20) if "bool" in dtype else np.arange(40)
    X = pd.DataFrame({"other": 1.5, "n": pd.Series(values).astype(dtype)})
    model = Watched(lambda X: -X["n"].astype(float))
    result = audit(model, X, {"n": 1}, n_sweeps=2)
    for before, after in model.moves():
        assert before["n"].dtype == after["n"].dtype == X["n"].dtype
        assert (after["n"].astype(int) - before["n"].astype(int) >= 1).all()
    assert result.summary.loc[0, "share"] == 1.0
    assert result.violations.loc[0, "from"] == result.violations.loc[0, "row"]["n"]


@pytest.mark.parametrize("limits", [(-(2**63), 2**63 - 1), (0, 2**64 - 1)])
def test_the_largest_whole_numbers(limits):
    X = np.array([limits]).T
    model = Watched(lambda X: X[:, 0].astype(float))
    assert audit(model, X, {"x0": 1}, n_sweeps=2).passed
    assert all((before[:, 0] < after[:, 0]).all() for before, after in model.moves())


@settings(max_examples=60)
@given(
    levels=st.lists(st.integers(-5, 5), min_size=2, max_size=8),
    direction=st.sampled_from([-1, 1]),
    in_order=st.booleans(),
)
def test_step_functions_pass_if_and_only_if_they_are_monotone(levels, direction, in_order):
    levels = np.array(sorted(levels, reverse=direction < 0) if in_order else levels, dtype=float)
    cuts = np.arange(1, len(levels)) - 0.5
    X = np.linspace(-0.5, len(levels) - 0.5, 41).reshape(-1, 1)

    def score(X):
        return levels[np.searchsorted(cuts, X[:, 0], side="right")]

    result = audit(score, X, {"x0": direction}, n_sweeps=4, n_moves=300)
    assert result.passed == bool((direction * np.diff(levels) >= 0).all())


@given(seed=st.integers(0, 1_000), values=st.sampled_from([(0, 1), (2.5, 3.0, 9.0), (4, 5, 60)]))
def test_without_a_margin_moves_stay_in_the_range(seed, values):
    X = pd.DataFrame({"x": np.resize(np.array(values), 30)})
    seen = []

    def score(table):
        seen.append(table["x"].to_numpy())
        return table["x"].to_numpy(dtype=float)

    options = {"n_sweeps": 2, "n_moves": 60, "random_state": seed}
    assert audit_monotonicity(score, X, {"x": 1}, margin=0.0, **options).passed
    met = np.concatenate(seen)
    assert met.min() == min(values) and met.max() == max(values)


@pytest.mark.parametrize("margin", [-0.1, np.inf, True, "far"])
def test_a_margin_is_a_number(margin):
    with pytest.raises(ValueError, match="margin must be a number of at least 0, got"):
        audit_monotonicity(lambda X: X[:, 0], np.ones((3, 1)), {"x0": 1}, margin=margin)
