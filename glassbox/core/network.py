"""The network part of a monotone model: what no table holds, and why it cannot turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from glassbox.core.additive import AdditiveModel, Columns, row_blocks
from glassbox.core.terms import Term

#: Name of the network part among the contributions.
JOINT = "joint"

_BLOCK_ROWS = 4_096


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights of one layer, for all members.

    Parameters
    ----------
    up : ndarray of shape (n_members, n_before, n_units)
        From the features with a direction (first layer) or from the layer before.
    free : ndarray of shape (n_members, n_hidden, n_units)
        From the branch of the other features.
    bias : ndarray of shape (n_members, n_units)
    """

    up: np.ndarray
    free: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class MonotoneNetwork:
    """Networks that are monotone in some features by the signs of their weights.

    Features are first read through tables (``directed`` and ``others``); the former reach the
    score through weights ``up`` and increasing activations only, the latter pass a layer of their
    own first. The score is the mean over the members.

    Parameters
    ----------
    directed : tuple of Term
        Main effects, one per feature with a direction, with one output.
    others : tuple of Term
        Main effects of the other features, and of what is known of the former but for their
        value (whether it is missing); with any number of outputs.
    branch_weights : ndarray of shape (n_members, n_inputs, n_hidden)
    branch_bias : ndarray of shape (n_members, n_hidden)
    layers : tuple of Layer
        The last one has one unit.

    Raises
    ------
    ValueError
        If shapes do not fit together, or a weight is not finite.

    References
    ----------
    Archer & Wang (1993), "Application of the back propagation neural network algorithm with
    monotonicity constraints for two-group classification problems", Decision Sciences 24:60-75.
    Daniels & Velikova (2010), "Monotone and partially monotone neural networks", IEEE
    Transactions on Neural Networks 21:906-917.
    """

    directed: tuple[Term, ...]
    others: tuple[Term, ...]
    branch_weights: np.ndarray
    branch_bias: np.ndarray
    layers: tuple[Layer, ...]

    def __post_init__(self):
        n_members, n_inputs, n_hidden = _shape(self.branch_weights, 3, "branch_weights")
        if n_members < 1 or not self.layers:
            raise ValueError("A network needs a member and a layer.")
        if any(len(t.axes) != 1 or t.n_outputs != 1 for t in self.directed):
            raise ValueError("A feature with a direction is read through a table of one output.")
        if any(len(t.axes) != 1 for t in self.others):
            raise ValueError("A network reads its features one by one.")
        if n_inputs != sum(t.n_outputs for t in self.others):
            raise ValueError("The branch has other inputs than there are tables for.")
        _expect(self.branch_weights, (n_members, n_inputs, n_hidden), "branch_weights")
        _expect(self.branch_bias, (n_members, n_hidden), "branch_bias")
        n_before = len(self.directed)
        for layer in self.layers:
            n_units = _shape(layer.bias, 2, "the bias of a layer")[1]
            _expect(layer.up, (n_members, n_before, n_units), "the weights of a layer")
            _expect(layer.free, (n_members, n_hidden, n_units), "the free weights of a layer")
            _expect(layer.bias, (n_members, n_units), "the bias of a layer")
            n_before = n_units
        if n_before != 1:
            raise ValueError("The last layer of a network has one unit.")

    @property
    def n_members(self) -> int:
        """How many networks are averaged."""
        return len(self.branch_bias)

    @property
    def features(self) -> list[str]:
        """Names of the features that the network reads."""
        terms = (*self.directed, *self.others)
        return list(dict.fromkeys(term.features[0] for term in terms))

    def scores(self, columns: Columns) -> np.ndarray:
        """Mean score over the members, shape (n_rows,)."""
        n_rows = len(next(iter(columns.values())))
        result = np.zeros(n_rows)
        for block in row_blocks(n_rows, _BLOCK_ROWS):
            part = {name: np.ascontiguousarray(columns[name][block]) for name in self.features}
            size = block.stop - block.start
            up, free = _inputs(self.directed, part, size), _inputs(self.others, part, size)
            for e in range(self.n_members):
                result[block] += self._member(e, up, free)
        return result / self.n_members

    def _member(self, e: int, up: np.ndarray, free: np.ndarray) -> np.ndarray:
        branch = free @ self.branch_weights[e] + self.branch_bias[e]
        branch *= expit(branch)
        units = up
        for k, layer in enumerate(self.layers):
            before = np.tanh(units) if k else units
            units = before @ layer.up[e] + branch @ layer.free[e] + layer.bias[e]
        return units[:, 0]

    def holds(self, name: str, direction: int) -> bool:
        """Whether the signs of the weights show that the score cannot turn.

        Parameters
        ----------
        name : str
            A feature; one that the network does not read is constant in it.
        direction : {-1, 1}

        Notes
        -----
        Sums, products with non-negative numbers and increasing activations keep an order, so that
        it is enough that the feature's own table keeps it, that every weight ``up`` is
        non-negative, and that the free branch does not see the value.
        """
        for term in self.others:
            values = term.coefficients[: term.axes[0].n_values]
            if term.features[0] == name and (values != values[:1]).any():
                return False
        own = [term for term in self.directed if term.features[0] == name]
        for term in own:
            steps = np.diff(term.coefficients[: term.axes[0].n_values, 0])
            if (direction * steps < 0).any():
                return False
        return not own or all((layer.up >= 0).all() for layer in self.layers)


