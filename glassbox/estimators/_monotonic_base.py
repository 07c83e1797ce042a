"""What monotonic classifiers and regressors share."""

from __future__ import annotations

import numbers
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from glassbox.core.additive import Columns
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.network import JOINT, JointPart
from glassbox.core.network_json import joint_from_json, joint_to_json
from glassbox.estimators._batches import sample_rows
from glassbox.estimators._block_base import BlockEstimator, record_of
from glassbox.estimators._joint_split import split
from glassbox.estimators._neural_fit import learn
from glassbox.estimators._neural_tables import to_additive_model
from glassbox.estimators._progress import LookProgress

# Rows from which the main effects of the network are learned.
_SPLIT_ROWS = 65_536
# Steps from look to look: a look costs more where there are more batches.
_STEPS_BETWEEN = (10, 50)
_LEVELS = ("missing_lowest", "missing_highest", "unseen_lowest", "unseen_highest")


class MonotonicNet(BlockEstimator):
    _parameter_constraints: dict = {
        **BlockEstimator._parameter_constraints,
        "residual": ["boolean"],
        "joint_penalty": [Interval(numbers.Real, 0, None, closed="left")],
        "learning_rate": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    _fitted_state_names = ("additivity_",)
    _fitted_parts = {"joint_": (joint_to_json, joint_from_json)}

    def __init__(
        self,
        *,
        monotonic_cst=None,
        interactions=0,
        heredity=None,
        residual=True,
        hidden=(32, 32),
        joint_penalty=1e-3,
        n_knots="auto",
        n_pair_knots="auto",
        smoothness=1.0,
        categorical_features="from_dtype",
        n_bags=20,
        max_steps=600,
        learning_rate=1e-3,
        weight_decay=1.0,
        batch_size=2_048,
        patience=15,
        dependence_penalty=None,
        confidence_level=0.95,
        random_state=None,
        device="auto",
        verbose=0,
    ):
        self.monotonic_cst = monotonic_cst
        self.interactions = interactions
        self.heredity = heredity
        self.residual = residual
        self.hidden = hidden
        self.joint_penalty = joint_penalty
        self.n_knots = n_knots
        self.n_pair_knots = n_pair_knots
        self.smoothness = smoothness
        self.categorical_features = categorical_features
        self.n_bags = n_bags
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.patience = patience
        self.dependence_penalty = dependence_penalty
        self.confidence_level = confidence_level
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, sensitive_features: Any = None
    ) -> MonotonicNet:
        """Learn a model that keeps the declared directions.

        Parameters
        ----------
        X : DataFrame (pandas, polars), array-like of shape (n_samples, n_features), or str or \
path or pyarrow.dataset.Dataset
            Numbers, booleans, text and categorical columns; missing values as NaN, None or NA. A
            path names a Parquet file or a folder of them, which is read a block at a time.
        y : array-like of shape (n_samples,), or str
            Two classes (numbers, text or booleans), or the outcome of a regression; for Parquet,
            the name of the outcome's column.
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
        blocks = self._read_blocks(X, y, sample_weight, sensitive_features)
        self._check_rows(blocks)
        if self._has_joint and JOINT in blocks.schema.names:
            raise ValueError(
                f"A column is called {JOINT!r}, which is the name of the network part among the "
                "contributions. Rename the column, or use residual=False."
            )
        family = self._family(blocks)
        plan = self._make_plan(blocks, family, start="penalised", prune=False)
        with LookProgress(self.max_steps) if self.verbose else nullcontext() as progress:
            trainer = self._trainer(family, plan, progress, blocks.n_rows)
            options = {} if progress is None else {"say": progress.say}
            fitted = learn(blocks, family, plan, trainer, **options).fitted
        model = to_additive_model(fitted, self.confidence_level)
        self.joint_, self.additivity_ = None, 1.0
        joint_size = 0.0
        if trainer.network is not None:
            sample = sample_rows(blocks, _SPLIT_ROWS, plan.seed, None)
            parts = split(model, trainer.network, sample, plan.directions)
            model, self.joint_, self.additivity_ = parts.model, parts.joint, parts.additivity
            joint_size = parts.joint_size
        self.dispersion_, self.effective_df_ = fitted.dispersion, fitted.effective_df
        self.training_record_ = record_of(trainer.trained)
        without = "" if self.joint_ is None else ", without what the network adds"
        self.band_description_ = (
            f"{self.confidence_level:.0%} pointwise credible band (posterior of the penalised "
            f"fit{without}{self._band_caveat})"
        )
        self._finish(model, blocks)
        if self._has_joint:
            self.term_importances_.loc[JOINT] = joint_size
        return self

    @property
    def _has_joint(self) -> bool:
        return bool(self.residual and len(tuple(self.hidden)) and self.max_steps)

    def _trainer(self, family, plan, progress, n_rows: int):
        if not self._has_joint and self.dependence_penalty is None:
            return _NoNetworks(plan.n_members)
        try:
            from glassbox.estimators._joint_training import JointTrainer
            from glassbox.nets.losses import loss_for
            from glassbox.nets.trainer import Schedule
        except ImportError as reason:
            raise ImportError(
                "The network part needs torch: pip install 'glassbox[nets]', or use "
                "residual=False."
            ) from reason
        schedule = Schedule(
            self.max_steps,
            self.learning_rate,
            self.weight_decay,
            steps_between=int(np.clip(n_rows // self.batch_size, *_STEPS_BETWEEN)),
            patience=self.patience,
        )
        return JointTrainer(
            loss_for(family),
            self._hidden() if self._has_joint else (),
            schedule,
            self.joint_penalty,
            self.device,
            plan.seed,
            plan.directions,
            progress,
            self._dependence(),
        )

    def _scores_of(self, columns: Columns) -> np.ndarray:
        scores = super()._scores_of(columns)
        if self.joint_ is not None:
            scores[:, 0] += self.joint_.scores(columns)
        return scores

    def _beyond_tables(self, columns: Columns) -> dict[str, np.ndarray | float]:
        # What was fitted counts, whatever the parameters say by now.
        if len(self.term_importances_) == len(self.term_names_):
            return {}
        return {JOINT: 0.0 if self.joint_ is None else self.joint_.scores(columns)}

    def certificate(self) -> pd.DataFrame:
        """Whether each feature's declared direction holds over the whole input space.

        Returns
        -------
        DataFrame
            One row per feature that can have a direction, with the columns of
            :func:`glassbox.core.certificate.monotonicity_certificate`. The tables (without what
            they show of the network) are checked exactly, the network by the signs of its
            weights: the method is then "tables + weights", or "weights" for a feature that only
            the network uses. Slopes and jumps are those of the tables: the network can only add
            to them in the promised direction. Where it reads a feature, the changes to *missing*
            and *unseen* are not known (NaN).
        """
        check_is_fitted(self)
        directions = self._declared_directions()
        if self.joint_ is None:
            return monotonicity_certificate(self.additive_model_, directions)
        joint: JointPart = self.joint_
        trunk = joint.trunk(self.additive_model_)
        frame = monotonicity_certificate(trunk, directions)
        for row, name in enumerate(frame["feature"]):
            if name not in joint.network.features:
                continue
            frame.loc[row, list(_LEVELS)] = np.nan
            direction = directions[name]
            if not direction:
                continue
            in_tables = name in trunk.features
            frame.loc[row, "method"] = "tables + weights" if in_tables else "weights"
            if not joint.network.holds(name, direction):
                # Signs are sufficient: without them nothing is known.
                frame.at[row, "holds"] = None
        return frame


class _NoNetworks:
    """Leaves members where the penalised fits have put them."""

    network = None

    def __init__(self, n_members: int):
        self.trained = SimpleNamespace(history=[], steps=np.zeros(n_members, dtype=int))

    def __call__(self, *, start, **rest):
        return start
