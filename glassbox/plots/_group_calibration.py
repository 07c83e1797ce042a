"""GroupCalibrationDisplay: whether predictions mean the same in every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._audit_rows import (
    check_columns,
    dress_plane,
    label_of,
    left_out,
    ratio,
    rows_of,
    rows_of_attribute,
    rows_of_output,
    wrap_lines,
)
from glassbox.plots._group_panels import name_axes, panels, style_of
from glassbox.plots._labels import NO_BREAK_SPACE, count, number
from glassbox.plots._layout import plain_texts, write_caption

_NEEDED = ("attribute", "group", "predicted", "observed", "lower", "upper")
_TITLE_WIDTH = 30


class GroupCalibrationDisplay:
    """Observed against predicted, by group of a sensitive feature.

    Use :meth:`from_audit` or :meth:`from_frame`. On a new figure every group has a panel, with
    the curves of the others in grey; given one Axes, all groups share it.

    Parameters
    ----------
    curves : DataFrame
        Columns ``group``, ``predicted``, ``observed``, ``lower``, ``upper``.
    attribute : str
        What readers call the sensitive feature.
    figures : DataFrame, optional
        Columns ``group``, ``n``, ``ratio``, ``ratio_lower``, ``ratio_upper``, ``slope`` and its
        interval: what stands above the panels.
    is_risk : bool, default=True
        Whether predictions are probabilities.
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
    Austin PC, Steyerberg EW. Statistics in Medicine 2019;38:4051-4065 (curves and ICI).

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> curves = pd.DataFrame(
    ...     {
    ...         "attribute": "sex",
    ...         "group": ["f", "f", "m", "m"],
    ...         "predicted": [0.1, 0.9, 0.1, 0.9],
    ...         "observed": [0.1, 0.8, 0.2, 0.9],
    ...         "lower": [0.0, 0.7, 0.1, 0.8],
    ...         "upper": [0.2, 0.9, 0.3, 1.0],
    ...     }
    ... )
    >>> GroupCalibrationDisplay.from_frame(curves).alt_text()
    'Calibration by sex. f: predicted 10 %, observed 10 % to predicted 90 %, observed 80 %. m: \
predicted 10 %, observed 20 % to predicted 90 %, observed 90 %.'
    """

    def __init__(
        self,
        curves: pd.DataFrame,
        attribute: str,
        *,
        figures: pd.DataFrame | None = None,
        is_risk: bool = True,
        note: str = "",
    ):
        self.curves = curves
        self.attribute = attribute
        self.figures = figures
        self.is_risk = is_risk
        self.note = note

    @classmethod
    def from_audit(
        cls, audit: Any, attribute: str | None = None, **options: Any
    ) -> GroupCalibrationDisplay:
        """Draw the calibration of an audit; parameters as for :meth:`from_frame`."""
        return cls.from_frame(
            audit.calibration_curves, attribute, figures=audit.calibration, **options
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        attribute: str | None = None,
        *,
        figures: pd.DataFrame | None = None,
        output: Any = None,
        is_risk: bool = True,
        dictionary: DataDictionary | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> GroupCalibrationDisplay:
        """Draw frames of curves and of their figures.

        Parameters
        ----------
        frame : DataFrame
            ``attribute``, ``group``, ``predicted``, ``observed``, ``lower``, ``upper``, and
            ``output`` where there are several scores.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        figures : DataFrame, optional
            ``attribute``, ``group``, ``n``, ``ratio``, ``slope``, their intervals, ``reason``.
        output : class label, optional
            Of a model with several scores, the one to draw.
        is_risk : bool, default=True
            Whether predictions are probabilities, drawn in per cent.
        dictionary : DataDictionary, optional
            Labels.
        ax : Axes or sequence of Axes, optional
            One for all groups, or one for each. By default a new figure with a panel per group.

        Returns
        -------
        GroupCalibrationDisplay

        Raises
        ------
        ValueError
            If one of several has to be chosen, or no group has a curve.
        """
        check_columns(frame, _NEEDED, "GroupCalibrationDisplay")
        rows = rows_of_attribute(rows_of_output(frame, output), attribute)
        name = rows["attribute"].iloc[0]
        note = ""
        if figures is not None:
            figures = rows_of(rows_of_output(figures, output), "attribute", name)
            note = left_out(figures[~figures["group"].isin(rows["group"])], "group")
        rows = rows.dropna(subset=["predicted", "observed"])
        if rows.empty:
            raise ValueError(f"No group of {name!r} has a calibration curve.")
        display = cls(
            rows.reset_index(drop=True),
            label_of(name, dictionary),
            figures=figures,
            is_risk=is_risk,
            note=note,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> GroupCalibrationDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional

        Returns
        -------
        self
        """
        groups = list(dict.fromkeys(self.curves["group"]))
        axes, shown, figure = panels(groups, ax, 0.98)
        ends = self._ends()
        for one, names in zip(axes, shown, strict=True):
            one.plot(ends, ends, color="0.35", linewidth=0.9, linestyle=(0, (4, 3)), zorder=2)
            for group in groups:
                if group not in names:
                    self._draw_other(one, group)
            for group in names:
                self._draw_curve(one, group, style_of(groups, group, len(names) == 1))
            dress_plane(one)
            one.set(xlim=ends, ylim=ends, aspect="equal")
            for axis in (one.xaxis, one.yaxis):
                axis.set_major_locator(MaxNLocator(4))
                if self.is_risk:
                    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            if len(names) == 1:
                title = wrap_lines(self._headline(names[0]), _TITLE_WIDTH)
                one.set_title(title, fontsize=_style.FONT - 0.5, loc="left", parse_math=False)
            else:
                _legend_below(one, [self._headline(name).replace("\n", ", ") for name in names])
        name_axes(axes, "Predicted", "Observed")
        self.caption_ = self._caption(len(shown[0]) < len(groups))
        self.axes_ = np.array(axes, dtype=object)
        self.ax_, self.figure_ = axes[0], axes[0].figure
        if figure is not None:
            write_caption(figure, self.caption_, _style.FONT - 0.5)
        return self

    def _ends(self) -> tuple[float, float]:
        values = self.curves[["predicted", "observed"]].to_numpy()
        if self.is_risk:
            return 0.0, float(min(1.0, 1.08 * values.max()))
        margin = 0.05 * max(np.ptp(values), 1e-9)
        return float(values.min() - margin), float(values.max() + margin)

    def _draw_curve(self, ax: Axes, group: str, style: dict) -> None:
        rows = self.curves[self.curves["group"] == group]
        ax.fill_between(rows["predicted"], rows["lower"], rows["upper"], color=style["color"],
                        alpha=0.18, linewidth=0, gid="band")  # fmt: skip
        ax.plot(rows["predicted"], rows["observed"], linewidth=1.7, label=group, gid="curve",
                zorder=3, **style)  # fmt: skip

    def _draw_other(self, ax: Axes, group: str) -> None:
        rows = self.curves[self.curves["group"] == group]
        ax.plot(rows["predicted"], rows["observed"], color="0.72", linewidth=0.9, gid="other")

    def _row(self, group: str) -> dict | None:
        if self.figures is None:
            return None
        rows = self.figures[self.figures["group"] == group]
        return None if rows.empty else rows.iloc[0].to_dict()

    def _headline(self, group: str) -> str:
        row = self._row(group)
        if row is None:
            return group
        text = f"{group}, n = {count(row['n'])}" if pd.notna(row["n"]) else group
        for name, label in (("ratio", "O/E"), ("slope", "slope")):
            if pd.notna(row.get(name, np.nan)):
                figures = ratio(row[name], row[f"{name}_lower"], row[f"{name}_upper"])
                return f"{text}\n{label} {figures}"
        return text

    def to_frame(self) -> pd.DataFrame:
        """The curves, as drawn."""
        return self.curves.copy()

    def alt_text(self) -> str:
        """The ends of the curves and their figures, in words."""
        parts = [f"Calibration by {self.attribute}."]
        for group, rows in self.curves.groupby("group", sort=False):
            ordered = rows.sort_values("predicted")
            ends = " to ".join(
                f"predicted {self._amount(row.predicted)}, observed {self._amount(row.observed)}"
                for row in ordered.iloc[[0, -1]].itertuples()
            )
            headline = self._headline(group).replace("\n", ", ")
            parts.append(f"{headline}: {ends}.")
        return " ".join(parts)

    def _amount(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self.is_risk else number(float(f"{value:.3g}"))

    def _caption(self, has_others: bool) -> str:
        parts = [f"Dashed: perfect calibration. Bands: 95{NO_BREAK_SPACE}%."]
        if has_others:
            parts.append("Thin grey: the other groups.")
        if self.is_risk and self.figures is not None:
            parts.append("O/E: observed over expected events, 1 at best.")
        return " ".join(filter(None, [*parts, self.note]))


def _legend_below(ax: Axes, labels: list[str]) -> None:
    handles = [line for line in ax.lines if line.get_gid() == "curve"]
    plain_texts(
        ax.legend(handles, labels, fontsize=_style.FONT - 0.5, frameon=False, handlelength=2.8,
                  loc="upper center", bbox_to_anchor=(0.5, -0.13))
    )  # fmt: skip
