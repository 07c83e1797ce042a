"""Sentences about features: terms that carry a gap, proxies, shapes, flips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from glassbox.fairness._audit.decomposition import TOTAL
from glassbox.fairness._audit.finding import LEVEL, Finding, keys, of_output
from glassbox.fairness._audit.gap_amounts import PER_SD, SHARE
from glassbox.fairness._audit.words import chance, in_brackets, interval, listed, short

_MOST_TERMS = 3
# From here on a feature is called a proxy: an AUC, or a share of variance.
_PROXY = {"auc": 0.7, "r2": 0.3}


def terms(audit: Any) -> Iterator[Finding]:
    """Terms that carry a gap."""
    frame = audit.terms
    if frame.empty:
        return
    for _, part in frame.groupby(keys(frame, "attribute", "contrast"), sort=False):
        total = next(part[part["term"] == TOTAL].itertuples())
        parts = part[part["term"] != TOTAL]
        if total.contrast == PER_SD or not np.isfinite(total.gap):
            continue
        share = total.contrast == SHARE
        unclear = total.lower <= 0 <= total.upper or not np.isfinite(total.lower)
        if share and not total.p_value < LEVEL or not share and unclear:
            continue
        clear = parts[(parts["lower"] > 0) | (parts["upper"] < 0)]
        clear = clear.iloc[np.argsort(-clear["gap"].abs().to_numpy())][:_MOST_TERMS]
        carried = [
            f"{row.term} {short(row.gap)}{in_brackets(interval(row.lower, row.upper))}"
            for row in clear.itertuples()
        ]
        what = (
            f"The share {short(total.gap)} of the score's variance{of_output(total)} that "
            f"{total.attribute} explains"
            if share
            else f"The gap of {short(total.gap)} in the score{of_output(total)}, "
            f"{total.attribute} {total.contrast},"
        )
        carried = f"carried most by {listed(carried)}" if carried else "carried by no term alone"
        yield Finding(f"{what} is {carried}.", 0.8 + 0.05 * min(1.0, abs(total.gap)), "terms")
        yield from _own_terms(parts, total)


def _own_terms(parts: pd.DataFrame, total: Any) -> Iterator[Finding]:
    """How much would be left without the terms of the attribute itself."""
    own = parts["term"].map(lambda term: total.attribute in term.split(" & ")).to_numpy()
    others = float(parts["gap"][~own].sum())
    if abs(others) < 0.1 * abs(total.gap):
        return
    where = f"{total.contrast}{of_output(total)}"
    rest = f"{short(others)} of {short(total.gap)}"
    if own.any():
        text = (
            f"Leaving out {total.attribute} would not remove its gap ({where}): its own terms "
            f"carry {short(float(parts['gap'][own].sum()))}, and other features {rest}."
        )
    else:
        text = (
            f"Not reading {total.attribute} does not remove its gap ({where}): other features "
            f"carry {rest}."
        )
    yield Finding(text, 0.79, "own terms")


def proxies(audit: Any) -> Iterator[Finding]:
    """Features that tell an attribute."""
    frame = audit.proxies
    if frame.empty:
        return
    frame = frame.drop_duplicates(["attribute", "feature"])
    for attribute, part in frame.groupby("attribute", sort=False):
        strong = part[part["from_feature"] >= part["measure"].map(_PROXY)]
        strong = strong.sort_values("from_feature", ascending=False)[:_MOST_TERMS]
        if strong.empty:
            text = f"No single feature tells {attribute} well."
            yield Finding(text, 0.25, "proxies")
            continue
        names = {"auc": "AUC", "r2": "R²"}
        told = [
            f"{row.feature} ({names[row.measure]} {short(row.from_feature)})"
            for row in strong.itertuples()
        ]
        verb = "tells" if len(told) == 1 else "tell"
        yield Finding(f"{listed(told)} {verb} {attribute}.", 0.6, "proxies")


def shapes(audit: Any) -> Iterator[Finding]:
    """Terms whose shape differs; corrected for the number of terms."""
    frame = audit.terms
    if frame.empty:
        return
    tested = frame[frame["shape_p"].notna()].drop_duplicates(keys(frame, "attribute", "term"))
    for _, part in tested.groupby(keys(tested, "attribute"), sort=False):
        differ = part[part["shape_p"] < LEVEL / len(part)].sort_values("shape_p")
        if differ.empty:
            continue
        first = next(part.itertuples())
        names = [
            f"{row.term} ({chance(row.shape_p)})" for row in differ[:_MOST_TERMS].itertuples()
        ]
        text = (
            f"The model's shape of {listed(names)}{of_output(first)} does not hold in every group "
            f"of {first.attribute}."
        )
        yield Finding(text, 0.58, "shapes")


def flip(audit: Any) -> Iterator[Finding]:
    """What changing an attribute alone does."""
    for row in audit.flip.itertuples():
        if row.max_change == 0:
            text = f"Changing {row.feature} alone ({row.change}) changes no prediction"
            yield Finding(f"{text}{of_output(row)}.", 0.4, "flip")
            continue
        text = (
            f"Changing {row.feature} alone ({row.change}) changes predictions{of_output(row)} by "
            f"{short(row.mean_change)} on average, {short(row.max_change)} at most."
        )
        yield Finding(text, 0.56, "flip")
