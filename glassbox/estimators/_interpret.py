"""The other engine: interpret's explainable boosting machine, read into a glassbox model."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, Axis, CategoricalAxis, NumericAxis
from glassbox.core.schema import ColumnSchema
from glassbox.core.terms import Term
from glassbox.estimators._boosted_plan import BoostingPlan, Trained, refuse_impossible
from glassbox.estimators._progress import BagProgress
from glassbox.estimators._training import TrainingTable
from glassbox.solvers._boosting.bins import with_edges

#: Parameters of interpret's by the same name.
PASSED_THROUGH = (
    "max_bins",
    "max_interaction_bins",
    "inner_bags",
    "learning_rate",
    "greedy_ratio",
    "cyclic_progress",
    "smoothing_rounds",
    "interaction_smoothing_rounds",
    "max_rounds",
    "early_stopping_rounds",
    "early_stopping_tolerance",
    "min_samples_leaf",
    "min_hessian",
    "reg_alpha",
    "reg_lambda",
    "max_delta_step",
    "gain_scale",
    "min_cat_samples",
    "cat_smooth",
    "missing",
    "max_leaves",
    "n_jobs",
)

_ROUNDING = 1e-12

_LINKS = {"identity": "identity", "logit": "logit", "log": "log", "mlogit": "softmax"}


def boost_with_interpret(
    estimator: Any, table: TrainingTable, plan: BoostingPlan, machine: type, objective: str
) -> Trained:
    """Boost with interpret.

    Parameters
    ----------
    estimator : BoostedGAMClassifier or BoostedGAMRegressor
        Its parameters are read.
    table : TrainingTable
    plan : BoostingPlan
    machine : type
        ExplainableBoostingClassifier or ExplainableBoostingRegressor.
    objective : str
        A loss, as interpret calls it.

    Raises
    ------
    ValueError
        If a parameter asks for what only the other engine can do, or some bag has no row of a
        class.
    """
    possible = {
        "warm_start": not estimator.warm_start,
        "device": estimator.device in ("cpu", "auto"),
    }
    refuse_impossible(estimator, possible, "interpret", "gram")
    frame, types = to_interpret(table)
    directions = plan.directions
    ebm = machine(
        **{name: getattr(estimator, name) for name in PASSED_THROUGH},
        outer_bags=estimator.n_bags,
        validation_size=plan.n_held_out,
        objective=objective,
        feature_types=types,
        interactions=plan.pairs,
        exclude=plan.excluded or None,
        # interpret takes a tenth longer per step when told of directions, be they all zero.
        monotone_constraints=[directions.get(name, 0) for name in table.schema.names]
        if directions
        else None,
        random_state=plan.seed,
        callback=BagProgress(estimator.verbose) if estimator.verbose else None,
    )
    equal = np.all(table.weights == table.weights[0])
    with warnings.catch_warnings():
        # interpret warns that it cannot draw missing values and multiclass pairs; we can.
        warnings.filterwarnings("ignore", "Missing values detected", UserWarning)
        warnings.filterwarnings("ignore", "For multiclass we cannot", UserWarning)
        warnings.filterwarnings("ignore", "If validation_size is 0", UserWarning)
        ebm.fit(frame, table.y, sample_weight=None if equal else table.weights)
    if not np.isfinite(ebm.bagged_intercept_).all():
        raise ValueError(
            "A class has so few rows that some bag holds none of them. Give more rows of it, "
            "or leave the class out."
        )
    model, bags = read_ebm(ebm, table)
    model = _without_rounding_dips(model, directions)
    return Trained(model, bags, np.array(ebm.best_iteration_).sum(axis=0).tolist())


def to_interpret(table: TrainingTable) -> tuple[pd.DataFrame, list[str]]:
    """The table as interpret reads it best, and the type of each column.

    Columns are called by their number, so that no name of the user's can collide with
    interpret's own. Ordered categories travel as numbers: a cut between two of them keeps their
    order.
    """
    frame, types = {}, []
    for j, column in enumerate(table.schema.columns):
        values = table.columns[column.name]
        if column.kind == "categorical" and not column.ordered:
            levels = [str(code) for code in range(len(column.categories))]
            frame[str(j)] = pd.Categorical.from_codes(values, categories=levels)
            types.append("nominal")
        else:
            frame[str(j)] = (
                np.where(values == MISSING_CODE, np.nan, values)
                if (column.kind == "categorical")
                else values
            )
            types.append("continuous")
    return pd.DataFrame(frame), types


@dataclass(frozen=True)
class BinnedAxis:
    """A glassbox axis, and which of interpret's bins each of its coefficients is read from."""

    axis: Axis
    bins: np.ndarray


