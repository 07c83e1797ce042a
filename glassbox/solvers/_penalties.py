"""Quadratic penalties: which shapes of a term cost something.

Each axis is rewritten on a *natural* basis, orthonormal combinations of its B-splines on which
the penalty is diagonal. On it a model's whole penalty is a sum of diagonals, one for each
smoothing parameter, for pair terms too (a Kronecker sum of diagonals is a diagonal).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassbox.core._basis import extended_knots
from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis


@dataclass(frozen=True)
class NaturalBasis:
    """The value coefficients of one axis, rewritten so that its penalty is diagonal.

    Attributes
    ----------
    transform : ndarray of shape (n_values, n_natural)
        From natural coordinates to value coefficients; columns are orthonormal.
    cost : ndarray of shape (n_natural,)
        The penalty of each coordinate; zero for the free ones (constant and straight line).
    line : ndarray of shape (n_natural,)
        For the coordinate that is a straight line, the variance of that line over the training
        rows; zero for the others.
    """

    transform: np.ndarray
    cost: np.ndarray
    line: np.ndarray


def coefficient_positions(axis: NumericAxis) -> np.ndarray:
    """Where coefficients must stand to draw a straight line (Greville abscissae)."""
    knots = extended_knots(axis.knots, axis.degree)
    windows = np.lib.stride_tricks.sliding_window_view(knots[1:-1], axis.degree)
    return windows.mean(axis=1)


def curvature_differences(axis: NumericAxis) -> np.ndarray:
    """Second differences of the coefficients, zero for every straight line.

    On equally spaced knots these are the plain second differences of Eilers & Marx (1996). On
    others, differences of neighbouring slopes, times the local spacing.
    """
    spacing = np.diff(coefficient_positions(axis))
    slopes = np.diff(np.eye(axis.n_values), axis=0) / spacing[:, None]
    local = (spacing[:-1] + spacing[1:]) / 2
    return np.diff(slopes, axis=0) * local[:, None]


def natural_basis(axis: Axis, density: np.ndarray, variance: float, centred: bool) -> NaturalBasis:
    """The natural basis of one axis.

    Parameters
    ----------
    axis : NumericAxis or CategoricalAxis
    density : ndarray of shape (n_values,)
        Training weight at each value coefficient.
    variance : float
        Weighted variance of a numeric column; not used for categories.
    centred : bool
        Leave out the constant function: what remains has mean zero over the training rows.
    """
    if isinstance(axis, CategoricalAxis):
        return _category_basis(axis, density, centred)
    if variance <= 0:
        # Every row has the same value: the intercept says all there is to say.
        return NaturalBasis(np.zeros((axis.n_values, 0)), np.zeros(0), np.zeros(0))
    differences = curvature_differences(axis)
    basis = _diagonalised(differences.T @ differences, density, centred)
    positions = coefficient_positions(axis)
    n_free = 1 if centred else 2
    cost = basis.cost.copy()
    cost[:n_free] = 0.0
    line = np.zeros(len(cost))
    if centred:
        straight = basis.transform[:, 0]
        slope = (straight[-1] - straight[0]) / (positions[-1] - positions[0])
        line[0] = slope**2 * variance
    return NaturalBasis(basis.transform, cost, line)


def _category_basis(axis: CategoricalAxis, density: np.ndarray, centred: bool) -> NaturalBasis:
    if axis.ordered and axis.n_values > 1:
        steps = np.diff(np.eye(axis.n_values), axis=0)
        return _diagonalised(steps.T @ steps, density, centred=True)
    return _diagonalised(np.eye(axis.n_values), density, centred)


def _diagonalised(penalty: np.ndarray, density: np.ndarray, centred: bool) -> NaturalBasis:
    allowed = np.eye(len(penalty))
    if centred:
        weights = density if density.any() else np.ones(len(density))
        allowed = np.linalg.qr(weights[:, None], mode="complete")[0][:, 1:]
    cost, directions = np.linalg.eigh(allowed.T @ penalty @ allowed)
    return NaturalBasis(allowed @ directions, np.maximum(cost, 0.0), np.zeros(len(cost)))
