"""Pieces of the engine as tests call them, and what they should give, naively."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numba
import numpy as np

from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers._boosting.schedule import next_term, pass_turn
from glassbox.solvers._boosting.terms import BinnedFeature, Terms, main_effects, pair_effects
from glassbox.solvers.boosting import BoostingOptions, Problem, boost


@numba.njit
def take_turns(order, turn, gains, n_turns):
    """Terms and whether they made a step, when term t has the gain ``gains[turn, t]``."""
    turns = np.empty((n_turns, 2), np.int64)
    for i in range(n_turns):
        term, stepping = next_term(order, turn)
        turns[i, 0], turns[i, 1] = term, stepping
        pass_turn(order, turn, term, gains[i, term], stepping)
    return turns


def mains_of(features: list[BinnedFeature]) -> tuple[Terms, np.ndarray]:
    """Main effects, and the cells of the rows."""
    return main_effects(features, np.uint32)


def pairs_of(features: list[BinnedFeature], pairs: list) -> tuple[Terms, np.ndarray]:
    """Pairs, and the cells of the rows."""
    return pair_effects(features, pairs, np.uint32)


class Sample(NamedTuple):
    """Rows in cells, with an outcome; and the sums over each cell when no step was made yet.

    Outcomes are numbers, or classes if there are several outputs. Sums have shape
    (n_outputs, *cells).
    """

    loss: Loss
    codes: tuple[np.ndarray, ...]
    y: np.ndarray
    weights: np.ndarray
    pull: np.ndarray
    mass: np.ndarray
    rows: np.ndarray

    @classmethod
    def random(cls, seed: int, n_outputs: int, shape: tuple[int, ...], empty: float) -> Sample:
        """Cells with up to 14 rows, some of them without any."""
        rng = np.random.default_rng(seed)
        rows = rng.integers(1, 15, shape) * (rng.random(shape) >= empty)
        rows.flat[-1] = max(rows.flat[-1], 3)
        codes = tuple(np.repeat(index.ravel(), rows.ravel()) for index in np.indices(shape))
        n_rows = len(codes[0])
        weights = rng.uniform(0.2, 2.0, n_rows)
        effects = rng.normal(size=(*shape, n_outputs))[codes]
        if n_outputs == 1:
            y = effects[:, 0] + rng.normal(size=n_rows)
            residuals = (y - np.average(y, weights=weights))[:, None]
            curvatures = np.ones((n_rows, 1))
            loss = Loss.named("squared_error")
        else:
            y = (effects + rng.gumbel(size=effects.shape)).argmax(axis=1)
            y[:n_outputs] = np.arange(n_outputs)
            member = y[:, None] == np.arange(n_outputs)
            shares = np.average(member, axis=0, weights=weights)
            residuals, curvatures = member - shares, np.tile(shares * (1 - shares), (n_rows, 1))
            loss = Loss.named("multinomial", n_outputs=n_outputs)
        sums = np.zeros((2, n_outputs, *shape))
        for k in range(n_outputs):
            np.add.at(sums[0, k], codes, weights * residuals[:, k])
            np.add.at(sums[1, k], codes, weights * curvatures[:, k])
        return cls(loss, codes, y.astype(float), weights, sums[0], sums[1], rows)

    def first_step(
        self, rule: StepRule, smoothing: bool = False, seed: int = 1, **properties
    ) -> np.ndarray:
        """The first step of the engine on the term over all cells, of the shape of the sums."""
        shape = self.rows.shape
        features = [
            BinnedFeature(codes.astype(np.uint8), n, **properties)
            for codes, n in zip(self.codes, shape, strict=True)
        ]
        pair = len(shape) == 2
        problem = Problem(
            [] if pair else features, features, [(0, 1)] if pair else [], int(pair), self.y,
            self.weights, np.ones((len(self.y), 1), dtype=np.uint8),
        )  # fmt: skip
        options = BoostingOptions(
            self.loss, rule, greedy_ratio=0, smoothing_rounds=int(smoothing),
            interaction_smoothing_rounds=int(smoothing), max_rounds=1, early_stopping_rounds=0,
            upkeep="rows",
        )  # fmt: skip
        state = boost(problem, options, seed).state
        tables = (state.pair_tables if pair else state.mains).tables[0]
        n_outputs = len(tables)
        # Several classes: a smaller step, see BoostingOptions.
        return tables.reshape(self.pull.shape) / (1 - 1 / n_outputs if n_outputs > 1 else 1)


def newton(rule, pull, mass):
    """The Newton step of a leaf, before the learning rate."""
    if mass < np.finfo(float).tiny:
        return 0.0
    size = max(abs(pull) - rule.reg_alpha, 0.0) / (mass + rule.reg_lambda)
    return np.copysign(min(size, rule.largest), pull)


def worth(rule, pull, mass):
    """By how much a Newton step lowers the second-order approximation of the loss, twice over."""
    step = newton(rule, pull, mass)
    return 2 * step * pull - 2 * rule.reg_alpha * abs(step) - step**2 * (mass + rule.reg_lambda)


def leaves_step(rule, pull, mass, leaves):
    """What leaves are worth together, and what they add in each cell.

    Leaves are boolean arrays of the shape of the cells; sums have one more dimension in front.
    """
    delta, total = np.zeros_like(pull), 0.0
    for k, leaf in product(range(len(pull)), leaves):
        sums = pull[k][leaf].sum(), mass[k][leaf].sum()
        total += worth(rule, *sums)
        delta[k][leaf] = rule.learning_rate * newton(rule, *sums)
    return total, delta


def is_legal(rule, sample, leaf):
    """Whether a leaf has enough rows, and enough mass for every output."""
    least = max(rule.min_hessian, np.finfo(float).tiny)
    enough_rows = sample.rows[leaf].sum() >= max(rule.min_rows, 1)
    return enough_rows and all(mass[leaf].sum() >= least for mass in sample.mass)


def best_partition(rule, sample, partitions):
    """Gain and step of the best legal partition into leaves, or of none."""
    everything = [np.ones(sample.rows.shape, dtype=bool)]
    nothing, delta = leaves_step(rule, sample.pull, sample.mass, everything)
    best = 0.0
    for leaves in partitions:
        if all(is_legal(rule, sample, leaf) for leaf in leaves):
            total, step = leaves_step(rule, sample.pull, sample.mass, leaves)
            if total - nothing > best:
                best, delta = total - nothing, step
    return best, delta
