"""Differentiable measures of how much a score depends on a sensitive feature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from glassbox.core.penalty_options import MEASURES
from glassbox.nets._centred import by_group
from glassbox.nets._energy import distance_sums
from glassbox.nets._hgr import maximal_correlation
from glassbox.nets._kernels import features, kernel_sums

# A variance below that share of the largest square is rounding.
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Sensitive:
    """What some rows say of one sensitive feature.

    Attributes
    ----------
    kind : {"categorical", "numeric"}
        Groups, or amounts.
    codes : Tensor of int, shape (n_rows,)
        Numbers of the groups; unused for amounts.
    n_groups : int
        0 for amounts.
    values : Tensor of shape (n_rows,)
        Amounts, of standard deviation one or so, without NaN (a row without an amount has weight
        zero); unused for groups.
    strata : Tensor of int, shape (n_rows,), optional
        Classes within which the score should not depend on the feature.
    n_strata : int
    weights : Tensor of shape (n_rows,) or (n_rows, n_scores), optional
        A row of weight zero is not there.
    basis : Tensor of shape (n_rows, n_columns), optional
        Columns that span what the feature can explain, for "mean"; groups need none, their
        indicators are taken.
    """

    kind: Literal["categorical", "numeric"]
    codes: Tensor
    n_groups: int
    values: Tensor
    strata: Tensor | None = None
    n_strata: int = 1
    weights: Tensor | None = None
    basis: Tensor | None = None

    def take(self, rows: Tensor) -> Sensitive:
        """The same of some rows, given by number or by mask."""

        def part(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[rows]

        return replace(
            self,
            codes=self.codes[rows],
            values=self.values[rows],
            strata=part(self.strata),
            weights=part(self.weights),
            basis=part(self.basis),
        )


@dataclass(frozen=True)
class Measure:
    """A measure of dependence, normalised by the spread of the score.

    Attributes
    ----------
    name : {"mean", "dcov", "hsic", "hgr", "mmd"}
        "mean": share of the variance of the score that lies between the means of the groups, or
        that a spline of the amount explains. "dcov": squared distance correlation, with the
        discrete metric for groups. "hsic": normalised Hilbert-Schmidt independence criterion, with
        a Gaussian kernel on the standardised score (bandwidth: its standard deviation) and on
        amounts, and the discrete kernel for groups. "hgr": squared maximal correlation. "mmd":
        share of the variance between groups of the score's image under the Gaussian kernel, which
        for two groups is their maximum mean discrepancy over its largest possible value.
    unbiased : bool
        Statistics that are zero on average under independence, and may be negative: for batches.
        Else 0 where scores and feature are independent among the given rows, and never less.

    Notes
    -----
    No measure changes when the score is moved or stretched, none is above 1 (the unbiased forms
    of "dcov" and "hsic" with unequal weights up to chance), and all are differentiable in the
    score: making it smaller is no way to make it independent. "dcov", "hsic", "hgr" and "mmd" are
    0 in the population only under independence, "mean" as soon as the means are the same. All cost
    O(n) or O(n log n): distances are summed over sorted rows, Gaussian kernels are sums of 65
    products of cosines (exact to 1e-5 for scores within thirty standard deviations of each other).

    References
    ----------
    Szekely & Rizzo (2014), "Partial distance correlation with methods for dissimilarities", Annals
    of Statistics 42:2382. Gretton et al. (2005), "Measuring statistical dependence with
    Hilbert-Schmidt norms", ALT. Gretton et al. (2012), "A kernel two-sample test", JMLR 13:723.
    Perez-Suay et al. (2017), "Fair kernel learning", ECML. Mary et al. (2019), "Fairness-aware
    learning for continuous attributes and treatments", ICML.
    """

    name: Literal["mean", "dcov", "hsic", "hgr", "mmd"]
    unbiased: bool = False

    def value(self, scores: Tensor, sensitive: Sensitive) -> Tensor:
        """How much each score depends on the feature.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_scores)
        sensitive : Sensitive

        Returns
        -------
        Tensor of shape (n_scores,)
            With strata, the mean over strata, each by its share of the weight. 0 for a constant
            score, and where there are not two groups or two amounts.

        Raises
        ------
        ValueError
            For "mmd" and amounts, and for "mean" and amounts without a basis.

        Examples
        --------
        >>> codes = torch.tensor([0, 0, 1, 1])
        >>> group = Sensitive("categorical", codes, 2, codes)
        >>> scores = torch.tensor([[0.0, 1.0], [0.0, 3.0], [1.0, 1.0], [1.0, 3.0]])
        >>> Measure("dcov").value(scores, group)
        tensor([1., 0.])
        """
        if self.name == "mean" and sensitive.kind == "numeric" and sensitive.basis is None:
            raise ValueError(
                "measure='mean' of an amount needs a basis: columns that span what the amount can "
                "explain, such as those of Attribute.basis."
            )
        if self.name == "mmd" and sensitive.kind == "numeric":
            raise ValueError(
                "measure='mmd' compares groups, and this sensitive feature holds amounts. Use "
                "'dcov' or 'hsic', or cut it into groups."
            )
        weights = sensitive.weights
        weights = scores.new_ones(len(scores)) if weights is None else weights.to(scores.dtype)
        weights = weights[:, None].expand_as(scores) if weights.ndim == 1 else weights
        if sensitive.strata is None:
            return self._within(scores, weights, sensitive)
        total = torch.zeros_like(scores[0])
        for stratum in range(sensitive.n_strata):
            rows = (sensitive.strata == stratum).nonzero()[:, 0]
            if not len(rows):
                continue
            share = weights[rows].sum(dim=0) / weights.sum(dim=0).clamp(min=_tiny(scores))
            here = self._within(scores[rows], weights[rows], sensitive.take(rows))
            total = total + share * here
        return total

    def _within(self, scores: Tensor, weights: Tensor, sensitive: Sensitive) -> Tensor:
        shares = weights / weights.sum(dim=0).clamp(min=_tiny(scores))
        scores, varies = _standardised(scores, shares)
        if self.name == "mean":
            found = self._explained(scores[..., None], shares, sensitive)
        elif self.name == "mmd":
            found = self._explained(features(scores), shares, replace(sensitive, basis=None))
        elif self.name == "hgr":
            found = maximal_correlation(scores, shares, sensitive)
        else:
            sums = distance_sums if self.name == "dcov" else kernel_sums
            found = self._correlation(*sums(scores, shares, sensitive), shares)
        return torch.where(varies, found, 0.0).to(scores.dtype)

    def _correlation(self, between, first, second, shares: Tensor) -> Tensor:
        shares = shares.to(between.pp.dtype)
        between, first, second = (
            sums.covariance(shares, self.unbiased) for sums in (between, first, second)
        )
        alive = (first > _SAME) & (second > _SAME)
        size = torch.where(alive, first * second, 1.0).sqrt()
        return torch.where(alive, between / size, 0.0)

    def _explained(self, images: Tensor, shares: Tensor, sensitive: Sensitive) -> Tensor:
        """Share of the variance of images, shape (n_rows, n_scores, n_features), explained."""
        weighted = images * shares[..., None]
        mean = weighted.sum(dim=0)
        total = (weighted * images).sum(dim=(0, 2)) - mean.square().sum(dim=1)
        if sensitive.basis is None and sensitive.kind == "categorical":
            sizes = by_group(shares, sensitive.codes, sensitive.n_groups)
            sums = by_group(weighted, sensitive.codes, sensitive.n_groups)
            shift = sums - sizes[..., None] * mean
            between = shift.square().sum(dim=2) / torch.where(sizes > 0, sizes, 1.0)
            between, rank = between.sum(dim=0), (sizes > 0).sum(dim=0) - 1
        else:
            white, rank = _whitened(sensitive.basis, shares)
            between = torch.einsum("nmk,nmf->mkf", white, weighted).square().sum(dim=(1, 2))
        alive = total > _SAME
        share = torch.where(alive, between / torch.where(alive, total, 1.0), 0.0)
        if not self.unbiased:
            return share
        rows = 1 / shares.square().sum(dim=0).clamp(min=_tiny(shares))
        left = rows - 1 - rank
        alive = left > 0.5
        return torch.where(
            alive, 1 - (1 - share) * (rows - 1) / torch.where(alive, left, 1.0), 0.0
        )


def measure(name: str, *, unbiased: bool = False) -> Measure:
    """A measure by its name.

    Parameters
    ----------
    name : {"mean", "dcov", "hsic", "hgr", "mmd"}
    unbiased : bool
        See :class:`Measure`; there is no such form of "hgr".

    Raises
    ------
    ValueError
        If there is no such measure.

    Examples
    --------
    >>> measure("hsic", unbiased=True)
    Measure(name='hsic', unbiased=True)
    """
    if name not in MEASURES:
        raise ValueError(f"There is no measure {name!r}; the measures are {', '.join(MEASURES)}.")
    if unbiased and name == "hgr":
        raise ValueError(
            "measure='hgr' has no unbiased form. Use 'dcov' or 'hsic', or batches of "
            "a thousand rows and more."
        )
    return Measure(name, unbiased)


def _standardised(scores: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of mean zero and variance one, and which of them vary at all."""
    centred = scores - (shares * scores).sum(dim=0)
    centred = centred - (shares * centred).sum(dim=0)
    variance = (shares * centred.square()).sum(dim=0)
    with torch.no_grad():
        largest = torch.where(shares > 0, scores.abs(), 0.0).amax(dim=0)
        varies = variance.sqrt() > 16 * torch.finfo(scores.dtype).eps * largest
        varies &= variance > 0
    return centred / torch.where(varies, variance, 1.0).sqrt(), varies


def _whitened(basis: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Columns without mean, uncorrelated and of variance one among the rows of every score."""
    with torch.no_grad():
        columns, p = basis.double(), shares.double()
        centred = columns[:, None] - (p.t() @ columns)
        spread = torch.einsum("nm,nmk->mk", p, centred.square()).sqrt()
        centred = centred / torch.where(spread > _SAME, spread, 1.0)
        covariance = torch.einsum("nm,nmj,nmk->mjk", p, centred, centred)
        sizes, directions = torch.linalg.eigh(covariance)
        kept = sizes > _SAME * sizes.amax(dim=1, keepdim=True).clamp(min=_SAME)
        scale = torch.where(kept, sizes, 1.0).rsqrt() * kept
        white = torch.einsum("nmj,mjk->nmk", centred, directions * scale[:, None])
        return white.to(shares.dtype), kept.sum(dim=1)


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny
