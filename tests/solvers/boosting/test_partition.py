"""The first step of a term, against every possible step tried in turn."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solvers.boosting.compiled import Sample, best_partition, leaves_step, newton, worth
from tests.solvers.boosting.parity import step_rule

MANY = settings(max_examples=60)
SEEDS = st.integers(0, 10_000)
OUTPUTS = st.sampled_from([1, 3])
RULES = st.builds(
    step_rule,
    reg_alpha=st.sampled_from([0.0, 0.7]),
    reg_lambda=st.sampled_from([0.0, 2.0]),
    max_delta_step=st.sampled_from([0.0, 0.1]),
    min_hessian=st.sampled_from([0.0, 3.0]),
    min_samples_leaf=st.integers(0, 12),
    min_cat_samples=st.sampled_from([0, 8]),
    cat_smooth=st.sampled_from([0.0, 10.0]),
)


def cuts(n_bins):
    places = np.arange(n_bins)
    return [[places <= c, places > c] for c in range(n_bins - 1)]


def assert_step(delta, wanted, sample):
    """The same step wherever there are rows."""
    filled = sample.rows > 0
    np.testing.assert_allclose(delta[:, filled], wanted[:, filled], rtol=0, atol=1e-12)


@MANY
@given(SEEDS, OUTPUTS, st.integers(1, 9), RULES)
def test_cuts_of_ordered_bins(seed, n_outputs, n_bins, rule):
    sample = Sample.random(seed, n_outputs, (n_bins,), 0.1)
    _, wanted = best_partition(rule, sample, cuts(n_bins))
    assert_step(sample.first_step(rule), wanted, sample)


@MANY
@given(SEEDS, st.integers(2, 9), st.sampled_from([-1, 1]), RULES)
def test_cuts_under_a_direction(seed, n_bins, direction, rule):
    sample = Sample.random(seed, 1, (n_bins,), 0.1)

    def keeps(leaves):
        step = leaves_step(rule, sample.pull, sample.mass, leaves)[1][0]
        return (step[leaves[1]][0] - step[leaves[0]][0]) * direction >= 0

    _, wanted = best_partition(rule, sample, filter(keeps, cuts(n_bins)))
    delta = sample.first_step(rule, direction=direction)
    assert_step(delta, wanted, sample)
    assert (np.diff(delta[0]) * direction >= 0).all()


@MANY
@given(SEEDS, OUTPUTS, st.integers(3, 9), RULES)
def test_missing_values_as_a_leaf_of_their_own(seed, n_outputs, n_bins, rule):
    sample = Sample.random(seed, n_outputs, (n_bins,), 0.0)
    rest = sample._replace(pull=sample.pull[:, 1:], mass=sample.mass[:, 1:], rows=sample.rows[1:])
    first = np.arange(n_bins) == 0
    gain, step = best_partition(rule, rest, cuts(n_bins - 1))
    apart = leaves_step(rule, sample.pull, sample.mass, [first, ~first])
    together = leaves_step(rule, sample.pull, sample.mass, [first | True])
    wanted = together[1]
    if gain + apart[0] - together[0] > 0:
        wanted = np.concatenate([apart[1][:, :1], step], axis=1)
    assert_step(sample.first_step(rule, separate=True), wanted, sample)


def sets_in_the_order_of_slopes(rule, sample):
    """Cuts of the common categories in the order of their slopes; rare ones go to either side."""
    rare = sample.rows < rule.min_category_rows
    slopes = (sample.pull / (sample.mass + rule.category_smooth)).sum(axis=0)
    order = [b for b in np.argsort(-slopes, kind="stable") if not rare[b]]
    for n_left in range(1, len(order)):
        left = np.isin(np.arange(len(rare)), order[:n_left])
        for side in (left | rare, left):
            yield [side, ~side]


@MANY
@given(SEEDS, OUTPUTS, st.integers(1, 9), RULES)
def test_sets_of_categories(seed, n_outputs, n_bins, rule):
    sample = Sample.random(seed, n_outputs, (n_bins,), 0.0)
    _, wanted = best_partition(rule, sample, sets_in_the_order_of_slopes(rule, sample))
    assert_step(sample.first_step(rule, nominal=True), wanted, sample)


@given(SEEDS, st.integers(2, 6))
def test_no_set_of_categories_is_better(seed, n_bins):
    # Fisher (1958): with plain Newton steps, the best set of all is in the order of slopes.
    rule = step_rule(min_samples_leaf=0, min_cat_samples=0, cat_smooth=0.0)
    sample = Sample.random(seed, 1, (n_bins,), 0.0)
    sets = [np.array(inside) for inside in product([True, False], repeat=n_bins)][1:-1]
    _, wanted = best_partition(rule, sample, [[inside, ~inside] for inside in sets])
    assert_step(sample.first_step(rule, nominal=True), wanted, sample)


def trees(n_first, n_second):
    """All trees of three leaves that cut one feature, then the other on one side."""
    row, column = np.indices((n_first, n_second))
    for i in range(n_first - 1):
        for j in range(n_second - 1):
            top, left = row <= i, column <= j
            yield [left & top, left & ~top, ~left]
            yield [~left & top, ~left & ~top, left]
            yield [top & left, top & ~left, ~top]
            yield [~top & left, ~top & ~left, top]


@MANY
@given(SEEDS, OUTPUTS, st.integers(2, 5), st.integers(2, 5), RULES)
def test_trees_of_pairs(seed, n_outputs, n_first, n_second, rule):
    sample = Sample.random(seed, n_outputs, (n_first, n_second), 0.2)
    _, wanted = best_partition(rule, sample, trees(n_first, n_second))
    assert_step(sample.first_step(rule), wanted, sample)


def assert_one_of(delta, partitions, sample):
    possible = [
        leaves_step(step_rule(), sample.pull, sample.mass, leaves)[1] for leaves in partitions
    ]
    assert any(np.allclose(delta, step, rtol=0, atol=1e-12) for step in possible)


@given(SEEDS, OUTPUTS, st.integers(1, 6))
def test_random_cuts(seed, n_outputs, n_bins):
    sample = Sample.random(seed, n_outputs, (n_bins,), 0.3)
    everything = [[np.ones(n_bins, dtype=bool)]]
    delta = sample.first_step(step_rule(), smoothing=True, seed=seed)
    assert_one_of(delta, cuts(n_bins) or everything, sample)


@given(SEEDS, st.integers(2, 6), st.sampled_from([-1, 1]))
def test_random_cuts_under_a_direction(seed, n_bins, direction):
    sample = Sample.random(seed, 1, (n_bins,), 0.3)
    plain = sample.first_step(step_rule(), smoothing=True, seed=seed)[0]
    held = sample.first_step(step_rule(), smoothing=True, seed=seed, direction=direction)[0]
    if (np.diff(plain) * direction >= 0).all():
        np.testing.assert_array_equal(held, plain)
    else:
        np.testing.assert_allclose(held, 0.0, atol=1e-12)  # the mean residual at the start


def test_random_cuts_are_everywhere_alike():
    sample = Sample.random(0, 1, (6,), 0.0)
    steps = [sample.first_step(step_rule(), smoothing=True, seed=s)[0] for s in range(1_000)]
    places = [np.flatnonzero(np.diff(step)) for step in steps]
    counts = np.bincount(np.concatenate(places), minlength=5)
    assert counts.sum() == 1_000
    assert np.abs(counts - 200).max() < 65  # five standard deviations


@given(SEEDS, OUTPUTS, st.integers(2, 4), st.integers(2, 4))
def test_random_quadrants(seed, n_outputs, n_first, n_second):
    sample = Sample.random(seed, n_outputs, (n_first, n_second), 0.3)
    row, column = np.indices((n_first, n_second))
    partitions = [
        [a & b for a in (row <= i, row > i) for b in (column <= j, column > j)]
        for i in range(n_first - 1)
        for j in range(n_second - 1)
    ]
    delta = sample.first_step(step_rule(), smoothing=True, seed=seed)
    assert_one_of(delta, partitions, sample)


def test_categories_are_never_cut_at_random():
    sample = Sample.random(1, 1, (5,), 0.0)
    best = sample.first_step(step_rule(), nominal=True)
    for seed in range(5):
        delta = sample.first_step(step_rule(), smoothing=True, seed=seed, nominal=True)
        assert np.array_equal(delta, best)


@given(st.floats(-50, 50), st.floats(1e-3, 50), RULES)
def test_a_newton_step_is_the_best_step(pull, mass, rule):
    # The naive model of a step that all other tests lean on: it maximises what it is worth.
    def value(step):
        cost = 2 * rule.reg_alpha * abs(step) + step**2 * (mass + rule.reg_lambda)
        return 2 * step * pull - cost

    best = newton(rule, pull, mass)
    steps = np.linspace(-1, 1, 201) * min(rule.largest, 2 * abs(pull) / mass + 1)
    assert worth(rule, pull, mass) == pytest.approx(value(best))
    assert max(map(value, steps)) <= value(best) + 1e-9
