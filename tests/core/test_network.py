import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.network import JointPart, Layer, MonotoneNetwork
from glassbox.core.terms import Term

seeds = st.integers(0, 2**32 - 1)

AGE = NumericAxis("age", np.array([18.0, 30.0, 45.0, 60.0, 90.0]), 1)
STAGE = CategoricalAxis("stage", ("I", "II", "III"), ordered=True)
DOSE = NumericAxis("dose", np.array([0.0, 1.0, 10.0]), 1)
SITE = CategoricalAxis("site", ("a", "b", "c"))
DIRECTIONS = {"age": 1, "stage": -1}


def _missing(axis):
    table = np.zeros((axis.size, 1))
    table[axis.missing_index] = 1.0
    return table


def _rising(rng, axis, direction):
    table = rng.normal(size=(axis.size, 1))
    table[: axis.n_values] = direction * np.sort(table[: axis.n_values], axis=0)
    return table


def random_network(rng, *, hidden=(4, 3), n_members=2, size=1.0):
    """Age does not lower the score, stage does not raise it; dose and site are free."""
    directed = tuple(Term((a,), _rising(rng, a, DIRECTIONS[a.name])) for a in (AGE, STAGE))
    others = (
        Term((AGE,), _missing(AGE)),
        Term((DOSE,), np.hstack([rng.normal(size=(DOSE.size, 1)), _missing(DOSE)])),
        Term((SITE,), np.eye(SITE.size)[:, : SITE.n_values]),
    )
    n_inputs, n_branch = sum(t.n_outputs for t in others), 4
    layers, before = [], len(directed)
    for after in (*hidden, 1):
        layers.append(
            Layer(
                size * np.abs(rng.normal(size=(n_members, before, after))),
                size * rng.normal(size=(n_members, n_branch, after)),
                rng.normal(size=(n_members, after)),
            )
        )
        before = after
    return MonotoneNetwork(
        directed,
        others,
        rng.normal(size=(n_members, n_inputs, n_branch)),
        rng.normal(size=(n_members, n_branch)),
        tuple(layers),
    )


def random_rows(rng, n_rows):
    """Typed columns with values on, between and beyond the knots, missing and unseen ones."""
    age = rng.choice([rng.uniform(0, 120, n_rows), rng.choice(AGE.knots, n_rows)])
    dose = rng.choice([-5.0, 0.0, 0.5, 3.0, 1e6, np.nan], n_rows)
    return {
        "age": np.where(rng.random(n_rows) < 0.1, np.nan, age),
        "stage": rng.integers(-2, 3, n_rows),
        "dose": dose,
        "site": rng.integers(-2, 3, n_rows),
    }


def changed(network, **fields):
    names = ("directed", "others", "branch_weights", "branch_bias", "layers")
    return MonotoneNetwork(**({n: getattr(network, n) for n in names} | fields))


def changed_layer(network, k, **fields):
    layers = list(network.layers)
    kept = {n: getattr(layers[k], n) for n in ("up", "free", "bias")}
    layers[k] = Layer(**(kept | fields))
    return changed(network, layers=tuple(layers))


@settings(max_examples=8)
@given(seeds, st.sampled_from([(), (4,), (4, 3)]), st.sampled_from([0.1, 1.0, 30.0]))
def test_scores_do_not_turn_wherever_one_moves(seed, hidden, size):
    rng = np.random.default_rng(seed)
    network = random_network(rng, hidden=hidden, size=size)
    start = random_rows(rng, 25_000)
    scale = np.abs(network.scores(start)).max()
    for name, direction in DIRECTIONS.items():
        assert network.holds(name, direction)
        keep = ~np.isnan(start[name]) if name == "age" else start[name] >= 0
        here = {n: x[keep] for n, x in start.items()}
        up = {**here, name: np.maximum(here[name], rng.permutation(here[name]))}
        change = direction * (network.scores(up) - network.scores(here))
        assert change.min() >= -1e-12 * scale
        assert change.max() > 0


def test_neighbouring_numbers_do_not_turn_either():
    rng = np.random.default_rng(0)
    network = random_network(rng, size=5.0)
    start = random_rows(rng, 100_000)
    start["age"] = rng.uniform(10, 100, 100_000)
    after = start | {"age": np.nextafter(start["age"], np.inf)}
    scores = network.scores(start)
    assert (network.scores(after) - scores).min() >= -1e-12 * np.abs(scores).max()


