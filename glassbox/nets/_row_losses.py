"""The losses of boosting, for many rows at once: the formulas of the compiled passes."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbox.solvers._boosting import losses
from glassbox.solvers._boosting.losses import Loss

#: Beyond these an exponential would overflow, or be subnormal; the compiled passes clip there.
_LARGEST = 708.0


def slopes(loss: Loss, y: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Residuals, curvatures and losses of rows, without their weights.

    Parameters
    ----------
    loss : Loss
    y : Tensor of shape (n_rows,)
    scores : Tensor of shape (n_rows, n_bags, n_outputs)

    Returns
    -------
    residuals, curvatures : Tensor of the shape of the scores
    values : Tensor of shape (n_rows, n_bags)
    """
    if loss.code == losses._SOFTMAX:
        return _softmax(y, scores)
    residuals, curvatures, values = _FORMULAS[loss.code](y[:, None, None], scores, loss.parameter)
    return residuals, curvatures, values[..., 0]


def _exp(scores: Tensor) -> Tensor:
    return scores.clamp(-_LARGEST, _LARGEST).exp()


def _softmax(y: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    label = y.long()[:, None, None].expand(-1, scores.shape[1], 1)
    scores = scores - scores.amax(dim=2, keepdim=True)
    means = _exp(scores)
    total = means.sum(dim=2, keepdim=True)
    means /= total
    residuals = -means
    classes = torch.arange(scores.shape[2], device=y.device)
    residuals += label == classes
    values = (total.log() - scores.gather(2, label))[..., 0]
    return residuals, means * (1.0 - means), values


def _log_loss(y: Tensor, scores: Tensor, _: float) -> tuple[Tensor, Tensor, Tensor]:
    small = _exp(-scores.abs())
    share = 1.0 / (1.0 + small)
    mean = torch.where(scores >= 0.0, share, small * share)
    return y - mean, small * share * share, small.log1p() + scores.clamp(min=0.0) - y * scores


def _squared_error(y: Tensor, scores: Tensor, _: float) -> tuple[Tensor, Tensor, Tensor]:
    gap = y - scores
    return gap, torch.ones_like(gap), gap * gap


def _poisson(y: Tensor, scores: Tensor, _: float) -> tuple[Tensor, Tensor, Tensor]:
    mean = _exp(scores)
    return y - mean, mean, mean - y * scores


def _gamma(y: Tensor, scores: Tensor, _: float) -> tuple[Tensor, Tensor, Tensor]:
    ratio = y / _exp(scores)
    return ratio - 1.0, ratio, ratio + scores


def _tweedie(y: Tensor, scores: Tensor, power: float) -> tuple[Tensor, Tensor, Tensor]:
    # mean^(1 - power) and mean^(2 - power)
    low = ((1.0 - power) * scores).exp()
    high = low * _exp(scores)
    curvatures = (2.0 - power) * high - (1.0 - power) * y * low
    values = high / (2.0 - power) - y * low / (1.0 - power)
    return y * low - high, curvatures, values


def _pseudo_huber(y: Tensor, scores: Tensor, delta: float) -> tuple[Tensor, Tensor, Tensor]:
    gap = y - scores
    root = (1.0 + (gap / delta).square()).sqrt()
    return gap / root, root.reciprocal(), delta * delta * (root - 1.0)


_FORMULAS = {
    losses._SQUARED: _squared_error,
    losses._LOG_LOSS: _log_loss,
    losses._POISSON: _poisson,
    losses._GAMMA: _gamma,
    losses._TWEEDIE: _tweedie,
    losses._HUBER: _pseudo_huber,
}
