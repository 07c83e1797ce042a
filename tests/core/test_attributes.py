import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.attributes import Attribute, crossed, crossings, groups, read_attributes
from glassbox.core.schema import MAX_CATEGORIES

seeds = st.integers(0, 2**32 - 1)


def amounts(values):
    return read_attributes({"age": values})[0]


def random_attribute(rng, n_rows):
    """Groups or amounts, some of them missing, some of them tied."""
    values = rng.normal(size=n_rows) * 10.0 ** rng.integers(-3, 4) + rng.choice([0, 100])
    values[rng.random(n_rows) < rng.choice([0, 0.2])] = np.nan
    values[:3] = [0.0, 1.0, 2.0]
    if rng.random() < 0.5:
        return amounts(values)
    codes = rng.integers(-1, 4, size=n_rows)
    codes[:2] = [0, 1]
    return groups("site", codes, ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("values", "kind", "levels"),
    [
        (["f", "m", "f"], "categorical", ("f", "m")),
        (["f", None, "m"], "categorical", ("f", "m", "missing")),
        ([True, False, True], "categorical", ("0", "1")),
        ([0, 1, 1], "categorical", ("0", "1")),
        ([2.5, 7.0, np.nan], "categorical", ("2.5", "7", "missing")),
        ([1.0, np.nan, 1.0], "categorical", ("1", "missing")),
        ([1.0, 2.0, 3.0], "numeric", ()),
        ([1.0, 2.0, 3.0, np.nan], "numeric", ()),
        (pd.Categorical([3, 1, 2]), "categorical", ("1", "2", "3")),
        (pd.Categorical(["x", "y", None], categories=["y", "x", "w"]), "categorical", None),
    ],
)
def test_what_is_a_group_and_what_an_amount(values, kind, levels):
    (attribute,) = read_attributes({"it": values})
    assert (attribute.name, attribute.kind, attribute.n_rows) == ("it", kind, len(values))
    if levels is not None:
        assert attribute.levels == levels


def test_levels_are_those_that_occur_and_name_the_rows():
    values = pd.Categorical(["x", "y", None, "x"], categories=["y", "w", "x"], ordered=True)
    (attribute,) = read_attributes({"it": values})
    assert attribute.levels == ("y", "x", "missing")
    assert [attribute.levels[code] for code in attribute.codes] == ["x", "y", "missing", "x"]
    assert attribute.present.all()


def test_amounts_know_which_rows_are_missing():
    attribute = amounts([1.0, np.nan, 3.0, 4.0])
    assert attribute.present.tolist() == [True, False, True, True]
    assert attribute.codes.tolist() == [0, 1, 0, 0]


SEX, AGE = ["f", "m", "m", "f"], [30.0, 40.0, 50.0, 61.0]


@pytest.mark.parametrize(
    "given_as",
    [
        {"sex": SEX, "age": AGE},
        pd.DataFrame({"sex": SEX, "age": AGE}, index=[5, 5, 1, 0]),
        pl.DataFrame({"sex": SEX, "age": AGE}),
    ],
    ids=["mapping", "pandas", "polars"],
)
def test_tables_of_any_make(given_as):
    sex, age = read_attributes(given_as, 4)
    assert (sex.name, sex.levels, sex.codes.tolist()) == ("sex", ("f", "m"), [0, 1, 1, 0])
    assert (age.name, age.kind) == ("age", "numeric")
    np.testing.assert_array_equal(age.values, AGE)


@pytest.mark.parametrize(
    ("given_as", "name"),
    [
        (pd.Series(SEX, name="sex"), "sex"),
        (pd.Series(SEX), "sensitive feature"),
        (pl.Series("sex", SEX), "sex"),
        (pl.Series(SEX), "sensitive feature"),
        (SEX, "sensitive feature"),
        (np.array(SEX), "sensitive feature"),
        (np.array(SEX, dtype=object)[:, None], "x0"),
    ],
)
def test_one_feature_of_any_make(given_as, name):
    (attribute,) = read_attributes(given_as, 4)
    assert (attribute.name, attribute.levels) == (name, ("f", "m"))
    assert attribute.codes.tolist() == [0, 1, 1, 0]


def test_a_list_with_none_has_a_group_of_missing_rows():
    (attribute,) = read_attributes(["f", None, "m"])
    assert attribute.levels == ("f", "m", "missing")


@given(seeds)
@settings(max_examples=60)
def test_whitened_columns_are_centred_and_white(seed):
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(8, 300))
    attribute = random_attribute(rng, n_rows)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], size=n_rows) if rng.random() < 0.6 else None
    if weights is not None:
        weights[:3] = 1.0
    columns = attribute.whitened(weights)
    share = np.full(n_rows, 1 / n_rows) if weights is None else weights / weights.sum()
    np.testing.assert_allclose(share @ columns, 0.0, atol=1e-8)
    square = (columns * share[:, None]).T @ columns
    np.testing.assert_allclose(square, np.eye(columns.shape[1]), atol=1e-6)


