import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.solvers import members as module
from glassbox.solvers._families import Bernoulli, Gamma, Gaussian, Huber, Multinomial, Poisson
from glassbox.solvers.adaptive import fit_adaptive, posterior
from glassbox.solvers.members import Batch, Members, refit_members
from tests.solvers.tables import layout_of

N_ROWS = 500
FAMILIES = [Gaussian(), Bernoulli(), Multinomial(3), Poisson(), Gamma(), Huber(0.8)]


# Several classes move along flat directions slowly: their curvature is that of the common start.
TOLERANCES = {"Gaussian": 1e-5, "Multinomial": 1e-2}


class Problem:
    """A table, its adaptive fit, and what is known of the coefficients."""

    def __init__(self, family, seed=0):
        rng = np.random.default_rng(seed)
        self.family = family
        columns = {
            "x": rng.uniform(-2, 2, N_ROWS),
            "z": rng.uniform(-1, 1, N_ROWS),
            "c": rng.integers(0, 4, N_ROWS),
        }
        columns["x"][:30] = np.nan
        score = np.sin(2 * np.nan_to_num(columns["x"], nan=0.3)) + 0.4 * (columns["c"] - 1.5)
        self.y = _draw(family, score, rng)
        self.weights = rng.uniform(0.5, 2.0, N_ROWS)
        self.layout = layout_of(columns, n_knots=8, pairs=[("x", "z")])
        self.fit = fit_adaptive(self.layout, columns, self.y, self.weights, family)
        self.parts = posterior(self.fit, self.y, self.weights)
        self.rows = self.layout.rows(columns)
        self.bags = rng.poisson(1.0, (N_ROWS, 4)).astype(np.float32)

    def start(self, n_members):
        return Members.alike(self.fit.coefficients, self.fit.intercept, n_members)

    def batches(self, bags, cuts=(), dtype=np.float32):
        edges = [0, *cuts, N_ROWS]
        slices = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        rows = self.rows.astype(dtype)
        return [Batch(rows[s], self.y[s], self.weights[s], bags[s]) for s in slices]

    def refit(self, bags, cuts=(), dtype=np.float32, start=None, **options):
        start = self.start(bags.shape[1]) if start is None else start
        batches = self.batches(bags, cuts, dtype)
        return refit_members(
            start, batches, self.parts, self.family, self.fit.dispersion, **options
        )

    def objective(self, coefficients, intercept, bag, anchor=None, pull=0.0):
        """What a member minimises: half its deviance, over the dispersion, plus the priors."""
        local = self.local(coefficients, intercept, bag)
        anchor = (0.0, 0.0) if anchor is None else anchor
        away = coefficients - anchor[0]
        prior = sum(
            away[part.here, a] @ part.precision[a] @ away[part.here, a]
            for part in self.parts
            for a in range(coefficients.shape[1])
        )
        prior += (pull * (intercept - anchor[1]) ** 2).sum()
        return local.deviance / 2 / self.fit.dispersion + prior / 2

    def local(self, coefficients, intercept, bag):
        predictor = self.rows @ coefficients + intercept
        return self.family.local_fit(self.y, predictor, self.weights * bag)

    def optimum(self, bag, anchor=None, pull=0.0):
        """Newton's method on one dense system, coefficients and intercept together."""
        n_columns, q = self.fit.coefficients.shape
        wide = np.hstack([self.rows.toarray(), np.ones((N_ROWS, 1))])
        size = n_columns + 1
        prior = np.zeros((q, size, q, size))
        for part in self.parts:
            for a in range(q):
                prior[a, part.here, a, part.here] = part.precision[a]
        prior[np.arange(q), -1, np.arange(q), -1] = pull
        prior = prior.reshape(q * size, q * size)
        theta = np.hstack([self.fit.coefficients.T, self.fit.intercept[:, None]])
        mean = np.zeros_like(theta)
        if anchor is not None:
            mean = np.hstack([anchor[0].T, anchor[1][:, None]])
        for _ in range(100):
            local = self.local(theta[:, :-1].T, theta[:, -1], bag)
            slope = (wide.T @ local.slope).T / self.fit.dispersion
            curvature = np.einsum(
                "ni,nab,nj->aibj", wide, local.curvature, wide, optimize=True
            ).reshape(q * size, q * size)
            gradient = slope.ravel() - prior @ (theta - mean).ravel()
            # A constant can stand in a term or in the intercept: the shortest step is taken.
            matrix = curvature / self.fit.dispersion + prior
            scale = 1 / np.sqrt(np.diag(matrix))
            scaled = matrix * np.outer(scale, scale)
            step = scale * np.linalg.lstsq(scaled, scale * gradient, rcond=1e-12)[0]
            step, share = step.reshape(q, size), 1.0

            def reached(share, theta=theta, step=step):
                there = theta + share * step
                return self.objective(there[:, :-1].T, there[:, -1], bag, anchor, pull)

            while reached(share) > reached(0.0) + 1e-10 and share > 1e-6:
                share /= 2
            theta = theta + share * step
            if np.abs(wide @ step.T).max() < 1e-9:
                break
        return theta[:, :-1].T, theta[:, -1]


