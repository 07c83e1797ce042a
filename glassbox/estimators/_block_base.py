"""Estimators that learn tables from blocks of rows, in memory or in files."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from glassbox.core.additive import AdditiveModel
from glassbox.core.terms import PAIR_SEPARATOR
from glassbox.estimators._blocks import Blocks, MemoryBlocks
from glassbox.estimators._dependence import (
    FEWEST_ROWS,
    DependenceOptions,
    with_sensitive,
)
from glassbox.estimators._directions import (
    check_one_score,
    resolve_directions,
    warn_of_copies,
)
from glassbox.estimators._neural_plan import Plan
from glassbox.estimators._pairs import resolve_pairs
from glassbox.estimators._parquet import ParquetBlocks, is_parquet_source
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveEstimator
from glassbox.solvers._families import Family

_LARGEST_SEED = 2**31 - 1


class BlockEstimator(AdditiveEstimator):
    """Base of the families that begin with a penalised fit and go on with networks.

    A family sets the parameters named below in its constructor, and says what its outcome is.
    """

    _parameter_constraints: dict = {
        "n_knots": [StrOptions({"auto"}), Interval(numbers.Integral, 2, None, closed="left")],
        "n_pair_knots": [StrOptions({"auto"}), Interval(numbers.Integral, 2, None, closed="left")],
        "interactions": [Interval(numbers.Integral, 0, None, closed="left"), "array-like"],
        "heredity": [StrOptions({"weak", "strong"}), None],
        "monotonic_cst": ["array-like", dict, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "hidden": ["array-like"],
        "smoothness": [Interval(numbers.Real, 0, None, closed="neither"), dict],
        "dependence_penalty": [dict, None],
        "n_bags": [Interval(numbers.Integral, 1, None, closed="left")],
        "max_steps": [Interval(numbers.Integral, 0, None, closed="left")],
        "weight_decay": [Interval(numbers.Real, 0, None, closed="left")],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left")],
        "patience": [Interval(numbers.Integral, 1, None, closed="left")],
        "confidence_level": [Interval(numbers.Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "device": [str],
        "verbose": ["verbose"],
    }

    _fitted_state_names = ("training_record_", "dispersion_", "effective_df_")

    @abstractmethod
    def _family(self, blocks: Blocks) -> Family:
        """Distribution and link of the outcome."""

    def _class_weights(self, blocks: Blocks) -> np.ndarray | None:
        return None

    def _read_blocks(
        self, X: Any, y: Any, sample_weight: Any, sensitive_features: Any = None
    ) -> Blocks:
        """Rows from a table or from Parquet files; remembers their columns."""
        options = DependenceOptions.of(self.dependence_penalty, sensitive_features)
        if options is not None and self.max_steps == 0:
            raise ValueError(
                "dependence_penalty would do nothing with max_steps=0: networks learn under it. "
                "Use max_steps of 1 or more, or dependence_penalty=None."
            )
        if not is_parquet_source(X):
            table = self._read_training_table(X, y, sample_weight)
            if options is not None:
                table = with_sensitive(
                    table, options, sensitive_features, y, sample_weight, is_classifier(self)
                )
            self._remember_names(X)
            return MemoryBlocks(table)
        if options is not None:
            raise TypeError(
                "dependence_penalty needs a table in memory, got the name of a file. Read the "
                "table first (pandas.read_parquet), or use dependence_penalty=None."
            )
        blocks = ParquetBlocks(
            X,
            y,
            sample_weight,
            self.categorical_features,
            encode_target=self._encode_target,
            has_classes=is_classifier(self),
        )
        directions = resolve_directions(self.monotonic_cst, blocks.schema)
        warn_of_copies(blocks[0].columns, directions)
        self.schema_ = blocks.schema
        self.feature_names_in_ = np.array(blocks.schema.names, dtype=object)
        return blocks

    @property
    def history_(self) -> pd.DataFrame:
        """The training record as a table."""
        if not hasattr(self, "training_record_"):
            raise AttributeError(f"{type(self).__name__} has no history_ before fit.")
        return pd.DataFrame(self.training_record_)

    def _canonical(self, table: TrainingTable) -> TrainingTable:
        # Blocks are sorted one by one, so that a file is read like the table that it holds.
        return table

    def _learn(self, table: TrainingTable) -> AdditiveModel:
        raise NotImplementedError("Neural additive models learn from blocks.")

    def _check_rows(self, blocks: Blocks) -> None:
        if blocks.n_rows < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two rows of positive weight, got "
                f"n_samples={blocks.n_rows}."
            )

    def _hidden(self) -> tuple[int, ...]:
        hidden = tuple(self.hidden)
        if not hidden or not all(isinstance(h, numbers.Integral) and h > 0 for h in hidden):
            raise ValueError(
                f"hidden must be the sizes of one or more hidden layers, such as (32, 32); got "
                f"{self.hidden!r}."
            )
        return hidden

    def _make_plan(self, blocks: Blocks, family: Family, *, start: str, prune: bool) -> Plan:
        schema = blocks.schema
        directions = resolve_directions(self.monotonic_cst, schema)
        check_one_score(directions, family.contrasts.shape[1])
        interactions = self.interactions
        if not isinstance(interactions, numbers.Integral):
            interactions = resolve_pairs(interactions, schema)
        rng = check_random_state(self.random_state)
        return Plan(
            self.n_knots,
            self.n_pair_knots,
            interactions,
            self.heredity,
            start,
            self._strengths(schema.names, interactions),
            prune,
            self.n_bags,
            max(self.batch_size, 1 if self.dependence_penalty is None else FEWEST_ROWS),
            int(rng.randint(_LARGEST_SEED)),
            directions,
            self._class_weights(blocks),
        )

    def _dependence(self):
        """The penalty of the networks; imports torch."""
        if self.dependence_penalty is None:
            return None
        from glassbox.nets._penalty import DependencePenalty

        options = DependenceOptions.of(self.dependence_penalty, ())
        return DependencePenalty(
            options.measure, options.strength, options.group_weights == "equal"
        )

    @property
    def _band_caveat(self) -> str:
        if self.dependence_penalty is None:
            return ""
        return "; it does not account for the dependence penalty"

    def _strengths(self, names: list[str], interactions) -> dict[str, float]:
        if not isinstance(self.smoothness, Mapping):
            return _Everywhere(float(self.smoothness))
        pairs = interactions if isinstance(interactions, list) else []
        known = [*names, *(PAIR_SEPARATOR.join(pair) for pair in pairs)]
        for name, value in self.smoothness.items():
            if name not in known:
                raise ValueError(
                    f"smoothness names {name!r}, which is not a term; the terms are {known}."
                )
            if not isinstance(value, numbers.Real) or not 0 < value < np.inf:
                raise ValueError(f"smoothness of term {name!r} must be above 0, got {value!r}.")
        return dict(self.smoothness)


class _Everywhere(dict):
    """One factor for every term."""

    def __init__(self, value: float):
        super().__init__()
        self.value = value

    def __bool__(self) -> bool:
        return True

    def get(self, name, default=None):
        return self.value


def record_of(trained: Any) -> dict[str, np.ndarray]:
    """One entry per look and member, in every array."""
    looks, n_members = trained.history, len(trained.steps)
    return {
        # Training that was interrupted at once has had no look.
        "step": np.repeat(np.array([look.step for look in looks], dtype=int), n_members),
        "member": np.tile(np.arange(n_members), len(looks)),
        "training_loss": np.array([look.training for look in looks], dtype=float).ravel(),
        "validation_loss": np.array([look.validation for look in looks], dtype=float).ravel(),
        "kept": np.array([trained.steps == look.step for look in looks], dtype=bool).ravel(),
    }
