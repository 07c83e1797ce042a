"""The part of a model that is a network of several features at once, and in no table."""

from __future__ import annotations

from typing import Any

from glassbox.core.network import JOINT

#: What readers call it.
JOINT_LABEL = "joint (network part)"


def has_joint(est: Any) -> bool:
    """Whether an estimator has such a part; one that was not found to help is none."""
    return getattr(est, "joint_", None) is not None


def title_beyond_tables(name: str) -> str:
    """What readers call a part that has no table."""
    return JOINT_LABEL if name == JOINT else name


def additivity_sentence(additivity: float | None) -> str:
    """How much of the score the tables hold; "" where they hold all of it.

    Parameters
    ----------
    additivity : float or None
        Share of the score's variance, from 0 to 1.

    Examples
    --------
    >>> additivity_sentence(0.97)
    "The tables hold 97 % of the score's variance; the rest is joint (network part)."
    """
    if additivity is None or not 0 <= additivity < 1:
        return ""
    percent = 100 * additivity
    share = f"{percent:.0f} %"
    if percent > 99:
        share = "more than 99 %"
    elif percent < 1:
        share = "less than 1 %"
    return f"The tables hold {share} of the score's variance; the rest is {JOINT_LABEL}."
