import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import logsumexp

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.nets import lookup as lookups
from glassbox.nets import losses, trainer
from glassbox.nets.monotone import MonotoneNets
from glassbox.nets.shape_nets import ShapeNets
from glassbox.nets.trainer import Joint, Problem, Schedule, train
from glassbox.solvers.adaptive import Part
from glassbox.solvers.members import Batch, Members

torch.set_num_threads(1)

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

AXIS = NumericAxis("x", np.linspace(-1.0, 1.0, 21), degree=1)
SINE = Layout((TermColumns((AXIS,)),))


@dataclass
class _Memory:
    """Batches that stay where they are."""

    blocks: list[list[Batch]]
    in_memory = True

    @property
    def n_blocks(self):
        return len(self.blocks)

    def block(self, k):
        return self.blocks[k]


@dataclass
class _File:
    """Blocks that are read when they are asked for."""

    blocks: list[list[Batch]]
    on_read: Callable[[int], None] = lambda k: None
    in_memory = False

    @property
    def n_blocks(self):
        return len(self.blocks)

    def block(self, k):
        self.on_read(k)
        return [replace(batch, rows=batch.rows.copy()) for batch in self.blocks[k]]


def _bags(rng, n, n_members):
    return np.where(rng.random((n, n_members)) < 0.8, 1.25, 0.0).astype(np.float32)


