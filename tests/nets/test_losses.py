import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.links import get_link
from glassbox.nets import losses
from glassbox.nets.losses import loss_for
from glassbox.solvers import _families as families

LOSSES = [
    losses.Bernoulli(),
    losses.Multinomial(4),
    losses.Gaussian(),
    losses.Poisson(),
    losses.Gamma(),
    losses.Huber(0.5),
    losses.Quantile(0.9),
    losses.Quantile(0.2, scale=5.0),
]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=repr)


def _outcome(loss, rng, n):
    if isinstance(loss, losses.Bernoulli):
        return rng.integers(0, 2, n).astype(float)
    if isinstance(loss, losses.Multinomial):
        return rng.integers(0, loss.n_classes, n).astype(float)
    if isinstance(loss, losses.Poisson):
        return rng.poisson(2.0, n).astype(float)
    return rng.gamma(2.0, size=n)


@every_loss
@given(seed=st.integers(0, 2**31), size=st.sampled_from([0.05, 1.0, 4.0]))
def test_the_gradient_is_minus_the_slope_of_the_family(loss, seed, size):
    rng = np.random.default_rng(seed)
    family, n, n_members = loss.family, 7, 3
    y, weights = _outcome(loss, rng, n), rng.uniform(0.5, 2.0, n)
    # Close to the outcome too, where the robust losses bend.
    middle = y[:, None, None] if family.link == "identity" else 0.0
    at = middle + size * rng.normal(size=(n, n_members, family.contrasts.shape[1]))
    predictors = torch.from_numpy(at).requires_grad_()
    scores = predictors @ torch.from_numpy(family.contrasts.T)
    values = loss.value(scores, torch.from_numpy(y))
    assert values.shape == (n, n_members)
    (values * torch.from_numpy(weights)[:, None]).sum().backward()
    for e in range(n_members):
        slope = family.local_fit(y, at[:, e], weights).slope
        np.testing.assert_allclose(predictors.grad[:, e], -slope, rtol=1e-9, atol=1e-9)


@every_loss
@given(seed=st.integers(0, 2**31))
def test_half_the_deviance_up_to_a_constant_of_the_outcome(loss, seed):
    rng = np.random.default_rng(seed)
    family = loss.family
    y, weights = _outcome(loss, rng, 6), rng.uniform(0.5, 2.0, 6)
    apart = []
    for _ in range(2):
        at = rng.normal(size=(6, family.contrasts.shape[1]))
        scores = torch.from_numpy(at @ family.contrasts.T)[:, None]
        value = loss.value(scores, torch.from_numpy(y))[:, 0].numpy()
        apart.append(weights @ value - family.local_fit(y, at, weights).deviance / 2)
    assert apart[0] == pytest.approx(apart[1], rel=1e-9, abs=1e-9)


@every_loss
def test_a_family_leads_to_its_loss_and_back(loss):
    assert loss_for(loss.family) == loss
    assert type(loss.family) is getattr(families, type(loss).__name__)
    assert loss.link == loss.family.link == get_link(loss.link).name


@every_loss
def test_losses_keep_the_type_of_the_scores(loss):
    n_outputs = len(loss.family.contrasts)
    value = loss.value(torch.zeros(2, 3, n_outputs), torch.ones(2))
    assert value.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("own, expected", [(80.0, 0.0), (-80.0, 80.0)])
def test_extreme_scores_of_two_classes(own, expected, dtype):
    for y in (0.0, 1.0):
        scores = torch.full((1, 1, 1), own if y else -own, dtype=dtype, requires_grad=True)
        value = losses.Bernoulli().value(scores, torch.tensor([y], dtype=dtype))
        value.sum().backward()
        assert value.item() == pytest.approx(expected, abs=1e-30)
        assert abs(scores.grad.item()) == pytest.approx(expected / 80, abs=1e-30)


@pytest.mark.parametrize("own, expected", [(80.0, 0.0), (-80.0, 160.0)])
def test_extreme_scores_of_three_classes(own, expected):
    scores = torch.tensor([[[own, -own, -80.0]]], requires_grad=True)
    value = losses.Multinomial(3).value(scores, torch.zeros(1))
    value.sum().backward()
    assert value.item() == pytest.approx(expected)
    assert torch.isfinite(scores.grad).all()


def test_small_losses_are_precise_in_single_precision():
    value = losses.Bernoulli().value(torch.full((1, 1, 1), 14.0), torch.ones(1))
    assert value.item() == pytest.approx(np.log1p(np.exp(-14.0)), rel=1e-5)


def test_a_family_without_a_loss_is_refused():
    with pytest.raises(TypeError, match="no loss for object"):
        loss_for(object())


def test_no_family_is_left_out():
    found = {
        name
        for name, kind in vars(families).items()
        if isinstance(kind, type) and hasattr(kind, "local_fit") and kind is not families.Family
    }
    assert found == {type(loss).__name__ for loss in LOSSES}


@every_loss
@pytest.mark.parametrize("score", [-80.0, 80.0])
def test_extreme_scores_stay_finite_in_single_precision(loss, score):
    y = torch.tensor(np.unique(_outcome(loss, np.random.default_rng(0), 50)), dtype=torch.float32)
    scores = torch.full((len(y), 2, len(loss.family.contrasts)), score)
    scores[..., 0] = -score
    scores.requires_grad_()
    value = loss.value(scores, y)
    value.sum().backward()
    assert torch.isfinite(value).all() and torch.isfinite(scores.grad).all()
