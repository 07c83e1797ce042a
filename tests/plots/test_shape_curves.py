"""What is drawn for one feature is what ``shape_function`` returns."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from glassbox.core.axes import NumericAxis
from glassbox.core.dictionary import DataDictionary
from glassbox.core.terms import Term
from glassbox.plots import ShapeDisplay
from glassbox.plots._effects import MainEffect
from glassbox.plots._jumps import jumps
from glassbox.plots._support import Support, solid_parts, support_of
from tests.plots import fakes


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def lines(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def values_of(frame):
    return frame[frame["kind"] == "value"]


@pytest.mark.parametrize("term", ["age", "bun", "sodium"])
@pytest.mark.parametrize(
    ("scale", "forward"),
    [
        ("odds_ratio", np.exp),
        ("log_odds", lambda s: s),
        ("risk", lambda s: 100 / (1 + np.exp(1.0 - s))),
    ],
)
def test_curve_is_the_shape_function(term, scale, forward):
    est = fakes.binary_estimator()
    display = ShapeDisplay.from_estimator(est, term, scale=scale)
    frame = values_of(est.shape_function(term))
    (curve,) = lines(display.ax_, "curve")
    x, y = curve.get_data(orig=True)
    np.testing.assert_array_equal(x, frame["x"].to_numpy(dtype=float))
    np.testing.assert_allclose(y, forward(frame["score"].to_numpy()), rtol=1e-12)
    assert curve.get_drawstyle() == ("steps-post" if term == "age" else "default")


def test_solid_part_lies_on_the_curve_and_only_where_patients_stand():
    est = fakes.binary_estimator()
    display = ShapeDisplay.from_estimator(est, "age", scale="log_odds")
    (solid,) = lines(display.ax_, "solid")
    x, y = solid.get_data(orig=True)
    drawn = np.isfinite(y)
    assert solid.get_drawstyle() == "steps-post"
    # Five of 1,605 patients are older than 90: out of the 98 %.
    assert x[drawn].max() <= 90
    step = np.clip(np.searchsorted(fakes.AGE_CUTS[1:-1], x[drawn], side="right"), 0, 7)
    before = np.clip(np.searchsorted(fakes.AGE_CUTS[1:-1], x[drawn], side="left"), 0, 7)
    scores = fakes.AGE_SCORES
    assert ((y[drawn] == scores[step]) | (y[drawn] == scores[before])).all()


def test_everything_is_dotted_where_nobody_stands():
    term = fakes.age_term()
    few = term.replace(density=term.density / 1000, lower=term.lower)
    display = ShapeDisplay.from_estimator(fakes.estimator_of(few), "age")
    (solid,) = lines(display.ax_, "solid")
    assert not np.isfinite(solid.get_ydata()).any()
    assert "fewer than 30 patients" in display.caption_
    assert display.to_frame()["thin"].all()


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.integers(0, 80), min_size=2, max_size=12),
    seed=st.integers(0, 1000),
    steps=st.booleans(),
)
def test_solid_parts_are_pieces_of_the_same_function(weights, seed, steps):
    rng = np.random.RandomState(seed)
    x = np.cumsum(rng.uniform(0.1, 2, size=len(weights) + 1))
    y = rng.normal(size=len(x))
    support = Support(x, np.array(weights, dtype=float), whole_cells=steps)
    if steps:
        y[-1] = y[-2]
    part_x, (part_y,) = solid_parts(x, [y], support, steps, 30)
    for i in range(len(part_x) - 1):
        left, right = part_y[i], part_y[i + 1]
        if not (np.isfinite(left) and np.isfinite(right)) or part_x[i] == part_x[i + 1]:
            continue
        middle = (part_x[i] + part_x[i + 1]) / 2
        assert not support.is_thin(np.array([middle]), 30)[0]
        if steps:
            assert left == y[np.searchsorted(x, middle, side="right") - 1]
        else:
            assert (left + right) / 2 == pytest.approx(np.interp(middle, x, y))
    # A run of steps ends at the height of its last step.
    for i in np.flatnonzero(np.isnan(part_y)):
        assert not steps or part_y[i - 1] == part_y[i - 2]
    covered = np.isfinite(part_y[:-1]) & np.isfinite(part_y[1:]) if len(part_y) else []
    length = np.sum(np.diff(part_x)[covered]) if len(part_y) else 0.0
    ends = [e for e in support.central_range if x[0] < e < x[-1]]
    cut = np.union1d(x, ends)
    thin = support.is_thin((cut[1:] + cut[:-1]) / 2, 30)
    assert length == pytest.approx(np.diff(cut)[~thin].sum())


def test_patients_within_a_window():
    support = Support(np.array([0.0, 50, 100]), np.array([500.0, 500]), whole_cells=False)
    low, high = support.central_range
    assert (low, high) == (0.0, 100.0)
    # A twentieth of the range holds 50 of the 1,000, at the ends as in the middle.
    np.testing.assert_allclose(support.patients_at(np.array([0.0, 30.0, 100.0])), 50.0)


def test_quantiles_skip_empty_cells():
    support = Support(np.array([0.0, 1, 90, 91]), np.array([50.0, 0, 50]), whole_cells=True)
    assert support.quantile(0.25) == pytest.approx(0.5)
    assert support.quantile(0.75) == pytest.approx(90.5)


@pytest.mark.parametrize("term", [fakes.lines_term(), fakes.cubic_term()])
def test_support_counts_every_patient_once(term):
    est = fakes.estimator_of(term)
    effect = MainEffect.from_frame(est.shape_function(term.name))
    n = term.density[: term.axes[0].n_values].sum()
    assert support_of(effect, n).total == pytest.approx(n)
    if effect.degree == 1:
        assert support_of(effect).total == pytest.approx(n)


def test_missing_is_a_point_of_its_own_with_label_and_error_bar():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    ax = display.ax_
    (point,) = lines(ax, "missing")
    assert point.get_ydata()[0] == pytest.approx(np.exp(0.4))
    assert point.get_xdata()[0] < 20.0
    (bar,) = lines(ax, "error")
    np.testing.assert_allclose(bar.get_ydata(), np.exp([0.2, 0.6]))
    assert "missing n = 50 (3.0\N{NARROW NO-BREAK SPACE}%)" in texts(ax)


def test_no_missing_point_where_nothing_was_missing():
    est = fakes.estimator_of(fakes.age_term(missing_weight=0.0))
    display = ShapeDisplay.from_estimator(est, "age")
    assert not lines(display.ax_, "missing")
    assert (display.to_frame()["kind"] == "value").all()


def test_a_missing_score_of_a_single_patient_does_not_stretch_the_axis():
    est = fakes.estimator_of(fakes.age_term(missing_weight=1.0, missing_score=8.0))
    display = ShapeDisplay.from_estimator(est, "age")
    low, high = display.ax_.get_ylim()
    assert high < 10
    (point,) = lines(display.ax_, "missing")
    assert point.get_ydata()[0] == pytest.approx(high)
    assert point.get_marker() == "^"
    assert any("2,981" in text or "3,000" in text for text in texts(display.ax_))


def test_odds_ratio_left_log_odds_right():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    ax = display.ax_
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "Odds ratio"
    display.figure_.canvas.draw()
    shown = {label.get_text() for label in ax.get_yticklabels()}
    assert {"0.5", "1", "2"} <= shown
    (right,) = ax.child_axes
    assert right.get_ylabel() == "Log-odds"
    places = dict(
        zip((t.get_text() for t in right.get_yticklabels()), right.get_yticks(), strict=True)
    )
    assert places["0"] == pytest.approx(1.0)
    plus = next(text for text in places if text.startswith("+"))
    assert places[plus] == pytest.approx(np.exp(float(plus)))


def test_normal_range_is_a_band_with_its_numbers():
    display = ShapeDisplay.from_estimator(
        fakes.binary_estimator(), "sodium", dictionary=fakes.dictionary()
    )
    assert "normal 135–145" in texts(display.ax_)
    spans = [p for p in display.ax_.patches if isinstance(p, Rectangle)]
    assert [(s.get_x(), s.get_width()) for s in spans] == [(135.0, 10.0)]
    assert "Sodium (mEq/L)" in display.ax_.get_xlabel()


def test_arrows_where_the_data_go_on():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    assert any(text.startswith("100") for text in texts(display.ax_))
    full = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age", full_range=True)
    assert not any(text.startswith("100") for text in texts(full.ax_))
    assert full.ax_.get_xlim()[1] == 100.0


@pytest.mark.parametrize(
    ("reference", "shift", "said"),
    [
        ("mean", 0.0, "average patient"),
        (65, 0.25, "at 65 years"),
        ({"age": 25}, -0.65, "at 25 years"),
    ],
)
def test_reference_moves_the_curve_and_is_printed(reference, shift, said):
    display = ShapeDisplay.from_estimator(
        fakes.binary_estimator(),
        "age",
        scale="log_odds",
        reference=reference,
        dictionary=fakes.dictionary(),
    )
    (curve,) = lines(display.ax_, "curve")
    expected = np.append(fakes.AGE_SCORES, fakes.AGE_SCORES[-1]) - shift
    np.testing.assert_allclose(curve.get_data(orig=True)[1], expected)
    assert f"0 = {said}" in display.caption_


def test_normal_reference_is_the_middle_of_the_range():
    est = fakes.estimator_of(fakes.lines_term())
    display = ShapeDisplay.from_estimator(
        est, reference="normal", scale="log_odds", dictionary=fakes.dictionary()
    )
    (curve,) = lines(display.ax_, "curve")
    middle = np.interp(13.5, [0, 20], [0.2, -0.4])
    np.testing.assert_allclose(
        curve.get_data(orig=True)[1], np.array([0.2, -0.4, 0.6, 0.5]) - middle
    )
    assert "at 13.5 mg/dL (mid-normal)" in display.caption_


def test_a_term_that_is_not_centred_is_not_called_average():
    est = fakes.estimator_of(fakes.age_term(scores=fakes.AGE_SCORES + 3))
    assert "own zero" in ShapeDisplay.from_estimator(est, "age").caption_


def step_effect(scores, weights=None, half_width=0.05):
    cuts = np.arange(len(scores) + 1, dtype=float)
    weights = np.full(len(scores), 100.0) if weights is None else weights
    term = fakes.with_band(
        (NumericAxis("x", cuts),), np.append(scores, 0.0), np.append(weights, 0.0), half_width
    )
    return MainEffect.from_frame(fakes.estimator_of(term).shape_function("x"))


def test_jumps_are_large_single_steps():
    smooth = np.linspace(0, 0.3, 20)
    jumping = smooth + (np.arange(20) >= 12) * 0.5
    effect = step_effect(jumping)
    np.testing.assert_array_equal(jumps(effect, support_of(effect), 30), [12.0])
    for scores, options in (
        (smooth, {}),
        (jumping, {"half_width": 0.8}),
        (jumping, {"weights": np.where(np.arange(20) == 12, 0.0, 100.0)}),
        (np.array([0.0, 0, 1, 1]), {}),
        (np.tile([0.0, 1.0], 10), {}),
    ):
        effect = step_effect(scores, **options)
        assert len(jumps(effect, support_of(effect), 30)) == 0


def test_jumps_are_marked_and_can_be_left_out():
    scores = np.linspace(0, 0.3, 20) + (np.arange(20) >= 12) * 0.5
    term = fakes.with_band(
        (NumericAxis("age", np.arange(21.0)),),
        np.append(scores - scores.mean(), 0.0),
        np.append(np.full(20, 100.0), 0.0),
        0.05,
    )
    est = fakes.estimator_of(term)
    display = ShapeDisplay.from_estimator(est, "age")
    (mark,) = lines(display.ax_, "jump")
    assert mark.get_xdata()[0] == 12.0
    assert mark.get_linestyle() == "--"
    without = ShapeDisplay.from_estimator(est, "age", mark_jumps=False)
    assert not lines(without.ax_, "jump")
    assert "jumps" in display.caption_ and "jumps" not in without.caption_


@pytest.mark.parametrize("given", ["mapping", "array", "argument"])
def test_marks_where_the_curve_runs_against_its_direction(given):
    scores = fakes.AGE_SCORES.copy()
    scores[4] = -0.5
    declared = {"mapping": {"age": 1}, "array": [1], "argument": None}[given]
    est = fakes.estimator_of(
        fakes.age_term(scores=scores), directions=declared, table=fakes.table()[["age"]]
    )
    options = {"directions": {"age": 1}} if given == "argument" else {}
    display = ShapeDisplay.from_estimator(est, "age", scale="log_odds", **options)
    (marks,) = lines(display.ax_, "against")
    np.testing.assert_array_equal(marks.get_xdata(), [60.0])
    np.testing.assert_allclose(marks.get_ydata(), [-0.5])
    assert "against the declared direction" in display.caption_
    falling = ShapeDisplay.from_estimator(est, "age", directions={"age": 0})
    assert not lines(falling.ax_, "against")


def test_edits_are_hatched_and_the_original_dashed():
    before = fakes.binary_estimator()
    edited_scores = fakes.AGE_SCORES.copy()
    edited_scores[6] = 0.3
    after = fakes.estimator_of(fakes.age_term(scores=edited_scores))
    display = ShapeDisplay.from_estimator(after, "age", original=before, scale="log_odds")
    (original,) = lines(display.ax_, "original")
    np.testing.assert_allclose(
        original.get_data(orig=True)[1], np.append(fakes.AGE_SCORES, fakes.AGE_SCORES[-1])
    )
    (hatch,) = [c for c in display.ax_.collections if c.get_gid() == "edited"]
    corners = hatch.get_paths()[0].vertices[:, 0]
    assert (corners.min(), corners.max()) == (80.0, 90.0)
    assert "before editing" in display.caption_


def test_a_band_that_is_not_there_is_not_drawn():
    axis = NumericAxis("age", fakes.AGE_CUTS)
    bare = Term((axis,), np.append(fakes.AGE_SCORES, 0), density=np.append(fakes.AGE_WEIGHTS, 0))
    display = ShapeDisplay.from_estimator(fakes.estimator_of(bare), "age")
    assert "Band" not in display.caption_
    assert np.isnan(display.to_frame()["shown_lower"]).all()


def test_zeros_and_ones_are_two_points():
    axis = NumericAxis("diabetes", np.array([0.0, 0.5, 1.0]))
    term = fakes.with_band((axis,), [-0.1, 0.4, 0.0], [800.0, 200.0, 0.0])
    display = ShapeDisplay.from_estimator(fakes.estimator_of(term))
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["0\nn = 800", "1\nn = 200"]
    assert not lines(display.ax_, "curve") and not lines(display.ax_, "join")


def test_a_jump_needs_a_size_where_scores_are_logarithms():
    scores = (np.linspace(0, 0.3, 20) + (np.arange(20) >= 12) * 0.5) / 10
    axes = (NumericAxis("age", np.arange(21.0)),)
    weight = np.append(np.full(20, 100.0), 0.0)
    term = fakes.with_band(axes, np.append(scores, 0.0), weight, 0.005)
    odds = ShapeDisplay.from_estimator(fakes.estimator_of(term), "age")
    assert not lines(odds.ax_, "jump")
    outcome = ShapeDisplay.from_estimator(fakes.estimator_of(term, link="identity"), "age")
    assert lines(outcome.ax_, "jump")


@pytest.mark.parametrize(
    ("described", "names"),
    [({"kind": "binary"}, ["no", "yes"]), ({"order": "male|female"}, ["male", "female"])],
)
def test_the_dictionary_names_zeros_and_ones(described, names):
    axis = NumericAxis("sex", np.array([0.0, 1.0]), degree=1)
    term = fakes.with_band((axis,), [-0.1, 0.4, 0.0], [800.0, 200.0, 0.0])
    dictionary = DataDictionary.from_frame(pd.DataFrame([{"column": "sex", **described}]))
    display = ShapeDisplay.from_estimator(fakes.estimator_of(term), dictionary=dictionary)
    labels = [label.get_text().split("\n")[0] for label in display.ax_.get_xticklabels()]
    assert labels == names
