"""ImportanceDisplay and ContributionDisplay."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import ContributionDisplay, ImportanceDisplay
from tests.plots import fakes


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def bars(ax):
    """Signed lengths, from top to bottom."""
    found = [(bar.get_y(), bar.get_width()) for bar in ax.patches]
    return [width for _, width in sorted(found, reverse=True)]


def labels(ax):
    return [label.get_text() for label in ax.get_yticklabels()][::-1]


def patient(**changes):
    return fakes.table().iloc[[1]].assign(**changes)


# --- importances ---------------------------------------------------------------------------


def test_importances_from_the_largest_down():
    est = fakes.binary_estimator(importances=[0.1, 0.5, 0.2, 0.4, 0.3, 0.05])
    display = ImportanceDisplay.from_estimator(est, dictionary=fakes.dictionary())
    np.testing.assert_allclose(bars(display.ax_), [0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
    assert labels(display.ax_)[:2] == ["Stage", "Urea nitrogen, day 3 (mg/dL)"]
    assert labels(display.ax_)[-1] == "Age (years) × Urea nitrogen, day 3 (mg/dL)"
    assert "log-odds" in display.ax_.get_xlabel()
    assert list(display.to_frame()["term"])[:2] == ["stage", "bun"]


def test_only_so_many_importances_and_the_rest_is_counted():
    est = fakes.binary_estimator()
    display = ImportanceDisplay.from_estimator(est, max_terms=2)
    assert len(bars(display.ax_)) == 2
    assert "and 4 terms of 4 or less" in display.ax_.get_xlabel()
    assert len(display.to_frame()) == 6
    assert display.alt_text().endswith("age 6, stage 5, and 4 smaller ones.")
    with pytest.raises(ValueError, match="max_terms must be at least 1"):
        ImportanceDisplay.from_estimator(est, max_terms=0)


def test_importances_on_a_given_axes():
    ax = plt.figure().gca()
    display = ImportanceDisplay.from_estimator(fakes.binary_estimator(), ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure


# --- one patient ---------------------------------------------------------------------------


def test_bars_are_the_contributions_by_size():
    est = fakes.binary_estimator()
    display = ContributionDisplay.from_estimator(est, patient(), scale="log_odds")
    contributions = est.contributions(patient()).iloc[0]
    expected = contributions.loc[contributions.abs().sort_values(ascending=False).index]
    np.testing.assert_allclose(bars(display.ax_), expected)
    np.testing.assert_allclose(display.to_frame()["score"], contributions)


def test_odds_ratio_bars_begin_at_one():
    est = fakes.binary_estimator()
    display = ContributionDisplay.from_estimator(est, patient())
    assert display.ax_.get_xscale() == "log"
    scores = np.log1p(bars(display.ax_))
    assert (np.diff(np.abs(scores)) <= 1e-12).all()
    np.testing.assert_allclose(scores.sum(), est.contributions(patient()).to_numpy().sum())
    assert all(bar.get_x() == 1.0 for bar in display.ax_.patches)


def test_values_units_and_flags():
    display = ContributionDisplay.from_estimator(
        fakes.binary_estimator(), patient(age=np.nan), dictionary=fakes.dictionary()
    )
    shown = labels(display.ax_)
    assert "Urea nitrogen, day 3 = 50 mg/dL  H" in shown
    assert "Sodium = 140 mEq/L" in shown
    assert "Age = missing" in shown
    assert "Ward = east" in shown
    low = ContributionDisplay.from_estimator(
        fakes.binary_estimator(), patient(sodium=128.0), dictionary=fakes.dictionary()
    )
    assert "Sodium = 128 mEq/L  L" in labels(low.ax_)
    assert "H, L: above, below the normal range" in low.caption_


def test_unseen_categories_and_binary_columns_have_words():
    unseen = ContributionDisplay.from_estimator(fakes.binary_estimator(), patient(ward="attic"))
    assert "ward = a category unseen in training" in labels(unseen.ax_)
    binary = DataDictionary.from_frame(pd.DataFrame({"column": ["bun"], "kind": ["binary"]}))
    display = ContributionDisplay.from_estimator(
        fakes.binary_estimator(), patient(bun=1.0), dictionary=binary
    )
    assert "bun = yes" in labels(display.ax_)


def test_the_rest_shares_one_bar():
    est = fakes.binary_estimator()
    display = ContributionDisplay.from_estimator(est, patient(), max_terms=2, scale="log_odds")
    contributions = est.contributions(patient()).iloc[0]
    by_size = contributions.loc[contributions.abs().sort_values(ascending=False).index]
    assert labels(display.ax_)[-1] == "4 others together"
    np.testing.assert_allclose(bars(display.ax_), [*by_size[:2], by_size[2:].sum()])
    assert len(display.to_frame()) == 6
    # One term left over keeps its name.
    five = ContributionDisplay.from_estimator(est, patient(), max_terms=5)
    assert len(labels(five.ax_)) == 6 and "others" not in "".join(labels(five.ax_))


def test_headline_has_risk_interval_and_average_patient():
    est = fakes.binary_estimator()
    display = ContributionDisplay.from_estimator(est, patient())
    score = -1.0 + est.contributions(patient()).to_numpy().sum()
    # Six terms with a band of 0.2 on either side each.
    half_width = 0.2 * np.sqrt(6)
    low, mean, high = 100 * expit([score - half_width, score, score + half_width])
    expected = f"Risk {mean:.0f} % ({low:.0f} to {high:.0f} %)   |   average patient 27 %"
    assert display.ax_.get_title(loc="left") == expected
    assert display.patient.mean == pytest.approx(expit(score))
    assert "as if their errors were independent" in display.caption_


def test_no_interval_without_bands():
    est = fakes.binary_estimator()
    bare = [t.replace(lower=None, upper=None) for t in est.additive_model_.terms]
    est.additive_model_ = est.additive_model_.replace(terms=tuple(bare))
    display = ContributionDisplay.from_estimator(est, patient())
    assert display.patient.interval is None
    assert "(" not in display.ax_.get_title(loc="left")
    assert "Interval" not in display.caption_


def test_one_of_several_classes():
    est = fakes.multiclass_estimator()
    row = fakes.table().iloc[[0]]
    contributions = est.contributions(row)
    scores = est.intercept_ + contributions.to_numpy().reshape(3, 3).sum(axis=0)
    died = ContributionDisplay.from_estimator(est, row, output="died", scale="log_odds")
    np.testing.assert_allclose(
        died.to_frame()["score"], contributions.xs("died", axis=1, level=1).iloc[0]
    )
    assert died.patient.mean == pytest.approx(softmax(scores)[2])
    assert died.patient.interval is None
    likely = ContributionDisplay.from_estimator(est, row)
    assert likely.outcome == est.classes_[scores.argmax()]
    with pytest.raises(ValueError, match="no output 'dead'"):
        ContributionDisplay.from_estimator(est, row, output="dead")


def test_outcome_units_of_a_regression():
    est = fakes.estimator_of(
        fakes.age_term(), intercept=120.0, link="identity", table=fakes.table()[["age"]]
    )
    display = ContributionDisplay.from_estimator(est, fakes.table()[["age"]].iloc[[1]])
    assert display.ax_.get_title(loc="left").startswith("Expected outcome 120.5 (120.2 to 120.7)")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([0, 1], {}, "X has 2 rows"),
        ([], {}, "0 sample"),
        ([0], {"scale": "risk"}, "does not add up"),
        ([0], {"max_terms": 0}, "max_terms must be at least 1"),
        ([0], {"output": 1}, "single score"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows, options, message):
    with pytest.raises(ValueError, match=message):
        ContributionDisplay.from_estimator(
            fakes.binary_estimator(), fakes.table().iloc[rows], **options
        )


def test_patient_in_words():
    text = ContributionDisplay.from_estimator(
        fakes.binary_estimator(), patient(), dictionary=fakes.dictionary()
    ).alt_text()
    assert text.startswith("Risk ")
    raised, lowered = text.split("Lowered by")
    assert "Urea nitrogen, day 3 = 50 mg/dL (H): ×" in raised
    assert "Ward = east: × 0.61" in lowered
