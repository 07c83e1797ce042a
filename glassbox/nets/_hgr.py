"""Maximal correlation (Hirschfeld, Gebelein, Renyi) on a grid of soft bins."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbox.nets._centred import by_group

# Standard deviations between two points of the grid, and the width of their kernels.
_WIDTH = 0.25
_FARTHEST = 4.0
_EMPTY = 1e-12


def maximal_correlation(scores: Tensor, shares: Tensor, sensitive) -> Tensor:
    """Square of the largest correlation of any function of the score with any of the attribute.

    Parameters
    ----------
    scores : Tensor of shape (n_rows, n_scores)
        Standardised.
    shares : Tensor of shape (n_rows, n_scores)
    sensitive : Sensitive

    Notes
    -----
    The second singular value of the joint density over the root of the product of the marginals
    (Mary, Calauzenes & El Karoui 2019, "Fairness-aware learning for continuous attributes and
    treatments", ICML). Each row spreads its weight over the points of a grid, so what is measured
    is exactly the correlation of these soft bins, and no more than that of the score itself.
    """
    mine = _bins(scores) * shares[..., None]
    if sensitive.kind == "categorical":
        joint = by_group(mine, sensitive.codes, sensitive.n_groups).permute(1, 2, 0)
    else:
        joint = torch.einsum("nmg,nh->mgh", mine, _bins(sensitive.values.to(scores.dtype)))
    joint = joint.double()
    if joint.shape[1] < joint.shape[2]:
        joint = joint.transpose(1, 2)
    first, second = joint.sum(dim=2), joint.sum(dim=1)
    ratio = joint * _root(first, inverse=True)[:, :, None] * _root(second, inverse=True)[:, None]
    # The first pair of singular vectors, of value one, is known: the constants.
    constant = _root(second)
    left = ratio.transpose(1, 2) @ ratio - constant[:, :, None] * constant[:, None]
    return torch.linalg.eigvalsh(left)[:, -1].to(scores.dtype)


def _root(density: Tensor, inverse: bool = False) -> Tensor:
    """The root of a density or its inverse, 0 where nobody is."""
    somebody = density > _EMPTY
    root = torch.where(somebody, density, 1.0)
    root = root.rsqrt() if inverse else root.sqrt()
    return torch.where(somebody, root, 0.0)


def _bins(values: Tensor) -> Tensor:
    """Shares of a row in the points of the grid."""
    n = int(2 * _FARTHEST / _WIDTH) + 1
    grid = torch.linspace(-_FARTHEST, _FARTHEST, n, dtype=values.dtype, device=values.device)
    return torch.softmax(-((values[..., None] - grid) / _WIDTH).square() / 2, dim=-1)
