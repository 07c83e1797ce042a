import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.terms import Term
from glassbox.solvers.order import MonotoneOrder
from tests.core.random_models import feature_axes, random_columns, random_model
from tests.core.test_bounds import every_node
from tests.solvers.test_order import model_of, random_problem, random_tables

seeds = st.integers(0, 2**32 - 1)
kinds_of_axes = st.sampled_from([{"shared": True}, {}, {"mixed": True}])
STEP = 1e-3


def smallest_moves(model, feature):
    """Smallest slope and smallest jump over all nodes, by evaluation of the model."""
    columns = every_node(model)
    axes = feature_axes(model)[feature]
    others = {n: c for n, c in columns.items() if n != feature}
    unique = np.empty((0, 1))
    if others:
        unique = np.unique(np.array(list(others.values())), axis=1)
    n_rows = unique.shape[1]

    def scores(value):
        here = {n: row.astype(others[n].dtype) for n, row in zip(others, unique, strict=True)}
        return model.scores({**here, feature: np.full(n_rows, value)})[:, 0]

    if isinstance(axes[0], CategoricalAxis):
        levels = range(axes[0].n_values - 1)
        falls = [(scores(v + 1) - scores(v)).min() for v in levels]
        return np.nan, min(falls, default=np.nan)
    slopes, jumps = [], []
    if any(axis.degree == 1 for axis in axes):
        knots = np.unique(np.concatenate([axis.knots for axis in axes]))
        sloped = [axis.knots for axis in axes if axis.degree == 1]
        low, high = min(k[0] for k in sloped), max(k[-1] for k in sloped)
        knots = knots[(knots >= low) & (knots <= high)]
        middles = (knots[1:] + knots[:-1]) / 2
        slopes = [(scores(x + STEP) - scores(x)).min() / STEP for x in middles]
    for cut in {k for axis in axes if axis.degree == 0 for k in axis.knots[1:-1]}:
        jumps.append((scores(cut) - scores(np.nextafter(cut, -np.inf))).min())
    return min(slopes, default=np.nan), min(jumps, default=np.nan)


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from([(0,), (1,), (0, 1)]), kinds_of_axes, st.sampled_from([-1, 1]))
def test_worst_moves_are_those_of_brute_force(seed, degrees, axes, sign):
    rng = np.random.default_rng(seed)
    model = random_model(rng, degrees, **axes)
    got = monotonicity_certificate(model, dict.fromkeys(model.features, sign))
    assert list(got["feature"]) == model.features
    signed = model.replace(
        terms=tuple(t.replace(coefficients=sign * t.coefficients) for t in model.terms)
    )
    for row in got.to_dict("records"):
        slope, jump = smallest_moves(signed, row["feature"])
        assert row["worst_slope"] == pytest.approx(sign * slope, abs=1e-6, nan_ok=True)
        assert row["worst_jump"] == pytest.approx(sign * jump, abs=1e-6, nan_ok=True)
        assert row["holds"] is bool(np.nanmin([slope, jump, 0]) > -1e-6)
        assert row["method"] == "tables"


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from([(0,), (1,), (0, 1)]), kinds_of_axes)
def test_missing_and_unseen_moves_are_those_of_brute_force(seed, degrees, axes):
    rng = np.random.default_rng(seed)
    model = random_model(rng, degrees, **axes)
    got = monotonicity_certificate(model)
    assert (got["declared"] == 0).all() and got["holds"].isna().all()
    columns = every_node(model)
    scores = model.scores(columns)[:, 0]
    for row in got.to_dict("records"):
        name = row["feature"]
        column = columns[name]
        coded = column.dtype.kind == "i"
        observed = column >= 0 if coded else ~np.isnan(column)
        for level, code in (("missing", -1), ("unseen", -2)):
            if level == "unseen" and not coded:
                assert np.isnan(row["unseen_lowest"])
                continue
            level_value = code if coded else np.nan
            replaced = {**columns, name: np.full(len(column), level_value, column.dtype)}
            change = (model.scores(replaced)[:, 0] - scores)[observed]
            assert row[f"{level}_lowest"] == pytest.approx(change.min(), abs=1e-9)
            assert row[f"{level}_highest"] == pytest.approx(change.max(), abs=1e-9)


