"""Threads work off what is given to them, in any order, and answer in theirs."""

import threading
import time

import pytest

from glassbox.solvers._boosting.threads import Threads


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("n_items", [0, 1, 2, 3, 40])
def test_results_are_in_the_order_of_the_items(n_threads, n_items):
    with Threads(n_threads) as threads:
        for _ in range(3):
            assert threads.map(lambda i: i * i, range(n_items)) == [i * i for i in range(n_items)]


def test_a_thread_gets_the_same_items_every_time():
    def who(item):
        time.sleep(0.02)
        return threading.get_ident()

    with Threads(2) as threads:
        first, second = (threads.map(who, range(2)) for _ in range(2))
    assert first == second and len(set(first)) == 2
    assert first[0] == threading.get_ident()


def test_a_thread_without_items_of_its_own_takes_those_of_others():
    release = threading.Event()

    def wait_or_release(item):
        if item == 0:
            assert release.wait(10)
        elif item == 6:
            release.set()
        return item

    # Items 0, 2, 4, 6 are the first thread's, which waits in the first of them for the last.
    with Threads(2) as threads:
        assert threads.map(wait_or_release, range(7)) == list(range(7))


@pytest.mark.parametrize("bad", [0, 1, 9])
def test_a_failure_ends_all_threads_before_it_is_told(bad):
    running = []

    def fail(item):
        running.append(item)
        try:
            if item == bad:
                raise ValueError(f"item {item}")
            time.sleep(0.01)
        finally:
            running.remove(item)

    with Threads(3) as threads:
        with pytest.raises(ValueError, match=f"item {bad}"):
            threads.map(fail, range(40))
        assert not running
        assert threads.map(str, range(4)) == ["0", "1", "2", "3"]
