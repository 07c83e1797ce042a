"""What each term adds to the covariance of a score with an amount."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassbox.core.attributes import Attribute
from glassbox.fairness._audit.gap_groups import Contrast
from glassbox.fairness._audit.row_resamples import RowResamples, centred_percentiles, percentiles

PER_SD = "per SD"
SHARE = "share of variance"

# Columns of the basis whose variance is below this share of the largest say nothing new.
_SAME = 1e-10


def amount_gaps(
    values: np.ndarray,
    n_outputs: int,
    attribute: Attribute,
    weights: np.ndarray,
    resamples: RowResamples,
    rows_in: np.ndarray,
) -> Iterator[Contrast]:
    """Covariances with the amount over its standard deviation; shares of the score's variance.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Contributions of every term to every output, then the scores of every output.
    n_outputs : int
    attribute : Attribute
        An amount. Rows in which it is missing count for the shares only.
    weights : ndarray of shape (n_rows,)
    resamples : RowResamples
    rows_in : ndarray of bool, shape (n_rows,)
        The stratum.
    """
    weights = np.where(rows_in, weights, 0.0)
    yield PER_SD, *_slopes(values, attribute, weights, resamples)
    yield SHARE, *_shares(values, n_outputs, attribute, weights, resamples)


def _slopes(
    values: np.ndarray, attribute: Attribute, weights: np.ndarray, resamples: RowResamples
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    known = attribute.present & (weights > 0)
    amounts = np.where(known, attribute.values, 0.0)
    nothing = np.full(values.shape[1], np.nan)
    if len(np.unique(amounts[known])) < 2:
        return nothing, nothing, nothing, f"{attribute.name!r} does not vary in these rows"
    scale = amounts[known].std()
    amounts = np.where(known, (amounts - amounts[known].mean()) / scale, 0.0)
    weights = np.where(known, weights, 0.0)
    left = weights[:, None] * np.column_stack([np.ones(len(values)), amounts])
    right = np.column_stack([np.ones(len(values)), amounts, values])

    def slopes(products: np.ndarray) -> np.ndarray:
        total = products[..., :1, :1]
        means = products / total
        centred = means[..., 1, 1:] - means[..., 1, :1] * means[..., 0, 1:]
        with np.errstate(divide="ignore", invalid="ignore"):
            return centred[..., 1:] / np.sqrt(centred[..., :1])

    lower, upper = percentiles(slopes(resamples.products(left, right)))
    return slopes(left.T @ right), lower, upper, ""


def _shares(
    values: np.ndarray,
    n_outputs: int,
    attribute: Attribute,
    weights: np.ndarray,
    resamples: RowResamples,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    basis = attribute.whitened(weights)
    scores = values[:, -n_outputs:]
    nothing = np.full(values.shape[1], np.nan)
    if not basis.shape[1]:
        return nothing, nothing, nothing, f"{attribute.name!r} does not vary in these rows"
    n_basis, n_terms = basis.shape[1], values.shape[1] // n_outputs
    left = weights[:, None] * np.column_stack([np.ones(len(values)), basis])
    right = np.column_stack([np.ones(len(values)), basis, values, scores**2])

    def shares(products: np.ndarray) -> np.ndarray:
        means = products / products[..., :1, :1]
        overall = means[..., 0, 1:]
        centred = means[..., 1:, 1:] - means[..., 1:, :1] * overall[..., None, :]
        inverse = np.linalg.pinv(centred[..., :n_basis], rcond=_SAME, hermitian=True)
        with_basis = centred[..., n_basis : n_basis + values.shape[1]]
        explained = inverse @ with_basis[..., -n_outputs:]
        by_term = with_basis.reshape(*with_basis.shape[:-1], n_terms, n_outputs)
        parts = np.einsum("...kto,...ko->...to", by_term, explained)
        mean_score = overall[..., n_basis:-n_outputs][..., -n_outputs:]
        variance = overall[..., -n_outputs:] - mean_score**2
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = parts / np.where(variance > 0, variance, np.nan)[..., None, :]
        return parts.reshape(*parts.shape[:-2], n_terms * n_outputs)

    observed = shares(left.T @ right)
    lower, upper = centred_percentiles(
        observed, shares(resamples.products(left, right)), -np.inf, np.inf
    )
    reason = "the score is constant" if np.isnan(observed).any() else ""
    return observed, lower, upper, reason
