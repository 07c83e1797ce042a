"""Sums of what rows hold over the cells that they lie in, the same from run to run."""

from __future__ import annotations

import torch
from torch import Tensor

# Rows that one thread adds up: longer sums are taken in pieces, and so are the pieces.
_LONGEST_SUM = 64


class CellSums:
    """The rows of a block, sorted by their cells.

    Nothing is added where several threads write, as `index_add_` would on CUDA: each number is
    summed by one thread in an order of its own, so that results do not change from run to run.

    Parameters
    ----------
    cells : Tensor of int32, shape (n_rows, n_terms)
        A later term has higher cells than all earlier ones.
    n_cells : int
    """

    def __init__(self, cells: Tensor, n_cells: int):
        device = cells.device
        ordered, order = cells.t().sort(dim=1, stable=True)
        self._members = order.flatten().int()
        edges = torch.arange(n_cells + 1, dtype=torch.int32, device=device)
        firsts = torch.searchsorted(ordered.flatten(), edges)
        self._offsets = []
        while len(self._members) and int(firsts.diff().max()) > _LONGEST_SUM:
            pieces, firsts = _in_pieces(firsts)
            self._offsets.append(pieces)
        self._offsets.append(firsts.int())
        most = max((len(pieces) for pieces in self._offsets[:-1]), default=0)
        self._pieces = torch.arange(most, dtype=torch.int32, device=device)

    def __call__(self, values: Tensor) -> Tensor:
        """Sums of shape (n_cells, n_columns) of values of shape (n_rows, n_columns)."""
        members = self._members
        for offsets in self._offsets:
            values = torch.nn.functional.embedding_bag(
                members, values, offsets, mode="sum", include_last_offset=True
            )
            members = self._pieces[: len(values)]
        return values


def _in_pieces(firsts: Tensor) -> tuple[Tensor, Tensor]:
    """Where pieces of the sums start, and the first piece of each sum; the end of all is last."""
    n_pieces = -(-firsts.diff() // _LONGEST_SUM)
    first_pieces = torch.cat([n_pieces.new_zeros(1), n_pieces.cumsum(0)])
    number = torch.arange(int(first_pieces[-1]), device=firsts.device)
    within = number - first_pieces[:-1].repeat_interleave(n_pieces)
    starts = firsts[:-1].repeat_interleave(n_pieces) + within * _LONGEST_SUM
    return torch.cat([starts, firsts[-1:]]).int(), first_pieces