@pytest.mark.parametrize("n_rows", [6, 10, 49, 100, 300])
def test_a_feature_that_does_not_vary_has_no_columns(n_rows):
    # 1 / n_rows times n_rows is not always one.
    weights = np.random.default_rng(n_rows).random(n_rows)
    amount = Attribute("age", "numeric", np.zeros(n_rows, int), (), np.full(n_rows, 0.1))
    group = Attribute("sex", "categorical", np.zeros(n_rows, int), ("f", "m"), np.zeros(n_rows))
    for attribute in (amount, group):
        for given_weights in (None, weights):
            assert attribute.whitened(given_weights).shape == (n_rows, 0)


@pytest.mark.parametrize("n_rows", [7, 10, 49, 101])
def test_five_knots_have_four_columns(n_rows):
    attribute = amounts(np.random.default_rng(n_rows).normal(size=n_rows))
    assert attribute.whitened().shape[1] == 4


def test_rare_values_far_from_zero_keep_their_columns():
    attribute = amounts(1.7e9 + np.arange(50.0))
    assert attribute.whitened().shape[1] >= 1


@given(seeds)
@settings(max_examples=30)
def test_covariances_with_the_columns_are_what_groups_explain(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(4, size=80)
    codes[:4] = range(4)
    attribute = groups("site", codes, list("abcd"))
    weights, score = rng.uniform(0.1, 2, 80), rng.normal(size=80)
    share = weights / weights.sum()
    found = ((attribute.whitened(weights) * share[:, None]).T @ score) ** 2
    means = np.bincount(codes, share * score) / np.bincount(codes, share)
    between = np.bincount(codes, share) @ (means - share @ score) ** 2
    assert found.sum() == pytest.approx(between, rel=1e-8)


@pytest.mark.parametrize("kind", ["amounts", "groups"])
def test_weights_stand_for_copies(kind):
    rng = np.random.default_rng(3)
    values = rng.normal(size=60) if kind == "amounts" else rng.integers(3, size=60).astype(str)
    weights = rng.integers(0, 4, size=60)
    copies = np.repeat(np.arange(60), weights)
    score = rng.normal(size=60)
    by_weight = read_attributes({"a": values})[0].whitened(weights.astype(float))
    by_copies = read_attributes({"a": values[copies]})[0].whitened()
    explained = [
        ((by_weight * weights[:, None] / weights.sum()).T @ score) ** 2,
        ((by_copies / len(copies)).T @ score[copies]) ** 2,
    ]
    assert explained[0].sum() == pytest.approx(explained[1].sum(), rel=1e-8)


def test_taken_rows_keep_numbers_and_names():
    attribute = groups("site", np.array([0, 1, 2, 0]), list("abc"))
    part = attribute.take(np.array([3, 2]))
    assert (part.codes.tolist(), part.levels) == ([0, 2], ("a", "b", "c"))
    assert part.whitened().shape == (2, 1)
    assert attribute.take(np.zeros(4, bool)).whitened(np.zeros(0)).shape == (0, 0)


def test_intersections_are_of_groups_only_and_of_those_that_occur():
    table = {"sex": ["f", "m", "m", None], "site": ["A", "A", "B", "B"], "age": AGE}
    found = read_attributes(table, intersections=True)
    assert [a.name for a in found] == ["sex", "site", "age", "sex & site"]
    both = found[-1]
    assert both.levels == ("f & A", "m & A", "m & B", "missing & B")
    assert [both.levels[c] for c in both.codes] == ["f & A", "m & A", "m & B", "missing & B"]
    assert [a.name for a in crossings(found[:3])] == ["sex & site"]
    assert crossed(found[0], found[1]).levels == both.levels
    assert crossings(found[2:3]) == []


@pytest.mark.parametrize(
    ("features", "n_rows", "words"),
    [
        ({"sex": ["f", "m"]}, 3, ["2 rows", "X has 3", "one value per row"]),
        ({"sex": ["f", "f"]}, 2, ["'sex'", "'f' in every row", "Leave it out"]),
        ({"sex": [None, None]}, 2, ["'sex'", "'missing' in every row"]),
        ({"age": [4.0, 4.0]}, 2, ["'age'", "'4' in every row"]),
        ({"age": [4.0, np.inf, 3.0]}, 3, ["'age'", "infinity"]),
        (
            {"id": [f"p{k}" for k in range(MAX_CATEGORIES + 1)]},
            None,
            ["'id'", "2,001"],
        ),
    ],
)
def test_features_that_cannot_be_used(features, n_rows, words):
    with pytest.raises(ValueError) as caught:
        read_attributes(features, n_rows)
    for word in words:
        assert word in str(caught.value)


def test_dates_are_refused():
    with pytest.raises(TypeError, match="'day'"):
        read_attributes({"day": pd.date_range("2020-01-01", periods=3)})
