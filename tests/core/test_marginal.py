import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.density import with_density
from glassbox.core.marginal import averaged_over, without_features, without_terms_of
from glassbox.core.purify import purify
from glassbox.core.refine import AxisMergeError
from glassbox.core.terms import Term
from tests.core.random_models import counted, random_columns, random_model

seeds = st.integers(0, 2**32 - 1)
degrees = st.sampled_from([(0,), (1,), (3,)])


def with_interaction():
    """The score x + 0.8 A + 0.6 x A, and a table with P(A = 1) = 1/2."""
    x = NumericAxis("x", np.array([-2.0, 0.0, 2.0]), degree=1)
    a = CategoricalAxis("a", (0, 1))
    pair = np.zeros((x.size, a.size))
    pair[:3, 1] = 0.6 * x.knots
    terms = (
        Term((x,), np.append(x.knots, 0.0)),
        Term((a,), np.array([0.0, 0.8, 0.0, 0.0])),
        Term((x, a), pair),
    )
    values = np.linspace(-2, 2, 41)
    columns = {"x": np.tile(values, 2), "a": np.repeat([0, 1], 41)}
    return with_density(AdditiveModel(0.0, terms), columns, np.ones(82)), columns


def slope(model):
    low, high = model.scores({"x": np.array([-1.0, 1.0]), "a": np.array([0, 0])}).ravel()
    return (high - low) / 2


def test_deleting_the_raw_pair_and_the_purified_one():
    model, _ = with_interaction()
    assert slope(without_terms_of(model, ["a"])) == pytest.approx(1.0)
    assert slope(without_features(model, ["a"])) == pytest.approx(1.3)


def test_deletion_keeps_the_mean_score():
    model, columns = with_interaction()
    rest = without_features(model, ["a"])
    assert rest.features == ["x"]
    assert rest.scores(columns).mean() == pytest.approx(model.scores(columns).mean())


def test_deleting_nothing_purifies_and_no_more():
    model, columns = with_interaction()
    same = without_features(model, ["height"])
    assert same.term_names == purify(model).term_names
    assert np.allclose(same.scores(columns), model.scores(columns))


def mean_over(model, columns, values, weights):
    total = 0.0
    n_rows = len(next(iter(columns.values())))
    for k, weight in enumerate(weights / weights.sum()):
        set_to = {name: np.repeat(column[k], n_rows) for name, column in values.items()}
        total = total + weight * model.scores({**columns, **set_to})
    return total


@settings(max_examples=60, deadline=None)
@given(seeds, degrees, st.integers(1, 3), st.integers(1, 5), st.integers(1, 2), st.booleans())
def test_the_average_is_that_of_the_scores(seed, degrees, n_outputs, n_combinations, n_out, band):
    rng = np.random.default_rng(seed)
    model = counted(
        rng, random_model(rng, degrees, n_outputs, shared=True, linear=True, band=band)
    )
    columns = random_columns(rng, model, 40)
    names = list(columns)[:n_out]
    drawn = random_columns(rng, model, n_combinations)
    values = {name: drawn[name] for name in names}
    weights = rng.uniform(0.1, 2, size=n_combinations)
    averaged = averaged_over(model, values, weights)
    assert not set(averaged.features) & set(names)
    wanted = mean_over(model, columns, values, weights)
    assert np.allclose(averaged.scores(columns), wanted, rtol=0, atol=1e-10)


def test_steps_and_lines_have_no_sum():
    steps = NumericAxis("x", np.array([0.0, 1.0, 2.0]), degree=0)
    lines = NumericAxis("x", np.array([0.0, 1.0, 2.0]), degree=1)
    a = CategoricalAxis("a", ("f", "m"))
    pair = Term((lines, a), np.ones((lines.size, a.size)))
    model = AdditiveModel(0.0, (Term((steps,), np.ones(steps.size)), pair))
    with pytest.raises(AxisMergeError):
        averaged_over(model, {"a": np.array([0, 1])}, np.ones(2))
