"""Two features together: a heat map, and conditional lines beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from glassbox.core.dictionary import Entry
from glassbox.plots import _style
from glassbox.plots._direction import Direction
from glassbox.plots._effects import PairAxis
from glassbox.plots._furniture import ticks_between
from glassbox.plots._labels import NO_BREAK_SPACE, number, unit_after, with_unit, wrap
from glassbox.plots._layout import plain_texts
from glassbox.plots._panels import Look, PairPanel
from glassbox.plots._scales import RatioLocator, Scale, dress_axis
from glassbox.plots._support import Support, point_shares

#: Patients within this share of the 1-99 % range of each feature count as standing at a cell.
WINDOW_SHARE = 1 / 10

#: Percentiles of the second feature at which conditional lines are drawn.
PERCENTILES = (10, 50, 90)

_MOST_LEVELS = 4


def pair_counts(panel: PairPanel) -> np.ndarray:
    """How many patients stand at each cell, shape (n_cells_1 + 1, n_cells_2 + 1).

    Those on the cell, or, if they are more, those within a window of a tenth of the 1-99 % range
    of each feature around its middle: a cell of a fine table holds hardly anybody alone. Missing
    slots and categories have no neighbours.
    """
    weight = panel.effect.weight
    for a, axis in enumerate(panel.effect.axes):
        shares = np.append(point_shares(axis.degree, axis.n_cells), 1.0)
        weight = weight * np.expand_dims(shares, 1 - a)
    first, second = map(_overlap, panel.effect.axes, panel.supports)
    return np.maximum(weight, first @ weight @ second.T)


def _overlap(axis: PairAxis, support: Support | None) -> np.ndarray:
    """Share of each cell's patients (column) within the window around each cell (row)."""
    n = axis.n_cells
    shares = np.eye(n + 1)
    if support is None or n < 2:
        return shares
    edges = axis.edges()
    low, high = support.central_range
    middle = (edges[1:] + edges[:-1]) / 2
    half = WINDOW_SHARE * (high - low) / 2
    left = np.maximum(middle[:, None] - half, edges[None, :-1])
    right = np.minimum(middle[:, None] + half, edges[None, 1:])
    shares[:n, :n] = np.clip(right - left, 0, None) / np.diff(edges)[None, :]
    return shares


def shown_pair(panel: PairPanel, scale: Scale, table: np.ndarray) -> np.ndarray:
    """Scores of one output as the scale shows them."""
    return _one_output(scale, panel.output_position, table)


def _one_output(scale: Scale, position: int, table: np.ndarray) -> np.ndarray:
    if scale.is_absolute:
        n_outputs = len(scale.null)
        full = np.zeros((*table.shape, n_outputs))
        full[..., position] = table
        return scale.forward(full)[..., position]
    return scale.forward(table)


@dataclass(frozen=True, eq=False)
class _Side:
    """One axis of the heat map: edges of value cells, and where *missing* is drawn."""

    axis: PairAxis
    entry: Entry
    edges: np.ndarray
    view: tuple[float, float]
    missing: tuple[float, float] | None
    direction: Direction

    @classmethod
    def of(cls, panel: PairPanel, a: int, full_range: bool) -> _Side:
        axis, entry, support = panel.effect.axes[a], panel.entries[a], panel.supports[a]
        direction = panel.directions[a]
        edges = axis.edges()
        low, high = edges[0], edges[-1]
        if support is not None and not full_range:
            low, high = support.central_range
        if panel.effect.weight.sum(axis=1 - a)[-1] <= 0:
            return cls(axis, entry, edges, (low, high), None, direction)
        span = high - low
        missing = (low - 0.15 * span, low - 0.05 * span)
        return cls(axis, entry, edges, (low, high), missing, direction)

    @property
    def limits(self) -> tuple[float, float]:
        low, high = self.view
        return (low - 0.16 * (high - low) if self.missing else low, high)

    def label(self, ax: Axes, which: str, look: Look) -> None:
        if self.axis.categorical:
            width = 12 if which == "x" else 18
            ticks = list(range(len(self.axis.points)))
            texts = [wrap(str(p).replace("/", "/ "), width) for p in self.axis.points]
        else:
            ticks = list(ticks_between(*self.view, 5))
            texts = [number(t) for t in ticks]
        if self.missing is not None:
            ticks.insert(0, sum(self.missing) / 2)
            texts.insert(0, "missing" if which == "y" else "\nmissing")
        size = look.fontsize - (1.5 if self.axis.categorical else 0)
        getattr(ax, f"set_{which}ticks")(ticks, texts, fontsize=size, parse_math=False)
        getattr(ax, f"set_{which}label")(
            wrap(self._title(), look.label_width if which == "x" else 24),
            fontsize=look.fontsize + 0.5,
            parse_math=False,
            color=_style.ALERT if self.direction.is_warning else "black",
        )
        getattr(ax, f"set_{which}lim")(*self.limits)

    def _title(self) -> str:
        # Unbroken: an arrow at the end of a line would look like a part of the name.
        mark = self.direction.mark.replace(" ", NO_BREAK_SPACE)
        return f"{self.entry.title} {mark}".rstrip()


