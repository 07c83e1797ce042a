"""ImportanceDisplay: which terms matter most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._joint import title_beyond_tables
from glassbox.plots._labels import number, term_title, wrap
from glassbox.plots._layout import new_list
from glassbox.plots._sources import facts_of

_UNIT_OF_LINK = {
    "logit": "log-odds",
    "softmax": "class score",
    "log": "log rate",
    "identity": "outcome units",
}
_LABEL_WIDTH = 44


class ImportanceDisplay:
    """Terms by importance: the mean absolute contribution over the training data.

    Use :meth:`from_estimator`.

    Parameters
    ----------
    importances : Series
        By term name.
    titles : mapping of str to str
        What readers call the terms.
    unit : str
        Unit of the contributions.
    max_terms : int, default=20
        How many terms get a bar of their own.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> importances = pd.Series({"age": 0.4, "bun": 0.7})
    >>> titles = {"age": "Age (years)", "bun": "BUN (mg/dL)"}
    >>> ImportanceDisplay(importances, titles, "log-odds").plot().alt_text()
    'Terms by mean absolute contribution (log-odds): BUN (mg/dL) 0.7, Age (years) 0.4.'
    """

    def __init__(
        self,
        importances: pd.Series,
        titles: Mapping[str, str],
        unit: str,
        *,
        max_terms: int = 20,
    ):
        self.importances = importances
        self.titles = titles
        self.unit = unit
        self.max_terms = max_terms

    @classmethod
    def from_estimator(
        cls,
        est: Any,
        *,
        max_terms: int = 20,
        dictionary: DataDictionary | None = None,
        ax: Axes | None = None,
    ) -> ImportanceDisplay:
        """Draw the importances of a fitted additive estimator.

        Parameters
        ----------
        est : estimator
            A fitted glassbox estimator. A part that has no table, such as a network of several
            features, is a bar like the terms.
        max_terms : int, default=20
            How many terms get a bar of their own; the others are counted below.
        dictionary : DataDictionary, optional
            Labels and units.
        ax : Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        ImportanceDisplay
        """
        if max_terms < 1:
            raise ValueError(f"max_terms must be at least 1, got {max_terms!r}.")
        facts = facts_of(est)
        titles = {
            term.name: term_title(list(term.features), dictionary)
            for term in est.additive_model_.terms
        }
        importances = est.term_importances_
        titles = {name: title_beyond_tables(name) for name in importances.index} | titles
        unit = _UNIT_OF_LINK[facts.link]
        return cls(importances, titles, unit, max_terms=max_terms).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> ImportanceDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        frame = self.to_frame()
        shown = frame.iloc[: self.max_terms][::-1]
        labels = [wrap(title, _LABEL_WIDTH) for title in shown["title"]]
        if ax is None:
            ax = new_list(labels, 0.9, 0.24)
        bars = ax.barh(range(len(shown)), shown["importance"], color=_style.CURVE, height=0.7)
        ax.bar_label(
            bars,
            [number(float(f"{v:.2g}")) for v in shown["importance"]],
            padding=3,
            fontsize=_style.FONT,
        )
        ax.set_yticks(
            range(len(shown)),
            labels,
            fontsize=_style.FONT,
            parse_math=False,
        )
        ax.set_ylim(-0.6, len(shown) - 0.4)
        ax.margins(x=0.1)
        label = f"Mean absolute contribution ({self.unit})"
        hidden = len(frame) - len(shown)
        if hidden:
            largest = number(float(f"{frame['importance'].iloc[self.max_terms]:.2g}"))
            label += f"\nand {hidden} terms of {largest} or less"
        ax.set_xlabel(label, fontsize=_style.FONT)
        ax.tick_params(axis="x", labelsize=_style.FONT)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def to_frame(self) -> pd.DataFrame:
        """All terms, the most important first.

        Returns
        -------
        DataFrame
            ``term``, ``title``, ``importance``.
        """
        ordered = self.importances.sort_values(ascending=False, kind="stable")
        return pd.DataFrame(
            {
                "term": ordered.index,
                "title": [self.titles[name] for name in ordered.index],
                "importance": ordered.to_numpy(),
            }
        )

    def alt_text(self) -> str:
        """The order of the terms, in words."""
        frame = self.to_frame()
        listed = ", ".join(
            f"{row.title} {number(float(f'{row.importance:.2g}'))}"
            for row in frame.iloc[: self.max_terms].itertuples()
        )
        hidden = len(frame) - self.max_terms
        more = f", and {hidden} smaller ones" if hidden > 0 else ""
        return f"Terms by mean absolute contribution ({self.unit}): {listed}{more}."
