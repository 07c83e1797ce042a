"""The values of the other features beside a move."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassbox.inspection._tables import Tables

_MISSING = 0.1  # share of missing values in recombined rows, in columns that have any


class Partners:
    """Draws rows of X, as they are or recombined.

    Parameters
    ----------
    tables : Tables
    """

    def __init__(self, tables: Tables):
        self._tables = tables
        source = tables.source
        self._levels = [_Levels(source.factorized(name)[0]) for name in source.names]

    def draw(self, rng: np.random.Generator, n: int, recombine: bool) -> Any:
        """A table of n rows of X, or of n rows with each cell from another row of X."""
        if recombine:
            return self._tables.recombine([levels.draw(rng, n) for levels in self._levels])
        return self._tables.take(rng.integers(self._tables.source.n_rows, size=n))


class _Levels:
    """The distinct values of a column, by the first row that has each."""

    def __init__(self, codes: np.ndarray):
        found, first = np.unique(codes, return_index=True)
        self._observed = first[found >= 0]
        self._missing = first[found < 0]

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Rows of X, each level alike."""
        if len(self._observed) == 0:
            return np.full(n, self._missing[0])
        rows = rng.choice(self._observed, size=n)
        if len(self._missing):
            rows[rng.random(n) < _MISSING] = self._missing[0]
        return rows
