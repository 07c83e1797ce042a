"""What a training loop adds to its loss for the dependence of scores on sensitive features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from glassbox.nets._centred import by_group
from glassbox.nets.dependence import Measure, Sensitive, measure

# A step needs no more rows to see a dependence; a kernel's cosines of more take longer than it.
_STEP_ROWS = 4_096


class SensitiveRows(Protocol):
    """What some rows say of one sensitive feature, as arrays; see :class:`Sensitive`.

    Attributes
    ----------
    present : ndarray of bool, shape (n_rows,)
        Whether a row counts for this feature.
    """

    kind: str
    codes: np.ndarray
    n_groups: int
    values: np.ndarray
    strata: np.ndarray | None
    n_strata: int
    basis: np.ndarray | None
    present: np.ndarray


def to_device(rows: SensitiveRows, device: torch.device) -> Sensitive:
    """The rows as tensors, whose weights say which of them count."""

    def number(values: np.ndarray | None) -> Tensor | None:
        return None if values is None else torch.as_tensor(values, dtype=torch.long, device=device)

    def real(values: np.ndarray | None) -> Tensor | None:
        if values is None:
            return None
        return torch.as_tensor(np.asarray(values, dtype=np.float32), device=device)

    return Sensitive(
        rows.kind,
        number(rows.codes),
        rows.n_groups,
        real(rows.values),
        number(rows.strata),
        rows.n_strata,
        real(rows.present),
        real(rows.basis),
    )


@dataclass(frozen=True)
class DependencePenalty:
    """Strength times a measure of dependence, the mean over sensitive features and outputs.

    Attributes
    ----------
    measure : {"mean", "dcov", "hsic", "hgr", "mmd"}
        In the form that is unbiased over batches, where there is one.
    strength : float
    equal_groups : bool
        Whether all groups of a stratum weigh the same.
    """

    measure: str
    strength: float
    equal_groups: bool = False

    def value(self, scores: Tensor, features: Sequence[Sensitive], weights: Tensor) -> Tensor:
        """The penalty of every member.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_members, n_outputs)
        features : sequence of Sensitive
        weights : Tensor of shape (n_rows, n_members)

        Returns
        -------
        Tensor of shape (n_members,)
        """
        how: Measure = measure(self.measure, unbiased=self.measure != "hgr")
        n_outputs = scores.shape[2]
        flat = scores.flatten(1)
        total = torch.zeros_like(scores[0, :, 0])
        for feature in features:
            here = weights * feature.weights[:, None]
            if self.equal_groups and feature.kind == "categorical":
                here = _equal(here, feature)
            rows = replace(feature, weights=here.repeat_interleave(n_outputs, dim=1))
            total = total + how.value(flat, rows).view(-1, n_outputs).mean(dim=1)
        return self.strength * total / len(features)

    def of_some(
        self,
        scores: Tensor,
        features: Sequence[Sensitive],
        weights: Tensor,
        order: np.random.Generator,
    ) -> Tensor:
        """The penalty by some thousand rows of a large batch, from a random place on."""
        n_rows = len(scores)
        if n_rows > _STEP_ROWS:
            start = int(order.integers(n_rows - _STEP_ROWS + 1))
            some = slice(start, start + _STEP_ROWS)
            scores, weights = scores[some], weights[some]
            features = [feature.take(some) for feature in features]
        return self.value(scores, features, weights)


def _equal(weights: Tensor, feature: Sensitive) -> Tensor:
    """Weights under which the groups of a stratum, as far as they occur, weigh the same."""
    strata = torch.zeros_like(feature.codes) if feature.strata is None else feature.strata
    cells = strata * feature.n_groups + feature.codes
    sizes = by_group(weights, cells, feature.n_strata * feature.n_groups)
    by_stratum = sizes.view(feature.n_strata, feature.n_groups, -1)
    shares = by_stratum.sum(dim=1) / (by_stratum > 0).sum(dim=1).clamp(min=1)
    size = sizes[cells]
    return torch.where(size > 0, weights * shares[strata] / torch.where(size > 0, size, 1.0), 0.0)
