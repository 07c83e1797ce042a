"""How much training data stands behind each coefficient, and how much each term matters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel, Columns, row_blocks
from glassbox.core.axes import Axis


def with_density(model: AdditiveModel, columns: Columns, weights: np.ndarray) -> AdditiveModel:
    """The model with the density of every term counted from a table.

    Parameters
    ----------
    model : AdditiveModel
    columns : mapping of str to ndarray
        Typed columns of the training table.
    weights : ndarray of shape (n_rows,)
        Sample weights.

    Returns
    -------
    AdditiveModel
        Each term's ``density`` is the weighted column sum of its basis rows.
    """
    terms = (
        term.replace(density=count_density(term.axes, columns, weights)) for term in model.terms
    )
    return model.replace(terms=tuple(terms))


def count_density(axes: Sequence[Axis], columns: Columns, weights: np.ndarray) -> np.ndarray:
    """Weighted column sums of the basis rows on one axis, or on the tensor product of two.

    Parameters
    ----------
    axes : sequence of NumericAxis or CategoricalAxis
    columns : mapping of str to ndarray
        Typed columns.
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (*axis sizes,)
    """
    shape = tuple(axis.size for axis in axes)
    density = np.zeros(int(np.prod(shape)))
    for block in row_blocks(len(weights)):
        rows = [axis.locate(columns[axis.name][block]) for axis in axes]
        for offsets in product(*(range(r.width) for r in rows)):
            share = weights[block]
            for r, offset in zip(rows, offsets, strict=True):
                share = share * r.weight(offset)
            position = [r.first + offset for r, offset in zip(rows, offsets, strict=True)]
            index = np.ravel_multi_index(position, shape)
            density += np.bincount(index, weights=share, minlength=density.size)
    return density.reshape(shape)


def term_importances(model: AdditiveModel, columns: Columns, weights: np.ndarray) -> pd.Series:
    """Mean absolute contribution of each term over a table (and over the outputs)."""
    totals = np.zeros(len(model.terms))
    for block in row_blocks(len(weights)):
        here = {name: column[block] for name, column in columns.items()}
        sizes = np.abs(model.contributions(here)).mean(axis=2)
        totals += weights[block] @ sizes
    return pd.Series(totals / weights.sum(), index=model.term_names, name="importance")
