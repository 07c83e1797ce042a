"""Marks of declared directions, and what their certificates say."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import same_color

from glassbox import BoostedGAMClassifier
from glassbox.core.dictionary import Entry
from glassbox.plots import ShapeDisplay, _style
from glassbox.plots._direction import Direction
from tests.plots import fakes


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def marks(ax):
    return [text for text in ax.texts if text.get_gid() == "direction"]


def mark_of(ax):
    (mark,) = marks(ax)
    return mark.get_text()


def flat_pair(first, second, slope=0.0):
    """A pair of two numeric terms, which falls along the second where the first is high."""
    axes = (first.axes[0], second.axes[0])
    table = np.zeros((first.axes[0].n_values + 1, second.axes[0].n_values + 1))
    table[-2, :-1] = slope * np.arange(second.axes[0].n_values)
    return fakes.with_band(axes, table, np.full(table.shape, 40.0))


# --- main effects --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "feature", "sign", "mark"),
    [
        (fakes.age_term(), "age", 1, "↑ certified"),
        (fakes.age_term(), "age", -1, "↓ not certified"),
        (fakes.lines_term(), "bun", 1, "↑ not certified"),
        (fakes.stage_term(), "stage", -1, "↓ not certified"),
    ],
)
@pytest.mark.parametrize("scale", ["odds_ratio", "log_odds", "risk"])
def test_the_mark_says_what_the_certificate_says(term, feature, sign, mark, scale):
    est = fakes.constrained(term, directions={feature: sign})
    display = ShapeDisplay.from_estimator(est, scale=scale)
    assert mark_of(display.ax_) == mark
    (drawn,) = marks(display.ax_)
    is_warning = "not" in mark
    assert same_color(drawn.get_color(), _style.ALERT) == is_warning
    assert (drawn.get_fontweight() == "bold") == is_warning
    assert ("not certified: broken somewhere" in display.caption_) == is_warning


@pytest.mark.parametrize(
    ("holds", "mark", "said"),
    [
        (True, "↑ certified", "Declared to rise; certified over the whole input space."),
        (np.True_, "↑ certified", "Declared to rise; certified over the whole input space."),
        (
            False,
            "↑ not certified",
            "Declared to rise; not certified: the score falls at 60 years.",
        ),
        (None, "↑ open", "Declared to rise; neither certified nor refuted"),
        (np.nan, "↑ open", "Declared to rise; neither certified nor refuted"),
    ],
)
def test_the_estimator_certifies_what_was_declared_to_it(holds, mark, said):
    # Whatever its tables say: its certificate may rest on more than these.
    table = fakes.verdict("age", 1, holds, start=60.0, end=60.0)
    est = fakes.constrained(fakes.age_term(), directions={"age": 1}, certificate=table)
    display = ShapeDisplay.from_estimator(est, dictionary=fakes.dictionary())
    assert mark_of(display.ax_) == mark
    assert said in display.alt_text()


def test_an_arrow_alone_where_nothing_is_certified():
    uncertified = fakes.estimator_of(fakes.age_term(), directions={"age": 1})
    not_in_it = fakes.constrained(
        fakes.age_term(), directions={"age": 1}, certificate=fakes.verdict("bun", 1, True)
    )
    for est in (uncertified, not_in_it):
        display = ShapeDisplay.from_estimator(est)
        assert mark_of(display.ax_) == "↑"
        assert "Declared to rise; there is no certificate." in display.alt_text()
        assert "arrow alone" in display.caption_


def test_no_mark_without_a_direction():
    est = fakes.constrained(fakes.age_term(), fakes.lines_term(), directions={"age": 0, "bun": -1})
    display = ShapeDisplay.from_estimator(est, ["age", "bun"])
    assert not marks(display.axes_[0]) and mark_of(display.axes_[1]) == "↓ not certified"
    assert "Declared" not in display.alt_text().split("\n")[0]
    plain = ShapeDisplay.from_estimator(est, "age")
    assert "declared direction" not in plain.caption_


# --- directions given as an argument -------------------------------------------------------


def test_directions_given_are_read_off_the_tables():
    refused = fakes.verdict("age", -1, True)
    est = fakes.constrained(
        fakes.age_term(), fakes.stage_term(), directions={"age": -1}, certificate=refused
    )
    display = ShapeDisplay.from_estimator(est, directions={"age": 1, "stage": 1})
    assert [mark_of(ax) for ax in display.axes_] == ["↑ certified", "↑ not certified"]
    same = ShapeDisplay.from_estimator(est, directions={"age": -1})
    assert mark_of(same.axes_[0]) == "↓ certified" and not marks(same.axes_[1])


def test_several_scores_have_an_arrow_only():
    est = fakes.multiclass_estimator()
    display = ShapeDisplay.from_estimator(est, "age", directions={"age": 1})
    assert mark_of(display.ax_) == "↑"


def test_a_network_part_is_not_certified_by_the_tables():
    est = fakes.joint_estimator(directions={"age": 1}, certificate=fakes.verdict("age", 1, True))
    display = ShapeDisplay.from_estimator(est, directions={"age": 1, "bun": 1, "stage": 1})
    assert [mark_of(ax) for ax in display.axes_] == ["↑ certified", "↑", "↑"]


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        ({"age": 2}, "feature 'age' must be -1 .*, got 2"),
        ({"age": True}, "feature 'age' must be -1 .*, got True"),
        ({"ward": 1}, "'ward' is an unordered category"),
        ({"weight": 1}, "'weight', which is not among the features drawn: age"),
    ],
)
def test_directions_that_make_no_sense_are_refused(directions, message):
    with pytest.raises(ValueError, match=message):
        ShapeDisplay.from_estimator(fakes.binary_estimator(), directions=directions)


# --- pairs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("slope", "mark"), [(0.0, "certified"), (-5.0, "not certified")])
def test_pairs_say_it_along_their_axes(slope, mark):
    age, sodium = fakes.age_term(), fakes.cubic_term()
    bun = fakes.lines_term().replace(
        coefficients=np.array([0.1, 0.2, 0.3, 0.4, 0.0]), lower=None, upper=None
    )
    pair = flat_pair(age, bun, slope)
    est = fakes.constrained(age, bun, sodium, pair, directions={"bun": 1})
    display = ShapeDisplay.from_estimator(est, [("age", "bun"), "bun"])
    heat, lines, main = display.axes_
    label = heat.get_ylabel().replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert label == f"bun ↑ {mark}"
    assert heat.get_xlabel() == lines.get_xlabel() == "age"
    is_warning = mark != "certified"
    assert same_color(heat.yaxis.label.get_color(), _style.ALERT) == is_warning
    # The main effect alone rises; the promise is that of the score.
    assert mark_of(main) == f"↑ {mark}"
    assert "bun: Declared to rise;" in display.alt_text().split("\n")[0]
    assert ("for some values of other features" in display.alt_text()) == is_warning


def test_marks_stay_with_their_feature_when_a_pair_is_turned():
    est = fakes.estimator_of(fakes.ward_pair_term(), directions={"age": -1})
    display = ShapeDisplay.from_estimator(est, ("ward", "age"))
    assert display.axes_[0].get_ylabel() == "ward"
    assert all(ax.get_xlabel() == "age ↓" for ax in display.axes_)
    given_here = ShapeDisplay.from_estimator(est, ("ward", "age"), directions={"age": 1})
    label = given_here.axes_[0].get_xlabel().replace("\N{NO-BREAK SPACE}", " ")
    assert label == "age ↑ not certified"


# --- where the mark stands -----------------------------------------------------------------


@pytest.mark.parametrize("columns", [1, 3])
def test_the_mark_stands_clear_of_everything_else(columns):
    names = ["age", "stage", "bun"]
    est = fakes.constrained(
        fakes.age_term(),
        fakes.stage_term(),
        fakes.lines_term(),
        directions=dict.fromkeys(names, 1),
    )
    display = ShapeDisplay.from_estimator(
        est, names, dictionary=fakes.dictionary(), max_columns=columns
    )
    figure = display.figure_
    figure.canvas.draw()
    boxes = [marks(ax)[0].get_window_extent() for ax in display.axes_]
    others = [text for ax in display.axes_ for text in ax.texts if text.get_gid() != "direction"]
    others += [label for ax in display.axes_ for label in (ax.xaxis.label, ax.yaxis.label)]
    others += [
        label
        for ax in figure.axes
        for label in (*ax.get_xticklabels(), *ax.get_yticklabels(), ax.yaxis.label)
    ]
    others += figure.texts
    for box, ax in zip(boxes, display.axes_, strict=True):
        panel = ax.get_window_extent()
        assert box.y0 >= panel.y1 and box.x1 <= panel.x1 + 1 and box.x0 >= panel.x0
        assert box.y1 <= figure.bbox.y1
        for other in others:
            if other.get_text():
                assert not box.overlaps(other.get_window_extent()), other.get_text()


# --- words ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(st.floats(-2, 2, allow_subnormal=False), min_size=8, max_size=8),
    sign=st.sampled_from([-1, 1]),
)
def test_a_certified_curve_has_no_crosses_and_a_refuted_one_has_a_place(scores, sign):
    scores = np.round(scores, 3)
    est = fakes.constrained(fakes.age_term(scores=scores), directions={"age": sign})
    ax = plt.figure().gca()
    display = ShapeDisplay.from_estimator(est, "age", ax=ax, mark_jumps=False)
    crosses = [line for line in ax.lines if line.get_gid() == "against"]
    holds = (sign * np.diff(scores) >= 0).all()
    assert mark_of(ax).endswith("not certified") != holds
    assert bool(crosses) != holds
    if not holds:
        worst = int(np.argmin(sign * np.diff(scores)))
        assert f"at {fakes.AGE_CUTS[worst + 1]:g}." in display.alt_text()
    plt.close("all")


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        (Direction(), ""),
        (Direction(-1), "Declared to fall; there is no certificate."),
        (
            Direction(-1, "not certified", 20.0, 60.0),
            "Declared to fall; not certified: the score rises from 20 to 60 mg/dL.",
        ),
        (
            Direction(1, "not certified", "II", "III", elsewhere=True),
            "Declared to rise; not certified: the score falls from II to III for some values of "
            "other features.",
        ),
        (
            Direction(1, "not certified"),
            "Declared to rise; not certified: the score falls somewhere.",
        ),
    ],
)
def test_directions_in_words(direction, said):
    unit = "mg/dL" if not isinstance(direction.start, str) else None
    assert direction.sentence(Entry(label="x", unit=unit)) == said


def test_a_fitted_model_is_certified():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(300, 2))
    y = rng.uniform(size=300) < X[:, 0]
    est = BoostedGAMClassifier(n_bags=1, max_rounds=30, monotonic_cst=[1, 0], random_state=0)
    display = ShapeDisplay.from_estimator(est.fit(X, y), est.term_names_)
    assert [[mark.get_text() for mark in marks(ax)] for ax in display.axes_] == [
        ["↑ certified"],
        [],
    ]


def test_a_wide_legend_stays_inside_the_figure():
    est = fakes.binary_estimator()
    display = ShapeDisplay.from_estimator(est, "age & bun", dictionary=fakes.dictionary())
    display.figure_.canvas.draw()
    box = display.axes_[1].get_legend().get_window_extent()
    panel = display.axes_[1].get_window_extent()
    assert box.x1 <= panel.x1 + 0.05 * panel.width
    assert box.x1 <= display.figure_.bbox.x1
