"""Whether predictions mean the same in each group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from glassbox.evaluation.calibration import Calibration, mean_calibration, risk_calibration
from glassbox.fairness._audit.groupings import Grouping

COLUMNS = [
    "attribute", "group", "n", "events", "observed", "expected", "ratio", "ratio_lower",
    "ratio_upper", "intercept", "intercept_lower", "intercept_upper", "slope", "slope_lower",
    "slope_upper", "ici", "reason",
]  # fmt: skip
CURVE_COLUMNS = ["attribute", "group", "predicted", "observed", "lower", "upper"]


def group_calibration(
    truth: np.ndarray, prediction: np.ndarray, grouping: Grouping, *, classes: bool
) -> tuple[list[tuple], list[pd.DataFrame]]:
    """Calibration of each group: rows of figures, and curves.

    Parameters
    ----------
    truth, prediction : ndarray of shape (n_rows,)
        Events and risks, or outcomes and means.
    grouping : Grouping
    classes : bool
        Whether these are risks.
    """
    rows, curves = [], []
    for k, level in enumerate(grouping.levels):
        inside = grouping.codes == k
        reason = grouping.reason(k) or _why_not(truth[inside], classes)
        n = np.nan if grouping.withheld[k] else float(inside.sum())
        events = float(truth[inside].sum()) if classes and np.isfinite(n) else np.nan
        if reason:
            figures = (np.nan,) * 12
            rows.append((grouping.name, level, n, events, *figures, reason))
            continue
        judge = risk_calibration if classes else mean_calibration
        found = judge(truth[inside], prediction[inside])
        if np.isnan(found.slope.value):
            reason = "no finite slope"
        # Sums of a group whose size is withheld would tell its size.
        figures = _figures(found, show_sums=np.isfinite(n) or not classes)
        rows.append((grouping.name, level, n, events, *figures, reason))
        if found.curve is not None:
            curve = found.curve[["predicted", "observed", "lower", "upper"]]
            curves.append(curve.assign(attribute=grouping.name, group=level)[CURVE_COLUMNS])
    return rows, curves


def _why_not(truth: np.ndarray, classes: bool) -> str:
    if not classes:
        return ""
    if not truth.any():
        return "no events"
    return "events only" if truth.all() else ""


def _figures(found: Calibration, show_sums: bool) -> tuple:
    sums = (found.observed, found.expected) if show_sums else (np.nan, np.nan)
    parts = (found.ratio, found.intercept, found.slope)
    return (*sums, *(x for e in parts for x in (e.value, e.lower, e.upper)), found.ici)
