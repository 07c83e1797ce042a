"""The order that directions put on coefficients: which tables make a model monotone.

A feature with a direction may take part in pairs. Where its pairs fall, its main effect must rise
by as much, whatever the values of its partners.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import sparse

from glassbox.core._slopes import is_linear
from glassbox.core.axes import Axis, CategoricalAxis
from glassbox.core.layout import consecutive
from glassbox.core.refine import common_axis, refinement_matrix


@dataclass(frozen=True)
class _Side:
    """A term, seen from one of its features.

    Attributes
    ----------
    here : slice
        Where its table is.
    increments : csr_array of shape (n_increments, axis size)
        Changes along the feature, in its direction, on the knots of all its terms.
    sizes : tuple of int
        Sizes of the term's axes.
    which : int
        Number of the feature's axis.
    """

    here: slice
    increments: sparse.csr_array
    sizes: tuple[int, ...]
    which: int

    def changes(self, flat: np.ndarray) -> np.ndarray:
        """Changes, shape (n_increments, number of values of the partner)."""
        table = flat[self.here].reshape(self.sizes)
        if len(self.sizes) == 1:
            return (self.increments @ table)[:, None]
        return self.increments @ (table if self.which == 0 else table.T)

    def positions(self, own: np.ndarray, partner: np.ndarray) -> np.ndarray:
        """Places of coefficients in the flat vector."""
        if len(self.sizes) == 1:
            return self.here.start + own
        first, second = (own, partner) if self.which == 0 else (partner, own)
        return self.here.start + first * self.sizes[1] + second


class MonotoneOrder:
    """Coefficients of terms under which features do not turn.

    Parameters
    ----------
    terms : sequence of tuple of Axis
        Axes of main effects and pairs of one score. A feature with a direction has a main effect,
        whose knots include those of its pairs.
    directions : mapping of str to {-1, 1}

    Notes
    -----
    Coefficients are handled as one flat vector: the tables of all terms, row by row, one after
    another. With main effect f and pairs g_k, a rising score needs, for every increment s of f,
    ``f[s+1] - f[s] + sum_k min_b (g_k[s+1, b] - g_k[s, b]) >= 0``, all on the knots of f, with
    *missing* and *unseen* among the values b of the partners. That is sufficient for all degrees
    and necessary for steps and straight lines. The set of such coefficients is convex.

    Examples
    --------
    >>> from glassbox.core.axes import CategoricalAxis, NumericAxis
    >>> age = NumericAxis("age", np.array([20.0, 50.0, 80.0]), degree=1)
    >>> sex = CategoricalAxis("sex", ("female", "male"))
    >>> order = MonotoneOrder([(age,), (age, sex)], {"age": 1})
    >>> pair = np.zeros((4, 4))
    >>> pair[:3, 1] = [0.0, -0.2, 0.0]
    >>> flat = np.concatenate([np.zeros(4), pair.ravel()])
    >>> order.slack(flat)["age"]
    array([-0.2,  0. ])
    >>> order.slack(order.settled(flat))["age"]
    array([0., 0.])
    """

    def __init__(self, terms: Sequence[tuple[Axis, ...]], directions: Mapping[str, int]):
        sizes = [(str(k), int(np.prod([a.size for a in axes]))) for k, axes in enumerate(terms)]
        #: Where the table of each term stands in the flat vector.
        self.slices = list(consecutive(sizes).values())
        self.size = self.slices[-1].stop if self.slices else 0
        found: dict[str, list[tuple[slice, tuple[Axis, ...], int]]] = {d: [] for d in directions}
        for here, axes in zip(self.slices, terms, strict=True):
            for which, axis in enumerate(axes):
                if axis.name in found:
                    found[axis.name].append((here, axes, which))
        self.directions = dict(directions)
        self._sides = {name: _sides(name, directions[name], found[name]) for name in found}

    def slack(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """What each increment has to spare where its partners leave the least, by feature."""
        return {
            name: sum(side.changes(flat).min(axis=1) for side in sides)
            for name, sides in self._sides.items()
        }

    def cuts(self, flat: np.ndarray, tolerance: float) -> sparse.csr_array:
        """Linear constraints that these coefficients violate.

        Parameters
        ----------
        flat : ndarray of shape (size,)
        tolerance : float

        Returns
        -------
        csr_array of shape (n_cuts, size)
            Coefficients that keep the order have non-negative products with each row. One row per
            violated increment: that of the worst values of its partners.
        """
        rows, columns, values = [], [], []
        n_cuts = 0
        for sides in self._sides.values():
            changes = [side.changes(flat) for side in sides]
            worst = [change.argmin(axis=1) for change in changes]
            least = sum(change.min(axis=1) for change in changes)
            violated = np.flatnonzero(least < -tolerance)
            for side, partner in zip(sides, worst, strict=True):
                picked = side.increments[violated].tocoo()
                rows.append(n_cuts + picked.row)
                columns.append(side.positions(picked.col, partner[violated[picked.row]]))
                values.append(picked.data)
            n_cuts += len(violated)
        if not n_cuts:
            return sparse.csr_array((0, self.size))
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_array(entries, shape=(n_cuts, self.size))

    def lifted(self) -> sparse.csr_array:
        """All constraints at once, with bounds as further unknowns.

        Returns
        -------
        csr_array of shape (n_rows, size + n_bounds)
            A vector is in order if and only if, for some bounds put behind it, its products with
            all rows are non-negative. A bound lies below the changes of one pair at one increment
            of a feature, whatever the value of the partner.
        """
        rows = _Rows(self.size)
        for sides in self._sides.values():
            totals = rows.more(sides[0].increments.shape[0])
            for side in sides:
                if len(side.sizes) == 1:
                    entries = side.increments.tocoo()
                    rows.put(totals[entries.row], side.here.start + entries.col, entries.data)
                    continue
                moving = np.flatnonzero(np.diff(side.increments.indptr))
                bounds = rows.unknowns(len(moving))
                rows.put(totals[moving], bounds, np.ones(len(moving)))
                entries = side.increments[moving].tocoo()
                for partner in range(side.sizes[1 - side.which]):
                    least = rows.more(len(moving))
                    places = side.positions(entries.col, np.full(len(entries.col), partner))
                    rows.put(least[entries.row], places, entries.data)
                    rows.put(least, bounds, -np.ones(len(moving)))
        return rows.matrix()

    def settled(self, flat: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Coefficients in order: main effects rise by what is lacking.

        Parameters
        ----------
        flat : ndarray of shape (size,)
        weights : ndarray of shape (size,), optional
            Under which the mean of a main effect stays what it was.
        """
        flat = flat.copy()
        for name, sides in self._sides.items():
            main, *pairs = sides
            lacking = -sum(side.changes(flat).min(axis=1) for side in pairs) if pairs else 0.0
            steps = np.maximum(main.changes(flat)[:, 0], lacking)
            here = slice(main.here.start, main.here.start + len(steps) + 1)
            before = flat[here]
            after = before[0] + self.directions[name] * np.append(0.0, np.cumsum(steps))
            share = np.ones(len(after)) if weights is None else weights[here]
            if not share.any():
                share = np.ones(len(after))
            flat[here] = after + np.average(before - after, weights=share)
        return flat


