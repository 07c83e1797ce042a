"""Tables that cannot turn, whatever is learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from glassbox.core.layout import Layout, TermColumns
from glassbox.solvers.order import directed_increments


@dataclass(frozen=True)
class _Pair:
    """A pair, seen from a feature with a direction."""

    here: slice
    sizes: tuple[int, int]
    which: int
    changes: Tensor

    def falls(self, tables: Tensor) -> Tensor:
        """How far the pair may fall along each increment of the main effect."""
        surface = tables[self.here].view(*self.sizes, -1)
        if self.which == 1:
            surface = surface.transpose(0, 1)
        changes = torch.tensordot(self.changes, surface, dims=1)
        # Where the partner is missing the pair adds nothing.
        return torch.relu(-changes.amin(dim=1))


class OrderedTables:
    """Raises main effects where they would turn, or where their pairs would.

    Parameters
    ----------
    layout : Layout
        Features with a direction have a main effect, whose knots include those of their pairs.
    directions : mapping of str to {-1, 1}
    like : Tensor
        Of the type of the tables, on their device.

    Notes
    -----
    An increment of a main effect is at least what the pairs of its feature may take away,
    whatever the values of their partners (*missing* is one). Tables that are in order already
    stay what they are.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([20.0, 40.0, 60.0]), degree=1)
    >>> order = OrderedTables(Layout((TermColumns((age,)),)), {"age": 1}, torch.zeros(1))
    >>> order(torch.tensor([[0.0], [3.0], [0.0], [9.0]])).flatten().tolist()
    [-1.0, 2.0, 2.0, 9.0]
    """

    def __init__(self, layout: Layout, directions: Mapping[str, int], like: Tensor):
        mains = {term.name: term for term in layout.terms if len(term.axes) == 1}
        self.layout = layout
        self.directions = {name: sign for name, sign in directions.items() if sign}
        self.pairs: dict[str, list[_Pair]] = {name: [] for name in self.directions}
        for term in layout.terms:
            for which, axis in enumerate(term.axes if len(term.axes) == 2 else ()):
                if axis.name in self.pairs:
                    changes = self._changes(mains[axis.name], term, which)
                    sizes = tuple(a.n_values for a in term.axes)
                    here = layout.slices[term.name]
                    self.pairs[axis.name].append(_Pair(here, sizes, which, changes.to(like)))

    def _changes(self, main: TermColumns, pair: TermColumns, which: int) -> Tensor:
        axis, direction = pair.axes[which], self.directions[main.name]
        increments = directed_increments(axis, main.axes[0], direction)
        return torch.tensor(increments[:, : axis.n_values].toarray())

    def __call__(self, tables: Tensor) -> Tensor:
        """The tables, shape (n_columns, n_tables), in order."""
        if not self.directions:
            return tables
        pieces = []
        for term in self.layout.terms:
            part = tables[self.layout.slices[term.name]]
            direction = self.directions.get(term.name, 0)
            if direction:
                part = self._raised(term, part, direction, tables)
            pieces.append(part)
        return torch.cat(pieces)

    def _raised(self, term: TermColumns, part: Tensor, direction: int, tables: Tensor) -> Tensor:
        n_values = term.axes[0].n_values
        least = sum(pair.falls(tables) for pair in self.pairs[term.name])
        steps = direction * part[:n_values].diff(dim=0)
        steps = (least + torch.relu(steps - least)).cumsum(dim=0)
        rising = torch.cat([part[:1], part[:1] + direction * steps])
        # The start of the scale is free, so the level must stay where it was.
        rising = rising + (part[:n_values] - rising).mean(dim=0)
        return torch.cat([rising, part[n_values:]])
