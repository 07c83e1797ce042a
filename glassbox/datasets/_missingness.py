"""How values go missing, and what a missing value then means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from glassbox.datasets._truth import Shape

MECHANISMS = ("random", "age_dependent", "when_sick", "unable")

# On the log-odds scale of being missing, per standard deviation of the driver.
SLOPE = 1.5
RISK_OF_THE_UNABLE = 0.5


def hide(
    data: pd.DataFrame,
    shapes: Mapping[str, Shape],
    columns: Sequence[str],
    mechanism: str,
    rate: float,
    rng: np.random.RandomState,
) -> tuple[pd.DataFrame, dict[str, Shape]]:
    """Hide values, and give each shape the effect that its missing slot then has.

    Parameters
    ----------
    data : DataFrame
        The complete table; its first column plays the part of age.
    shapes : mapping of name to shape
        With mean zero over the whole distribution.
    columns : sequence of str
        Where values go missing.
    mechanism : {"random", "age_dependent", "when_sick", "unable"}
        See `make_additive`.
    rate : float
        The expected share of missing values in each column.
    rng : RandomState
        The source of chance.
    """
    age = data.iloc[:, 0].to_numpy()
    hidden, slotted = data.copy(), dict(shapes)
    for name in columns:
        shape = shapes[name]
        if mechanism == "random":
            driver, slot = np.zeros(len(data)), 0.0
        elif mechanism == "age_dependent":
            driver, slot = age, 0.0
        elif mechanism == "unable":
            driver, slot = age, RISK_OF_THE_UNABLE
        else:
            driver, slot = -shape(data[name]), float(shape([0.0])[0])
        chance = _calibrated(driver, rate)
        hidden[name] = data[name].where(rng.uniform(size=len(data)) >= chance)
        slotted[name] = shape.with_missing(slot)
    return hidden, slotted


def _calibrated(driver: np.ndarray, rate: float) -> np.ndarray:
    """Return chances that rise with the driver and are `rate` on average."""
    spread = driver.std()
    lean = SLOPE * (driver - driver.mean()) / (spread if spread > 0 else 1.0)
    offset = brentq(lambda a: expit(a + lean).mean() - rate, -40, 40)
    return expit(offset + lean)
