import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glassbox.estimators._boosted_order as boosted_order
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.density import count_density
from glassbox.core.terms import Term
from glassbox.estimators._boosted_order import nearest_monotone_model
from glassbox.solvers.order import MonotoneOrder

AGE = NumericAxis("age", np.array([20.0, 40.0, 60.0, 70.0, 90.0]))
# 50 is no cut of the main effect.
COARSE = NumericAxis("age", np.array([25.0, 50.0, 60.0, 80.0]))
STAGE = CategoricalAxis("stage", ("I", "II", "III"), ordered=True)
SEX = CategoricalAxis("sex", ("f", "m"))
DOSE = NumericAxis("dose", np.array([0.0, 1.0, 2.0]))

MAINS = {"age": (AGE,), "stage": (STAGE,), "sex": (SEX,), "dose": (DOSE,)}
PAIRS = [(COARSE, SEX), (STAGE, COARSE), (DOSE, STAGE), (SEX, DOSE)]
DIRECTIONS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from([-1, 1]) for name in ("age", "stage", "dose")}
)


@st.composite
def models(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    pairs = draw(st.lists(st.sampled_from(PAIRS), unique_by=str))
    scale = draw(st.sampled_from([1e-6, 1.0, 1e4]))
    rng = np.random.default_rng(seed)
    terms = [
        Term(axes, scale * rng.normal(size=[axis.size for axis in axes]))
        for axes in [*MAINS.values(), *pairs]
    ]
    return AdditiveModel(0.3, tuple(terms))


def some_rows(seed=0, n_rows=40):
    rng = np.random.default_rng(seed)
    age = np.where(rng.random(n_rows) < 0.1, np.nan, rng.uniform(20, 90, n_rows))
    codes = {"stage": rng.integers(0, 3, n_rows), "sex": rng.integers(0, 2, n_rows)}
    return {"age": age, "dose": rng.uniform(0, 2, n_rows), **codes}


ROWS = some_rows()
WEIGHTS = np.ones(40)


def squared_change(before, after):
    """What is to be least, on the axes that the nearest model has."""
    total = 0.0
    for old, new in zip(before.terms, after.terms, strict=True):
        if old.axes != new.axes:
            old = boosted_order.refine(old, new.axes)
        cost = count_density(new.axes, ROWS, WEIGHTS) + boosted_order._EMPTY_CELL
        total += (cost * (new.coefficients - old.coefficients)[..., 0] ** 2).sum()
    return total


@settings(deadline=None, max_examples=400)
@given(models(), DIRECTIONS)
def test_the_nearest_model_keeps_its_directions_and_stays_put(model, directions):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nearest, changes = nearest_monotone_model(model, directions, ROWS, WEIGHTS)
    certificate = monotonicity_certificate(nearest, directions)
    assert certificate["holds"].all() and nearest.intercept == model.intercept
    free = [t for t in model.terms if not set(t.features) & set(directions)]
    for term in free:
        np.testing.assert_array_equal(nearest[term.name].coefficients, term.coefficients)
    assert not set(changes) & {term.name for term in free}
    again, no_changes = nearest_monotone_model(nearest, directions, ROWS, WEIGHTS)
    scale = max(np.abs(term.coefficients).max() for term in model.terms)
    assert all(change <= 1e-9 * scale for change in no_changes.values())
    np.testing.assert_allclose(again.scores(ROWS), nearest.scores(ROWS), atol=1e-9 * scale)


@settings(deadline=None, max_examples=40)
@given(models(), DIRECTIONS, st.integers(0, 1000))
def test_no_other_monotone_model_is_nearer(model, directions, seed):
    nearest, _ = nearest_monotone_model(model, directions, ROWS, WEIGHTS)
    least = squared_change(model, nearest)
    rng = np.random.default_rng(seed)
    order = MonotoneOrder([term.axes for term in nearest.terms], directions)
    flat = np.concatenate([term.coefficients.ravel() for term in nearest.terms])
    for size in (1e-3, 0.1, 1.0):
        noise = rng.normal(size=flat.size) * rng.choice([0.0, 1.0], flat.size)
        other = order.settled(flat + size * np.abs(flat).max() * noise)
        tables = np.split(other, np.cumsum([t.coefficients.size for t in nearest.terms])[:-1])
        moved = [
            term.replace(coefficients=table.reshape(term.coefficients.shape))
            for term, table in zip(nearest.terms, tables, strict=True)
        ]
        assert squared_change(model, nearest.replace(terms=moved)) >= least * (1 - 1e-6)


def test_models_in_order_are_returned_as_they_are():
    rising = Term((AGE,), np.array([0.0, 1.0, 1.0, 2.0, -5.0]))
    falling = Term((DOSE,), np.array([1.0, 0.0, 0.0]))
    pair = Term((COARSE, SEX), np.outer([0.0, 1.0, 1.0, -3.0], [1.0, 0.5, 0.0, 2.0]))
    model = AdditiveModel(0.0, (rising, falling, pair))
    nearest, changes = nearest_monotone_model(model, {"age": 1, "stage": 1}, ROWS, WEIGHTS)
    np.testing.assert_array_equal(nearest.scores(ROWS), model.scores(ROWS))
    assert nearest["age"].axes[0].knots.tolist() == [20.0, 40.0, 50.0, 60.0, 70.0, 90.0]
    assert changes == {"age": 0.0, "age & sex": 0.0}
    # dose turns, and no pair ties age to it.
    nearest, changes = nearest_monotone_model(model, {"age": 1, "dose": 1}, ROWS, WEIGHTS)
    np.testing.assert_array_equal(nearest["age & sex"].coefficients, pair.coefficients)
    assert changes["dose"] > 0 == changes["age"]


def test_means_and_missing_stay():
    rng = np.random.default_rng(0)
    model = AdditiveModel(0.0, (Term((AGE,), rng.normal(size=5)),))
    nearest, _ = nearest_monotone_model(model, {"age": -1}, ROWS, WEIGHTS)
    cost = count_density((AGE,), ROWS, WEIGHTS) + boosted_order._EMPTY_CELL
    before, after = model["age"].coefficients[:, 0], nearest["age"].coefficients[:, 0]
    assert cost @ after == pytest.approx(cost @ before)
    assert after[-1] == pytest.approx(before[-1])


def test_weights_are_rows():
    rng = np.random.default_rng(0)
    model = AdditiveModel(0.0, (Term((AGE,), rng.normal(size=5)),))
    once, _ = nearest_monotone_model(model, {"age": 1}, ROWS, WEIGHTS)
    scaled, _ = nearest_monotone_model(model, {"age": 1}, ROWS, 7 * WEIGHTS)
    np.testing.assert_allclose(once["age"].coefficients, scaled["age"].coefficients, atol=1e-6)


def test_features_that_pairs_tie_to_one_that_turns_keep_their_directions_too():
    # Stage II has rows at the high dose alone, so that its low cell would give way, to below I.
    pair = np.array([[1.0, 1.0, 2.0, 1.0, 2.0], [0.0, 0.0, 2.0, 0.0, 2.0], [0.0] * 5])
    mains = (Term((DOSE,), np.zeros(3)), Term((STAGE,), np.zeros(5)))
    model = AdditiveModel(0.0, (*mains, Term((DOSE, STAGE), pair)))
    rows = {"dose": np.repeat([0.5, 1.5], [10, 30]), "stage": np.repeat([0, 1, 2], [20, 15, 5])}
    both = {"dose": 1, "stage": 1}
    assert monotonicity_certificate(model, both)["holds"].tolist() == [False, True]
    alone, _ = nearest_monotone_model(model, {"dose": 1}, rows, WEIGHTS)
    assert not monotonicity_certificate(alone, {"stage": 1})["holds"].all()
    together, _ = nearest_monotone_model(model, both, rows, WEIGHTS)
    assert monotonicity_certificate(together, both)["holds"].all()
