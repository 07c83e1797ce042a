"""From a table and a request to what is fitted, or to an error that says what to do."""

import numpy as np
import pandas as pd
import pytest

from glassbox.core.dictionary import DataDictionary
from glassbox.report import InputError, ReportRequest
from glassbox.report._study import prepare


def table(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(60, 10, n),
            "ward": rng.choice(["a", "b", "c"], n),
            "stage": rng.choice([1, 2, 3], n),
            "died": np.arange(n) % 3 == 0,
            "fate": np.where(np.arange(n) % 3 == 0, "died", "lived"),
            "grade": np.arange(n) % 3,
            "los": rng.exponential(5, n),
        }
    )


def study_of(frame, dictionary=None, **request):
    return prepare(frame, dictionary or DataDictionary(), ReportRequest(**request))


BAD_REQUESTS = [
    ({"target": "dead"}, "did you mean 'died'"),
    ({"target": "zzz"}, "no such column"),
    ({"target": "died", "sensitive": ("sex",)}, "--sensitive 'sex'"),
    ({"target": "died", "drop": ("sex",)}, "--drop 'sex'"),
    ({"target": "died", "categorical": ("sex",)}, "--categorical 'sex'"),
    ({"target": "died", "monotonic": {"sex": 1}}, "--monotonic 'sex'"),
    ({"target": "died", "sensitive": ("died",)}, "is the target"),
    ({"target": "died", "drop": ("age",), "monotonic": {"age": 1}}, "is dropped"),
    ({"target": "died", "monotonic": {"ward": 1}}, "no order"),
    ({"target": "grade", "monotonic": {"age": 1}}, "3 classes"),
    ({"target": "fate", "positive": "dead"}, "'died' and 'lived'"),
    ({"target": "grade", "positive": "1"}, "two classes"),
    ({"target": "los", "positive": "1"}, "read as a number"),
    ({"target": "los", "task": "classes"}, "60 classes"),
    ({"target": "fate", "task": "numbers"}, "holds text"),
    ({"target": "died", "folds": 25}, "fewer than the 25 folds"),
    ({"target": "los", "folds": 40}, "too few for 40 folds"),
    (
        {"target": "died", "drop": ("age", "ward", "stage", "fate", "grade", "los")},
        "No column is left",
    ),
]


@pytest.mark.parametrize(("request_", "reason"), BAD_REQUESTS)
def test_bad_requests(request_, reason):
    with pytest.raises(InputError) as caught:
        study_of(table(), **request_)
    assert reason in str(caught.value)


def changed(**columns):
    return table().assign(**columns)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (changed(died=np.nan), "missing in every row"),
        (changed(died="yes"), "one class only ('yes'"),
        (changed(died=pd.Timestamp("2020-01-01")), "dates"),
        (changed(age=[np.inf, *range(59)]), "'age' holds infinity"),
        (changed(when=pd.Timestamp("2020-01-01") + pd.to_timedelta(range(60), "D")), "'when'"),
        (table()[["age", "died"]].assign(age=np.nan), "missing"),
        (table()[["age", "died"]].assign(age=1.0), "one and the same value"),
        (changed(crea=[*map(str, range(59)), "<5"]), "text such as '<5' (row 60)"),
    ],
)
def test_bad_tables(frame, reason):
    with pytest.raises(InputError) as caught:
        study_of(frame, target="died")
    assert reason in str(caught.value)


def test_a_million_categories():
    frame = pd.DataFrame({"x": range(1_000_000), "y": np.arange(1_000_000) % 2})
    with pytest.raises(InputError, match="'x' has 1,000,000 categories"):
        study_of(frame, target="y", categorical=("x",))


@pytest.mark.parametrize("value", [np.inf, 3.0])
def test_bad_numeric_targets(value):
    frame = changed(los=np.full(60, value))
    with pytest.raises(InputError, match="'los'"):
        study_of(frame, target="los", task="numbers")


def test_rows_without_a_target_are_dropped_and_counted():
    frame = table().astype({"los": float})
    frame.loc[[0, 5], "los"] = np.nan
    study = study_of(frame, target="los")
    assert len(study.X) == 58
    assert study.X.index[0] == 2
    assert study.n_rows_of_file == 60
    assert any("2 of 60 rows" in notice for notice in study.notices)


def test_the_task_is_told_from_the_values_and_stated():
    assert study_of(table(), target="died").outcome.task == "classes"
    grade = study_of(table(), target="grade")
    assert grade.outcome.classes == (0, 1, 2)
    assert any("read as classes" in notice for notice in grade.notices)
    los = study_of(table(), target="los")
    assert los.outcome.task == "numbers"
    assert any("read as amounts" in notice for notice in los.notices)
    assert study_of(table(), target="grade", task="numbers").outcome.task == "numbers"


def test_the_event_can_be_chosen():
    usual = study_of(table(), target="fate")
    assert usual.outcome.labels == ("died", "lived")
    assert any("'lived' was taken as the event" in notice for notice in usual.notices)
    turned = study_of(table(), target="fate", positive="died")
    assert turned.outcome.labels == ("lived", "died")
    assert turned.outcome.y.tolist() == table()["died"].astype(int).tolist()
    assert (
        study_of(table(), target="fate", positive="lived").outcome.labels == usual.outcome.labels
    )


def test_codes_with_gaps_are_read_as_whole_numbers():
    frame = changed(died=np.where(np.arange(60) % 2 == 0, 1.0, 0.0))
    frame.loc[0, "died"] = np.nan
    assert study_of(frame, target="died").outcome.labels == ("0", "1")


def test_columns_that_say_nothing_are_left_out():
    study = study_of(changed(empty=np.nan, same="x"), target="died")
    assert set(study.left_out) == {"empty", "same"}
    with pytest.raises(InputError, match="left out"):
        study_of(changed(empty=np.nan), target="died", monotonic={"empty": 1})


def test_the_dictionary_types_columns_and_keeps_outcomes_out():
    dictionary = DataDictionary.from_frame(
        pd.DataFrame(
            {
                "column": ["stage", "grade", "fate", "los"],
                "kind": ["ordinal", "categorical", "leak", "time"],
                "order": ["3|2|1", None, None, None],
            }
        )
    )
    study = study_of(table(), dictionary, target="died", monotonic={"stage": -1})
    assert study.schema["stage"].categories == (3, 2, 1)
    assert study.schema["stage"].ordered
    assert study.categorical == ["grade"]
    assert set(study.left_out) == {"fate", "los"}
    with pytest.raises(InputError, match="'stage' holds '9'"):
        study_of(changed(stage=[9, *[1] * 59]), dictionary, target="died")
    with pytest.raises(InputError, match="none of the table's columns"):
        other = DataDictionary.from_frame(pd.DataFrame({"column": ["weight"]}))
        study_of(table(), other, target="died")


def test_sensitive_columns_may_be_dropped_from_the_model():
    study = study_of(table(), target="died", sensitive=("ward",), drop=("ward",))
    assert "ward" not in study.X
    assert study.sensitive["ward"].tolist() == table()["ward"].tolist()


def test_an_index_is_pointed_out():
    study = study_of(changed(id=range(60)), target="died")
    assert any("'id' numbers the rows" in notice for notice in study.notices)
