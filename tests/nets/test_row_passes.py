import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.nets import _joint_rows, row_passes
from glassbox.nets._cell_sums import CellSums
from glassbox.nets.row_passes import row_passes_on
from glassbox.solvers._boosting import joint as joint_module
from glassbox.solvers._boosting.joint import coarsen
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.schedule import Order
from glassbox.solvers._boosting.stage import Boosted, Rules, boost_stage
from glassbox.solvers._boosting.stopping import StoppingRule
from glassbox.solvers._boosting.terms import BinnedFeature, Terms, main_effects, pair_effects
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers.boosting import BoostingOptions, Problem, boost

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
THREADS = Threads(1)

LOSSES = [
    Loss.named("squared_error"),
    Loss.named("log_loss"),
    Loss.named("poisson"),
    Loss.named("gamma"),
    Loss.named("tweedie", 1.4),
    Loss.named("pseudo_huber", 0.7),
    Loss.named("multinomial", 0.0, 3),
]


def _outcome(rng, loss, n_rows):
    if loss.link == "softmax":
        return rng.integers(0, loss.n_outputs, n_rows).astype(float)
    if loss.link == "logit":
        return rng.integers(0, 2, n_rows).astype(float)
    return rng.poisson(2.0, n_rows) + (0.5 if loss == Loss.named("gamma") else 0.0)


def _rows(rng, loss, n_rows, n_bags, base_of_rows):
    weights = rng.uniform(0, 2, n_rows) * (rng.random(n_rows) < 0.9)
    draws = rng.poisson(1.0, (n_rows, n_bags)).astype(np.uint8)
    base = rng.normal(size=(n_rows if base_of_rows else 1, n_bags * loss.n_outputs))
    return Rows(_outcome(rng, loss, n_rows), weights, draws, base)


def _features(rng, n_rows, sizes):
    return [
        BinnedFeature(rng.integers(0, size, n_rows).astype(np.uint16), int(size)) for size in sizes
    ]


def _effects(rng, n_rows, kind):
    """Terms and codes: mains of one byte or two, or pairs of up to 40,000 cells."""
    if kind == "pairs":
        features = _features(rng, n_rows, [200, 200, 3, 40])
        return pair_effects(features, [(0, 1), (1, 2), (3, 0)])
    sizes = [2, 7, 256, 40] if kind == "bytes" else [2, 300, 5]
    return main_effects(_features(rng, n_rows, sizes))


def _tables(rng, terms, loss, n_bags):
    return rng.normal(scale=0.3, size=(n_bags, loss.n_outputs, terms.n_cells))


def _assert_same_look(found, wanted):
    np.testing.assert_allclose(found.pull, wanted.pull, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-11)
    assert (found.mass is None) == (wanted.mass is None)
    if wanted.mass is not None:
        np.testing.assert_allclose(found.mass, wanted.mass, rtol=1e-9, atol=1e-10)


@given(
    seed=st.integers(0, 2**31),
    loss=st.sampled_from(LOSSES),
    kind=st.sampled_from(["bytes", "words", "pairs"]),
    base_of_rows=st.booleans(),
    block=st.sampled_from([None, 97, 1]),
)
@settings(max_examples=40, deadline=None)
def test_all_that_is_read_is_what_the_compiled_passes_read(seed, loss, kind, base_of_rows, block):
    rng = np.random.default_rng(seed)
    n_bags = int(rng.integers(1, 5))
    n_rows = int(rng.integers(1, 30 if block == 1 else 600))
    terms, codes = _effects(rng, n_rows, kind)
    rows = _rows(rng, loss, n_rows, n_bags, base_of_rows)
    args = (terms, codes, rows, loss, THREADS)
    wanted, found = RowPasses(*args), row_passes_on(CPU)(*args)
    if block is not None:
        found._rows_per_block = block
    tables = _tables(rng, terms, loss, n_bags)
    every = list(range(n_bags))
    for active, with_mass in ((every, True), (every[1:], False), (every[::2], True)):
        if active:
            _assert_same_look(
                found.look(tables, active, with_mass), wanted.look(tables, active, with_mass)
            )
            tables = tables + _tables(rng, terms, loss, n_bags)
    np.testing.assert_allclose(found.scores(tables), wanted.scores(tables), atol=1e-12)
    n_first = int(rng.integers(1, n_rows + 1))
    sums = found.row_sums(tables, n_first), wanted.row_sums(tables, n_first)
    for here, there in zip(*sums, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"loss {loss.code}")
