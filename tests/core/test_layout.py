import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns, consecutive
from tests.core.random_models import random_columns, random_model

seeds = st.integers(0, 2**31)


def _readable(model):
    """The layout of a model's terms, their coefficients, and the model that these stand for."""
    layout = Layout(tuple(TermColumns(term.axes) for term in model.terms))
    coefficients = np.zeros((layout.n_columns, model.n_outputs))
    terms = []
    for term, part in zip(model.terms, layout.terms, strict=True):
        flat = term.coefficients.reshape(-1, model.n_outputs)[part.slots]
        coefficients[layout.slices[term.name]] = flat
        terms.append(term.replace(coefficients=part.table(flat)))
    return layout, coefficients, model.replace(terms=tuple(terms))


@given(seed=seeds, n_outputs=st.integers(1, 3), shared=st.booleans())
def test_rows_times_coefficients_are_scores(seed, n_outputs, shared):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1, 3), n_outputs, linear=True, shared=shared)
    layout, coefficients, model = _readable(model)
    columns = random_columns(rng, model, n_rows=60)
    scores = layout.rows(columns) @ coefficients + model.intercept
    np.testing.assert_allclose(scores, model.scores(columns), rtol=0, atol=1e-11)


@given(seed=seeds)
def test_rows_in_single_precision_touch_the_same_columns(seed):
    rng = np.random.default_rng(seed)
    layout, _, model = _readable(random_model(rng, (0, 1, 3)))
    columns = random_columns(rng, model, n_rows=30)
    double, single = layout.rows(columns), layout.rows(columns, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single.indices, double.indices)
    np.testing.assert_array_equal(single.data, double.data.astype(np.float32))


@given(seed=seeds)
def test_columns_are_no_more_than_training_rows_can_touch(seed):
    rng = np.random.default_rng(seed)
    layout, *_ = _readable(random_model(rng, (0,)))
    for term in layout.terms:
        # Every place that matters: random rows may miss a narrow segment.
        places = np.meshgrid(*(axis.grid().column for axis in term.axes), indexing="ij")
        columns = {axis.name: place.ravel() for axis, place in zip(term.axes, places, strict=True)}
        touched = np.abs(Layout((term,)).rows(columns)).sum(axis=0)
        assert (touched > 0).all()


def test_a_table_goes_there_and_back():
    axes = NumericAxis("x", np.array([0.0, 1.0, 2.0]), 1), CategoricalAxis("c", ("a", "b"))
    for term in (TermColumns(axes), TermColumns(axes[:1]), TermColumns(axes[1:])):
        columns = np.arange(1.0, 2 * term.n_columns + 1).reshape(-1, 2)
        table = term.table(columns)
        assert table.shape == (*(axis.size for axis in term.axes), 2)
        np.testing.assert_array_equal(table.reshape(-1, 2)[term.slots], columns)
        assert np.count_nonzero(table) == columns.size


@pytest.mark.parametrize("code", [MISSING_CODE, UNSEEN_CODE])
def test_a_pair_adds_nothing_where_one_feature_has_no_value(code):
    axes = NumericAxis("x", np.array([0.0, 1.0]), 1), CategoricalAxis("c", ("a", "b"))
    layout = Layout((TermColumns(axes), TermColumns(axes[::-1])))
    columns = {"x": np.array([0.3, np.nan, 0.3]), "c": np.array([0, 1, code])}
    rows = layout.rows(columns).toarray()
    assert rows[0].sum() == pytest.approx(2.0)
    assert not rows[1:].any()


def test_no_rows_and_no_terms():
    term = TermColumns((NumericAxis("x", np.array([0.0, 1.0]), 1),))
    assert Layout((term,)).rows({"x": np.zeros(0)}).shape == (0, 3)
    assert Layout(()).rows({"x": np.zeros(4)}).shape == (4, 0)


def test_slices_follow_one_another():
    assert consecutive([("a", 2), ("b", 0), ("c", 3)], start=1) == {
        "a": slice(1, 3),
        "b": slice(3, 3),
        "c": slice(3, 6),
    }
