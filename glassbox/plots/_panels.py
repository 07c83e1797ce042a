"""A panel: an effect and all that is said about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassbox.core.dictionary import Entry
from glassbox.plots import _style
from glassbox.plots._effects import MainEffect, PairEffect, Slot
from glassbox.plots._scales import Scale
from glassbox.plots._support import Support
from glassbox.plots._zero import Zero


@dataclass(frozen=True, eq=False)
class MainPanel:
    """One feature.

    Attributes
    ----------
    effect : MainEffect
    support : Support or None
        None for categories.
    entry : Entry
        What the data dictionary knows.
    zero : Zero
    drawn : tuple of int
        Numbers of the outputs that are drawn.
    direction : int
        Declared: -1, 0 or 1.
    original : MainEffect or None
        The function before it was edited.
    """

    effect: MainEffect
    support: Support | None
    entry: Entry
    zero: Zero
    drawn: tuple[int, ...] = (0,)
    direction: int = 0
    original: MainEffect | None = None

    @property
    def name(self) -> str:
        """Name of the term."""
        return self.effect.name

    @property
    def title(self) -> str:
        """Label and unit."""
        return self.entry.title

    def curve_style(self, k: int) -> dict:
        """Colour and line style of output k."""
        if len(self.drawn) == 1:
            return {"color": _style.CURVE, "linestyle": "-"}
        return _style.curve_style(k)

    def offset(self, k: int) -> float:
        """Places the outputs of a panel side by side: ..., -1, 0, 1, ..."""
        return self.drawn.index(k) - (len(self.drawn) - 1) / 2

    def label_of(self, k: int) -> str | None:
        """Name of output k, if there are several."""
        return None if self.effect.outputs[k] is None else str(self.effect.outputs[k])

    @property
    def n_patients(self) -> float:
        """Training weight, missing values included."""
        missing = self.effect.missing
        on_axis = self.support.total if self.support is not None else self.effect.weight.sum()
        return float(on_axis + (missing.weight if missing is not None else 0.0))

    def shown(self, scale: Scale, table: np.ndarray) -> np.ndarray:
        """Scores of shape (..., n_outputs) as the axis shows them."""
        return scale.forward(table - self.zero.shift)

    def is_thin(self, min_patients: float) -> np.ndarray:
        """For each point, whether too few patients stand there."""
        if self.support is None:
            return self.effect.weight < min_patients
        return self.support.is_thin(self.effect.x, min_patients)

    def extent(self, scale: Scale, min_patients: float) -> tuple[float, float]:
        """Smallest and largest value that the y-axis has to hold."""
        effect = self.effect
        solid = ~self.is_thin(min_patients)
        known = solid if solid.any() else np.ones_like(solid)
        shown = [self.shown(scale, effect.score[known])]
        if effect.categorical:
            shown.append(self.shown(scale, effect.score[effect.weight > 0]))
        if effect.has_band and not scale.mixes_outputs and solid.any():
            shown += [self.shown(scale, t[solid]) for t in (effect.lower, effect.upper)]
        if effect.missing is not None:
            shown.append(self.shown(scale, effect.missing.score))
        if self.original is not None:
            shown.append(self.shown(scale, self.original.score))
        values = np.concatenate([np.ravel(s[..., list(self.drawn)]) for s in shown])
        return float(np.nanmin(values)), float(np.nanmax(values))


@dataclass(frozen=True, eq=False)
class PairPanel:
    """Two features together."""

    effect: PairEffect
    entries: tuple[Entry, Entry]
    output_position: int = 0

    @property
    def name(self) -> str:
        """Name of the term."""
        return self.effect.name

    @property
    def title(self) -> str:
        """Labels and units of both features."""
        return " × ".join(entry.title for entry in self.entries)


@dataclass(frozen=True)
class Look:
    """How panels are drawn.

    Attributes
    ----------
    fontsize : float
    min_patients : float
        Where fewer stand, curves are dotted and grey.
    min_pair_patients : float
        Where fewer stand, cells of a pair are masked.
    full_range : bool
        Whether the x-axis shows all data, or the 1-99 % range.
    mark_jumps : bool
    limits : tuple of float
        Ends of the y-axis, as the scale shows them.
    left_label, right_axis : bool
        Which axes of the panel are labelled.
    label_width : int
        Characters after which titles go on in the next line.
    """

    fontsize: float
    min_patients: float
    min_pair_patients: float
    full_range: bool
    mark_jumps: bool
    limits: tuple[float, float] = (0.0, 1.0)
    left_label: bool = True
    right_axis: bool = True
    label_width: int = 34


def band_of(
    panel: MainPanel, scale: Scale, effect: MainEffect | Slot
) -> tuple[np.ndarray, np.ndarray] | None:
    """Edges of the band as the axis shows them; None where there is none to show."""
    if scale.mixes_outputs or not np.isfinite(effect.lower).any():
        return None
    return panel.shown(scale, effect.lower), panel.shown(scale, effect.upper)


def axis_limits(extents: list[tuple[float, float]], scale: Scale) -> tuple[float, float]:
    """Limits that hold all extents, with room for the density strip and the texts."""
    low = min(e[0] for e in extents)
    high = max(e[1] for e in extents)
    low, high = min(low, float(scale.null.min())), max(high, float(scale.null.max()))
    if scale.is_ratio:
        low, high = np.log(low), np.log(high)
    # An axis that hugs a flat curve would make noise look like an effect.
    narrowest = 0.4 if scale.is_ratio or scale.name in ("log_odds", "log_rate") else 0.0
    spare = max(narrowest - (high - low), 0.0) / 2
    low, high = low - spare, high + spare
    if high == low:
        low, high = low - 0.5, high + 0.5
    span = high - low
    low, high = low - 0.24 * span, high + 0.13 * span
    return (float(np.exp(low)), float(np.exp(high))) if scale.is_ratio else (low, high)
