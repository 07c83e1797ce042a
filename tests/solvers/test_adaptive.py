import warnings

import numpy as np
import pytest

from glassbox.datasets import make_additive
from glassbox.solvers import _priors, adaptive
from glassbox.solvers._families import (
    Bernoulli,
    Gamma,
    Gaussian,
    Huber,
    Multinomial,
    Poisson,
    Quantile,
)
from glassbox.solvers.adaptive import fit_adaptive, inverse_positive, more_informed, posterior
from tests.solvers.tables import layout_of

FAMILIES = [
    Gaussian(),
    Bernoulli(),
    Multinomial(3),
    Poisson(),
    Gamma(),
    Huber(0.8),
    Quantile(0.7, 0.7),
]


def _name(family):
    return type(family).__name__


def _draw(family, score, rng):
    """An outcome with the given predictor."""
    n_rows = len(score)
    if isinstance(family, Bernoulli):
        return (rng.random(n_rows) < 1 / (1 + np.exp(-score))).astype(float)
    if isinstance(family, Multinomial):
        scores = np.stack([score, -score, 0 * score], axis=1) + rng.gumbel(size=(n_rows, 3))
        return scores.argmax(axis=1).astype(float)
    if isinstance(family, Poisson):
        return rng.poisson(np.exp(score)).astype(float)
    if isinstance(family, Gamma):
        return rng.gamma(2.0, np.exp(score) / 2)
    return score + 0.5 * rng.standard_normal(n_rows)


def _table(family, n_rows=600, seed=0):
    """A wave with missing values, a feature without effect, and five categories."""
    rng = np.random.default_rng(seed)
    columns = {
        "x": rng.uniform(-2, 2, n_rows),
        "z": rng.normal(size=n_rows),
        "c": rng.integers(0, 5, n_rows),
    }
    score = np.sin(2 * columns["x"]) + 0.4 * (columns["c"] - 2)
    columns["x"][:40] = np.nan
    score[:40] = 1.0
    return columns, _draw(family, score, rng), np.ones(n_rows), score


def _fit(columns, y, family, weights=None, pairs=(), **options):
    weights = np.ones(len(y)) if weights is None else weights
    layout = options.pop("layout", None) or layout_of(columns, pairs=pairs)
    return fit_adaptive(layout, columns, y, weights, family, **options)


def _distance(first, second):
    """Root mean square between predictors, in units of the spread of the second."""
    return np.sqrt(np.mean((first - second) ** 2)) / second.std()


@pytest.fixture
def many_rounds(monkeypatch):
    monkeypatch.setattr(adaptive, "_ROUNDS_OF_MAINS", 150)
    monkeypatch.setattr(adaptive, "_ROUNDS_OF_ALL", 150)
    monkeypatch.setattr(adaptive, "_SETTLED", 1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=_name)
