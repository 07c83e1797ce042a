from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.estimators._batches import DRAWN
from glassbox.estimators._neural_tables import Fitted, category_variances, to_additive_model
from glassbox.solvers._families import Bernoulli, Gaussian, Multinomial
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Members

AGE = NumericAxis("age", np.array([20.0, 40.0, 60.0]), degree=1)
LAB = NumericAxis("lab", np.array([0.0, 1.0]), degree=1)
SEX = CategoricalAxis("sex", ("f", "m"))
MAINS = Layout((TermColumns((AGE,)), TermColumns((SEX,))))
WITH_PAIR = Layout((TermColumns((AGE,)), TermColumns((LAB,)), TermColumns((AGE, LAB))))


def fitted(layout=MAINS, family=None, seed=0, n_members=3, band=0.04, **changes):
    """What a fit may end with, made up."""
    rng = np.random.default_rng(seed)
    family = Gaussian() if family is None else family
    n_predictors = family.contrasts.shape[1]
    start = rng.normal(size=(layout.n_columns, n_predictors, n_members))
    intercept = rng.normal(size=(n_predictors, n_members))
    bands = np.stack([band * np.eye(layout.n_columns)] * n_predictors)
    known = Fitted(
        layout,
        family,
        Members(start + rng.normal(size=start.shape) / 10, intercept),
        Members(start, intercept),
        [Part(slice(0, layout.n_columns), bands, bands, bands)],
        {t.name: rng.integers(1, 9, [a.size for a in t.axes]).astype(float) for t in layout.terms},
        1.0,
        5.0,
        {term.name: True for term in layout.terms},
        {},
        {"sex": 0.3},
        np.ones(n_predictors),
    )
    return replace(known, **changes)


def columns(n_rows=200):
    rng = np.random.default_rng(1)
    age, lab = rng.uniform(0, 80, n_rows), rng.uniform(-1, 2, n_rows)
    age[::7] = np.nan
    return {"age": age, "lab": lab, "sex": rng.integers(0, 2, n_rows)}


@pytest.mark.parametrize("family", [Bernoulli(), Multinomial(3)], ids=["two", "three"])
@pytest.mark.parametrize("layout", [MAINS, WITH_PAIR], ids=["mains", "pair"])
def test_the_model_scores_what_the_members_score_on_average(layout, family):
    # Nothing but slots without rows is changed on the way.
    known = fitted(layout, family)
    model = to_additive_model(known, 0.95)
    table = {axis.name: columns()[axis.name] for term in layout.terms for axis in term.axes}
    expected = known.members.predictors(layout.rows(table)).mean(axis=2) @ family.contrasts.T
    scores = model.scores(table)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    parts = model.contributions(table)
    np.testing.assert_allclose(parts.sum(axis=1) + model.intercept, scores, atol=1e-12)


@given(st.integers(0, 1_000), st.booleans(), st.integers(1, 3))
def test_bands_hold_the_estimate(seed, helps, n_members):
    known = fitted(WITH_PAIR, seed=seed, n_members=n_members)
    known = replace(known, helpful={"age": True, "lab": helps, "age & lab": helps})
    for term in to_additive_model(known, 0.9).terms:
        assert (term.lower <= term.coefficients + 1e-12).all()
        assert (term.coefficients <= term.upper + 1e-12).all()


def test_main_effects_and_margins_of_pairs_have_mean_zero():
    model = to_additive_model(fitted(WITH_PAIR), 0.95)
    for name in ("age", "lab"):
        table = model[name].coefficients[..., 0]
        assert abs((table * model[name].density).sum()) < 1e-9
    pair = model["age & lab"]
    for axis in (0, 1):
        margins = (pair.coefficients[..., 0] * pair.density).sum(axis=axis)
        np.testing.assert_allclose(margins, 0.0, atol=1e-7)


def test_the_width_of_the_band():
    known = fitted(n_members=5)
    added = known.members.coefficients - known.start.coefficients
    variance = 0.04 + added[:3, 0].var(axis=1, ddof=1) * DRAWN / (1 - DRAWN)
    term = to_additive_model(known, 0.95)["age"]
    width = (term.upper - term.lower)[:3, 0] / 2
    reach = t.ppf(0.975, known.n_rows - known.effective_df)
    np.testing.assert_allclose(width, reach * np.sqrt(variance), rtol=1e-12)
    alone = fitted(family=Bernoulli(), n_members=1)
    term = to_additive_model(alone, 0.8)["age"]
    width = (term.upper - term.lower)[:3, 0] / 2
    np.testing.assert_allclose(width, norm.ppf(0.9) * 0.2, rtol=1e-12)


def test_a_term_that_does_not_help_is_flat_and_its_band_holds_what_it_was():
    known = fitted()
    flat = to_additive_model(replace(known, helpful={"age": False, "sex": True}), 0.95)["age"]
    assert (flat.coefficients == 0).all()
    before = known.members.coefficients.mean(axis=2)[known.layout.slices["age"], 0]
    assert (flat.lower[:, 0] <= np.minimum(before, 0)).all()
    assert (flat.upper[:, 0] >= np.maximum(before, 0)).all()


@given(st.integers(0, 1_000), st.sampled_from([-1, 1]))
def test_directions_hold_exactly(seed, direction):
    model = to_additive_model(fitted(seed=seed, directions={"age": direction}), 0.95)
    steps = np.diff(model["age"].coefficients[:3, 0])
    assert (direction * steps >= 0).all()


def test_slots_without_rows_are_the_average_patient():
    known = fitted()
    known.densities["age"][3] = 0.0
    known.densities["sex"][2:] = 0.0
    model = to_additive_model(known, 0.95)
    assert (model["age"].coefficients[3] == 0).all()
    assert (model["sex"].coefficients[2:] == 0).all()


def test_a_category_that_was_never_seen_is_as_uncertain_as_categories_differ():
    known = fitted()
    reach = t.ppf(0.975, known.n_rows - known.effective_df)
    term = to_additive_model(known, 0.95)["sex"]
    unseen = term.axes[0].unseen_index
    seen = (term.upper - term.lower)[:2, 0].max() / 2 / reach
    width = (term.upper - term.lower)[unseen, 0] / 2
    np.testing.assert_allclose(width, reach * np.sqrt(0.3 + seen**2))


def test_a_column_without_any_category():
    empty = Layout((TermColumns((CategoricalAxis("never", ()),)),))
    assert category_variances(empty, np.zeros((1, 1))) == {"never": 0.0}
    known = fitted(empty, level_variance={"never": 0.0})
    term = to_additive_model(known, 0.95)["never"]
    assert np.isfinite(term.upper).all()


def test_how_much_categories_differ():
    coefficients = np.arange(MAINS.n_columns, dtype=float)[:, None] ** 2
    first, second = coefficients[MAINS.slices["sex"]][:2, 0]
    assert category_variances(MAINS, coefficients) == {"sex": ((second - first) / 2) ** 2}
