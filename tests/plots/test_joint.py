"""Models with a network part that is in no table."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import expit, softmax

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import NumericAxis
from glassbox.plots import ContributionDisplay, ImportanceDisplay, ShapeDisplay
from tests.plots import fakes

LABEL = "joint (network part)"


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()][::-1]


def row():
    return fakes.table()[["age", "bun", "stage"]].iloc[[1]]


def test_only_tables_have_panels():
    display = ShapeDisplay.from_estimator(fakes.joint_estimator())
    assert [panel.name for panel in display.panels] == ["age", "bun", "stage"]


@pytest.mark.parametrize("features", ["joint", ["age", "joint"]])
def test_the_network_part_has_no_shape(features):
    with pytest.raises(ValueError, match=r"no shape function of its own.*ContributionDisplay.*"):
        ShapeDisplay.from_estimator(fakes.joint_estimator(), features)
    with pytest.raises(ValueError, match="There is no term 'joint'"):
        ShapeDisplay.from_estimator(fakes.binary_estimator(), features)


def test_a_feature_may_be_called_joint():
    axis = NumericAxis("joint", fakes.AGE_CUTS)
    est = fakes.estimator_of(fakes.age_term().replace(axes=(axis,)))
    assert ShapeDisplay.from_estimator(est, "joint").panels[0].name == "joint"
    assert labels(ImportanceDisplay.from_estimator(est).ax_) == ["joint"]


def test_a_model_without_main_effects_says_so():
    model = AdditiveModel(0.0, (), "logit")
    with pytest.raises(ValueError, match="no main effects to draw.*Its terms are none"):
        ShapeDisplay.from_estimator(fakes.FakeJoint(model, classes=[0, 1]))
    with pytest.raises(ValueError, match="no main effects to draw.*age & bun"):
        ShapeDisplay.from_estimator(fakes.estimator_of(fakes.pair_term()))


@pytest.mark.parametrize(
    ("additivity", "said"),
    [
        (0.97, "The tables hold 97 % of"),
        (0.9999, "The tables hold more than 99 % of"),
        (0.001, "The tables hold less than 1 % of"),
        (0.0, "The tables hold less than 1 % of"),
    ],
)
def test_the_caption_says_what_the_panels_do_not_show(additivity, said):
    display = ShapeDisplay.from_estimator(fakes.joint_estimator(additivity=additivity))
    assert display.caption_.endswith(f"{said} the score's variance; the rest is {LABEL}.")
    assert said in " ".join(display.figure_.texts[0].get_text().split())


def test_nothing_is_said_where_the_tables_are_the_whole_model():
    whole = ShapeDisplay.from_estimator(fakes.joint_estimator(additivity=1.0), "age")
    tables = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    assert "variance" not in whole.caption_ + tables.caption_


def test_its_importance_is_a_bar_like_others():
    est = fakes.joint_estimator(joint_importance=2.5)
    display = ImportanceDisplay.from_estimator(est, dictionary=fakes.dictionary())
    assert labels(display.ax_) == ["Age (years)", LABEL, "Urea nitrogen, day 3 (mg/dL)", "Stage"]
    assert list(display.to_frame()["term"]) == ["age", "joint", "bun", "stage"]
    assert f"{LABEL} 2.5" in display.alt_text()
    short = ImportanceDisplay.from_estimator(est, max_terms=1)
    assert "and 3 terms of 2.5 or less" in short.ax_.get_xlabel()


def test_its_contribution_is_a_bar_and_counts():
    est = fakes.joint_estimator()
    contributions = est.contributions(row()).iloc[0]
    display = ContributionDisplay.from_estimator(est, row(), scale="log_odds")
    frame = display.to_frame().set_index("term")
    np.testing.assert_allclose(frame["score"], contributions)
    assert frame.loc["joint", "label"] == LABEL and LABEL in labels(display.ax_)
    assert display.patient.mean == pytest.approx(expit(-1.0 + contributions.sum()))
    # No band is known of the network, so that there is no interval for the sum.
    assert display.patient.interval is None and "Interval" not in display.caption_
    assert f"{LABEL}: +0.3" in display.alt_text()
    few = ContributionDisplay.from_estimator(est, row(), max_terms=1)
    assert labels(few.ax_)[-1] == "3 others together"


def test_its_contribution_to_one_of_several_classes():
    tables = fakes.multiclass_estimator()
    est = fakes.FakeJoint(
        tables.additive_model_, classes=tables.classes_, table=fakes.table(), additivity=0.5
    )
    patient = fakes.table().iloc[[0]]
    contributions = est.contributions(patient)
    scores = est.intercept_ + contributions.to_numpy().reshape(4, 3).sum(axis=0)
    display = ContributionDisplay.from_estimator(est, patient, output="died")
    frame = display.to_frame().set_index("term")
    assert frame.loc["joint", "score"] == pytest.approx(est.joint(1)[0, 2])
    assert display.patient.mean == pytest.approx(softmax(scores)[2])
