"""ShapeDisplay: shape functions as clinicians read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import _style
from glassbox.plots._alt_text import describe_main, describe_pair
from glassbox.plots._categorical import WIDE_LEVELS, draw_categorical, level_order
from glassbox.plots._direction import Direction, marks_sentence
from glassbox.plots._frames import main_frame, pair_frame
from glassbox.plots._furniture import draw_direction, set_title
from glassbox.plots._joint import additivity_sentence
from glassbox.plots._jumps import against_direction
from glassbox.plots._labels import number
from glassbox.plots._layout import as_axes_list, grid_figure, place, plain_texts, write_caption
from glassbox.plots._numeric import draw_numeric
from glassbox.plots._pair import draw_conditional_lines, draw_heat_map, pair_counts
from glassbox.plots._panels import (
    MISSING_ZONE,
    Look,
    MainPanel,
    PairPanel,
    axis_limits,
    panel_jumps,
)
from glassbox.plots._scales import AUTO, Scale, get_scale
from glassbox.plots._sources import (
    NO_BAND,
    chosen_terms,
    directions_of,
    facts_of,
    main_panel,
    pair_panel,
)
from glassbox.plots._zero import MEAN, zero_sentence

Panel = MainPanel | PairPanel

_CHARACTERS_PER_INCH = 14
_MISSING_INCHES = 0.41


class ShapeDisplay:
    """Shape functions of a fitted additive model, drawn for clinicians.

    Use :meth:`from_estimator`; the constructor takes what that method prepares.

    Each panel draws the function that ``predict`` evaluates, as ``shape_function`` returns it;
    only the scale is changed. Steps are steps, straight lines straight. A curve is dotted and
    grey where fewer than `min_patients` stand (within a window of 1/20 of the 1-99 % range of
    the patients, or on the same step, if they are more) or out of the 1-99 % range. Dashed
    verticals mark jumps: single steps of at least a fifth of the curve's range and five times the
    median step, larger than the half-width of the band and (where scores are logarithms) than
    0.1, with enough patients on both sides.

    Parameters
    ----------
    panels : sequence of MainPanel or PairPanel
        Effects with what is known about them.
    scale : Scale
        What the y-axis shows.
    band_description : str
        How the band was made.
    share_y : bool
        One y-range for all main effects.
    min_patients, min_pair_patients : float
        Where fewer stand, curves are grey and dotted, cells of a pair masked.
    max_columns : int
        Columns of the grid.
    full_range : bool
        Whether the x-axes show all data, not the 1-99 % range.
    mark_jumps : bool
        Whether jumps get a dashed vertical.
    additivity : float, optional
        Share of the score's variance that the tables hold, where a network holds the rest.

    Attributes
    ----------
    figure_ : Figure
        Available after :meth:`plot`.
    axes_ : ndarray of Axes
        The panels, in order; a pair has two, the heat map and the conditional lines (one, if
        drawn into a single given Axes).
    ax_ : Axes
        The first of them.
    caption_ : str
        What is printed below the figure: what the line of no effect, the band, the dotted parts
        and the marks mean.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np, pandas as pd
    >>> from glassbox import BoostedGAMClassifier
    >>> from glassbox.plots import ShapeDisplay
    >>> X = pd.DataFrame({"age": np.repeat(np.arange(20.0, 90.0), 10)})
    >>> y = np.arange(700) % 10 < X["age"] // 10
    >>> est = BoostedGAMClassifier(n_bags=2, max_rounds=50, random_state=0).fit(X, y)
    >>> display = ShapeDisplay.from_estimator(est, "age")
    >>> display.ax_.get_ylabel()
    'Odds ratio'
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        *,
        scale: Scale,
        band_description: str = NO_BAND,
        share_y: bool = True,
        min_patients: float = 30,
        min_pair_patients: float = 10,
        max_columns: int = 4,
        full_range: bool = False,
        mark_jumps: bool = True,
        additivity: float | None = None,
    ):
        self.panels = list(panels)
        self.scale = scale
        self.band_description = band_description
        self.share_y = share_y
        self.min_patients = min_patients
        self.min_pair_patients = min_pair_patients
        self.max_columns = max_columns
        self.full_range = full_range
        self.mark_jumps = mark_jumps
        self.additivity = additivity

    @classmethod
    def from_estimator(
        cls,
        est: Any,
        features: Any = None,
        *,
        scale: str = AUTO,
        dictionary: DataDictionary | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        output: Any = None,
        reference: Any = MEAN,
        original: Any = None,
        directions: Mapping[str, int] | None = None,
        share_y: bool = True,
        min_patients: float = 30,
        min_pair_patients: float = 10,
        max_columns: int = 4,
        full_range: bool = False,
        mark_jumps: bool = True,
    ) -> ShapeDisplay:
        """Draw terms of a fitted additive estimator.

        Parameters
        ----------
        est : estimator
            A fitted glassbox estimator.
        features : str, int, tuple of two str, or list of these, optional
            Terms by name, by position in ``term_names_``, pairs as ``("age", "bun")`` or
            ``"age & bun"``. By default all main effects, the most important first.
        scale : str, default="auto"
            "odds_ratio", "log_odds" or "risk" for classifiers; "score" or "mean" for the
            identity link; "rate_ratio", "log_rate" or "rate" for the log link. "auto" is the
            first of these. "risk", "mean" and "rate" are those of a patient for whom every other
            term is zero. For several classes, "odds_ratio" shows ``exp(score)`` of each class:
            the ratio of two classes' curves is the odds ratio between these.
        dictionary : DataDictionary, optional
            Labels, units, normal ranges, the order of levels.
        ax : Axes or sequence of Axes, optional
            Where to draw: one Axes per main effect; for a pair one (heat map) or two (and
            conditional lines). By default a new figure with a grid.
        output : class label, optional
            Of several classes, the one to draw. By default main effects show all classes; pairs
            need one.
        reference : "mean", "normal", value, category or dict, default="mean"
            What an odds ratio of 1 stands for: the average patient; the middle of the normal
            range (the most frequent category; the average where no range is known); a value or a
            category, or a dict from features to these. The band moves along: it remains the one
            of the term, not of the difference from the reference.
        original : estimator, optional
            The model before it was edited: its main effects are drawn dashed, with hatching
            where they differ.
        directions : dict from feature to {-1, 0, 1}, optional
            Directions that curves are expected to have; by default those declared to the
            estimator (``monotonic_cst``). An arrow says the direction, and "certified" beside it
            that the score keeps it over the whole input space, "not certified" that it breaks it
            somewhere, "open" that neither is known. Directions that were not declared to the
            estimator are checked on its tables; an arrow alone means that they cannot be: the
            model has several scores, or a part outside the tables. Crosses mark where a curve
            runs against its direction.
        share_y : bool, default=True
            One y-range for all main effects.
        min_patients : float, default=30
            Where fewer stand, curves are dotted and grey.
        min_pair_patients : float, default=10
            Where fewer stand (within a tenth of the 1-99 % range of each feature), cells of a
            pair are masked.
        max_columns : int, default=4
            Columns of the grid.
        full_range : bool, default=False
            Show all data, not the 1-99 % range with arrows.
        mark_jumps : bool, default=True
            Dashed verticals where a step function jumps.

        Returns
        -------
        ShapeDisplay

        Raises
        ------
        ValueError
            For an unknown term, scale, output or reference; for a direction of a feature without
            order.
        """
        facts = facts_of(est)
        terms = chosen_terms(est, features)
        outcome = facts.outcome if output is None else str(output)
        chosen_scale = get_scale(scale, facts.link, facts.intercept, outcome)
        if chosen_scale.is_absolute and not (isinstance(reference, str) and reference == MEAN):
            raise ValueError(
                f"scale={chosen_scale.name!r} shows absolute values and takes no reference; "
                "leave reference='mean' or choose a ratio or log scale."
            )
        is_main = {t.name: len(t.axes) == 1 for t in est.additive_model_.terms}
        _check_reference(reference, [term for term in terms if is_main[term]])
        drawn = _features_of(est, terms)
        _check_directions(directions, drawn)
        known = directions_of(est, directions, drawn)
        nothing = Direction()
        panels = [
            main_panel(
                est, term, dictionary, reference, known.get(term, nothing), original, output
            )
            if is_main[term]
            else pair_panel(est, term, dictionary, output, facts.outputs, known)
            for term in terms
        ]
        return cls(
            panels,
            scale=chosen_scale,
            band_description=facts.band_description,
            share_y=share_y,
            min_patients=min_patients,
            min_pair_patients=min_pair_patients,
            max_columns=max_columns,
            full_range=full_range,
            mark_jumps=mark_jumps,
            additivity=facts.additivity,
        ).plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> ShapeDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional
            As for :meth:`from_estimator`.

        Returns
        -------
        self
        """
        self.caption_ = self._caption()
        if ax is None:
            self._plot_grid()
        else:
            self._plot_into(as_axes_list(ax))
        self.ax_ = self.axes_[0]
        return self

    def _plot_grid(self) -> None:
        n_columns = min(self.max_columns, sum(map(self._width, self.panels)))
        places = place([self._width(panel) for panel in self.panels], n_columns)
        n_rows = places[-1][0] + 1
        self.figure_ = grid_figure(n_rows, n_columns)
        grid = self.figure_.add_gridspec(n_rows, n_columns)
        axes, shared = [], None
        for i, (panel, (row, column, width)) in enumerate(zip(self.panels, places, strict=True)):
            cell = grid[row, column : column + width]
            look = self._look(panel, _panel_inches(panel, width, n_columns))
            if isinstance(panel, PairPanel):
                halves = cell.subgridspec(1, 2, width_ratios=(1.15, 1), wspace=0.08)
                pair = [self.figure_.add_subplot(half) for half in halves]
                draw_heat_map(pair[0], panel, self.scale, look)
                draw_conditional_lines(pair[1], panel, self.scale, look)
                axes += pair
                continue
            drawn = self.figure_.add_subplot(cell, sharey=shared if self.share_y else None)
            shared = drawn if shared is None else shared
            alone = not self.share_y
            is_last = i + 1 == len(places) or places[i + 1][0] > row
            look = replace(look, left_label=alone or column == 0, right_axis=alone or is_last)
            self._draw_main(drawn, panel, look, with_zero=self._common_zero() is None)
            axes.append(drawn)
        self.axes_ = np.array(axes, dtype=object)
        self._add_legend(self.figure_)
        write_caption(self.figure_, self.caption_, _style.FONT)

    def _plot_into(self, axes: list[Axes]) -> None:
        needed = [2 if isinstance(panel, PairPanel) else 1 for panel in self.panels]
        if len(self.panels) == 1 and needed == [2] and len(axes) == 1:
            needed = [1]
        if len(axes) != sum(needed):
            raise ValueError(
                f"{len(self.panels)} terms need {sum(needed)} Axes (two for a pair), "
                f"got {len(axes)}."
            )
        remaining = iter(axes)
        for panel, n in zip(self.panels, needed, strict=True):
            drawn = next(remaining)
            look = self._look(panel, drawn.get_window_extent().width / drawn.figure.dpi)
            if isinstance(panel, MainPanel):
                self._draw_main(drawn, panel, look, with_zero=True)
                continue
            draw_heat_map(drawn, panel, self.scale, look)
            if n == 2:
                draw_conditional_lines(next(remaining), panel, self.scale, look)
        self.axes_ = np.array(axes, dtype=object)
        self.figure_ = axes[0].figure
        self._add_legend(axes[0])

    def _draw_main(self, ax: Axes, panel: MainPanel, look: Look, with_zero: bool) -> None:
        draw = draw_categorical if panel.effect.categorical else draw_numeric
        draw(ax, panel, self.scale, look)
        set_title(ax, panel, self.scale, look, with_zero)
        draw_direction(ax, panel, look)

    def _look(self, panel: Panel, inches: float) -> Look:
        limits = (0.0, 1.0)
        if isinstance(panel, MainPanel):
            together = self._mains() if self.share_y else [panel]
            extents = [p.extent(self.scale, self.min_patients) for p in together]
            limits = axis_limits(extents, self.scale)
        return Look(
            fontsize=_style.FONT,
            min_patients=self.min_patients,
            min_pair_patients=self.min_pair_patients,
            full_range=self.full_range,
            mark_jumps=self.mark_jumps,
            limits=limits,
            label_width=int(_CHARACTERS_PER_INCH * inches),
            missing_zone=min(MISSING_ZONE, _MISSING_INCHES / inches),
        )

    def _width(self, panel: Panel) -> int:
        if isinstance(panel, PairPanel):
            return 2
        if not panel.effect.categorical:
            return 1
        n_levels = len(level_order(panel.effect, panel.entry))
        n_levels += panel.effect.missing is not None
        return 2 if n_levels >= WIDE_LEVELS else 1

    def _mains(self) -> list[MainPanel]:
        return [panel for panel in self.panels if isinstance(panel, MainPanel)]

    def _common_zero(self) -> str | None:
        """What the line of no effect stands for, if it is the same in all panels."""
        texts = {panel.zero.text for panel in self._mains()}
        return texts.pop() if len(texts) == 1 else None

    def _add_legend(self, where: Figure | Axes) -> None:
        """Names of the classes, once for all panels."""
        several = [panel for panel in self._mains() if len(panel.drawn) > 1]
        if not several:
            return
        panel = several[0]
        handles = [
            Line2D(
                [],
                [],
                marker="o",
                markersize=3.5,
                label=panel.label_of(k),
                **_style.curve_style(k),
            )
            for k in panel.drawn
        ]
        options = {"fontsize": _style.FONT, "frameon": False, "handlelength": 3.0}
        if isinstance(where, Figure):
            options.update(loc="outside upper left", ncols=min(len(handles), 2 * self.max_columns))
        plain_texts(where.legend(handles=handles, **options))

    def _caption(self) -> str:
        mains = self._mains()
        pairs = [panel for panel in self.panels if isinstance(panel, PairPanel)]
        parts = []
        common = self._common_zero()
        if self.scale.is_absolute:
            parts.append(
                f"{self.scale.label}: for a patient for whom all other terms are at their average."
            )
        elif common is not None:
            parts.append(f"{self.scale.label} {zero_sentence(float(self.scale.null[0]), common)}.")
        if mains and self.scale.mixes_outputs:
            parts.append("No band: the risk of one class depends on the scores of all.")
        elif mains and any(panel.effect.has_band for panel in mains):
            parts.append(f"Band: {_as_sentence(self.band_description)}")
        if any(panel.is_thin(self.min_patients).any() for panel in mains):
            parts.append(
                f"Dotted, grey: fewer than {number(self.min_patients)} patients, or outside the "
                "range of 98 % of the patients (1-99 %)."
            )
        if any(not panel.effect.categorical for panel in mains):
            parts.append("Grey strip: where the patients are. Triangles: the data go on.")
        if any(panel.zero.category is not None for panel in mains):
            parts.append("Hollow: reference level.")
        if self.mark_jumps and any(
            panel_jumps(panel, self.scale, self.min_patients) for panel in mains
        ):
            parts.append("Dashed verticals: sudden jumps.")
        if any(_runs_against(panel) for panel in mains):
            parts.append("Crosses: against the declared direction.")
        directions = [panel.direction for panel in mains]
        directions += [direction for panel in pairs for direction in panel.directions]
        parts.append(marks_sentence(directions))
        if any(panel.original is not None for panel in mains):
            parts.append("Dashed: before editing; hatched: the change.")
        if any((pair_counts(p) < self.min_pair_patients).any() for p in pairs):
            parts.append(
                f"Hatched cells: fewer than {number(self.min_pair_patients)} patients "
                "in the neighbourhood."
            )
        parts.append(additivity_sentence(self.additivity))
        return " ".join(filter(None, parts))

    def to_frame(self) -> pd.DataFrame:
        """What is drawn, as one table.

        Returns
        -------
        DataFrame
            ``term``, ``output`` (several classes), ``x`` (or ``x1``, ``x2``) and ``kind``;
            ``score``, ``lower``, ``upper`` as ``shape_function`` gives them; ``shown`` (and its
            band) as the axis shows them; ``weight``, and ``thin`` where too few patients stand.
        """
        frames = [
            main_frame(panel, self.scale, self.min_patients)
            if isinstance(panel, MainPanel)
            else pair_frame(panel, self.scale, self.min_pair_patients)
            for panel in self.panels
        ]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

    def alt_text(self) -> str:
        """What the panels show, in words; one line per panel."""
        return "\n".join(
            describe_main(panel, self.scale, self.min_patients)
            if isinstance(panel, MainPanel)
            else describe_pair(panel, self.scale, self.min_pair_patients)
            for panel in self.panels
        )


def _runs_against(panel: MainPanel) -> bool:
    sign = panel.direction.sign
    return any(len(against_direction(panel.effect, sign, k)) for k in panel.drawn)


def _features_of(est: Any, terms: list[str]) -> list[str]:
    """Features of the terms drawn, each once."""
    features = (f for t in est.additive_model_.terms if t.name in terms for f in t.features)
    return list(dict.fromkeys(features))


def _check_directions(directions: Mapping[str, int] | None, drawn: list[str]) -> None:
    """Refuse directions of features that are not drawn: they would do nothing."""
    for feature in directions or {}:
        if feature not in drawn:
            raise ValueError(
                f"directions names {feature!r}, which is not among the features drawn: "
                f"{', '.join(drawn)}."
            )


def _check_reference(reference: Any, mains: list[str]) -> None:
    """Refuse references of features that are not drawn: they would do nothing."""
    if isinstance(reference, Mapping):
        for feature in reference:
            if feature not in mains:
                raise ValueError(
                    f"reference names {feature!r}, which is not among the main effects drawn: "
                    f"{', '.join(mains)}."
                )
    elif reference not in (MEAN, "normal") and len(mains) != 1:
        raise ValueError(
            f"reference={reference!r} fits one main effect, and {len(mains)} are drawn; give a "
            "dict from features to references."
        )


def _panel_inches(panel: Panel, width: int, n_columns: int) -> float:
    """About how wide the axes of a panel become in a grid."""
    if isinstance(panel, PairPanel):
        return 1.8
    return width * (_style.PANEL_WIDTH if n_columns > 1 else _style.ONLY_PANEL_WIDTH) - 0.35


def _as_sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith(".") else text + "."
