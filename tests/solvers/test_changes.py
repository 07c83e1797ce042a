import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.axes import UNSEEN_CODE, CategoricalAxis, NumericAxis
from glassbox.core.terms import Term
from glassbox.solvers.changes import Changes
from tests.core.random_models import counted, random_columns, random_model

seeds = st.integers(0, 2**32 - 1)
degrees = st.sampled_from([0, 1, 3])


def of_one(axis, density=None, directed=None):
    density = np.ones(axis.size) if density is None else density
    return Changes([Term((axis,), np.zeros(axis.size), density=density)], directed)


def fine_axis(n_values, degree=0):
    return NumericAxis("x", np.linspace(0.0, 1.0, n_values + 1 - degree), degree)


@given(seeds, degrees)
@settings(max_examples=40)
def test_rows_say_what_the_changed_tables_predict(seed, degree):
    rng = np.random.default_rng(seed)
    model = counted(rng, random_model(rng, (degree,)))
    changes = Changes(model.terms)
    unknowns = rng.normal(size=(changes.n_unknowns, 2))
    columns = random_columns(rng, model)
    tables = changes.tables(unknowns)
    expected = np.tile(unknowns[0], (200, 1))
    for term in model.terms:
        table = tables[changes.slices[term.name]].reshape(*term.shape, 2)
        rows = [axis.locate(columns[axis.name]) for axis in term.axes]
        expected += Term(term.axes, table).evaluate(rows)
    np.testing.assert_allclose(changes.rows(columns) @ unknowns, expected, atol=1e-10)


@given(seeds, degrees)
@settings(max_examples=30)
def test_the_cost_of_changes_is_never_negative(seed, degree):
    rng = np.random.default_rng(seed)
    model = counted(rng, random_model(rng, (degree,)))
    directed = {
        term.name: np.sort(rng.normal(size=term.shape[0]))[:: rng.choice([-1, 1])]
        for term in model.terms
        if len(term.axes) == 1 and rng.random() < 0.7
    }
    penalty = Changes(model.terms, directed).penalty
    np.testing.assert_allclose(penalty, penalty.T, atol=1e-15)
    assert np.linalg.eigvalsh(penalty)[0] >= -1e-12


@pytest.mark.parametrize("direction", [1, -1])
def test_a_shape_costs_the_same_whichever_way_it_points(direction):
    axis = fine_axis(40, 1)
    shape = direction * np.append(np.linspace(0, 2, 40), 0.0)
    plain, directed = of_one(axis), of_one(axis, directed={"x": shape})
    more = directed.n_unknowns - plain.n_unknowns
    assert more > 0
    cost = np.diag(directed.penalty)[-more:]
    assert (cost > 0).all()


def test_blocks_are_the_rows_in_order():
    rng = np.random.default_rng(0)
    model = counted(rng, random_model(rng, (1,)))
    columns = random_columns(rng, model, 5_000)
    changes = Changes(model.terms)
    blocks = list(changes.blocks(columns, 5_000))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.vstack([b for _, b in blocks]), changes.rows(columns))
    assert [rows.start for rows, _ in blocks][0] == 0
    assert blocks[-1][0].stop == 5_000


@pytest.mark.parametrize("n_values", [3, 24, 25, 60])
def test_few_coefficients_change_alone_and_many_along_lines(n_values):
    changes = of_one(fine_axis(n_values))
    assert changes.n_unknowns == 1 + min(n_values, 24) + 1
    matrix = changes.matrix.toarray()
    # All anchors together move everything by one.
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-12)
    assert (matrix >= 0).all()


def test_a_move_of_everything_costs_what_one_row_in_a_thousand_says():
    changes = of_one(fine_axis(30))
    unknowns = np.ones(changes.n_unknowns)
    unknowns[0] = 0.0
    assert unknowns @ changes.penalty @ unknowns == pytest.approx(1e-3, rel=0.05)


def test_straight_lines_cost_less_than_what_turns():
    changes = of_one(fine_axis(30))
    line = np.zeros(changes.n_unknowns)
    line[1:-1] = np.linspace(-1, 1, changes.n_unknowns - 2)
    turning = line.copy()
    turning[1:-1] = np.where(np.arange(len(line) - 2) % 2, 1.0, -1.0)
    assert line @ changes.penalty @ line < 1e-3
    assert turning @ changes.penalty @ turning > 0.1


@pytest.mark.parametrize("ordered", [True, False])
def test_every_category_changes_alone_and_unseen_ones_never(ordered):
    axis = CategoricalAxis("site", tuple(f"s{k:02}" for k in range(30)), ordered=ordered)
    changes = of_one(axis)
    assert changes.n_unknowns == 1 + 30 + 1
    codes = np.array([UNSEEN_CODE])
    np.testing.assert_array_equal(changes.rows({"site": codes})[0, 1:], 0.0)
    assert (changes.tables(np.ones(changes.n_unknowns)) == 0).sum() == 1


@pytest.mark.parametrize("density", [np.zeros(31), np.eye(31)[3] * 7, np.eye(31)[30]])
def test_values_without_rows(density):
    changes = of_one(fine_axis(30), density)
    assert np.isfinite(changes.matrix.toarray()).all()
    assert np.linalg.eigvalsh(changes.penalty)[0] >= 0
    # The intercept alone is free.
    assert (np.diag(changes.penalty)[1:] > 0).all()


@pytest.mark.parametrize("direction", [1, -1])
def test_a_directed_shape_can_be_made_flat(direction):
    axis = fine_axis(50, 1)
    rng = np.random.default_rng(1)
    shape = direction * np.append(np.sort(rng.normal(size=50)), 0.7)
    changes = of_one(axis, directed={"x": shape})
    more = changes.n_unknowns - of_one(axis).n_unknowns
    unknowns = np.zeros(changes.n_unknowns)
    unknowns[-more:] = -1.0
    flat = shape + changes.tables(unknowns)
    np.testing.assert_allclose(flat[:50], shape[0], atol=1e-12)
    assert flat[50] == shape[50]
    # In part taken off in proportion, no increment turns.
    unknowns[-more:] = -rng.random(more)
    steps = np.diff((shape + changes.tables(unknowns))[:50]) * direction
    assert (steps >= -1e-12).all()


def test_a_flat_directed_shape_has_nothing_to_take_off():
    axis = fine_axis(50, 1)
    assert of_one(axis, directed={"x": np.ones(51)}).n_unknowns == of_one(axis).n_unknowns
