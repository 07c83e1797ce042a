"""TradeOffDisplay: what independence costs, model by model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._audit_rows import (
    check_columns,
    dress_plane,
    label_of,
    rows_of,
    rows_of_attribute,
    short,
)
from glassbox.plots._labels import NO_BREAK_SPACE
from glassbox.plots._layout import new_figure, plain_texts, write_caption
from glassbox.plots._placement import place_labels

#: By column: what readers call it, and whether more is better.
_METRICS = {
    "auc": ("AUC", True),
    "r2": ("R²", True),
    "accuracy": ("Accuracy", True),
    "brier": ("Brier score", False),
    "log_loss": ("Log-loss", False),
    "rmse": ("RMSE", False),
    "mae": ("Mean absolute error", False),
    "loss": ("Loss", False),
}
_MARKERS = ("s", "^", "D", "v", "P", "X", "p", "*", "h")
_SIZE = (6.5, 4.2)
_VALIDATION = "validation"
# Points that are nearer than this share of an axis are one to the eye: 1 in so many.
_SAME_PLACE = 250


class TradeOffDisplay:
    """Performance against dependence on a sensitive feature: strategies, and a penalty path.

    Use :meth:`from_audit` or :meth:`from_frame`. Better is up, less dependent is left. The
    shaded part, up to the null floor, cannot be told from no dependence. The line joins the
    models that no other beats in both respects.

    Parameters
    ----------
    points : DataFrame
        Columns ``label``, ``series`` ("strategy" or "path"), ``dependence``, ``performance``,
        ``dependence_se``, ``performance_se``.
    attribute : str
        What readers call the sensitive feature.
    metric : str
        "auc", "r2", "accuracy", "brier", "log_loss", "rmse", "mae" or "loss".
    floor : float
        Mean dependence of scores that depend on nothing; NaN where it is not known.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    caption_ : str
        What bars, shading and the line mean.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> strategies = pd.DataFrame(
    ...     {
    ...         "strategy": ["none", "remove"],
    ...         "attribute": "sex",
    ...         "auc": [0.74, 0.70],
    ...         "dependence": [0.27, 0.10],
    ...         "floor": 0.03,
    ...     }
    ... )
    >>> TradeOffDisplay.from_frame(strategies).alt_text()
    'AUC against dependence on sex (distance correlation, floor 0.03). none: 0.74 at 0.27, on the \
front. remove: 0.7 at 0.1, on the front.'
    """

    def __init__(
        self, points: pd.DataFrame, attribute: str, metric: str, *, floor: float = np.nan
    ):
        self.points = points
        self.attribute = attribute
        self.metric = metric
        self.floor = floor

    @classmethod
    def from_audit(
        cls, audit: Any, attribute: str | None = None, **options: Any
    ) -> TradeOffDisplay:
        """Draw the strategies of an audit; parameters as for :meth:`from_frame`."""
        if audit.strategies is None:
            raise ValueError("The audit compared no strategies; name some with strategies=.")
        return cls.from_frame(audit.strategies, attribute=attribute, **options)

    @classmethod
    def from_path(cls, path: Any, attribute: str | None = None, **options: Any) -> TradeOffDisplay:
        """Draw a penalty path.

        Parameters
        ----------
        path : PenaltyPath
            Anything with a ``frame`` of strengths.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        **options
            As for :meth:`from_frame`.

        Returns
        -------
        TradeOffDisplay
        """
        return cls.from_frame(path=path.frame, attribute=attribute, **options)

    @classmethod
    def from_frame(
        cls,
        strategies: pd.DataFrame | None = None,
        path: pd.DataFrame | None = None,
        *,
        attribute: str | None = None,
        metric: str | None = None,
        sample: str = _VALIDATION,
        dictionary: DataDictionary | None = None,
        ax: Axes | None = None,
    ) -> TradeOffDisplay:
        """Draw frames of strategies and of a penalty path.

        Parameters
        ----------
        strategies : DataFrame, optional
            ``strategy``, ``attribute``, ``dependence``, ``floor`` and metrics, with standard
            errors in columns that end in ``_se``.
        path : DataFrame, optional
            ``strength``, ``sample``, ``attribute``, ``dependence``, ``floor`` and metrics.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        metric : str, optional
            By default the first of "auc", "r2", "accuracy", "loss" that all frames have.
        sample : str, default="validation"
            Of a path, the rows that judge it.
        dictionary : DataDictionary, optional
            Labels.
        ax : Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        TradeOffDisplay

        Raises
        ------
        ValueError
            If there is nothing to draw, a metric is unknown, or one of several attributes has to
            be chosen.
        """
        frames = [frame for frame in (strategies, path) if frame is not None]
        if not frames:
            raise ValueError("Nothing to draw: give strategies, a path, or both.")
        metric = _checked_metric(metric, frames)
        parts = []
        if strategies is not None:
            check_columns(strategies, ("strategy", "attribute", "dependence"), "TradeOffDisplay")
            rows = rows_of_attribute(strategies, attribute)
            parts.append(_points(rows, rows["strategy"].astype(str), "strategy", metric))
            attribute = rows["attribute"].iloc[0]
        if path is not None:
            check_columns(path, ("strength", "attribute", "dependence"), "TradeOffDisplay")
            rows = rows_of_attribute(path, attribute)
            rows = rows_of(rows, "sample", sample) if "sample" in rows else rows
            rows = rows.sort_values("strength", kind="stable")
            names = pd.Series([f"{strength:g}" for strength in rows["strength"]])
            parts.append(_points(rows, names, "path", metric))
            attribute = rows["attribute"].iloc[0]
        floors = pd.concat([part.pop("floor") for part in parts])
        points = pd.concat(parts, ignore_index=True)
        points = points.dropna(subset=["dependence", "performance"]).reset_index(drop=True)
        if points.empty:
            raise ValueError(f"No model has both {metric!r} and a dependence; nothing to draw.")
        floor = float(floors.mean()) if floors.notna().any() else np.nan
        return cls(points, label_of(attribute, dictionary), metric, floor=floor).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> TradeOffDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        own = ax is None
        if own:
            ax = new_figure(*_SIZE).add_subplot()
        frame = self.to_frame()
        if np.isfinite(self.floor):
            ax.axvspan(0, self.floor, color="0.88", linewidth=0, zorder=0, gid="floor",
                       label="cannot be told from none")  # fmt: skip
        on_front = frame[frame["on_front"]].sort_values("dependence")
        if len(on_front) > 1:
            ax.plot(on_front["dependence"], on_front["performance"], color="0.55", linewidth=3.5,
                    alpha=0.45, zorder=1, gid="front", label="front: beaten by none")  # fmt: skip
        self._draw_path(ax, frame[frame["series"] == "path"])
        self._draw_strategies(ax, frame[frame["series"] == "strategy"])
        self._dress(ax, frame)
        self.caption_ = self._caption()
        self.ax_, self.figure_ = ax, ax.figure
        if own:
            write_caption(self.figure_, self.caption_, _style.FONT - 0.5)
        named = self._named(frame, ax)
        place_labels(ax, named["dependence"], named["performance"], list(named["text"]))
        return self

    def _draw_path(self, ax: Axes, rows: pd.DataFrame) -> None:
        if rows.empty:
            return
        ax.plot(rows["dependence"], rows["performance"], color=_style.CURVE, linewidth=1.3,
                marker="o", markersize=4, zorder=3, gid="path",
                label="penalty path, with its strengths")  # fmt: skip
        # All points share the rows behind them: faint, so that the path itself can be read.
        _error_bars(ax, rows, _style.CURVE, alpha=0.3, capsize=0)

    def _draw_strategies(self, ax: Axes, rows: pd.DataFrame) -> None:
        for k, row in enumerate(rows.to_dict("records")):
            ax.plot(row["dependence"], row["performance"], marker=_MARKERS[k % len(_MARKERS)],
                    markersize=7, color=_style.ALERT, markeredgecolor="0.15",
                    markeredgewidth=0.7, linestyle="none", zorder=4, gid="strategy")  # fmt: skip
        _error_bars(ax, rows, "0.3")

    def _named(self, frame: pd.DataFrame, ax: Axes) -> pd.DataFrame:
        """Places and names of the points; models in one place share a label."""
        text = [
            f"λ = {row.label}" if row.series == "path" else row.label for row in frame.itertuples()
        ]
        ends = np.array([ax.get_xlim(), ax.get_ylim()])
        size = np.abs(np.diff(ends, axis=1)).ravel()
        place = (frame[["dependence", "performance"]] / size * _SAME_PLACE).round()
        named = frame[["dependence", "performance"]].assign(text=text)
        keys = [place["dependence"], place["performance"]]
        return named.groupby(keys, sort=False, as_index=False).agg(
            dependence=("dependence", "first"),
            performance=("performance", "first"),
            text=("text", ", ".join),
        )

    def _dress(self, ax: Axes, frame: pd.DataFrame) -> None:
        name, more_is_better = _METRICS[self.metric]
        dress_plane(ax)
        reach = frame["performance_se"].fillna(0)
        low = (frame["performance"] - 1.96 * reach).min()
        high = (frame["performance"] + 1.96 * reach).max()
        margin = 0.12 * max(high - low, 0.02 * max(abs(high), 1e-9))
        limits = (low - margin, high + margin)
        ax.set_ylim(*(limits if more_is_better else limits[::-1]))
        right = (frame["dependence"] + 1.96 * frame["dependence_se"].fillna(0)).max()
        ax.set_xlim(0, 1.13 * max(right, 1.5 * np.nan_to_num(self.floor), 0.02))
        ax.yaxis.set_major_locator(MaxNLocator(6))
        turned = "" if more_is_better else " (smaller is better: the axis is turned)"
        ax.set_ylabel(f"{name}{turned}", fontsize=_style.FONT)
        ax.set_xlabel(
            f"Dependence on {self.attribute} (distance correlation)",
            fontsize=_style.FONT,
            parse_math=False,
        )
        if ax.get_legend_handles_labels()[0]:
            plain_texts(
                ax.legend(fontsize=_style.FONT - 0.5, frameon=False, loc="lower left", ncols=3,
                          bbox_to_anchor=(0, 1), borderaxespad=0.2, columnspacing=1.2)
            )  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """The points, with ``on_front``: whether no other is better and less dependent.

        Returns
        -------
        DataFrame
        """
        _, more_is_better = _METRICS[self.metric]
        good = self.points["performance"].to_numpy() * (1 if more_is_better else -1)
        depends = self.points["dependence"].to_numpy()
        beaten = [
            bool(((good >= g) & (depends <= d) & ((good > g) | (depends < d))).any())
            for g, d in zip(good, depends, strict=True)
        ]
        return self.points.assign(on_front=~np.array(beaten))

    def alt_text(self) -> str:
        """Every model's place, in words."""
        name, _ = _METRICS[self.metric]
        floor = f", floor {short(self.floor)}" if np.isfinite(self.floor) else ""
        parts = [f"{name} against dependence on {self.attribute} (distance correlation{floor})."]
        for row in self.to_frame().itertuples():
            label = f"Penalty {row.label}" if row.series == "path" else row.label
            front = "on the front" if row.on_front else "beaten by another"
            value = f"{row.performance:.3g}"
            parts.append(f"{label}: {value} at {short(row.dependence)}, {front}.")
        return " ".join(parts)

    def _caption(self) -> str:
        parts = []
        known = self.points[["performance_se", "dependence_se"]].notna().any(axis=1)
        series = set(self.points.loc[known, "series"])
        if "strategy" in series:
            parts.append(f"Bars: 95{NO_BREAK_SPACE}%, from the spread over the folds.")
        if "path" in series:
            parts.append(
                f"Bars of the path: 95{NO_BREAK_SPACE}%, from the validation rows, which all of "
                "its points share."
            )
        if np.isfinite(self.floor):
            parts.append(
                f"Shaded: up to {short(self.floor)}, the mean of scores that depend on nothing."
            )
        return " ".join(parts)


