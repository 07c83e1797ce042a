"""What displays hand out as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from glassbox.plots._effects import MainEffect, Slot
from glassbox.plots._pair import pair_counts, shown_pair
from glassbox.plots._panels import MainPanel, PairPanel
from glassbox.plots._scales import Scale


def main_frame(panel: MainPanel, scale: Scale, min_patients: float) -> pd.DataFrame:
    """The points of a main effect, as drawn: one row per point and output."""
    effect = panel.effect
    blocks = []
    for k in panel.drawn:
        rows = _rows(panel, scale, k, effect)
        rows["x"], rows["kind"], rows["weight"] = effect.x, "value", effect.weight
        rows["thin"] = panel.is_thin(min_patients)
        block = pd.DataFrame(rows)
        if effect.missing is not None:
            slot = _rows(panel, scale, k, effect.missing)
            slot.update(x=None, kind="missing", weight=effect.missing.weight)
            slot["thin"] = effect.missing.weight < min_patients
            block = pd.concat(
                [block.astype({"x": object}), pd.DataFrame([slot]).astype({"x": object})],
                ignore_index=True,
            )
        block.insert(0, "term", panel.name)
        if effect.outputs[k] is not None:
            block.insert(1, "output", effect.outputs[k])
        blocks.append(block)
    names = ["term", "output", "x", "kind", "score", "lower", "upper"]
    names += ["shown", "shown_lower", "shown_upper", "weight", "thin"]
    frame = pd.concat(blocks, ignore_index=True)
    return frame[[name for name in names if name in frame]]


def _rows(panel: MainPanel, scale: Scale, k: int, effect: MainEffect | Slot) -> dict:
    nothing = np.full_like(effect.score, np.nan)
    banded = not scale.mixes_outputs
    tables = {
        "score": effect.score,
        "lower": effect.lower,
        "upper": effect.upper,
        "shown": panel.shown(scale, effect.score),
        "shown_lower": panel.shown(scale, effect.lower) if banded else nothing,
        "shown_upper": panel.shown(scale, effect.upper) if banded else nothing,
    }
    # The empty index turns the slot's arrays without dimensions into numbers.
    return {name: table[..., k][()] for name, table in tables.items()}


def pair_frame(panel: PairPanel, scale: Scale, min_patients: float) -> pd.DataFrame:
    """The cells of a pair: one row per cell, *missing* included."""
    effect = panel.effect
    first, second = (
        np.append(axis.points[: axis.n_cells].astype(object), None) for axis in effect.axes
    )
    n_first, n_second = effect.score.shape
    kinds = [
        np.append(np.full(n - 1, "value", dtype=object), "missing") for n in (n_first, n_second)
    ]
    rows = {
        "term": panel.name,
        "output": effect.output,
        "x1": np.repeat(first, n_second),
        "kind1": np.repeat(kinds[0], n_second),
        "x2": np.tile(second, n_first),
        "kind2": np.tile(kinds[1], n_first),
        "score": effect.score.ravel(),
        "lower": effect.lower.ravel(),
        "upper": effect.upper.ravel(),
        "shown": shown_pair(panel, scale, effect.score).ravel(),
        "weight": effect.weight.ravel(),
        "thin": (pair_counts(panel) < min_patients).ravel(),
    }
    if effect.output is None:
        del rows["output"]
    return pd.DataFrame(rows)
