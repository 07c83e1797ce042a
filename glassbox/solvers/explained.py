"""What sensitive features explain of scores, as quadratic forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Of the square of the scores: a smaller variance is that of rounding.
_ROUNDING = 1e-20


@dataclass(frozen=True, eq=False)
class Explained:
    """What a sensitive feature explains of a score, as a quadratic form.

    Attributes
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        Whitened columns of the feature; zero outside its stratum.
    weights : ndarray of shape (n_rows,)
        Of the rows, for covariances; zero outside the stratum, with sum one inside.
    share : float
        Weight of this summand.
    """

    columns: np.ndarray
    weights: np.ndarray
    share: float

    def variance(self, scores: np.ndarray) -> float:
        """Variance of the scores in the stratum, summed over outputs."""
        scores = centred(scores)
        return float((self.weights @ (scores - self.weights @ scores) ** 2).sum())

    def ratio(self, scores: np.ndarray) -> float:
        """Share of that variance that the feature explains."""
        variance = self.variance(scores)
        explained = (self.covariances(centred(scores)) ** 2).sum()
        size = float((self.weights @ scores**2).sum())
        return float(explained / variance) if variance > _ROUNDING * size else 0.0

    def covariances(self, values: np.ndarray) -> np.ndarray:
        """Of the columns with each of the values, shape (n_columns, n_values)."""
        return (self.columns * self.weights[:, None]).T @ (values - self.weights @ values)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """``unit * |start + C w|^2``, summed over outputs, as a function of the unknowns w.

    Attributes
    ----------
    covariances : ndarray of shape (n_columns, n_unknowns)
        C: of the feature's columns with what each unknown adds to the score.
    start : ndarray of shape (n_columns, n_outputs)
        Of the columns with the original's scores.
    unit : float
    curvature : ndarray of shape (n_outputs * n_unknowns, n_outputs * n_unknowns)
        Half the second derivative.
    """

    covariances: np.ndarray
    start: np.ndarray
    unit: float
    curvature: np.ndarray

    @classmethod
    def of(cls, covariances: np.ndarray, start: np.ndarray, unit: float) -> Quadratic:
        """From its parts."""
        n_outputs = start.shape[1]
        spread = np.eye(n_outputs)
        if n_outputs > 1:
            spread = spread - 1 / n_outputs
        curvature = unit * np.kron(spread, covariances.T @ covariances)
        return cls(covariances, start, unit, curvature)

    def _at(self, point: np.ndarray) -> np.ndarray:
        n_outputs = self.start.shape[1]
        moved = self.covariances @ point.reshape(n_outputs, -1).T
        return self.start + centred(moved)

    def value(self, point: np.ndarray) -> float:
        """Its value for unknowns, one output after the other."""
        return self.unit * float((self._at(point) ** 2).sum())

    def slope(self, point: np.ndarray) -> np.ndarray:
        """Half its derivative."""
        return self.unit * (self.covariances.T @ self._at(point)).T.ravel()


def centred(scores: np.ndarray) -> np.ndarray:
    """Scores of several classes without what all of them share, which predicts nothing."""
    return scores if scores.shape[1] == 1 else scores - scores.mean(axis=1, keepdims=True)
