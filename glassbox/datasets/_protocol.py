"""Evaluation protocols under which results have been published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.model_selection import StratifiedShuffleSplit


@dataclass(frozen=True)
class PublishedProtocol:
    """The columns and the random splits that make results comparable.

    Attributes
    ----------
    target : str
        The column to predict.
    columns : tuple of str
        The columns to predict it from, in their order.
    n_splits, test_size, random_state : int, float, int
        What defines the splits.
    """

    target: str
    columns: tuple[str, ...]
    n_splits: int
    test_size: float
    random_state: int

    def splitter(self) -> StratifiedShuffleSplit:
        """Return the splitter, for the argument ``cv`` of scikit-learn's functions."""
        from sklearn.model_selection import StratifiedShuffleSplit

        return StratifiedShuffleSplit(
            n_splits=self.n_splits, test_size=self.test_size, random_state=self.random_state
        )

    def splits(self, y: ArrayLike) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the row numbers of each split as pairs of training and test rows.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The target of all rows, in the order of the file.
        """
        y = np.asarray(y)
        return list(self.splitter().split(np.zeros((len(y), 1)), y))


# Used with SUPPORT2 in the literature on boosted and neural additive models. It keeps the
# coarse disease class and leaves the disease group out.
SUPPORT2_LEFT_OUT = ("dzgroup",)
SUPPORT2_SPLITS = {"n_splits": 5, "test_size": 0.15, "random_state": 1377}
