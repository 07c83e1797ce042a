"""What neural additive classifiers and regressors share."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import _fit_context, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
)

from glassbox.core.additive import AdditiveModel
from glassbox.core.terms import PAIR_SEPARATOR
from glassbox.estimators._blocks import Blocks, MemoryBlocks
from glassbox.estimators._directions import check_one_score, resolve_directions
from glassbox.estimators._neural_fit import State, learn, learn_more
from glassbox.estimators._neural_plan import Plan
from glassbox.estimators._neural_tables import to_additive_model
from glassbox.estimators._pairs import resolve_pairs
from glassbox.estimators._parquet import ParquetBlocks, is_parquet_source
from glassbox.estimators._progress import LookProgress
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveEstimator
from glassbox.solvers._families import Family

_LARGEST_SEED = 2**31 - 1
# Networks that correct a fit must not overturn it in their first steps.
_RATES = {"penalised": 1e-3, "zero": 1e-2}


class NeuralAdditiveModel(AdditiveEstimator):
    _parameter_constraints: dict = {
        "n_knots": [StrOptions({"auto"}), Interval(numbers.Integral, 2, None, closed="left")],
        "n_pair_knots": [StrOptions({"auto"}), Interval(numbers.Integral, 2, None, closed="left")],
        "interactions": [Interval(numbers.Integral, 0, None, closed="left"), "array-like"],
        "heredity": [StrOptions({"weak", "strong"}), None],
        "monotonic_cst": ["array-like", dict, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "start": [StrOptions({"penalised", "zero"})],
        "hidden": ["array-like"],
        "activation": [StrOptions({"silu", "relu", "tanh", "exu"})],
        "smoothness": [Interval(numbers.Real, 0, None, closed="neither"), dict],
        "prune": ["boolean"],
        "n_bags": [Interval(numbers.Integral, 1, None, closed="left")],
        "max_steps": [Interval(numbers.Integral, 0, None, closed="left")],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(numbers.Real, 0, None, closed="neither"),
        ],
        "weight_decay": [Interval(numbers.Real, 0, None, closed="left")],
        "batch_size": [Interval(numbers.Integral, 1, None, closed="left")],
        "patience": [Interval(numbers.Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "confidence_level": [Interval(numbers.Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "device": [str],
        "verbose": ["verbose"],
    }

    _fitted_state_names = ("training_record_", "pruned_terms_", "dispersion_", "effective_df_")

    def __init__(
        self,
        *,
        n_knots="auto",
        n_pair_knots="auto",
        interactions=0,
        heredity=None,
        monotonic_cst=None,
        categorical_features="from_dtype",
        start="penalised",
        hidden=(32,),
        activation="silu",
        smoothness=1.0,
        prune=True,
        n_bags=16,
        max_steps=300,
        learning_rate="auto",
        weight_decay=1e-2,
        batch_size=16_384,
        patience=4,
        warm_start=False,
        confidence_level=0.95,
        random_state=None,
        device="auto",
        verbose=0,
    ):
        self.n_knots = n_knots
        self.n_pair_knots = n_pair_knots
        self.interactions = interactions
        self.heredity = heredity
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.start = start
        self.hidden = hidden
        self.activation = activation
        self.smoothness = smoothness
        self.prune = prune
        self.n_bags = n_bags
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.patience = patience
        self.warm_start = warm_start
        self.confidence_level = confidence_level
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralAdditiveModel:
        """Learn an additive model, from a table or from Parquet files.

        Parameters
        ----------
        X : DataFrame (pandas, polars), array-like of shape (n_samples, n_features), or str or \
