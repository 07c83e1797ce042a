"""Largest differences of groups, and ratios, with what chance makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit, logit
from scipy.stats import chi2, chi2_contingency, false_discovery_control

from glassbox.evaluation.estimates import Estimate, Z
from glassbox.fairness._audit.confusion import SHARES, Confusion, share, share_reason
from glassbox.fairness._audit.groupings import Grouping
from glassbox.fairness._audit.row_resamples import centred_percentiles

COLUMNS = [
    "attribute", "threshold", "metric", "difference", "lower", "upper", "ratio", "ratio_lower",
    "ratio_upper", "p_value", "p_adjusted", "highest", "lowest", "reason",
]  # fmt: skip

#: Names of disparities, and the shares behind them.
OF_SHARES = {
    "demographic_parity": ("selection_rate",),
    "equalised_odds": ("tpr", "fpr"),
    "equal_opportunity": ("tpr",),
    "fpr": ("fpr",),
    "ppv": ("ppv",),
    "accuracy": ("accuracy",),
}

#: The same for regressions; errors are compared under their own names.
OF_ERRORS = {"demographic_parity": "mean_prediction", "rmse": "rmse", "mae": "mae",
             "mean_residual": "mean_residual"}  # fmt: skip


def share_disparities(
    grouping: Grouping, counts: Confusion, resampled: Confusion, thresholds: np.ndarray
) -> Iterator[tuple]:
    """Disparities of shares of decisions, by threshold.

    Parameters
    ----------
    grouping : Grouping
    counts, resampled : Confusion
        Arrays of shape (n_groups, n_thresholds) and (n_resamples, n_groups, n_thresholds).
    thresholds : ndarray of shape (n_thresholds,)
    """
    for t, threshold in enumerate(thresholds):
        for name, metrics in OF_SHARES.items():
            parts = [_share_part(grouping, counts, resampled, metric, t) for metric in metrics]
            yield _row(grouping, threshold, name, *_widest(grouping, parts))


def area_disparities(
    grouping: Grouping, figures: Sequence[tuple[Estimate, int, str]], n_draws: int, seed: int
) -> Iterator[tuple]:
    """Disparity of AUCs; their sampling is that of independent normal log-odds."""
    values = np.array([figure.value for figure, _, _ in figures])
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = (logit([f.upper for f, _, _ in figures]) - logit(values)) / Z
        draws = np.random.default_rng(seed).normal(size=(n_draws, len(values)))
        resampled = expit(logit(values) + errors * draws)
    used = np.isfinite(values)
    # An area of exactly one has no interval, and would make that of the difference NaN.
    resampled = np.where(np.isfinite(resampled), resampled, values)
    p_value = _heterogeneity(values[used], (values * (1 - values) * errors)[used])
    part = (values, resampled, used, p_value)
    yield _row(grouping, np.nan, "auc", *_widest(grouping, [part]))


def error_disparities(
    grouping: Grouping, observed: dict[str, np.ndarray], resampled: dict[str, np.ndarray]
) -> Iterator[tuple]:
    """Disparities of a regression's errors and mean predictions."""
    for name, metric in OF_ERRORS.items():
        values, draws = observed[metric], resampled[metric]
        used = ~grouping.small & np.isfinite(values)
        error = draws.std(axis=0, ddof=1) if len(draws) > 1 else np.full(len(values), np.nan)
        p_value = _heterogeneity(values[used], error[used])
        found = _widest(grouping, [(values, draws, used, p_value)])
        signed = metric in ("mean_residual", "mean_prediction")
        # Ratios of amounts that can be negative mean nothing.
        yield _row(grouping, np.nan, name, *found, ratio=not signed)


def _share_part(grouping, counts, resampled, metric, t) -> tuple:
    part, of, _ = SHARES[metric]
    sizes = of(counts)[:, t]
    used = np.array(
        [
            not (grouping.reason(k) or share_reason(counts, metric, k, t, grouping.min_cell))
            for k in range(grouping.n_levels)
        ]
    )
    table = np.stack([part(counts)[used, t], (sizes - part(counts)[:, t])[used]])
    p_value = np.nan
    if used.sum() > 1:
        varies = (table.sum(axis=1) > 0).all()
        p_value = float(chi2_contingency(table, correction=False).pvalue) if varies else 1.0
    return share(counts, metric)[:, t], share(resampled, metric)[..., t], used, p_value


def _widest(grouping: Grouping, parts: list[tuple]) -> tuple:
    """The largest difference and the smallest ratio of several figures."""
    parts = [part for part in parts if part[2].sum() > 1]
    if not parts:
        nothing = Estimate(np.nan)
        reason = f"fewer than two groups with {grouping.min_cell} rows to compare"
        return nothing, nothing, np.nan, "", "", reason
    differences = [_difference(values[used]) for values, _, used, _ in parts]
    ratios = [_ratio(values[used]) for values, _, used, _ in parts]
    drawn = [draws[:, used] for _, draws, used, _ in parts]
    widest = int(np.argmax(differences))
    values, _, used, _ = parts[widest]
    places = np.flatnonzero(used)
    high, low = places[np.argmax(values[used])], places[np.argmin(values[used])]
    p_value = min(1.0, len(parts) * min(p for *_, p in parts))
    return (
        _figure(differences, [_difference(d) for d in drawn], max, np.inf),
        _figure(ratios, [_ratio(d) for d in drawn], min, 1.0),
        p_value,
        grouping.levels[high],
        grouping.levels[low],
        "",
    )


def _figure(observed: list, drawn: list, choose, most: float) -> Estimate:
    value = choose(observed)
    across = np.max if choose is max else np.min
    lower, upper = centred_percentiles(np.asarray(value), across(drawn, axis=0), 0.0, most)
    return Estimate(float(value), float(lower), float(upper))


def _difference(values: np.ndarray) -> np.ndarray:
    return values.max(axis=-1) - values.min(axis=-1)


def _ratio(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return values.min(axis=-1) / values.max(axis=-1)


def _heterogeneity(values: np.ndarray, errors: np.ndarray) -> float:
    """Chance of such differences where all groups are the same (Cochran's Q)."""
    known = np.isfinite(errors) & (errors > 0)
    if known.sum() < 2:
        return np.nan
    values, weights = values[known], 1 / errors[known] ** 2
    spread = float(weights @ (values - np.average(values, weights=weights)) ** 2)
    return float(chi2.sf(spread, known.sum() - 1))


def _row(
    grouping: Grouping,
    threshold: float,
    name: str,
    difference: Estimate,
    quotient: Estimate,
    p_value: float,
    highest: str,
    lowest: str,
    reason: str,
    *,
    ratio: bool = True,
) -> tuple:
    quotient = quotient if ratio else Estimate(np.nan)
    return (
        grouping.name,
        threshold,
        name,
        difference.value,
        difference.lower,
        difference.upper,
        quotient.value,
        quotient.lower,
        quotient.upper,
        p_value,
        np.nan,
        highest,
        lowest,
        reason,
    )


def adjusted(p_values: np.ndarray) -> np.ndarray:
    """P-values corrected for their number, as to false discoveries (Benjamini & Hochberg)."""
    known = np.isfinite(p_values)
    found = np.full(len(p_values), np.nan)
    if known.any():
        found[known] = false_discovery_control(p_values[known])
    return found