def _checked_metric(metric: str | None, frames: list[pd.DataFrame]) -> str:
    shared = [name for name in _METRICS if all(name in frame for frame in frames)]
    if metric is None:
        preferred = [name for name in ("auc", "r2", "accuracy", "loss") if name in shared]
        if not (preferred or shared):
            raise ValueError(f"No metric of {', '.join(_METRICS)} is in all frames.")
        return (preferred or shared)[0]
    if metric not in _METRICS:
        raise ValueError(f"metric {metric!r} is unknown; known are {', '.join(_METRICS)}.")
    if metric not in shared:
        raise ValueError(f"metric {metric!r} is not in all frames; {', '.join(shared)} are.")
    return metric


def _points(rows: pd.DataFrame, labels: pd.Series, series: str, metric: str) -> pd.DataFrame:
    unknown = pd.Series(np.nan, index=rows.index)
    return pd.DataFrame(
        {
            "label": labels.to_numpy(),
            "series": series,
            "dependence": rows["dependence"].to_numpy(),
            "performance": rows[metric].to_numpy(),
            "dependence_se": rows.get("dependence_se", unknown).to_numpy(),
            "performance_se": rows.get(f"{metric}_se", unknown).to_numpy(),
            "floor": rows.get("floor", unknown).to_numpy(),
        }
    )


def _error_bars(ax: Axes, rows: pd.DataFrame, colour: str, **style: float) -> None:
    for errors, across in (("dependence_se", "xerr"), ("performance_se", "yerr")):
        known = rows[rows[errors].notna()]
        if len(known):
            bars = {across: 1.96 * known[errors], "elinewidth": 0.9, "capsize": 2, **style}
            ax.errorbar(
                known["dependence"],
                known["performance"],
                fmt="none",
                ecolor=colour,
                zorder=2,
                **bars,
            )
