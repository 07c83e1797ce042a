"""Nodes: the finitely many positions of a feature at which sums of its functions are extreme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import sparse

from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.refine import common_axis, refinement_matrix


@dataclass(frozen=True)
class Nodes:
    """Positions of one feature, and what each of several axes reads there.

    Attributes
    ----------
    maps : tuple of csr_array or None
        One per axis, shape (n_nodes, axis.size): from coefficients to values at the nodes. None
        stands for the identity.
    labels : ndarray of object, shape (n_nodes,)
        Where the nodes are: numbers, categories, and None for missing and unseen.
    kinds : ndarray of object, shape (n_nodes,)
        "value", "missing" or "unseen".
    exact : bool
        Whether the functions attain their values at the nodes. If not (degree 3), the functions
        lie between the smallest and the largest of them.
    """

    maps: tuple[sparse.csr_array | None, ...]
    labels: np.ndarray
    kinds: np.ndarray
    exact: bool

    def read(self, number: int, table: np.ndarray) -> np.ndarray:
        """A table over axis `number` (its first dimension), read at the nodes."""
        matrix = self.maps[number]
        if matrix is None:
            return table
        return (matrix @ table.reshape(len(table), -1)).reshape(-1, *table.shape[1:])

    def keep(self, chosen: np.ndarray) -> Nodes:
        """Only the chosen nodes."""
        maps = tuple(
            sparse.eye_array(len(chosen), format="csr")[chosen] if m is None else m[chosen]
            for m in self.maps
        )
        return Nodes(maps, self.labels[chosen], self.kinds[chosen], self.exact)


def feature_nodes(axes: Sequence[Axis]) -> Nodes:
    """Nodes shared by the axes on which one feature appears in a model.

    Whatever the coefficients: a sum of functions on these axes, multiplied by anything that does
    not depend on the feature, is smallest and largest at a node (or, at a step, just left of it).
    Linear extrapolation is not covered; see the callers.

    Parameters
    ----------
    axes : sequence of NumericAxis or CategoricalAxis
        At least one, all of the same feature.

    Raises
    ------
    AxisMergeError
        If there is no such set: cubic axes together with others that they cannot be merged with.
    """
    axes = list(axes)
    degrees = {axis.degree for axis in axes}
    if degrees == {0, 1} and all(isinstance(axis, NumericAxis) for axis in axes):
        return _two_sided_nodes(axes)
    shared = reduce(common_axis, axes)
    maps = tuple(None if axis == shared else refinement_matrix(axis, shared) for axis in axes)
    return Nodes(maps, *coefficient_labels(shared), exact=shared.degree < 3)


def _two_sided_nodes(axes: list[NumericAxis]) -> Nodes:
    knots = reduce(np.union1d, [axis.knots for axis in axes])
    maps = []
    for axis in axes:
        before = np.nextafter(knots, -np.inf) if axis.degree == 0 else knots
        rows = axis.locate(np.concatenate([before, knots, [np.nan]]))
        maps.append(rows.to_csr(axis.size))
    labels = np.concatenate([knots, knots, [None]]).astype(object)
    kinds = np.array(["value"] * (2 * len(knots)) + ["missing"], dtype=object)
    return Nodes(tuple(maps), labels, kinds, exact=True)


def coefficient_labels(axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """Where each coefficient of an axis stands, and of which kind it is."""
    kinds = np.full(axis.size, "value", dtype=object)
    kinds[axis.missing_index] = "missing"
    labels = np.empty(axis.size, dtype=object)
    if isinstance(axis, CategoricalAxis):
        kinds[axis.unseen_index] = "unseen"
        labels[: axis.n_values] = axis.categories
    elif axis.degree < 3:
        labels[: axis.n_values] = axis.knots[: axis.n_values]
    else:
        # a cubic coefficient has its largest weight close to the middle knot of its support
        labels[1 : axis.n_values - 1] = axis.knots
        labels[0], labels[axis.n_values - 1] = axis.knots[0], axis.knots[-1]
    return labels, kinds
