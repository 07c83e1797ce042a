"""Where the data are: quantiles, density, and places where too few patients stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassbox.core.axes import POINTS_PER_CUBIC_SEGMENT
from glassbox.plots._effects import MainEffect

#: Ends of the range that is drawn as knowledge.
CENTRAL = (0.01, 0.99)

#: An end of that range is the end of the data, if these are closer than this share of the range:
#: quantiles within a cell are not known better.
_END_SHARE = 0.05

#: Patients within this share of the central range count as standing at a point.
WINDOW_SHARE = 1 / 20


@dataclass(frozen=True, eq=False)
class Support:
    """How training patients are spread along a numeric axis.

    Patients are taken to be spread evenly within a cell.

    Attributes
    ----------
    edges : ndarray of shape (n_cells + 1,)
    counts : ndarray of shape (n_cells,)
        Training weight of each cell; the number of patients, if rows were not weighted.
    whole_cells : bool
        Whether the function has one value per cell (steps), so that every patient of the cell
        stands behind it.
    """

    edges: np.ndarray
    counts: np.ndarray
    whole_cells: bool

    @property
    def total(self) -> float:
        """Training weight on the axis."""
        return float(self.counts.sum())

    def cumulative(self, x) -> np.ndarray:
        """How much training weight lies at or below x."""
        return np.interp(x, self.edges, np.append(0.0, np.cumsum(self.counts)))

    def quantile(self, q: float) -> float:
        """The value below which a share q of the patients lies."""
        if self.total <= 0:
            return float(self.edges[0] + q * (self.edges[-1] - self.edges[0]))
        filled = self.counts > 0
        heights = np.append(0.0, np.cumsum(self.counts[filled])) / self.total
        cell = min(int(np.searchsorted(heights[1:], q)), int(filled.sum()) - 1)
        left = self.edges[:-1][filled][cell]
        right = self.edges[1:][filled][cell]
        inside = (q - heights[cell]) / (heights[cell + 1] - heights[cell])
        return float(left + np.clip(inside, 0.0, 1.0) * (right - left))

    @property
    def central_range(self) -> tuple[float, float]:
        """The 1 % and the 99 % quantile."""
        first, last = float(self.edges[0]), float(self.edges[-1])
        low, high = (self.quantile(q) for q in CENTRAL)
        if high <= low:
            return first, last
        nearby = _END_SHARE * (high - low)
        return (
            first if low - first < nearby else low,
            last if last - high < nearby else high,
        )

    def patients_at(self, x: np.ndarray) -> np.ndarray:
        """How many patients stand behind the function at x.

        Those within a window of 1/20 of the 1-99 % range around x, which is moved inwards at the
        ends of that range; out of the range, those at or beyond x. Where the function is a step,
        those on the step, if they are more.
        """
        x = np.asarray(x, dtype=float)
        low, high = self.central_range
        width = WINDOW_SHARE * (high - low)
        left = np.clip(x - width / 2, low, high - width)
        right = left + width
        left = np.where(x > high, x, np.where(x < low, self.edges[0], left))
        right = np.where(x < low, x, np.where(x > high, self.edges[-1], right))
        around = self.cumulative(right) - self.cumulative(left)
        if not self.whole_cells:
            return around
        cell = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.counts) - 1)
        return np.maximum(around, self.counts[cell])

    def is_thin(self, x: np.ndarray, min_patients: float) -> np.ndarray:
        """Whether fewer than `min_patients` stand at x, or x lies out of the 1-99 % range."""
        x = np.asarray(x, dtype=float)
        low, high = self.central_range
        return (x < low) | (x > high) | (self.patients_at(x) < min_patients)

    def histogram(self, low: float, high: float, n_bins: int = 40) -> tuple[np.ndarray, ...]:
        """Edges of `n_bins` equally wide bins and the training weight in each."""
        edges = np.linspace(low, high, n_bins + 1)
        return edges, np.diff(self.cumulative(edges))


def support_of(effect: MainEffect, n_on_axis: float | None = None) -> Support:
    """The spread of the patients behind a numeric main effect.

    Parameters
    ----------
    effect : MainEffect
    n_on_axis : float, optional
        Training weight of the rows whose value is known. The frame's weights belong to basis
        functions; where these overlap (degrees 1 and 3), the weight is spread over the points
        and scaled to this sum.
    """
    if effect.degree == 0:
        return Support(effect.x, effect.step_weight, whole_cells=True)
    middles = (effect.x[1:] + effect.x[:-1]) / 2
    edges = np.concatenate([effect.x[:1], middles, effect.x[-1:]])
    counts = np.maximum(effect.weight, 0.0)
    counts = counts * point_shares(effect.degree, len(effect.x))
    if n_on_axis is not None and counts.sum() > 0:
        counts = counts * (n_on_axis / counts.sum())
    return Support(edges, counts, whole_cells=False)


def point_shares(degree: int, n_points: int) -> np.ndarray:
    """What part of the weight given at a point of a frame stands around that point.

    Steps, categories and knots of straight lines keep their weight. Along a cubic piece, the
    frame has the weight per knot interval at several points.
    """
    if degree != 3:
        return np.ones(n_points)
    shares = np.full(n_points, 1.0 / POINTS_PER_CUBIC_SEGMENT)
    shares[[0, -1]] /= 2
    return shares


def solid_parts(
    x: np.ndarray, tables: list[np.ndarray], support: Support, steps: bool, min_patients: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The parts of curves behind which enough patients stand, NaN between them.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
    tables : list of ndarray of shape (n_points,)
        Curves over x.
    support : Support
    steps : bool
        Whether the curves are steps (values hold to the right of x) or straight lines.
    min_patients : float

    Returns
    -------
    x, tables
        Pieces of the same curves, cut at the ends of the 1-99 % range.
    """
    ends = [e for e in support.central_range if x[0] < e < x[-1]]
    cut = np.unique(np.concatenate([x, ends]))
    if steps:
        source = np.clip(np.searchsorted(x, cut, side="right") - 1, 0, len(x) - 1)
        dense = [table[source] for table in tables]
    else:
        dense = [np.interp(cut, x, table) for table in tables]
    thin = support.is_thin((cut[1:] + cut[:-1]) / 2, min_patients)
    order, gap = _runs(~thin)
    part_x = cut[order]
    parts = []
    for table in dense:
        part = table[order].astype(float)
        if steps:
            last_of_run = np.flatnonzero(gap) - 1
            part[last_of_run] = part[last_of_run - 1]
        part[gap] = np.nan
        parts.append(part)
    return part_x, parts


def _runs(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of each run of drawn segments, with one more after each run as a gap."""
    order, gap = [], []
    for i, solid in enumerate(drawn):
        if not solid:
            continue
        if i == 0 or not drawn[i - 1]:
            order.append(i)
            gap.append(False)
        order.append(i + 1)
        gap.append(False)
        if i == len(drawn) - 1 or not drawn[i + 1]:
            order.append(i + 1)
            gap.append(True)
    return np.array(order, dtype=int), np.array(gap, dtype=bool)
