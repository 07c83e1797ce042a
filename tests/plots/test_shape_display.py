"""Grids, categories, classes, pairs, tables and texts of ShapeDisplay."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from glassbox.core.axes import CategoricalAxis
from glassbox.core.dictionary import DataDictionary
from glassbox.plots import ShapeDisplay, save_figure
from glassbox.plots._layout import place
from glassbox.plots._scales import RatioLocator
from tests.plots import fakes


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def lines(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def tick_labels(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


# --- which terms ---------------------------------------------------------------------------


def test_all_main_effects_by_importance_unless_asked_otherwise():
    est = fakes.binary_estimator(importances=[1.0, 5, 2, 4, 3, 9])
    display = ShapeDisplay.from_estimator(est)
    assert [panel.name for panel in display.panels] == ["stage", "bun", "sodium", "ward", "age"]


@pytest.mark.parametrize(
    "features", [("age", "bun"), ("bun", "age"), "age & bun", "bun & age", 5, -1]
)
def test_a_pair_can_be_named_in_many_ways(features):
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), features)
    assert [panel.name for panel in display.panels] == ["age & bun"]


def test_a_list_of_two_names_is_two_terms():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), ["age", "bun"])
    assert [panel.name for panel in display.panels] == ["age", "bun"]


@pytest.mark.parametrize("features", ["weight", ["age", "weight"], 17, ("age", "weight")])
def test_unknown_terms_are_named_with_the_known_ones(features):
    with pytest.raises(ValueError, match=r"There is no term .*the terms are age, stage, ward"):
        ShapeDisplay.from_estimator(fakes.binary_estimator(), features)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "odds"}, "use one of 'odds_ratio', 'log_odds', 'risk'"),
        ({"scale": "risk", "reference": "normal"}, "takes no reference"),
        ({"reference": 50}, "fits one main effect"),
        ({"reference": {"weight": 50}}, "'weight', which is not among"),
        ({"directions": {"weight": 1}}, "'weight', which is not among"),
        ({"features": "ward", "reference": "attic"}, "no category 'attic'; it has east, north"),
        ({"features": "age", "reference": "old"}, "'age' is numeric"),
        ({"output": "died"}, "single score"),
        ({"features": []}, "features is empty"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ShapeDisplay.from_estimator(fakes.binary_estimator(), **options)


def test_an_original_without_the_term_is_refused():
    with pytest.raises(ValueError, match="original model has no term 'bun'"):
        ShapeDisplay.from_estimator(
            fakes.binary_estimator(), "bun", original=fakes.estimator_of(fakes.age_term())
        )


def test_scales_of_other_links():
    age = fakes.age_term()
    for link, label in (("identity", "Effect on the outcome"), ("log", "Rate ratio")):
        display = ShapeDisplay.from_estimator(fakes.estimator_of(age, link=link), "age")
        assert display.ax_.get_ylabel() == label
        with pytest.raises(ValueError, match=f"does not fit a model with the {link} link"):
            ShapeDisplay.from_estimator(fakes.estimator_of(age, link=link), scale="odds_ratio")


# --- figures -------------------------------------------------------------------------------


def test_panels_share_one_y_range_unless_asked_otherwise():
    est = fakes.binary_estimator()
    shared = ShapeDisplay.from_estimator(est, ["age", "stage", "bun"])
    shared.axes_[0].set_ylim(0.5, 2)
    assert {ax.get_ylim() for ax in shared.axes_} == {(0.5, 2)}
    own = ShapeDisplay.from_estimator(est, ["age", "stage", "bun"], share_y=False)
    assert len({ax.get_ylim() for ax in own.axes_}) == 3


def test_shared_range_holds_every_supported_value():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator())
    low, high = display.axes_[0].get_ylim()
    frame = display.to_frame()
    shown = frame.loc[~frame["thin"], "shown"]
    assert low < shown.min() and shown.max() < high


def test_a_given_axes_is_used():
    figure, axes = plt.subplots(1, 3)
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age", ax=axes[0])
    assert display.ax_ is axes[0] and display.figure_ is figure
    assert "1 = average patient" in axes[0].get_xlabel()
    both = ShapeDisplay.from_estimator(fakes.binary_estimator(), ("age", "bun"), ax=axes[1:])
    assert list(both.axes_) == list(axes[1:])
    with pytest.raises(ValueError, match=r"2 terms need 3 Axes .* got 1"):
        ShapeDisplay.from_estimator(
            fakes.binary_estimator(), ["age", "age & bun"], ax=plt.figure().gca()
        )


def test_plot_again_elsewhere():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    ax = plt.figure().gca()
    assert display.plot(ax=ax) is display and display.ax_ is ax
    assert lines(ax, "curve")


def test_wide_panels_take_two_columns_and_rows_fill_up():
    assert place([1, 1, 2, 1], 3) == [(0, 0, 1), (0, 1, 1), (1, 0, 2), (1, 2, 1)]
    assert place([2, 2], 1) == [(0, 0, 1), (1, 0, 1)]


def test_labels_of_a_grid_do_not_overlap():
    terms = [
        fakes.age_term().replace(axes=(fakes.NumericAxis(f"lab_{i}", fakes.AGE_CUTS),))
        for i in range(8)
    ]
    titles = DataDictionary.from_frame(
        pd.DataFrame(
            {
                "column": [f"lab_{i}" for i in range(8)],
                "label": "A long name of a laboratory measurement, day 3",
                "unit": "mmol/L",
            }
        )
    )
    display = ShapeDisplay.from_estimator(fakes.estimator_of(*terms), dictionary=titles)
    display.figure_.canvas.draw()
    boxes = [ax.xaxis.label.get_window_extent() for ax in display.axes_]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert box.x0 >= 0 and box.x1 <= display.figure_.bbox.x1


def test_caption_stays_inside_the_figure():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    display.figure_.canvas.draw()
    (caption,) = display.figure_.texts
    box = caption.get_window_extent()
    assert box.x1 <= display.figure_.bbox.x1 and box.y0 >= 0
    assert "Band: 95 % band of the test." in " ".join(caption.get_text().split())


def test_ticks_of_ratios():
    np.testing.assert_allclose(RatioLocator().tick_values(0.2, 5), [0.25, 0.5, 1, 2, 4])
    for low, high in ((0.97, 1.03), (0.8, 1.3), (0.5, 2), (0.01, 50), (1e-6, 1e6)):
        ticks = RatioLocator().tick_values(low, high)
        assert 3 <= len(ticks) <= 13 and 1.0 in ticks


def test_saved_files_carry_the_alternative_text(tmp_path):
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "age")
    path = save_figure(display, tmp_path / "age.svg")
    assert "Odds 3" in path.read_text()
    from PIL import Image

    with Image.open(save_figure(display, tmp_path / "age.png")) as image:
        assert image.info["dpi"][0] == pytest.approx(300, abs=1)


# --- categories ----------------------------------------------------------------------------


def points_of(ax):
    found = lines(ax, "level") + lines(ax, "reference")
    return sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in found)


def test_unordered_levels_stand_by_score_without_lines():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "ward", scale="log_odds")
    assert tick_labels(display.ax_) == [
        "east\nn = 300",
        "west\nn = 100",
        "north\nn = 400",
        "south\nn = 200",
    ]
    np.testing.assert_allclose(points_of(display.ax_), list(enumerate([-0.5, 0.0, 0.3, 0.9])))
    assert not lines(display.ax_, "join") and not lines(display.ax_, "reference")


def test_ordered_levels_keep_their_order_and_thin_ones_are_grey():
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "stage", scale="log_odds")
    assert tick_labels(display.ax_) == ["I\nn = 900", "II\nn = 500", "III\nn = 10"]
    assert lines(display.ax_, "join")
    colours = {line.get_xdata()[0]: line.get_color() for line in lines(display.ax_, "level")}
    assert colours[0] == colours[1] != colours[2]
    frame = display.to_frame()
    assert list(frame["thin"]) == [False, False, True]


def test_the_dictionary_can_order_levels():
    order = DataDictionary.from_frame(
        pd.DataFrame({"column": ["ward"], "order": ["west|south|east|north"]})
    )
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "ward", dictionary=order)
    names = [label.split("\n")[0] for label in tick_labels(display.ax_)]
    assert names == ["west", "south", "east", "north"]


@pytest.mark.parametrize(("reference", "level"), [("south", "south"), ("normal", "north")])
def test_the_reference_level_is_hollow_and_one(reference, level):
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), "ward", reference=reference)
    (hollow,) = lines(display.ax_, "reference")
    assert hollow.get_markerfacecolor() == "white"
    assert hollow.get_ydata()[0] == pytest.approx(1.0)
    label = tick_labels(display.ax_)[int(hollow.get_xdata()[0])]
    assert label.startswith(level)
    assert f"1 = {level}" in display.caption_ and "Hollow" in display.caption_


def test_of_very_many_levels_the_frequent_ones_are_drawn():
    names = tuple(f"code {i}" for i in range(40))
    axis = CategoricalAxis("code", names)
    weight = np.append(np.arange(1.0, 41), [0, 0])
    term = fakes.with_band((axis,), np.append(np.linspace(-1, 1, 40), [0, 0]), weight)
    display = ShapeDisplay.from_estimator(fakes.estimator_of(term))
    labels = tick_labels(display.ax_)
    assert len(labels) == 16 and labels[-1] == "code 39, n = 40"
    assert "and 24 rarer levels" in [t.get_text() for t in display.ax_.texts]
    assert len(display.to_frame()) == 40


def test_dollar_signs_are_not_mathematics():
    axis = CategoricalAxis("income", ("$11-$25k", ">$50k"))
    term = fakes.with_band((axis,), [0.1, -0.1, 0, 0], [50.0, 50, 0, 0])
    display = ShapeDisplay.from_estimator(fakes.estimator_of(term))
    assert not any(label.get_parse_math() for label in display.ax_.get_xticklabels())


# --- several classes -----------------------------------------------------------------------


def test_every_class_has_a_curve_of_its_own():
    est = fakes.multiclass_estimator()
    display = ShapeDisplay.from_estimator(est, "age")
    curves = lines(display.ax_, "curve")
    frame = values_by_class(est, "age")
    assert len(curves) == 3
    for curve, label in zip(curves, est.classes_, strict=True):
        np.testing.assert_allclose(curve.get_data(orig=True)[1], np.exp(frame[label]))
    solid = lines(display.ax_, "solid")
    assert len({(line.get_color(), str(line.get_linestyle())) for line in solid}) == 3
    (legend,) = display.figure_.legends
    assert [t.get_text() for t in legend.get_texts()] == ["home", "rehab", "died"]


def values_by_class(est, term):
    frame = est.shape_function(term)
    frame = frame[frame["kind"] == "value"]
    return {o: frame.loc[frame["output"] == o, "score"].to_numpy() for o in est.classes_}


def test_risk_of_one_class_uses_the_scores_of_all():
    est = fakes.multiclass_estimator()
    display = ShapeDisplay.from_estimator(est, "age", scale="risk", output="died")
    (curve,) = lines(display.ax_, "curve")
    scores = np.column_stack(list(values_by_class(est, "age").values()))
    risk = est.additive_model_.link_function.inverse(est.intercept_ + scores)[:, 2]
    np.testing.assert_allclose(curve.get_data(orig=True)[1], 100 * risk)
    assert display.ax_.get_ylabel() == "Risk of died (%)"
    assert "No band" in display.caption_ and not lines(display.ax_, "error")


def test_a_pair_of_several_classes_needs_one():
    est = fakes.multiclass_estimator()
    with pytest.raises(ValueError, match=r"choose output from 'home', 'rehab', 'died'"):
        ShapeDisplay.from_estimator(est, "age & bun")
    with pytest.raises(ValueError, match=r"no output 'dead'; the outputs are 'home'"):
        ShapeDisplay.from_estimator(est, "age & bun", output="dead")
    display = ShapeDisplay.from_estimator(est, "age & bun", output="died", scale="log_odds")
    frame = est.shape_function("age & bun")
    expected = frame[(frame["output"] == "died") & (frame["kind"] == "value")]
    shown = display.to_frame()
    shown = shown[(shown["kind1"] == "value") & (shown["kind2"] == "value")]
    assert set(np.round(shown["shown"], 12)) == set(np.round(expected["score"], 12))


# --- pairs ---------------------------------------------------------------------------------


def mesh(ax, gid):
    return next(c for c in ax.collections if c.get_gid() == gid)


def test_the_heat_map_holds_the_cells_of_the_table():
    est = fakes.binary_estimator()
    display = ShapeDisplay.from_estimator(est, "age & bun")
    cells = mesh(display.axes_[0], "cells")
    assert isinstance(cells, QuadMesh)
    expected = est.additive_model_["age & bun"].coefficients[:8, :3, 0]
    np.testing.assert_allclose(np.asarray(cells.get_array()).reshape(3, 8).T, np.exp(expected))
    np.testing.assert_array_equal(cells.get_coordinates()[0, :, 0], fakes.AGE_CUTS)
    np.testing.assert_array_equal(cells.get_coordinates()[:, 0, 1], [0, 20, 60, 100])


def test_cells_with_few_patients_are_masked():
    est = fakes.binary_estimator()
    term = est.additive_model_["age & bun"]
    assert (term.density[7] == 0).all()
    display = ShapeDisplay.from_estimator(est, "age & bun")
    frame = display.to_frame()
    nobody = frame["x1"] == 90.0
    assert frame.loc[nobody, "thin"].all() and not frame.loc[frame["x1"] == 30.0, "thin"][:3].any()
    few = mesh(display.axes_[0], "few")
    assert few.get_hatch()
    assert "fewer than 10 patients" in display.caption_
    none = ShapeDisplay.from_estimator(est, "age & bun", min_pair_patients=0)
    assert not none.to_frame()["thin"].any()


def test_conditional_lines_at_three_percentiles():
    est = fakes.binary_estimator()
    display = ShapeDisplay.from_estimator(est, "age & bun", scale="log_odds")
    ax = display.axes_[1]
    drawn = [line.get_data(orig=True)[1] for line in lines(ax, "conditional")]
    table = est.additive_model_["age & bun"].coefficients[:, :, 0]
    # The patients' urea: a tenth below 20 at least, the middle in [20, 60), the rest above.
    spread = est.additive_model_["bun"]
    assert spread.density[:3].sum() > 0
    columns = {tuple(np.append(table[:8, j], table[7, j])) for j in range(3)}
    assert 1 < len(drawn) <= 3
    assert all(tuple(y) in columns for y in drawn)
    assert "10th" in ax.get_legend().get_texts()[0].get_text()


def test_numbers_go_across_and_categories_up():
    est = fakes.estimator_of(fakes.ward_pair_term())
    display = ShapeDisplay.from_estimator(est, ("ward", "age"), dictionary=fakes.dictionary())
    assert display.axes_[0].get_xlabel() == "Age (years)"
    assert display.axes_[0].get_ylabel() == "Ward"
    cells = np.asarray(mesh(display.axes_[0], "cells").get_array()).reshape(4, 8)
    expected = est.additive_model_["ward & age"].coefficients[:4, :8, 0]
    np.testing.assert_allclose(cells, np.exp(expected))


def test_smooth_pairs_are_drawn_smoothly():
    axes = tuple(fakes.NumericAxis(name, np.linspace(0, 10, 4), degree=3) for name in ("a", "b"))
    rng = np.random.RandomState(0)
    term = fakes.with_band(axes, rng.normal(size=(7, 7)), np.full((7, 7), 50.0))
    est = fakes.estimator_of(term)
    display = ShapeDisplay.from_estimator(est, ("a", "b"), scale="log_odds")
    cells = mesh(display.axes_[0], "cells")
    frame = est.shape_function("a & b")
    expected = frame.loc[frame["kind"] == "value", "score"].to_numpy().reshape(25, 25)
    np.testing.assert_allclose(np.asarray(cells.get_array()).reshape(25, 25).T, expected)


# --- tables and texts ----------------------------------------------------------------------


def test_frame_holds_what_is_drawn():
    est = fakes.binary_estimator()
    frame = ShapeDisplay.from_estimator(est, "age").to_frame()
    source = est.shape_function("age")
    assert list(frame.columns) == [
        "term", "x", "kind", "score", "lower", "upper",
        "shown", "shown_lower", "shown_upper", "weight", "thin",
    ]  # fmt: skip
    for name in ("score", "lower", "upper", "weight"):
        np.testing.assert_array_equal(frame[name], source[name])
    np.testing.assert_allclose(frame["shown"], np.exp(source["score"]))
    np.testing.assert_allclose(frame["shown_upper"], np.exp(source["upper"]))
    assert list(frame["kind"]) == list(source["kind"])


def test_frames_of_several_terms_are_stacked():
    frame = ShapeDisplay.from_estimator(
        fakes.binary_estimator(), ["age", "ward", "age & bun"]
    ).to_frame()
    assert list(frame["term"].unique()) == ["age", "ward", "age & bun"]
    assert frame.loc[frame["term"] == "age & bun", "x1"].notna().any()


def test_alternative_text_is_made_from_the_shape():
    est = fakes.binary_estimator()
    text = ShapeDisplay.from_estimator(est, "age", dictionary=fakes.dictionary()).alt_text()
    # From -0.65 in the twenties to 0.65 in the eighties: exp(1.3) = 3.7. The step from 80 on is
    # named by its middle, up to the 99 % quantile.
    assert text.startswith("Age (years). Rising. Odds 3.7 times higher at 84.4 years than at 2")
    assert "Missing n = 50" in text and "odds 1.5 times those of: average patient" in text


@pytest.mark.parametrize(
    ("term", "options", "said"),
    [
        ("ward", {}, "Odds 4.1 times higher at south than at east."),
        ("stage", {}, "Odds 2.2 times higher at I than at II."),
        ("ward", {"scale": "risk"}, "Risk 48 % at south, 18 % at east."),
        ("ward", {"scale": "log_odds"}, "Log-odds 1.4 higher at south than at east."),
        ("bun", {}, "Odds 2.7 times higher at 60 than at 20."),
        ("age & bun", {}, "cells are masked."),
    ],
)
def test_alternative_texts(term, options, said):
    display = ShapeDisplay.from_estimator(fakes.binary_estimator(), term, **options)
    assert said in display.alt_text()


def test_courses_in_words():
    for scores, word in (
        ([0.5, 0.2, -0.3, 0.2, 0.5, 0.6, 0.6, 0.6], "Falling, then rising."),
        ([-0.5, 0.2, 0.3, 0.2, 0.1, -0.6, -0.6, -0.6], "Rising, then falling."),
        ([0.01] * 8, "Flat."),
        ([0.8, 0.6, 0.4, 0.2, 0.0, -0.2, -0.3, -0.3], "Falling."),
    ):
        est = fakes.estimator_of(fakes.age_term(scores=np.array(scores)))
        assert word in ShapeDisplay.from_estimator(est, "age").alt_text()
