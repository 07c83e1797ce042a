import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.layout import Layout, TermColumns
from glassbox.solvers._priors import Pool, main_prior, pair_prior
from tests.solvers.tables import layout_of

N_ROWS = 300


def _mains(columns, *, unit=1.0, strengths=None, weights=None, layout=None):
    layout = layout_of(columns) if layout is None else layout
    n_rows = len(next(iter(columns.values())))
    weights = np.ones(n_rows) if weights is None else weights
    rows = layout.rows(columns)
    return layout, main_prior(layout.terms, rows, columns, weights, unit, strengths or {})


def _columns(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N_ROWS)
    x[:30] = np.nan
    return {"x": x, "z": rng.exponential(size=N_ROWS), "c": rng.integers(0, 8, N_ROWS)}


def _kind(prior, kind):
    return [pool for pool in prior.pools if pool.kind == kind]


def test_only_the_line_is_charged_for_a_straight_line():
    columns = _columns()
    layout, prior = _mains(columns)
    coefficients = np.zeros(layout.n_columns)
    here = layout.slices["x"]
    coefficients[here.start : here.stop - 1] = 5.0 + 2.0 * layout.terms[0].axes[0].knots
    paid = prior.combinations @ coefficients
    (line,) = _kind(prior, "line")
    np.testing.assert_allclose(np.delete(paid, line.rows), 0, atol=1e-10)
    # Two standard deviations of the feature, wherever the line begins.
    spread = np.nanstd(columns["x"])
    np.testing.assert_allclose(paid[line.rows], [2.0 * spread, 0.0], atol=1e-10)


def test_centring_charges_for_the_mean_of_a_term():
    columns = _columns()
    layout, prior = _mains(columns)
    coefficients = np.random.default_rng(1).normal(size=layout.n_columns)
    for k, name in enumerate(columns):
        own = np.zeros_like(coefficients)
        own[layout.slices[name]] = coefficients[layout.slices[name]]
        mean = (layout.rows(columns) @ own).mean()
        np.testing.assert_allclose(prior.centring[k] @ coefficients, np.sqrt(N_ROWS) * mean)


@given(seed=st.integers(0, 2**31))
def test_variances_under_a_covariance(seed):
    rng = np.random.default_rng(seed)
    layout, prior = _mains(_columns())
    root = rng.normal(size=(layout.n_columns, 5))
    dense = prior.combinations.toarray()
    np.testing.assert_allclose(
        prior.variances_under(root @ root.T), ((dense @ root) ** 2).sum(axis=1), atol=1e-9
    )


def test_every_numeric_feature_is_charged_for_its_own_bends_and_categories_share():
    layout, prior = _mains(_columns() | {"d": np.arange(N_ROWS) % 3, "e": np.arange(N_ROWS) % 4})
    sizes = {kind: [pool.shape for pool in _kind(prior, kind)] for kind in ("curve", "level")}
    assert sizes == {"curve": [(22,), (22,)], "level": [(8,), (7,)]}
    assert [pool.shape for pool in _kind(prior, "missing")] == [(5,)]
    assert _kind(prior, "curve")[0].reach is not None


def test_the_steps_of_ordered_categories_are_charged():
    axis = CategoricalAxis("stage", ("I", "II", "III", "IV"), ordered=True)
    columns = {"stage": np.arange(N_ROWS) % 4}
    _, prior = _mains(columns, layout=Layout((TermColumns((axis,)),)))
    (pool,) = _kind(prior, "level")
    steps = prior.combinations.toarray()[pool.rows]
    np.testing.assert_array_equal(steps[:, :4], np.diff(np.eye(4), axis=0))


@pytest.mark.parametrize("column", [np.full(N_ROWS, np.nan), np.full(N_ROWS, 3.0)])
def test_a_feature_without_two_values_is_held(column):
    _, prior = _mains({"k": column})
    spread = np.linalg.inv(prior.precision())
    # Not more than the priors say; the ridge alone would leave a variance of 1e9.
    assert np.diag(spread).max() < 1.0


def test_an_outlier_does_not_hold_the_shape_flat_beside_it():
    columns = {"x": np.append(np.random.default_rng(0).normal(size=N_ROWS - 1), 1e9)}
    _, prior = _mains(columns)
    assert np.abs(prior.combinations.data).max() <= 10.0
    np.linalg.cholesky(prior.precision())


def test_strength_multiplies_the_precision_of_bends_and_levels_of_its_term():
    columns = _columns()
    layout, once = _mains(columns)
    _, thrice = _mains(columns, strengths={"x": 3.0, "c": 3.0})
    before, after = once.combinations.toarray(), thrice.combinations.toarray()
    charged = {
        name: np.abs(before[:, here]).sum(axis=1) > 0 for name, here in layout.slices.items()
    }
    for pool in once.pools:
        rows = np.zeros(len(before), dtype=bool)
        rows[pool.rows] = True
        factor = np.sqrt(3.0) if pool.kind in ("curve", "level") else 1.0
        named = rows & (charged["x"] | charged["c"])
        np.testing.assert_allclose(after[named], factor * before[named])
        np.testing.assert_array_equal(after[rows & charged["z"]], before[rows & charged["z"]])


