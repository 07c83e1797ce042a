"""One numeric feature: the curve, its band, and where the patients stand."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from glassbox.plots import _style
from glassbox.plots._effects import MainEffect
from glassbox.plots._furniture import draw_missing, dress_panel, set_x_limits, ticks_between
from glassbox.plots._jumps import against_direction
from glassbox.plots._labels import normal_range, normal_text, number
from glassbox.plots._panels import Look, MainPanel, band_of, panel_jumps
from glassbox.plots._scales import Scale
from glassbox.plots._support import solid_parts

_STRIP_HEIGHT = 0.10


def draw_numeric(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    """Draw a main effect of a numeric feature.

    The line whose gid is "curve" holds the points of ``shape_function``; the lines over it, gid
    "solid", are the same curve where enough patients stand.
    """
    dress_panel(ax, panel, scale, look)
    low, high = _x_range(panel, look)
    set_x_limits(ax, panel, look, low, high)
    ax.set_xticks(ticks_between(low, high, 5))
    ax.xaxis.set_major_formatter(lambda value, _: number(value))
    inside = Rectangle((low, 0), high - low, 1, transform=ax.get_xaxis_transform())

    _draw_normal_range(ax, panel, look, low, high)
    _draw_density(ax, panel, low, high)
    for k in panel.drawn:
        _draw_curve(ax, panel, scale, look, k, inside)
    if panel.original is not None:
        _draw_original(ax, panel, scale, inside)
    _draw_arrows(ax, panel, look, low, high)
    if look.mark_jumps:
        _draw_jumps(ax, panel, scale, look)
    _draw_against(ax, panel, scale, inside)
    if panel.effect.missing is not None:
        draw_missing(ax, panel, scale, look)


def _x_range(panel: MainPanel, look: Look) -> tuple[float, float]:
    x = panel.effect.x
    if look.full_range:
        return float(x[0]), float(x[-1])
    low, high = panel.support.central_range
    margin = 0.06 * (high - low)
    return max(low - margin, float(x[0])), min(high + margin, float(x[-1]))


def _draw_curve(
    ax: Axes, panel: MainPanel, scale: Scale, look: Look, k: int, inside: Rectangle
) -> None:
    effect = panel.effect
    is_steps = effect.degree == 0
    style, fill = ("steps-post", "post") if is_steps else ("default", None)
    many = len(panel.drawn) > 1
    colour = panel.curve_style(k)
    y = panel.shown(scale, effect.score)[:, k]
    tables = [y]
    band = band_of(panel, scale, effect)
    if band is not None:
        tables += [band[0][:, k], band[1][:, k]]
    x_solid, solid = solid_parts(effect.x, tables, panel.support, is_steps, look.min_patients)
    artists = []
    if band is not None:
        if not many:
            artists.append(
                ax.fill_between(
                    effect.x, *tables[1:], step=fill, color="0.5", alpha=0.13, linewidth=0
                )
            )
        artists.append(
            ax.fill_between(
                x_solid,
                solid[1],
                solid[2],
                step=fill,
                color=colour["color"],
                alpha=0.12 if many else 0.25,
                linewidth=0,
            )
        )
    artists += ax.plot(
        effect.x,
        y,
        drawstyle=style,
        color=colour["color"] if many else _style.THIN,
        linestyle=":",
        linewidth=1.0,
        gid="curve",
        zorder=2.5,
    )
    artists += ax.plot(
        x_solid,
        solid[0],
        drawstyle=style,
        linewidth=1.5,
        gid="solid",
        zorder=3,
        **colour,
    )
    for artist in artists:
        artist.set_clip_path(inside)


def _draw_original(ax: Axes, panel: MainPanel, scale: Scale, inside: Rectangle) -> None:
    effect, original = panel.effect, panel.original
    y = panel.shown(scale, original.score)
    steps = original.degree == 0
    for k in panel.drawn:
        (line,) = ax.plot(
            original.x,
            y[:, k],
            drawstyle="steps-post" if steps else "default",
            color=_style.ORIGINAL,
            linestyle=(0, (4, 2)),
            linewidth=0.9,
            gid="original",
            zorder=2.8,
        )
        line.set_clip_path(inside)
        x = np.union1d(effect.x, original.x)
        new, old = (panel.shown(scale, _read(e, x))[:, k] for e in (effect, original))
        edited = ~np.isclose(new, old, rtol=1e-9, atol=1e-12)
        between = edited | np.append(False, edited[:-1])
        hatch = ax.fill_between(
            x,
            new,
            old,
            where=between,
            step="post" if steps else None,
            facecolor="none",
            edgecolor="0.45",
            hatch="/////",
            linewidth=0,
            gid="edited",
        )
        hatch.set_clip_path(inside)


def _read(effect: MainEffect, x: np.ndarray) -> np.ndarray:
    return np.array([effect.at(value) for value in x])


def _draw_normal_range(ax: Axes, panel: MainPanel, look: Look, low: float, high: float) -> None:
    limits = normal_range(panel.entry)
    if limits is None:
        return
    left, right = np.clip(limits, low, high)
    text = normal_text(panel.entry)
    if limits[1] < low:
        text = "◂ " + text
    elif limits[0] > high:
        text = text + " ▸"
    else:
        ax.axvspan(left, right, color=_style.NORMAL, alpha=0.13, linewidth=0, zorder=0.5)
        if right - left < 0.01 * (high - low):
            ax.axvline(left, color=_style.NORMAL, alpha=0.6, linewidth=1.0, zorder=0.6)
    middle = (left + right) / 2
    where = (middle - low) / (high - low)
    place, align = (
        (middle, "center")
        if 0.3 < where < 0.7
        else ((low, "left") if where <= 0.3 else (high, "right"))
    )
    ax.text(
        place,
        0.985,
        text,
        transform=ax.get_xaxis_transform(),
        ha=align,
        va="top",
        fontsize=look.fontsize - 1.5,
        color="#00664B",
    )


def _draw_density(ax: Axes, panel: MainPanel, low: float, high: float) -> None:
    edges, weight = panel.support.histogram(low, high)
    if weight.max() <= 0:
        return
    ax.stairs(
        _STRIP_HEIGHT * weight / weight.max(),
        edges,
        transform=ax.get_xaxis_transform(),
        fill=True,
        color="0.62",
        zorder=2,
        gid="density",
    )


def _draw_arrows(ax: Axes, panel: MainPanel, look: Look, low: float, high: float) -> None:
    x = panel.effect.x
    ends = (
        (x[0] < low, low, "left", f"◂ {number(x[0])}"),
        (x[-1] > high, high, "right", f"{number(x[-1])} ▸"),
    )
    for goes_on, place, align, text in ends:
        if goes_on:
            ax.text(
                place,
                _STRIP_HEIGHT + 0.012,
                text,
                transform=ax.get_xaxis_transform(),
                ha=align,
                va="bottom",
                fontsize=look.fontsize - 1.5,
                color="0.35",
                gid="arrow",
            )


def _draw_jumps(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    for place in panel_jumps(panel, scale, look.min_patients):
        ax.axvline(place, color=_style.ALERT, linewidth=0.9, linestyle=(0, (3, 2)), gid="jump")
        ax.text(
            place,
            0.90,
            f" {number(place)}",
            transform=ax.get_xaxis_transform(),
            ha="left",
            va="top",
            fontsize=look.fontsize - 1.5,
            color=_style.ALERT,
        )


def _draw_against(ax: Axes, panel: MainPanel, scale: Scale, inside: Rectangle) -> None:
    shown = panel.shown(scale, panel.effect.score)
    for k in panel.drawn:
        points = against_direction(panel.effect, panel.direction.sign, k)
        points = _spaced(panel, points, k)
        if len(points):
            (marks,) = ax.plot(
                panel.effect.x[points],
                shown[points, k],
                linestyle="none",
                marker="X",
                markersize=4.5,
                color=_style.ALERT,
                markeredgecolor="white",
                markeredgewidth=0.4,
                gid="against",
                zorder=4,
            )
            marks.set_clip_path(inside)


def _spaced(panel: MainPanel, points: np.ndarray, k: int) -> np.ndarray:
    """The worst point of every twentieth of the axis: more crosses would hide the curve."""
    x, score = panel.effect.x, panel.effect.score[:, k]
    low, high = panel.support.central_range
    worst: dict[int, int] = {}
    for i in points[np.argsort(-np.abs(np.diff(score))[points - 1], kind="stable")]:
        worst.setdefault(int(20 * (x[i] - low) / (high - low)), int(i))
    return np.array(sorted(worst.values()), dtype=int)
