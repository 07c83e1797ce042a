import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from glassbox.core.additive import AdditiveModel
from glassbox.core.attributes import Attribute, groups
from glassbox.core.axes import NumericAxis
from glassbox.core.density import with_density
from glassbox.core.links import get_link
from glassbox.core.terms import Term
from glassbox.solvers import least_dependence
from glassbox.solvers.changes import Changes
from glassbox.solvers.constrained import Order
from glassbox.solvers.divergence import Divergence
from glassbox.solvers.explained import Explained
from glassbox.solvers.least_dependence import LeastDependence
from glassbox.solvers.order import MonotoneOrder
from tests.core.random_models import random_columns, random_model

seeds = st.integers(0, 2**32 - 1)
links = st.sampled_from(["identity", "logit", "softmax", "log"])


def attribute_of(rng, n_rows):
    if rng.random() < 0.5:
        codes = rng.integers(3, size=n_rows)
        codes[:3] = range(3)
        return groups("site", codes, ["a", "b", "c"])
    values = rng.normal(size=n_rows)
    return Attribute("age", "numeric", np.zeros(n_rows, int), (), values)


def explained(attribute, weights, share=1.0):
    inside = weights / weights.sum()
    return Explained(attribute.whitened(inside), inside, share)


class Problem:
    """A random model, rows and attributes, whose scores depend on these."""

    def __init__(self, seed, link="logit", n_rows=90, order=None, **options):
        self.rng = rng = np.random.default_rng(seed)
        n_outputs = 3 if link == "softmax" else 1
        model = random_model(rng, (0, 1), n_outputs, n_features=2)
        self.columns = random_columns(rng, model, n_rows, inside=True)
        self.weights = rng.choice([0.0, 0.5, 1.0, 3.0], size=n_rows)
        self.weights[:10] = 1.0
        self.attributes = [attribute_of(rng, n_rows) for _ in range(2)]
        self.model = with_density(model, self.columns, self.weights)
        self.original = self.model.scores(self.columns)
        self.link, self.order, self.options = link, order, options
        self.changes = Changes(self.model.terms)

    def solver(self, weights=None, rows=slice(None)):
        weights = self.weights if weights is None else weights
        parts = [
            explained(a.take(rows), weights[rows], 1 / len(self.attributes))
            for a in self.attributes
        ]
        return LeastDependence(
            self.changes,
            {name: column[rows] for name, column in self.columns.items()},
            self.original[rows],
            weights[rows],
            Divergence(self.link, 1.0 if self.link in ("logit", "softmax") else 0.7),
            parts,
            order=self.order,
            **self.options,
        )


def slope(cost, point, step=1e-5):
    found = np.zeros_like(point)
    for index in np.ndindex(*point.shape):
        moved = np.zeros_like(point)
        moved[index] = step
        found[index] = (cost(point + moved) - cost(point - moved)) / (2 * step)
    return found


@given(seeds, links, st.sampled_from([0.1, 2.0, 50.0]))
@settings(max_examples=16)
def test_nothing_is_left_to_gain_at_the_optimum(seed, link, strength):
    solver = Problem(seed, link).solver()
    best = solver.least(strength)
    found = slope(lambda point: solver.cost(point, strength), best)
    # The promised gain of a last step is below 1e-10 per unit of weight.
    assert np.abs(found).max() < 3e-4 * max(1.0, strength)
    least = solver.cost(best, strength)
    assert least <= solver.cost(np.zeros_like(best), strength) + 1e-12
    rng = np.random.default_rng(seed)
    for _ in range(5):
        near = best + rng.normal(size=best.shape) * 10.0 ** rng.integers(-4, 1)
        assert solver.cost(near, strength) >= least - 1e-9


@given(seeds, links)
@settings(max_examples=10)
def test_the_optimum_is_one_whatever_the_start(seed, link):
    solver = Problem(seed, link).solver()
    best = solver.least(3.0)
    start = np.random.default_rng(seed).normal(size=best.shape) / 3
    again = solver.least(3.0, start)
    inverse = get_link(link).inverse
    np.testing.assert_allclose(
        inverse(solver.scores(again)), inverse(solver.scores(best)), rtol=2e-3, atol=1e-3
    )
    assert solver.cost(again, 3.0) == pytest.approx(solver.cost(best, 3.0), abs=1e-8)


