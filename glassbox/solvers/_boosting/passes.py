"""Passes over the rows: exact sums of residuals and curvatures, for all bags at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassbox.solvers._boosting._compiled import entry, inner
from glassbox.solvers._boosting.joint import JointRows
from glassbox.solvers._boosting.losses import Loss, pull
from glassbox.solvers._boosting.terms import Terms
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers._boosting.walk_cells import Joint

_BLOCK = 1_024
#: Rows that one task reads, and most tasks: sums over tasks are added in their order, so that
#: results do not depend on the number of threads.
_ROWS_PER_TASK = 4_096
_MOST_TASKS = 8


@dataclass(frozen=True)
class Rows:
    """What the rows hold beside their bins.

    Attributes
    ----------
    y, weights : ndarray of shape (n_rows,)
    draws : ndarray of uint8, shape (n_rows, n_bags)
        How often each bag has drawn each row; rows that it has not drawn tell it when to stop.
    base : ndarray of shape (1 or n_rows, n_bags * n_outputs)
        What is added to the scores that the tables give.
    """

    y: np.ndarray
    weights: np.ndarray
    draws: np.ndarray
    base: np.ndarray


@dataclass(frozen=True)
class Look:
    """What a pass over the rows has found.

    Attributes
    ----------
    pull : ndarray of shape (n_bags, n_outputs, n_cells)
        Sums of residuals.
    mass : ndarray of the same shape, or None
        Sums of curvatures, if they were asked for.
    losses : ndarray of shape (n_bags,)
        Mean loss over the rows that a bag holds out; 0 if there are none.
    """

    pull: np.ndarray
    mass: np.ndarray | None
    losses: np.ndarray


class RowPasses:
    """The rows of a table, and how they are read.

    Parameters
    ----------
    terms : Terms
    codes : ndarray of int, shape (n_terms, n_rows)
    rows : Rows
    loss : Loss
    threads : Threads

    Attributes
    ----------
    n_rows : int
    """

    def __init__(self, terms: Terms, codes: np.ndarray, rows: Rows, loss: Loss, threads: Threads):
        self._terms = terms
        self._codes = codes
        self._rows = rows
        self._loss = loss
        self._threads = threads
        self.n_rows, self._n_bags = rows.draws.shape
        n_tasks = min(_MOST_TASKS, max(1, self.n_rows // _ROWS_PER_TASK))
        edges = np.linspace(0, self.n_rows, n_tasks + 1).astype(int)
        self._tasks = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        self._active = list(range(self._n_bags))
        self._draws, self._base = rows.draws, rows.base

    def _keep(self, active: Sequence[int]) -> None:
        """Keep what the rows hold for some of the bags."""
        if list(active) != self._active:
            self._active = list(active)
            lanes = self._lanes(active)
            self._draws = np.ascontiguousarray(self._rows.draws[:, self._active])
            self._base = np.ascontiguousarray(self._rows.base[:, lanes])

    def _lanes(self, bags: Sequence[int]) -> np.ndarray:
        n_outputs = self._loss.n_outputs
        return np.add.outer(np.array(bags) * n_outputs, np.arange(n_outputs)).ravel()

    def look(self, tables: np.ndarray, active: Sequence[int], with_mass: bool) -> Look:
        """Read all rows once.

        Parameters
        ----------
        tables : ndarray of shape (n_bags, n_outputs, n_cells)
            Of all bags.
        active : sequence of int
            Bags that are looked at.
        with_mass : bool
        """
        self._keep(active)
        packed = _side_by_side(tables[self._active])
        n_cells, width = packed.shape
        n_bags = len(active)
        none = np.zeros((0, width))

        def read(task: tuple[int, int]) -> tuple:
            pulls = np.zeros((n_cells, width))
            masses = np.zeros((n_cells, width)) if with_mass else none
            losses, held_out = np.zeros(n_bags), np.zeros(n_bags)
            _read(
                self._terms.start, self._codes, packed, self._base, self._rows.y,
                self._rows.weights, self._draws, self._loss, task[0], task[1], pulls, masses,
                losses, held_out, none, none,
            )  # fmt: skip
            return pulls, masses, losses, held_out

        parts = self._threads.map(read, self._tasks)
        pulls, masses, losses, held_out = (
            sum(part[1:], part[0]) for part in zip(*parts, strict=True)
        )
        shape = (n_bags, self._loss.n_outputs, n_cells)
        return Look(
            np.ascontiguousarray(pulls.T).reshape(shape),
            np.ascontiguousarray(masses.T).reshape(shape) if with_mass else None,
            losses / np.where(held_out > 0, held_out, 1.0),
        )

    def scores(self, tables: np.ndarray) -> np.ndarray:
        """Scores of all rows, shape (n_rows, n_bags * n_outputs)."""
        packed = _side_by_side(tables)
        scores = np.empty((len(self._rows.y), packed.shape[1]))
        scores[:] = self._rows.base

        def add(task: tuple[int, int]) -> None:
            _add_tables(
                self._terms.start, self._codes, packed, task[0], task[1], scores[slice(*task)]
            )

        self._threads.map(add, self._tasks)
        return scores

    def row_sums(self, tables: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and curvatures of the first rows, summed over the bags that drew them.

        Returns
        -------
        residuals, curvatures : ndarray of shape (n_rows, n_outputs)
        """
        packed = _side_by_side(tables)
        sums = np.empty((2, n_rows, self._loss.n_outputs))

        none = np.zeros((0, packed.shape[1]))

        def read(task: tuple[int, int]) -> None:
            losses = np.zeros((2, self._n_bags))
            _read(
                self._terms.start, self._codes, packed, self._rows.base, self._rows.y,
                self._rows.weights, self._rows.draws, self._loss, task[0], min(task[1], n_rows),
                none, none, losses[0], losses[1], sums[0], sums[1],
            )  # fmt: skip

        self._threads.map(read, self._tasks)
        return sums[0], sums[1]

    def joint_rows(self, joint: Joint) -> JointRows:
        """The rows as the joint distribution of coarse cells is counted from them."""
        return JointRows(self._terms, joint, self._codes, self._threads)


