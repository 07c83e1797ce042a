"""NetBenefitDisplay: whether acting on the model does more good than harm, in every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._audit_rows import (
    check_columns,
    dress_plane,
    label_of,
    left_out,
    rows_of_attribute,
    rows_of_output,
    short,
)
from glassbox.plots._group_panels import name_axes, panels, style_of
from glassbox.plots._labels import NO_BREAK_SPACE, count, wrap
from glassbox.plots._layout import plain_texts, write_caption

_NEEDED = ("attribute", "group", "threshold", "net_benefit", "lower", "upper", "treat_all")
# A curve through fewer thresholds would draw what was not computed.
_FEWEST_OF_A_CURVE = 5
_TITLE_WIDTH = 30
_ALL = {"color": "0.35", "linestyle": (0, (1, 1.2)), "linewidth": 1.3}
_NONE = {"color": "0.1", "linewidth": 0.9}


class NetBenefitDisplay:
    """Net benefit by group over the thresholds of risk at which one would act.

    Use :meth:`from_audit` or :meth:`from_frame`. Net benefit counts a true positive as one and a
    false positive as the odds of the threshold, per person of the group. A model is of use where
    its curve lies above both *treat all* and *treat none*. On a new figure every group has a
    panel; given one Axes, all groups share it.

    Parameters
    ----------
    rows : DataFrame
        Columns ``group``, ``threshold``, ``net_benefit``, ``lower``, ``upper``, ``treat_all``.
    attribute : str
        What readers call the sensitive feature.
    note : str
        What is not drawn, and why.

    Attributes
    ----------
    axes_ : ndarray of Axes
    ax_ : Axes
        The first of them.
    figure_ : Figure
    caption_ : str

    References
    ----------
    Vickers AJ, Elkin EB. Medical Decision Making 2006;26:565-574.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> rows = pd.DataFrame(
    ...     {
    ...         "attribute": "sex",
    ...         "group": ["f", "m"],
    ...         "threshold": 0.2,
    ...         "net_benefit": [0.11, 0.05],
    ...         "lower": [0.08, 0.02],
    ...         "upper": [0.14, 0.08],
    ...         "treat_all": [0.08, 0.06],
    ...     }
    ... )
    >>> NetBenefitDisplay.from_frame(rows).alt_text()
    'Net benefit by sex. f: 0.11 at threshold 20 % (treat all 0.08); above treat all and treat \
none at 1 of 1 thresholds. m: 0.05 at threshold 20 % (treat all 0.06); above treat all and treat \
none at 0 of 1 thresholds.'
    """

    def __init__(self, rows: pd.DataFrame, attribute: str, *, note: str = ""):
        self.rows = rows
        self.attribute = attribute
        self.note = note

    @classmethod
    def from_audit(
        cls, audit: Any, attribute: str | None = None, **options: Any
    ) -> NetBenefitDisplay:
        """Draw the net benefit of an audit; parameters as for :meth:`from_frame`."""
        if audit.net_benefit is None or audit.net_benefit.empty:
            raise ValueError("The audit has no net benefit: only probabilities of events have.")
        return cls.from_frame(audit.net_benefit, attribute, **options)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        attribute: str | None = None,
        *,
        output: Any = None,
        dictionary: DataDictionary | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> NetBenefitDisplay:
        """Draw a frame of net benefits.

        Parameters
        ----------
        frame : DataFrame
            ``attribute``, ``group``, ``threshold``, ``net_benefit``, ``lower``, ``upper``,
            ``treat_all``; ``n`` and ``reason`` if known; ``output`` where there are several
            scores.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        output : class label, optional
            Of a model with several scores, the one to draw.
        dictionary : DataDictionary, optional
            Labels.
        ax : Axes or sequence of Axes, optional
            One for all groups, or one for each. By default a new figure with a panel per group.

        Returns
        -------
        NetBenefitDisplay

        Raises
        ------
        ValueError
            If one of several has to be chosen, or no group has a net benefit.
        """
        check_columns(frame, _NEEDED, "NetBenefitDisplay")
        rows = rows_of_attribute(rows_of_output(frame, output), attribute)
        known = rows["net_benefit"].notna()
        if not known.any():
            raise ValueError(f"No group of {rows['attribute'].iloc[0]!r} has a net benefit.")
        shown = rows[known].sort_values("threshold", kind="stable")
        # Groups keep their order.
        order = pd.Categorical(shown["group"], list(dict.fromkeys(rows["group"])), ordered=True)
        shown = shown.iloc[np.argsort(order.codes, kind="stable")].reset_index(drop=True)
        name = label_of(rows["attribute"].iloc[0], dictionary)
        return cls(shown, name, note=left_out(rows[~known], "group")).plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> NetBenefitDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional

        Returns
        -------
        self
        """
        groups = list(dict.fromkeys(self.rows["group"]))
        axes, shown, figure = panels(groups, ax, 0.95)
        for one, names in zip(axes, shown, strict=True):
            alone = len(names) == 1
            one.axhline(0, zorder=1.5, gid="treat none", **_NONE)
            for group in names:
                style = style_of(groups, group, alone)
                self._draw_group(one, group, style, alone)
            dress_plane(one)
            one.set_xlim(*self._x_limits())
            one.set_ylim(*self._y_limits())
            one.xaxis.set_major_locator(MaxNLocator(5))
            one.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            if alone:
                title = wrap(self._headline(names[0]), _TITLE_WIDTH)
                one.set_title(title, fontsize=_style.FONT - 0.5, loc="left", parse_math=False)
        handles = _handles(groups, len(shown[0]) == 1, self._is_curve())
        name_axes(axes, "Threshold: risk at which one acts", "Net benefit")
        if figure is not None:
            legend = figure.legend(handles=handles, loc="outside upper left", ncols=3,
                                   frameon=False, fontsize=_style.FONT - 0.5)  # fmt: skip
        else:
            below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2}
            legend = axes[0].legend(
                handles=handles, frameon=False, fontsize=_style.FONT - 0.5, **below
            )
        plain_texts(legend)
        self.caption_ = " ".join(filter(None, [self._explained(len(shown[0]) > 1), self.note]))
        self.axes_ = np.array(axes, dtype=object)
        self.ax_, self.figure_ = axes[0], axes[0].figure
        if figure is not None:
            write_caption(figure, self.caption_, _style.FONT - 0.5)
        return self

    def _draw_group(self, ax: Axes, group: str, style: dict, alone: bool) -> None:
        rows = self.rows[self.rows["group"] == group]
        all_style = dict(_ALL) if alone else {**_ALL, "color": style["color"]}
        if self._is_curve():
            ax.plot(rows["threshold"], rows["treat_all"], gid="treat all", zorder=2, **all_style)
            ax.fill_between(rows["threshold"], rows["lower"], rows["upper"], alpha=0.18,
                            color=style["color"], linewidth=0, gid="band")  # fmt: skip
            ax.plot(rows["threshold"], rows["net_benefit"], linewidth=1.7, gid="net benefit",
                    zorder=3, **style)  # fmt: skip
            return
        errors = np.abs(rows[["lower", "upper"]].to_numpy().T - rows["net_benefit"].to_numpy())
        ax.errorbar(rows["threshold"], rows["net_benefit"], yerr=np.nan_to_num(errors), fmt="o",
                    color=style["color"], markersize=5, capsize=2.5, zorder=3)  # fmt: skip
        ax.plot(rows["threshold"], rows["treat_all"], linestyle="none", marker="x",
                markersize=6, color=all_style["color"], gid="treat all", zorder=2)  # fmt: skip

    def _is_curve(self) -> bool:
        return self.rows["threshold"].nunique() >= _FEWEST_OF_A_CURVE

    def _x_limits(self) -> tuple[float, float]:
        low, high = self.rows["threshold"].min(), self.rows["threshold"].max()
        margin = 0.02 if self._is_curve() else 0.1
        return max(0.0, low - margin), min(1.0, high + margin)

    def _y_limits(self) -> tuple[float, float]:
        top = max(self.rows[["net_benefit", "upper", "treat_all"]].max().max(), 0.02)
        lowest = np.nanmin([0.0, self.rows["net_benefit"].min(), self.rows["lower"].min()])
        # Treat all falls without bound; how far below zero helps nobody.
        return float(max(lowest, -top) - 0.12 * top), float(1.06 * top)

    def _headline(self, group: str) -> str:
        rows = self.rows[self.rows["group"] == group]
        known = "n" in rows and pd.notna(rows["n"].iloc[0])
        return f"{group}, n = {count(rows['n'].iloc[0])}" if known else group

    def to_frame(self) -> pd.DataFrame:
        """What is drawn, with ``of_use``: whether the model beats treat all and treat none."""
        best = np.fmax(self.rows["treat_all"], 0.0)
        return self.rows.assign(of_use=self.rows["net_benefit"] > best)

    def alt_text(self) -> str:
        """The net benefit in the middle of the thresholds, and where the model is of use."""
        parts = [f"Net benefit by {self.attribute}."]
        for group, rows in self.to_frame().groupby("group", sort=False):
            row = rows.iloc[len(rows) // 2]
            parts.append(
                f"{group}: {short(row['net_benefit'])} at threshold "
                f"{100 * row['threshold']:.0f} % (treat all {short(row['treat_all'])}); above "
                f"treat all and treat none at {int(rows['of_use'].sum())} of {len(rows)} "
                "thresholds."
            )
        return " ".join(parts)

    def _explained(self, shared: bool) -> str:
        by = " Treat all has the colour of its group." if shared else ""
        return (
            "Per person of the group: true positives, less false positives at the odds of the "
            f"threshold. {'Bands' if self._is_curve() else 'Bars'}: 95{NO_BREAK_SPACE}%.{by}"
        )


def _handles(groups: list[str], alone: bool, is_curve: bool) -> list[Line2D]:
    point = {"marker": "o", "markersize": 5}
    named = ["model"] if alone else groups
    handles = []
    for k, name in enumerate(named):
        style = _style.curve_style(k)
        look = {"linewidth": 1.7} if is_curve else {**point, "linestyle": "none"}
        handles.append(Line2D([], [], label=name, **{**style, **look}))
    all_look = _ALL if is_curve else {"color": "0.35", "marker": "x", "linestyle": "none"}
    handles.append(Line2D([], [], label="treat all", **all_look))
    handles.append(Line2D([], [], label="treat none", **_NONE))
    return handles
