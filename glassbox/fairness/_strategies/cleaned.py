"""What cleaning took from a model, term by term."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.attributes import Attribute

# Gaps below this share of the terms' own gaps are those of rounding.
_NO_GAP = 1e-12

_COLUMNS = ["term", "importance", "removed", "attribute", "group", "reference"]
_COLUMNS += ["gap", "gap_after", "share", "reason"]


def cleaned_frame(
    before: AdditiveModel,
    after: AdditiveModel,
    columns: Columns,
    weights: np.ndarray,
    attributes: Sequence[Attribute],
    unvarying: Sequence[str] = (),
    outputs: Sequence | None = None,
) -> pd.DataFrame:
    """Importance and share of the gap that went, by term, attribute and group.

    Parameters
    ----------
    before, after : AdditiveModel
        The purified model, and what is left of it.
    columns, weights
        Of the training table.
    attributes : sequence of Attribute
        Of the same rows.
    unvarying : sequence of str
        Sensitive features that are the same in every row.
    outputs : sequence, optional
        Labels of the scores, if there are several.
    """
    values = before.contributions(columns)
    left = np.zeros_like(values)
    kept = after.contributions(columns)
    for k, name in enumerate(after.term_names):
        if name in before.term_names:
            left[:, before.term_names.index(name)] = kept[:, k]
    importance, removed = (
        np.average(np.abs(v).mean(axis=2), axis=0, weights=weights)
        for v in (values, values - left)
    )
    frames = []
    for attribute in attributes:
        contrasts = _contrasts(attribute, weights)
        for (group, reference), contrast in contrasts:
            gaps = [np.tensordot(contrast, v, axes=1) for v in (values, left)]
            for k in range(before.n_outputs):
                frame = pd.DataFrame(
                    {
                        "term": before.term_names,
                        "importance": importance,
                        "removed": removed,
                        "attribute": attribute.name,
                        "group": group,
                        "reference": reference,
                        **_shares(gaps[0][:, k], gaps[1][:, k]),
                    },
                )
                if outputs is not None:
                    frame.insert(1, "output", outputs[k])
                frames.append(frame)
    for name in unvarying:
        rows = {"term": before.term_names, "importance": importance, "removed": removed}
        nothing = dict.fromkeys(["gap", "gap_after", "share"], np.nan)
        words = {"attribute": name, "group": "", "reference": "", "reason": "it does not vary"}
        frames.append(pd.DataFrame({**rows, **words, **nothing}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_COLUMNS)


def _contrasts(
    attribute: Attribute, weights: np.ndarray
) -> list[tuple[tuple[str, str], np.ndarray]]:
    """Weights of rows whose products with a score are its gaps."""
    if attribute.kind == "numeric":
        used = np.where(attribute.present, weights, 0.0)
        share = used / used.sum()
        amounts = np.where(attribute.present, attribute.values, 0.0)
        return [(("", ""), share * (amounts - share @ amounts))]
    mass = np.bincount(attribute.codes, weights, minlength=len(attribute.levels))
    reference = int(mass.argmax())

    def mean_of(code: int) -> np.ndarray:
        return np.where(attribute.codes == code, weights, 0.0) / mass[code]

    return [
        ((attribute.levels[code], attribute.levels[reference]), mean_of(code) - mean_of(reference))
        for code in np.flatnonzero(mass)
        if code != reference
    ]


def _shares(gaps: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray | str]:
    total = gaps.sum()
    some = abs(total) > _NO_GAP * np.abs(gaps).sum()
    return {
        "gap": gaps,
        "gap_after": after,
        "share": (gaps - after) / total if some else np.full(len(gaps), np.nan),
        "reason": "" if some else "the score has no gap between these groups",
    }
