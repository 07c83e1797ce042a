"""Where a model stands: how good its predictions are, and what they owe to sensitive features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import xlogy

from glassbox.core.attributes import Attribute
from glassbox.evaluation.estimates import Z
from glassbox.evaluation.performance import auc
from glassbox.fairness._dependence.inference import attribute_dependence
from glassbox.fairness._scored import Scored

# A predicted probability of zero for what did happen would make the log-loss infinite.
_SMALLEST = 1e-15
# The largest difference of two groups is one of chance where one of them has fewer rows.
_FEWEST_ROWS = 20


def quality(scored: Scored, weights: np.ndarray) -> dict[str, float]:
    """How good predictions are.

    Parameters
    ----------
    scored : Scored
        With probabilities, or of a regression.
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    dict of str to float
        ``loss``; then, for two classes, ``auc`` and ``auc_se`` (unweighted; DeLong), ``accuracy``
        and ``brier``; for more, ``accuracy`` and ``brier``; for regressions, ``r2`` and ``rmse``.
        The loss is the log-loss, half the squared error or, with the log link, that of Poisson.
    """
    if scored.task == "regression":
        found = _of_amounts(scored.truth[:, 0], scored.prediction[:, 0], scored.link, weights)
    else:
        found = _of_classes(scored, weights)
    return {name: float(value) for name, value in found.items()}


def _of_amounts(outcome, mean, link: str, weights) -> dict[str, float]:
    errors = np.average((outcome - mean) ** 2, weights=weights)
    centre = np.average(outcome, weights=weights)
    spread = np.average((outcome - centre) ** 2, weights=weights)
    loss = errors / 2
    if link == "log":
        loss = np.average(mean - xlogy(outcome, mean), weights=weights)
    r2 = 1 - errors / spread if spread > 0 else np.nan
    return {"loss": loss, "r2": r2, "rmse": np.sqrt(errors)}


def _of_classes(scored: Scored, weights) -> dict[str, float]:
    truth, mean = _all_classes(scored.truth), _all_classes(scored.prediction)
    own = np.maximum((truth * mean).sum(axis=1), _SMALLEST)
    found = {"loss": -np.average(np.log(own), weights=weights)}
    if not scored.several:
        area = auc(scored.truth[:, 0] > 0, scored.score[:, 0])
        found |= {"auc": area.value, "auc_se": (area.upper - area.lower) / (2 * Z)}
    right = mean.argmax(axis=1) == truth.argmax(axis=1)
    found["accuracy"] = np.average(right, weights=weights)
    # Of two classes the same square would count twice (Brier 1950, halved).
    halves = 1.0 if scored.several else 2.0
    squares = ((mean - truth) ** 2).sum(axis=1)
    found["brier"] = np.average(squares, weights=weights) / halves
    return found


def _all_classes(table: np.ndarray) -> np.ndarray:
    return table if table.shape[1] > 1 else np.column_stack([1 - table, table])


def correlation(
    scores: np.ndarray, attribute: Attribute, n_permutations: int = 0, n_bootstrap: int = 0
) -> dict[str, float]:
    """Distance correlation of scores with an attribute, the largest over the outputs.

    Returns
    -------
    dict of str to float
        ``dependence``; with permutations ``floor``: what chance alone gives on average; with
        resamples ``dependence_se``.
    """
    frames = [
        attribute_dependence(column, attribute, ["dcor"], n_permutations, n_bootstrap, 0)
        for column in scores.T
    ]
    largest = max(frames, key=lambda frame: frame["estimate"].iloc[0]).iloc[0]
    found = {"dependence": float(largest["estimate"])}
    if n_permutations:
        found["floor"] = max(float(frame["floor"].iloc[0]) for frame in frames)
    if n_bootstrap:
        found["dependence_se"] = float(largest["upper"] - largest["lower"]) / (2 * Z)
    return found


def standing(
    scored: Scored,
    attributes: Sequence[Attribute],
    weights: np.ndarray,
    n_permutations: int = 0,
    n_bootstrap: int = 0,
) -> list[dict[str, float | str]]:
    """What predictions owe to each attribute.

    Returns
    -------
    list of dict
        ``attribute``, ``dependence`` (distance correlation of the score, unweighted; the largest
        over the outputs), ``dp_gap`` and ``eo_gap``: the largest difference between two groups of
        the share of a predicted class, and of that share within a true class, over groups of 20
        rows or more; NaN for amounts and regressions. With permutations and resamples also what
        :func:`correlation` says of them.
    """
    return [
        {
            "attribute": attribute.name,
            **correlation(scored.score, attribute, n_permutations, n_bootstrap),
            **_gaps(scored, attribute, weights),
        }
        for attribute in attributes
    ]


def _gaps(scored: Scored, attribute: Attribute, weights) -> dict[str, float]:
    if scored.task == "regression" or attribute.kind == "numeric":
        return {"dp_gap": np.nan, "eo_gap": np.nan}
    truth = _all_classes(scored.truth).argmax(axis=1)
    predicted = _all_classes(scored.prediction).argmax(axis=1)
    classes = range(_all_classes(scored.truth).shape[1])
    # Of two classes, the share of one says that of the other.
    shown = classes if scored.several else [1]
    demographic = [_difference(predicted == k, attribute.codes, weights) for k in shown]
    odds = [
        _difference((predicted == k)[rows], attribute.codes[rows], weights[rows])
        for k in shown
        for rows in (truth == true for true in classes)
        if rows.any()
    ]
    return {"dp_gap": _largest(demographic), "eo_gap": _largest(odds)}


def _largest(differences: list[float]) -> float:
    return max((d for d in differences if not np.isnan(d)), default=np.nan)


def _difference(event: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> float:
    """Largest difference between two groups of the share of an event; NaN without two."""
    totals = np.bincount(codes, weights=weights)
    events = np.bincount(codes, weights=weights * event)
    shown = (np.bincount(codes) >= _FEWEST_ROWS) & (totals > 0)
    shares = events[shown] / totals[shown]
    return float(np.ptp(shares)) if len(shares) > 1 else np.nan
