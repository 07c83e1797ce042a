"""The result of an audit of monotonicity."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

_CAVEAT = (
    "This is a test and not a proof: a model that passes may still go against a direction where "
    "no move was tried."
)


@dataclass(frozen=True, eq=False)
class MonotonicityAudit:
    """What :func:`audit_monotonicity` found. It is a test and not a proof.

    Attributes
    ----------
    summary : DataFrame
        One row per constrained feature: ``feature``, ``declared`` direction, number of ``moves``
        and of ``violations``, their ``share``, the ``worst`` change of the score against the
        direction (0 if there was none; it may be within the tolerance), and ``passed``.
    violations : DataFrame
        The worst examples of each feature, worst first: ``feature``, ``from``, ``to``,
        ``score_before``, ``score_after``, ``change``, and ``row``: all values of the row before
        the move, as a dict.
    scored : str
        What of the model was compared, such as "decision_function".
    tolerance : float
        Changes against the direction up to here were taken for rounding.
    """

    summary: pd.DataFrame
    violations: pd.DataFrame
    scored: str
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether no feature has a violation among the moves that were tried."""
        return bool(self.summary["passed"].all())

    def __str__(self) -> str:
        lines = [self._verdict(), "", self.summary.to_string(index=False)]
        if len(self.violations):
            examples = self.violations.drop(columns="row")
            lines += ["", "Worst examples:", examples.to_string(index=False)]
        return "\n".join([*lines, "", _CAVEAT])

    def _repr_html_(self) -> str:
        parts = [f"<p>{self._verdict()}</p>", self.summary.to_html(index=False)]
        if len(self.violations):
            parts += ["<p>Worst examples:</p>", self.violations.to_html(index=False)]
        return "\n".join([*parts, f"<p>{_CAVEAT}</p>"])

    def _verdict(self) -> str:
        failed = int((~self.summary["passed"]).sum())
        found = f"in {failed} of {len(self.summary)} features" if failed else "none"
        return (
            f"Violations of monotonicity found: {found}, in {self.summary['moves'].sum():,} moves "
            f"({self.scored}, tolerance {self.tolerance:.2g})."
        )
