"""One panel per group, side by side: what curves of groups have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassbox.plots import _style
from glassbox.plots._layout import as_axes_list, new_figure

#: As many curves as one panel tells apart.
MOST_CURVES = len(_style.CURVES)
#: How many panels stand beside one another, by their number; three for more.
_COLUMNS = {1: 1, 2: 2, 4: 2}
_WIDTH, _WIDEST_PANEL = 6.5, 2.9


def panels(
    groups: Sequence[str], ax: Axes | Sequence[Axes] | None, ratio: float
) -> tuple[list[Axes], list[list[str]], Figure | None]:
    """Axes, the groups that each shows, and the new figure, if there is one.

    Parameters
    ----------
    groups : sequence of str
    ax : Axes, sequence of Axes or None
        None: a new figure with a panel per group. One: all groups share it. Several: one each.
    ratio : float
        Height of a panel over its width.

    Raises
    ------
    ValueError
        If there are neither one nor as many Axes as groups, or too many curves for one.
    """
    if ax is None:
        figure, axes = _grid(len(groups), ratio)
        return axes, [[group] for group in groups], figure
    axes = as_axes_list(ax)
    if len(axes) == 1:
        if len(groups) > MOST_CURVES:
            raise ValueError(
                f"{len(groups)} groups are too many for one Axes; give one each, or none."
            )
        return axes, [list(groups)], None
    if len(axes) != len(groups):
        raise ValueError(f"ax has {len(axes)} Axes for {len(groups)} groups; give one each.")
    return axes, [[group] for group in groups], None


def _grid(n_panels: int, ratio: float) -> tuple[Figure, list[Axes]]:
    n_columns = _COLUMNS.get(n_panels, 3)
    n_rows = -(-n_panels // n_columns)
    # A group that stands alone leaves room for its figures.
    width = min(_WIDTH, max(n_columns * _WIDEST_PANEL + 0.4, 4.2))
    figure = new_figure(width, n_rows * (width / n_columns * ratio + 0.1) + 0.5)
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in axes[n_panels:]:
        spare.remove()
    for i, ax in enumerate(axes[:n_panels]):
        # Those above a place that is left empty carry the numbers of their column.
        ax.tick_params(labelbottom=i + n_columns >= n_panels)
    return figure, list(axes[:n_panels])


def name_axes(axes: Sequence[Axes], x: str, y: str) -> None:
    """Name the axes of the panels that stand on the left and at the bottom."""
    for ax in axes:
        if ax.xaxis.get_tick_params().get("labelbottom", True):
            ax.set_xlabel(x, fontsize=_style.FONT)
        if ax.get_subplotspec() is None or ax.get_subplotspec().is_first_col():
            ax.set_ylabel(y, fontsize=_style.FONT)


def style_of(groups: Sequence[str], group: str, alone: bool) -> dict[str, Any]:
    """Colour and line of a group's curve; where it stands alone, they need not tell it apart."""
    return _style.curve_style(0 if alone else list(groups).index(group))
