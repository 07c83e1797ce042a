import numpy as np
import pytest

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.schema import ColumnSchema, Schema
from glassbox.core.terms import Term
from glassbox.estimators._slots import PRIOR_SCALE, SlotErrors
from glassbox.estimators._training import TrainingTable

SCHEMA = Schema((ColumnSchema("age", "numeric"), ColumnSchema("sex", "categorical", ("f", "m"))))
PRIOR = 1 / PRIOR_SCALE**2


def model_and_table(link, intercept, y, weights):
    age = NumericAxis("age", np.array([0.0, 1.0]), degree=1)
    sex = CategoricalAxis("sex", ("f", "m"))
    terms = (Term((age,), np.zeros(age.size)), Term((sex,), np.zeros(sex.size)))
    columns = {"age": np.array([0.5, np.nan, np.nan, 0.1]), "sex": np.array([0, 0, 1, -1])}
    return (
        AdditiveModel(intercept, terms, link),
        TrainingTable(SCHEMA, columns, np.array(y), np.array(weights)),
    )


def test_binary_information_is_p_times_one_minus_p():
    model, table = model_and_table("logit", 0.0, [0, 1, 0, 1], [1.0, 1.0, 2.0, 4.0])
    errors = SlotErrors.of(model, table, 0.0)
    information = 0.25 * np.array([2.0, 2.0, 4.0, 0.0])  # f, m, missing, unseen
    np.testing.assert_allclose(
        errors.of_term(model["sex"])[:, 0], 1 / np.sqrt(information + PRIOR)
    )
    np.testing.assert_allclose(
        errors.of_term(model["age"])[:, 0], [0, 0, 1 / np.sqrt(0.25 * 3 + PRIOR)]
    )


def test_poisson_information_is_the_mean_over_the_dispersion():
    model, table = model_and_table("log", np.log(2.0), [1.0, 3.0, 2.0, 4.0], [1.0] * 4)
    dispersion = np.mean((table.y - 2.0) ** 2 / 2.0)
    errors = SlotErrors.of(model, table, 1.0)
    assert errors.of_term(model["sex"])[1, 0] == pytest.approx(
        1 / np.sqrt(2.0 / dispersion + PRIOR)
    )


def test_gaussian_errors_scale_with_the_outcome():
    y = np.array([1.0, -1.0, 2.0, -2.0])
    errors = []
    for scale in (1.0, 1000.0):
        model, table = model_and_table("identity", 0.0, y * scale, [1.0] * 4)
        errors.append(SlotErrors.of(model, table, 0.0).of_term(model["sex"]))
    np.testing.assert_allclose(1000.0 * errors[0], errors[1])


def test_pairs_are_left_to_the_bags():
    model, table = model_and_table("logit", 0.0, [0, 1, 0, 1], [1.0] * 4)
    axes = (model["age"].axes[0], model["sex"].axes[0])
    pair = Term(axes, np.zeros((axes[0].size, axes[1].size)))
    assert not SlotErrors.of(model, table, 0.0).of_term(pair).any()
