"""Plots and pages of an audit are drawn by those who know how."""

import sys
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

from tests.fairness.audit_tables import patients, scored_audit


@pytest.fixture(scope="module")
def found():
    _, died, race, risk = patients(200)
    return scored_audit(risk, died, race, n_bootstrap=0, n_permutations=0)


@pytest.mark.parametrize(
    ("method", "display", "has_attribute"),
    [
        ("plot_gap", "GapDisplay", True),
        ("plot_calibration", "GroupCalibrationDisplay", True),
        ("plot_proxies", "ProxyDisplay", True),
        ("plot_dependence", "DependenceDisplay", False),
        ("plot_net_benefit", "NetBenefitDisplay", True),
        ("plot_strategies", "TradeOffDisplay", False),
    ],
)
def test_each_plot_asks_its_display(found, monkeypatch, method, display, has_attribute):
    asked = []
    fake = SimpleNamespace(from_audit=lambda *args, **options: asked.append((args, options)))
    monkeypatch.setattr(f"glassbox.plots.{display}", fake, raising=False)
    given = ("race",) if has_attribute else ()
    getattr(found, method)(*given, ax="axes", output="yes")
    assert asked == [((found, *given), {"ax": "axes", "output": "yes"})]


def test_the_page_is_written_by_the_report(found, monkeypatch):
    module = ModuleType("glassbox.report.fairness")
    module.write_audit = lambda *args, **options: (args, options)
    monkeypatch.setitem(sys.modules, "glassbox.report.fairness", module)
    args, options = found.to_html("page.html", title="T", force=True)
    assert args == (found, "page.html")
    assert options == {"dictionary": None, "title": "T", "force": True}


def test_numbers_in_frames_are_numbers(found):
    for name in ("overview", "groups", "disparities", "calibration", "net_benefit"):
        frame = getattr(found, name)
        kinds = {c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])}
        assert kinds <= {"attribute", "group", "metric", "highest", "lowest", "reason"}, name
