"""What the moves of one feature showed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassbox.inspection._tables import Tables

EXAMPLE_COLUMNS = ["feature", "from", "to", "score_before", "score_after", "change", "row"]


class End(NamedTuple):
    """One end of a batch of moves.

    Attributes
    ----------
    values : ndarray of shape (n_moves,)
        Numbers, or ranks of categories.
    table : table of n_moves rows
    scores : ndarray of shape (n_moves,)
    """

    values: np.ndarray
    table: Any
    scores: np.ndarray


class Findings:
    """Counts the moves of a feature that go against its direction, and keeps the worst.

    Parameters
    ----------
    tables : Tables
    feature : str
    direction : {-1, 1}
    n_examples : int
        How many to keep.
    """

    def __init__(self, tables: Tables, feature: str, direction: int, n_examples: int):
        self._tables = tables
        self._feature, self._direction, self._n_examples = feature, direction, n_examples
        self._against: list[np.ndarray] = []
        self._worst: dict[tuple, dict[str, Any]] = {}  # by ends and scores, worst first

    @property
    def n_moves(self) -> int:
        """How many moves were tried."""
        return sum(map(len, self._against))

    def add(self, before: End, after: End) -> None:
        """Take in a batch of moves."""
        old, new = before.scores, after.scores
        change = np.zeros(len(old))
        np.subtract(new, old, out=change, where=old != new)  # equal infinities are no change
        against = -self._direction * change
        self._against.append(against)
        worst_first = np.argsort(-against, kind="stable")
        self._keep_worst(before, after, change, worst_first[: np.count_nonzero(against > 0)])

    def _keep_worst(self, before: End, after: End, change: np.ndarray, ranked: np.ndarray) -> None:
        """Keep the worst examples, no move twice; `ranked` are the rows against the direction."""
        fresh: dict[tuple, int] = {}
        for row in ranked:
            move = (before.values[row], after.values[row], before.scores[row], after.scores[row])
            fresh.setdefault(move, row)
            if len(fresh) == self._n_examples:
                break
        if not fresh:
            return
        rows = np.array(list(fresh.values()))
        starts, ends = (self._tables.as_dicts(end.table, rows) for end in (before, after))
        for (move, row), start, end in zip(fresh.items(), starts, ends, strict=True):
            found = (start[self._feature], end[self._feature], *move[2:], change[row], start)
            example = dict(zip(EXAMPLE_COLUMNS, (self._feature, *found), strict=True))
            self._worst.setdefault(move, example)
        worst = sorted(self._worst.items(), key=lambda item: -abs(item[1]["change"]))
        self._worst = dict(worst[: self._n_examples])

    def summary(self, tolerance: float) -> dict[str, Any]:
        """A row of the audit's summary."""
        against = np.concatenate(self._against)
        violations = int((against > tolerance).sum())
        return {
            "feature": self._feature,
            "declared": self._direction,
            "moves": len(against),
            "violations": violations,
            "share": violations / len(against),
            "worst": float(against.max(initial=0.0)) + 0.0,  # no negative zero
            "passed": violations == 0,
        }

    def examples(self, tolerance: float) -> list[dict[str, Any]]:
        """The worst violations, worst first."""
        return [found for found in self._worst.values() if abs(found["change"]) > tolerance]
