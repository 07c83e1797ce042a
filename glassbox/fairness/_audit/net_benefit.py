"""What acting on predictions is worth in each group (Vickers & Elkin 2006)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassbox.fairness._audit.confusion import Confusion
from glassbox.fairness._audit.groupings import Grouping
from glassbox.fairness._audit.row_resamples import percentiles

COLUMNS = [
    "attribute", "group", "threshold", "net_benefit", "lower", "upper", "treat_all", "n", "reason",
]  # fmt: skip


def net_benefit_rows(
    grouping: Grouping, counts: Confusion, resampled: Confusion, thresholds: np.ndarray
) -> Iterator[tuple]:
    """Net benefit ``TPR π - FPR (1 - π) t / (1 - t)`` of each group, and that of acting on all.

    Parameters
    ----------
    grouping : Grouping
    counts, resampled : Confusion
        Arrays of shape (n_groups, n_thresholds) and (n_resamples, n_groups, n_thresholds).
    thresholds : ndarray of shape (n_thresholds,)
        Between 0 and 1.
    """
    odds = thresholds / (1 - thresholds)
    values = benefit(counts.tp, counts.fp, counts.n, odds)
    everybody = benefit(counts.events, counts.others, counts.n, odds)
    lower, upper = percentiles(benefit(resampled.tp, resampled.fp, resampled.n, odds))
    for k, level in enumerate(grouping.levels):
        reason = grouping.reason(k)
        n = np.nan if grouping.withheld[k] else float(grouping.counts[k])
        for t, threshold in enumerate(thresholds):
            figures = (values[k, t], lower[k, t], upper[k, t], everybody[k, t])
            if reason:
                figures = (np.nan,) * 4
            yield grouping.name, level, threshold, *figures, n, reason


def benefit(
    treated: np.ndarray, in_vain: np.ndarray, n: np.ndarray, odds: np.ndarray
) -> np.ndarray:
    """True positives, less false ones at the odds of the threshold, per row."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (treated - in_vain * odds) / n
