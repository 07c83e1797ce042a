"""Weights of classes: from what the user gives to one factor per class."""

from __future__ import annotations

import numbers
from collections.abc import Mapping

import numpy as np

from glassbox.estimators._blocks import Blocks


def class_weights(
    given: Mapping | str | None, classes: np.ndarray, blocks: Blocks
) -> np.ndarray | None:
    """Factors on the weights of rows, by class number.

    Parameters
    ----------
    given : mapping from class to float, "balanced" or None
    classes : ndarray of shape (n_classes,)
    blocks : Blocks
        The training rows; "balanced" makes all classes weigh the same in them.

    Raises
    ------
    ValueError
        For an unknown class, or a weight that is not above zero.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        known = classes.tolist()
        for label, value in given.items():
            if label not in known:
                raise ValueError(
                    f"class_weight names {label!r}, which is not a class; the classes are {known}."
                )
            if not isinstance(value, numbers.Real) or not 0 < value < np.inf:
                raise ValueError(f"class_weight of {label!r} must be above 0, got {value!r}.")
        return np.array([float(given.get(label, 1.0)) for label in known])
    counts = np.zeros(len(classes))
    for table in blocks:
        counts += np.bincount(table.y.astype(int), table.weights, len(counts))
    # A chunk may lack a class, whose weight is then never used.
    return counts.sum() / (len(counts) * np.where(counts > 0, counts, 1.0))
