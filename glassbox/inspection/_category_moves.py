"""Moves between ordered categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassbox.inspection._tables import Tables
from glassbox.inspection._turns import Turns


class CategoryMoves:
    """Moves between the categories that X holds: one half to the next one, one half across.

    Parameters
    ----------
    tables : Tables
    name : str
    codes : ndarray of shape (n_rows,)
        The categories in X; negative if missing.
    rng : Generator
    """

    def __init__(self, tables: Tables, name: str, codes: np.ndarray, rng: np.random.Generator):
        found, first = np.unique(codes, return_index=True)
        self._tables, self._name = tables, name
        self._row_of = first[found >= 0]
        n = len(self._row_of)
        self._pairs = np.column_stack(np.triu_indices(n, 1))
        self._steps_in_turn, self._pairs_in_turn = Turns(n - 1, rng), Turns(len(self._pairs), rng)

    def draw(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Ranks before and after; none if X holds a single category."""
        low = self._steps_in_turn.next((n + 1) // 2)
        pairs = self._pairs[self._pairs_in_turn.next(n // 2)]
        return np.append(low, pairs[:, 0]), np.append(low + 1, pairs[:, 1])

    def column(self, ranks: np.ndarray) -> Any:
        """These categories as a column."""
        return self._tables.cells(self._name, self._row_of[ranks])