def draw_heat_map(ax: Axes, panel: PairPanel, scale: Scale, look: Look) -> None:
    """Draw the table of a pair; cells with too few patients are masked.

    The mesh with gid "cells" holds the cells of ``shape_function``, "few" those that are masked.
    """
    panel = panel.number_across()
    effect = panel.effect
    sides = [_Side.of(panel, a, look.full_range) for a in range(2)]
    values = shown_pair(panel, scale, effect.score)
    few = pair_counts(panel) < look.min_pair_patients
    norm = _norm(values, few, scale, panel)
    for rows, x in _blocks(sides[0]):
        for columns, y in _blocks(sides[1]):
            z, masked = values[rows, columns].T, few[rows, columns].T
            is_table = rows.start == 0 and columns.start == 0
            lines = all(axis.degree > 0 for axis in effect.axes)
            if is_table and lines:
                mesh = ax.pcolormesh(
                    effect.axes[0].points,
                    effect.axes[1].points,
                    z,
                    shading="gouraud",
                    norm=norm,
                    cmap=_style.COLOUR_MAP,
                    rasterized=True,
                )
            else:
                mesh = ax.pcolormesh(x, y, z, norm=norm, cmap=_style.COLOUR_MAP, rasterized=True)
            mesh.set_clip_path(_visible(ax, sides, rows.start == 0, columns.start == 0))
            if is_table:
                mesh.set_gid("cells")
            if masked.any():
                grey = ax.pcolor(
                    x,
                    y,
                    np.ma.masked_where(~masked, np.ones_like(z)),
                    cmap=ListedColormap(["0.93"]),
                    hatch="//////",
                    edgecolor="0.7",
                    linewidth=0,
                    gid="few" if is_table else None,
                )
                grey.set_rasterized(True)
                grey.set_clip_path(_visible(ax, sides, rows.start == 0, columns.start == 0))
    for which, side in zip("xy", sides, strict=True):
        side.label(ax, which, look)
    ax.tick_params(length=2.5, pad=2)
    ax.set_facecolor("white")
    for spine in ax.spines.values():
        spine.set_visible(False)
    bar = ax.figure.colorbar(
        ScalarMappable(norm, _style.COLOUR_MAP), ax=ax, fraction=0.06, pad=0.02, aspect=25
    )
    if scale.is_ratio:
        bar.ax.yaxis.set_major_locator(RatioLocator())
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.3g}"))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    null = float(scale.null[panel.output_position])
    bar.ax.axhline(null, color="white", linewidth=1.5)
    bar.ax.tick_params(labelsize=look.fontsize - 1, length=2.5, pad=2)
    bar.set_label(scale.label, fontsize=look.fontsize)
    bar.outline.set_visible(False)


def _visible(ax: Axes, sides: list[_Side], *is_value: bool) -> Rectangle:
    """The part of the panel in which values, or the missing slot, of each side are drawn."""
    (x0, x1), (y0, y1) = (
        side.view if value else side.missing for side, value in zip(sides, is_value, strict=True)
    )
    return Rectangle((x0, y0), x1 - x0, y1 - y0, transform=ax.transData)


def _blocks(side: _Side):
    """The table's own cells, and the slot for *missing* where somebody stands there."""
    yield slice(0, side.axis.n_cells), side.edges
    if side.missing is not None:
        yield slice(side.axis.n_cells, side.axis.n_cells + 1), np.array(side.missing)


def _norm(values: np.ndarray, few: np.ndarray, scale: Scale, panel: PairPanel):
    known = values[~few] if (~few).any() else values.ravel()
    null = float(scale.null[panel.output_position])
    if scale.is_ratio:
        reach = max(float(np.abs(np.log(known)).max()), np.log(1.1))
        return LogNorm(np.exp(-reach), np.exp(reach))
    reach = max(float(np.abs(known - null).max()), 1e-12)
    return Normalize(null - reach, null + reach)


