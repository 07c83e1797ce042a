"""How much training data stands behind each coefficient, and how much each term matters."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel, Columns, row_blocks
from glassbox.core.axes import BasisRows
from glassbox.core.terms import Term


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
    densities = [np.zeros(term.shape) for term in model.terms]
    for block in row_blocks(len(weights)):
        for term, density in zip(model.terms, densities, strict=True):
            rows = [axis.locate(columns[axis.name][block]) for axis in term.axes]
            _count(density, term, rows, weights[block])
    terms = (
        term.replace(density=density) for term, density in zip(model.terms, densities, strict=True)
    )
    return model.replace(terms=tuple(terms))


def _count(density: np.ndarray, term: Term, rows: list[BasisRows], weights: np.ndarray) -> None:
    flat = density.reshape(-1)
    for offsets in product(*(range(r.width) for r in rows)):
        share = weights
        for r, offset in zip(rows, offsets, strict=True):
            share = share * r.weight(offset)
        position = [r.first + offset for r, offset in zip(rows, offsets, strict=True)]
        index = np.ravel_multi_index(position, term.shape)
        flat += np.bincount(index, weights=share, minlength=flat.size)


def term_importances(model: AdditiveModel, columns: Columns, weights: np.ndarray) -> pd.Series:
    """Mean absolute contribution of each term over a table (and over the outputs)."""
    totals = np.zeros(len(model.terms))
    for block in row_blocks(len(weights)):
        here = {name: column[block] for name, column in columns.items()}
        sizes = np.abs(model.contributions(here)).mean(axis=2)
        totals += weights[block] @ sizes
    return pd.Series(totals / weights.sum(), index=model.term_names, name="importance")
