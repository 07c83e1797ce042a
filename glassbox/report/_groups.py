"""Performance by group of the sensitive columns: a first look, not an audit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from glassbox.evaluation.calibration import observed_to_expected
from glassbox.evaluation.estimates import Estimate
from glassbox.evaluation.performance import auc
from glassbox.plots._labels import EN_DASH, number

#: Groups with fewer rows get no line of their own.
FEWEST_ROWS = 20
#: With fewer events, or fewer rows without, AUC and O/E say little and are left blank.
FEWEST_EVENTS = 10

_MISSING = "missing"
_MOST_LEVELS = 10
_QUARTERS = 4


@dataclass(frozen=True)
class GroupRow:
    """What is said of one group.

    Attributes
    ----------
    name : str
    n : int
    events : int or None
        None for regressions.
    observed, predicted : float
        Share of events, or mean outcome, and its mean prediction.
    auc, ratio : Estimate
        NaN where there are too few events, or for regressions.
    rmse : float
        NaN for classes.
    """

    name: str
    n: int
    events: int | None
    observed: float
    predicted: float
    auc: Estimate
    ratio: Estimate
    rmse: float


@dataclass(frozen=True)
class GroupTable:
    """One sensitive column.

    Attributes
    ----------
    rows : list of GroupRow
    n_small : int
        Groups that are too small to be shown.
    n_rows_small : int
        Rows in them.
    """

    rows: list[GroupRow]
    n_small: int
    n_rows_small: int


def group_table(groups: pd.Series, y: np.ndarray, mean: np.ndarray, is_event: bool) -> GroupTable:
    """Performance in each group of a sensitive column.

    Parameters
    ----------
    groups : Series of shape (n_rows,)
        Numbers with more than ten different values are cut into quarters; missing values are a
        group of their own.
    y : ndarray of shape (n_rows,)
        1 for events, 0 otherwise; or the outcome of a regression.
    mean : ndarray of shape (n_rows,)
        Out-of-fold predictions of it.
    is_event : bool
        Whether `y` counts events.

    Returns
    -------
    GroupTable
    """
    labels = _labels(groups)
    rows, small = [], []
    for name in labels.cat.categories:
        members = (labels == name).to_numpy()
        n = int(members.sum())
        if 0 < n < FEWEST_ROWS:
            small.append(n)
        elif n:
            rows.append(_row(str(name), y[members], mean[members], is_event))
    return GroupTable(rows, len(small), sum(small))


def _row(name: str, y: np.ndarray, mean: np.ndarray, is_event: bool) -> GroupRow:
    events = int(y.sum()) if is_event else None
    enough = is_event and FEWEST_EVENTS <= events <= len(y) - FEWEST_EVENTS
    unknown = Estimate(np.nan)
    return GroupRow(
        name=name,
        n=len(y),
        events=events,
        observed=float(y.mean()),
        predicted=float(mean.mean()),
        auc=auc(y > 0, mean) if enough else unknown,
        ratio=observed_to_expected(y, mean) if enough else unknown,
        rmse=np.nan if is_event else float(np.sqrt(((y - mean) ** 2).mean())),
    )


def _labels(groups: pd.Series) -> pd.Series:
    many = is_numeric_dtype(groups.dtype) and not is_bool_dtype(groups.dtype)
    if many and groups.nunique() > _MOST_LEVELS:
        quarters = pd.qcut(groups, _QUARTERS, duplicates="drop")
        named = quarters.cat.rename_categories(_interval_names(quarters, groups.min()))
    else:
        named = groups.astype("category")
        named = named.cat.rename_categories([_level_name(v) for v in named.cat.categories])
    if named.isna().any():
        name = _MISSING if _MISSING not in named.cat.categories else "(no value)"
        named = named.cat.add_categories([name]).fillna(name)
    return named


def _interval_names(quarters: pd.Series, lowest: float) -> list[str]:
    names = []
    for i, interval in enumerate(quarters.cat.categories):
        start = number(lowest) if i == 0 else f"above {number(interval.left)}"
        dash = EN_DASH if i == 0 else " to "
        names.append(f"{start}{dash}{number(interval.right)}")
    return names if len(set(names)) == len(names) else [str(i) for i in quarters.cat.categories]


def _level_name(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