@given(seeds, links)
@settings(max_examples=12)
def test_the_mean_dependence_is_what_the_cost_counts(seed, link):
    problem = Problem(seed, link)
    solver = problem.solver()
    rng = np.random.default_rng(seed)
    point = rng.normal(size=(problem.changes.n_unknowns, problem.original.shape[1]))
    scores = problem.original + problem.changes.rows(problem.columns) @ point
    np.testing.assert_allclose(solver.scores(point), scores, atol=1e-10)
    parts = [explained(a, problem.weights, 0.5) for a in problem.attributes]
    # In units of the original's variance, so that a smaller score gains nothing by itself.
    expected = sum(
        part.share * part.ratio(scores) * part.variance(scores) / part.variance(problem.original)
        for part in parts
    )
    counted = solver.cost(point, 1.0) - solver.cost(point, 0.0)
    assert counted == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_what_all_classes_share_stays_what_it_was(seed):
    problem = Problem(seed, "softmax")
    solver = problem.solver()
    for best in (solver.least(0.5), solver.least(1e4)):
        shared = solver.scores(best).mean(axis=1)
        np.testing.assert_allclose(shared, problem.original.mean(axis=1), atol=1e-6)


def test_stronger_penalties_depend_less_and_diverge_more():
    problem = Problem(1)
    solver = problem.solver()
    dependence, divergence, point = [], [], None
    for strength in (0.1, 1.0, 10.0, 100.0, 1e4):
        point = solver.least(strength, point)
        divergence.append(solver.cost(point, 0.0))
        dependence.append((solver.cost(point, strength) - divergence[-1]) / strength)
    assert (np.diff(dependence) < 1e-12).all()
    assert (np.diff(divergence) > -1e-12).all()
    assert dependence[-1] < 1e-4 * dependence[0]


@given(seeds)
@settings(max_examples=8)
def test_weights_stand_for_copies_of_rows_of_groups(seed):
    problem = Problem(seed)
    problem.attributes = [groups("g", np.arange(90) % 3, ["a", "b", "c"])]
    weights = np.random.default_rng(seed).integers(0, 4, size=90)
    weights[:6] = 1
    rows = np.repeat(np.arange(90), weights)
    by_weight = problem.solver(weights.astype(float)).least(4.0)
    by_copies = problem.solver(np.ones(90), rows).least(4.0)
    np.testing.assert_allclose(by_weight, by_copies, atol=1e-6)
    # Only shares of weights count.
    thrice = problem.solver(weights * 3.0).least(4.0)
    np.testing.assert_allclose(by_weight, thrice, atol=1e-6)


def test_basis_rows_that_do_not_fit_in_memory_are_made_again(monkeypatch):
    kept = Problem(5).solver().least(2.0)
    monkeypatch.setattr(least_dependence, "_KEPT", 0)
    np.testing.assert_array_equal(Problem(5).solver().least(2.0), kept)


def test_smoothness_holds_changes_back():
    costs = [Problem(5, smoothness=s).solver() for s in (1e-3, 1e3)]
    easy, stiff = (np.abs(s.least(1.0)[1:]).max() for s in costs)
    assert stiff < 0.5 * easy


def test_steps_are_told_and_go_down():
    told = []
    solver = Problem(3, "log").solver()
    best = solver.least(20.0, on_step=lambda step, value: told.append((step, value)))
    assert [step for step, _ in told] == list(range(len(told)))
    assert (np.diff([value for _, value in told]) < 0).all()
    assert solver.cost(best, 20.0) == pytest.approx(told[-1][1], abs=1e-8)


def test_too_few_steps_are_said(monkeypatch):
    monkeypatch.setattr(least_dependence, "_MOST_STEPS", 1)
    with pytest.warns(ConvergenceWarning, match="not found in 1 steps"):
        Problem(3, "log").solver().least(20.0)


# Explained


def test_the_ratio_is_eta_squared():
    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=70)
    score, weights = rng.normal(size=(70, 1)) + codes[:, None], rng.uniform(0.5, 2, 70)
    share = weights / weights.sum()
    means = np.bincount(codes, share * score[:, 0]) / np.bincount(codes, share)
    mean = share @ score[:, 0]
    eta2 = np.bincount(codes, share) @ (means - mean) ** 2 / (share @ (score[:, 0] - mean) ** 2)
    part = explained(groups("g", codes, ["a", "b", "c"]), weights)
    assert part.ratio(score) == pytest.approx(eta2, rel=1e-10)
    assert part.ratio(5 * score - 80) == pytest.approx(eta2, rel=1e-10)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3, 1e6 / 7])
def test_a_constant_score_depends_on_nothing(value):
    by_group = groups("g", np.arange(101) % 2, ["a", "b"])
    by_amount = Attribute("x", "numeric", np.zeros(101, int), (), np.arange(101.0) ** 2)
    for attribute in (by_group, by_amount):
        part = explained(attribute, np.ones(101))
        assert part.ratio(np.full((101, 1), value)) == pytest.approx(0.0, abs=1e-9)


def test_what_classes_share_is_no_dependence():
    codes = np.arange(60) % 2
    part = explained(groups("g", codes, ["a", "b"]), np.ones(60))
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(60, 3))
    moved = scores + 4.0 * codes[:, None]
    assert part.ratio(moved) == pytest.approx(part.ratio(scores), rel=1e-9)


# Measures


