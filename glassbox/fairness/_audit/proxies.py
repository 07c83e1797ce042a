"""What stands in for a sensitive feature: other features, and their shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from glassbox.core.attributes import Attribute
from glassbox.core.schema import Schema
from glassbox.fairness._strategies.proxies import proxy_scores

COLUMNS = ["attribute", "feature", "measure", "from_feature", "from_shape", "reason"]


def proxy_frame(
    X: Any,
    attributes: list[Attribute],
    shapes: list[dict[str, np.ndarray]],
    labels: list | None,
    seed: int,
) -> pd.DataFrame:
    """How well each attribute is predicted from each feature, and from what the model makes of it.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_rows, n_features)
    attributes : list of Attribute
    shapes : list of dict of str to ndarray
        For every output, contributions of main effects by feature; empty for models that have
        none.
    labels : list, or None
        Of the outputs, where there are several.
    seed : int
        Of the folds.
    """
    columns = Schema.infer(X).read(X)
    plain = proxy_scores(columns, attributes, random_state=seed)
    plain = plain.rename(columns={"value": "from_feature"})
    frames = []
    for o, shape in enumerate(shapes or [{}]):
        frame = plain.assign(from_shape=np.nan)
        if shape:
            made = proxy_scores(shape, attributes, random_state=seed)
            made = made.rename(columns={"value": "made"}).drop(columns=["measure", "reason"])
            frame = plain.merge(made, on=["attribute", "feature"], how="left")
            frame = frame.rename(columns={"made": "from_shape"})
        if labels is not None:
            frame.insert(0, "output", labels[o] if shapes else "")
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True)
    return frame[COLUMNS if labels is None else ["output", *COLUMNS]]
