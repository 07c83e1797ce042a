"""From a penalised fit to the tables of an additive model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.density import count_density
from glassbox.core.terms import Term
from glassbox.solvers._bands import credible_quantile, half_widths
from glassbox.solvers._design import AxisSummary, TermDesign
from glassbox.solvers.pirls import PenalisedFit


def to_additive_model(
    fit: PenalisedFit,
    summaries: Mapping[int, AxisSummary],
    columns: Columns,
    weights: np.ndarray,
    *,
    confidence_level: float,
    directions: Mapping[str, int],
) -> AdditiveModel:
    """Centred tables with their bands.

    Parameters
    ----------
    fit : PenalisedFit
    summaries : mapping of int to AxisSummary
        By ``id(axis)``, for the axes of main effects.
    columns : mapping of str to ndarray
        Typed columns of the training table.
    weights : ndarray of shape (n_rows,)
    confidence_level : float
    directions : mapping of str to {-1, 1}
        Terms whose coefficients are ordered up to rounding, and must be exactly.

    Returns
    -------
    AdditiveModel
    """
    total = weights.sum()
    quantile = credible_quantile(fit, confidence_level, total)
    outputs = fit.outputs
    intercept = outputs[0].copy()
    terms = []
    for term in fit.design.terms:
        if len(term.axes) == 1:
            density = summaries[id(term.axes[0])].density
        else:
            density = count_density(term.axes, columns, weights)
        mean_row = density.ravel()[term.slots] / total
        coefficients = outputs[fit.design.slices[term.name]]
        mean = mean_row @ coefficients
        intercept += mean
        table = term.table(coefficients) - mean
        if len(term.axes) == 1:
            _settle(table, term, density, directions.get(term.name, 0))
        width = quantile * half_widths(fit, term, mean_row)
        terms.append(Term(term.axes, table, table - width, table + width, density))
    return AdditiveModel(intercept, tuple(terms), fit.family.link)


def _settle(table: np.ndarray, term: TermDesign, density: np.ndarray, direction: int) -> None:
    axis = term.axes[0]
    # Nobody was missing, or unseen by definition: the best guess is the average patient.
    slots = np.arange(axis.n_values, axis.size)
    table[slots[density[slots] == 0]] = 0.0
    if direction:
        values = direction * table[: axis.n_values]
        table[: axis.n_values] = direction * np.maximum.accumulate(values, axis=0)
