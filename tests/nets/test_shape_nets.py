import numpy as np
import pytest
import torch

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.nets.activations import ACTIVATIONS
from glassbox.nets.shape_nets import AXIS_INPUTS, ShapeNets

torch.set_num_threads(1)

AGE = NumericAxis("age", np.array([18.0, 30.0, 50.0, 60.0, 90.0]), degree=1)
DOSE = NumericAxis("dose", np.array([0.0, 1.0, 10.0]), degree=1)
SITE = CategoricalAxis("site", ("a", "b", "c", "d"))
STAGE = CategoricalAxis("stage", ("I", "II", "III", "IV"), ordered=True)
# Main effects and pairs take turns, so that a wrong order shows.
LAYOUT = Layout(
    (
        TermColumns((AGE,)),
        TermColumns((AGE, DOSE)),
        TermColumns((SITE,)),
        TermColumns((STAGE,)),
        TermColumns((DOSE, SITE)),
        TermColumns((DOSE,)),
    )
)
N_MEMBERS, N_PREDICTORS = 2, 3
COPIES = N_MEMBERS * N_PREDICTORS
MAINS = ["age", "site", "stage", "dose"]
PAIRS = [term.name for term in LAYOUT.terms if len(term.axes) == 2]


def _nets(layout=LAYOUT, density=None, n_members=N_MEMBERS, n_predictors=N_PREDICTORS, **options):
    density = np.full(layout.n_columns, 1e9) if density is None else density
    options = {"hidden": (6, 5), "output_scale": 1.0, **options}
    return ShapeNets(layout, density, n_members, n_predictors, **options)


def _where_it_matters(nets, columns, copy):
    """Leading indices of the parameters that some coefficients of one table depend on."""
    nets()[columns, copy].sum().backward()
    found = {}
    for name, parameter in nets.named_parameters():
        n_leading = 2 if name == "missing" or name.endswith("embedding") else 1
        touched = parameter.grad.abs()
        if touched.ndim > n_leading:
            touched = touched.flatten(n_leading).sum(dim=-1)
        indices = {tuple(index) for index in touched.nonzero().tolist()}
        if indices:
            found[name] = indices
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_column_for_every_coefficient_and_table(activation):
    nets = _nets(activation=activation)
    assert nets().shape == (LAYOUT.n_columns, COPIES)
    assert torch.isfinite(nets()).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_output_scale_is_exactly_nothing(activation):
    assert not _nets(activation=activation, output_scale=0.0)().any()


@pytest.mark.parametrize("copy", range(COPIES))
@pytest.mark.parametrize("name", MAINS + PAIRS)
def test_a_network_reaches_its_own_columns_and_no_others(name, copy):
    nets = _nets()
    part, terms = (0, MAINS) if name in MAINS else (1, PAIRS)
    before = nets().detach()
    group = copy * len(terms) + terms.index(name)
    with torch.no_grad():
        nets.parts[part].last[group] += 1.0
        nets.parts[part].first.bias[group] += 1.0
        for weight, bias in zip(nets.parts[part].weights, nets.parts[part].biases, strict=True):
            weight[group] *= 1.5
            bias[group] += 1.0
    changed = nets().detach() != before
    here = LAYOUT.slices[name]
    own = torch.zeros_like(changed)
    own[here.start : here.stop - (name in MAINS), copy] = True
    assert torch.equal(changed, own)


@pytest.mark.parametrize("name", MAINS + PAIRS)
def test_a_table_depends_on_its_own_parameters_only(name):
    nets, copy = _nets(), 4
    part, terms = (0, MAINS) if name in MAINS else (1, PAIRS)
    k = terms.index(name)
    found = _where_it_matters(nets, LAYOUT.slices[name], copy)
    # The part of the pairs has no embeddings.
    keys = [key for key, _ in nets.parts[1].named_parameters()]
    expected = {f"parts.{part}.{key}": {(copy * len(terms) + k,)} for key in keys}
    if name in MAINS:
        expected["missing"] = {(copy, k)}
    if name in ("site", "stage"):
        expected[f"parts.{part}.embedding"] = {(copy, k)}
    assert found == expected


def test_missing_has_a_slot_of_its_own_shrunk_where_few_rows_miss():
    density = np.full(LAYOUT.n_columns, 1e9)
    slots = [LAYOUT.slices[name].stop - 1 for name in MAINS]
    density[slots] = [0.0, 5.0, 15.0, 1e9]
    nets = _nets(density=density)
    assert not nets()[slots].any()
    before = nets().detach()
    with torch.no_grad():
        nets.missing[3] = 1.0
    changed = nets().detach() - before
    np.testing.assert_allclose(changed[slots, 3], [0.0, 0.5, 0.75, 1.0], atol=1e-6)
    changed[slots, 3] = 0.0
    assert not changed.any()


