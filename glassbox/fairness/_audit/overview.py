"""Who the rows are: sizes, outcomes and missing values by group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core._tables import open_table
from glassbox.fairness._audit.groupings import Grouping, too_few

COLUMNS = [
    "attribute", "group", "n", "share", "events", "event_rate", "mean_prediction", "missing",
    "reason",
]  # fmt: skip


def missing_shares(X: Any, features: list[str] | None) -> np.ndarray | None:
    """Share of missing cells of each row; None without a table.

    Parameters
    ----------
    X : DataFrame, array-like or None
    features : list of str, optional
        The columns that count; all by default.
    """
    if X is None:
        return None
    table = open_table(X)
    names = table.names if features is None else features
    return np.mean([pd.isna(table.values(name)) for name in names], axis=0)


def overview_rows(
    truth: np.ndarray,
    prediction: np.ndarray | None,
    missing: np.ndarray | None,
    grouping: Grouping,
    *,
    classes: bool,
) -> Iterator[tuple]:
    """Rows of the overview, one per group.

    Parameters
    ----------
    truth : ndarray of shape (n_rows,)
    prediction : ndarray of shape (n_rows,), or None
    missing : ndarray of shape (n_rows,), or None
        Share of missing cells of each row.
    grouping : Grouping
    classes : bool
        Whether the outcome is an event.
    """
    total = len(truth)
    for k, level in enumerate(grouping.levels):
        inside = grouping.codes == k
        reason = grouping.reason(k)
        if reason:
            yield grouping.name, level, *(np.nan,) * 6, reason
            continue
        n = float(inside.sum())
        events = float(truth[inside].sum()) if classes else np.nan
        sizes = (n, n / total, events)
        if grouping.withheld[k]:
            sizes = (np.nan,) * 3
            reason = (
                f"size withheld: it would tell that of a group of {too_few(grouping.min_cell)}"
            )
        yield (
            grouping.name,
            level,
            *sizes,
            float(truth[inside].mean()),
            np.nan if prediction is None else float(prediction[inside].mean()),
            np.nan if missing is None else float(missing[inside].mean()),
            reason,
        )
