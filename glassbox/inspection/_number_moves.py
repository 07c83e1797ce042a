"""Moves between numbers, of all sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassbox.inspection._tables import Tables
from glassbox.inspection._turns import Turns

_TINIEST, _TINY = -9.0, -3.0  # powers of ten, as shares of the range

Ends = tuple[np.ndarray, np.ndarray]


class NumberMoves:
    """Moves of six kinds, in equal parts.

    Parameters
    ----------
    tables : Tables
    name : str
    values : ndarray of shape (n_rows,)
        The numbers in X; NaN if missing.
    margin : float
        How far moves leave the observed range, as a share of it.
    rng : Generator
    """

    def __init__(
        self,
        tables: Tables,
        name: str,
        values: np.ndarray,
        margin: float,
        rng: np.random.Generator,
    ):
        self._tables, self._name, self._rng = tables, name, rng
        self._type = tables.number_type(name)
        self._values = np.unique(values[~np.isnan(values)])
        n = len(self._values)
        if n:
            self._lowest, self._highest = self._values[[0, -1]]
            spread = self._highest - self._lowest
            self._range = spread if spread > 0 else max(abs(self._highest), 1.0)
            self._margin = margin * self._range
        at_values = (self._next, self._tiny, self._across, self._beyond)
        between = (self._neighbours, self._inside)
        self._kinds = [(kind, Turns(n, rng)) for kind in at_values if n]
        self._kinds += [(kind, Turns(n - 1, rng)) for kind in between if n > 1]
        self._kinds_in_turn = Turns(len(self._kinds), rng)

    def draw(self, n: int) -> Ends:
        """Numbers before and after; fewer than asked for where the type allows no such move."""
        counts = np.bincount(self._kinds_in_turn.next(n), minlength=len(self._kinds))
        proposed = [
            propose(turns.next(count), count)
            for (propose, turns), count in zip(self._kinds, counts, strict=True)
        ]
        low, high = np.concatenate([np.empty((2, 0)), *proposed], axis=1)
        if len(self._values) and not self._margin:
            low, high = np.clip([low, high], self._lowest, self._highest)
        low = _representable(low, self._type, np.floor)
        high = _representable(high, self._type, np.ceil)
        return low[low < high], high[low < high]

    def column(self, values: np.ndarray) -> Any:
        """These numbers as a column."""
        return self._tables.numbers(self._name, values.astype(self._type))

    # A kind of move is given observed values, by number, to move from or to.

    def _next(self, turn: np.ndarray, n: int) -> Ends:
        step_type = self._type if self._type.kind == "f" else np.float64
        at = self._values[turn].astype(step_type)
        upwards = self._coins(n)
        low = np.where(upwards, at, np.nextafter(at, -np.inf))
        return low, np.where(upwards, np.nextafter(at, np.inf), at)

    def _tiny(self, turn: np.ndarray, n: int) -> Ends:
        at = self._values[turn]
        step = self._range * 10 ** self._rng.uniform(_TINIEST, _TINY, size=n)
        upwards = self._coins(n)
        return np.where(upwards, at, at - step), np.where(upwards, at + step, at)

    def _neighbours(self, turn: np.ndarray, n: int) -> Ends:
        return self._values[turn], self._values[turn + 1]

    def _inside(self, turn: np.ndarray, n: int) -> Ends:
        left, right = self._values[turn], self._values[turn + 1]
        shares = np.sort(self._rng.random((2, n)), axis=0)
        kind = self._rng.integers(3, size=n)
        low = np.where(kind == 0, left, left + shares[0] * (right - left))
        high = np.where(kind == 1, right, left + shares[1] * (right - left))
        return low, high

    def _across(self, turn: np.ndarray, n: int) -> Ends:
        ends = self._lowest - self._margin, self._highest + self._margin
        anywhere = self._rng.uniform(*ends, size=n)
        at, other = self._values[turn], self._rng.choice(self._values, n)
        other = np.where(self._coins(n) | (at == other), anywhere, other)
        return np.minimum(at, other), np.maximum(at, other)

    def _beyond(self, turn: np.ndarray, n: int) -> Ends:
        near, far = np.sort(self._rng.random((2, n)), axis=0) * self._margin
        upwards = self._coins(n)
        end = np.where(upwards, self._highest + near, self._lowest - near)
        inner = np.where(self._coins(n), end, self._values[turn])
        outer = np.where(upwards, self._highest + far, self._lowest - far)
        return np.minimum(inner, outer), np.maximum(inner, outer)

    def _coins(self, n: int) -> np.ndarray:
        return self._rng.random(n) < 0.5


def _representable(values: np.ndarray, dtype: np.dtype, round_whole: Callable) -> np.ndarray:
    """Values of a type, as float64."""
    if dtype.kind == "f":
        limits = np.finfo(dtype)
        return np.clip(values, limits.min, limits.max).astype(dtype).astype(np.float64)
    return np.clip(round_whole(values), *_whole_limits(dtype))


def _whole_limits(dtype: np.dtype) -> tuple[float, float]:
    """The smallest and the largest float64 that the type can hold."""
    if dtype.kind == "b":
        return 0.0, 1.0
    limits = np.iinfo(dtype)
    largest = float(limits.max)
    if int(largest) > limits.max:
        largest = np.nextafter(largest, 0.0)
    return float(limits.min), largest
