import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.network import Layer, MonotoneNetwork
from glassbox.core.terms import Term
from glassbox.estimators import _joint_split
from glassbox.estimators._joint_split import split
from glassbox.estimators._training import TrainingTable
from glassbox.solvers.order import MonotoneOrder

seeds = st.integers(0, 2**32 - 1)

AGE = NumericAxis("age", np.array([18.0, 30.0, 45.0, 60.0, 90.0]), 1)
COARSE_AGE = NumericAxis("age", AGE.knots[[0, 2, 4]], 1)
STAGE = CategoricalAxis("stage", ("I", "II", "III"), ordered=True)
DOSE = NumericAxis("dose", np.array([0.0, 1.0, 10.0]), 1)
SITE = CategoricalAxis("site", ("a", "b", "c"))
TERMS = [(AGE,), (SITE,), (COARSE_AGE, SITE), (STAGE,), (DOSE,), (STAGE, DOSE)]
DIRECTIONS = {"age": 1, "stage": -1}
MAINS = Layout(tuple(TermColumns(axes) for axes in TERMS if len(axes) == 1))


def _sample(rng, n=1_500):
    age = rng.uniform(18, 90, n)
    columns = {
        "age": np.where(rng.random(n) < 0.1, np.nan, age),
        "stage": rng.integers(-1, 3, n),
        # Not apart from age, so that main effects have to share what they explain.
        "dose": np.clip(10 * age / 90 + rng.normal(size=n), 0, 10),
        "site": rng.integers(0, 3, n),
    }
    return TrainingTable(None, columns, np.zeros(n), rng.uniform(0.2, 3.0, n))


def _trunk(rng, directions=DIRECTIONS):
    order = MonotoneOrder(TERMS, directions)
    flat = order.settled(0.3 * rng.normal(size=order.size))
    sizes = [int(np.prod([a.size for a in axes])) for axes in TERMS]
    tables = np.split(flat, np.cumsum(sizes)[:-1])
    terms = [
        Term(axes, table.reshape([a.size for a in axes]))
        for axes, table in zip(TERMS, tables, strict=True)
    ]
    return AdditiveModel(rng.normal(), tuple(terms), "logit")


def _network(rng, *, hidden=(5,), size=1.0):
    """Rises with age, falls with stage, and reads all features together."""

    def table(axis, direction):
        values = np.zeros((axis.size, 1))
        values[: axis.n_values, 0] = direction * np.sort(rng.normal(size=axis.n_values))
        return Term((axis,), values)

    missing = np.zeros((AGE.size, 1))
    missing[AGE.missing_index] = 1.0
    directed = (table(AGE, 1), table(STAGE, -1))
    others = (
        Term((AGE,), missing),
        Term((DOSE,), rng.normal(size=(DOSE.size, 1))),
        Term((SITE,), np.eye(SITE.size)[:, :3]),
    )
    layers, before = [], 2
    for after in (*hidden, 1):
        up, free = np.abs(rng.normal(size=(2, before, after))), rng.normal(size=(2, 4, after))
        layers.append(Layer(size * up, size * free, rng.normal(size=(2, after))))
        before = after
    weights, bias = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 4))
    return MonotoneNetwork(directed, others, weights, bias, tuple(layers))


def _additive_network(rng, size=1.0):
    """A layer without activation, and a free branch that reads nothing."""
    network = _network(rng, hidden=(), size=size)
    nothing = np.zeros_like(network.branch_weights)
    return MonotoneNetwork(
        network.directed, network.others, nothing, network.branch_bias, network.layers
    )


def _weighted_sums(sample, values):
    """Of the values over the basis rows of all main effects."""
    return MAINS.rows(sample.columns).T @ (sample.weights * values)


