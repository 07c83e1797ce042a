"""Which terms help: a group penalty on the size of each term."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from glassbox.solvers._families import Family


def helpful_terms(
    contributions: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    intercept: np.ndarray,
    strength: float,
) -> np.ndarray:
    """Terms that a penalised fit of their sizes keeps.

    Each term is multiplied by a factor that is not negative; the factors minimise half the
    deviance plus a penalty on the norm of every term under the data. The contributions must come
    from fits that have not seen their rows, so that a term without effect has no reason to stay.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_terms, n_predictors)
        Of rows to fits that did not use them.
    y, weights : ndarray of shape (n_rows,)
    family : Family
    intercept : ndarray of shape (n_predictors,)
    strength : float
        Of the penalty, in standard errors of what a term without effect would gain by chance.

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
    >>> helpful_terms(shapes, y, np.ones(400), Gaussian(), np.zeros(1), strength=2.0)
    array([ True, False])
    """
    n_rows, n_terms, n_predictors = contributions.shape
    everything = intercept + contributions.sum(axis=1)
    slope = family.local_fit(y, everything, weights).slope
    by_chance = np.einsum("na,nta->nt", slope, contributions)
    chance = np.sqrt((by_chance**2).sum(axis=0))

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        factors, shift = point[:n_terms], point[n_terms:]
        predictor = intercept + shift + np.einsum("t,nta->na", factors, contributions)
        fit = family.local_fit(y, predictor, weights)
        gradient = -np.einsum("na,nta->t", fit.slope, contributions, optimize=True)
        value = fit.deviance / 2 + strength * chance @ factors
        return value, np.concatenate([gradient + strength * chance, -fit.slope.sum(axis=0)])

    start = np.concatenate([np.ones(n_terms), np.zeros(n_predictors)])
    bounds = [(0.0, None)] * n_terms + [(None, None)] * n_predictors
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:n_terms] > 0
