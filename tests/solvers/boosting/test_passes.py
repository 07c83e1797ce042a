import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.solvers._boosting import passes
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.terms import BinnedFeature
from glassbox.solvers._boosting.threads import Threads
from tests.solvers.boosting.compiled import mains_of, pairs_of


def random_rows(rng, n_rows, n_bags, n_outputs, by_row, most_draws=3):
    y = rng.integers(0, max(n_outputs, 2), n_rows).astype(float)
    draws = rng.integers(0, most_draws + 1, (n_rows, n_bags)).astype(np.uint8)
    base = rng.normal(size=(n_rows if by_row else 1, n_bags * n_outputs))
    return Rows(y, rng.uniform(0.2, 2.0, n_rows), draws, base)


def random_terms(rng, n_rows, pairs):
    sizes = [3, 5, 2]
    features = [BinnedFeature(rng.integers(0, n, n_rows).astype(np.uint8), n) for n in sizes]
    return pairs_of(features, [(0, 1), (1, 2)]) if pairs else mains_of(features)


def naive_slopes(y, scores, n_outputs):
    if n_outputs == 1:
        means = 1 / (1 + np.exp(-scores))
        losses = np.logaddexp(0, scores[:, 0]) - y * scores[:, 0]
        return y[:, None] - means, means * (1 - means), losses
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    losses = -np.log(shares[np.arange(len(y)), y.astype(int)])
    return (y[:, None] == np.arange(n_outputs)) - shares, shares * (1 - shares), losses


def naive_look(terms, codes, rows, tables, b):
    """Sums of residuals and of curvatures, and the loss, of one bag; and its scores."""
    n_outputs = tables.shape[1]
    scores = np.zeros((len(rows.y), n_outputs))
    scores += rows.base[:, b * n_outputs : (b + 1) * n_outputs]
    for t in range(terms.n_terms):
        scores += tables[b][:, terms.start[t] + codes[t].astype(int)].T
    residuals, curvatures, losses = naive_slopes(rows.y, scores, n_outputs)
    weights = rows.weights * rows.draws[:, b]
    pull, mass = np.zeros((2, n_outputs, terms.n_cells))
    for t in range(terms.n_terms):
        for k in range(n_outputs):
            cells = terms.start[t] + codes[t].astype(int)
            np.add.at(pull[k], cells, weights * residuals[:, k])
            np.add.at(mass[k], cells, weights * curvatures[:, k])
    out = rows.draws[:, b] == 0
    loss = np.average(losses[out], weights=rows.weights[out]) if out.any() else 0.0
    return pull, mass, loss, scores, weights[:, None] * residuals, weights[:, None] * curvatures


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(1, 60),
    n_bags=st.integers(1, 3),
    n_outputs=st.sampled_from([1, 3]),
    pairs=st.booleans(),
    by_row=st.booleans(),
)
def test_sums_over_the_rows(seed, n_rows, n_bags, n_outputs, pairs, by_row):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, n_rows, n_bags, n_outputs, by_row and n_rows > 1)
    terms, codes = random_terms(rng, n_rows, pairs)
    loss = Loss.named("log_loss" if n_outputs == 1 else "multinomial", n_outputs=n_outputs)
    tables = rng.normal(size=(n_bags, n_outputs, terms.n_cells))
    reader = RowPasses(terms, codes, rows, loss, Threads(1))
    naive = [naive_look(terms, codes, rows, tables, b) for b in range(n_bags)]

    active = sorted(rng.choice(n_bags, rng.integers(1, n_bags + 1), replace=False).tolist())
    for bags in (list(range(n_bags)), active, list(range(n_bags))):
        look = reader.look(tables, bags, True)
        for place, b in enumerate(bags):
            np.testing.assert_allclose(look.pull[place], naive[b][0], rtol=0, atol=1e-10)
            np.testing.assert_allclose(look.mass[place], naive[b][1], rtol=0, atol=1e-10)
            assert look.losses[place] == pytest.approx(naive[b][2], abs=1e-10)
    assert reader.look(tables, active, False).mass is None
    scores = np.concatenate([part[3] for part in naive], axis=1)
    np.testing.assert_allclose(reader.scores(tables), scores, rtol=0, atol=1e-10)
    first = rng.integers(1, n_rows + 1)
    residuals, curvatures = reader.row_sums(tables, first)
    np.testing.assert_allclose(residuals, sum(part[4] for part in naive)[:first], atol=1e-10)
    np.testing.assert_allclose(curvatures, sum(part[5] for part in naive)[:first], atol=1e-10)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_many_rows_and_threads_give_the_same_sums(n_outputs, monkeypatch):
    monkeypatch.setattr(passes, "_ROWS_PER_TASK", 700)
    rng = np.random.default_rng(0)
    n_rows = 5_000
    rows = random_rows(rng, n_rows, 2, n_outputs, True)
    terms, codes = random_terms(rng, n_rows, True)
    loss = Loss.named("log_loss" if n_outputs == 1 else "multinomial", n_outputs=n_outputs)
    tables = rng.normal(size=(2, n_outputs, terms.n_cells))
    looks, scores, sums = [], [], []
    for n_threads in (1, 3):
        with Threads(n_threads) as threads:
            reader = RowPasses(terms, codes, rows, loss, threads)
            looks.append(reader.look(tables, [0, 1], True))
            scores.append(reader.scores(tables))
            sums.append(reader.row_sums(tables, 3_000))
    for part in ("pull", "mass", "losses"):
        assert np.array_equal(getattr(looks[0], part), getattr(looks[1], part))
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(sums[0], sums[1])
    for b in range(2):
        pull, mass, loss_value, *_ = naive_look(terms, codes, rows, tables, b)
        np.testing.assert_allclose(looks[0].pull[b], pull, rtol=0, atol=1e-9)
        np.testing.assert_allclose(looks[0].mass[b], mass, rtol=0, atol=1e-9)
        assert looks[0].losses[b] == pytest.approx(loss_value)
