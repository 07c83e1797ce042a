"""Groups that are too small stay unseen; rows are chosen by rule."""

import numpy as np
import pandas as pd
import pytest

from glassbox.evaluation.performance import auc
from glassbox.report._cases import spread_rows
from glassbox.report._groups import group_table


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    group = pd.Series(["a"] * 100 + ["b"] * 60 + ["tiny"] * 19 + [None] * 21)
    y = (rng.random(200) < 0.4).astype(float)
    y[100:160] = 0
    y[100:105] = 1
    return group, y, rng.uniform(0.1, 0.9, 200)


def test_small_groups_are_not_shown(rows):
    table = group_table(*rows, is_event=True)
    assert [row.name for row in table.rows] == ["a", "b", "missing"]
    assert (table.n_small, table.n_rows_small) == (1, 19)


def test_figures_of_a_group_are_those_of_its_rows(rows):
    group, y, risk = rows
    row = group_table(group, y, risk, is_event=True).rows[0]
    assert (row.n, row.events) == (100, y[:100].sum())
    assert row.predicted == pytest.approx(risk[:100].mean())
    assert row.auc == auc(y[:100] > 0, risk[:100])
    assert row.ratio.value == pytest.approx(y[:100].sum() / risk[:100].sum())


def test_few_events_leave_auc_and_ratio_blank(rows):
    row = group_table(*rows, is_event=True).rows[1]
    assert row.events == 5
    assert np.isnan(row.auc.value)
    assert np.isnan(row.ratio.value)


def test_numbers_are_cut_into_quarters():
    age = pd.Series(np.r_[np.arange(100.0), np.nan])
    table = group_table(age, np.zeros(101), np.zeros(101), is_event=False)
    assert [row.n for row in table.rows] == [25, 25, 25, 25]
    assert table.n_small == 1
    assert len({row.name for row in table.rows}) == 4


def test_codes_are_groups_of_their_own():
    sex = pd.Series([0.0, 1.0] * 30)
    table = group_table(sex, np.ones(60), np.full(60, 3.0), is_event=False)
    assert [row.name for row in table.rows] == ["0", "1"]
    assert table.rows[0].rmse == pytest.approx(2)


def test_cases_are_spread_and_few_rows_suffice():
    prediction = np.random.default_rng(1).permutation(1001)
    rows = spread_rows(prediction)
    assert prediction[rows].tolist() == [50, 250, 500, 750, 950]
    assert spread_rows(np.array([3.0, 1.0])) == [1, 0]
    assert len(spread_rows(np.zeros(7))) == 5
