import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.model_json import model_from_json, model_to_json
from glassbox.core.storage import ModelFileError
from glassbox.core.terms import Term
from tests.core.random_models import counted, random_columns, random_model

seeds = st.integers(0, 2**32 - 1)


def small_model():
    age = NumericAxis("age", np.array([0.1, 0.2, 0.30000000000000004]), 1, "linear")
    sex = CategoricalAxis("sex", ("f", "m"))
    table = np.arange(16.0).reshape(4, 4)
    terms = (
        Term((age,), [1.0, -0.0, 5e-324, 1 / 3], [0.0, -1, -1, 0], [2.0, 1, 1, 2], np.ones(4)),
        Term((age, sex), table),
    )
    return AdditiveModel(-2.0, terms, "logit")


def through_json(model):
    return model_from_json(json.loads(json.dumps(model_to_json(model), allow_nan=False)))


@settings(deadline=None)
@given(seeds, st.integers(1, 3), st.booleans(), st.booleans())
def test_models_come_back_bit_for_bit(seed, n_outputs, shared, band):
    rng = np.random.default_rng(seed)
    model = random_model(rng, (0, 1, 3), n_outputs, shared=shared, linear=True, band=band)
    model = counted(rng, model)
    back = through_json(model)
    assert (back.link, back.term_names) == (model.link, model.term_names)
    assert back.intercept.tobytes() == model.intercept.tobytes()
    for mine, its in zip(model.terms, back.terms, strict=True):
        assert mine.axes == its.axes
        for field in ("coefficients", "lower", "upper", "density"):
            ours, theirs = getattr(mine, field), getattr(its, field)
            assert (ours is None) == (theirs is None)
            assert ours is None or ours.tobytes() == theirs.tobytes()
    columns = random_columns(rng, model)
    assert back.scores(columns).tobytes() == model.scores(columns).tobytes()


def test_shared_axes_stay_shared():
    back = through_json(small_model())
    assert back.terms[0].axes[0] is back.terms[1].axes[0]
    assert np.signbit(back["age"].coefficients[1, 0])


def test_categories_keep_their_types():
    categories = ("a", 2, 0.5, True, np.int64(7), np.str_("b"))
    model = AdditiveModel(0.0, (Term((CategoricalAxis("c", categories),), np.zeros(8)),))
    back = through_json(model).terms[0].axes[0].categories
    assert back == ("a", 2, 0.5, True, 7, "b")
    assert [type(c) for c in back] == [str, int, float, bool, int, str]


@pytest.mark.parametrize("bad", [None, float("nan"), (1, 2)])
def test_other_categories_are_refused_when_saving(bad):
    model = AdditiveModel(0.0, (Term((CategoricalAxis("c", ("a", bad)),), np.zeros(4)),))
    with pytest.raises(TypeError, match="'c': categories must be"):
        model_to_json(model)


def nodes(document, path=()):
    """Paths to all nodes; of a list of numbers, only to the first."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from nodes(value, (*path, key))
    elif isinstance(document, list):
        flat = all(isinstance(item, float) for item in document)
        for i, value in enumerate(document[:1] if flat else document):
            yield from nodes(value, (*path, i))


OTHERS = [None, True, 0, -1, 3, 10**24, 0.5, 1e308, float("inf"), "", "logit", "age"]
OTHERS += [[], [1.0], [[]], ["a"], {}, {"a": 1}, {"shape": [1], "values": [1.0]}]


def test_confused_types_give_the_error_or_a_model():
    document = model_to_json(small_model())
    accepted = 0
    columns = {"age": np.array([0.15, np.nan, 1e300]), "sex": np.array([0, -1, -2])}
    for path in nodes(document):
        for other in OTHERS:
            edited = {"root": copy.deepcopy(document)}
            parent = edited
            for key in ("root", *path)[:-1]:
                parent = parent[key]
            parent[("root", *path)[-1]] = copy.deepcopy(other)
            try:
                model = model_from_json(edited["root"])
            except ModelFileError:
                continue
            accepted += 1
            if set(model.features) <= set(columns):
                with np.errstate(all="ignore"):
                    assert model.scores(columns).shape == (3, 1)
    assert accepted > 10


def edited(change):
    document = model_to_json(small_model())
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(extra=1), "exactly the fields"),
        (lambda d: d.pop("link"), "exactly the fields"),
        (lambda d: d.update(link="probit"), "Unknown link 'probit'"),
        (lambda d: d.update(intercept=[]), "intercept is empty"),
        (lambda d: d.update(intercept=[1.0, 2.0]), "1 outputs, the intercept has 2"),
        (lambda d: d["axes"][0].update(degree=2), "degree must be 0, 1 or 3"),
        (lambda d: d["axes"][0].update(degree=True), "has the degree True"),
        (lambda d: d["axes"][0].update(knots=[0.0, 0.0]), "strictly increasing"),
        (lambda d: d["axes"][0].update(knots=[-1.7e308, 0.0, 1.7e308]), "too far out"),
        (lambda d: d["axes"][0].update(type="other"), "unknown type 'other'"),
        (lambda d: d["axes"][0].update(name="sex"), "contradict one another"),
        (lambda d: d["axes"][1].update(categories=["f", "f"]), "differ from one another"),
        (lambda d: d["axes"][1].update(categories=[1, True]), "differ from one another"),
        (lambda d: d["axes"][1].update(categories=["f", ["m"]]), "categories of 'sex'"),
        (lambda d: d["terms"].append(d["terms"][0]), "add their tables first"),
        (lambda d: d["terms"][1].update(axes=[0, 7]), "an axis that is not there"),
        (lambda d: d["terms"][1].update(axes=[0, -1]), "an axis that is not there"),
        (lambda d: d["terms"][0].update(lower=None), "both edges of the band"),
        (lambda d: d["terms"][0].update(density=None), "lacks its coefficients or its density"),
        (lambda d: d["terms"][0]["density"]["values"].append(float("inf")), "has the shape"),
        (lambda d: d["terms"][0]["density"].update(values=[1.0] * 3 + [float("inf")]), "finite"),
        (lambda d: d["terms"][0]["coefficients"].update(shape=[2, 2]), "expected"),
        (lambda d: d["terms"][0]["coefficients"].update(shape=[5, 1]), "has the shape"),
    ],
)
def test_the_reason_is_given(change, reason):
    with pytest.raises(ModelFileError, match=reason):
        model_from_json(edited(change))
