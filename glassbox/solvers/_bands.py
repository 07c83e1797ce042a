"""Credible bands: from the posterior covariance of the coefficients to tables of half-widths."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from scipy.stats import norm
from scipy.stats import t as student_t

from glassbox.core._basis import bspline_slopes, extended_knots
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.solvers._design import Smoothing, TermDesign
from glassbox.solvers._penalties import coefficient_positions
from glassbox.solvers.pirls import PenalisedFit


def credible_quantile(fit: PenalisedFit, level: float, n_rows: float) -> float:
    """How many standard errors a band of that level reaches to either side."""
    share = (1 + level) / 2
    if fit.family.dispersion_known:
        return float(norm.ppf(share))
    return float(student_t.ppf(share, max(n_rows - fit.effective_df, 1.0)))


def standard_errors(fit: PenalisedFit, term: TermDesign, rows: np.ndarray) -> np.ndarray:
    """Posterior standard deviation of linear functions of one term's columns.

    Parameters
    ----------
    fit : PenalisedFit
    term : TermDesign
    rows : ndarray of shape (n_functions, n_columns of the term)

    Returns
    -------
    ndarray of shape (n_functions, n_outputs)
    """
    here = fit.design.natural_slices[term.name]
    natural = rows @ term.transform
    covariance = np.einsum(
        "oa,aibj,ob->oij",
        fit.family.contrasts,
        fit.covariance[:, here, :, here],
        fit.family.contrasts,
        optimize=True,
    )
    variance = np.einsum("ri,oij,rj->ro", natural, covariance, natural, optimize=True)
    return np.sqrt(np.maximum(variance, 0.0))


def half_widths(fit: PenalisedFit, term: TermDesign, mean_row: np.ndarray) -> np.ndarray:
    """Standard errors of the centred term, as a table over its axes.

    The standard error is not itself a spline: a table of the term's own basis is fitted to it.

    Parameters
    ----------
    fit : PenalisedFit
    term : TermDesign
    mean_row : ndarray of shape (n_columns of the term,)
        Weighted mean of the term's basis rows over the training table.

    Returns
    -------
    ndarray of shape (*axis sizes, n_outputs)
        Never negative.
    """
    if len(term.axes) == 2:
        return _pair(fit, term, mean_row)
    axis = term.axes[0]
    if isinstance(axis, CategoricalAxis):
        return _categories(fit, term, axis, mean_row)
    return _numeric(fit, term, axis, mean_row)


def _numeric(
    fit: PenalisedFit, term: TermDesign, axis: NumericAxis, mean_row: np.ndarray
) -> np.ndarray:
    basis = axis.locate(axis.grid().column).to_csr(axis.size).toarray()
    errors = standard_errors(fit, term, basis - mean_row)
    values = basis[:-1, :-1]
    table = np.array([nnls(values, error)[0] for error in errors[:-1].T]).T
    if axis.extrapolation == "linear" and axis.degree > 0:
        _widen_outwards(axis, table)
    return np.vstack([table, errors[-1:]])


def _widen_outwards(axis: NumericAxis, table: np.ndarray) -> None:
    """Let no edge of the band close where it is extrapolated."""
    knots = extended_knots(axis.knots, axis.degree)
    last = len(axis.knots) - 2
    segments = np.array([0, last])
    slopes = bspline_slopes(knots, segments, axis.knots[[0, -1]], axis.degree)
    left, right = slice(0, axis.degree + 1), slice(last, last + axis.degree + 1)
    table[0] += np.maximum(slopes[0] @ table[left], 0.0) / -slopes[0][0]
    closing = np.flatnonzero(slopes[1])[-1]
    table[right][closing] += np.maximum(-slopes[1] @ table[right], 0.0) / slopes[1][closing]


def _categories(
    fit: PenalisedFit, term: TermDesign, axis: CategoricalAxis, mean_row: np.ndarray
) -> np.ndarray:
    rows = np.eye(term.n_columns)
    errors = standard_errors(fit, term, rows - mean_row)
    # A new category is drawn like the known ones.
    strength = fit.strengths.get(Smoothing("level", term.name), 0.0)
    spread = fit.outputs[fit.design.slices[term.name]][: axis.n_values].std(axis=0, ddof=0)
    if axis.ordered or strength == 0 or axis.n_values < 2:
        unseen = np.sqrt(spread**2 + errors.max(axis=0) ** 2)
    else:
        unseen = np.maximum(np.sqrt(fit.dispersion / strength), spread)
        unseen = np.sqrt(unseen**2 + standard_errors(fit, term, mean_row[None])[0] ** 2)
    return np.vstack([errors, unseen])


def _pair(fit: PenalisedFit, term: TermDesign, mean_row: np.ndarray) -> np.ndarray:
    rows = np.kron(*(_rows_at_coefficients(axis) for axis in term.axes))
    errors = standard_errors(fit, term, rows - mean_row)
    # Where a feature is missing the pair adds nothing but its centring.
    table = np.broadcast_to(
        standard_errors(fit, term, mean_row[None]),
        (int(np.prod([axis.size for axis in term.axes])), errors.shape[1]),
    ).copy()
    table[term.slots] = errors
    return table.reshape(*(axis.size for axis in term.axes), -1)


def _rows_at_coefficients(axis: NumericAxis | CategoricalAxis) -> np.ndarray:
    """Basis rows where each coefficient stands (Schoenberg's approximation reads them off)."""
    if isinstance(axis, CategoricalAxis):
        return np.eye(axis.n_values)
    inside = np.clip(coefficient_positions(axis), axis.knots[0], axis.knots[-1])
    return axis.locate(inside).to_csr(axis.size).toarray()[:, :-1]
