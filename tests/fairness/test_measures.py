"""Measures of dependence: the values of other libraries, and identities between them."""

import dcor
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hyppo.independence import Hsic
from scipy.spatial.distance import pdist
from scipy.stats import chi2_contingency, f_oneway, ks_2samp, pearsonr, somersd
from sklearn.metrics import mutual_info_score, roc_auc_score

from glassbox.fairness._dependence import amounts as from_rows
from glassbox.fairness._dependence import measures
from glassbox.fairness._dependence.distance import squared_covariances
from glassbox.fairness._dependence.intervals import interval
from glassbox.fairness._dependence.joint import Joint
from glassbox.fairness._dependence.kernels import gaussian_columns, median_distance
from glassbox.fairness._dependence.resampling import (
    amount_cells,
    bootstrap_tables,
    group_cells,
    observed_table,
    permuted_tables,
)

# Ties are common in both.
SCORES = st.integers(-6, 6).map(lambda k: k / 4)
GROUPED = st.lists(st.tuples(SCORES, st.integers(0, 3)), min_size=5, max_size=40)
AMOUNTS = st.lists(st.tuples(SCORES, st.integers(-8, 8)), min_size=5, max_size=40)


def of_groups(rows):
    score, codes = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    assume(len(np.unique(score)) > 1 and len(np.unique(codes)) > 1)
    return score, codes, joint_of(score, group_cells(codes))


def joint_of(score, attribute):
    cells = amount_cells(score)
    return Joint(observed_table(cells, attribute), cells, attribute)


def indicators(codes):
    """Points of which two groups' are one apart."""
    return np.eye(codes.max() + 1)[codes] / np.sqrt(2)


def of_amounts(rows):
    score, amount = (np.array([row[k] for row in rows], dtype=float) for k in (0, 1))
    assume(len(np.unique(score)) > 1 and len(np.unique(amount)) > 2)
    basis = np.column_stack([amount, amount**2])
    return score, amount, joint_of(score, amount_cells(amount, basis=basis))


