"""The tables of the page say what the model and the data say."""

import re

import numpy as np
import pandas as pd
import pytest

from glassbox import BoostedGAMClassifier, SplineGAMRegressor
from glassbox.core.dictionary import DataDictionary
from glassbox.report import ReportRequest
from glassbox.report._describe import describe_table
from glassbox.report._format import MINUS
from glassbox.report._model_tables import term_tables
from glassbox.report._study import prepare


def number(cell):
    return float(cell.replace(MINUS, "-").replace(",", ""))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"age": rng.uniform(20, 90, 200), "ward": rng.choice(["a", "b"], 200)})
    X.loc[:20, "age"] = np.nan
    return X, (rng.random(200) < X["age"].fillna(50) / 100).astype(int)


def step_of(table, value):
    """The row of a table of steps that a value belongs to, as a reader would find it."""
    for row in table.rows:
        ends = [float(text) for text in re.findall(r"-?[\d.]+(?:e[+-]\d+)?", row[0])]
        if row[0].startswith("below"):
            inside = value < ends[0]
        elif row[0].endswith("and above"):
            inside = value >= ends[0]
        else:
            inside = len(ends) == 2 and ends[0] <= value < ends[1]
        if inside:
            return row
    raise AssertionError(f"no row for {value}")


def test_a_reader_of_the_tables_finds_the_score(data):
    X, y = data
    est = BoostedGAMClassifier(n_bags=2, max_rounds=200, random_state=0).fit(X, y)
    age, ward = term_tables(est, DataDictionary())
    by_name = {row[0]: row for row in [*ward.rows, *age.rows]}
    cuts = est.additive_model_["age"].axes[0].knots[1:-1]
    probe = pd.DataFrame({"age": [5.0, *cuts, 55.5, 200.0], "ward": "b"})
    scores = est.decision_function(probe)
    for value, score in zip(probe["age"], scores, strict=True):
        read = est.intercept_ + number(step_of(age, value)[1]) + number(by_name["b"][1])
        assert read == pytest.approx(score, abs=1.1e-4)
    missing = est.decision_function(pd.DataFrame({"age": [np.nan], "ward": ["a"]}))[0]
    read = est.intercept_ + number(by_name["missing"][1]) + number(by_name["a"][1])
    assert read == pytest.approx(missing, abs=1.1e-4)
    assert sum(number(row[-1]) for row in age.rows) == pytest.approx(200, abs=len(age.rows))


def test_pairs_are_tables_of_two_columns(data):
    X, y = data
    est = BoostedGAMClassifier(
        n_bags=2, max_rounds=100, interactions=[("age", "ward")], random_state=0
    ).fit(X, y)
    pair = term_tables(est, DataDictionary())[-1]
    assert pair.header == ["", "a", "b", "missing", "unseen"]
    last = pair.rows[[row[0] for row in pair.rows].index("missing") - 1]
    column = pd.DataFrame({"age": [1e3], "ward": ["b"]})
    assert number(last[2]) == pytest.approx(est.contributions(column).iloc[0, 2], abs=1e-4)


def test_curves_are_given_at_points(data):
    X, y = data
    est = SplineGAMRegressor().fit(X, y)
    age = term_tables(est, DataDictionary())[0]
    probe = [row for row in age.rows if row[0][0].isdigit()]
    values = pd.DataFrame({"age": [float(row[0]) for row in probe], "ward": "a"})
    assert [number(row[1]) for row in probe] == pytest.approx(
        est.contributions(values)["age"].tolist(), abs=1e-4
    )


def test_description():
    frame = pd.DataFrame(
        {
            "age": [1.0, 2.0, 3.0, 4.0, np.nan, 6.0],
            "flag": [0, 1, 1, 1, 0, 1],
            "ward": ["a", "b", None, "a", "a", "b"],
            "y": [0, 0, 0, 1, 1, 1],
        }
    )
    study = prepare(frame, DataDictionary(), ReportRequest("y", folds=2))
    description = describe_table(study, ["no", "yes"])
    assert description.groups == [("All rows", 6), ("no", 3), ("yes", 3)]
    assert (description.n_missing, description.n_cells, description.n_complete) == (2, 18, 4)
    age, flag, ward, level_a, level_b = description.rows
    assert age.cells == ["3 [2, 4]", "2 [1.5, 2.5]", "5 [4.5, 5.5]"]
    assert age.missing.startswith("1 (16.7")
    assert [cell.split()[0] for cell in flag.cells] == ["4", "2", "2"]
    assert ward.cells == ["", "", ""]
    assert level_a.is_level
    assert [cell.split()[0] for cell in level_a.cells] == ["3", "1", "2"]
    assert level_b.cells[0].startswith("2 (40.0")
