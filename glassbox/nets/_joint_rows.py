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
    affordable = _MOST_PRODUCTS // max(int(joint.start[-1]) ** 2, 1)
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
        sums = self._sums(mass)
        alone = sums.diagonal()
        shares = torch.zeros_like(sums, dtype=torch.float32)
        starts = self._joint.start.tolist()
        for t, sums_up in enumerate(self._sums_up):
            here = slice(starts[t], starts[t + 1])
            given = sums[here].sum(dim=0)
            # Where no row is known to lie, rows may lie as all do.
            anywhere = alone[here, None] / _or_one(alone[here].sum())
            share = torch.where(given > 0.0, sums[here] / _or_one(given), anywhere)
            shares[here] = (sums_up @ share).float()
            shares[here, here] = 0.0
        torch.from_numpy(self._joint.shares).copy_(shares)

    def _sums(self, mass: np.ndarray) -> Tensor:
        """Masses of the rows in each two coarse cells."""
        n_coarse = int(self._joint.start[-1])
        device = self._coarse.device
        # Shares do not depend on the scale of the masses, single precision does.
        scaled = torch.tensor(mass / (mass.max(initial=0.0) or 1.0), device=device).float()
        sums = torch.zeros(n_coarse, n_coarse, dtype=torch.float64, device=device)
        size = max(_MOST_INDICATORS // max(n_coarse, 1), 1)
        for coarse, weights in zip(self._coarse.split(size), scaled.split(size), strict=True):
            lies = torch.zeros(len(coarse), n_coarse, device=device)
            lies.scatter_(1, coarse.long(), 1.0)
            sums += lies.t() @ (lies * weights[:, None])
        return sums


def _lower(size: int, device: torch.device) -> Tensor:
    return torch.ones(size, size, dtype=torch.float64, device=device).tril()


def _or_one(numbers: Tensor) -> Tensor:
    return torch.where(numbers > 0.0, numbers, 1.0)
