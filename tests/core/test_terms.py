import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.terms import Term
from tests.core.random_models import numeric_axis, random_table

seeds = st.integers(0, 2**32 - 1)
AGE = NumericAxis("age", np.array([0.0, 1.0, 2.0]), 1)
SEX = CategoricalAxis("sex", ("f", "m"))


def rows_of(axes, columns):
    return [axis.locate(column) for axis, column in zip(axes, columns, strict=True)]


def dense(axis, column):
    return axis.locate(column).to_csr(axis.size).toarray()


@given(seeds, st.sampled_from([0, 1, 3]), st.integers(1, 3))
def test_a_main_effect_is_basis_times_coefficients(seed, degree, n_outputs):
    rng = np.random.default_rng(seed)
    axis = numeric_axis(rng, "x", degree)
    term = Term((axis,), random_table(rng, (axis,), n_outputs))
    x = np.append(rng.uniform(-2, 10, 40), [np.nan])
    expected = dense(axis, x) @ term.coefficients
    got = term.evaluate(rows_of((axis,), (x,)))
    assert got.shape == (41, n_outputs)
    np.testing.assert_allclose(got, expected, atol=1e-12)


@given(seeds, st.sampled_from([0, 1, 3]), st.sampled_from([0, 1, 3, "c"]), st.integers(1, 3))
def test_a_pair_is_the_tensor_product(seed, degree, other, n_outputs):
    rng = np.random.default_rng(seed)
    first = numeric_axis(rng, "x", degree)
    second = SEX if other == "c" else numeric_axis(rng, "z", other)
    x = np.append(rng.uniform(-2, 10, 40), [np.nan])
    z = rng.integers(-2, 2, 41) if other == "c" else np.append(rng.uniform(-2, 10, 40), [np.nan])
    for axes, columns in (((first, second), (x, z)), ((second, first), (z, x))):
        term = Term(axes, random_table(rng, axes, n_outputs))
        expected = np.einsum(
            "ia,ib,abk->ik", dense(axes[0], columns[0]), dense(axes[1], columns[1]),
            term.coefficients,
        )  # fmt: skip
        np.testing.assert_allclose(term.evaluate(rows_of(axes, columns)), expected, atol=1e-12)


def test_other_tables_are_read_through_the_same_basis():
    table = np.arange(4.0)
    term = Term((AGE,), table, table - 1, table + 3, density=[2.0, 4.0, 6.0, 0.0])
    rows = rows_of((AGE,), (np.array([0.5, np.nan]),))
    np.testing.assert_allclose(term.evaluate(rows, term.upper).ravel(), [3.5, 6.0])
    np.testing.assert_allclose(term.evaluate(rows, term.density).ravel(), [3.0, 0.0])


def test_names_shapes_and_defaults():
    term = Term((AGE, SEX), np.zeros((4, 4)))
    assert (term.name, term.features, term.shape) == ("age & sex", ("age", "sex"), (4, 4))
    assert term.coefficients.shape == (4, 4, 1) and term.n_outputs == 1
    assert term.lower is None and term.upper is None
    assert not term.density.any() and term.density.shape == (4, 4)


def test_the_band_moves_with_the_coefficients():
    table = np.arange(4.0)
    term = Term((AGE,), table, table - 1, table + 2)
    moved = term.replace(coefficients=term.coefficients * 3)
    np.testing.assert_allclose(moved.lower.ravel(), 3 * table - 1)
    np.testing.assert_allclose(moved.upper.ravel(), 3 * table + 2)
    flat = term.replace(coefficients=3 * table)
    np.testing.assert_allclose(flat.upper.ravel(), 3 * table + 2)
    fixed = term.replace(coefficients=table, lower=table, upper=table)
    np.testing.assert_allclose(fixed.lower.ravel(), table)
    assert term.replace(density=np.ones(4)).lower is not None


def test_tables_are_copied_and_frozen():
    table = np.zeros(4)
    term = Term((AGE,), table)
    table[0] = 9.0
    assert term.coefficients[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        term.coefficients[0] = 1.0


@pytest.mark.parametrize(
    ("arguments", "named", "reason"),
    [
        (((), np.zeros(0)), {}, "one or two axes, got 0"),
        (((AGE, SEX, AGE), np.zeros(4)), {}, "one or two axes, got 3"),
        (((AGE, AGE), np.zeros((4, 4))), {}, "two different features, got 'age' twice"),
        (((AGE,), np.zeros(3)), {}, r"'age': coefficients have shape \(3, 1\), expected \(4, 1\)"),
        (((AGE,), [0, np.nan, 0, 0]), {}, "'age': coefficients must be finite"),
        (((AGE,), np.zeros(4)), {"lower": np.zeros(4)}, "'age': give both edges"),
        (((AGE,), np.zeros(4)), {"lower": np.zeros(3), "upper": np.zeros(4)}, "'age': lower have"),
        (
            ((AGE,), np.zeros((4, 2))),
            {"lower": np.zeros((4, 1)), "upper": np.zeros((4, 2))},
            "'age': lower",
        ),
        (((AGE,), np.zeros(4)), {"density": np.zeros((4, 1))}, "'age': density has shape"),
    ],
)
def test_bad_tables_are_refused_by_name(arguments, named, reason):
    with pytest.raises(ValueError, match=reason):
        Term(*arguments, **named)
