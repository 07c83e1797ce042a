"""The best step of a term, against every possible step tried in turn."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.solvers._boosting.terms import BinnedFeature
from tests.solvers.boosting.compiled import (
    best_partition,
    leaves_step,
    newton,
    step_of_main,
    step_of_pair,
    worth,
)
from tests.solvers.boosting.parity import step_rule

MANY = settings(max_examples=60)

RULES = st.builds(
    step_rule,
    reg_alpha=st.sampled_from([0.0, 0.7]),
    reg_lambda=st.sampled_from([0.0, 2.0]),
    max_delta_step=st.sampled_from([0.0, 0.1]),
    min_hessian=st.sampled_from([0.0, 3.0]),
    min_samples_leaf=st.integers(0, 12),
    min_cat_samples=st.sampled_from([0, 8]),
    cat_smooth=st.sampled_from([0.0, 10.0]),
    gain_scale=st.sampled_from([1.0, 5.0]),
)


def random_sums(seed, n_outputs, shape, empty=0.1):
    """Sums of residuals and curvatures over the rows of each cell, some of them empty."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 15, shape) * (rng.random(shape) >= empty)
    mass = rng.uniform(0.1, 1.0, (n_outputs, *shape)) * rows
    return rng.normal(size=(n_outputs, *shape)) * rows, mass, rows


def feature(n_bins, **properties):
    return BinnedFeature(np.zeros(1, np.uint8), n_bins, **properties)


def cuts(first, n_bins):
    places = np.arange(n_bins)
    return [[(places >= first) & (places <= c), places > c] for c in range(first, n_bins - 1)]


def keeps(direction, leaves, step):
    low, high = (step[0, leaf][0] for leaf in leaves)
    return (high - low) * direction >= 0


@MANY
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 9), RULES)
def test_cuts_of_ordered_bins(seed, n_outputs, n_bins, rule):
    pull, mass, rows = random_sums(seed, n_outputs, (n_bins,))
    gain, delta = step_of_main(feature(n_bins), rule, pull, mass, rows)
    wanted, step = best_partition(rule, pull, mass, rows, cuts(0, n_bins))
    assert gain == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(delta[:, rows > 0], step[:, rows > 0], rtol=0, atol=1e-12)


@MANY
@given(st.integers(0, 10_000), st.integers(2, 9), st.sampled_from([-1, 1]), RULES)
def test_cuts_under_a_direction(seed, n_bins, direction, rule):
    pull, mass, rows = random_sums(seed, 1, (n_bins,))
    gain, delta = step_of_main(feature(n_bins, direction=direction), rule, pull, mass, rows)
    allowed = [
        leaves
        for leaves in cuts(0, n_bins)
        if keeps(direction, leaves, leaves_step(rule, pull, mass, leaves)[1])
    ]
    wanted, step = best_partition(rule, pull, mass, rows, allowed)
    assert gain == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(delta[:, rows > 0], step[:, rows > 0], rtol=0, atol=1e-12)
    assert (np.diff(delta[0]) * direction >= 0).all()


@MANY
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(2, 9), RULES)
def test_missing_values_as_a_leaf_of_their_own(seed, n_outputs, n_bins, rule):
    pull, mass, rows = random_sums(seed, n_outputs, (n_bins,), empty=0.0)
    gain, delta = step_of_main(feature(n_bins, separate=True), rule, pull, mass, rows)
    first = np.arange(n_bins) == 0
    rest_gain, rest = best_partition(rule, pull[:, 1:], mass[:, 1:], rows[1:], cuts(0, n_bins - 1))
    apart = leaves_step(rule, pull, mass, [first, ~first])
    together = leaves_step(rule, pull, mass, [first | True])
    wanted = rest_gain + apart[0] - together[0]
    if wanted > 0:
        step = np.concatenate([apart[1][:, :1], rest], axis=1)
    else:
        wanted, step = 0.0, together[1]
    assert gain == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(delta, step, rtol=0, atol=1e-12)


def sets_of_categories(rule, pull, mass, rows):
    """Cuts of the common categories in the order of their slopes; rare ones go to either side."""
    rare = rows < rule.min_category_rows
    slopes = (pull / (mass + rule.category_smooth)).sum(axis=0)
    order = [b for b in np.argsort(-slopes, kind="stable") if not rare[b]]
    for n_left in range(1, len(order)):
        left = np.isin(np.arange(len(rows)), order[:n_left])
        for side in (left | rare, left):
            yield [side, ~side]


