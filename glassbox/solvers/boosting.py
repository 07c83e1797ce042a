"""Boosting in the space of bins: gradient boosting of additive models on binned columns.

A step of boosting on binned columns only needs the sums of residuals and curvatures in every bin,
and what it does to those sums is known in advance, to first order. So most steps read no rows;
now and then all rows are read, for all bags at once, and the sums are exact again. The steps
themselves follow the rules of interpret's explainable boosting machine.

References
----------
Lou, Caruana & Gehrke (2012), "Intelligible models for classification and regression", KDD
2012:150-158. Nori, Jenkins, Koch & Caruana (2019), "InterpretML: a unified framework for machine
learning interpretability", arXiv:1909.09223.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassbox.solvers._boosting.ahead import PairsAhead
from glassbox.solvers._boosting.announcement import announced_compilation
from glassbox.solvers._boosting.intercepts import intercept_shift, starting_intercepts
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.memory import bytes_of_cells, bytes_of_rows, check_memory
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.schedule import Order
from glassbox.solvers._boosting.screen import n_rows_to_screen, pair_strengths
from glassbox.solvers._boosting.stage import Boosted, Callback, Rules, boost_stage
from glassbox.solvers._boosting.stopping import StoppingRule
from glassbox.solvers._boosting.terms import (
    BinnedFeature,
    Terms,
    main_effects,
    pair_effects,
    smallest_type,
)
from glassbox.solvers._boosting.threads import Threads

#: Up to so many terms, the first random cuts are as large as `first_random` says.
_FEW_TERMS = 30
# Rounds that no bag lives to see.
_ENDLESS = 1e9


@dataclass(frozen=True)
class BoostingOptions:
    """How tables are boosted; names and meanings are those of the estimators.

    Attributes
    ----------
    loss : Loss
    step : StepRule
    greedy_ratio, cyclic_progress : float
    smoothing_rounds, interaction_smoothing_rounds : int
    max_rounds, early_stopping_rounds : int
    early_stopping_tolerance : float
    shuffle : bool
        Whether terms take turns in random order.
    upkeep : {"auto", "rows", "cells"}
        Whether sums are taken from the rows at every step, or kept up in the space of bins.
    """

    loss: Loss
    step: StepRule
    greedy_ratio: float = 10.0
    cyclic_progress: float = 0.0
    smoothing_rounds: int = 75
    interaction_smoothing_rounds: int = 75
    max_rounds: int = 50_000
    early_stopping_rounds: int = 50
    early_stopping_tolerance: float = 1e-5
    shuffle: bool = True
    upkeep: str = "auto"

    def rules(self, terms: Terms, smoothing_rounds: int) -> Rules:
        """The rules of a stage in which these terms are boosted."""
        n_terms = terms.n_terms
        greedy_steps = int(np.ceil(min(self.greedy_ratio, _ENDLESS) * n_terms))
        window = self.early_stopping_rounds * n_terms
        max_steps = self.max_rounds * n_terms
        step = self.step
        n_outputs = self.loss.n_outputs
        if n_outputs > 1:
            # Friedman (2001), Annals of Statistics 29(5):1189-1232, algorithm 6.
            step = step._replace(learning_rate=step.learning_rate * (n_outputs - 1) / n_outputs)
        # In a round of random cuts every term moves: where there are many, they overfit sooner.
        larger = (step.first_random - 1.0) * min(1.0, _FEW_TERMS / max(n_terms, 1)) ** 2
        step = step._replace(first_random=1.0 + larger)
        return Rules(
            self.loss,
            step,
            Order(greedy_steps, float(self.cyclic_progress), self.shuffle),
            StoppingRule(window, self.early_stopping_tolerance, max_steps),
            smoothing_rounds,
            self.upkeep,
        )


@dataclass(frozen=True)
class Problem:
    """What is boosted.

    Attributes
    ----------
    features : sequence of BinnedFeature
        Main effects.
    pair_features : sequence of BinnedFeature
        All columns, as they are binned in pairs.
    pairs : list of (int, int)
        Pairs of numbers of pair features: those to boost, or to choose from.
    n_pairs : int
        How many to choose; as many as there are pairs for all of them.
    y, weights : ndarray of shape (n_rows,)
    draws : ndarray of uint8, shape (n_rows, n_bags)
    """

    features: Sequence[BinnedFeature]
    pair_features: Sequence[BinnedFeature]
    pairs: list[tuple[int, int]]
    n_pairs: int
    y: np.ndarray
    weights: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class BoostingState:
    """Where boosting stands: tables as they were boosted, and whose turn it is.

    Attributes
    ----------
    mains, pair_tables : Boosted
    pairs : list of (int, int)
    """

    mains: Boosted
    pair_tables: Boosted
    pairs: list[tuple[int, int]]


@dataclass(frozen=True)
class BoostedTables:
    """What boosting has learned.

    Attributes
    ----------
    intercept : ndarray of shape (n_outputs,)
    mains, pair_tables : list of ndarray of shape (n_bags, n_outputs, n_first, n_second)
        Of each feature (with one second bin) and each pair, for every bag; their means over all
        rows are zero.
    bag_weights : ndarray of shape (n_bags,)
        The model is the mean of the bags with these weights; they add up to one.
    pairs : list of (int, int)
        Pairs that have a table.
    n_steps : list of int
        Steps of each bag.
    state : BoostingState
        To go on from.
    """

    intercept: np.ndarray
    mains: list[np.ndarray]
    pair_tables: list[np.ndarray]
    bag_weights: np.ndarray
    pairs: list[tuple[int, int]]
    n_steps: list[int]
    state: BoostingState


def boost(
    problem: Problem,
    options: BoostingOptions,
    seed: int,
    n_threads: int = 1,
    callback: Callback | None = None,
    passes: Callable[..., RowPasses] = RowPasses,
    state: BoostingState | None = None,
) -> BoostedTables:
    """Boost main effects, then pairs on what they leave over.

    Parameters
    ----------
    problem : Problem
    options : BoostingOptions
    seed : int
        Of shuffles, random cuts and ties. Results do not depend on the number of threads.
    n_threads : int
    callback : callable, optional
        Gets the number of a bag, its steps and its loss on the rows that it holds out, now and
        then; stops that bag by returning True.
    passes : callable
        What reads the rows, as :class:`RowPasses` does.
    state : BoostingState, optional
        To go on from, for features in the same bins.

    Raises
    ------
    MemoryError
        If rows and tables would take more than 70 % of the machine's memory. The joint
        distribution of coarse cells takes 64 MiB, whatever the number of terms: of very many, it
        is known in blocks of terms that stand side by side.
    """
    n_bags = problem.draws.shape[1]
    seeds = np.random.SeedSequence(seed).generate_state(2 * n_bags, np.uint64)
    intercepts = starting_intercepts(problem.y, problem.weights, problem.draws, options.loss)
    base = intercepts.reshape(1, -1)
    with announced_compilation(), Threads(n_threads) as threads:
        stages = _Stages(problem, options, threads, callback, passes)
        stages.check_memory()
        mains = stages.of_mains()
        ahead = PairsAhead(stages.codes_type) if problem.n_pairs else None
        if state is None:
            reader = mains.reader(base)
            boosted = mains.boost(reader, base, mains.nothing(seeds[:n_bags]))
            chosen = stages.choose_pairs(reader, boosted.tables)
            pairs = stages.of_pairs(chosen)
            start = pairs.nothing(seeds[n_bags:])
        else:
            chosen, start = state.pairs, state.pair_tables
            pairs = stages.of_pairs(chosen)
            base_of_mains = pairs.reader(base).scores(start.tables) if chosen else base
            boosted = mains.boost(mains.reader(base_of_mains), base_of_mains, state.mains)
            reader = mains.reader(base)
        base = reader.scores(boosted.tables)
        if ahead is not None:
            ahead.wait()
        boosted_pairs = start
        if chosen:
            reader = pairs.reader(base)
            boosted_pairs = pairs.boost(reader, base, start)
            base = reader.scores(boosted_pairs.tables)

        bag_weights = problem.weights @ problem.draws
        bag_weights = bag_weights / bag_weights.sum()
        main_tables, main_means = mains.centred(boosted.tables)
        pair_tables, pair_means = pairs.centred(boosted_pairs.tables)
        scores = base.reshape(len(base), n_bags, -1).swapaxes(1, 2) @ bag_weights
        shift = intercept_shift(
            scores, problem.y, problem.weights, options.loss, threads, stages.codes_type
        )
    return BoostedTables(
        bag_weights @ (intercepts + main_means + pair_means) + shift,
        main_tables,
        pair_tables,
        bag_weights,
        chosen,
        [a.steps + b.steps for a, b in zip(boosted.turns, boosted_pairs.turns, strict=True)],
        BoostingState(boosted, boosted_pairs, chosen),
    )


@dataclass(frozen=True)
class _Stages:
    """What all stages of one fit have in common."""

    problem: Problem
    options: BoostingOptions
    threads: Threads
    callback: Callback | None
    passes: Callable[..., RowPasses]

    def check_memory(self) -> None:
        """Refuse what would take too much of the machine's memory."""
        problem = self.problem
        n_rows, n_bags = problem.draws.shape
        n_columns = len(problem.features) + len(problem.pair_features)
        n_outputs = self.options.loss.n_outputs
        codes_bytes = np.dtype(self.codes_type).itemsize
        n_cells = max(
            sum(feature.n_bins for feature in problem.features),
            problem.n_pairs * self._largest_pair,
        )
        check_memory(
            bytes_of_rows(n_rows, n_columns, problem.n_pairs, n_bags, n_outputs, codes_bytes)
            + bytes_of_cells(n_cells, n_bags, n_outputs)
        )

    def of_mains(self) -> _Stage:
        """The stage in which main effects are boosted."""
        features = self.problem.features
        effects = main_effects(features, self.codes_type) if features else self._no_terms()
        return self._of(effects, self.options.smoothing_rounds)

    def of_pairs(self, pairs: list[tuple[int, int]]) -> _Stage:
        """The stage in which these pairs are boosted."""
        features = self.problem.pair_features
        effects = self._no_terms()
        if pairs:
            effects = pair_effects(features, pairs, self.codes_type)
        return self._of(effects, self.options.interaction_smoothing_rounds)

    @cached_property
    def codes_type(self) -> type:
        """One type for bins and for cells of pairs: what reads them is compiled once."""
        problem = self.problem
        most = max((feature.n_bins for feature in problem.features), default=1)
        return smallest_type(max(most, self._largest_pair))

    @cached_property
    def _largest_pair(self) -> int:
        """The most cells that a pair may have; 0 if there will be none."""
        problem = self.problem
        if not problem.n_pairs:
            return 0
        sizes = [feature.n_bins for feature in problem.pair_features]
        return max((sizes[i] * sizes[j] for i, j in problem.pairs), default=0)

    def _no_terms(self) -> tuple[Terms, np.ndarray]:
        return Terms.none(), np.zeros((0, len(self.problem.y)), dtype=self.codes_type)

    def _of(self, effects: tuple[Terms, np.ndarray], smoothing_rounds: int) -> _Stage:
        terms, codes = effects
        return _Stage(self, terms, codes, self.options.rules(terms, smoothing_rounds))

    def choose_pairs(self, reader: RowPasses, tables: np.ndarray) -> list[tuple[int, int]]:
        """The most promising pairs, given the main effects."""
        problem = self.problem
        if problem.n_pairs >= len(problem.pairs):
            return list(problem.pairs)
        if problem.n_pairs == 0:
            return []
        n_rows = n_rows_to_screen(len(problem.y), len(problem.pairs))
        residuals, curvatures = reader.row_sums(tables, n_rows)
        strengths = pair_strengths(
            problem.pair_features, problem.pairs, residuals, curvatures, self.options.step,
            self.threads,
        )  # fmt: skip
        best = np.argsort(-strengths, kind="stable")[: problem.n_pairs]
        return [problem.pairs[p] for p in best]


