"""Quantiles of weighted values, the same for a row of weight three and for three rows."""

from __future__ import annotations

import numpy as np


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The smallest values at or below which the given shares of the weight lie.

    Parameters
    ----------
    values, weights : ndarray of shape (n_rows,)
    shares : ndarray
        Between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1, 1, 2]), np.array([0.5]))
    array([2.])
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    # Sums of fractional weights carry rounding errors: a share is met if it is met nearly.
    wanted = np.asarray(shares) * reached[-1] * (1 - 1e-12)
    position = np.searchsorted(reached, wanted, side="left")
    return values[order][np.minimum(position, len(values) - 1)]