@MANY
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 9), RULES)
def test_sets_of_categories(seed, n_outputs, n_bins, rule):
    pull, mass, rows = random_sums(seed, n_outputs, (n_bins,), empty=0.0)
    gain, delta = step_of_main(feature(n_bins, nominal=True), rule, pull, mass, rows)
    wanted, step = best_partition(
        rule, pull, mass, rows, sets_of_categories(rule, pull, mass, rows)
    )
    assert gain == pytest.approx(rule.category_gain * wanted, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(delta, step, rtol=0, atol=1e-12)


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_no_set_of_categories_is_better_than_the_best_in_the_order_of_slopes(seed, n_bins):
    # Fisher's theorem, for plain Newton steps.
    rule = step_rule(min_samples_leaf=0, min_cat_samples=0, cat_smooth=0.0, gain_scale=1.0)
    pull, mass, rows = random_sums(seed, 1, (n_bins,), empty=0.0)
    gain, _ = step_of_main(feature(n_bins, nominal=True), rule, pull, mass, rows)
    sets = {frozenset(p[:n]) for p in permutations(range(n_bins)) for n in range(1, n_bins)}
    leaves = [np.isin(np.arange(n_bins), list(s)) for s in sets]
    best = best_partition(rule, pull, mass, rows, [[leaf, ~leaf] for leaf in leaves])[0]
    assert gain == pytest.approx(best, rel=1e-9)


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
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(2, 5), st.integers(2, 5), RULES)
def test_trees_of_pairs(seed, n_outputs, n_first, n_second, rule):
    pull, mass, rows = random_sums(seed, n_outputs, (n_first, n_second), empty=0.2)
    gain, delta = step_of_pair(rule, pull, mass, rows)
    wanted, step = best_partition(rule, pull, mass, rows, trees(n_first, n_second))
    assert gain == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(delta[:, rows > 0], step[:, rows > 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_first, n_second", [(1, 4), (4, 1), (1, 1)])
def test_pairs_with_a_single_bin(n_first, n_second):
    pull, mass, rows = random_sums(3, 2, (n_first, n_second), empty=0.0)
    rule = step_rule()
    gain, delta = step_of_pair(rule, pull, mass, rows)
    n_bins = n_first * n_second
    flat = pull.reshape(2, -1), mass.reshape(2, -1), rows.ravel()
    wanted, step = best_partition(rule, *flat, cuts(0, n_bins))
    assert gain == pytest.approx(wanted)
    np.testing.assert_allclose(delta.reshape(2, -1), step, rtol=0, atol=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 6), st.sampled_from([-1, 0, 1]))
def test_random_cuts(seed, n_outputs, n_bins, direction):
    direction = direction if n_outputs == 1 else 0
    rule = step_rule()
    pull, mass, rows = random_sums(seed, n_outputs, (n_bins,), empty=0.3)
    gain, delta = step_of_main(
        feature(n_bins, direction=direction), rule, pull, mass, rows, smoothing=True, seed=seed
    )
    possible = [leaves_step(rule, pull, mass, leaves)[1] for leaves in cuts(0, n_bins)]
    flat = leaves_step(rule, pull, mass, [np.ones(n_bins, dtype=bool)])[1]
    possible = [s if np.all(np.diff(s[0]) * direction >= 0) else flat for s in possible] or [flat]
    assert gain == 0
    assert any(np.allclose(delta, step, rtol=0, atol=1e-12) for step in possible)


def test_random_cuts_are_everywhere_alike():
    n_bins = 6
    pull, mass, rows = random_sums(0, 1, (n_bins,), empty=0.0)
    places = [
        np.flatnonzero(
            np.diff(step_of_main(feature(n_bins), step_rule(), pull, mass, rows, True, s)[1][0])
        )
        for s in range(2_000)
    ]
    counts = np.bincount(np.concatenate(places), minlength=n_bins - 1)
    assert counts.sum() == 2_000
    assert np.abs(counts - 400).max() < 100  # five standard deviations


@given(st.integers(0, 10_000), st.integers(1, 2), st.integers(2, 4), st.integers(2, 4))
def test_random_quadrants(seed, n_outputs, n_first, n_second):
    rule = step_rule()
    pull, mass, rows = random_sums(seed, n_outputs, (n_first, n_second), empty=0.3)
    gain, delta = step_of_pair(rule, pull, mass, rows, smoothing=True, seed=seed)
    row, column = np.indices((n_first, n_second))
    possible = []
    for i in range(n_first - 1):
        for j in range(n_second - 1):
            sides = [(row <= i, row > i), (column <= j, column > j)]
            leaves = [a & b for a in sides[0] for b in sides[1]]
            possible.append(leaves_step(rule, pull, mass, leaves)[1])
    assert gain == 0
    assert any(np.allclose(delta, step, rtol=0, atol=1e-12) for step in possible)


def test_categories_are_never_cut_at_random():
    pull, mass, rows = random_sums(1, 1, (5,), empty=0.0)
    steps = [
        step_of_main(feature(5, nominal=True), step_rule(), pull, mass, rows, True, s)[1]
        for s in range(5)
    ]
    assert np.ptp(steps, axis=0).max() == 0


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
