import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.density import count_density
from glassbox.core.layout import Layout, TermColumns
from glassbox.estimators._network_inputs import NetworkInputs

seeds = st.integers(0, 2**32 - 1)

AGE = NumericAxis("age", np.array([18.0, 30.0, 45.0, 60.0, 90.0]), 1)
DOSE = NumericAxis("dose", np.array([0.0, 1.0, 2.0, 1e6]), 1)
STAGE = CategoricalAxis("stage", ("I", "II", "III"), ordered=True)
SITE = CategoricalAxis("site", ("a", "b", "c"))
LAYOUT = Layout(
    tuple(TermColumns(axes) for axes in ((SITE,), (AGE,), (AGE, DOSE), (STAGE,), (DOSE,)))
)
DIRECTIONS = {"age": 1, "stage": -1}


def _columns(rng, n=300, *, missing=0.2, unseen=True):
    least = -2 if unseen else -1
    columns = {
        "age": rng.uniform(10, 95, n),
        "dose": rng.exponential(1.0, n),
        "stage": rng.integers(least if missing else 0, 3, n),
        "site": rng.integers(least if missing else 0, 3, n),
    }
    for name in ("age", "dose"):
        columns[name][rng.random(n) < missing] = np.nan
    return columns


def _densities(columns):
    weights = np.ones(len(columns["age"]))
    return {t.name: count_density(t.axes, columns, weights) for t in LAYOUT.terms}


def _read(terms, columns):
    parts = [t.evaluate([t.axes[0].locate(columns[t.features[0]])]) for t in terms]
    return np.hstack([np.zeros((len(columns["age"]), 0)), *parts])


directions_of_features = st.dictionaries(
    st.sampled_from(["age", "dose", "stage"]), st.sampled_from([-1, 1])
)


@settings(max_examples=40)
@given(seeds, directions_of_features, st.sampled_from([0.0, 0.2]))
def test_the_readout_is_the_tables_over_the_columns(seed, directions, missing):
    rng = np.random.default_rng(seed)
    inputs = NetworkInputs.of(LAYOUT, _densities(_columns(rng, missing=missing)), directions)
    columns = _columns(rng)
    expected = _read((*inputs.directed, *inputs.others), columns)
    np.testing.assert_allclose(LAYOUT.rows(columns) @ inputs.readout, expected, atol=1e-12)


@settings(max_examples=40)
@given(seeds, directions_of_features)
def test_directed_inputs_rise_with_the_promise_and_all_else_is_blind_to_the_value(
    seed, directions
):
    rng = np.random.default_rng(seed)
    inputs = NetworkInputs.of(LAYOUT, _densities(_columns(rng)), directions)
    assert {t.features[0] for t in inputs.directed} == set(directions)
    for term in inputs.directed:
        values = term.coefficients[: term.axes[0].n_values, 0]
        steps = directions[term.features[0]] * np.diff(values)
        assert (steps >= 0).all() and steps.max() > 0
        np.testing.assert_array_equal(term.coefficients[term.axes[0].n_values :], 0.0)
    for term in inputs.others:
        values = term.coefficients[: term.axes[0].n_values]
        if term.features[0] in directions:
            np.testing.assert_array_equal(values, 0.0)
            assert term.coefficients[term.axes[0].missing_index, 0] == 1.0


def test_what_each_kind_of_feature_gives():
    columns = _columns(np.random.default_rng(0))
    inputs = NetworkInputs.of(LAYOUT, _densities(columns), DIRECTIONS)
    assert [t.name for t in inputs.directed] == ["age", "stage"]
    # Three sites and missing; the dose and missing; of the directed ones, missing alone.
    outputs = {t.name: t.n_outputs for t in inputs.others}
    assert outputs == {"site": 4, "age": 1, "stage": 1, "dose": 2}
    site = next(t for t in inputs.others if t.name == "site").coefficients
    np.testing.assert_array_equal(site, np.eye(SITE.size)[:, :4])
    assert inputs.readout.shape == (LAYOUT.n_columns, 10)


def test_without_missing_values_there_is_no_input_for_them():
    columns = _columns(np.random.default_rng(0), missing=0.0)
    inputs = NetworkInputs.of(LAYOUT, _densities(columns), DIRECTIONS)
    assert {t.name: t.n_outputs for t in inputs.others} == {"site": 3, "dose": 1}
    everything = {"age": 1, "dose": -1, "stage": 1}
    only_names = Layout(tuple(t for t in LAYOUT.terms if t.name != "site"))
    inputs = NetworkInputs.of(only_names, _densities(columns), everything)
    assert inputs.others == () and inputs.readout.shape == (only_names.n_columns, 3)


def test_nothing_to_read():
    inputs = NetworkInputs.of(Layout(()), {}, {})
    assert inputs.directed == inputs.others == () and inputs.readout.shape == (0, 0)


@settings(max_examples=30)
@given(seeds, st.floats(-6, 6), st.sampled_from([1e-9, 1.0, 1e9]))
def test_units_do_not_matter(seed, shift, unit):
    rng = np.random.default_rng(seed)
    density = rng.uniform(0.0, 10.0, AGE.size)
    found = []
    for knots in (AGE.knots, unit * (AGE.knots + shift)):
        layout = Layout((TermColumns((NumericAxis("age", knots, 1),)),))
        found.append(NetworkInputs.of(layout, {"age": density}, {}).readout)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_numbers_have_the_size_of_standardised_ones_and_no_outlier_takes_all_the_room():
    columns = _columns(np.random.default_rng(0), 5_000)
    inputs = NetworkInputs.of(LAYOUT, _densities(columns), {})
    dose = next(t for t in inputs.others if t.name == "dose").coefficients[:4, 0]
    assert np.abs(dose).max() <= (3 + np.sqrt(12) / 2) / 2
    # The outlier stands for a millionth of the range of the others.
    assert np.ptp(dose[:3]) > 0.2 * np.ptp(dose)


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize(
    "axis",
    [
        NumericAxis("x", np.array([0.0, 1.0]), 1),
        CategoricalAxis("x", ("a",), ordered=True),
        CategoricalAxis("x", (), ordered=True),
    ],
    ids=["number", "one level", "no level"],
)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_features_with_little_to_say(axis, share, direction):
    """A column of one value, or of none at all."""
    density = np.zeros(axis.size)
    density[0], density[axis.missing_index] = share, 5.0
    layout = Layout((TermColumns((axis,)),))
    directions = {"x": 1} if direction else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inputs = NetworkInputs.of(layout, {"x": density}, directions)
    assert np.isfinite(inputs.readout).all()
    assert len(inputs.directed) == len(directions)