@dataclass(frozen=True, eq=False)
class JointPart:
    """What a network adds to the score beyond what the tables show.

    Parameters
    ----------
    network : MonotoneNetwork
    shown : AdditiveModel
        Main effects of the network, which stand in the tables of the model: the joint part is the
        network without them.

    Examples
    --------
    See :class:`glassbox.MonotonicNetClassifier`.
    """

    network: MonotoneNetwork
    shown: AdditiveModel

    def __post_init__(self):
        if self.shown.n_outputs != 1 or any(len(term.axes) != 1 for term in self.shown.terms):
            raise ValueError("What tables show of a network is main effects, with one output.")

    def scores(self, columns: Columns) -> np.ndarray:
        """Shape (n_rows,)."""
        return self.network.scores(columns) - self.shown.scores(columns)[:, 0]

    def tables(self, trunk: AdditiveModel) -> AdditiveModel:
        """The tables of a trunk together with what they show of the network.

        These tables and the joint part together are trunk and network together.
        """
        return self._with(trunk, 1.0)

    def additivity(self, tables: AdditiveModel, columns: Columns, weights: np.ndarray) -> float:
        """Share of the variance of the score that is in the tables, over some rows."""
        extra = self.scores(columns)
        whole = tables.scores(columns)[:, 0] + extra
        variance, left = (np.cov(v, aweights=weights, bias=True) for v in (whole, extra))
        return 1.0 if variance <= 0 else float(np.clip(1 - left / variance, 0.0, 1.0))

    def trunk(self, tables: AdditiveModel) -> AdditiveModel:
        """Tables without what they show of the network: the inverse of :meth:`tables`."""
        return self._with(tables, -1.0)

    def _with(self, model: AdditiveModel, share: float) -> AdditiveModel:
        strange = [term for term in self.shown.terms if not _stands_in(term, model)]
        if strange:
            raise ValueError(f"The tables of the model do not show {strange[0].name!r}.")
        shown = {term.name: share * term.coefficients for term in self.shown.terms}
        terms = tuple(
            term.replace(coefficients=term.coefficients + shown[term.name])
            if term.name in shown
            else term
            for term in model.terms
        )
        return model.replace(terms=terms, intercept=model.intercept + share * self.shown.intercept)


def _stands_in(term: Term, model: AdditiveModel) -> bool:
    return any(term.name == other.name and term.axes == other.axes for other in model.terms)


def _inputs(terms: Sequence[Term], columns: Columns, n_rows: int) -> np.ndarray:
    parts = [term.evaluate([term.axes[0].locate(columns[term.features[0]])]) for term in terms]
    return np.hstack([np.zeros((n_rows, 0)), *parts])


def _shape(array: np.ndarray, n_dimensions: int, what: str) -> tuple[int, ...]:
    if array.ndim != n_dimensions:
        raise ValueError(f"A network's {what}: {n_dimensions} dimensions expected.")
    return array.shape


def _expect(array: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    if array.shape != shape:
        raise ValueError(f"A network's {what}: shape {array.shape}, expected {shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"A network's {what}: a number is not finite.")
