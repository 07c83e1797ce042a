import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.inspection._turns import Turns


@settings(max_examples=50)
@given(size=st.integers(1, 30), calls=st.lists(st.integers(0, 40), max_size=5))
def test_none_has_its_second_turn_before_all_had_their_first(size, calls):
    turns = Turns(size, np.random.default_rng(0))
    counts = np.zeros(size, dtype=int)
    for n in calls:
        drawn = turns.next(n)
        assert len(drawn) == n
        for thing in drawn:
            assert counts[thing] == counts.min()
            counts[thing] += 1


def test_the_order_is_random_and_of_nothing_there_are_no_turns():
    turns = Turns(50, np.random.default_rng(0))
    assert not np.array_equal(turns.next(50), turns.next(50))
    assert len(Turns(0, np.random.default_rng(0)).next(3)) == 0
