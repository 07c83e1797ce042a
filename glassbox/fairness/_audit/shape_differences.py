"""Whether the effect of a feature has another shape in another group."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit
from scipy.stats import chi2
from sklearn.linear_model import PoissonRegressor

from glassbox.evaluation.regression import fit_linear, fit_logistic

# Probabilities of exactly 0 or 1 have infinite log-odds.
_EDGE = 1e-8
# Columns that keep less than this share of their length beside the others say nothing new.
_SAME = 1e-5


def shape_difference(
    truth: np.ndarray,
    mean: np.ndarray,
    contribution: np.ndarray,
    of_attribute: np.ndarray,
    link: str,
) -> tuple[float, str]:
    """Test whether the slope or the bend of a term differs by group.

    Parameters
    ----------
    truth : ndarray of shape (n_rows,)
        Outcome: 0 or 1 with the logit link.
    mean : ndarray of shape (n_rows,)
        What the model predicts.
    contribution : ndarray of shape (n_rows,)
        What the term adds to the score.
    of_attribute : ndarray of shape (n_rows, n_columns)
        The attribute's whitened basis.
    link : {"logit", "identity", "log"}

    Returns
    -------
    p_value : float
    reason : str
        Why it is NaN, else empty.

    Notes
    -----
    A score test (Rao 1948) in a generalised linear model whose offset is the model's score. It
    holds the attribute, the contribution and its square, so that a term which is too flat or too
    bent for everybody does not count; what is tested is their products with the attribute
    (indicators of groups, or the spline of an amount). Variances are those of the data and not
    of the family (sandwich), except for 0 and 1, where they are the same. Correct on rows that
    the model has not seen; on its own training rows differences are smaller than they are. Terms
    are tested one by one: where one shape differs strongly, others that follow it may seem to.
    """
    if np.ptp(contribution) <= 1e-12 * np.abs(contribution).max(initial=0.0):
        return np.nan, "the term is constant"
    centred = (contribution - contribution.mean()) / contribution.std()
    own = np.column_stack([centred, centred**2])
    base = _independent(np.column_stack([np.ones(len(truth)), of_attribute, own]))
    products = (of_attribute[:, :, None] * own[:, None, :]).reshape(len(truth), -1)
    fitted = _fitted(base, truth, mean, link)
    if fitted is None:
        return np.nan, "no finite fit: an attribute or a term separates the outcomes"
    residual = truth - fitted
    variance = {"logit": fitted * (1 - fitted), "log": fitted}.get(link, np.ones(len(truth)))
    # What of the products the columns that are already there do not explain.
    root = np.sqrt(variance)
    there, _ = np.linalg.qr(root[:, None] * base)
    new = root[:, None] * products
    lengths = np.linalg.norm(new, axis=0)
    new = new - there @ (there.T @ new)
    kept = np.linalg.norm(new, axis=0) > _SAME * np.maximum(lengths, 1e-300)
    if not kept.any():
        return np.nan, "too few rows or values to tell"
    new = _independent(new[:, kept])
    standard = residual / np.maximum(root, 1e-150)
    spread = new.T @ new if link == "logit" else (new * standard[:, None] ** 2).T @ new
    push = new.T @ standard
    statistic = push @ np.linalg.lstsq(spread, push, rcond=1e-10)[0]
    return float(chi2.sf(statistic, new.shape[1])), ""


def _independent(columns: np.ndarray) -> np.ndarray:
    """A basis of what the columns span."""
    columns = columns / np.linalg.norm(columns, axis=0)
    sizes, directions = np.linalg.eigh(columns.T @ columns)
    kept = sizes > _SAME**2 * sizes[-1]
    return columns @ (directions[:, kept] * np.sqrt(len(columns) / sizes[kept]))


def _fitted(base: np.ndarray, truth: np.ndarray, mean: np.ndarray, link: str) -> np.ndarray | None:
    """Means after the columns were given coefficients beside the model's score."""
    if link == "logit":
        offset = logit(np.clip(mean, _EDGE, 1 - _EDGE))
        fit = fit_logistic(base, truth, offset=offset)
        return None if fit is None else expit(base @ fit.coefficients + offset)
    if link == "log":
        # A Poisson rate beside an exposure is a Poisson regression with an offset.
        machine = PoissonRegressor(alpha=0, fit_intercept=False, solver="newton-cholesky")
        machine.fit(base, truth / mean, sample_weight=mean)
        return mean * machine.predict(base)
    fit = fit_linear(base, truth - mean)
    return None if fit is None else mean + base @ fit.coefficients