@dataclass(frozen=True)
class _Stage:
    """Terms that are boosted together."""

    stages: _Stages
    terms: Terms
    codes: np.ndarray
    rules: Rules

    def nothing(self, seeds: np.ndarray) -> Boosted:
        """What is known before any step."""
        return Boosted.nothing(self.terms, self.rules, seeds)

    def reader(self, base: np.ndarray) -> RowPasses:
        """What reads the rows; base scores have shape (1 or n_rows, n_bags * n_outputs)."""
        stages = self.stages
        return stages.passes(
            self.terms, self.codes, self._rows(base), self.rules.loss, stages.threads
        )

    def boost(self, reader: RowPasses, base: np.ndarray, start: Boosted) -> Boosted:
        """Boost the terms on top of base scores."""
        stages = self.stages
        return boost_stage(
            self.terms, self.codes, self._rows(base), self.rules, start, stages.threads, reader,
            stages.callback,
        )  # fmt: skip

    def centred(self, tables: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """The tables of each term less their means over all rows, and the sums of those means.

        Returns
        -------
        tables : list of ndarray of shape (n_bags, n_outputs, n_first, n_second)
        means : ndarray of shape (n_bags, n_outputs)
        """
        weights = self.stages.problem.weights
        means = np.zeros(tables.shape[:2])
        centred = []
        for t, here in enumerate(self.terms.slices()):
            table = tables[:, :, here]
            mass = np.bincount(self.codes[t], weights, table.shape[-1])
            mean = table @ (mass / mass.sum())
            means += mean
            shape = (self.terms.n_first[t], self.terms.n_second[t])
            table = (table - mean[..., None]).reshape(*means.shape, *shape)
            centred.append(table)
        return centred, means

    def _rows(self, base: np.ndarray) -> Rows:
        problem = self.stages.problem
        return Rows(problem.y, problem.weights, problem.draws, base)
