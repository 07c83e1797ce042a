"""GapDisplay: which terms make up the difference of the score between groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._audit_rows import (
    check_columns,
    dress_bars,
    interval,
    label_of,
    rows_of,
    rows_of_attribute,
    rows_of_output,
    signed,
    title_of,
    unit_of,
)
from glassbox.plots._labels import NO_BREAK_SPACE, wrap
from glassbox.plots._layout import new_list, write_caption

_TOTAL = "total"
_PER_SD, _SHARE = "per SD", "share of variance"
_NEEDED = ("attribute", "contrast", "term", "gap", "lower", "upper")
_LABEL_WIDTH = 36
# Light enough for the whisker to be seen on it.
_TOTAL_COLOUR = "0.75"


class GapDisplay:
    """The difference of the mean score between two groups, term by term, as a waterfall.

    Use :meth:`from_audit` or :meth:`from_frame`. Each bar starts where the one above it ended, so
    that the last ends at the gap of the whole score: the terms add up to it exactly. Whiskers are
    95 % intervals of the single terms. Bars that fall are hatched and carry a minus.

    Parameters
    ----------
    rows : DataFrame
        Columns ``term``, ``gap``, ``lower``, ``upper``: one row per term, and one that is called
        "total".
    titles : dict of str to str
        What readers call the terms.
    attribute : str
        What readers call the sensitive feature.
    contrast : str
        Two groups, the second taken from the first; "per SD" or "share of variance" for amounts.
    unit : str, default="score"
        Unit of the contributions.
    max_terms : int, default=12
        How many terms get a bar of their own; the others are summed up in one.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    caption_ : str
        What bars and whiskers mean.

    References
    ----------
    Pope DG, Sydnor JR. Implementing anti-discrimination policies in statistical profiling models.
    American Economic Journal: Economic Policy 2011;3(3):206-231.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> rows = pd.DataFrame(
    ...     {
    ...         "attribute": "sex",
    ...         "contrast": "f − m",
    ...         "term": ["age", "bun", "total"],
    ...         "gap": [0.25, -0.05, 0.2],
    ...         "lower": [0.2, -0.1, 0.1],
    ...         "upper": [0.3, 0.0, 0.3],
    ...     }
    ... )
    >>> GapDisplay.from_frame(rows).alt_text()
    'Gap of the mean score by sex, f − m: +0.2 (0.1 to 0.3). Terms: age +0.25, bun −0.05.'
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        titles: dict[str, str],
        attribute: str,
        contrast: str,
        *,
        unit: str = "score",
        max_terms: int = 12,
    ):
        self.rows = rows
        self.titles = titles
        self.attribute = attribute
        self.contrast = contrast
        self.unit = unit
        self.max_terms = max_terms

    @classmethod
    def from_audit(cls, audit: Any, attribute: str | None = None, **options: Any) -> GapDisplay:
        """Draw the terms of an audit.

        Parameters
        ----------
        audit : Audit
            Of an additive model; others have no terms.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        **options
            As for :meth:`from_frame`.

        Returns
        -------
        GapDisplay

        Raises
        ------
        ValueError
            If the audit has no terms, or if one of several has to be chosen.
        """
        if audit.terms is None or audit.terms.empty:
            raise ValueError(
                "The audit has no terms: only those of additive models do. Audit the estimator "
                "itself, not its scores."
            )
        options.setdefault("unit", unit_of(audit))
        return cls.from_frame(audit.terms, attribute, **options)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        attribute: str | None = None,
        *,
        contrast: str | None = None,
        stratum: str = "",
        output: Any = None,
        unit: str = "score",
        max_terms: int = 12,
        dictionary: DataDictionary | None = None,
        ax: Axes | None = None,
    ) -> GapDisplay:
        """Draw a frame of ``decompose_gap``, or the terms of an audit.

        Parameters
        ----------
        frame : DataFrame
            ``attribute``, ``contrast``, ``term``, ``gap``, ``lower``, ``upper``, and ``stratum``
            and ``output`` where there are several.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        contrast : str, optional
            Of several, the one to draw; by default the first that is known.
        stratum : str, default=""
            Of several classes of the outcome, the one to draw; "" is all rows.
        output : class label, optional
            Of a model with several scores, the one to draw.
        unit : str, default="score"
            Unit of the contributions, such as "log-odds".
        max_terms : int, default=12
            How many terms get a bar of their own.
        dictionary : DataDictionary, optional
            Labels and units.
        ax : Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        GapDisplay
        """
        if max_terms < 1:
            raise ValueError(f"max_terms must be at least 1, got {max_terms!r}.")
        check_columns(frame, _NEEDED, "GapDisplay")
        rows = rows_of_attribute(rows_of_output(frame, output), attribute)
        if "stratum" in rows:
            rows = rows_of(rows, "stratum", stratum)
        elif stratum:
            raise ValueError(f"stratum={stratum!r}: the frame has no strata; leave it away.")
        known = rows[rows["gap"].notna()]
        if contrast is None and len(known):
            contrast = known["contrast"].iloc[0]
        rows = rows_of(rows, "contrast", contrast)
        if rows["gap"].isna().any():
            reason = rows["reason"].max() if "reason" in rows else "no gap is known"
            raise ValueError(f"contrast {rows['contrast'].iloc[0]!r} cannot be drawn: {reason}.")
        titles = {name: title_of(name, dictionary) for name in rows["term"]}
        display = cls(
            rows[["term", "gap", "lower", "upper"]].reset_index(drop=True),
            titles,
            label_of(rows["attribute"].iloc[0], dictionary),
            rows["contrast"].iloc[0],
            unit=unit,
            max_terms=max_terms,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> GapDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        bars = self._bars()
        labels = [wrap(title, _LABEL_WIDTH) for title in bars["title"]]
        own = ax is None
        if own:
            ax = new_list(labels, 0.95, 0.25)
        start = bars["start"].to_numpy()
        self._draw(ax, bars, start)
        dress_bars(ax, labels)
        ax.invert_yaxis()
        ax.get_yticklabels()[-1].set_fontweight("bold")
        ax.set_xlabel(wrap(self._x_label(), 80), fontsize=_style.FONT, parse_math=False)
        self.caption_ = self._caption()
        self.ax_, self.figure_ = ax, ax.figure
        if own:
            write_caption(self.figure_, self.caption_, _style.FONT - 0.5)
        return self

    def _draw(self, ax: Axes, bars: pd.DataFrame, start: np.ndarray) -> None:
        gap, places = bars["gap"].to_numpy(), np.arange(len(bars))
        total = places == len(bars) - 1
        ax.barh(
            places,
            gap,
            left=start,
            height=0.62,
            color=[
                _TOTAL_COLOUR if last else _style.RAISES if g >= 0 else _style.LOWERS
                for g, last in zip(gap, total, strict=True)
            ],
            hatch=[
                "////" if g < 0 and not last else "" for g, last in zip(gap, total, strict=True)
            ],
            edgecolor="0.25",
            linewidth=0.5,
            gid="bar",
        )
        end = start + gap
        for i in places[:-1]:
            ax.plot([end[i]] * 2, [i - 0.31, i + 1.31], color="0.4", linewidth=0.6, zorder=1)
        low = np.fmin(start + bars["lower"], np.fmin(start, end))
        high = np.fmax(start + bars["upper"], np.fmax(start, end))
        known = bars["lower"].notna().to_numpy()
        for i in places[known]:
            ends = start[i] + bars[["lower", "upper"]].iloc[i]
            ax.plot(ends, [i, i], color="black", linewidth=1.1, marker="|", markersize=5,
                    zorder=3, gid="whisker")  # fmt: skip
        ax.axvline(0, color="0.2", linewidth=0.8, zorder=0.5)
        span = max(high.max() - low.min(), 1e-9)
        # Room for the figures beside the bars.
        ax.set_xlim(low.min() - 0.03 * span, high.max() + 0.16 * span)
        for i in places:
            ax.annotate(
                signed(gap[i]),
                (high.iloc[i], i),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=_style.FONT - 0.5,
                fontweight="bold" if total[i] else "normal",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
            )

    def _bars(self) -> pd.DataFrame:
        """What is drawn, from top to bottom: terms by size, the small ones together, the total."""
        frame = self.to_frame()
        total = frame[frame["term"] == _TOTAL].assign(start=0.0)
        terms = frame[frame["term"] != _TOTAL]
        # A bar for "1 smaller term" would hide what it could name.
        if len(terms) > self.max_terms + 1:
            small = terms.iloc[self.max_terms :]
            rest = pd.DataFrame(
                {
                    "term": "",
                    "title": f"{len(small)} smaller terms together",
                    "gap": small["gap"].sum(),
                    "lower": np.nan,
                    "upper": np.nan,
                },
                index=[0],
            )
            terms = pd.concat([terms.iloc[: self.max_terms], rest])
        terms = terms.assign(start=terms["gap"].cumsum() - terms["gap"])
        return pd.concat([terms, total], ignore_index=True)

    def to_frame(self) -> pd.DataFrame:
        """All terms, the largest gap first, the total last.

        Returns
        -------
        DataFrame
            ``term``, ``title``, ``gap``, ``lower``, ``upper``.
        """
        is_total = self.rows["term"] == _TOTAL
        terms = self.rows[~is_total]
        order = terms["gap"].abs().sort_values(ascending=False, kind="stable").index
        total = self.rows[is_total]
        if total.empty:
            total = pd.DataFrame(
                {"term": [_TOTAL], "gap": terms["gap"].sum(), "lower": np.nan, "upper": np.nan}
            )
        frame = pd.concat([terms.loc[order], total], ignore_index=True)
        titles = [self.titles.get(name, name) for name in frame["term"][:-1]]
        frame.insert(1, "title", [*titles, "Total"])
        return frame

    def alt_text(self) -> str:
        """The gap and what it is made of, in words."""
        bars = self._bars()
        total = bars.iloc[-1]
        size = interval(total["gap"], total["lower"], total["upper"])
        sign = "+" if total["gap"] > 0 and not self._is_share else ""
        listed = ", ".join(f"{row.title} {signed(row.gap)}" for row in bars.iloc[:-1].itertuples())
        return f"{self._what()}: {sign}{size}. Terms: {listed}."

    @property
    def _is_share(self) -> bool:
        return self.contrast == _SHARE

    def _what(self) -> str:
        if self._is_share:
            return f"Share of the variance ({self.unit}) explained by {self.attribute}"
        if self.contrast == _PER_SD:
            return f"Change of the mean {self.unit} per SD of {self.attribute}"
        return f"Gap of the mean {self.unit} by {self.attribute}, {self.contrast}"

    def _x_label(self) -> str:
        if self._is_share or self.contrast == _PER_SD:
            return self._what()
        return f"Gap of the mean {self.unit}: {self.contrast}"

    def _caption(self) -> str:
        parts = ["Each bar starts where the one above it ends; together they are the total."]
        if self.rows["lower"].notna().any():
            parts.append(f"Whiskers: 95{NO_BREAK_SPACE}% interval of the single term.")
        if (self._bars()["gap"].iloc[:-1] < 0).any():
            parts.append("Hatched bars are negative.")
        return " ".join(parts)
