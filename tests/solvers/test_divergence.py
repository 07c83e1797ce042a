import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, rel_entr, softmax

from glassbox.solvers.divergence import Divergence

seeds = st.integers(0, 2**32 - 1)
links = st.sampled_from(["identity", "logit", "softmax", "log"])


def scores_of(rng, link, n_rows=20):
    return rng.normal(size=(n_rows, 3 if link == "softmax" else 1))


def textbook(link, original, scores, dispersion):
    """Kullback-Leibler divergence as books write it."""
    if link == "identity":
        return (scores - original)[:, 0] ** 2 / 2 / dispersion
    if link == "log":
        before, after = np.exp(original[:, 0]), np.exp(scores[:, 0])
        return (rel_entr(before, after) - before + after) / dispersion
    if link == "logit":
        before, after = expit(original[:, 0]), expit(scores[:, 0])
        found = rel_entr(before, after) + rel_entr(1 - before, 1 - after)
        return found / dispersion
    return rel_entr(softmax(original, axis=1), softmax(scores, axis=1)).sum(axis=1) / dispersion


@given(seeds, links, st.sampled_from([1.0, 0.3, 7.0]))
@settings(max_examples=40)
def test_it_is_the_divergence_of_the_textbook(seed, link, dispersion):
    rng = np.random.default_rng(seed)
    original, scores = scores_of(rng, link), scores_of(rng, link)
    found = Divergence(link, dispersion).value(original, scores)
    assert found.shape == (len(original),)
    np.testing.assert_allclose(
        found, textbook(link, original, scores, dispersion), rtol=1e-9, atol=1e-12
    )


@given(seeds, links)
@settings(max_examples=30)
def test_the_original_is_its_minimum(seed, link):
    rng = np.random.default_rng(seed)
    original = scores_of(rng, link)
    divergence = Divergence(link)
    np.testing.assert_allclose(divergence.value(original, original), 0.0, atol=1e-14)
    np.testing.assert_allclose(divergence.slope(original, original), 0.0, atol=1e-14)
    near = original + rng.normal(size=original.shape) * 10.0 ** rng.integers(-9, 1)
    assert (divergence.value(original, near) >= 0).all()


@given(seeds, links, st.sampled_from([1.0, 0.3]))
@settings(max_examples=30)
def test_derivatives_against_differences(seed, link, dispersion):
    rng = np.random.default_rng(seed)
    divergence = Divergence(link, dispersion)
    original, scores = scores_of(rng, link), scores_of(rng, link)
    slope, curvature = divergence.slope(original, scores), divergence.curvature(scores)
    n_outputs = original.shape[1]
    assert curvature.shape == (len(original), n_outputs, n_outputs)
    for k in range(n_outputs):
        step = np.zeros(n_outputs)
        step[k] = 1e-5
        up, down = scores + step, scores - step
        by_value = divergence.value(original, up) - divergence.value(original, down)
        np.testing.assert_allclose(by_value / 2e-5, slope[:, k], rtol=1e-5, atol=1e-7)
        by_slope = divergence.slope(original, up) - divergence.slope(original, down)
        np.testing.assert_allclose(by_slope / 2e-5, curvature[:, :, k], rtol=1e-5, atol=1e-7)


def test_what_all_classes_share_costs_nothing():
    rng = np.random.default_rng(0)
    original = scores_of(rng, "softmax")
    moved = original + rng.normal(size=(len(original), 1))
    np.testing.assert_allclose(Divergence("softmax").value(original, moved), 0.0, atol=1e-13)


@pytest.mark.parametrize("link", ["identity", "logit", "softmax"])
@pytest.mark.parametrize("size", [40.0, 800.0])
def test_sure_predictions_stay_finite(link, size):
    original = np.array([[size, 0.0, -size]]) if link == "softmax" else np.array([[size]])
    divergence = Divergence(link)
    for scores in (original, -original, 0 * original):
        assert np.isfinite(divergence.value(original, scores)).all()
        assert np.isfinite(divergence.slope(original, scores)).all()
        assert np.isfinite(divergence.curvature(scores)).all()
