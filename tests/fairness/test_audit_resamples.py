"""Resamples that many figures share, and intervals from them."""

import numpy as np

from glassbox.fairness._audit.row_resamples import RowResamples, centred_percentiles, percentiles


def test_all_sums_are_of_the_same_draws():
    rng = np.random.default_rng(0)
    codes, columns = rng.integers(-1, 3, size=50), rng.normal(size=(50, 4))
    resamples = RowResamples(50, 7, seed=1)
    counts = resamples.tables(np.arange(50), 50)
    assert counts.shape == (7, 50) and (counts.sum(axis=1) == 50).all()
    sums = resamples.sums(codes, 3, columns)
    for group in range(3):
        np.testing.assert_allclose(
            sums[:, group], (counts * (codes == group)) @ columns, atol=1e-12
        )
    products = resamples.products(columns[:, :2], columns)
    np.testing.assert_allclose(products[3], (columns[:, :2].T * counts[3]) @ columns, atol=1e-12)
    np.testing.assert_array_equal(
        resamples.tables(codes, 3)[:, 2], (counts * (codes == 2)).sum(axis=1)
    )


def test_draws_do_not_depend_on_how_many_are_taken_at_a_time(monkeypatch):
    whole = RowResamples(30, 9, seed=2).tables(np.arange(30), 30)
    monkeypatch.setattr("glassbox.fairness._audit.row_resamples._DRAWS", 60)
    np.testing.assert_array_equal(RowResamples(30, 9, seed=2).tables(np.arange(30), 30), whole)


def test_percentiles_pass_over_what_is_not_finite():
    values = np.column_stack([np.arange(101.0), np.full(101, np.nan)])
    values[100, 0] = np.inf
    lower, upper = percentiles(values)
    np.testing.assert_allclose([lower[0], upper[0]], [2.475, 96.525])
    assert np.isnan(lower[1]) and np.isnan(upper[1])


def test_the_bias_of_redrawing_is_taken_off_once():
    resampled = np.linspace(3.0, 5.0, 101)
    lower, upper = centred_percentiles(np.asarray(1.0), resampled, -np.inf, np.inf)
    np.testing.assert_allclose([lower, upper], [0.05, 1.95])
    lower, upper = centred_percentiles(np.asarray(1.0), resampled, 0.5, 1.5)
    assert (lower, upper) == (0.5, 1.5)


def test_without_resamples_there_are_no_percentiles():
    lower, upper = centred_percentiles(np.ones(2), np.empty((0, 2)), 0.0, 1.0)
    assert np.isnan(lower).all() and np.isnan(upper).all()
