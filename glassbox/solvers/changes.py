"""Smooth changes of a model's tables: few numbers per term, whatever its resolution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from scipy import linalg, sparse

from glassbox.core.additive import Columns, row_blocks
from glassbox.core.axes import Axis
from glassbox.core.layout import consecutive
from glassbox.core.terms import Term

# Anchors of a main effect, and of one side of a pair.
_MAIN_ANCHORS = 24
_PAIR_ANCHORS = 5
# Stretches of a shape with a direction that can be made flatter on their own.
_STRETCHES = 8
# Rows whose dense basis fits the processor's cache.
_BLOCK_ROWS = 2_048
# Weights of the size of a change and of its roughness, per unit of information.
_SIZE = 1e-3
_ROUGHNESS = 0.05
# Per unit of the weight of all rows: coefficients without rows stay where they are.
_RIDGE = 1e-6


@dataclass(frozen=True)
class AxisChange:
    """Changes along one axis: straight lines between anchors, in the order of the rows.

    Parameters
    ----------
    matrix : csr_array of shape (axis.size, n_anchors)
        From changes at the anchors to those of the coefficients. *Missing* is an anchor, and so
        is every category; *unseen* never changes.
    roughness : ndarray of shape (n_anchors, n_anchors)
        Quadratic form: squared second differences of the values in order.
    """

    matrix: sparse.csr_array
    roughness: np.ndarray

    @classmethod
    def of(cls, axis: Axis, density: np.ndarray, most: int) -> AxisChange:
        """Anchors where the rows are.

        Parameters
        ----------
        axis : NumericAxis or CategoricalAxis
        density : ndarray of shape (axis.size,)
        most : int
            Anchors of the values; categories without an order have one each.
        """
        n_values = axis.n_values
        if axis.unseen_index is not None:
            values = np.eye(n_values)
        else:
            values = _hats(density[:n_values], most)
        n_anchors = values.shape[1]
        matrix = np.zeros((axis.size, n_anchors + 1))
        matrix[:n_values, :n_anchors] = values
        matrix[axis.missing_index, n_anchors] = 1.0
        roughness = np.zeros((n_anchors + 1,) * 2)
        in_order = axis.unseen_index is None or axis.ordered
        if in_order and n_anchors > 2:
            bends = np.diff(np.eye(n_anchors), n=2, axis=0)
            roughness[:n_anchors, :n_anchors] = bends.T @ bends
        return cls(sparse.csr_array(matrix), roughness)

    @property
    def n_anchors(self) -> int:
        """Number of anchors."""
        return self.matrix.shape[1]

    def flattening(self, shape: np.ndarray, n_values: int) -> AxisChange:
        """With more changes, each of which follows a stretch of a shape itself.

        Where a shape that may not turn is flat, nothing can be taken off it by straight lines;
        taken off in proportion to itself, it stays in order.

        Parameters
        ----------
        shape : ndarray of shape (axis.size,)
        n_values : int
        """
        steps = np.diff(shape[:n_values])
        places = np.arange(len(steps)) * _STRETCHES // max(len(steps), 1)
        more = np.zeros((len(shape), _STRETCHES))
        for stretch in range(_STRETCHES):
            more[1:n_values, stretch] = np.cumsum(np.where(places == stretch, steps, 0.0))
        more = more[:, np.ptp(more, axis=0) > 0]
        return AxisChange(
            sparse.csr_array(sparse.hstack([self.matrix, more])),
            linalg.block_diag(self.roughness, np.zeros((more.shape[1],) * 2)),
        )


def _hats(density: np.ndarray, most: int) -> np.ndarray:
    """Straight lines between anchors, over the share of rows below each coefficient."""
    if len(density) <= most:
        return np.eye(len(density))
    total = density.sum()
    share = density / total if total > 0 else np.full(len(density), 1 / len(density))
    # Half by rows and half by coefficients: a tail with few rows has a shape as well.
    share = (share + 1 / len(density)) / 2
    middle = np.cumsum(share) - share / 2
    anchors = np.linspace(middle[0], middle[-1], most)
    return np.column_stack([np.interp(middle, anchors, hat) for hat in np.eye(most)])


class Changes:
    """Changes of the intercept and of all tables of a model, as one vector per output.

    The first number of the vector belongs to the intercept.

    Parameters
    ----------
    terms : sequence of Term
        With their densities.
    directed : mapping of str to ndarray of shape (axis.size,)
        Shapes of the main effects that may not turn.

    Attributes
    ----------
    slices : dict of str to slice
        Where the tables stand in the flat vector of all coefficients, by term.
    size : int
        Of that flat vector.
    n_unknowns : int

    Examples
    --------
    >>> from glassbox.core.axes import CategoricalAxis
    >>> sex = CategoricalAxis("sex", ("female", "male"))
    >>> changes = Changes([Term((sex,), np.zeros(4), density=np.array([5.0, 3, 0, 0]))])
    >>> changes.n_unknowns, changes.tables(np.array([9.0, 1.0, 2.0, 0.0])).tolist()
    (4, [1.0, 2.0, 0.0, 0.0])
    """

    def __init__(self, terms: Sequence[Term], directed: Mapping[str, np.ndarray] | None = None):
        self.terms = tuple(terms)
        self._axes = [
            [
                AxisChange.of(axis, _marginal(term, which), _most(term))
                for which, axis in enumerate(term.axes)
            ]
            for term in self.terms
        ]
        for term, sides in zip(self.terms, self._axes, strict=True):
            if term.name in (directed or {}):
                n_values = term.axes[0].n_values
                sides[0] = sides[0].flattening(directed[term.name], n_values)
        sizes = [(term.name, int(np.prod(term.shape))) for term in self.terms]
        self.slices = consecutive(sizes)
        self.size = sum(size for _, size in sizes)

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """From unknowns to the flat vector of all coefficients, shape (size, n_unknowns)."""
        blocks = [sparse.csr_array((0, 1)), *self._matrices]
        return sparse.csr_array(sparse.block_diag(blocks, format="csr"))

    @cached_property
    def _matrices(self) -> list[sparse.csr_array]:
        """From unknowns to coefficients, term by term."""
        return [
            reduce(lambda a, b: sparse.kron(a, b, format="csr"), [s.matrix for s in sides])
            for sides in self._axes
        ]

    @property
    def n_unknowns(self) -> int:
        """Number of unknowns of one output."""
        return self.matrix.shape[1]

    @cached_property
    def penalty(self) -> np.ndarray:
        """Size and roughness of a change as a quadratic form, per unit of information.

        Shape (n_unknowns, n_unknowns). A change by one everywhere costs what one row in a
        thousand would say against it; one that goes to and fro from anchor to anchor costs most.
        """
        blocks = [np.zeros((1, 1))]
        for term, sides, matrix in zip(self.terms, self._axes, self._matrices, strict=True):
            share = term.density.ravel() / max(term.density.sum(), 1e-300)
            touched = np.asarray(abs(matrix).T @ share)
            size = np.diag(_SIZE * touched + _RIDGE)
            rough = sides[0].roughness / sides[0].n_anchors
            if len(sides) == 2:
                ones = [np.eye(side.n_anchors) / side.n_anchors for side in sides]
                rough = np.kron(rough, ones[1]) + np.kron(
                    ones[0], sides[1].roughness / sides[1].n_anchors
                )
            blocks.append(size + _ROUGHNESS * rough)
        return linalg.block_diag(*blocks)

    def tables(self, unknowns: np.ndarray) -> np.ndarray:
        """Changes of all coefficients, flat; of one output or, as columns, of several."""
        return self.matrix @ unknowns

    def blocks(self, columns: Columns, n_rows: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows and what each unknown adds to their scores, some at a time."""
        for rows in row_blocks(n_rows, _BLOCK_ROWS):
            yield rows, self.rows({name: column[rows] for name, column in columns.items()})

    def rows(self, columns: Columns) -> np.ndarray:
        """What each unknown adds to the score of each row, shape (n_rows, n_unknowns)."""
        n_rows = len(next(iter(columns.values())))
        parts = [np.ones((n_rows, 1))]
        for term, sides in zip(self.terms, self._axes, strict=True):
            part = None
            for axis, side in zip(term.axes, sides, strict=True):
                located = axis.locate(np.ascontiguousarray(columns[axis.name]))
                here = (located.to_csr(axis.size) @ side.matrix).toarray()
                part = here if part is None else _products(part, here)
            parts.append(part)
        return np.hstack(parts)


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)


def _marginal(term: Term, which: int) -> np.ndarray:
    return term.density if len(term.axes) == 1 else term.density.sum(axis=1 - which)


def _most(term: Term) -> int:
    return _MAIN_ANCHORS if len(term.axes) == 1 else _PAIR_ANCHORS
