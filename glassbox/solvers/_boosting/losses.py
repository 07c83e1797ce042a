"""What a row pulls its score towards: residuals and curvatures of the losses.

A *residual* is the negative slope of the loss in the score, a *curvature* its second derivative.
Scores of one row stand side by side: one for each bag and, if there are several, class.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glassbox.solvers._boosting._compiled import exact_inner
from glassbox.solvers._boosting._exponential import exponentials

_SQUARED, _LOG_LOSS, _POISSON, _GAMMA, _TWEEDIE, _HUBER, _SOFTMAX = range(7)
_CODES = {
    "squared_error": _SQUARED,
    "log_loss": _LOG_LOSS,
    "poisson": _POISSON,
    "gamma": _GAMMA,
    "tweedie": _TWEEDIE,
    "pseudo_huber": _HUBER,
    "multinomial": _SOFTMAX,
}
_LINKS = {
    _SQUARED: "identity",
    _LOG_LOSS: "logit",
    _POISSON: "log",
    _GAMMA: "log",
    _TWEEDIE: "log",
    _HUBER: "identity",
    _SOFTMAX: "softmax",
}


class Loss(NamedTuple):
    """A loss, as the compiled loops take it.

    Attributes
    ----------
    code : int
    parameter : float
        The power of a Tweedie loss, between 1 and 2, or delta of a pseudo-Huber loss.
    n_outputs : int
        Scores of a row.
    """

    code: int
    parameter: float
    n_outputs: int

    @classmethod
    def named(cls, name: str, parameter: float = 0.0, n_outputs: int = 1) -> Loss:
        """The loss of a name, such as "log_loss"."""
        return cls(_CODES[name], float(parameter), n_outputs)

    @property
    def link(self) -> str:
        """How scores and means of the outcome hang together."""
        return _LINKS[self.code]

    @property
    def scale(self) -> float:
        """Scores that move by much less than this leave the curvatures as they are."""
        if self.code == _SQUARED:
            return np.inf
        return self.parameter if self.code == _HUBER else 1.0

    @property
    def bounded_above(self) -> bool:
        """Whether parabolas of the curvatures lie above the loss: steps cannot go too far."""
        return self.code in (_SQUARED, _HUBER)


@exact_inner
def pull(loss, y, weights, draws, scores, bits, residuals, curvatures, losses, held_out):
    """Residuals and curvatures of a block of rows, and the losses of those that were held out.

    Parameters
    ----------
    loss : Loss
    y, weights : ndarray of shape (n_rows,)
    draws : ndarray of int, shape (n_rows, n_bags)
        How often each bag has drawn the row; never: the row is held out.
    scores : ndarray of shape (n_rows, n_bags * n_outputs)
    bits : ndarray of int64, at least as large as the scores
        Room to work in.
    residuals, curvatures : ndarray of the shape of the scores
        Written.
    losses, held_out : ndarray of shape (n_bags,)
        The losses of rows that are held out, and their weights, are added.
    """
    n_rows, width = scores.shape
    n_bags = draws.shape[1]
    code, parameter, n_outputs = loss.code, loss.parameter, loss.n_outputs
    flat = scores.reshape(-1)
    out = residuals.reshape(-1)
    hess = curvatures.reshape(-1)
    powers = bits.view(np.float64)
    if code == _LOG_LOSS:
        for i in range(len(flat)):
            hess[i] = -np.abs(flat[i])
        exponentials(hess, bits, powers, out)
        for i in range(n_rows):
            for b in range(n_bags):
                if draws[i, b] == 0:
                    score = scores[i, b]
                    value = np.log1p(residuals[i, b]) + max(score, 0.0) - y[i] * score
                    losses[b] += weights[i] * value
                    held_out[b] += weights[i]
        for i in range(n_rows):
            for b in range(n_bags):
                small = residuals[i, b]
                share = 1.0 / (1.0 + small)
                mean = share if scores[i, b] >= 0.0 else small * share
                weight = weights[i] * draws[i, b]
                residuals[i, b] = weight * (y[i] - mean)
                curvatures[i, b] = weight * (small * share * share)
        return
    if code == _SOFTMAX:
        for i in range(n_rows):
            for b in range(n_bags):
                top = scores[i, b * n_outputs]
                for k in range(1, n_outputs):
                    top = max(top, scores[i, b * n_outputs + k])
                for k in range(n_outputs):
                    curvatures[i, b * n_outputs + k] = scores[i, b * n_outputs + k] - top
        exponentials(hess, bits, powers, out)
        for i in range(n_rows):
            label = int(y[i])
            for b in range(n_bags):
                start = b * n_outputs
                total = 0.0
                for k in range(n_outputs):
                    total += residuals[i, start + k]
                if draws[i, b] == 0:
                    losses[b] += weights[i] * (np.log(total) - curvatures[i, start + label])
                    held_out[b] += weights[i]
                weight = weights[i] * draws[i, b]
                for k in range(n_outputs):
                    mean = residuals[i, start + k] / total
                    curvatures[i, start + k] = weight * mean * (1.0 - mean)
                    residuals[i, start + k] = weight * ((k == label) - mean)
        return
    if code == _POISSON or code == _GAMMA or code == _TWEEDIE:
        exponentials(flat, bits, powers, out)
    for i in range(n_rows):
        target = y[i]
        for b in range(n_bags):
            score, mean = scores[i, b], residuals[i, b]
            value = 0.0
            if code == _SQUARED:
                gap = target - score
                residual, curvature = gap, 1.0
                value = gap * gap
            elif code == _POISSON:
                residual, curvature = target - mean, mean
                value = mean - target * score
            elif code == _GAMMA:
                ratio = target / mean
                residual, curvature = ratio - 1.0, ratio
                value = ratio + score
            elif code == _TWEEDIE:
                # mean^(1 - p) and mean^(2 - p)
                low = np.exp((1.0 - parameter) * score)
                high = low * mean
                residual = target * low - high
                curvature = (2.0 - parameter) * high - (1.0 - parameter) * target * low
                value = high / (2.0 - parameter) - target * low / (1.0 - parameter)
            else:
                gap = target - score
                scaled = gap / parameter
                root = np.sqrt(1.0 + scaled * scaled)
                # Of the parabola that touches the loss here and lies above it elsewhere: Newton's
                # own curvature vanishes far from the target, and its steps go astray.
                residual, curvature = gap / root, 1.0 / root
                value = parameter * parameter * (root - 1.0)
            if draws[i, b] == 0:
                losses[b] += weights[i] * value
                held_out[b] += weights[i]
            weight = weights[i] * draws[i, b]
            residuals[i, b] = weight * residual
            curvatures[i, b] = weight * curvature
