"""Whether a strategy made a group's own predictions worse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassbox.core.attributes import Attribute
from glassbox.evaluation.performance import auc
from glassbox.fairness._audit.groupings import too_few
from glassbox.fairness._audit.net_benefit import benefit
from glassbox.fairness._scored import Scored


def group_merits(
    scored: Scored, attributes: Sequence[Attribute], threshold: float, min_cell: int
) -> list[dict[str, float | str]]:
    """How good the predictions are for each group.

    Parameters
    ----------
    scored : Scored
    attributes : sequence of Attribute
        Groups: amounts are cut into some before.
    threshold : float
        Of the predicted probability of the event.
    min_cell : int
        Groups with fewer rows are left out.

    Returns
    -------
    list of dict
        ``attribute``, ``group``, ``metric``, ``value`` and ``reason``. Metrics are ``auc``,
        ``tpr`` and ``net_benefit`` for two classes, ``accuracy`` for more, ``r2`` for regressions.
    """
    found = []
    for attribute in attributes:
        for code, group in enumerate(attribute.levels):
            rows = attribute.codes == code
            merits = _merits(scored, rows, threshold)
            for metric, value in merits.items():
                reason = too_few(min_cell) if rows.sum() < min_cell else ""
                value = np.nan if reason else value
                if not reason and not np.isfinite(value):
                    reason = "no event, or nothing but events"
                found.append(
                    {
                        "attribute": attribute.name,
                        "group": group,
                        "metric": metric,
                        "value": float(value),
                        "reason": reason,
                    }
                )
    return found


def _merits(scored: Scored, rows: np.ndarray, threshold: float) -> dict[str, float]:
    truth = scored.truth[rows]
    if scored.task == "regression":
        errors = truth[:, 0] - scored.prediction[rows, 0]
        spread = truth[:, 0].var() if len(truth) else 0.0
        return {"r2": 1 - (errors**2).mean() / spread if spread > 0 else np.nan}
    if scored.several:
        right = scored.prediction[rows].argmax(axis=1) == truth.argmax(axis=1)
        return {"accuracy": right.mean() if len(right) else np.nan}
    event, chosen = truth[:, 0] > 0, scored.prediction[rows, 0] >= threshold
    treated, in_vain = (chosen & event).sum(), (chosen & ~event).sum()
    return {
        "auc": auc(event, scored.score[rows, 0]).value,
        "tpr": chosen[event].mean() if event.any() else np.nan,
        "net_benefit": benefit(treated, in_vain, len(event), threshold / (1 - threshold)),
    }
