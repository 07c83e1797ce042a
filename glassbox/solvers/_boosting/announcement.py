"""Why the first fit of an installation takes longer than all that follow."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from numba.core import event

_REASON = (
    "[glassbox] compiling the boosting engine for this machine: some ten seconds, once per "
    "installation"
)


class _Announcer(event.Listener):
    """Says so when the first function is compiled, and never if all come from the disk."""

    def __init__(self):
        self._said = False

    def on_start(self, event: event.Event) -> None:
        if not self._said:
            self._said = True
            print(_REASON, file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        pass


@contextmanager
def announced_compilation() -> Iterator[None]:
    """Say on standard error that functions are compiled, if any are."""
    with event.install_listener("numba:compile", _Announcer()):
        yield
