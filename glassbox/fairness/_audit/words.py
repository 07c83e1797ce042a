"""Numbers and intervals in the sentences of an audit."""

from __future__ import annotations

import math

from glassbox.evaluation.estimates import LEVEL

_MINUS = "\N{MINUS SIGN}"
_PERCENT = f"{100 * LEVEL:.0f} %"


def short(value: float) -> str:
    """A number with two or three digits that count.

    Examples
    --------
    >>> short(0.0412), short(-0.634), short(12.34), short(1234.5), short(0.00002)
    ('.041', '−.63', '12.3', '1,234', '.00002')
    """
    if not math.isfinite(value):
        return "unknown"
    size = abs(value)
    if size >= 100:
        text = f"{size:,.0f}"
    elif size >= 10:
        text = f"{size:.1f}"
    elif size >= 0.1 or size == 0:
        text = f"{size:.2f}"
    else:
        text = f"{size:.{1 - math.floor(math.log10(size))}f}"
        if size < 0.001:
            text = text.rstrip("0")
    if text.startswith("0."):
        text = text[1:] if float(text) else "0"
    return (_MINUS if value < 0 and text != "0" else "") + text


def chance(p_value: float) -> str:
    """A p-value.

    Examples
    --------
    >>> chance(0.0004), chance(0.032), chance(0.69)
    ('p < .001', 'p = .032', 'p = .69')
    """
    if not math.isfinite(p_value):
        return "p unknown"
    if p_value < 0.001:
        return "p < .001"
    if p_value >= 0.995:
        return "p = 1.0"
    return "p = " + (f"{p_value:.3f}" if p_value < 0.095 else f"{p_value:.2f}").lstrip("0")


def interval(lower: float, upper: float) -> str:
    """A confidence interval, or empty where there is none.

    Examples
    --------
    >>> interval(0.206, 0.359), interval(float("nan"), 1.0)
    ('95 % .21 to .36', '')
    """
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return ""
    return f"{_PERCENT} {short(lower)} to {short(upper)}"


def in_brackets(*parts: str) -> str:
    """What is not empty, in brackets, with a space before them."""
    parts = tuple(part for part in parts if part)
    return f" ({'; '.join(parts)})" if parts else ""


def listed(items: list[str]) -> str:
    """Items as a sentence has them.

    Examples
    --------
    >>> listed(["age", "sex", "race"])
    'age, sex and race'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