def test_categories_and_cells_shrink_where_few_rows_stand_behind_them_and_numbers_do_not():
    density = np.random.default_rng(0).uniform(0, 20, LAYOUT.n_columns)
    whole, shrunk = _nets()().detach().numpy(), _nets(density=density)().detach().numpy()
    trust = (density / (density + 5.0))[:, None]
    for name in ("site", *PAIRS):
        here = LAYOUT.slices[name]
        np.testing.assert_allclose(shrunk[here], whole[here] * trust[here], rtol=1e-5, atol=1e-6)
    for name in ("age", "dose"):
        np.testing.assert_array_equal(shrunk[LAYOUT.slices[name]], whole[LAYOUT.slices[name]])


def test_ordered_categories_are_steps_along_their_order():
    density = np.zeros(LAYOUT.n_columns)
    here = LAYOUT.slices["stage"]
    density[here.start + 2] = 1e9
    table = _nets(density=density)()[here].detach()
    assert not table[:2].any()
    assert table[2].all()
    assert torch.equal(table[2], table[3])


def test_only_free_categories_are_alike_in_any_order_of_density():
    # Unordered: the table of one level does not depend on the rows behind another.
    density = np.full(LAYOUT.n_columns, 1e9)
    density[LAYOUT.slices["site"].start] = 0.0
    here = LAYOUT.slices["site"]
    whole, without = _nets()()[here], _nets(density=density)()[here]
    assert not without[0].any()
    torch.testing.assert_close(without[1:4], whole[1:4])


def test_cells_of_a_pair_are_told_both_places_in_the_order_of_the_table():
    inputs = _nets().parts[1].inputs
    mains = _nets().parts[0].inputs
    age, dose = mains[MAINS.index("age"), :5], mains[MAINS.index("dose"), :3]
    cells = inputs[0].view(5, 3, 2 * AXIS_INPUTS)
    for a in range(5):
        for b in range(3):
            assert torch.equal(cells[a, b], torch.cat([age[a], dose[b]]))


def test_numbers_are_told_as_values_and_as_ranks():
    inputs = _nets().parts[0].inputs[MAINS.index("age"), :5]
    knots = AGE.knots
    np.testing.assert_allclose(
        inputs[:, 0], (knots - knots.mean()) / knots.std() / 2, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(inputs[:, 1], np.linspace(-1, 1, 5), atol=1e-6)


def test_a_knot_far_out_does_not_drown_the_others():
    axis = NumericAxis("x", np.append(np.linspace(0, 1, 400), 1e9), degree=1)
    nets = _nets(Layout((TermColumns((axis,)),)), None)
    assert nets.parts[0].inputs.abs().max() <= 4.0
    assert torch.isfinite(nets()).all()


@pytest.mark.parametrize(
    "terms",
    [
        (TermColumns((AGE, DOSE)),),
        (TermColumns((SITE,)),),
        (TermColumns((CategoricalAxis("only", ("one",)),)),),
        (TermColumns((CategoricalAxis("only", ("one",), ordered=True),)),),
    ],
    ids=lambda terms: terms[0].name,
)
def test_layouts_of_one_term(terms):
    layout = Layout(terms)
    nets = _nets(layout)
    nets().sum().backward()
    assert nets().shape == (layout.n_columns, COPIES)
    assert nets()[: terms[0].axes[0].n_values].all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_differentiates_and_learns(activation):
    axis = NumericAxis("x", np.linspace(-1, 1, 25), degree=1)
    layout = Layout((TermColumns((axis,)), TermColumns((SITE,)), TermColumns((STAGE,))))
    target = torch.zeros(layout.n_columns, 2)
    target[:25] = torch.from_numpy(np.sin(3 * axis.knots)).float()[:, None]
    target[26:30, 0] = torch.tensor([1.0, -1.0, 0.5, 0.0])
    target[31:35, 1] = torch.tensor([0.0, 0.0, 2.0, 2.0])
    nets = _nets(layout, None, 2, 1, hidden=(16, 16), activation=activation, output_scale=0.0)
    optimiser = torch.optim.Adam(nets.parameters(), lr=1e-2)
    first = None
    for _ in range(250):
        loss = (nets() - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        first = loss.item() if first is None else first
    assert all(torch.isfinite(parameter.grad).all() for parameter in nets.parameters())
    assert loss.item() < 0.01 * first


def test_the_seed_decides_and_nothing_else_does():
    torch.manual_seed(0)
    once = _nets(seed=3)()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert torch.equal(once, _nets(seed=3)())
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(once, _nets(seed=4)())


def test_members_and_predictors_begin_apart():
    table = _nets()()[LAYOUT.slices["age"]].t()
    assert len(torch.unique(table, dim=0)) == COPIES
