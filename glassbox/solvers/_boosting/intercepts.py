"""Scores when every table is zero."""

from __future__ import annotations

import numpy as np

from glassbox.core.links import get_link
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.terms import Terms
from glassbox.solvers._boosting.threads import Threads

_MOST_STEPS = 100
_SMALLEST_STEP = 1e-14
_TINY = np.finfo(float).tiny


def starting_intercepts(
    y: np.ndarray, weights: np.ndarray, draws: np.ndarray, loss: Loss
) -> np.ndarray:
    """The score of the mean outcome among the rows that each bag has drawn.

    Returns
    -------
    ndarray of shape (n_bags, n_outputs)

    Raises
    ------
    ValueError
        If a bag has drawn no row of some class.
    """
    n_outputs = loss.n_outputs
    outcomes = y[:, None] if n_outputs == 1 else y[:, None] == np.arange(n_outputs)
    means = np.array([np.average(outcomes, axis=0, weights=weights * drawn) for drawn in draws.T])
    link = get_link(loss.link)
    with np.errstate(divide="ignore", invalid="ignore"):
        intercepts = link.link(means)
    if not np.isfinite(intercepts).all():
        if loss.link in ("logit", "softmax"):
            raise ValueError(
                "A class has so few rows that some bag holds none of them. Give more rows of it, "
                "or leave the class out."
            )
        raise ValueError(
            "Some bag holds no row with an outcome above zero, whose mean has no logarithm. Give "
            "more such rows, or choose another loss."
        )
    return intercepts


def intercept_shift(
    scores: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    loss: Loss,
    threads: Threads,
    codes_type: type,
) -> np.ndarray:
    """What to add to all scores so that the loss of all rows together is least.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_outputs)
    y, weights : ndarray of shape (n_rows,)
    loss : Loss
    threads : Threads
    codes_type : type
        Of the codes of terms, of which there are none here: what reads rows is compiled for it.

    Returns
    -------
    ndarray of shape (n_outputs,)
    """
    terms = Terms.none()
    no_codes = np.zeros((0, len(y)), dtype=codes_type)
    no_tables = np.zeros((1, loss.n_outputs, 0))
    drawn = np.ones((len(y), 1), dtype=np.uint8)
    scores = np.broadcast_to(scores, (len(y), loss.n_outputs))
    shift = np.zeros(loss.n_outputs)
    # The curvatures leave out what the classes of a softmax have to do with one another.
    damping = 1.0 - 1.0 / loss.n_outputs if loss.n_outputs > 1 else 1.0
    for _ in range(_MOST_STEPS):
        rows = Rows(y, weights, drawn, scores + shift)
        reader = RowPasses(terms, no_codes, rows, loss, threads)
        residuals, curvatures = reader.row_sums(no_tables, len(y))
        step = damping * residuals.sum(axis=0) / np.maximum(curvatures.sum(axis=0), _TINY)
        shift += step
        if np.abs(step).max() <= _SMALLEST_STEP * max(1.0, np.abs(scores).max()):
            break
    return shift
