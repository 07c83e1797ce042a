"""Sentences about groups: decisions, errors, discrimination, calibration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import norm

from glassbox.evaluation.estimates import Z
from glassbox.fairness._audit.finding import LEVEL, Finding, keys, of_output
from glassbox.fairness._audit.words import chance, in_brackets, interval, listed, short

_FOUR_FIFTHS = 0.8

# Metrics in words, with the kind and the weight of a sentence on them.
_WORDS = {
    "demographic_parity": ("predictions", "selection", 0.72),
    "equal_opportunity": ("true-positive rates", "errors", 0.7),
    "fpr": ("false-positive rates", "errors", 0.7),
    "auc": ("AUCs", "discrimination", 0.65),
    "rmse": ("root mean squared errors", "errors", 0.7),
    "mae": ("mean absolute errors", "errors", 0.68),
    "mean_residual": ("mean residuals", "errors", 0.69),
}


def selection(audit: Any) -> Iterator[Finding]:
    """Rates of selection, and the rule of four fifths."""
    frame = audit.disparities
    for row in frame[frame["metric"] == "demographic_parity"].itertuples():
        if not row.p_adjusted < LEVEL or not np.isfinite(row.ratio):
            continue
        bounds = in_brackets(interval(row.ratio_lower, row.ratio_upper), chance(row.p_adjusted))
        text = (
            f"At {row.threshold:g}, {row.attribute} {row.lowest!r} is selected{of_output(row)} "
            f"{short(row.ratio)} times as often as {row.highest!r}{bounds}: "
        )
        if row.ratio < _FOUR_FIFTHS:
            sure = "" if row.ratio_upper < _FOUR_FIFTHS else ", though not surely"
            yield Finding(f"{text}below four fifths{sure}.", 0.78 - 0.05 * row.ratio, "selection")
        else:
            yield Finding(text + "above four fifths.", 0.55, "selection")


def errors(audit: Any) -> Iterator[Finding]:
    """Rates and sizes of errors, means of predictions, and AUC."""
    for row in audit.disparities.itertuples():
        if row.metric in _WORDS and row.p_adjusted < LEVEL:
            _, kind, weight = _WORDS[row.metric]
            if kind == "selection" and np.isfinite(row.threshold):
                continue
            what = _what(row)
            bounds = in_brackets(interval(row.lower, row.upper), chance(row.p_adjusted))
            text = (
                f"{what[0].upper()}{what[1:]} differ by {row.attribute} by "
                f"{short(row.difference)}{bounds}: highest for {row.highest!r}, lowest for "
                f"{row.lowest!r}."
            )
            yield Finding(text, weight + 0.05 * min(1.0, row.difference), kind)


def no_difference(audit: Any) -> Iterator[Finding]:
    """What is not seen to differ, one sentence for each attribute."""
    frame = audit.disparities
    for name in audit.attributes:
        same = [
            f"{_what(row)} (by {short(row.difference)}, {chance(row.p_adjusted)})"
            for row in frame[frame["attribute"] == name].itertuples()
            if row.metric in _WORDS and row.p_adjusted >= LEVEL
        ]
        if same:
            text = f"No evidence that these differ by {name}: {listed(same)}."
            yield Finding(text, 0.45, "no evidence")


def _what(row: Any) -> str:
    what = _WORDS[row.metric][0]
    if np.isfinite(row.threshold):
        what = "rates of selection" if row.metric == "demographic_parity" else what
        what += f" at {row.threshold:g}"
    return what + of_output(row)


def calibration(audit: Any) -> Iterator[Finding]:
    """Risks that are too high or too low; corrected for the number of groups."""
    frame = audit.calibration
    if frame.empty:
        return
    for name, of_attribute in frame.groupby("attribute", sort=False):
        looked_at, found = 0, False
        for _, part in of_attribute.groupby(keys(frame, "attribute"), sort=False):
            rows = [row for row in part.itertuples() if np.isfinite(row.intercept)]
            looked_at = len(rows)
            for row in rows:
                # Of several groups some is off by chance.
                if _off_by_chance(row) < LEVEL / len(rows):
                    found = True
                    yield _off(row)
        if looked_at and not found and name in audit.attributes:
            groups = "group" if looked_at == 1 else "groups"
            text = (
                f"No evidence that predictions are too high or too low on average in any of "
                f"{looked_at} {groups} of {name}."
            )
            yield Finding(text, 0.33, "no evidence")


def _off_by_chance(row: Any) -> float:
    error = (row.intercept_upper - row.intercept) / Z
    return float(2 * norm.sf(abs(row.intercept) / error)) if error > 0 else np.nan


def _off(row: Any) -> Finding:
    which = "low" if row.intercept > 0 else "high"
    figure = f"mean residual {short(row.intercept)}"
    bounds = interval(row.intercept_lower, row.intercept_upper)
    if np.isfinite(row.ratio):
        figure = f"O/E {short(row.ratio)}"
        bounds = interval(row.ratio_lower, row.ratio_upper)
    text = (
        f"Predictions{of_output(row)} are too {which} for {row.attribute} {row.group!r}: "
        f"{figure}{in_brackets(bounds)}."
    )
    return Finding(text, 0.72 + 0.05 * min(1.0, abs(row.intercept)), "calibration")


def suppressed(audit: Any) -> Iterator[Finding]:
    """Groups without figures."""
    frame = audit.overview.drop_duplicates(["attribute", "group"])
    small = int(frame["event_rate"].isna().sum())
    if small:
        what = "1 group has" if small == 1 else f"{small} groups have"
        text = f"{what} fewer than {audit.settings['min_cell']} rows and no figures."
        yield Finding(text, 0.3, "suppressed")
