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
from scipy.optimize import brentq
from scipy.special import expit, logsumexp, softmax, xlogy


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
        Its negative second derivative; for the robust families a larger one, of a parabola that
        touches the log-likelihood here and lies below it everywhere.
    pearson : float
        Weighted sum of squared standardised residuals: over the number of rows, it is what the
        inverse of the curvature is multiplied with to have the variance of the predictors.
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
    """Scatter with outliers, identity link: the log-likelihood is quadratic near its maximum only.

    Parameters
    ----------
    delta : float
        The residual from which on rows pull no harder, in units of the outcome.

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
        if not 0 < delta < np.inf:
            raise ValueError(f"delta={delta!r} must be positive; use a multiple of the scatter.")
        self.delta = delta

    def start(self, y, weights):
        """Between the weighted mean and the weighted median."""
        return _without_slope(self, y, weights, self.delta)

    def local_fit(self, y, predictor, weights):
        """Residuals, cut off at delta.

        The dispersion is that of an M-estimator: the mean square of the cut residuals over the
        squared share of rows that are not cut (Huber & Ronchetti 2009, "Robust statistics",
        section 7.6), here in units of the curvature.
        """
        residual = y - predictor[:, 0]
        size = np.abs(residual)
        cut = np.clip(residual, -self.delta, self.delta)
        deviance = 2 * float(weights @ _huber(residual, cut))
        slope = weights * cut
        curvature = weights * (self.delta / np.maximum(size, self.delta))
        share = max(np.average(size <= self.delta, weights=weights), 1 / len(y))
        pearson = (slope @ cut) / share**2 * (curvature.sum() / weights.sum())
        return LocalFit(deviance, slope[:, None], curvature[:, None, None], float(pearson))


# Of the residuals' scale. With normal residuals, the share of rows below a fitted quantile is off
# by .0001 at most (the second derivative of the distribution times the squared corner, over six);
# at a tenth of this corner a fit takes about twice as many steps.
_CORNER = 0.05


class Quantile:
    """A quantile of the outcome, identity link.

    The pinball loss has a corner where the residual is zero, and no parabola stays above a
    corner. It is rounded off: within `corner` of zero it is a parabola itself, elsewhere it is
    exact.

    Parameters
    ----------
    level : float
        Which quantile, between 0 and 1.
    scale : float
        Size of the residuals, in units of the outcome.

    References
    ----------
    Koenker & Bassett (1978), "Regression quantiles", Econometrica 46:33-50. Hunter & Lange
    (2000), "Quantile regression via an MM algorithm", Journal of Computational and Graphical
    Statistics 9:60-77.
    """

    link = "identity"
    contrasts = _ONE_SCORE
    dispersion_known = False
    quadratic = False

    def __init__(self, level: float, scale: float = 1.0):
        if not 0 < level < 1:
            raise ValueError(f"level={level!r} must lie between 0 and 1, as 0.9 does.")
        if not 0 < scale < np.inf:
            raise ValueError(f"scale={scale!r} must be positive; use the outcome's own scatter.")
        self.level, self.scale = level, scale

    @property
    def corner(self) -> float:
        """The residual from which on the loss is that of the quantile exactly."""
        return _CORNER * self.scale

    def start(self, y, weights):
        """The weighted quantile."""
        return _without_slope(self, y, weights, self.corner)

    def local_fit(self, y, predictor, weights):
        """Which side of the predictor each row is on.

        The dispersion is the variance of a quantile, level (1 - level) over the squared density
        of the residuals at zero (Koenker & Bassett), in units of the curvature.
        """
        residual = y - predictor[:, 0]
        cut = np.clip(residual, -self.corner, self.corner)
        loss = (self.level - 0.5) * residual + self.corner / 4
        loss += _huber(residual, cut) / (2 * self.corner)
        slope = weights * (self.level - 0.5 + cut / (2 * self.corner))
        curvature = weights / (2 * np.maximum(np.abs(residual), self.corner))
        variance = self.level * (1 - self.level) / self._density(residual, weights) ** 2
        pearson = curvature.sum() * variance
        deviance = 2 * float(weights @ loss)
        return LocalFit(deviance, slope[:, None], curvature[:, None, None], float(pearson))

    def _density(self, residual, weights) -> float:
        """Density of the residuals at zero, by a normal kernel.

        Its width is the rule of thumb of Silverman (1986), "Density estimation for statistics and
        data analysis", section 3.4.
        """
        lower, upper = np.quantile(residual, [0.25, 0.75])
        width = max(0.79 * (upper - lower) * len(residual) ** -0.2, self.corner)
        heights = np.exp(-0.5 * (residual / width) ** 2)
        # As if one row lay at zero: far from all rows, the density is small but not nothing.
        least = 1 / len(residual)
        return max(np.average(heights, weights=weights), least) / (np.sqrt(2 * np.pi) * width)


def _huber(residual: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Huber's loss of residuals that are also given cut off."""
    return cut * (residual - cut / 2)


def _without_slope(family: Family, y, weights, reach: float) -> np.ndarray:
    """The predictor, the same for all rows, that maximises a log-likelihood without outliers."""

    def slope(predictor: float) -> float:
        everywhere = np.full((len(y), 1), predictor)
        return float(family.local_fit(y, everywhere, weights).slope.sum())

    return np.atleast_1d(brentq(slope, y.min() - reach, y.max() + reach))