def test_the_gradient_is_zero_where_smoothness_is_fixed(family, many_rounds, monkeypatch):
    monkeypatch.setattr(_priors.Prior, "updated", lambda prior, *known: prior)
    columns, y, weights, _ = _table(family)
    fit = _fit(columns, y, family)
    local = family.local_fit(y, fit.predictor, weights)
    rows = fit.layout.rows(columns)
    np.testing.assert_allclose(
        fit.predictor, rows @ fit.coefficients + fit.intercept, rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(local.slope.sum(axis=0), 0, atol=1e-3)
    (block,) = fit.blocks
    slopes = rows.T @ local.slope / fit.dispersion
    for a, prior in enumerate(block.priors):
        pull = prior.precision() @ fit.coefficients[:, a]
        np.testing.assert_allclose(slopes[:, a], pull, atol=1e-4 * np.abs(pull).max())


@pytest.mark.parametrize("family", FAMILIES, ids=_name)
def test_every_family_finds_the_wave(family):
    columns, y, _, score = _table(family, n_rows=1_500)
    fit = _fit(columns, y, family)
    # By the first class against the second, where there are several.
    scores = fit.predictor @ family.contrasts.T
    found = scores[:, 0] if scores.shape[1] == 1 else (scores[:, 0] - scores[:, 1]) / 2
    assert np.corrcoef(found, score)[0, 1] > 0.9
    assert (
        fit.deviance
        < 0.95
        * family.local_fit(
            y, np.tile(family.start(y, np.ones(len(y))), (len(y), 1)), np.ones(len(y))
        ).deviance
    )
    if family.dispersion_known:
        assert fit.dispersion == 1.0


def _jump_and_wave(seed):
    table = make_additive(
        5_000,
        3,
        task="regression",
        kinds=("step", "sine", "null"),
        marginal="uniform",
        random_state=seed,
    )
    columns = {name: table.data[name].to_numpy() for name in table.data}
    return columns, table.target.to_numpy(), table.score


def test_local_smoothness_recovers_a_jump_better_than_constant_smoothness(monkeypatch):
    local, constant = [], []
    for seed in range(4):
        columns, y, score = _jump_and_wave(seed)
        layout = layout_of(columns, n_knots=64)
        fit = _fit(columns, y, Gaussian(), layout=layout)
        local.append(np.mean((fit.predictor[:, 0] - score) ** 2))
        with monkeypatch.context() as patch:
            patch.setattr(_priors, "_REACH", None)
            fit = _fit(columns, y, Gaussian(), layout=layout)
        constant.append(np.mean((fit.predictor[:, 0] - score) ** 2))
    assert np.sqrt(np.mean(local)) < 0.93 * np.sqrt(np.mean(constant))
    # The noise has a standard deviation of 1, the shapes of 1.5.
    assert np.sqrt(np.mean(local)) < 0.15


def test_a_feature_without_effect_is_nearly_flat():
    sizes = []
    for seed in range(4):
        columns, y, _ = _jump_and_wave(seed)
        fit = _fit(columns, y, Gaussian())
        here = fit.layout.slices["x2"]
        contribution = fit.blocks[0].rows[:, here] @ fit.coefficients[here, 0]
        sizes.append(contribution.std())
    # A straight line alone would have 1 / sqrt(5000) = .014 by chance.
    assert np.median(sizes) < 0.02
    assert max(sizes) < 0.08


def test_strength_makes_a_term_smoother():
    columns, y, _, _ = _table(Gaussian())
    rough = []
    for strength in (1.0, 1e6):
        fit = _fit(columns, y, Gaussian(), strengths={"x": strength})
        values = fit.coefficients[fit.layout.slices["x"]][:-1, 0]
        bends = _priors.curvature_differences(fit.layout.terms[0].axes[0]) @ values
        rough.append(np.abs(bends).max())
    assert rough[1] < 0.5 * rough[0]


@pytest.mark.parametrize("family", FAMILIES[:-1], ids=_name)
def test_a_row_of_weight_three_counts_as_three(family):
    columns, y, _, _ = _table(family, n_rows=300)
    weights = np.random.default_rng(1).integers(1, 4, len(y))
    layout = layout_of(columns)
    weighted = _fit(columns, y, family, weights.astype(float), layout=layout)
    repeated = {name: np.repeat(column, weights) for name, column in columns.items()}
    longer = _fit(repeated, np.repeat(y, weights), family, layout=layout)
    np.testing.assert_allclose(weighted.coefficients, longer.coefficients, atol=1e-6)
    np.testing.assert_allclose(weighted.intercept, longer.intercept, atol=1e-6)
    assert weighted.effective_df == pytest.approx(longer.effective_df, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_units_of_the_outcome_and_of_a_feature_do_not_matter(unit):
    columns, y, _, _ = _table(Gaussian())
    fit = _fit(columns, y, Gaussian())
    other = _fit(columns, unit * y + 3 * unit, Gaussian())
    np.testing.assert_allclose(other.predictor / unit - 3, fit.predictor, atol=1e-5)
    other = _fit(columns | {"x": unit * columns["x"]}, y, Gaussian())
    np.testing.assert_allclose(other.predictor, fit.predictor, atol=1e-5)


def test_several_blocks_find_what_one_block_finds(monkeypatch):
    columns, y, _ = _jump_and_wave(0)
    whole = _fit(columns, y, Gaussian())
    monkeypatch.setattr(adaptive, "MAX_BLOCK", 30)
    parts = _fit(columns, y, Gaussian())
    assert (len(whole.blocks), len(parts.blocks)) == (1, 3)
    assert [block.here for block in parts.blocks] == list(parts.layout.slices.values())
    assert _distance(parts.predictor, whole.predictor) < 0.02


def test_a_pair_is_found_after_the_main_effects():
    rng = np.random.default_rng(0)
    columns = {"x": rng.uniform(-1, 1, 2_000), "z": rng.uniform(-1, 1, 2_000)}
    score = 3 * columns["x"] * columns["z"]
    y = score + 0.3 * rng.normal(size=2_000)
    layout = layout_of(columns, n_knots=8, pairs=[("x", "z")])
    fit = _fit(columns, y, Gaussian(), layout=layout)
    assert [block.name for block in fit.blocks] == ["x", "x & z"]
    assert _distance(fit.predictor[:, 0], score) < 0.1
    alone = _fit(columns, y, Gaussian(), layout=type(layout)(layout.terms[2:]))
    assert _distance(alone.predictor[:, 0], score) < 0.1


def _odd_columns():
    rng = np.random.default_rng(0)
    n = 300
    x = rng.normal(size=n)
    far = x.copy()
    far[0] = 1e12
    return {
        "constant": np.full(n, 3.0),
        "all missing": np.full(n, np.nan),
        "two values": (x > 0).astype(float),
        "mostly missing": np.where(np.arange(n) < 2, x, np.nan),
        "a row per category": np.arange(n),
        "200 levels": rng.integers(0, 200, n),
        "an outlier": far,
        "the edge of floats": 1e-300 * x,
    }


@pytest.mark.parametrize("family", [Gaussian(), Bernoulli(), Poisson()], ids=_name)
@pytest.mark.parametrize("odd", list(_odd_columns()))
def test_odd_columns_are_fitted_alone_and_beside_others(odd, family):
    column = _odd_columns()[odd]
    rng = np.random.default_rng(1)
    x = rng.normal(size=len(column))
    y = _draw(family, x, rng)
    for columns in ({odd: column}, {odd: column, "x": x}):
        pairs = [(odd, "x")] if "x" in columns and len(np.unique(column)) < 10 else []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fit = _fit(columns, y, family, pairs=pairs)
            parts = posterior(fit, y, np.ones(len(y)))
        assert np.isfinite(fit.coefficients).all() and np.isfinite(fit.predictor).all()
        assert np.abs(fit.coefficients).max() < 10
        for part in parts:
            for matrix in (*part.inverse, *part.band):
                assert (np.diag(matrix) > 0).all()
    assert np.corrcoef(fit.predictor[:, 0], x)[0, 1] > 0.7


@pytest.mark.parametrize("y", [np.zeros(50), np.full(50, 7.0)])
def test_an_outcome_without_scatter_is_its_mean(y):
    fit = _fit({"x": np.arange(50.0)}, y, Gaussian())
    np.testing.assert_allclose(fit.predictor, y[:, None], atol=1e-9)


@pytest.mark.parametrize("family", [Bernoulli(), Multinomial(3)], ids=_name)
def test_classes_that_can_be_told_apart_have_finite_coefficients(family):
    x = np.random.default_rng(0).normal(size=300)
    y = np.digitize(x, [-0.5, 0.5][: len(family.contrasts) - 1 or 1]).astype(float)
    fit = _fit({"x": x}, y, family)
    assert np.abs(fit.coefficients).max() < 50
    scores = fit.predictor @ family.contrasts.T
    found = scores[:, 0] > 0 if scores.shape[1] == 1 else scores.argmax(axis=1)
    assert np.mean(found == y) > 0.97


def test_many_categories_are_drawn_towards_one_another():
    rng = np.random.default_rng(0)
    code = rng.integers(0, 200, 1_000)
    effects = 0.5 * rng.normal(size=200)
    y = effects[code] + rng.normal(size=1_000)
    fit = _fit({"c": code}, y, Gaussian())
    means = np.bincount(code, y, 200) / np.maximum(np.bincount(code, minlength=200), 1)
    found = fit.coefficients[:200, 0] + fit.intercept
    assert np.mean((found - effects) ** 2) < 0.7 * np.mean((means - effects) ** 2)


@pytest.mark.parametrize("family", FAMILIES, ids=_name)
def test_a_fit_can_go_on_from_another(family, many_rounds):
    columns, y, weights, _ = _table(family)
    first = _fit(columns, y, family)
    before = first.coefficients.copy(), first.intercept.copy()
    again = _fit(columns, y, family, layout=first.layout, start=first.without_rows())
    assert _distance(again.predictor, first.predictor) < 1e-2
    assert again.n_rounds < 150 or first.n_rounds == 150
    assert again.dispersion == pytest.approx(first.dispersion, rel=1e-2)
    np.testing.assert_array_equal(before[0], first.coefficients)
    np.testing.assert_array_equal(before[1], first.intercept)


def test_going_on_begins_with_the_known_dispersion(monkeypatch):
    columns, y, _, _ = _table(Gaussian())
    first = _fit(columns, y, Gaussian())
    for rounds in ("_ROUNDS_OF_MAINS", "_ROUNDS_OF_ALL"):
        monkeypatch.setattr(adaptive, rounds, 1)
    again = _fit(columns, y, Gaussian(), start=first)
    # One round with the scatter of the outcome itself, five times as large, would be far off.
    assert _distance(again.predictor, first.predictor) < 0.01


def test_the_dispersion_counts_what_the_fit_has_used_up():
    columns, y, _, _ = _table(Gaussian())
    fit = _fit(columns, y, Gaussian())
    assert fit.effective_df > 10
    assert fit.dispersion == pytest.approx(fit.deviance / (len(y) - fit.effective_df))


def test_rounds_are_told():
    columns, y, _, _ = _table(Bernoulli())
    told = []
    fit = _fit(columns, y, Bernoulli(), on_round=lambda *news: told.append(news))
    assert [number for number, _ in told] == list(range(1, fit.n_rounds + 1))
    assert told[-1][1] == pytest.approx(fit.deviance)


@pytest.mark.parametrize("family", FAMILIES, ids=_name)
def test_the_posterior_is_a_covariance_and_the_band_is_wider(family):
    columns, y, weights, _ = _table(family)
    fit = _fit(columns, y, family, pairs=[("x", "c")])
    for part, block in zip(posterior(fit, y, weights), fit.blocks, strict=True):
        assert part.here == block.here
        for precision, inverse, band in zip(part.precision, part.inverse, part.band, strict=True):
            np.testing.assert_array_equal(inverse, inverse.T)
            # As a correlation: coefficients may be known very unequally well.
            scale = np.sqrt(np.diag(inverse))
            assert np.linalg.eigvalsh(inverse / np.outer(scale, scale)).min() > -1e-10
            sizes = np.linalg.eigvalsh(precision)
            assert sizes[0] > -1e-14 * sizes[-1]
            assert (np.diag(band) >= np.diag(inverse) * (1 - 1e-9)).all()
            # The first forty rows have a missing value, and touch no pair.
            seen = block.rows[40:90].toarray()
            assert (np.einsum("nm,mk,nk->n", seen, inverse, seen) > 0).all()


def test_more_rows_to_come_narrow_the_posterior_as_those_rows_would():
    columns, y, weights, _ = _table(Bernoulli())
    fit = _fit(columns, y, Bernoulli())
    (grown,) = posterior(fit, y, weights, growth=3.0)
    (tripled,) = posterior(fit, y, 3 * weights)
    np.testing.assert_allclose(grown.inverse, tripled.inverse, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(grown.band, tripled.band, rtol=1e-6, atol=1e-12)
    (now,) = posterior(fit, y, weights)
    np.testing.assert_array_equal(now.precision, grown.precision)
    assert (np.diag(grown.inverse[0]) <= np.diag(now.inverse[0])).all()


def test_what_was_known_is_the_prior_of_what_comes():
    columns, y, weights, _ = _table(Gaussian())
    fit = _fit(columns, y, Gaussian())
    (part,) = posterior(fit, y, weights)
    rows = fit.layout.rows(columns)
    later = more_informed(part, rows, weights[:, None], fit.dispersion)
    (doubled,) = posterior(fit, y, weights, growth=2.0)
    np.testing.assert_allclose(later.inverse, doubled.inverse, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(
        later.precision[0] @ part.inverse[0], np.eye(rows.shape[1]), atol=1e-5
    )


def test_an_inverse_is_symmetric_and_a_singular_matrix_is_refused():
    root = np.random.default_rng(0).normal(size=(6, 6))
    matrix = root @ root.T + np.eye(6)
    inverse = inverse_positive(matrix.copy())
    np.testing.assert_array_equal(inverse, inverse.T)
    np.testing.assert_allclose(inverse @ matrix, np.eye(6), atol=1e-10)
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        inverse_positive(np.diag([1.0, -1.0]))
