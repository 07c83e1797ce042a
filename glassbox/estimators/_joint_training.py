"""From what an estimator knows to networks beside its tables, or under them. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from glassbox.core.layout import Layout
from glassbox.core.network import Layer, MonotoneNetwork
from glassbox.estimators._batches import MemberBatches
from glassbox.estimators._network_inputs import NetworkInputs
from glassbox.nets._penalty import DependencePenalty
from glassbox.nets.devices import resolve_device
from glassbox.nets.losses import Loss
from glassbox.nets.monotone import MonotoneNets
from glassbox.nets.shape_nets import ShapeNets
from glassbox.nets.trainer import Joint, Look, Problem, Schedule, Trained, train
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Members

# Units of the networks that move the tables under a dependence penalty.
_SHAPE_HIDDEN = (32,)


@dataclass
class JointTrainer:
    """Trains networks beside the tables of all members, which stay as they are.

    Under a dependence penalty the tables learn too: networks on their knots correct them, in
    order.

    Attributes
    ----------
    loss : Loss
    hidden : sequence of int
        Of the networks beside the tables; none if there are none.
    schedule : Schedule
    penalty : float
    device : str
    seed : int
    directions : mapping of str to {-1, 1}
    on_look : callable from Look to None, optional
    dependence : DependencePenalty, optional
    trained : Trained or None
        What came out.
    network : MonotoneNetwork or None
        None if no network helps.
    """

    loss: Loss
    hidden: Sequence[int]
    schedule: Schedule
    penalty: float
    device: str
    seed: int
    directions: Mapping[str, int]
    on_look: Callable[[Look], None] | None = None
    dependence: DependencePenalty | None = None
    trained: Trained | None = field(default=None, init=False)
    network: MonotoneNetwork | None = field(default=None, init=False)

    def __post_init__(self):
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
    ) -> Members:
        """The members' tables, and intercepts beside their networks."""
        n_members = start.intercept.shape[1]
        inputs = joint = None
        scale = float(np.sqrt(dispersion)) if self.loss.link == "identity" else 1.0
        if self.hidden:
            inputs = NetworkInputs.of(layout, densities, self.directions)
            nets = MonotoneNets(
                n_members,
                len(inputs.directed),
                inputs.readout.shape[1] - len(inputs.directed),
                hidden=self.hidden,
                seed=self.seed,
            )
            joint = Joint(nets, inputs.readout, self.penalty, scale)
        problem = Problem(
            layout,
            self.loss,
            start,
            parts,
            dispersion,
            total,
            self.directions,
            dependence=self.dependence,
        )
        self.trained = train(
            self._corrections(layout, densities, n_members),
            problem,
            batches,
            self.schedule,
            device=self._device,
            seed=self.seed,
            joint=joint,
            on_look=self.on_look,
        )
        if self.trained.joint is not None:
            self.network = _network(self.trained.joint, inputs, len(self.hidden), scale)
        return self.trained.members

    def _corrections(self, layout, densities, n_members: int) -> ShapeNets | None:
        if self.dependence is None:
            return None
        density = layout.flat(densities)
        return ShapeNets(layout, density, n_members, 1, hidden=_SHAPE_HIDDEN, seed=self.seed)


def _network(
    weights: Mapping[str, np.ndarray], inputs: NetworkInputs, n_hidden: int, scale: float
) -> MonotoneNetwork:
    layers = []
    for k in range(n_hidden + 1):
        unit = scale if k == n_hidden else 1.0
        layers.append(
            Layer(
                unit * np.abs(weights[f"up.{k}"]),
                unit * weights[f"free.{k}"],
                unit * weights[f"bias.{k}"][:, 0],
            )
        )
    return MonotoneNetwork(
        inputs.directed,
        inputs.others,
        weights["branch_weights"],
        weights["branch_bias"][:, 0],
        tuple(layers),
    )