def test_extreme_scores_are_read_alike(loss):
    # Where the exponential would overflow, or the loss is flat; one score for each row and bag.
    extremes = np.array([-300.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 300.0])
    if loss.link == "logit":
        extremes *= 4
    rng = np.random.default_rng(0)
    terms, codes = main_effects(_features(rng, 7, [2]))
    rows = _rows(rng, loss, 7, 2, True)
    rows.base[:] = extremes[:, None]
    rows.base[:, 0] *= -1.0
    args = (terms, codes, rows, loss, THREADS)
    tables = np.zeros((2, loss.n_outputs, terms.n_cells))
    found, wanted = (passes(*args) for passes in (row_passes_on(CPU), RowPasses))
    for here, there in zip(found.row_sums(tables, 7), wanted.row_sums(tables, 7), strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-9)
        assert np.isfinite(there).all()


def test_a_bag_that_holds_out_no_rows_has_no_loss():
    rng = np.random.default_rng(0)
    terms, codes = _effects(rng, 50, "bytes")
    draws = np.ones((50, 2), dtype=np.uint8)
    draws[:5, 1] = 0
    rows = Rows(np.ones(50), np.ones(50), draws, np.zeros((1, 2)))
    reader = row_passes_on(CPU)(terms, codes, rows, LOSSES[0], THREADS)
    look = reader.look(np.zeros((2, 1, terms.n_cells)), [0, 1], False)
    assert look.losses.tolist() == [0.0, 1.0]


def test_without_terms_rows_keep_the_scores_that_they_start_from():
    rng = np.random.default_rng(0)
    loss = LOSSES[-1]
    rows = _rows(rng, loss, 20, 2, False)
    args = (Terms.none(), np.zeros((0, 20), dtype=np.uint8), rows, loss, THREADS)
    tables = np.zeros((2, 3, 0))
    found, wanted = (passes(*args) for passes in (row_passes_on(CPU), RowPasses))
    np.testing.assert_array_equal(found.scores(tables), wanted.scores(tables))
    np.testing.assert_allclose(found.row_sums(tables, 9), wanted.row_sums(tables, 9), rtol=1e-9)


@given(seed=st.integers(0, 2**31), n_rows=st.sampled_from([1, 64, 65, 4_096, 5_000]))
@settings(max_examples=10, deadline=None)
def test_sums_over_cells_with_few_rows_and_with_most(seed, n_rows):
    rng = np.random.default_rng(seed)
    crowded = np.where(rng.random(n_rows) < 0.01, rng.integers(0, 50, n_rows), 3)
    cells = np.stack([crowded, 50 + rng.integers(0, 4, n_rows)], axis=1).astype(np.int32)
    values = rng.normal(size=(n_rows, 3))
    wanted = np.zeros((60, 3))
    for t in range(2):
        np.add.at(wanted, cells[:, t], values)
    found = CellSums(torch.tensor(cells), 60)(torch.tensor(values))
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-10)


def _counted(passes, terms, codes, rows, loss, mass):
    joint = coarsen(terms, np.ones(terms.n_cells), 10_000)
    sample = passes(terms, codes, rows, loss, THREADS).joint_rows(joint)
    sample.count(mass[: sample.n_rows])
    return joint.shares


@pytest.mark.parametrize("kind", ["bytes", "words", "pairs"])
@pytest.mark.parametrize("scale", [1.0, 1e-60])
@pytest.mark.parametrize("most_shares", [4_096**2, 200])
def test_shares_of_coarse_cells_are_those_of_the_compiled_count(
    kind, scale, most_shares, monkeypatch
):
    monkeypatch.setattr(joint_module, "_MOST_SHARES", most_shares)
    monkeypatch.setattr(_joint_rows, "_MOST_INDICATORS", 20_000)
    rng = np.random.default_rng(4)
    terms, codes = _effects(rng, 900, kind)
    # One cell of the first term has rows, but none that count.
    mass = rng.exponential(size=900) * (codes[0] != codes[0, 0]) * scale
    args = (terms, codes, _rows(rng, LOSSES[1], 900, 2, False), LOSSES[1], mass)
    found, wanted = _counted(row_passes_on(CPU), *args), _counted(RowPasses, *args)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_rows_that_count_nothing_share_nothing():
    rng = np.random.default_rng(5)
    terms, codes = _effects(rng, 100, "bytes")
    args = (terms, codes, _rows(rng, LOSSES[1], 100, 1, False), LOSSES[1], np.zeros(100))
    np.testing.assert_array_equal(_counted(row_passes_on(CPU), *args), _counted(RowPasses, *args))


