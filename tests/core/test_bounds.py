from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core import bounds
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, CategoricalAxis, NumericAxis
from glassbox.core.bounds import score_bounds, term_bounds
from glassbox.core.purify import purify
from glassbox.core.terms import Term
from tests.core.random_models import counted, feature_axes, random_columns, random_model

seeds = st.integers(0, 2**32 - 1)


def every_node(model, missing=True, unseen=True, far=()):
    """All combinations of knots, points just left of knots, missing and unseen."""
    values = {}
    for name, axes in feature_axes(model).items():
        if isinstance(axes[0], CategoricalAxis):
            codes = list(range(axes[0].n_values))
            codes += [MISSING_CODE] * missing + [UNSEEN_CODE] * unseen
            values[name] = np.array(codes)
            continue
        knots = np.unique(np.concatenate([axis.knots for axis in axes]))
        x = np.concatenate([knots, np.nextafter(knots, -np.inf), [knots[0] - 1, knots[-1] + 1]])
        values[name] = np.concatenate([x, [np.nan] * missing, far])
    rows = list(product(*values.values()))
    return {name: np.array(c) for name, c in zip(values, zip(*rows, strict=True), strict=True)}


@settings(max_examples=100, deadline=None)
@given(
    seeds,
    st.sampled_from([(0,), (1,), (0, 1)]),
    st.integers(1, 2),
    st.sampled_from([{"shared": True}, {}, {"mixed": True}]),
    st.booleans(),
    st.booleans(),
)
def test_steps_and_lines_are_exact(seed, degrees, n_outputs, axes, missing, unseen):
    rng = np.random.default_rng(seed)
    model = random_model(rng, degrees, n_outputs, **axes)
    allowed = {"include_missing": missing, "include_unseen": unseen}
    got = score_bounds(model, **allowed)
    columns = every_node(model, missing, unseen)
    scores = model.scores(columns)
    assert got["exact"].all()
    np.testing.assert_allclose(got["smallest"], scores.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(got["largest"], scores.max(axis=0), atol=1e-9)
    terms = term_bounds(model, **allowed)
    contributions = model.contributions(columns).reshape(len(scores), -1)
    np.testing.assert_allclose(terms["smallest"], contributions.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(terms["largest"], contributions.max(axis=0), atol=1e-9)
    assert terms["exact"].all()


@settings(max_examples=60, deadline=None)
@given(
    seeds,
    st.sampled_from([(3,), (0, 3), (0, 1, 3)]),
    st.sampled_from([{"shared": True}, {}, {"mixed": True}]),
    st.booleans(),
)
def test_no_score_lies_outside(seed, degrees, axes, linear):
    rng = np.random.default_rng(seed)
    model = random_model(rng, degrees, linear=linear, **axes)
    scores = model.scores(random_columns(rng, model, 500))
    got = score_bounds(model).iloc[0]
    assert got["smallest"] <= scores.min() + 1e-9
    assert got["largest"] >= scores.max() - 1e-9


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_infinite_where_far_points_say_so(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1), shared=True, linear=True)
    scores = model.scores(every_node(model, far=[-1e9, 1e9]))
    got = score_bounds(model).iloc[0]
    assert (scores.min() < -1e5) == np.isneginf(got["smallest"])
    assert (scores.max() > 1e5) == np.isposinf(got["largest"])


def line(name, coefficients, degree=1):
    knots = np.arange(len(coefficients) - degree, dtype=float)
    return Term((NumericAxis(name, knots, degree, "linear"),), np.array(coefficients))


def test_linear_edges():
    rising = AdditiveModel(0.0, (line("x", [0.0, 1.0, 5.0]),))
    assert term_bounds(rising)["largest"][0] == np.inf
    assert term_bounds(rising)["smallest"][0] == -np.inf
    dip = AdditiveModel(0.0, (line("x", [1.0, -2.0, 0.5, 7.0]),))
    assert score_bounds(dip)["smallest"][0] == -2.0
    assert score_bounds(dip)["largest"][0] == np.inf
    flat = AdditiveModel(0.0, (line("x", [1.0, 1.0, 2.0, 2.0 + 1e-15, 0.0]),))
    assert score_bounds(flat)["largest"][0] == pytest.approx(2.0)
    assert score_bounds(flat)["exact"].all()


def test_opposed_slopes_cancel_in_the_score_but_not_in_the_terms():
    main = line("x", [0.0, 1.0, 0.0])
    b = CategoricalAxis("b", ("only",))
    pair = Term((main.axes[0], b), np.outer([0.0, -1.0, 0.0], np.ones(3)))
    model = AdditiveModel(0.0, (main, pair))
    assert np.isinf(term_bounds(model)["largest"]).all()
    assert score_bounds(model)[["smallest", "largest"]].iloc[0].tolist() == [0.0, 0.0]


def test_both_corners_of_a_bilinear_pair():
    axes = tuple(NumericAxis(n, np.array([0.0, 1.0]), 1, "linear") for n in "xz")
    table = np.zeros((3, 3))
    table[1, 1] = 1.0  # x z
    got = score_bounds(AdditiveModel(0.0, (Term(axes, table),))).iloc[0]
    assert (got["smallest"], got["largest"]) == (-np.inf, np.inf)


def test_a_fall_that_only_the_corner_shows():
    # beyond both upper edges s + t - s t, which rises along each edge
    axes = tuple(NumericAxis(n, np.array([0.0, 1.0, 2.0]), 1, "linear") for n in "xz")
    table = np.zeros((4, 4))
    table[:3, :3] = [[0, 0, 2], [0, 0, 2], [2, 2, 3]]
    model = AdditiveModel(0.0, (Term(axes, table),))
    assert model.scores({"x": np.array([99.0]), "z": np.array([99.0])})[0, 0] < -1000
    assert term_bounds(model)["smallest"][0] == score_bounds(model)["smallest"][0] == -np.inf


def test_bounds_do_not_change_when_purified():
    rng = np.random.default_rng(3)
    model = counted(rng, random_model(rng, (0,), n_features=4))
    before, after = score_bounds(model), score_bounds(purify(model))
    np.testing.assert_allclose(before["smallest"], after["smallest"])
    np.testing.assert_allclose(before["largest"], after["largest"])


def ring_of_pairs(rng, n_features, n_bins):
    axes = [NumericAxis(f"x{j}", np.arange(n_bins + 1.0)) for j in range(n_features)]
    fine = [NumericAxis(a.name, np.linspace(0, n_bins, 7 * n_bins + 1)) for a in axes]
    pairs = [(axes[j], axes[(j + 1) % n_features]) for j in range(n_features)]
    return AdditiveModel(
        0.0,
        (
            *(Term((a,), rng.normal(size=a.size)) for a in fine),
            *(Term(p, rng.normal(size=(p[0].size, p[1].size))) for p in pairs),
        ),
    )


def test_a_large_ring_is_exact_and_tighter_than_sums():
    model = ring_of_pairs(np.random.default_rng(0), 12, 60)
    got = score_bounds(model).iloc[0]
    terms = term_bounds(model)
    assert got["exact"]
    assert terms["smallest"].sum() < got["smallest"] < got["largest"] < terms["largest"].sum()


def test_too_large_a_table_falls_back_to_sums(monkeypatch):
    model = ring_of_pairs(np.random.default_rng(0), 4, 6)
    exact = score_bounds(model).iloc[0]
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 100)
    loose = score_bounds(model).iloc[0]
    assert exact["exact"] and not loose["exact"]
    assert loose["smallest"] == pytest.approx(term_bounds(model)["smallest"].sum())
    assert loose["smallest"] < exact["smallest"] and loose["largest"] > exact["largest"]


def test_a_model_without_terms_is_its_intercept():
    got = score_bounds(AdditiveModel([1.0, 2.0], ()))
    assert got["smallest"].tolist() == got["largest"].tolist() == [1.0, 2.0]


def test_nothing_left_to_include():
    model = AdditiveModel(0.0, (Term((CategoricalAxis("a", ()),), np.zeros(2)),))
    for function in (term_bounds, score_bounds):
        with pytest.raises(ValueError, match="'a' has no categories"):
            function(model, include_missing=False, include_unseen=False)
