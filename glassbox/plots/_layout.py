"""Where panels go on a figure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from glassbox.plots import _style

#: Mean width of a character of matplotlib's own font, in font sizes, on the safe side.
_CHARACTER_WIDTH = 0.55
#: Inches.
_LIST_WIDTH = 6.5


def place(widths: list[int], n_columns: int) -> list[tuple[int, int, int]]:
    """Row, column and width of each panel, filled row by row.

    Parameters
    ----------
    widths : list of int
        How many columns each panel takes.
    n_columns : int

    Returns
    -------
    list of (row, column, width)
    """
    places, row, column = [], 0, 0
    for width in widths:
        width = min(width, n_columns)
        if column + width > n_columns:
            row, column = row + 1, 0
        places.append((row, column, width))
        column += width
    return places


def new_figure(width: float, height: float) -> Figure:
    """A figure of that many inches, in the hands of pyplot, which shows it in a notebook."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def new_list(labels: Sequence[str], room: float, line: float, least: float = 1.0) -> Axes:
    """Axes of a new figure for a list of bars, as high as the lines of their labels.

    Parameters
    ----------
    labels : sequence of str
        Wrapped.
    room, line : float
        Inches for all else, and for each line.
    least : float
        Lines that a bar takes at least.
    """
    n_lines = sum(max(least, label.count("\n") + 1) for label in labels)
    return new_figure(_LIST_WIDTH, room + line * n_lines).add_subplot()


def write_caption(figure: Figure, caption: str, fontsize: float) -> None:
    """Put a caption under everything else and keep room for it."""
    if not caption:
        return
    width, height = figure.get_size_inches()
    characters = int((width - 0.3) * 72 / (_CHARACTER_WIDTH * fontsize))
    lines = [line for part in caption.split("\n") for line in textwrap.wrap(part, characters)]
    room = (len(lines) * 1.3 * fontsize + 8) / 72
    figure.set_size_inches(width, height + room)
    share = room / (height + room)
    figure.get_layout_engine().set(rect=(0, share, 1, 1 - share))
    figure.text(
        0.06 / width * 2,
        share - 4 / 72 / (height + room),
        "\n".join(lines),
        fontsize=fontsize,
        color="0.25",
        ha="left",
        va="top",
        linespacing=1.2,
        parse_math=False,
    )


def grid_figure(n_rows: int, n_columns: int) -> Figure:
    """A figure for a grid of panels."""
    if n_columns == 1:
        return new_figure(_style.ONLY_PANEL_WIDTH + 0.5, _style.ONLY_PANEL_HEIGHT * n_rows)
    return new_figure(_style.PANEL_WIDTH * n_columns + 0.5, _style.PANEL_HEIGHT * n_rows)


def plain_texts(legend: Legend) -> None:
    """Keep dollar signs in a legend from being read as mathematics."""
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_parse_math(False)


def as_axes_list(ax: Any) -> list[Axes]:
    """One Axes, or several in any array, as a list."""
    return [ax] if isinstance(ax, Axes) else list(np.asarray(ax, dtype=object).ravel())
