"""What is penalised: each attribute, within each class of the outcome if so asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassbox.core.attributes import Attribute
from glassbox.solvers.explained import Explained
from glassbox.solvers.least_dependence import Measure


@dataclass(frozen=True, eq=False)
class PenaltyTerms:
    """Attributes, strata and weights that a dependence penalty works with.

    Attributes
    ----------
    attributes : list of Attribute
    weights : ndarray of shape (n_rows,)
        Of the rows.
    equal : bool
        Whether groups weigh the same, whatever their size.
    strata : ndarray of int, shape (n_rows,), or None
        Classes of the outcome within which scores should not depend on the attributes.
    """

    attributes: Sequence[Attribute]
    weights: np.ndarray
    equal: bool
    strata: np.ndarray | None

    @cached_property
    def _codes(self) -> np.ndarray:
        return np.zeros(len(self.weights), dtype=int) if self.strata is None else self.strata

    def explained(self) -> list[Explained]:
        """The mean dependence as a sum of quadratic forms."""
        found = []
        for attribute in self.attributes:
            weights = self.weights_of(attribute)
            for stratum in np.unique(self._codes):
                rows = (self._codes == stratum) & (weights > 0)
                part = attribute.take(rows)
                share = self.weights[rows].sum() / self.weights.sum() / len(self.attributes)
                inside = weights[rows] / weights[rows].sum()
                columns = part.whitened(weights[rows])
                if columns.shape[1]:
                    spread = np.zeros((len(weights), columns.shape[1]))
                    spread[rows] = columns
                    all_weights = np.zeros(len(weights))
                    all_weights[rows] = inside
                    found.append(Explained(spread, all_weights, share))
        return found

    def weights_of(self, attribute: Attribute) -> np.ndarray:
        """Weights of the rows for one attribute; with `equal`, groups of a stratum weigh alike."""
        weights = self.weights
        if not self.equal or attribute.kind == "numeric":
            return weights
        cells = self._codes * len(attribute.levels) + attribute.codes
        totals = np.bincount(cells, weights=weights)
        by_stratum = np.bincount(self._codes, weights=weights)
        present = np.unique(cells[weights > 0])
        n_groups = np.bincount(present // len(attribute.levels), minlength=len(by_stratum))
        # What each group would weigh if those of its stratum weighed the same.
        level = (by_stratum / np.maximum(n_groups, 1))[self._codes]
        return np.where(weights > 0, weights * level / np.maximum(totals[cells], 1e-300), 0.0)

    def meter(self, name: str) -> Callable[[np.ndarray], float]:
        """A measure as a function of scores, "mean" in its share of their own variance."""
        if name != "mean":
            measured = self.measured(name)
            return lambda scores: measured(scores)[0]
        parts = self.explained()
        return lambda scores: sum(part.share * part.ratio(scores) for part in parts)

    def measured(self, name: str) -> Measure:
        """A measure as a function of scores, with its derivative.

        Raises
        ------
        ImportError
            Without torch, which differentiates all measures but "mean".
        ValueError
            If an attribute cannot be measured by it.
        """
        try:
            import torch

            from glassbox.nets.dependence import measure
        except ImportError as reason:
            raise ImportError(
                f"measure={name!r} needs torch: pip install 'glassbox[nets]', or use "
                "measure='mean'."
            ) from reason
        measured = measure(name)
        sensitive = [self._as_tensors(attribute) for attribute in self.attributes]

        def at(scores: np.ndarray) -> tuple[float, np.ndarray]:
            tensor = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
            centred = tensor
            if scores.shape[1] > 1:
                centred = tensor - tensor.mean(dim=1, keepdim=True)
            value = sum(measured.value(centred, one).mean() for one in sensitive)
            value = value / len(sensitive)
            (slope,) = torch.autograd.grad(value, tensor)
            return float(value.detach()), slope.numpy()

        return at

    def _as_tensors(self, attribute: Attribute):
        import torch

        from glassbox.nets.dependence import Sensitive

        weights = np.where(attribute.present, self.weights_of(attribute), 0.0)
        return Sensitive(
            attribute.kind,
            torch.tensor(attribute.codes, dtype=torch.long),
            len(attribute.levels),
            torch.tensor(attribute.standardised(weights)),
            strata=None if self.strata is None else torch.tensor(self.strata, dtype=torch.long),
            n_strata=int(self._codes.max()) + 1,
            weights=torch.tensor(weights),
        )
