import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.estimators._joint_training import _network
from glassbox.estimators._network_inputs import NetworkInputs
from glassbox.nets.monotone import MonotoneNets

torch.set_num_threads(1)

seeds = st.integers(0, 2**31)


def _nets(n_directed=2, n_others=3, *, n_members=3, hidden=(6, 4), seed=0):
    return MonotoneNets(n_members, n_directed, n_others, hidden=hidden, seed=seed).double()


def _shaken(nets, seed, size=1.0):
    """Any weights whatever, of both signs."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in nets.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.copy_(size * noise)
    return nets


@settings(max_examples=25)
@given(seeds, st.sampled_from([(3,), (6, 4), (4, 4, 4)]), st.sampled_from([0.1, 1.0, 20.0]))
def test_no_weights_make_a_directed_input_lower_the_score(seed, hidden, size):
    nets = _shaken(_nets(hidden=hidden), seed, size)
    generator = torch.Generator().manual_seed(seed + 1)
    low = 3 * torch.randn(2_000, 5, generator=generator, dtype=torch.float64)
    high = low.clone()
    high[:, :2] += torch.rand(2_000, 2, generator=generator, dtype=torch.float64) ** 4
    with torch.no_grad():
        change = nets(high) - nets(low)
        assert change.min() >= -1e-12 * nets(low).abs().max()
    # Very large weights may leave every unit at its limit.
    assert change.max() > 0 or size > 1


def test_other_inputs_may_do_both():
    nets, found = _nets(n_directed=1, n_others=1, seed=1), []
    x = torch.linspace(-3, 3, 200, dtype=torch.float64)
    with torch.no_grad():
        for rise in (nets(torch.stack([0 * x, x], dim=1)).diff(dim=0),):
            found += [(rise > 0).any(), (rise < 0).any()]
    assert all(found)


def test_every_weight_is_learned_from_the_start():
    nets = _nets()
    x = torch.randn(300, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (nets(x) * x[:, :1] * x[:, 3:4]).sum().backward()
    for parameter in nets.parameters():
        assert (parameter.grad.abs() > 0).any()
    assert all((parameter.grad != 0).double().mean() > 0.9 for parameter in nets.parameters())


def test_the_seed_decides_the_weights_and_nothing_else_changes():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, same, other = (_nets(seed=s).state_dict() for s in (4, 4, 5))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["up.0"], other["up.0"])
    # Members begin apart from one another.
    assert not torch.equal(one["up.0"][0], one["up.0"][1])


def test_members_come_first_and_do_not_see_one_another():
    nets = _nets()
    x = torch.randn(7, 5, dtype=torch.float64)
    plain = nets(x)
    assert plain.shape == (7, 3)
    with torch.no_grad():
        for parameter in nets.parameters():
            assert parameter.shape[0] == 3
            parameter[1] += 1.0
    changed = nets(x)
    assert torch.equal(changed[:, [0, 2]], plain[:, [0, 2]])
    assert not torch.allclose(changed[:, 1], plain[:, 1])


@pytest.mark.parametrize(("n_directed", "n_others"), [(0, 3), (2, 0), (1, 1)])
def test_without_inputs_of_one_kind(n_directed, n_others):
    nets = _nets(n_directed, n_others)
    found = nets(torch.randn(5, n_directed + n_others, dtype=torch.float64))
    assert found.shape == (5, 3) and found.isfinite().all()
    found.sum().backward()


AGE = NumericAxis("age", np.array([18.0, 40.0, 60.0, 90.0]), 1)
STAGE = CategoricalAxis("stage", ("I", "II", "III"), ordered=True)
DOSE = NumericAxis("dose", np.array([0.0, 2.0, 10.0]), 1)
SITE = CategoricalAxis("site", ("a", "b", "c"))
LAYOUT = Layout(
    tuple(TermColumns(axes) for axes in ((DOSE,), (AGE,), (AGE, SITE), (SITE,), (STAGE,)))
)


def _columns(rng, n):
    return {
        "age": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(0, 120, n)),
        "dose": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(-3, 20, n)),
        "stage": rng.integers(-2, 3, n),
        "site": rng.integers(-2, 3, n),
    }


@settings(max_examples=30)
@given(
    seeds,
    st.sampled_from([(5,), (6, 4), (3, 3, 3)]),
    st.sampled_from([{}, {"age": 1}, {"age": -1, "stage": 1}, {"dose": 1, "age": 1, "stage": -1}]),
    st.sampled_from([1.0, 12.5]),
)
def test_the_network_of_a_model_computes_what_was_trained(seed, hidden, directions, scale):
    rng = np.random.default_rng(seed)
    densities = {term.name: rng.uniform(0, 9, term.axes[0].size) for term in LAYOUT.terms}
    inputs = NetworkInputs.of(LAYOUT, densities, directions)
    n_directed = len(inputs.directed)
    assert n_directed == len(directions)
    n_others = inputs.readout.shape[1] - n_directed
    nets = _shaken(_nets(n_directed, n_others, hidden=hidden), seed)
    weights = {name: p.detach().numpy().copy() for name, p in nets.named_parameters()}
    network = _network(weights, inputs, len(hidden), scale)
    columns = _columns(rng, 200)
    rows = torch.from_numpy(LAYOUT.rows(columns) @ inputs.readout)
    with torch.no_grad():
        expected = scale * nets(rows).mean(dim=1).numpy()
    size = np.abs(expected).max()
    np.testing.assert_allclose(network.scores(columns), expected, rtol=0, atol=1e-12 * size)
    assert all(network.holds(name, direction) for name, direction in directions.items())
    free = {"age", "dose", "stage", "site"} - set(directions)
    assert not any(network.holds(name, 1) for name in free)
