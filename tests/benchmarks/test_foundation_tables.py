"""The tables of accuracy, coverage and recovery, and how they come into the README."""

import json

import pytest

from benchmarks import foundation_tables as tables

BOOSTED, SPLINE = tables.REFERENCES


def scored(method, mean, se=0.02, table="birthwt", **differences):
    loss = {"mean": mean, "sd": 0.1}
    loss |= {f"minus {name}": {"mean": gap, "se": se} for name, gap in differences.items()}
    score = {"mean": 0.7, "sd": 0.05}
    row = {"table": table, "method": method, "fit_cpu_seconds": {"mean": 1.234, "sd": 0.0}}
    if table == "houses":
        return {**row, "splits": 1, "rmse": loss, "r2": score}
    return {**row, "splits": 10, "auc": score, "log_loss": loss, "brier": score}


def covered(method, n_rows=500, scenario="complete", share=0.9, missing=None):
    names = ("covered", "active", "null", "half_width", "rmse")
    return {
        "scenario": scenario,
        "method": method,
        "task": "classification",
        "rows": n_rows,
        **dict.fromkeys(names, share),
        "missing": missing,
        "by_kind": {"linear": share, "step": 0.5},
    }


def recovered(method, scenario, **errors):
    found = {"rmse": 0.1, "sd": 0.02, "missing_rmse": None, "fit_cpu_s": 1.0, **errors}
    return {"scenario": scenario, "method": method, **found}


def test_accuracy_has_a_table_for_each_table_with_gaps_to_both_references():
    gaps = {BOOSTED: 0.0, SPLINE: -0.01}
    rows = [
        scored(BOOSTED, 0.5, **gaps),
        scored("linear", 0.6, **{BOOSTED: 0.1, SPLINE: 0.09}),
        {"table": "birthwt", "method": "pyGAM", "splits": 10, "failure": "Error: a | b"},
        scored(BOOSTED, 0.5, None, "houses", **gaps),
    ]
    title, first, other, second = tables.accuracy(rows)
    assert title == "**birthwt, low birth weight** (10 splits)"
    assert other == "**houses** (1 split)"
    header, _, ours, linear, failed = first.split("\n")
    assert header == "| method | AUC | log-loss | Brier | − boosted | − spline | fit CPU s |"
    scores = "0.7000 ± 0.0500 | 0.5000 ± 0.1000 | 0.7000 ± 0.0500"
    assert ours == f"| {BOOSTED} | {scores} |  | -0.0100 ± 0.0200 | 1.23 |"
    assert "| +0.1000 ± 0.0200 | +0.0900 ± 0.0200 |" in linear
    assert failed == "| pyGAM | Error: a / b |  |  |  |  |  |"
    assert second.startswith("| method | RMSE | R² |") and second.endswith("|  | -0.0100 | 1.23 |")


def test_coverage_leaves_to_the_networks_what_is_theirs():
    rows = [
        covered(BOOSTED),
        covered(BOOSTED, 10_000, share=0.8),
        covered(BOOSTED, 2_000, "missing", share=0.1, missing=0.25),
        covered("pyGAM, its interval"),
    ]
    theirs = [covered("glassbox NAM"), covered("dnamite, ±1.96 se"), covered(BOOSTED, 50_000)]
    found = list(tables.coverage(rows + theirs))
    assert found == list(tables.coverage(rows))
    cells, caption, kinds, average = found
    assert [line.count(" |") for line in cells.split("\n")] == [10] * 6
    assert "| 10,000 | 0.800 | 0.800 | 0.800 |  | 0.800 | 0.800 |" in cells
    assert "| 2,000 | 0.100 | 0.100 | 0.100 | 0.250 |" in cells
    assert kinds.split("\n")[0] == "| method | task | n | linear | step |"
    assert len(kinds.split("\n")) == 4 and "pyGAM" not in kinds
    assert average.endswith(f": {BOOSTED} 0.850; pyGAM, its interval 0.900.")


def test_recovery_tells_errors_by_kind_and_by_column():
    additive, pneumonia = tables.BY_KIND
    rows = [
        recovered(BOOSTED, additive, linear=0.125, null=0.25, active=0.5),
        recovered(BOOSTED, pneumonia, missing_rmse=0.0625, age=0.375),
        recovered(BOOSTED, "additive, numeric, n=500"),
        recovered("glassbox NAM", additive),
    ]
    errors, caption, kinds, columns = tables.recovery(rows)
    assert errors.split("\n")[2:] == [
        f"| {additive} | {BOOSTED} | 0.100 ± 0.020 |  | 1.0 |",
        f"| {pneumonia} | {BOOSTED} | 0.100 ± 0.020 | 0.062 | 1.0 |",
    ]
    assert kinds.endswith(f"| {BOOSTED} | 0.125 |  |  |  |  |  |  | 0.250 |  |")
    assert columns.endswith(f"| {BOOSTED} | 0.375 |  |  |  |")


def test_tables_are_replaced_and_prose_stays():
    before = "### Accuracy of all\n\n| not | ours |\n\n### Accuracy\n\nIntroduction.\n\n"
    after = "## Accuracy of others\n\n| not | ours |\n"
    old = "**a** (2 splits)\n\n| old |\n\nRemark.\n\n| old |\n\nEnd.\n\n"
    new = ["**b, of c** (1 split)", "| new |\n| 1 |", "| newer |", "| last |"]
    found = tables.replaced(before + old + after, {"### Accuracy": new})
    middle = f"{new[0]}\n\n{new[1]}\n\nRemark.\n\n{new[2]}\n\n{new[3]}\n\nEnd.\n\n"
    assert found == before + middle + after
    assert tables.replaced(found, {"### Accuracy": new}) == found
    fewer = tables.replaced(found, {"### Accuracy": new[:1]})
    assert fewer == f"{before}{new[0]}\n\nRemark.\n\nEnd.\n\n{after}"
    assert tables.replaced("### A\n\nText.\n", {"### A": ["| x |"]}) == "### A\n\nText.\n\n| x |\n"
    with pytest.raises(ValueError, match="'### Recovery' is there 0 times"):
        tables.replaced(found, {"### Recovery": new})


def test_every_block_of_the_results_is_known_again():
    found = tables.drawn(None)
    assert all(tables._DRAWN.match(block) for blocks in found.values() for block in blocks)
    written = tables.replaced(tables.README.read_text(encoding="utf-8"), found)
    assert tables.replaced(written, found) == written
    for heading, blocks in found.items():
        section = written.split(f"\n{heading}\n")[1].split("\n#")[0]
        parts = section.strip("\n").split("\n\n")
        assert [part for part in parts if tables._DRAWN.match(part)] == blocks


def test_a_file_that_is_not_there_names_its_script(tmp_path):
    document = {"results": {"rows": []}}
    (tmp_path / "accuracy.json").write_text(json.dumps(document))
    with pytest.raises(FileNotFoundError, match="python -m benchmarks.coverage"):
        tables.drawn(tmp_path)
