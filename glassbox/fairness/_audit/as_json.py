"""Audits as plain JSON values, and frames read back from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

#: Raised when the document changes its form.
SCHEMA_VERSION = 1
KIND = "glassbox fairness audit"


def frame_to_json(frame: pd.DataFrame | None) -> dict | None:
    """Columns and rows of a frame; NaN as None."""
    if frame is None:
        return None
    rows = [[plain(value) for value in row] for row in frame.itertuples(index=False)]
    return {
        "columns": list(frame.columns),
        "numeric": [bool(pd.api.types.is_numeric_dtype(t)) for t in frame.dtypes],
        "rows": rows,
    }


def frame_from_json(document: dict | None) -> pd.DataFrame | None:
    """A frame from :func:`frame_to_json`; None as NaN."""
    if document is None:
        return None
    frame = pd.DataFrame(document["rows"], columns=document["columns"], dtype=object)
    for name, numeric in zip(document["columns"], document["numeric"], strict=True):
        if numeric:
            frame[name] = pd.to_numeric(frame[name].astype(object).where(frame[name].notna()))
            if frame[name].dtype == object:
                frame[name] = frame[name].astype(float)
    return frame


def plain(value: Any) -> Any:
    """A value as JSON has it: None for what is no finite number.

    Examples
    --------
    >>> plain(np.float64("nan")), plain(np.int64(3)), plain((0.5, "a"))
    (None, 3, [0.5, 'a'])
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or value is pd.NA:
        return None
    return value if isinstance(value, bool | int | str) else str(value)


def check_document(document: Any) -> None:
    """Refuse what is no audit, or one of a later version.

    Raises
    ------
    ValueError
    """
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ValueError("This is no audit: give what Audit.to_dict() returned.")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"The audit has schema version {version!r}; this glassbox reads {SCHEMA_VERSION}. "
            "Update glassbox, or audit again."
        )
