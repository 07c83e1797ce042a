"""Columns in bins, and which bin stands behind each coefficient of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.schema import ColumnSchema
from glassbox.solvers._boosting.terms import BinnedFeature

#: Cuts are placed from so many rows at most: with a thousand bins, the share of the rows in a bin
#: is then known to 7 %.
_MOST_ROWS = 200_000


@dataclass(frozen=True)
class BinnedColumn:
    """A column on an axis of steps, and in bins.

    Attributes
    ----------
    axis : NumericAxis or CategoricalAxis
    feature : BinnedFeature
    bin_of_slot : ndarray of shape (axis.size,)
        The bin of each coefficient; -1 where no row of the training table lies.
    """

    axis: Axis
    feature: BinnedFeature
    bin_of_slot: np.ndarray

    def without_rows(self) -> BinnedColumn:
        """The bins alone."""
        return replace(self, feature=replace(self.feature, codes=self.feature.codes[:0]))

    def recoded(self, values: np.ndarray) -> BinnedColumn:
        """The bins of other rows.

        Raises
        ------
        ValueError
            If there is no bin for some value.
        """
        bins = self.bin_of_slot[self.axis.locate(values).first]
        if (bins < 0).any():
            raise ValueError(
                f"Column {self.axis.name!r} holds missing values or categories of which the last "
                "fit saw none: there is no bin to go on with. Set warm_start=False to start "
                "afresh."
            )
        codes = bins.astype(self.feature.codes.dtype)
        return replace(self, feature=replace(self.feature, codes=codes))


def bin_column(
    column: ColumnSchema,
    values: np.ndarray,
    max_bins: int,
    direction: int = 0,
    missing: str = "low",
) -> BinnedColumn:
    """Cut a column into bins of about equally many rows, at the places that interpret chooses.

    Parameters
    ----------
    column : ColumnSchema
    values : ndarray of shape (n_rows,)
        Rows in an order that has nothing to do with their values.
    max_bins : int
        Most bins, missing and unseen included.
    direction : {-1, 0, 1}
    missing : {"low", "high", "separate"}
        Where *missing* stands in the order of the bins; lowest, and not to be cut with others.
    """
    if column.kind == "categorical" and not column.ordered:
        return bin_on(CategoricalAxis(column.name, column.categories), values)
    if column.kind == "categorical":
        axis = CategoricalAxis(column.name, column.categories, ordered=True)
        codes = np.where(values < 0, np.nan, values.astype(float))
        return _bin_ordered(axis, values, choose_cuts(codes, max_bins), direction, missing)
    axis = NumericAxis(column.name, with_edges(choose_cuts(values, max_bins), values))
    return bin_on(axis, values, direction, missing)


def bin_on(
    axis: Axis, values: np.ndarray, direction: int = 0, missing: str = "low"
) -> BinnedColumn:
    """One bin for each coefficient of an axis that has rows, or lies between some that do."""
    slot = axis.locate(values).first
    used = np.bincount(slot, minlength=axis.size) > 0
    nominal = isinstance(axis, CategoricalAxis)
    if not nominal:
        used[: axis.n_values] = True
    return _numbered(axis, slot, used, np.arange(axis.size), nominal, direction, missing)


def _bin_ordered(
    axis: CategoricalAxis, values: np.ndarray, cuts: np.ndarray, direction: int, missing: str
) -> BinnedColumn:
    group = np.searchsorted(cuts, np.arange(axis.n_values), side="right")
    group = np.append(group, [len(cuts) + 1, len(cuts) + 2])
    slot = axis.locate(values).first
    used = np.ones(axis.size, dtype=bool)
    used[axis.n_values :] = np.bincount(slot, minlength=axis.size)[axis.n_values :] > 0
    return _numbered(axis, slot, used, group, False, direction, missing)


def _numbered(
    axis: Axis,
    slot_of_row: np.ndarray,
    used: np.ndarray,
    group_of_slot: np.ndarray,
    nominal: bool,
    direction: int,
    missing: str,
) -> BinnedColumn:
    """Bins are groups of slots, in the order of the slots but for *missing*."""
    has_missing = bool(used[axis.missing_index])
    rank = group_of_slot.astype(float)
    rank[axis.missing_index] = np.inf if missing == "high" else -1.0
    bin_of_slot = np.full(axis.size, -1)
    bin_of_slot[used] = np.unique(rank[used], return_inverse=True)[1]
    n_bins = int(bin_of_slot.max()) + 1
    codes = bin_of_slot.astype(np.uint8 if n_bins <= 256 else np.uint16)[slot_of_row]
    separate = has_missing and not nominal and missing == "separate"
    feature = BinnedFeature(codes, n_bins, nominal, separate, direction)
    return BinnedColumn(axis, feature, bin_of_slot)


def choose_cuts(values: np.ndarray, max_bins: int) -> np.ndarray:
    """Where interpret cuts a numeric column; NaN is missing."""
    from interpret.utils._native import Native

    # numpy sorts much faster than what chooses the cuts.
    sample = np.sort(np.asarray(values[:_MOST_ROWS], dtype=np.float64))
    # Missing and unseen values have bins of their own, and three bins need two cuts.
    return Native.get_native_singleton().cut_quantile(sample, 1, False, max_bins - 3)


def with_edges(cuts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Cuts as the inner knots of an axis whose outer knots are the edges of the data."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.array([0.0, 1.0]) if not len(cuts) else _widened(cuts, cuts[0], cuts[-1])
    return _widened(cuts, present.min(), present.max())


def _widened(cuts: Sequence[float], low: float, high: float) -> np.ndarray:
    if len(cuts):
        low = low if low < cuts[0] else np.nextafter(cuts[0], -np.inf)
        high = high if high > cuts[-1] else np.nextafter(cuts[-1], np.inf)
    elif low == high:
        margin = max(0.5, float(np.spacing(abs(low))))
        low, high = low - margin, high + margin
    return np.array([low, *cuts, high])
