"""Measures of dependence, each a function of tables of score by attribute.

All are sizes without a sign, and larger for more dependence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import rel_entr

from glassbox.fairness._dependence.joint import Joint


def dcor(joint: Joint) -> np.ndarray:
    """Distance correlation."""
    return np.sqrt(joint.dcov2 / np.sqrt(joint.score_dvar2[0] * joint.attribute_dvar2[0]))


def dcor2_unbiased(joint: Joint) -> np.ndarray:
    """Bias-corrected squared distance correlation."""
    if joint.n < 4:
        return np.full(len(joint.tables), np.nan)
    return joint.unbiased_dcov2 / np.sqrt(
        np.maximum(joint.score_dvar2[1], 0) * np.maximum(joint.attribute_dvar2[1], 0)
    )


def hsic(joint: Joint) -> np.ndarray:
    """Squared norm of the covariance of kernel features, over the root of those of each side."""
    features = joint.score.kernel_columns
    score_means = joint.score_shares @ features
    both = joint.shares @ features
    if joint.grouped:
        attribute_means, own = joint.attribute_shares, None
    else:
        own = joint.attribute.kernel_columns
        attribute_means = joint.attribute_shares @ own
        both = own.T @ both
    both -= attribute_means[:, :, None] * score_means[:, None, :]
    of_score = _norm_of_features(joint.score_shares, features, score_means)
    of_attribute = _norm_of_features(joint.attribute_shares, own, attribute_means)
    return (both**2).sum(axis=(1, 2)) / np.sqrt(of_score * of_attribute)


def ks(joint: Joint) -> np.ndarray:
    """Largest distance of the distribution functions of two groups."""
    if not joint.grouped:
        return np.full(len(joint.tables), np.nan)
    functions = joint.cumulative / joint.attribute_shares[:, :, None]
    return _spread(functions).max(axis=1)


def mean_gap(joint: Joint) -> np.ndarray:
    """Largest difference of group means; for amounts, per standard deviation of the amount."""
    if joint.grouped:
        return joint.score.scale * _spread(joint.score_sums / joint.attribute_shares)
    return joint.score.scale * np.sqrt(joint.correlation2 * joint.score_variance)


def standardised_gap(joint: Joint) -> np.ndarray:
    """The gap of means in units of the score's standard deviation within groups.

    For amounts, in units of its deviation about its straight line on the amount.
    """
    gap = mean_gap(joint) / joint.score.scale
    if joint.grouped:
        explained, lost = _between(joint), (joint.attribute_shares > 0).sum(axis=1)
    else:
        explained, lost = joint.correlation2 * joint.score_variance, 2
    within = joint.score_variance - explained
    # What rounding leaves of a variance of zero.
    within = np.where(within > 1e-12 * joint.score_variance, within, np.nan)
    return gap / np.sqrt(within * joint.n / np.maximum(joint.n - lost, 1))


def auc(joint: Joint) -> np.ndarray:
    """How well the score tells two groups apart, the largest over pairs; for amounts, concordance.

    Concordance: the share of pairs of rows with different amounts that the score puts in the same
    order, or in the reverse one, ties of the score counting one half.
    """
    above = joint.cumulative - joint.shares / 2
    if joint.grouped:
        pairs = joint.attribute_shares[:, :, None] * joint.attribute_shares[:, None, :]
        areas = above @ joint.shares.transpose(0, 2, 1) / pairs
        return np.nanmax(areas, axis=(1, 2))
    below = np.cumsum(above, axis=1)[:, :-1]
    concordant = np.einsum("bij,bij->b", joint.shares[:, 1:], below)
    pairs = (1 - (joint.attribute_shares**2).sum(axis=1)) / 2
    share = concordant / pairs
    return np.maximum(share, 1 - share)


def eta2(joint: Joint) -> np.ndarray:
    """Share of the score's variance that the attribute explains."""
    if joint.grouped:
        return _between(joint) / joint.score_variance
    basis, shares = joint.attribute.basis, joint.attribute_shares
    means = shares @ basis
    gram = basis.T @ (shares[:, :, None] * basis) - means[:, :, None] * means[:, None, :]
    cov = joint.score_sums @ basis
    inverse = np.linalg.pinv(gram, rcond=1e-9, hermitian=True)
    explained = ((cov[:, None] @ inverse)[:, 0] * cov).sum(axis=1)
    return explained / joint.score_variance


def hgr(joint: Joint) -> np.ndarray:
    """Largest correlation of any function of the binned score with any of the attribute."""
    table = joint.coarse
    outer = table.sum(axis=2, keepdims=True) * table.sum(axis=1, keepdims=True)
    ratio = np.divide(table, np.sqrt(outer), out=np.zeros_like(table), where=outer > 0)
    return np.linalg.svd(ratio, compute_uv=False)[:, 1]


def mutual_information(joint: Joint) -> np.ndarray:
    """Mutual information of the binned score and the attribute, in nats."""
    table = joint.coarse
    outer = table.sum(axis=2, keepdims=True) * table.sum(axis=1, keepdims=True)
    return np.maximum(rel_entr(table, outer).sum(axis=(1, 2)), 0.0)


#: Every measure by name.
MEASURES: dict[str, Callable[[Joint], np.ndarray]] = {
    measure.__name__: measure
    for measure in (
        dcor,
        dcor2_unbiased,
        hsic,
        ks,
        mean_gap,
        standardised_gap,
        auc,
        eta2,
        hgr,
        mutual_information,
    )
}
#: What can use rows in which an amount is missing: *missing* is one more bin, or a column.
TAKES_MISSING = frozenset({"eta2", "hgr", "mutual_information"})


def _between(joint: Joint) -> np.ndarray:
    """Variance of the group means."""
    shares = np.broadcast_to(joint.attribute_shares, joint.score_sums.shape)
    squares = np.divide(
        joint.score_sums**2, shares, out=np.zeros_like(joint.score_sums), where=shares > 0
    )
    return squares.sum(axis=1)


def _spread(values: np.ndarray) -> np.ndarray:
    """Largest less smallest over groups; a resample can be without one, which is then NaN."""
    if np.isnan(values).any():
        return np.nanmax(values, axis=1) - np.nanmin(values, axis=1)
    return values.max(axis=1) - values.min(axis=1)


def _norm_of_features(
    shares: np.ndarray, features: np.ndarray | None, means: np.ndarray
) -> np.ndarray:
    """Squared norm of the covariance matrix of kernel features; of indicators for groups."""
    if features is None:
        squares = (shares**2).sum(axis=1)
        return squares - 2 * (shares**3).sum(axis=1) + squares**2
    norms = np.empty(len(shares))
    for k, (share, mean) in enumerate(zip(shares, means, strict=True)):
        second = (features * share[:, None]).T @ features
        norms[k] = ((second - np.outer(mean, mean)) ** 2).sum()
    return norms
