"""Right and wrong decisions by group and threshold, as observed and in resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassbox.fairness._audit.groupings import Grouping, too_few
from glassbox.fairness._audit.row_resamples import RowResamples


@dataclass(frozen=True, eq=False)
class Confusion:
    """Numbers of rows, each of shape (..., n_groups, n_thresholds)."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray

    @property
    def n(self) -> np.ndarray:
        """All rows."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def events(self) -> np.ndarray:
        """Rows with the event."""
        return self.tp + self.fn

    @property
    def others(self) -> np.ndarray:
        """Rows without it."""
        return self.fp + self.tn

    @property
    def selected(self) -> np.ndarray:
        """Rows at or above the threshold."""
        return self.tp + self.fp


def confusion(
    event: np.ndarray,
    risk: np.ndarray,
    grouping: Grouping,
    thresholds: np.ndarray,
    resamples: RowResamples | None = None,
) -> Confusion:
    """Count decisions.

    Parameters
    ----------
    event : ndarray of shape (n_rows,)
        0 or 1.
    risk : ndarray of shape (n_rows,)
        A row is selected where this is at or above the threshold.
    grouping : Grouping
    thresholds : ndarray of shape (n_thresholds,)
        Increasing.
    resamples : RowResamples, optional
        Count in each of them instead of in the rows themselves.
    """
    # A row is selected at as many thresholds as its risk reaches.
    n_bins = len(thresholds) + 1
    reached = np.searchsorted(thresholds, risk, side="right")
    codes = (grouping.codes * n_bins + reached) * 2 + (event > 0.5)
    n_cells = grouping.n_levels * n_bins * 2
    if resamples is None:
        tables = np.bincount(codes, minlength=n_cells)
    else:
        tables = resamples.tables(codes, n_cells)
    tables = tables.reshape(*tables.shape[:-1], grouping.n_levels, n_bins, 2).astype(float)
    at_least = np.flip(np.cumsum(np.flip(tables, -2), axis=-2), -2)[..., 1:, :]
    below = tables.sum(axis=-2, keepdims=True) - at_least
    return Confusion(tp=at_least[..., 1], fp=at_least[..., 0], fn=below[..., 1], tn=below[..., 0])


#: Shares by name: what is counted, of how many rows, and what is missing where there are none.
SHARES = {
    "selection_rate": (lambda c: c.selected, lambda c: c.n, "no rows"),
    "tpr": (lambda c: c.tp, lambda c: c.events, "no events"),
    "fpr": (lambda c: c.fp, lambda c: c.others, "no rows without the event"),
    "fnr": (lambda c: c.fn, lambda c: c.events, "no events"),
    "ppv": (lambda c: c.tp, lambda c: c.selected, "no rows are selected"),
    "npv": (lambda c: c.tn, lambda c: c.fn + c.tn, "all rows are selected"),
    "accuracy": (lambda c: c.tp + c.tn, lambda c: c.n, "no rows"),
}


def share(counts: Confusion, metric: str) -> np.ndarray:
    """A metric of :data:`SHARES`; NaN where nothing could be counted."""
    part, of, _ = SHARES[metric]
    with np.errstate(divide="ignore", invalid="ignore"):
        return part(counts) / of(counts)


def share_reason(counts: Confusion, metric: str, group: int, t: int, min_cell: int) -> str:
    """Why a share is not shown; empty where it is."""
    _, of, empty = SHARES[metric]
    size = of(counts)[group, t]
    if metric in ("ppv", "npv"):
        # With one kind of rows they are 0 or 1, whatever the model says.
        if not counts.events[group, t]:
            return "no events"
        if not counts.others[group, t]:
            return "no rows without the event"
    if size == 0:
        return empty
    return too_few(min_cell) if size < min_cell else ""
