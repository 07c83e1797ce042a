"""TrainingCurveDisplay."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from glassbox.plots import TrainingCurveDisplay, save_figure
from tests.plots import fakes

#: Two members: the first is best at step 10, the second at its start.
VALIDATION = np.array([[0.50, 0.60], [0.44, 0.62], [0.47, 0.64]])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def history(validation, training=None):
    validation = np.asarray(validation, dtype=float)
    n_looks, n_members = validation.shape
    training = validation - 0.1 if training is None else np.asarray(training, dtype=float)
    training = np.vstack([np.full(n_members, np.nan), training[1:]])
    return pd.DataFrame(
        {
            "step": np.repeat(10 * np.arange(n_looks), n_members),
            "member": np.tile(np.arange(n_members), n_looks),
            "training_loss": training.ravel(),
            "validation_loss": validation.ravel(),
        }
    )


class Trained(ClassifierMixin, BaseEstimator):
    def __init__(self, start="penalised"):
        self.start = start

    def fit(self, looks):
        self.history_ = looks
        return self


def drawn(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def test_a_line_per_member_and_their_mean():
    ax = TrainingCurveDisplay.from_estimator(Trained().fit(history(VALIDATION))).ax_
    members = drawn(ax, "member")
    np.testing.assert_allclose([line.get_ydata() for line in members], VALIDATION.T)
    (mean,) = drawn(ax, "validation")
    np.testing.assert_array_equal(mean.get_xdata(), [0, 10, 20])
    np.testing.assert_allclose(mean.get_ydata(), VALIDATION.mean(axis=1))
    assert mean.get_linewidth() > members[0].get_linewidth()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Step", "Log-loss")


def test_training_loss_begins_after_the_start():
    (line,) = drawn(TrainingCurveDisplay(history(VALIDATION)).plot().ax_, "training")
    np.testing.assert_allclose(line.get_ydata(), [np.nan, 0.43, 0.455])


def test_a_mark_at_the_best_snapshot_of_each_member():
    display = TrainingCurveDisplay(history(VALIDATION)).plot()
    (marks,) = drawn(display.ax_, "best")
    np.testing.assert_allclose(marks.get_xydata(), [[10, 0.44], [0, 0.60]])
    frame = display.to_frame()
    np.testing.assert_allclose(frame["gain"], [0.06, 0.0])
    assert display.verdict_ == (
        "1 of 2 members improved on the start; best snapshots gain 0.03 on average."
    )


def test_says_when_no_step_improved():
    worse = VALIDATION[[1, 2, 0]]
    worse[:, 1] = [0.6, 0.6, 0.7]
    display = TrainingCurveDisplay.from_estimator(Trained().fit(history(worse)))
    said = "No step improved on the penalised start (best step 0)."
    assert display.ax_.get_title(loc="left").replace("\n", " ") == said
    assert display.alt_text().endswith(said)
    scratch = TrainingCurveDisplay.from_estimator(Trained("zero").fit(history(worse)))
    assert scratch.verdict_ == "No step improved on the start (best step 0)."


def test_relative_curves_begin_at_zero():
    ax = TrainingCurveDisplay(history(VALIDATION), relative=True).plot().ax_
    expected = (VALIDATION - VALIDATION[0]).T
    np.testing.assert_allclose([line.get_ydata() for line in drawn(ax, "member")], expected)
    (training,) = drawn(ax, "training")
    np.testing.assert_allclose(training.get_ydata(), [np.nan, 0, 0.025])
    (marks,) = drawn(ax, "best")
    np.testing.assert_allclose(marks.get_xydata(), [[10, -0.06], [0, 0]])
    assert "change" in ax.get_ylabel()


def test_one_look_is_a_point():
    display = TrainingCurveDisplay(history(VALIDATION[:1])).plot()
    assert drawn(display.ax_, "validation")[0].get_marker() == "."
    assert not drawn(display.ax_, "training")
    assert "No step improved" in display.verdict_
    assert "0 steps" in display.alt_text() and "nan" not in display.alt_text()


def test_members_that_nothing_judges():
    half = VALIDATION.copy()
    half[:, 1] = np.inf
    display = TrainingCurveDisplay(history(half)).plot()
    (marks,) = drawn(display.ax_, "best")
    np.testing.assert_allclose(marks.get_xydata(), [[10, 0.44]])
    assert display.verdict_.startswith("1 of 2 members improved")
    nobody = TrainingCurveDisplay(history(np.full((3, 1), np.inf))).plot()
    assert nobody.verdict_ == "No member left rows out, so that no step can be judged."
    assert nobody.to_frame()["best_step"].tolist() == [0]
    assert "nan" not in nobody.alt_text() and "inf" not in nobody.alt_text()


def test_alt_text_has_the_numbers():
    text = TrainingCurveDisplay(history(VALIDATION), loss_name="Log-loss").alt_text()
    assert text.startswith("Log-loss against the step of training, 2 members, 20 steps.")
    assert (
        "Validation, mean: 0.55 at the start, 0.555 at the last look, 0.52 at the best "
        "snapshots (steps 0 to 10)." in text
    )
    assert "Training, mean: 0.43 at step 10, 0.455 at step 20." in text


def test_draws_on_a_given_axes_and_saves(tmp_path):
    ax = plt.figure().gca()
    display = TrainingCurveDisplay.from_estimator(Trained().fit(history(VALIDATION)), ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure
    path = save_figure(display, tmp_path / "curve.svg")
    assert "2 members" in path.read_text()


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="FakeEstimator has no history_.*NAMClassifier"):
        TrainingCurveDisplay.from_estimator(fakes.binary_estimator())
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(Trained())
    looks = history(VALIDATION).drop(columns="member")
    with pytest.raises(ValueError, match="history_ of Trained lacks the column 'member'"):
        TrainingCurveDisplay.from_estimator(Trained().fit(looks))


@settings(max_examples=50, deadline=None)
@given(
    arrays(
        float,
        st.tuples(st.integers(1, 6), st.integers(1, 4)),
        elements=st.floats(0, 10, allow_nan=False),
    )
)
def test_the_best_is_the_first_lowest_look(validation):
    frame = TrainingCurveDisplay(history(validation)).to_frame()
    np.testing.assert_array_equal(frame["best_step"], 10 * validation.argmin(axis=0))
    np.testing.assert_array_equal(frame["best_loss"], validation.min(axis=0))
    assert (frame["gain"] >= 0).all()


def test_with_a_fitted_network():
    torch = pytest.importorskip("torch")
    from glassbox import NAMRegressor

    assert torch
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(200, 2))
    est = NAMRegressor(start="zero", n_bags=3, max_steps=20, random_state=0)
    est.fit(X, np.sin(6 * X[:, 0]))
    display = TrainingCurveDisplay.from_estimator(est)
    assert len(drawn(display.ax_, "member")) == 3
    assert display.verdict_.startswith("3 of 3 members improved")
    assert display.ax_.get_ylabel() == "Loss"


def test_the_snapshot_that_is_kept_is_marked_where_it_is_known():
    looks = history(VALIDATION)
    looks["kept"] = looks["step"] == 0
    frame = TrainingCurveDisplay(looks).to_frame()
    np.testing.assert_array_equal(frame["best_step"], 0)
    np.testing.assert_array_equal(frame["gain"], 0)
