"""From a fitted explainable boosting machine of interpret to a glassbox model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, Axis, CategoricalAxis, NumericAxis
from glassbox.core.schema import ColumnSchema
from glassbox.core.terms import Term
from glassbox.estimators._training import TrainingTable

_LINKS = {"identity": "identity", "logit": "logit", "log": "log", "mlogit": "softmax"}


def to_interpret(table: TrainingTable) -> tuple[pd.DataFrame, list[str]]:
    """The table as interpret reads it best, and the type of each column.

    Columns are called by their number, so that no name of the user's can collide with
    interpret's own. Ordered categories travel as numbers: a cut between two of them keeps their
    order.
    """
    frame, types = {}, []
    for j, column in enumerate(table.schema.columns):
        values = table.columns[column.name]
        if column.kind == "categorical" and not column.ordered:
            levels = [str(code) for code in range(len(column.categories))]
            frame[str(j)] = pd.Categorical.from_codes(values, categories=levels)
            types.append("nominal")
        else:
            frame[str(j)] = (
                np.where(values == MISSING_CODE, np.nan, values)
                if (column.kind == "categorical")
                else values
            )
            types.append("continuous")
    return pd.DataFrame(frame), types


@dataclass(frozen=True)
class BinnedAxis:
    """A glassbox axis, and which of interpret's bins each of its coefficients is read from."""

    axis: Axis
    bins: np.ndarray


def read_ebm(ebm, table: TrainingTable) -> tuple[AdditiveModel, list[np.ndarray]]:
    """Read a fitted EBM into the table language, exactly.

    Parameters
    ----------
    ebm : fitted ExplainableBoostingClassifier or ExplainableBoostingRegressor
        Trained on the output of :func:`to_interpret`.
    table : TrainingTable

    Returns
    -------
    model : AdditiveModel
        With the same scores as the EBM's decision function.
    bags : list of ndarray of shape (n_bags, *table shape)
        For each term, the coefficients of every bag.
    """
    axes: dict[tuple[int, int], BinnedAxis] = {}

    def binned_axis(feature: int, n_dimensions: int) -> BinnedAxis:
        levels = ebm.bins_[feature]
        level = min(n_dimensions, len(levels)) - 1
        if (feature, level) not in axes:
            column = table.schema.columns[feature]
            axes[feature, level] = _binned_axis(column, levels[level], table.columns[column.name])
        return axes[feature, level]

    terms, bags = [], []
    for t, features in enumerate(ebm.term_features_):
        binned = [binned_axis(feature, len(features)) for feature in features]
        cells = np.ix_(*(b.bins for b in binned))
        coefficients = np.asarray(ebm.term_scores_[t], dtype=np.float64)[cells]
        bag_cells = (slice(None), *np.ix_(*(b.bins for b in binned)))
        every_bag = np.asarray(ebm.bagged_scores_[t], dtype=np.float64)[bag_cells]
        term = Term(tuple(b.axis for b in binned), coefficients)
        terms.append(term)
        bags.append(every_bag.reshape(len(every_bag), *term.coefficients.shape))
    return AdditiveModel(ebm.intercept_, tuple(terms), _LINKS[ebm.link_]), bags


def _binned_axis(column: ColumnSchema, bins, values: np.ndarray) -> BinnedAxis:
    if isinstance(bins, dict):
        axis = CategoricalAxis(column.name, column.categories)
        n_bins = max(bins.values(), default=0)
        unseen = n_bins + 1
        of_category = [bins.get(str(code), unseen) for code in range(axis.n_values)]
        return BinnedAxis(axis, np.array([*of_category, 0, unseen]))
    cuts = np.asarray(bins, dtype=np.float64)
    unseen = len(cuts) + 2
    if column.kind == "categorical":
        axis = CategoricalAxis(column.name, column.categories, ordered=True)
        of_category = np.searchsorted(cuts, np.arange(axis.n_values), side="right") + 1
        return BinnedAxis(axis, np.array([*of_category, 0, unseen]))
    axis = NumericAxis(column.name, with_edges(cuts, values))
    return BinnedAxis(axis, np.array([*range(1, unseen), 0]))


def with_edges(cuts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Cuts as the inner knots of an axis whose outer knots are the edges of the data."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.array([0.0, 1.0]) if not len(cuts) else _widened(cuts, cuts[0], cuts[-1])
    return _widened(cuts, present.min(), present.max())


def _widened(cuts: Sequence[float], low: float, high: float) -> np.ndarray:
    if len(cuts):
        low = low if low < cuts[0] else np.nextafter(cuts[0], -np.inf)
        high = high if high > cuts[-1] else np.nextafter(cuts[-1], np.inf)
    elif low == high:
        low, high = low - 0.5, high + 0.5
    return np.array([low, *cuts, high])
