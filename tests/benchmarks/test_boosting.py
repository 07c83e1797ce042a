"""What the benchmark of boosting computes itself."""

import argparse
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import (
    _boosting_fits,
    _boosting_models,
    _boosting_summary,
    _usage,
    boosting,
    boosting_tables,
)

CASE = {"part": "speed", "table": "generated", "rows": 569, "columns": 20, "pairs": 0, "bags": 2}


def row(method, fits, **changes):
    return {**CASE, "method": method, **_boosting_summary.gather(fits), **changes}


def fits(*log_losses, wall=1.0):
    return [
        {"wall_s": wall, "cpu_s": 2 * wall, "log_loss": loss, "truth": 0.4} for loss in log_losses
    ]


def test_gains_are_ratios_of_seconds_and_paired_differences():
    gram = row("gram", fits(0.5, 0.7))
    other = row("interpret engine", fits(0.6, 1.0, wall=12.0))
    first, found = _boosting_summary.with_comparisons([gram, other])
    assert "gram" not in first
    assert first["minus truth"]["mean"] == pytest.approx(0.2)
    assert found["gram"]["wall_s ratio"] == pytest.approx(12)
    assert found["gram"]["cpu_s ratio"] == pytest.approx(12)
    assert found["gram"]["log_loss"]["mean"] == pytest.approx(-0.2)
    assert found["gram"]["log_loss"]["se"] == pytest.approx(0.1)
    assert (
        "gram is 12.0 times as fast (12.0 in CPU seconds), its log_loss -0.20000 ± 0.10000"
        in (_boosting_summary.verdicts([first, found])[0])
    )


@pytest.mark.parametrize(
    "changes", [{"pairs": 10}, {"bags": 4}, {"part": "peers"}, {"table": "nhefs"}]
)
def test_no_gain_on_another_case(changes):
    rows = [row("gram", fits(0.5)), row("interpret engine", fits(0.6), **changes)]
    assert "gram" not in _boosting_summary.with_comparisons(rows)[1]


def test_no_gain_without_the_same_fits():
    failed = row("gram", [*fits(0.5), {"failure": "MemoryError: no"}])
    other = row("interpret engine", fits(0.6, 0.6))
    assert "gram" not in _boosting_summary.with_comparisons([failed, other])[1]
    assert "gram" not in _boosting_summary.with_comparisons([row("gram", fits(0.5)), other])[1]
    assert (failed["failed"], failed["failure"]) == (1, "MemoryError: no")


def test_gains_follow_gram_measured_later():
    other = row("interpret engine", fits(0.6, wall=6.0))
    rows = _boosting_summary.with_comparisons([row("gram", fits(0.5)), other])
    rows[0] = row("gram", fits(0.5, wall=3.0))
    found = _boosting_summary.with_comparisons(rows)[1]
    assert found["gram"]["wall_s ratio"] == pytest.approx(2)
    assert "gram" not in _boosting_summary.with_comparisons(rows[1:])[0]


def test_markdown_tells_numbers_and_failures():
    rows = [row("gram", fits(0.5)), row("interpret engine", fits(0.6, wall=8.0))]
    rows.append(row("interpret itself", [{"failure": "A | B"}]))
    lines = list(boosting_tables.lines(rows))
    engine = next(line for line in lines if "interpret engine" in line)
    assert "| 8.00 | 16.00 |" in engine and "-0.10000" in engine
    assert any("interpret itself | 1 | A / B |" in line for line in lines)
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert len(widths) == 1


def test_sizes_and_turns():
    assert boosting.size_of("10000x500") == (10_000, 500)
    assert boosting.size_of("569") == (569, 20)
    with pytest.raises(argparse.ArgumentTypeError, match="2 columns"):
        boosting.size_of("569x2")
    assert [boosting.bags_of(size) for size in boosting.SIZES] == [14, 14, 4, 2, 4]
    assert boosting.in_turn(["a", "b", "c"], 4) == ["b", "c", "a"]


@pytest.mark.parametrize("package", _boosting_models.TREES)
def test_trees_on_one_feature_are_additive(package):
    pytest.importorskip(package.lower())
    table, _ = _boosting_fits.make_table(600, 4, 0)
    settings = {"max_rounds": 60}
    wanted = _boosting_models.Wanted("classification", 2, 0, 0, settings)
    model = _boosting_models.make_model(package, wanted, 0).fit(table.X[:600], table.y[:600])
    X = table.X[600:1_000].reset_index(drop=True)
    moved = X.assign(x0=X["x0"] + 1.0)
    turned = X.assign(x0=X["x0"][0], x1=X["x1"].to_numpy()[::-1])
    step = turned.assign(x0=X["x0"][0] + 1.0)
    assert np.ptp(model.scores(moved) - model.scores(X)) > 0.01
    # What a change of one column does is the same whatever the others are.
    assert np.ptp(model.scores(step) - model.scores(turned)) < 1e-5
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1)
    with pytest.raises(ValueError, match="pairs=3"):
        _boosting_models.make_model(
            package, _boosting_models.Wanted("classification", 2, 3, 0, {}), 0
        )


def test_the_true_pairs_are_no_sum_of_main_effects():
    table, probability = _boosting_fits.make_table(10, 20, 0)
    assert table.X.shape == (10 + _boosting_fits.TEST_ROWS, 20) and set(table.y) == {0, 1}
    logit = np.log(probability / (1 - probability))
    for first, second in ((0, 1), (2, 3)):
        signs = np.sign(table.X[f"x{first}"] * table.X[f"x{second}"])
        # The main effects are uncorrelated with the product of signs.
        assert 0.4 < (signs * logit).mean() < 0.65


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_usage_counts_helpers():
    code = "x = bytearray(200_000_000)\nfor _ in range(10**7): pass\nprint(1, flush=True); input()"
    with _usage.usage() as took:
        helper = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        helper.stdout.readline()
        # The memory is looked at ten times a second.
        with pytest.raises(subprocess.TimeoutExpired):
            helper.wait(0.3)
    while_it_lived = _usage.cpu_seconds()
    helper.communicate(b"\n")
    assert took["peak_mb"] > took["before_mb"] + 190
    assert took["cpu_s"] > 0.1
    # What a helper took is counted once, and still counted when it is gone.
    assert 0 <= _usage.cpu_seconds() - while_it_lived + 0.02 < 0.1
