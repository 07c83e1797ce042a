"""pyGAM's tiny ridge, in our columns.

pyGAM adds a ridge of 1.5e-8 to every coefficient, constants of terms included, and so decides how
the intercept is shared out. We leave constants out of numeric terms. Where data say next to
nothing (a nearly separable classification) that choice shows in the sixth digit of the score; to
agree with pyGAM at a fixed strength, the constants it would choose are eliminated exactly.
"""

from __future__ import annotations

import numpy as np

from glassbox.core.axes import NumericAxis
from glassbox.solvers._design import Design

#: pyGAM's, the square root of the machine epsilon.
RIDGE = float(np.sqrt(np.finfo(np.float64).eps))


def pygam_ridge(design: Design) -> np.ndarray:
    """The ridge as a quadratic penalty, shape (n_columns, n_columns).

    The sum of squares of ``intercept - sum(k)`` and of ``c_j + k_j``, minimised over one
    constant k_j for each numeric term.
    """
    totals = []
    for term in design.terms:
        if len(term.axes) == 1 and isinstance(term.axes[0], NumericAxis):
            total = np.zeros(design.n_columns)
            total[design.slices[term.name]][:-1] = 1.0
            totals.append(total)
    ridge = np.eye(design.n_columns)
    if totals:
        sums = np.array(totals)
        slopes = sums.copy()
        slopes[:, 0] -= 1.0
        bends = np.diag(sums.sum(axis=1)) + 1.0
        ridge -= slopes.T @ np.linalg.solve(bends, slopes)
    return RIDGE * ridge
