"""What neural additive classifiers and regressors share."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
from sklearn.base import _fit_context, is_classifier
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
)

from glassbox.estimators._block_base import BlockEstimator, record_of
from glassbox.estimators._blocks import Blocks, MemoryBlocks
from glassbox.estimators._neural_fit import State, learn, learn_more
from glassbox.estimators._neural_plan import Plan
from glassbox.estimators._neural_tables import to_additive_model
from glassbox.estimators._parquet import is_parquet_source
from glassbox.estimators._progress import LookProgress
from glassbox.estimators._training import TrainingTable
from glassbox.solvers._families import Family

# Networks that correct a fit must not overturn it in their first steps.
_RATES = {"penalised": 1e-3, "zero": 1e-2}


class NeuralAdditiveModel(BlockEstimator):
    _parameter_constraints: dict = {
        **BlockEstimator._parameter_constraints,
        "start": [StrOptions({"penalised", "zero"})],
        "activation": [StrOptions({"silu", "relu", "tanh", "exu"})],
        "prune": ["boolean"],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(numbers.Real, 0, None, closed="neither"),
        ],
        "warm_start": ["boolean"],
    }

    _fitted_state_names = ("pruned_terms_",)

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
        dependence_penalty=None,
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
        self.dependence_penalty = dependence_penalty
        self.confidence_level = confidence_level
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, sensitive_features: Any = None
    ) -> NeuralAdditiveModel:
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
        sensitive_features : DataFrame, Series, mapping or array-like of shape (n_samples,) or \
(n_samples, n_attributes), optional
            For ``dependence_penalty``; they need not be columns of ``X``.

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
        blocks = self._read_blocks(X, y, sample_weight, sensitive_features)
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
        self._check_no_penalty()
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
    def _is_online(self) -> bool:
        return hasattr(self, "_rows_seen") and hasattr(self, "_state")

    def _check_no_penalty(self) -> None:
        if self.dependence_penalty is not None:
            raise ValueError(
                "partial_fit takes no sensitive_features, and a chunk may be too small to show a "
                "dependence. Use fit, or dependence_penalty=None."
            )

    def _learn_more(self, X: Any, y: Any, sample_weight: Any) -> None:
        self._check_no_penalty()
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

    def _fit_blocks(self, blocks: Blocks, before: State | None) -> None:
        self._check_rows(blocks)
        family = self._family(blocks)
        plan = self._plan(blocks, family)
        with LookProgress(self.max_steps) if self.verbose else nullcontext() as progress:
            trainer = self._trainer(family, plan, progress)
            options = {} if progress is None else {"say": progress.say}
            self._state = learn(blocks, family, plan, trainer, before, **options)
        self._publish(trainer.trained, blocks)

    def _plan(self, blocks: Blocks, family: Family) -> Plan:
        # A term that does not lower the loss may lower the dependence.
        prune = self.prune and self.dependence_penalty is None
        return self._make_plan(blocks, family, start=self.start, prune=prune)

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
                self._rate(),
                self.weight_decay,
                patience=self.patience,
            ),
            self.device,
            plan.seed,
            plan.directions,
            self.start == "zero",
            progress,
            self._dependence(),
        )

    def _rate(self) -> float:
        if self.learning_rate != "auto":
            return self.learning_rate
        return _RATES["zero" if self.dependence_penalty is not None else self.start]

    def _publish(self, trained, tables) -> None:
        fitted = self._state.fitted
        self.dispersion_ = fitted.dispersion
        self.effective_df_ = fitted.effective_df
        self.training_record_ = record_of(trained)
        source = (
            "posterior of the penalised fit, with room for unknown smoothness, and the spread "
            "of what networks added"
            if self.start == "penalised"
            else f"delete-d jackknife over {self.n_bags} networks"
        )
        self.band_description_ = (
            f"{self.confidence_level:.0%} pointwise credible band ({source}{self._band_caveat})"
        )
        model = to_additive_model(fitted, self.confidence_level)
        # A pair that stays may have handed its main effects to a term that did not help.
        self.pruned_terms_ = [
            name
            for name, helps in fitted.helpful.items()
            if not helps and not model[name].coefficients.any()
        ]
        self._finish(model, tables)
