"""Threads for loops that do not hold the interpreter's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor


class Threads:
    """A few threads, of which the caller's is one.

    What a thread has worked on lies in the cache of its processor: of as many items, it gets the
    same ones every time, and takes from the others only when it has no more of its own.

    Parameters
    ----------
    n_threads : int
    """

    def __init__(self, n_threads: int):
        self._others = [ThreadPoolExecutor(1) for _ in range(n_threads - 1)]

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *reason) -> None:
        for other in self._others:
            other.shutdown(cancel_futures=True)

    def map(self, task: Callable, items: Iterable) -> list:
        """What the task returns for each item, in their order."""
        items = list(items)
        n_threads = min(1 + len(self._others), len(items))
        if n_threads < 2:
            return [task(item) for item in items]
        results = [None] * len(items)
        waiting = [deque(range(k, len(items), n_threads)) for k in range(n_threads)]

        def work(thread: int) -> None:
            try:
                for place in _in_turn(waiting[thread:] + waiting[:thread]):
                    results[place] = task(items[place])
            except BaseException:
                for places in waiting:
                    places.clear()
                raise

        others = [self._others[k - 1].submit(work, k) for k in range(1, n_threads)]
        try:
            work(0)
        finally:
            # Nothing may still run when this returns, whatever has gone wrong.
            failures = [other.exception() for other in others]
        for failure in failures:
            if failure is not None:
                raise failure
        return results


def _in_turn(waiting: list[deque]) -> Iterable[int]:
    """All places of the first queue, then those that are left at the ends of the others."""
    own, *others = waiting
    for places, take in [(own, own.popleft), *((other, other.pop) for other in others)]:
        while places:
            try:
                place = take()
            except IndexError:  # another thread was faster
                break
            yield place
