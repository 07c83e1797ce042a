"""Some rows of whatever holds sensitive features."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing


def rows_of(sensitive_features: Any, rows: np.ndarray) -> Any:
    """Some rows of a table, series, array, list or mapping; None stays None."""
    if sensitive_features is None:
        return None
    if isinstance(sensitive_features, dict):
        return {name: _safe_indexing(v, rows) for name, v in sensitive_features.items()}
    return _safe_indexing(sensitive_features, rows)
