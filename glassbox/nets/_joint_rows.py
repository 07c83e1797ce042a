"""How the rows of one term's coarse cells lie among those of the others, counted on a device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from glassbox.solvers._boosting.walk_cells import Joint

#: Rows of the sample, and multiplications that one count may take.
_MOST_ROWS = 1_000_000
_MOST_PRODUCTS = 1_000_000_000_000
_FEWEST_ROWS = 10_000
#: Indicators of coarse cells that are held at a time: 128 MiB of them, and as much with masses.
_MOST_INDICATORS = 2**25


def n_sample_rows(joint: Joint, n_rows: int) -> int:
    """How many of the rows the shares are counted from."""
    affordable = _MOST_PRODUCTS // max(joint.shares.size, 1)
    return min(n_rows, _MOST_ROWS, max(affordable, _FEWEST_ROWS))


class DeviceJointRows:
    """The sample of rows from which shares are counted.

    Masses of rows that share two coarse cells are added up as products of indicators, in single
    precision by blocks of rows and in double precision over the blocks.

    Parameters
    ----------
    joint : Joint
        Its shares are written.
    coarse : Tensor of int32, shape (n_rows, n_terms)
        The coarse cells of each row, counted over all terms.
    """

    def __init__(self, joint: Joint, coarse: Tensor):
        self.n_rows = len(coarse)
        self._joint = joint
        self._coarse = coarse
        sizes = zip(joint.n_first.tolist(), joint.n_second.tolist(), strict=True)
        self._sums_up = [
            torch.kron(_lower(n_first, coarse.device), _lower(n_second, coarse.device))
            for n_first, n_second in sizes
        ]

    def count(self, mass: np.ndarray) -> None:
        """Write the shares.

        Parameters
        ----------
        mass : ndarray of shape (n_rows,)
            What each row of the sample counts.
        """
        # Shares do not depend on the scale of the masses, single precision does.
        scaled = torch.tensor(
            mass / (mass.max(initial=0.0) or 1.0), device=self._coarse.device
        ).float()
        for first, end in np.unique(self._joint.block, axis=0).tolist():
            shares = self._shares_in_block(scaled, first, end)
            torch.from_numpy(self._joint.shares[first:end, : end - first]).copy_(shares)

    def _shares_in_block(self, mass: Tensor, first: int, end: int) -> Tensor:
        """Shares between the coarse cells of a block."""
        starts = self._joint.start.tolist()
        terms = range(starts.index(first), starts.index(end))
        sums = self._sums(mass, terms, first, end)
        alone = sums.diagonal()
        shares = torch.zeros_like(sums, dtype=torch.float32)
        for t in terms:
            here = slice(starts[t] - first, starts[t + 1] - first)
            given = sums[here].sum(dim=0)
            # Where no row is known to lie, rows may lie as all do.
            anywhere = alone[here, None] / _or_one(alone[here].sum())
            share = torch.where(given > 0.0, sums[here] / _or_one(given), anywhere)
            shares[here] = (self._sums_up[t] @ share).float()
            shares[here, here] = 0.0
        return shares

    def _sums(self, mass: Tensor, terms: range, first: int, end: int) -> Tensor:
        """Masses of the rows in each two coarse cells of a block."""
        device = self._coarse.device
        sums = torch.zeros(end - first, end - first, dtype=torch.float64, device=device)
        size = max(_MOST_INDICATORS // (end - first), 1)
        own = self._coarse[:, terms.start : terms.stop]
        for coarse, weights in zip(own.split(size), mass.split(size), strict=True):
            lies = torch.zeros(len(coarse), end - first, device=device)
            lies.scatter_(1, coarse.long() - first, 1.0)
            sums += lies.t() @ (lies * weights[:, None])
        return sums


def _lower(size: int, device: torch.device) -> Tensor:
    return torch.ones(size, size, dtype=torch.float64, device=device).tril()


def _or_one(numbers: Tensor) -> Tensor:
    return torch.where(numbers > 0.0, numbers, 1.0)
