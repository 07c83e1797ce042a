"""From sums over pairs of rows to the covariance of two dissimilarities, biased or unbiased."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Below that there are no four rows to draw.
_TOO_FEW = 1e-6
# Groups whose indicators may be written down.
_FEW_GROUPS = 64


@dataclass(frozen=True)
class PairSums:
    """Sums over pairs of rows of the product of two dissimilarities a and b.

    A row of index i weighs p_i (shares, which sum to one) or q_i = p_i²; A_i and B_i are the
    means of a and b over all partners of row i.

    Attributes
    ----------
    pp, pq, qq : Tensor of shape (n_scores,)
        Sums of p_i p_j a_ij b_ij, of p_i q_j a_ij b_ij, and of q_i q_j a_ij b_ij.
    p_rows, q_rows : Tensor of shape (n_scores,)
        Sums of p_i A_i B_i and of q_i A_i B_i.
    totals : Tensor of shape (n_scores,)
        Mean of A times mean of B.
    """

    pp: Tensor
    pq: Tensor
    qq: Tensor
    p_rows: Tensor
    q_rows: Tensor
    totals: Tensor

    def covariance(self, shares: Tensor, unbiased: bool) -> Tensor:
        """The covariance of a and b after double centring.

        Parameters
        ----------
        shares : Tensor of shape (n_rows, n_scores)
        unbiased : bool
            The V-statistic is that of the weighted rows as if they were the population. The
            U-statistic leaves out tuples in which a row occurs twice (for equal weights it is
            the U-centred product of Szekely & Rizzo 2014) and has mean zero under independence.
        """
        if not unbiased:
            return self.pp - 2 * self.p_rows + self.totals
        p2, p3, p4 = (shares.pow(k).sum(dim=0) for k in (2, 3, 4))
        four = 1 - 6 * p2 + 3 * p2**2 + 8 * p3 - 6 * p4
        enough = four > _TOO_FEW
        pairs = torch.where(enough, 1 - p2, 1.0)
        triples = torch.where(enough, 1 - 3 * p2 + 2 * p3, 1.0)
        four = torch.where(enough, four, 1.0)
        found = (
            self.pp / pairs
            - 2 * (self.p_rows - self.pq) / triples
            + (self.totals - 4 * self.q_rows + 2 * self.qq) / four
        )
        return torch.where(enough, found, 0.0)


def group_sums(codes: Tensor, n_groups: int, shares: Tensor) -> PairSums:
    """Sums of the discrete metric (0 within a group, 1 between two) with itself."""
    squares = shares.square()
    p, q = (by_group(values, codes, n_groups) for values in (shares, squares))
    rows = 1 - p[codes]
    q_total = squares.sum(dim=0)
    return PairSums(
        pp=1 - p.square().sum(dim=0),
        pq=q_total - (p * q).sum(dim=0),
        qq=q_total**2 - q.square().sum(dim=0),
        p_rows=(shares * rows.square()).sum(dim=0),
        q_rows=(squares * rows.square()).sum(dim=0),
        totals=(shares * rows).sum(dim=0).square(),
    )


def by_group(values: Tensor, codes: Tensor, n_groups: int) -> Tensor:
    """Sums of rows by group, shape (n_groups, ...)."""
    if n_groups <= _FEW_GROUPS:
        # A product adds up in blocks: faster, closer in single precision, and on CUDA repeatable.
        groups = torch.arange(n_groups, device=codes.device)[:, None]
        sums = (groups == codes).to(values.dtype) @ values.flatten(1)
        return sums.view(n_groups, *values.shape[1:])
    sums = values.new_zeros(n_groups, *values.shape[1:], dtype=torch.float64)
    return sums.index_add(0, codes, values.double()).to(values.dtype)
