"""What a block of code takes in seconds and memory, the processes that help it included."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SECONDS_BETWEEN_LOOKS = 0.25


@contextmanager
def usage() -> Iterator[dict[str, float]]:
    """Measure a block.

    Yields
    ------
    dict
        When the block is left: "wall_s"; "cpu_s", of all its processes; "before_mb", what this
        process held before; "peak_mb", the most that all held at once, pages that helpers share
        with others counted in this process alone. Without /proc, helpers that still live are not
        counted and the peak is the highest since this process began.
    """
    found: dict[str, float] = {}
    with contextlib.suppress(OSError):
        # Linux: begin to look for the highest resident memory anew.
        (_PROC / "self/clear_refs").write_text("5")
    before = _megabytes(os.getpid(), shared=True)
    peaks = _Peaks()
    peaks.start()
    cpu, wall = cpu_seconds(), time.perf_counter()
    try:
        yield found
    finally:
        seconds = {"wall_s": time.perf_counter() - wall, "cpu_s": cpu_seconds() - cpu}
        peak = peaks.stop()
    found |= {**seconds, "before_mb": before, "peak_mb": max(peak, _highest_megabytes())}


def cpu_seconds() -> float:
    """Processor seconds of this process and of all that it has started, gone or not."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() + children.ru_utime + children.ru_stime
    for number in _helpers():
        with contextlib.suppress(OSError):
            # Own and, of helpers' helpers that are gone, their user and system time.
            seconds += sum(int(ticks) for ticks in _status(number)[11:15]) / _TICKS
    return seconds


class _Peaks(threading.Thread):
    """Looks at the memory of all processes now and then."""

    def __init__(self):
        super().__init__(daemon=True)
        self._done = threading.Event()
        self._peak = 0.0

    def run(self) -> None:
        while not self._done.wait(_SECONDS_BETWEEN_LOOKS):
            own = _megabytes(os.getpid(), shared=True)
            helpers = sum(_megabytes(number, shared=False) for number in _helpers())
            self._peak = max(self._peak, own + helpers)

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self._peak


def _helpers() -> list[int]:
    """Processes that this one has started, and that they have."""
    parents = {}
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int(_status(int(folder.name))[1])
    found, family = [], {os.getpid()}
    while new := [n for n, parent in parents.items() if parent in family and n not in family]:
        family.update(new)
        found += new
    return found


def _status(number: int) -> list[str]:
    # The name, in brackets, may hold blanks.
    return (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()


def _megabytes(number: int, *, shared: bool) -> float:
    try:
        pages = (_PROC / str(number) / "statm").read_text().split()
    except OSError:
        return 0.0
    return (int(pages[1]) - (0 if shared else int(pages[2]))) * _PAGE / 1e6


def _highest_megabytes() -> float:
    try:
        lines = (_PROC / "self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024e-6
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6
