"""Axes: how one column becomes sparse basis rows.

An axis numbers the coefficients that a term keeps for one feature. Every row of a table touches
``degree + 1`` neighbouring ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import sparse

from glassbox.core._basis import (
    SegmentFinder,
    bspline_slopes,
    bspline_weights,
    extended_knots,
    uniform_cubic_weights,
)

#: Codes that stand for "no value" and for "a value that training did not see" in a column of
#: category codes. Numeric columns hold NaN for a missing value.
MISSING_CODE = -1
UNSEEN_CODE = -2

#: Points that a grid puts on each segment of a cubic axis.
POINTS_PER_CUBIC_SEGMENT = 8
# Of the largest knot: differences of this size are those of storing it.
_ROUNDING = 1e-15


@dataclass(frozen=True)
class BasisRows:
    """Sparse basis rows of one column on one axis.

    Attributes
    ----------
    first : ndarray of int32, shape (n_rows,)
        Number of the first coefficient that the row touches.
    weights : ndarray of shape (n_rows, degree + 1) or None
        Weights of that coefficient and its neighbours to the right. None stands for a single
        weight of one (degree 0).
    """

    first: np.ndarray
    weights: np.ndarray | None

    @property
    def width(self) -> int:
        """How many coefficients a row touches."""
        return 1 if self.weights is None else self.weights.shape[1]

    def weight(self, r: int) -> np.ndarray | float:
        """Weights of the r-th touched coefficient."""
        return 1.0 if self.weights is None else self.weights[:, r]

    def to_csr(self, size: int) -> sparse.csr_array:
        """The rows as a sparse matrix of shape (n_rows, size)."""
        n_rows = len(self.first)
        indices = self.first[:, None] + np.arange(self.width, dtype=np.int32)
        data = np.ones(n_rows) if self.weights is None else self.weights
        indptr = np.arange(0, (n_rows + 1) * self.width, self.width)
        return sparse.csr_array((data.ravel(), indices.ravel(), indptr), shape=(n_rows, size))


@dataclass(frozen=True)
class AxisGrid:
    """Points that together draw every function on an axis.

    Attributes
    ----------
    column : ndarray
        The points as a column that ``axis.locate`` understands.
    labels : ndarray of object
        What a reader calls them: numbers, categories, and None for missing and unseen.
    kinds : ndarray of str
        "value", "missing" or "unseen".
    """

    column: np.ndarray
    labels: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True, eq=False)
class NumericAxis:
    """A numeric feature: B-spline coefficients over knots, and one coefficient for *missing*.

    Parameters
    ----------
    name : str
        Name of the feature.
    knots : ndarray of shape (n_knots,)
        Strictly increasing, at least two. The outer two are the edges of the training data; for
        degree 0 the inner ones are the cuts between the steps, and a value equal to a cut belongs
        to the step on its right.
    degree : {0, 1, 3}
        0: steps. 1: straight lines between knots. 3: cubic.
    extrapolation : {"constant", "linear"}
        What lies outside the outer knots: the edge value, or the straight line that touches the
        function at its edge (degrees 1 and 3).

    Notes
    -----
    The value coefficients are 0 to ``n_values - 1``, with ``n_values = n_knots - 1 + degree``;
    *missing* is the last one. Knots beyond the edges, which cubic splines need, repeat the
    spacing of the first and the last segment, as in Eilers & Marx (1996), "Flexible smoothing
    with B-splines and penalties", Statistical Science 11(2):89-121.

    Examples
    --------
    >>> import numpy as np
    >>> axis = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> axis.size, axis.missing_index
    (4, 3)
    >>> axis.locate(np.array([65.0, np.nan])).weights
    array([[1., 0.],
           [0., 1.]])
    """

    name: str
    knots: np.ndarray
    degree: int = 0
    extrapolation: Literal["constant", "linear"] = "constant"

    def __post_init__(self):
        knots = np.array(self.knots, dtype=np.float64)
        knots.setflags(write=False)
        object.__setattr__(self, "knots", knots)
        if self.degree not in (0, 1, 3):
            raise ValueError(f"Axis {self.name!r}: degree must be 0, 1 or 3, got {self.degree!r}.")
        if self.extrapolation not in ("constant", "linear"):
            raise ValueError(
                f"Axis {self.name!r}: extrapolation must be 'constant' or 'linear', "
                f"got {self.extrapolation!r}."
            )
        if self.degree == 0 and self.extrapolation == "linear":
            raise ValueError(f"Axis {self.name!r}: steps cannot be extrapolated linearly.")
        if knots.ndim != 1 or len(knots) < 2 or not np.isfinite(knots).all():
            raise ValueError(f"Axis {self.name!r}: needs at least two finite knots.")
        if not (np.diff(knots) > 0).all():
            raise ValueError(f"Axis {self.name!r}: knots must be strictly increasing.")

    def __eq__(self, other):
        return (
            isinstance(other, NumericAxis)
            and (self.name, self.degree, self.extrapolation)
            == (other.name, other.degree, other.extrapolation)
            and np.array_equal(self.knots, other.knots)
        )

    __hash__ = None

    @property
    def n_values(self) -> int:
        """Number of coefficients for values that are not missing."""
        return len(self.knots) - 1 + self.degree

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.n_values + 1

    @property
    def missing_index(self) -> int:
        """Number of the coefficient for *missing*."""
        return self.n_values

    @property
    def unseen_index(self) -> None:
        """A number is never unseen."""
        return None

    @cached_property
    def _segment_finder(self) -> SegmentFinder:
        return SegmentFinder(self.knots[1:-1])

    @cached_property
    def _spacing(self) -> float | None:
        """Width of the segments, if all are equally wide up to rounding."""
        spacing = (self.knots[-1] - self.knots[0]) / (len(self.knots) - 1)
        even = np.abs(np.diff(self.knots) - spacing).max() <= _ROUNDING * np.abs(self.knots).max()
        return spacing if even else None

    def locate(self, column: np.ndarray) -> BasisRows:
        """Basis rows of a float64 column; NaN is *missing*."""
        first = self._segment_finder(column)
        missing = np.isnan(column)
        any_missing = missing.any()
        if self.degree == 0:
            if any_missing:
                first[missing] = self.missing_index
            return BasisRows(first, None)
        weights = self._weights(column, first)
        if any_missing:
            first[missing] = self.missing_index - self.degree
            weights[missing] = 0.0
            weights[missing, -1] = 1.0
        return BasisRows(first, weights)

    def _weights(self, column: np.ndarray, segment: np.ndarray) -> np.ndarray:
        inside = np.clip(column, self.knots[0], self.knots[-1])
        if self.degree == 1:
            x = inside if self.extrapolation == "constant" else column
            left = self.knots.take(segment)
            weights = np.empty((2, len(x)))
            np.divide(x - left, self.knots.take(segment + 1) - left, out=weights[1])
            np.subtract(1.0, weights[1], out=weights[0])
            return weights.T
        extended = extended_knots(self.knots, self.degree)
        if self._spacing is not None:
            weights = uniform_cubic_weights((inside - self.knots.take(segment)) / self._spacing)
        else:
            weights = bspline_weights(extended, segment, inside, self.degree)
        if self.extrapolation == "linear":
            outside = np.flatnonzero(column != inside)
            slopes = bspline_slopes(extended, segment[outside], inside[outside], self.degree)
            weights[outside] += (column - inside)[outside, None] * slopes
        return weights

    def grid(self) -> AxisGrid:
        """Knots (and points between them, for cubic pieces), then *missing*.

        For steps, each point is the left end of a step; the last one repeats the last step at
        the edge of the data.
        """
        x = self.knots
        if self.degree == 3:
            shares = np.arange(POINTS_PER_CUBIC_SEGMENT) / POINTS_PER_CUBIC_SEGMENT
            x = np.append((x[:-1, None] + np.diff(x)[:, None] * shares).ravel(), x[-1])
        labels = np.append(x.astype(object), None)
        return AxisGrid(np.append(x, np.nan), labels, _kinds(len(x), "missing"))


@dataclass(frozen=True)
class CategoricalAxis:
    """A categorical feature: one coefficient per category, one for *missing*, one for *unseen*.

    Parameters
    ----------
    name : str
        Name of the feature.
    categories : tuple
        The categories, in the order of their codes.
    ordered : bool
        Whether that order means something (income bands, stages).

    Examples
    --------
    >>> import numpy as np
    >>> axis = CategoricalAxis("sex", ("female", "male"))
    >>> axis.locate(np.array([1, MISSING_CODE, UNSEEN_CODE])).first
    array([1, 2, 3], dtype=int32)
    """

    name: str
    categories: tuple
    ordered: bool = False

    degree = 0

    def __post_init__(self):
        object.__setattr__(self, "categories", tuple(self.categories))
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(f"Axis {self.name!r}: categories must differ from one another.")

    @property
    def n_values(self) -> int:
        """Number of categories."""
        return len(self.categories)

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.n_values + 2

    @property
    def missing_index(self) -> int:
        """Number of the coefficient for *missing*."""
        return self.n_values

    @property
    def unseen_index(self) -> int:
        """Number of the coefficient for *unseen*."""
        return self.n_values + 1

    def locate(self, column: np.ndarray) -> BasisRows:
        """Basis rows of a column of category codes."""
        first = column.astype(np.int32)
        first[column == MISSING_CODE] = self.missing_index
        first[column == UNSEEN_CODE] = self.unseen_index
        return BasisRows(first, None)

    def grid(self) -> AxisGrid:
        """Every category, then *missing* and *unseen*."""
        labels = np.empty(self.size, dtype=object)
        labels[: self.n_values] = self.categories
        column = np.append(np.arange(self.n_values), [MISSING_CODE, UNSEEN_CODE])
        return AxisGrid(column, labels, _kinds(self.n_values, "missing", "unseen"))


Axis = NumericAxis | CategoricalAxis


def _kinds(n_values: int, *others: str) -> np.ndarray:
    return np.array(["value"] * n_values + list(others), dtype=object)