path or pyarrow.dataset.Dataset
            Numbers, booleans, text and categorical columns; missing values as NaN, None or NA. A
            path names a Parquet file or a folder of them, which is read a block at a time.
        y : array-like of shape (n_samples,), or str
            Classes (numbers, text or booleans), or the outcome of a regression; for Parquet, the
            name of the outcome's column.
        sample_weight : array-like of shape (n_samples,), or str, optional
            A row of weight zero is left out; a row of weight three counts as three rows. For
            Parquet, the name of a column.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            Naming the column and the value that cannot be used, and what to do.
        """
        before = getattr(self, "_state", None) if self.warm_start else None
        was = dict(vars(self))
        vars(self).pop("_rows_seen", None)
        if is_parquet_source(X):
            blocks: Blocks = ParquetBlocks(
                X,
                y,
                sample_weight,
                self.categorical_features,
                encode_target=self._encode_target,
                has_classes=is_classifier(self),
            )
            self.schema_ = blocks.schema
            self.feature_names_in_ = np.array(blocks.schema.names, dtype=object)
        else:
            table = self._read_training_table(X, y, sample_weight)
            self._remember_names(X)
            blocks = MemoryBlocks(table)
        if before is not None:
            try:
                self._check_continues(before, was, blocks)
            except ValueError:
                # The model of the last fit stays with the columns that it was learned from.
                vars(self).clear()
                vars(self).update(was)
                raise
        self._fit_blocks(blocks, before)
        if not self.warm_start:
            del self._state
        return self

    def _check_continues(self, before: State, was: Mapping[str, Any], blocks: Blocks) -> None:
        """Whether a warm start can go on from the last fit."""
        if was["schema_"] != self.schema_:
            raise ValueError(
                "warm_start=True continues with the columns and categories of the last fit, and "
                "this table has others. Use warm_start=False, or partial_fit for new rows with "
                "unseen categories."
            )
        if is_classifier(self) and not np.array_equal(was["classes_"], self.classes_):
            raise ValueError(
                f"warm_start=True continues with the classes {was['classes_'].tolist()} of the "
                f"last fit, and y holds {self.classes_.tolist()}. Use warm_start=False."
            )
        if before.fitted.family.link != self._family(blocks).link:
            raise ValueError(
                "warm_start=True continues on the scale of the last fit, and this loss has "
                "another link. Use warm_start=False."
            )
        n_members = before.fitted.members.intercept.shape[1]
        if self.start == "zero" and n_members != self.n_bags:
            raise ValueError(
                f"warm_start=True with start='zero' continues with the {n_members} members of "
                f"the last fit, got n_bags={self.n_bags}. Use warm_start=False."
            )

    def _begin(self, X: Any, y: Any, sample_weight: Any) -> None:
        """The first chunk of partial_fit."""
        if is_parquet_source(X):
            raise TypeError(
                "partial_fit reads tables, got the name of a file. Use fit, which reads Parquet "
                "files a block at a time."
            )
        if self.start == "zero":
            raise ValueError(
                "partial_fit goes on from the posterior of a penalised fit, and start='zero' has "
                "none. Use start='penalised'."
            )
        table = self._read_training_table(X, y, sample_weight)
        self._remember_names(X)
        self._fit_blocks(MemoryBlocks(table), None)
        self._rows_seen = float(table.weights.sum())

    @property
    def history_(self) -> pd.DataFrame:
        """The training record as a table."""
        if not hasattr(self, "training_record_"):
            raise AttributeError(f"{type(self).__name__} has no history_ before fit.")
        return pd.DataFrame(self.training_record_)

    @property
    def _is_online(self) -> bool:
        return hasattr(self, "_rows_seen") and hasattr(self, "_state")

    def _learn_more(self, X: Any, y: Any, sample_weight: Any) -> None:
        _check_feature_names(self, X, reset=False)
        columns = self.schema_.read(X, owner=type(self).__name__)
        y, weights = self._checked_outcome(columns, y, sample_weight)
        table = TrainingTable(self.schema_, columns, self._encode_more(y), weights)
        table = table.take(np.flatnonzero(weights > 0))
        blocks = MemoryBlocks(table)
        family = self._state.fitted.family
        plan = self._plan(blocks, family)
        with LookProgress(self.max_steps) if self.verbose else nullcontext() as progress:
            trainer = self._trainer(family, plan, progress)
            self._state = learn_more(self._state, blocks, family, plan, trainer)
        importances, seen = self.term_importances_, self._rows_seen
        self._publish(trainer.trained, blocks)
        self._rows_seen = seen + float(table.weights.sum())
        share = seen / self._rows_seen
        self.term_importances_ = share * importances + (1 - share) * self.term_importances_

    def _canonical(self, table: TrainingTable) -> TrainingTable:
        # Blocks are sorted one by one, so that a file is read like the table that it holds.
        return table

    def _learn(self, table: TrainingTable) -> AdditiveModel:
        raise NotImplementedError("Neural additive models learn from blocks.")

    def _fit_blocks(self, blocks: Blocks, before: State | None) -> None:
        if blocks.n_rows < 2:
            raise ValueError(
                "A neural additive model needs at least two rows of positive weight, got "
                f"n_samples={blocks.n_rows}."
            )
        family = self._family(blocks)
        plan = self._plan(blocks, family)
        say = LookProgress.say if self.verbose else None
        with LookProgress(self.max_steps) if self.verbose else nullcontext() as progress:
            trainer = self._trainer(family, plan, progress)
            options = {} if say is None else {"say": progress.say}
            self._state = learn(blocks, family, plan, trainer, before, **options)
        self._publish(trainer.trained, blocks)

    def _trainer(self, family: Family, plan: Plan, progress):
        try:
            from glassbox.estimators._networks import NetworkTrainer
            from glassbox.nets.losses import loss_for
            from glassbox.nets.trainer import Schedule
        except ImportError as reason:
            raise ImportError(
                "Neural additive models need torch: pip install 'glassbox[nets]'."
            ) from reason
        return NetworkTrainer(
            loss_for(family),
            self._hidden(),
            self.activation,
            Schedule(
                self.max_steps,
                _RATES[self.start] if self.learning_rate == "auto" else self.learning_rate,
                self.weight_decay,
                patience=self.patience,
            ),
            self.device,
            plan.seed,
            plan.directions,
            self.start == "zero",
            progress,
        )

    def _hidden(self) -> tuple[int, ...]:
        hidden = tuple(self.hidden)
        if not hidden or not all(isinstance(h, numbers.Integral) and h > 0 for h in hidden):
            raise ValueError(
                f"hidden must be the sizes of one or more hidden layers, such as (32, 32); got "
                f"{self.hidden!r}."
            )
        return hidden

    def _plan(self, blocks: Blocks, family: Family) -> Plan:
        schema = blocks.schema
        directions = resolve_directions(self.monotonic_cst, schema)
        check_one_score(directions, family.contrasts.shape[1])
        interactions = self.interactions
        if not isinstance(interactions, numbers.Integral):
            interactions = resolve_pairs(interactions, schema, directions)
        rng = check_random_state(self.random_state)
        return Plan(
            self.n_knots,
            self.n_pair_knots,
            interactions,
            self.heredity,
            self.start,
            self._strengths(schema.names, interactions),
            self.prune,
            self.n_bags,
            self.batch_size,
            int(rng.randint(_LARGEST_SEED)),
            directions,
            self._class_weights(blocks),
        )

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

    def _class_weights(self, blocks: Blocks) -> np.ndarray | None:
        return None

    def _family(self, blocks: Blocks) -> Family:
        raise NotImplementedError

    def _publish(self, trained, tables) -> None:
        fitted = self._state.fitted
        self.dispersion_ = fitted.dispersion
        self.effective_df_ = fitted.effective_df
        self.training_record_ = _record(trained)
        source = (
            "posterior of the penalised fit, with room for unknown smoothness, and the spread "
            "of what networks added"
            if self.start == "penalised"
            else f"delete-d jackknife over {self.n_bags} networks"
        )
        self.band_description_ = f"{self.confidence_level:.0%} pointwise credible band ({source})"
        model = to_additive_model(fitted, self.confidence_level)
        # A pair that stays may have handed its main effects to a term that did not help.
        self.pruned_terms_ = [
            name
            for name, helps in fitted.helpful.items()
            if not helps and not model[name].coefficients.any()
        ]
        self._finish(model, tables)


class _Everywhere(dict):
    """One factor for every term."""

    def __init__(self, value: float):
        super().__init__()
        self.value = value

    def __bool__(self) -> bool:
        return True

    def get(self, name, default=None):
        return self.value


def _record(trained: Any) -> dict[str, np.ndarray]:
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
