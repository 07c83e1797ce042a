"""Progress of boosting, printed from whichever process trains a bag."""

from __future__ import annotations

import sys

_STEPS_BETWEEN_LINES = 2_000


class BagProgress:
    """interpret's callback: says every so often how far a bag has come.

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
            print(
                f"[glassbox] bag {bag + 1}: {step:,} steps, validation loss {metric:.5f}",
                file=sys.stderr,
                flush=True,
            )
        return False
