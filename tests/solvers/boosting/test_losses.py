import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, mean_squared_error, mean_tweedie_deviance

from glassbox.core.links import get_link
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.passes import RowPasses, Rows
from glassbox.solvers._boosting.terms import Terms
from glassbox.solvers._boosting.threads import Threads

LOSSES = {
    "squared_error": Loss.named("squared_error"),
    "log_loss": Loss.named("log_loss"),
    "poisson": Loss.named("poisson"),
    "gamma": Loss.named("gamma"),
    "tweedie": Loss.named("tweedie", 1.3),
    "pseudo_huber": Loss.named("pseudo_huber", 0.8),
    "multinomial": Loss.named("multinomial", n_outputs=3),
}
NAMES = st.sampled_from(sorted(LOSSES))


def outcomes(name, n_rows, rng):
    return {
        "log_loss": rng.integers(0, 2, n_rows),
        "multinomial": rng.integers(0, 3, n_rows),
        "poisson": rng.poisson(1.0, n_rows),
        "gamma": rng.gamma(2.0, size=n_rows),
        "tweedie": rng.gamma(2.0, size=n_rows) * rng.integers(0, 2, n_rows),
    }.get(name, rng.normal(size=n_rows)).astype(float)


def reader(loss, y, weights, draws, scores):
    """What reads rows whose scores are given: there are no terms."""
    none = np.zeros((0, len(y)), dtype=np.uint8)
    return RowPasses(Terms.none(), none, Rows(y, weights, draws, scores), loss, Threads(1))


def slopes(loss, y, weights, scores):
    """Residuals and curvatures of a bag of all rows."""
    drawn = np.ones((len(y), 1), dtype=np.uint8)
    tables = np.zeros((1, loss.n_outputs, 0))
    return reader(loss, y, weights, drawn, scores).row_sums(tables, len(y))


def loss_of_each(loss, y, weights, scores):
    """Losses of rows that no bag has drawn, one after the other."""
    tables = np.zeros((1, loss.n_outputs, 0))
    found = []
    for i in range(len(y)):
        here = slice(i, i + 1)
        rows = reader(loss, y[here], weights[here], np.zeros((1, 1), np.uint8), scores[here])
        found.append(rows.look(tables, [0], False).losses[0])
    return np.array(found)


@given(NAMES, st.integers(0, 10_000))
def test_slopes_and_curvatures_are_those_of_the_loss(name, seed):
    rng = np.random.default_rng(seed)
    loss = LOSSES[name]
    n_rows = 6
    y, weights = outcomes(name, n_rows, rng), rng.uniform(0.5, 2.0, n_rows)
    scores = rng.normal(size=(n_rows, loss.n_outputs), scale=2.0)
    residuals, curvatures = slopes(loss, y, weights, scores)
    # The loss is a square here, and half of one would have these slopes.
    scale = 0.5 if name == "squared_error" else 1.0
    step = 1e-5
    for k in range(loss.n_outputs):
        up, down = scores.copy(), scores.copy()
        up[:, k] += step
        down[:, k] -= step
        high = loss_of_each(loss, y, weights, up) * weights * scale
        low = loss_of_each(loss, y, weights, down) * weights * scale
        np.testing.assert_allclose(
            residuals[:, k], (low - high) / (2 * step), atol=1e-6, rtol=1e-5
        )
        if name == "pseudo_huber":
            continue  # its curvature is that of a parabola above it, tested below
        above = slopes(loss, y, weights, up)[0][:, k]
        below = slopes(loss, y, weights, down)[0][:, k]
        np.testing.assert_allclose(
            curvatures[:, k], (below - above) / (2 * step), atol=1e-6, rtol=1e-5
        )


def deviance_gap(name, y, means):
    """The deviance, less what does not depend on the score, on the scale of the loss."""
    power = {"poisson": 1, "gamma": 2, "tweedie": 1.3}[name]
    return mean_tweedie_deviance(y, means, power=power) / 2


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_are_those_of_scikit_learn(name):
    rng = np.random.default_rng(1)
    loss = LOSSES[name]
    y = outcomes(name, 200, rng)
    weights = np.ones(200)
    first, second = rng.normal(size=(2, 200, loss.n_outputs))
    means = [get_link(loss.link).inverse(scores) for scores in (first, second)]
    losses = [loss_of_each(loss, y, weights, scores).mean() for scores in (first, second)]
    if name in ("log_loss", "multinomial"):
        wanted = [log_loss(y, m[:, 0] if m.shape[1] == 1 else m) for m in means]
    elif name == "squared_error":
        wanted = [mean_squared_error(y, m[:, 0]) for m in means]
    elif name == "pseudo_huber":
        gaps = [(y - m[:, 0]) / 0.8 for m in means]
        wanted = [0.64 * np.mean(np.sqrt(1 + gap**2) - 1) for gap in gaps]
    else:
        wanted = [deviance_gap(name, y, m[:, 0]) for m in means]
        losses, wanted = [losses[0] - losses[1]], [wanted[0] - wanted[1]]
    np.testing.assert_allclose(losses, wanted, rtol=1e-10)


@pytest.mark.parametrize("name", ["log_loss", "multinomial"])
def test_scores_far_out_keep_everything_finite(name):
    loss = LOSSES[name]
    y = np.array([0.0, 1.0, 0.0, 1.0])
    scores = np.zeros((4, loss.n_outputs))
    scores[:, -1] = [900.0, -900.0, -900.0, 900.0]
    weights = np.ones(4)
    residuals, curvatures = slopes(loss, y, weights, scores)
    losses = loss_of_each(loss, y, weights, scores)
    assert np.isfinite(residuals).all() and (curvatures >= 0).all() and (curvatures <= 0.25).all()
    if name == "log_loss":
        np.testing.assert_allclose(losses, [900, 900, 0, 0], atol=1e-9)
        np.testing.assert_allclose(residuals[:, 0], [-1, 1, 0, 0], atol=1e-9)
    else:
        np.testing.assert_allclose(losses, [900, np.log(2), np.log(2), 900], rtol=1e-9)


def test_scores_that_hardly_move_leave_squared_errors_curvature():
    assert LOSSES["squared_error"].scale == np.inf
    assert LOSSES["pseudo_huber"].scale == 0.8
    assert LOSSES["log_loss"].scale == 1.0


@given(st.integers(0, 10_000))
def test_a_robust_loss_lies_below_the_parabolas_of_its_steps(seed):
    rng = np.random.default_rng(seed)
    loss = LOSSES["pseudo_huber"]
    y, weights = rng.normal(size=8, scale=20.0), np.ones(8)
    here, there = rng.normal(size=(2, 8, 1), scale=20.0)
    residuals, curvatures = slopes(loss, y, weights, here)
    gap = there - here
    parabola = (
        loss_of_each(loss, y, weights, here) + (curvatures * gap**2 / 2 - residuals * gap).ravel()
    )
    assert (loss_of_each(loss, y, weights, there) <= parabola + 1e-9).all()
