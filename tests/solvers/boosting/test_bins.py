import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.core.axes import MISSING_CODE
from glassbox.core.schema import ColumnSchema
from glassbox.solvers._boosting.bins import bin_column, choose_cuts
from glassbox.solvers._boosting.terms import BinnedFeature
from tests.solvers.boosting.compiled import mains_of, pairs_of

NUMBER = ColumnSchema("age", "numeric")
NOMINAL = ColumnSchema("ward", "categorical", ("a", "b", "c", "d"))
ORDERED = ColumnSchema("stage", "categorical", ("I", "II", "III", "IV"), ordered=True)


def assert_consistent(binned, values):
    """The bin of a row is that of its slot, bins have no gaps, and slots without rows none."""
    feature, axis = binned.feature, binned.axis
    slots = axis.locate(values).first
    assert np.array_equal(binned.bin_of_slot[slots], feature.codes)
    assert binned.bin_of_slot.shape == (axis.size,)
    assert feature.n_bins == binned.bin_of_slot.max() + 1
    assert set(binned.bin_of_slot) - {-1} == set(range(feature.n_bins))


@given(
    values=st.lists(
        st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9), st.just(np.nan)),
        min_size=1,
        max_size=60,
    ),
    max_bins=st.integers(3, 12),
    missing=st.sampled_from(["low", "high", "separate"]),
)
def test_numbers(values, max_bins, missing):
    values = np.array(values)
    binned = bin_column(NUMBER, values, max_bins, missing=missing)
    assert_consistent(binned, values)
    feature, absent = binned.feature, np.isnan(values)
    assert feature.n_bins <= max_bins - 2 + absent.any()
    present = np.argsort(values[~absent], kind="stable")
    assert (np.diff(feature.codes[~absent][present].astype(int)) >= 0).all()
    assert feature.separate == (missing == "separate" and absent.any())
    if absent.any():
        own = set(feature.codes[absent].tolist())
        assert own == {feature.n_bins - 1 if missing == "high" else 0}
        assert not own & set(feature.codes[~absent].tolist())
    else:
        assert binned.bin_of_slot[binned.axis.missing_index] == -1


def test_cuts_are_between_neighbours_if_there_are_few_values():
    binned = bin_column(NUMBER, np.array([1.0, 1.0, 2.0, 4.0]), 10)
    assert binned.axis.knots[1:-1].tolist() == [1.5, 3.0]
    assert binned.feature.codes.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("value", [0.0, 5.0, -1e9, 1e-300])
def test_a_constant_column_has_one_bin(value):
    values = np.full(5, value)
    binned = bin_column(NUMBER, values, 10)
    assert_consistent(binned, values)
    assert binned.feature.n_bins == 1


@pytest.mark.parametrize("missing", ["low", "high", "separate"])
@pytest.mark.parametrize("column", [NUMBER, NOMINAL, ORDERED])
def test_a_column_of_missing_values(column, missing):
    values = np.full(4, np.nan) if column is NUMBER else np.full(4, MISSING_CODE)
    binned = bin_column(column, values, 10, missing=missing)
    slots = binned.axis.locate(values).first
    assert np.array_equal(binned.bin_of_slot[slots], binned.feature.codes)
    assert len(set(binned.feature.codes.tolist())) == 1


@pytest.mark.parametrize("missing", ["low", "high", "separate"])
def test_categories_are_bins_if_they_have_rows(missing):
    values = np.array([2, 0, 2, MISSING_CODE, 0])
    binned = bin_column(NOMINAL, values, 3, missing=missing)
    assert_consistent(binned, values)
    assert binned.feature.nominal and not binned.feature.separate
    assert binned.feature.n_bins == 3
    assert binned.bin_of_slot[[1, 3]].tolist() == [-1, -1]
    assert binned.bin_of_slot[binned.axis.unseen_index] == -1


def test_ordered_categories_are_cut_like_numbers():
    values = np.array([0, 1, 1, 2, 3, MISSING_CODE])
    binned = bin_column(ORDERED, values, 10, direction=1, missing="high")
    assert_consistent(binned, values)
    assert binned.feature.codes.tolist() == [0, 1, 1, 2, 3, 4]
    assert binned.feature.direction == 1 and not binned.feature.nominal
    # Few bins: neighbouring categories share one.
    narrow = bin_column(ORDERED, values, 4)
    codes = narrow.bin_of_slot[:4]
    assert len(set(codes.tolist())) == 2 and (np.diff(codes) >= 0).all()


def test_a_category_without_rows_between_two_that_have_some():
    values = np.array([0, 0, 3, 3])
    binned = bin_column(ORDERED, values, 10)
    assert_consistent(binned, values)
    assert binned.bin_of_slot[:4].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("n_values, wanted", [(250, np.uint8), (400, np.uint16)])
def test_codes_are_as_small_as_they_can_be(n_values, wanted):
    values = np.random.default_rng(0).permutation(np.arange(n_values, dtype=float))
    binned = bin_column(NUMBER, values, 1_024)
    assert_consistent(binned, values)
    assert binned.feature.codes.dtype == wanted and binned.feature.n_bins == n_values


def test_at_most_so_many_bins():
    values = np.random.default_rng(0).normal(size=5_000)
    counts = np.bincount(bin_column(NUMBER, values, 20).feature.codes)
    assert len(counts) == 18
    assert counts.max() - counts.min() <= 0.02 * 5_000
    assert len(choose_cuts(values, 20)) == 17


def test_other_rows_in_the_same_bins():
    values = np.array([1.0, 2.0, 3.0, np.nan])
    binned = bin_column(NUMBER, values, 10).without_rows()
    assert len(binned.feature.codes) == 0
    again = binned.recoded(np.array([np.nan, 2.9, -50.0, 50.0]))
    assert again.feature.codes.tolist() == [0, 3, 1, 3]
    assert again.feature.n_bins == binned.feature.n_bins


@pytest.mark.parametrize(
    "column, values, others",
    [
        (NUMBER, np.array([1.0, 2.0]), np.array([1.0, np.nan])),
        (NOMINAL, np.array([0, 1]), np.array([0, 2])),
        (NOMINAL, np.array([0, 1]), np.array([0, MISSING_CODE])),
    ],
)
def test_rows_for_which_there_is_no_bin(column, values, others):
    binned = bin_column(column, values, 10)
    with pytest.raises(ValueError, match=f"{column.name}.*warm_start=False"):
        binned.recoded(others)


@given(st.integers(0, 1_000), st.integers(1, 260), st.integers(1, 260))
def test_cells_of_pairs(seed, n_first, n_second):
    rng = np.random.default_rng(seed)
    features = [
        BinnedFeature(rng.integers(0, n, 50).astype(np.uint8 if n <= 256 else np.uint16), n)
        for n in (n_first, n_second)
    ]
    terms, codes = pairs_of(features, [(0, 1), (1, 0), (0, 0)])
    first, second = (feature.codes.astype(int) for feature in features)
    assert np.array_equal(codes[0], first * n_second + second)
    assert np.array_equal(codes[1], second * n_first + first)
    assert terms.n_cells == 2 * n_first * n_second + n_first**2
    mains, own = mains_of(features)
    assert np.array_equal(own, [first, second])
    assert mains.start.tolist() == [0, n_first, n_first + n_second]
