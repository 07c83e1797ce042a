"""The design: which columns the terms of a model have, and how they are penalised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from glassbox.core.additive import Columns, row_blocks
from glassbox.core.axes import Axis, BasisRows, CategoricalAxis, NumericAxis
from glassbox.core.density import count_density
from glassbox.core.layout import TermColumns, consecutive
from glassbox.core.terms import PAIR_SEPARATOR
from glassbox.solvers._penalties import NaturalBasis, natural_basis

#: Entries of a dense block of basis rows: 8 MB, which stays in a processor's cache.
_BLOCK_ENTRIES = 2**20


@dataclass(frozen=True)
class Smoothing:
    """One smoothing parameter: what it holds down, and where.

    Attributes
    ----------
    kind : {"curve", "line", "level", "missing", "pair", "pair line"}
        Curvature of a numeric term; slopes of all numeric terms; differences between the
        categories of a term; all missing slots; one side of a pair; slopes of all pairs.
    term : str or None
        None where the terms of the model share the parameter.
    side : int
        Which axis of a pair.
    """

    kind: str
    term: str | None = None
    side: int = 0


@dataclass(frozen=True)
class TermDesign(TermColumns):
    """Columns of one term, and how they are penalised.

    Attributes
    ----------
    axes : tuple of Axis
    transform : ndarray of shape (n_columns, n_natural)
        From natural coordinates to columns.
    penalties : dict of Smoothing to ndarray of shape (n_natural,)
        Diagonal penalties in natural coordinates.
    """

    transform: np.ndarray
    penalties: dict[Smoothing, np.ndarray]


@dataclass(frozen=True)
class Design:
    """An intercept column, then the columns of every term.

    Attributes
    ----------
    terms : tuple of TermDesign
    """

    terms: tuple[TermDesign, ...]

    @property
    def n_columns(self) -> int:
        """Number of columns, the intercept included."""
        return 1 + sum(term.n_columns for term in self.terms)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where the columns of each term are."""
        return consecutive(((t.name, t.n_columns) for t in self.terms), start=1)

    @cached_property
    def natural_slices(self) -> dict[str, slice]:
        """Where the natural coordinates of each term are."""
        return consecutive(((t.name, t.transform.shape[1]) for t in self.terms), start=1)

    @cached_property
    def transform(self) -> sparse.csr_array:
        """From the natural coordinates of the model to its columns."""
        blocks = [np.ones((1, 1)), *(term.transform for term in self.terms)]
        return sparse.csr_array(sparse.block_diag(blocks))

    @cached_property
    def penalties(self) -> dict[Smoothing, np.ndarray]:
        """Diagonal penalties over the natural coordinates of the model."""
        penalties: dict[Smoothing, np.ndarray] = {}
        for term in self.terms:
            here = self.natural_slices[term.name]
            for smoothing, diagonal in term.penalties.items():
                if diagonal.any():
                    whole = penalties.setdefault(smoothing, np.zeros(self.transform.shape[1]))
                    whole[here] += diagonal
        return penalties

    def blocks(self, columns: Columns, n_rows: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Row slices and the dense basis rows there.

        The array is used again for the next block: a caller may overwrite it, not keep it.
        """
        block_rows = max(64, _BLOCK_ENTRIES // self.n_columns)
        store = np.zeros((min(block_rows, n_rows), self.n_columns))
        for rows in row_blocks(n_rows, block_rows):
            block = store[: rows.stop - rows.start]
            self._fill(block, columns, rows)
            yield rows, block

    def _fill(self, block: np.ndarray, columns: Columns, rows: slice) -> None:
        block.fill(0.0)
        block[:, 0] = 1.0
        flat = block.reshape(-1)
        row_starts = np.arange(len(block)) * self.n_columns
        located: dict[int, BasisRows] = {}
        for term in self.terms:
            for axis in term.axes:
                if id(axis) not in located:
                    located[id(axis)] = axis.locate(columns[axis.name][rows])
            starts = row_starts + self.slices[term.name].start
            for column, weight in term.touched([located[id(axis)] for axis in term.axes]):
                flat[starts + column] = weight


@dataclass(frozen=True)
class AxisSummary:
    """What the training rows say about one axis.

    Attributes
    ----------
    density : ndarray of shape (axis size,)
        Column sums of the weighted basis rows.
    variance : float
        Weighted variance of a numeric column (0 for categories).
    """

    density: np.ndarray
    variance: float = 0.0

    @classmethod
    def of(cls, axis: Axis, column: np.ndarray, weights: np.ndarray) -> AxisSummary:
        """Summarise one typed column."""
        density = count_density([axis], {axis.name: column}, weights)
        if isinstance(axis, CategoricalAxis):
            return cls(density)
        present = ~np.isnan(column)
        if not present.any():
            return cls(density)
        values = column[present]
        if values.min() == values.max():
            return cls(density)
        mean = np.average(values, weights=weights[present])
        return cls(density, float(np.average((values - mean) ** 2, weights=weights[present])))


def make_design(
    mains: Iterable[Axis],
    pairs: Iterable[tuple[Axis, Axis]],
    summaries: Mapping[int, AxisSummary],
    *,
    shrink_lines: bool,
) -> Design:
    """Lay out main effects and pairs.

    Parameters
    ----------
    mains : iterable of Axis
        Axes of the main effects.
    pairs : iterable of pairs of Axis
        Axes of the pairs.
    summaries : mapping of int to AxisSummary
        By ``id(axis)``.
    shrink_lines : bool
        Whether straight lines are penalised too (with smoothing parameters of their own), and
        pairs left without their main effects. If not, the columns and penalties are pyGAM's.

    Returns
    -------
    Design
    """
    terms = [_main(axis, summaries[id(axis)], shrink_lines) for axis in mains]
    for first, second in pairs:
        summary = summaries[id(first)], summaries[id(second)]
        terms.append(_pair((first, second), summary, shrink_lines))
    return Design(tuple(terms))


def _natural(axis: Axis, summary: AxisSummary, centred: bool) -> NaturalBasis:
    return natural_basis(axis, summary.density[: axis.n_values], summary.variance, centred)


def _main(axis: Axis, summary: AxisSummary, shrink_lines: bool) -> TermDesign:
    numeric = isinstance(axis, NumericAxis)
    basis = _natural(axis, summary, centred=numeric)
    n_values, n_natural = basis.transform.shape
    transform = np.zeros((n_values + 1, n_natural + 1))
    transform[:-1, :-1] = basis.transform
    transform[-1, -1] = 1.0
    kind = "curve" if numeric else "level"
    penalties = {
        Smoothing(kind, axis.name): np.append(basis.cost, 0.0),
        Smoothing("missing"): np.append(np.zeros(n_natural), 1.0),
    }
    if shrink_lines:
        penalties[Smoothing("line")] = np.append(basis.line, 0.0)
    return TermDesign((axis,), transform, penalties)


def _pair(
    axes: tuple[Axis, Axis], summaries: tuple[AxisSummary, AxisSummary], shrink_lines: bool
) -> TermDesign:
    first, second = (
        _natural(axis, summary, centred=shrink_lines)
        for axis, summary in zip(axes, summaries, strict=True)
    )
    name = PAIR_SEPARATOR.join(axis.name for axis in axes)
    ones = np.ones(len(first.cost)), np.ones(len(second.cost))
    penalties = {
        Smoothing("pair", name, 0): np.kron(first.cost, ones[1]),
        Smoothing("pair", name, 1): np.kron(ones[0], second.cost),
    }
    if shrink_lines:
        penalties[Smoothing("pair line")] = np.kron(first.line, second.line)
    return TermDesign(axes, np.kron(first.transform, second.transform), penalties)
