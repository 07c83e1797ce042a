import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassbox.core.links import get_link

scores = hnp.arrays(float, (4, 3), elements=st.floats(-20, 20))


@given(st.sampled_from(["identity", "logit", "log"]), scores)
def test_link_and_inverse_undo_one_another(name, score):
    link = get_link(name)
    np.testing.assert_allclose(link.link(link.inverse(score)), score, atol=1e-6)


@given(scores)
def test_softmax_is_undone_up_to_a_constant(score):
    link = get_link("softmax")
    probability = link.inverse(score)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    centred = score - score.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(link.link(probability), centred, atol=1e-8)


def test_extreme_scores_stay_finite():
    far = np.array([[-1e4, 1e4]])
    assert get_link("logit").inverse(far).tolist() == [[0.0, 1.0]]
    assert get_link("softmax").inverse(far).tolist() == [[0.0, 1.0]]


def test_names():
    for name in ("identity", "logit", "softmax", "log"):
        assert get_link(name).name == name
    with pytest.raises(ValueError, match="Unknown link 'probit'; known ones: identity, logit"):
        get_link("probit")
