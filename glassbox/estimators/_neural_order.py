"""Members whose features do not turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from glassbox.core.layout import Layout
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Members
from glassbox.solvers.nearest import nearest_in_order
from glassbox.solvers.order import MonotoneOrder

# Of the largest coefficient: no patient would notice.
_TOLERANCE = 4e-4


def in_order(
    members: Members,
    layout: Layout,
    densities: Mapping[str, np.ndarray],
    parts: Sequence[Part],
    directions: Mapping[str, int],
) -> Members:
    """The nearest members that keep the directions, under what the data say of them.

    Distances are those of the quadratic approximation to each member's own penalised fit: the
    nearest member in order is the fit under the constraints.
    """
    if not directions:
        return members
    order = MonotoneOrder([term.axes for term in layout.terms], directions)
    density = np.concatenate([densities[term.name].ravel() for term in layout.terms])
    slots = np.concatenate(
        [here.start + term.slots for here, term in zip(order.slices, layout.terms, strict=True)]
    )
    known = all(part.inverse.any() for part in parts)
    loose = 1 / (density[slots] + 1e-3 * max(density.max(), 1e-300))

    def spread(cuts: sparse.csr_array) -> np.ndarray:
        if not known:
            return loose[:, None] * cuts.T.toarray()
        moves = np.empty((layout.n_columns, cuts.shape[0]))
        for part in parts:
            moves[part.here] = part.inverse[0] @ cuts[:, part.here].T.toarray()
        return moves

    coefficients = nearest_in_order(
        members.coefficients[:, 0], order, spread, slots, np.maximum(density, 0.0), _TOLERANCE
    )
    return replace(members, coefficients=coefficients[:, None])
