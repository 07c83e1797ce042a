"""The engine of glassbox itself: boosting in the space of bins."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from glassbox.core.additive import AdditiveModel
from glassbox.core.schema import Schema
from glassbox.core.terms import Term
from glassbox.estimators._boosted_plan import BoostingPlan, Trained, refuse_impossible
from glassbox.estimators._progress import BagProgress
from glassbox.estimators._training import TrainingTable
from glassbox.solvers._boosting.bins import BinnedColumn, bin_column
from glassbox.solvers._boosting.draws import draw_bags
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers._boosting.passes import RowPasses
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers.boosting import (
    BoostedTables,
    BoostingOptions,
    BoostingState,
    Problem,
    boost,
)

#: Categories, and *missing* as a leaf of its own, lean on a prior that is worth one row in the
#: middle: benchmarks/boosting.py. The score of one missing patient stays within reason.
_SLOT_PRIOR = 1.0
#: The first steps with random cuts are so much larger: benchmarks/boosting.py.
_FIRST_RANDOM = 5.0


@dataclass(frozen=True)
class GramState:
    """What a fit leaves behind for the next one to go on from.

    Attributes
    ----------
    schema : Schema
    seed : int
        By which the bags draw.
    fixed : dict
        What must be the same in the next fit.
    mains, in_pairs : list of BinnedColumn
        The columns, as main effects and in pairs.
    state : BoostingState
    """

    schema: Schema
    seed: int
    fixed: dict[str, Any]
    mains: list[BinnedColumn]
    in_pairs: list[BinnedColumn]
    state: BoostingState


def boost_in_bins(
    estimator: Any,
    table: TrainingTable,
    plan: BoostingPlan,
    loss: Loss,
    start: GramState | None = None,
) -> Trained:
    """Boost with the engine of glassbox itself.

    Parameters
    ----------
    estimator : BoostedGAMClassifier or BoostedGAMRegressor
        Its parameters are read.
    table : TrainingTable
    plan : BoostingPlan
    loss : Loss
    start : GramState, optional
        To go on from.

    Raises
    ------
    ValueError
        If a parameter asks for what only interpret can do.
    """
    _check_parameters(estimator)
    if np.all(table.weights == table.weights[0]):
        table = replace(table, weights=np.ones(table.n_rows))
    numbers = [j for j in range(len(table.schema)) if (j,) not in plan.excluded]
    pairs, n_pairs = _candidates(plan, len(table.schema))
    n_threads = effective_n_jobs(estimator.n_jobs)
    if start is None:
        mains, in_pairs = _bin_columns(estimator, table, plan, numbers, bool(n_pairs), n_threads)
    else:
        _check_start(start, table, _what_is_fixed(estimator, plan))
        mains = [c.recoded(table.columns[c.axis.name]) for c in start.mains]
        in_pairs = [c.recoded(table.columns[c.axis.name]) for c in start.in_pairs]
    classes = table.y if loss.link in ("logit", "softmax") else None
    problem = Problem(
        [column.feature for column in mains],
        [column.feature for column in in_pairs],
        pairs,
        n_pairs,
        table.y.astype(np.float64),
        table.weights,
        draw_bags(classes, table.n_rows, plan.n_held_out, estimator.n_bags, plan.seed),
    )
    tables = boost(
        problem,
        _options(estimator, table, loss),
        plan.seed,
        n_threads,
        BagProgress(estimator.verbose).of_bins if estimator.verbose else None,
        _row_passes(estimator.device),
        None if start is None else start.state,
    )
    state = GramState(
        table.schema,
        plan.seed,
        _what_is_fixed(estimator, plan),
        [column.without_rows() for column in mains],
        [column.without_rows() for column in in_pairs],
        tables.state,
    )
    return _trained(tables, mains, in_pairs, loss.link, state)


def _check_parameters(estimator: Any) -> None:
    """Refuse what only interpret can do."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", estimator.device):
        raise ValueError(
            f"device={estimator.device!r} is not a device; use 'auto', 'cpu', 'cuda' or 'cuda:0'."
        )
    possible = {
        "inner_bags": estimator.inner_bags == 0,
        "max_leaves": estimator.max_leaves == 2,
        "missing": estimator.missing != "gain",
    }
    refuse_impossible(estimator, possible, "gram", "interpret")


def _candidates(plan: BoostingPlan, n_columns: int) -> tuple[list[tuple[int, int]], int]:
    """Pairs that may have a table, and how many of them do."""
    excluded = {frozenset(item) for item in plan.excluded if len(item) == 2}
    if isinstance(plan.pairs, int):
        pairs = list(combinations(range(n_columns), 2)) if plan.pairs else []
        pairs = [pair for pair in pairs if frozenset(pair) not in excluded]
        return pairs, min(plan.pairs, len(pairs))
    pairs = [(i, j) for i, j in plan.pairs if frozenset((i, j)) not in excluded]
    return pairs, len(pairs)


