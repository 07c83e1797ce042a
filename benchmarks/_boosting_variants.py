"""Variants of the boosting engine: constants, draws of bags and settings other than its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np

#: What the variants are compared with.
ENGINE = "engine as it is"
_GRAM = "glassbox.estimators._gram."
_STAGE = "glassbox.solvers._boosting.stage."
_JOINT = "glassbox.solvers._boosting.joint."
_FEW_TERMS = "glassbox.solvers.boosting._FEW_TERMS"


@dataclass(frozen=True)
class Variant:
    """What is not as it is in the engine.

    Attributes
    ----------
    settings : dict
        Of the estimator.
    for_numbers : dict
        Settings for numeric outcomes, where they are others.
    constants : dict
        By their full names.
    against : str
        The variant that it is compared with.
    with_pairs : bool
        Whether it is tried with pairs, too.
    without_pairs : bool
        Whether it is tried without.
    """

    settings: dict = field(default_factory=dict)
    for_numbers: dict = field(default_factory=dict)
    constants: dict = field(default_factory=dict)
    against: str = ENGINE
    with_pairs: bool = False
    without_pairs: bool = True

    def estimator(self, task: str, **others):
        """The boosted GAM for a task."""
        from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

        if task == "classification":
            return BoostedGAMClassifier(**{**self.settings, **others})
        return BoostedGAMRegressor(**{**self.settings, **self.for_numbers, **others})

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Change the engine of this process within a block."""
        with ExitStack() as stack:
            for name, value in self.constants.items():
                stack.enter_context(patch(name, value))
            yield


def bootstrap(classes, n_rows: int, n_held_out: int, n_bags: int, seed: int) -> np.ndarray:
    """Draws in place of the engine's: each row as often as Poisson(1) says.

    A bag holds out the rows that it does not draw, 37 % of them.
    """
    return np.random.default_rng(seed).poisson(1.0, (n_rows, n_bags)).astype(np.uint8)


def _changed(name: str, value) -> dict:
    return {"constants": {name: value}}


def _rounds_between_looks(n_rounds: int) -> dict:
    names = ("_FEWEST_ROUNDS", "_MOST_ROUNDS")
    return {"constants": {f"{_STAGE}{name}": n_rounds for name in names}}


def _moves(factor: float) -> dict:
    own = {"_MAX_MOVE": 8.0, "_LEAST_MAX_MOVE": 2.0, "_MASS_MOVE": 4.0}
    return {"constants": {f"{_STAGE}{name}": factor * value for name, value in own.items()}}


def _cells(n_cells: int) -> dict:
    names = ("_FEWEST_OF_MAIN", "_MOST_OF_MAIN")
    return {"constants": {f"{_JOINT}{name}": n_cells for name in names}}


_BOOTSTRAP = {f"{_GRAM}draw_bags": bootstrap}
SUBSAMPLES_20 = "20 bags"

VARIANTS: dict[str, Variant] = {
    ENGINE: Variant(with_pairs=True),
    "no prior of slots": Variant(**_changed(f"{_GRAM}_SLOT_PRIOR", 0.0)),
    "prior worth 0.16 rows": Variant(**_changed(f"{_GRAM}_SLOT_PRIOR", 0.16)),
    "prior worth 4 rows": Variant(**_changed(f"{_GRAM}_SLOT_PRIOR", 4.0)),
    "prior worth 10 rows": Variant(**_changed(f"{_GRAM}_SLOT_PRIOR", 10.0)),
    "first steps × 1": Variant(**_changed(f"{_GRAM}_FIRST_RANDOM", 1.0), with_pairs=True),
    "first steps × 2": Variant(**_changed(f"{_GRAM}_FIRST_RANDOM", 2.0)),
    "first steps × 10": Variant(**_changed(f"{_GRAM}_FIRST_RANDOM", 10.0)),
    "first steps × 5 with many terms": Variant(**_changed(_FEW_TERMS, 10**9)),
    "rows read every round": Variant(**_rounds_between_looks(1), with_pairs=True),
    "rows read every 25 rounds": Variant(**_rounds_between_looks(25), with_pairs=True),
    "rows read after 1/4 of the move": Variant(**_moves(0.25)),
    "rows read after 4 × the move": Variant(**_moves(4.0)),
    "8 coarse cells a column": Variant(**_cells(8)),
    "32 coarse cells a column": Variant(**_cells(32)),
    "64 coarse cells a column": Variant(**_cells(64)),
    "128 coarse cells a column": Variant(**_cells(128)),
    "16 coarse cells a pair": Variant(
        **_changed(f"{_JOINT}_MOST_OF_PAIR", 16), with_pairs=True, without_pairs=False
    ),
    "256 coarse cells a pair": Variant(
        **_changed(f"{_JOINT}_MOST_OF_PAIR", 256), with_pairs=True, without_pairs=False
    ),
    "learning_rate=0.03 (0.08)": Variant({"learning_rate": 0.03}, {"learning_rate": 0.08}),
    "learning_rate=0.0075 (0.02)": Variant({"learning_rate": 0.0075}, {"learning_rate": 0.02}),
    "reg_lambda=1": Variant({"reg_lambda": 1.0}),
    "greedy_ratio=0": Variant({"greedy_ratio": 0.0}),
    "smoothing_rounds=25 (100)": Variant({"smoothing_rounds": 25}, {"smoothing_rounds": 100}),
    "smoothing_rounds=200 (1000)": Variant({"smoothing_rounds": 200}, {"smoothing_rounds": 1000}),
    SUBSAMPLES_20: Variant({"n_bags": 20}),
    "8 bootstrap bags": Variant(constants=_BOOTSTRAP),
    "20 bootstrap bags, to 20 bags": Variant(
        {"n_bags": 20}, constants=_BOOTSTRAP, against=SUBSAMPLES_20
    ),
}

# A share of one half left out makes the factor of the delete-d jackknife one: the half-width is
# the standard deviation over bags times Student's quantile.
BANDS: dict[str, Variant] = {
    "8 bags, delete-d jackknife": VARIANTS[ENGINE],
    "20 bags, delete-d jackknife": VARIANTS[SUBSAMPLES_20],
    "20 bootstrap bags, their standard deviation": Variant(
        {"n_bags": 20, "validation_size": 0.5}, constants=_BOOTSTRAP
    ),
}


def tried(n_pairs: int, names: list[str]) -> list[str]:
    """Those that are tried with so many pairs, and what they are compared with."""
    fits = [n for n in names if _applies(VARIANTS[n], n_pairs)]
    wanted = {ENGINE, *fits, *(VARIANTS[name].against for name in fits)}
    return [name for name in VARIANTS if name in wanted]


def _applies(variant: Variant, n_pairs: int) -> bool:
    return variant.with_pairs if n_pairs else variant.without_pairs
