"""Gaussian kernels as a few cosines: what kernels say of independence, without pairs of rows."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbox.nets._centred import PairSums, by_group, group_sums

# Frequencies of the kernel exp(-d²/2), d in standard deviations. A sum over evenly spaced
# frequencies is the kernel repeated every 2 pi / spacing = 38 standard deviations; what lies
# beyond the largest weighs less than 1e-6.
_N_FREQUENCIES = 32
_SPACING = 5.25 / _N_FREQUENCIES


def features(values: Tensor) -> Tensor:
    """Columns whose products are the kernel: shape (..., 65) for values of shape (...)."""
    frequency = _SPACING * torch.arange(
        _N_FREQUENCIES + 1, dtype=values.dtype, device=values.device
    )
    density = torch.exp(-frequency.square() / 2)
    density[1:] *= 2
    size = (density / density.sum()).sqrt()
    angle = values[..., None] * frequency
    return torch.cat([size * angle.cos(), (size * angle.sin())[..., 1:]], dim=-1)


def kernel_sums(scores: Tensor, shares: Tensor, sensitive) -> tuple[PairSums, ...]:
    """Sums of one minus the kernels: of scores and attribute, and of each with itself.

    Notes
    -----
    The Hilbert-Schmidt independence criterion is the distance covariance of these semimetrics
    (Sejdinovic et al. 2013, "Equivalence of distance-based and RKHS-based statistics in
    hypothesis testing", Annals of Statistics 41:2263). In double precision, as distances.
    """
    shares = shares.double()
    p = shares.t()
    here = features(scores.double().t())
    if sensitive.kind == "categorical":
        there = _Groups(sensitive.codes, sensitive.n_groups)
        own = group_sums(sensitive.codes, sensitive.n_groups, shares)
    else:
        there = _Columns(features(sensitive.values.double()))
        own = _sums(there.columns.expand(len(p), -1, -1), there, p)
    return _sums(here, there, p), _sums(here, _Columns(here), p), own


class _Columns:
    """The other side as features, shape (n_rows, n_features) or with one such table per score."""

    def __init__(self, columns: Tensor):
        self.columns = columns

    def sums(self, weights: Tensor) -> Tensor:
        return (weights[:, None] @ self.columns)[:, 0]

    def rows(self, sums: Tensor) -> Tensor:
        return (self.columns @ sums[..., None])[..., 0]

    def products(self, weighted: Tensor) -> Tensor:
        return weighted.transpose(1, 2) @ self.columns


class _Groups:
    """The other side as groups: features are indicators that are never written down."""

    def __init__(self, codes: Tensor, n_groups: int):
        self.codes, self.n_groups = codes, n_groups

    def sums(self, weights: Tensor) -> Tensor:
        return by_group(weights.t(), self.codes, self.n_groups).t()

    def rows(self, sums: Tensor) -> Tensor:
        return sums[:, self.codes]

    def products(self, weighted: Tensor) -> Tensor:
        return by_group(weighted.transpose(0, 1), self.codes, self.n_groups).permute(1, 2, 0)


def _sums(here: Tensor, there, p: Tensor) -> PairSums:
    q = p.square()
    mine, other = {}, {}
    products = {}
    for name, weights in (("p", p), ("q", q)):
        mine[name] = (weights[:, None] @ here)[:, 0]
        other[name] = there.sums(weights)
        products[name] = there.products(here * weights[..., None])
    rows = 1 - (here @ mine["p"][..., None])[..., 0]
    partners = 1 - there.rows(other["p"])
    totals = {"p": p.sum(dim=1), "q": q.sum(dim=1)}

    def pairs(u: str, v: str) -> Tensor:
        return (
            totals[u] * totals[v]
            - (mine[u] * mine[v]).sum(dim=1)
            - (other[u] * other[v]).sum(dim=1)
            + (products[u] * products[v]).sum(dim=(1, 2))
        )

    return PairSums(
        pp=pairs("p", "p"),
        pq=pairs("p", "q"),
        qq=pairs("q", "q"),
        p_rows=(p * rows * partners).sum(dim=1),
        q_rows=(q * rows * partners).sum(dim=1),
        totals=(p * rows).sum(dim=1) * (p * partners).sum(dim=1),
    )
