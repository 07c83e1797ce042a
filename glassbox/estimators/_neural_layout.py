"""The terms of a neural additive model: their axes, their knots, and which pairs there are."""

from __future__ import annotations

import numbers

import numpy as np

from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.density import count_density
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators._blocks import Blocks
from glassbox.estimators._neural_plan import Plan
from glassbox.estimators._neural_prune import stands_out
from glassbox.estimators._training import TrainingTable
from glassbox.solvers._families import Family
from glassbox.solvers._knots import choose_axis
from glassbox.solvers._screen import rank_pairs
from glassbox.solvers.adaptive import AdaptiveFit, fit_adaptive, posterior

# Coefficients that the numeric main effects share out among them.
_COEFFICIENTS = 1_024
_KNOTS = (16, 128)
_PAIR_KNOTS = (4, 24)


def lay_out(
    blocks: Blocks, sample: TrainingTable, family: Family, plan: Plan
) -> tuple[Layout, AdaptiveFit | None]:
    schema = blocks.schema
    numeric = [column for column in schema.columns if column.kind == "numeric"]
    n_knots = plan.n_knots
    if n_knots == "auto":
        by_rows = max(8, int(2 * sample.n_rows**0.45))
        n_knots = int(np.clip(_COEFFICIENTS // max(len(numeric), 1), *_KNOTS))
        n_knots = min(n_knots, by_rows)
    edges = _edges(blocks, [column.name for column in numeric])
    axes = {
        column.name: _axis(column, sample, n_knots, edges.get(column.name))
        for column in schema.columns
    }
    mains = Layout(tuple(TermColumns((axes[column.name],)) for column in schema.columns))
    pairs = plan.interactions
    if isinstance(pairs, numbers.Integral):
        pairs = _find_pairs(mains, sample, family, plan, schema) if pairs else []
    if not pairs:
        return mains, None
    n_pair_knots = plan.n_pair_knots
    if n_pair_knots == "auto":
        n_pair_knots = int(np.clip(sample.n_rows ** (1 / 3), *_PAIR_KNOTS))
    coarse = {
        name: _coarser(axes[name], n_pair_knots) for name in {n for pair in pairs for n in pair}
    }
    surfaces = tuple(TermColumns((coarse[first], coarse[second])) for first, second in pairs)
    return Layout(mains.terms + surfaces), None


def _edges(blocks: Blocks, names: list[str]) -> dict[str, tuple[float, float]]:
    """Smallest and largest value of every numeric column, over all rows."""
    edges: dict[str, tuple[float, float]] = {}
    for table in blocks:
        for name in names:
            present = table.columns[name][~np.isnan(table.columns[name])]
            if len(present):
                low, high = edges.get(name, (np.inf, -np.inf))
                edges[name] = min(low, present.min()), max(high, present.max())
    return edges


def _axis(column: ColumnSchema, sample: TrainingTable, n_knots: int, edges) -> Axis:
    if column.kind == "categorical":
        return CategoricalAxis(column.name, column.categories, column.ordered)
    values, weights = sample.columns[column.name], sample.weights
    if edges is not None:
        # The outer knots are the edges of all rows, the inner ones quantiles of the sample.
        values, weights = np.append(values, edges), np.append(weights, [1e-9, 1e-9])
    return choose_axis(column.name, values, weights, n_knots, "quantile", degree=1)


def _coarser(axis: Axis, n_knots: int) -> Axis:
    """An axis with some of the knots: what is drawn on it can be drawn on the finer one."""
    if isinstance(axis, CategoricalAxis) or len(axis.knots) <= n_knots:
        return axis
    kept = np.unique(np.linspace(0, len(axis.knots) - 1, n_knots).round().astype(int))
    return NumericAxis(axis.name, axis.knots[kept], 1, axis.extrapolation)


def _find_pairs(
    mains: Layout, sample: TrainingTable, family: Family, plan: Plan, schema: Schema
) -> list[tuple[str, str]]:
    fit = fit_adaptive(
        mains, sample.columns, sample.y, sample.weights, family, strengths=plan.strengths
    )
    if len(schema) < 2:
        return []
    ranked = rank_pairs(
        sample.columns, schema.names, sample.y, sample.weights, family, fit.predictor
    )
    if plan.heredity is not None:
        parts = posterior(fit, sample.y, sample.weights)
        strong = {
            term.name
            for term in mains.terms
            if stands_out(
                term.name,
                mains,
                fit.coefficients,
                parts,
                count_density(term.axes, sample.columns, sample.weights),
            )
        }
        needed = 2 if plan.heredity == "strong" else 1
        ranked = [pair for pair in ranked if len(strong & set(pair)) >= needed]
    return ranked[: int(plan.interactions)]
