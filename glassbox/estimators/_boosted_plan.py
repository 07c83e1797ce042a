"""What an engine is asked to boost, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassbox.core.additive import AdditiveModel


@dataclass(frozen=True)
class BoostingPlan:
    """What a boosted GAM asks of its engine, beside its own parameters.

    Attributes
    ----------
    directions : dict of str to {-1, 1}
        Of main effects that must fall or rise.
    pairs : int or list of [int, int]
        How many pairs to find, or pairs of column numbers.
    excluded : list of tuple of int
        Columns and pairs that must have no term.
    n_held_out : int
        Rows that each bag leaves out.
    seed : int
    """

    directions: dict[str, int]
    pairs: int | list[list[int]]
    excluded: list[tuple[int, ...]]
    n_held_out: int
    seed: int


@dataclass(frozen=True)
class Trained:
    """What an engine has learned.

    Attributes
    ----------
    model : AdditiveModel
    bags : list of ndarray of shape (n_bags, *shape of the term's coefficients)
        For each term, the coefficients of every bag.
    n_rounds : list of int
        Boosting steps of each bag.
    state : object or None
        To go on from.
    """

    model: AdditiveModel
    bags: list[np.ndarray]
    n_rounds: list[int]
    state: Any = None
