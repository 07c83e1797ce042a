import numpy as np
import pandas as pd
import polars as pl

from tests.inspection.watched import Watched, audit


def test_ordered_categories_in_pandas_and_polars():
    # In an order that is not the alphabet's.
    levels = ["mild", "grave", "deadly"]
    order = {level: rank for rank, level in enumerate(levels)}
    grades = np.random.default_rng(0).choice(levels, 50)
    frames = [
        pd.DataFrame({"grade": pd.Categorical(grades, [*levels, "unseen"], ordered=True)}),
        pl.DataFrame({"grade": pl.Series(grades, dtype=pl.Enum([*levels, "unseen"]))}),
    ]
    for frame in frames:
        model = Watched(lambda X: np.array([order[level] for level in X["grade"]]))
        assert audit(model, frame, {"grade": 1}, n_sweeps=2).passed
        pairs = {
            pair
            for before, after in model.moves()
            for pair in zip(before["grade"], after["grade"], strict=True)
        }
        assert pairs == {("mild", "grave"), ("grave", "deadly"), ("mild", "deadly")}
    swapped = audit(lambda X: np.array(X["grade"] == "grave", float), frames[0], {"grade": 1})
    assert swapped.violations.loc[0, ["from", "to"]].tolist() == ["grave", "deadly"]
