"""Boosted GAMs, whatever the outcome and whichever the engine."""

from __future__ import annotations

import numbers
import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import t as student_t
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from glassbox.core.additive import AdditiveModel
from glassbox.estimators._boosted_order import nearest_monotone_model
from glassbox.estimators._boosted_plan import BoostingPlan, Trained
from glassbox.estimators._directions import check_one_score, resolve_directions
from glassbox.estimators._gram import boost_in_bins
from glassbox.estimators._interpret import boost_with_interpret
from glassbox.estimators._pairs import column_name, resolve_pairs
from glassbox.estimators._slots import SlotErrors
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveEstimator
from glassbox.solvers._boosting.losses import Loss

_POSITIVE_INT = Interval(numbers.Integral, 1, None, closed="left")
_NON_NEGATIVE_INT = Interval(numbers.Integral, 0, None, closed="left")
_NON_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")


class BoostedGAM(AdditiveEstimator):
    """What boosted classifiers and regressors share.

    Parameters and attributes are those of the two.
    """

    _parameter_constraints: dict = {
        "interactions": [_NON_NEGATIVE_INT, "array-like"],
        "monotonic_cst": ["array-like", dict, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "n_bags": [_POSITIVE_INT],
        "confidence_level": [Interval(numbers.Real, 0, 1, closed="neither")],
        "max_bins": [Interval(numbers.Integral, 3, None, closed="left")],
        "max_interaction_bins": [Interval(numbers.Integral, 3, None, closed="left")],
        "validation_size": [
            Interval(numbers.Real, 0, 1, closed="neither"),
            Interval(numbers.Integral, 0, None, closed="left"),
        ],
        "inner_bags": [_NON_NEGATIVE_INT],
        "learning_rate": [Interval(numbers.Real, 0, None, closed="neither")],
        "greedy_ratio": [_NON_NEGATIVE],
        "cyclic_progress": ["boolean", _NON_NEGATIVE],
        "smoothing_rounds": [_NON_NEGATIVE_INT],
        "interaction_smoothing_rounds": [_NON_NEGATIVE_INT],
        "max_rounds": [_NON_NEGATIVE_INT],
        "early_stopping_rounds": [_NON_NEGATIVE_INT],
        "early_stopping_tolerance": [numbers.Real],
        "min_samples_leaf": [_NON_NEGATIVE_INT],
        "min_hessian": [_NON_NEGATIVE],
        "reg_alpha": [_NON_NEGATIVE],
        "reg_lambda": [_NON_NEGATIVE],
        "max_delta_step": [_NON_NEGATIVE],
        "gain_scale": [_NON_NEGATIVE],
        "min_cat_samples": [_NON_NEGATIVE_INT],
        "cat_smooth": [_NON_NEGATIVE],
        "missing": [StrOptions({"low", "high", "separate", "gain"})],
        "max_leaves": [Interval(numbers.Integral, 2, None, closed="left")],
        "exclude": ["array-like", None],
        "engine": [StrOptions({"gram", "interpret"})],
        "warm_start": ["boolean"],
        "device": [str],
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _fitted_state_names = ("n_rounds_", "repair_")

    def __init__(
        self,
        *,
        interactions=0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        n_bags=8,
        confidence_level=0.95,
        max_bins=256,
        max_interaction_bins=32,
        validation_size=0.15,
        inner_bags=0,
        learning_rate=0.015,
        greedy_ratio=10.0,
        cyclic_progress=False,
        smoothing_rounds=75,
        interaction_smoothing_rounds=75,
        max_rounds=50_000,
        early_stopping_rounds=50,
        early_stopping_tolerance=1e-5,
        min_samples_leaf=4,
        min_hessian=1e-4,
        reg_alpha=0.0,
        reg_lambda=0.0,
        max_delta_step=0.0,
        gain_scale=5.0,
        min_cat_samples=10,
        cat_smooth=10.0,
        missing="separate",
        max_leaves=2,
        exclude=None,
        engine="gram",
        warm_start=False,
        device="cpu",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.interactions = interactions
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.n_bags = n_bags
        self.confidence_level = confidence_level
        self.max_bins = max_bins
        self.max_interaction_bins = max_interaction_bins
        self.validation_size = validation_size
        self.inner_bags = inner_bags
        self.learning_rate = learning_rate
        self.greedy_ratio = greedy_ratio
        self.cyclic_progress = cyclic_progress
        self.smoothing_rounds = smoothing_rounds
        self.interaction_smoothing_rounds = interaction_smoothing_rounds
        self.max_rounds = max_rounds
        self.early_stopping_rounds = early_stopping_rounds
        self.early_stopping_tolerance = early_stopping_tolerance
        self.min_samples_leaf = min_samples_leaf
        self.min_hessian = min_hessian
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.max_delta_step = max_delta_step
        self.gain_scale = gain_scale
        self.min_cat_samples = min_cat_samples
        self.cat_smooth = cat_smooth
        self.missing = missing
        self.max_leaves = max_leaves
        self.exclude = exclude
        self.engine = engine
        self.warm_start = warm_start
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _learn(self, table: TrainingTable) -> AdditiveModel:
        table = table.with_whole_weights_as_rows()
        directions = resolve_directions(self.monotonic_cst, table.schema)
        check_one_score(directions, len(getattr(self, "classes_", ())) - 1)
        pairs = self._requested_pairs(table)
        excluded = self._excluded(table)
        # A cut in a pair is not held to a direction: the tables are mended together afterwards.
        repaired = _directions_in_pairs(directions, pairs, excluded, table.schema.names)
        plan = BoostingPlan(
            {name: sign for name, sign in directions.items() if name not in repaired},
            pairs,
            excluded,
            self._n_held_out(table.n_rows),
            check_random_state(self.random_state).randint(np.iinfo(np.int32).max),
        )
        trained = self._boost(table, plan)
        self.n_rounds_ = trained.n_rounds
        model = self._with_bands(trained.model, trained.bags, table)
        self.repair_ = {}
        return self._repaired(model, repaired, table) if repaired else model

    def _boost(self, table: TrainingTable, plan: BoostingPlan) -> Trained:
        """Let the engine learn."""
        start = getattr(self, "_boosting_state", None) if self.warm_start else None
        if self.warm_start and start is None and hasattr(self, "additive_model_"):
            warnings.warn(
                "warm_start=True starts afresh: the tables of the bags, which it goes on from, "
                "are not in a model file, and engine='interpret' does not keep them.",
                UserWarning,
                stacklevel=2,
            )
        if self.engine == "interpret":
            self._boosting_state = None
            return boost_with_interpret(self, table, plan, self._machine(), self._objective())
        if start is not None:
            plan = replace(plan, seed=start.seed)
        trained = boost_in_bins(self, table, plan, self._loss(), start)
        self._boosting_state = trained.state if self.warm_start else None
        return trained

    def _n_held_out(self, n_rows: int) -> int:
        """Rows that each bag leaves out: at least one, since nothing else stops the boosting."""
        if self.validation_size == 0 or self.validation_size >= 1:
            n_held_out = int(self.validation_size)
        else:
            n_held_out = max(1, int(self.validation_size * n_rows))
        if n_held_out >= n_rows:
            raise ValueError(
                f"validation_size={self.validation_size!r} leaves no row to learn from: the table "
                f"has n_samples={n_rows} with a positive weight. Give more rows."
            )
        return n_held_out

    def _requested_pairs(self, table: TrainingTable) -> Any:
        """Pairs as interpret takes them: how many, or pairs of column numbers."""
        if isinstance(self.interactions, numbers.Integral):
            return int(self.interactions)
        names = table.schema.names
        pairs = resolve_pairs(self.interactions, table.schema)
        return [[names.index(name) for name in pair] for pair in pairs]

    def _excluded(self, table: TrainingTable) -> list[tuple[int, ...]]:
        if self.exclude is None:
            return []
        names = table.schema.names

        def number(item: Any) -> int:
            return names.index(column_name(item, names, "exclude"))

        return [
            (number(item),)
            if isinstance(item, str | numbers.Integral)
            else tuple(number(name) for name in item)
            for item in self.exclude
        ]

    def _repaired(
        self, model: AdditiveModel, directions: dict[str, int], table: TrainingTable
    ) -> AdditiveModel:
        """The nearest model that keeps these directions; what it takes is remembered."""
        weights = table.weights
        nearest, changes = nearest_monotone_model(model, directions, table.columns, weights)
        before, after = model.scores(table.columns), nearest.scores(table.columns)
        change = np.average((after - before)[:, 0] ** 2, weights=weights)
        self.repair_ = {
            "terms": changes,
            "score": float(np.sqrt(change)),
            "loss_before": self._training_loss(before[:, 0], table),
            "loss_after": self._training_loss(after[:, 0], table),
        }
        return nearest

    @abstractmethod
    def _machine(self) -> type:
        """Interpret's counterpart."""

    @abstractmethod
    def _objective(self) -> str:
        """The loss, as interpret calls it."""

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss, as the engine in the space of bins calls it."""

    @abstractmethod
    def _training_loss(self, scores: np.ndarray, table: TrainingTable) -> float:
        """Mean loss of scores on the training rows."""

    def _with_bands(
        self, model: AdditiveModel, bags: list[np.ndarray], table: TrainingTable
    ) -> AdditiveModel:
        held_out = self._n_held_out(table.n_rows) / table.n_rows
        if self.n_bags < 2 or held_out == 0:
            self.band_description_ = "no band: it needs n_bags of 2 or more and validation rows"
            return model
        self.band_description_ = (
            f"{self.confidence_level:.0%} pointwise confidence band (delete-d jackknife over "
            f"{self.n_bags} bags)"
        )
        # A bag lacks a share d of the rows. The spread of an estimate over such bags is
        # sqrt(d / (1 - d)) of its standard error (Shao & Wu 1989).
        jackknife = np.sqrt((1 - held_out) / held_out)
        quantile = student_t.ppf((1 + self.confidence_level) / 2, self.n_bags - 1)
        slot_errors = SlotErrors.of(model, table, self._variance_power())
        terms = []
        for term, every_bag in zip(model.terms, bags, strict=True):
            error = jackknife * every_bag.std(axis=0, ddof=1)
            half_width = quantile * np.maximum(error, slot_errors.of_term(term))
            terms.append(
                term.replace(
                    lower=term.coefficients - half_width, upper=term.coefficients + half_width
                )
            )
        return model.replace(terms=tuple(terms))


def _directions_in_pairs(
    directions: dict[str, int], pairs: Any, excluded: list, names: list[str]
) -> dict[str, int]:
    """Directions of columns that do, or may, take part in pairs.

    Raises
    ------
    ValueError
        If the main effect of one of them is excluded, which has to make up for its pairs.
    """
    if isinstance(pairs, int):
        found = directions if pairs else {}
    else:
        in_pairs = {names[number] for pair in pairs for number in pair}
        found = {name: sign for name, sign in directions.items() if name in in_pairs}
    for name in found:
        if (names.index(name),) in excluded:
            raise ValueError(
                f"exclude names column {name!r}, which has a direction in monotonic_cst and may "
                "take part in pairs: its main effect has to rise where they fall. Exclude it "
                "no longer, drop its direction, or ask for pairs of other columns."
            )
    return dict(found)
