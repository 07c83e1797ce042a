"""Links between the additive score and the mean of the outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, softmax


@dataclass(frozen=True)
class Link:
    """A link function and its inverse.

    Attributes
    ----------
    name : str
        "identity", "logit", "softmax" or "log".
    link : callable
        From the mean of the outcome to the score; arrays of shape (..., n_outputs).
    inverse : callable
        From the score to the mean of the outcome.
    """

    name: str
    link: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]


def _centred_log(p: np.ndarray) -> np.ndarray:
    log_p = np.log(p)
    return log_p - log_p.mean(axis=-1, keepdims=True)


_LINKS = {
    link.name: link
    for link in (
        Link("identity", lambda mean: mean, lambda score: score),
        Link("logit", logit, expit),
        Link("softmax", _centred_log, lambda score: softmax(score, axis=-1)),
        Link("log", np.log, np.exp),
    )
}


def get_link(name: str) -> Link:
    """The link of that name.

    Examples
    --------
    >>> float(get_link("logit").inverse(0.0))
    0.5
    """
    try:
        return _LINKS[name]
    except KeyError:
        raise ValueError(f"Unknown link {name!r}; known ones: {', '.join(_LINKS)}.") from None
