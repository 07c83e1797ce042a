"""DependenceDisplay: how much a score depends on sensitive features, beside chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._audit_rows import (
    check_columns,
    dress_bars,
    interval,
    label_of,
    left_out,
    probability,
    rows_of_output,
    short,
)
from glassbox.plots._labels import NO_BREAK_SPACE, wrap
from glassbox.plots._layout import new_list, plain_texts, write_caption

#: What readers call the measures.
MEASURE_TITLES = {
    "dcor": "Distance correlation",
    "dcor2_unbiased": "Distance correlation², bias-corrected",
    "hsic": "HSIC",
    "ks": "Kolmogorov-Smirnov distance",
    "mean_gap": "Gap of means",
    "standardised_gap": "Standardised gap",
    "auc": "Concordance (AUC; 0.5: none)",
    "eta2": "Share of variance (η²)",
    "hgr": "Maximal correlation (HGR)",
    "mutual_information": "Mutual information",
}
#: Drawn by default: measures between 0 and 1, which share an axis, without those that say nearly
#: the same.
DRAWN_MEASURES = ("dcor", "ks", "auc", "eta2")
_NEEDED = ("attribute", "measure", "estimate", "floor", "floor_95", "lower", "upper")
_LABEL_WIDTH = 34


class DependenceDisplay:
    """Measures of dependence with their intervals, against what independence would give.

    Use :meth:`from_audit` or :meth:`from_frame`. The shaded part of a row is what chance gives in
    95 % of tables where nothing depends on the sensitive feature, and the tick in it its mean: no
    measure but the bias-corrected ones is zero there. A filled point lies beyond that, a hollow
    one does not.

    Parameters
    ----------
    rows : DataFrame
        Columns ``attribute``, ``measure``, ``estimate``, ``floor``, ``floor_95``, ``p_value``,
        ``lower``, ``upper``.
    titles : dict of str to str
        What readers call the attributes.
    note : str
        What is not drawn, and why.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    caption_ : str

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> rows = pd.DataFrame(
    ...     {
    ...         "attribute": ["sex"],
    ...         "measure": ["dcor"],
    ...         "estimate": [0.04],
    ...         "floor": [0.03],
    ...         "floor_95": [0.05],
    ...         "p_value": [0.27],
    ...         "lower": [0.0],
    ...         "upper": [0.06],
    ...     }
    ... )
    >>> DependenceDisplay.from_frame(rows).alt_text()
    'Dependence of the score. sex: Distance correlation 0.04 (0 to 0.06), by chance 0.03 and up \
to 0.05, p = 0.27.'
    """

    def __init__(self, rows: pd.DataFrame, titles: dict[str, str], *, note: str = ""):
        self.rows = rows
        self.titles = titles
        self.note = note

    @classmethod
    def from_audit(cls, audit: Any, **options: Any) -> DependenceDisplay:
        """Draw the dependence of an audit; parameters as for :meth:`from_frame`."""
        return cls.from_frame(audit.dependence, **options)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        attributes: Sequence[str] | None = None,
        *,
        measures: Sequence[str] = DRAWN_MEASURES,
        output: Any = None,
        dictionary: DataDictionary | None = None,
        ax: Axes | None = None,
    ) -> DependenceDisplay:
        """Draw a frame of ``dependence``.

        Parameters
        ----------
        frame : DataFrame
            ``attribute``, ``measure``, ``estimate``, ``floor``, ``floor_95``, ``p_value``,
            ``lower``, ``upper``, and ``output`` where there are several scores.
        attributes : list of str, optional
            Sensitive features to draw; by default all.
        measures : list of str
            Measures to draw, in this order; they share one axis.
        output : class label, optional
            Of a model with several scores, the one to draw.
        dictionary : DataDictionary, optional
            Labels.
        ax : Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        DependenceDisplay

        Raises
        ------
        ValueError
            For attributes and measures that the frame does not have, or if no estimate is known.
        """
        check_columns(frame, _NEEDED, "DependenceDisplay")
        rows = rows_of_output(frame, output)
        if attributes is None:
            attributes = list(dict.fromkeys(rows["attribute"]))
        _check_held("attributes", attributes, rows["attribute"])
        if tuple(measures) == DRAWN_MEASURES:
            measures = [name for name in DRAWN_MEASURES if name in set(rows["measure"])]
        _check_held("measures", measures, rows["measure"])
        place = {key: i for i, key in enumerate((a, m) for a in attributes for m in measures)}
        keys = list(zip(rows["attribute"], rows["measure"], strict=True))
        rows = rows[[key in place for key in keys]]
        order = np.argsort(
            [place[key] for key in zip(rows["attribute"], rows["measure"], strict=True)]
        )
        rows = rows.iloc[order].reset_index(drop=True)
        if rows["estimate"].isna().all():
            raise ValueError("No measure that was asked for is known; nothing to draw.")
        titles = {name: label_of(name, dictionary) for name in attributes}
        known = rows["estimate"].notna()
        unknown = rows[~known].assign(
            what=[
                f"{_measure_title(r.measure)} of {titles[r.attribute]}"
                for r in rows[~known].itertuples()
            ]
        )
        display = cls(rows[known].reset_index(drop=True), titles, note=left_out(unknown, "what"))
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> DependenceDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        lines = self._lines()
        labels = [wrap(label, _LABEL_WIDTH) for label, _ in lines]
        own = ax is None
        if own:
            ax = new_list(labels, 1.0, 0.27)
        for i, (_, row) in enumerate(lines):
            if row is not None:
                _draw_row(ax, i, row)
        dress_bars(ax, labels)
        ax.invert_yaxis()
        for tick, (_, row) in zip(ax.get_yticklabels(), lines, strict=True):
            tick.set_fontweight("bold" if row is None else "normal")
        low, high = _range(self.rows)
        ax.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        ax.grid(axis="x", color="0.92", linewidth=0.5)
        ax.set_axisbelow(True)
        held = list(dict.fromkeys(self.rows["attribute"]))
        on = f" on {self.titles[held[0]]}" if len(held) == 1 else ""
        ax.set_xlabel(f"Size of the dependence{on}", fontsize=_style.FONT, parse_math=False)
        _write_figures(ax, lines)
        _legend(ax)
        self.caption_ = self._caption()
        self.ax_, self.figure_ = ax, ax.figure
        if own:
            write_caption(self.figure_, self.caption_, _style.FONT - 0.5)
        return self

    def to_frame(self) -> pd.DataFrame:
        """What is drawn, with ``beyond_chance``: whether the estimate is above ``floor_95``."""
        return self.rows.assign(beyond_chance=self.rows["estimate"] > self.rows["floor_95"])

    def alt_text(self) -> str:
        """All figures, in words."""
        parts = []
        for name, rows in self.rows.groupby("attribute", sort=False):
            listed = "; ".join(
                f"{_measure_title(row['measure'])} {_figures(row)}"
                for row in rows.to_dict("records")
            )
            parts.append(f"{self.titles[name]}: {listed}.")
        return " ".join(["Dependence of the score.", *parts])

    def _lines(self) -> list[tuple[str, dict | None]]:
        """A heading per attribute, where there are several, and a line per measure."""
        lines: list[tuple[str, dict | None]] = []
        several = self.rows["attribute"].nunique() > 1
        for name, rows in self.rows.groupby("attribute", sort=False):
            lines += [(self.titles[name], None)] if several else []
            lines += [(_measure_title(row["measure"]), row) for row in rows.to_dict("records")]
        return lines

    def _caption(self) -> str:
        return " ".join(
            filter(
                None,
                [
                    f"Zero is no dependence. Brackets and bars: 95{NO_BREAK_SPACE}% intervals; "
                    "p by permutation.",
                    self.note,
                ],
            )
        )


def _measure_title(name: str) -> str:
    return MEASURE_TITLES.get(name, name)


def _null(measure: str) -> float:
    return 0.5 if measure == "auc" else 0.0


def _check_held(option: str, names: Sequence[str], held: pd.Series) -> None:
    for name in names:
        if name not in set(held):
            listed = ", ".join(map(repr, dict.fromkeys(held)))
            raise ValueError(f"{option}: {name!r} is not in the frame; it holds {listed}.")


def _draw_row(ax: Axes, i: int, row: dict) -> None:
    start = min(_null(row["measure"]), row["floor"])
    if np.isfinite(row["floor_95"]):
        ax.barh(i, row["floor_95"] - start, left=start, height=0.62, color="0.82", gid="floor")
        ax.plot([row["floor"]] * 2, [i - 0.31, i + 0.31], color="0.45", linewidth=1.0)
    if np.isfinite(row["lower"]):
        ax.plot([row["lower"], row["upper"]], [i, i], color=_style.CURVE, linewidth=1.6,
                marker="|", markersize=6, gid="interval")  # fmt: skip
    beyond = row["estimate"] > row["floor_95"]
    ax.plot(row["estimate"], i, marker="o", markersize=5.5, color=_style.CURVE, zorder=4,
            markerfacecolor=_style.CURVE if beyond else "white", gid="estimate")  # fmt: skip


def _write_figures(ax: Axes, lines: list) -> None:
    """The figures themselves, right of the axes, where they cover nothing."""
    for i, (_, row) in enumerate(lines):
        if row is None:
            continue
        text = interval(row["estimate"], row["lower"], row["upper"])
        p = probability(row.get("p_value", np.nan))
        ax.annotate(
            f"{text}, {p}" if p else text, (1, i), xycoords=("axes fraction", "data"),
            xytext=(6, 0), textcoords="offset points", va="center", ha="left",
            fontsize=_style.FONT - 1, annotation_clip=False,
        )  # fmt: skip


def _figures(row: dict) -> str:
    text = interval(row["estimate"], row["lower"], row["upper"])
    if np.isfinite(row["floor_95"]):
        text += f", by chance {short(row['floor'])} and up to {short(row['floor_95'])}"
    p = probability(row.get("p_value", np.nan))
    return f"{text}, {p}" if p else text


def _range(rows: pd.DataFrame) -> tuple[float, float]:
    columns = ["estimate", "lower", "upper", "floor_95", "floor"]
    values = rows[columns].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values)]
    low, high = min(0.0, values.min(initial=0.0)), values.max(initial=0.1)
    return float(low), float(high)


def _legend(ax: Axes) -> None:
    point = {"color": _style.CURVE, "marker": "o", "markersize": 5.5, "linewidth": 0}
    handles = [
        Patch(color="0.82", label="by chance (95 %)"),
        Line2D([], [], label="beyond chance", **point),
        Line2D([], [], label="not beyond chance", markerfacecolor="white", **point),
    ]
    plain_texts(
        ax.legend(handles=handles, fontsize=_style.FONT - 0.5, frameon=False, ncols=3,
                  loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2,
                  columnspacing=1.2, handletextpad=0.4)
    )  # fmt: skip
