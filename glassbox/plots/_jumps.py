"""Marks on a curve: sudden jumps, and places where it runs against its declared direction."""

from __future__ import annotations

import numpy as np

from glassbox.plots._effects import MainEffect
from glassbox.plots._support import Support

#: A jump takes at least this share of the curve's whole range in one step ...
RANGE_SHARE = 0.2
#: ... and is at least this many times the usual (median) step ...
TIMES_USUAL = 5.0
#: ... and the curve has at least this many steps, since in a coarse curve every step is large.
MIN_STEPS = 8

_AT_MOST = 3


def jumps(
    effect: MainEffect,
    support: Support,
    min_patients: float,
    output: int = 0,
    min_size: float = 0.0,
) -> np.ndarray:
    """Where a step function jumps.

    A step is a jump if it is at least `min_size` high, takes at least a fifth of the curve's
    range over the 1-99 % of the patients, is at least five times the median step there, is larger
    than the half-width of the band on either side, and at least `min_patients` stand on both
    sides. It is a hint to look
    for a threshold of treatment (Lengerich et al. 2025, npj Digital Medicine 8:711), not a test.

    Parameters
    ----------
    effect : MainEffect
        Curves that are not steps have no jumps.
    support : Support
    min_patients : float
    output : int
    min_size : float
        On the scale of the link.

    Returns
    -------
    ndarray
        At most three positions, the largest jumps first.
    """
    if effect.categorical or effect.degree != 0:
        return np.empty(0)
    cuts, score = effect.x[1:-1], effect.score[:-1, output]
    centres = (effect.x[1:] + effect.x[:-1]) / 2
    low, high = support.central_range
    inside = (cuts > low) & (cuts < high)
    if inside.sum() < MIN_STEPS:
        return np.empty(0)
    size = np.abs(np.diff(score))
    drawn = (effect.x[1:] > low) & (effect.x[:-1] < high)
    usual = np.median(size[inside])
    enough = support.patients_at(centres) >= min_patients
    half_width = (effect.upper - effect.lower)[:-1, output] / 2
    half_width = np.where(np.isfinite(half_width), half_width, 0.0)
    is_jump = (
        inside
        & (size >= min_size)
        & (size >= RANGE_SHARE * np.ptp(score[drawn]))
        & (size > TIMES_USUAL * usual)
        & (size > np.maximum(half_width[1:], half_width[:-1]))
        & enough[1:]
        & enough[:-1]
    )
    found = np.flatnonzero(is_jump)
    largest = found[np.argsort(-size[found], kind="stable")][:_AT_MOST]
    return cuts[largest]


def against_direction(effect: MainEffect, direction: int, output: int = 0) -> np.ndarray:
    """Points where a curve moves against its declared direction.

    Parameters
    ----------
    effect : MainEffect
        A numeric one.
    direction : {-1, 0, 1}
        Declared: falling, none, rising.
    output : int

    Returns
    -------
    ndarray of int
        Numbers of the points that the curve reaches by moving the wrong way.
    """
    if effect.categorical or direction == 0:
        return np.empty(0, dtype=int)
    score = effect.score[:, output]
    tolerance = 1e-9 * max(1.0, float(np.abs(score).max()))
    return np.flatnonzero(direction * np.diff(score) < -tolerance) + 1
