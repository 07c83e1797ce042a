"""A score that is held to its promise: one number per row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Shares of the largest absolute score that are taken for rounding.
_ROUNDING, _ROUNDING_OF_FLOAT32 = 1e-12, 1e-6


class CheckedScore:
    """Scores as one float64 per row; remembers their size and precision.

    Parameters
    ----------
    score : callable
        From a table to its scores: an array, a tensor, or anything that becomes an array.
    scored : str
        What the scores are, for messages.
    """

    def __init__(self, score: Callable[[Any], Any], scored: str):
        self._score, self._scored = score, scored
        self._largest, self._rounding = 0.0, _ROUNDING

    @property
    def tolerance(self) -> float:
        """How large a change of the scores that were met may be and still be rounding."""
        return float(self._rounding * self._largest)

    def __call__(self, X: Any) -> np.ndarray:
        scores = self._one_per_row(_as_array(self._score(X)), len(X))
        if scores.dtype.kind == "f" and scores.dtype.itemsize < 8:
            self._rounding = _ROUNDING_OF_FLOAT32
        scores = self._as_numbers(scores)
        finite = np.abs(scores[np.isfinite(scores)])
        self._largest = max(self._largest, finite.max(initial=0.0))
        return scores

    def _one_per_row(self, scores: np.ndarray, n_rows: int) -> np.ndarray:
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if scores.shape != (n_rows,):
            raise ValueError(
                f"{self._scored} gave an array of shape {scores.shape} for {n_rows} rows, and one "
                "score per row is needed. For models of several classes or outputs, give a "
                "callable that returns the one score to test."
            )
        return scores

    def _as_numbers(self, scores: np.ndarray) -> np.ndarray:
        try:
            numbers = scores.astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(
                f"{self._scored} gave {scores[0]!r}, which is not a number. Give a callable that "
                "returns scores."
            ) from None
        if np.isnan(numbers).any():
            raise ValueError(
                f"{self._scored} gave NaN for {np.isnan(numbers).sum()} of {len(numbers)} rows. "
                "If the model takes no missing values, fill them in X first."
            )
        return numbers


def _as_array(scores: Any) -> np.ndarray:
    if hasattr(scores, "detach"):  # a tensor
        scores = scores.detach().cpu()
        if "bfloat" in str(scores.dtype):  # unknown to numpy
            scores = scores.float()
    return np.asarray(scores)
