"""The page of an audit: whole, escaped, with reasons for what is empty, written at once or not."""

import re

import numpy as np
import pandas as pd
import pytest

from glassbox.core.dictionary import DataDictionary
from glassbox.report import _audit_tables as tables
from glassbox.report import fairness
from glassbox.report.fairness import audit_page, write_audit
from tests.plots import fairness_frames as frames
from tests.test_cli import Reader

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def page():
    known = DataDictionary.from_frame(
        pd.DataFrame({"column": ["race", "age"], "label": ["Race & more", "Age"]})
    )
    return audit_page(frames.audit(), known, "Title <b>", {"Table": HOSTILE})


def only(**held):
    """An audit of nothing else: pages without pictures are made at once."""
    nothing = dict.fromkeys(
        ("overview", "dependence", "groups", "disparities", "terms", "proxies", "calibration",
         "calibration_curves", "net_benefit", "flip", "strategies")
    )  # fmt: skip
    return frames.audit(**nothing | held)


def renamed():
    """An audit in which everything that a user names is hostile."""
    names = {"race": HOSTILE, "priors_count": "a\"b'c", "Caucasian": "<img src=x>"}
    audit = frames.audit()
    for name, held in vars(audit).items():
        if isinstance(held, pd.DataFrame):
            setattr(audit, name, held.replace(names))
    audit.settings["attributes"] = [HOSTILE]
    audit.left_out = {HOSTILE: HOSTILE}
    audit.findings[0].text = HOSTILE
    return audit


def test_the_page_is_whole_and_fetches_nothing(page):
    reader = Reader(page)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?\s*(?:https?:|//|file:)", page, re.I)
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    ids = [a["id"] for _, a in reader.attributes if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in reader.all("a")}
    assert targets <= set(ids)
    sections = "findings overview dependence gaps groups disparities calibration net-benefit"
    for name in f"{sections} proxies flip strategies methods settings".split():
        assert f"audit-{name}" in targets


def test_findings_come_first_and_pictures_have_alternative_texts(page):
    assert page.index("The score depends on race") < page.index("Who the rows are</h2>")
    reader = Reader(page)
    images = reader.all("img")
    assert len(images) == 2 + 4 + 2 + 2 + 2 + 1
    assert all(len(image["alt"]) > 40 for image in images)
    assert reader.tags.count("caption") == reader.tags.count("table")
    assert "Race &amp; more: Caucasian" in page


def test_names_and_values_are_escaped(page):
    assert HOSTILE not in page
    assert "Title &lt;b&gt;" in page
    hostile = audit_page(renamed())
    Reader(hostile)
    assert HOSTILE not in hostile
    assert "<img src=x>" not in hostile
    assert "&lt;script&gt;" in hostile


def test_empty_cells_have_a_reason(page):
    groups = page.split('id="audit-groups"')[1].split("</section>")[0]
    assert "Other: fewer than 20 rows." in groups
    assert re.search(r"Other</th><td class=\"n\">–</td>", groups)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page).lower().replace("finan", "")


def test_what_is_not_there_has_no_section_and_no_link():
    audit = only(net_benefit=frames.net_benefit([0.5]), terms=frames.terms().iloc[:0])
    audit.left_out = {"terms": "bare scores cannot be decomposed"}
    page = audit_page(audit)
    assert "audit-strategies" not in page
    assert "audit-gaps" not in page
    assert "terms: bare scores cannot be decomposed." in page
    assert 'href="#audit-net-benefit">Net benefit</a>' in page.split("TRIPOD")[-1]


def test_several_classes_have_parts_of_their_own():
    races = [
        frames.by_output(frame[frame["attribute"] == "race"], ("good", "bad"))
        for frame in (frames.calibration(), frames.calibration_curves())
    ]
    audit = only(
        overview=frames.by_output(frames.overview()),
        calibration=races[0],
        calibration_curves=races[1],
    )
    page = audit_page(audit)
    assert "race, class mid</h3>" in page
    assert page.count("race, class bad</h3>") == 2
    assert len(Reader(page).all("img")) == 2


def test_a_regression_has_errors_and_no_per_cent():
    overview = frames.overview().assign(events=np.nan, event_rate=31.5, mean_prediction=30.25)
    groups = frames.groups().query("metric == 'auc'").assign(metric="rmse", value=12.345)
    audit = only(overview=overview, groups=groups)
    audit.settings["task"] = "regression"
    page = audit_page(audit)
    assert "Errors by group" in page
    assert "Groups at the thresholds" not in page
    assert "12.3" in page
    assert "Mean outcome" in page


def test_a_page_is_written_at_once_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(fairness, "audit_page", lambda *_: "page")
    assert write_audit(None, tmp_path) == tmp_path / "audit.html"
    assert (tmp_path / "audit.html").read_text() == "page"
    with pytest.raises(FileExistsError, match="force=True"):
        write_audit(None, tmp_path / "audit.html")
    with pytest.raises(FileNotFoundError, match="make it first"):
        write_audit(None, tmp_path / "no" / "audit.html")

    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(fairness.os, "replace", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        write_audit(None, tmp_path / "other.html")
    with pytest.raises(RuntimeError, match="a bug"):
        write_audit(None, tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["audit.html"]
    assert (tmp_path / "audit.html").read_text() == "page"


def test_shares_are_in_per_cent_and_intervals_below():
    first, second, _ = tables.group_tables(frames.groups().query("attribute == 'race'"))
    assert "0.2" in first.caption
    assert "0.5" in second.caption
    name, cells = first.rows[0]
    value = frames.groups().iloc[0]
    assert name == "African-American"
    assert cells[0].text == f"{100 * value['value']:.1f} %"
    assert cells[0].below == f"{100 * value['lower']:.1f} to {100 * value['upper']:.1f}"


def test_a_reason_that_holds_for_one_figure_names_it():
    rows = frames.groups().query("attribute == 'race' and threshold == 0.2")
    rows = rows.assign(reason=np.where(rows["metric"] == "ppv", "nobody selected", rows["reason"]))
    (table,) = tables.group_tables(rows)
    assert any(
        "Caucasian (Positive predictive value): nobody selected" in note
        or "Caucasian (Positive predictive value), Other" in note
        for note in table.notes
    )
