import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core import additive
from glassbox.core.additive import AdditiveModel, row_blocks
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.terms import Term
from tests.core.random_models import random_columns, random_model

seeds = st.integers(0, 2**32 - 1)
AGE = NumericAxis("age", np.array([18.0, 65.0, 90.0]), 1)
SEX = CategoricalAxis("sex", ("f", "m"))
MAIN, PAIR = Term((AGE,), np.arange(4.0)), Term((AGE, SEX), np.zeros((4, 4)))


@settings(deadline=None)
@given(seeds, st.integers(1, 3), st.booleans(), st.booleans())
def test_scores_are_intercept_plus_contributions(seed, n_outputs, shared, linear):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1, 3), n_outputs, shared=shared, linear=linear)
    columns = random_columns(rng, model)
    contributions = model.contributions(columns)
    assert contributions.shape == (200, len(model.terms), n_outputs)
    total = contributions.sum(axis=1) + model.intercept
    np.testing.assert_allclose(model.scores(columns), total, rtol=0, atol=1e-9)
    for t, term in enumerate(model.terms):
        rows = [axis.locate(columns[axis.name]) for axis in term.axes]
        np.testing.assert_array_equal(contributions[:, t], term.evaluate(rows))


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 250))
def test_row_blocks_make_no_difference(seed, block_rows):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1, 3), 2, shared=True)
    columns = random_columns(rng, model)
    whole = model.scores(columns), model.contributions(columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(additive.row_blocks, "__defaults__", (block_rows,))
        blocked = model.scores(columns), model.contributions(columns)
    for a, b in zip(whole, blocked, strict=True):
        np.testing.assert_array_equal(a, b)


@given(st.integers(0, 100), st.integers(1, 40))
def test_blocks_cover_all_rows_once(n_rows, block_rows):
    covered = [i for block in row_blocks(n_rows, block_rows) for i in range(n_rows)[block]]
    assert covered == list(range(n_rows))


def test_columns_need_not_be_contiguous():
    table = np.random.default_rng(0).uniform(18, 90, size=(100, 3))
    model = AdditiveModel(0.0, (MAIN,))
    expected = model.scores({"age": table[:, 1].copy()})
    np.testing.assert_array_equal(model.scores({"age": table[:, 1]}), expected)


def test_more_rows_than_a_block():
    x = np.random.default_rng(0).uniform(0, 100, size=2 * additive.BLOCK_ROWS + 5)
    scores = AdditiveModel(1.0, (MAIN,)).scores({"age": x})
    parts = [AdditiveModel(1.0, (MAIN,)).scores({"age": part}) for part in np.array_split(x, 7)]
    np.testing.assert_array_equal(scores, np.concatenate(parts))


def test_means_go_through_the_link():
    columns = {"age": np.array([18.0, 65.0, np.nan])}
    model = AdditiveModel(-1.0, (MAIN,), "logit")
    expected = 1 / (1 + np.exp(-np.array([[-1.0], [0.0], [2.0]])))
    np.testing.assert_allclose(model.means(columns), expected)


def test_names_and_features():
    model = AdditiveModel(0.0, (MAIN, PAIR))
    assert model.term_names == ["age", "age & sex"]
    assert model.features == ["age", "sex"]
    assert model["age & sex"] is PAIR
    assert model.n_outputs == 1
    with pytest.raises(KeyError, match="No term is called 'bun'"):
        model["bun"]
    assert model.replace(terms=(MAIN,)).features == ["age"]


def test_several_outputs():
    term = Term((SEX,), np.arange(12.0).reshape(4, 3))
    model = AdditiveModel([10.0, 20.0, 30.0], (term,), "softmax")
    scores = model.scores({"sex": np.array([1, -2])})
    assert scores.tolist() == [[13.0, 24.0, 35.0], [19.0, 30.0, 41.0]]
    np.testing.assert_allclose(model.means({"sex": np.array([1, -2])}).sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((np.nan, ()), "intercept must be finite"),
        (([[0.0]], ()), "intercept must be finite and flat"),
        ((0.0, (MAIN, MAIN)), "Two terms hold the features of 'age'; add their tables"),
        (
            (0.0, (PAIR, Term((SEX, AGE), np.zeros((4, 4))))),
            "Two terms hold the features of 'age & sex'",
        ),
        (([0.0, 0.0], (MAIN,)), "'age' has 1 outputs, the intercept has 2"),
        ((0.0, (), "probit"), "Unknown link 'probit'; known ones: identity, logit"),
    ],
)
def test_bad_models_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        AdditiveModel(*arguments)
