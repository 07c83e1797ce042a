"""The training table: typed, weighted, and in an order that does not depend on the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pandas.util import hash_array

from glassbox.core.schema import Schema

_MOST_REPETITIONS = 20
_HASH_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd: no bit of an earlier column is lost


@dataclass(frozen=True)
class TrainingTable:
    """What a solver learns from.

    Attributes
    ----------
    schema : Schema
    columns : dict of str to ndarray
        Typed columns.
    y : ndarray of shape (n_rows,)
        Class numbers 0 to K - 1 (classifiers), or the outcome (regressors).
    weights : ndarray of shape (n_rows,)
        Positive sample weights.
    """

    schema: Schema
    columns: dict[str, np.ndarray]
    y: np.ndarray
    weights: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    def take(self, rows: np.ndarray) -> TrainingTable:
        """The table with some rows, possibly repeated."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return replace(self, columns=columns, y=self.y[rows], weights=self.weights[rows])

    def reweighted(self, factors: np.ndarray) -> TrainingTable:
        """The table with its weights multiplied by a factor for each row."""
        return replace(self, weights=self.weights * factors)

    @classmethod
    def joined(cls, tables: Sequence[TrainingTable]) -> TrainingTable:
        """Tables of one schema, one below the other."""
        if len(tables) == 1:
            return tables[0]
        names = tables[0].columns
        return cls(
            tables[0].schema,
            {name: np.concatenate([table.columns[name] for table in tables]) for name in names},
            np.concatenate([table.y for table in tables]),
            np.concatenate([table.weights for table in tables]),
        )

    def in_canonical_order(self) -> TrainingTable:
        """Rows sorted by a hash of their content.

        Whatever is random in a fit (bags, validation rows) then depends on the rows and the
        seed, and not on the order in which the user happened to give them.
        """
        key = hash_array(self.y + 0.0)
        for column in self.columns.values():
            key = key * _HASH_MULTIPLIER + hash_array(column + 0.0)
        return self.take(np.lexsort((self.weights, key)))

    def with_whole_weights_as_rows(self) -> TrainingTable:
        """Rows with small whole weights repeated that many times, with weight one.

        Bags and validation sets draw rows: a row that stands for three patients must be drawn
        like three. Weights that are not whole, or large, multiply the loss instead.
        """
        whole = np.all(self.weights == np.round(self.weights))
        if not whole or self.weights.max() > _MOST_REPETITIONS or self.weights.max() == 1:
            return self
        rows = np.repeat(np.arange(self.n_rows), self.weights.astype(int))
        return replace(self.take(rows), weights=np.ones(len(rows)))
