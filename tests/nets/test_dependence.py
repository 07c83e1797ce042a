from dataclasses import replace

import dcor
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.attributes import read_attributes
from glassbox.core.penalty_options import MEASURES
from glassbox.nets._energy import distance_sums
from glassbox.nets.dependence import Measure, Sensitive, measure

torch.set_num_threads(1)

hyppo_independence = pytest.importorskip("hyppo.independence")

KINDS = ("categorical", "numeric")
CASES = [
    (name, kind, unbiased)
    for name in MEASURES
    for kind in KINDS
    for unbiased in (False, True)
    if (name, kind) != ("mmd", "numeric") and (name, unbiased) != ("hgr", True)
]
every_case = pytest.mark.parametrize(("name", "kind", "unbiased"), CASES)
few = settings(max_examples=6, deadline=None)


def _groups(codes, n_groups=None, **rest):
    codes = torch.as_tensor(np.asarray(codes), dtype=torch.long)
    n_groups = int(codes.max()) + 1 if n_groups is None else n_groups
    return Sensitive("categorical", codes, n_groups, codes.double(), **rest)


def _amounts(values, **rest):
    values = torch.as_tensor(np.asarray(values))
    codes = torch.zeros(len(values), dtype=torch.long)
    rest = {"basis": torch.column_stack([values, values**2]), **rest}
    return Sensitive("numeric", codes, 0, values, **rest)


