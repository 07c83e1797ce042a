"""The audit inside a report: predictions of unseen rows, terms of the final model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core.attributes import Attribute, read_attributes
from glassbox.report._audit_content import AuditContent, audit_content
from glassbox.report._figures import Gallery
from glassbox.report._study import Study

_REPEATS = 200
# Thresholds that are nearer than this select much the same rows.
_NEAR = 0.1
_LEFT_OUT = "Left out: "


def report_audit(
    est: Any, study: Study, unseen: np.ndarray, seed: int
) -> tuple[AuditContent | None, list[str]]:
    """Audit the out-of-fold predictions of a study.

    Parameters
    ----------
    est : estimator
        The final model, whose terms are decomposed on all rows.
    study : Study
    unseen : ndarray of shape (n_rows, n_classes) or (n_rows,)
        Out-of-fold predictions.
    seed : int

    Returns
    -------
    content : AuditContent or None
        None if there is nothing to compare.
    reasons : list of str
        Why sensitive columns are not in it.
    """
    from glassbox.fairness import audit, decompose_gap

    sensitive, attributes, reasons = _usable(study.sensitive)
    outcome = study.outcome
    if outcome.task == "numbers" and len(np.unique(outcome.y)) <= 2:
        return None, ["A target of two amounts has neither classes nor errors to compare."]
    if sensitive.empty:
        return None, reasons
    found = audit(
        unseen,
        None,
        outcome.y,
        sensitive_features=sensitive,
        thresholds=_thresholds(study),
        n_bootstrap=_REPEATS,
        n_permutations=_REPEATS,
        random_state=seed,
    )
    terms = decompose_gap(est, study.X, sensitive, n_bootstrap=_REPEATS, random_state=seed)
    found = replace(
        found,
        terms=_without_small(terms, attributes, found.settings["min_cell"]),
        # Those are in other sections of the report, or not asked of it.
        left_out={},
        findings=tuple(f for f in found.findings if not f.text.startswith(_LEFT_OUT)),
    )
    return audit_content(found, Gallery(None), study.dictionary), reasons


def _usable(sensitive: pd.DataFrame) -> tuple[pd.DataFrame, list[Attribute], list[str]]:
    """Columns that can be compared, and why others cannot."""
    kept, attributes, reasons = [], [], []
    for name in sensitive:
        try:
            attributes += read_attributes(sensitive[[name]])
            kept.append(name)
        except (ValueError, TypeError) as error:
            reasons.append(str(error))
    return sensitive[kept].reset_index(drop=True), attributes, reasons


def _thresholds(study: Study) -> tuple[float, ...]:
    """The share of events, and one half, which selects nobody where events are rare."""
    if not study.outcome.is_binary:
        return (0.5,)
    share = float(f"{study.outcome.codes.mean():.2g}")
    near = abs(share - 0.5) < _NEAR
    return (0.5,) if near or share in (0.0, 1.0) else (share, 0.5)


def _without_small(
    terms: pd.DataFrame, attributes: Sequence[Attribute], min_cell: int
) -> pd.DataFrame:
    """Without contrasts of groups that are too small to be shown."""
    hidden = np.zeros(len(terms), dtype=bool)
    for attribute in attributes:
        counts = np.bincount(attribute.codes, minlength=len(attribute.levels))
        small = [name for name, n in zip(attribute.levels, counts, strict=False) if n < min_cell]
        own = (terms["attribute"] == attribute.name).to_numpy()
        for name in small:
            starts = terms["contrast"].str.startswith(f"{name} \N{MINUS SIGN} ").to_numpy()
            ends = terms["contrast"].str.endswith(f" \N{MINUS SIGN} {name}").to_numpy()
            hidden |= own & (starts | ends)
    return terms[~hidden].reset_index(drop=True)
