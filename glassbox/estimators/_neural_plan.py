"""What the user of a neural additive model asked for, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plan:
    """What the user asked for, checked.

    Attributes
    ----------
    n_knots, n_pair_knots : int or "auto"
    interactions : int or list of pairs of str
    heredity : {"weak", "strong"} or None
    start : {"penalised", "zero"}
    strengths : dict of str to float
        Factors on the smoothness of terms.
    prune : bool
    n_members, batch_rows, seed : int
    directions : dict of str to {-1, 1}
    class_weights : ndarray or None
    """

    n_knots: int | str
    n_pair_knots: int | str
    interactions: int | list[tuple[str, str]]
    heredity: str | None
    start: str
    strengths: Mapping[str, float]
    prune: bool
    n_members: int
    batch_rows: int
    seed: int
    directions: Mapping[str, int]
    class_weights: np.ndarray | None
