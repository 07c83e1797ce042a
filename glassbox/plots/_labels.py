"""Words and numbers as readers see them."""

from __future__ import annotations

import re
import textwrap

import numpy as np

from glassbox.core.dictionary import DataDictionary, Entry

MINUS = "\N{MINUS SIGN}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
EN_DASH = "\N{EN DASH}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

_IS_SCALE = re.compile(r"\d+\s*[-\N{EN DASH}]\s*\d+")


def number(value: float) -> str:
    """A number with as many digits as are of use: 0.0123, 1.9, 38.5, 1,200, 2.5e9."""
    value = float(value)
    if not np.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e7:
        text = f"{value:.3g}".replace("e+0", "e").replace("e+", "e")
    elif size >= 100 or value == int(value):
        text = f"{value:,.0f}"
    elif size >= 0.01:
        text = f"{value:.3g}"
    else:
        text = f"{value:.2g}"
    return text.replace("-", MINUS)


def count(n: float) -> str:
    """A number of patients."""
    return f"{n:,.0f}"


def share(part: float, total: float) -> str:
    """A share in per cent."""
    return f"{100 * part / total:.1f}{THIN_SPACE}%" if total > 0 else f"0{THIN_SPACE}%"


def missing_label(n: float, total: float) -> str:
    """What stands beside the point for *missing*."""
    return f"missing n = {count(n)} ({share(n, total)})"


def unit_after(entry: Entry) -> str:
    """A unit as it follows a number; a count has none, and "0-7" is not a unit but a scale."""
    unit = entry.unit
    if not unit or unit == "count":
        return ""
    return f" (scale {unit})" if _IS_SCALE.fullmatch(unit) else f" {unit}"


def with_unit(value, entry: Entry) -> str:
    """A value of a feature, with its unit."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.integer | np.floating):
        return f"{number(value)}{unit_after(entry)}"
    return str(value)


def describe(dictionary: DataDictionary | None, feature: str) -> Entry:
    """What is known of a feature."""
    entry = dictionary.get(feature) if dictionary is not None else None
    return Entry(label=feature) if entry is None else entry


def term_title(features: list[str], dictionary: DataDictionary | None) -> str:
    """Label and unit of the feature or features of a term."""
    return " × ".join(describe(dictionary, feature).title for feature in features)


def wrap(text: str, width: int) -> str:
    """Break a long label into lines, words first."""
    return "\n".join(textwrap.wrap(text, width, break_on_hyphens=False)) or text


def normal_range(entry: Entry) -> tuple[float, float] | None:
    """The reference range, open ends as infinities; None where nothing is known."""
    low, high = entry.ref_low, entry.ref_high
    if low is None and high is None:
        return None
    return (-np.inf if low is None else low, np.inf if high is None else high)


def normal_text(entry: Entry) -> str:
    """The reference range in words."""
    low, high = entry.ref_low, entry.ref_high
    if low is None:
        return f"normal ≤ {number(high)}"
    if high is None:
        return f"normal ≥ {number(low)}"
    if low == high:
        return f"normal {number(low)}"
    return f"normal {number(low)}{EN_DASH}{number(high)}"


def zero_one_labels(entry: Entry) -> tuple[str, str]:
    """What 0 and 1 mean: the dictionary's two levels, "no" and "yes", or just 0 and 1."""
    if len(entry.order) == 2:
        return entry.order
    return ("no", "yes") if entry.kind == "binary" else ("0", "1")


def flag(value, entry: Entry) -> str:
    """Write H above the reference range, L below it, and nothing inside or where none is known."""
    limits = normal_range(entry)
    if limits is None or not isinstance(value, int | float | np.integer | np.floating):
        return ""
    if np.isnan(value):
        return ""
    return "H" if value > limits[1] else "L" if value < limits[0] else ""
