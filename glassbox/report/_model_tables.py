"""The exact model, term by term, as tables for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from glassbox.core.dictionary import DataDictionary
from glassbox.report._format import count, fixed

# A larger table than this helps nobody on a page; the model file has it.
_MOST_CELLS = 2_500
_DIGITS = 4


@dataclass(frozen=True)
class TermTable:
    """One term.

    Attributes
    ----------
    title : str
    caption : str
        How to read the table.
    header : list of str
    rows : list of list of str
        The first cell names the row. Empty if the table is too large for a page.
    """

    title: str
    caption: str
    header: list[str]
    rows: list[list[str]]


def term_tables(est: Any, dictionary: DataDictionary) -> list[TermTable]:
    """Every term of a fitted estimator, in the order of the model; one table per class of a pair.

    Parameters
    ----------
    est : estimator
    dictionary : DataDictionary
    """
    tables = []
    for name in est.term_names_:
        shape = est.shape_function(name)
        title = " × ".join(dictionary.title(feature) for feature in shape.attrs["features"])
        if "x1" not in shape:
            tables.append(_main_table(shape, title))
        elif "output" not in shape:
            tables.append(_pair_table(shape, title))
        else:
            degrees = shape.attrs["degrees"]
            for output, part in shape.groupby("output", sort=False):
                part.attrs["degrees"] = degrees
                tables.append(_pair_table(part, f"{title}, class {output}"))
    return tables


def _main_table(shape: pd.DataFrame, title: str) -> TermTable:
    degree, is_categorical = shape.attrs["degrees"][0], shape.attrs["categorical"][0]
    steps = degree == 0 and not is_categorical
    parts = [("", shape)]
    if "output" in shape:
        parts = [(f" {output}", part) for output, part in shape.groupby("output", sort=False)]
    first = parts[0][1]
    if steps:
        # The last value repeats the last step.
        edge = first.index[first["kind"] == "value"][-1] - first.index[0]
        parts = [(name, part.drop(part.index[edge])) for name, part in parts]
        first = parts[0][1]
    has_band = first["lower"].notna().any()
    header = ["Range" if steps else "Value"]
    columns = [_step_names(first) if steps else [_place(r.x, r.kind) for r in first.itertuples()]]
    for name, part in parts:
        header.append(f"Score{name}")
        columns.append([fixed(v, _DIGITS) for v in part["score"]])
        if has_band:
            header.append(f"95 % band{name}")
            columns.append(
                [
                    f"{fixed(lo, _DIGITS)} to {fixed(up, _DIGITS)}" if pd.notna(lo) else "–"
                    for lo, up in zip(part["lower"], part["upper"], strict=True)
                ]
            )
    header.append("Rows")
    columns.append([count(weight) for weight in first["weight"]])
    return TermTable(title, _how_to_read(degree, is_categorical), header, _transposed(columns))


def _pair_table(shape: pd.DataFrame, title: str) -> TermTable:
    caption = "Score by the first column (rows of the table) and the second. " + (
        "A number stands for the step that begins there; smaller numbers belong to the first step."
        if max(shape.attrs["degrees"]) == 0
        else "Values at points of the surface; model.json holds its coefficients."
    )
    if len(shape) > _MOST_CELLS:
        caption = f"{len(shape):,} cells are too many for a page; model.json holds them."
        return TermTable(title, caption, [], [])
    one = [_place(*pair) for pair in zip(shape["x1"], shape["kind1"], strict=True)]
    two = [_place(*pair) for pair in zip(shape["x2"], shape["kind2"], strict=True)]
    rows, header = list(dict.fromkeys(one)), list(dict.fromkeys(two))
    score = {
        (row, column): fixed(value, _DIGITS)
        for row, column, value in zip(one, two, shape["score"], strict=True)
    }
    body = [[row, *(score[row, column] for column in header)] for row in rows]
    return TermTable(title, caption, ["", *header], body)


def _step_names(shape: pd.DataFrame) -> list[str]:
    starts = shape.loc[shape["kind"] == "value", "x"].tolist()
    if len(starts) == 1:
        names = ["any value"]
    else:
        inner = [
            f"{_exact(low)} to below {_exact(high)}"
            for low, high in zip(starts[1:-1], starts[2:], strict=True)
        ]
        names = [f"below {_exact(starts[1])}", *inner, f"{_exact(starts[-1])} and above"]
    return names + shape.loc[shape["kind"] != "value", "kind"].tolist()


def _place(x: Any, kind: str) -> str:
    if kind != "value":
        return kind
    return _exact(x) if isinstance(x, float) else str(x)


def _exact(x: float) -> str:
    # All digits: a patient whose value is a cut must be found on the right side of it.
    return repr(float(x)).removesuffix(".0")


def _how_to_read(degree: int, is_categorical: bool) -> str:
    if is_categorical:
        return "One score per category."
    return {
        0: "One score per step.",
        1: "Straight lines join the values; beyond the ends, see model.json.",
        3: "Values at points of a cubic curve; model.json holds its coefficients.",
    }[degree]


def _transposed(columns: list[list[str]]) -> list[list[str]]:
    return [list(row) for row in zip(*columns, strict=True)]
