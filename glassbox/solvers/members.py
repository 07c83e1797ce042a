"""Members: one penalised fit per bootstrap sample, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from glassbox.solvers._families import Family
from glassbox.solvers.adaptive import Part

_MOST_STEPS = 30
_MOST_ROUNDS = 3
# Of the Newton decrement (twice the log-likelihood to be gained) where the steps begin.
_TOLERANCE = 1e-4
# Log-likelihood, in units of the dispersion, that no member needs to gain any more.
_ENOUGH = 1e-2


@dataclass(frozen=True)
class Batch:
    """Some rows, ready for sums over them.

    Attributes
    ----------
    rows : sparse array of shape (n_rows, n_columns)
        Basis rows, float32.
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,)
        Sample weights.
    bags : ndarray of float32, shape (n_rows, n_members)
        How often each member drew each row; a member is judged by the rows that it did not draw.
    """

    rows: sparse.csr_array
    y: np.ndarray
    weights: np.ndarray
    bags: np.ndarray

    @cached_property
    def transposed(self) -> sparse.csr_array:
        """The basis rows, transposed."""
        return sparse.csr_array(self.rows.T)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)


@dataclass
class Members:
    """Coefficients of all members.

    Attributes
    ----------
    coefficients : ndarray of shape (n_columns, n_predictors, n_members)
    intercept : ndarray of shape (n_predictors, n_members)
    """

    coefficients: np.ndarray
    intercept: np.ndarray

    @classmethod
    def alike(cls, coefficients: np.ndarray, intercept: np.ndarray, n_members: int) -> Members:
        """Members that all begin at the same coefficients."""
        return cls(
            np.repeat(coefficients[:, :, None], n_members, axis=2),
            np.repeat(intercept[:, None], n_members, axis=1),
        )

    def predictors(self, rows: sparse.csr_array) -> np.ndarray:
        """Predictors of some rows, shape (n_rows, n_predictors, n_members)."""
        n_columns, n_predictors, n_members = self.coefficients.shape
        flat = self.coefficients.reshape(n_columns, -1).astype(rows.dtype)
        return (rows @ flat).reshape(-1, n_predictors, n_members) + self.intercept


def refit_members(
    members: Members,
    batches: Iterable[Batch],
    parts: list[Part],
    family: Family,
    dispersion: float,
    *,
    anchor: Members | None = None,
    intercept_precision: np.ndarray | float = 0.0,
) -> Members:
    """The penalised fit of every member's own sample.

    Newton steps, each solved by preconditioned conjugate gradients for all members together: a
    step costs two sparse products with the basis rows, and their number does not depend on the
    number of coefficients, because the preconditioner is the inverse of a whole fit.

    Parameters
    ----------
    members : Members
        Where to begin; not changed.
    batches : iterable of Batch
        Is iterated over many times.
    parts : list of Part
    family : Family
    dispersion : float
    anchor : Members, optional
        Where the priors have their means; zero if not given.
    intercept_precision : float or ndarray of shape (n_predictors, 1)
        Prior precision of the intercept around that of the anchor.

    Returns
    -------
    Members
    """
    with threadpool_limits(limits=1, user_api="blas"):
        system = _System(members, batches, parts, family, dispersion, anchor, intercept_precision)
        for _ in range(_MOST_ROUNDS):
            if system.newton_step() < _ENOUGH:
                break
        return system.members


class _System:
    def __init__(self, members, batches, parts, family, dispersion, anchor, intercept_precision):
        self.members = Members(members.coefficients.copy(), members.intercept.copy())
        self.batches, self.parts, self.family = batches, parts, family
        self.dispersion, self.anchor = dispersion, anchor
        self.intercept_precision = intercept_precision
        self.coefficients = members.coefficients.mean(axis=2)
        self.intercept = members.intercept.mean(axis=1)

    def newton_step(self) -> float:
        """One step for all members; what it promised to gain, on average over them."""
        slope, intercept_slope, total = self._slopes()
        residual = slope - self._prior(self._from_anchor())
        intercept_residual = intercept_slope - self._intercept_pull()
        total = total + self.intercept_precision
        step = np.zeros_like(residual)
        intercept_step = np.zeros_like(intercept_residual)
        steered = self._steer(residual)
        intercept_steered = intercept_residual / total
        direction, intercept_direction = steered.copy(), intercept_steered.copy()
        decrement = _dot(residual, steered) + (intercept_residual * intercept_steered).sum(axis=0)
        promised = start = decrement
        if promised.mean() < _ENOUGH:
            return float(promised.mean())
        for _ in range(_MOST_STEPS):
            if not (decrement > _TOLERANCE * np.maximum(start, 1.0)).any():
                break
            image, intercept_image = self._curvature(direction, intercept_direction)
            image += self._prior(direction)
            intercept_image += self.intercept_precision * intercept_direction
            bend = _dot(direction, image) + (intercept_direction * intercept_image).sum(axis=0)
            length = np.divide(decrement, bend, out=np.zeros_like(bend), where=bend > 0)
            step += length * direction
            intercept_step += length * intercept_direction
            residual = residual - length * image
            intercept_residual = intercept_residual - length * intercept_image
            steered = self._steer(residual)
            intercept_steered = intercept_residual / total
            after = _dot(residual, steered) + (intercept_residual * intercept_steered).sum(axis=0)
            ratio = np.divide(after, decrement, out=np.zeros_like(after), where=decrement > 0)
            direction = steered + ratio * direction
            intercept_direction = intercept_steered + ratio * intercept_direction
            decrement = after
        self.members.coefficients += step
        self.members.intercept += intercept_step
        return float(promised.mean())

    def _slopes(self):
        slope = np.zeros_like(self.members.coefficients)
        intercept_slope = np.zeros_like(self.members.intercept)
        total = np.zeros_like(self.members.intercept)
        n_members = slope.shape[2]
        for batch in self.batches:
            predictors = self.members.predictors(batch.rows)
            slopes = np.empty_like(predictors, dtype=np.float32)
            for e in range(n_members):
                fit = self.family.local_fit(batch.y, predictors[:, :, e], batch.weights)
                slopes[:, :, e] = fit.slope
                curvature = np.einsum("naa->na", fit.curvature)
                total[:, e] += batch.bags[:, e] @ curvature
            slopes *= batch.bags[:, None, :]
            slope += _transposed_product(batch, slopes)
            intercept_slope += slopes.sum(axis=0, dtype=np.float64)
        scale = 1 / self.dispersion
        return slope * scale, intercept_slope * scale, np.maximum(total * scale, 1e-12)

    def _curvature(self, direction, intercept_direction):
        image = np.zeros_like(direction)
        intercept_image = np.zeros_like(intercept_direction)
        moving = Members(direction, intercept_direction)
        for batch in self.batches:
            shared = batch.rows @ self.coefficients.astype(batch.rows.dtype) + self.intercept
            fit = self.family.local_fit(batch.y, shared, batch.weights)
            moved = moving.predictors(batch.rows)
            if moved.shape[1] == 1:
                bent = moved * fit.curvature
            else:
                bent = np.einsum("nab,nbe->nae", fit.curvature, moved, optimize=True)
            bent = (bent * batch.bags[:, None, :]).astype(np.float32)
            image += _transposed_product(batch, bent)
            intercept_image += bent.sum(axis=0, dtype=np.float64)
        return image / self.dispersion, intercept_image / self.dispersion

    def _intercept_pull(self) -> np.ndarray:
        start = 0.0 if self.anchor is None else self.anchor.intercept
        return self.intercept_precision * (self.members.intercept - start)

    def _from_anchor(self) -> np.ndarray:
        if self.anchor is None:
            return self.members.coefficients
        return self.members.coefficients - self.anchor.coefficients

    def _prior(self, coefficients: np.ndarray) -> np.ndarray:
        return self._by_part(coefficients, "precision")

    def _steer(self, residual: np.ndarray) -> np.ndarray:
        return self._by_part(residual, "inverse")

    def _by_part(self, values: np.ndarray, matrix: str) -> np.ndarray:
        result = np.empty_like(values)
        for part in self.parts:
            for a in range(values.shape[1]):
                result[part.here, a] = getattr(part, matrix)[a] @ values[part.here, a]
        return result


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.einsum("mae,mae->e", first, second)


def _transposed_product(batch: Batch, values: np.ndarray) -> np.ndarray:
    product = batch.transposed @ values.reshape(batch.n_rows, -1)
    return product.reshape(-1, *values.shape[1:])