@settings(max_examples=40, deadline=None)
@given(GROUPED)
def test_distance_measures_of_groups_are_those_of_dcor(rows):
    score, codes, joint = of_groups(rows)
    points = indicators(codes)
    assert measures.dcor(joint)[0] ** 2 == pytest.approx(
        dcor.distance_correlation(score[:, None], points) ** 2, abs=1e-9
    )
    spread = joint.score.scale
    assert joint.dcov2[0] * spread == pytest.approx(
        dcor.distance_covariance_sqr(score[:, None], points), abs=1e-12
    )
    assert joint.unbiased_dcov2[0] * spread == pytest.approx(
        dcor.u_distance_covariance_sqr(score[:, None], points), abs=1e-10
    )
    expected = dcor.u_distance_correlation_sqr(score[:, None], points)
    if joint.score_dvar2[1][0] > 1e-9 and joint.attribute_dvar2[1][0] > 1e-9:
        assert measures.dcor2_unbiased(joint)[0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(GROUPED)
def test_distance_covariance_is_a_sum_of_energies(rows):
    score, codes, joint = of_groups(rows)
    energies = [
        (codes == k).mean() ** 2 * dcor.energy_distance(score[codes == k], score)
        for k in np.unique(codes)
    ]
    assert joint.dcov2[0] * joint.score.scale == pytest.approx(sum(energies), abs=1e-12)


def test_distance_covariance_of_two_groups_is_an_integral():
    rng = np.random.default_rng(0)
    score, codes = rng.normal(size=400), (rng.random(400) < 0.3).astype(int)
    joint = joint_of(score, group_cells(codes))
    at = np.sort(score)
    functions = [
        np.searchsorted(np.sort(score[codes == k]), at, side="right") / (codes == k).sum()
        for k in (0, 1)
    ]
    integral = ((functions[1] - functions[0])[:-1] ** 2 * np.diff(at)).sum()
    share = codes.mean()
    expected = 2 * share**2 * (1 - share) ** 2 * 2 * integral
    assert joint.dcov2[0] * joint.score.scale == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(AMOUNTS)
def test_distance_measures_of_amounts_are_those_of_dcor(rows):
    score, amount, joint = of_amounts(rows)
    plain, better = squared_covariances(score, amount)
    assert plain == pytest.approx(dcor.distance_covariance_sqr(score, amount), abs=1e-10)
    assert better == pytest.approx(dcor.u_distance_covariance_sqr(score, amount), abs=1e-10)
    scale = joint.score.scale * joint.attribute.scale
    assert joint.dcov2[0] * scale == pytest.approx(plain, abs=1e-10)
    assert joint.unbiased_dcov2[0] * scale == pytest.approx(better, abs=1e-10)
    expected = dcor.distance_correlation(score, amount)
    assert from_rows.dcor(score, amount) ** 2 == pytest.approx(expected**2, abs=1e-9)
    assert measures.dcor(joint)[0] ** 2 == pytest.approx(expected**2, abs=1e-9)


def test_many_rows_agree_with_dcor():
    rng = np.random.default_rng(1)
    amount = rng.normal(size=3_001)
    score = amount**2 + rng.normal(size=3_001)
    for own, other in (
        (from_rows.dcor, dcor.distance_correlation),
        (from_rows.dcor2_unbiased, dcor.u_distance_correlation_sqr),
    ):
        assert own(score, amount) == pytest.approx(other(score, amount), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(AMOUNTS)
def test_measures_of_a_table_of_all_values_are_those_of_the_rows(rows):
    score, amount, joint = of_amounts(rows)
    for name in ("mean_gap", "auc", "hsic"):
        expected = from_rows.FROM_ROWS[name](score, amount)
        assert measures.MEASURES[name](joint)[0] == pytest.approx(expected, abs=1e-9)
    correlation = pearsonr(score, amount).statistic
    assert from_rows.mean_gap(score, amount) == pytest.approx(
        abs(correlation) * score.std(), abs=1e-12
    )
    concordance = 0.5 + abs(somersd(amount, score).statistic) / 2
    assert from_rows.auc(score, amount) == pytest.approx(concordance, abs=1e-12)
    if correlation**2 < 0.999 and len(score) > 2:
        expected = from_rows.standardised_gap(score, amount)
        assert measures.standardised_gap(joint)[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_explained_share_of_an_amount_is_r2():
    rng = np.random.default_rng(2)
    amount = rng.integers(0, 30, size=300).astype(float)
    score = np.sin(amount / 5) + rng.normal(size=300)
    basis = np.column_stack([amount, amount**2, amount**3])
    joint = joint_of(score, amount_cells(amount, basis=basis / basis.std(axis=0)))
    design = np.column_stack([np.ones(300), basis])
    residual = score - design @ np.linalg.lstsq(design, score)[0]
    assert measures.eta2(joint)[0] == pytest.approx(1 - residual.var() / score.var(), abs=1e-9)


def test_hsic_is_that_of_hyppo():
    rng = np.random.default_rng(3)
    amount = rng.normal(size=150)
    score = amount**2 + rng.normal(size=150)
    one, other = (
        values[:, None] / np.median(pdist(values[:, None])) for values in (score, amount)
    )
    # hyppo gives the root.
    expected = Hsic(bias=True, gamma=0.5).statistic(one, other) ** 2
    assert from_rows.hsic(score, amount) == pytest.approx(expected, abs=1e-8)
    codes = (amount > 0.3).astype(int) + (amount > 1)
    kernels = np.exp(-((one - one.T) ** 2) / 2), np.equal.outer(codes, codes).astype(float)
    expected = Hsic(compute_kernel=None, bias=True).statistic(1 - kernels[0], 1 - kernels[1]) ** 2
    joint = joint_of(score, group_cells(codes))
    assert measures.hsic(joint)[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("power", [1, 5])
def test_kernel_columns_give_the_kernel(power):
    values = np.random.default_rng(4).normal(size=250) ** power
    bandwidth = median_distance(values)
    columns = gaussian_columns(values, bandwidth)
    exact = np.exp(-((values[:, None] - values) ** 2) / (2 * bandwidth**2))
    assert np.abs(columns @ columns.T - exact).max() < 1e-8


def test_bandwidth_of_tied_scores_is_that_of_the_others():
    assert median_distance(np.array([0.0] * 9 + [2.0])) == 2.0


@settings(max_examples=60, deadline=None)
@given(GROUPED)
def test_measures_of_groups_are_those_of_scipy_and_scikit_learn(rows):
    score, codes, joint = of_groups(rows)
    groups = [score[codes == k] for k in np.unique(codes)]
    pairs = [(a, b) for j, a in enumerate(groups) for b in groups[:j]]
    assert measures.ks(joint)[0] == pytest.approx(max(ks_2samp(*p).statistic for p in pairs))
    assert measures.mean_gap(joint)[0] == pytest.approx(np.ptp([g.mean() for g in groups]))
    areas = [
        roc_auc_score(np.repeat([0, 1], [len(a), len(b)]), np.concatenate([a, b]))
        for a, b in pairs
    ]
    assert measures.auc(joint)[0] == pytest.approx(max(max(a, 1 - a) for a in areas))
    within = sum(((g - g.mean()) ** 2).sum() for g in groups)
    if within > 1e-9 and len(score) > len(groups):
        pooled = np.sqrt(within / (len(score) - len(groups)))
        expected = np.ptp([g.mean() for g in groups]) / pooled
        assert measures.standardised_gap(joint)[0] == pytest.approx(expected)
        f = f_oneway(*groups).statistic * (len(groups) - 1)
        expected = f / (f + len(score) - len(groups))
        assert measures.eta2(joint)[0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(GROUPED)
def test_binned_measures_are_those_of_their_table(rows):
    score, codes, joint = of_groups(rows)
    bins = joint.score.bins[joint.score.codes]
    assert measures.mutual_information(joint)[0] == pytest.approx(
        mutual_info_score(bins, codes), abs=1e-9
    )
    table = joint.coarse[0] * len(score)
    phi2 = chi2_contingency(table, correction=False).statistic / len(score)
    found = measures.hgr(joint)[0] ** 2
    assert found <= phi2 + 1e-9
    if min(table.shape) == 2:
        assert found == pytest.approx(phi2, abs=1e-9)


def test_bins_hold_equal_numbers():
    rng = np.random.default_rng(5)
    values = rng.normal(size=1_000)
    for most in (None, 250):
        cells = amount_cells(values, most)
        assert np.bincount(cells.bins[cells.codes]).tolist() == [100] * 10
        assert (np.diff(cells.values) > 0).all()
    assert np.bincount(cells.codes).tolist() == [4] * 250


def test_measures_are_at_their_largest_for_perfect_dependence():
    codes = np.repeat([0, 1], 20)
    joint = joint_of(codes * 3.0, group_cells(codes))
    for name in ("dcor", "dcor2_unbiased", "hsic", "ks", "auc", "eta2", "hgr"):
        assert measures.MEASURES[name](joint)[0] == pytest.approx(1.0)
    assert measures.mean_gap(joint)[0] == pytest.approx(3.0)
    assert measures.mutual_information(joint)[0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("kind", ["groups", "amount"])
def test_batches_and_shared_margins_change_nothing(kind):
    rng = np.random.default_rng(6)
    amount = rng.integers(0, 12, size=60).astype(float)
    score = amount + rng.normal(0, 6, size=60).round()
    cells = amount_cells(score)
    attribute = group_cells(amount % 3)
    if kind == "amount":
        attribute = amount_cells(amount, basis=np.column_stack([amount, amount**2]))
    (permuted,) = permuted_tables(cells, attribute, 5, rng)
    (redrawn,) = bootstrap_tables(cells, attribute, 5, rng)
    for tables, shared in ((permuted, True), (redrawn, False)):
        together = Joint(tables, cells, attribute, shared)
        alone = [Joint(tables[k : k + 1], cells, attribute) for k in range(5)]
        for name, measure in measures.MEASURES.items():
            if kind == "amount" and name == "ks":
                continue
            expected = np.concatenate([measure(joint) for joint in alone])
            np.testing.assert_allclose(measure(together), expected, atol=1e-10, err_msg=name)


def test_resamples_are_what_they_are_called():
    rng = np.random.default_rng(7)
    score, codes = rng.normal(size=50), rng.integers(3, size=50)
    cells, attribute = amount_cells(score), group_cells(codes)
    observed = observed_table(cells, attribute)[0]
    permuted = np.concatenate(list(permuted_tables(cells, attribute, 40, rng)))
    assert permuted.shape == (40, 3, 50)
    assert (permuted.sum(axis=1) == 1).all()
    assert (permuted.sum(axis=2) == observed.sum(axis=1)).all()
    redrawn = np.concatenate(list(bootstrap_tables(cells, attribute, 40, rng)))
    assert (redrawn.sum(axis=(1, 2)) == 50).all()
    assert (redrawn[:, observed == 0] == 0).all()
    # The expected number of copies of a row is one, and their variance nearly so.
    assert redrawn[:, observed == 1].var() == pytest.approx(1, abs=0.15)


def test_a_resample_without_a_group_is_measured_on_the_others():
    rng = np.random.default_rng(8)
    score, codes = rng.normal(size=40), np.resize([0, 1, 1], 40)
    cells, three = amount_cells(score), group_cells(np.r_[codes[:-1], 2])
    table = np.zeros((2, 3, 40), dtype=int)
    table[:, :2] = observed_table(cells, group_cells(codes))[0]
    # The other table of the batch has all three.
    table[1] = observed_table(cells, three)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, measure in measures.MEASURES.items():
            expected = measure(joint_of(score, group_cells(codes)))[0]
            assert measure(Joint(table, cells, three))[0] == pytest.approx(expected), name


def test_intervals_are_percentiles_without_their_bias():
    draws = np.random.default_rng(9).normal(0.30, 0.01, size=20_000)
    # Redrawing rows moved this one from .2 to .3, as sampling may have done before.
    lower, upper = interval("eta2", 0.2, 0.2, draws)
    assert lower == pytest.approx(0.1 - 0.0196, abs=5e-4)
    assert upper == pytest.approx(0.2 + 0.0196, abs=5e-4)
    lower, upper = interval("dcor2_unbiased", 0.2, 0.2, draws)
    assert lower == pytest.approx(0.2 - 0.0196, abs=5e-4)
    # On the squares: .04 to .09, and so back below zero.
    assert interval("dcor", 0.2, 0.2, draws)[0] == 0
    assert interval("auc", 0.52, 0.52, draws + 0.3)[0] == 0.5
    assert interval("ks", 0.99, 0.30, draws)[1] <= 1
    assert np.isnan(interval("eta2", 0.2, 0.2, np.array([np.nan]))).all()
