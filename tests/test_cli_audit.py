"""``glassbox audit``, from a saved model to a folder, and every way in which it can be misused."""

import json

import numpy as np
import pandas as pd
import pytest

import glassbox
from glassbox.cli import main
from glassbox.report import _audit_command
from tests.test_cli import Reader, bad

N_ROWS = 300


def table():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, N_ROWS).astype(float),
            "bun": rng.normal(20, 5, N_ROWS),
            "sex": rng.choice(["f", "m"], N_ROWS),
            "site": rng.choice(["<b>A</b>", "B", "C"], N_ROWS, p=[0.5, 0.47, 0.03]),
            "constant": "x",
        }
    )
    score = (frame["age"] - 55) / 15 + (frame["sex"] == "m") + rng.normal(size=N_ROWS)
    frame["died"] = (score > 0).astype(int)
    frame["fate"] = np.where(score > 0, "dead", "alive")
    frame["grade"] = np.where(score > 1, "bad", np.where(score > -1, "mid", "good"))
    frame["los"] = score * 3 + 20
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    frame = table()
    frame.to_csv(folder / "table.csv", index=False)
    frame.drop(columns=["bun", "age"]).to_csv(folder / "narrow.csv", index=False)
    frame.assign(bun="text").to_csv(folder / "text.csv", index=False)
    X = frame[["age", "bun", "sex"]]
    fast = {"n_bags": 2, "max_rounds": 20, "random_state": 0}
    for name, target in (("died", "died"), ("fate", "fate"), ("grade", "grade")):
        est = glassbox.BoostedGAMClassifier(**fast).fit(X, frame[target])
        glassbox.save(est, folder / f"{name}.json")
    est = glassbox.BoostedGAMRegressor(**fast).fit(X, frame["los"])
    glassbox.save(est, folder / "los.json")
    (folder / "broken.json").write_text("{}")
    pd.DataFrame({"column": ["sex"], "label": ["Sex at birth"]}).to_csv(
        folder / "dictionary.csv", index=False
    )
    return folder


def run(folder, out, model, *options):
    command = ["audit", str(folder / model), str(folder / "table.csv")]
    assert main([*command, "--out", str(folder / out), *options]) == 0
    return (folder / out / "audit.html").read_text(encoding="utf-8")


def test_an_audit_of_two_classes(folder, capsys):
    page = run(
        folder, "two", "died.json", "--target", "died", "--sensitive", "sex", "site", "age",
        "--threshold", "0.2", "0.5", "--dictionary", str(folder / "dictionary.csv"),
    )  # fmt: skip
    assert capsys.readouterr().out.strip().endswith("audit.html")
    Reader(page)
    assert "Sex at birth" in page
    assert "<b>A</b>" not in page
    assert "Acting from a predicted 0.2 on" in page
    assert "fewer than 20 rows" in page
    assert 'id="audit-gaps"' in page
    assert "--threshold 0.2 0.5" in page
    document = json.loads((folder / "two" / "audit.json").read_text())
    assert document["settings"]["thresholds"] == [0.2, 0.5]
    assert sorted(path.name for path in (folder / "two").iterdir()) == ["audit.html", "audit.json"]


def test_words_of_the_table_are_turned_into_classes_of_the_model(folder):
    run(folder, "turned", "died.json", "--target", "fate", "--sensitive", "sex",
        "--outcome-positive", "dead")  # fmt: skip
    run(folder, "plain", "fate.json", "--target", "fate", "--sensitive", "sex")
    turned, plain = (
        json.loads((folder / name / "audit.json").read_text()) for name in ("turned", "plain")
    )
    assert turned["frames"]["overview"] == plain["frames"]["overview"]


def test_several_classes_and_amounts(folder):
    page = run(folder, "grades", "grade.json", "--target", "grade", "--sensitive", "sex")
    Reader(page)
    assert "sex, class good" in page
    page = run(folder, "stay", "los.json", "--target", "los", "--sensitive", "sex")
    Reader(page)
    assert "Errors by group" in page


