"""Tables that the tests of strategies share."""

import numpy as np
import pandas as pd

from glassbox import SplineGAMClassifier, SplineGAMRegressor


def classifier(**changes):
    return SplineGAMClassifier(**{"n_knots": 5, "lam": 1.0} | changes)


def regressor(**changes):
    return SplineGAMRegressor(**{"n_knots": 5, "lam": 1.0} | changes)


def patients(n_rows=240, seed=0):
    """Numbers, text and missing values; "race" and "age" are the sensitive ones."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b", "c"], size=n_rows, p=[0.5, 0.35, 0.15])
    frame = pd.DataFrame(
        {
            "bun": rng.normal(20, 5, size=n_rows) + 4 * (race == "b"),
            "race": race,
            "ward": rng.choice(["x", "y"], size=n_rows),
            "age": rng.normal(60, 12, size=n_rows),
        }
    )
    frame.loc[::13, "bun"] = np.nan
    frame.loc[::17, "race"] = None
    frame.loc[::19, "age"] = np.nan
    score = (
        (frame["bun"].fillna(20) - 21) / 4 + (race == "b") + (frame["age"].fillna(60) - 60) / 20
    )
    return frame, score.to_numpy(), rng


def outcomes(n_classes=2, n_rows=240):
    X, score, rng = patients(n_rows)
    noisy = score + rng.logistic(size=n_rows)
    if n_classes == 0:
        return X, noisy
    cuts = np.quantile(noisy, np.arange(1, n_classes) / n_classes)
    return X, np.array(["died", "home", "ward"])[np.searchsorted(cuts, noisy)]
