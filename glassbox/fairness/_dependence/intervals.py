"""Bootstrap intervals of measures that cannot be negative and are biased upward."""

from __future__ import annotations

import numpy as np

_PERCENTILES = (0.025, 0.975)

# Roots of an average, folds and largest differences: their squares, counted from the smallest
# value, have a bias that hardly depends on how strong the dependence is.
_ROOTS = frozenset({"dcor", "ks", "mean_gap", "standardised_gap", "auc", "hgr"})
# Redrawing rows biases what sampling did not.
_UNBIASED = frozenset({"dcor2_unbiased"})
_LEAST = {"auc": 0.5, "dcor2_unbiased": -np.inf}
_WITHOUT_LIMIT = frozenset({"mean_gap", "standardised_gap", "mutual_information"})


def interval(
    measure: str, estimate: float, observed: float, resampled: np.ndarray
) -> tuple[float, float]:
    """The 95 % interval of a measure.

    Parameters
    ----------
    measure : str
        Its name.
    estimate : float
    observed : float
        What the table that is resampled gives: the estimate, but for rounding to quantiles.
    resampled : ndarray of shape (n_bootstrap,)

    Returns
    -------
    tuple of float
        Percentiles less their bias. Redrawing rows adds the bias of sampling once more: the upper
        end is without the second, the lower end without both, so that the interval holds the
        estimate as well as what it would be without bias. In simulations of 800 rows, of two
        groups, six, and an amount, it held the value of the population in 90 to 100 %, where
        percentiles alone never did under independence.
    """
    # A resample can be without a group, or without the spread that a measure divides by.
    resampled = resampled[np.isfinite(resampled)]
    if not len(resampled):
        return np.nan, np.nan
    least = _LEAST.get(measure, 0.0)
    most = np.inf if measure in _WITHOUT_LIMIT else 1.0
    if measure in _ROOTS:
        ends = _ends((estimate - least) ** 2, (observed - least) ** 2, (resampled - least) ** 2)
        ends = least + np.sqrt(np.maximum(ends, 0.0))
    else:
        ends = _ends(estimate, observed, resampled, biased=measure not in _UNBIASED)
    lower, upper = np.clip(ends, least, most)
    return float(lower), float(upper)


def _ends(
    estimate: float, observed: float, resampled: np.ndarray, biased: bool = True
) -> np.ndarray:
    mean = resampled.mean()
    ends = estimate + np.quantile(resampled, _PERCENTILES) - mean
    if biased:
        ends[0] -= max(mean - observed, 0.0)
    return ends
