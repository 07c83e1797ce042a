"""Passes over the rows of a boosted table on a device of torch.

Steps in the space of bins do not depend on the number of rows and stay where they are; what reads
rows is done where the rows lie, for all bags at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from glassbox.nets._cell_sums import CellSums
from glassbox.nets._joint_rows import DeviceJointRows, n_sample_rows
from glassbox.nets._row_losses import slopes
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.passes import Look, Rows
from glassbox.solvers._boosting.terms import Terms
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers._boosting.walk_cells import Joint

#: Scores and cells that a block of rows holds at most. 32 MiB of scores suit the caches of
#: large devices, from which the sums that follow read them; that is a choice, not a measurement.
_MOST_SCORES = 2**22
_MOST_CELLS = 2**25


def row_passes_on(device: torch.device) -> Callable[..., DeviceRowPasses]:
    """What reads rows on a device.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    callable
        Takes what :class:`glassbox.solvers._boosting.passes.RowPasses` takes and returns a
        :class:`DeviceRowPasses`; the ``passes`` of :func:`glassbox.solvers.boosting.boost`.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.solvers._boosting.losses import Loss
    >>> from glassbox.solvers._boosting.passes import Rows
    >>> from glassbox.solvers._boosting.terms import BinnedFeature, main_effects
    >>> from glassbox.solvers._boosting.threads import Threads
    >>> terms, codes = main_effects([BinnedFeature(np.array([0, 1, 1], dtype=np.uint8), 2)])
    >>> draws = np.array([[1], [1], [0]], dtype=np.uint8)
    >>> rows = Rows(np.array([1.0, 3.0, 4.0]), np.ones(3), draws, np.zeros((1, 1)))
    >>> passes = row_passes_on(torch.device("cpu"))
    >>> reader = passes(terms, codes, rows, Loss.named("squared_error"), Threads(1))
    >>> look = reader.look(np.zeros((1, 1, 2)), [0], with_mass=False)
    >>> look.pull.tolist(), look.losses.tolist()
    ([[[1.0, 3.0]]], [16.0])
    """
    return partial(DeviceRowPasses, device)


class DeviceRowPasses:
    """The rows of a table on a device, and how they are read.

    Parameters
    ----------
    device : torch.device
    terms : Terms
    codes : ndarray of int, shape (n_terms, n_rows)
    rows : Rows
    loss : Loss
    threads : Threads
        Not needed: the device has its own.

    Attributes
    ----------
    n_rows : int

    Notes
    -----
    Everything is in double precision but the products behind the shares of coarse cells, which
    only steer the steps until the next pass. No sum depends on which thread comes first, so that
    a device gives the same results in every run; they differ from those of the compiled passes by
    the order of additions.

    The device holds, for each row and term, a code and, once sums have been asked for, a place of
    four bytes; for each row, a byte for each bag, the outcome, its weight, and the scores that
    the tables are added to, unless all rows start from the same. With codes of two bytes, 20
    terms and 14 bags these are 262 bytes, or 2.6 GB for ten million rows. What is computed on the
    way is held for one block of rows at a time, of at most 2**22 scores and 2**25 cells.
    """

    def __init__(
        self,
        device: torch.device,
        terms: Terms,
        codes: np.ndarray,
        rows: Rows,
        loss: Loss,
        threads: Threads,
    ):
        self._device = device
        self._terms = terms
        self._loss = loss
        self.n_rows, self._n_bags = rows.draws.shape
        self._codes = self._moved(_signed(codes))
        self._unsigned = int(np.iinfo(codes.dtype).max)
        self._start = self._moved(terms.start[:-1]).int()
        self._y = self._moved(rows.y.astype(np.float64, copy=False))
        self._weights = self._moved(rows.weights.astype(np.float64, copy=False))
        self._draws = self._moved(rows.draws)
        self._base = self._moved(rows.base)
        most = min(
            _MOST_SCORES // max(self._n_bags * loss.n_outputs, 1),
            _MOST_CELLS // max(terms.n_terms, 1),
        )
        self._rows_per_block = max(most, 1)
        self._sums: list[CellSums] = []

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
        bags = list(active)
        packed = self._side_by_side(tables[bags])
        pulls = torch.zeros_like(packed)
        masses = torch.zeros_like(packed) if with_mass else None
        losses, held_out = self._zeros(len(bags)), self._zeros(len(bags))
        for number, here in enumerate(self._blocks(self.n_rows)):
            cells = self._cells(here)
            if number == len(self._sums):
                self._sums.append(CellSums(cells, self._terms.n_cells))
            residuals, curvatures, values = self._pull(packed, here, cells, bags)
            left_out = self._weights[here, None] * (self._drawn(here, bags) == 0)
            losses += torch.where(left_out > 0.0, values, 0.0).mul_(left_out).sum(dim=0)
            held_out += left_out.sum(dim=0)
            pulls += self._sums[number](residuals.flatten(1))
            if masses is not None:
                masses += self._sums[number](curvatures.flatten(1))
        shape = (len(bags), self._loss.n_outputs, self._terms.n_cells)
        losses, held_out = losses.cpu().numpy(), held_out.cpu().numpy()
        return Look(
            _apart(pulls, shape),
            None if masses is None else _apart(masses, shape),
            losses / np.where(held_out > 0, held_out, 1.0),
        )

    def scores(self, tables: np.ndarray) -> np.ndarray:
        """Scores of all rows, shape (n_rows, n_bags * n_outputs)."""
        packed = self._side_by_side(tables)
        scores = np.empty((self.n_rows, packed.shape[1]))
        bags = range(self._n_bags)
        for here in self._blocks(self.n_rows):
            block = self._scores(packed, here, self._cells(here), bags)
            torch.from_numpy(scores[here]).copy_(block)
        return scores

    def row_sums(self, tables: np.ndarray, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Residuals and curvatures of the first rows, summed over the bags that drew them.

        Returns
        -------
        residuals, curvatures : ndarray of shape (n_rows, n_outputs)
        """
        packed = self._side_by_side(tables)
        sums = np.empty((2, n_rows, self._loss.n_outputs))
        bags = range(self._n_bags)
        for here in self._blocks(n_rows):
            found = self._pull(packed, here, self._cells(here), bags)
            for written, values in zip(sums, found[:2], strict=True):
                torch.from_numpy(written[here]).copy_(values.sum(dim=1))
        return sums[0], sums[1]

    def joint_rows(self, joint: Joint) -> DeviceJointRows:
        """The rows as the joint distribution of coarse cells is counted from them."""
        sizes = np.diff(self._terms.start)
        coarse_of = self._moved(joint.coarse_of + np.repeat(joint.start[:-1], sizes)).int()
        blocks = self._blocks(n_sample_rows(joint, self.n_rows))
        return DeviceJointRows(joint, torch.cat([coarse_of[self._cells(here)] for here in blocks]))

    def _blocks(self, n_rows: int) -> Iterator[slice]:
        """The first rows, a block at a time."""
        for first in range(0, n_rows, self._rows_per_block):
            yield slice(first, min(first + self._rows_per_block, n_rows))

    def _cells(self, here: slice) -> Tensor:
        """Cells of rows in tables of all terms, int32 of shape (n_rows, n_terms)."""
        codes = self._codes[:, here].int()
        if self._codes.dtype == torch.int16:
            codes &= self._unsigned
        return (codes + self._start[:, None]).t().contiguous()

    def _scores(self, packed: Tensor, here: slice, cells: Tensor, bags: Sequence[int]) -> Tensor:
        """Scores of shape (n_rows, len(bags) * n_outputs)."""
        base = self._base[here] if len(self._base) > 1 else self._base
        if len(bags) < self._n_bags:
            n_outputs = self._loss.n_outputs
            lanes = [b * n_outputs + k for b in bags for k in range(n_outputs)]
            base = base[:, lanes]
        if not self._terms.n_terms:
            return base.expand(len(cells), -1)
        return torch.nn.functional.embedding_bag(cells, packed, mode="sum").add_(base)

    def _pull(
        self, packed: Tensor, here: slice, cells: Tensor, bags: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Weighted residuals and curvatures by row, bag and output; losses without weights."""
        scores = self._scores(packed, here, cells, bags).unflatten(1, (len(bags), -1))
        residuals, curvatures, values = slopes(self._loss, self._y[here], scores)
        weights = self._weights[here, None] * self._drawn(here, bags)
        return residuals.mul_(weights[..., None]), curvatures.mul_(weights[..., None]), values

    def _drawn(self, here: slice, bags: Sequence[int]) -> Tensor:
        drawn = self._draws[here]
        return drawn if len(bags) == self._n_bags else drawn[:, list(bags)]

    def _side_by_side(self, tables: np.ndarray) -> Tensor:
        """Tables of bags and outputs in neighbouring columns, shape (n_cells, n_columns)."""
        n_bags, n_outputs, n_cells = tables.shape
        return self._moved(tables).reshape(n_bags * n_outputs, n_cells).t().contiguous()

    def _moved(self, array: np.ndarray) -> Tensor:
        return torch.tensor(array, device=self._device)

    def _zeros(self, size: int) -> Tensor:
        return torch.zeros(size, dtype=torch.float64, device=self._device)


def _signed(codes: np.ndarray) -> np.ndarray:
    """The same bits in types that torch computes with."""
    return codes.view({2: np.int16, 4: np.int32}.get(codes.dtype.itemsize, codes.dtype))


def _apart(packed: Tensor, shape: tuple[int, int, int]) -> np.ndarray:
    """Neighbouring columns as tables of bags and outputs."""
    return packed.t().contiguous().cpu().numpy().reshape(shape)
