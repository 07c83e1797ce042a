"""Threads for loops that do not hold the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor


class Threads:
    """A few threads, or none if one is enough.

    Parameters
    ----------
    n_threads : int
    """

    def __init__(self, n_threads: int):
        self._pool = ThreadPoolExecutor(n_threads) if n_threads > 1 else None

    def __enter__(self) -> Threads:
        return self

    def __exit__(self, *reason) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, task: Callable, items: Iterable) -> list:
        """What the task returns for each item, in their order."""
        return list(map(task, items) if self._pool is None else self._pool.map(task, items))
