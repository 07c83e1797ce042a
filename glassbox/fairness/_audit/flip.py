"""What happens to predictions when a sensitive feature alone is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from glassbox.core.attributes import MISSING, Attribute
from glassbox.fairness._audit.groupings import largest

COLUMNS = ["attribute", "feature", "change", "mean_change", "max_change"]
ARROW = "\N{RIGHTWARDS ARROW}"


def flips(
    predict: Callable[[Any], np.ndarray], X: Any, attribute: Attribute, min_cell: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Change one column for all rows, and compare predictions.

    Parameters
    ----------
    predict : callable
        From a table to predictions of shape (n_rows, n_outputs).
    X : DataFrame or ndarray
    attribute : Attribute
        As it is read from the column of X that has its name.
    min_cell : int
        Groups of fewer rows are not taken.

    Yields
    ------
    change : str
        Groups as "a → b", each against the largest; amounts as "+1 SD".
    mean_change, max_change : ndarray of shape (n_outputs,)
        Mean and largest absolute difference of the predictions.
    """
    if attribute.kind == "numeric":
        moved = _moved(X, attribute.name, float(np.nanstd(attribute.values)))
        yield "+1 SD", *_sizes(predict(X), predict(moved))
        return
    counts = np.bincount(attribute.codes, minlength=len(attribute.levels))
    base = largest(attribute.levels, counts)
    before = None
    for k, level in enumerate(attribute.levels):
        if k == base or level == MISSING or counts[k] < min_cell or counts[base] < min_cell:
            continue
        if before is None:
            before = predict(_filled(X, attribute, base))
        after = predict(_filled(X, attribute, k))
        yield f"{attribute.levels[base]} {ARROW} {level}", *_sizes(before, after)


def _sizes(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    change = np.abs(after - before)
    return change.mean(axis=0), change.max(axis=0)


def _filled(X: Any, attribute: Attribute, group: int) -> Any:
    """X with the value of one group in every row, in the column's own type."""
    row = int(np.argmax(attribute.codes == group))
    everywhere = np.full(attribute.n_rows, row)
    if isinstance(X, pd.DataFrame):
        label, changed = _label(X, attribute.name), X.copy()
        changed[label] = X[label].take(everywhere).set_axis(X.index)
        return changed
    if nw.dependencies.is_into_dataframe(X):
        frame = nw.from_native(X, eager_only=True)
        return frame.with_columns(frame[attribute.name][everywhere]).to_native()
    changed = np.array(X)
    position = int(attribute.name[1:])
    changed[:, position] = changed[row, position]
    return changed


def _moved(X: Any, name: str, by: float) -> Any:
    if isinstance(X, pd.DataFrame):
        changed = X.copy()
        changed[_label(X, name)] = X[_label(X, name)].astype(float) + by
        return changed
    if nw.dependencies.is_into_dataframe(X):
        frame = nw.from_native(X, eager_only=True)
        return frame.with_columns(nw.col(name).cast(nw.Float64) + by).to_native()
    changed = np.array(X)
    if changed.dtype != object:
        changed = changed.astype(float)
    changed[:, int(name[1:])] += by
    return changed


def _label(X: pd.DataFrame, name: str) -> Any:
    """A column's own label: those without names are called x0, x1, ..."""
    return name if name in X.columns else X.columns[int(name[1:])]
