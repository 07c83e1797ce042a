"""What an audit says in plain sentences, ordered by weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassbox.fairness._audit.finding import LEVEL, Finding, of_output
from glassbox.fairness._audit.findings_features import flip, proxies, shapes, terms
from glassbox.fairness._audit.findings_groups import (
    calibration,
    errors,
    no_difference,
    selection,
    suppressed,
)
from glassbox.fairness._audit.words import chance, in_brackets, interval, short

__all__ = ["Finding", "findings_of"]


def findings_of(audit: Any) -> tuple[Finding, ...]:
    """The sentences of an audit, the weightiest first.

    Parameters
    ----------
    audit : Audit
        With all frames.
    """
    makers = (
        dependence, terms, selection, errors, no_difference, calibration, proxies, shapes, flip,
        strategies, suppressed, left_out,
    )  # fmt: skip
    found = [finding for make in makers for finding in make(audit)]
    return tuple(sorted(found, key=lambda finding: -finding.weight))


def dependence(audit: Any) -> Iterator[Finding]:
    """Dependence of the score, or no evidence of it."""
    frame = audit.dependence
    shown = frame[frame["measure"] == "dcor"]
    depends = {r.attribute for r in shown.itertuples() if r.p_value < LEVEL}
    for row in shown.itertuples():
        crossed = row.attribute not in audit.attributes
        # An intersection is news only where neither of its parts is.
        if crossed and (
            not row.p_value < LEVEL or any(a in depends for a in row.attribute.split(" & "))
        ):
            continue
        if not np.isfinite(row.estimate):
            text = f"Dependence on {row.attribute}{of_output(row)} is unknown: {row.reason}."
            yield Finding(text, 0.2, "left out")
            continue
        figures = f"dCor {short(row.estimate)}, floor {short(row.floor)}, {chance(row.p_value)}"
        if row.p_value < LEVEL:
            bounds = in_brackets(interval(row.lower, row.upper))
            figures = f"dCor {short(row.estimate)}{bounds}, {figures.split(', ', 1)[1]}"
            text = f"The score{of_output(row)} depends on {row.attribute}: {figures}."
            yield Finding(text, 0.9 + 0.1 * min(1.0, row.estimate), "dependence")
        elif np.isfinite(row.p_value):
            text = f"No evidence of dependence on {row.attribute}{of_output(row)}: {figures}."
            yield Finding(text, 0.5, "no evidence")
        else:
            text = (
                f"dCor of the score{of_output(row)} and {row.attribute} is "
                f"{short(row.estimate)}, and without permutations nothing says what chance gives."
            )
            yield Finding(text, 0.4, "left out")


def strategies(audit: Any) -> Iterator[Finding]:
    """Verdicts on strategies."""
    if audit.strategies is None:
        return
    for row in audit.strategies.itertuples():
        dominated = getattr(row, "dominated_by", "")
        levelled = getattr(row, "levelled_down", "")
        if isinstance(dominated, str) and dominated:
            text = f"Strategy {row.strategy!r} is dominated by {dominated}, as to {row.attribute}."
            yield Finding(text, 0.62, "strategies")
        if isinstance(levelled, str) and levelled:
            text = f"Strategy {row.strategy!r} levels down: {levelled}."
            yield Finding(text, 0.76, "strategies")


def left_out(audit: Any) -> Iterator[Finding]:
    """Sections that are not there."""
    for section, reason in audit.left_out.items():
        text = f"Left out: {section}, because {reason}."
        yield Finding(text, 0.1, "left out")
