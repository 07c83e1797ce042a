"""Families: how the outcome scatters around its mean, in the terms that a Newton step needs.

A family turns the linear predictors of some rows into the derivatives of their log-likelihood.
The number of predictors is one, except for the multinomial family with K classes: it has K - 1,
on orthonormal contrasts of the class scores, so that no class is treated as the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import helmert
from scipy.special import expit, logsumexp, softmax, xlogy

from glassbox.solvers._quantiles import weighted_quantiles


@dataclass(frozen=True)
class LocalFit:
    """The log-likelihood of some rows around their linear predictors, up to second order.

    Attributes
    ----------
    deviance : float
        Minus twice the weighted log-likelihood, up to a constant.
    slope : ndarray of shape (n_rows, n_predictors)
        Derivative of the weighted log-likelihood in the predictors.
    curvature : ndarray of shape (n_rows, n_predictors, n_predictors)
        Its negative second derivative.
    pearson : float
        Weighted sum of squared standardised residuals.
    """

    deviance: float
    slope: np.ndarray
    curvature: np.ndarray
    pearson: float


class Family(Protocol):
    """What a solver asks of a family.

    Attributes
    ----------
    link : str
        Name of the link, for the additive model.
    contrasts : ndarray of shape (n_outputs, n_predictors)
        From linear predictors to the scores of the additive model.
    dispersion_known : bool
        Whether the variance follows from the mean alone.
    quadratic : bool
        Whether the log-likelihood is quadratic in the predictors.
    """

    link: str
    contrasts: np.ndarray
    dispersion_known: bool
    quadratic: bool

    def start(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Predictors of the model without terms, shape (n_predictors,)."""

    def local_fit(self, y: np.ndarray, predictor: np.ndarray, weights: np.ndarray) -> LocalFit:
        """Derivatives around predictors of shape (n_rows, n_predictors)."""


_ONE_SCORE = np.ones((1, 1))


class Gaussian:
    """Normal scatter of unknown size, identity link."""

    link = "identity"
    contrasts = _ONE_SCORE
    dispersion_known = False
    quadratic = True

    def start(self, y, weights):
        """The weighted mean."""
        return np.atleast_1d(np.average(y, weights=weights))

    def local_fit(self, y, predictor, weights):
        """Residuals and weights."""
        residual = y - predictor[:, 0]
        slope = weights * residual
        squares = float(slope @ residual)
        return LocalFit(squares, slope[:, None], weights[:, None, None], squares)


class Bernoulli:
    """Two classes, logit link."""

    link = "logit"
    contrasts = _ONE_SCORE
    dispersion_known = True
    quadratic = False

    def start(self, y, weights):
        """Log-odds of the second class."""
        share = np.average(y, weights=weights)
        return np.atleast_1d(np.log(share / (1 - share)))

    def local_fit(self, y, predictor, weights):
        """Derivatives of the log-likelihood in the log-odds."""
        score = predictor[:, 0]
        p = expit(score)
        deviance = 2 * float(weights @ np.logaddexp(0, np.where(y > 0, -score, score)))
        slope = weights * (y - p)
        curvature = weights * p * expit(-score)
        return LocalFit(deviance, slope[:, None], curvature[:, None, None], float("nan"))


class Multinomial:
    """Three or more classes, softmax link.

    Parameters
    ----------
    n_classes : int
    """

    link = "softmax"
    dispersion_known = True
    quadratic = False

    def __init__(self, n_classes: int):
        self.contrasts = helmert(n_classes).T

    def start(self, y, weights):
        """Centred log frequencies of the classes, on the contrasts."""
        shares = np.bincount(y.astype(int), weights=weights, minlength=len(self.contrasts))
        return np.log(shares / shares.sum()) @ self.contrasts

    def local_fit(self, y, predictor, weights):
        """Derivatives of the log-likelihood in the contrasts."""
        scores = predictor @ self.contrasts.T
        p = softmax(scores, axis=1)
        rows = np.arange(len(y))
        own = y.astype(int)
        deviance = 2 * float(weights @ (logsumexp(scores, axis=1) - scores[rows, own]))
        residual = -p
        residual[rows, own] += 1.0
        slope = (weights[:, None] * residual) @ self.contrasts
        mean = p @ self.contrasts
        second = np.einsum("nk,ka,kb->nab", p, self.contrasts, self.contrasts, optimize=True)
        curvature = weights[:, None, None] * (second - mean[:, :, None] * mean[:, None, :])
        return LocalFit(deviance, slope, curvature, float("nan"))


