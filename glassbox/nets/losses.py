"""Losses: one small object each, in the units of the log-likelihood.

Every loss knows the family that the penalised fits use for the same outcome, so that the two
cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from glassbox.solvers import _families as families


class Loss(Protocol):
    """What a training loop asks of a loss.

    Attributes
    ----------
    family : Family
        The same outcome, in the terms that a Newton step needs.
    """

    family: families.Family

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Loss of every row and member, shape (n_rows, n_members).

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
        y : Tensor of shape (n_rows,)
            The outcome; class numbers for classes.
        """


@dataclass(frozen=True)
class Bernoulli:
    """Cross-entropy of two classes.

    Examples
    --------
    >>> loss = Bernoulli(families.Bernoulli())
    >>> loss.value(torch.zeros(1, 1, 1), torch.ones(1))
    tensor([[0.6931]])
    """

    family: families.Bernoulli

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Minus the log of the probability of the class."""
        score = scores[..., 0]
        return functional.softplus(score) - y[:, None] * score


@dataclass(frozen=True)
class Multinomial:
    """Cross-entropy of three or more classes."""

    family: families.Multinomial

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Minus the log of the probability of the class."""
        own = y.long()[:, None, None].expand(-1, scores.shape[1], 1)
        return scores.logsumexp(dim=2) - scores.gather(2, own)[..., 0]


@dataclass(frozen=True)
class Gaussian:
    """Half the squared error."""

    family: families.Gaussian

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Half the squared residual."""
        return (y[:, None] - scores[..., 0]) ** 2 / 2


@dataclass(frozen=True)
class Poisson:
    """Counts, log link."""

    family: families.Poisson

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Minus the log-likelihood, up to a constant."""
        score = scores[..., 0]
        return torch.exp(score) - y[:, None] * score


@dataclass(frozen=True)
class Gamma:
    """Positive outcomes whose scatter grows with their mean, log link."""

    family: families.Gamma

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Minus the log-likelihood times the dispersion, up to a constant."""
        score = scores[..., 0]
        return y[:, None] * torch.exp(-score) + score


@dataclass(frozen=True)
class Huber:
    """Squared error of small residuals, absolute error of large ones."""

    family: families.Huber

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Half the square up to delta, a straight line beyond."""
        score = scores[..., 0]
        return functional.huber_loss(
            score, y[:, None].expand_as(score), reduction="none", delta=self.family.delta
        )


@dataclass(frozen=True)
class Quantile:
    """Absolute error, weighted so that a share of the outcomes lies below."""

    family: families.Quantile

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """The pinball loss."""
        residual = y[:, None] - scores[..., 0]
        return torch.maximum(self.family.level * residual, (self.family.level - 1) * residual)


_LOSS_OF = {
    families.Bernoulli: Bernoulli,
    families.Multinomial: Multinomial,
    families.Gaussian: Gaussian,
    families.Poisson: Poisson,
    families.Gamma: Gamma,
    families.Huber: Huber,
    families.Quantile: Quantile,
}


def loss_for(family: families.Family) -> Loss:
    """The loss for the outcome of a family.

    Examples
    --------
    >>> type(loss_for(families.Poisson())).__name__
    'Poisson'
    """
    return _LOSS_OF[type(family)](family)
