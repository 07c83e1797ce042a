"""What the benchmarks of the neural additive models compute themselves."""

import subprocess

import numpy as np
import pytest

from benchmarks import gpu, nam_accuracy, nam_speed

NAM = nam_accuracy.REFERENCE


def row(method, by_split, table="birthwt", protocol="p"):
    return {
        "table": table,
        "method": method,
        "protocol": protocol,
        "splits": len(by_split),
        "log_loss": {"mean": float(np.mean(by_split)), "sd": 0.0, "by_split": by_split},
    }


def gap_of(rows, method):
    return next(r for r in rows if r["method"] == method)["log_loss"].get(f"minus {NAM}")


def test_differences_are_over_the_splits_that_both_have():
    rows = [row(NAM, [1.0, 2.0, 3.0]), row("linear", [2.0, 2.0, 6.0]), row("NODE-GAM", [1.5])]
    found = nam_accuracy.with_differences(rows)
    assert gap_of(found, "linear")["mean"] == pytest.approx(4 / 3)
    assert gap_of(found, "NODE-GAM")["mean"] == pytest.approx(0.5)
    assert gap_of(found, NAM)["mean"] == 0
    assert gap_of(rows, "linear") is None
    found = nam_accuracy.with_differences([row(NAM, [1.0]), row("linear", [3.0, 9.0])])
    assert gap_of(found, "linear")["mean"] == 2


def test_differences_follow_a_reference_measured_later():
    rows = nam_accuracy.with_differences([row(NAM, [1.0, 2.0]), row("linear", [2.0, 2.0])])
    rows[0] = row(NAM, [0.0, 0.0])
    assert gap_of(nam_accuracy.with_differences(rows), "linear")["mean"] == 2
    del rows[0]
    assert gap_of(nam_accuracy.with_differences(rows), "linear") is None


def test_no_difference_between_protocols_tables_or_failures():
    rows = [
        row(NAM, [1.0, 2.0]),
        row("linear", [2.0, 2.0], protocol="another"),
        row("linear", [2.0, 2.0], table="nhefs"),
        {"table": "birthwt", "method": "IGANN", "failed": 1, "failure": "x", "splits": 2},
    ]
    found = nam_accuracy.with_differences(rows)
    assert all(f"minus {NAM}" not in r["log_loss"] for r in found[1:3])
    assert nam_accuracy.printable(found[3])["failure"] == "x"


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"linear": [2.0, 3.0]}, f"Best additive model: {NAM}."),
        ({"linear": [0.5, 2.2]}, "linear, by 0.1500 ± 0.3500: glassbox NAM is within"),
        ({"linear": [0.5, 1.4]}, "linear, by 0.5500 ± 0.0500: glassbox NAM is not within"),
        # Neither trees, nor pairs, nor a single split are compared.
        (
            {"LightGBM": [0, 0], f"{NAM}, 10 pairs": [0, 0], "NODE-GAM": [0]},
            "model: glassbox NAM.",
        ),
    ],
)
def test_verdict(others, message):
    rows = [row(NAM, [1.0, 2.0]), *(row(name, values) for name, values in others.items())]
    assert message in nam_accuracy.verdict(nam_accuracy.with_differences(rows))


def test_rows_stand_in_the_order_of_tables_and_methods():
    rows = [
        row("linear", [1.0], "nhefs"),
        row(f"{NAM}, 28 pairs", [1.0], "nhefs"),
        row(NAM, [1.0], "nhefs"),
        row("linear", [1.0], "birthwt"),
    ]
    found = [(r["table"], r["method"]) for r in nam_accuracy.in_order(rows, 10)]
    assert found == [
        ("birthwt", "linear"),
        ("nhefs", NAM),
        ("nhefs", f"{NAM}, 28 pairs"),
        ("nhefs", "linear"),
    ]


def test_an_unknown_method_is_refused_with_the_known_ones(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["nam_accuracy", "--methods", "nonsense"])
    with pytest.raises(SystemExit):
        nam_accuracy.main()
    printed = capsys.readouterr().err
    assert "'nonsense' is not one of" in printed and "'glassbox NAM, 10 pairs'" in printed


def test_the_generated_table_is_what_its_probability_says():
    X, y, probability = nam_speed.make_table(1_000)
    assert X.shape == (11_000, 20) and set(y) == {0, 1}
    assert abs(y.mean() - probability.mean()) < 4 * 0.5 / np.sqrt(len(y))
    score = np.log(probability / (1 - probability))
    assert abs(score.mean()) < 1e-10
    # The fifth column is linear: alone in its effect, it moves the score by its slope.
    shapes = [shape(X[:, j]) for j, shape in enumerate(nam_speed.SHAPES)]
    fit = np.linalg.lstsq(np.column_stack([*shapes, np.ones(len(X))]), score, rcond=None)[0]
    np.testing.assert_allclose(fit[:6], 0.9 ** np.arange(6), atol=0.1)


def test_without_cuda_nothing_is_written(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(gpu, "has_cuda", lambda: False)
    monkeypatch.setattr(gpu, "nam_estimators", lambda: (object, object))
    monkeypatch.setattr("sys.argv", ["gpu", "--out", str(tmp_path)])
    gpu.main()
    assert "no CUDA device" in capsys.readouterr().out and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("errors", "failure"), [("Traceback\nout of memory\n", "out of memory"), ("", "exit status 9")]
)
def test_a_device_that_fails_is_a_result(monkeypatch, errors, failure):
    ended = subprocess.CompletedProcess([], 9, "", errors)
    monkeypatch.setattr(gpu.subprocess, "run", lambda *args, **options: ended)
    expected = {"model": "net", "device": "cuda", "failure": failure}
    assert gpu.in_own_process("cuda", "net", 10, 2, 1) == expected
