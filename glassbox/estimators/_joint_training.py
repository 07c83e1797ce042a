"""From what an estimator knows to networks beside its tables. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from glassbox.core.layout import Layout
from glassbox.core.network import Layer, MonotoneNetwork
from glassbox.estimators._batches import MemberBatches
from glassbox.estimators._network_inputs import NetworkInputs
from glassbox.nets.devices import resolve_device
from glassbox.nets.losses import Loss
from glassbox.nets.monotone import MonotoneNets
from glassbox.nets.trainer import Joint, Look, Problem, Schedule, Trained, train
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Members


@dataclass
class JointTrainer:
    """Trains networks beside the tables of all members, which stay as they are.

    Attributes
    ----------
    loss : Loss
    hidden : sequence of int
    schedule : Schedule
    penalty : float
    device : str
    seed : int
    directions : mapping of str to {-1, 1}
    on_look : callable from Look to None, optional
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
        inputs = NetworkInputs.of(layout, densities, self.directions)
        n_members = start.intercept.shape[1]
        nets = MonotoneNets(
            n_members,
            len(inputs.directed),
            inputs.readout.shape[1] - len(inputs.directed),
            hidden=self.hidden,
            seed=self.seed,
        )
        scale = np.sqrt(dispersion) if self.loss.link == "identity" else 1.0
        problem = Problem(layout, self.loss, start, parts, dispersion, total, self.directions)
        self.trained = train(
            None,
            problem,
            batches,
            self.schedule,
            device=self._device,
            seed=self.seed,
            joint=Joint(nets, inputs.readout, self.penalty, float(scale)),
            on_look=self.on_look,
        )
        if self.trained.joint is not None:
            self.network = _network(self.trained.joint, inputs, len(self.hidden), float(scale))
        return self.trained.members


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
