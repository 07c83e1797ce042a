"""Displays of audits: what they draw, choose, refuse and say; that no texts overlap."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import (
    DependenceDisplay,
    GapDisplay,
    GroupCalibrationDisplay,
    NetBenefitDisplay,
    ProxyDisplay,
    TradeOffDisplay,
    save_figure,
)
from glassbox.plots._placement import place_labels
from tests.plots import fairness_frames as frames


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def of(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def dictionary():
    return DataDictionary.from_frame(
        pd.DataFrame(
            {
                "column": ["age", "priors_count", "race"],
                "label": ["Age", "Earlier convictions", "Race $x_1$"],
                "unit": ["years", None, None],
            }
        )
    )


@pytest.fixture(scope="module")
def displays():
    audit, known = frames.audit(), {"dictionary": dictionary()}
    return [
        GapDisplay.from_audit(audit, "race", **known),
        GapDisplay.from_audit(audit, "age", contrast="share of variance", **known),
        ProxyDisplay.from_audit(audit, "race", **known),
        DependenceDisplay.from_audit(audit, **known),
        GroupCalibrationDisplay.from_audit(audit, "race", **known),
        GroupCalibrationDisplay.from_audit(audit, "age"),
        NetBenefitDisplay.from_audit(audit, "age"),
        TradeOffDisplay.from_audit(audit, **known),
        TradeOffDisplay.from_frame(frames.strategies(), frames.path()),
    ]


def texts_of(figure):
    """Texts that are seen, and their boxes in pixels."""
    figure.canvas.draw()
    hidden = {id(label) for ax in figure.axes for label in _hidden_ticks(ax)}
    return [
        # The box of an annotation would hold its arrow and its point.
        (text.get_text(), Text.get_window_extent(text))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def _hidden_ticks(ax):
    """Labels of ticks out of the limits, which are laid out and not drawn."""
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def overlaps(texts):
    pairs = []
    for i, (one, box) in enumerate(texts):
        for two, other in texts[:i]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            if width > 1 and height > 1:
                pairs.append((one, two))
    return pairs


def test_no_texts_overlap_and_all_fit_into_six_and_a_half_inches(displays):
    for display in displays:
        figure = display.figure_
        assert figure.get_size_inches()[0] <= 6.5
        texts = texts_of(figure)
        assert overlaps(texts) == [], type(display).__name__
        width, height = figure.canvas.get_width_height()
        for text, box in texts:
            inside = box.x0 >= -1 and box.x1 <= width + 1 and box.y0 >= -1 and box.y1 <= height + 1
            assert inside, (type(display).__name__, text)


def test_alternative_texts_name_the_attribute_and_dollars_stay_dollars(displays, tmp_path):
    for display in displays:
        text = display.alt_text()
        assert "race" in text.lower() or "age" in text.lower()
        assert "nan" not in text
    assert "Race $x_1$" in displays[0].alt_text()
    assert save_figure(displays[0], tmp_path / "figure.png", dpi=50).exists()


# --- gap ---------------------------------------------------------------------------------------


def test_bars_of_a_gap_start_where_the_last_ended_and_end_at_the_total():
    display = GapDisplay.from_audit(frames.audit(), "race", max_terms=4)
    bars = [(bar.get_x(), bar.get_width()) for bar in display.ax_.patches]
    assert len(bars) == 4 + 1 + 1
    ends = np.cumsum([width for _, width in bars[:-1]])
    np.testing.assert_allclose([x for x, _ in bars[1:-1]], ends[:-1], atol=1e-12)
    assert bars[-1] == (0, pytest.approx(ends[-1]))
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels[0] == "priors_count"
    assert labels[-2:] == ["8 smaller terms together", "Total"]
    assert "8 smaller terms together" in display.alt_text()


def test_falling_bars_are_hatched_and_carry_a_minus():
    display = GapDisplay.from_audit(frames.audit(), "race")
    bars = display.ax_.patches[:-1]
    figures = [text.get_text() for text in display.ax_.texts][:-1]
    for bar, figure in zip(bars, figures, strict=True):
        assert bool(bar.get_hatch()) == (bar.get_width() < 0)
        assert figure.startswith("\N{MINUS SIGN}" if bar.get_width() < 0 else "+")
    assert any(bar.get_hatch() for bar in bars)


def test_whiskers_of_a_gap_are_the_intervals_of_the_terms():
    display = GapDisplay.from_audit(frames.audit(), "race", max_terms=4)
    whisker = of(display.ax_, "whisker")[1]
    rows = display.to_frame()
    start = rows["gap"].iloc[0]
    np.testing.assert_allclose(whisker.get_xdata(), start + rows.loc[1, ["lower", "upper"]])
    assert len(of(display.ax_, "whisker")) == 4 + 1


def test_a_gap_without_total_or_intervals_is_drawn_too():
    terms = frames.terms().query("attribute == 'age' and term != 'total'")
    bare = terms.assign(lower=np.nan, upper=np.nan)
    display = GapDisplay.from_frame(bare, contrast="per SD")
    assert display.to_frame()["gap"].iloc[-1] == pytest.approx(0.25)
    assert of(display.ax_, "whisker") == []


def test_what_a_gap_refuses():
    audit = frames.audit()
    with pytest.raises(ValueError, match="'sex' is not in the audit; it holds 'race', 'age'"):
        GapDisplay.from_audit(audit, "sex")
    with pytest.raises(ValueError, match="contrast 'a' is not in the audit; it holds 'per SD'"):
        GapDisplay.from_audit(audit, "age", contrast="a")
    with pytest.raises(ValueError, match="at least 1"):
        GapDisplay.from_audit(audit, "age", max_terms=0)
    with pytest.raises(ValueError, match="no terms"):
        GapDisplay.from_audit(frames.audit(terms=frames.terms().iloc[:0]))
    with pytest.raises(ValueError, match="needs a column 'term'"):
        GapDisplay.from_frame(frames.terms().drop(columns="term"))
    hidden = frames.terms().assign(gap=np.nan, reason="fewer than 20 rows")
    with pytest.raises(ValueError, match="fewer than 20 rows"):
        GapDisplay.from_frame(hidden, contrast=frames.CONTRAST)


def test_of_several_outputs_one_is_chosen():
    terms = frames.by_output(frames.terms())
    with pytest.raises(ValueError, match="Choose with output="):
        GapDisplay.from_frame(terms)
    assert GapDisplay.from_frame(terms, output="mid").alt_text().startswith("Gap")
    with pytest.raises(ValueError, match="one score"):
        GapDisplay.from_frame(frames.terms(), output="mid")


# --- trade-off ---------------------------------------------------------------------------------


def test_the_front_holds_what_no_model_beats():
    display = TradeOffDisplay.from_frame(frames.strategies(), frames.path())
    frame = display.to_frame().set_index("label")
    assert frame.loc[["none", "penalised"], "on_front"].all()
    assert not frame.loc[["1", "30"], "on_front"].any()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_every_model_off_the_front_is_beaten_by_one_on_it(places):
    points = pd.DataFrame(places, columns=["dependence", "performance"])
    points = points.assign(label="m", series="path", dependence_se=np.nan, performance_se=np.nan)
    frame = TradeOffDisplay(points, "race", "auc").to_frame()
    front, off = frame[frame["on_front"]], frame[~frame["on_front"]]
    assert len(front)
    for row in off.itertuples():
        beats = (front["performance"] >= row.performance) & (front["dependence"] <= row.dependence)
        assert beats.any()


def test_smaller_is_better_turns_the_axis_and_the_front():
    strategies = frames.strategies().assign(brier=[0.2, 0.21, 0.22, 0.22, 0.25])
    display = TradeOffDisplay.from_frame(strategies, metric="brier")
    bottom, top = display.ax_.get_ylim()
    assert bottom > top
    assert "smaller is better" in display.ax_.get_ylabel()
    assert display.to_frame().set_index("label").loc["none", "on_front"]


def test_models_in_one_place_share_a_label_and_the_floor_is_shaded():
    display = TradeOffDisplay.from_audit(frames.audit())
    labels = [text.get_text() for text in of(display.ax_, "label")]
    assert "clean, blind" in labels
    assert len(of(display.ax_, "floor")) == 1
    assert display.floor == pytest.approx(0.031)


def test_a_path_is_judged_on_its_validation_rows():
    display = TradeOffDisplay.from_frame(path=frames.path())
    assert display.to_frame()["performance"].max() == pytest.approx(0.74)
    train = TradeOffDisplay.from_frame(path=frames.path(), sample="train")
    assert train.to_frame()["performance"].max() == pytest.approx(0.75)


def test_what_a_trade_off_refuses():
    with pytest.raises(ValueError, match="Nothing to draw"):
        TradeOffDisplay.from_frame()
    with pytest.raises(ValueError, match="no strategies"):
        TradeOffDisplay.from_audit(frames.audit(strategies=None))
    with pytest.raises(ValueError, match="'speed' is unknown"):
        TradeOffDisplay.from_frame(frames.strategies(), metric="speed")
    with pytest.raises(ValueError, match="'r2' is not in all frames"):
        TradeOffDisplay.from_frame(frames.strategies(), metric="r2")
    with pytest.raises(ValueError, match="sample 'test' is not in the audit"):
        TradeOffDisplay.from_frame(path=frames.path(), sample="test")


@given(
    st.lists(st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)), min_size=2, max_size=7),
)
@settings(max_examples=15, deadline=None)
def test_labels_of_random_points_do_not_overlap(places):
    figure = plt.figure(figsize=(6.5, 4.2), dpi=100)
    ax = figure.add_subplot()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    x, y = np.array(places).T
    ax.plot(x, y, "o")
    boxes = place_labels(ax, x, y, [f"model {k}" for k in range(len(places))])
    plt.close(figure)
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            apart = box.x1 <= other.x0 or other.x1 <= box.x0
            assert apart or box.y1 <= other.y0 or other.y1 <= box.y0


# --- dependence and proxies --------------------------------------------------------------------


def test_points_are_filled_beyond_chance_only():
    display = DependenceDisplay.from_audit(frames.audit())
    frame = display.to_frame()
    filled = [
        line.get_markerfacecolor() != "white"
        for line in display.ax_.lines
        if line.get_gid() == "estimate"
    ]
    assert filled == frame["beyond_chance"].tolist()
    assert set(frame.loc[frame["attribute"] == "age", "beyond_chance"]) == {False}
    assert "Not drawn: Kolmogorov-Smirnov distance of age" in display.caption_


def test_measures_and_attributes_are_chosen():
    display = DependenceDisplay.from_audit(
        frames.audit(), attributes=["race"], measures=["mean_gap", "dcor2_unbiased"]
    )
    assert display.to_frame()["measure"].tolist() == ["mean_gap", "dcor2_unbiased"]
    assert display.ax_.get_xlabel().endswith("on race")
    with pytest.raises(ValueError, match="measures: 'gini' is not in the frame"):
        DependenceDisplay.from_audit(frames.audit(), measures=["gini"])
    unknown = frames.dependence().assign(estimate=np.nan)
    with pytest.raises(ValueError, match="nothing to draw"):
        DependenceDisplay.from_frame(unknown)


def test_bars_of_proxies_start_at_chance():
    for attribute, chance in (("race", 0.5), ("age", 0.0)):
        display = ProxyDisplay.from_audit(frames.audit(), attribute)
        bars = of(display.ax_, "from_feature")
        assert {bar.get_x() for bar in bars} == {chance}
        ends = [bar.get_x() + bar.get_width() for bar in bars]
        np.testing.assert_allclose(ends, display.to_frame()["from_feature"])
    assert "ward" in ProxyDisplay.from_audit(frames.audit(), "race").caption_


def test_few_proxies_are_drawn_and_the_others_counted():
    display = ProxyDisplay.from_audit(frames.audit(), "race", max_features=2)
    assert len(display.ax_.get_yticks()) == 2
    assert "3 features that tell less are not drawn" in display.caption_
    assert display.to_frame()["from_feature"].iloc[0] == 0.63
    with pytest.raises(ValueError, match="no proxies"):
        ProxyDisplay.from_audit(frames.audit(proxies=frames.proxies().iloc[:0]))
    unknown = frames.proxies().assign(from_feature=np.nan, from_shape=np.nan)
    with pytest.raises(ValueError, match="nothing to draw"):
        ProxyDisplay.from_frame(unknown)


# --- groups ------------------------------------------------------------------------------------


def test_every_group_has_a_panel_and_small_ones_a_reason():
    display = GroupCalibrationDisplay.from_audit(frames.audit(), "race")
    assert len(display.axes_) == 2
    assert "Other (fewer than 20 rows)" in display.caption_
    assert display.axes_[1].get_title(loc="left") == "Caucasian, n = 500\nO/E 1.08 (0.99 to 1.18)"
    for ax in display.axes_:
        curve = next(line for line in ax.lines if line.get_gid() == "curve")
        assert len(curve.get_xdata()) == 40
        assert len([line for line in ax.lines if line.get_gid() == "other"]) == 1


def test_groups_share_one_axes_or_have_one_each():
    _, ax = plt.subplots()
    display = GroupCalibrationDisplay.from_audit(frames.audit(), "age", ax=ax)
    curves = [line for line in ax.lines if line.get_gid() == "curve"]
    assert len({line.get_linestyle() + str(line.get_color()) for line in curves}) == 4
    assert display.axes_.tolist() == [ax]
    _, axes = plt.subplots(1, 4)
    assert len(NetBenefitDisplay.from_audit(frames.audit(), "age", ax=axes).axes_) == 4
    with pytest.raises(ValueError, match="2 Axes for 4 groups"):
        NetBenefitDisplay.from_audit(frames.audit(), "age", ax=axes[:2])


def test_a_size_that_is_withheld_is_not_shown_and_its_curve_is():
    figures = frames.calibration().query("attribute == 'race'")
    figures = figures.assign(n=np.nan, reason="size withheld")
    curves = frames.calibration_curves()
    display = GroupCalibrationDisplay.from_frame(curves, "race", figures=figures)
    assert display.axes_[0].get_title(loc="left").startswith("African-American\nO/E")
    assert "African-American" not in display.caption_


def test_net_benefit_beside_treating_all_and_none():
    display = NetBenefitDisplay.from_audit(frames.audit(), "race")
    frame = display.to_frame()
    assert (frame["of_use"] == (frame["net_benefit"] > frame["treat_all"].clip(lower=0))).all()
    for ax in display.axes_:
        held = {line.get_gid() for line in ax.lines}
        assert {"net benefit", "treat all", "treat none"} <= held
        low, high = ax.get_ylim()
        assert low > -high


def test_few_thresholds_are_points_and_not_a_curve():
    rows = frames.net_benefit([0.2, 0.5])
    display = NetBenefitDisplay.from_frame(rows, "age")
    assert not any(line.get_gid() == "net benefit" for line in display.ax_.lines)
    assert "at 2 of 2 thresholds" in display.alt_text()
    with pytest.raises(ValueError, match="has a net benefit"):
        NetBenefitDisplay.from_frame(rows.assign(net_benefit=np.nan), "age")
    with pytest.raises(ValueError, match="no net benefit"):
        NetBenefitDisplay.from_audit(frames.audit(net_benefit=rows.iloc[:0]))
