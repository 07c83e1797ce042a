"""Fairness between the things that are to be tried."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np


class Turns:
    """Lets each of several things have its turn, in random order, before any has its second.

    Parameters
    ----------
    size : int
        How many things there are; of none or less, there are no turns.
    rng : Generator
    """

    def __init__(self, size: int, rng: np.random.Generator):
        self._order = self._shuffled(size, rng)

    @staticmethod
    def _shuffled(size: int, rng: np.random.Generator) -> Iterator[int]:
        while size > 0:
            yield from rng.permutation(size)

    def next(self, n: int) -> np.ndarray:
        """The next n, by number."""
        return np.fromiter(islice(self._order, n), dtype=np.intp)
