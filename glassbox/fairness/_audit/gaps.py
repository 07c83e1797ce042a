"""What an audit could not look at, and why."""

from __future__ import annotations

from glassbox.fairness._audit.sections import Sections


def left_out(sections: Sections) -> dict[str, str]:
    """Sections that are not there, and why."""
    scored, found = sections.scored, {}
    if not sections.additive:
        kind = "bare scores" if scored.predict is None else "a model without terms"
        found["terms"] = f"{kind} cannot be decomposed; audit an additive estimator"
    if sections.X is None:
        found["proxies"] = "X was not given"
    if sections.classes and scored.prediction is None:
        reason = "scores that are no probabilities have no thresholds and no calibration"
        found["thresholds, calibration and net benefit"] = reason
    elif not sections.classes:
        found["net benefit"] = "the outcome is a number and not an event"
    if not sections.own_columns():
        found["flip test"] = "no sensitive feature is a column that the model reads"
    return found