def test_counts_can_be_repeated_and_take_what_is_affordable(monkeypatch):
    rng = np.random.default_rng(6)
    terms, codes = _effects(rng, 500, "bytes")
    joint = coarsen(terms, np.ones(terms.n_cells), 10_000)
    n_coarse = int(joint.start[-1])
    monkeypatch.setattr(_joint_rows, "_MOST_PRODUCTS", 120 * n_coarse**2)
    monkeypatch.setattr(_joint_rows, "_FEWEST_ROWS", 30)
    rows = _rows(rng, LOSSES[1], 500, 1, False)
    reader = row_passes_on(CPU)(terms, codes, rows, LOSSES[1], THREADS)
    reader._rows_per_block = 50
    sample = reader.joint_rows(joint)
    assert sample.n_rows == 120
    sample.count(np.ones(120))
    once = joint.shares.copy()
    sample.count(rng.exponential(size=120))
    assert not np.array_equal(joint.shares, once)
    sample.count(np.ones(120))
    np.testing.assert_array_equal(joint.shares, once)
    monkeypatch.setattr(_joint_rows, "_MOST_PRODUCTS", 0)
    assert reader.joint_rows(joint).n_rows == 30


def _rules(loss, terms, max_rounds):
    step = StepRule(0.05, 0.0, 0.0, np.inf, 1e-4, 2, 10, 10.0, 5.0)
    n_terms = terms.n_terms
    order = Order(2 * n_terms, 0.0, True)
    return Rules(loss, step, order, StoppingRule(0, 0.0, max_rounds * n_terms), 5, "cells")


def _stage(passes, terms, codes, rows, loss):
    rules = _rules(loss, terms, 40)
    seeds = np.arange(rows.draws.shape[1], dtype=np.uint64) + 1
    start = Boosted.nothing(terms, rules, seeds)
    losses = []

    def note(bag, steps, loss):
        losses.append((bag, steps, loss))
        return False

    reader = passes(terms, codes, rows, rules.loss, THREADS)
    boosted = boost_stage(terms, codes, rows, rules, start, THREADS, reader, note)
    return boosted.tables, np.array(losses)


@pytest.mark.parametrize("loss", [LOSSES[0], LOSSES[1], LOSSES[2], LOSSES[-1]])
@pytest.mark.parametrize("kind", ["mains", "pairs"])
def test_a_stage_ends_where_that_of_the_compiled_passes_does(loss, kind):
    _assert_same_stage(loss, kind, row_passes_on(CPU))


