"""What each term has to do with each sensitive feature."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
import pandas as pd

from glassbox.core.attributes import Attribute
from glassbox.fairness._audit.decomposition import TOTAL, gap_frame
from glassbox.fairness._audit.gap_groups import contrast_name, reference_group
from glassbox.fairness._audit.groupings import too_few
from glassbox.fairness._audit.row_resamples import RowResamples
from glassbox.fairness._audit.shape_differences import shape_difference
from glassbox.fairness._dependence.terms import term_dependence
from glassbox.fairness._scored import Scored

COLUMNS = [
    "attribute", "contrast", "term", "gap", "lower", "upper", "share", "eta2", "p_value",
    "p_adjusted", "shape_p", "reason",
]  # fmt: skip


def term_frame(
    scored: Scored,
    terms: list[str],
    contributions: np.ndarray,
    main_effects: Container[str],
    attribute: Attribute,
    resamples: RowResamples,
    n_permutations: int,
    min_cell: int,
) -> pd.DataFrame:
    """The exact decomposition, dependence of every term, and tests of shapes.

    Parameters
    ----------
    scored : Scored
    terms : list of str
    contributions : ndarray of shape (n_rows, n_terms, n_outputs)
    main_effects : container of str
        Terms of one feature, whose shape is tested.
    attribute : Attribute
    resamples : RowResamples
    n_permutations : int
    min_cell : int
        Groups of fewer rows are not compared.
    """
    labels = list(scored.labels) if scored.several else None
    everywhere = {"": np.ones(scored.n_rows, dtype=bool)}
    weights = np.ones(scored.n_rows)
    gaps = gap_frame(
        terms, contributions, scored.score, labels, [attribute], everywhere, weights, resamples
    )
    gaps = _without_small(gaps, attribute, min_cell)
    basis = attribute.whitened()
    frames = []
    for o, label in enumerate(scored.labels):
        columns = np.column_stack([contributions[:, :, o], scored.score[:, o]])
        found = term_dependence(columns, attribute, n_permutations, resamples.seed)
        found["term"] = [*terms, TOTAL]
        found["shape_p"] = np.nan
        for j, name in enumerate(terms):
            if name in main_effects:
                found.loc[j, "shape_p"] = _shape(scored, o, columns[:, j], basis)
        frames.append(_joined(gaps if labels is None else gaps[gaps["output"] == label], found))
    frame = pd.concat(frames, ignore_index=True)
    return frame[COLUMNS if labels is None else ["output", *COLUMNS]]


def _shape(scored: Scored, output: int, contribution: np.ndarray, basis: np.ndarray) -> float:
    truth, mean = scored.truth[:, output], scored.prediction[:, output]
    return shape_difference(truth, mean, contribution, basis, scored.link)[0]


def _without_small(gaps: pd.DataFrame, attribute: Attribute, min_cell: int) -> pd.DataFrame:
    if attribute.kind != "categorical":
        return gaps
    levels = attribute.levels
    counts = np.bincount(attribute.codes, minlength=len(levels))
    reference = reference_group(levels, attribute.codes, np.ones(attribute.n_rows))
    small = [
        contrast_name(level, levels[reference])
        for level, n in zip(levels, counts, strict=True)
        if min(n, counts[reference]) < min_cell
    ]
    hidden = gaps["contrast"].isin(small).to_numpy()
    gaps.loc[hidden, ["gap", "lower", "upper"]] = np.nan
    gaps.loc[hidden, "reason"] = too_few(min_cell)
    return gaps


def _joined(gaps: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    totals = gaps[gaps["term"] == TOTAL].set_index("contrast")["gap"]
    whole = gaps["contrast"].map(totals).to_numpy(dtype=float)
    gap = gaps["gap"].to_numpy()
    share = np.divide(gap, whole, out=np.full(len(gaps), np.nan), where=whole != 0)
    joined = gaps.assign(share=share).merge(found, on="term", how="left", suffixes=("", "_term"))
    joined["reason"] = joined["reason"].where(joined["reason"] != "", joined["reason_term"])
    return joined
