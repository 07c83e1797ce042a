"""How far one model's scores are from another's, in the units of the loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp, softmax

from glassbox.core.links import get_link


@dataclass(frozen=True)
class Divergence:
    """Kullback-Leibler divergence of the outcomes that two scores predict, row by row.

    Up to what does not change with the scores, it is the negative log-likelihood of outcomes that
    are exactly what the original predicts: the original itself is its minimum.

    Parameters
    ----------
    link : {"identity", "logit", "softmax", "log"}
        Normal scatter, two classes, several classes, counts.
    dispersion : float
        Variance of the scatter, in units of the mean's own variance (identity and log).

    Examples
    --------
    >>> Divergence("logit").value(np.array([[0.0]]), np.array([[0.0]]))
    array([0.])
    """

    link: str
    dispersion: float = 1.0

    def value(self, original: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Divergence of every row, shape (n_rows,), of scores of shape (n_rows, n_outputs)."""
        mean = get_link(self.link).inverse(original)
        gap = self._partition(scores) - self._partition(original)
        gap -= (mean * (scores - original)).sum(axis=1)
        # Nearly equal scores leave nothing but rounding, which may be negative.
        return np.maximum(gap, 0.0) / self.dispersion

    def slope(self, original: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Its derivative in the scores, shape (n_rows, n_outputs)."""
        inverse = get_link(self.link).inverse
        return (inverse(scores) - inverse(original)) / self.dispersion

    def curvature(self, scores: np.ndarray) -> np.ndarray:
        """Its second derivative, shape (n_rows, n_outputs, n_outputs)."""
        if self.link == "softmax":
            p = softmax(scores, axis=1)
            second = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
        elif self.link == "logit":
            second = (expit(scores) * expit(-scores))[:, :, None]
        elif self.link == "log":
            second = np.exp(scores)[:, :, None]
        else:
            second = np.ones((len(scores), 1, 1))
        return second / self.dispersion

    def _partition(self, scores: np.ndarray) -> np.ndarray:
        if self.link == "softmax":
            return logsumexp(scores, axis=1)
        score = scores[:, 0]
        if self.link == "logit":
            return np.logaddexp(0.0, score)
        return np.exp(score) if self.link == "log" else score**2 / 2
