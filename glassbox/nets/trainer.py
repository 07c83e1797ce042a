"""The training loop of all networks: members side by side, each judged by rows not its own."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from glassbox.core.layout import Layout
from glassbox.nets._penalty import DependencePenalty, to_device
from glassbox.nets.devices import suited_threads
from glassbox.nets.lookup import Rows, lookup
from glassbox.nets.losses import Loss
from glassbox.nets.ordered_tables import OrderedTables
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Batch, Members

_WARM_UP = 20
_LAST_RATE = 0.01
_BETAS = (0.9, 0.99)
# Of the gain over its start, by which a member must have gained to leave it.
_STANDARD_ERRORS = 2.0
# Share of the loss that the members must gain from look to look, on average.
_WORTH_WAITING = 1e-4
#: Rows by which members are judged, at most.
JUDGED_ROWS = 131_072


class BatchSource(Protocol):
    """Batches by block; a block is what is held in memory at a time."""

    n_blocks: int
    in_memory: bool

    def block(self, k: int) -> Sequence[Batch]:
        """The batches of one block."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes
    ----------
    max_steps : int
    learning_rate : float
        Largest rate: it rises over the first steps and falls with a cosine to the last.
    weight_decay : float
    steps_between : int
        Steps between two looks at the rows that members did not draw.
    patience : int
        Looks without a gain worth waiting for after which training stops.
    """

    max_steps: int
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    steps_between: int = 10
    patience: int = 4

    def rate(self, step: int) -> float:
        """Share of the largest learning rate at a step."""
        if step < _WARM_UP:
            return (step + 1) / _WARM_UP
        done = (step - _WARM_UP) / max(self.max_steps - _WARM_UP, 1)
        return _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


@dataclass(frozen=True)
class Look:
    """One look at the members.

    Attributes
    ----------
    step : int
    training : ndarray of shape (n_members,)
        Loss of the last batch, on the rows that each member drew.
    validation : ndarray of shape (n_members,)
        Loss on the rows that it did not draw.
    """

    step: int
    training: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True)
class Trained:
    """The best snapshot of every member.

    Attributes
    ----------
    members : Members
    history : list of Look
    steps : ndarray of shape (n_members,)
        Steps that each member's snapshot had taken.
    interrupted : bool
    joint : dict of str to ndarray, or None
        Parameters of the joint networks, in float64; None if there are none that help.
    """

    members: Members
    history: list[Look]
    steps: np.ndarray
    interrupted: bool
    joint: dict[str, np.ndarray] | None = None


@dataclass(frozen=True)
class Joint:
    """Networks of all features together, beside the tables.

    Attributes
    ----------
    nets : Module
        From inputs to what every member adds to the score, shape (n_rows, n_members). Members
        come first in all its parameters.
    inputs : ndarray of shape (n_columns, n_inputs)
        Inputs of a row are the product of its basis row with this table.
    penalty : float
        On the mean square of what is added.
    scale : float
        Unit of what is added.
    """

    nets: nn.Module
    inputs: np.ndarray
    penalty: float
    scale: float


@dataclass(frozen=True)
class Problem:
    """What is to be learned.

    Attributes
    ----------
    layout : Layout
    loss : Loss
    start : Members
        Tables to which the networks add.
    parts : sequence of Part
        Priors on what the networks add.
    dispersion : float
    total : float
        Training weight.
    directions : mapping of str to {-1, 1}
        Terms that may not turn.
    intercept_precision : ndarray of shape (n_predictors,), optional
        Prior precision of what is added to the intercept.
    dependence : DependencePenalty, optional
        Added to the loss, times the dispersion; batches then have ``sensitive``, the rows of every
        sensitive feature.
    """

    layout: Layout
    loss: Loss
    start: Members
    parts: Sequence[Part]
    dispersion: float
    total: float
    directions: Mapping[str, int]
    intercept_precision: np.ndarray | None = None
    dependence: DependencePenalty | None = None


def train(
    nets: nn.Module | None,
    problem: Problem,
    source: BatchSource,
    schedule: Schedule,
    *,
    device: torch.device,
    seed: int,
    joint: Joint | None = None,
    on_look: Callable[[Look], None] | None = None,
) -> Trained:
    """Train networks that correct the tables of all members, or that add to their scores.

    Parameters
    ----------
    nets : Module, optional
        Returns corrections of shape (n_columns, n_members * n_predictors), members first. Without
        it, tables stay as they are.
    problem : Problem
    source : BatchSource
    schedule : Schedule
    device : torch.device
    seed : int
        Of the order of the batches.
    joint : Joint, optional
        For one predictor.
    on_look : callable from Look to None, optional
        Told after every look.

    Returns
    -------
    Trained
        A member leaves its start only for a snapshot that is better by more than two standard
        errors, on rows that it did not draw; else it keeps its start, exactly. With joint
        networks members are judged together, by every row under the members that did not draw
        it, and stop at the same step. With a dependence penalty "better" is of loss and penalty
        together, and the standard error is that of the loss.

    Notes
    -----
    Everything a step needs is on the device before the loop begins, for a source in memory; of
    a file, a block is copied when its turn comes. The optimiser is AdamW (Loshchilov & Hutter
    2019, "Decoupled weight decay regularization", ICLR).
    """
    if joint is not None and problem.start.intercept.shape[0] != 1:
        raise ValueError("Joint networks stand beside one predictor, and there are several.")
    with suited_threads(device):
        return _Loop(nets, problem, source, schedule, device, seed, joint).run(on_look)


class _Prepared:
    """A batch on its device."""

    def __init__(self, batch: Batch, device: torch.device, readout: Tensor | None = None):
        def tensor(values: np.ndarray) -> Tensor:
            return torch.as_tensor(np.asarray(values, dtype=np.float32), device=device)

        self.rows = Rows.of(batch.rows, device, transposed=batch.transposed)
        self.y = tensor(batch.y)
        weights = batch.weights[:, None]
        self.drawn = tensor(batch.bags * weights)
        self.left_out = tensor((batch.bags == 0) * weights)
        self.weight = float(batch.weights.sum())
        self.inputs = None if readout is None else lookup(self.rows, readout)
        self.sensitive = [to_device(rows, device) for rows in getattr(batch, "sensitive", ())]


class _Loop:
    def __init__(self, nets, problem: Problem, source, schedule, device, seed, joint=None):
        self.problem, self.source, self.joint = problem, source, joint
        self.nets = None if nets is None else nets.to(device)
        self.joint_nets = None if joint is None else joint.nets.to(device)
        self.readout = None
        if joint is not None:
            self.readout = torch.tensor(joint.inputs, dtype=torch.float32, device=device)
        self.schedule, self.device = schedule, device
        self.order = np.random.default_rng(seed)
        n_columns, n_predictors, n_members = problem.start.coefficients.shape
        self.n_members, self.n_predictors = n_members, n_predictors
        by_member = problem.start.coefficients.transpose(0, 2, 1).reshape(n_columns, -1)
        self.start = torch.tensor(by_member, dtype=torch.float32, device=device)
        shift = problem.start.intercept.T.copy()
        self.in_order = OrderedTables(problem.layout, problem.directions, self.start)
        self.intercept_start = torch.tensor(shift, dtype=torch.float32, device=device)
        self.intercept = nn.Parameter(torch.zeros_like(self.intercept_start))
        contrasts = problem.loss.family.contrasts
        self.contrasts = torch.tensor(contrasts, dtype=torch.float32, device=device)
        self.precisions = [
            (part.here, torch.tensor(part.precision, dtype=torch.float32, device=device))
            for part in problem.parts
        ]
        pull = problem.intercept_precision
        pull = np.zeros(n_predictors) if pull is None else pull
        self.intercept_pull = torch.tensor(pull, dtype=torch.float32, device=device)
        self.kept: dict[int, list[_Prepared]] = {}
        self.start_losses: list[Tensor] = []
        self.start_dependence: Tensor | None = None
        self.dependence, self.unit = problem.dependence, 1.0
        if self.dependence is not None:
            # A penalty moves tables far, in whatever unit the outcome has.
            if problem.loss.link == "identity":
                self.unit = math.sqrt(problem.dispersion)
            # Losses of numeric outcomes have the outcome's unit; strengths should not.
            strength = problem.dispersion * self.dependence.strength
            self.dependence = replace(self.dependence, strength=strength)

    def run(self, on_look) -> Trained:
        schedule = self.schedule
        learned = [net for net in (self.nets, self.joint_nets) if net is not None]
        weights = [parameter for net in learned for parameter in net.parameters()]
        optimiser = torch.optim.AdamW(
            [
                {"params": weights, "weight_decay": schedule.weight_decay},
                {
                    "params": [self.intercept],
                    "weight_decay": 0.0,
                    "lr": schedule.learning_rate * self.unit,
                },
            ],
            lr=schedule.learning_rate,
            betas=_BETAS,
        )
        rate = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule.rate)
        judges = self._judges()
        history: list[Look] = []
        best = torch.full((self.n_members,), math.inf, device=self.device)
        lowest = best.clone()
        best_step = torch.zeros(self.n_members, dtype=torch.long, device=self.device)
        kept = [torch.zeros_like(self.start), torch.zeros_like(self.intercept).t()]
        kept += [torch.zeros_like(values) for values in self._joint_state()]
        training = torch.full((self.n_members,), math.nan, device=self.device)
        batches, waited, mark, interrupted = self._batches(), 0, math.inf, False
        try:
            for step in range(schedule.max_steps + 1):
                if step % schedule.steps_between == 0 or step == schedule.max_steps:
                    with torch.no_grad():
                        added = self._added()
                        judged, gained_surely = self._judge(added, judges)
                        better = (judged < best) & gained_surely
                        best = torch.where(better, judged, best)
                        best_step = torch.where(better, step, best_step)
                        here = [added, self.intercept.t(), *self._joint_state()]
                        kept = [
                            torch.where(self._for_members(better, new), new, old)
                            for new, old in zip(here, kept, strict=True)
                        ]
                        lowest = torch.minimum(lowest, judged)
                        # A gain that is seen by all members together grows sure with time.
                        now = _mean_of_judged(best if self.joint is None else lowest)
                    look = Look(step, training.cpu().numpy(), judged.cpu().numpy())
                    history.append(look)
                    if on_look is not None:
                        on_look(look)
                    first = len(history) == 1
                    gained = first or now < mark - _WORTH_WAITING * abs(mark)
                    waited = 0 if gained else waited + 1
                    mark = min(mark, now)
                    if waited >= schedule.patience:
                        break
                if step == schedule.max_steps:
                    break
                training = self._step(next(batches), optimiser)
                rate.step()
        except KeyboardInterrupt:
            interrupted = True
            warnings.warn(
                f"Training was interrupted at step {step}; the best snapshot of every member "
                "until then is kept.",
                stacklevel=2,
            )
        joint = None
        if self.joint is not None and bool((best_step > 0).any()):
            names = [name for name, _ in self.joint_nets.named_parameters()]
            # Members last, as all that is kept.
            values = [v.movedim(-1, 0).double().cpu().numpy() for v in kept[2:]]
            joint = dict(zip(names, values, strict=True))
        members = self._members(kept[0], kept[1].t())
        return Trained(members, history, best_step.cpu().numpy(), interrupted, joint)

    def _joint_state(self) -> list[Tensor]:
        """Parameters of the joint networks, members last."""
        if self.joint_nets is None:
            return []
        return [p.detach().movedim(0, -1).clone() for p in self.joint_nets.parameters()]

    def _for_members(self, chosen: Tensor, values: Tensor) -> Tensor:
        """A choice of members, repeated as their values are along the last dimension."""
        return chosen.repeat_interleave(values.shape[-1] // self.n_members)

    def _added(self) -> Tensor:
        """What is added to the start of every member."""
        if self.nets is None:
            return torch.zeros_like(self.start)
        added = self.nets()
        if self.unit != 1:
            added = added * self.unit
        if self.problem.directions:
            return self.in_order(self.start + added) - self.start
        return added

    def _beside(self, batch: _Prepared) -> Tensor | None:
        """What joint networks add to the predictors, shape (n_rows, n_members)."""
        return None if self.joint is None else self.joint_nets(batch.inputs) * self.joint.scale

    def _scores(self, added: Tensor, batch: _Prepared, beside: Tensor | None) -> Tensor:
        """Scores, shape (n_rows, n_members, n_outputs)."""
        predictors = lookup(batch.rows, self.start + added)
        predictors = predictors.view(-1, self.n_members, self.n_predictors)
        predictors = predictors + self.intercept_start + self.intercept
        if beside is not None:
            predictors = predictors + beside[:, :, None]
        return predictors if self.n_predictors == 1 else predictors @ self.contrasts.T

    def _step(self, batch: _Prepared, optimiser) -> Tensor:
        added, beside = self._added(), self._beside(batch)
        scores = self._scores(added, batch, beside)
        losses = self.problem.loss.value(scores, batch.y)
        loss = (losses * batch.drawn).sum(dim=0) / batch.weight
        if self.dependence is not None:
            loss = loss + self.dependence.of_some(scores, batch.sensitive, batch.drawn, self.order)
        penalty = self._penalty(added)
        if beside is not None:
            penalty = penalty + self.joint.penalty * (
                (beside.square() * batch.drawn).sum() / (2 * batch.weight)
            )
        optimiser.zero_grad(set_to_none=True)
        (loss.sum() + penalty).backward()
        optimiser.step()
        return loss.detach()

    def _penalty(self, added: Tensor) -> Tensor:
        """Minus the log of the prior density of what is added, per row."""
        total = (self.intercept_pull * self.intercept**2).sum()
        by_predictor = added.view(len(added), self.n_members, self.n_predictors)
        # Tables that stay as they are add nothing.
        for here, precision in self.precisions if self.nets is not None else ():
            values = by_predictor[here]
            bent = torch.einsum("aij,jea->iea", precision, values)
            total = total + (values * bent).sum()
        return total * (self.problem.dispersion / (2 * self.problem.total))

    def _judge(
        self, added: Tensor, judges: Callable[[], Iterable[_Prepared]]
    ) -> tuple[Tensor, Tensor]:
        """Loss of every member, and whether it is below that of its start by more than chance."""
        first = not self.start_losses
        sums = torch.zeros(4, self.n_members, device=self.device)
        dependence = torch.zeros(self.n_members, device=self.device)
        number = 0
        for batch in judges():
            # The start has no networks beside it, not even untrained ones.
            scores = self._scores(added, batch, None if first else self._beside(batch))
            losses = self.problem.loss.value(scores, batch.y)
            if first:
                self.start_losses.append(losses)
            weights = batch.left_out
            change = losses - self.start_losses[number]
            number += 1
            sums += torch.stack(
                [
                    values.sum(dim=0).expand(self.n_members)
                    for values in self._judged_rows(weights, losses, change)
                ]
            )
            dependence += self._judged_dependence(scores, batch)
            # The next block of a file comes only when nobody holds this one.
            del batch
        weight, loss, change, squares = sums
        if first:
            self.start_dependence = dependence
        loss, change = loss + dependence, change + (dependence - self.start_dependence)
        # A member that drew every row cannot be judged: it keeps its start.
        judged = torch.where(weight > 0, loss / weight.clamp(min=1e-30), math.inf)
        sure = change < -_STANDARD_ERRORS * squares.sqrt()
        return judged, torch.ones_like(sure) if first else sure

    def _judged_rows(self, weights: Tensor, losses: Tensor, change: Tensor) -> list[Tensor]:
        """Weight, loss, its change and the square of that, of every row."""
        found = [weights, weights * losses, weights * change]
        if self.joint is not None:
            # The mean over the members that did not draw the row: its changes are one patient's.
            judges = (weights > 0).sum(dim=1, keepdim=True).clamp(min=1)
            found = [values.sum(dim=1, keepdim=True) / judges for values in found]
        return [*found, found[2].square()]

    def _judged_dependence(self, scores: Tensor, batch: _Prepared) -> Tensor:
        """The penalty of a batch, times the weight of its judged rows."""
        if self.dependence is None:
            return torch.zeros_like(scores[0, :, 0])
        found = self.dependence.value(scores, batch.sensitive, batch.left_out)
        found = found * batch.left_out.sum(dim=0)
        if self.joint is None:
            return found
        # As the losses: the mean over members, times the weight of rows that any of them judges.
        judges = (batch.left_out > 0).sum(dim=1).clamp(min=1)
        weight = (batch.left_out.sum(dim=1) / judges).sum()
        mean = found.sum() / batch.left_out.sum().clamp(min=1e-30)
        return (mean * weight).expand(self.n_members)

    def _prepare(self, k: int) -> list[_Prepared]:
        if k not in self.kept:
            if not self.source.in_memory:
                self.kept.clear()
            self.kept[k] = [
                _Prepared(batch, self.device, self.readout) for batch in self.source.block(k)
            ]
        return self.kept[k]

    def _judges(self) -> Callable[[], Iterable[_Prepared]]:
        def judges() -> Iterator[_Prepared]:
            seen = 0
            for k in range(self.source.n_blocks):
                for b in range(len(self._prepare(k))):
                    yield self._prepare(k)[b]
                seen += sum(len(batch.y) for batch in self._prepare(k))
                if seen >= JUDGED_ROWS:
                    return

        return judges

    def _batches(self) -> Iterator[_Prepared]:
        while True:
            for k in self.order.permutation(self.source.n_blocks):
                # A look in between may have put another block in its place.
                for b in self.order.permutation(len(self._prepare(int(k)))):
                    yield self._prepare(int(k))[b]

    def _members(self, added: Tensor, intercept: Tensor) -> Members:
        n_columns = len(added)
        corrections = added.double().cpu().numpy().reshape(n_columns, self.n_members, -1)
        start = self.problem.start
        return Members(
            start.coefficients + corrections.transpose(0, 2, 1),
            start.intercept + intercept.detach().double().cpu().numpy().T,
        )


def _mean_of_judged(losses: Tensor) -> float:
    """Mean over the members that can be judged at all."""
    judged = losses[losses.isfinite()]
    return float(judged.mean()) if len(judged) else math.inf
