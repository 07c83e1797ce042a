"""Two small unpenalised regressions, with the covariance of their coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

_MOST_STEPS = 50
_STEP_TOLERANCE = 1e-9
# Log-odds this far out mean that the classes are separated and no finite estimate exists.
_RUNAWAY = 40.0


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients of shape (k,) and their covariance of shape (k, k)."""

    coefficients: np.ndarray
    covariance: np.ndarray


def fit_logistic(
    design: np.ndarray, y: np.ndarray, offset: np.ndarray | float = 0.0
) -> Fit | None:
    """Maximum likelihood by Newton's method; None where there is no finite maximum.

    Parameters
    ----------
    design : ndarray of shape (n_rows, k)
    y : ndarray of shape (n_rows,)
        0 or 1.
    offset : ndarray of shape (n_rows,), optional
        Part of the log-odds with a coefficient of 1.

    Examples
    --------
    >>> y = np.array([1.0, 0.0, 0.0, 0.0])
    >>> round(float(expit(fit_logistic(np.ones((4, 1)), y).coefficients[0])), 6)
    0.25
    """
    coefficients = np.zeros(design.shape[1])
    deviance = _deviance(y, design @ coefficients + offset)
    for _ in range(_MOST_STEPS):
        mean = expit(design @ coefficients + offset)
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (y - mean))
        except np.linalg.LinAlgError:
            return None
        # Far from the maximum a whole step can overshoot.
        for _ in range(30):
            trial = _deviance(y, design @ (coefficients + step) + offset)
            if trial <= deviance + 1e-12 * abs(deviance):
                break
            step /= 2
        coefficients, deviance = coefficients + step, trial
        if np.abs(design @ coefficients).max() > _RUNAWAY + np.abs(offset).max():
            return None
        if np.abs(step).max() <= _STEP_TOLERANCE * (1 + np.abs(coefficients).max()):
            return _with_covariance(coefficients, information)
    return None


def fit_linear(design: np.ndarray, y: np.ndarray) -> Fit | None:
    """Least squares, with the covariance HC1 that holds for unequal variances (White 1980)."""
    n_rows, k = design.shape
    if n_rows <= k:
        return None
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    if rank < k:
        return None
    residual = y - design @ coefficients
    bread = np.linalg.inv(design.T @ design)
    meat = design.T @ (design * residual[:, None] ** 2)
    return Fit(coefficients, bread @ meat @ bread * n_rows / (n_rows - k))


def _with_covariance(coefficients: np.ndarray, information: np.ndarray) -> Fit | None:
    try:
        covariance = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(covariance).all() or (np.diag(covariance) < 0).any():
        return None
    return Fit(coefficients, covariance)


def _deviance(y: np.ndarray, score: np.ndarray) -> float:
    return float(np.logaddexp(0.0, np.where(y > 0.5, -score, score)).sum())
