"""How a neural additive model is learned: from blocks of rows to the coefficients of members."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from sklearn.isotonic import isotonic_regression

from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.density import count_density
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators._batches import MemberBatches, sample_rows, weighted_rows
from glassbox.estimators._blocks import Blocks
from glassbox.estimators._neural_tables import Fitted, category_variances
from glassbox.estimators._training import TrainingTable
from glassbox.solvers._families import Family
from glassbox.solvers._knots import choose_axis
from glassbox.solvers._screen import rank_pairs
from glassbox.solvers.adaptive import (
    AdaptiveFit,
    Part,
    fit_adaptive,
    more_informed,
    posterior,
    prior_parts,
)
from glassbox.solvers.garrote import helpful_terms
from glassbox.solvers.members import Members, refit_members

#: Rows from which smoothness is learned; the coefficients are learned from all.
SAMPLE_ROWS = 16_384
# Coefficients that the numeric main effects share out among them.
_COEFFICIENTS = 1_024
_KNOTS = (16, 128)
_PAIR_KNOTS = (4, 24)


@dataclass(frozen=True)
class Plan:
    """What the user asked for, checked.

    Attributes
    ----------
    n_knots, n_pair_knots : int or "auto"
    interactions : int or list of pairs of str
    heredity : {"weak", "strong"} or None
    start : {"penalised", "zero"}
    strengths : dict of str to float
        Factors on the smoothness of terms.
    prune : bool
    n_members, batch_rows, seed : int
    directions : dict of str to {-1, 1}
    class_weights : ndarray or None
    """

    n_knots: int | str
    n_pair_knots: int | str
    interactions: int | list[tuple[str, str]]
    heredity: str | None
    start: str
    strengths: Mapping[str, float]
    prune: bool
    n_members: int
    batch_rows: int
    seed: int
    directions: Mapping[str, int]
    class_weights: np.ndarray | None


@dataclass
class State:
    """What a later fit can begin with.

    Attributes
    ----------
    layout : Layout
    adaptive : AdaptiveFit or None
    fitted : Fitted
    """

    layout: Layout
    adaptive: AdaptiveFit | None
    fitted: Fitted


#: Trains networks: (layout, densities, start, parts, dispersion, batches) to members.
Train = Callable[..., Members]


def learn(
    blocks: Blocks,
    family: Family,
    plan: Plan,
    train: Train,
    before: State | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> State:
    """Learn the coefficients of all members.

    Parameters
    ----------
    blocks : Blocks
    family : Family
    plan : Plan
    train : callable
        Corrects the tables of all members by networks.
    before : State, optional
        Of an earlier fit on the same columns, to begin with.
    say : callable
        Told what is being done.
    """
    sample = sample_rows(blocks, SAMPLE_ROWS, plan.seed, plan.class_weights)
    say(f"smoothness from {sample.n_rows:,} of {blocks.n_rows:,} rows")
    if before is None:
        layout, adaptive = _lay_out(blocks, sample, family, plan)
    else:
        layout, adaptive = before.layout, before.adaptive
    densities = _densities(blocks, layout, plan)
    total = float(next(iter(densities.values())).sum())
    if plan.start == "penalised":
        adaptive = fit_adaptive(
            layout,
            sample.columns,
            sample.y,
            sample.weights,
            family,
            strengths=plan.strengths,
            start=adaptive if before is not None else None,
        )
        growth = total / float(sample.weights.sum())
        parts = posterior(adaptive, sample.y, sample.weights, growth)
        dispersion, freedom = adaptive.dispersion, adaptive.effective_df
        centre, intercept = adaptive.coefficients, adaptive.intercept
    else:
        n_predictors = family.contrasts.shape[1]
        parts, dispersion = prior_parts(layout, sample.columns, sample.y, sample.weights, family)
        freedom = 1.0
        centre = np.zeros((layout.n_columns, n_predictors))
        intercept = np.array(family.start(sample.y, sample.weights), dtype=np.float64)
    batches = MemberBatches(
        blocks, layout, plan.n_members, plan.batch_rows, plan.seed, plan.class_weights
    )
    start = Members.alike(centre, intercept, plan.n_members)
    if before is not None and plan.start == "zero":
        start = before.fitted.members
    if plan.start == "penalised":
        say(f"{plan.n_members} members")
        start = refit_members(start, batches, parts, family, dispersion)
    start = _ordered(start, layout, densities, plan.directions)
    say("networks")
    members = train(
        layout=layout,
        densities=densities,
        start=start,
        parts=parts,
        dispersion=dispersion,
        total=total,
        batches=batches,
    )
    helpful = dict.fromkeys((term.name for term in layout.terms), True)
    if plan.prune:
        say("terms that help")
        helpful = _helpful(members, batches, layout, family, parts, densities)
    fitted = Fitted(
        layout,
        family,
        members,
        start,
        parts,
        densities,
        dispersion,
        freedom,
        helpful,
        plan.directions,
        category_variances(layout, centre),
        _intercept_information(start, batches, family, dispersion),
    )
    return State(layout, None if adaptive is None else adaptive.without_rows(), fitted)


def learn_more(state: State, blocks: Blocks, family: Family, plan: Plan, train: Train) -> State:
    """Go on with more rows: what was learned before is the prior.

    Parameters
    ----------
    state : State
        After the rows before.
    blocks : Blocks
        The new rows.
    family : Family
    plan : Plan
    train : callable
    """
    before, layout = state.fitted, state.layout
    batches = MemberBatches(
        blocks, layout, plan.n_members, plan.batch_rows, plan.seed, plan.class_weights
    )
    centre = before.members.coefficients.mean(axis=2)
    intercept = before.members.intercept.mean(axis=1)
    rows, curvatures = [], []
    for batch in batches:
        rows.append(batch.rows.astype(np.float64))
        fit = family.local_fit(batch.y, rows[-1] @ centre + intercept, batch.weights)
        curvatures.append(np.einsum("naa->na", fit.curvature))
    stacked = sparse.csr_array(sparse.vstack(rows)).tocsc()
    curvature = np.concatenate(curvatures)
    parts = [
        more_informed(part, stacked[:, part.here].tocsr(), curvature, before.dispersion)
        for part in before.parts
    ]
    start = refit_members(
        before.members,
        batches,
        parts,
        family,
        before.dispersion,
        anchor=before.members,
        intercept_precision=before.intercept_precision[:, None],
    )
    new = _densities(blocks, layout, plan)
    densities = {name: before.densities[name] + new[name] for name in new}
    start = _ordered(start, layout, densities, plan.directions)
    members = train(
        layout=layout,
        densities=densities,
        start=start,
        parts=parts,
        dispersion=before.dispersion,
        total=float(next(iter(new.values())).sum()),
        batches=batches,
        intercept_precision=before.intercept_precision,
    )
    helpful = dict(before.helpful)
    if plan.prune:
        # A term that did not help before may help now.
        helps = _helpful(members, batches, layout, family, parts, densities)
        helpful = {name: helpful[name] or helps[name] for name in helpful}
    information = _intercept_information(members, batches, family, before.dispersion)
    fitted = replace(
        before,
        members=members,
        start=start,
        parts=parts,
        densities=densities,
        helpful=helpful,
        level_variance=category_variances(layout, members.coefficients.mean(axis=2)),
        intercept_precision=before.intercept_precision + information,
    )
    return State(layout, state.adaptive, fitted)


def _intercept_information(
    members: Members, batches: MemberBatches, family: Family, dispersion: float
) -> np.ndarray:
    centre, intercept = members.coefficients.mean(axis=2), members.intercept.mean(axis=1)
    total = np.zeros(len(intercept))
    for batch in batches:
        predictor = batch.rows @ centre.astype(np.float32) + intercept
        fit = family.local_fit(batch.y, predictor, batch.weights)
        total += np.einsum("naa->a", fit.curvature)
    return total / dispersion


def _lay_out(
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
    candidates = [name for name in schema.names if name not in plan.directions]
    if len(candidates) < 2:
        return []
    ranked = rank_pairs(
        sample.columns, candidates, sample.y, sample.weights, family, fit.predictor
    )
    if plan.heredity is not None:
        parts = posterior(fit, sample.y, sample.weights)
        strong = {
            term.name
            for term in mains.terms
            if _stands_out(
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


def _stands_out(
    name: str,
    layout: Layout,
    coefficients: np.ndarray,
    parts: Sequence[Part],
    density: np.ndarray,
) -> bool:
    """Whether a term is larger, under the data, than what is not known of it."""
    here = layout.slices[name]
    part = next(p for p in parts if p.here.start <= here.start < p.here.stop)
    inside = slice(here.start - part.here.start, here.stop - part.here.start)
    term = next(term for term in layout.terms if term.name == name)
    weights = density.ravel()[term.slots]
    squares = weights @ (coefficients[here] ** 2).sum(axis=1)
    variances = np.diagonal(part.inverse, axis1=1, axis2=2)[:, inside]
    return bool(squares > weights @ variances.sum(axis=0))


def _densities(blocks: Blocks, layout: Layout, plan: Plan) -> dict[str, np.ndarray]:
    densities: dict[str, np.ndarray] = {}
    for table in blocks:
        table = weighted_rows(table, plan.class_weights)
        for term in layout.terms:
            counted = count_density(term.axes, table.columns, table.weights)
            densities[term.name] = densities.get(term.name, 0.0) + counted
    return densities


def _ordered(
    members: Members, layout: Layout, densities, directions: Mapping[str, int]
) -> Members:
    """Members whose constrained terms are the nearest that do not turn."""
    if not directions:
        return members
    coefficients = members.coefficients.copy()
    for name, direction in directions.items():
        here = layout.slices[name]
        values = slice(here.start, here.stop - 1)
        weights = densities[name].ravel()[: here.stop - 1 - here.start]
        for index in np.ndindex(coefficients.shape[1:]):
            column = (values, *index)
            coefficients[column] = isotonic_regression(
                coefficients[column], sample_weight=weights + 1e-9, increasing=direction > 0
            )
    return replace(members, coefficients=coefficients)


def _helpful(
    members: Members,
    batches: MemberBatches,
    layout: Layout,
    family: Family,
    parts: Sequence[Part],
    densities: Mapping[str, np.ndarray],
) -> dict[str, bool]:
    """Which terms help: on rows that members did not draw, or beyond what is not known of them.

    In small tables neither alone is enough to tell a weak effect from none.
    """
    centre = members.coefficients.mean(axis=2)
    stand_out = [
        _stands_out(term.name, layout, centre, parts, densities[term.name])
        for term in layout.terms
    ]
    if all(stand_out):
        return dict.fromkeys((term.name for term in layout.terms), True)
    pieces, outcomes, weights, seen = [], [], [], 0
    for batch in batches:
        left_out = (batch.bags == 0).astype(np.float32)
        judges = left_out.sum(axis=1)
        used = judges > 0
        share = left_out[used] / judges[used, None]
        by_column = batch.rows[np.flatnonzero(used)].tocsc()
        piece = np.empty((int(used.sum()), len(layout.terms), members.intercept.shape[0]))
        for t, term in enumerate(layout.terms):
            here = layout.slices[term.name]
            own = members.coefficients[here].astype(np.float32)
            values = by_column[:, here] @ own.reshape(len(own), -1)
            piece[:, t] = np.einsum("nae,ne->na", values.reshape(-1, *own.shape[1:]), share)
        pieces.append(piece)
        outcomes.append(batch.y[used])
        weights.append(batch.weights[used])
        seen += len(batch.y)
        if seen >= SAMPLE_ROWS:
            break
    y = np.concatenate(outcomes)
    if len(y) < 2:
        return dict.fromkeys((term.name for term in layout.terms), True)
    kept = helpful_terms(
        np.concatenate(pieces),
        y,
        np.concatenate(weights),
        family,
        members.intercept.mean(axis=1),
    )
    return {
        term.name: bool(helps) or stands
        for term, helps, stands in zip(layout.terms, kept, stand_out, strict=True)
    }
