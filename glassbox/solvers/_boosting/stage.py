"""One stage of boosting: all bags, from their first step until each has stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glassbox.solvers._boosting.joint import cells_pay, coarsen
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.schedule import Order, Turn
from glassbox.solvers._boosting.stopping import Progress, StoppingRule
from glassbox.solvers._boosting.terms import Terms
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers._boosting.walk_cells import walk_cells
from glassbox.solvers._boosting.walk_rows import count_rows, walk_rows

#: How far scores may move, on the scale of the loss, and how many rounds may pass, until the rows
#: are read again: the fewer the less there is to read. Many terms must not move so far, unless
#: cuts are random: then all of them take part, and few move the same rows the same way.
_MAX_MOVE, _LEAST_MAX_MOVE, _FAR_MOVING_TERMS = 8.0, 2.0, 30
_FEWEST_ROUNDS, _MOST_ROUNDS, _CODES_PER_ROUND = 12, 25, 10_000
#: The curvatures are summed up again after scores have moved so far.
_MASS_MOVE = 4.0


@dataclass(frozen=True)
class Rules:
    """How a stage is boosted.

    Attributes
    ----------
    loss : Loss
    step : StepRule
    order : Order
    stopping : StoppingRule
    smoothing_rounds : int
    upkeep : {"auto", "rows", "cells"}
        Whether residuals are computed from the rows at every step, or kept up in the space of
        bins between passes over the rows.
    """

    loss: Loss
    step: StepRule
    order: Order
    stopping: StoppingRule
    smoothing_rounds: int
    upkeep: str = "auto"


@dataclass(frozen=True)
class Boosted:
    """What a stage has learned.

    Attributes
    ----------
    tables : ndarray of shape (n_bags, n_outputs, n_cells)
    turns : list of Turn
        Where the order of each bag stands.
    """

    tables: np.ndarray
    turns: list[Turn]

    @classmethod
    def nothing(cls, terms: Terms, rules: Rules, seeds: np.ndarray) -> Boosted:
        """What is known before any step; one seed for each bag."""
        tables = np.zeros((len(seeds), rules.loss.n_outputs, terms.n_cells))
        turns = [
            Turn.first(rules.order, terms.n_terms, rules.smoothing_rounds, int(seed))
            for seed in seeds
        ]
        return cls(tables, turns)


Callback = Callable[[int, int, float], bool]


def boost_stage(
    terms: Terms,
    codes: np.ndarray,
    rows: Rows,
    rules: Rules,
    start: Boosted,
    threads: Threads,
    reader: RowPasses,
    callback: Callback | None = None,
) -> Boosted:
    """Boost the terms of all bags.

    Parameters
    ----------
    terms : Terms
    codes : ndarray of int, shape (n_terms, n_rows)
    rows : Rows
    rules : Rules
    start : Boosted
        Where to go on from.
    threads : Threads
    reader : RowPasses
        What reads these rows.
    callback : callable, optional
        Gets the number of a bag, its steps and its loss; stops that bag by returning True.
    """
    if not terms.n_terms:
        return start
    bags = _Bags.at(start, terms, codes, rows, rules, threads, callback)
    by_rows = rules.upkeep == "rows"
    if rules.upkeep == "auto":
        by_rows = not cells_pay(terms, reader.n_rows, rules.loss.bounded_above)
    if by_rows:
        _boost_by_rows(terms, codes, rows, rules, bags, reader, threads)
    else:
        _boost_by_cells(terms, rules, bags, reader, threads)
    return Boosted(np.array([bag.best_tables for bag in bags.progress]), bags.turns)


@dataclass(frozen=True)
class _Bags:
    """Where all bags stand.

    Attributes
    ----------
    tables : ndarray of shape (n_bags, n_outputs, n_cells)
    turns : list of Turn
    progress : list of Progress
    rows : ndarray of shape (n_bags, n_cells)
        Rows in every cell.
    legal, categories : list
        Legal trees, if the terms are pairs, and the order of categories, if there are any.
    held_out : ndarray of bool, shape (n_bags,)
        Whether there are rows that the bag has not drawn.
    callback : callable or None
    """

    tables: np.ndarray
    turns: list[Turn]
    progress: list[Progress]
    rows: np.ndarray
    legal: list
    categories: list
    held_out: np.ndarray
    callback: Callback | None

    @classmethod
    def at(
        cls,
        start: Boosted,
        terms: Terms,
        codes: np.ndarray,
        rows: Rows,
        rules: Rules,
        threads: Threads,
        callback: Callback | None,
    ) -> _Bags:
        """Where they stand before the first step of a stage."""
        n_bags = len(start.turns)
        counts = np.empty((n_bags, terms.n_cells), dtype=np.int32)
        legal: list = [None] * n_bags
        if terms.of_pairs:
            legal = list(np.zeros((n_bags, terms.n_cells), dtype=np.uint8))

        def count(b: int) -> None:
            count_rows(terms, codes, rows.draws, b, rules.step.min_rows, counts[b], legal[b])

        threads.map(count, range(n_bags))
        return cls(
            start.tables.copy(),
            [turn.copy() for turn in start.turns],
            [Progress(rules.stopping) for _ in start.turns],
            counts,
            legal,
            [terms.any_order() for _ in start.turns],
            (rows.draws == 0).any(axis=0),
            callback,
        )

    def judge(self, b: int, loss: float) -> None:
        """Take note of what the tables of a bag are worth."""
        progress, turn = self.progress[b], self.turns[b]
        progress.judge(loss, turn.steps, self.tables[b], bool(self.held_out[b]), turn.smoothing)
        if self.callback is not None and self.callback(b, turn.steps, loss):
            progress.done = True


def _boost_by_rows(
    terms: Terms,
    codes: np.ndarray,
    rows: Rows,
    rules: Rules,
    bags: _Bags,
    reader: RowPasses,
    threads: Threads,
) -> None:
    n_bags, n_outputs, _ = bags.tables.shape
    scores = reader.scores(bags.tables).reshape(-1, n_bags, n_outputs)
    prior = terms.prior_mass(rules.step.slot_prior)

    def boost(b: int) -> None:
        draws = np.ascontiguousarray(rows.draws[:, b : b + 1])
        own = np.ascontiguousarray(scores[:, b])
        turn = bags.turns[b]
        n_steps = 0
        while not bags.progress[b].done:
            loss = walk_rows(
                terms, codes, rules.loss, rules.step, rules.order, turn, rows.y, rows.weights,
                draws, own, bags.tables[b], bags.rows[b], bags.legal[b], bags.categories[b],
                prior, n_steps,
            )  # fmt: skip
            bags.judge(b, loss)
            n_steps = min(terms.n_terms, rules.stopping.max_steps - turn.steps)

    threads.map(boost, range(n_bags))


def _boost_by_cells(
    terms: Terms, rules: Rules, bags: _Bags, reader: RowPasses, threads: Threads
) -> None:
    joint = coarsen(terms, bags.rows.sum(axis=0).astype(float), reader.n_rows)
    sample = reader.joint_rows(joint)
    prior = terms.prior_mass(rules.step.slot_prior)
    mass = np.empty_like(bags.tables)
    since_mass = np.full(len(mass), np.inf)
    rounds = reader.n_rows * terms.n_terms // _CODES_PER_ROUND
    # Terms in different blocks do not know of each other's steps until the next pass.
    rounds = max(min(max(rounds, _FEWEST_ROUNDS), _MOST_ROUNDS) // joint.n_blocks, 1)
    if rules.stopping.window:
        rounds = min(rounds, max(rules.stopping.window // (2 * terms.n_terms), 1))
    looks, next_count = 0, 0
    while active := [b for b, progress in enumerate(bags.progress) if not progress.done]:
        with_mass = looks == 0 or since_mass[active].max() > rules.loss.scale * _MASS_MOVE
        look = reader.look(bags.tables, active, with_mass)
        # Curvatures move ever less: the shares are counted at looks 0, 4, 20, 84, ...
        if looks == next_count and (looks == 0 or np.isfinite(rules.loss.scale)):
            sample.count(reader.row_sums(bags.tables, sample.n_rows)[1].sum(axis=1))
            next_count = 4 * (looks + 1)
        # The first steps go furthest, and may already be too many.
        now = min(rounds, 2 ** min(looks, 30))
        looks += 1

        def walk(place: int, look=look, active=active, now=now) -> None:
            b = active[place]
            bags.judge(b, float(look.losses[place]))
            if bags.progress[b].done:
                return
            if look.mass is not None:
                mass[b] = look.mass[place] + prior
                since_mass[b] = 0.0
            pull = look.pull[place] - prior * bags.tables[b]
            left = rules.stopping.max_steps - bags.turns[b].steps
            since_mass[b] += walk_cells(
                terms, joint, rules.step, rules.order, bags.turns[b], pull, mass[b],
                bags.rows[b], bags.legal[b], bags.categories[b], bags.tables[b],
                min(left, now * terms.n_terms), _max_move(rules, bags.turns[b]),
            )  # fmt: skip

        threads.map(walk, range(len(active)))


def _max_move(rules: Rules, turn: Turn) -> float:
    """How far scores may move until the rows are read again."""
    if rules.loss.bounded_above:
        return np.inf
    if turn.smoothing:
        return _MAX_MOVE
    return min(max(_MAX_MOVE * _FAR_MOVING_TERMS / len(turn.order), _LEAST_MAX_MOVE), _MAX_MOVE)
