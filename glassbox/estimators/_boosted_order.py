"""Freely boosted tables made monotone, with the least change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.density import count_density
from glassbox.core.refine import common_axis, refine
from glassbox.core.terms import Term
from glassbox.solvers.nearest import nearest_by_weights
from glassbox.solvers.order import MonotoneOrder, linked

# Rows that every cell has on top of its own: without any, it must not move at no cost.
_EMPTY_CELL = 0.1

# Of the largest coefficient.
_NO_VIOLATION = 1e-13


def nearest_monotone_model(
    model: AdditiveModel, directions: Mapping[str, int], columns: Columns, weights: np.ndarray
) -> tuple[AdditiveModel, dict[str, float]]:
    """The monotone model whose tables differ least from those of a model of step functions.

    Parameters
    ----------
    model : AdditiveModel
        Of one output and steps. Features with a direction that take part in pairs have a main
        effect.
    directions : mapping of str to {-1, 1}
        Features without a direction may turn, whatever they are in the model.
    columns : mapping of str to ndarray
        Typed columns of the training table.
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    model : AdditiveModel
        In which the features keep their directions, exactly. Bands move with their coefficients.
        Main effects of features with a direction are on axes with the cuts of their pairs.
    changes : dict of str to float
        By term: root of the mean squared change over the training rows, on the link scale.

    Notes
    -----
    Minimises the sum of squared changes, weighted by the rows in each cell (plus a tenth of
    one, for those without), over main effects and pairs of all features with a direction together.
    Features that keep their direction already, and are tied by pairs to none that turns, stay as
    they are.

    Examples
    --------
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([20.0, 40.0, 60.0, 80.0]))
    >>> model = AdditiveModel(0.0, (Term((age,), np.array([0.0, 2.0, 1.0, 0.0])),))
    >>> rows = {"age": np.array([30.0, 50.0, 70.0])}
    >>> nearest, changes = nearest_monotone_model(model, {"age": 1}, rows, np.ones(3))
    >>> nearest["age"].coefficients.ravel().round(6)
    array([-0. ,  1.5,  1.5,  0. ])
    >>> round(changes["age"], 6)
    0.408248
    """
    directions = {name: sign for name, sign in directions.items() if name in model.features}
    model = _on_common_axes(model, directions)
    terms = _terms_of(model, directions)
    changes = {term.name: 0.0 for term in terms}
    names = linked(_violated(terms, directions), (term.features for term in terms), directions)
    directions = {name: sign for name, sign in directions.items() if name in names}
    if not directions:
        return model, changes
    terms = _terms_of(model, directions)
    counts = [count_density(term.axes, columns, weights) for term in terms]
    order = MonotoneOrder([term.axes for term in terms], directions)
    cost = np.concatenate([count.ravel() for count in counts]) + _EMPTY_CELL * weights.mean()
    nearest = nearest_by_weights(_flat(terms), order, cost)
    mended = {}
    for term, count, here in zip(terms, counts, order.slices, strict=True):
        table = nearest[here].reshape(term.coefficients.shape)
        squares = (table - term.coefficients)[..., 0] ** 2
        changes[term.name] = float(np.sqrt(np.average(squares, weights=count)))
        mended[term.name] = term.replace(coefficients=table)
    return model.replace(terms=tuple(mended.get(t.name, t) for t in model.terms)), changes


def _on_common_axes(model: AdditiveModel, names: Mapping[str, int]) -> AdditiveModel:
    """The model with main effects on axes that have the cuts of their pairs."""

    def finer(term: Term) -> Term:
        if len(term.axes) == 2 or term.name not in names:
            return term
        axes = [axis for t in model.terms for axis in t.axes if axis.name == term.name]
        return refine(term, [reduce(common_axis, axes)])

    return model.replace(terms=tuple(finer(term) for term in model.terms))


def _terms_of(model: AdditiveModel, names: Mapping[str, int]) -> list[Term]:
    return [term for term in model.terms if set(term.features) & set(names)]


def _flat(terms: list[Term]) -> np.ndarray:
    return np.concatenate([term.coefficients.ravel() for term in terms])


def _violated(terms: list[Term], directions: Mapping[str, int]) -> set[str]:
    """Features that turn."""
    if not terms:
        return set()
    flat = _flat(terms)
    slack = MonotoneOrder([term.axes for term in terms], directions).slack(flat)
    rounding = _NO_VIOLATION * np.abs(flat).max()
    return {name for name, spare in slack.items() if (spare < -rounding).any()}
