"""Dependence of terms on an attribute: exact shares, and p-values that count all terms."""

import numpy as np
import pytest

from glassbox.core.attributes import read_attributes
from glassbox.fairness._dependence.terms import term_dependence
from glassbox.fairness.dependence import dependence


@pytest.mark.parametrize("kind", ["groups", "amount"])
def test_shares_are_those_of_the_measure(kind):
    rng = np.random.default_rng(0)
    values = rng.normal(size=200)
    values[:20] = np.nan
    if kind == "groups":
        values = np.where(values > 0.5, "high", "low")
    (attribute,) = read_attributes({"A": values})
    terms = rng.normal(size=(200, 3)) * [1, 10, 0.1] + np.arange(200)[:, None] / 100
    found = term_dependence(terms, attribute, 0, seed=0)
    expected = dependence(terms, {"A": values}, measures=["eta2"], n_permutations=0, n_bootstrap=0)
    np.testing.assert_allclose(found["eta2"], expected["estimate"], atol=1e-12)
    assert found[["p_value", "p_adjusted"]].isna().all(axis=None)


def test_one_term_in_twenty_is_found_by_chance_and_none_after_adjustment():
    rng = np.random.default_rng(1)
    raw, adjusted = [], []
    for seed in range(200):
        (attribute,) = read_attributes({"A": np.resize(["a", "b", "c"], 40)})
        found = term_dependence(rng.normal(size=(40, 10)), attribute, 39, seed)
        raw.append((found["p_value"] <= 0.05).mean())
        adjusted.append((found["p_adjusted"] <= 0.05).any())
        assert (found["p_adjusted"] >= found["p_value"]).all()
    assert np.mean(raw) == pytest.approx(0.05, abs=0.02)
    assert np.mean(adjusted) == pytest.approx(0.05, abs=0.04)


def test_terms_that_say_the_same_need_no_correction():
    rng = np.random.default_rng(2)
    (attribute,) = read_attributes({"A": np.resize(["a", "b"], 50)})
    term = rng.normal(size=50)
    found = term_dependence(np.column_stack([term, 2 * term, 1 - term]), attribute, 99, seed=0)
    assert found["p_adjusted"].tolist() == found["p_value"].tolist()
    assert found["p_value"].nunique() == 1


def test_constant_terms_are_nan_and_do_not_count():
    rng = np.random.default_rng(3)
    (attribute,) = read_attributes({"A": rng.normal(size=60)})
    term = rng.normal(size=60)
    constant = np.full(60, 0.1 + 0.2)
    found = term_dependence(np.column_stack([constant, term]), attribute, 99, seed=0)
    assert found["reason"].tolist() == ["the term is constant", ""]
    assert found.loc[0, ["eta2", "p_value", "p_adjusted"]].isna().all()
    alone = term_dependence(term[:, None], attribute, 99, seed=0)
    assert found.loc[1, "p_adjusted"] == alone.loc[0, "p_adjusted"]
    none = term_dependence(constant[:, None], attribute, 99, seed=0)
    assert none["reason"].tolist() == ["the term is constant"]


def test_an_attribute_that_does_not_vary_is_named():
    (attribute,) = read_attributes({"sex": ["f", "f", "m"]})
    with pytest.raises(ValueError, match="'sex' is the same in every row"):
        term_dependence(np.arange(2.0)[:, None], attribute.take(np.arange(2)), 9, seed=0)
