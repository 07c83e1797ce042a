"""Writing the same function on a finer axis, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from glassbox.core._basis import bspline_weights, extended_knots
from glassbox.core.axes import Axis, BasisRows, CategoricalAxis, NumericAxis
from glassbox.core.terms import Term

_MOST_SPREADING_ROUNDS = 100
_SPREADING_TOLERANCE = 1e-10


class AxisMergeError(ValueError):
    """No axis can hold the functions of both axes exactly."""


def common_axis(first: Axis, second: Axis) -> Axis:
    """The axis with the fewest knots that holds the functions of both axes exactly.

    Parameters
    ----------
    first, second : NumericAxis or CategoricalAxis
        Two axes of one feature.

    Returns
    -------
    NumericAxis or CategoricalAxis
        One of the two, where it already is fine enough.

    Raises
    ------
    AxisMergeError
        If there is none: different categories, different degrees, or cubic axes that differ in
        their outer knots or in their extrapolation.

    Notes
    -----
    A straight-line axis that stays at its edge values and one that goes on linearly are joined on
    a linear axis with one more knot beyond each edge, so that the flat parts can be written down.

    Examples
    --------
    >>> coarse = NumericAxis("age", np.array([18.0, 65.0, 90.0]))
    >>> fine = NumericAxis("age", np.array([18.0, 40.0, 90.0]))
    >>> common_axis(coarse, fine).knots
    array([18., 40., 65., 90.])
    """
    if first == second:
        return first
    _check_alike(first, second)
    merged = NumericAxis(
        first.name,
        _merged_knots(first, second),
        first.degree,
        "linear" if "linear" in (first.extrapolation, second.extrapolation) else "constant",
    )
    return next((axis for axis in (first, second) if axis == merged), merged)


def _check_alike(first: Axis, second: Axis) -> None:
    name = first.name
    if name != second.name:
        raise AxisMergeError(f"Axes of two features, {name!r} and {second.name!r}, have no sum.")
    if isinstance(first, CategoricalAxis) or isinstance(second, CategoricalAxis):
        raise AxisMergeError(
            f"Feature {name!r}: its terms list different categories, or in another order; "
            "give them one axis."
        )
    if first.degree != second.degree:
        raise AxisMergeError(
            f"Feature {name!r}: degree {first.degree} in one term and {second.degree} in another "
            "have no exact sum; give both terms the same degree."
        )
    if first.degree == 3:
        if first.extrapolation != second.extrapolation:
            raise AxisMergeError(
                f"Feature {name!r}: one cubic axis is extrapolated linearly, the other is not; "
                "give both terms the same extrapolation."
            )
        edges = [(float(axis.knots[0]), float(axis.knots[-1])) for axis in (first, second)]
        if edges[0] != edges[1]:
            raise AxisMergeError(
                f"Feature {name!r}: cubic axes end at {edges[0]} and {edges[1]}; a cubic spline "
                "cannot bend sharply where one ends. Give both the same outer knots."
            )


def _merged_knots(first: NumericAxis, second: NumericAxis) -> np.ndarray:
    constant = [a.knots for a in (first, second) if a.extrapolation == "constant"]
    if first.degree == 1 and len(constant) == 2:
        return np.union1d(*constant)
    low = min(first.knots[0], second.knots[0])
    high = max(first.knots[-1], second.knots[-1])
    bends = np.union1d(first.knots[1:-1], second.knots[1:-1])
    if first.degree == 1 and len(constant) == 1:
        bends = np.union1d(bends, constant[0])
        if low == bends[0]:
            low = bends[0] - (bends[1] - bends[0])
        if high == bends[-1]:
            high = bends[-1] + (bends[-1] - bends[-2])
    return np.concatenate([[low], bends, [high]])


def refinement_matrix(coarse: Axis, fine: Axis) -> sparse.csr_array:
    """Matrix that turns coefficients on `coarse` into coefficients of the same function on `fine`.

    Parameters
    ----------
    coarse, fine : NumericAxis or CategoricalAxis
        With ``common_axis(coarse, fine) == fine``.

    Returns
    -------
    csr_array of shape (fine.size, coarse.size)
        Its rows sum to one. Missing and unseen are carried over.

    Raises
    ------
    AxisMergeError
        If some function on `coarse` cannot be written on `fine`.

    Notes
    -----
    A cubic coefficient is the blossom of any polynomial piece under its basis function, taken at
    the three knots inside its support (de Boor's dual functionals). The knots beyond the edges
    therefore need not be those of the coarse axis.

    Examples
    --------
    >>> coarse = NumericAxis("age", np.array([20.0, 80.0]), degree=1)
    >>> fine = NumericAxis("age", np.array([20.0, 50.0, 80.0]), degree=1)
    >>> refinement_matrix(coarse, fine) @ np.array([0.0, 1.0, -0.3])
    array([ 0. ,  0.5,  1. , -0.3])
    """
    if coarse == fine:
        return sparse.eye_array(coarse.size, format="csr")
    if common_axis(coarse, fine) != fine:
        raise AxisMergeError(
            f"Feature {coarse.name!r}: the finer axis lacks knots of the coarser one; "
            "use common_axis to find one that has them."
        )
    if fine.degree == 3:
        rows = _inserted_cubic_knots(coarse, fine)
    else:
        # a step is read at its left end, a straight line at its knots, missing at NaN
        points = fine.knots[: fine.n_values]
        rows = coarse.locate(np.append(points, np.nan))
    return rows.to_csr(coarse.size)


def _inserted_cubic_knots(coarse: NumericAxis, fine: NumericAxis) -> BasisRows:
    degree = fine.degree
    number = np.arange(fine.n_values)
    fine_knots = extended_knots(fine.knots, degree)
    inside_support = fine_knots[number[:, None] + np.arange(1, degree + 1)]
    fine_segment = np.clip(number - degree // 2, 0, len(fine.knots) - 2)
    coarse_segment = np.searchsorted(coarse.knots[1:-1], fine.knots[fine_segment], side="right")
    weights = bspline_weights(
        extended_knots(coarse.knots, degree), coarse_segment, inside_support, degree
    )
    missing = coarse.locate(np.array([np.nan]))
    return BasisRows(
        np.append(coarse_segment, missing.first).astype(np.int32),
        np.vstack([weights, missing.weights]),
    )


def refine(term: Term, axes: Sequence[Axis]) -> Term:
    """The same term on finer axes: coefficients and band re-expressed, density spread out.

    Parameters
    ----------
    term : Term
        The term to rewrite.
    axes : sequence of NumericAxis or CategoricalAxis
        As many as the term has, each at least as fine.

    Returns
    -------
    Term
        Equal to `term` on every row.

    Notes
    -----
    Where the training rows stood inside a coarse step is not known, so that their weight is
    spread in proportion to the overlap. In general: the density on the fine axis is the one that
    starts out proportional to the area under each basis function and is then moved, by
    expectation maximisation, until it agrees with the density on the coarse axis (for steps, at
    once). The total is kept.

    Examples
    --------
    >>> steps = NumericAxis("age", np.array([20.0, 80.0]))
    >>> term = Term((steps,), np.array([1.0, 0.0]), density=np.array([30.0, 2.0]))
    >>> finer = refine(term, [NumericAxis("age", np.array([20.0, 40.0, 80.0]))])
    >>> finer.coefficients.ravel(), finer.density
    (array([1., 1., 0.]), array([10., 20.,  2.]))
    """
    if tuple(axes) == term.axes:
        return term
    matrices = [refinement_matrix(c, f) for c, f in zip(term.axes, axes, strict=True)]
    density = term.density
    for dimension, (matrix, axis) in enumerate(zip(matrices, axes, strict=True)):
        density = _along(_spread_out, matrix, density, dimension, axis)
    bands = (None if t is None else refine_table(matrices, t) for t in (term.lower, term.upper))
    return Term(tuple(axes), refine_table(matrices, term.coefficients), *bands, density)


def refine_table(matrices: Sequence[sparse.csr_array], table: np.ndarray) -> np.ndarray:
    """A table with each leading dimension multiplied by its refinement matrix."""
    for dimension, matrix in enumerate(matrices):
        table = _along(lambda m, flat: m @ flat, matrix, table, dimension)
    return table


def add_tables(term: Term, axes: Sequence[Axis], table: np.ndarray) -> Term:
    """The term plus another function of the same features; the band moves along.

    Parameters
    ----------
    term : Term
        The term to add to.
    axes : sequence of NumericAxis or CategoricalAxis
        Axes of `table`, of the same features in the same order as the term's.
    table : ndarray of shape (*axis sizes, n_outputs)
        Coefficients to add.

    Returns
    -------
    Term
        On the common axes of both.

    Raises
    ------
    AxisMergeError
        If the two have no common axes.

    Examples
    --------
    >>> steps = NumericAxis("age", np.array([20.0, 40.0, 80.0]))
    >>> other = NumericAxis("age", np.array([20.0, 60.0, 80.0]))
    >>> term = Term((steps,), np.array([0.0, 1.0, 0.5]))
    >>> add_tables(term, [other], np.array([[0.0], [10.0], [0.0]])).coefficients.ravel()
    array([ 0. ,  1. , 11. ,  0.5])
    """
    finer = tuple(common_axis(mine, its) for mine, its in zip(term.axes, axes, strict=True))
    refined = refine(term, finer)
    matrices = [refinement_matrix(its, axis) for its, axis in zip(axes, finer, strict=True)]
    return refined.replace(coefficients=refined.coefficients + refine_table(matrices, table))


def _along(function, matrix, table: np.ndarray, dimension: int, *arguments) -> np.ndarray:
    moved = np.moveaxis(table, dimension, 0)
    flat = function(matrix, moved.reshape(moved.shape[0], -1), *arguments)
    return np.moveaxis(flat.reshape(-1, *moved.shape[1:]), 0, dimension)


def _spread_out(matrix: sparse.csr_array, density: np.ndarray, axis: Axis) -> np.ndarray:
    if matrix.shape[0] == matrix.shape[1]:
        return density
    matrix = matrix.maximum(0.0)  # beyond the edges, inserted cubic knots may weigh negatively
    area = np.ones(axis.size)
    extended = extended_knots(axis.knots, axis.degree)
    area[: axis.n_values] = extended[axis.degree + 1 :] - extended[: axis.n_values]
    spread = np.repeat(area[:, None], density.shape[1], axis=1)
    goal = np.abs(density).sum() * _SPREADING_TOLERANCE
    for _ in range(_MOST_SPREADING_ROUNDS):
        reached = matrix.T @ spread
        if np.abs(reached - density).max() <= goal:
            break
        ratio = np.divide(density, reached, out=np.zeros_like(density), where=reached > 0)
        spread = spread * (matrix @ ratio)
    return spread