def _sine_batches(n=1_200, n_batches=3, n_members=2, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    y = np.sin(3 * x) + noise * rng.normal(size=n)
    rows, bags = SINE.rows({"x": x}, np.float32), _bags(rng, n, n_members)
    cuts = [slice(i * n // n_batches, (i + 1) * n // n_batches) for i in range(n_batches)]
    return [Batch(rows[c], y[c], np.ones(len(y[c])), bags[c]) for c in cuts]


def _zero(layout=SINE, n_predictors=1, n_members=2):
    return Members.alike(
        np.zeros((layout.n_columns, n_predictors)), np.zeros(n_predictors), n_members
    )


def _problem(start=None, **changes):
    start = _zero() if start is None else start
    return replace(Problem(SINE, losses.Gaussian(), start, (), 1.0, 1_200.0, {}), **changes)


def _nets(layout=SINE, n_members=2, n_predictors=1, seed=0, output_scale=0.0):
    density = np.full(layout.n_columns, 50.0)
    return ShapeNets(
        layout, density, n_members, n_predictors, hidden=(8,), seed=seed, output_scale=output_scale
    )


def _train(problem, batches, schedule, *, seed=0, on_look=None, nets=None):
    source = _Memory([batches]) if isinstance(batches, list) else batches
    nets = _nets(n_members=problem.start.intercept.shape[1]) if nets is None else nets
    return train(nets, problem, source, schedule, device=CPU, seed=seed, on_look=on_look)


def _validation(members, batches):
    """Squared error of every member on the rows that it did not draw, halved."""
    loss = weight = 0.0
    for batch in batches:
        scores = members.predictors(batch.rows)[:, 0]
        left_out = (batch.bags == 0) * batch.weights[:, None]
        loss += (left_out * (batch.y[:, None] - scores) ** 2 / 2).sum(axis=0)
        weight += left_out.sum(axis=0)
    return loss / weight


def _assert_same(found, expected):
    np.testing.assert_array_equal(found.members.coefficients, expected.members.coefficients)
    np.testing.assert_array_equal(found.members.intercept, expected.members.intercept)
    np.testing.assert_array_equal(found.steps, expected.steps)
    for one, other in zip(found.history, expected.history, strict=True):
        assert one.step == other.step
        np.testing.assert_array_equal(one.validation, other.validation)
        np.testing.assert_array_equal(one.training, other.training)


# --- What is learned


def test_a_sine_is_learned_from_scratch():
    trained = _train(_problem(), _sine_batches(), Schedule(300, learning_rate=2e-2))
    assert (trained.history[-1].validation < 0.1 * trained.history[0].validation).all()
    found = trained.members.coefficients[:-1, 0] + trained.members.intercept
    error = np.sqrt(((found - np.sin(3 * AXIS.knots)[:, None]) ** 2).mean(axis=0))
    assert (error < 0.06).all()


def test_the_seed_decides_the_order_of_the_batches():
    once, twice, other = (
        _train(_problem(), _sine_batches(), Schedule(30), seed=seed) for seed in (5, 5, 6)
    )
    _assert_same(twice, once)
    assert (once.members.coefficients != other.members.coefficients).any()


def test_training_leaves_the_seed_of_others_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    _train(_problem(), _sine_batches(), Schedule(5))
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_that_a_member_did_not_draw_do_not_train_it():
    batches = _sine_batches()
    spoilt = [replace(b, y=np.where(b.bags[:, 0] == 0, 50.0, b.y)) for b in batches]
    schedule = Schedule(40, patience=1_000)
    plain, found = (_train(_problem(), some, schedule) for some in (batches, spoilt))
    for one, other in zip(plain.history[1:], found.history[1:], strict=True):
        assert one.training[0] == pytest.approx(other.training[0], rel=1e-6)
        assert one.training[1] != pytest.approx(other.training[1], rel=1e-2)


def test_rows_without_weight_do_not_count():
    batches = _sine_batches()
    light = [replace(b, weights=(np.arange(len(b.y)) % 3 > 0).astype(float)) for b in batches]
    spoilt = [replace(b, y=np.where(b.weights > 0, b.y, -70.0)) for b in light]
    one, other = (_train(_problem(), some, Schedule(30)) for some in (light, spoilt))
    _assert_same(other, one)


def test_a_sure_prior_lets_nothing_be_added():
    precision = 1e6 * np.eye(SINE.n_columns)[None]
    part = Part(slice(0, SINE.n_columns), precision, precision, precision)
    schedule = Schedule(150, learning_rate=1e-3, patience=1_000)
    free, held = (
        _train(_problem(parts=parts), _sine_batches(), schedule) for parts in ((), [part])
    )
    reach = np.abs(held.members.coefficients).max(axis=(0, 1))
    assert (reach < 0.05 * np.abs(free.members.coefficients).max(axis=(0, 1))).all()


def test_the_prior_is_its_log_density_per_row():
    rng = np.random.default_rng(4)
    problem, batch = _all_kinds()
    m, (n_predictors, n_members) = problem.layout.n_columns, problem.start.intercept.shape
    half, parts = m // 2, []
    for here in (slice(0, half), slice(half, m)):
        root = rng.normal(size=(n_predictors, here.stop - here.start, here.stop - here.start))
        precision = root @ root.transpose(0, 2, 1)
        parts.append(Part(here, precision, precision, precision))
    pull = np.array([3.0, 0.5])
    problem = replace(problem, parts=parts, dispersion=2.5, intercept_precision=pull)
    nets = _nets(problem.layout, n_members, n_predictors)
    loop = trainer._Loop(nets, problem, _Memory([[batch]]), Schedule(1), CPU, 0)
    added = rng.normal(size=(m, n_members, n_predictors))
    shift = rng.normal(size=(n_members, n_predictors))
    with torch.no_grad():
        loop.intercept.copy_(torch.from_numpy(shift))
        found = loop._penalty(torch.from_numpy(added).float().view(m, -1)).item()
    expected = sum(
        added[part.here, e, a] @ part.precision[a] @ added[part.here, e, a]
        for part in parts
        for e in range(n_members)
        for a in range(n_predictors)
    )
    expected += (pull * shift**2).sum()
    assert found == pytest.approx(expected * 2.5 / (2 * 600.0), rel=1e-4)


def test_terms_with_a_direction_do_not_turn():
    trained = _train(_problem(directions={"x": 1}), _sine_batches(), Schedule(200, 2e-2))
    steps = np.diff(trained.members.coefficients[:-1, 0], axis=0)
    # A single precision apart from the tables that the loss was computed with.
    assert steps.min() > -1e-6
    assert steps.max() > 0.1


# --- Which snapshot is kept


def _noisy():
    """Few rows with much noise, so that networks learn by heart and members part ways."""
    batches = _sine_batches(n=120, n_batches=1, n_members=6, noise=1.0)
    return _problem(_zero(n_members=6), total=120.0), batches


def test_every_member_keeps_its_best_snapshot(monkeypatch):
    monkeypatch.setattr(trainer, "_STANDARD_ERRORS", -1e9)
    problem, batches = _noisy()
    trained = _train(problem, batches, Schedule(100, 5e-2, steps_between=2, patience=1_000))
    by_look = np.array([look.validation for look in trained.history])
    steps = np.array([look.step for look in trained.history])
    np.testing.assert_array_equal(trained.steps, steps[by_look.argmin(axis=0)])
    assert len(np.unique(trained.steps)) > 2
    np.testing.assert_allclose(
        _validation(trained.members, batches), by_look.min(axis=0), rtol=1e-4
    )


def test_a_member_leaves_its_start_only_for_more_than_chance(monkeypatch):
    problem, batches = _noisy()
    schedule = Schedule(100, 5e-2, steps_between=2, patience=1_000)
    trained = _train(problem, batches, schedule)
    gains = trained.history[0].validation - np.array([look.validation for look in trained.history])
    left = trained.steps > 0
    assert (gains.max(axis=0)[left] > 0).all()
    monkeypatch.setattr(trainer, "_STANDARD_ERRORS", 1e9)
    stayed = _train(problem, batches, schedule)
    np.testing.assert_array_equal(stayed.steps, 0)
    np.testing.assert_array_equal(stayed.members.coefficients, problem.start.coefficients)
    # Networks from scratch gain far more than chance would.
    monkeypatch.undo()
    assert (_train(_problem(), _sine_batches(), Schedule(60, 1e-2)).steps > 0).all()


def test_a_member_that_no_step_makes_better_keeps_its_start_exactly():
    rng = np.random.default_rng(1)
    start = Members(rng.normal(size=(SINE.n_columns, 1, 2)), rng.normal(size=(1, 2)))
    trained = _train(_problem(start), _sine_batches(), Schedule(40, learning_rate=1e6))
    np.testing.assert_array_equal(trained.members.coefficients, start.coefficients)
    np.testing.assert_array_equal(trained.members.intercept, start.intercept)
    np.testing.assert_array_equal(trained.steps, 0)
    assert len(trained.history) > 1


def test_networks_that_break_down_cost_nothing():
    problem = _problem(_zero(), loss=losses.Poisson())
    batches = [replace(b, y=np.exp(b.y).round()) for b in _sine_batches()]
    trained = _train(problem, batches, Schedule(40, learning_rate=1e30))
    assert not all(np.isfinite(look.validation).all() for look in trained.history)
    assert np.isfinite(trained.members.coefficients).all()


def test_no_steps_return_the_start():
    start = Members.alike(np.full((SINE.n_columns, 1), 0.1), np.array([0.7]), 2)
    trained = _train(_problem(start), _sine_batches(), Schedule(0))
    np.testing.assert_array_equal(trained.members.coefficients, start.coefficients)
    np.testing.assert_array_equal(trained.members.intercept, start.intercept)
    assert [look.step for look in trained.history] == [0]
    assert not trained.interrupted


def test_a_member_that_drew_every_row_keeps_its_start_and_the_others_learn():
    batches = _sine_batches()
    for batch in batches:
        batch.bags[:, 0] = 1.0
    start = Members.alike(np.full((SINE.n_columns, 1), 0.1), np.array([0.7]), 2)
    trained = _train(_problem(start), batches, Schedule(100, 2e-2))
    np.testing.assert_array_equal(trained.members.coefficients[..., 0], start.coefficients[..., 0])
    np.testing.assert_array_equal(trained.members.intercept[:, 0], start.intercept[:, 0])
    validation = np.array([look.validation for look in trained.history])
    assert trained.steps[0] == 0 and np.isinf(validation[:, 0]).all()
    assert trained.steps[1] > 50 and validation[-1, 1] < 0.2 * validation[0, 1]


# --- When training looks and stops


def test_looks_are_told_as_they_come_and_the_last_step_is_looked_at():
    told = []
    trained = _train(
        _problem(), _sine_batches(), Schedule(25, steps_between=10), on_look=told.append
    )
    assert [look.step for look in told] == [0, 10, 20, 25]
    assert all(one is other for one, other in zip(told, trained.history, strict=True))
    assert np.isnan(told[0].training).all() and np.isfinite(told[1].training).all()


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_counts_looks_without_a_gain(patience):
    schedule = Schedule(1_000, learning_rate=0.0, steps_between=2, patience=patience)
    trained = _train(_problem(), _sine_batches(), schedule)
    assert [look.step for look in trained.history] == [2 * k for k in range(patience + 1)]


def test_progress_renews_patience():
    schedule = Schedule(60, learning_rate=1e-2, steps_between=10, patience=1)
    trained = _train(_problem(), _sine_batches(), schedule)
    assert trained.history[-1].step == 60


def test_the_rate_rises_and_then_falls():
    rates = np.array([Schedule(200).rate(step) for step in range(201)])
    assert 0 < rates[0] < 0.1 and rates.max() == 1.0
    top = rates.argmax()
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top + 1 :]) < 0).all()
    assert rates[-1] == pytest.approx(0.01)


