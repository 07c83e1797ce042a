"""Shape networks: one small network per member, predictor and term, evaluated on the knots.

All networks over one axis are one batch, all networks over two axes another. What they return is
a table of coefficients, the same for a thousand rows and for a million.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from glassbox.core.axes import Axis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.nets.activations import FirstLayer, bend

#: Inputs that describe a place on an axis.
AXIS_INPUTS = 4
# A slot, category or cell with that many rows behind it is shrunk half way to nothing.
_ROWS_OF_DOUBT = 5.0
_FARTHEST = 4.0


class ShapeNets(nn.Module):
    """Networks whose values on the knots are added to the tables of every member.

    Parameters
    ----------
    layout : Layout
    density : ndarray of shape (n_columns,)
        How much training weight stands at each coefficient.
    n_members, n_predictors : int
    hidden : sequence of int
        Units of the hidden layers, at least one.
    activation : {"silu", "relu", "tanh", "exu"}
    seed : int
    output_scale : float
        Standard deviation of the last layer's weights at the start; with 0 the networks add
        nothing until they have learned something.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([20.0, 40.0, 60.0]), degree=1)
    >>> layout = Layout((TermColumns((age,)),))
    >>> nets = ShapeNets(layout, np.ones(4), 2, 1, hidden=(8,), output_scale=0.0)
    >>> nets().shape
    torch.Size([4, 2])
    >>> float(nets().detach().abs().max())
    0.0
    """

    def __init__(
        self,
        layout: Layout,
        density: np.ndarray,
        n_members: int,
        n_predictors: int,
        *,
        hidden: Sequence[int] = (32, 32),
        activation: str = "silu",
        seed: int = 0,
        output_scale: float = 0.0,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        copies = n_members * n_predictors
        mains = [term for term in layout.terms if len(term.axes) == 1]
        pairs = [term for term in layout.terms if len(term.axes) == 2]
        options = {
            "copies": copies,
            "hidden": hidden,
            "activation": activation,
            "generator": generator,
            "output_scale": output_scale,
        }
        trust = density / (density + _ROWS_OF_DOUBT)
        self.parts = nn.ModuleList()
        position = np.empty(layout.n_columns, dtype=np.int64)
        start = 0
        for terms in (mains, pairs):
            if not terms:
                continue
            part = _Part(terms, [trust[layout.slices[term.name]] for term in terms], **options)
            for k, term in enumerate(terms):
                n_points = part.n_points[k]
                here = layout.slices[term.name]
                position[here.start : here.start + n_points] = start + k * part.widest
                position[here.start : here.start + n_points] += np.arange(n_points)
            start += len(terms) * part.widest
            self.parts.append(part)
        missing = [layout.slices[term.name].stop - 1 for term in mains]
        position[missing] = start + np.arange(len(missing))
        self.missing = nn.Parameter(torch.zeros(copies, len(missing)))
        self.register_buffer("missing_trust", torch.tensor(trust[missing], dtype=torch.float32))
        self.register_buffer("position", torch.from_numpy(position))

    def forward(self) -> Tensor:
        """Coefficients, shape (n_columns, n_members * n_predictors), members first."""
        values = [part().flatten(1) for part in self.parts]
        values.append(self.missing * self.missing_trust)
        return torch.cat(values, dim=1)[:, self.position].t()


class _Part(nn.Module):
    """The networks of all terms with the same number of axes."""

    def __init__(
        self,
        terms: list[TermColumns],
        trust: list[np.ndarray],
        *,
        copies: int,
        hidden: Sequence[int],
        activation: str,
        generator: torch.Generator,
        output_scale: float,
    ):
        super().__init__()
        n_axes = len(terms[0].axes)
        self.copies, self.n_terms = copies, len(terms)
        self.n_points = [int(np.prod([axis.n_values for axis in t.axes])) for t in terms]
        self.widest = max(self.n_points)
        self.activation = activation
        n_inputs = n_axes * AXIS_INPUTS
        inputs = torch.zeros(len(terms), self.widest, n_inputs)
        shrink = torch.ones(len(terms), self.widest)
        learned = torch.zeros(len(terms), self.widest, n_inputs)
        ordered = torch.zeros(len(terms), 1, dtype=torch.bool)
        for k, term in enumerate(terms):
            n_points = self.n_points[k]
            inputs[k, :n_points] = _places(term.axes, generator)
            numeric = [isinstance(axis, NumericAxis) for axis in term.axes]
            if not all(numeric) or n_axes == 2:
                shrink[k, :n_points] = torch.tensor(trust[k][:n_points], dtype=torch.float32)
            if n_axes == 1 and not numeric[0]:
                learned[k, :n_points] = 1.0
                ordered[k] = term.axes[0].ordered
        self.register_buffer("inputs", inputs)
        self.register_buffer("shrink", shrink)
        self.register_buffer("learned", learned)
        self.register_buffer("ordered", ordered)
        self.any_ordered = bool(ordered.any())
        self.embedding = None
        if learned.any():
            self.embedding = nn.Parameter(torch.zeros(copies, len(terms), self.widest, n_inputs))
        groups = copies * len(terms)
        sharpest = max(2.0, max(max(a.n_values for a in t.axes) for t in terms) / 4)
        self.first = FirstLayer(groups, n_inputs, hidden[0], activation, sharpest, generator)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for size, following in zip(hidden[:-1], hidden[1:], strict=True):
            weight = torch.randn(groups, size, following, generator=generator)
            self.weights.append(nn.Parameter(weight * math.sqrt(1 / size)))
            self.biases.append(nn.Parameter(torch.zeros(groups, 1, following)))
        last = torch.randn(groups, hidden[-1], 1, generator=generator)
        self.last = nn.Parameter(last * output_scale)

    def forward(self) -> Tensor:
        """Values on the knots, shape (copies, n_terms, widest)."""
        inputs = self.inputs.expand(self.copies, -1, -1, -1)
        if self.embedding is not None:
            inputs = inputs + self.embedding * self.learned
        units = self.first(inputs.flatten(0, 1))
        for weight, bias in zip(self.weights, self.biases, strict=True):
            units = bend(self.activation, torch.baddbmm(bias, units, weight))
        values = torch.bmm(units, self.last).view(self.copies, self.n_terms, self.widest)
        values = values * self.shrink
        if self.any_ordered:
            values = torch.where(self.ordered, values.cumsum(dim=2), values)
        return values


def _places(axes: Sequence[Axis], generator: torch.Generator) -> Tensor:
    """Inputs at the values of one axis, or at the cells of two."""
    first = _axis_inputs(axes[0], generator)
    if len(axes) == 1:
        return first
    second = _axis_inputs(axes[1], generator)
    return torch.cat(
        [
            first.repeat_interleave(len(second), dim=0),
            second.repeat(len(first), 1),
        ],
        dim=1,
    )


def _axis_inputs(axis: Axis, generator: torch.Generator) -> Tensor:
    """Numbers as standardised values and as ranks; categories as points of their own."""
    n = axis.n_values
    rank = torch.linspace(-1.0, 1.0, n) if n > 1 else torch.zeros(1)
    if isinstance(axis, NumericAxis):
        knots = torch.tensor(axis.knots, dtype=torch.float64)
        value = (knots - knots.mean()) / knots.std(correction=0)
        value = (value / 2).clamp(-_FARTHEST, _FARTHEST).float()
    elif axis.ordered:
        value = rank
    else:
        return torch.randn(n, AXIS_INPUTS, generator=generator)
    angle = math.pi * rank
    return torch.stack([value, rank, torch.sin(angle), torch.cos(angle)], dim=1)
