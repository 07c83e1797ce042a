"""A regression spline with few knots and straight tails."""

from __future__ import annotations

import numpy as np


def natural_spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Design of a natural cubic spline: intercept, line and one bend per inner knot.

    Parameters
    ----------
    x : ndarray of shape (n_rows,)
    knots : ndarray of shape (n_knots,)
        Increasing. Fewer than three give a straight line.

    Returns
    -------
    ndarray of shape (n_rows, max(2, n_knots))

    References
    ----------
    Harrell FE. Regression Modeling Strategies, 2nd edition, section 2.4.5.

    Examples
    --------
    >>> natural_spline(np.array([0.0, 9.0]), np.array([1.0, 2.0, 3.0])).shape
    (2, 3)
    """
    columns = [np.ones_like(x), x]
    if len(knots) >= 3:
        last, before = knots[-1], knots[-2]
        scale = (last - knots[0]) ** 2

        def cubed(knot: float) -> np.ndarray:
            return np.maximum(x - knot, 0.0) ** 3

        for knot in knots[:-2]:
            bend = (
                cubed(knot)
                - cubed(before) * (last - knot) / (last - before)
                + cubed(last) * (before - knot) / (last - before)
            )
            columns.append(bend / scale)
    return np.column_stack(columns)
