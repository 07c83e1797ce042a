"""How well out-of-fold predictions tell outcomes apart, each figure with its interval."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata

from glassbox.evaluation.estimates import Estimate, Z, bootstrap_estimate, bootstrap_sums

# A predicted probability of zero for what did happen would make the log-loss infinite.
_SMALLEST_PROBABILITY = 1e-15


def auc(event: np.ndarray, score: np.ndarray) -> Estimate:
    """Area under the ROC curve with DeLong's confidence interval.

    Parameters
    ----------
    event : ndarray of bool, shape (n_rows,)
    score : ndarray of shape (n_rows,)
        Higher where the event is thought more likely.

    Returns
    -------
    Estimate
        NaN if all rows are events or none is. The interval is computed on the logit scale, so
        that it stays between 0 and 1; it is NaN where DeLong's variance is zero.

    References
    ----------
    DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845. Computed from mid-ranks
    as in Sun X, Xu W. IEEE Signal Processing Letters 2014;21:1389-1393.

    Examples
    --------
    >>> round(auc(np.array([True, True, False, False]), np.array([3.0, 1.0, 2.0, 0.0])).value, 2)
    0.75
    """
    event = np.asarray(event, dtype=bool)
    n_events, n_others = int(event.sum()), int((~event).sum())
    if not n_events or not n_others:
        return Estimate(np.nan)
    ranks = rankdata(score)
    # Share of the other class that each row is ranked above (ties count one half).
    above_others = (ranks[event] - rankdata(score[event])) / n_others
    below_events = 1.0 - (ranks[~event] - rankdata(score[~event])) / n_events
    value = float(above_others.mean())
    if n_events < 2 or n_others < 2:
        return Estimate(value)
    variance = above_others.var(ddof=1) / n_events + below_events.var(ddof=1) / n_others
    if variance <= 0 or not 0 < value < 1:
        return Estimate(value)
    reach = Z * np.sqrt(variance) / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))


def class_losses(
    codes: np.ndarray, probabilities: np.ndarray, seed: int
) -> dict[str, tuple[Estimate, float]]:
    """Log-loss and Brier score, and what the class shares alone would reach.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows,)
        Numbers of the true classes.
    probabilities : ndarray of shape (n_rows, n_classes)
    seed : int

    Returns
    -------
    dict of str to (Estimate, float)
        "log_loss" and "brier": the model's with a bootstrap interval, and the value of a
        prediction that gives everybody the share of each class. With two classes the Brier
        score is the mean squared error of the event's probability (Brier 1950, halved).
    """
    n_rows, n_classes = probabilities.shape
    truth = np.zeros_like(probabilities)
    truth[np.arange(n_rows), codes] = 1.0
    own = np.clip(probabilities[np.arange(n_rows), codes], _SMALLEST_PROBABILITY, None)
    halves = 2.0 if n_classes == 2 else 1.0
    rows = np.column_stack([-np.log(own), ((probabilities - truth) ** 2).sum(axis=1) / halves])
    sums = bootstrap_sums(rows, seed)
    shares = truth.mean(axis=0)
    present = shares[shares > 0]
    nulls = (
        float(-(present * np.log(present)).sum()),
        float((shares * (1 - shares)).sum() / halves),
    )
    return {
        name: (bootstrap_estimate(rows, sums, lambda s, k=k: s[..., k] / n_rows), nulls[k])
        for k, name in enumerate(("log_loss", "brier"))
    }


def regression_errors(
    y: np.ndarray, prediction: np.ndarray, seed: int
) -> dict[str, tuple[Estimate, float]]:
    """R², root mean squared error and mean absolute error, with those of the mean outcome.

    Parameters
    ----------
    y, prediction : ndarray of shape (n_rows,)
    seed : int

    Returns
    -------
    dict of str to (Estimate, float)
        "r2", "rmse" and "mae" with bootstrap intervals; the second value is what the mean
        outcome, given to everybody, reaches.
    """
    n_rows = len(y)
    centred = y - y.mean()
    error = y - prediction
    rows = np.column_stack([error**2, np.abs(error), centred, centred**2])
    sums = bootstrap_sums(rows, seed)

    def r2(s: np.ndarray) -> np.ndarray:
        return 1.0 - s[..., 0] / (s[..., 3] - s[..., 2] ** 2 / n_rows)

    def rmse(s: np.ndarray) -> np.ndarray:
        return np.sqrt(s[..., 0] / n_rows)

    def mae(s: np.ndarray) -> np.ndarray:
        return s[..., 1] / n_rows

    return {
        "r2": (bootstrap_estimate(rows, sums, r2), 0.0),
        "rmse": (bootstrap_estimate(rows, sums, rmse), float(np.sqrt((centred**2).mean()))),
        "mae": (bootstrap_estimate(rows, sums, mae), float(np.abs(centred).mean())),
    }
