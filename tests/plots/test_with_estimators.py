"""Displays of models that were really fitted."""

import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from glassbox import BoostedGAMClassifier, BoostedGAMRegressor, SplineGAMClassifier
from glassbox.plots import ContributionDisplay, ImportanceDisplay, ShapeDisplay


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def patients(n=600, seed=0):
    rng = np.random.RandomState(seed)
    X = pd.DataFrame(
        {
            "age": rng.uniform(20, 90, n),
            "lab": np.where(rng.uniform(size=n) < 0.2, np.nan, rng.gamma(2, 2, n)),
            "ward": rng.choice(["north", "south", "west"], n),
            "flag": rng.randint(0, 2, n),
        }
    )
    score = (X["age"] - 60) / 15 + (X["ward"] == "west") + 0.3 * X["lab"].fillna(0) - 1
    return X, np.where(rng.uniform(size=n) < 1 / (1 + np.exp(-score)), "died", "alive")


FITTED = {
    "boosted": BoostedGAMClassifier(
        n_bags=2, max_rounds=200, interactions=[("age", "lab"), ("ward", "age")], random_state=0
    ),
    "spline": SplineGAMClassifier(interactions=[("age", "lab"), ("ward", "age")], n_knots=8),
    "polars": BoostedGAMClassifier(n_bags=1, max_rounds=50, random_state=0),
    "numpy": BoostedGAMRegressor(n_bags=2, max_rounds=50, monotonic_cst=[1, 0, 0], random_state=0),
}


@pytest.mark.parametrize("family", FITTED)
def test_every_display_draws_what_was_fitted(family):
    X, y = patients()
    if family == "polars":
        polars = pytest.importorskip("polars")
        X = polars.from_pandas(X)
    if family == "numpy":
        X, y = X[["age", "lab", "flag"]].to_numpy(), X["age"].to_numpy()
    est = FITTED[family].fit(X, y)
    shapes = ShapeDisplay.from_estimator(est, est.term_names_)
    shapes.figure_.canvas.draw()
    frame = shapes.to_frame()
    mains = [t.name for t in est.additive_model_.terms if len(t.axes) == 1]
    for term in mains:
        source = est.shape_function(term)
        drawn = set(frame.loc[frame["term"] == term, "score"])
        assert drawn <= set(source["score"])
        assert drawn >= set(source.loc[source["kind"] == "value", "score"])
    assert len(shapes.alt_text().split("\n")) == len(est.term_names_)

    one = X[:1]
    why = ContributionDisplay.from_estimator(est, one)
    expected = est.predict(X)[0] if family == "numpy" else est.predict_proba(X)[0, 1]
    assert why.patient.mean == pytest.approx(expected)
    if est.band_description_.startswith("no band"):
        assert why.patient.interval is None
    else:
        low, high = why.patient.interval
        assert low < expected < high
    order = ImportanceDisplay.from_estimator(est).to_frame()
    assert order["importance"].is_monotonic_decreasing


def test_importing_plots_leaves_pyplot_alone():
    code = "import sys, glassbox.plots; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
