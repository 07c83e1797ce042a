"""Directions that a change of the tables has broken, restored with the least change."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import reduce

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.refine import common_axis, refine
from glassbox.core.terms import Term
from glassbox.fairness._strategies.explained import Covariance, Explains, centred
from glassbox.solvers._program import solve_program
from glassbox.solvers.order import MonotoneOrder, directed_increments, linked

# Of the interior-point solver, in units of the largest coefficient.
_TOLERANCE = 1e-12


def in_order(
    changed: AdditiveModel,
    wished: AdditiveModel,
    columns: Columns,
    weights: np.ndarray,
    directions: Mapping[str, int],
    explains: Explains,
) -> AdditiveModel:
    """The changed model, with its declared directions kept.

    Parameters
    ----------
    changed : AdditiveModel
        Keeps its directions or not; where it does, it stays as it is.
    wished : AdditiveModel
        The same terms, before they were changed: the tables that are broken become those which
        differ least from these, in mean square over the rows.
    columns, weights
        Of the training table.
    directions : mapping of str to {-1, 0, 1}
    explains : callable
        From a term to columns with which it must not covary, or None.

    Returns
    -------
    AdditiveModel
        Terms that change have mean zero; the intercept is what it was.
    """
    directions = {n: sign for n, sign in directions.items() if sign and n in changed.features}
    if not directions:
        return changed
    certificate = monotonicity_certificate(changed, directions)
    broken = {row.feature for row in certificate.itertuples() if row.holds is not True}
    if not broken:
        return changed
    changed, wished = (_with_mains(model, directions) for model in (changed, wished))
    names = linked(broken, (term.features for term in changed.terms), directions)
    directions = {name: directions[name] for name in names}
    terms = [term for term in wished.terms if set(term.features) & names]
    found = [Covariance.of(t, columns, weights, explains(t)) for t in terms]
    mended = dict(zip([t.name for t in terms], _nearest(terms, found, directions), strict=True))
    replaced = (
        centred(term.replace(coefficients=mended[term.name].reshape(term.coefficients.shape)))
        if term.name in mended
        else term
        for term in changed.terms
    )
    return changed.replace(terms=tuple(replaced))


def _with_mains(model: AdditiveModel, directions: Mapping[str, int]) -> AdditiveModel:
    """Main effects for all features with a direction, with the knots of their pairs."""
    terms = {term.name: term for term in model.terms}
    for name in directions:
        axes = [axis for term in model.terms for axis in term.axes if axis.name == name]
        axis = reduce(common_axis, axes)
        if name in terms:
            terms[name] = refine(terms[name], [axis])
        else:
            pair = next(term for term in model.terms if name in term.features)
            density = pair.density.sum(axis=1 - pair.features.index(name))
            flat = Term((pair.axes[pair.features.index(name)],), np.zeros(len(density)))
            terms[name] = refine(flat.replace(density=density), [axis])
    return model.replace(terms=tuple(terms.values()))


def _nearest(
    terms: list[Term], found: list[Covariance], directions: Mapping[str, int]
) -> list[np.ndarray]:
    point = np.concatenate([term.coefficients.ravel() for term in terms])
    order = _Order(terms, directions)
    unit = np.abs(point).max() or 1.0
    size = max(np.diag(c.gram).max() for c in found)
    metric = sparse.block_diag([c.gram / size for c in found], format="csc")
    bound = sparse.block_diag([sparse.csr_array(c.bound()) for c in found], format="csc")
    spare = order.rows.shape[1] - len(point)
    cost = sparse.block_diag([metric, sparse.csc_array((spare, spare))], format="csc")
    bound = sparse.hstack([bound, sparse.csc_array((bound.shape[0], spare))])
    rows = sparse.vstack([bound, order.rows])
    solution = solve_program(
        sparse.triu(cost),
        -(cost @ np.append(point / unit, np.zeros(spare))),
        rows,
        np.zeros(rows.shape[0]),
        _TOLERANCE,
        n_equalities=bound.shape[0],
    )
    if not solution.solved:
        warnings.warn(
            f"The nearest monotone tables were not found ({solution.status}); those that are used "
            "are monotone, but may have changed more than needed.",
            ConvergenceWarning,
            stacklevel=2,
        )
    flat = order.settled(unit * solution.x[: len(point)])
    return np.split(flat, np.cumsum([term.coefficients.size for term in terms])[:-1])


class _Order:
    """Increments that must not be negative, and a last repair up to rounding."""

    def __init__(self, terms: list[Term], directions: Mapping[str, int]):
        self._alone = all(len(term.axes) == 1 for term in terms)
        if not self._alone:
            self._order = MonotoneOrder([term.axes for term in terms], directions)
            self.rows = self._order.lifted()
            return
        # Straight lines without an end are no harm where there are no pairs.
        axes = [term.axes[0] for term in terms]
        self._signs = [directions[axis.name] for axis in axes]
        self._sizes = [(axis.n_values, axis.size) for axis in axes]
        parts = [directed_increments(a, a, s) for a, s in zip(axes, self._signs, strict=True)]
        self.rows = sparse.csr_array(sparse.block_diag(parts))

    def settled(self, flat: np.ndarray) -> np.ndarray:
        if not self._alone:
            return self._order.settled(flat)
        flat, start = flat.copy(), 0
        for sign, (n_values, size) in zip(self._signs, self._sizes, strict=True):
            here = slice(start, start + n_values)
            flat[here] = sign * np.maximum.accumulate(sign * flat[here])
            start += size
        return flat
