"""Tables that do not fit are refused before anything is allocated."""

import numpy as np
import pytest

from glassbox import BoostedGAMRegressor
from glassbox.solvers._boosting import memory


def test_what_rows_need_counts_codes_scores_and_draws():
    assert memory.bytes_of_rows(10, 3, 2, 4, 1, 2) == 10 * ((6 + 2) * 2 + 2 * 4 * 8 + 4 + 16)


def test_wide_tables_are_counted():
    tables = memory.bytes_of_cells(1_000, 14, 3)
    assert tables >= 2 * 1_000 * 14 * 3 * 8
    assert memory.bytes_of_cells(2_000, 28, 3) == 4 * tables


def test_too_much_is_refused_and_what_to_lower_is_said(monkeypatch):
    pages = {"SC_PHYS_PAGES": 10, "SC_PAGE_SIZE": 4_096}
    monkeypatch.setattr(memory.os, "sysconf", pages.__getitem__)
    X = np.arange(500.0)[:, None]
    with pytest.raises(MemoryError, match="Lower n_bags"):
        BoostedGAMRegressor(random_state=0).fit(X, X[:, 0])
    monkeypatch.setattr(memory, "_MOST", 100.0)
    BoostedGAMRegressor(n_bags=2, max_rounds=5, random_state=0).fit(X, X[:, 0])


def test_machines_that_do_not_tell_are_trusted(monkeypatch):
    monkeypatch.delattr(memory.os, "sysconf")
    memory.check_memory(10**18)
