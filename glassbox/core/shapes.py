"""The exact function of a term, as a table that a plot can draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.core.axes import AxisGrid, CategoricalAxis
from glassbox.core.terms import Term


def shape_function(term: Term, outputs: Sequence | None = None) -> pd.DataFrame:
    """Every point that is needed to draw a term exactly.

    Parameters
    ----------
    term : Term
    outputs : sequence, optional
        Labels of the outputs (the classes of a multiclass model). If given, the result has one
        block of rows per output and a first column ``output``.

    Returns
    -------
    DataFrame
        Main effects: ``x``, ``kind``, ``score``, ``lower``, ``upper``, ``weight``. Pairs: ``x1``,
        ``kind1``, ``x2``, ``kind2`` and ``kind`` (the less ordinary of the two). ``x`` is a
        number or a category, and None where the kind is "missing" or "unseen". For steps it is
        the left end of each step, and the last value repeats the last step at the edge of the
        data; straight lines join the knots of degree 1; cubic pieces are given at eight points
        each. ``weight`` is the training weight at that coefficient. ``attrs`` holds ``term``,
        ``features``, ``degrees``, ``categorical`` and ``ordered``.

    Examples
    --------
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=0)
    >>> shape_function(Term((age,), np.array([-1.0, 1.0, 0.0])))[["x", "kind", "score"]]
          x     kind  score
    0  18.0    value   -1.0
    1  65.0    value    1.0
    2  90.0    value    1.0
    3  None  missing    0.0
    """
    grids = [axis.grid() for axis in term.axes]
    positions = [
        p.ravel() for p in np.meshgrid(*(np.arange(len(g.kinds)) for g in grids), indexing="ij")
    ]
    rows = [
        axis.locate(grid.column[position])
        for axis, grid, position in zip(term.axes, grids, positions, strict=True)
    ]
    n_points = len(positions[0])
    nothing = np.full((n_points, term.n_outputs), np.nan)
    tables = {
        "score": term.evaluate(rows),
        "lower": nothing if term.lower is None else term.evaluate(rows, term.lower),
        "upper": nothing if term.upper is None else term.evaluate(rows, term.upper),
    }
    weight = term.evaluate(rows, term.density)[:, 0]
    place = _place(grids, positions)
    blocks = []
    for k in range(term.n_outputs):
        values = {name: table[:, k] for name, table in tables.items()}
        block = pd.DataFrame({**place, **values, "weight": weight})
        if outputs is not None:
            block.insert(0, "output", [outputs[k]] * n_points)
        blocks.append(block)
    frame = pd.concat(blocks, ignore_index=True)
    frame.attrs = {
        "term": term.name,
        "features": list(term.features),
        "degrees": [axis.degree for axis in term.axes],
        "categorical": [isinstance(axis, CategoricalAxis) for axis in term.axes],
        "ordered": [getattr(axis, "ordered", False) for axis in term.axes],
    }
    return frame


def _place(grids: list[AxisGrid], positions: list[np.ndarray]) -> dict:
    if len(grids) == 1:
        return {"x": _objects(grids[0].labels), "kind": grids[0].kinds}
    kinds = [grid.kinds[position] for grid, position in zip(grids, positions, strict=True)]
    labels = [grid.labels[position] for grid, position in zip(grids, positions, strict=True)]
    both_values = (kinds[0] == "value") & (kinds[1] == "value")
    unseen = (kinds[0] == "unseen") | (kinds[1] == "unseen")
    return {
        "x1": _objects(labels[0]),
        "kind1": kinds[0],
        "x2": _objects(labels[1]),
        "kind2": kinds[1],
        "kind": np.where(both_values, "value", np.where(unseen, "unseen", "missing")),
    }


def _objects(labels: np.ndarray) -> pd.Series:
    """Labels as they are: pandas would turn None among text into NaN."""
    return pd.Series(labels, dtype=object)