class _Rows:
    """A sparse matrix in the making."""

    def __init__(self, n_unknowns: int):
        self.n_rows, self.n_unknowns = 0, n_unknowns
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def more(self, n: int) -> np.ndarray:
        self.n_rows += n
        return np.arange(self.n_rows - n, self.n_rows)

    def unknowns(self, n: int) -> np.ndarray:
        self.n_unknowns += n
        return np.arange(self.n_unknowns - n, self.n_unknowns)

    def put(self, rows: np.ndarray, unknowns: np.ndarray, values: np.ndarray) -> None:
        self.entries.append((rows, unknowns, values))

    def matrix(self) -> sparse.csr_array:
        nothing = np.zeros((3, 0))
        rows, unknowns, values = np.hstack([nothing, *map(np.array, self.entries)])
        return sparse.csr_array((values, (rows, unknowns)), shape=(self.n_rows, self.n_unknowns))


def _sides(name: str, direction: int, found: list) -> list[_Side]:
    found = sorted(found, key=lambda item: len(item[1]))
    if not found or len(found[0][1]) != 1:
        raise ValueError(f"Feature {name!r} has a direction and no main effect to keep it.")
    axis = reduce(common_axis, [axes[which] for _, axes, which in found])
    if axis != found[0][1][0]:
        raise ValueError(f"Feature {name!r}: its main effect lacks knots of its pairs.")
    if isinstance(axis, CategoricalAxis) and not axis.ordered:
        raise ValueError(f"Feature {name!r} is an unordered category, which has no direction.")
    if any(is_linear(a) for _, axes, _ in found for a in axes):
        raise ValueError(
            f"Feature {name!r}: a straight line has no end, and pairs have no bound there."
        )
    sides = []
    for here, axes, which in found:
        steps = directed_increments(axes[which], axis, direction)
        sides.append(_Side(here, steps, tuple(a.size for a in axes), which))
    return sides


def directed_increments(coarse: Axis, fine: Axis, direction: int) -> sparse.csr_array:
    """Changes of a term over one axis from knot to knot of a finer one, in a direction.

    Returns
    -------
    csr_array of shape (fine.n_values - 1, coarse.size)
    """
    matrix = refinement_matrix(coarse, fine)[: fine.n_values]
    increments = sparse.csr_array(direction * (matrix[1:] - matrix[:-1]))
    increments.eliminate_zeros()
    return increments


def linked(
    names: set[str], terms: Iterable[tuple[str, ...]], directions: Mapping[str, int]
) -> set[str]:
    """These features, and those with a direction that pairs tie them to.

    Parameters
    ----------
    names : set of str
    terms : iterable of tuple of str
        Features of each term.
    directions : mapping of str to {-1, 1}

    Examples
    --------
    >>> sorted(linked({"a"}, [("a", "b"), ("b", "c"), ("c",)], {"a": 1, "b": 1}))
    ['a', 'b']
    """
    terms, found = [set(features) for features in terms], set()
    while found != names:
        found = names
        tied = set().union(*(features for features in terms if features & names))
        names = names | (tied & set(directions))
    return found
