"""What displays of an audit have in common: which rows they draw, and what those are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._joint import title_beyond_tables
from glassbox.plots._labels import MINUS, number, wrap

#: How the name of a pair joins those of its columns.
_AND = " & "
#: What models with one score do not have.
OUTPUT = "output"


def rows_of(frame: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """The rows with one value of a column; all of them, where there is but one value.

    Parameters
    ----------
    frame : DataFrame
    column : str
    value : object
        None: the only one there is.

    Raises
    ------
    ValueError
        Naming the values, if none was chosen of several, or one that is not there.
    """
    held = list(dict.fromkeys(frame[column]))
    if value is None and len(held) == 1:
        value = held[0]
    if value is None or value not in held:
        listed = ", ".join(map(repr, held)) or "none"
        got = "was not chosen" if value is None else f"{value!r} is not in the audit"
        raise ValueError(f"{column} {got}; it holds {listed}. Choose with {column}=.")
    return frame[frame[column] == value]


def rows_of_attribute(frame: pd.DataFrame, attribute: str | None) -> pd.DataFrame:
    """The rows of one sensitive feature, by default the first.

    Raises
    ------
    ValueError
        Naming the features, if that one is not there, or if there are no rows.
    """
    if attribute is None and len(frame):
        attribute = frame["attribute"].iloc[0]
    return rows_of(frame, "attribute", attribute)


def rows_of_output(frame: pd.DataFrame, output: Any) -> pd.DataFrame:
    """The rows of one class of several; those of a model with one score are all."""
    if OUTPUT in frame:
        return rows_of(frame, OUTPUT, output)
    if output is not None:
        raise ValueError(f"output={output!r}: the model has one score; leave output away.")
    return frame


def check_columns(frame: pd.DataFrame, needed: Iterable[str], what: str) -> None:
    """Refuse a frame that lacks a column.

    Raises
    ------
    ValueError
    """
    for name in needed:
        if name not in frame:
            held = ", ".join(map(str, frame.columns))
            raise ValueError(f"{what} needs a column {name!r}; the frame has {held}.")


def title_of(name: str, dictionary: DataDictionary | None) -> str:
    """What readers call a column, a pair of columns, or an intersection of attributes."""
    if dictionary is None:
        return title_beyond_tables(name)
    parts = [name] if name in dictionary else name.split(_AND)
    if not all(part in dictionary for part in parts):
        return title_beyond_tables(name)
    return " × ".join(dictionary.title(part) for part in parts)


def label_of(name: str, dictionary: DataDictionary | None) -> str:
    """The same without units: in a sentence, or where groups are named."""
    if dictionary is None:
        return name
    parts = [name] if name in dictionary else name.split(_AND)
    return _AND.join(dictionary.describe(part).label for part in parts)


def unit_of(audit: Any) -> str:
    """Unit of the contributions that an audit decomposes."""
    settings = getattr(audit, "settings", {})
    if settings.get("task") != "classification":
        return "score"
    return "class score" if len(settings["outputs"]) > 1 else "log-odds"


def short(value: float) -> str:
    """A figure with two digits of use: 0.27, 0.031."""
    return number(float(f"{value:.2g}"))


def signed(value: float) -> str:
    """The same with its sign, which colour alone must not carry."""
    text = short(abs(value))
    return text if value == 0 else f"{'+' if value > 0 else MINUS}{text}"


def interval(value: float, lower: float, upper: float) -> str:
    """A figure with its interval, where it has one."""
    text = short(value)
    if pd.notna(lower) and pd.notna(upper):
        text += f" ({short(lower)} to {short(upper)})"
    return text


def ratio(value: float, lower: float, upper: float) -> str:
    """A ratio or a slope, which is one at best, with two decimals."""
    text = f"{value:.2f}"
    if pd.notna(lower) and pd.notna(upper):
        text += f" ({lower:.2f} to {upper:.2f})"
    return text.replace("-", MINUS)


def wrap_lines(text: str, width: int) -> str:
    """Break long lines, and keep those that there are."""
    return "\n".join(wrap(line, width) for line in text.split("\n"))


def probability(p: float) -> str:
    """A p-value in words; nothing where it is unknown."""
    if pd.isna(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {float(f'{p:.2g}'):g}"


def left_out(rows: pd.DataFrame, name: str) -> str:
    """A sentence about rows that have a reason instead of a figure; "" where there are none."""
    if "reason" not in rows:
        return ""
    by_reason = rows[rows["reason"] != ""].groupby("reason", sort=False)[name]
    listed = [f"{', '.join(dict.fromkeys(map(str, held)))} ({why})" for why, held in by_reason]
    return f"Not drawn: {'; '.join(listed)}." if listed else ""


def dress_bars(ax: Axes, labels: list[str]) -> None:
    """A horizontal list: names on the left, nothing around it."""
    ax.set_yticks(range(len(labels)), labels, fontsize=_style.FONT, parse_math=False)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=_style.FONT)
    ax.spines[["top", "right", "left"]].set_visible(False)


def dress_plane(ax: Axes) -> None:
    """Two numeric axes with a light grid."""
    ax.tick_params(labelsize=_style.FONT, length=2.5)
    ax.grid(color="0.92", linewidth=0.5)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
