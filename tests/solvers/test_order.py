from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, CategoricalAxis, NumericAxis
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.terms import Term
from glassbox.solvers.order import MonotoneOrder

seeds = st.integers(0, 2**32 - 1)
kinds_of_tables = st.sampled_from(["random", "settled", "one cell broken"])


def random_problem(rng, *, n_features=3, most_values=4, degrees=(0, 1)):
    """Axes of terms, and directions: mains, and pairs whose knots may be coarser."""
    axes, directions = {}, {}
    for j in range(n_features):
        name = f"x{j}"
        kind = rng.choice(["number", "number", "levels", "names"])
        if kind == "number":
            size = rng.integers(2, most_values + 1)
            knots = np.sort(rng.choice(np.arange(12), size=size, replace=False)) / 2.0
            axes[name] = NumericAxis(name, knots, int(rng.choice(degrees)))
        else:
            levels = tuple("abcd"[: rng.integers(1, most_values)])
            axes[name] = CategoricalAxis(name, levels, ordered=bool(kind == "levels"))
        if kind != "names" and (j == 0 or rng.random() < 0.6):
            directions[name] = int(rng.choice([-1, 1]))
    mains = [(axis,) for axis in axes.values() if axis.name in directions or rng.random() < 0.5]
    pairs = []
    for first, second in combinations(axes, 2):
        if rng.random() < 0.7:
            names = [first, second] if rng.random() < 0.5 else [second, first]
            pairs.append(tuple(_coarser(rng, axes[name]) for name in names))
    terms = mains + pairs
    if not terms:
        terms = [(axes["x0"],)]
    return [terms[k] for k in rng.permutation(len(terms))], directions


def _coarser(rng, axis):
    if isinstance(axis, CategoricalAxis) or rng.random() < 0.4:
        return axis
    size = rng.integers(2, len(axis.knots) + 1)
    kept = np.sort(rng.choice(len(axis.knots), size=size, replace=False))
    return NumericAxis(axis.name, axis.knots[kept], axis.degree)


def every_move(terms, directions):
    """Increments of a constrained feature at all values of all others, as rows of numbers.

    The rows are differences of basis rows, so that their products with coefficients are changes
    of the score in the promised direction.
    """
    nodes = _nodes(terms)
    moves = {name: [] for name in directions}
    for name, direction in directions.items():
        own = next(axes[0] for axes in terms if len(axes) == 1 and axes[0].name == name)
        others = {n: x for n, x in nodes.items() if n != name}
        rows = list(product(*others.values()))
        columns = {
            n: np.array([row[k] for row in rows], dtype=x.dtype)
            for k, (n, x) in enumerate(others.items())
        }
        at = [
            _basis(terms, {**columns, name: np.full(len(rows), x)})
            for x in nodes[name][: own.n_values]
        ]
        for before, after in pairwise(at):
            moves[name].append(np.unique(direction * (after - before), axis=0))
    return moves


def _nodes(terms):
    """Values of every feature at which some table of it bends, missing and unseen last."""
    nodes = {}
    for axis in (axis for axes in terms for axis in axes):
        if isinstance(axis, NumericAxis):
            known = nodes.get(axis.name, np.empty(0))
            nodes[axis.name] = np.append(np.union1d(known[~np.isnan(known)], axis.knots), np.nan)
        else:
            codes = np.arange(axis.n_values)
            nodes[axis.name] = np.append(codes, [MISSING_CODE, UNSEEN_CODE])
    return nodes


def _basis(terms, columns):
    parts = []
    for axes in terms:
        each = [axis.locate(columns[axis.name]).to_csr(axis.size).toarray() for axis in axes]
        table = each[0] if len(each) == 1 else each[0][:, :, None] * each[1][:, None, :]
        parts.append(table.reshape(len(table), -1))
    return np.hstack(parts)


def random_tables(rng, order, kind="random"):
    """A flat vector of tables, some of them in order, some but for one cell."""
    flat = rng.normal(size=order.size)
    if kind == "random":
        return flat
    flat = order.settled(flat)
    if kind == "one cell broken":
        flat[rng.integers(len(flat))] += 3 * rng.choice([-1, 1]) * rng.uniform(0.1, 1.0)
    return flat


def model_of(terms, flat):
    sizes = [int(np.prod([axis.size for axis in axes])) for axes in terms]
    tables = np.split(flat, np.cumsum(sizes)[:-1])
    made = []
    for axes, table in zip(terms, tables, strict=True):
        made.append(Term(axes, table.reshape([axis.size for axis in axes])))
    return AdditiveModel(0.0, tuple(made))


