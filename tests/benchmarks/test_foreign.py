"""Peers in environments of their own, with this interpreter and a worker that fits by hand."""

import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import _foreign

# Two members, the sum of the columns and twice that; text counts by its length.
WORKER = """
import importlib.util, os, sys, time
specification = importlib.util.spec_from_file_location("worker", {worker!r})
worker = importlib.util.module_from_spec(specification)
specification.loader.exec_module(worker)
import numpy as np

def fit(X, y, task, seed, settings):
    print("what a peer prints is no reply")
    if settings.get("fail"):
        raise ValueError("no such thing")
    if settings.get("die"):
        sys.stderr.write("out of memory\\n")
        os._exit(9)
    time.sleep(settings.get("sleep", 0))
    offset = float(np.mean(y))

    def score(X):
        total = np.zeros(len(X))
        for name in X:
            text = X[name].dtype == object
            column = X[name].str.len() if text else X[name]
            total += column.fillna(-1).to_numpy(dtype=float)
        return offset + np.column_stack([total, 2 * total])

    return score

worker.main({{"toy": fit}})
"""


@pytest.fixture
def peer(tmp_path, monkeypatch):
    script = tmp_path / "worker.py"
    original = _foreign.Peer.__dataclass_fields__["worker"].default
    script.write_text(WORKER.format(worker=str(original)))
    monkeypatch.setenv("GLASSBOX_PEER_TOY", sys.executable)
    return _foreign.Peer("toy", "GLASSBOX_PEER_TOY", False, "", {}, script)


@pytest.fixture
def X():
    return pd.DataFrame(
        {
            "dose": [1.0, np.nan, 3.0],
            "ward": pd.Categorical(["a", "bbb", None]),
            "visits": [0, 1, 2],
        }
    )


def test_tables_and_scores_go_back_and_forth(peer, X):
    model = _foreign.Foreign("regression", peer).fit(X, np.array([1.0, 2.0, 6.0]))
    # (mean of the standardised outcome, 0, + 1.5 x the sum) in the outcome's unit
    total = np.array([1 + 1 + 0, -1 + 3 + 1, 3 - 1 + 2])
    expected = 3 + np.std([1.0, 2.0, 6.0]) * 1.5 * total
    np.testing.assert_allclose(model.predict(X), expected)
    assert model.seconds["wall"] >= 0 and model.versions["numpy"] == np.__version__
    model.close()
    model.close()


def test_probabilities_of_classes(peer, X):
    model = _foreign.Foreign("classification", peer).fit(X, np.array([0, 1, 1]))
    total = np.array([2, 3, 4])
    np.testing.assert_allclose(model.predict(X), 1 / (1 + np.exp(-(2 / 3 + 1.5 * total))))
    model.close()


@pytest.mark.parametrize(("name", "effect"), [("dose", [1, -1, 3]), ("ward", [1, 3, -1])])
def test_shape_is_that_of_one_column(peer, X, name, effect):
    model = _foreign.Foreign("classification", peer).fit(X, np.array([0, 1, 1]))
    shape = model.shape(name, X)
    model.close()
    effect = np.array(effect) - np.mean(effect)
    np.testing.assert_allclose(shape.score, 1.5 * effect, atol=1e-12)
    # Two members, at 1 and 2 times the effect: a standard error of half of it.
    np.testing.assert_allclose(shape.upper - shape.score, 1.96 * np.abs(effect) / 2, atol=1e-12)


def test_numbers_only_gets_numbers_only(peer, X):
    peer = dataclasses.replace(peer, numbers_only=True)
    model = _foreign.Foreign("classification", peer).fit(pd.concat([X] * 5), np.tile([0, 1, 1], 5))
    encoded = model._encoded(X)
    assert set(encoded.dtypes) == {np.dtype(float)} and not encoded.isna().any().any()
    assert np.isfinite(model.predict(X)).all()
    model.close()


@pytest.mark.parametrize(
    ("settings", "limit", "message"),
    [
        ({"fail": True}, 60, "toy failed: ValueError: no such thing"),
        ({"die": True}, 60, "toy ended: out of memory"),
        ({"sleep": 60}, 0.05, "toy took more than"),
    ],
)
def test_failure_is_told_and_leaves_nothing(peer, X, settings, limit, message):
    peer = dataclasses.replace(peer, settings=settings)
    model = _foreign.Foreign("classification", peer, limit=limit)
    with pytest.raises(_foreign.ForeignError, match=message):
        model.fit(X, np.array([0, 1, 1]))
    assert model._process is None
    with pytest.raises(_foreign.ForeignError, match="has not been fitted"):
        model._ask(do="score")


def test_peers_without_an_environment_are_skipped(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("GLASSBOX_PEER_DNAMITE", raising=False)
    monkeypatch.setenv("GLASSBOX_PEER_IGANN", sys.executable)
    monkeypatch.setenv("GLASSBOX_PEER_NODEGAM", str(tmp_path / "nothing"))
    found, skipped = _foreign.foreign_peers()
    assert found == ["IGANN"] and list(skipped) == ["dnamite", "NODE-GAM"]
    printed = capsys.readouterr().out
    assert "SKIPPED dnamite: GLASSBOX_PEER_DNAMITE is not set" in printed
    assert "GLASSBOX_PEER_NODEGAM names no file" in printed and str(tmp_path) not in printed
