"""What must hold for all boosting, whatever the options."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.links import get_link
from glassbox.solvers._boosting.draws import draw_bags
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.screen import n_rows_to_screen, pair_strengths
from glassbox.solvers._boosting.terms import BinnedFeature, Terms
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers.boosting import BoostingOptions, Problem, boost
from tests.solvers.boosting.compiled import leaves_step
from tests.solvers.boosting.parity import step_rule

LOSSES = {
    "squared_error": Loss.named("squared_error"),
    "log_loss": Loss.named("log_loss"),
    "poisson": Loss.named("poisson"),
    "multinomial": Loss.named("multinomial", n_outputs=3),
}


def random_problem(seed, loss, n_rows=300, n_bags=2, pairs=((0, 1),), n_pairs=None, held_out=0.2):
    rng = np.random.default_rng(seed)
    sizes = [4, 6, 3]
    features = [
        BinnedFeature(rng.integers(0, n, n_rows).astype(np.uint8), n, nominal=j == 2)
        for j, n in enumerate(sizes)
    ]
    signal = features[0].codes / 2 - np.sin(features[1].codes) * (features[2].codes == 1)
    if loss == "squared_error":
        y = signal + rng.normal(size=n_rows)
    elif loss == "poisson":
        y = rng.poisson(np.exp(signal / 2)).astype(float)
    elif loss == "log_loss":
        y = (signal + rng.normal(size=n_rows) > 0.7).astype(float)
    else:
        y = np.digitize(signal + rng.normal(size=n_rows), [0.3, 1.1]).astype(float)
    draws = draw_bags(None, n_rows, int(held_out * n_rows), n_bags, seed)
    pairs = list(pairs)
    n_pairs = len(pairs) if n_pairs is None else n_pairs
    return Problem(features, features, pairs, n_pairs, y, rng.uniform(0.2, 2.0, n_rows), draws)


def options(loss, **changes):
    settings = {
        "smoothing_rounds": 3,
        "interaction_smoothing_rounds": 2,
        "max_rounds": 40,
        "early_stopping_rounds": 5,
    }
    return BoostingOptions(LOSSES[loss], step_rule(learning_rate=0.03), **(settings | changes))


def scores_of(problem, tables, b=None):
    """Scores of all rows: of the model, or of one bag's tables without an intercept."""
    weights = tables.bag_weights if b is None else np.eye(len(tables.bag_weights))[b]
    scores = tables.intercept if b is None else 0.0
    for feature, table in zip(problem.features, tables.mains, strict=True):
        scores = scores + np.tensordot(weights, table, 1)[:, feature.codes, 0].T
    for (i, j), table in zip(tables.pairs, tables.pair_tables, strict=True):
        first, second = (problem.pair_features[f].codes for f in (i, j))
        scores = scores + np.tensordot(weights, table, 1)[:, first, second].T
    return scores


def tables_of(boosted):
    return [*boosted.mains, *boosted.pair_tables]


