"""Dependence of a score on an amount, computed from every row and not from a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import kendalltau

from glassbox.fairness._dependence.distance import squared_covariances
from glassbox.fairness._dependence.kernels import gaussian_columns, median_distance


def dcor(score: np.ndarray, amount: np.ndarray) -> float:
    """Distance correlation."""
    both, _ = squared_covariances(score, amount)
    own, of_amount = squared_covariances(score, score)[0], squared_covariances(amount, amount)[0]
    return float(np.sqrt(max(both, 0.0) / np.sqrt(own * of_amount)))


def dcor2_unbiased(score: np.ndarray, amount: np.ndarray) -> float:
    """Bias-corrected squared distance correlation; NaN for fewer than four rows."""
    _, both = squared_covariances(score, amount)
    own, of_amount = squared_covariances(score, score)[1], squared_covariances(amount, amount)[1]
    return both / np.sqrt(own * of_amount) if min(own, of_amount) > 0 else np.nan


def hsic(score: np.ndarray, amount: np.ndarray) -> float:
    """Normalised Hilbert-Schmidt independence criterion with Gaussian kernels."""
    features = [_kernel_features(score), _kernel_features(amount)]
    both, own, of_amount = (
        float(((features[j].T @ features[k] / len(score)) ** 2).sum())
        for j, k in ((0, 1), (0, 0), (1, 1))
    )
    return both / np.sqrt(own * of_amount)


def mean_gap(score: np.ndarray, amount: np.ndarray) -> float:
    """Size of the covariance over the standard deviation of the amount."""
    return abs(float(np.corrcoef(score, amount)[0, 1])) * float(score.std())


def standardised_gap(score: np.ndarray, amount: np.ndarray) -> float:
    """The same over the score's deviation about its straight line; NaN on the line."""
    squared, n = float(np.corrcoef(score, amount)[0, 1]) ** 2, len(score)
    return np.sqrt(squared / (1 - squared) * (n - 2) / n) if 1 - squared > 1e-12 else np.nan


def auc(score: np.ndarray, amount: np.ndarray) -> float:
    """Concordance in either direction, ties of the score counting one half."""
    n = len(score)
    pairs = n * (n - 1) / 2
    untied = [pairs - _tied_pairs(values) for values in (score, amount)]
    # Kendall's tau is the surplus of concordant pairs over the root of both.
    surplus = kendalltau(score, amount).statistic * np.sqrt(untied[0] * untied[1])
    return 0.5 + abs(float(surplus)) / (2 * untied[1])


def _tied_pairs(values: np.ndarray) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float((counts * (counts - 1)).sum() / 2)


def _kernel_features(values: np.ndarray) -> np.ndarray:
    distinct, codes = np.unique(values, return_inverse=True)
    columns = gaussian_columns(distinct, median_distance(values))[codes]
    return columns - columns.mean(axis=0)


#: By name, for the measures that take two amounts.
FROM_ROWS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    measure.__name__: measure
    for measure in (dcor, dcor2_unbiased, hsic, mean_gap, standardised_gap, auc)
}