def test_an_interruption_keeps_the_best_snapshot_and_says_so():
    looks = []

    def stop(look):
        looks.append(look)
        if look.step == 30:
            raise KeyboardInterrupt

    batches = _sine_batches()
    with pytest.warns(UserWarning, match="interrupted at step 30"):
        trained = _train(_problem(), batches, Schedule(300, 2e-2), on_look=stop)
    assert trained.interrupted and len(trained.history) == 4
    assert (trained.steps > 0).all()
    best = np.array([look.validation for look in looks]).min(axis=0)
    np.testing.assert_allclose(_validation(trained.members, batches), best, rtol=1e-4)


def test_other_errors_pass():
    def fail(look):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _train(_problem(), _sine_batches(), Schedule(5), on_look=fail)


# --- Blocks


def _blocks():
    batches = _sine_batches(n_batches=6)
    return [batches[:2], batches[2:3], batches[3:]]


def test_a_file_gives_what_the_same_blocks_in_memory_give():
    schedule = Schedule(40, steps_between=7)
    _assert_same(
        _train(_problem(), _File(_blocks()), schedule),
        _train(_problem(), _Memory(_blocks()), schedule),
    )


def test_no_more_than_one_block_of_a_file_is_prepared_at_a_time(monkeypatch):
    alive, left_at_a_read = weakref.WeakSet(), []

    class Counted(trainer._Prepared):
        def __init__(self, *args):
            super().__init__(*args)
            alive.add(self)

    monkeypatch.setattr(trainer, "_Prepared", Counted)
    source = _File(_blocks(), on_read=lambda k: left_at_a_read.append(len(alive)))
    _train(_problem(), source, Schedule(25, steps_between=7))
    assert len(left_at_a_read) > source.n_blocks
    assert set(left_at_a_read) == {0}