def monotone_model(rng, degrees, **options):
    """No ordered feature lowers the score."""
    model = random_model(rng, degrees, **options)
    terms = []
    for term in model.terms:
        table = term.coefficients.copy()
        for dimension, axis in enumerate(term.axes):
            values = np.moveaxis(table, dimension, 0)
            values[: axis.n_values] = np.sort(values[: axis.n_values], axis=0)
        terms.append(Term(term.axes, table))
    return model.replace(terms=tuple(terms))


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from([(0,), (1,), (3,), (0, 1, 3)]), kinds_of_axes)
def test_ordered_coefficients_are_certified(seed, degrees, axes):
    rng = np.random.default_rng(seed)
    model = monotone_model(rng, degrees, **axes)
    got = monotonicity_certificate(model, dict.fromkeys(model.features, 1))
    assert got["holds"].all()
    falling = model.replace(
        terms=tuple(t.replace(coefficients=-t.coefficients) for t in model.terms)
    )
    assert monotonicity_certificate(falling, dict.fromkeys(model.features, -1))["holds"].all()


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from([(0,), (1,), (3,), (0, 1, 3)]), kinds_of_axes)
def test_verdicts_agree_with_sampled_moves(seed, degrees, axes):
    rng = np.random.default_rng(seed)
    model = monotone_model(rng, degrees, **axes)
    term = rng.choice(len(model.terms))
    table = model.terms[term].coefficients.copy()
    table.flat[rng.integers(table.size)] += rng.normal()  # may or may not break it
    terms = list(model.terms)
    terms[term] = Term(terms[term].axes, table)
    model = model.replace(terms=tuple(terms))
    got = monotonicity_certificate(model, dict.fromkeys(model.features, 1))
    columns = random_columns(rng, model, 500)
    for row in got.to_dict("records"):
        column = columns[row["feature"]]
        coded = column.dtype.kind == "i"
        keep = column >= 0 if coded else ~np.isnan(column)
        start = {n: c[keep] for n, c in columns.items()}
        other = rng.permutation(start[row["feature"]])
        up = np.maximum(start[row["feature"]], other)
        moved = {**start, row["feature"]: up}
        change = (model.scores(moved) - model.scores(start)).min(initial=0)
        if row["holds"] is True:
            assert change > -1e-9
        if row["holds"] is False:
            assert (
                min(row["worst_slope"], row["worst_jump"]) < 0
                or np.isnan([row["worst_slope"], row["worst_jump"]]).any()
            )


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_a_violation_is_found_where_the_row_says(seed):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1, 3), shared=True)
    got = monotonicity_certificate(model, dict.fromkeys(model.features, 1))
    for row in got[got["holds"] == False].to_dict("records"):  # noqa: E712
        axes = {name: a[0] for name, a in feature_axes(model).items()}
        axis = axes[row["feature"]]
        rest = {}
        for name, other in axes.items():
            value = row["partners"].get(name)
            if isinstance(other, CategoricalAxis):
                codes = {"unseen": -2, None: -1}
                rest[name] = codes.get(value, None) if value in codes else "abc".index(value)
            else:
                rest[name] = np.nan if value is None else value
        low, high = row["from"], row["to"]
        if isinstance(axis, CategoricalAxis):
            x = np.arange(axis.n_values)[["abc".index(low), "abc".index(high)]]
        elif low == high:
            x = np.array([np.nextafter(low, -np.inf), high])
        else:
            x = np.linspace(low, high - 1e-9, 2000)
        columns = {name: np.full(len(x), value) for name, value in rest.items()}
        scores = model.scores({**columns, row["feature"]: x})[:, 0]
        assert np.diff(scores).min() < 0


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from(["random", "settled", "one cell broken"]))
def test_the_certificate_says_yes_if_and_only_if_no_node_falls(seed, kind):
    rng = np.random.default_rng(seed)
    terms, directions = random_problem(rng)
    model = model_of(terms, random_tables(rng, MonotoneOrder(terms, directions), kind))
    got = monotonicity_certificate(model, directions).set_index("feature")
    for name, direction in directions.items():
        signed = [t.replace(coefficients=direction * t.coefficients) for t in model.terms]
        worst = np.nanmin([0.0, *smallest_moves(model.replace(terms=tuple(signed)), name)])
        assert got.loc[name, "holds"] is bool(worst > -1e-8)
        assert got.loc[name, "method"] == "tables"
        assert kind != "settled" or got.loc[name, "holds"]