@pytest.mark.parametrize(
    ("model", "data", "options", "reasons"),
    [
        ("none.json", "table.csv", "--target died --sensitive sex", ["no file", "model"]),
        ("broken.json", "table.csv", "--target died --sensitive sex", ["broken.json"]),
        ("table.csv", "table.csv", "--target died --sensitive sex", ["table.csv"]),
        ("died.json", "none.csv", "--target died --sensitive sex", ["no file", "table"]),
        ("died.json", "table.csv", "--target dead --sensitive sex", ["did you mean", "'died'"]),
        ("died.json", "table.csv", "--target died --sensitive race", ["--sensitive 'race'"]),
        ("died.json", "table.csv", "--target died --sensitive died", ["is the target"]),
        ("died.json", "table.csv", "--target died", ["--sensitive"]),
        ("died.json", "table.csv", "--target died --sensitive constant", ["'constant'", "'x'"]),
        ("died.json", "narrow.csv", "--target died --sensitive sex", ["no column 'age'", "'bun'"]),
        ("died.json", "text.csv", "--target died --sensitive sex", ["'bun'", "cannot read"]),
        ("died.json", "table.csv", "--target fate --sensitive sex",
         ["'alive'", "'0', '1'", "--outcome-positive dead"]),
        ("died.json", "table.csv", "--target grade --sensitive sex", ["'bad'", "name the column"]),
        ("grade.json", "table.csv", "--target fate --sensitive sex", ["'alive'", "'mid'"]),
        ("grade.json", "table.csv", "--target grade --sensitive sex --outcome-positive bad",
         ["two classes", "this one has 3"]),
        ("died.json", "table.csv", "--target fate --sensitive sex --outcome-positive gone",
         ["'gone'", "'alive', 'dead'"]),
        ("died.json", "table.csv", "--target grade --sensitive sex --outcome-positive bad",
         ["two values", "'good'"]),
        ("fate.json", "table.csv", "--target fate --sensitive sex --outcome-positive alive",
         ["event is 'dead'"]),
        ("los.json", "table.csv", "--target fate --sensitive sex", ["'fate'", "a number"]),
        ("los.json", "table.csv", "--target los --sensitive sex --threshold 0.5",
         ["--threshold", "leave it away"]),
        ("died.json", "table.csv", "--target died --sensitive sex --threshold 2",
         ["'2'", "between 0 and 1"]),
        ("died.json", "table.csv", "--target died --sensitive sex --dictionary none.csv",
         ["none.csv"]),
    ],
)  # fmt: skip
def test_bad_input(folder, capsys, monkeypatch, model, data, options, reasons):
    monkeypatch.chdir(folder)
    said = bad(folder, capsys, "audit", model, data, *options.split(), "--out", "bad")
    for reason in reasons:
        assert reason in said


def test_bad_out(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "full").mkdir(exist_ok=True)
    (folder / "full" / "audit.html").write_text("mine")
    command = ["audit", "died.json", "table.csv", "--target", "died", "--sensitive", "sex"]
    said = bad(folder, capsys, *command, "--out", "full")
    assert "replace an earlier audit" in said
    (folder / "full" / "thesis.txt").write_text("years of work")
    assert "'thesis.txt'" in bad(folder, capsys, *command, "--out", "full", "--force")
    assert "make it first" in bad(folder, capsys, *command, "--out", "no/such")


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_behind_and_is_not_hidden(folder, monkeypatch, error):
    def fail(*_):
        raise error

    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.setattr(_audit_command, "audit_page", fail)
    monkeypatch.setattr("glassbox.fairness.audit", lambda *_, **__: None)
    command = ["audit", str(folder / "died.json"), str(folder / "table.csv"), "--target", "died",
               "--sensitive", "sex", "--out", str(folder / "failed")]  # fmt: skip
    if isinstance(error, RuntimeError):
        with pytest.raises(RuntimeError, match="a bug"):
            main(command)
    else:
        assert main(command) == 130
    assert sorted(path.name for path in folder.iterdir()) == before


def test_rows_without_an_outcome_are_left_out_and_told(folder, capsys, monkeypatch):
    frame = table()
    frame.loc[:9, "los"] = np.nan
    frame.to_csv(folder / "gaps.csv", index=False)
    seen = {}

    def remember(*given, **options):
        seen["rows"] = len(given[2])
        raise KeyboardInterrupt

    monkeypatch.setattr("glassbox.fairness.audit", remember)
    command = ["audit", str(folder / "los.json"), str(folder / "gaps.csv"), "--target", "los",
               "--sensitive", "sex", "--out", str(folder / "gaps")]  # fmt: skip
    assert main(command) == 130
    assert seen["rows"] == N_ROWS - 10
    assert "stopped" in capsys.readouterr().err
