"""Tables with declared directions: what a comparison of monotone models is made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from benchmarks._common import TABLES, propublica_filter, read_csv, scores

PUBLISHED = "published split, nothing selected on test"
# How far the splits of a table depend on each other.
SHARED, INDEPENDENT, SINGLE = "rows shared", "drawn anew", "one split"


# The scores that are compared. "rmse_in_sd" is the distance to the truth in its own deviations.
COMPARED = {
    "compas": ("auc", "log_loss"),
    "auto_mpg": ("mse",),
    "heart_cleveland": ("auc", "log_loss"),
    "support2": ("auc", "log_loss"),
    "nhefs": ("auc", "log_loss"),
    "synthetic": ("rmse_to_truth", "rmse_in_sd"),
    "synthetic_threeway": ("rmse_to_truth", "rmse_in_sd"),
    "compas_published": ("accuracy",),
    "heart_published": ("accuracy",),
    "auto_mpg_published": ("mse",),
}


@dataclass(frozen=True)
class Problem:
    """A table, the directions its models have to keep, and how they are scored.

    Attributes
    ----------
    name : str
    task : {"classification", "regression"}
    directions : dict of str to {-1, 1}
    protocol : str
        The splits in words.
    splits : {"rows shared", "drawn anew", "one split"}
    n_splits : int
    part : callable
        Takes the number of a split; gives X and y of the training rows, then of the test rows.
    """

    name: str
    task: str
    directions: dict[str, int]
    protocol: str
    splits: str
    n_splits: int
    part: Callable[[int], tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]]

    def described(self) -> dict:
        """What a result file says of the table."""
        _, y, _, y_test = self.part(0)
        return {
            "protocol": self.protocol,
            "splits": self.splits,
            "train_rows": len(y),
            "test_rows": len(y_test),
            "directions": self.directions,
        }

    def scores(self, y: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
        """Scores of probabilities of class 1, or of predicted numbers."""
        if self.splits == INDEPENDENT:  # y is the truth here, without noise
            error = float(np.sqrt(mean_squared_error(y, prediction)))
            return {"rmse_to_truth": error, "rmse_in_sd": error / float(y.std())}
        found = scores(self.task, y, prediction)
        if self.task == "classification":
            name, by_row = "accuracy", (prediction > 0.5) == y
        else:
            name, by_row = "mse", (prediction - y) ** 2
        found[name] = float(by_row.mean())
        if self.splits == SINGLE:
            found[f"{name}_se_over_rows"] = float(by_row.std(ddof=1) / np.sqrt(len(y)))
        return found


def _problem(name, X, y, task, splits, directions, protocol, kind=SHARED) -> Problem:
    def part(number: int):
        train, test = splits[number]
        return X.iloc[train], y[train], X.iloc[test], y[test]

    return Problem(name, task, directions, protocol, kind, len(splits), part)


def _of_table(name: str, directions: dict[str, int]) -> Problem:
    table = TABLES[name]()
    return _problem(name, table.X, table.y, table.task, table.splits, directions, table.protocol)


# Directions: more of the column, more of the outcome (+1), or less (-1).
COMPAS = {
    "priors_count": 1,
    "juv_fel_count": 1,
    "juv_misd_count": 1,
    "juv_other_count": 1,
}
AUTO_MPG = {"Displacement": -1, "Horsepower": -1, "Weight": -1}
HEART = {"trestbps": 1, "chol": 1}
# Organ failure and frailty. Left out, for they harm at both ends: pressure, pulse, breathing,
# temperature, leucocytes, sodium, pH, glucose, urine.
SUPPORT2 = {
    "age": 1,
    "num.co": 1,
    "scoma": 1,
    "bun": 1,
    "crea": 1,
    "bili": 1,
    "alb": -1,
    "pafi": -1,
}
# Age, the dose of tobacco, and diagnoses that shorten life. Left out: weight and cholesterol.
NHEFS = {
    "age": 1,
    "smokeintensity": 1,
    "smokeyrs": 1,
    "hf": 1,
    "bronch": 1,
    "diabetes": 1,
    "hbp": 1,
    "tumor": 1,
}
_COMPAS_COLUMNS = [*COMPAS, "age", "race", "sex"]


def _typed(frame: pd.DataFrame, codes: tuple[str, ...] = ()) -> pd.DataFrame:
    """Text and the named codes as categories; a new index."""
    frame = frame.reset_index(drop=True)
    text = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(
        **{name: pd.Categorical(frame[name].astype(str)) for name in [*text, *codes]}
    )


def _compas() -> Problem:
    frame = propublica_filter(read_csv("compas.csv", keep_default_na=False))
    y = frame["two_year_recid"].to_numpy()
    X = _typed(frame[[*_COMPAS_COLUMNS, "c_charge_degree"]])
    splitter = StratifiedShuffleSplit(5, test_size=0.2, random_state=0)
    return _problem(
        "compas",
        X,
        y,
        "classification",
        list(splitter.split(X, y)),
        COMPAS,
        "new offence within two years, 5 stratified random splits 80/20, random_state=0",
    )


def _mpg_frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuple(read_csv(f"auto_mpg_{part}.csv", index_col=0) for part in ("train", "test"))


def _auto_mpg() -> Problem:
    frame = pd.concat(_mpg_frames()).sort_index()
    y = frame.pop("MPG").to_numpy()
    splitter = ShuffleSplit(10, test_size=0.2, random_state=0)
    return _problem(
        "auto_mpg",
        _typed(frame, ("Origin",)),
        y,
        "regression",
        list(splitter.split(frame)),
        AUTO_MPG,
        "miles per gallon, 10 random splits 80/20, random_state=0",
    )


def _published(name, train, test, outcome, task, directions, codes=()) -> Problem:
    frame = pd.concat([train, test])
    y = frame.pop(outcome).to_numpy()
    rows = np.arange(len(frame))
    return _problem(
        name,
        _typed(frame, codes),
        y,
        task,
        [(rows[: len(train)], rows[len(train) :])],
        directions,
        PUBLISHED,
        SINGLE,
    )


def _compas_published() -> Problem:
    frame = read_csv("compas_published_split.csv")
    parts = (frame[frame["split"] == part].drop(columns="split") for part in ("train", "test"))
    return _published("compas_published", *parts, "two_year_recid", "classification", COMPAS)


def _heart_published() -> Problem:
    parts = (read_csv(f"heart_published_{part}.csv", index_col=0) for part in ("train", "test"))
    codes = ("cp", "restecg", "thal")
    return _published("heart_published", *parts, "target", "classification", HEART, codes)


def _auto_mpg_published() -> Problem:
    codes = ("Origin",)
    return _published("auto_mpg_published", *_mpg_frames(), "MPG", "regression", AUTO_MPG, codes)


SYNTHETIC_COLUMNS = ("x0", "x1", "x2", "x3", "u0", "u1", "u2")
SYNTHETIC = {name: 1 for name in SYNTHETIC_COLUMNS if name.startswith("x")}
NOISE = 0.5
# Models that stop early set a fifth of the training rows apart: 1,200 and 300.
N_TRAIN, N_FRESH, N_SEEDS = 1_500, 20_000, 20


def synthetic_truth(X: np.ndarray, threeway: bool = False) -> np.ndarray:
    """The noise-free outcome of rows of x0, x1, x2, x3, u0, u1, u2; rising in every x."""
    x0, x1, x2, x3, u0, u1, u2 = np.asarray(X, dtype=float).T
    truth = (
        2 / (1 + np.exp(-20 * (x0 - 0.5)))
        + 1.5 * (x1 > 0.6)
        + 2 * x2**3 * (1 + np.sin(2 * np.pi * u0))
        + 2 * np.minimum(x0, x3)
        + np.log(1 + 5 * x3)
        + 8 * (u1 - 0.5) ** 2
        + np.sin(6 * u2)
    )
    return truth + 6 * x0 * x2 * x3 * (u1 > 0.5) if threeway else truth


def draw_synthetic(seed: int, threeway: bool = False) -> tuple:
    """Training rows with noise, and fresh rows with the truth."""
    rng = np.random.default_rng(seed)
    train, fresh = (rng.uniform(size=(n, len(SYNTHETIC_COLUMNS))) for n in (N_TRAIN, N_FRESH))
    y = synthetic_truth(train, threeway) + rng.normal(scale=NOISE, size=N_TRAIN)
    train, fresh = (pd.DataFrame(part, columns=SYNTHETIC_COLUMNS) for part in (train, fresh))
    return train, y, fresh, synthetic_truth(fresh.to_numpy(), threeway)


def _synthetic(threeway: bool = False) -> Problem:
    return Problem(
        "synthetic_threeway" if threeway else "synthetic",
        "regression",
        SYNTHETIC,
        f"{N_TRAIN:,} rows drawn anew for each seed, noise {NOISE}; scored against the truth on "
        f"{N_FRESH:,} fresh rows" + ("; with a three-way term" if threeway else ""),
        INDEPENDENT,
        N_SEEDS,
        lambda seed: draw_synthetic(seed, threeway),
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "compas": _compas,
    "auto_mpg": _auto_mpg,
    "heart_cleveland": lambda: _of_table("heart_cleveland", HEART),
    "support2": lambda: _of_table("support2", SUPPORT2),
    "nhefs": lambda: _of_table("nhefs", NHEFS),
    "synthetic": _synthetic,
    "synthetic_threeway": lambda: _synthetic(threeway=True),
    "compas_published": _compas_published,
    "heart_published": _heart_published,
    "auto_mpg_published": _auto_mpg_published,
}
