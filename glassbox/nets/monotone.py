"""Networks that cannot fall where some of their inputs rise, whatever is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

# The last layer at the start, as a share of the usual size: training begins near the tables.
_FIRST_OUTPUT = 0.1


class MonotoneNets(nn.Module):
    """One network per member: directed inputs through non-negative weights, others freely.

    Parameters
    ----------
    n_members : int
    n_directed, n_others : int
        Inputs in which the networks must not fall, and all others.
    hidden : sequence of int
        Units of the hidden layers, at least one.
    seed : int

    Notes
    -----
    The other inputs pass a layer of their own (SiLU), which feeds every layer. Directed inputs
    reach the output through absolute values of weights and increasing activations (tanh) only.
    See Archer & Wang (1993), Decision Sciences 24:60-75, and Daniels & Velikova (2010), IEEE
    Transactions on Neural Networks 21:906-917.

    Examples
    --------
    >>> nets = MonotoneNets(3, 1, 1, hidden=(8, 8), seed=0)
    >>> low, high = torch.tensor([[0.0, 0.5]]), torch.tensor([[1.0, 0.5]])
    >>> bool((nets(high) >= nets(low)).all())
    True
    """

    def __init__(
        self, n_members: int, n_directed: int, n_others: int, *, hidden: Sequence[int], seed: int
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(*shape, generator=generator))

        def uniform(*shape: int, most: float) -> nn.Parameter:
            return nn.Parameter(most * (2 * torch.rand(*shape, generator=generator) - 1))

        self.n_directed = n_directed
        n_branch = hidden[0]
        self.branch_weights = normal(
            n_members, n_others, n_branch, scale=1 / math.sqrt(max(n_others, 1))
        )
        self.branch_bias = normal(n_members, 1, n_branch, scale=0.5)
        self.up, self.free, self.bias = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        sizes = [n_directed, *hidden, 1]
        for k, (before, after) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            last = k == len(hidden)
            shrink = _FIRST_OUTPUT if last else 1.0
            most = 2.0 if k == 0 else 2 / before
            self.up.append(uniform(n_members, before, after, most=shrink * most))
            self.free.append(
                normal(n_members, n_branch, after, scale=shrink / math.sqrt(n_branch))
            )
            self.bias.append(normal(n_members, 1, after, scale=0.0 if last else 1.0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Scores of shape (n_rows, n_members) for inputs of shape (n_rows, n_inputs).

        Directed inputs come first.
        """
        directed, others = inputs[:, : self.n_directed], inputs[:, self.n_directed :]
        branch = nn.functional.silu(torch.matmul(others, self.branch_weights) + self.branch_bias)
        units = directed
        for k, (up, free, bias) in enumerate(zip(self.up, self.free, self.bias, strict=True)):
            before = torch.tanh(units) if k else units
            units = torch.matmul(before, up.abs()) + torch.bmm(branch, free) + bias
        return units[:, :, 0].t()