def everything(boosted):
    return [boosted.intercept, *tables_of(boosted), boosted.bag_weights]


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), loss=st.sampled_from(sorted(LOSSES)))
def test_tables_are_centred_and_the_intercept_fits(upkeep, seed, loss):
    problem = random_problem(seed, loss)
    tables = boost(problem, options(loss, upkeep=upkeep), seed)
    weights = problem.weights / problem.weights.sum()
    for feature, table in zip(problem.features, tables.mains, strict=True):
        assert np.abs(table[:, :, feature.codes, 0] @ weights).max() < 1e-12
    for (i, j), table in zip(tables.pairs, tables.pair_tables, strict=True):
        cells = problem.pair_features[i].codes, problem.pair_features[j].codes
        assert np.abs(table[:, :, *cells] @ weights).max() < 1e-12
    drawn = problem.weights @ problem.draws
    np.testing.assert_allclose(tables.bag_weights, drawn / drawn.sum())
    # All rows together: the mean outcome is the mean prediction.
    scores = scores_of(problem, tables)
    means = get_link(LOSSES[loss].link).inverse(scores)
    y = problem.y[:, None] == np.arange(3) if loss == "multinomial" else problem.y[:, None]
    np.testing.assert_allclose(weights @ means, weights @ y, rtol=1e-8)


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_the_seed_decides_and_threads_do_not(loss, upkeep):
    problem = random_problem(1, loss, n_bags=3, pairs=[(0, 1), (1, 2), (0, 2)], n_pairs=2)
    first, again, threaded, other = (
        boost(problem, options(loss, upkeep=upkeep), seed, n_threads)
        for seed, n_threads in ((1, 1), (1, 1), (1, 3), (2, 1))
    )
    for same in (again, threaded):
        assert same.pairs == first.pairs and same.n_steps == first.n_steps
        for one, two in zip(everything(first), everything(same), strict=True):
            assert np.array_equal(one, two)
    assert any(
        not np.array_equal(one, two)
        for one, two in zip(everything(first), everything(other), strict=True)
    )


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_bags_learn_from_their_own_rows_only(loss, upkeep):
    problem = random_problem(2, loss, n_bags=2, held_out=0.3)
    out = problem.draws[:, 0] == 0
    y = problem.y.copy()
    y[out] = 1.0 - np.minimum(y[out], 1.0)
    changed = replace(problem, y=y, draws=np.ascontiguousarray(problem.draws[:, :1]))
    plain = replace(problem, draws=changed.draws)
    first, second = (
        boost(p, options(loss, upkeep=upkeep, early_stopping_rounds=0), 3)
        for p in (plain, changed)
    )
    for one, two in zip(
        first.mains + first.pair_tables, second.mains + second.pair_tables, strict=False
    ):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-9)


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_rows_drawn_twice_are_two_rows(loss, upkeep):
    problem = random_problem(3, loss, n_bags=1, held_out=0.0)
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 4, len(problem.y)).astype(np.uint8)
    drawn = replace(problem, weights=np.ones(len(counts)), draws=counts[:, None])
    rows = np.repeat(np.arange(len(counts)), counts)
    features = [replace(f, codes=f.codes[rows]) for f in problem.features]
    repeated = Problem(
        features, features, problem.pairs, 1, problem.y[rows], np.ones(len(rows)),
        np.ones((len(rows), 1), dtype=np.uint8),
    )  # fmt: skip
    first, second = (boost(p, options(loss, upkeep=upkeep), 3) for p in (drawn, repeated))
    for one, two in zip(
        first.mains + first.pair_tables, second.mains + second.pair_tables, strict=False
    ):
        # Centred over different rows.
        gap = (one - two).reshape(*one.shape[:2], -1)
        np.testing.assert_allclose(np.ptp(gap, axis=-1), 0, atol=1e-5)


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
def test_early_stopping_keeps_the_best_tables(upkeep):
    problem = random_problem(4, "log_loss", n_rows=400, n_bags=4, pairs=())
    seen = {}

    def watch(bag, steps, loss):
        seen.setdefault(bag, []).append((steps, loss))
        return False

    chosen = options(
        "log_loss", upkeep=upkeep, max_rounds=3_000, smoothing_rounds=0, early_stopping_rounds=60
    )
    chosen = replace(chosen, step=step_rule(learning_rate=0.01, min_samples_leaf=1))
    tables = boost(problem, chosen, 0, callback=watch)
    longest = 3_000 * 3
    base = get_link("logit")
    for b, watched in seen.items():
        steps, losses = np.array(watched).T
        assert (np.diff(steps) > 0).all() and steps[0] == 0
        assert tables.n_steps[b] == steps[-1] < longest
        out = problem.draws[:, b] == 0
        intercept = base.link(np.average(problem.y, weights=problem.weights * problem.draws[:, b]))
        scores = scores_of(problem, tables, b)[out, 0]
        # Tables were centred: the constant is what makes the loss the best that was seen.
        weights, y = problem.weights[out], problem.y[out]
        shifts = intercept + np.linspace(-1, 1, 4_001)
        all_scores = scores[:, None] + shifts
        all_losses = weights @ (np.logaddexp(0, all_scores) - y[:, None] * all_scores)
        assert (all_losses / weights.sum()).min() <= losses.min() + 1e-6
        assert losses.min() < losses[0] and losses.argmin() < len(losses) - 1


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
def test_a_callback_stops_its_own_bag(upkeep):
    problem = random_problem(5, "squared_error", n_bags=3)
    chosen = options("squared_error", upkeep=upkeep, early_stopping_rounds=0)
    tables = boost(problem, chosen, 0, callback=lambda bag, steps, loss: bag == 1 and steps > 10)
    assert tables.n_steps[0] == tables.n_steps[2] == 40 * 3 + 40
    assert 10 < tables.n_steps[1] < 160


@pytest.mark.parametrize(
    "loss, upkeep, atol", [("log_loss", "rows", 1e-9), ("squared_error", "cells", 1e-5)]
)
def test_going_on_is_as_good_as_never_having_stopped(loss, upkeep, atol):
    problem = random_problem(6, loss, n_bags=1, pairs=())
    short, long = (
        options(loss, upkeep=upkeep, max_rounds=n, early_stopping_rounds=0, greedy_ratio=2)
        for n in (15, 40)
    )
    at_once = boost(problem, long, 0)
    first = boost(problem, short, 0)
    kept = first.state.mains.tables.copy()
    resumed = boost(problem, long, 0, state=first.state)
    assert resumed.n_steps == at_once.n_steps and first.n_steps == [45]
    for one, two in zip(everything(at_once), everything(resumed), strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=atol)
    assert np.abs(first.mains[0] - at_once.mains[0]).max() > 0.1
    # What was handed over is not changed by going on.
    assert np.array_equal(first.state.mains.tables, kept)
    assert first.state.mains.turns[0].steps == 45


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
def test_no_terms_no_rounds_and_no_cuts(upkeep):
    problem = random_problem(7, "poisson", pairs=())
    mean = np.log(np.average(problem.y, weights=problem.weights))
    empty = boost(replace(problem, features=[]), options("poisson", upkeep=upkeep), 0)
    assert empty.mains == [] and empty.intercept == pytest.approx(mean)
    idle = boost(problem, options("poisson", upkeep=upkeep, max_rounds=0), 0)
    assert idle.intercept == pytest.approx(mean) and not np.any(idle.mains[0])
    one_bin = [BinnedFeature(np.zeros_like(problem.features[0].codes), 1)]
    flat = boost(replace(problem, features=one_bin), options("poisson", upkeep=upkeep), 0)
    assert flat.intercept == pytest.approx(mean) and np.abs(flat.mains[0]).max() < 1e-12


