"""Which term is boosted next: cyclic rounds, then rounds of measuring and of the largest gains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glassbox.solvers._boosting._compiled import inner
from glassbox.solvers._boosting.partition import random_below

_POSITION, _STEPS, _SMOOTHING = range(3)
_NOT_MEASURED = -1.0
#: The first steps with random cuts, which may be larger, shrink to a third in so many rounds.
_SHRINKING_ROUNDS = 30.0


class Order(NamedTuple):
    """How terms take turns.

    Attributes
    ----------
    greedy_steps : int
        Steps on the term of largest gain after every round in which all are measured.
    cyclic_progress : float
        Share of the rounds of measuring that are steps, too.
    shuffle : bool
        Whether terms are measured in random order.
    """

    greedy_steps: int
    cyclic_progress: float
    shuffle: bool


class Turn(NamedTuple):
    """Where the order of one bag stands; arrays, which the compiled loops move on.

    Attributes
    ----------
    counts : ndarray of int64
        The place in the round (negative: greedy steps to go), steps taken, smoothing rounds left.
    progress : ndarray of shape (1,)
        From 1 on, a round makes steps.
    random : ndarray of uint64, shape (1,)
        State of the random numbers.
    order : ndarray of shape (n_terms,)
    gains : ndarray of shape (n_terms,)
        The gain of each term when it was last looked at.
    """

    counts: np.ndarray
    progress: np.ndarray
    random: np.ndarray
    order: np.ndarray
    gains: np.ndarray

    @classmethod
    def first(cls, order: Order, n_terms: int, smoothing_rounds: int, seed: int) -> Turn:
        """The turn before any step."""
        return cls(
            np.array([0, 0, smoothing_rounds]),
            np.array([1.0 if order.greedy_steps <= 0 else order.cyclic_progress]),
            np.array([seed], dtype=np.uint64),
            np.arange(n_terms),
            np.full(n_terms, _NOT_MEASURED),
        )

    def copy(self) -> Turn:
        """A turn that moves on by itself."""
        return Turn(*(array.copy() for array in self))

    @property
    def steps(self) -> int:
        """Steps taken."""
        return int(self.counts[_STEPS])

    @property
    def smoothing(self) -> bool:
        """Whether cuts are random."""
        return self.counts[_SMOOTHING] > 0


@inner
def next_term(order, turn):
    """The term whose turn it is, and whether it makes a step or is only measured."""
    position = turn.counts[_POSITION]
    if position < 0:
        best = 0
        for t in range(1, len(turn.gains)):
            if turn.gains[t] > turn.gains[best]:
                best = t
        return best, True
    if position == 0:
        for t in range(len(turn.gains)):
            turn.gains[t] = _NOT_MEASURED
        if order.shuffle and (order.greedy_steps > 0 or turn.counts[_STEPS] == 0):
            for last in range(len(turn.order) - 1, 0, -1):
                other = random_below(turn.random, last + 1)
                turn.order[last], turn.order[other] = turn.order[other], turn.order[last]
    return turn.order[position], turn.counts[_SMOOTHING] > 0 or turn.progress[0] >= 1.0


@inner
def pass_turn(order, turn, term, gain, stepped):
    """Remember the gain of a term and go on to the next."""
    turn.gains[term] = gain
    turn.counts[_STEPS] += stepped
    turn.counts[_POSITION] += 1
    if turn.counts[_POSITION] < len(turn.order):
        return
    if turn.counts[_SMOOTHING] > 0:
        turn.counts[_SMOOTHING] -= 1
        turn.counts[_POSITION] = 0
        return
    turn.counts[_POSITION] = -max(order.greedy_steps, 0)
    if turn.progress[0] >= 1.0:
        turn.progress[0] -= 1.0
    turn.progress[0] += 1.0 if order.greedy_steps <= 0 else order.cyclic_progress


@inner
def random_rate(rule, turn):
    """The learning rate of random cuts; 0 when it is time for the best ones."""
    if turn.counts[_SMOOTHING] == 0:
        return 0.0
    rounds = turn.counts[_STEPS] / len(turn.order)
    larger = (rule.first_random - 1.0) * np.exp(-rounds / _SHRINKING_ROUNDS)
    return rule.learning_rate * (1.0 + larger)


@inner
def steps_taken(turn):
    """Steps taken."""
    return turn.counts[_STEPS]
