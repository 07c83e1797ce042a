"""What panels of numbers and of categories have in common: the missing zone, texts, the y-axis."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from glassbox.plots import _style
from glassbox.plots._labels import missing_label, number, wrap
from glassbox.plots._panels import Look, MainPanel, band_of
from glassbox.plots._scales import Scale, add_score_axis, dress_axis
from glassbox.plots._zero import zero_sentence


def dress_panel(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    """Scale, limits, labels and the line of no effect."""
    dress_axis(ax, scale)
    ax.set_autoscale_on(False)
    ax.set_ylim(*look.limits)
    for null in np.unique(scale.null[list(panel.drawn)]):
        ax.axhline(null, color="0.35", linewidth=0.7, zorder=1.5)
    ax.grid(axis="y", color="0.9", linewidth=0.5, zorder=0)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=look.fontsize, length=2.5, pad=2)
    ax.spines["top"].set_visible(False)
    ax.spines["right"].set_visible(False)
    if look.left_label:
        ax.set_ylabel(scale.label, fontsize=look.fontsize)
    else:
        ax.tick_params(labelleft=False)
    if look.right_axis and scale.is_ratio:
        right = add_score_axis(ax, scale, look.fontsize)
        right.tick_params(length=2.5, pad=2)


def set_title(ax: Axes, panel: MainPanel, scale: Scale, look: Look, with_zero: bool) -> None:
    """Name and unit under the axis; what "no effect" means, where the figure does not say it."""
    title = wrap(panel.title, look.label_width)
    if with_zero and not scale.is_absolute:
        meaning = zero_sentence(float(scale.null[0]), panel.zero.text)
        title += "\n" + wrap(meaning, look.label_width)
    ax.set_xlabel(title, fontsize=look.fontsize + 0.5, parse_math=False)


def draw_direction(ax: Axes, panel: MainPanel, look: Look) -> None:
    """The declared direction and its certificate, above the panel, where nothing else stands."""
    if panel.direction.mark:
        ax.annotate(
            panel.direction.mark,
            (1, 1),
            xycoords="axes fraction",
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=look.fontsize - 1,
            gid="direction",
            **_style.direction_style(panel.direction.is_warning),
        )


def set_x_limits(ax: Axes, panel: MainPanel, look: Look, low: float, high: float) -> None:
    """An x-axis whose data lie between `low` and `high`, after a zone for *missing* if needed."""
    if panel.effect.missing is not None:
        low -= (high - low) * look.missing_zone / (1 - look.missing_zone)
    ax.set_xlim(low, high)


def inside_axis(ax: Axes, value: float) -> tuple[float, str | None]:
    """A value, or the end of the y-axis that it lies beyond, and the arrow that says so."""
    low, high = ax.get_ylim()
    if value < low:
        return low, "v"
    return (high, "^") if value > high else (value, None)


def draw_missing(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    """A point with an error bar, left of an axis break."""
    slot = panel.effect.missing
    left, right = ax.get_xlim()
    width, zone = right - left, look.missing_zone
    band = band_of(panel, scale, slot)
    shown = panel.shown(scale, slot.score)
    thin = slot.weight < look.min_patients
    for k in panel.drawn:
        value = shown[k]
        colour = _style.THIN if thin else panel.curve_style(k)["color"]
        position = left + width * zone * (0.66 + 0.07 * panel.offset(k))
        draw_point(
            ax,
            position,
            value,
            None if band is None else (band[0][k], band[1][k]),
            marker="D",
            markersize=3.6,
            colour=colour,
            dotted=thin,
            gid="missing",
        )
    _draw_break(ax, left + width * zone * 0.9, width)
    ax.text(
        0.09 * zone,
        0.57,
        missing_label(slot.weight, panel.n_patients),
        transform=ax.transAxes,
        rotation=90,
        ha="left",
        va="center",
        fontsize=look.fontsize - 1.5,
        color="0.25",
    )


def draw_point(
    ax: Axes,
    x: float,
    y: float,
    band: tuple[float, float] | None,
    *,
    marker: str,
    markersize: float,
    colour: str,
    dotted: bool,
    gid: str,
    hollow: bool = False,
) -> None:
    """A point with an error bar; one that lies out of the axis is an arrow with its value."""
    place, arrow = inside_axis(ax, y)
    if band is not None:
        (bar,) = ax.plot([x, x], band, color=colour, linewidth=1.1, zorder=3.5, gid="error")
        bar.set_linestyle(":" if dotted else "-")
        if not dotted:
            ax.plot([x, x], band, linestyle="none", marker="_", markersize=4.5, color=colour)
    ax.plot(
        x,
        place,
        linestyle="none",
        marker=arrow or marker,
        markersize=markersize,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        clip_on=arrow is None,
        zorder=4,
        gid=gid,
    )
    if arrow:
        ax.annotate(
            f" {number(float(f'{y:.2g}'))}",
            (x, place),
            xytext=(2, 2 if arrow == "v" else -2),
            textcoords="offset points",
            va="bottom" if arrow == "v" else "top",
            fontsize=_style.SMALL_FONT,
            color=colour,
        )


def _draw_break(ax: Axes, position: float, width: float) -> None:
    across = ax.get_xaxis_transform()
    ax.plot([position] * 2, [0, 1], transform=across, color="0.6", linewidth=0.6, linestyle=":")
    ax.plot(
        [position - 0.008 * width, position + 0.008 * width],
        [0, 0],
        transform=across,
        marker=[(-0.5, -1), (0.5, 1)],
        markersize=6,
        linestyle="none",
        color="0.2",
        markeredgewidth=0.8,
        clip_on=False,
        zorder=5,
    )


def ticks_between(low: float, high: float, n_ticks: int) -> np.ndarray:
    """Round numbers between two ends."""
    ticks = MaxNLocator(n_ticks, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return ticks[(ticks >= low - slack) & (ticks <= high + slack)]