def test_pairs_are_boosted_on_what_main_effects_leave():
    # The outcome is a product: no main effects, and of three pairs one is right.
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (3, 2_000)).astype(np.uint8)
    features = [BinnedFeature(c, 2) for c in codes]
    y = (2.0 * codes[0] - 1) * (2.0 * codes[2] - 1) + rng.normal(scale=0.1, size=2_000)
    ones = np.ones((2_000, 1), dtype=np.uint8)
    problem = Problem(features, features, [(0, 1), (0, 2), (1, 2)], 1, y, np.ones(2_000), ones)
    tables = boost(problem, options("squared_error", max_rounds=200), 0)
    assert tables.pairs == [(0, 2)]
    np.testing.assert_allclose(tables.pair_tables[0][0, 0], [[1, -1], [-1, 1]], atol=0.1)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(0, 8))
def test_strengths_of_pairs(seed, n_outputs, min_rows):
    rng = np.random.default_rng(seed)
    features = [BinnedFeature(rng.integers(0, n, 80).astype(np.uint8), n) for n in (3, 4, 1)]
    rule = step_rule(min_samples_leaf=min_rows, reg_lambda=0.5)
    residuals = rng.normal(size=(80, n_outputs))
    curvatures = rng.uniform(0.1, 1.0, (80, n_outputs))
    pairs = [(0, 1), (1, 0), (0, 2)]
    found = pair_strengths(features, pairs, residuals, curvatures, rule, Threads(1))
    best = 0.0
    first, second = features[0].codes, features[1].codes
    nothing = leaves_step(rule, residuals.T, curvatures.T, [np.ones(80, dtype=bool)])[0]
    for i in range(2):
        for j in range(3):
            leaves = [a & b for a in (first <= i, first > i) for b in (second <= j, second > j)]
            if min(leaf.sum() for leaf in leaves) >= max(min_rows, 1):
                worth = leaves_step(rule, residuals.T, curvatures.T, leaves)[0]
                best = max(best, worth - nothing)
    np.testing.assert_allclose(found, [best, best, 0.0], rtol=1e-9, atol=1e-9)


def test_screens_read_fewer_rows_if_there_are_many_pairs():
    assert n_rows_to_screen(5_000, 10**9) == 5_000
    assert n_rows_to_screen(10**7, 10**9) == 10_000
    assert n_rows_to_screen(10**5, 3) == 10**5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("loss", ["log_loss", "multinomial"])
def test_a_bag_without_a_class(loss):
    problem = random_problem(8, loss, n_bags=1)
    draws = (problem.y != 0).astype(np.uint8)[:, None]
    with pytest.raises(ValueError, match="class has so few rows"):
        boost(replace(problem, draws=draws), options(loss), 0)


def test_a_bag_of_zeros_has_no_logarithm():
    problem = random_problem(8, "poisson", n_bags=1)
    with pytest.raises(ValueError, match="no row with an outcome above zero"):
        boost(replace(problem, y=np.zeros_like(problem.y)), options("poisson"), 0)


@pytest.mark.parametrize("upkeep", ["rows", "cells"])
def test_steps_that_are_too_long_are_told(upkeep):
    problem = random_problem(9, "squared_error")
    wild = options("squared_error", upkeep=upkeep, max_rounds=5_000, early_stopping_rounds=0)
    wild = replace(wild, step=step_rule(learning_rate=1e3))
    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        boost(problem, wild, 0)


def test_the_rows_are_read_by_what_is_handed_in():
    looks = []

    class Counting(RowPasses):
        def look(self, tables, active, with_mass):
            looks.append(list(active))
            return super().look(tables, active, with_mass)

    problem = random_problem(1, "log_loss", pairs=())
    chosen = options("log_loss", upkeep="cells")
    tables = boost(problem, chosen, 0, passes=Counting)
    plain = boost(problem, chosen, 0)
    assert looks[0] == [0, 1]
    assert np.array_equal(tables.mains[0], plain.mains[0])


def test_terms_of_no_cells():
    terms = Terms.none()
    assert terms.n_terms == terms.n_cells == 0 and terms.slices() == []
    rows = Rows(np.zeros(3), np.ones(3), np.ones((3, 1), np.uint8), np.full((1, 1), 2.0))
    reader = RowPasses(terms, np.zeros((0, 3), np.uint8), rows, LOSSES["log_loss"], Threads(1))
    assert reader.scores(np.zeros((1, 1, 0))).ravel().tolist() == [2.0, 2.0, 2.0]
