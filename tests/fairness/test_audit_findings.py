"""Sentences on data whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from glassbox import SplineGAMClassifier
from glassbox.fairness._audit.findings import Finding
from glassbox.fairness.audit import audit
from tests.fairness.audit_tables import FEW, patients, scored_audit

MANY = FEW | {"n_permutations": 199, "n_bootstrap": 100}


def texts(found, kind):
    return [f.text for f in found.findings if f.kind == kind]


@pytest.fixture(scope="module")
def dependent():
    X, died, race, _ = patients(1_500)
    X["race"] = race.to_numpy()
    est = SplineGAMClassifier(n_knots=5).fit(X, died)
    return audit(est, X, died, sensitive_features=["race", "age"], **MANY)


def test_dependence_that_is_there_is_found(dependent):
    (race,) = texts(dependent, "dependence")
    assert race.startswith("The score depends on race: dCor ")
    assert "95 %" in race and "floor" in race and "p = .005" in race
    assert dependent.findings[0].text == race


def test_dependence_that_is_not_there_is_not_found(dependent):
    nothing = [t for t in texts(dependent, "no evidence") if "dependence on" in t]
    assert len(nothing) == 1 and nothing[0].startswith("No evidence of dependence on age: dCor .0")
    X, died, race, risk = patients(1_500, seed=3, dependent=False)
    found = scored_audit(risk, died, race, n_permutations=199)
    assert not texts(found, "dependence") and not texts(found, "errors")
    assert not texts(found, "calibration") and not texts(found, "selection")
    assert any(t.startswith("No evidence that these differ by race") for t in
               texts(found, "no evidence"))  # fmt: skip


def test_the_term_that_carries_the_gap_is_named(dependent):
    (gap,) = texts(dependent, "terms")
    assert gap.startswith("The gap of 1.") and "race B − A, is carried most by bun 1." in gap
    (own,) = texts(dependent, "own terms")
    assert own.startswith("Leaving out race would not remove its gap (B − A): its own terms carry")


def test_four_fifths_and_errors_have_their_figures(dependent):
    (selection,) = [t for t in texts(dependent, "selection") if "race" in t]
    ratio = dependent.disparities.query("metric == 'demographic_parity' and attribute == 'race'")
    assert f"{ratio['ratio'].item():.2f}"[1:] in selection
    assert "race 'A' is selected" in selection and selection.endswith("below four fifths.")
    assert any("rates at 0.5 differ by race by" in t for t in texts(dependent, "errors"))


def test_the_proxy_is_named_and_small_groups_are_mentioned(dependent):
    assert any(t.startswith("bun (AUC .8") and t.endswith("tells race.") for t in
               texts(dependent, "proxies"))  # fmt: skip
    assert texts(dependent, "suppressed") == ["1 group has fewer than 20 rows and no figures."]
    assert any("Changing age alone (+1 SD)" in t for t in texts(dependent, "flip"))


def test_a_group_whose_risks_are_off_is_named():
    _, died, race, risk = patients(2_000)
    race = race.to_numpy()
    shifted = np.where(race == "B", risk * 0.7, risk)
    found = scored_audit(shifted, died, {"race": race})
    (off,) = texts(found, "calibration")
    assert off.startswith("Predictions are too low for race 'B': O/E 1.")
    assert not any("too high or too low" in t for t in texts(found, "no evidence"))


def test_a_shape_that_differs_is_named():
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], size=3_000)
    X = pd.DataFrame({"x": rng.normal(size=3_000), "z": rng.normal(size=3_000)})
    score = np.where(sex == "m", 2.0, 0.2) * X["x"] + X["z"]
    died = rng.random(3_000) < 1 / (1 + np.exp(-score))
    est = SplineGAMClassifier(n_knots=5).fit(X, died)
    (shape,) = texts(audit(est, X, died, sensitive_features={"sex": sex}, **FEW), "shapes")
    assert shape.startswith("The model's shape of x (p < .001)")
    assert shape.endswith("does not hold in every group of sex.")


def test_what_was_left_out_is_said_last():
    _, died, race, risk = patients()
    found = scored_audit(risk, died, race)
    assert found.findings[-1].kind == "left out"
    assert any(t.startswith("Left out: terms, because bare scores") for t in
               texts(found, "left out"))  # fmt: skip


def test_the_page_of_a_notebook_is_escaped():
    _, died, race, risk = patients()
    site = np.where(race == "A", "<b>", "x")
    found = scored_audit(risk, died, {"site": site})
    page = found._repr_html_()
    assert "<b>" not in page and page.count("<li>") == min(len(found.findings), 13)
    assert repr(found).startswith("Audit of bare scores on site, 600 rows\n- The score depends")


def test_verdicts_on_strategies_are_told():
    from types import SimpleNamespace

    from glassbox.fairness._audit.findings import strategies

    frame = pd.DataFrame(
        {
            "strategy": ["none", "remove"],
            "attribute": ["race", "race"],
            "dominated_by": ["", "clean"],
            "levelled_down": ["B (auc)", ""],
        }
    )
    found = list(strategies(SimpleNamespace(strategies=frame)))
    assert all(isinstance(f, Finding) for f in found)
    assert [f.text for f in found] == [
        "Strategy 'none' levels down: B (auc).",
        "Strategy 'remove' is dominated by clean, as to race.",
    ]


def test_a_model_that_does_not_read_the_attribute_still_has_its_gap():
    X, died, race, _ = patients()
    est = SplineGAMClassifier(n_knots=5).fit(X, died)
    (own,) = texts(audit(est, X, died, sensitive_features=race, **FEW), "own terms")
    assert own.startswith("Not reading race does not remove its gap (B − A): other features carry")
