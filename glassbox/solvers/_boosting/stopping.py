"""When a bag has learned what it can: the best tables on the rows that it holds out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class StoppingRule:
    """When to stop.

    Attributes
    ----------
    window : int
        Steps without gain after which a bag stops; 0 for never.
    tolerance : float
        Gains below this share of the loss are none.
    max_steps : int
    """

    window: int
    tolerance: float
    max_steps: int


@dataclass
class Progress:
    """How far a bag has come.

    Attributes
    ----------
    rule : StoppingRule
    best_loss : float
    best_tables : ndarray of shape (n_outputs, n_cells)
    best_steps : int
    done : bool
    """

    rule: StoppingRule
    best_loss: float = np.inf
    best_tables: np.ndarray | None = None
    best_steps: int = 0
    done: bool = False
    _recent: deque = field(default_factory=deque)
    _best_before: float = np.inf

    def judge(
        self, loss: float, steps: int, tables: np.ndarray, held_out: bool, smoothing: bool
    ) -> None:
        """Take note of the tables after some steps.

        Parameters
        ----------
        loss : float
            Mean loss of the rows that are held out.
        steps : int
        tables : ndarray of shape (n_outputs, n_cells)
            Copied, if they are the best.
        held_out : bool
            Whether there are such rows.
        smoothing : bool
            Random cuts may make a loss grow for a while; then nothing stops.
        """
        if not np.isfinite(tables).all() or not np.isfinite(loss):
            raise FloatingPointError(
                f"The scores grew beyond all numbers after {steps:,} steps. Lower learning_rate, "
                "set max_delta_step, or scale the outcome."
            )
        watched = held_out and self.rule.window > 0
        if not watched or loss < self.best_loss:
            self.best_loss, self.best_tables, self.best_steps = loss, tables.copy(), steps
        self.done = steps >= self.rule.max_steps
        if not watched or smoothing:
            return
        while self._recent and self._recent[0][0] <= steps - self.rule.window:
            self._best_before = min(self._best_before, self._recent.popleft()[1])
        self._recent.append((steps, loss))
        tolerance = self.rule.tolerance * min(abs(self.best_loss), abs(self._best_before))
        if np.isfinite(self._best_before):
            self.done |= self._best_before - tolerance <= min(loss for _, loss in self._recent)
