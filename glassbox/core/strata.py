"""Rows with alike outcomes: what a score may know of a sensitive feature is judged within them."""

from __future__ import annotations

import numpy as np

_N_SHARES = 5


def outcome_strata(y: np.ndarray, is_classifier: bool) -> tuple[np.ndarray, list[str]]:
    """Classes of the outcome, or fifths of an amount.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    is_classifier : bool

    Returns
    -------
    codes : ndarray of int, shape (n_rows,)
    labels : list of str

    Examples
    --------
    >>> outcome_strata(np.array(["no", "yes", "no"]), is_classifier=True)
    (array([0, 1, 0]), ['no', 'yes'])
    >>> outcome_strata(np.array([1.0, 2, 3, 4, 5]), is_classifier=False)[1]
    ['1 to 1.8', '1.8 to 2.6', '2.6 to 3.4', '3.4 to 4.2', '4.2 to 5']
    """
    if is_classifier:
        classes, codes = np.unique(y, return_inverse=True)
        return codes, [str(label) for label in classes.tolist()]
    edges = np.unique(np.quantile(y, np.linspace(0, 1, _N_SHARES + 1)))
    if len(edges) < 3:
        return np.zeros(len(y), dtype=int), [f"{edges[0]:g} to {edges[-1]:g}"]
    codes = np.searchsorted(edges[1:-1], y, side="right")
    labels = [f"{a:g} to {b:g}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
    return codes, labels
