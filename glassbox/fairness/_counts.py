"""Numbers of resamples, of permutations and of rows."""

from __future__ import annotations

from numbers import Integral
from typing import Any


def check_count(name: str, value: Any, least: int = 0) -> None:
    """Refuse what is no whole number, or too small a one.

    Examples
    --------
    >>> check_count("n_bootstrap", 0.5)
    Traceback (most recent call last):
    ...
    ValueError: n_bootstrap must be a whole number, 0 or more; got 0.5.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more; got {value!r}.")