def _example(kind, n=60, n_scores=2, seed=0, strength=0.5):
    """Scores that depend on three groups, or on the square of an amount."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, n_scores))
    if kind == "categorical":
        codes = np.arange(n) % 3
        rng.shuffle(codes)
        return torch.from_numpy(noise + strength * codes[:, None]), _groups(codes, 3)
    values = rng.normal(size=n)
    return torch.from_numpy(noise + strength * values[:, None] ** 2), _amounts(values)


def _indicators(sensitive):
    if sensitive.kind == "numeric":
        return sensitive.values.numpy()
    return np.eye(sensitive.n_groups)[sensitive.codes.numpy()]


@pytest.mark.parametrize("by_stratum", [False, True])
@every_case
def test_gradients_are_those_of_finite_differences(name, kind, unbiased, by_stratum):
    scores, sensitive = _example(kind, n=24)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2.0, (24, 2)) * (rng.random((24, 2)) < 0.8)
    sensitive = replace(sensitive, weights=torch.from_numpy(weights))
    if by_stratum:
        sensitive = replace(sensitive, strata=torch.arange(24) % 2, n_strata=2)
    how = Measure(name, unbiased)
    assert torch.autograd.gradcheck(
        lambda values: how.value(values, sensitive), scores.requires_grad_(), eps=1e-7, atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [5, 64, 101])
def test_distance_correlations_are_those_of_dcor(kind, n):
    scores, sensitive = _example(kind, n=n)
    other = _indicators(sensitive)
    for j, score in enumerate(scores.numpy().T):
        biased = dcor.distance_correlation_sqr(score, other)
        unbiased = dcor.u_distance_correlation_sqr(score, other)
        got = [Measure("dcov", u).value(scores, sensitive)[j] for u in (False, True)]
        np.testing.assert_allclose(got, [biased, unbiased], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unbiased", [False, True])
def test_kernel_criteria_are_those_of_hyppo(kind, unbiased):
    scores, sensitive = _example(kind)
    other = sensitive.values.numpy()[:, None]
    square = (other - other.T) ** 2
    apart = (square > 0).astype(float) if kind == "categorical" else 1 - np.exp(-square / 2)
    for j, score in enumerate(scores.numpy().T):
        score = (score - score.mean()) / score.std()
        mine = 1 - np.exp(-((score[:, None] - score) ** 2) / 2)
        peer = hyppo_independence.Dcorr(compute_distance=None, bias=not unbiased)
        found = peer.statistic(mine, apart)
        # Its biased statistic is a root.
        found = found if unbiased else found**2
        got = float(Measure("hsic", unbiased).value(scores, sensitive)[j])
        assert got == pytest.approx(found, abs=1e-5)


def test_the_discrepancy_of_two_groups_is_that_of_all_pairs():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 50)
    score = rng.normal(size=50) + codes
    standard = (score - score.mean()) / score.std()
    kernel = np.exp(-((standard[:, None] - standard) ** 2) / 2)
    first, second = codes == 0, codes == 1
    discrepancy = (
        kernel[np.ix_(first, first)].mean()
        + kernel[np.ix_(second, second)].mean()
        - 2 * kernel[np.ix_(first, second)].mean()
    )
    share = first.mean() * second.mean() * discrepancy / (1 - kernel.mean())
    got = Measure("mmd").value(torch.from_numpy(score)[:, None], _groups(codes))
    assert float(got) == pytest.approx(share, abs=1e-6)


def test_the_share_between_means_is_that_of_a_regression():
    scores, sensitive = _example("numeric")
    design = np.column_stack([np.ones(60), sensitive.values, sensitive.values**2])
    fitted = design @ np.linalg.lstsq(design, scores.numpy(), rcond=None)[0]
    share = fitted.var(axis=0) / scores.numpy().var(axis=0)
    basis = torch.from_numpy(design[:, 1:])
    got = Measure("mean").value(scores, replace(sensitive, basis=basis))
    np.testing.assert_allclose(got, share, rtol=1e-9)
    adjusted = 1 - (1 - share) * 59 / 57
    got = Measure("mean", unbiased=True).value(scores, replace(sensitive, basis=basis))
    np.testing.assert_allclose(got, adjusted, rtol=1e-9)
    # A spline bends as a square does.
    (amount,) = read_attributes({"amount": sensitive.values.numpy()})
    basis = torch.from_numpy(amount.basis)
    assert (
        Measure("mean").value(scores, replace(sensitive, basis=basis)).numpy() > 0.9 * share
    ).all()


def test_the_mean_of_amounts_needs_a_basis():
    scores, sensitive = _example("numeric")
    with pytest.raises(ValueError, match="'mean' of an amount needs a basis"):
        Measure("mean").value(scores, replace(sensitive, basis=None))


@pytest.mark.parametrize("kind", KINDS)
def test_the_maximal_correlation_of_few_levels_is_that_of_their_table(kind):
    rng = np.random.default_rng(0)
    levels = np.array([-1.5, 0.0, 1.5])
    group = rng.integers(0, 3, 600)
    score = np.where(rng.random(600) < 0.6, (group * group) % 3, rng.integers(0, 3, 600))
    table = np.zeros((3, 3))
    np.add.at(table, (score, group), 1 / 600)
    ratio = table / np.sqrt(np.outer(table.sum(axis=1), table.sum(axis=0)))
    second = np.linalg.svd(ratio, compute_uv=False)[1]
    sensitive = _groups(group) if kind == "categorical" else _amounts(levels[group])
    scores = torch.from_numpy(levels[score])[:, None]
    got = float(Measure("hgr").value(scores, sensitive))
    # Soft bins overlap a little, which never adds to the correlation.
    assert second**2 - 5e-3 < got <= second**2 + 1e-9


@few
@given(seed=st.integers(0, 2**31), n_groups=st.integers(2, 4))
def test_the_distance_covariance_of_groups_is_a_sum_of_energies(seed, n_groups):
    rng = np.random.default_rng(seed)
    codes = np.append(np.arange(n_groups), rng.integers(0, n_groups, 40))
    # Ties too.
    score = rng.normal(size=len(codes)).round(1)

    def apart(x, y):
        return np.abs(x[:, None] - y).mean()

    energies = 0.0
    for k in range(n_groups):
        here = score[codes == k]
        energy = 2 * apart(here, score) - apart(here, here) - apart(score, score)
        energies += (codes == k).mean() ** 2 * energy
    shares = torch.full((len(codes), 1), 1 / len(codes), dtype=torch.float64)
    between = distance_sums(torch.from_numpy(score)[:, None], shares, _groups(codes))[0]
    covariance = float(between.covariance(shares, unbiased=False))
    assert covariance == pytest.approx(energies, abs=1e-12)
    if n_groups == 2:
        grid = np.unique(score)
        first, second = (
            np.searchsorted(np.sort(score[codes == k]), grid, side="right") / (codes == k).sum()
            for k in (0, 1)
        )
        area = ((first - second)[:-1] ** 2 * np.diff(grid)).sum()
        p = (codes == 0).mean()
        assert covariance == pytest.approx(4 * p**2 * (1 - p) ** 2 * area, abs=1e-12)


@every_case
def test_unbiased_forms_are_zero_on_average_under_independence(name, kind, unbiased):
    if name == "hgr":
        return
    found = []
    for seed in range(10):
        scores, sensitive = _example(kind, n=40, n_scores=40, seed=seed, strength=0.0)
        weights = np.random.default_rng(seed).uniform(0.5, 1.5, 40)
        sensitive = replace(sensitive, weights=torch.from_numpy(weights))
        found.append(Measure(name, unbiased).value(scores, sensitive).mean())
    error = float(torch.stack(found).std() / np.sqrt(10))
    mean = float(torch.stack(found).mean())
    if unbiased:
        assert abs(mean) < 4 * error + 2e-3
    else:
        assert mean > 6 * error and mean > 0.02


@every_case
def test_nothing_is_gained_by_moving_or_shrinking_the_score(name, kind, unbiased):
    scores, sensitive = _example(kind)
    how = Measure(name, unbiased)
    for scale, shift in ((1e-4, 0.0), (-3.0, 50.0)):
        np.testing.assert_allclose(
            how.value(scale * scores + shift, sensitive), how.value(scores, sensitive), atol=1e-7
        )


@every_case
@few
@given(seed=st.integers(0, 2**31))
def test_between_zero_and_one_and_zero_under_exact_independence(name, kind, unbiased, seed):
    rng = np.random.default_rng(seed)
    level = rng.normal(size=5)
    score = torch.from_numpy(np.tile(rng.normal(size=6), 5))[:, None]
    codes = np.repeat(np.arange(5), 6)
    sensitive = _groups(codes) if kind == "categorical" else _amounts(level[codes])
    if not unbiased:
        assert abs(float(Measure(name).value(score, sensitive))) < 1e-7
    same = torch.from_numpy(level[codes])[:, None]
    values = [Measure(name, unbiased).value(s, sensitive) for s in (same, score + 0.5 * same)]
    assert max(map(float, values)) <= 1 + 1e-9
    if not unbiased:
        assert min(map(float, values)) > -1e-9
        if (name, kind) in (("dcov", "numeric"), ("mean", "categorical"), ("mmd", "categorical")):
            assert float(values[0]) == pytest.approx(1.0, abs=1e-9)


@every_case
def test_rows_without_weight_are_not_there_and_double_weight_is_two_rows(name, kind, unbiased):
    scores, sensitive = _example(kind)
    weights = torch.from_numpy(np.random.default_rng(0).integers(0, 3, 60)).double()
    how = Measure(name, unbiased)
    with_weights = how.value(scores, replace(sensitive, weights=weights))
    rows = torch.arange(60)[weights > 0]
    some = how.value(scores[rows], replace(sensitive, weights=weights).take(rows))
    # A spline has its knots at the quantiles of all rows.
    tolerance = 0.05 if (name, kind) == ("mean", "numeric") else 1e-9
    np.testing.assert_allclose(with_weights, some, atol=tolerance)
    by_score = torch.stack([weights, torch.ones(60).double()], dim=1)
    mixed = how.value(scores, replace(sensitive, weights=by_score))
    expected = torch.stack([with_weights[0], how.value(scores, sensitive)[1]])
    np.testing.assert_allclose(mixed, expected, atol=1e-9)
    if not unbiased:
        rows = torch.arange(60).repeat_interleave(weights.long())
        np.testing.assert_allclose(
            with_weights, how.value(scores[rows], sensitive.take(rows)), atol=tolerance
        )


@every_case
def test_strata_count_by_their_share(name, kind, unbiased):
    scores, sensitive = _example(kind, n=90)
    strata = torch.arange(90) % 3
    how = Measure(name, unbiased)
    # One group, or one amount, in the last.
    last = strata == 2
    sensitive = replace(
        sensitive,
        codes=torch.where(last, 0, sensitive.codes),
        values=torch.where(last, 0.5, sensitive.values),
        basis=None if kind == "categorical" else torch.where(last[:, None], 0.5, sensitive.basis),
    )
    parts = [how.value(scores[strata == k], sensitive.take(strata == k)) for k in (0, 1)]
    got = how.value(scores, replace(sensitive, strata=strata, n_strata=3))
    np.testing.assert_allclose(got, (parts[0] + parts[1]) / 3, atol=1e-12)


@every_case
def test_a_constant_score_counts_zero_and_pulls_nowhere(name, kind, unbiased):
    scores, sensitive = _example(kind)
    scores = torch.stack([scores[:, 0], torch.full((60,), 0.1, dtype=torch.float64)], dim=1)
    values = Measure(name, unbiased).value(scores.requires_grad_(), sensitive)
    values.sum().backward()
    assert float(values[1].detach()) == 0.0
    assert torch.isfinite(scores.grad).all() and not scores.grad[:, 1].any()


@every_case
def test_single_precision_is_enough(name, kind, unbiased):
    scores, sensitive = _example(kind, n=3_000)
    how = Measure(name, unbiased)
    single = replace(sensitive, values=sensitive.values.float())
    got = how.value(scores.float(), single)
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got, how.value(scores, sensitive), atol=2e-5)


def test_quadratic_dependence_is_seen_beyond_the_mean():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 2_000)
    scores = torch.from_numpy(rng.normal(size=2_000) * (1 + codes))[:, None]
    sensitive = _groups(codes)
    assert float(Measure("mean", unbiased=True).value(scores, sensitive)) < 0.005
    for name in ("dcov", "hsic", "mmd"):
        assert float(Measure(name, unbiased=True).value(scores, sensitive)) > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimiser_reaches_the_closed_form_of_the_kernel_ridge(kind):
    # Perez-Suay et al. (2017): |y - Xw|²/n + strength * w'X'HKHXw/n² with a linear kernel on the
    # score is a ridge. K is the kernel of the attribute's whitened basis: 1/p within a group.
    rng = np.random.default_rng(0)
    n, strength = 200, 3.0
    scores, sensitive = _example(kind, n=n)
    X = np.column_stack([scores.numpy(), rng.normal(size=n)])
    y = X @ [1.0, -0.5, 0.3] + rng.normal(size=n)
    if kind == "categorical":
        basis = np.eye(3)[sensitive.codes.numpy()]
        kernel = basis @ np.diag(1 / basis.mean(axis=0)) @ basis.T
    else:
        basis = np.column_stack([sensitive.values, sensitive.values**2])
        sensitive = replace(sensitive, basis=torch.from_numpy(basis))
        white = (basis - basis.mean(axis=0)) @ np.linalg.inv(
            np.linalg.cholesky(np.cov(basis.T, bias=True))
        ).T
        kernel = white @ white.T
    centre = np.eye(n) - 1 / n
    form = X.T @ centre @ kernel @ centre @ X / n**2
    expected = np.linalg.solve(X.T @ X / n + strength * form, X.T @ y / n)

    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    design, outcome = torch.from_numpy(X), torch.from_numpy(y)
    optimiser = torch.optim.LBFGS(
        [weights],
        max_iter=200,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-10,
        tolerance_change=0,
    )

    def objective():
        optimiser.zero_grad()
        score = design @ weights
        # The measure is normalised by the score's variance; the ridge is not.
        share = Measure("mean").value(score[:, None], sensitive)[0]
        value = (outcome - score).square().mean() + strength * share * score.var(correction=0)
        value.backward()
        return value

    with torch.no_grad():
        weights += 0.1
    optimiser.step(objective)
    np.testing.assert_allclose(weights.detach(), expected, atol=1e-7)


def test_what_cannot_be_measured_is_said():
    with pytest.raises(ValueError, match="'mmd' compares groups"):
        Measure("mmd").value(torch.zeros(3, 1), _amounts(np.arange(3.0)))
    with pytest.raises(ValueError, match="no measure 'corr'; the measures are mean"):
        measure("corr")
    with pytest.raises(ValueError, match="no unbiased form"):
        measure("hgr", unbiased=True)