def _side_by_side(tables: np.ndarray) -> np.ndarray:
    """Tables of bags and outputs in neighbouring columns, shape (n_cells, n_bags * n_outputs)."""
    n_bags, n_outputs, n_cells = tables.shape
    return np.ascontiguousarray(tables.reshape(n_bags * n_outputs, n_cells).T)


@entry
def _read(
    start, codes, tables, base, y, weights, draws, loss, first, end, pulls, masses, losses,
    held_out, row_pulls, row_masses,
):  # fmt: skip
    """Sums over the rows from `first` to `end`; those that have no room are not taken."""
    width = tables.shape[1]
    scores = np.empty((_BLOCK, width))
    residuals = np.empty((_BLOCK, width))
    curvatures = np.empty((_BLOCK, width))
    bits = np.empty(_BLOCK * width, np.int64)
    for here in range(first, end, _BLOCK):
        n = min(_BLOCK, end - here)
        _start_from(base, here, scores[:n])
        _add(start, codes, tables, here, scores[:n])
        pull(
            loss, y[here : here + n], weights[here : here + n], draws[here : here + n],
            scores[:n], bits[: n * width], residuals[:n], curvatures[:n], losses, held_out,
        )  # fmt: skip
        if len(pulls):
            _sum_up(start, codes, here, residuals[:n], pulls)
        if len(masses):
            _sum_up(start, codes, here, curvatures[:n], masses)
        if len(row_pulls):
            _sum_over_bags(residuals[:n], row_pulls[here : here + n])
            _sum_over_bags(curvatures[:n], row_masses[here : here + n])


@entry
def _add_tables(start, codes, tables, first, end, scores):
    """Add what the tables give to the scores of the rows from `first` to `end`."""
    for here in range(first, end, _BLOCK):
        n = min(_BLOCK, end - here)
        _add(start, codes, tables, here, scores[here - first : here - first + n])


@inner
def _start_from(base, first, scores):
    """Write the scores that the rows from `first` start from."""
    by_row = len(base) > 1
    for i in range(len(scores)):
        for b in range(scores.shape[1]):
            scores[i, b] = base[first + i, b] if by_row else base[0, b]


@inner
def _add(start, codes, tables, first, scores):
    """Add what the tables give to the scores of the rows from `first`."""
    for t in range(len(codes)):
        for i in range(len(scores)):
            cell = start[t] + codes[t, first + i]
            for b in range(tables.shape[1]):
                scores[i, b] += tables[cell, b]


@inner
def _sum_up(start, codes, first, values, sums):
    """Add the values of the rows from `first` to the sums of their cells."""
    for t in range(len(codes)):
        for i in range(len(values)):
            cell = start[t] + codes[t, first + i]
            for b in range(values.shape[1]):
                sums[cell, b] += values[i, b]


@inner
def _sum_over_bags(values, sums):
    """Write the sums over bags of what rows have for each bag and output."""
    n_outputs = sums.shape[1]
    for i in range(len(values)):
        for k in range(n_outputs):
            total = 0.0
            for b in range(k, values.shape[1], n_outputs):
                total += values[i, b]
            sums[i, k] = total