@settings(max_examples=30)
@given(seeds, st.sampled_from([(), (4,), (4, 3)]))
def test_scores_are_those_of_the_formula(seed, hidden):
    rng = np.random.default_rng(seed)
    network = random_network(rng, hidden=hidden, n_members=3)
    columns = random_rows(rng, 20)
    expected = np.zeros(20)
    for i in range(20):
        row = {name: column[i : i + 1] for name, column in columns.items()}

        def read(terms, row=row):
            values = [t.evaluate([t.axes[0].locate(row[t.features[0]])])[0] for t in terms]
            return np.concatenate(values)

        for e in range(3):
            branch = read(network.others) @ network.branch_weights[e] + network.branch_bias[e]
            branch = branch / (1 + np.exp(-branch))
            units = read(network.directed)
            for k, layer in enumerate(network.layers):
                units = np.tanh(units) if k else units
                units = layer.up[e].T @ units + layer.free[e].T @ branch + layer.bias[e]
            expected[i] += units.item() / 3
    np.testing.assert_allclose(network.scores(columns), expected, rtol=1e-12, atol=1e-12)


def test_scores_do_not_depend_on_the_blocks_of_rows(monkeypatch):
    rng = np.random.default_rng(1)
    network, columns = random_network(rng), random_rows(rng, 1_000)
    whole = network.scores(columns)
    monkeypatch.setattr("glassbox.core.network._BLOCK_ROWS", 7)
    np.testing.assert_allclose(network.scores(columns), whole, rtol=1e-12, atol=1e-12)
    assert network.scores({n: x[:0] for n, x in columns.items()}).shape == (0,)


def test_what_a_network_reads():
    network = random_network(np.random.default_rng(0), n_members=5)
    assert network.features == ["age", "stage", "dose", "site"]
    assert network.n_members == 5


def test_a_network_of_nothing_but_directed_or_of_other_inputs():
    rng = np.random.default_rng(2)
    network = random_network(rng)
    columns = random_rows(rng, 50)
    alone = changed(network, others=(), branch_weights=np.zeros((2, 0, 4)))
    assert alone.holds("age", 1) and np.isfinite(alone.scores(columns)).all()
    assert alone.holds("dose", -1)
    first = network.layers[0]

    layers = (Layer(first.up[:, :0], first.free, first.bias), *network.layers[1:])
    free = changed(network, directed=(), layers=layers)
    assert np.isfinite(free.scores(columns)).all()
    assert free.holds("stage", 1) and not free.holds("dose", 1) and not free.holds("site", 1)


# --- What signs show


@pytest.mark.parametrize("k", [0, 1, 2])
def test_a_single_negative_weight_shows_nothing(k):
    network = random_network(np.random.default_rng(k))
    up = network.layers[k].up.copy()
    up[-1, -1, -1] = -1e-300
    broken = changed_layer(network, k, up=up)
    assert not broken.holds("age", 1) and not broken.holds("stage", -1)
    assert broken.holds("a feature that it does not read", 1)
    up[-1, -1, -1] = 0.0
    assert changed_layer(network, k, up=up).holds("age", 1)


def test_the_other_direction_does_not_hold():
    network = random_network(np.random.default_rng(0))
    assert not network.holds("age", -1) and not network.holds("stage", 1)


def test_a_free_input_must_not_see_the_value():
    network = random_network(np.random.default_rng(0))
    table = _missing(AGE)
    assert network.holds("age", 1)
    table[2, 0] = 1e-9
    seen = changed(network, others=(Term((AGE,), table), *network.others[1:]))
    assert not seen.holds("age", 1) and seen.holds("stage", -1)
    assert not network.holds("dose", 1) and not network.holds("dose", -1)
    # Something that is the same at all values does no harm.
    table[: AGE.n_values] = 7.0
    blind = changed(network, others=(Term((AGE,), table), *network.others[1:]))
    assert blind.holds("age", 1)


def test_a_table_that_turns_shows_nothing():
    network = random_network(np.random.default_rng(0))
    table = network.directed[0].coefficients.copy()
    table[AGE.missing_index] = -50.0
    stage = network.directed[1]
    assert changed(network, directed=(Term((AGE,), table), stage)).holds("age", 1)
    table[2] = table[1] - 1e-12
    turned = changed(network, directed=(Term((AGE,), table), stage))
    assert not turned.holds("age", 1) and turned.holds("stage", -1)


# --- What is refused


