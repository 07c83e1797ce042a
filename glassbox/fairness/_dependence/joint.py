"""A batch of tables of score by attribute, and what several measures take from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassbox.fairness._dependence.distance import mean_distances, unbiased
from glassbox.fairness._dependence.resampling import Cells


@dataclass(frozen=True, eq=False)
class Joint:
    """Tables of the same rows, observed or resampled.

    Attributes
    ----------
    tables : ndarray of int, shape (n_tables, n_attribute_cells, n_score_cells)
    score, attribute : Cells
    same_margins : bool
        All tables have the same margins, as under permutation: they are then computed once.
    """

    tables: np.ndarray
    score: Cells
    attribute: Cells
    same_margins: bool = False

    @property
    def grouped(self) -> bool:
        """Whether the attribute is one of groups."""
        return self.attribute.values is None

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        return int(self.tables[0].sum())

    @cached_property
    def shares(self) -> np.ndarray:
        """The tables as shares of their rows."""
        return self.tables / self.n

    @cached_property
    def score_shares(self) -> np.ndarray:
        """Shares of the score's cells, shape (n_tables or 1, n_score_cells)."""
        return self._first(self.shares).sum(axis=1)

    @cached_property
    def attribute_shares(self) -> np.ndarray:
        """Shares of the attribute's cells, shape (n_tables or 1, n_attribute_cells)."""
        return self._first(self.shares).sum(axis=2)

    @cached_property
    def cumulative(self) -> np.ndarray:
        """Shares at or below each cell of the score, by cell of the attribute."""
        return np.cumsum(self.shares, axis=2)

    @cached_property
    def score_mean(self) -> np.ndarray:
        """Mean score, shape (n_tables or 1,)."""
        return self.score_shares @ self.score.values

    @cached_property
    def score_variance(self) -> np.ndarray:
        """Variance of the score, shape (n_tables or 1,)."""
        return self.score_shares @ self.score.values**2 - self.score_mean**2

    @cached_property
    def score_sums(self) -> np.ndarray:
        """Sum of score times share by cell of the attribute, the mean score taken off."""
        return self.shares @ self.score.values - self.score_mean[:, None] * self.attribute_shares

    @cached_property
    def correlation2(self) -> np.ndarray:
        """Squared correlation of the score and an amount."""
        amounts, shares = self.attribute.values, self.attribute_shares
        variance = shares @ amounts**2 - (shares @ amounts) ** 2
        return (self.score_sums @ amounts) ** 2 / (variance * self.score_variance)

    @cached_property
    def dcov2(self) -> np.ndarray:
        """Squared distance covariance: Euclidean for numbers, discrete for groups.

        The distance of two numbers is an integral over indicators, so that it is
        4 ∫∫ Cov(1[s ≤ t], 1[a ≤ u])² dt du, and 2 Σ_k ∫ Cov(1[s ≤ t], 1[a = k])² dt for groups.
        """
        below = np.cumsum(self.score_shares, axis=1)[:, None, :-1]
        apart = self.cumulative[:, :, :-1] - self.attribute_shares[:, :, None] * below
        if self.grouped:
            return 2 * (np.square(apart, out=apart) @ self.score.gaps).sum(axis=1)
        apart = np.cumsum(apart, axis=1)[:, :-1]
        return 4 * (np.square(apart, out=apart) @ self.score.gaps) @ self.attribute.gaps

    @cached_property
    def score_distances(self) -> np.ndarray:
        """Mean distance of each cell of the score from all rows."""
        return mean_distances(self.score.values, self.score_shares)

    @cached_property
    def attribute_distances(self) -> np.ndarray:
        """Mean distance of each cell of the attribute from all rows."""
        if self.grouped:
            return 1 - self.attribute_shares
        return mean_distances(self.attribute.values, self.attribute_shares)

    @cached_property
    def score_dvar2(self) -> tuple[np.ndarray, np.ndarray]:
        """Squared distance variance of the score, plain and unbiased."""
        return self._dvar2(2 * self.score_variance, self.score_distances, self.score_shares)

    @cached_property
    def attribute_dvar2(self) -> tuple[np.ndarray, np.ndarray]:
        """Squared distance variance of the attribute, plain and unbiased."""
        shares, amounts = self.attribute_shares, self.attribute.values
        if self.grouped:
            squares = 1 - (shares**2).sum(axis=1)
        else:
            squares = 2 * (shares @ amounts**2 - (shares @ amounts) ** 2)
        return self._dvar2(squares, self.attribute_distances, shares)

    @cached_property
    def unbiased_dcov2(self) -> np.ndarray:
        """Unbiased squared distance covariance; four rows at least."""
        rows = (self.shares @ self.score_distances[:, :, None])[:, :, 0]
        row_products = (rows * self.attribute_distances).sum(axis=1)
        score_mean = (self.score_distances * self.score_shares).sum(axis=1)
        attribute_mean = (self.attribute_distances * self.attribute_shares).sum(axis=1)
        return unbiased(self.dcov2, row_products, score_mean * attribute_mean, self.n)

    @cached_property
    def coarse(self) -> np.ndarray:
        """Shares of bins of the score by groups, or bins of an amount."""
        bins = np.flatnonzero(np.diff(self.score.bins, prepend=-1))
        merged = np.add.reduceat(self.shares, bins, axis=2)
        rows = np.flatnonzero(np.diff(self.attribute.bins, prepend=-1))
        return np.add.reduceat(merged, rows, axis=1)

    def _first(self, shares: np.ndarray) -> np.ndarray:
        return shares[:1] if self.same_margins else shares

    def _dvar2(
        self, squares: np.ndarray, distances: np.ndarray, shares: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        rows = (distances**2 * shares).sum(axis=1)
        mean = (distances * shares).sum(axis=1) ** 2
        plain = squares - 2 * rows + mean
        better = unbiased(plain, rows, mean, self.n) if self.n > 3 else np.full_like(plain, np.nan)
        return plain, better
