"""Numbers as a reader of the page sees them."""

from __future__ import annotations

import math

from glassbox.evaluation.estimates import Estimate
from glassbox.plots._labels import MINUS, count, number, share

__all__ = ["count", "estimate", "fixed", "number", "share"]

UNKNOWN = "–"


def fixed(value: float | None, digits: int = 3) -> str:
    """A number with that many decimals, or a dash.

    Examples
    --------
    >>> fixed(0.12345), fixed(float("nan")), fixed(-0.0001)
    ('0.123', '–', '0.000')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def estimate(figure: Estimate, digits: int = 3) -> str:
    """A figure and its interval in brackets, or without an interval where there is none.

    Examples
    --------
    >>> estimate(Estimate(0.8, 0.75, 0.84))
    '0.800 (0.750 to 0.840)'
    """
    text = fixed(figure.value, digits)
    if math.isfinite(figure.lower) and math.isfinite(figure.upper):
        text += f" ({fixed(figure.lower, digits)} to {fixed(figure.upper, digits)})"
    return text


def digits_for(size: float) -> int:
    """Decimals that show three significant digits of an amount of that size.

    Examples
    --------
    >>> digits_for(0.5), digits_for(5.0), digits_for(1234.0)
    (3, 2, 0)
    """
    if not math.isfinite(size) or size == 0:
        return 3
    return min(12, max(0, 2 - math.floor(math.log10(abs(size)))))