def test_the_certificate_changes_with_one_cell_in_both_ways():
    """The test above sees cells whose change breaks the order, and cells whose change does not."""
    verdicts = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        terms, directions = random_problem(rng)
        model = model_of(
            terms, random_tables(rng, MonotoneOrder(terms, directions), "one cell broken")
        )
        verdicts.append(monotonicity_certificate(model, directions)["holds"].eq(True).all())
    assert 10 < sum(verdicts) < 55


def piecewise(coefficients, degree=1, name="x", extrapolation="constant"):
    n_knots = len(coefficients) - degree
    axis = NumericAxis(name, np.arange(n_knots, dtype=float), degree, extrapolation)
    return Term((axis,), np.array(coefficients))


def verdict(*terms, feature="x", sign=1):
    frame = monotonicity_certificate(AdditiveModel(0.0, terms), {feature: sign})
    return frame.iloc[0]


def test_one_broken_coefficient_is_named():
    good = verdict(piecewise([0.0, 1.0, 2.0, 3.0, -9.0]))
    assert good["holds"] is True and good["worst_slope"] == 1.0
    bad = verdict(piecewise([0.0, 1.0, 0.75, 3.0, -9.0]))
    assert bad["holds"] is False and bad["worst_slope"] == -0.25
    assert (bad["from"], bad["to"]) == (1.0, 2.0)
    falling = verdict(piecewise([3.0, 1.0, 1.5, 0.0, 9.0]), sign=-1)
    assert falling["holds"] is False and falling["worst_slope"] == 0.5


def test_rounding_is_forgiven_and_more_is_not():
    assert verdict(piecewise([1.0, 1.0 - 1e-15, 2.0, 0.0]))["holds"] is True
    assert verdict(piecewise([1.0, 1.0 - 1e-9, 2.0, 0.0]))["holds"] is False


def test_a_pair_that_only_a_missing_partner_breaks():
    main = piecewise([0.0, 1.0, 2.0, 0.0])
    partner = CategoricalAxis("b", ("no", "yes"))
    table = np.zeros((4, 4))
    pair = Term((main.axes[0], partner), table)
    assert verdict(main, pair)["holds"] is True
    table[:3, partner.missing_index] = [0.0, 0.0, -1.5]
    broken = verdict(main, Term(pair.axes, table))
    assert broken["holds"] is False and broken["worst_slope"] == -0.5
    assert broken["partners"] == {"b": None}
    table[:3, partner.missing_index], table[2, partner.unseen_index] = 0.0, -1.5
    assert verdict(main, Term(pair.axes, table))["partners"] == {"b": "unseen"}


def test_two_pairs_break_together_what_each_alone_does_not():
    main = piecewise([0.0, 1.0, 0.0])
    pairs = []
    for name in "bc":
        table = np.zeros((3, 4))
        table[1, 1] = -0.6
        pairs.append(Term((main.axes[0], CategoricalAxis(name, ("no", "yes"))), table))
    assert verdict(main, pairs[0])["holds"] is True
    both = verdict(main, *pairs)
    assert both["holds"] is False and both["worst_slope"] == pytest.approx(-0.2)
    assert both["partners"] == {"b": "yes", "c": "yes"}


def test_cubic_main_effects_are_exact_where_coefficients_are_not_ordered():
    # a small dip among steep coefficients: the spline rises, though its coefficients do not
    rising = piecewise([0.0, 2.0, 1.98, 4.0, 6.0, 0.0], degree=3)
    got = verdict(rising)
    assert got["holds"] is True and got["method"] == "tables"
    x = np.linspace(0, 2, 20001)
    values = rising.evaluate([rising.axes[0].locate(x)])[:, 0]
    assert got["worst_slope"] == pytest.approx((np.diff(values) / np.diff(x)).min(), abs=1e-4)
    wavy = verdict(piecewise([0.0, 2.0, 0.5, 4.0, 6.0, 0.0], degree=3))
    assert wavy["holds"] is False and wavy["worst_slope"] < 0


