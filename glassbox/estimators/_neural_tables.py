"""From the coefficients of all members to the tables of an additive model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.purify import purify
from glassbox.core.terms import Term
from glassbox.estimators._batches import DRAWN
from glassbox.solvers._families import Family
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Members
from glassbox.solvers.order import MonotoneOrder


@dataclass(frozen=True)
class Fitted:
    """All that is known when the members have been trained.

    Attributes
    ----------
    layout : Layout
    family : Family
    members : Members
        Their mean is the model.
    start : Members
        Where the networks began.
    parts : sequence of Part
    densities : dict of str to ndarray
        Training weight at each coefficient, by term.
    dispersion : float
    effective_df : float
    helpful : dict of str to bool
        Whether a term stays, by name.
    directions : mapping of str to {-1, 1}
    level_variance : dict of str to float
        How much the categories of a feature differ, by its name.
    intercept_precision : ndarray of shape (n_predictors,)
        Information that the rows carry about the intercept.
    """

    layout: Layout
    family: Family
    members: Members
    start: Members
    parts: Sequence[Part]
    densities: Mapping[str, np.ndarray]
    dispersion: float
    effective_df: float
    helpful: Mapping[str, bool]
    directions: Mapping[str, int]
    level_variance: Mapping[str, float]
    intercept_precision: np.ndarray

    @property
    def n_rows(self) -> float:
        """Training weight."""
        return float(next(iter(self.densities.values())).sum())


def to_additive_model(fitted: Fitted, confidence_level: float) -> AdditiveModel:
    """The mean over the members, centred, with its band.

    The variance behind the band is the posterior variance of the penalised fit plus the
    delete-d jackknife variance of what the networks added.
    """
    contrasts = fitted.family.contrasts
    intercept = contrasts @ fitted.members.intercept.mean(axis=1)
    reach = _quantile(fitted, confidence_level)
    variances = _variances(fitted)
    coefficients = fitted.members.coefficients.mean(axis=2)
    tables = _tables(fitted, coefficients)
    terms = []
    for term, table in zip(fitted.layout.terms, tables, strict=True):
        here = fitted.layout.slices[term.name]
        density = fitted.densities[term.name]
        width = reach * term.table(np.sqrt(variances[here] @ contrasts.T**2))
        if not fitted.helpful[term.name]:
            # What was taken away may have been true: the band still holds it.
            width = width + np.abs(term.table(coefficients[here] @ contrasts.T))
        if len(term.axes) == 1:
            intercept = intercept + _centre(table, term, density)
        axis = term.axes[0]
        if len(term.axes) == 1 and axis.unseen_index is not None:
            width[axis.unseen_index] = reach * np.sqrt(
                fitted.level_variance[axis.name]
                + (width[: axis.n_values] / reach).max(axis=0, initial=0.0) ** 2
            )
        terms.append(Term(term.axes, table, table - width, table + width, density))
    model = AdditiveModel(intercept, tuple(terms), fitted.family.link)
    return purify(model) if any(len(term.axes) == 2 for term in terms) else model


def _quantile(fitted: Fitted, confidence_level: float) -> float:
    share = (1 + confidence_level) / 2
    if fitted.family.dispersion_known:
        return float(norm.ppf(share))
    return float(student_t.ppf(share, max(fitted.n_rows - fitted.effective_df, 1.0)))


def _variances(fitted: Fitted) -> np.ndarray:
    """Variance of every coefficient, shape (n_columns, n_predictors)."""
    added = fitted.members.coefficients - fitted.start.coefficients
    variances = np.zeros(added.shape[:2])
    if added.shape[2] > 1:
        # Members share most of their rows: Shao & Wu (1989), Annals of Statistics 17:1176-1197.
        variances += added.var(axis=2, ddof=1) * (DRAWN / (1 - DRAWN))
    for part in fitted.parts:
        variances[part.here] += np.diagonal(part.band, axis1=1, axis2=2).T
    return variances


def _tables(fitted: Fitted, coefficients: np.ndarray) -> list[np.ndarray]:
    """Tables of all terms, flat where they do not help, with their directions kept exactly."""
    layout, contrasts = fitted.layout, fitted.family.contrasts
    tables = []
    for term in layout.terms:
        helps = fitted.helpful[term.name]
        tables.append(helps * term.table(coefficients[layout.slices[term.name]] @ contrasts.T))
    if not fitted.directions:
        return tables
    # A pair that stays needs its main effects, whether they help or not.
    order = MonotoneOrder([term.axes for term in layout.terms], fitted.directions)
    density = np.concatenate([fitted.densities[term.name].ravel() for term in layout.terms])
    flat = order.settled(np.concatenate([table.ravel() for table in tables]), density)
    return [flat[h].reshape(t.shape) for h, t in zip(order.slices, tables, strict=True)]


def _centre(table: np.ndarray, term: TermColumns, density: np.ndarray) -> np.ndarray:
    """Take its mean off a main effect, and return it."""
    axis = term.axes[0]
    mean = (density.ravel() @ table) / density.sum()
    table -= mean
    # Nobody was missing, or unseen by definition: the best guess is the average patient.
    slots = np.arange(axis.n_values, axis.size)
    table[slots[density.ravel()[slots] == 0]] = 0.0
    return mean


def category_variances(layout: Layout, coefficients: np.ndarray) -> dict[str, float]:
    """How much the categories of each feature differ, by its name."""
    found = {}
    for term in layout.terms:
        axis = term.axes[0]
        if len(term.axes) == 1 and isinstance(axis, CategoricalAxis):
            here = layout.slices[term.name]
            values = coefficients[here][: axis.n_values]
            found[axis.name] = float(values.var(axis=0).max()) if axis.n_values else 0.0
    return found
