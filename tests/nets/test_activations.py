import pytest
import torch

from glassbox.nets.activations import ACTIVATIONS, FirstLayer, bend

torch.set_num_threads(1)

each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def _layer(activation, *, groups=3, n_inputs=1, n_units=200, sharpest=16.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return FirstLayer(groups, n_inputs, n_units, activation, sharpest, generator)


def test_the_paper_s_activations_are_there():
    assert {"relu", "exu"} <= set(ACTIVATIONS)


@each_activation
@pytest.mark.parametrize("n_inputs", [1, 4])
def test_every_network_gets_units_of_its_own(activation, n_inputs):
    units = _layer(activation, n_inputs=n_inputs)(torch.ones(3, 7, n_inputs))
    assert units.shape == (3, 7, 200)
    assert not torch.allclose(units[0], units[1])


@each_activation
def test_every_parameter_learns(activation):
    layer = _layer(activation, n_inputs=2)
    inputs = torch.rand(3, 50, 2) * 2 - 1
    layer(inputs).square().sum().backward()
    for parameter in layer.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert (parameter.grad.flatten(1).abs().sum(dim=1) > 0).all()


def test_units_bend_inside_the_feature_and_from_gently_to_sharply():
    layer = _layer("relu")
    slopes = layer.weight.abs()
    assert (layer.bias / layer.weight).abs().max() <= 1 + 1e-5
    assert slopes.min() >= 1 - 1e-5 and slopes.max() <= 16 + 1e-3
    # Evenly on the logarithm: half of them below the geometric mean of 1 and 16.
    assert 0.4 < float((slopes < 4).float().mean()) < 0.6


def test_exp_centred_units_begin_as_relus_cut_off_at_one():
    inputs = torch.linspace(-2, 2, 41)[None, :, None].expand(3, -1, -1)
    exu, relu = _layer("exu")(inputs), _layer("relu")(inputs)
    torch.testing.assert_close(exu, relu.clamp(max=1.0), rtol=1e-4, atol=1e-4)
    assert exu.min() == 0.0 and exu.max() == 1.0


def test_hidden_layers_bend_as_they_are_called():
    values = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(bend("tanh", values), values.tanh())
    torch.testing.assert_close(bend("silu", values), values * values.sigmoid())
    torch.testing.assert_close(bend("relu", values), values.clamp(min=0))
    torch.testing.assert_close(bend("exu", values), values.clamp(min=0))


@each_activation
def test_the_seed_decides(activation):
    inputs = torch.ones(3, 2, 1)
    once = _layer(activation)(inputs)
    torch.manual_seed(123)
    assert torch.equal(once, _layer(activation)(inputs))
    assert not torch.equal(once, _layer(activation, seed=1)(inputs))
