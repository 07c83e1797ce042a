"""Alternative text: what a picture shows, for those who do not see it."""

from __future__ import annotations

import numpy as np

from glassbox.plots._labels import count, missing_label, normal_text, number, unit_after, with_unit
from glassbox.plots._pair import describe_cell, pair_counts, shown_pair
from glassbox.plots._panels import MainPanel, PairPanel
from glassbox.plots._scales import Scale

#: Effects below this are "flat": odds that differ by less than 5 %.
_FLAT_RATIO = 1.05
_FLAT = "Flat."


def describe_main(panel: MainPanel, scale: Scale, min_patients: float) -> str:
    """One feature's shape in words."""
    parts = [_describe_output(panel, scale, min_patients, k) for k in panel.drawn]
    missing = panel.effect.missing
    if missing is not None:
        shown = panel.shown(scale, missing.score)
        effects = _listed(
            panel, [effect_text(scale, shown[k], panel.zero.text) for k in panel.drawn]
        )
        label = missing_label(missing.weight, panel.n_patients)
        if missing.weight < min_patients:
            effects = "too few to tell"
        parts.append(f"{label[0].upper()}{label[1:]}: {effects}.")
    if panel.direction.sign:
        parts.append(panel.direction.sentence(panel.entry))
    if panel.entry.ref_low is not None or panel.entry.ref_high is not None:
        limits = normal_text(panel.entry).removeprefix("normal ")
        parts.append(f"Normal range: {limits}{unit_after(panel.entry)}.")
    if panel.support is not None:
        low, high = panel.support.central_range
        parts.append(
            f"98 % of the patients lie between {number(low)} and "
            f"{with_unit(float(high), panel.entry)}."
        )
    return f"{panel.title}. " + " ".join(parts)


def _listed(panel: MainPanel, texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    named = zip(panel.drawn, texts, strict=True)
    return "; ".join(f"{panel.label_of(k)}: {text}" for k, text in named)


def _describe_output(panel: MainPanel, scale: Scale, min_patients: float, k: int) -> str:
    effect = panel.effect
    shown = panel.shown(scale, effect.score)[:, k]
    known = ~panel.is_thin(min_patients)
    if effect.categorical:
        known &= effect.weight > 0
    else:
        known = _interior(known, effect.degree)
    prefix = "" if effect.outputs[k] is None else f"Class {effect.outputs[k]}: "
    if known.sum() == 0:
        return f"{prefix}Fewer than {number(min_patients)} patients stand anywhere."
    points = np.flatnonzero(known)
    low, high = points[shown[points].argmin()], points[shown[points].argmax()]
    where = [_place(panel, i) for i in (low, high)]
    sentence = compare(scale, shown[high], shown[low], where[1], where[0])
    if effect.categorical:
        return prefix + sentence
    course = _course(shown[points], scale)
    return prefix + (course if course == _FLAT else f"{course} {sentence}")


def _interior(known: np.ndarray, degree: int) -> np.ndarray:
    """Without the repeated right edge of steps, unless nothing else is left."""
    if degree != 0:
        return known
    inner = known.copy()
    inner[-1] = False
    return inner if inner.any() else known


def _place(panel: MainPanel, i: int) -> str:
    x = panel.effect.x[i]
    if panel.effect.categorical:
        return str(x)
    if panel.effect.degree == 0:
        low, high = panel.support.central_range
        left = max(x, low)
        right = min(panel.effect.x[min(i + 1, len(panel.effect.x) - 1)], high)
        x = (left + right) / 2 if right > left else x
    return with_unit(float(x), panel.entry)


def compare(scale: Scale, high: float, low: float, at_high: str, at_low: str) -> str:
    """How much more at one place than at another."""
    if scale.is_ratio:
        what = "Odds" if scale.name == "odds_ratio" else "Rate"
        if high / low < _FLAT_RATIO:
            return f"{what} differ by less than 5 %."
        return (
            f"{what} {number(_two_digits(high / low))} times higher at {at_high} than at {at_low}."
        )
    if scale.is_absolute:
        unit = " %" if scale.name == "risk" else ""
        top, bottom = (f"{number(_two_digits(v))}{unit}" for v in (high, low))
        return f"{scale.name.capitalize()} {top} at {at_high}, {bottom} at {at_low}."
    if high == low:
        return f"{scale.label} the same everywhere."
    difference = number(_two_digits(high - low))
    return f"{scale.label} {difference} higher at {at_high} than at {at_low}."


def effect_text(scale: Scale, shown: float, zero: str) -> str:
    """One effect in words."""
    if scale.is_ratio:
        what = "odds" if scale.name == "odds_ratio" else "rate"
        if max(shown, 1 / shown) < _FLAT_RATIO:
            return f"{what} within 5 % of those of: {zero}"
        return f"{what} {number(_two_digits(shown))} times those of: {zero}"
    if scale.is_absolute:
        return f"{scale.name} {number(_two_digits(shown))}{' %' if scale.name == 'risk' else ''}"
    sign = "+" if shown > 0 else ""
    return f"{sign}{number(_two_digits(shown))} from: {zero}"


def _course(shown: np.ndarray, scale: Scale) -> str:
    """Rising, falling, U-shaped ..., by where the extremes lie."""
    values = np.log(shown) if scale.is_ratio else shown
    span = np.ptp(values)
    if span < (np.log(_FLAT_RATIO) if scale.is_ratio else 1e-12):
        return _FLAT
    rises = np.clip(np.diff(values), 0, None).sum()
    falls = -np.clip(np.diff(values), None, 0).sum()
    if falls <= 0.1 * rises:
        return "Rising."
    if rises <= 0.1 * falls:
        return "Falling."
    first, last = values[0], values[-1]
    lowest, highest = values.min(), values.max()
    tall = 0.4 * span
    if first - lowest > tall and last - lowest > tall:
        return "Falling, then rising."
    if highest - first > tall and highest - last > tall:
        return "Rising, then falling."
    return "Rising on the whole." if last > first else "Falling on the whole."


def describe_pair(panel: PairPanel, scale: Scale, min_patients: float) -> str:
    """A pair in words: where it is highest and lowest, among cells with enough patients."""
    few = pair_counts(panel) < min_patients
    promises = "".join(
        f" {entry.label}: {direction.sentence(entry)}"
        for entry, direction in zip(panel.entries, panel.directions, strict=True)
        if direction.sign
    )
    if few.all():
        nobody = f"Fewer than {number(min_patients)} patients stand anywhere."
        return f"{panel.title}. {nobody}{promises}"
    shown = shown_pair(panel, scale, panel.effect.score)
    places = []
    for extreme in (np.nanargmin, np.nanargmax):
        cell = np.unravel_index(extreme(np.where(few, np.nan, shown)), shown.shape)
        places.append((shown[cell], describe_cell(panel, *cell)))
    (low, at_low), (high, at_high) = places
    masked = f" {count(few.sum())} of {count(few.size)} cells are masked." if few.any() else ""
    return f"{panel.title}. {compare(scale, high, low, at_high, at_low)}{masked}{promises}"


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")
