"""Slopes and jumps of the functions on a numeric axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from glassbox.core._basis import bspline_slopes, extended_knots
from glassbox.core.axes import Axis, BasisRows, NumericAxis


@dataclass(frozen=True)
class Pieces:
    """The stretches of a feature on which all its functions of degree 1 and 3 are polynomials.

    Attributes
    ----------
    left, right : ndarray of shape (n_pieces,)
        Their ends; the outermost are infinite if some function goes on linearly.
    widths : ndarray of shape (n_pieces,)
        Their widths; infinite ones count as wide as all the others together.
    """

    left: np.ndarray
    right: np.ndarray
    widths: np.ndarray

    @classmethod
    def of(cls, axes: Sequence[NumericAxis]) -> Pieces:
        """Pieces between the knots of all the axes."""
        knots = reduce(np.union1d, [axis.knots for axis in axes])
        widths = np.diff(knots)
        if any(is_linear(axis) for axis in axes):
            span = [knots[-1] - knots[0]]
            knots = np.concatenate([[-np.inf], knots, [np.inf]])
            widths = np.concatenate([span, widths, span])
        return cls(knots[:-1], knots[1:], widths)

    def slopes(self, axis: NumericAxis, shares: Sequence[float]) -> BasisRows:
        """First derivatives of the basis of `axis`, as rows over its coefficients.

        Parameters
        ----------
        axis : NumericAxis
            Of degree 1 or 3.
        shares : sequence of float
            Where on each piece: 0 is its left end, 1 its right end.

        Returns
        -------
        BasisRows
            Of ``len(shares) * n_pieces`` rows, share by share.
        """
        knots = axis.knots
        low, high = np.clip(self.left, *knots[[0, -1]]), np.clip(self.right, *knots[[0, -1]])
        segment = np.searchsorted(knots[1:-1], low, side="right")
        at = np.concatenate([low + share * (high - low) for share in shares])
        extended = extended_knots(knots, axis.degree)
        segments = np.tile(segment, len(shares))
        weights = bspline_slopes(extended, segments, at, axis.degree)
        if axis.extrapolation == "constant":
            outside = (self.right <= knots[0]) | (self.left >= knots[-1])
            weights[np.tile(outside, len(shares))] = 0.0
        return BasisRows(segments, weights)


def is_linear(axis: Axis) -> bool:
    """Whether functions on the axis go on as straight lines beyond its edges."""
    return getattr(axis, "extrapolation", "constant") == "linear"


def outward_slopes(axis: Axis, table: np.ndarray) -> np.ndarray:
    """Slopes of a table's functions away from both edges of its first axis, shape (2, ...)."""
    if not is_linear(axis):
        return np.zeros((2, *table.shape[1:]))
    extended = extended_knots(axis.knots, axis.degree)
    segments = np.array([0, len(axis.knots) - 2])
    slopes = bspline_slopes(extended, segments, axis.knots[[0, -1]], axis.degree)
    slopes[0] *= -1.0
    return read_rows(BasisRows(segments, slopes), table)


def read_rows(rows: BasisRows, table: np.ndarray) -> np.ndarray:
    """Rows times a table whose first dimension is the axis."""
    total = np.zeros((len(rows.first), *table.shape[1:]))
    for r in range(rows.width):
        weight = rows.weight(r)
        if rows.weights is not None:
            weight = weight.reshape(-1, *[1] * (table.ndim - 1))
        total += weight * table[rows.first + r]
    return total
