"""ProxyDisplay: from which features a sensitive one can be told."""

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
    label_of,
    left_out,
    rows_of_attribute,
    short,
    title_of,
)
from glassbox.plots._labels import wrap
from glassbox.plots._layout import new_list, plain_texts, write_caption

#: By measure: what readers call it, and its value where nothing can be told.
_MEASURES = {"auc": ("AUC", 0.5), "r2": ("R²", 0.0)}
_SOURCES = (
    ("from_feature", "from the feature", _style.CURVE, ""),
    ("from_shape", "from its shape in the model", "#E69F00", "////"),
)
_LABEL_WIDTH = 36


class ProxyDisplay:
    """How well a sensitive feature can be told from every other, and from its shape in the model.

    Use :meth:`from_audit` or :meth:`from_frame`. Bars start at chance. A long bar *from the
    feature* is a proxy that the model could use; a long bar *from its shape* is one whose
    contribution to the score tells the groups apart.

    Parameters
    ----------
    rows : DataFrame
        Columns ``feature``, ``from_feature``, ``from_shape``.
    titles : dict of str to str
        What readers call the features.
    attribute : str
        What readers call the sensitive feature.
    measure : {"auc", "r2"}
    max_features : int, default=20
        How many features get bars of their own.
    note : str
        What is not drawn, and why.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    caption_ : str
        Where chance is, and what is not drawn.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> rows = pd.DataFrame(
    ...     {
    ...         "attribute": "sex",
    ...         "feature": ["height", "bun"],
    ...         "measure": "auc",
    ...         "from_feature": [0.9, 0.52],
    ...         "from_shape": [0.6, 0.51],
    ...     }
    ... )
    >>> ProxyDisplay.from_frame(rows).alt_text()
    'How well sex can be told, AUC (chance 0.5), from a feature and from its shape in the model: \
height 0.9 and 0.6; bun 0.52 and 0.51.'
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        titles: dict[str, str],
        attribute: str,
        measure: str,
        *,
        max_features: int = 20,
        note: str = "",
    ):
        self.rows = rows
        self.titles = titles
        self.attribute = attribute
        self.measure = measure
        self.max_features = max_features
        self.note = note

    @classmethod
    def from_audit(cls, audit: Any, attribute: str | None = None, **options: Any) -> ProxyDisplay:
        """Draw the proxies of an audit; parameters as for :meth:`from_frame`."""
        if audit.proxies is None or audit.proxies.empty:
            raise ValueError("The audit has no proxies: it knows the scores, not the features.")
        return cls.from_frame(audit.proxies, attribute, **options)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        attribute: str | None = None,
        *,
        max_features: int = 20,
        dictionary: DataDictionary | None = None,
        ax: Axes | None = None,
    ) -> ProxyDisplay:
        """Draw a frame of proxies.

        Parameters
        ----------
        frame : DataFrame
            ``attribute``, ``feature``, ``measure``, ``from_feature``, ``from_shape`` and, where
            some features have none, ``reason``.
        attribute : str, optional
            Sensitive feature to draw; by default the first.
        max_features : int, default=20
            How many features get bars of their own.
        dictionary : DataDictionary, optional
            Labels and units.
        ax : Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        ProxyDisplay

        Raises
        ------
        ValueError
            If one of several has to be chosen, or if nothing can be drawn.
        """
        if max_features < 1:
            raise ValueError(f"max_features must be at least 1, got {max_features!r}.")
        check_columns(frame, ("attribute", "feature", "measure"), "ProxyDisplay")
        check_columns(frame, [source[0] for source in _SOURCES], "ProxyDisplay")
        rows = rows_of_attribute(frame, attribute)
        name = rows["attribute"].iloc[0]
        sources = [source[0] for source in _SOURCES]
        known = rows[rows[sources].notna().any(axis=1)]
        if known.empty:
            raise ValueError(f"No feature says how well {name!r} can be told; nothing to draw.")
        display = cls(
            known[["feature", *sources]].reset_index(drop=True),
            {feature: title_of(feature, dictionary) for feature in known["feature"]},
            label_of(name, dictionary),
            known["measure"].iloc[0],
            max_features=max_features,
            note=left_out(rows.drop(known.index), "feature"),
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> ProxyDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        frame = self.to_frame()
        shown = frame.iloc[: self.max_features]
        measure, chance = _MEASURES[self.measure]
        labels = [wrap(title, _LABEL_WIDTH) for title in shown["title"]]
        own = ax is None
        if own:
            ax = new_list(labels, 1.15, 0.25, least=1.4)
        places = np.arange(len(shown))
        for (column, label, colour, hatch), shift in zip(_SOURCES, (-0.19, 0.19), strict=True):
            values = shown[column].to_numpy()
            if np.isnan(values).all():
                continue
            look = {"color": colour, "hatch": hatch, "edgecolor": "0.25", "linewidth": 0.4}
            ax.barh(
                places + shift,
                values - chance,
                left=chance,
                height=0.36,
                label=label,
                gid=column,
                **look,
            )
            for place, value in zip(places + shift, values, strict=True):
                if not np.isnan(value):
                    ax.annotate(
                        short(value), (max(value, chance), place), xytext=(3, 0),
                        textcoords="offset points", va="center", fontsize=_style.SMALL_FONT,
                    )  # fmt: skip
        dress_bars(ax, labels)
        ax.invert_yaxis()
        ax.axvline(chance, color="0.2", linewidth=1.0)
        largest = np.nanmax(shown[["from_feature", "from_shape"]].to_numpy() - chance)
        smallest = min(0.0, np.nanmin(shown[["from_feature", "from_shape"]].to_numpy() - chance))
        reach = max(largest, 0.05)
        ax.set_xlim(chance + 1.05 * smallest, chance + 1.14 * reach)
        ax.set_xlabel(
            f"{measure} for {self.attribute} (the line at {chance:g} is chance)",
            fontsize=_style.FONT,
            parse_math=False,
        )
        plain_texts(
            ax.legend(fontsize=_style.FONT - 0.5, frameon=False, loc="lower left", ncols=2,
                      bbox_to_anchor=(0, 1), borderaxespad=0.2)
        )  # fmt: skip
        self.caption_ = self._caption(len(frame) - len(shown))
        self.ax_, self.figure_ = ax, ax.figure
        if own:
            write_caption(self.figure_, self.caption_, _style.FONT - 0.5)
        return self

    def to_frame(self) -> pd.DataFrame:
        """All features, the one that tells most first.

        Returns
        -------
        DataFrame
            ``feature``, ``title``, ``from_feature``, ``from_shape``.
        """
        strength = self.rows[["from_feature", "from_shape"]].max(axis=1)
        order = strength.sort_values(ascending=False, kind="stable").index
        frame = self.rows.loc[order].reset_index(drop=True)
        frame.insert(1, "title", [self.titles[name] for name in frame["feature"]])
        return frame

    def alt_text(self) -> str:
        """How well every feature tells, in words."""
        frame = self.to_frame()
        measure, chance = _MEASURES[self.measure]
        listed = "; ".join(
            f"{row.title} {_known(row.from_feature)} and {_known(row.from_shape)}"
            for row in frame.iloc[: self.max_features].itertuples()
        )
        hidden = len(frame) - self.max_features
        more = f"; and {hidden} more" if hidden > 0 else ""
        return (
            f"How well {self.attribute} can be told, {measure} (chance {chance:g}), from a "
            f"feature and from its shape in the model: {listed}{more}."
        )

    def _caption(self, hidden: int) -> str:
        more = f"{hidden} features that tell less are not drawn." if hidden else ""
        return " ".join(filter(None, [more, self.note]))


def _known(value: float) -> str:
    return "unknown" if np.isnan(value) else short(value)
