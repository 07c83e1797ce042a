"""The Gaussian kernel on a line, as a few columns whose products it is."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

# More values than this are thinned to evenly spaced quantiles for the median distance.
_MOST_PAIRED = 2_000
# The kernel's matrix is followed to this share of its trace. Eigenvalues fall so fast that some
# forty columns do, unless outliers lie many bandwidths from everything else.
_ACCURACY = 1e-11
_MOST_COLUMNS = 300


def median_distance(values: np.ndarray) -> float:
    """Median distance of two rows: the usual bandwidth.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Not all the same. More than 2,000 rows are represented by as many quantiles.

    Returns
    -------
    float
        Where most pairs are ties, the median distance of the others.

    References
    ----------
    Garreau D, Jitkrittum W, Kanagawa M. arXiv 1707.07269 (2017).
    """
    values = np.sort(values)
    if len(values) > _MOST_PAIRED:
        spread = np.linspace(0, len(values) - 1, _MOST_PAIRED).round().astype(int)
        values = values[spread]
    distances = pdist(values[:, None], "cityblock")
    middle = float(np.median(distances))
    return middle if middle > 0 else float(np.median(distances[distances > 0]))


def gaussian_columns(values: np.ndarray, bandwidth: float) -> np.ndarray:
    """Columns whose row products are exp(-(v - v')² / (2 bandwidth²)).

    Parameters
    ----------
    values : ndarray of shape (n_values,)
    bandwidth : float

    Returns
    -------
    ndarray of shape (n_values, n_columns)
        The pivoted Cholesky factor, cut where what is left is below 1e-11 of the trace.

    References
    ----------
    Bach FR, Jordan MI. Journal of Machine Learning Research 2002;3:1-48, section 4.

    Examples
    --------
    >>> values = np.linspace(-2, 3, 200)
    >>> columns = gaussian_columns(values, 1.0)
    >>> exact = np.exp(-((values[:, None] - values) ** 2) / 2)
    >>> columns.shape[1] < 20, bool(abs(columns @ columns.T - exact).max() < 1e-8)
    (True, True)
    """
    most = min(len(values), _MOST_COLUMNS)
    columns = np.zeros((most, len(values)))
    left = np.ones(len(values))
    for k in range(most):
        pivot = int(np.argmax(left))
        if left.sum() <= _ACCURACY * len(values):
            return columns[:k].T
        kernel = np.exp(-0.5 * ((values - values[pivot]) / bandwidth) ** 2)
        kernel -= columns[:k, pivot] @ columns[:k]
        columns[k] = kernel / np.sqrt(left[pivot])
        left = np.maximum(left - columns[k] ** 2, 0.0)
    return columns.T
