"""The table described: what each column holds, overall and by outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.core.schema import ColumnSchema
from glassbox.report._format import UNKNOWN, count, number, share
from glassbox.report._study import Study

_MOST_LEVELS = 12
_MOST_GROUPS = 4


@dataclass(frozen=True)
class SummaryRow:
    """One line of the description: a column, or one level of it.

    Attributes
    ----------
    title : str
    is_level : bool
        Whether the line is a level of the column above.
    missing : str
        Number and share of missing values; empty for levels.
    cells : list of str
        One per group of the table.
    """

    title: str
    is_level: bool
    missing: str
    cells: list[str]


@dataclass(frozen=True)
class Description:
    """A table with one group of cells for all rows, and one per class if these are few.

    Attributes
    ----------
    groups : list of (str, int)
        Name and number of rows of each group.
    rows : list of SummaryRow
    n_missing : int
        Cells of predictors without a value.
    n_cells : int
    n_complete : int
        Rows without any missing predictor.
    """

    groups: list[tuple[str, int]]
    rows: list[SummaryRow]
    n_missing: int
    n_cells: int
    n_complete: int


def describe_table(study: Study, class_titles: list[str]) -> Description:
    """Describe the predictors of a study.

    Parameters
    ----------
    study : Study
    class_titles : list of str
        What readers call the classes; empty for a regression.

    Returns
    -------
    Description
        Numeric columns by median and quartiles, categories by number and share.
    """
    members = [np.ones(len(study.X), dtype=bool)]
    names = ["All rows"]
    if 0 < len(class_titles) <= _MOST_GROUPS:
        members += [study.outcome.codes == k for k in range(len(class_titles))]
        names += class_titles
    rows = []
    for column in study.schema.columns:
        rows += _summary(
            study.X[column.name], column, members, study.dictionary.title(column.name)
        )
    missing = study.X.isna().to_numpy()
    return Description(
        groups=[(name, int(rows_of.sum())) for name, rows_of in zip(names, members, strict=True)],
        rows=rows,
        n_missing=int(missing.sum()),
        n_cells=missing.size,
        n_complete=int((~missing.any(axis=1)).sum()),
    )


def _summary(
    values: pd.Series, column: ColumnSchema, members: list[np.ndarray], title: str
) -> list[SummaryRow]:
    n_missing = int(values.isna().sum())
    missing = f"{count(n_missing)} ({share(n_missing, len(values))})" if n_missing else "0"
    parts = [values[rows].dropna() for rows in members]
    if column.kind == "numeric" and not _is_flag(values):
        return [SummaryRow(title, False, missing, [_quartiles(part) for part in parts])]
    if column.kind == "numeric":
        return [SummaryRow(f"{title} = 1", False, missing, [_share_of(part, 1) for part in parts])]
    head = SummaryRow(title, False, missing, [""] * len(parts))
    levels = _shown_levels(values, column)
    lines = [
        SummaryRow(str(level), True, "", [_share_of(part, level) for part in parts])
        for level in levels
    ]
    rest = len(column.categories) - len(levels)
    if rest:
        others = [part[~part.isin(levels)] for part in parts]
        cells = [_counted(len(o), len(part)) for o, part in zip(others, parts, strict=True)]
        lines.append(SummaryRow(f"{rest:,} other categories", True, "", cells))
    return [head, *lines]


def _is_flag(values: pd.Series) -> bool:
    return set(values.dropna().unique()) <= {0, 1}


def _shown_levels(values: pd.Series, column: ColumnSchema) -> list:
    levels = list(column.categories)
    if len(levels) <= _MOST_LEVELS:
        return levels
    frequent = set(values.value_counts().index[: _MOST_LEVELS - 1])
    return [level for level in levels if level in frequent]


def _quartiles(values: pd.Series) -> str:
    if values.empty:
        return UNKNOWN
    low, middle, high = np.quantile(values.to_numpy(dtype=np.float64), [0.25, 0.5, 0.75])
    return f"{number(middle)} [{number(low)}, {number(high)}]"


def _share_of(values: pd.Series, level: object) -> str:
    return _counted(int((values == level).sum()), len(values))


def _counted(part: int, total: int) -> str:
    return f"{count(part)} ({share(part, total)})" if total else UNKNOWN
