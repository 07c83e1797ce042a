"""Progress of long fits, printed to standard error."""

from __future__ import annotations

import sys
from typing import Any

_STEPS_BETWEEN_LINES = 2_000


class BagProgress:
    """Says, from whichever process trains it, how far a bag has come.

    Parameters
    ----------
    verbose : int
        1 prints every 2,000 steps of a bag, 2 every 1,000, and so on.
    """

    def __init__(self, verbose: int):
        self._every = max(1, _STEPS_BETWEEN_LINES // int(verbose))

        self._said: dict[int, int] = {}

    def __call__(self, bag: int, step: int, progress: bool, metric: float) -> bool:
        """Print a line now and then; never stop the training."""
        return self.of_bins(bag, step, metric)

    def of_bins(self, bag: int, step: int, metric: float) -> bool:
        """The same, for the engine in the space of bins, which does not report every step."""
        if step // self._every > self._said.get(bag, 0):
            self._said[bag] = step // self._every
            _say(f"bag {bag + 1}: {step:,} steps, validation loss {metric:.5f}")
        return False


def say_pass(n_passes: int, deviance: float) -> None:
    """Say how far a penalised fit has come."""
    _say(f"pass {n_passes} over the rows: deviance {deviance:.6g}")


def _say(text: str) -> None:
    print(f"[glassbox] {text}", file=sys.stderr, flush=True)


class LookProgress:
    """A bar over the steps of the networks, with the loss and the time that is left.

    Parameters
    ----------
    max_steps : int
    """

    def __init__(self, max_steps: int):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("[glassbox] {task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("networks", total=max_steps)

    def __enter__(self) -> LookProgress:
        self._progress.start()
        return self

    def __exit__(self, *reason) -> None:
        self._progress.stop()

    def __call__(self, look: Any) -> None:
        """Move the bar, and say how the members do on rows that they did not draw."""
        loss = f"networks, validation loss {look.validation.mean():.5f}"
        self._progress.update(self._task, completed=look.step, description=loss)

    def say(self, text: str) -> None:
        """Say what is being done."""
        _say(text)
