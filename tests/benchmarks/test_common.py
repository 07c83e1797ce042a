"""The helpers of the benchmarks, and that every script can be started."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import _common, _peers
from glassbox.datasets import make_additive

SCRIPTS = (
    "accuracy",
    "coverage",
    "defaults",
    "gpu",
    "monotone",
    "nam_accuracy",
    "nam_speed",
    "overhead",
    "predict",
    "recovery",
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_explains_itself(name, capsys, monkeypatch):
    script = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as stop:
        script.main()
    assert stop.value.code == 0
    assert f"python -m benchmarks.{name}" in capsys.readouterr().out


@pytest.fixture
def no_tables(monkeypatch, tmp_path):
    monkeypatch.setenv(_common.DATA_VARIABLE, str(tmp_path))
    return tmp_path


def test_missing_table_is_skipped_and_said_to_be(no_tables, capsys):
    tables, skipped = _common.load_tables(["heart_cleveland", "birthwt"])
    assert [table.name for table in tables] == ["birthwt"]
    assert list(skipped) == ["heart_cleveland"]
    printed = capsys.readouterr().out
    assert "SKIPPED heart_cleveland" in printed and "benchmarks/README.md" in printed
    assert str(no_tables) not in printed


def test_tables_are_looked_for_beside_the_scripts_by_default(monkeypatch):
    monkeypatch.delenv(_common.DATA_VARIABLE, raising=False)
    assert _common.data_folder() == _common.HERE / "data"


def test_support2_follows_the_published_protocol():
    table = _common.TABLES["support2"]()
    assert table.X.shape == (9105, 29) and "dzgroup" not in table.X
    assert [len(test) for _, test in table.splits] == [1366] * 5
    assert all(not set(train) & set(test) for train, test in table.splits)
    subset = table.subsampled(500)
    assert [len(train) for train, _ in subset.splits] == [500] * 5
    for (train, test), (few, same) in zip(table.splits, subset.splits, strict=True):
        assert set(few) <= set(train) and np.array_equal(test, same)


def test_heart_cleveland_is_read_from_the_folder(no_tables):
    rng = np.random.RandomState(0)
    columns = "age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal num"
    frame = pd.DataFrame(rng.randint(0, 4, size=(60, 14)), columns=columns.split())
    frame.loc[3, "thal"] = np.nan
    frame.to_csv(no_tables / "heart_cleveland.csv", index=False)
    (table,), skipped = _common.load_tables(["heart_cleveland"])
    assert not skipped and set(table.y) == {0, 1} and table.X.shape == (60, 13)
    assert table.X["thal"].isna().sum() == 1
    assert set(table.X["cp"].cat.categories) == {"0", "1", "2", "3"}


COMPAS = {
    "age": 30,
    "race": "Other",
    "sex": "Male",
    "priors_count": 2,
    "c_charge_degree": "F",
    "c_jail_in": "2013-01-02 23:00:00",
    "c_jail_out": "2013-01-04 01:00:00",
    "days_b_screening_arrest": "-30",
    "is_recid": 1,
    "score_text": "Low",
}


def test_compas_is_filtered_as_published(no_tables):
    kept = [{**COMPAS, "two_year_recid": row % 2} for row in range(20)]
    dropped = [
        {**kept[0], "days_b_screening_arrest": "31"},
        {**kept[0], "days_b_screening_arrest": ""},
        {**kept[0], "is_recid": -1},
        {**kept[0], "c_charge_degree": "O"},
        {**kept[0], "score_text": "N/A"},
    ]
    pd.DataFrame(dropped + kept).to_csv(no_tables / "compas.csv", index=False)
    table = _common.TABLES["compas"]()
    assert table.X.shape == (20, 6) and list(table.y) == [0, 1] * 10
    # Nights, not spells of 24 hours.
    assert set(table.X["length_of_stay"]) == {2}
    assert isinstance(table.X["race"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize(
    ("name", "shape", "task"),
    [
        ("compas", (6172, 6), "classification"),
        ("california_housing_nam", (20640, 8), "regression"),
        ("diabetes", (442, 10), "regression"),
        ("make_additive", (5000, 9), "classification"),
    ],
)
def test_table_of_the_neural_benchmarks(name, shape, task):
    tables, skipped = _common.load_tables([name])
    if skipped:
        pytest.skip(skipped[name])
    assert tables[0].X.shape == shape and tables[0].task == task
    tested = np.concatenate([test for _, test in tables[0].splits])
    assert len(tables[0].splits) == 5 and np.array_equal(np.sort(tested), np.arange(shape[0]))


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("250.83", "diabetes"),
        ("428", "circulatory"),
        ("785", "circulatory"),
        ("786.5", "respiratory"),
        ("V58", "other"),
        ("199", "neoplasms"),
        ("8", "other"),
    ],
)
def test_icd9_group(code, group):
    assert _common.icd9_group(code) == group


def test_paired_difference_by_hand():
    found = _common.paired_difference([1.0, 2.0, 4.0], [1.0, 1.0, 1.0])
    assert found["mean"] == pytest.approx(4 / 3)
    assert found["se"] == pytest.approx(np.std([0, 1, 3], ddof=1) / np.sqrt(3))
    assert np.isnan(_common.paired_difference([1.0], [0.0])["se"])


def test_results_are_written_whole(tmp_path):
    value = {"a": np.float64(1 / 3), "b": np.arange(2), "c": float("nan"), "d": (np.int64(1),)}
    path = _common.write_results("toy", {"quick": True, "out": str(tmp_path)}, value)
    document = json.loads(path.read_text())
    assert document["results"] == {"a": 0.333333, "b": [0, 1], "c": None, "d": [1]}
    assert document["settings"] == {"quick": True}
    assert {"date", "cpus", "versions"} <= set(document)
    assert document["versions"]["numpy"] == np.__version__
    assert str(tmp_path) not in path.read_text()


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = _common.write_results("toy", {"out": str(tmp_path)}, {"a": 1})
    before = path.read_text()
    with pytest.raises(TypeError, match="cannot be written"):
        _common.write_results("toy", {"out": str(tmp_path)}, {"a": object()})
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def table():
    return make_additive(
        300, 4, n_categorical=1, missing="random", missing_rate=0.1, random_state=0
    )


def shapes_add_up(method, table):
    """Shapes at the rows of a table, against what the method itself predicts for them."""
    total = sum(method.shape(name, table.data).score for name in table.data)
    probability = method.predict(table.data)
    score = np.log(probability / (1 - probability))
    np.testing.assert_allclose(score - score.mean(), total - total.mean(), atol=1e-6)


def test_shapes_of_interpret_add_up(table):
    pytest.importorskip("interpret")
    from interpret.glassbox import ExplainableBoostingClassifier

    machine = ExplainableBoostingClassifier(
        interactions=0, outer_bags=2, max_rounds=30, n_jobs=1, random_state=0
    )
    shapes_add_up(_peers.Interpret("classification", machine).fit(table.data, table.target), table)


def test_shapes_of_glassbox_add_up(table):
    from glassbox import BoostedGAMClassifier

    model = BoostedGAMClassifier(n_bags=2, max_rounds=30, random_state=0)
    method = _peers.Glassbox("classification", model).fit(table.data, table.target)
    shapes_add_up(method, table)
    shape = method.shape("x0", table.data)
    assert (shape.lower <= shape.score).all() and (shape.score <= shape.upper).all()
    rows = np.arange(0, 300, 2)
    assert abs(shape.centred(rows).score.mean()) < 1e-12


def test_shapes_of_pygam_add_up():
    table = make_additive(300, 4, n_categorical=1, random_state=0)
    method = _peers.PyGAM("classification").fit(table.data, table.target.to_numpy())
    shapes_add_up(method, table)
