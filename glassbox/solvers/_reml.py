"""Smoothing parameters by restricted maximum likelihood (REML).

The penalties are the precisions of normal priors on the coefficients; REML chooses them where
the data, with the coefficients integrated out, are most probable. For outcomes that are not
normal, the criterion is that of the working linear model of the current Newton step, as in
Wood, Goude & Shaw (2015), "Generalized additive models for large data sets", JRSS C 64:139-155.
On natural coordinates every penalty is diagonal, which makes value, gradient and Hessian cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

_LARGEST_STEP = 3.0


@dataclass(frozen=True)
class WorkingModel:
    """A penalised linear model, known through its normal equations at an expansion point.

    Attributes
    ----------
    matrix : ndarray of shape (m, m)
        Negative second derivative of the log-likelihood (times the dispersion).
    slope : ndarray of shape (m,)
        Its first derivative at `point`.
    point : ndarray of shape (m,)
        Where it was expanded.
    deviance : float
        At `point`; used if the dispersion is unknown.
    penalties : ndarray of shape (n_smoothing, m)
        Diagonals.
    floor : ndarray of shape (m,)
        A tiny fixed penalty that keeps the model identifiable.
    weak_prior : ndarray of bool, shape (n_smoothing,)
        Which smoothing parameters carry the weak prior of :func:`_log_prior`.
    n_rows : float
        Sum of the sample weights.
    least_deviance : float
        Added to the deviance where the dispersion is unknown. Without it, a table that can be
        interpolated (fewer different rows than coefficients) would drive the dispersion, and
        with it all smoothing, to zero.
    dispersion_known : bool
    """

    matrix: np.ndarray
    slope: np.ndarray
    point: np.ndarray
    deviance: float
    penalties: np.ndarray
    floor: np.ndarray
    weak_prior: np.ndarray
    n_rows: float
    least_deviance: float
    dispersion_known: bool


@dataclass(frozen=True)
class RemlPoint:
    """The criterion and its derivatives at one vector of log smoothing parameters.

    Attributes
    ----------
    value : float
    gradient : ndarray of shape (n_smoothing,)
    hessian : ndarray of shape (n_smoothing, n_smoothing)
    coefficients : ndarray of shape (m,)
        Minimiser of the penalised working least squares.
    covariance : ndarray of shape (m, m)
        Inverse of the penalised matrix: the posterior covariance over the dispersion.
    dispersion : float
    shifts : ndarray of shape (m, n_smoothing)
        How the coefficients move with each log smoothing parameter.
    """

    value: float
    gradient: np.ndarray
    hessian: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    dispersion: float
    shifts: np.ndarray


def evaluate(model: WorkingModel, log_strengths: np.ndarray) -> RemlPoint:
    """Value, gradient and Hessian of the restricted log-likelihood.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the penalised matrix is not positive definite.
    """
    parts = np.exp(log_strengths)[:, None] * model.penalties
    diagonal = parts.sum(axis=0) + model.floor
    covariance, log_determinant = _inverse(model.matrix + np.diag(diagonal))
    step = covariance @ (model.slope - diagonal * model.point)
    beta = model.point + step
    penalised = model.penalties.any(axis=0)
    loss = step @ (model.matrix @ step) - 2 * (model.slope @ step) + beta @ (diagonal * beta)
    loss_slope = parts @ beta**2
    shifts = -covariance @ (parts * beta).T
    loss_bend = np.diag(loss_slope) + 2 * (parts * beta) @ shifts
    if model.dispersion_known:
        dispersion = 1.0
        value = -loss / 2
        gradient, hessian = -loss_slope / 2, -loss_bend / 2
    else:
        # The dispersion is profiled out.
        free = max(model.n_rows - np.count_nonzero(~penalised), 1.0)
        loss = max(loss + model.deviance, 0.0) + model.least_deviance
        dispersion = loss / free
        value = -free / 2 * np.log(loss)
        relative = loss_slope / loss
        gradient = -free / 2 * relative
        hessian = -free / 2 * (loss_bend / loss - np.outer(relative, relative))
    share = parts[:, penalised] / diagonal[penalised]
    value += (np.log(diagonal[penalised]).sum() - log_determinant) / 2
    traces = parts @ np.diag(covariance)
    gradient += (share.sum(axis=1) - traces) / 2
    hessian += (np.diag(share.sum(axis=1) - traces) - share @ share.T) / 2
    hessian += parts @ (covariance**2) @ parts.T / 2
    prior = _log_prior(log_strengths)
    for target, derivative in zip((gradient, np.einsum("ii->i", hessian)), prior[1:], strict=True):
        target += np.where(model.weak_prior, derivative, 0.0)
    value += prior[0][model.weak_prior].sum()
    return RemlPoint(value, gradient, hessian, beta, covariance, dispersion, shifts)


def _log_prior(log_strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A half-Cauchy prior of scale one on the standard deviation that a penalty stands for.

    On the scale of the logarithm, with its derivatives. One to three coefficients cannot say how
    variable such coefficients are: without a prior, REML sets one slope or one missing slot to
    exactly zero as often as not, or to infinity when it separates the classes. Gelman (2006),
    "Prior distributions for variance parameters in hierarchical models", Bayesian Analysis 1:515.
    """
    half = np.tanh(log_strengths / 2)
    value = -np.logaddexp(-log_strengths / 2, log_strengths / 2)
    return value, -half / 2, -(1 - half**2) / 4


