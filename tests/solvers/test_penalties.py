import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.solvers._penalties import (
    coefficient_positions,
    curvature_differences,
    natural_basis,
)

knot_lists = st.lists(
    st.floats(-100, 100).map(lambda x: round(x, 2)), min_size=4, max_size=9, unique=True
).map(sorted)


def test_equal_spacing_gives_plain_second_differences():
    axis = NumericAxis("x", np.linspace(-3, 11, 7), 3)
    np.testing.assert_allclose(
        curvature_differences(axis), np.diff(np.eye(axis.n_values), 2, axis=0), atol=1e-12
    )


@given(knots=knot_lists, degree=st.sampled_from([1, 3]))
def test_straight_lines_are_free_on_any_knots(knots, degree):
    axis = NumericAxis("x", np.array(knots), degree)
    line = 2.0 - 0.3 * coefficient_positions(axis)
    np.testing.assert_allclose(curvature_differences(axis) @ line, 0, atol=1e-8)
    inside = np.linspace(knots[0], knots[-1], 20)
    table = np.append(line, 0.0)
    rows = axis.locate(inside).to_csr(axis.size)
    np.testing.assert_allclose(rows @ table, 2.0 - 0.3 * inside, atol=1e-8)


@given(knots=knot_lists, seed=st.integers(0, 2**31))
def test_the_natural_basis_diagonalises_the_penalty(knots, seed):
    axis = NumericAxis("x", np.array(knots), 3)
    density = np.random.default_rng(seed).uniform(0, 3, axis.n_values)
    basis = natural_basis(axis, density, 2.0, centred=True)
    differences = curvature_differences(axis)
    inside = basis.transform.T @ differences.T @ differences @ basis.transform
    np.testing.assert_allclose(inside, np.diag(basis.cost), atol=1e-9 * max(1, inside.max()))
    np.testing.assert_allclose(density @ basis.transform, 0, atol=1e-10)
    assert (basis.cost == 0).sum() == 1


def test_the_line_is_measured_by_its_variance_over_the_rows():
    axis = NumericAxis("x", np.linspace(0, 10, 6), 3)
    x = np.random.default_rng(0).uniform(0, 10, 300)
    rows = axis.locate(x).to_csr(axis.size)[:, :-1]
    basis = natural_basis(axis, rows.sum(axis=0), x.var(), centred=True)
    line = rows @ basis.transform[:, 0]
    assert np.isclose(line.var(), basis.line[0])
    assert not basis.line[1:].any()


def test_categories():
    free = natural_basis(CategoricalAxis("c", ("a", "b", "c")), np.ones(3), 0, centred=False)
    np.testing.assert_allclose(free.cost, 1)
    ordered = CategoricalAxis("c", ("a", "b", "c"), ordered=True)
    steps = natural_basis(ordered, np.array([1.0, 2, 3]), 0, centred=False)
    np.testing.assert_allclose(np.array([1.0, 2, 3]) @ steps.transform, 0, atol=1e-14)
    assert (steps.cost > 0.1).all()


def test_a_constant_column_has_no_coordinates():
    axis = NumericAxis("x", np.array([0.0, 1.0]), 1)
    assert natural_basis(axis, np.ones(2), 0.0, centred=True).transform.shape == (2, 0)
