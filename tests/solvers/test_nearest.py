from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls
from sklearn.exceptions import ConvergenceWarning
from sklearn.isotonic import IsotonicRegression

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.solvers import _program
from glassbox.solvers.nearest import nearest_by_weights, nearest_in_order
from glassbox.solvers.order import MonotoneOrder
from tests.solvers.test_order import every_move, random_problem

seeds = st.integers(0, 2**32 - 1)


def _metric(rng, n):
    root = rng.normal(size=(n, n))
    return root @ root.T / n + np.diag(rng.uniform(0.3, 3.0, n))


def _spread(metric):
    inverse = np.linalg.inv(metric)
    return lambda cuts: inverse @ cuts.T.toarray()


def _explicit(terms, directions, size):
    """All constraints, one row for each combination of values."""
    rows = [move for own in every_move(terms, directions).values() for move in own]
    return np.vstack([np.zeros((0, size)), *rows])


def _assert_nearest(found, point, metric, constraints, *, atol=1e-5):
    """The conditions of Karush, Kuhn and Tucker, which are sufficient here."""
    slack = constraints @ found
    assert slack.min(initial=0.0) >= -1e-12 * max(np.abs(point).max(), 1.0)
    pull = metric @ (found - point)
    active = constraints[slack < atol]
    left = np.linalg.norm(pull)
    if len(active):
        left = nnls(active.T, pull, maxiter=100 * len(active) + 100)[1]
    assert left < atol * max(np.abs(point).max(), 1.0) * np.linalg.norm(metric)


