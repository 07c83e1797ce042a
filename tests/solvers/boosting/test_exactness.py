"""With nothing left to chance, the engine gives the very tables that interpret gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.datasets import load_birthwt, load_nhefs
from glassbox.solvers._boosting import stage
from tests.solvers.boosting.parity import (
    assert_same_models,
    engines_model,
    interprets_model,
    outcome_of,
    random_frame,
    signal_of,
    table_of,
)

FAST = settings(max_examples=6)


@pytest.fixture(params=["rows", "cells"])
def upkeep(request, monkeypatch):
    """Sums from the rows at every step, or in the space of bins with a pass after every step."""
    _look_at_every_step(monkeypatch)
    return request.param


def _look_at_every_step(patch):
    walk = stage.walk_cells
    patch.setattr(stage, "walk_cells", lambda *arguments: walk(*arguments[:-2], 1, np.inf))
    patch.setattr(stage, "_MASS_MOVE", -1.0)


def random_problem(seed, kinds, loss, n_rows=150, weighted=False, missing=0.1):
    rng = np.random.default_rng(seed)
    frame = random_frame(rng, n_rows, kinds, missing)
    y = outcome_of(signal_of(frame, rng), loss, rng)
    return table_of(frame, y, rng.uniform(0.2, 3.0, n_rows) if weighted else None)


def assert_parity(table, loss, upkeep="rows", pairs=(), directions=None, **settings):
    interprets = interprets_model(table, loss, pairs, directions, **settings)
    engines = engines_model(table, loss, pairs, directions, upkeep, **settings)
    assert_same_models(interprets, engines, table.columns)
    spread = max(np.ptp(coefficients) for coefficients, _ in interprets[1].values())
    assert spread > 1e-3  # no comparison of nothing with nothing


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial"])
@pytest.mark.parametrize("greedy_ratio, cyclic_progress", [(0, 0), (10, 0), (1.5, 0.6), (2, 1)])
def test_orders_of_steps(loss, greedy_ratio, cyclic_progress, upkeep):
    table = random_problem(1, "nnf", loss, weighted=True)
    assert_parity(table, loss, upkeep, greedy_ratio=greedy_ratio, cyclic_progress=cyclic_progress)


@pytest.mark.parametrize("missing", ["separate", "low", "high"])
def test_missing_values_and_pairs(missing, upkeep):
    for loss in ("squared_error", "log_loss"):
        table = random_problem(2, "nfn", loss, weighted=True)
        assert_parity(table, loss, upkeep, [(0, 2)], missing=missing)
        assert_parity(table, loss, upkeep, [(0, 1), (2, 1), (0, 2)], missing=missing)


@pytest.mark.parametrize(
    "limits",
    [
        {"min_samples_leaf": 25},
        {"min_hessian": 12.0},
        {"reg_alpha": 1.5, "reg_lambda": 2.0},
        {"max_delta_step": 0.3},
        {"min_samples_leaf": 0, "min_hessian": 0.0, "reg_alpha": 0.2, "max_delta_step": 0.5},
    ],
)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_limits_of_leaves(loss, limits, upkeep):
    table = random_problem(3, "nfn", loss, weighted=True)
    assert_parity(table, loss, upkeep, [(0, 1)], **limits)


@FAST
@given(
    seed=st.integers(0, 10_000),
    loss=st.sampled_from(["squared_error", "log_loss", "multinomial"]),
    kinds=st.text("nfo", min_size=1, max_size=4),
    missing=st.sampled_from(["separate", "low", "high"]),
    greedy_ratio=st.sampled_from([0, 0.4, 10]),
    cyclic_progress=st.sampled_from([0, 0.3, 1]),
    min_samples_leaf=st.integers(0, 10),
    data=st.data(),
)
def test_random_tables(seed, loss, kinds, data, **settings):
    table = random_problem(seed, kinds, loss, weighted=True)
    candidates = [(i, j) for j in range(len(kinds)) for i in range(j)]
    pairs = data.draw(st.lists(st.sampled_from(candidates), unique=True)) if candidates else []
    assert_parity(table, loss, "rows", pairs, **settings)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_other_losses(loss, upkeep):
    table = random_problem(6, "nfc", loss)
    assert_parity(table, loss, upkeep, [(0, 1)])


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial", "poisson"])
def test_the_same_pairs_are_found(loss):
    table = random_problem(7, "nfnf", loss, n_rows=300, weighted=True)
    assert_parity(table, loss, pairs=2)
    assert_parity(table, loss, pairs=4)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"min_cat_samples": 0, "cat_smooth": 0.0, "gain_scale": 1.0},
        {"min_cat_samples": 40, "min_samples_leaf": 20},
        {"greedy_ratio": 0, "reg_alpha": 0.5, "reg_lambda": 1.0},
    ],
)
def test_categories(loss, rules, upkeep):
    table = random_problem(4, "cnc", loss, weighted=True)
    assert_parity(table, loss, upkeep, [(0, 1), (0, 2)], **rules)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_directions_of_main_effects(loss, upkeep):
    table = random_problem(5, "nnf", loss, weighted=True)
    for directions in ([1, 0, -1], [-1, 1, 0]):
        assert_parity(table, loss, upkeep, directions=directions)


@pytest.mark.parametrize("load", [load_birthwt, load_nhefs])
def test_real_tables(load):
    bunch = load()
    frame, y = bunch.data.iloc[:600], bunch.target.iloc[:600]
    table = table_of(frame, np.unique(y, return_inverse=True)[1])
    assert_parity(table, "log_loss", "rows", [(0, 1), (1, 3)], max_bins=64, max_rounds=30)


def test_a_numeric_outcome_of_a_real_table():
    # No two of these columns tell the same rows apart: a cut of both would be a tie.
    frame = load_nhefs().data.iloc[:800]
    columns = frame[["sex", "income", "marital", "ht", "smokeyrs", "cholesterol", "price71"]]
    table = table_of(columns, frame["wt71"].to_numpy(float))
    assert_parity(table, "squared_error", "rows", [(0, 3), (3, 5)], max_bins=64, max_rounds=30)
