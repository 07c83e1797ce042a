"""The bundled tables are what their cards say, and nothing leaks into the predictors."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from glassbox.datasets import load_birthwt, load_nhefs, load_support2
from glassbox.datasets._files import read_csv, read_text

LOADERS = {"support2": load_support2, "nhefs": load_nhefs, "birthwt": load_birthwt}


@pytest.mark.parametrize("name", LOADERS)
def test_every_column_is_described_and_has_one_place(name):
    bunch = LOADERS[name]()
    columns = [*bunch.data, bunch.target.name, *bunch.outcomes]
    assert len(columns) == len(set(columns))
    assert set(columns) == set(read_csv(f"{name}.csv").columns) == set(bunch.dictionary)
    apart = {"target", "leak", "score", "time", "id"}
    assert not {bunch.dictionary[column].kind for column in bunch.data} & apart
    assert {bunch.dictionary[column].kind for column in bunch.outcomes} <= apart
    assert bunch.feature_names == list(bunch.data)
    assert set(bunch.sensitive) <= set(bunch.data)
    assert list(bunch.frame) == [*bunch.data, bunch.target.name]


@pytest.mark.parametrize("name", LOADERS)
def test_card_lists_every_column_with_its_missing_values(name):
    card, table = read_text(f"{name}.md"), read_csv(f"{name}.csv")
    rows = {
        cells[1]: cells
        for cells in (
            [cell.strip() for cell in line.split("|")]
            for line in card.splitlines()
            if line.startswith("| ")
        )
    }
    for column in table:
        assert rows[column][6] == f"{table[column].isna().sum():,}", column
    assert f"{len(table):,} rows, {table.shape[1]} columns" in card
    for heading in ("Source", "Terms", "Citation"):
        assert f"**{heading}**" in card
    assert LOADERS[name]().DESCR == card


@pytest.mark.parametrize("name", LOADERS)
def test_levels_follow_the_dictionary(name):
    bunch = LOADERS[name]()
    for column, values in bunch.data.items():
        entry = bunch.dictionary[column]
        if entry.kind == "ordinal":
            assert values.cat.ordered
            assert tuple(values.cat.categories) == tuple(entry.order)
            # A level that the order does not know would have become missing.
            raw = read_csv(bunch.filename)[column]
            unknown = 5 if column == "alcoholfreq" else None
            assert values.isna().sum() == raw.isna().sum() + (raw == unknown).sum()
        elif entry.kind == "categorical":
            assert not values.cat.ordered
            assert values.notna().any()
        else:
            assert pd.api.types.is_numeric_dtype(values)
        if entry.kind == "binary":
            assert set(values.dropna().unique()) == {0, 1}, column


@pytest.mark.parametrize("name", LOADERS)
def test_forms_of_return(name):
    load = LOADERS[name]
    bunch = load()
    X, y = load(return_X_y=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)
    arrays = load(as_frame=False)
    assert isinstance(arrays.data, np.ndarray) and isinstance(arrays.target, np.ndarray)
    assert arrays.data.shape == bunch.data.shape
    assert arrays.frame is None
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(bunch)).data, bunch.data)


def test_support2_figures():
    bunch = load_support2()
    assert bunch.data.shape == (9105, 30)
    assert round(bunch.target.mean(), 3) == 0.259
    assert round(load_support2(target="death").target.mean(), 3) == 0.681
    assert "hospdead" in load_support2(target="death").outcomes
    assert bunch.data["adlp"].isna().sum() == 5641
    assert bunch.sensitive == ["sex", "race"]
    assert "courtesy of the" in bunch.DESCR and "hbiostat.org/data" in bunch.DESCR


def test_support2_published_protocol():
    left_out = (
        "death slos d.time dzgroup charges totcst totmcst aps sps surv2m surv6m prg2m prg6m dnr "
        "dnrday avtisst sfdm2 hospdead"
    ).split()
    bunch = load_support2(protocol="published")
    assert set(bunch.data) == set(read_csv("support2.csv").columns) - set(left_out)
    assert list(bunch.published.columns) == list(bunch.data)
    splits = bunch.published.splits(bunch.target)
    assert [(len(train), len(test)) for train, test in splits] == [(7739, 1366)] * 5
    by_splitter = bunch.published.splitter().split(bunch.data, bunch.target)
    for (train, test), (other_train, other_test) in zip(splits, by_splitter, strict=True):
        np.testing.assert_array_equal(train, other_train)
        np.testing.assert_array_equal(test, other_test)
    # All loads share the rows and hence the splits.
    assert load_support2().published == bunch.published


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "slos"}, "target='slos' is not one of 'hospdead', 'death'"),
        ({"protocol": "mine"}, "protocol='mine' is not one of None, 'published'"),
        ({"target": "death", "protocol": "published"}, "predicts 'hospdead', got target='death'"),
    ],
)
def test_support2_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_support2(**arguments)


def test_nhefs_figures():
    bunch = load_nhefs()
    assert bunch.data.shape == (1629, 48)
    assert bunch.target.sum() == 318
    assert bunch.outcomes["wt82"].isna().sum() == 63
    assert bunch.data["race"].value_counts().to_dict() == {0: 1414, 1: 215}
    died = bunch.target.groupby(bunch.outcomes["sbp"].isna()).mean()
    assert died.round(3).to_dict() == {False: 0.184, True: 0.416}
    assert bunch.outcomes["yrdth"].min() == 83
    # Nothing from 1982 among the predictors.
    assert not [name for name in bunch.data if "82" in name]
    assert not {"qsmk", "sbp", "dbp"} & set(bunch.data)


def test_nhefs_codes_for_unknown_are_missing():
    data = load_nhefs().data
    for column in ("hbp", "diabetes", "pica", "hbpmed", "boweltrouble"):
        assert data[column].isna().sum() == 791
    assert "8" not in data["marital"].cat.categories
    assert data["birthplace"].cat.categories[0] == "1"
    assert data["birthplace"].cat.categories[-1] == "56"


def test_birthwt_logistic_regression_has_the_published_coefficients():
    X, y = load_birthwt(return_X_y=True)
    assert X["race"].value_counts().to_dict() == {"white": 96, "other": 67, "black": 26}
    design = pd.get_dummies(X, columns=["race"], dtype=float).drop(columns="race_white")
    scale = design.std()
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(design / scale, y)
    coefficients = pd.Series(model.coef_[0], design.columns) / scale
    published = {"lwt": -0.0154, "race_black": 1.2723, "smoke": 0.9388, "ht": 1.8633}
    assert coefficients[list(published)].round(4).to_dict() == published
    assert round(roc_auc_score(y, model.decision_function(design / scale)), 3) == 0.746
