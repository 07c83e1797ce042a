"""From what an estimator knows to the training loop of the networks. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from glassbox.core.layout import Layout
from glassbox.estimators._batches import MemberBatches
from glassbox.nets._penalty import DependencePenalty
from glassbox.nets.devices import resolve_device
from glassbox.nets.losses import Loss
from glassbox.nets.shape_nets import ShapeNets
from glassbox.nets.trainer import Look, Problem, Schedule, Trained, train
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Members

# Standard deviation of the last layer where the networks have to find everything themselves.
_FROM_SCRATCH = 0.01


@dataclass
class NetworkTrainer:
    """Trains the networks of one fit.

    Attributes
    ----------
    loss : Loss
    hidden : sequence of int
    activation : str
    schedule : Schedule
    device : str
    seed : int
    directions : mapping of str to {-1, 1}
    from_scratch : bool
    on_look : callable from Look to None, optional
    dependence : DependencePenalty, optional
    trained : Trained or None
        What came out.
    """

    loss: Loss
    hidden: Sequence[int]
    activation: str
    schedule: Schedule
    device: str
    seed: int
    directions: Mapping[str, int]
    from_scratch: bool
    on_look: Callable[[Look], None] | None = None
    dependence: DependencePenalty | None = None
    trained: Trained | None = field(default=None, init=False)

    def __post_init__(self):
        # A device that is not there is an error now, and not after the penalised fit.
        self._device = resolve_device(self.device)

    def __call__(
        self,
        *,
        layout: Layout,
        densities: Mapping[str, np.ndarray],
        start: Members,
        parts: Sequence[Part],
        dispersion: float,
        total: float,
        batches: MemberBatches,
        intercept_precision: np.ndarray | None = None,
    ) -> Members:
        """Members with what the networks add."""
        _, n_predictors, n_members = start.coefficients.shape
        density = layout.flat(densities)
        nets = ShapeNets(
            layout,
            density,
            n_members,
            n_predictors,
            hidden=self.hidden,
            activation=self.activation,
            seed=self.seed,
            output_scale=_FROM_SCRATCH if self.from_scratch else 0.0,
        )
        problem = Problem(
            layout,
            self.loss,
            start,
            parts,
            dispersion,
            total,
            self.directions,
            intercept_precision,
            self.dependence,
        )
        self.trained = train(
            nets,
            problem,
            batches,
            self.schedule,
            device=self._device,
            seed=self.seed,
            on_look=self.on_look,
        )
        return self.trained.members