def draw_conditional_lines(ax: Axes, panel: PairPanel, scale: Scale, look: Look) -> None:
    """The pair as a function of one feature, at low, middle and high values of the other."""
    panel = panel.number_across()
    effect = panel.effect
    counts = pair_counts(panel)
    x_axis, fixed = effect.axes
    fixed_entry = panel.entries[1]
    side = _Side.of(panel, 0, look.full_range)
    dress_axis(ax, scale)
    extremes = []
    for k, (column, text) in enumerate(_conditions(fixed, panel)):
        y = shown_pair(panel, scale, effect.score[:-1, column])
        known = counts[:-1, column] >= look.min_pair_patients
        extremes.append(y[known] if known.any() else y)
        _draw_line(ax, x_axis, y, known, text, k)
    null = float(scale.null[panel.output_position])
    ax.axhline(null, color="0.35", linewidth=0.7, zorder=1.5)
    _set_limits(ax, np.concatenate(extremes), null, scale)
    visible = replace(side, missing=None)
    visible.label(ax, "x", look)
    ax.set_ylabel(scale.label, fontsize=look.fontsize)
    ax.tick_params(axis="y", labelsize=look.fontsize, length=2.5, pad=2)
    ax.grid(axis="y", color="0.9", linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    # Flush right: a wide legend reaches over the gap to the heat map, not out of the figure.
    legend = ax.legend(
        title=wrap(f"{fixed_entry.title}:", look.label_width + 12),
        fontsize=look.fontsize - 1.5,
        title_fontsize=look.fontsize - 1,
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1.03, 0.99),
        ncols=3 if not fixed.categorical else 2,
        handlelength=1.8,
        handletextpad=0.5,
        columnspacing=0.9,
        borderpad=0.1,
    )
    plain_texts(legend)


def _conditions(axis: PairAxis, panel: PairPanel) -> list[tuple[int, str]]:
    """Cells of the second feature at which lines are drawn, and what to call them."""
    if axis.categorical:
        marginal = panel.effect.weight.sum(axis=0)[:-1]
        frequent = np.argsort(-marginal, kind="stable")[:_MOST_LEVELS]
        return [(int(i), str(axis.points[i])) for i in np.sort(frequent)]
    found = {}
    for percentile in PERCENTILES:
        value = panel.supports[1].quantile(percentile / 100)
        column = axis.cell_of(value)
        if axis.degree > 0:
            value = axis.points[column]
        found.setdefault(column, []).append((percentile, value))
    return [
        (column, f"{number(group[0][1])}\n({', '.join(f'{p}th' for p, _ in group)} pct.)")
        for column, group in found.items()
    ]


def _draw_line(
    ax: Axes, axis: PairAxis, y: np.ndarray, known: np.ndarray, text: str, k: int
) -> None:
    style = _style.curve_style(k)
    if axis.categorical:
        x = np.arange(len(y)) + 0.1 * (k - 1)
        marker = "os^D"[k % 4]
        ax.plot(
            x[known],
            y[known],
            linestyle="none",
            marker=marker,
            markersize=4,
            color=style["color"],
            label=text,
            gid="conditional",
        )
        return
    solid = np.where(known, y, np.nan)
    if axis.is_steps:
        y, solid = np.append(y, y[-1]), np.append(solid, solid[-1])
    drawstyle = "steps-post" if axis.is_steps else "default"
    ax.plot(
        axis.points,
        y,
        drawstyle=drawstyle,
        color=_style.THIN,
        linestyle=":",
        linewidth=0.9,
        gid="conditional",
    )
    ax.plot(axis.points, solid, drawstyle=drawstyle, linewidth=1.5, label=text, **style)


def _set_limits(ax: Axes, values: np.ndarray, null: float, scale: Scale) -> None:
    low, high = min(values.min(), null), max(values.max(), null)
    if scale.is_ratio:
        low, high = np.log(low), np.log(high)
    span = max(high - low, 0.2 if scale.is_ratio else 1e-12)
    low, high = low - 0.08 * span, high + 0.08 * span
    ax.set_ylim(*(np.exp([low, high]) if scale.is_ratio else (low, high)))


def describe_cell(panel: PairPanel, row: int, column: int) -> str:
    """Where a cell lies, in words."""
    words = []
    for axis, entry, i in zip(panel.effect.axes, panel.entries, (row, column), strict=True):
        if i == axis.n_cells:
            words.append(f"{entry.label} missing")
        elif axis.is_steps:
            left, right = axis.points[i], axis.points[i + 1]
            words.append(f"{entry.label} {number(left)} to {number(right)}{unit_after(entry)}")
        else:
            words.append(f"{entry.label} {with_unit(axis.points[i], entry)}")
    return " and ".join(words)
