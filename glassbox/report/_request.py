"""What the user asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Task = Literal["classes", "numbers"]


@dataclass(frozen=True)
class ReportRequest:
    """The choices behind a report.

    Attributes
    ----------
    target : str
        Column that is predicted.
    model : {"boosted", "spline"}
    sensitive : tuple of str
        Columns by whose groups performance is shown. They are predictors too, unless dropped.
    drop : tuple of str
        Columns that are no predictors.
    categorical : tuple of str
        Columns whose numbers are codes of categories.
    monotonic : mapping of str to {-1, 1}
        Columns along which the prediction must fall or rise.
    interactions : int
        How many pairs to find.
    folds : int
        Of the cross-validation.
    seed : int
    task : {"classes", "numbers"} or None
        None: told from the target's values.
    positive : str or None
        Of two classes, the one that counts as the event, as it stands in the file.
    """

    target: str
    model: str = "boosted"
    sensitive: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    monotonic: Mapping[str, int] = field(default_factory=dict)
    interactions: int = 0
    folds: int = 5
    seed: int = 0
    task: Task | None = None
    positive: str | None = None
