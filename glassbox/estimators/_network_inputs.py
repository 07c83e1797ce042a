"""What a network sees of each feature: tables on the axes of the main effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glassbox.core.axes import Axis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.terms import Term

_FARTHEST = 3.0


@dataclass(frozen=True)
class NetworkInputs:
    """Tables through which a network reads its features.

    Attributes
    ----------
    directed : tuple of Term
        Of the features with a direction: one number that rises with the promised direction.
    others : tuple of Term
        Of all other features: numbers as one number, categories as one each; and for every
        feature with missing values, whether it is missing.
    readout : ndarray of shape (n_columns, n_inputs)
        The same tables over the columns of the layout, directed ones first.
    """

    directed: tuple[Term, ...]
    others: tuple[Term, ...]
    readout: np.ndarray

    @classmethod
    def of(
        cls,
        layout: Layout,
        densities: Mapping[str, np.ndarray],
        directions: Mapping[str, int],
    ) -> NetworkInputs:
        """Lay out the inputs of a network beside the tables of a layout."""
        directed, others = [], []
        mains = [term for term in layout.terms if len(term.axes) == 1]
        for main in mains:
            direction = directions.get(main.name, 0)
            axis, density = main.axes[0], densities[main.name]
            values = _values(axis, density, bool(direction))
            if direction:
                directed.append(Term(main.axes, direction * values))
                values = np.zeros((axis.size, 0))
            if density[axis.missing_index] > 0:
                missing = np.zeros((axis.size, 1))
                missing[axis.missing_index] = 1.0
                values = np.hstack([values, missing])
            if values.shape[1]:
                others.append(Term(main.axes, values))
        by_name = {main.name: main for main in mains}
        readout = [_over_columns(layout, by_name[t.name], t) for t in (*directed, *others)]
        nothing = np.zeros((layout.n_columns, 0))
        return cls(tuple(directed), tuple(others), np.hstack([nothing, *readout]))


def _values(axis: Axis, density: np.ndarray, directed: bool) -> np.ndarray:
    table = np.zeros((axis.size, 1))
    if isinstance(axis, NumericAxis):
        table[: axis.n_values, 0] = _scaled(axis.knots, density[: axis.n_values])
    elif directed or axis.ordered:
        table[: axis.n_values, 0] = _scaled(np.arange(axis.n_values), density[: axis.n_values])
    else:
        table = np.zeros((axis.size, axis.n_values))
        table[: axis.n_values] = np.eye(axis.n_values)
    return table


def _scaled(places: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Half way between standardised values and ranks, so that no outlier takes all the room."""
    if not density.sum() > 0:
        return np.zeros(len(places))
    weights = density / density.sum()
    mean = weights @ places
    spread = np.sqrt(weights @ (places - mean) ** 2)
    values = np.clip((places - mean) / max(spread, 1e-300), -_FARTHEST, _FARTHEST)
    ranks = np.cumsum(weights) - weights / 2
    return (values + np.sqrt(12) * (ranks - 0.5)) / 2


def _over_columns(layout: Layout, main: TermColumns, term: Term) -> np.ndarray:
    columns = np.zeros((layout.n_columns, term.n_outputs))
    columns[layout.slices[main.name]] = term.coefficients[main.slots]
    return columns
