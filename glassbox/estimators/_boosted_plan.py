"""What an engine is asked to boost, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
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


def refuse_impossible(
    estimator: Any, possible: Mapping[str, bool], engine: str, other: str
) -> None:
    """Refuse parameters that ask an engine for what only the other one can do.

    Parameters
    ----------
    estimator : BoostedGAMClassifier or BoostedGAMRegressor
    possible : mapping of str to bool
        By name of a parameter: whether the engine can do what its value asks for.
    engine, other : str

    Raises
    ------
    ValueError
        Naming the parameter, its value and the other engine.
    """
    for name, is_possible in possible.items():
        if not is_possible:
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} is not possible with engine={engine!r}; "
                f"use engine={other!r}."
            )
