"""Tables with a sensitive feature: what a comparison of fairness strategies is made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks._common import propublica_filter, read_csv

TEST_SHARE = 0.3
FLOOR_PERMUTATIONS = 500


@dataclass(frozen=True)
class Part:
    """Rows of one side of a split; `groups` are those that gaps are measured between."""

    X: pd.DataFrame
    y: np.ndarray
    sensitive: pd.Series
    groups: np.ndarray

    @property
    def with_sensitive(self) -> pd.DataFrame:
        """The inputs, and the sensitive feature as one more column."""
        return self.X.assign(**{self.sensitive.name: self.sensitive})


@dataclass(frozen=True)
class Problem:
    """A table, its sensitive feature and its splits.

    Attributes
    ----------
    name : str
    X : DataFrame
        Inputs, without the sensitive feature.
    y : ndarray of 0 and 1
    sensitive : Series
        Categories, or amounts.
    protocol : str
        Outcome, inputs and splits in words.
    n_splits : int
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    sensitive: pd.Series
    protocol: str
    n_splits: int

    @property
    def is_amount(self) -> bool:
        """Whether the sensitive feature is a number, and not a group."""
        return pd.api.types.is_numeric_dtype(self.sensitive)

    def parts(self, split: int) -> tuple[Part, Part]:
        """Training and test rows. Amounts are halved at their median on the training rows."""
        splitter = StratifiedShuffleSplit(self.n_splits, test_size=TEST_SHARE, random_state=0)
        rows = list(splitter.split(self.X, self.y))[split]
        groups = self.sensitive.to_numpy()
        if self.is_amount:
            median = np.median(groups[rows[0]])
            groups = np.where(groups > median, "above", "up to the median")
        return tuple(
            Part(self.X.iloc[r], self.y[r], self.sensitive.iloc[r], np.asarray(groups[r], str))
            for r in rows
        )

    def described(self) -> dict:
        """What a result file says of the table."""
        train, test = self.parts(0)
        return {
            "protocol": self.protocol,
            "sensitive": self.sensitive.name,
            "kind": "amounts, in halves for gaps" if self.is_amount else "groups",
            "inputs": list(self.X),
            "train_rows": len(train.y),
            "test_rows": len(test.y),
        }


def figures(prediction: np.ndarray, part: Part, link_score: np.ndarray | None = None) -> dict:
    """How good predictions are, and what they owe to the sensitive feature.

    Parameters
    ----------
    prediction : ndarray of shape (n_rows,)
        Probabilities of class 1, or decisions as 0 and 1.
    part : Part
    link_score : ndarray of shape (n_rows,), optional
        Of models that have one.

    Returns
    -------
    dict of str to float
        "dcor" is of the predictions, so that models without a link can be compared.
    """
    prediction = np.asarray(prediction, dtype=float)
    found = {
        "auc": float(roc_auc_score(part.y, prediction)),
        "brier": float(brier_score_loss(part.y, prediction)),
        **_at_half(prediction > 0.5, part),
        "dcor": distance_correlation(prediction, part),
    }
    if link_score is not None:
        found["dcor_of_link"] = distance_correlation(link_score, part)
    return found


def _at_half(selected: np.ndarray, part: Part) -> dict:
    rates = pd.DataFrame({"selected": selected, "y": part.y, "group": part.groups})
    by_group = rates.groupby("group")["selected"].mean()
    by_class = rates.groupby(["y", "group"])["selected"].mean().unstack()
    return {
        "accuracy": float((selected == (part.y == 1)).mean()),
        "dp_gap": float(np.ptp(by_group)),
        "eo_gap": float((by_class.max(axis=1) - by_class.min(axis=1)).max()),
    }


def distance_correlation(score: np.ndarray, part: Part, n_permutations: int = 0):
    """The V-statistic; with permutations, the mean and 95 % quantile that chance gives."""
    from glassbox.fairness.dependence import dependence

    found = dependence(
        score,
        {"A": part.sensitive.to_numpy()},
        measures=["dcor"],
        n_permutations=n_permutations,
        n_bootstrap=0,
        random_state=0,
    ).iloc[0]
    if n_permutations:
        return {"mean": float(found["floor"]), "95 %": float(found["floor_95"])}
    return float(found["estimate"])


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Text as categories; a new index."""
    frame = frame.reset_index(drop=True)
    text = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{name: pd.Categorical(frame[name].astype(str)) for name in text})


def _problem(name, X, y, sensitive, outcome, n_splits=5) -> Problem:
    protocol = (
        f"{outcome}; {n_splits} stratified random splits, {1 - TEST_SHARE:.0%} for training, "
        "random_state=0"
    )
    return Problem(name, X, np.asarray(y).astype(int), sensitive, protocol, n_splits)


COMPAS_INPUTS = (
    "age",
    "sex",
    "priors_count",
    "juv_fel_count",
    "juv_misd_count",
    "juv_other_count",
)


def _compas() -> Problem:
    frame = propublica_filter(read_csv("compas.csv", keep_default_na=False))
    frame = frame[frame["race"].isin(["African-American", "Caucasian"])]
    came, left = (
        pd.to_datetime(frame[name]).dt.normalize() for name in ("c_jail_in", "c_jail_out")
    )
    inputs = frame[list(COMPAS_INPUTS)].assign(
        length_of_stay=(left - came).dt.days, charge_degree=frame["c_charge_degree"]
    )
    return _problem(
        "compas",
        _typed(inputs),
        frame["two_year_recid"],
        _typed(frame[["race"]])["race"],
        "new offence within two years; ProPublica's filter, African-American and Caucasian only",
    )


_HRS_LEFT_OUT = ["score", "gender", "marriage", "race", "race.ethnicity", "year", "age"]


def _hrs() -> Problem:
    frame = read_csv("hrs.csv.gz").sample(8_000, random_state=0).reset_index(drop=True)
    return _problem(
        "hrs",
        _typed(frame.drop(columns=_HRS_LEFT_OUT)),
        frame["score"] > 0,
        frame["age"],
        "any difficulty of daily living; 8,000 rows drawn",
        n_splits=3,
    )


def _communities() -> Problem:
    frame = read_csv("communities.csv")
    crimes = frame["ViolentCrimesPerPop"]
    races = [name for name in frame if name.lower().startswith("racepct")]
    inputs = frame.drop(columns=["state", "county", "fold", "ViolentCrimesPerPop", *races])
    return _problem(
        "communities",
        inputs,
        crimes > crimes.median(),
        frame["racepctblack"],
        "violent crimes above the median; without place and shares of races",
    )


def _nhefs(name: str, sensitive: str) -> Problem:
    from glassbox.datasets import load_nhefs

    X, y = load_nhefs(return_X_y=True)
    feature = X[sensitive]
    if sensitive == "sex":
        feature = feature.map({0: "male", 1: "female"})
    return _problem(
        name,
        X.drop(columns=sensitive),
        y,
        feature if sensitive == "age" else pd.Series(pd.Categorical(feature), name=sensitive),
        "death by 1992",
    )


def _flchain() -> Problem:
    frame = read_csv("flchain.csv")
    inputs = frame[["sex", "sample.yr", "kappa", "lambda", "creatinine", "mgus"]]
    return _problem("flchain", _typed(inputs), frame["death"], frame["age"], "death in follow-up")


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "compas": _compas,
    "hrs": _hrs,
    "communities": _communities,
    "nhefs": lambda: _nhefs("nhefs", "age"),
    "nhefs_sex": lambda: _nhefs("nhefs_sex", "sex"),
    "flchain": _flchain,
}
