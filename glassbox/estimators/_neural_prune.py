"""Which terms of a neural additive model help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from glassbox.core.layout import Layout
from glassbox.estimators._batches import SAMPLE_ROWS, MemberBatches
from glassbox.solvers._families import Family
from glassbox.solvers.adaptive import Part
from glassbox.solvers.garrote import helpful_terms
from glassbox.solvers.members import Members


def which_help(
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
        stands_out(term.name, layout, centre, parts, densities[term.name]) for term in layout.terms
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


def stands_out(
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
