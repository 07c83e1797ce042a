"""First layers: what a network sees of a feature before anything is mixed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_SMOOTH = {"silu": nn.functional.silu, "relu": nn.functional.relu, "tanh": torch.tanh}

#: Names that estimators accept.
ACTIVATIONS = (*_SMOOTH, "exu")


def bend(name: str, values: Tensor) -> Tensor:
    """The activation of a hidden layer; after exp-centred units it is ReLU."""
    return _SMOOTH.get(name, nn.functional.relu)(values)


class FirstLayer(nn.Module):
    """Units that each bend at a place of their own, from gently to sharply.

    Parameters
    ----------
    groups : int
        How many networks.
    n_inputs, n_units : int
    activation : {"silu", "relu", "tanh", "exu"}
        "exu": exp-centred units, whose slope is the exponential of a weight, cut off at 1.
    sharpest : float
        Largest slope at the start, in units of 1 / the width of the feature.
    generator : torch.Generator

    References
    ----------
    Agarwal et al. (2021), "Neural additive models: interpretable machine learning with neural
    nets", NeurIPS 34 (exp-centred units).
    """

    def __init__(self, groups, n_inputs, n_units, activation, sharpest, generator):
        super().__init__()
        self.activation = activation
        direction = torch.randn(groups, n_inputs, n_units, generator=generator)
        direction /= direction.norm(dim=1, keepdim=True)
        share = torch.rand(groups, 1, n_units, generator=generator)
        log_slope = share * math.log(max(sharpest, 1.0))
        centre = 2 * torch.rand(groups, n_inputs, n_units, generator=generator) - 1
        offset = (direction * centre).sum(dim=1, keepdim=True)
        if activation == "exu":
            self.direction = nn.Parameter(direction)
            self.log_slope = nn.Parameter(log_slope)
            self.offset = nn.Parameter(offset)
        else:
            slope = torch.exp(log_slope)
            self.weight = nn.Parameter(direction * slope)
            self.bias = nn.Parameter(-offset * slope)

    def forward(self, inputs: Tensor) -> Tensor:
        """Units of shape (groups, n_points, n_units) for inputs (groups, n_points, n_inputs)."""
        if self.activation == "exu":
            centred = torch.bmm(inputs, self.direction) - self.offset
            return torch.clamp(centred * torch.exp(self.log_slope), 0.0, 1.0)
        return bend(self.activation, torch.baddbmm(self.bias, inputs, self.weight))
