"""Quadratic programs, by the interior-point method of Clarabel."""

from __future__ import annotations

from typing import NamedTuple

import clarabel
import numpy as np
from scipy import sparse

_SOLVED = (clarabel.SolverStatus.Solved, clarabel.SolverStatus.AlmostSolved)


class Solution(NamedTuple):
    """What came out.

    Attributes
    ----------
    x : ndarray of shape (n_unknowns,)
    status : SolverStatus
    solved : bool
    """

    x: np.ndarray
    status: clarabel.SolverStatus
    solved: bool


def solve_program(
    quadratic: sparse.sparray,
    linear: np.ndarray,
    rows: sparse.sparray,
    spare: np.ndarray,
    tolerance: float,
    n_equalities: int = 0,
) -> Solution:
    """Minimise ``x' Q x / 2 + linear' x`` where ``rows @ x + spare`` is not negative.

    Parameters
    ----------
    quadratic : sparse array of shape (n_unknowns, n_unknowns)
        Upper triangle of Q.
    linear : ndarray of shape (n_unknowns,)
    rows : sparse array of shape (n_rows, n_unknowns)
    spare : ndarray of shape (n_rows,)
    tolerance : float
        Of gaps and of the constraints.
    n_equalities : int
        The first rows are zero, instead of not negative.

    Returns
    -------
    Solution

    References
    ----------
    Goulart & Chen (2024), "Clarabel: an interior-point solver for conic programs with quadratic
    objectives".

    Examples
    --------
    >>> cost = sparse.csc_array(np.eye(2))
    >>> solution = solve_program(
    ...     cost, np.array([-1.0, 2.0]), sparse.csr_array(np.eye(2)), np.zeros(2), 1e-10
    ... )
    >>> solution.x.round(6) + 0.0, solution.solved
    (array([1., 0.]), True)
    """
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    cones = [clarabel.NonnegativeConeT(rows.shape[0] - n_equalities)]
    if n_equalities:
        cones.insert(0, clarabel.ZeroConeT(n_equalities))
    found = clarabel.DefaultSolver(
        sparse.csc_matrix(quadratic), linear, sparse.csc_matrix(-rows), spare, cones, settings
    ).solve()
    return Solution(np.array(found.x), found.status, found.status in _SOLVED)
