"""Amounts cut into shares of equal numbers of rows, and rows grouped by their outcome."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_FIFTHS = (0.2, 0.4, 0.6, 0.8)


def cut(
    amounts: np.ndarray, quantiles: Sequence[float], weights: np.ndarray | None = None
) -> tuple[np.ndarray, list[str]]:
    """Cut amounts at their quantiles; fewer parts where values are tied.

    Parameters
    ----------
    amounts : ndarray of shape (n_rows,)
        None missing.
    quantiles : sequence of float
    weights : ndarray of shape (n_rows,), optional

    Returns
    -------
    codes : ndarray of int, shape (n_rows,)
    labels : list of str

    Examples
    --------
    >>> cut(np.arange(20.0, 100.0), (0.25, 0.5, 0.75))[1]
    ['up to 39', 'over 39 to 59', 'over 59 to 79', 'over 79']
    """
    # An observed value, so that a weight of three and three rows are cut alike.
    weights = np.ones(len(amounts)) if weights is None else weights
    cuts = np.unique(np.quantile(amounts, quantiles, weights=weights, method="inverted_cdf"))
    cuts = cuts[cuts < amounts[weights > 0].max()]
    return np.searchsorted(cuts, amounts, side="left"), interval_labels(cuts)


def interval_labels(cuts: np.ndarray) -> list[str]:
    """Names of the intervals between cuts, each with its upper end."""
    if not len(cuts):
        return ["all"]
    digits = next((d for d in range(4, 17) if len({f"{c:.{d}g}" for c in cuts}) == len(cuts)), 17)
    texts = [f"{cut:.{digits}g}" for cut in cuts]
    between = [f"over {low} to {high}" for low, high in zip(texts, texts[1:], strict=False)]
    return [f"up to {texts[0]}", *between, f"over {texts[-1]}"]


def outcome_strata(
    y: np.ndarray, is_classifier: bool, weights: np.ndarray | None = None
) -> tuple[np.ndarray, list[str]]:
    """Classes of the outcome, or fifths of an amount.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    is_classifier : bool
    weights : ndarray of shape (n_rows,), optional
        For fifths.

    Returns
    -------
    codes : ndarray of int, shape (n_rows,)
    labels : list of str

    Examples
    --------
    >>> outcome_strata(np.array(["no", "yes", "no"]), is_classifier=True)
    (array([0, 1, 0]), ['no', 'yes'])
    """
    if not is_classifier:
        return cut(y.astype(float), _FIFTHS, weights)
    classes, codes = np.unique(y, return_inverse=True)
    return codes, [str(label) for label in classes.tolist()]