def test_cubic_pairs_are_established_refuted_or_left_open():
    x = NumericAxis("x", np.arange(5.0), 3)
    b = CategoricalAxis("b", ("no", "yes"))
    main = Term((x,), np.append(np.arange(x.n_values), 0.0))
    table = np.zeros((x.size, b.size))
    assert verdict(main, Term((x, b), table))["holds"] is True
    table[: x.n_values, 1] = -2.0 * np.arange(x.n_values)
    refuted = verdict(main, Term((x, b), table))
    assert refuted["holds"] is False and refuted["method"] == "coefficients"
    assert refuted["worst_slope"] == pytest.approx(-1.0)
    # the partner's coefficients dip below what its cubic function ever reaches
    z = NumericAxis("z", np.arange(5.0), 3)
    table = np.zeros((x.size, z.size))
    table[: x.n_values, 3] = -1.2 * np.arange(x.n_values)
    left_open = verdict(main, Term((x, z), table))
    assert left_open["holds"] is None and left_open["worst_slope"] == pytest.approx(-0.2)


def test_the_partner_is_the_one_where_the_fall_is():
    x, b = NumericAxis("x", np.array([0.0, 1.0]), 3), CategoricalAxis("b", ("no", "yes"))
    points = np.linspace(0, 1, 4)
    basis = x.locate(points).to_csr(x.size).toarray()[:, :4]
    table = np.zeros((x.size, b.size))
    table[:4, 1] = np.linalg.solve(basis, points - points**2)  # rises first, falls later
    main = Term((x,), np.append(np.linalg.solve(basis, points / 2), 0.0))
    got = verdict(main, Term((x, b), table))
    assert got["holds"] is False and got["partners"] == {"b": "yes"}
    assert got["worst_slope"] == pytest.approx(-0.5)


def test_linear_edges_go_on():
    assert verdict(piecewise([0.0, -1.0, 3.0, 0.0], extrapolation="linear"))["holds"] is False
    beyond = piecewise([0.0, 1.0, 3.0, 0.0], extrapolation="linear")
    assert verdict(beyond)["missing_lowest"] == -np.inf
    assert verdict(beyond)["missing_highest"] == np.inf
    z = NumericAxis("z", np.array([0.0, 1.0]), 1, "linear")
    table = np.zeros((4, 3))
    table[:3, 1] = [0.0, 0.1, 0.2]  # x z / 10: its slope in x is negative for z far below 0
    got = verdict(beyond, Term((beyond.axes[0], z), table))
    assert got["holds"] is False
    assert got["worst_slope"] == -np.inf and got["partners"] == {"z": -np.inf}


def test_unordered_categories_have_no_direction():
    term = Term((CategoricalAxis("c", ("red", "blue")),), np.arange(4.0))
    with pytest.raises(ValueError, match="'c' is an unordered category"):
        verdict(term, feature="c")
    assert verdict(term, feature="c", sign=0)["holds"] is None


def test_what_is_refused_and_what_holds_trivially():
    model = AdditiveModel(0.0, (piecewise([0.0, 1.0, 0.0]),))
    with pytest.raises(ValueError, match="'x': a direction is -1, 0 or 1, got 2"):
        monotonicity_certificate(model, {"x": 2})
    with pytest.raises(ValueError, match="3 outputs"):
        monotonicity_certificate(AdditiveModel(np.zeros(3), ()), {})
    assert monotonicity_certificate(model, {"not used": -1})["holds"].tolist() == [True]
    assert len(monotonicity_certificate(model, {})) == 0


def test_one_step_and_one_category_have_no_moves():
    constant = Term((NumericAxis("x", np.array([0.0, 1.0])),), np.array([1.0, 0.0]))
    got = verdict(constant)
    assert got["holds"] is True and np.isnan(got["worst_jump"]) and got["from"] is None
    single = Term((CategoricalAxis("c", ("a",), ordered=True),), np.arange(3.0))
    assert verdict(single, feature="c")["holds"] is True
    none = Term((CategoricalAxis("c", (), ordered=True),), np.arange(2.0))
    assert verdict(none, feature="c")["holds"] is True
