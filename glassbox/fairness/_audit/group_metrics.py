"""How well a model does in each group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from glassbox.evaluation.calibration import wilson
from glassbox.evaluation.estimates import Estimate
from glassbox.evaluation.performance import auc
from glassbox.fairness._audit.confusion import SHARES, Confusion, share_reason
from glassbox.fairness._audit.groupings import Grouping
from glassbox.fairness._audit.row_resamples import RowResamples, percentiles

COLUMNS = [
    "attribute", "group", "threshold", "metric", "value", "lower", "upper", "n", "reason",
]  # fmt: skip

#: Errors of a regression by name.
ERRORS = ("rmse", "mae", "r2", "mean_residual", "mean_prediction")

NOTHING = Estimate(np.nan)


def share_rows(grouping: Grouping, counts: Confusion, thresholds: np.ndarray) -> Iterator[tuple]:
    """Shares of decisions by group, with Wilson's intervals.

    Parameters
    ----------
    grouping : Grouping
    counts : Confusion
        Arrays of shape (n_groups, n_thresholds).
    thresholds : ndarray of shape (n_thresholds,)
    """
    for k in range(grouping.n_levels):
        for t, threshold in enumerate(thresholds):
            for metric, (part, of, _) in SHARES.items():
                size = of(counts)[k, t]
                reason = grouping.reason(k) or share_reason(
                    counts, metric, k, t, grouping.min_cell
                )
                figure = NOTHING
                if not reason:
                    value = part(counts)[k, t] / size
                    figure = Estimate(value, *wilson(value, size))
                yield _row(grouping, k, threshold, metric, figure, size, reason)


def rank_areas(event: np.ndarray, score: np.ndarray, grouping: Grouping) -> dict[str, list]:
    """AUC of each group, and xAUC: its events against everybody else's rows without the event.

    Returns
    -------
    dict of str to list of (Estimate, int, str)
        "auc" and "xauc": by group, with the number of rows and a reason.
    """
    happened = event > 0.5
    found: dict[str, list] = {"auc": [], "xauc": []}
    for k in range(grouping.n_levels):
        inside = grouping.codes == k
        against = {"auc": inside & ~happened, "xauc": ~inside & ~happened}
        for metric, others in against.items():
            rows = (inside & happened) | others
            reason = grouping.reason(k) or _why_no_area(inside & happened, others, metric)
            figure = NOTHING if reason else auc(happened[rows], score[rows])
            found[metric].append((figure, int(inside.sum()), reason))
    return found


def area_rows(grouping: Grouping, areas: dict[str, list]) -> Iterator[tuple]:
    """The figures of :func:`rank_areas` as rows of a frame."""
    for metric, figures in areas.items():
        for k, (figure, size, reason) in enumerate(figures):
            yield _row(grouping, k, np.nan, metric, figure, size, reason)


def _why_no_area(events: np.ndarray, others: np.ndarray, metric: str) -> str:
    if not events.any():
        return "no events"
    if others.any():
        return ""
    return "no rows without the event" + (" in other groups" if metric == "xauc" else "")


def brier_rows(
    event: np.ndarray, risk: np.ndarray, grouping: Grouping, resamples: RowResamples
) -> Iterator[tuple]:
    """Mean squared distance of risks from outcomes, by group."""
    columns = np.column_stack([np.ones(len(risk)), (risk - event) ** 2])
    observed = _sums(grouping, columns)
    resampled = resamples.sums(grouping.codes, grouping.n_levels, columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = percentiles(resampled[..., 1] / resampled[..., 0])
    for k in range(grouping.n_levels):
        reason = grouping.reason(k)
        value = observed[k, 1] / observed[k, 0]
        figure = NOTHING if reason else Estimate(value, lower[k], upper[k])
        yield _row(grouping, k, np.nan, "brier", figure, grouping.counts[k], reason)


def errors(
    y: np.ndarray, prediction: np.ndarray, grouping: Grouping, resamples: RowResamples
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Errors of a regression by group: observed (n_groups,), and in resamples."""
    residual, centred = y - prediction, y - y.mean()
    columns = np.column_stack(
        [np.ones(len(y)), residual, residual**2, np.abs(residual), centred, centred**2, prediction]
    )
    return (
        _errors(_sums(grouping, columns)),
        _errors(resamples.sums(grouping.codes, grouping.n_levels, columns)),
    )


def error_rows(
    grouping: Grouping, observed: dict[str, np.ndarray], resampled: dict[str, np.ndarray]
) -> Iterator[tuple]:
    """The figures of :func:`errors` as rows of a frame."""
    for metric in ERRORS:
        lower, upper = percentiles(resampled[metric])
        for k in range(grouping.n_levels):
            reason = grouping.reason(k)
            value = observed[metric][k]
            if not reason and not np.isfinite(value):
                reason = "the outcome does not vary"
            figure = NOTHING if reason else Estimate(value, lower[k], upper[k])
            yield _row(grouping, k, np.nan, metric, figure, grouping.counts[k], reason)


def _errors(sums: np.ndarray) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums[..., 1:] / sums[..., :1]
        residual, squared, absolute, centred, centred_squared, prediction = np.moveaxis(
            means, -1, 0
        )
        spread = centred_squared - centred**2
        # What rounding leaves of a variance of zero.
        spread = np.where(spread > 1e-12 * centred_squared, spread, np.nan)
        values = (np.sqrt(squared), absolute, 1.0 - squared / spread, residual, prediction)
    return dict(zip(ERRORS, values, strict=True))


def _sums(grouping: Grouping, columns: np.ndarray) -> np.ndarray:
    return np.stack([columns[grouping.codes == k].sum(axis=0) for k in range(grouping.n_levels)])


def _row(
    grouping: Grouping,
    group: int,
    threshold: float,
    metric: str,
    figure: Estimate,
    size: float,
    reason: str,
) -> tuple:
    # A denominator gives away the size of the group that it is a part of, or all of.
    hidden = grouping.withheld[group] or size < grouping.min_cell
    return (
        grouping.name,
        grouping.levels[group],
        threshold,
        metric,
        figure.value,
        figure.lower,
        figure.upper,
        np.nan if hidden else float(size),
        reason,
    )


def group_frame(rows: list[tuple]) -> pd.DataFrame:
    """Rows as a frame."""
    return pd.DataFrame(rows, columns=COLUMNS)
