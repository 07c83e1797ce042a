"""The B-spline basis: from a number to a segment, and from there to ``degree + 1`` weights."""

from __future__ import annotations

import numpy as np

_BUCKETS_PER_CUT = 16
_MOST_CUTS_PER_BUCKET = 8


class SegmentFinder:
    """``searchsorted(cuts, x, side="right")``, several times faster on many rows.

    A lookup table over equally wide buckets says how many cuts lie in earlier buckets; only the
    cuts in the row's own bucket are compared. Bucket numbers are a monotone function of `x` and
    are computed alike for cuts and rows, so that the answer is exact. Cuts that crowd into one
    bucket fall back to bisection.

    NaN is counted with the first segment: the caller knows which rows are missing.
    """

    def __init__(self, cuts: np.ndarray):
        self._cuts = np.ascontiguousarray(cuts, dtype=np.float64)
        self._first_cuts = None
        n_cuts = len(self._cuts)
        if n_cuts < 2:
            return
        width = self._cuts[-1] - self._cuts[0]
        n_buckets = _BUCKETS_PER_CUT * n_cuts
        if not np.isfinite(width) or not np.isfinite(n_buckets / width):
            return
        self._scale = n_buckets / width
        self._last_bucket = float(n_buckets)
        bucket_of_cut = self._bucket(self._cuts)
        crowding = int(np.bincount(bucket_of_cut).max())
        if crowding > _MOST_CUTS_PER_BUCKET:
            return
        self._crowding = crowding
        self._first_cuts = np.searchsorted(bucket_of_cut, np.arange(n_buckets + 1)).astype(
            np.int32
        )
        self._cuts_and_end = np.append(self._cuts, np.nan)

    def _bucket(self, x: np.ndarray) -> np.ndarray:
        bucket = x - self._cuts[0]
        bucket *= self._scale
        np.fmax(bucket, 0.0, out=bucket)
        np.fmin(bucket, self._last_bucket, out=bucket)
        return bucket.astype(np.int32)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if self._first_cuts is None:
            segment = np.searchsorted(self._cuts, x, side="right").astype(np.int32)
            segment[np.isnan(x)] = 0
            return segment
        segment = self._first_cuts.take(self._bucket(x))
        for _ in range(self._crowding):
            segment += x >= self._cuts_and_end.take(segment)
        return segment


def extended_knots(knots: np.ndarray, degree: int) -> np.ndarray:
    """Knots with `degree` more on each side, spaced as the first and the last segment are."""
    steps = np.arange(1, degree + 1)
    before = knots[0] - steps[::-1] * (knots[1] - knots[0])
    after = knots[-1] + steps * (knots[-1] - knots[-2])
    return np.concatenate([before, knots, after])


def bspline_weights(extended: np.ndarray, segment: np.ndarray, x: np.ndarray, degree: int):
    """Values of the ``degree + 1`` B-splines that live on each row's segment (Cox-de Boor).

    Parameters
    ----------
    extended : ndarray
        Output of :func:`extended_knots` for `degree`, or for a higher degree minus its outer ends.
    segment : ndarray of shape (n_rows,)
        Which segment between the original knots each row lies on.
    x : ndarray of shape (n_rows,) or (n_rows, degree)
        Positions, inside their segments. With one column per degree: the arguments of the blossom
        (polar form) of the segment's polynomial, from which knots are inserted.
    degree : int
        Degree of the splines.

    Returns
    -------
    ndarray of shape (n_rows, degree + 1)
        Weights of coefficients ``segment`` to ``segment + degree``; each row sums to one.
    """
    weights = np.empty((degree + 1, len(x)))  # one coefficient after the other: each is contiguous
    weights[0] = 1.0
    here = segment + degree  # extended[here] <= x < extended[here + 1]
    for d in range(1, degree + 1):
        carried = np.zeros(len(x))
        at = x if x.ndim == 1 else x[:, d - 1]
        for r in range(d):
            right = extended[here + r + 1]
            left = extended[here + r + 1 - d]
            share = weights[r] / (right - left)
            weights[r] = carried + (right - at) * share
            carried = (at - left) * share
        weights[d] = carried
    return weights.T


def uniform_cubic_weights(t: np.ndarray) -> np.ndarray:
    """What :func:`bspline_weights` returns for degree 3 where all knots are equally spaced.

    Parameters
    ----------
    t : ndarray of shape (n_rows,)
        Position in the row's segment, from 0 to 1.

    Returns
    -------
    ndarray of shape (n_rows, 4)
    """
    weights = np.empty((4, len(t)))
    rest = 1.0 - t
    np.multiply(t, t * t, out=weights[3])
    np.multiply(rest, rest * rest, out=weights[0])
    for row, distance in ((1, t), (2, rest)):  # to the middle of the coefficient's support
        np.multiply(distance * distance, 3.0 * distance - 6.0, out=weights[row])
        weights[row] += 4.0
    weights /= 6.0
    return weights.T


def bspline_slopes(extended: np.ndarray, segment: np.ndarray, x: np.ndarray, degree: int):
    """First derivatives of the weights that :func:`bspline_weights` returns."""
    lower = bspline_weights(extended[1:-1], segment, x, degree - 1)
    here = segment + degree
    slopes = np.zeros((len(x), degree + 1))
    for r in range(degree):
        change = degree * lower[:, r] / (extended[here + r + 1] - extended[here + r + 1 - degree])
        slopes[:, r] -= change
        slopes[:, r + 1] += change
    return slopes
