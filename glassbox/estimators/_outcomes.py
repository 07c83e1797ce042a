"""Losses of numeric outcomes that the penalised solvers know, and the outcomes they can have."""

from __future__ import annotations

from glassbox.estimators._blocks import Blocks
from glassbox.solvers._families import Family, Gamma, Gaussian, Poisson

#: Families by the name of their loss.
LOSSES = {"squared_error": Gaussian, "poisson": Poisson, "gamma": Gamma}


def family_of(loss: str, lowest: float, highest: float) -> Family:
    """The family of a loss, for outcomes between two values.

    Parameters
    ----------
    loss : str
        A key of ``LOSSES``.
    lowest, highest : float
        Smallest and largest outcome.

    Raises
    ------
    ValueError
        If the family cannot have such outcomes.
    """
    if loss == "gamma" and lowest <= 0:
        raise ValueError(
            f"loss='gamma' needs outcomes above zero, got {lowest!r}. Shift the outcome, or "
            "use another loss."
        )
    if loss == "poisson" and (lowest < 0 or highest == 0):
        raise ValueError(
            "loss='poisson' needs outcomes of zero or more, and some above zero; got "
            f"{lowest!r} to {highest!r}. Use another loss."
        )
    return LOSSES[loss]()


def family_of_blocks(loss: str, blocks: Blocks) -> Family:
    """The family of a loss, for the outcomes of a training table."""
    lowest = float(min(table.y.min() for table in blocks))
    highest = float(max(table.y.max() for table in blocks))
    return family_of(loss, lowest, highest)