def read_ebm(ebm, table: TrainingTable) -> tuple[AdditiveModel, list[np.ndarray]]:
    """Read a fitted EBM into the table language, exactly.

    Parameters
    ----------
    ebm : fitted ExplainableBoostingClassifier or ExplainableBoostingRegressor
        Trained on the output of :func:`to_interpret`.
    table : TrainingTable

    Returns
    -------
    model : AdditiveModel
        With the same scores as the EBM's decision function.
    bags : list of ndarray of shape (n_bags, *table shape)
        For each term, the coefficients of every bag.
    """
    axes: dict[tuple[int, int], BinnedAxis] = {}

    def binned_axis(feature: int, n_dimensions: int) -> BinnedAxis:
        levels = ebm.bins_[feature]
        level = min(n_dimensions, len(levels)) - 1
        if (feature, level) not in axes:
            column = table.schema.columns[feature]
            axes[feature, level] = _binned_axis(column, levels[level], table.columns[column.name])
        return axes[feature, level]

    terms, bags = [], []
    for t, features in enumerate(ebm.term_features_):
        binned = [binned_axis(feature, len(features)) for feature in features]
        cells = np.ix_(*(b.bins for b in binned))
        coefficients = np.asarray(ebm.term_scores_[t], dtype=np.float64)[cells]
        bag_cells = (slice(None), *np.ix_(*(b.bins for b in binned)))
        every_bag = np.asarray(ebm.bagged_scores_[t], dtype=np.float64)[bag_cells]
        term = Term(tuple(b.axis for b in binned), coefficients)
        terms.append(term)
        bags.append(every_bag.reshape(len(every_bag), *term.coefficients.shape))
    return AdditiveModel(ebm.intercept_, tuple(terms), _LINKS[ebm.link_]), bags


def _binned_axis(column: ColumnSchema, bins, values: np.ndarray) -> BinnedAxis:
    if isinstance(bins, dict):
        axis = CategoricalAxis(column.name, column.categories)
        n_bins = max(bins.values(), default=0)
        unseen = n_bins + 1
        of_category = [bins.get(str(code), unseen) for code in range(axis.n_values)]
        return BinnedAxis(axis, np.array([*of_category, 0, unseen]))
    cuts = np.asarray(bins, dtype=np.float64)
    unseen = len(cuts) + 2
    if column.kind == "categorical":
        axis = CategoricalAxis(column.name, column.categories, ordered=True)
        of_category = np.searchsorted(cuts, np.arange(axis.n_values), side="right") + 1
        return BinnedAxis(axis, np.array([*of_category, 0, unseen]))
    axis = NumericAxis(column.name, with_edges(cuts, values))
    return BinnedAxis(axis, np.array([*range(1, unseen), 0]))


def _without_rounding_dips(model: AdditiveModel, directions: dict[str, int]) -> AdditiveModel:
    """Mend dips of rounding size, so that the certificate of a constrained term is exact."""
    terms = []
    for term in model.terms:
        direction = directions.get(term.name, 0)
        if direction:
            coefficients = term.coefficients.copy()
            values = direction * coefficients[: term.axes[0].n_values]
            monotone = np.maximum.accumulate(values, axis=0)
            if np.abs(monotone - values).max() < _ROUNDING * max(1.0, np.abs(values).max()):
                coefficients[: term.axes[0].n_values] = direction * monotone
                term = term.replace(coefficients=coefficients)
        terms.append(term)
    return model.replace(terms=tuple(terms))