@settings(max_examples=80)
@given(seeds, kinds_of_tables)
def test_slack_is_the_least_change_over_all_values_of_all_partners(seed, kind):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    flat = random_tables(rng, order, kind)
    slack = order.slack(flat)
    assert list(slack) == list(directions)
    for name, moves in every_move(terms, directions).items():
        expected = [(rows @ flat).min() for rows in moves]
        np.testing.assert_allclose(slack[name], expected, atol=1e-12)


@settings(max_examples=120)
@given(seeds, kinds_of_tables, st.sampled_from([1e-6, 1.0, 1e6]))
def test_no_slack_is_negative_if_and_only_if_the_certificate_holds(seed, kind, scale):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    flat = scale * random_tables(rng, order, kind)
    frame = monotonicity_certificate(model_of(terms, flat), directions).set_index("feature")
    for name, slack in order.slack(flat).items():
        in_order = bool((slack >= -1e-12 * np.abs(flat).max()).all())
        assert frame.loc[name, "holds"] is in_order


@settings(max_examples=40)
@given(seeds)
def test_ordered_cubic_coefficients_are_certified(seed):
    rng = np.random.default_rng(seed)
    age = NumericAxis("age", np.array([0.0, 1.0, 2.0, 4.0]), 3)
    dose = NumericAxis("dose", np.array([0.0, 1.0, 3.0]), int(rng.choice([0, 1, 3])))
    terms, directions = [(age,), (age, dose), (dose,)], {"age": 1, "dose": -1}
    order = MonotoneOrder(terms, directions)
    flat = order.settled(rng.normal(size=order.size))
    assert monotonicity_certificate(model_of(terms, flat), directions)["holds"].eq(True).all()


@settings(max_examples=80)
@given(seeds, st.booleans())
def test_settled_tables_are_in_order_and_stay_what_they_are(seed, weighted):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    weights = rng.uniform(0.0, 5.0, order.size) if weighted else None
    settled = order.settled(rng.normal(size=order.size), weights)
    for slack in order.slack(settled).values():
        assert slack.min(initial=0.0) >= -1e-12
    assert monotonicity_certificate(model_of(terms, settled), directions)["holds"].eq(True).all()
    np.testing.assert_allclose(order.settled(settled, weights), settled, atol=1e-12)


@settings(max_examples=80)
@given(seeds, st.booleans())
def test_settling_raises_mains_of_constrained_features_and_keeps_their_means(seed, weighted):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    weights = rng.uniform(0.0, 5.0, order.size) if weighted else None
    before = rng.normal(size=order.size)
    given_tables = before.copy()
    after = order.settled(before, weights)
    np.testing.assert_array_equal(before, given_tables)
    may_change = np.zeros(order.size, dtype=bool)
    start = 0
    for axes in terms:
        size = int(np.prod([axis.size for axis in axes]))
        if len(axes) == 1 and axes[0].name in directions:
            here = slice(start, start + axes[0].n_values)
            may_change[here] = True
            share = np.ones(axes[0].n_values) if weights is None else weights[here]
            assert np.average(after[here] - before[here], weights=share) == pytest.approx(
                0.0, abs=1e-12
            )
            steps = directions[axes[0].name] * np.diff(after[here] - before[here])
            assert (steps >= -1e-12).all()
        start += size
    np.testing.assert_array_equal(after[~may_change], before[~may_change])


def test_main_effects_rise_by_no_more_than_what_is_lacking():
    age = NumericAxis("age", np.array([0.0, 1.0, 2.0, 3.0]), 1)
    sex = CategoricalAxis("sex", ("f", "m"))
    order = MonotoneOrder([(age,), (age, sex)], {"age": -1})
    pair = np.zeros((5, 4))
    pair[:4, 0], pair[:4, sex.unseen_index] = [0.0, 0.3, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]
    main = np.array([0.0, -1.0, -1.1, -1.1, 9.0])
    flat = order.settled(np.append(main, pair), np.append([1.0, 0, 0, 0, 7], np.zeros(20)))
    np.testing.assert_allclose(flat[:5], [0.0, -1.0, -1.5, -1.5, 9.0], atol=1e-12)


def test_without_any_weight_all_knots_count_alike():
    age = NumericAxis("age", np.array([0.0, 1.0, 2.0]), 1)
    order = MonotoneOrder([(age,)], {"age": 1})
    flat = order.settled(np.array([0.0, -2.0, 1.0, 9.0]), np.zeros(4))
    np.testing.assert_allclose(flat, [-4 / 3, -4 / 3, 5 / 3, 9.0])


