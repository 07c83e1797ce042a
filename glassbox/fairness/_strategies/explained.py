"""What sensitive features explain of a term, taken out of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import linalg, sparse

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.terms import Term

# Rows that every coefficient has on top of its own, as a share of those of the average one:
# without any, it must not move at no cost.
_EMPTY_COEFFICIENT = 1e-3
# Directions in which a term hardly covaries with anything are those of rounding.
_NOTHING = 1e-10
_POLISHING_ROUNDS = 2

#: From a term to what it must not covary with, shape (n_rows, n_columns); None: to nothing.
Explains = Callable[[Term], np.ndarray | None]


@dataclass(frozen=True)
class Covariance:
    """How the coefficients of a term make its variance, and its covariance with columns.

    Attributes
    ----------
    gram : ndarray of shape (n_coefficients, n_coefficients)
        Mean of the products of the basis rows, and a little for each coefficient.
    cross : ndarray of shape (n_coefficients, n_columns)
        Mean of the products with the columns, which have mean zero.
    """

    gram: np.ndarray
    cross: np.ndarray

    @classmethod
    def of(
        cls, term: Term, columns: Columns, weights: np.ndarray, explaining: np.ndarray | None
    ) -> Covariance:
        """Of a term over the rows of a table."""
        rows = basis_rows(term, columns)
        share = weights / weights.sum()
        weighted = sparse.csr_array(rows.multiply(share[:, None]))
        gram = (weighted.T @ rows).toarray()
        gram[np.diag_indices_from(gram)] += _EMPTY_COEFFICIENT * np.trace(gram) / len(gram)
        if explaining is None:
            return cls(gram, np.zeros((len(gram), 0)))
        return cls(gram, weighted.T @ explaining)

    def bound(self) -> np.ndarray:
        """Orthonormal combinations of coefficients that must be zero, as rows."""
        left, sizes, _ = np.linalg.svd(self.cross, full_matrices=False)
        return left[:, sizes > _NOTHING * sizes.max(initial=0.0)].T


def basis_rows(term: Term, columns: Columns) -> sparse.csr_array:
    """Basis rows of a term, shape (n_rows, n_coefficients)."""
    located = [axis.locate(columns[axis.name]) for axis in term.axes]
    if len(located) == 1:
        return located[0].to_csr(term.shape[0])
    n_rows, size = len(located[0].first), int(np.prod(term.shape))
    places, values = [], []
    for offsets in product(*(range(rows.width) for rows in located)):
        position = [r.first + o for r, o in zip(located, offsets, strict=True)]
        places.append(np.ravel_multi_index(position, term.shape))
        weight = located[0].weight(offsets[0]) * located[1].weight(offsets[1])
        values.append(np.broadcast_to(weight, n_rows))
    starts = np.arange(n_rows + 1) * len(places)
    entries = np.column_stack(values).ravel(), np.column_stack(places).ravel(), starts
    return sparse.csr_array(entries, shape=(n_rows, size))


def without_explained(
    model: AdditiveModel, columns: Columns, weights: np.ndarray, explains: Explains
) -> AdditiveModel:
    """The model whose terms are uncorrelated with given columns.

    Parameters
    ----------
    model : AdditiveModel
    columns : mapping of str to ndarray
        Typed columns of the training table.
    weights : ndarray of shape (n_rows,)
    explains : callable
        From a term to columns of mean zero, shape (n_rows, n_columns), or None.

    Returns
    -------
    AdditiveModel
        Each term changed by as little as possible: in mean square over the rows, among functions
        of the term's own features on its own basis. Terms that change have mean zero; the
        intercept is what it was.

    Notes
    -----
    With basis rows B, columns Ψ, Gram matrix G = mean(BᵀB) and K = mean(BᵀΨ), the nearest
    coefficients with Kᵀc = 0 are c - G⁻¹K (KᵀG⁻¹K)⁻¹ Kᵀc: B G⁻¹K is E[Ψ | x] on the basis.
    """
    terms = []
    for term in model.terms:
        explaining = explains(term)
        if explaining is None or not explaining.shape[1]:
            terms.append(term)
            continue
        found = Covariance.of(term, columns, weights, explaining)
        table = term.coefficients.reshape(-1, term.n_outputs)
        cleaned = _uncorrelated(table, found).reshape(term.coefficients.shape)
        terms.append(centred(term.replace(coefficients=cleaned)))
    return model.replace(terms=tuple(terms))


def centred(term: Term) -> Term:
    """The term with mean zero under its density."""
    mean = np.tensordot(term.density, term.coefficients, axes=term.density.ndim)
    return term.replace(coefficients=term.coefficients - mean / term.density.sum())


def _uncorrelated(table: np.ndarray, found: Covariance) -> np.ndarray:
    bound = found.bound()
    if not len(bound):
        return table
    moves = linalg.solve(found.gram, bound.T, assume_a="pos")
    for _ in range(_POLISHING_ROUNDS):
        table = table - moves @ linalg.solve(bound @ moves, bound @ table, assume_a="pos")
    return table


def columns_by_term(
    whitened: Mapping[str, np.ndarray], names_of: Callable[[Term], list[str]]
) -> Explains:
    """What each term must not covary with, from the attributes that concern it."""

    def explains(term: Term) -> np.ndarray | None:
        parts = [whitened[name] for name in names_of(term) if name in whitened]
        return np.column_stack(parts) if parts else None

    return explains
