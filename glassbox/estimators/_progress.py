"""Progress of long fits, printed to standard error."""

from __future__ import annotations

import sys

_STEPS_BETWEEN_LINES = 2_000


class BagProgress:
    """interpret's callback: says, from whichever process trains it, how far a bag has come.

    Parameters
    ----------
    verbose : int
        1 prints every 2,000 steps of a bag, 2 every 1,000, and so on.
    """

    def __init__(self, verbose: int):
        self._every = max(1, _STEPS_BETWEEN_LINES // int(verbose))

    def __call__(self, bag: int, step: int, progress: bool, metric: float) -> bool:
        """Print a line now and then; never stop the training."""
        if step and step % self._every == 0:
            _say(f"bag {bag + 1}: {step:,} steps, validation loss {metric:.5f}")
        return False


def say_pass(n_passes: int, deviance: float) -> None:
    """Say how far a penalised fit has come."""
    _say(f"pass {n_passes} over the rows: deviance {deviance:.6g}")


def _say(text: str) -> None:
    print(f"[glassbox] {text}", file=sys.stderr, flush=True)