@settings(max_examples=80)
@given(seeds, kinds_of_tables)
def test_cuts_are_the_worst_moves_that_are_violated(seed, kind):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    flat = random_tables(rng, order, kind)
    cuts = order.cuts(flat, 1e-9)
    slack = np.concatenate([np.zeros(0), *order.slack(flat).values()])
    assert cuts.shape == ((slack < -1e-9).sum(), order.size)
    np.testing.assert_allclose(cuts @ flat, slack[slack < -1e-9], atol=1e-12)
    in_order = order.settled(rng.normal(size=order.size))
    assert (cuts @ in_order >= -1e-12).all()
    moves = every_move(terms, directions)
    every = np.vstack([np.zeros((0, order.size)), *(m for own in moves.values() for m in own)])
    for row in cuts.toarray():
        assert np.abs(every - row).max(axis=1).min() < 1e-12


def test_tables_in_order_have_no_cuts():
    rng = np.random.default_rng(0)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    cuts = order.cuts(order.settled(rng.normal(size=order.size)), 1e-9)
    assert cuts.shape == (0, order.size)


def test_violations_within_the_tolerance_are_no_cuts():
    order = MonotoneOrder([(NumericAxis("age", np.arange(4.0), 1),)], {"age": 1})
    flat = np.array([0.0, -0.1, -0.3, 0.0, 0.0])
    assert [order.cuts(flat, t).shape[0] for t in (0.0, 0.15, 0.25)] == [2, 1, 0]


AGE = NumericAxis("age", np.array([0.0, 1.0, 2.0]), 1)
SEX = CategoricalAxis("sex", ("f", "m"))


@pytest.mark.parametrize("terms", [[], [(AGE, SEX)], [(SEX,), (SEX, AGE)]])
def test_a_direction_needs_a_main_effect(terms):
    with pytest.raises(ValueError, match="'age' has a direction and no main effect"):
        MonotoneOrder(terms, {"age": 1})


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("knots", [[0.0, 0.5, 2.0], [-1.0, 1.0, 2.0], [0.0, 1.0, 3.0]])
def test_a_main_effect_needs_the_knots_of_its_pairs(degree, knots):
    main = NumericAxis("age", AGE.knots, degree)
    pair = (SEX, NumericAxis("age", np.array(knots), degree))
    with pytest.raises(ValueError, match="'age': its main effect lacks knots"):
        MonotoneOrder([(main,), pair], {"age": 1})
    # Without a direction nothing is asked for.
    assert MonotoneOrder([(main,), pair], {}).slack(np.zeros(100)) == {}


def test_a_feature_with_a_direction_is_not_extrapolated_linearly():
    endless = NumericAxis("age", AGE.knots, 1, "linear")
    with pytest.raises(ValueError, match="'age': a straight line has no end"):
        MonotoneOrder([(endless,), (endless, SEX)], {"age": 1})


def test_a_partner_that_goes_on_linearly_has_no_bound_either():
    # age * dose falls with age where dose is far below 0, beyond all knots.
    dose = NumericAxis("dose", np.array([0.0, 1.0]), 1, "linear")
    with pytest.raises(ValueError, match="'age'.*straight line has no end"):
        MonotoneOrder([(AGE,), (AGE, dose)], {"age": 1})


@settings(max_examples=60)
@given(seeds, st.sampled_from(["random", "settled"]))
def test_lifted_constraints_hold_for_the_best_bounds_if_and_only_if_there_is_order(seed, kind):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    flat = rng.normal(size=order.size)
    if kind == "settled":
        flat = order.settled(flat)
    rows = order.lifted()
    n_bounds = rows.shape[1] - order.size
    changes = rows[:, : order.size] @ flat
    # The largest bounds that the rows of the pairs allow.
    holds_bound = sparse.csr_array(rows[:, order.size :])
    bounds = np.full(n_bounds, np.inf)
    below = holds_bound.tocoo()
    for row, bound, value in zip(below.row, below.col, below.data, strict=True):
        if value < 0:
            bounds[bound] = min(bounds[bound], changes[row])
    products = changes + holds_bound @ bounds
    lowest = min((spare.min(initial=0.0) for spare in order.slack(flat).values()), default=0.0)
    assert products.min(initial=0.0) == pytest.approx(lowest, abs=1e-9)
