import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.density import term_importances, with_density
from glassbox.core.terms import Term


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0, 1, 3]))
def test_density_is_the_column_sum_of_the_basis(seed, degree):
    rng = np.random.default_rng(seed)
    axis = NumericAxis("a", np.sort(rng.normal(size=6)), degree)
    sex = CategoricalAxis("s", ("f", "m"))
    a = np.where(rng.random(50) < 0.2, np.nan, rng.normal(size=50))
    columns = {"a": a, "s": rng.integers(-2, 2, size=50)}
    weights = rng.random(50)
    terms = (
        Term((axis,), rng.normal(size=axis.size)),
        Term((axis, sex), rng.normal(size=(axis.size, sex.size))),
    )
    model = with_density(AdditiveModel(0.0, terms), columns, weights)
    rows_a = axis.locate(columns["a"]).to_csr(axis.size).toarray()
    rows_s = sex.locate(columns["s"]).to_csr(sex.size).toarray()
    np.testing.assert_allclose(model["a"].density, weights @ rows_a)
    joint = np.einsum("n,ni,nj->ij", weights, rows_a, rows_s)
    np.testing.assert_allclose(model["a & s"].density, joint, atol=1e-12)


def test_importance_is_the_mean_absolute_contribution():
    axis = NumericAxis("a", np.array([0.0, 1.0, 2.0]))
    model = AdditiveModel(0.0, (Term((axis,), np.array([-1.0, 3.0, 0.0])),))
    columns = {"a": np.array([0.5, 1.5, 1.7, np.nan])}
    importances = term_importances(model, columns, np.array([2.0, 1.0, 0.0, 1.0]))
    assert importances["a"] == (2 * 1 + 1 * 3) / 4
