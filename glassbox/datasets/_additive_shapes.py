"""The shapes that `make_additive` draws from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from glassbox.datasets._truth import Levels

__all__ = ["KINDS", "Bilinear", "Levels", "Loaded", "NumericShape", "population"]

# Over -2 to 2, the width of the uniform marginal and the bulk of the normal one.
KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "quadratic": lambda x: x**2,
    "sine": lambda x: np.sin(2 * x),
    "step": lambda x: 1.0 * (x >= -0.6) + 1.5 * (x >= 0.8),
    "kink": lambda x: np.abs(x - 0.3),
    "tanh": lambda x: np.tanh(3 * x),
    "plateau": lambda x: np.clip(x, -0.2, 0.9),
    "null": np.zeros_like,
}

HALF_WIDTH = 2.0


def _from_normal_scores(z: np.ndarray, marginal: str) -> np.ndarray:
    return z if marginal == "normal" else HALF_WIDTH * (2 * ndtr(z) - 1)


def _to_normal_scores(x: np.ndarray, marginal: str) -> np.ndarray:
    if marginal == "normal":
        return x
    # Kept off the very edge, where the normal score is infinite.
    return ndtri(np.clip((x / HALF_WIDTH + 1) / 2, 1e-6, 1 - 1e-6))


def _grid(marginal: str) -> np.ndarray:
    """Return equally probable values that stand for the whole distribution."""
    n = 20_000
    return _from_normal_scores(ndtri((np.arange(n) + 0.5) / n), marginal)


population = SimpleNamespace(
    cdf=ndtr, from_normal_scores=_from_normal_scores, to_normal_scores=_to_normal_scores
)


@dataclass(frozen=True)
class NumericShape:
    """A shape with mean zero and a chosen standard deviation over the whole distribution."""

    kind: str
    scale: float
    mean: float
    missing: float = 0.0

    @classmethod
    def of_kind(cls, kind: str, marginal: str, deviation: float) -> NumericShape:
        """Scale a shape of the kind to the standard deviation."""
        effect = KINDS[kind](_grid(marginal))
        spread = effect.std()
        return cls(kind, deviation / spread if spread > 0 else 0.0, float(effect.mean()))

    def with_missing(self, missing: float) -> NumericShape:
        """Return the same shape with another effect of a missing value."""
        return replace(self, missing=missing)

    def __call__(self, values: ArrayLike) -> np.ndarray:
        """Return the effect of each value."""
        x = np.asarray(values, dtype=float)
        effect = self.scale * (KINDS[self.kind](x) - self.mean)
        return np.where(np.isnan(x), self.missing, effect)


@dataclass(frozen=True)
class Bilinear:
    """The product of two normal scores without their main effects; zero where one is missing.

    For standard normal u and v of correlation r, the expectation of uv given u is ru². Hence
    uv - r - a(u² - 1) - a(v² - 1) with a = r / (1 + r²) has expectation zero given either, and
    its variance is (1 - r²)² / (1 + r²).
    """

    correlation: float
    marginal: str
    scale: float

    @classmethod
    def of(cls, correlation: float, marginal: str, deviation: float) -> Bilinear:
        """Scale the surface to the standard deviation."""
        spread = (1 - correlation**2) / np.sqrt(1 + correlation**2)
        return cls(correlation, marginal, deviation / spread)

    def __call__(self, first: ArrayLike, second: ArrayLike) -> np.ndarray:
        """Return the joint effect of each pair of values."""
        u, v = (
            population.to_normal_scores(np.asarray(values, dtype=float), self.marginal)
            for values in (first, second)
        )
        r = self.correlation
        main = r / (1 + r**2) * (u**2 + v**2 - 2)
        effect = self.scale * (u * v - r - main)
        return np.where(np.isnan(effect), 0.0, effect)


@dataclass(frozen=True)
class Loaded:
    """A shape or pair shape that weighs differently on each class."""

    shape: Callable[..., np.ndarray]
    loadings: np.ndarray

    @classmethod
    def drawn(
        cls, shape: Callable[..., np.ndarray], n_classes: int, rng: np.random.RandomState
    ) -> Loaded:
        """Draw loadings with sum zero and mean square one."""
        loadings = rng.standard_normal(n_classes)
        loadings -= loadings.mean()
        return cls(shape, loadings / np.sqrt(np.mean(loadings**2)))

    def __call__(self, *values: ArrayLike) -> np.ndarray:
        """Return the effect of each row on each class."""
        return np.outer(self.shape(*values), self.loadings)