def test_blocks_in_memory_are_prepared_once():
    source = _Memory(_blocks())
    asked, block = [], source.block
    source.block = lambda k: asked.append(k) or block(k)
    _train(_problem(), source, Schedule(25, steps_between=7))
    assert sorted(asked) == [0, 1, 2]


def test_every_batch_is_seen_before_any_is_seen_again():
    batches = _sine_batches(n_batches=6)
    loop = trainer._Loop(
        _nets(), _problem(), _Memory([batches[:2], batches[2:3], batches[3:]]), Schedule(1), CPU, 0
    )
    seen = [float(batch.y[0]) for batch, _ in zip(loop._batches(), range(12), strict=False)]
    expected = sorted(float(np.float32(batch.y[0])) for batch in batches)
    assert sorted(seen[:6]) == sorted(seen[6:]) == expected


def test_members_are_judged_by_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(trainer, "JUDGED_ROWS", 500)
    blocks = _blocks()
    trained = _train(_problem(), _File(blocks), Schedule(0))
    expected = _validation(_zero(), [*blocks[0], *blocks[1]])
    np.testing.assert_allclose(trained.history[0].validation, expected, rtol=1e-5)


# --- Joint networks


A = NumericAxis("a", np.linspace(-1.0, 1.0, 9), degree=1)
B = NumericAxis("b", np.linspace(-1.0, 1.0, 9), degree=1)
BOTH = Layout((TermColumns((A,)), TermColumns((B,))))
READOUT = np.zeros((BOTH.n_columns, 2))
READOUT[:9, 0] = READOUT[10:19, 1] = 1.7 * A.knots


