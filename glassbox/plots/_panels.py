"""A panel: an effect and all that is said about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from glassbox.core.dictionary import Entry
from glassbox.plots import _style
from glassbox.plots._direction import Direction
from glassbox.plots._effects import MainEffect, PairEffect, Slot
from glassbox.plots._jumps import jumps
from glassbox.plots._scales import Scale
from glassbox.plots._support import Support
from glassbox.plots._zero import Zero

#: Share of a panel's width that the point for *missing* takes, in a panel one column wide.
MISSING_ZONE = 0.17

#: Bands may take this share of the curves' range beyond it.
_BAND_ROOM = 0.35


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
    direction : Direction
        Declared, and whether it is certified.
    original : MainEffect or None
        The function before it was edited.
    """

    effect: MainEffect
    support: Support | None
    entry: Entry
    zero: Zero
    drawn: tuple[int, ...] = (0,)
    direction: Direction = Direction()
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
        """Name of output k, if several are drawn."""
        return None if len(self.drawn) == 1 else str(self.effect.outputs[k])

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

    def extent(self, scale: Scale, min_patients: float) -> tuple[np.ndarray, np.ndarray]:
        """What the y-axis has to hold: supported values, that of no effect, and the band.

        Returns
        -------
        values, band : ndarray
        """
        effect = self.effect
        solid = ~self.is_thin(min_patients)
        known = solid if solid.any() else np.ones_like(solid)
        tables = [t[known] for t in (effect.score, effect.lower, effect.upper)]
        if effect.missing is not None and effect.missing.weight >= min_patients:
            slot = (effect.missing.score, effect.missing.lower, effect.missing.upper)
            tables = [np.vstack([t, s]) for t, s in zip(tables, slot, strict=True)]
        if self.original is not None:
            tables[0] = np.vstack([tables[0], self.original.score])
        drawn = list(self.drawn)
        values, low, high = (self.shown(scale, t)[:, drawn].ravel() for t in tables)
        values = np.append(values, scale.null[drawn])
        band = np.empty(0) if scale.mixes_outputs else np.concatenate([low, high])
        return values, band[np.isfinite(band)]


@dataclass(frozen=True, eq=False)
class PairPanel:
    """Two features together.

    Attributes
    ----------
    effect : PairEffect
    entries : tuple of Entry
        What the data dictionary knows.
    supports : tuple of Support or None
        How the patients are spread along each feature; None for categories.
    output_position : int
        Number of the output that is drawn.
    directions : tuple of Direction
        Declared, of each feature.
    """

    effect: PairEffect
    entries: tuple[Entry, Entry]
    supports: tuple[Support | None, Support | None]
    output_position: int = 0
    directions: tuple[Direction, Direction] = (Direction(), Direction())

    @property
    def name(self) -> str:
        """Name of the term."""
        return self.effect.name

    @property
    def title(self) -> str:
        """Labels and units of both features."""
        return " × ".join(entry.title for entry in self.entries)

    def number_across(self) -> PairPanel:
        """The panel with a number, rather than categories, along the x-axis if there is one."""
        first, second = self.effect.axes
        if not first.categorical or second.categorical:
            return self
        return replace(
            self,
            effect=self.effect.transposed(),
            entries=self.entries[::-1],
            supports=self.supports[::-1],
            directions=self.directions[::-1],
        )


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
    missing_zone : float
        Share of the panel's width that the point for *missing* takes.
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
    missing_zone: float = MISSING_ZONE


def band_of(
    panel: MainPanel, scale: Scale, effect: MainEffect | Slot
) -> tuple[np.ndarray, np.ndarray] | None:
    """Edges of the band as the axis shows them; None where there is none to show."""
    if scale.mixes_outputs or not np.isfinite(effect.lower).any():
        return None
    return panel.shown(scale, effect.lower), panel.shown(scale, effect.upper)


def axis_limits(extents: list[tuple[np.ndarray, np.ndarray]], scale: Scale) -> tuple[float, float]:
    """Limits that hold the extents of all panels, with room for the density strip and the texts.

    Wide bands are cut off rather than let them press the curves flat.
    """
    values = np.concatenate([values for values, _ in extents])
    band = np.concatenate([values, *(band for _, band in extents)])
    if scale.is_ratio:
        values, band = np.log(values), np.log(band)
    low, high = values.min(), values.max()
    reach = _BAND_ROOM * (high - low)
    low = min(low, max(band.min(), low - reach))
    high = max(high, min(band.max(), high + reach))
    # An axis that hugs a flat curve would make noise look like an effect.
    narrowest = 0.4 if scale.is_ratio or scale.name in ("log_odds", "log_rate") else 0.0
    spare = max(narrowest - (high - low), 0.0) / 2
    low, high = low - spare, high + spare
    if high == low:
        low, high = low - 0.5, high + 0.5
    span = high - low
    low, high = low - 0.2 * span, high + 0.13 * span
    return (float(np.exp(low)), float(np.exp(high))) if scale.is_ratio else (low, high)


def panel_jumps(panel: MainPanel, scale: Scale, min_patients: float) -> list[float]:
    """Where any of the panel's curves jumps."""
    if panel.support is None:
        return []
    found = (
        jumps(panel.effect, panel.support, min_patients, k, scale.smallest_jump)
        for k in panel.drawn
    )
    return sorted({float(place) for places in found for place in places})
