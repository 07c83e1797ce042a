"""Groups of an audit: quarters of amounts, and what is withheld."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.core.attributes import read_attributes
from glassbox.core.strata import interval_labels
from glassbox.fairness._audit.groupings import groupings, quartered


def test_an_amount_is_cut_into_quarters_and_not_into_its_values():
    age = np.repeat(np.arange(20.0, 76.0), 10)
    age[:3] = np.nan
    (attribute,) = read_attributes({"age": age})
    cut = quartered(attribute)
    assert len(cut.levels) == 5 and cut.levels[-1] == "missing"
    counts = np.bincount(cut.codes)
    assert counts[:4].min() > 120 and counts[4] == 3
    highest = [age[cut.codes == code].max() for code in range(4)]
    lowest = [age[cut.codes == code].min() for code in range(4)]
    assert all(high < low for high, low in zip(highest, lowest[1:], strict=False))


def test_ties_make_fewer_quarters():
    (attribute,) = read_attributes({"beds": np.array([1.0] * 80 + [2.0] * 10 + [3.0] * 10)})
    assert quartered(attribute).levels == ("up to 1", "over 1")


def test_labels_tell_neighbouring_cuts_apart():
    labels = interval_labels(np.array([1.00001, 1.00002]))
    assert len(set(labels)) == 3 and labels[1] == "over 1.00001 to 1.00002"


def test_one_small_group_takes_another_with_it():
    race = np.repeat(["A", "B", "C"], [60, 30, 5])
    (found,) = groupings(read_attributes({"race": race}), 20, intersections=True)
    assert found.small.tolist() == [False, False, True]
    assert found.withheld.tolist() == [False, True, True]
    assert found.reason(2) == "fewer than 20 rows" and found.reason(1) == ""


def test_without_small_groups_nothing_is_withheld():
    race = np.repeat(["A", "B", "C"], [60, 30, 25])
    (found,) = groupings(read_attributes({"race": race}), 20, intersections=False)
    assert not found.withheld.any()


@given(st.lists(st.integers(0, 40), min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_size_of_a_small_group_can_be_had_by_subtraction(cells):
    cells = np.array(cells).reshape(2, 3)
    if (cells.sum(axis=1) == 0).any() or (cells.sum(axis=0) == 0).any():
        return
    rows = [(a, b) for a in range(2) for b in range(3) for _ in range(cells[a, b])]
    sex, site = (np.array(["uvw"[code] for code in side]) for side in zip(*rows, strict=True))
    found = groupings(read_attributes({"sex": sex, "site": site}), 15, intersections=True)
    for grouping in found[:2]:
        _check_line(grouping.counts, grouping.withheld, grouping.small)
    both = found[2]
    for side in range(2):
        parents = np.array([level.split(" & ")[side] for level in both.levels])
        for parent in np.unique(parents):
            line = parents == parent
            _check_line(both.counts[line], both.withheld[line], both.small[line])


def _check_line(counts, withheld, small):
    assert (withheld >= small).all()
    if withheld.any() and not withheld.all():
        assert withheld.sum() > 1 and counts[withheld].sum() >= 15