def _product_batches(n=2_000, n_batches=2, n_members=3, noise=0.1, signal=1.0, seed=0):
    """The outcome rises with a and b, and with both together more than with each alone."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.uniform(-1, 1, n) for name in "ab"}
    y = signal * (columns["a"] + 1) * (columns["b"] + 1) + noise * rng.normal(size=n)
    rows, bags = BOTH.rows(columns, np.float32), _bags(rng, n, n_members)
    cuts = [slice(i * n // n_batches, (i + 1) * n // n_batches) for i in range(n_batches)]
    return [Batch(rows[c], y[c], np.ones(len(y[c])), bags[c]) for c in cuts]


def _joint(n_members=3, *, hidden=(8, 8), seed=0, penalty=0.0, scale=1.0):
    nets = MonotoneNets(n_members, 1, 1, hidden=hidden, seed=seed)
    return Joint(nets, READOUT.copy(), penalty, scale)


def _beside_problem(n_members=3, total=2_000.0, loss=None):
    rng = np.random.default_rng(9)
    tables = 0.01 * rng.normal(size=(BOTH.n_columns, 1, n_members))
    start = Members(tables, np.full((1, n_members), 1.0))
    loss = losses.Gaussian() if loss is None else loss
    return Problem(BOTH, loss, start, (), 1.0, total, {"a": 1})


def _train_joint(problem, batches, schedule, joint, nets=None):
    source = _Memory([batches])
    return train(nets, problem, source, schedule, device=CPU, seed=0, joint=joint)


def _pooled_validation(trained, batches, joint):
    """Squared error halved, each row under the mean of the members that did not draw it."""
    nets = MonotoneNets(trained.members.intercept.shape[1], 1, 1, hidden=(8, 8), seed=5)
    nets.load_state_dict({k: torch.from_numpy(v) for k, v in trained.joint.items()})
    total = weight = 0.0
    for batch in batches:
        inputs = torch.from_numpy((batch.rows @ READOUT).astype(np.float32))
        with torch.no_grad():
            beside = joint.scale * nets(inputs).numpy()
        scores = trained.members.predictors(batch.rows)[:, 0] + beside
        left_out = batch.bags == 0
        judged = left_out.any(axis=1)
        errors = (left_out * (batch.y[:, None] - scores) ** 2 / 2).sum(axis=1)
        total += (errors[judged] / left_out[judged].sum(axis=1)).sum()
        weight += judged.sum()
    return total / weight


def test_joint_networks_that_help_are_kept_beside_tables_that_stay():
    problem, batches, joint = _beside_problem(), _product_batches(), _joint(scale=0.5)
    schedule = Schedule(120, 2e-2, weight_decay=0.0, patience=1_000)
    trained = _train_joint(problem, batches, schedule, joint)
    first, last = trained.history[0].validation, trained.history[-1].validation
    assert (last < 0.1 * first).all()
    np.testing.assert_array_equal(trained.members.coefficients, problem.start.coefficients)
    assert (trained.members.intercept != problem.start.intercept).any()
    assert list(trained.joint) == [name for name, _ in joint.nets.named_parameters()]
    for name, parameter in joint.nets.named_parameters():
        assert trained.joint[name].shape == parameter.shape
        assert trained.joint[name].dtype == np.float64
    assert trained.steps[0] > 50 and len(set(trained.steps.tolist())) == 1
    assert all(len(set(look.validation.tolist())) == 1 for look in trained.history)
    expected = _pooled_validation(trained, batches, joint)
    best = min(look.validation[0] for look in trained.history)
    assert best == pytest.approx(expected, rel=1e-4)


def test_all_members_keep_the_parameters_of_the_best_look(monkeypatch):
    monkeypatch.setattr(trainer, "_STANDARD_ERRORS", -1e9)
    batches = _product_batches(n=150, n_batches=1, noise=2.0, signal=0.5)
    problem, joint = _beside_problem(total=150.0), _joint(scale=2.0)
    schedule = Schedule(150, 5e-2, weight_decay=0.0, steps_between=2, patience=1_000)
    trained = _train_joint(problem, batches, schedule, joint)
    by_look = np.array([look.validation[0] for look in trained.history])
    best = trained.history[int(by_look.argmin())]
    assert 0 < best.step < 140 and by_look[-1] > 1.02 * by_look.min()
    np.testing.assert_array_equal(trained.steps, best.step)
    assert by_look.min() == pytest.approx(_pooled_validation(trained, batches, joint), rel=1e-4)
    last = dict(joint.nets.named_parameters())
    assert (trained.joint["up.0"] != last["up.0"].detach().double().numpy()).any()


def test_joint_networks_that_cannot_help_are_left_out_and_members_stay():
    problem, joint = _beside_problem(), _joint()
    schedule = Schedule(40, learning_rate=1e6)
    trained = _train_joint(problem, _product_batches(), schedule, joint)
    assert trained.joint is None
    np.testing.assert_array_equal(trained.members.coefficients, problem.start.coefficients)
    np.testing.assert_array_equal(trained.members.intercept, problem.start.intercept)
    np.testing.assert_array_equal(trained.steps, 0)
    assert len(trained.history) > 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_joint_networks_must_be_better_than_none(seed):
    """The outcome has nothing to do with the features: unlearning the random start is no gain."""
    batches = [
        replace(b, y=np.arange(len(b.y)) % 2.0) for b in _product_batches(n=4_000, seed=seed)
    ]
    problem = _beside_problem(total=4_000.0, loss=losses.Bernoulli())
    start = Members(0 * problem.start.coefficients, 0 * problem.start.intercept)
    problem = replace(problem, start=start)
    joint = _joint(seed=seed, scale=3.0)
    schedule = Schedule(60, 1e-2, patience=1_000)
    trained = _train_joint(problem, batches, schedule, joint)
    without = np.log(2.0)
    assert trained.joint is None or min(look.validation[0] for look in trained.history) < without


def test_joint_networks_are_judged_though_a_member_drew_every_row():
    batches = _product_batches()
    for batch in batches:
        batch.bags[:, 0] = 1.0
    schedule = Schedule(60, 2e-2, weight_decay=0.0)
    trained = _train_joint(_beside_problem(), batches, schedule, _joint())
    assert np.isfinite(trained.history[-1].validation).all()
    assert (trained.steps == trained.steps[0]).all() and trained.steps[0] > 0


def test_without_rows_to_judge_by_there_are_no_joint_networks():
    batches = _product_batches()
    for batch in batches:
        batch.bags[:] = 1.0
    problem = _beside_problem()
    trained = _train_joint(problem, batches, Schedule(30, 2e-2), _joint())
    assert trained.joint is None
    np.testing.assert_array_equal(trained.members.intercept, problem.start.intercept)


def test_gradients_reach_the_joint_networks_and_nothing_else():
    problem, batches, joint = _beside_problem(), _product_batches(n_batches=1), _joint()
    loop = trainer._Loop(None, problem, _Memory([batches]), Schedule(1), CPU, 0, joint)
    before = [p.detach().clone() for p in joint.nets.parameters()]
    optimiser = torch.optim.SGD([*joint.nets.parameters(), loop.intercept], lr=0.1)
    prepared = loop._prepare(0)[0]
    loop._step(prepared, optimiser)
    for parameter, old in zip(joint.nets.parameters(), before, strict=True):
        assert parameter.grad.abs().max() > 0 and not torch.equal(parameter, old)
    for held in (loop.start, loop.intercept_start, loop.readout, prepared.inputs):
        assert not held.requires_grad and held.grad is None
    np.testing.assert_array_equal(joint.inputs, READOUT)
    torch.testing.assert_close(
        loop.start.double(), torch.from_numpy(problem.start.coefficients[:, 0]), rtol=0, atol=1e-8
    )


def test_members_do_not_learn_from_rows_that_they_did_not_draw_beside_networks():
    batches = _product_batches(n_batches=1)
    spoilt = [replace(b, y=np.where(b.bags[:, 0] == 0, 50.0, b.y)) for b in batches]
    steps = []
    for some in (batches, spoilt):
        joint = _joint()
        loop = trainer._Loop(None, _beside_problem(), _Memory([some]), Schedule(1), CPU, 0, joint)
        optimiser = torch.optim.SGD([*joint.nets.parameters(), loop.intercept], lr=0.1)
        loop._step(loop._prepare(0)[0], optimiser)
        steps.append([p.grad for p in joint.nets.parameters()])
    for plain, found in zip(*steps, strict=True):
        torch.testing.assert_close(plain[0], found[0])
        assert not torch.allclose(plain[1], found[1])


def test_the_penalty_is_on_the_mean_square_of_what_is_added():
    batches = _product_batches(n_batches=1)
    gradients = []
    for penalty in (0.0, 0.7):
        joint = _joint(scale=1.5, penalty=penalty)
        loop = trainer._Loop(
            None, _beside_problem(), _Memory([batches]), Schedule(1), CPU, 0, joint
        )
        optimiser = torch.optim.SGD(joint.nets.parameters(), lr=0.0)
        loop._step(loop._prepare(0)[0], optimiser)
        gradients.append([p.grad.clone() for p in joint.nets.parameters()])
    joint = _joint()
    batch = batches[0]
    inputs = torch.from_numpy((batch.rows @ READOUT).astype(np.float32))
    beside = 1.5 * joint.nets(inputs)
    drawn = torch.from_numpy(batch.bags)
    (0.7 * (drawn * beside**2).sum() / (2 * batch.n_rows)).backward()
    for parameter, without, with_it in zip(joint.nets.parameters(), *gradients, strict=True):
        torch.testing.assert_close(with_it - without, parameter.grad, rtol=1e-3, atol=1e-5)


def test_a_large_penalty_leaves_little_of_a_network():
    schedule = Schedule(100, 2e-2, weight_decay=0.0, patience=1_000)
    batches = _product_batches()
    sizes = []
    for penalty in (0.0, 1e4):
        joint = _joint(penalty=penalty)
        _train_joint(_beside_problem(), batches, schedule, joint)
        inputs = torch.from_numpy((batches[0].rows @ READOUT).astype(np.float32))
        with torch.no_grad():
            sizes.append(joint.nets(inputs).square().mean().item())
    assert sizes[1] < 0.01 * sizes[0]


def test_without_joint_networks_there_is_nothing_joint():
    assert _train(_problem(), _sine_batches(), Schedule(20, 1e-2)).joint is None


def test_joint_networks_from_a_file_are_those_from_memory():
    batches = _product_batches(n_batches=4)
    blocks, runs = [batches[:1], batches[1:]], []
    for source in (_File(blocks), _Memory(blocks)):
        schedule = Schedule(30, 2e-2, steps_between=7)
        runs.append(
            train(None, _beside_problem(), source, schedule, device=CPU, seed=0, joint=_joint())
        )
    _assert_same(*runs)
    for name, values in runs[0].joint.items():
        np.testing.assert_array_equal(values, runs[1].joint[name])


# --- Devices


def _all_kinds():
    """Three classes; a number, a category, ordered levels and a pair."""
    rng = np.random.default_rng(3)
    site = CategoricalAxis("site", ("a", "b", "c"))
    stage = CategoricalAxis("stage", ("I", "II", "III"), ordered=True)
    layout = Layout(
        tuple(TermColumns(axes) for axes in ((AXIS,), (site,), (AXIS, site), (stage,)))
    )
    n, n_members, n_predictors = 600, 3, 2
    columns = {
        "x": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(-1, 1, n)),
        "site": rng.integers(-1, 3, n),
        "stage": rng.integers(-1, 3, n),
    }
    y = rng.integers(0, 3, n).astype(float)
    bags = _bags(rng, n, n_members)
    batch = Batch(layout.rows(columns, np.float32), y, rng.uniform(0.5, 2, n), bags)
    m = layout.n_columns
    start = Members(
        0.3 * rng.normal(size=(m, n_predictors, n_members)),
        0.3 * rng.normal(size=(n_predictors, n_members)),
    )
    precision = np.stack([np.diag(rng.uniform(0.5, 2, m)) for _ in range(n_predictors)])
    parts = [Part(slice(0, m), precision, precision, precision)]
    problem = Problem(layout, losses.Multinomial(3), start, parts, 1.0, 600.0, {"x": 1})
    return problem, batch


def test_members_of_several_classes_are_what_the_looks_judged():
    problem, batch = _all_kinds()
    nets = _nets(problem.layout, 3, 2, output_scale=0.3)
    trained = _train(problem, [batch], Schedule(60, steps_between=3, patience=1_000), nets=nets)
    predictors = trained.members.predictors(batch.rows)
    left_out = (batch.bags == 0) * batch.weights[:, None]
    scores = np.einsum("ka,nae->nek", problem.loss.family.contrasts, predictors)
    own = np.take_along_axis(scores, batch.y.astype(int)[:, None, None], axis=2)[..., 0]
    losses_of_rows = logsumexp(scores, axis=2) - own
    expected = (left_out * losses_of_rows).sum(axis=0) / left_out.sum(axis=0)
    best = np.array([look.validation for look in trained.history]).min(axis=0)
    np.testing.assert_allclose(best, expected, rtol=1e-5)
    assert (trained.steps > 0).all()


def _after_one_step(device):
    """Loss and what is added after a step down the gradient."""
    problem, batch = _all_kinds()
    nets = _nets(problem.layout, 3, 2, output_scale=0.3).to(device)
    loop = trainer._Loop(nets, problem, _Memory([[batch]]), Schedule(1), device, 0)
    # AdamW's first step is a sign: a gradient of rounding errors would be a whole step apart.
    optimiser = torch.optim.SGD([*nets.parameters(), loop.intercept], lr=1.0)
    before = loop._added().detach()
    loss = loop._step(loop._prepare(0)[0], optimiser)
    found = [t.detach().cpu() for t in (loss, loop._added() - before, loop.intercept)]
    assert all(change.abs().max() > 1e-3 for change in found)
    return found


def _assert_same_step(one, other):
    for first, second in zip(one, other, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def test_a_step_through_bags_equals_one_through_the_sparse_product(monkeypatch):
    plain = _after_one_step(CPU)
    used = []

    def bags(matrix: sparse.csr_array, device):
        used.append(matrix.shape)
        return lookups._BagProduct(matrix, device)

    monkeypatch.setattr(lookups, "_product", bags)
    _assert_same_step(_after_one_step(CPU), plain)
    assert len(used) == 2


@needs_cuda
def test_a_step_on_cuda_equals_one_on_the_cpu():
    _assert_same_step(_after_one_step(torch.device("cuda")), _after_one_step(CPU))


@needs_cuda
def test_training_on_cuda_ends_where_training_on_the_cpu_does():
    trained = [
        train(
            _nets(),
            _problem(),
            _Memory([_sine_batches()]),
            Schedule(200, 2e-2, patience=1_000),
            device=torch.device(device),
            seed=0,
        )
        for device in ("cpu", "cuda")
    ]
    on_cpu, on_cuda = (run.history[-1].validation for run in trained)
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=0.05)


@needs_cuda
@pytest.mark.parametrize("kinds", ["sine", "all"])
def test_nothing_waits_for_cuda_between_looks(monkeypatch, kinds):
    if kinds == "sine":
        problem, batches, nets = _problem(), _sine_batches(), _nets()
    else:
        problem, batch = _all_kinds()
        batches, nets = [batch], _nets(problem.layout, 3, 2)
    last, judge, strict_steps = 25, trainer._Loop._judge, []

    def lenient(self, *args):
        torch.cuda.set_sync_debug_mode("default")
        return judge(self, *args)

    def strict(look):
        if look.step < last:
            torch.cuda.set_sync_debug_mode("error")
            strict_steps.append(look.step)

    monkeypatch.setattr(trainer._Loop, "_judge", lenient)
    schedule = Schedule(last, steps_between=5, patience=1_000)
    try:
        train(
            nets,
            problem,
            _Memory([batches]),
            schedule,
            device=torch.device("cuda"),
            seed=0,
            on_look=strict,
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert strict_steps == [0, 5, 10, 15, 20]