def _wrong_shapes():
    rng = np.random.default_rng(0)
    network = random_network(rng)
    pair = Term((AGE, SITE), np.zeros((AGE.size, SITE.size)))
    two = Term((AGE,), np.zeros((AGE.size, 2)))
    layers = network.layers
    yield "others", {"others": network.others[:1]}, "other inputs than there are tables"
    yield "pair", {"others": (pair,)}, "one by one"
    yield "directed pair", {"directed": (pair, network.directed[1])}, "a table of one output"
    yield "two outputs", {"directed": (two, network.directed[1])}, "a table of one output"
    yield "fewer directed", {"directed": network.directed[:1]}, "the weights of a layer: shape"
    yield "no layer", {"layers": ()}, "needs a member and a layer"
    yield "no last", {"layers": layers[:-1]}, "last layer of a network has one unit"
    yield "skipped", {"layers": layers[1:]}, "the weights of a layer: shape"
    yield "flat", {"branch_weights": np.zeros(3)}, "branch_weights: 3 dimensions"
    yield "bias", {"branch_bias": np.zeros((2, 3))}, "branch_bias: shape"
    none = np.zeros((0, *network.branch_weights.shape[1:]))
    yield "no member", {"branch_weights": none}, "needs a member and a layer"
    three = np.zeros((3, *network.branch_weights.shape[1:]))
    yield "more members", {"branch_weights": three}, "branch_bias: shape"


@pytest.mark.parametrize(("fields", "message"), [p[1:] for p in _wrong_shapes()])
def test_what_does_not_fit_together_is_refused(fields, message):
    network = random_network(np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        changed(network, **fields)


@pytest.mark.parametrize("field", ["up", "free", "bias"])
def test_layers_of_the_wrong_shape_or_without_a_number_are_refused(field):
    network = random_network(np.random.default_rng(0))
    good = getattr(network.layers[1], field)
    for bad in (good[:1], good[..., :0], good[..., None], good.ravel()):
        with pytest.raises(ValueError, match=r"shape|dimensions|one unit"):
            changed_layer(network, 1, **{field: bad})
    for number in (np.nan, np.inf):
        bad = good.copy()
        bad.flat[0] = number
        with pytest.raises(ValueError, match="a number is not finite"):
            changed_layer(network, 1, **{field: bad})


@pytest.mark.parametrize("field", ["branch_weights", "branch_bias"])
def test_branches_without_a_number_are_refused(field):
    network = random_network(np.random.default_rng(0))
    bad = getattr(network, field).copy()
    bad.flat[-1] = np.nan
    with pytest.raises(ValueError, match=f"{field}: a number is not finite"):
        changed(network, **{field: bad})


# --- The joint part


def random_joint(rng):
    """A joint part, and tables with the terms that it shows."""
    axes = [(AGE,), (STAGE,), (DOSE,), (SITE,), (AGE, SITE)]
    tables = [rng.normal(size=[a.size for a in term]) for term in axes]
    terms = tuple(Term(a, t, t - 1, t + 1) for a, t in zip(axes, tables, strict=True))
    shown = tuple(Term(a, rng.normal(size=a[0].size)) for a in axes[:3])
    joint = JointPart(random_network(rng), AdditiveModel(rng.normal(), shown))
    return joint, AdditiveModel(0.3, terms, "logit")


@settings(max_examples=20)
@given(seeds)
def test_tables_and_joint_part_are_trunk_and_network(seed):
    rng = np.random.default_rng(seed)
    joint, trunk = random_joint(rng)
    columns = random_rows(rng, 200)
    tables = joint.tables(trunk)
    assert tables.link == "logit" and tables.term_names == trunk.term_names
    whole = tables.scores(columns)[:, 0] + joint.scores(columns)
    expected = trunk.scores(columns)[:, 0] + joint.network.scores(columns)
    np.testing.assert_allclose(whole, expected, atol=1e-9)
    back = joint.trunk(tables)
    assert back.intercept == pytest.approx(trunk.intercept)
    for mine, its in zip(back.terms, trunk.terms, strict=True):
        np.testing.assert_allclose(mine.coefficients, its.coefficients, atol=1e-12)
        np.testing.assert_allclose(mine.lower, its.lower, atol=1e-12)
        np.testing.assert_allclose(mine.upper, its.upper, atol=1e-12)


def test_tables_must_hold_what_they_show_of_the_network():
    joint, trunk = random_joint(np.random.default_rng(0))
    with pytest.raises(ValueError, match="do not show 'stage'"):
        joint.tables(trunk.replace(terms=(trunk["age"], trunk["dose"])))
    coarser = NumericAxis("age", AGE.knots[::2], 1)
    other = Term((coarser,), np.zeros(coarser.size))
    with pytest.raises(ValueError, match="do not show 'age'"):
        joint.tables(trunk.replace(terms=(other, *trunk.terms[1:])))


def test_what_is_shown_is_main_effects_with_one_output():
    network = random_network(np.random.default_rng(0))
    pair = Term((AGE, SITE), np.zeros((AGE.size, SITE.size)))
    for shown in (AdditiveModel(0.0, (pair,)), AdditiveModel(np.zeros(2), ())):
        with pytest.raises(ValueError, match="main effects, with one output"):
            JointPart(network, shown)