class Poisson:
    """Counts, log link."""

    link = "log"
    contrasts = _ONE_SCORE
    dispersion_known = True
    quadratic = False

    def start(self, y, weights):
        """Log of the weighted mean."""
        return np.atleast_1d(np.log(np.average(y, weights=weights)))

    def local_fit(self, y, predictor, weights):
        """Derivatives of the log-likelihood in the log of the mean."""
        mean = np.exp(predictor[:, 0])
        deviance = 2 * float(weights @ (xlogy(y, y) - y * predictor[:, 0] - (y - mean)))
        slope = weights * (y - mean)
        return LocalFit(deviance, slope[:, None], (weights * mean)[:, None, None], float("nan"))


class Gamma:
    """Positive outcomes whose scatter grows with their mean, log link."""

    link = "log"
    contrasts = _ONE_SCORE
    dispersion_known = False
    quadratic = False

    def start(self, y, weights):
        """Log of the weighted mean."""
        return np.atleast_1d(np.log(np.average(y, weights=weights)))

    def local_fit(self, y, predictor, weights):
        """Derivatives of the log-likelihood (times the dispersion) in the log of the mean."""
        log_ratio = np.log(y) - predictor[:, 0]
        residual = np.expm1(log_ratio)
        slope = weights * residual
        deviance = 2 * float(weights @ (residual - log_ratio))
        curvature = weights * (1 + residual)
        return LocalFit(
            deviance, slope[:, None], curvature[:, None, None], float(slope @ residual)
        )


class Huber:
    """Scatter with outliers: squares of small residuals, absolute values of large ones.

    Parameters
    ----------
    delta : float
        Residual from which on the loss is linear.

    References
    ----------
    Huber (1964), "Robust estimation of a location parameter", Annals of Mathematical Statistics
    35:73-101.
    """

    link = "identity"
    contrasts = _ONE_SCORE
    dispersion_known = False
    quadratic = False

    def __init__(self, delta: float):
        self.delta = delta

    def start(self, y, weights):
        """The weighted median."""
        return np.atleast_1d(_weighted_quantile(y, weights, 0.5))

    def local_fit(self, y, predictor, weights):
        """Cut-off residuals; as curvature that of the parabola that touches from above."""
        residual = y - predictor[:, 0]
        size = np.abs(residual)
        share = self.delta / np.maximum(size, self.delta)
        slope = weights * share * residual
        loss = np.where(size <= self.delta, residual**2 / 2, self.delta * (size - self.delta / 2))
        curvature = weights * share
        pearson = float(weights @ (share * residual) ** 2)
        return LocalFit(
            2 * float(weights @ loss), slope[:, None], curvature[:, None, None], pearson
        )


class Quantile:
    """A quantile of the outcome: the pinball loss.

    Parameters
    ----------
    level : float
        Share of the outcomes below the quantile.
    scale : float
        Robust standard deviation of the outcome; residuals below a thousandth of it count as
        that large, which keeps the curvature finite.

    References
    ----------
    Hunter & Lange (2000), "Quantile regression via an MM algorithm", Journal of Computational and
    Graphical Statistics 9:60-77.
    """

    link = "identity"
    contrasts = _ONE_SCORE
    dispersion_known = False
    quadratic = False

    def __init__(self, level: float, scale: float):
        self.level = level
        self.smallest = 1e-3 * scale

    def start(self, y, weights):
        """The weighted quantile."""
        return np.atleast_1d(_weighted_quantile(y, weights, self.level))

    def local_fit(self, y, predictor, weights):
        """Slopes of the pinball; as curvature that of the parabola that touches from above."""
        residual = y - predictor[:, 0]
        slope = weights * np.where(residual > 0, self.level, self.level - 1)
        loss = np.maximum(self.level * residual, (self.level - 1) * residual)
        curvature = weights / (2 * np.maximum(np.abs(residual), self.smallest))
        # In the units of the loss: that of an asymmetric Laplace outcome is its mean.
        return LocalFit(
            2 * float(weights @ loss),
            slope[:, None],
            curvature[:, None, None],
            float(weights @ loss),
        )


def _weighted_quantile(y: np.ndarray, weights: np.ndarray, level: float) -> float:
    return weighted_quantiles(y, weights, np.array([level]))[0]