def _assert_same_stage(loss, kind, passes):
    # Every cell has rows: cuts on both sides of an empty one are equally good, and which of them
    # is taken is up to the last digit.
    rng = np.random.default_rng(7)
    features = _features(rng, 3_000, [2, 40, 5, 12])
    effects = main_effects(features) if kind == "mains" else pair_effects(features, [(2, 3)])
    terms, codes = effects
    rows = _rows(rng, loss, 3_000, 3, False)
    rows.base[:] = 0.1
    effect = np.cos(features[1].codes / 8.0) + features[2].codes * (features[3].codes > 4) / 4.0
    if loss.link == "logit":
        rows.y[:] = effect + rng.normal(size=3_000) > 0.5
    elif loss.link == "softmax":
        rows.y[:] = np.digitize(effect + rng.normal(size=3_000), [0.0, 1.0])
    elif loss.link == "log":
        rows.y[:] = rng.poisson(np.exp(effect / 2))
    else:
        rows.y[:] = effect + rng.normal(size=3_000)
    found, losses = _stage(passes, terms, codes, rows, loss)
    wanted, wanted_losses = _stage(RowPasses, terms, codes, rows, loss)
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(losses, wanted_losses, rtol=1e-6)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_whole_fit_with_pairs_is_that_of_the_compiled_passes():
    rng = np.random.default_rng(8)
    n_rows = 2_000
    features = _features(rng, n_rows, [12, 12, 12])
    x, z, _ = (feature.codes / 6.0 - 1.0 for feature in features)
    y = (x + 2 * x * z + rng.normal(size=n_rows) > 0).astype(float)
    draws = (rng.random((n_rows, 2)) < 0.8).astype(np.uint8)
    problem = Problem(features, features, [(0, 1), (0, 2), (1, 2)], 1, y, np.ones(n_rows), draws)
    step = StepRule(0.05, 0.0, 0.0, np.inf, 1e-4, 2, 10, 10.0, 5.0)
    options = BoostingOptions(LOSSES[1], step, max_rounds=60, upkeep="cells")
    found = boost(problem, options, 0, passes=row_passes_on(CPU))
    wanted = boost(problem, options, 0)
    assert found.pairs == wanted.pairs == [(0, 1)]
    assert found.n_steps == wanted.n_steps
    np.testing.assert_allclose(found.intercept, wanted.intercept, atol=1e-4)
    for here, there in zip(
        found.mains + found.pair_tables, wanted.mains + wanted.pair_tables, strict=True
    ):
        np.testing.assert_allclose(here, there, atol=1e-3)


def test_torch_waits_until_a_device_is_asked_for():
    code = (
        "import sys; from glassbox.solvers import boosting; from glassbox.estimators import _gram;"
        "_gram._row_passes('cpu'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@needs_cuda
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"loss {loss.code}")
@pytest.mark.parametrize("kind", ["bytes", "words", "pairs"])
def test_cuda_reads_what_the_cpu_reads(loss, kind, monkeypatch):
    monkeypatch.setattr(row_passes, "_MOST_SCORES", 2**16)
    rng = np.random.default_rng(9)
    terms, codes = _effects(rng, 20_000, kind)
    rows = _rows(rng, loss, 20_000, 4, True)
    tables = _tables(rng, terms, loss, 4)
    found, wanted = (
        row_passes_on(torch.device(device))(terms, codes, rows, loss, THREADS)
        for device in ("cuda", "cpu")
    )
    for active, with_mass in (([0, 1, 2, 3], True), ([1, 3], False)):
        _assert_same_look(
            found.look(tables, active, with_mass), wanted.look(tables, active, with_mass)
        )
    np.testing.assert_allclose(found.scores(tables), wanted.scores(tables), atol=1e-12)
    np.testing.assert_allclose(
        found.row_sums(tables, 7_001), wanted.row_sums(tables, 7_001), rtol=1e-9, atol=1e-10
    )
    mass = rng.exponential(size=20_000)
    shares = [
        _counted(row_passes_on(torch.device(device)), terms, codes, rows, loss, mass)
        for device in ("cuda", "cpu")
    ]
    np.testing.assert_allclose(*shares, atol=2e-6)


@needs_cuda
@pytest.mark.parametrize("loss", [LOSSES[1], LOSSES[-1]])
def test_a_stage_on_cuda_ends_where_that_of_the_compiled_passes_does(loss):
    _assert_same_stage(loss, "mains", row_passes_on(torch.device("cuda")))


@needs_cuda
def test_results_on_cuda_are_the_same_from_run_to_run():
    rng = np.random.default_rng(10)
    terms, codes = _effects(rng, 200_000, "words")
    loss = LOSSES[1]
    rows = _rows(rng, loss, 200_000, 5, False)
    tables = _tables(rng, terms, loss, 5)
    looks = []
    for _ in range(3):
        reader = row_passes_on(torch.device("cuda"))(terms, codes, rows, loss, THREADS)
        looks.append(reader.look(tables, range(5), True))
    for look in looks[1:]:
        np.testing.assert_array_equal(look.pull, looks[0].pull)
        np.testing.assert_array_equal(look.mass, looks[0].mass)
        np.testing.assert_array_equal(look.losses, looks[0].losses)
