"""Which terms help: a group penalty on the size of each term."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from glassbox.solvers._families import Family

# Deviance, in units of the dispersion, that leaving a term out must save (Akaike's criterion).
_WORTH = 2.0
#: Strengths of the penalty that are tried, in standard errors of what a term without effect would
#: gain by chance.
PATH = (0.0, 0.25, 0.5, 1.0, 2.0)


def helpful_terms(
    contributions: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    intercept: np.ndarray,
) -> np.ndarray:
    """Terms without which the outcome would be predicted worse.

    Each term is multiplied by a factor that is not negative; the factors minimise half the
    deviance plus a penalty on the norm of every term under the data. A stronger penalty puts more
    factors to zero. Of the sets of terms that are left along the path, the one that predicts best
    is kept, each term as it was; all terms are one of these sets. Leaving a term out must save
    more than chance would.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_terms, n_predictors)
        Of rows to fits that did not use them: a term without effect has no reason to stay. A term
        that adds nothing to any row is not kept.
    y, weights : ndarray of shape (n_rows,)
    family : Family
    intercept : ndarray of shape (n_predictors,)

    Returns
    -------
    ndarray of bool, shape (n_terms,)

    References
    ----------
    Breiman (1995), "Better subset regression using the nonnegative garrote", Technometrics
    37:373-384. Yuan & Lin (2007), "On the non-negative garrotte estimator", JRSS B 69:143-161.

    Examples
    --------
    >>> from glassbox.solvers._families import Gaussian
    >>> rng = np.random.default_rng(0)
    >>> shapes = rng.normal(size=(400, 2, 1))
    >>> y = shapes[:, 0, 0] + rng.normal(size=400)
    >>> helpful_terms(shapes, y, np.ones(400), Gaussian(), np.zeros(1))
    array([ True, False])
    """
    problem = _Garrote(contributions, y, weights, family, intercept)
    best = something = contributions.any(axis=(0, 2))
    least = problem.deviance(best)
    unit = 1.0 if family.dispersion_known else least / weights.sum()
    point = problem.start
    for strength in PATH:
        point = problem.minimise(point, strength)
        kept = something & (point[: len(best)] > 0)
        deviance = problem.deviance(kept) + _WORTH * unit * np.sum(something & ~kept)
        if deviance <= least:
            best, least = kept, deviance
    return best


class _Garrote:
    def __init__(self, contributions, y, weights, family: Family, intercept):
        self.contributions, self.y, self.weights = contributions, y, weights
        self.family, self.intercept = family, intercept
        self.n_terms, n_predictors = contributions.shape[1:]
        self.start = np.concatenate([np.ones(self.n_terms), np.zeros(n_predictors)])
        slope = family.local_fit(y, intercept + contributions.sum(axis=1), weights).slope
        by_chance = np.einsum("na,nta->nt", slope, contributions, optimize=True)
        self.chance = np.sqrt((by_chance**2).sum(axis=0))
        # Scores in units of their own size, gains in units of chance: the search then stops at
        # the same place whatever the outcome is measured in.
        self.unit = np.sqrt(np.mean(contributions**2)) if contributions.any() else 1.0
        self.gain = self.chance.max(initial=0.0) or 1.0
        self.bounds = [(0.0, None)] * self.n_terms + [(None, None)] * n_predictors

    def _predictor(self, point: np.ndarray) -> np.ndarray:
        factors, shift = point[: self.n_terms], self.unit * point[self.n_terms :]
        return self.intercept + shift + np.einsum("t,nta->na", factors, self.contributions)

    def deviance(self, kept: np.ndarray) -> float:
        """Of the terms as they are."""
        point = np.concatenate([kept, np.zeros(len(self.intercept))])
        return self.family.local_fit(self.y, self._predictor(point), self.weights).deviance

    def minimise(self, start: np.ndarray, strength: float) -> np.ndarray:
        """The factors, and a shift of the intercept, under one strength of the penalty."""
        penalty = strength * self.chance

        def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
            fit = self.family.local_fit(self.y, self._predictor(point), self.weights)
            gradient = -np.einsum("na,nta->t", fit.slope, self.contributions, optimize=True)
            value = fit.deviance / 2 + penalty @ point[: self.n_terms]
            shift = -self.unit * fit.slope.sum(axis=0)
            return value / self.gain, np.concatenate([gradient + penalty, shift]) / self.gain

        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=self.bounds)
        return found.x