@settings(max_examples=60)
@given(seeds)
def test_nothing_in_order_is_nearer(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    metric = _metric(rng, order.size)
    points = rng.normal(size=(order.size, 2))
    found = nearest_in_order(points, order, _spread(metric))
    assert found.shape == points.shape
    constraints = _explicit(terms, directions, order.size)
    for x, point in zip(found.T, points.T, strict=True):
        _assert_nearest(x, point, metric, constraints)


@settings(max_examples=10)
@given(seeds)
def test_a_general_solver_finds_the_same(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng, n_features=2, most_values=3)
    order = MonotoneOrder(terms, directions)
    metric, point = _metric(rng, order.size), rng.normal(size=order.size)
    constraints = _explicit(terms, directions, order.size)
    found = nearest_in_order(point[:, None], order, _spread(metric))[:, 0]
    if not len(constraints):
        np.testing.assert_array_equal(found, point)
        return
    expected = minimize(
        lambda x: (x - point) @ metric @ (x - point) / 2,
        np.zeros(order.size),
        jac=lambda x: metric @ (x - point),
        constraints={
            "type": "ineq",
            "fun": lambda x: constraints @ x,
            "jac": lambda x: constraints,
        },
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    # 8: no step makes the last digits better.
    assert expected.status in (0, 8)
    np.testing.assert_allclose(found, expected.x, atol=1e-5)


@settings(max_examples=40)
@given(seeds, st.sampled_from([-1, 1]), st.sampled_from([1e-5, 1.0, 1e5]))
def test_of_main_effects_it_is_isotonic_regression(seed, direction, scale):
    rng = np.random.default_rng(seed)
    terms = [(NumericAxis(name, np.arange(12.0), d),) for name, d in (("x", 1), ("z", 0))]
    order = MonotoneOrder(terms, {"x": direction, "z": -direction})
    weights = rng.uniform(0.1, 10.0, order.size)
    point = scale * rng.normal(size=order.size)
    found = nearest_in_order(
        point[:, None], order, lambda cuts: cuts.T.toarray() / weights[:, None], weights=weights
    )[:, 0]
    expected = point.copy()
    for here, sign in ((slice(0, 12), direction), (slice(13, 24), -direction)):
        knots = np.arange(here.stop - here.start)
        regression = IsotonicRegression(increasing=sign > 0)
        expected[here] = regression.fit(knots, point[here], weights[here]).predict(knots)
    np.testing.assert_allclose(found, expected, atol=1e-5 * scale)


@settings(max_examples=40)
@given(seeds)
def test_points_in_order_stay(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    points = np.column_stack([order.settled(x) for x in rng.normal(size=(3, order.size))])
    found = nearest_in_order(points, order, _spread(_metric(rng, order.size)))
    np.testing.assert_allclose(found, points, atol=1e-12)


@settings(max_examples=30)
@given(seeds)
def test_points_do_not_see_one_another(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    spread = _spread(_metric(rng, order.size))
    points = rng.normal(size=(order.size, 4)) * [1.0, 1.0, 3.0, 0.2]
    given_points = points.copy()
    together = nearest_in_order(points, order, spread)
    np.testing.assert_array_equal(points, given_points)
    for k in range(4):
        alone = nearest_in_order(points[:, k : k + 1], order, spread)
        np.testing.assert_allclose(together[:, k : k + 1], alone, atol=1e-5)


@settings(max_examples=40)
@given(seeds)
def test_slots_that_no_row_touches_stay_zero(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    layout = Layout(tuple(TermColumns(axes) for axes in terms))
    starts = np.cumsum([0, *(np.prod([a.size for a in axes]) for axes in terms)])
    slots = np.concatenate([s + t.slots for s, t in zip(starts, layout.terms, strict=False)])
    slots = slots.astype(int)
    metric, points = _metric(rng, len(slots)), rng.normal(size=(len(slots), 2))
    found = nearest_in_order(points, order, _spread(metric), slots)
    assert found.shape == points.shape
    constraints = _explicit(terms, directions, order.size)
    for x, point in zip(found.T, points.T, strict=True):
        _assert_nearest(x, point, metric, constraints[:, slots])
        flat = np.zeros(order.size)
        flat[slots] = x
        assert all(slack.min(initial=0.0) >= -1e-12 for slack in order.slack(flat).values())


def test_many_knots_and_several_pairs():
    rng = np.random.default_rng(0)
    age = NumericAxis("age", np.linspace(0, 1, 25), 1)
    coarse = NumericAxis("age", age.knots[::4], 1)
    dose = NumericAxis("dose", np.arange(8.0), 1)
    stage = CategoricalAxis("stage", tuple("abcdef"), ordered=True)
    terms = [(age,), (dose,), (stage,), (coarse, dose), (stage, coarse)]
    directions = {"age": 1, "dose": -1, "stage": 1}
    order = MonotoneOrder(terms, directions)
    metric = _metric(rng, order.size)
    point = rng.normal(size=order.size)
    found = nearest_in_order(point[:, None], order, _spread(metric))[:, 0]
    assert all(slack.min() >= -1e-12 for slack in order.slack(found).values())
    pull = metric @ (found - point)
    assert np.linalg.norm(pull) > 1
    assert _unexplained(pull, found, terms, directions) < 1e-4


def _unexplained(pull, found, terms, directions, atol=1e-6):
    """What multipliers of active constraints leave of a gradient.

    Combinations of values are too many to list; but multipliers of combinations are multipliers
    of each term's own values whose sums over them agree.
    """
    columns = []
    starts = np.cumsum([0, *(int(np.prod([a.size for a in axes])) for axes in terms)])
    ties = []
    for name, direction in directions.items():
        main = next(axes for axes in terms if len(axes) == 1 and axes[0].name == name)
        mine = [(k, axes) for k, axes in enumerate(terms) if name in [a.name for a in axes]]
        steps = [_single_moves(axes, name, main[0], direction) for _, axes in mine]
        for s in range(main[0].n_values - 1):
            changes = [
                moves[s] @ found[starts[k] : starts[k + 1]]
                for (k, _), moves in zip(mine, steps, strict=True)
            ]
            if sum(change.min() for change in changes) > atol:
                continue
            tie = []
            for (k, _), moves, change in zip(mine, steps, changes, strict=True):
                tie.append([])
                for row in moves[s][change < change.min() + atol]:
                    column = np.zeros(len(found))
                    column[starts[k] : starts[k + 1]] = row
                    tie[-1].append(len(columns))
                    columns.append(column)
            ties += [(tie[0], other) for other in tie[1:]]
    sums = np.zeros((len(ties), len(columns)))
    for row, (first, other) in enumerate(ties):
        sums[row, first], sums[row, other] = 1.0, -1.0
    matrix = np.vstack([np.array(columns).T, 100 * sums])
    target = np.append(pull, np.zeros(len(ties)))
    return nnls(matrix, target, maxiter=100 * matrix.shape[1])[1]


def _single_moves(axes, name, main, direction):
    """Increments of one term for each coefficient of the partner: a matrix per increment."""
    which = [axis.name for axis in axes].index(name)
    points = main.knots if isinstance(main, NumericAxis) else np.arange(main.n_values)
    own = axes[which].locate(points).to_csr(axes[which].size).toarray()
    partner = np.eye(axes[1 - which].size) if len(axes) == 2 else np.ones((1, 1))
    for_each = []
    for row in direction * np.diff(own, axis=0):
        sides = (row[None, :], partner) if which == 0 else (partner, row[None, :])
        for_each.append(np.array([np.kron(a, b) for a in sides[0] for b in sides[1]]))
    return for_each


@pytest.mark.parametrize("tolerance", [1e-7, 0.3])
def test_what_the_tolerance_leaves_is_settled(tolerance):
    rng = np.random.default_rng(3)
    order = MonotoneOrder([(NumericAxis("x", np.arange(9.0), 1),)], {"x": 1})
    weights = rng.uniform(0.5, 2.0, order.size)
    points = rng.normal(size=(order.size, 5))
    found = nearest_in_order(
        points, order, lambda cuts: cuts.T.toarray() / weights[:, None], None, weights, tolerance
    )
    for x, point in zip(found.T, points.T, strict=True):
        assert order.slack(x)["x"].min() >= -1e-12
        mean = np.average((x - point)[:-1], weights=weights[:-1])
        assert mean == pytest.approx(0.0, abs=1e-9)
    assert all(np.ptp(found[:-1], axis=0) > 0)


def test_pairs_bend_too_where_that_is_nearer():
    age, sex = NumericAxis("age", np.arange(3.0), 1), CategoricalAxis("sex", ("f", "m"))
    order = MonotoneOrder([(age,), (age, sex)], {"age": 1})
    point = np.zeros(order.size)
    point[4 + 4 * np.arange(3)] = [0.0, -1.0, -2.0]
    found = nearest_in_order(point[:, None], order, lambda cuts: cuts.T.toarray())[:, 0]
    main, pair = found[:3], found[4:].reshape(4, 4)[:3, 0]
    assert all(np.diff(main) > 0) and all(np.diff(pair) < 0)
    np.testing.assert_allclose(np.diff(main + pair), 0.0, atol=1e-6)
    for low, high in pairwise(main):
        assert high - low == pytest.approx(0.5, abs=1e-5)


@settings(max_examples=60)
@given(seeds)
def test_weights_are_a_metric(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    weights = np.exp(rng.normal(size=order.size))
    point = rng.normal(size=order.size)
    found = nearest_by_weights(point, order, weights)
    _assert_nearest(
        found, point, np.diag(weights), _explicit(terms, directions, order.size), atol=1e-4
    )
    # Two ways to the same place: an interior-point method, and cutting planes.
    spread = _spread(np.diag(weights))
    np.testing.assert_allclose(
        found, nearest_in_order(point[:, None], order, spread)[:, 0], rtol=0, atol=1e-5
    )


@settings(max_examples=40)
@given(seeds)
def test_what_is_in_order_stays_where_it_is(seed):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    order = MonotoneOrder(terms, directions)
    point = order.settled(rng.normal(size=order.size))
    found = nearest_by_weights(point, order, np.ones(order.size))
    np.testing.assert_allclose(found, point, rtol=0, atol=1e-12)
    free = MonotoneOrder(terms, {})
    np.testing.assert_array_equal(nearest_by_weights(point, free, np.ones(order.size)), point)


def test_a_solver_that_stops_early_says_so(monkeypatch):
    age = NumericAxis("age", np.array([0.0, 1.0, 2.0]), 1)
    order = MonotoneOrder([(age,)], {"age": 1})
    settings_of = _program.clarabel.DefaultSettings

    def hasty():
        found = settings_of()
        found.max_iter = 1
        return found

    monkeypatch.setattr(_program.clarabel, "DefaultSettings", hasty)
    point = np.array([3.0, 1.0, 2.0, 0.0])
    with pytest.warns(ConvergenceWarning, match="nearest monotone tables were not found"):
        found = nearest_by_weights(point, order, np.ones(4))
    assert order.slack(found)["age"].min() >= 0


@settings(max_examples=60)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30),
    seeds,
    st.sampled_from([-1, 1]),
)
def test_a_main_effect_alone_is_isotonic_regression(values, seed, direction):
    values = np.array(values)
    weights = np.random.default_rng(seed).choice([0.1, 1.0, 50.0], len(values) + 1)
    axis = NumericAxis("age", np.arange(len(values) + 1.0))
    order = MonotoneOrder([(axis,)], {"age": direction})
    found = nearest_by_weights(np.append(values, 7.0), order, weights)
    isotonic = IsotonicRegression(increasing=direction > 0)
    expected = isotonic.fit_transform(np.arange(len(values)), values, sample_weight=weights[:-1])
    # The solver finds the least square; where next to nothing weighs, places are less certain.
    apart = weights[:-1] @ (found[:-1] - expected) ** 2
    assert apart <= 1e-8 * weights.sum() * max(np.abs(values).max(), 7.0) ** 2
    assert found[-1] == pytest.approx(7.0)
