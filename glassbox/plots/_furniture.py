"""What panels of numbers and of categories have in common: the missing zone, texts, the y-axis."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from glassbox.plots import _style
from glassbox.plots._labels import missing_label, wrap
from glassbox.plots._panels import Look, MainPanel, band_of
from glassbox.plots._scales import Scale, add_score_axis, dress_axis
from glassbox.plots._zero import zero_sentence

#: Share of a panel's width that the point for *missing* takes.
MISSING_ZONE = 0.17


def dress_panel(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    """Scale, limits, labels and the line of no effect."""
    dress_axis(ax, scale)
    ax.set_autoscale_on(False)
    ax.set_ylim(*look.limits)
    for null in np.unique(scale.null):
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
        title += "\n" + zero_sentence(float(scale.null[0]), panel.zero.text)
    ax.set_xlabel(title, fontsize=look.fontsize + 0.5)


def room_for_missing(low: float, high: float) -> float:
    """Left end of an x-axis whose data begin at `low`, with the missing zone before them."""
    return low - (high - low) * MISSING_ZONE / (1 - MISSING_ZONE)


def draw_missing(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    """A point with an error bar, left of an axis break."""
    slot = panel.effect.missing
    left, right = ax.get_xlim()
    width = right - left
    band = band_of(panel, scale, slot)
    shown = panel.shown(scale, slot.score)
    thin = slot.weight < look.min_patients
    for k in panel.drawn:
        value = shown[k]
        colour = _style.THIN if thin else panel.curve_style(k)["color"]
        position = left + width * (0.105 + 0.012 * panel.offset(k))
        errors = None
        if band is not None:
            errors = np.abs([[value - band[0][k]], [band[1][k] - value]])
        drawn = ax.errorbar(
            position,
            value,
            yerr=errors,
            fmt="D",
            markersize=3.6,
            color=colour,
            elinewidth=1.1,
            capsize=1.8,
            zorder=4,
        )
        drawn[0].set_gid("missing")
        for bar in drawn[2]:
            bar.set_linestyle(":" if thin else "-")
    _draw_break(ax, left + width * (MISSING_ZONE - 0.015), width)
    ax.text(
        0.015,
        0.57,
        missing_label(slot.weight, panel.n_patients),
        transform=ax.transAxes,
        rotation=90,
        ha="left",
        va="center",
        fontsize=look.fontsize - 1.5,
        color="0.25",
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
