"""Results that later runs add to."""

import argparse
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import _results

KEY = ("table", "method")


def row(table, method, value):
    return {"table": table, "method": method, "value": value}


def plain(document):
    return [(r["table"], r["method"], r["value"], r["run"]) for r in document["rows"]]


def test_rows_are_replaced_in_place_and_keep_their_run():
    first = {"date": "2026-01-01", "versions": {"numpy": "1"}}
    second = {"date": "2026-02-02", "versions": {"numpy": "2"}}
    rows = [row("a", "x", 1), row("a", "y", 2), row("b", "x", 3)]
    old = {"results": _results.merge_rows(None, rows, KEY, first)}
    merged = _results.merge_rows(old, [row("a", "x", 10), row("c", "x", 4)], KEY, second)
    assert merged["runs"] == [first, second]
    assert plain(merged) == [
        ("a", "x", 10, 1),
        ("a", "y", 2, 0),
        ("b", "x", 3, 0),
        ("c", "x", 4, 1),
    ]
    assert plain({"rows": old["results"]["rows"]})[0] == ("a", "x", 1, 0)


def test_a_file_of_one_run_becomes_the_first_run():
    old = {
        "benchmark": "toy",
        "date": "2026-01-01",
        "versions": {"numpy": "1"},
        "settings": {"seeds": 3},
        "results": {"rows": [row("a", "x", 1)]},
    }
    merged = _results.merge_rows(old, [row("b", "x", 2)], KEY, {"date": "2026-02-02"})
    assert merged["runs"][0] == {
        "date": "2026-01-01",
        "versions": {"numpy": "1"},
        "settings": {"seeds": 3},
    }
    assert plain(merged) == [("a", "x", 1, 0), ("b", "x", 2, 1)]


def test_a_run_without_rows_is_left_out():
    old = {"results": _results.merge_rows(None, [row("a", "x", 1)], KEY, {"date": "1"})}
    merged = _results.merge_rows(old, [row("a", "x", 2)], KEY, {"date": "2"})
    assert merged["runs"] == [{"date": "2"}] and plain(merged) == [("a", "x", 2, 0)]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), min_size=1, max_size=4),
        max_size=5,
    )
)
def test_every_row_is_of_the_last_run_that_measured_it(runs):
    document, last = None, {}
    for number, keys in enumerate(runs):
        rows = [row(*key, number) for key in keys]
        results = _results.merge_rows(document, rows, KEY, {"date": number})
        document = {"results": results}
        last |= dict.fromkeys(keys, number)
    results = (document or {"results": {"rows": [], "runs": []}})["results"]
    found = {(r["table"], r["method"]): r for r in results["rows"]}
    assert {key: r["value"] for key, r in found.items()} == last
    assert all(results["runs"][r["run"]]["date"] == r["value"] for r in results["rows"])
    assert {r["run"] for r in results["rows"]} == set(range(len(results["runs"])))


def test_written_twice_in_one_run_is_one_run(tmp_path):
    args = argparse.Namespace(out=str(tmp_path), seeds=2, sizes=(1, 2))
    for value, table in enumerate("ab"):
        path = _results.write_merged("toy", args, [row(table, "x", value)], KEY, note="n")
    document = json.loads(path.read_text())
    assert len(document["results"]["runs"]) == 1
    assert plain(document["results"]) == [("a", "x", 0, 0), ("b", "x", 1, 0)]
    assert document["results"]["note"] == "n" and str(tmp_path) not in path.read_text()
    _results.write_merged(
        "toy",
        args,
        [row("c", "x", 2)],
        KEY,
        fresh=True,
        finish=lambda rows: [{**r, "seen": True} for r in rows],
        summary=len,
    )
    results = json.loads(path.read_text())["results"]
    assert results["overall"] == 1 and results["rows"][0]["seen"]
    assert _results.read_results("other", tmp_path) is None


def test_unlike_settings_are_unlike_runs(tmp_path):
    for seeds in (1, 2):
        args = argparse.Namespace(out=str(tmp_path), seeds=seeds)
        path = _results.write_merged("toy", args, [row("a", str(seeds), 0)], KEY)
    runs = json.loads(path.read_text())["results"]["runs"]
    assert [run["settings"] for run in runs] == [{"seeds": 1}, {"seeds": 2}]
    assert runs[0]["versions"] == pytest.importorskip("benchmarks._common").versions()
