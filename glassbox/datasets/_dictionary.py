"""The bundled data dictionary."""

from __future__ import annotations

from typing import Any

import pandas as pd

from glassbox.datasets._files import read_csv

# A column of one of these kinds is an outcome, follows from one, or names the patient.
KEPT_APART = ("target", "leak", "score", "time", "id")


def describe(dataset: str) -> pd.DataFrame:
    """Return the dictionary of one table: one row per column, in the order of the dictionary."""
    everything = read_csv("dictionary.csv")
    rows = everything[everything["dataset"] == dataset].drop(columns="dataset")
    texts = ["label", "unit", "kind", "order", "note"]
    rows = rows.assign(**{name: rows[name].fillna("").astype(str) for name in texts})
    return rows.set_index("column")


def features(dictionary: pd.DataFrame) -> list[str]:
    """Return the columns that may be used as predictors."""
    return dictionary.index[~dictionary["kind"].isin(KEPT_APART)].tolist()


def levels(dictionary: pd.DataFrame, column: str) -> list[str]:
    """Return the levels of an ordinal column, from first to last."""
    return dictionary.at[column, "order"].split("|")


def as_data_dictionary(dictionary: pd.DataFrame) -> Any:
    """Wrap the rows in the class that plots and reports read."""
    from glassbox.core.dictionary import DataDictionary

    return DataDictionary.from_frame(dictionary)
