"""A figure with its confidence interval, and the bootstrap behind most of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

#: Nominal coverage of every interval of the report.
LEVEL = 0.95
Z = float(norm.ppf((1 + LEVEL) / 2))

_MOST_RESAMPLES = 1_000
_FEWEST_RESAMPLES = 200
# Row draws in all: keeps the bootstrap of a million rows under half a minute.
_DRAWS = 200_000_000


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % confidence interval.

    Attributes
    ----------
    value : float
        NaN where the data do not allow an estimate.
    lower, upper : float
        NaN where no interval can be given.
    """

    value: float
    lower: float = np.nan
    upper: float = np.nan


def bootstrap_sums(rows: np.ndarray, seed: int) -> np.ndarray:
    """Column sums of resamples of the rows, drawn with replacement.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
    seed : int

    Returns
    -------
    ndarray of shape (n_resamples, n_columns)
        1,000 resamples; fewer, but 200 at least, above 200,000 rows.
    """
    n_rows = len(rows)
    n_resamples = int(np.clip(_DRAWS // n_rows, _FEWEST_RESAMPLES, _MOST_RESAMPLES))
    rng = np.random.default_rng(seed)
    sums = np.empty((n_resamples, rows.shape[1]))
    for resample in sums:
        drawn = np.bincount(rng.integers(n_rows, size=n_rows), minlength=n_rows)
        resample[:] = drawn @ rows
    return sums


def bootstrap_estimate(
    rows: np.ndarray, sums: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]
) -> Estimate:
    """A statistic of column sums with its percentile interval (Efron & Tibshirani 1993).

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
    sums : ndarray of shape (n_resamples, n_columns)
        From :func:`bootstrap_sums`.
    statistic : callable
        From sums of shape (..., n_columns) to values of shape (...).

    Examples
    --------
    >>> rows = np.arange(100.0)[:, None]
    >>> mean = bootstrap_estimate(rows, bootstrap_sums(rows, seed=0), lambda s: s[..., 0] / 100)
    >>> mean.value, bool(43 < mean.lower < 45 and 54 < mean.upper < 56)
    (49.5, True)
    """
    value = float(statistic(rows.sum(axis=0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = statistic(sums)
    resampled = resampled[np.isfinite(resampled)]
    if not len(resampled):
        return Estimate(value)
    lower, upper = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(lower), float(upper))
