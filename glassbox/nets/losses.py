"""Losses: how far scores are from the outcome, row by row, for any number of members at once.

Each belongs to a family of :mod:`glassbox.solvers._families` and is its negative log-likelihood,
up to a constant: what networks learn and what Newton steps solve is the same problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from glassbox.solvers import _families as families


class Loss(Protocol):
    """What the trainer asks of a loss.

    Attributes
    ----------
    family : Family
        Its counterpart among the solvers.
    link : str
        Name of the link, for the additive model.
    """

    @property
    def family(self) -> families.Family:
        """The counterpart among the solvers."""

    @property
    def link(self) -> str:
        """Name of the link."""

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Loss of every row and member.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
        y : Tensor of shape (n_rows,)
            The outcome, as floating point numbers; class numbers for the classifiers.

        Returns
        -------
        Tensor of shape (n_rows, n_members)
        """


class _OfFamily:
    @property
    def link(self) -> str:
        return self.family.link


@dataclass(frozen=True)
class Bernoulli(_OfFamily):
    """Cross-entropy of two classes, logit link.

    Examples
    --------
    >>> loss = Bernoulli()
    >>> loss.value(torch.tensor([[[0.0]], [[80.0]]]), torch.tensor([1.0, 0.0]))
    tensor([[ 0.6931],
            [80.0000]])
    """

    @property
    def family(self) -> families.Bernoulli:
        """The counterpart among the solvers."""
        return families.Bernoulli()

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Negative log of the probability of the row's own class."""
        sign = torch.where(y > 0, 1.0, -1.0).to(scores.dtype)
        return -torch.nn.functional.logsigmoid(sign[:, None] * scores[..., 0])


@dataclass(frozen=True)
class Multinomial(_OfFamily):
    """Cross-entropy of three or more classes, softmax link.

    Parameters
    ----------
    n_classes : int
    """

    n_classes: int

    @property
    def family(self) -> families.Multinomial:
        """The counterpart among the solvers."""
        return families.Multinomial(self.n_classes)

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Negative log of the probability of the row's own class."""
        own = y.long()[:, None, None].expand(-1, scores.shape[1], 1)
        return scores.logsumexp(dim=-1) - scores.gather(-1, own)[..., 0]


@dataclass(frozen=True)
class Gaussian(_OfFamily):
    """Half the squared error, identity link."""

    @property
    def family(self) -> families.Gaussian:
        """The counterpart among the solvers."""
        return families.Gaussian()

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Half the squared residual."""
        return (y[:, None] - scores[..., 0]).square() / 2


@dataclass(frozen=True)
class Poisson(_OfFamily):
    """Counts, log link."""

    @property
    def family(self) -> families.Poisson:
        """The counterpart among the solvers."""
        return families.Poisson()

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """The mean, minus the outcome times its log."""
        log_mean = scores[..., 0]
        return log_mean.exp() - y[:, None] * log_mean


@dataclass(frozen=True)
class Gamma(_OfFamily):
    """Positive outcomes whose scatter grows with their mean, log link."""

    @property
    def family(self) -> families.Gamma:
        """The counterpart among the solvers."""
        return families.Gamma()

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """The outcome over its mean, plus the log of the mean."""
        log_mean = scores[..., 0]
        return y[:, None] * torch.exp(-log_mean) + log_mean


@dataclass(frozen=True)
class Huber(_OfFamily):
    """Half the squared error of small residuals, linear in large ones; identity link.

    Parameters
    ----------
    delta : float
        The residual where the loss turns linear, in units of the outcome.

    Examples
    --------
    >>> Huber(delta=1.0).value(torch.tensor([[[0.5]], [[3.0]]]), torch.zeros(2))
    tensor([[0.1250],
            [2.5000]])
    """

    delta: float

    @property
    def family(self) -> families.Huber:
        """The counterpart among the solvers."""
        return families.Huber(self.delta)

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Half a square inside delta, linear outside."""
        return _huber(y[:, None] - scores[..., 0], self.delta)


@dataclass(frozen=True)
class Quantile(_OfFamily):
    """The pinball loss, whose minimum is a quantile of the outcome; identity link.

    Its corner is rounded off, as in the family.

    Parameters
    ----------
    level : float
        Which quantile, between 0 and 1.
    scale : float
        Size of the residuals, in units of the outcome.

    Examples
    --------
    >>> Quantile(level=0.9).value(torch.tensor([[[0.0]], [[3.0]]]), torch.tensor([1.0, 2.0]))
    tensor([[0.9000],
            [0.1000]])
    """

    level: float
    scale: float = 1.0

    @property
    def family(self) -> families.Quantile:
        """The counterpart among the solvers."""
        return families.Quantile(self.level, self.scale)

    def value(self, scores: Tensor, y: Tensor) -> Tensor:
        """Level times the residual, or level - 1 times a negative one."""
        corner = self.family.corner
        residual = y[:, None] - scores[..., 0]
        rounded = _huber(residual, corner) / (2 * corner) + corner / 4
        return (self.level - 0.5) * residual + rounded


def _huber(residual: Tensor, delta: float) -> Tensor:
    inside = residual.clamp(-delta, delta)
    return inside * (residual - inside / 2)


_LOSSES: dict[type, Callable[..., Loss]] = {
    families.Bernoulli: lambda family: Bernoulli(),
    families.Multinomial: lambda family: Multinomial(len(family.contrasts)),
    families.Gaussian: lambda family: Gaussian(),
    families.Poisson: lambda family: Poisson(),
    families.Gamma: lambda family: Gamma(),
    families.Huber: lambda family: Huber(family.delta),
    families.Quantile: lambda family: Quantile(family.level, family.scale),
}


def loss_for(family: families.Family) -> Loss:
    """The loss of a family.

    Parameters
    ----------
    family : Family

    Raises
    ------
    TypeError
        If the family has no loss.

    Examples
    --------
    >>> loss_for(families.Huber(1.5))
    Huber(delta=1.5)
    """
    try:
        return _LOSSES[type(family)](family)
    except KeyError:
        known = ", ".join(kind.__name__ for kind in _LOSSES)
        raise TypeError(
            f"There is no loss for {type(family).__name__}; there is one for {known}."
        ) from None
