"""How a neural additive model is learned: from blocks of rows to the coefficients of members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from glassbox.core.density import count_density
from glassbox.core.layout import Layout
from glassbox.estimators._batches import SAMPLE_ROWS, MemberBatches, sample_rows, weighted_rows
from glassbox.estimators._blocks import Blocks
from glassbox.estimators._neural_layout import lay_out
from glassbox.estimators._neural_order import in_order
from glassbox.estimators._neural_plan import Plan
from glassbox.estimators._neural_prune import which_help
from glassbox.estimators._neural_tables import Fitted, category_variances
from glassbox.solvers._families import Family
from glassbox.solvers.adaptive import (
    AdaptiveFit,
    fit_adaptive,
    more_informed,
    posterior,
    prior_parts,
)
from glassbox.solvers.members import Members, refit_members


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
        layout, adaptive = lay_out(blocks, sample, family, plan)
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
        parts, dispersion = prior_parts(
            layout, sample.columns, sample.y, sample.weights, family, plan.strengths
        )
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
    start = in_order(start, layout, densities, parts, plan.directions)
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
        helpful = which_help(members, batches, layout, family, parts, densities)
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
    start = in_order(start, layout, densities, parts, plan.directions)
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
        helps = which_help(members, batches, layout, family, parts, densities)
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


def _densities(blocks: Blocks, layout: Layout, plan: Plan) -> dict[str, np.ndarray]:
    densities: dict[str, np.ndarray] = {}
    for table in blocks:
        table = weighted_rows(table, plan.class_weights)
        for term in layout.terms:
            counted = count_density(term.axes, table.columns, table.weights)
            densities[term.name] = densities.get(term.name, 0.0) + counted
    return densities
