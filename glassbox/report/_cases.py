"""Five rows whose predictions are explained."""

from __future__ import annotations

import numpy as np

#: Where the explained rows stand among all predictions.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def spread_rows(prediction: np.ndarray) -> list[int]:
    """Positions of the rows whose predictions stand at fixed quantiles.

    The choice depends on nothing but the predictions: no row is picked because it looks well.

    Parameters
    ----------
    prediction : ndarray of shape (n_rows,)

    Returns
    -------
    list of int
        From the lowest prediction to the highest; fewer than five if there are fewer rows.

    Examples
    --------
    >>> spread_rows(np.arange(101.0))
    [5, 25, 50, 75, 95]
    """
    order = np.argsort(prediction, kind="stable")
    places = np.rint(np.array(QUANTILES) * (len(order) - 1)).astype(int)
    return order[np.unique(places)].tolist()
