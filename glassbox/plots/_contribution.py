"""ContributionDisplay: why one patient's risk is what it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._labels import MINUS, number, wrap
from glassbox.plots._layout import new_figure, write_caption
from glassbox.plots._patient import Patient, read_patient
from glassbox.plots._scales import AUTO, Scale, dress_axis, get_scale
from glassbox.plots._sources import NO_BAND, facts_of

_LABEL_WIDTH = 46


class ContributionDisplay:
    """One patient: horizontal bars, the largest effect on top.

    Use :meth:`from_estimator`.

    Parameters
    ----------
    patient : Patient
        Values and contributions.
    scale : Scale
        What the bars show.
    outcome : str or None
        What the risk is of.
    band_description : str
        How the bands behind the interval were made.
    max_terms : int, default=10
        How many terms get a bar of their own; the others share one.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    caption_ : str
        What the starting point and the interval mean.
    """

    def __init__(
        self,
        patient: Patient,
        *,
        scale: Scale,
        outcome: str | None = None,
        band_description: str = NO_BAND,
        max_terms: int = 10,
    ):
        self.patient = patient
        self.scale = scale
        self.outcome = outcome
        self.band_description = band_description
        self.max_terms = max_terms

    @classmethod
    def from_estimator(
        cls,
        est: Any,
        X: Any,
        *,
        dictionary: DataDictionary | None = None,
        max_terms: int = 10,
        scale: str = AUTO,
        ax: Axes | None = None,
        output: Any = None,
    ) -> ContributionDisplay:
        """Draw the contributions of one row.

        Parameters
        ----------
        est : estimator
            A fitted glassbox estimator. A part that has no table, such as a network of several
            features, is a bar like the terms; it has no band, so that there is no interval.
        X : DataFrame or array-like of shape (1, n_features)
            The patient.
        dictionary : DataDictionary, optional
            Labels, units, normal ranges (for the flags H and L).
        max_terms : int, default=10
            How many terms get a bar of their own; the others share one.
        scale : str, default="auto"
            "odds_ratio" or "log_odds"; "score"; "rate_ratio" or "log_rate", as fits the link.
        ax : Axes, optional
            Where to draw. By default a new figure.
        output : class label, optional
            Of several classes, the one to explain. By default the most probable one.

        Returns
        -------
        ContributionDisplay

        Raises
        ------
        ValueError
            If X does not have exactly one row, or the scale does not fit.
        """
        if max_terms < 1:
            raise ValueError(f"max_terms must be at least 1, got {max_terms!r}.")
        facts = facts_of(est)
        patient = read_patient(est, X, dictionary, output, facts)
        outcome = facts.outcome
        if facts.outputs != (None,):
            outcome = str(facts.outputs[patient.output_position])
        chosen = get_scale(scale, facts.link, facts.intercept, outcome)
        if chosen.is_absolute:
            raise ValueError(
                f"scale={scale!r} does not add up over terms; use a ratio or the score itself."
            )
        return cls(
            patient,
            scale=chosen,
            outcome=outcome,
            band_description=facts.band_description,
            max_terms=max_terms,
        ).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> ContributionDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        frame = self._bars()[::-1]
        labels = [
            wrap(f"{row.label} = {row.value}" if row.value else row.label, _LABEL_WIDTH)
            for row in frame.itertuples()
        ]
        self.caption_ = self._caption()
        is_own = ax is None
        if is_own:
            n_lines = sum(label.count("\n") + 1 for label in labels)
            ax = new_figure(7.0, 1.25 + 0.25 * n_lines).add_subplot()
        self._draw_bars(ax, frame)
        texts = [
            f"{label}  {row.flag}" if row.flag else label
            for label, row in zip(labels, frame.itertuples(), strict=True)
        ]
        ax.set_yticks(range(len(frame)), texts, fontsize=_style.FONT, parse_math=False)
        for tick, row in zip(ax.get_yticklabels(), frame.itertuples(), strict=True):
            tick.set_fontweight("bold" if row.flag else "normal")
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize=_style.FONT)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.set_xlabel(self.scale.label, fontsize=_style.FONT)
        ax.set_title(self._headline(), fontsize=_style.FONT + 1.5, loc="left", parse_math=False)
        self.ax_, self.figure_ = ax, ax.figure
        if is_own:
            write_caption(self.figure_, self.caption_, _style.FONT - 0.5)
        return self

    def _draw_bars(self, ax: Axes, frame: pd.DataFrame) -> None:
        dress_axis(ax, self.scale, "x")
        null = float(self.scale.null[0])
        shown = frame["shown"].to_numpy()
        ax.barh(
            np.arange(len(frame)),
            shown - null,
            left=null,
            color=[_style.RAISES if s > 0 else _style.LOWERS for s in frame["score"]],
            edgecolor="0.25",
            linewidth=0.4,
            height=0.66,
            hatch=["////" if term is None else "" for term in frame["term"]],
        )
        ax.axvline(null, color="0.2", linewidth=0.8)
        ax.set_ylim(-0.6, len(frame) - 0.4)
        low, high = min(shown.min(), null), max(shown.max(), null)
        if self.scale.is_ratio:
            span = max(np.log(high / low), np.log(1.2))
            ax.set_xlim(low * np.exp(-0.16 * span), high * np.exp(0.16 * span))
        else:
            span = max(high - low, 1e-9)
            ax.set_xlim(low - 0.16 * span, high + 0.16 * span)
        for i, (value, score) in enumerate(zip(shown, frame["score"], strict=True)):
            ax.annotate(
                self._effect(value, score),
                (value, i),
                xytext=(3 if score >= 0 else -3, 0),
                textcoords="offset points",
                ha="left" if score >= 0 else "right",
                va="center",
                fontsize=_style.FONT - 0.5,
            )

    def _effect(self, shown: float, score: float) -> str:
        if self.scale.is_ratio:
            return f"× {shown:.2g}" if shown < 99.5 else f"× {shown:,.0f}"
        sign = "+" if score >= 0 else MINUS
        return f"{sign}{number(abs(float(f'{score:.2g}')))}"

    def _bars(self) -> pd.DataFrame:
        frame = self.to_frame()
        order = frame["score"].abs().sort_values(ascending=False, kind="stable").index
        frame = frame.loc[order]
        # A bar for "1 other term" would hide what it could name.
        if len(frame) <= self.max_terms + 1:
            return frame
        others = frame.iloc[self.max_terms :]
        total = others["score"].sum()
        rest = {
            "term": None,
            "label": f"{len(others)} others together",
            "value": "",
            "flag": "",
            "score": total,
            "shown": float(self.scale.forward(total)),
        }
        head = frame.iloc[: self.max_terms].astype({"term": object})
        return pd.concat([head, pd.DataFrame([rest]).astype({"term": object})])

    def _headline(self) -> str:
        quantity, of = self._quantity(), f" of {self.outcome}" if self.outcome else ""
        text = f"{quantity}{of} {self._mean_text(self.patient.mean)}"
        if self.patient.interval is not None:
            low, high = (self._mean_text(end) for end in self.patient.interval)
            text += f" ({low.removesuffix(' %')} to {high})"
        return f"{text}   |   average patient {self._mean_text(self.patient.base)}"

    def _quantity(self) -> str:
        by_link = {"identity": "Expected outcome", "log": "Expected count"}
        return by_link.get(self.patient.link, "Risk")

    def _mean_text(self, value: float) -> str:
        if self._quantity() != "Risk":
            text = f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
            return text.replace("-", MINUS)
        percent = 100 * value
        digits = 0 if 9.5 <= percent <= 99.5 else 1
        return f"{percent:.{digits}f} %"

    def _caption(self) -> str:
        total = float(self.patient.scores[self.patient.output_position])
        start = float(self.patient.intercept[self.patient.output_position])
        parts = [
            f"Score {number(float(f'{start:.3g}'))} of the average patient (all terms zero) plus "
            f"all bars = {number(float(f'{total:.3g}'))}."
        ]
        if self.patient.interval is not None:
            parts.append(
                f"Interval: from the terms' bands ({self.band_description}), added as if their "
                "errors were independent, the intercept taken as known."
            )
        if (self.patient.terms["flag"] != "").any():
            parts.append("H, L: above, below the normal range.")
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """All terms, in the order of the model.

        Returns
        -------
        DataFrame
            ``term``, ``label``, ``value``, ``flag``, ``score`` with its band ``lower`` and
            ``upper``, and ``shown``, the score as the axis shows it.
        """
        shown = self.scale.forward(self.patient.terms["score"].to_numpy())
        return self.patient.terms.assign(shown=shown)

    def alt_text(self) -> str:
        """The risk, and what raises and lowers it, in words."""
        frame = self._bars()
        parts = [f"{self._headline().replace('   |   ', '; ')}."]
        for word, chosen in (("Raised", frame["score"] > 0), ("Lowered", frame["score"] < 0)):
            rows = frame[chosen]
            if len(rows):
                listed = "; ".join(map(self._bar_in_words, rows.itertuples()))
                parts.append(f"{word} by {listed}.")
        return " ".join(parts)

    def _bar_in_words(self, row) -> str:
        value = f" = {row.value}" if row.value else ""
        mark = f" ({row.flag})" if row.flag else ""
        return f"{row.label}{value}{mark}: {self._effect(row.shown, row.score)}"