def _draw(family, score, rng):
    if isinstance(family, Bernoulli):
        return (rng.random(N_ROWS) < 1 / (1 + np.exp(-score))).astype(float)
    if isinstance(family, Multinomial):
        scores = np.stack([score, -score, 0 * score], axis=1) / 2 + rng.gumbel(size=(N_ROWS, 3))
        return scores.argmax(axis=1).astype(float)
    if isinstance(family, Poisson):
        return rng.poisson(np.exp(score)).astype(float)
    if isinstance(family, Gamma):
        return rng.gamma(2.0, np.exp(score) / 2)
    return score + 0.5 * rng.standard_normal(N_ROWS)


PROBLEMS = {type(family).__name__: Problem(family) for family in FAMILIES}


@pytest.fixture(params=list(PROBLEMS))
def problem(request):
    return PROBLEMS[request.param]


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(module, "_MOST_STEPS", 100)
    monkeypatch.setattr(module, "_MOST_ROUNDS", 60)
    monkeypatch.setattr(module, "_TOLERANCE", 1e-8)
    monkeypatch.setattr(module, "_ENOUGH", 1e-14)


def _predictors(problem, coefficients, intercept):
    return problem.rows @ coefficients + intercept


def test_members_are_the_penalised_optimum_of_their_own_sample(problem, patient):
    found = problem.refit(problem.bags, dtype=np.float64)
    tolerance = TOLERANCES.get(type(problem.family).__name__, 1e-3)
    for e in range(2):
        want = problem.optimum(problem.bags[:, e])
        got = found.coefficients[:, :, e], found.intercept[:, e]
        np.testing.assert_allclose(
            _predictors(problem, *got), _predictors(problem, *want), atol=tolerance
        )


def test_the_usual_number_of_steps_leaves_little_to_gain(problem):
    found = problem.refit(problem.bags)
    for e in range(2):
        bag = problem.bags[:, e]
        optimum = problem.optimum(bag)
        reached = problem.objective(found.coefficients[:, :, e], found.intercept[:, e], bag)
        begun = problem.objective(problem.fit.coefficients, problem.fit.intercept, bag)
        least = problem.objective(*optimum, bag)
        assert least - 1e-4 <= reached
        assert reached - least < 0.2 * (begun - least)
        got = _predictors(problem, found.coefficients[:, :, e], found.intercept[:, e])
        want = _predictors(problem, *optimum)
        moved = np.sqrt(np.mean((want - problem.fit.predictor) ** 2))
        assert np.sqrt(np.mean((got - want) ** 2)) < 0.3 * moved