def _bin_columns(
    estimator: Any,
    table: TrainingTable,
    plan: BoostingPlan,
    numbers: list[int],
    with_pairs: bool,
    n_threads: int,
) -> tuple[list[BinnedColumn], list[BinnedColumn]]:
    """Columns as main effects, and all of them as they are in pairs."""
    columns = table.schema.columns

    def main(j: int) -> BinnedColumn:
        column = columns[j]
        direction = plan.directions.get(column.name, 0)
        values = table.columns[column.name]
        return bin_column(column, values, estimator.max_bins, direction, estimator.missing)

    def in_pairs(j: int) -> BinnedColumn:
        values = table.columns[columns[j].name]
        return bin_column(columns[j], values, estimator.max_interaction_bins)

    with Threads(n_threads) as threads:
        return (
            threads.map(main, numbers),
            threads.map(in_pairs, range(len(columns))) if with_pairs else [],
        )


def _what_is_fixed(estimator: Any, plan: BoostingPlan) -> dict[str, Any]:
    """What a fit that goes on from another one cannot change."""
    names = ("n_bags", "max_bins", "max_interaction_bins", "missing")
    classes = getattr(estimator, "classes_", None)
    return {
        "interactions": plan.pairs,
        "exclude": plan.excluded,
        "monotonic_cst": plan.directions,
        "loss": getattr(estimator, "loss", None),
        "the classes of y": None if classes is None else classes.tolist(),
        **{name: getattr(estimator, name) for name in names},
    }


def _check_start(start: GramState, table: TrainingTable, fixed: dict[str, Any]) -> None:
    """Refuse to go on with other columns, terms, bins, bags or outcomes."""
    if start.schema != table.schema:
        raise ValueError(
            "warm_start=True goes on with the columns of the last fit, "
            f"{start.schema.names}, but X has others, or other categories: {table.schema.names}. "
            "Set warm_start=False to start afresh."
        )
    for name, before in start.fixed.items():
        if before != fixed[name]:
            raise ValueError(
                f"warm_start=True goes on with the tables of the last fit, but {name} has changed "
                f"from {before!r} to {fixed[name]!r}. Change it back, or set warm_start=False to "
                "start afresh."
            )


def _options(estimator: Any, table: TrainingTable, loss: Loss) -> BoostingOptions:
    step = StepRule(
        float(estimator.learning_rate),
        float(estimator.reg_alpha),
        float(estimator.reg_lambda),
        float(estimator.max_delta_step) or np.inf,
        float(estimator.min_hessian),
        int(estimator.min_samples_leaf),
        int(estimator.min_cat_samples),
        float(estimator.cat_smooth),
        float(estimator.gain_scale),
        _SLOT_PRIOR * float(table.weights.mean()),
        _FIRST_RANDOM,
    )
    return BoostingOptions(
        loss,
        step,
        float(estimator.greedy_ratio),
        float(estimator.cyclic_progress),
        int(estimator.smoothing_rounds),
        int(estimator.interaction_smoothing_rounds),
        int(estimator.max_rounds),
        int(estimator.early_stopping_rounds),
        float(estimator.early_stopping_tolerance),
    )


def _row_passes(device: str) -> Callable:
    """What reads the rows on a device; the CPU, with a warning, if it is not there."""
    if device == "cpu":
        return RowPasses
    try:
        import torch

        found = torch.cuda.is_available()
        reason = f"torch {torch.__version__} finds none here"
    except ImportError:
        found, reason = False, "torch is not installed (pip install 'glassbox[nets]')"
    if found:
        from glassbox.nets.devices import resolve_device
        from glassbox.nets.row_passes import row_passes_on

        place = resolve_device(device)
        return RowPasses if place.type == "cpu" else row_passes_on(place)
    if device != "auto":
        warnings.warn(
            f"device={device!r} asks for a CUDA device, and {reason}: the model is boosted on the "
            "CPU.",
            UserWarning,
            stacklevel=2,
        )
    return RowPasses


def _trained(
    tables: BoostedTables,
    mains: list[BinnedColumn],
    in_pairs: list[BinnedColumn],
    link: str,
    state: GramState,
) -> Trained:
    intercept = tables.intercept
    if link == "softmax":
        intercept = intercept - intercept.mean()
    axes_of_terms = [(column,) for column in mains]
    axes_of_terms += [(in_pairs[i], in_pairs[j]) for i, j in tables.pairs]
    terms, bags = [], []
    for columns, table in zip(axes_of_terms, [*tables.mains, *tables.pair_tables], strict=True):
        every_bag = _on_axes(table, columns)
        coefficients = np.tensordot(tables.bag_weights, every_bag, axes=1)
        terms.append(Term(tuple(column.axis for column in columns), coefficients))
        bags.append(every_bag.reshape(len(every_bag), *terms[-1].coefficients.shape))
    return Trained(AdditiveModel(intercept, tuple(terms), link), bags, tables.n_steps, state)


def _on_axes(table: np.ndarray, columns: tuple[BinnedColumn, ...]) -> np.ndarray:
    """Tables over bins as tables over the slots of axes, outputs last; 0 where no row lies."""
    for dimension, column in enumerate(columns, start=2):
        slots = np.take(table, np.maximum(column.bin_of_slot, 0), axis=dimension)
        empty = [slice(None)] * slots.ndim
        empty[dimension] = column.bin_of_slot < 0
        slots[tuple(empty)] = 0.0
        table = slots
    if len(columns) == 1:
        table = table[..., 0]
    return np.moveaxis(table, 1, -1)
