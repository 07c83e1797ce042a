"""Layouts over the columns of small tables."""

import numpy as np

from glassbox.core.axes import CategoricalAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.solvers._knots import choose_axis


def layout_of(columns, weights=None, *, n_knots=24, pairs=()):
    """Straight lines over numbers, one coefficient per category code, then pairs."""
    axes = {}
    for name, column in columns.items():
        if column.dtype.kind == "i":
            axes[name] = CategoricalAxis(name, tuple(range(column.max() + 1)))
            continue
        own = np.ones(len(column)) if weights is None else weights
        axes[name] = choose_axis(name, column, own, n_knots, "quantile", degree=1)
    mains = tuple(TermColumns((axis,)) for axis in axes.values())
    return Layout(mains + tuple(TermColumns((axes[a], axes[b])) for a, b in pairs))