def as_measure(part):
    """The mean dependence as a measure: a quotient, with its derivative."""

    def at(scores):
        covariances = part.covariances(scores)
        variance = part.variance(scores)
        ratio = (covariances**2).sum() / variance
        weighted = part.columns * part.weights[:, None]
        centred = scores - part.weights @ scores
        slope = 2 * weighted @ covariances / variance
        slope -= 2 * ratio * part.weights[:, None] * centred / variance
        return float(ratio), slope

    return at


@given(seeds)
@settings(max_examples=12)
def test_measures_never_raise_the_objective_and_end_where_it_is_flat(seed):
    problem = Problem(seed)
    solver = problem.solver()
    measure = as_measure(explained(problem.attributes[0], problem.weights))
    start = solver.least(1.0)
    best = solver.least(1.0, start, measure)
    before, after = (solver.cost(point, 1.0, measure) for point in (start, best))
    assert after <= before + 1e-12
    found = slope(lambda point: solver.cost(point, 1.0, measure), best)
    begun = slope(lambda point: solver.cost(point, 1.0, measure), start)
    assert np.abs(found).max() < max(0.02, 0.5 * np.abs(begun).max())


# Directions


def directed_problem(seed, direction, with_pair, link="logit"):
    rng = np.random.default_rng(seed)
    n_rows = 120
    x = NumericAxis("x", np.linspace(0, 8, 9), 1)
    z = NumericAxis("z", np.array([0.0, 2.0, 4.0, 8.0]), 1)
    shape = direction * np.append(np.sort(rng.normal(size=9)), 0.3)
    terms = [Term((x,), shape), Term((z,), rng.normal(size=5))]
    if with_pair:
        terms.append(Term((x, z), rng.normal(size=(10, 5)) / 9))
    columns = {"x": rng.uniform(0, 8, n_rows), "z": rng.uniform(0, 8, n_rows)}
    columns["x"][::9] = np.nan
    rule = MonotoneOrder([term.axes for term in terms], {"x": direction})
    flat = rule.settled(np.concatenate([t.coefficients.ravel() for t in terms]))
    ends = np.cumsum([np.prod(t.shape) for t in terms])[:-1]
    terms = [
        t.replace(coefficients=part.reshape(t.shape))
        for t, part in zip(terms, np.split(flat, ends), strict=True)
    ]
    model = AdditiveModel(0.2, tuple(terms), link)
    model = with_density(model, columns, np.ones(n_rows))
    changes = Changes(model.terms, {"x": model.terms[0].coefficients[:, 0]})
    codes = (np.nan_to_num(columns["x"], nan=4) + rng.normal(size=n_rows) > 4).astype(int)
    part = explained(groups("g", codes, ["a", "b"]), np.ones(n_rows))
    solver = LeastDependence(
        changes,
        columns,
        model.scores(columns),
        np.ones(n_rows),
        Divergence(link),
        [part],
        order=Order(rule, flat),
    )
    return solver, rule, flat, changes, rng


@given(seeds, st.sampled_from([1, -1]), st.booleans(), st.sampled_from([0.3, 5.0, 1e3]))
@settings(max_examples=16)
def test_tables_stay_in_order_and_nothing_in_order_is_better(seed, direction, pair, strength):
    solver, rule, flat, changes, rng = directed_problem(seed, direction, pair)
    best = solver.least(strength)
    moved = flat + changes.tables(best)[:, 0]
    assert rule.slack(moved)["x"].min() >= -1e-6
    least = solver.cost(best, strength)
    assert 0 <= least < solver.cost(np.zeros_like(best), strength)
    # Convex: no tables in order can be better than the best.
    for _ in range(6):
        step = rng.normal(size=best.shape) * 10.0 ** rng.integers(-3, 0)
        for _ in range(30):
            tried = flat + changes.tables(best + step)[:, 0]
            if rule.slack(tried)["x"].min() >= 0:
                assert solver.cost(best + step, strength) >= least - 1e-7 * max(1.0, strength)
                break
            step = step / 2


def test_a_direction_that_does_not_bind_changes_nothing():
    solver, rule, flat, changes, _ = directed_problem(3, 1, False)
    free = LeastDependence(
        changes,
        solver.columns,
        solver.original,
        solver.weights,
        solver.divergence,
        [explained(groups("g", np.arange(120) % 2, ["a", "b"]), np.ones(120))],
    )
    bound = LeastDependence(
        changes,
        solver.columns,
        solver.original,
        solver.weights,
        solver.divergence,
        [explained(groups("g", np.arange(120) % 2, ["a", "b"]), np.ones(120))],
        order=Order(rule, flat),
    )
    a, b = free.least(0.01), bound.least(0.01)
    assert rule.slack(flat + changes.tables(a)[:, 0])["x"].min() > 0
    np.testing.assert_allclose(free.scores(a), bound.scores(b), atol=1e-4)
