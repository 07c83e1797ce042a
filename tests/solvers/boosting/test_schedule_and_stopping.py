"""Whose turn it is, and when to stop, against plain models of the rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.schedule import Order, Turn
from glassbox.solvers._boosting.stopping import Progress, StoppingRule
from glassbox.solvers._boosting.terms import Terms
from glassbox.solvers.boosting import BoostingOptions
from tests.solvers.boosting.compiled import take_turns
from tests.solvers.boosting.parity import step_rule


def plain_turns(gains, greedy_steps, cyclic_progress, smoothing_rounds):
    """Rounds over all terms, each followed by steps on the terms of largest known gain."""
    n_turns, n_terms = gains.shape
    progress = 1.0 if greedy_steps <= 0 else cyclic_progress
    turns = []
    while len(turns) < n_turns:
        stepping = smoothing_rounds > 0 or progress >= 1
        known = {}
        for term in range(n_terms):
            known[term] = gains[min(len(turns), n_turns - 1), term]
            turns.append((term, stepping))
        if smoothing_rounds > 0:
            smoothing_rounds -= 1
            continue
        if progress >= 1:
            progress -= 1
        progress += 1.0 if greedy_steps <= 0 else cyclic_progress
        for _ in range(greedy_steps):
            term = max(known, key=known.get)
            known[term] = gains[min(len(turns), n_turns - 1), term]
            turns.append((term, True))
    return np.array(turns[:n_turns], dtype=int)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n_terms=st.integers(1, 5),
    greedy_steps=st.integers(0, 12),
    cyclic_progress=st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5]),
    smoothing_rounds=st.integers(0, 3),
)
def test_turns(seed, n_terms, greedy_steps, cyclic_progress, smoothing_rounds):
    gains = np.random.default_rng(seed).random((80, n_terms))
    order = Order(greedy_steps, cyclic_progress, False)
    turn = Turn.first(order, n_terms, smoothing_rounds, seed)
    turns = take_turns(order, turn, gains, 80)
    wanted = plain_turns(gains, greedy_steps, cyclic_progress, smoothing_rounds)
    np.testing.assert_array_equal(turns, wanted)
    assert turn.steps == wanted[:, 1].sum()
    # A copy that was made half way goes on in the same way.
    half = Turn.first(order, n_terms, smoothing_rounds, seed)
    take_turns(order, half, gains, 40)
    copy = half.copy()
    take_turns(order, half, gains[40:], 40)
    np.testing.assert_array_equal(take_turns(order, copy, gains[40:], 40), wanted[40:])


@given(st.integers(0, 10_000), st.integers(2, 6), st.booleans())
def test_shuffled_rounds_hold_every_term_once(seed, n_terms, greedy):
    order = Order(3 if greedy else 0, 0.0, True)
    turn = Turn.first(order, n_terms, 0, seed)
    length = n_terms + order.greedy_steps
    turns = take_turns(order, turn, np.ones((12 * length, n_terms)), 12 * length)
    rounds = turns.reshape(12, length, 2)[:, :n_terms, 0]
    assert (np.sort(rounds, axis=1) == np.arange(n_terms)).all()
    # Without greedy steps the order of the first round is kept.
    assert greedy or (rounds == rounds[0]).all()


def test_all_orders_are_drawn():
    order = Order(1, 0.0, True)
    rounds = set()
    for seed in range(100):
        turn = Turn.first(order, 3, 0, seed)
        rounds.add(tuple(take_turns(order, turn, np.ones((3, 3)), 3)[:, 0].tolist()))
    assert len(rounds) == 6


def test_cuts_are_random_in_smoothing_rounds_only():
    order = Order(2, 0.0, False)
    turn = Turn.first(order, 3, 2, 0)
    smoothing = []
    for _ in range(10):
        smoothing.append(bool(turn.smoothing))
        take_turns(order, turn, np.ones((1, 3)), 1)
    assert smoothing == 6 * [True] + 4 * [False]


def options(**changes):
    return BoostingOptions(Loss.named("log_loss"), step_rule(), **changes)


def test_options_in_numbers_of_steps():
    terms = Terms.none()._replace(kind=np.zeros(3, dtype=np.int64))
    rules = options(greedy_ratio=1.5, max_rounds=100, early_stopping_rounds=7).rules(terms, 4)
    assert rules.order.greedy_steps == 5  # 1.5 of 3 terms, and a part of a step is a step
    assert rules.stopping.window == 21 and rules.stopping.max_steps == 300
    assert rules.smoothing_rounds == 4
    assert options(greedy_ratio=0).rules(terms, 0).order.greedy_steps == 0


def interprets_stop(losses, window, tolerance, max_steps):
    """The step after which interpret stops: a circular buffer of the last losses."""
    recent, place = np.full(window, np.inf), 0
    lowest = lowest_before = np.inf
    for step, loss in enumerate(losses, start=1):
        margin = min(abs(lowest), abs(lowest_before)) * tolerance
        margin = margin if np.isfinite(margin) else 0.0
        lowest = min(loss, lowest)
        tossed, recent[place] = recent[place], loss
        place = (place + 1) % window
        lowest_before = min(tossed, lowest_before)
        if lowest_before - margin <= recent.min():
            return step
        if step >= max_steps:
            break
    return min(len(losses), max_steps)


def judged_one_by_one(losses, rule):
    progress = Progress(rule)
    for step, loss in enumerate(losses, start=1):
        progress.judge(loss, step, np.full((1, 1), float(step)), True, False)
        if progress.done:
            return step, progress
    return len(losses), progress


@given(
    seed=st.integers(0, 10_000),
    window=st.integers(1, 8),
    tolerance=st.sampled_from([0.0, 1e-6]),
    max_steps=st.sampled_from([10, 1_000]),
)
def test_stopping_is_that_of_interpret_when_every_step_is_judged(
    seed, window, tolerance, max_steps
):
    rng = np.random.default_rng(seed)
    losses = 1.0 + np.exp(-np.arange(60) / 10.0) + rng.normal(scale=0.02, size=60)
    rule = StoppingRule(window, tolerance, max_steps)
    steps, progress = judged_one_by_one(losses, rule)
    assert steps == interprets_stop(losses, window, tolerance, max_steps)
    best = int(np.argmin(losses[:steps]))
    assert progress.best_loss == losses[best]
    assert progress.best_steps == best + 1
    assert progress.best_tables.tolist() == [[best + 1.0]]


def test_losses_that_rise_stop_after_the_window_whenever_they_are_judged():
    progress = Progress(StoppingRule(100, 0.0, 10_000))
    progress.judge(1.0, 0, np.zeros((1, 1)), True, False)
    for steps in (40, 80):
        progress.judge(1.0 + steps, steps, np.ones((1, 1)), True, False)
        assert not progress.done
    progress.judge(2.0, 120, np.ones((1, 1)), True, False)
    assert progress.done
    assert progress.best_loss == 1.0 and progress.best_tables.tolist() == [[0.0]]


@pytest.mark.parametrize("held_out, window", [(False, 10), (True, 0)])
def test_without_rows_to_tell_the_last_tables_are_kept(held_out, window):
    progress = Progress(StoppingRule(window, 0.0, 100))
    for steps in (20, 60, 100):
        assert not progress.done
        progress.judge(float(steps), steps, np.full((1, 1), steps), held_out, False)
    assert progress.done and progress.best_tables.tolist() == [[100]]


def test_nothing_stops_while_cuts_are_random():
    progress = Progress(StoppingRule(5, 0.0, 1_000))
    for steps in range(0, 100, 10):
        progress.judge(1.0 + steps, steps, np.zeros((1, 1)), True, True)
        assert not progress.done
    assert progress.best_loss == 1.0


@pytest.mark.parametrize("loss, table", [(np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan)])
def test_scores_beyond_all_numbers(loss, table):
    progress = Progress(StoppingRule(5, 0.0, 1_000))
    with pytest.raises(FloatingPointError, match="learning_rate"):
        progress.judge(loss, 7, np.full((1, 1), table), True, False)


def test_tables_that_are_kept_do_not_change_any_more():
    progress = Progress(StoppingRule(5, 0.0, 1_000))
    tables = np.zeros((1, 1))
    progress.judge(1.0, 1, tables, True, False)
    tables += 1.0
    assert progress.best_tables.tolist() == [[0.0]]