def _inverse(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    scale = 1 / np.sqrt(np.diag(matrix))
    factor, failed = lapack.dpotrf(matrix * scale[:, None] * scale, lower=1)
    if failed:
        raise np.linalg.LinAlgError("the penalised matrix is not positive definite")
    log_determinant = 2 * (np.log(np.diag(factor)).sum() - np.log(scale).sum())
    inverse, _ = lapack.dpotri(factor, lower=1)
    inverse = inverse + np.tril(inverse, -1).T
    return inverse * scale[:, None] * scale, log_determinant


def starting_strengths(model: WorkingModel) -> np.ndarray:
    """Log smoothing parameters that give penalty and data comparable weight."""
    information = np.diag(model.matrix)
    starts = []
    for penalty, weak_prior in zip(model.penalties, model.weak_prior, strict=True):
        held = penalty > 0
        ratio = information[held].sum() / penalty[held].sum()
        starts.append(0.0 if weak_prior or ratio <= 0 else np.log(ratio))
    return np.array(starts)


def maximise(
    model: WorkingModel,
    log_strengths: np.ndarray,
    lowest: np.ndarray,
    highest: np.ndarray,
    max_steps: int,
    tolerance: float = 1e-8,
) -> tuple[np.ndarray, RemlPoint]:
    """Newton steps uphill, within a box.

    Parameters
    ----------
    model : WorkingModel
    log_strengths : ndarray of shape (n_smoothing,)
        Where to start.
    lowest, highest : ndarray of shape (n_smoothing,)
        Edges of the box.
    max_steps : int
    tolerance : float
        Largest gradient at which to stop.

    Returns
    -------
    ndarray of shape (n_smoothing,), RemlPoint
    """
    point = evaluate(model, log_strengths)
    for _ in range(max_steps):
        gradient = free_gradient(point, log_strengths, lowest, highest)
        free = gradient != 0
        if np.abs(gradient).max(initial=0.0) < tolerance:
            break
        curvature, directions = np.linalg.eigh(-point.hessian[np.ix_(free, free)])
        # Uphill whatever the sign of the curvature, and never a leap where it vanishes.
        curvature = np.maximum(np.abs(curvature), 1e-10)
        step = np.zeros(len(gradient))
        step[free] = directions @ ((directions.T @ gradient[free]) / curvature)
        step *= min(1.0, _LARGEST_STEP / np.abs(step).max())
        moved = False
        for _ in range(30):
            candidate = np.clip(log_strengths + step, lowest, highest)
            trial = evaluate(model, candidate)
            # Close to the top the value is lost in rounding, and the gradient is not.
            left = np.abs(free_gradient(trial, candidate, lowest, highest)).max()
            close = trial.value >= point.value - 1e-9 * abs(point.value)
            if trial.value > point.value or (close and left < np.abs(gradient).max()):
                moved = True
                break
            step /= 2
        if not moved:
            break
        log_strengths, point = candidate, trial
    return log_strengths, point


def free_gradient(
    point: RemlPoint, log_strengths: np.ndarray, lowest: np.ndarray, highest: np.ndarray
) -> np.ndarray:
    """The gradient, without what only pushes against the edges of the box."""
    gradient = point.gradient.copy()
    gradient[(log_strengths >= highest) & (gradient > 0)] = 0.0
    gradient[(log_strengths <= lowest) & (gradient < 0)] = 0.0
    return gradient
