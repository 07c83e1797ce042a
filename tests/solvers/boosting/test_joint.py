"""How rows lie among coarse cells, and what follows from it between two looks at the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from glassbox.solvers._boosting import joint as joint_module
from glassbox.solvers._boosting import stage
from glassbox.solvers._boosting.joint import JointRows, cells_pay, coarsen
from glassbox.solvers._boosting.terms import BinnedFeature, Terms
from glassbox.solvers._boosting.threads import Threads
from tests.solvers.boosting.compiled import mains_of, pairs_of
from tests.solvers.boosting.parity import (
    engines_model,
    outcome_of,
    random_frame,
    signal_of,
    table_of,
)


def random_features(rng, sizes, n_rows):
    return [BinnedFeature(rng.integers(0, n, n_rows).astype(np.uint8), n) for n in sizes]


def together(*stages):
    """Terms of several stages, as if they were boosted at once."""
    terms, codes = zip(*stages, strict=True)
    starts = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(t.start) for t in terms]))])
    others = [np.concatenate(parts) for parts in list(zip(*terms, strict=True))[1:]]
    return Terms(starts, *others), np.concatenate(codes)


def rows_in_cells(terms, codes):
    rows = [np.bincount(c, minlength=n) for c, n in zip(codes, np.diff(terms.start), strict=True)]
    return np.concatenate(rows).astype(float)


def naive_shares(terms, joint, codes, mass):
    """Share of cells of t up to (i, j) among the rows in coarse cell b of u, in each block."""
    coarse = [joint.coarse_of[here][codes[t]].astype(int) for t, here in enumerate(terms.slices())]
    shares = np.zeros_like(joint.shares, dtype=float)
    for t in range(terms.n_terms):
        i, j = coarse[t] // joint.n_second[t], coarse[t] % joint.n_second[t]
        for u in range(terms.n_terms):
            first = joint.block[t, 0]
            if u == t or joint.block[u, 0] != first:
                continue
            for a in range(joint.start[t + 1] - joint.start[t]):
                inside = (i <= a // joint.n_second[t]) & (j <= a % joint.n_second[t])
                overall = mass[inside].sum() / mass.sum()
                for b in range(joint.start[u + 1] - joint.start[u]):
                    given_b = coarse[u] == b
                    total = mass[given_b].sum()
                    share = mass[inside & given_b].sum() / total if total > 0 else overall
                    shares[joint.start[t] + a, joint.start[u] - first + b] = share
    return shares


@settings(max_examples=30)
@given(
    st.integers(0, 10_000),
    st.integers(1, 80),
    st.sampled_from(["mains", "pairs", "both"]),
    st.sampled_from([4_096**2, 1_000, 1]),
)
def test_shares_of_rows(seed, n_rows, which, most_shares):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint_module, "_MOST_SHARES", most_shares)
        check_shares(seed, n_rows, which)


def check_shares(seed, n_rows, which):
    rng = np.random.default_rng(seed)
    mains = mains_of(random_features(rng, [3, 5, 1, 40], n_rows))
    pairs = pairs_of(random_features(rng, [4, 2, 12], n_rows), [(0, 1), (1, 2), (0, 2)])
    terms, codes = {"mains": mains, "pairs": pairs, "both": together(mains, pairs)}[which]
    joint = coarsen(terms, rows_in_cells(terms, codes), n_rows)
    mass = rng.uniform(0.1, 1.0, n_rows)
    JointRows(terms, joint, codes, Threads(1)).count(mass)
    np.testing.assert_allclose(
        joint.shares, naive_shares(terms, joint, codes, mass), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("n_bins", [1, 32, 33, 300])
def test_coarse_cells_keep_the_order_and_hold_about_equally_many_rows(n_bins):
    rng = np.random.default_rng(n_bins)
    codes = rng.integers(0, n_bins, 20_000).astype(np.uint16)
    for separate in (False, True):
        terms, _ = mains_of([BinnedFeature(codes, n_bins, separate=separate)])
        rows = np.bincount(codes, minlength=n_bins).astype(float)
        coarse_of = coarsen(terms, rows, 20_000).coarse_of.astype(int)
        assert (np.diff(coarse_of) >= 0).all() and (np.diff(coarse_of) <= 1).all()
        assert coarse_of[0] == 0 and coarse_of.max() == min(n_bins, 128) - 1
        if separate and n_bins > 2:
            assert (coarse_of == 0).sum() == 1
        else:
            counts = np.bincount(coarse_of, rows)
            assert counts.max() < 2.5 * counts.mean()


def test_coarse_cells_of_skewed_bins_and_of_many_terms():
    rng = np.random.default_rng(0)
    codes = np.minimum(rng.geometric(0.5, 5_000), 99).astype(np.uint8)
    terms, _ = mains_of([BinnedFeature(codes, 100)])
    joint = coarsen(terms, np.bincount(codes, minlength=100).astype(float), 5_000)
    assert joint.n_first[0] <= 128 and (np.diff(joint.coarse_of.astype(int)) >= 0).all()
    of_fifty = coarsen(mains_of([BinnedFeature(codes, 100)] * 50)[0], np.ones(5_000), 5_000)
    assert set(of_fifty.n_first) == {32}
    many = mains_of([BinnedFeature(codes, 100)] * 700)[0]
    rows = np.tile(np.bincount(codes, minlength=100), 700).astype(float)
    assert coarsen(many, rows, 5_000).start[-1] <= joint_module._AFFORDABLE


@pytest.mark.parametrize("n_terms", [1, 700, 3_000])
def test_blocks_hold_terms_that_stand_side_by_side_and_stay_within_the_bound(n_terms):
    codes = np.arange(100, dtype=np.uint8)
    terms = mains_of([BinnedFeature(codes, 100)] * n_terms)[0]
    joint = coarsen(terms, np.ones(terms.n_cells), 100)
    assert joint.shares.size <= joint_module._MOST_SHARES
    assert joint.n_blocks == (1 if n_terms <= 700 else 9)
    edges = np.append(joint.block[:, 0], joint.start[-1])
    assert (np.diff(edges) >= 0).all()
    for t, (first, end) in enumerate(joint.block):
        assert first <= joint.start[t] < joint.start[t + 1] <= end
    assert set(joint.block[:, 1]) == set(np.unique(joint.block[:, 0])[1:]) | {joint.start[-1]}


def test_steps_in_the_space_of_bins_pay_if_there_are_many_rows():
    few = mains_of([BinnedFeature(np.zeros(1, np.uint8), 100)] * 20)[0]
    assert cells_pay(few, 10**6, False) and not cells_pay(few, 10, False)
    # Scores of many terms move far in few steps: the rows would have to be read all the time.
    many = mains_of([BinnedFeature(np.zeros(1, np.uint8), 100)] * 5_000)[0]
    assert cells_pay(many, 10**6, True) and not cells_pay(many, 10**6, False)


def random_problem(seed, kinds, loss, n_rows):
    rng = np.random.default_rng(seed)
    frame = random_frame(rng, n_rows, kinds)
    y = outcome_of(signal_of(frame, rng), loss, rng)
    return table_of(frame, y, rng.uniform(0.2, 3.0, n_rows))


def assert_tables_agree(first, second, atol):
    for name, (table, _) in first[1].items():
        np.testing.assert_allclose(second[1][name][0], table, rtol=0, atol=atol)
    np.testing.assert_allclose(first[0], second[0], rtol=0, atol=atol)


def look_after(n_rounds, patch):
    """Take so many rounds of steps between two looks at the rows."""
    walk = stage.walk_cells

    def walk_on(terms, *others):
        return walk(terms, *others[:-2], min(n_rounds * terms.n_terms, others[-2]), np.inf)

    patch.setattr(stage, "walk_cells", walk_on)


@pytest.mark.parametrize("rounds_between_looks", [1, 7, 25, 1_000])
@pytest.mark.parametrize("greedy_ratio", [0, 10])
def test_squared_error_needs_no_looks_between(greedy_ratio, rounds_between_looks, monkeypatch):
    look_after(rounds_between_looks, monkeypatch)
    table = random_problem(3, "nfco", "squared_error", 400)
    pairs = [(0, 1), (0, 2), (3, 0)]
    settings = {"max_bins": 16, "max_interaction_bins": 8, "greedy_ratio": greedy_ratio}
    cells, rows = (
        engines_model(table, "squared_error", pairs, None, upkeep, **settings)
        for upkeep in ("cells", "rows")
    )
    assert_tables_agree(cells, rows, 1e-5)
    spread = max(np.ptp(values) for values, _ in rows[1].values())
    assert spread > 0.1


@pytest.mark.parametrize(("max_bins", "most_shares"), [(6, 4_096**2), (40, 4_096**2), (40, 1)])
def test_the_fixed_point_is_that_of_exact_boosting(max_bins, most_shares, monkeypatch):
    # With 40 bins, steps between two looks are taken in coarse cells; with few shares, each
    # feature is a block of its own.
    monkeypatch.setattr(joint_module, "_MOST_SHARES", most_shares)
    rng = np.random.default_rng(4)
    X = rng.normal(size=(3_000, 2))
    X[:, 1] += X[:, 0]
    y = (rng.random(3_000) < 1 / (1 + np.exp(np.sin(X[:, 0]) - 0.5 * X[:, 1]))).astype(int)
    cells, rows = (
        engines_model(
            table_of(X, y), "log_loss", (), None, upkeep, max_bins=max_bins, learning_rate=0.5,
            max_rounds=10_000, min_samples_leaf=1,
        )
        for upkeep in ("cells", "rows")
    )  # fmt: skip
    assert_tables_agree(cells, rows, 1e-3)


def test_boosting_to_the_end_is_maximum_likelihood():
    rng = np.random.default_rng(5)
    n_rows = 1_500
    codes = rng.integers(0, 3, (n_rows, 2))
    y = (rng.random(n_rows) < 1 / (1 + np.exp(1 - codes[:, 0] + 0.5 * codes[:, 1]))).astype(int)
    table = table_of(codes.astype(float), y)
    one_hot = (codes[:, :, None] == np.arange(3)).reshape(n_rows, 6)
    best = LogisticRegression(C=1e9, tol=1e-10, max_iter=1_000).fit(one_hot, y)
    wanted = best.coef_[0].reshape(2, 3)
    wanted -= [[(wanted[j][codes[:, j]]).mean()] for j in range(2)]
    for upkeep in ("rows", "cells"):
        _, terms = engines_model(
            table, "log_loss", (), None, upkeep, learning_rate=0.5, max_rounds=300
        )
        found = np.array([terms[name,][0][:, 0, 0] for name in ("x0", "x1")])
        np.testing.assert_allclose(found, wanted, atol=1e-4)
