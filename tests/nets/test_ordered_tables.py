import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.nets.ordered_tables import OrderedTables
from glassbox.solvers.order import MonotoneOrder

torch.set_num_threads(1)

AGE = NumericAxis("age", np.array([18.0, 30.0, 50.0, 60.0, 90.0]), degree=1)
DOSE = NumericAxis("dose", np.array([0.0, 1.0, 10.0]), degree=1)
SITE = CategoricalAxis("site", ("a", "b", "c", "d"))
STAGE = CategoricalAxis("stage", ("I", "II", "III", "IV"), ordered=True)

# Tables of the terms "up" (5 knots, missing) and "down" (4 levels, missing) around a free term.
MONOTONE = Layout(
    (
        TermColumns((NumericAxis("up", AGE.knots, degree=1),)),
        TermColumns((AGE, DOSE)),
        TermColumns((CategoricalAxis("down", tuple("abcd"), ordered=True),)),
    )
)
DIRECTIONS = {"up": 1, "down": -1}


def _in_order(tables, directions=DIRECTIONS):
    return OrderedTables(MONOTONE, directions, tables)(tables)


def _values(tables, name, n_values):
    start = MONOTONE.slices[name].start
    return tables[start : start + n_values]


@given(
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([1e-6, 1.0, 1e4]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_named_terms_never_turn_and_the_rest_stays(seed, scale, dtype):
    rng = np.random.default_rng(seed)
    tables = torch.tensor(scale * rng.normal(size=(MONOTONE.n_columns, 3)), dtype=dtype)
    found = _in_order(tables)
    assert found.shape == tables.shape and found.dtype == dtype
    assert (_values(found, "up", 5).diff(dim=0) >= 0).all()
    assert (_values(found, "down", 4).diff(dim=0) <= 0).all()
    free = MONOTONE.slices[TermColumns((AGE, DOSE)).name]
    assert torch.equal(found[free], tables[free])
    missing = [MONOTONE.slices[name].stop - 1 for name in DIRECTIONS]
    assert torch.equal(found[missing], tables[missing])


def test_steps_of_the_wrong_sign_count_as_none():
    tables = torch.zeros(MONOTONE.n_columns, 1, dtype=torch.float64)
    _values(tables, "up", 5)[:, 0] = torch.tensor([0.0, 1.0, 0.5, 2.0, -3.0])
    _values(tables, "down", 4)[:, 0] = torch.tensor([0.0, 1.0, -1.0, 4.0])
    found = _in_order(tables)
    up, down = _values(found, "up", 5)[:, 0], _values(found, "down", 4)[:, 0]
    np.testing.assert_allclose(up - up[0], [0.0, 1.0, 1.0, 2.5, 2.5])
    np.testing.assert_allclose(down - down[0], [0.0, 0.0, -2.0, -2.0])


@given(seed=st.integers(0, 2**31))
def test_tables_that_do_not_turn_stay_as_they_are(seed):
    rng = np.random.default_rng(seed)
    tables = torch.tensor(rng.normal(size=(MONOTONE.n_columns, 2)))
    _values(tables, "up", 5)[:] = _values(tables, "up", 5).sort(dim=0).values
    _values(tables, "down", 4)[:] = _values(tables, "down", 4).sort(dim=0, descending=True).values
    found = _in_order(tables)
    torch.testing.assert_close(found, tables, rtol=1e-12, atol=1e-12)
    again = _in_order(found)
    torch.testing.assert_close(again, found, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**31))
def test_the_level_of_a_term_stays_where_it_was(seed):
    tables = torch.tensor(np.random.default_rng(seed).normal(size=(MONOTONE.n_columns, 2)))
    found = _in_order(tables)
    for name, n_values in (("up", 5), ("down", 4)):
        torch.testing.assert_close(
            _values(found, name, n_values).mean(dim=0), _values(tables, name, n_values).mean(dim=0)
        )


def test_without_directions_tables_pass():
    tables = torch.randn(MONOTONE.n_columns, 2)
    assert _in_order(tables, {}) is tables
    assert torch.equal(_in_order(tables, {"up": 0}), tables)


def test_gradients_reach_every_knot():
    tables = torch.zeros(MONOTONE.n_columns, 1, dtype=torch.float64)
    _values(tables, "up", 5)[:, 0] = torch.tensor([0.0, 1.0, 3.0, 3.5, 7.0])
    _values(tables, "down", 4)[:, 0] = torch.tensor([5.0, 1.0, 0.5, -2.0])
    tables.requires_grad_()
    pull = torch.randn(MONOTONE.n_columns, 1, dtype=torch.float64)
    (_in_order(tables) * pull).sum().backward()
    torch.testing.assert_close(tables.grad, pull)
    assert torch.autograd.gradcheck(_in_order, (tables,))


COARSE_AGE = NumericAxis("age", AGE.knots[[0, 2, 4]], degree=1)
PAIRED = Layout(
    (
        TermColumns((AGE,)),
        TermColumns((DOSE,)),
        TermColumns((STAGE,)),
        TermColumns((COARSE_AGE, SITE)),
        TermColumns((DOSE, COARSE_AGE)),
        TermColumns((STAGE, SITE)),
    )
)


@given(
    seed=st.integers(0, 2**31),
    age=st.sampled_from([-1, 1]),
    dose=st.sampled_from([-1, 0, 1]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_main_effects_rise_by_what_their_pairs_take(seed, age, dose, scale):
    rng = np.random.default_rng(seed)
    directions = {"age": age, "stage": 1} | ({"dose": dose} if dose else {})
    tables = torch.tensor(scale * rng.normal(size=(PAIRED.n_columns, 2)))
    ordered = OrderedTables(PAIRED, directions, tables)
    found = ordered(tables)
    order = MonotoneOrder([term.axes for term in PAIRED.terms], directions)
    for column in found.numpy().T:
        flat = np.concatenate(
            [t.table(column[PAIRED.slices[t.name], None]).ravel() for t in PAIRED.terms]
        )
        for slack in order.slack(flat).values():
            assert slack.min() >= -1e-12 * scale
    pairs = slice(PAIRED.slices["age & site"].start, None)
    assert torch.equal(found[pairs], tables[pairs])
    torch.testing.assert_close(ordered(found), found, rtol=1e-12, atol=1e-12 * scale)


def test_gradients_go_through_the_pair_that_takes_most():
    tables = torch.tensor(np.random.default_rng(1).normal(size=(PAIRED.n_columns, 1)))
    tables.requires_grad_()
    ordered = OrderedTables(PAIRED, {"age": 1, "dose": -1}, tables)
    assert torch.autograd.gradcheck(ordered, (tables,))
