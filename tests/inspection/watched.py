"""What the tests of an audit share: tables, and a model that keeps what it was shown."""

import numpy as np
import pandas as pd

from glassbox.inspection import audit_monotonicity

STAGES = ["I", "II", "III", "IV"]


def audit(model, X, directions, **options):
    return audit_monotonicity(model, X, directions, **{"random_state": 0, **options})


def patients(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n_rows) < 0.1, np.nan, rng.uniform(20, 90, n_rows)),
            "falls": rng.integers(0, 9, n_rows),
            "stage": pd.Categorical(rng.choice(STAGES, n_rows), categories=STAGES, ordered=True),
            "sex": rng.choice(np.array(["f", "m"], dtype=object), n_rows),
        }
    )


def numbers(n_rows=200, n_columns=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def first(X):
    return np.asarray(X)[:, 0]


class Watched:
    """A callable that keeps the tables that it was given."""

    def __init__(self, score):
        self.score, self.tables = score, []

    def __call__(self, X):
        self.tables.append(X)
        return self.score(X)

    def moves(self):
        return list(zip(self.tables[::2], self.tables[1::2], strict=True))