@settings(max_examples=25)
@given(seeds, st.sampled_from([{}, DIRECTIONS, {"age": 1}]), st.sampled_from([0.1, 3.0]))
def test_tables_and_joint_part_are_trunk_and_network(seed, directions, size):
    rng = np.random.default_rng(seed)
    trunk, network, sample = _trunk(rng), _network(rng, size=size), _sample(rng, 400)
    parts = split(trunk, network, sample, directions)
    assert parts.model.link == "logit" and parts.model.term_names == trunk.term_names
    new = _sample(rng, 300).columns
    new["site"] = rng.integers(-2, 3, 300)
    new["age"][:20] = rng.uniform(-100, 500, 20)
    whole = parts.model.scores(new)[:, 0] + parts.joint.scores(new)
    np.testing.assert_allclose(
        whole, trunk.scores(new)[:, 0] + network.scores(new), atol=1e-9 * max(size, 1)
    )
    assert 0 <= parts.additivity <= 1 and parts.joint_size >= 0
    np.testing.assert_array_equal(
        parts.model["age & site"].coefficients, trunk["age & site"].coefficients
    )


@settings(max_examples=25)
@given(seeds)
def test_what_remains_has_no_main_effect(seed):
    rng = np.random.default_rng(seed)
    trunk, network, sample = _trunk(rng), _network(rng), _sample(rng)
    parts = split(trunk, network, sample, {})
    extra = parts.joint.scores(sample.columns)
    # Each knot's ridge of one row leaves its own effect in the sum over its rows.
    effects = [term.coefficients[..., 0] for term in parts.joint.shown.terms]
    expected = np.concatenate(
        [table[main.slots] for main, table in zip(MAINS.terms, effects, strict=True)]
    )
    np.testing.assert_allclose(_weighted_sums(sample, extra), expected, atol=1e-7)


@settings(max_examples=25)
@given(seeds, st.sampled_from([{}, DIRECTIONS]))
def test_what_remains_is_nearly_uncorrelated_with_the_main_effects(seed, directions):
    rng = np.random.default_rng(seed)
    trunk, network, sample = _trunk(rng), _network(rng), _sample(rng, 4_000)
    # A trunk that rises by itself leaves the order of the sum free.
    steep = trunk["age"].coefficients[..., 0] + np.append(5.0 * np.arange(5), 0.0)
    steps = trunk["stage"].coefficients[..., 0] - np.array([0.0, 5.0, 10.0, 0.0, 0.0])
    changed = {"age": steep, "stage": steps}
    terms = [Term(t.axes, changed[t.name]) if t.name in changed else t for t in trunk.terms]
    trunk = trunk.replace(terms=tuple(terms))
    parts = split(trunk, network, sample, directions)
    extra = parts.joint.scores(sample.columns)
    # The ridge of one row leaves an effect of each knot, of thousands of rows.
    largest = max(np.abs(term.coefficients).max() for term in parts.joint.shown.terms)
    allowed = 8 * largest / sample.weights.sum()
    assert abs(np.average(extra, weights=sample.weights)) < allowed
    rows = MAINS.rows(sample.columns).toarray()
    for column in rows.T:
        if column.any() and np.ptp(column) > 0:
            covariance = np.cov(column, extra, aweights=sample.weights)
            assert abs(covariance[0, 1]) < allowed
    assert parts.joint_size == pytest.approx(np.average(np.abs(extra), weights=sample.weights))


@settings(max_examples=25)
@given(seeds, st.sampled_from([DIRECTIONS, {"age": 1}, {"stage": -1}]))
def test_tables_keep_the_directions(seed, directions):
    rng = np.random.default_rng(seed)
    trunk, network, sample = _trunk(rng), _network(rng, size=4.0), _sample(rng, 300)
    parts = split(trunk, network, sample, directions)
    assert monotonicity_certificate(parts.model, directions)["holds"].eq(True).all()
    back = parts.joint.trunk(parts.model)
    assert monotonicity_certificate(back, directions)["holds"].eq(True).all()
    # The main effects move; pairs stay as they were.
    for term in trunk.terms:
        if len(term.axes) == 2:
            found = parts.model[term.name].coefficients
            np.testing.assert_array_equal(found, term.coefficients)


