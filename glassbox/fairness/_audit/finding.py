"""One sentence of an audit, and what all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

#: A p-value below this is evidence.
LEVEL = 0.05


@dataclass(frozen=True)
class Finding:
    """One sentence of an audit.

    Attributes
    ----------
    text : str
    weight : float
        From 0 to 1: what to read first.
    kind : str
        "dependence", "no evidence", "terms", "own terms", "selection", "errors", "calibration",
        "discrimination", "proxies", "shapes", "flip", "strategies", "suppressed" or "left out".
    """

    text: str
    weight: float
    kind: str

    def __str__(self) -> str:
        return self.text


def of_output(row: Any) -> str:
    """Which of several scores a row is about."""
    return f" for {row.output!r}" if hasattr(row, "output") and row.output != "" else ""


def keys(frame: pd.DataFrame, *names: str) -> list[str]:
    """Columns that tell rows apart, the output among them where there are several."""
    return [name for name in ("output", *names) if name in frame]