def test_a_row_of_weight_three_counts_as_three():
    columns = _columns()
    weights = np.random.default_rng(2).integers(1, 4, N_ROWS)
    repeated = {name: np.repeat(column, weights) for name, column in columns.items()}
    layout, weighted = _mains(columns, weights=weights.astype(float))
    _, longer = _mains(repeated, layout=layout)
    np.testing.assert_allclose(
        weighted.combinations.toarray(), longer.combinations.toarray(), atol=1e-12
    )
    np.testing.assert_allclose(weighted.precision(), longer.precision(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_precisions_are_positive_definite_in_any_unit(unit):
    columns = _columns()
    for centred in (True, False):
        precision = _mains(columns, unit=unit)[1].precision(centred) * unit
        np.linalg.cholesky(precision)
        np.testing.assert_allclose(precision, _mains(columns)[1].precision(centred), rtol=1e-9)


@pytest.mark.parametrize("truth", [0.2, 1.0, 3.0])
def test_the_variance_of_many_categories_is_learned(truth):
    rng = np.random.default_rng(3)
    columns = {"c": np.repeat(np.arange(400), 5)}
    effects = np.sqrt(truth) * rng.normal(size=400)
    y = effects[columns["c"]] + rng.normal(size=2_000)
    layout, prior = _mains(columns)
    rows = layout.rows(columns)
    for _ in range(60):
        covariance = np.linalg.inv((rows.T @ rows).toarray() + prior.precision())
        mean = covariance @ (rows.T @ (y - y.mean()))
        prior = prior.updated(mean, covariance)
    (pool,) = _kind(prior, "level")
    assert np.ptp(prior.variances[pool.rows]) < 1e-9
    # Four standard errors of a sample variance, the noise in the effects included.
    error = np.sqrt(2 / 400) * (truth + 0.2)
    assert prior.variances[pool.rows][0] == pytest.approx(truth, abs=4 * error)


def test_variances_stay_within_their_bounds():
    layout, prior = _mains(_columns(), unit=4.0)
    nothing = np.zeros((layout.n_columns, layout.n_columns))
    flat = prior.updated(np.zeros(layout.n_columns), nothing)
    np.testing.assert_allclose(flat.variances, 4e-9)
    wild = prior.updated(np.full(layout.n_columns, 1e6) * np.arange(layout.n_columns), nothing)
    for kind in ("line", "level", "missing"):
        for pool in _kind(wild, kind):
            assert (wild.variances[pool.rows] <= 4 * 2.5**2).all()


def test_a_loosened_prior_allows_more_where_less_is_known():
    layout, prior = _mains(_columns())
    size = layout.n_columns
    known = prior.loosened(np.zeros(size), np.zeros((size, size)))
    unknown = prior.loosened(np.zeros(size), np.linalg.inv(prior.precision()))
    assert (known.variances > prior.variances).all()
    assert (unknown.variances >= known.variances).all()
    (pool, *_) = _kind(prior, "curve")
    assert (unknown.variances > 2 * known.variances)[pool.rows].all()


@given(st.integers(0, 2**31), st.sampled_from([None, 0.5, 2.0]))
def test_neighbours_share_what_they_know(seed, reach):
    moments = np.random.default_rng(seed).exponential(size=30)
    pool = Pool("curve", slice(5, 25), (20,), reach)
    shared = pool.share(moments)
    assert shared.shape == (20,)
    assert moments[5:25].min() <= shared.min() and shared.max() <= moments[5:25].max()
    np.testing.assert_allclose(pool.share(np.full(30, 7.0)), 7.0)
    if reach is None:
        np.testing.assert_allclose(shared, moments[5:25].mean())


def _surface(first, second, strength=1.0):
    rng = np.random.default_rng(0)
    term = TermColumns((first, second))
    columns = {}
    for axis in term.axes:
        if isinstance(axis, CategoricalAxis):
            columns[axis.name] = rng.integers(0, axis.n_values, N_ROWS)
        else:
            columns[axis.name] = rng.uniform(axis.knots[0], axis.knots[-1], N_ROWS)
    rows = Layout((term,)).rows(columns)
    return term, pair_prior(term, rows, np.ones(N_ROWS), 1.0, strength)


def test_a_surface_is_charged_for_its_steps_along_both_axes():
    first = NumericAxis("x", np.array([0.0, 1.0, 2.0]), 1)
    second = CategoricalAxis("c", ("a", "b", "c", "d"), ordered=True)
    _, prior = _surface(first, second, strength=4.0)
    assert [(pool.kind, pool.shape) for pool in prior.pools] == [
        ("pair", (2, 4)),
        ("pair", (3, 3)),
        ("cell", (3, 4)),
    ]
    assert prior.overlapping
    table = np.random.default_rng(1).normal(size=(3, 4))
    paid = prior.combinations @ table.ravel()
    along = [2 * np.diff(table, axis=0), 2 * np.diff(table, axis=1), table]
    np.testing.assert_allclose(paid, np.concatenate([part.ravel() for part in along]))
    np.linalg.cholesky(prior.precision())


def test_categories_without_an_order_have_no_steps():
    first = NumericAxis("x", np.array([0.0, 1.0, 2.0]), 1)
    second = CategoricalAxis("c", ("a", "b", "c", "d"))
    assert [pool.shape for pool in _surface(first, second)[1].pools] == [(2, 4), (3, 4)]
    other = CategoricalAxis("d", ("a", "b"))
    assert [pool.kind for pool in _surface(second, other)[1].pools] == ["cell"]


def test_the_prior_of_a_surface_that_nothing_is_known_of_stays():
    axes = (NumericAxis(name, np.array([0.0, 1.0, 2.0, 3.0]), 1) for name in "xz")
    _, prior = _surface(*axes)
    # Mean squares of what the prior itself would draw.
    covariance = np.linalg.inv(prior.precision())
    after = prior.updated(np.zeros(16), covariance)
    np.testing.assert_allclose(after.variances, prior.variances, rtol=1e-9)
