"""Fits in which some terms may only rise, or only fall.

A spline whose coefficients are ordered is monotone, everywhere. On the differences between
neighbouring coefficients, ordered means non-negative, and a Newton step of the penalised fit is
a least-squares problem with some non-negative unknowns (Lawson & Hanson 1974, "Solving Least
Squares Problems", chapter 23).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import linalg
from scipy.optimize import nnls

from glassbox.solvers._design import Design


class OrderedTerms:
    """Solves normal equations under an order of the value coefficients of some terms.

    Parameters
    ----------
    design : Design
    directions : mapping of str to {-1, 1}
        By term name; the terms must be main effects without a constant of their own.
    """

    def __init__(self, design: Design, directions: Mapping[str, int]):
        self._change = np.eye(design.transform.shape[1])
        ordered = []
        for term in design.terms:
            direction = directions.get(term.name, 0)
            if not direction:
                continue
            here = design.natural_slices[term.name]
            values = slice(here.start, here.stop - 1)
            if values.stop == values.start:
                continue
            # From differences to coefficients (up to a constant), and on to coordinates.
            transform = term.transform[:-1, :-1]
            steps = np.diff(transform, axis=0) * direction
            self._change[values, values] = linalg.inv(steps)
            ordered.extend(range(values.start, values.stop))
        self._ordered = np.array(ordered, dtype=int)
        self._free = np.setdiff1d(np.arange(len(self._change)), self._ordered)

    def solve(self, matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The minimiser of ``x @ matrix @ x / 2 - right @ x`` under the order."""
        matrix = self._change.T @ matrix @ self._change
        right = self._change.T @ right
        a, f = self._ordered, self._free
        across = linalg.cho_solve(linalg.cho_factor(matrix[np.ix_(f, f)]), matrix[np.ix_(f, a)])
        inner = matrix[np.ix_(a, a)] - matrix[np.ix_(a, f)] @ across
        target = right[a] - across.T @ right[f]
        factor = linalg.cholesky(inner, lower=False)
        differences, _ = nnls(factor, linalg.solve_triangular(factor, target, trans="T"))
        rest = linalg.cho_solve(
            linalg.cho_factor(matrix[np.ix_(f, f)]), right[f] - matrix[np.ix_(f, a)] @ differences
        )
        solution = np.empty(len(right))
        solution[a], solution[f] = differences, rest
        return self._change @ solution