def test_members_with_the_same_sample_are_the_same(problem):
    found = problem.refit(np.ones((N_ROWS, 3), dtype=np.float32))
    for e in (1, 2):
        np.testing.assert_allclose(
            found.coefficients[:, :, e], found.coefficients[:, :, 0], atol=1e-6
        )
    # The adaptive fit was there already, but for a constant within a term and its last step.
    moved = _predictors(problem, found.coefficients[:, :, 0], found.intercept[:, 0])
    assert np.sqrt(np.mean((moved - problem.fit.predictor) ** 2)) < 0.1


@given(seed=st.integers(0, 2**31))
@settings(max_examples=8)
def test_batches_may_be_cut_anywhere(seed):
    problem = PROBLEMS["Bernoulli"]
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.choice(np.arange(1, N_ROWS), size=3, replace=False))
    whole, cut = problem.refit(problem.bags), problem.refit(problem.bags, cuts)
    np.testing.assert_allclose(cut.coefficients, whole.coefficients, atol=1e-3)
    for e in range(4):
        np.testing.assert_allclose(
            _predictors(problem, cut.coefficients[:, :, e], cut.intercept[:, e]),
            _predictors(problem, whole.coefficients[:, :, e], whole.intercept[:, e]),
            atol=1e-4,
        )


def test_a_member_does_not_depend_on_the_others(patient):
    problem = PROBLEMS["Bernoulli"]
    together = problem.refit(problem.bags, dtype=np.float64)
    alone = problem.refit(problem.bags[:, 2:3], dtype=np.float64)
    np.testing.assert_allclose(
        _predictors(problem, together.coefficients[:, :, 2], together.intercept[:, 2]),
        _predictors(problem, alone.coefficients[:, :, 0], alone.intercept[:, 0]),
        atol=1e-3,
    )


@pytest.mark.parametrize("name", ["Gaussian", "Multinomial"])
@pytest.mark.parametrize("pull", [0.0, 50.0])
def test_priors_may_have_their_mean_elsewhere(name, pull, patient):
    problem = PROBLEMS[name]
    rng = np.random.default_rng(1)
    means = rng.normal(size=problem.fit.coefficients.shape) / 2, problem.fit.intercept + 1.0
    anchor = Members.alike(*means, 4)
    found = problem.refit(problem.bags, dtype=np.float64, anchor=anchor, intercept_precision=pull)
    for e in range(2):
        want = problem.optimum(problem.bags[:, e], means, pull)
        got = found.coefficients[:, :, e], found.intercept[:, e]
        np.testing.assert_allclose(
            _predictors(problem, *got), _predictors(problem, *want), atol=TOLERANCES[name]
        )


def test_without_rows_members_are_at_their_anchor(patient):
    problem = PROBLEMS["Gaussian"]
    rng = np.random.default_rng(1)
    means = rng.normal(size=problem.fit.coefficients.shape), problem.fit.intercept + 1.0
    found = problem.refit(
        np.zeros((N_ROWS, 2), dtype=np.float32),
        anchor=Members.alike(*means, 2),
        intercept_precision=1.0,
    )
    np.testing.assert_allclose(found.intercept[:, 0], means[1], atol=1e-6)
    gap = found.coefficients[:, :, 0] - means[0]
    for part in problem.parts:
        np.testing.assert_allclose(part.precision[0] @ gap[part.here, 0], 0, atol=1e-2)


def test_where_members_begin_is_not_changed(problem):
    start = problem.start(4)
    copy = start.coefficients.copy(), start.intercept.copy()
    problem.refit(problem.bags, start=start)
    np.testing.assert_array_equal(start.coefficients, copy[0])
    np.testing.assert_array_equal(start.intercept, copy[1])


def test_predictors_of_members():
    problem = PROBLEMS["Multinomial"]
    found = problem.refit(problem.bags)
    predictors = found.predictors(problem.rows)
    assert predictors.shape == (N_ROWS, 2, 4)
    for e in range(4):
        want = _predictors(problem, found.coefficients[:, :, e], found.intercept[:, e])
        np.testing.assert_allclose(predictors[:, :, e], want, atol=1e-12)
