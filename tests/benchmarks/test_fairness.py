"""The comparison of fairness strategies: its figures, fronts and verdicts, and what it writes."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import _common, fairness
from benchmarks import _fairness_models as models
from benchmarks import _fairness_peers as peers
from benchmarks import _fairness_summary as summary
from benchmarks import _fairness_tables as tables


@pytest.fixture(autouse=True)
def no_table_of_another_test():
    fairness.problem_of.cache_clear()
    yield
    fairness.problem_of.cache_clear()


def _part(y, sensitive, groups=None):
    sensitive = pd.Series(sensitive, name="A")
    groups = np.asarray(sensitive if groups is None else groups, dtype=str)
    return tables.Part(pd.DataFrame({"x": np.arange(len(y))}), np.asarray(y), sensitive, groups)


def test_figures_by_hand():
    part = _part([1, 1, 0, 0, 1, 0], list("aaabbb"))
    found = tables.figures([0.9, 0.8, 0.6, 0.2, 0.7, 0.5], part)
    # Selected: all of "a" and one of "b"; the event's shares are 1 and 1, of the others 1 and 0.
    assert found["dp_gap"] == pytest.approx(1 - 1 / 3)
    assert found["eo_gap"] == 1.0
    assert found["accuracy"] == pytest.approx(5 / 6)
    assert found["auc"] == 1.0
    assert found["brier"] == pytest.approx(np.mean(np.square([0.1, 0.2, 0.6, 0.2, 0.3, 0.5])))
    assert "dcor_of_link" not in found


def test_dependence_of_a_copy_is_one_and_chance_is_printed_beside_it():
    amounts = np.random.default_rng(0).uniform(size=200)
    part = _part(np.tile([0, 1], 100), amounts, amounts > 0.5)
    assert tables.distance_correlation(amounts, part) == pytest.approx(1.0)
    chance = tables.distance_correlation(amounts, part, n_permutations=50)
    assert 0 < chance["mean"] < chance["95 %"] < 0.4


def test_amounts_are_halved_at_the_median_of_the_training_rows():
    problem = tables.PROBLEMS["nhefs"]()
    train, test = problem.parts(0)
    assert problem.is_amount and train.sensitive.name == "age" and "age" not in train.X
    for part in (train, test):
        above = part.sensitive.to_numpy() > np.median(train.sensitive)
        np.testing.assert_array_equal(part.groups == "above", above)
    assert not set(train.X.index) & set(test.X.index)
    assert len(test.y) == pytest.approx(0.3 * len(problem.y), abs=1)
    other, _ = problem.parts(1)
    assert set(other.X.index) != set(train.X.index)


@pytest.mark.parametrize("name", list(tables.PROBLEMS))
def test_tables_leave_the_sensitive_feature_out_of_the_inputs(name):
    try:
        problem = tables.PROBLEMS[name]()
    except _common.TableMissingError:
        pytest.skip("not bundled")
    assert problem.sensitive.name not in problem.X
    assert problem.sensitive.notna().all() and set(problem.y) == {0, 1}
    assert problem.parts(0)[0].with_sensitive.shape[1] == problem.X.shape[1] + 1
    assert json.loads(json.dumps(problem.described())) == problem.described()


@pytest.mark.parametrize(
    ("at_most", "merit"),
    [
        (0.30, 0.75),  # the start has no more than that
        (0.25, 0.75),
        (0.20, 0.725),  # half-way
        (0.15, 0.70),
        (0.10, 0.66),  # on a front that goes back up, the better of the two lines
        (0.05, 0.60),
        (0.04, None),
    ],
)
def test_a_front_is_read_between_its_strengths(at_most, merit):
    front = [(0.25, 0.75), (0.15, 0.70), (0.05, 0.60), (0.10, 0.66)]
    found = summary.best_at(front, at_most)
    assert found == (None if merit is None else pytest.approx(merit))


def _row(strategy, model, split, auc, dcor, at=None, table="compas", seconds=1.0):
    names = {"accuracy": 0.6, "brier": 0.2, "dp_gap": dcor, "eo_gap": dcor}
    return {
        "table": table,
        "strategy": strategy,
        "model": model,
        "at": at,
        "split": split,
        "auc": auc,
        "dcor": dcor,
        "seconds": seconds,
        "fit_seconds": seconds / 2,
        **names,
    }


BLIND_AUC = next(t for t in summary.TARGETS if t.table == "compas" and t.blind)


@pytest.fixture
def rows():
    found = []
    for split, more in enumerate((-0.01, 0.01)):
        found += [
            _row("remove", "remove", split, 0.74 + more, 0.28),
            _row("penalty mean, blind", "penalty mean, blind", split, 0.70 + more, 0.20, 1.0),
            _row("penalty mean, blind", "penalty mean, blind", split, 0.66 + more, 0.10, 4.0),
            _row(
                summary.TIMED, "exponentiated gradient, drawn", split, 0.6, 0.15, 0.05, seconds=4
            ),
        ]
    return found


def test_targets_and_peers_are_judged_at_the_same_dependence(rows):
    found = summary.summarise(rows, {})
    line = next(m for m in found["models"] if m["model"] == "remove")
    assert line["auc"]["mean"] == pytest.approx(0.74)
    assert line["auc"]["sd"] == pytest.approx(0.02 / np.sqrt(2)) and line["splits"] == 2
    blind = [t for t in found["targets"] if t["table"] == "compas" and t["inputs"] == "blind"]
    # At .142 the line from (.20, .70) to (.10, .66) is at .6768.
    assert blind[0]["ours"]["mean"] == pytest.approx(0.6768) and blind[0]["reached"] is False
    others = [t for t in found["targets"] if t not in blind]
    assert {t["reached"] for t in others} == {None}
    (peer,) = found["beside_peers"]
    assert peer["our auc"]["mean"] == pytest.approx(0.68) and peer["inputs"] == "blind"
    (speed,) = found["speed"]
    assert speed["seconds, ratio"] == pytest.approx(0.25) and speed["faster"]
    assert speed["fit_seconds, ratio"] == pytest.approx(0.125)
    rows = [{**row, "auc": row["auc"] + 0.01} for row in rows]
    found = summary.summarise([*rows, {"failure": "x"}], {})
    assert found["targets"][summary.TARGETS.index(BLIND_AUC)]["reached"] is True


def test_what_was_not_measured_by_a_front_is_no_verdict(rows):
    start = [row for row in rows if row["model"] == "remove"]
    found = summary.summarise(start, {})
    assert {t["reached"] for t in found["targets"]} == {None} and not found["speed"]
    shown = summary.printable(found["models"][0])
    assert shown["auc"] == "0.740 ± 0.014" and shown["at"] == ""


def _small():
    rng = np.random.default_rng(0)
    group = pd.Series(pd.Categorical(rng.choice(["a", "b"], 300)), name="group")
    X = pd.DataFrame({"x": rng.normal(size=300) + (group == "a"), "z": rng.normal(size=300)})
    y = rng.normal(size=300) < X["x"]
    return tables._problem("nhefs_sex", X, y, group, "drawn", n_splits=2)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(models, "STRENGTHS", (1.0, 16.0))
    monkeypatch.setitem(tables.PROBLEMS, "nhefs_sex", _small)


def _run(monkeypatch, out, *options, more_tables=()):
    arguments = ["fairness", "--tables", *more_tables, "nhefs_sex", "--out", str(out), *options]
    monkeypatch.setattr("sys.argv", arguments)
    fairness.main()
    return json.loads((out / "fairness.json").read_text())["results"]


def test_runs_in_parts_are_merged(monkeypatch, tmp_path, small, capsys):
    found = _run(monkeypatch, tmp_path, "--splits", "1", "--strategies", "remove", "none, with A")
    assert [(row["model"], row["split"]) for row in found["rows"]] == [
        ("remove", 0),
        ("none, with A", 0),
    ]
    found = _run(monkeypatch, tmp_path, "--strategies", "remove", "penalty mean, blind")
    assert len(found["rows"]) == 3 + 2 * len(models.STRENGTHS)
    front = summary.front_of(
        found["overall"]["models"], "nhefs_sex", "penalty mean, blind", True, "auc", "dcor"
    )
    assert front[-1][0] < front[1][0] < front[0][0] and len(front) == 1 + len(models.STRENGTHS)
    assert 0 < found["tables"]["nhefs_sex"]["dcor_by_chance"]["mean"] < 0.2
    assert {"seconds", "wall_seconds", "run"} <= set(found["rows"][0])
    described = [row["seconds"] - row["fit_seconds"] for row in found["rows"]]
    # Only a path makes figures of its own.
    assert [gap > 0 for gap in described] == ["penalty" in row["model"] for row in found["rows"]]
    printed = capsys.readouterr().out
    assert "dCor by chance" in printed and "glassbox" in printed and "fairlearn" in printed


def test_a_strategy_that_fails_is_written_and_printed(monkeypatch, tmp_path, small, capsys):
    def broken(problem, train):
        raise ValueError("no basis")

    monkeypatch.setitem(peers.STRATEGIES, "remove", broken)
    found = _run(monkeypatch, tmp_path, "--strategies", "remove")
    assert [row["failure"] for row in found["rows"]] == ["ValueError: no basis"] * 2
    assert "FAILED remove on nhefs_sex: ValueError: no basis" in capsys.readouterr().out
    assert found["overall"]["models"] == []


def test_without_fairlearn_its_models_are_skipped(monkeypatch, tmp_path, small, capsys):
    monkeypatch.setattr(fairness, "find_spec", lambda name: None)
    found = _run(monkeypatch, tmp_path, "--strategies", "peers", "--splits", "1")
    assert {row["model"] for row in found["rows"]} == {"logistic, remove"}
    assert set(found["skipped"]) == set(peers.NEED_FAIRLEARN) and found["fairlearn"] is None
    assert "SKIPPED CorrelationRemover, GAM" in capsys.readouterr().out


def test_a_table_that_is_not_there_is_skipped(monkeypatch, tmp_path, small):
    monkeypatch.setenv(_common.DATA_VARIABLE, str(tmp_path))
    options = "--strategies", "remove", "--splits", "1"
    found = _run(monkeypatch, tmp_path, *options, more_tables=["compas"])
    assert "benchmarks/README.md" in found["skipped"]["compas"]


def test_rows_of_other_splits_are_not_mixed(monkeypatch, tmp_path, small):
    _run(monkeypatch, tmp_path, "--strategies", "remove", "--splits", "1")
    monkeypatch.setattr(tables, "TEST_SHARE", 0.2)
    fairness.problem_of.cache_clear()
    with pytest.raises(SystemExit, match="--fresh"):
        _run(monkeypatch, tmp_path, "--strategies", "remove", "--splits", "1")
    found = _run(monkeypatch, tmp_path, "--strategies", "remove", "--splits", "1", "--fresh")
    assert found["tables"]["nhefs_sex"]["test_rows"] == 60


def test_an_unknown_strategy_is_refused_with_the_known_ones(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["fairness", "--strategies", "nonsense"])
    with pytest.raises(SystemExit):
        fairness.main()
    printed = capsys.readouterr().err
    assert "'nonsense' is not one of" in printed and "'penalty dcov, blind'" in printed


@pytest.mark.parametrize("name", peers.NEED_FAIRLEARN[1:])
def test_fairlearns_models_predict_probabilities(name):
    pytest.importorskip("fairlearn")
    rows = fairness.measured(name, _small(), 0)
    assert all("failure" not in row for row in rows)
    assert all(0 <= row["dcor"] <= 1 and row["auc"] > 0.5 for row in rows)
    expected = 3 if name.startswith("exponentiated") else 1
    assert len(rows) == expected