def test_effects_that_would_turn_are_the_nearest_that_do_not():
    """Age and dose rise together, so that a free fit gives age what is the dose's."""
    found = []
    rng = np.random.default_rng(1)
    for _ in range(40):
        trunk, network, sample = _trunk(rng), _network(rng, size=4.0), _sample(rng, 200)
        plain = split(trunk, network, sample, {})
        held = split(trunk, network, sample, DIRECTIONS)
        if monotonicity_certificate(plain.model, DIRECTIONS)["holds"].eq(True).all():
            for mine, its in zip(plain.model.terms, held.model.terms, strict=True):
                np.testing.assert_allclose(mine.coefficients, its.coefficients, atol=1e-6)
            continue
        sizes = [_loss(parts, network, sample) for parts in (plain, held)]
        found.append(sizes[1] - sizes[0])
        settled = MonotoneOrder(TERMS, DIRECTIONS).settled(
            np.concatenate([t.coefficients.ravel() for t in plain.model.terms])
        )
        assert sizes[1] <= _loss_of_tables(settled, trunk, plain, network, sample) + 1e-6
    assert len(found) > 3 and min(found) > 0


def _loss(parts, network, sample):
    """Weighted squares of what tables leave of the network, and the ridge of one row a knot."""
    extra = parts.joint.scores(sample.columns)
    ridge = sum((t.coefficients**2).sum() for t in parts.joint.shown.terms)
    return (sample.weights * extra**2).sum() + ridge


def _loss_of_tables(flat, trunk, parts, network, sample):
    before = np.concatenate([t.coefficients.ravel() for t in trunk.terms])
    sizes = [t.coefficients.size for t in trunk.terms]
    tables = dict(
        zip(trunk.term_names, np.split(flat - before, np.cumsum(sizes)[:-1]), strict=True)
    )
    shown = parts.joint.shown
    terms = tuple(t.replace(coefficients=tables[t.name]) for t in shown.terms)
    values = (
        network.scores(sample.columns) - shown.replace(terms=terms).scores(sample.columns)[:, 0]
    )
    ridge = sum((tables[t.name] ** 2).sum() for t in terms)
    return (sample.weights * values**2).sum() + ridge


@settings(max_examples=15)
@given(seeds, st.sampled_from([{}, DIRECTIONS]))
def test_an_additive_network_goes_to_the_tables_as_a_whole(seed, directions):
    rng = np.random.default_rng(seed)
    trunk, sample = _trunk(rng), _sample(rng, 5_000)
    network = _additive_network(rng)
    parts = split(trunk, network, sample, directions)
    assert parts.additivity > 1 - 1e-4
    spread = np.std(network.scores(sample.columns))
    assert parts.joint_size < 0.02 * spread


def test_without_the_ridge_an_additive_network_leaves_nothing(monkeypatch):
    monkeypatch.setattr(_joint_split, "_ROWS_OF_DOUBT", 1e-7)
    rng = np.random.default_rng(0)
    parts = split(_trunk(rng), _additive_network(rng), _sample(rng), DIRECTIONS)
    assert parts.additivity == pytest.approx(1.0, abs=1e-9)
    assert parts.joint_size < 1e-5


def test_additivity_is_the_share_of_the_variance_that_the_tables_hold():
    rng = np.random.default_rng(3)
    trunk, network, sample = _trunk(rng), _network(rng, size=3.0), _sample(rng)
    parts = split(trunk, network, sample, {})
    scores = trunk.scores(sample.columns)[:, 0] + network.scores(sample.columns)
    extra = parts.joint.scores(sample.columns)
    left, whole = (np.cov(v, aweights=sample.weights, bias=True) for v in (extra, scores))
    assert parts.additivity == pytest.approx(1 - left / whole)
    assert 0.2 < parts.additivity < 0.999


def test_a_network_that_says_nothing_leaves_the_trunk_as_it_is():
    rng = np.random.default_rng(4)
    trunk, network, sample = _trunk(rng), _network(rng), _sample(rng)
    last = network.layers[-1]
    silent = Layer(0 * last.up, 0 * last.free, 0 * last.bias + 0.25)
    network = MonotoneNetwork(
        network.directed,
        network.others,
        network.branch_weights,
        network.branch_bias,
        (*network.layers[:-1], silent),
    )
    parts = split(trunk, network, sample, DIRECTIONS)
    assert parts.model.intercept[0] == pytest.approx(trunk.intercept[0] + 0.25)
    for mine, its in zip(parts.model.terms, trunk.terms, strict=True):
        np.testing.assert_allclose(mine.coefficients, its.coefficients, atol=1e-9)
    assert parts.additivity == pytest.approx(1.0) and parts.joint_size < 1e-9
