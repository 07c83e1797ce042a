"""One categorical feature: a point with an error bar per level."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from glassbox.core.dictionary import Entry
from glassbox.plots import _style
from glassbox.plots._effects import MainEffect
from glassbox.plots._furniture import draw_missing, draw_point, dress_panel, set_x_limits
from glassbox.plots._labels import count, wrap
from glassbox.plots._panels import Look, MainPanel, band_of
from glassbox.plots._scales import Scale

#: More levels than this do not fit: those with the most patients are drawn.
MAX_LEVELS = 16

#: From this many levels on, a panel takes two columns of a grid.
WIDE_LEVELS = 5


def is_ordered(effect: MainEffect, entry: Entry) -> bool:
    """Whether the levels have an order, from the column's type or the data dictionary."""
    return effect.ordered or (
        bool(entry.order) and {str(level) for level in effect.x} <= set(entry.order)
    )


def level_order(effect: MainEffect, entry: Entry) -> np.ndarray:
    """Positions of the levels as they are drawn: in their order, or by score.

    Levels that no patient has are left out; of very many, those with the most patients stay.
    """
    filled = np.flatnonzero(effect.weight > 0)
    levels = filled if len(filled) else np.arange(len(effect.x))
    if len(levels) > MAX_LEVELS:
        levels = np.sort(levels[np.argsort(-effect.weight[levels], kind="stable")][:MAX_LEVELS])
    if not is_ordered(effect, entry):
        return levels[np.argsort(effect.score[levels, 0], kind="stable")]
    if effect.ordered:
        return levels
    rank = {level: i for i, level in enumerate(entry.order)}
    return np.array(sorted(levels, key=lambda i: rank[str(effect.x[i])]), dtype=int)


def draw_categorical(ax: Axes, panel: MainPanel, scale: Scale, look: Look) -> None:
    """Draw a main effect of a categorical feature; points have the gid "levels"."""
    dress_panel(ax, panel, scale, look)
    effect = panel.effect
    order = level_order(effect, panel.entry)
    low, high = -0.6, len(order) - 0.4
    set_x_limits(ax, panel, look, low, high)
    # A line between two levels would say no more than the points do.
    joined = is_ordered(effect, panel.entry) and len(order) > 2
    for k in panel.drawn:
        _draw_output(ax, panel, scale, look, order, k, joined=joined)
    if panel.original is not None:
        _draw_original(ax, panel, scale, order)
    _label_levels(ax, effect, look, order)
    hidden = int((effect.weight > 0).sum()) - len(order)
    if hidden > 0:
        ax.text(
            0.99,
            0.02,
            f"and {hidden} rarer levels",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=look.fontsize - 1.5,
            color="0.35",
        )
    if effect.missing is not None:
        draw_missing(ax, panel, scale, look)


def _draw_output(
    ax: Axes,
    panel: MainPanel,
    scale: Scale,
    look: Look,
    order: np.ndarray,
    k: int,
    joined: bool,
) -> None:
    effect = panel.effect
    style = panel.curve_style(k)
    x = np.arange(len(order)) + 0.12 * panel.offset(k)
    y = panel.shown(scale, effect.score)[order, k]
    band = band_of(panel, scale, effect)
    if joined:
        ax.plot(x, y, linewidth=0.8, alpha=0.6, gid="join", zorder=2.5, **style)
    ax.plot(
        x,
        y,
        linestyle="none",
        marker="none",
        gid="levels",
        color=style["color"],
    )
    for i, level in enumerate(order):
        thin = effect.weight[level] < look.min_patients
        hollow = panel.zero.category is not None and effect.x[level] == panel.zero.category
        colour = _style.THIN if thin else style["color"]
        draw_point(
            ax,
            x[i],
            y[i],
            None if band is None else (band[0][level, k], band[1][level, k]),
            marker="o",
            markersize=4.2,
            colour=colour,
            dotted=thin,
            hollow=hollow,
            gid="reference" if hollow else "level",
        )


def _draw_original(ax: Axes, panel: MainPanel, scale: Scale, order: np.ndarray) -> None:
    known = set(panel.original.x)
    for i, level in enumerate(order):
        label = panel.effect.x[level]
        if label not in known:
            continue
        y = panel.shown(scale, panel.original.at(label))[list(panel.drawn)]
        ax.hlines(y, i - 0.3, i + 0.3, color=_style.ORIGINAL, linestyle=(0, (4, 2)), linewidth=0.9)


def _label_levels(ax: Axes, effect: MainEffect, look: Look, order: np.ndarray) -> None:
    names = [str(effect.x[i]) for i in order]
    upright = len(order) > 10
    size = look.fontsize - (0.5 if len(order) <= 4 else 1.5)
    width = max(6, int(1.15 * look.label_width / max(len(order), 1)))
    texts = []
    for name, i in zip(names, order, strict=True):
        n = f"n = {count(effect.weight[i])}"
        texts.append(f"{_shorten(name, 22)}, {n}" if upright else f"{_break(name, width)}\n{n}")
    ax.set_xticks(
        np.arange(len(order)),
        texts,
        fontsize=size,
        rotation=90 if upright else 0,
        parse_math=False,
    )


def _break(name: str, width: int) -> str:
    """Lines of at most `width` characters, broken at spaces and after slashes."""
    return wrap(name.replace("/", "/ "), width).replace("/ ", "/")


def _shorten(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
