"""Known shape functions, and the score that they add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

Shape = Callable[[ArrayLike], np.ndarray]
PairShape = Callable[[ArrayLike, ArrayLike], np.ndarray]


@dataclass(frozen=True)
class PiecewiseLinear:
    """Straight lines between points, flat outside them, with jumps on top.

    Attributes
    ----------
    points : sequence of (x, effect)
        Ascending in x.
    jumps : sequence of (x, height)
        What is added from x on; x itself belongs to the right.
    missing : float
        The effect of a missing value.
    """

    points: Sequence[tuple[float, float]]
    jumps: Sequence[tuple[float, float]] = ()
    missing: float = 0.0

    def __call__(self, values: ArrayLike) -> np.ndarray:
        """Return the effect of each value."""
        x = np.asarray(values, dtype=float)
        knots, effects = zip(*self.points, strict=True)
        effect = np.interp(x, knots, effects)
        for cut, height in self.jumps:
            effect = effect + height * (x >= cut)
        return np.where(np.isnan(x), self.missing, effect)


@dataclass(frozen=True)
class Levels:
    """One effect per level.

    Attributes
    ----------
    effects : mapping of level to effect
        A level that is not in it is refused.
    missing : float
        The effect of a missing value.
    """

    effects: Mapping[object, float]
    missing: float = 0.0

    def __call__(self, values: ArrayLike) -> np.ndarray:
        """Return the effect of each level."""
        labels = pd.Series(np.asarray(values, dtype=object))
        absent = labels.isna()
        effect = labels.map(dict(self.effects)).where(~absent, self.missing)
        unseen = labels[effect.isna()]
        if len(unseen):
            raise ValueError(
                f"The level {unseen.iloc[0]!r} has no effect; the levels are {list(self.effects)}."
            )
        return effect.to_numpy(dtype=float)


@dataclass(frozen=True)
class Centred:
    """A shape moved so that its mean over a table is zero."""

    shape: Shape
    mean: float | np.ndarray

    def __call__(self, values: ArrayLike) -> np.ndarray:
        """Return the effect of each value."""
        return self.shape(values) - self.mean


@dataclass(frozen=True)
class CentredPair:
    """A pair shape moved so that its mean over a table is zero."""

    shape: PairShape
    mean: float | np.ndarray

    def __call__(self, first: ArrayLike, second: ArrayLike) -> np.ndarray:
        """Return the joint effect of each pair of values."""
        return self.shape(first, second) - self.mean


@dataclass(frozen=True)
class Product:
    """A pair shape that is a product of one function per feature."""

    first: Shape
    second: Shape
    strength: float = 1.0

    def __call__(self, first: ArrayLike, second: ArrayLike) -> np.ndarray:
        """Return the joint effect of each pair of values."""
        return self.strength * self.first(first) * self.second(second)


@dataclass
class Truth:
    """Shapes with mean zero over a table, and what centring took out of them."""

    shapes: dict[str, Shape]
    pair_shapes: dict[tuple[str, str], PairShape]
    intercept: float | np.ndarray
    score: np.ndarray = field(repr=False)


def centred_product(
    frame: pd.DataFrame, names: tuple[str, str], first: Shape, second: Shape, strength: float
) -> Product:
    """Return the product of two functions, each with mean zero over its own column.

    Averaged over either column with the other held fixed, such a product is zero, so it
    carries no main effect as long as the two columns are independent.
    """
    factors = [
        Centred(shape, float(np.mean(shape(frame[name]))))
        for shape, name in zip((first, second), names, strict=True)
    ]
    return Product(*factors, strength=strength)


def centre(
    frame: pd.DataFrame,
    shapes: Mapping[str, Shape],
    pair_shapes: Mapping[tuple[str, str], PairShape],
    intercept: float | np.ndarray,
    *,
    keep_intercept: bool,
) -> Truth:
    """Centre all shapes over a table, and evaluate their sum.

    Parameters
    ----------
    frame : DataFrame
        The table.
    shapes, pair_shapes : mappings
        The shapes as written down.
    intercept : float or ndarray
        What is added to them.
    keep_intercept : bool
        Whether the intercept holds for the shapes once centred. Otherwise it holds for the
        shapes as written down, and takes up the means.
    """
    centred: dict[str, Shape] = {}
    centred_pairs: dict[tuple[str, str], PairShape] = {}
    contributions = []
    means = 0.0
    for name, shape in shapes.items():
        effect = shape(frame[name])
        mean = effect.mean(axis=0)
        centred[name] = Centred(shape, mean)
        contributions.append(effect - mean)
        means = means + mean
    for names, pair in pair_shapes.items():
        effect = pair(frame[names[0]], frame[names[1]])
        mean = effect.mean(axis=0)
        centred_pairs[names] = CentredPair(pair, mean)
        contributions.append(effect - mean)
        means = means + mean
    if not keep_intercept:
        intercept = intercept + means
    return Truth(centred, centred_pairs, intercept, intercept + np.sum(contributions, axis=0))
