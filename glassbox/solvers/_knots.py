"""Where the knots of a numeric column go."""

from __future__ import annotations

from typing import Literal

import numpy as np

from glassbox.core.axes import NumericAxis
from glassbox.solvers._quantiles import weighted_quantiles

#: Columns with at most so many distinct values get one coefficient for each.
_FEW_VALUES = 6


def choose_axis(
    name: str,
    column: np.ndarray,
    weights: np.ndarray,
    n_knots: int,
    spacing: Literal["uniform", "quantile"] = "uniform",
    extrapolation: Literal["constant", "linear"] = "constant",
    degree: Literal[1, 3] = 3,
) -> NumericAxis:
    """An axis for one numeric column: cubic, or straight lines.

    Columns with few distinct values have straight lines between them.

    Parameters
    ----------
    name : str
    column : ndarray of float, shape (n_rows,)
        NaN is missing.
    weights : ndarray of shape (n_rows,)
    n_knots : int
        How many knots, both edges included. A column with few distinct values gets fewer, so
        that there are no more coefficients than values.
    spacing : {"uniform", "quantile"}
        Equally wide segments, or segments with equally many rows.
    extrapolation : {"constant", "linear"}
    degree : {1, 3}

    Returns
    -------
    NumericAxis
    """
    values = np.unique(column[~np.isnan(column)])
    if len(values) == 0:
        return NumericAxis(name, np.array([0.0, 1.0]), 1, extrapolation)
    if len(values) == 1:
        margin = max(1.0, abs(values[0])) / 2
        return NumericAxis(name, values + np.array([-margin, margin]), 1, extrapolation)
    if len(values) <= (_FEW_VALUES if degree == 3 else n_knots):
        return NumericAxis(name, values, 1, extrapolation)
    if degree == 3:
        n_knots = min(n_knots, len(values) - 2)
    knots = np.linspace(values[0], values[-1], n_knots)
    if spacing == "quantile":
        present = ~np.isnan(column)
        inner = weighted_quantiles(
            column[present], weights[present], np.linspace(0, 1, n_knots)[1:-1]
        )
        knots = np.unique(np.concatenate([values[[0, -1]], inner]))
    return NumericAxis(name, np.unique(knots), degree, extrapolation)
