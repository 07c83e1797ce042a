import numpy as np
import pandas as pd

from tests.inspection.watched import Watched, audit, numbers, patients


def test_finds_a_violation_at_one_value_of_a_partner():
    X = numbers(500)
    X[:, 1] = 0.0
    X[123, 1] = 7.0

    def score(X):
        return np.where(X[:, 1] == 7, -X[:, 0], X[:, 0])

    result = audit(score, X, {"x0": 1})
    assert not result.passed
    assert {row["x1"] for row in result.violations["row"]} == {7.0}


def test_finds_a_violation_for_a_combination_that_no_row_has():
    X = pd.DataFrame({"a": numbers()[:, 0], "b": np.tile([0.0, 1.0], 100)})
    X["c"] = X["b"].where(X["b"] == 0, np.nan)

    def score(X):
        return X["a"] * np.where((X["b"] == 0) & X["c"].isna(), -1, 1)

    assert not audit(score, X, {"a": 1}).passed
    assert audit(score, X, {"a": 1}, n_sweeps=1).passed  # rows as they are


def test_partners_are_missing_as_well():
    model = Watched(lambda X: X["falls"])
    audit(model, patients(), {"falls": 1}, n_sweeps=2)
    as_they_are, recombined = (before for before, _ in model.moves())
    assert as_they_are["age"].isna().any() and recombined["age"].isna().any()
    known = set(patients()[["age", "sex", "stage"]].itertuples(index=False, name=None))
    for table, new in [(as_they_are, False), (recombined, True)]:
        rows = table[["age", "sex", "stage"]].dropna().itertuples(index=False, name=None)
        assert bool(set(rows) - known) == new
