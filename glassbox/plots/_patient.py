"""One patient's numbers: values, contributions, and the risk they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, CategoricalAxis
from glassbox.core.dictionary import DataDictionary
from glassbox.core.links import get_link
from glassbox.plots._joint import title_beyond_tables
from glassbox.plots._labels import describe, flag, with_unit, zero_one_labels
from glassbox.plots._sources import ModelFacts, output_position


@dataclass(frozen=True, eq=False)
class Patient:
    """One row of a table, explained.

    Attributes
    ----------
    terms : DataFrame
        One row per term, and per part that has no table: ``term``, ``label``, ``value`` (in
        words), ``flag`` ("H", "L" or ""), ``score``, ``lower``, ``upper`` (of the chosen output).
    intercept, scores : ndarray of shape (n_outputs,)
    output_position : int
        Which output is explained.
    link : str
    """

    terms: pd.DataFrame
    intercept: np.ndarray
    scores: np.ndarray
    output_position: int
    link: str

    @property
    def base(self) -> float:
        """Mean of the outcome where every term is zero."""
        return self._mean(self.intercept)

    @property
    def mean(self) -> float:
        """Mean of the outcome for this patient, as ``predict_proba`` or ``predict`` gives it."""
        return self._mean(self.scores)

    def _mean(self, scores: np.ndarray) -> float:
        return float(get_link(self.link).inverse(scores)[self.output_position])

    @property
    def interval(self) -> tuple[float, float] | None:
        """Interval for the mean from the bands of the terms; None where it cannot be had.

        The half-widths are added as if the terms' errors were independent (root of the sum of
        squares), and the intercept is taken as known. With several classes, the risk of one
        depends on the scores of all, and there is no such interval.
        """
        if len(self.scores) > 1 or self.terms[["lower", "upper"]].isna().any(axis=None):
            return None
        below = self.terms["score"] - self.terms["lower"]
        above = self.terms["upper"] - self.terms["score"]
        ends = (
            self.scores - np.sqrt(np.square(below).sum()),
            self.scores + np.sqrt(np.square(above).sum()),
        )
        return self._mean(ends[0]), self._mean(ends[1])


def read_patient(
    est: Any, X: Any, dictionary: DataDictionary | None, output: Any, facts: ModelFacts
) -> Patient:
    """Explain the only row of a table.

    Parameters
    ----------
    est : estimator
    X : DataFrame or array-like of shape (1, n_features)
    dictionary : DataDictionary or None
    output : class label or None
        None: the most probable class.
    facts : ModelFacts

    Raises
    ------
    ValueError
        If the table does not have exactly one row.
    """
    contributions = est.contributions(X)
    if len(contributions) != 1:
        raise ValueError(
            f"X has {len(contributions)} rows; a contribution plot shows one patient. "
            "Select a row, as in X.iloc[[0]]."
        )
    model = est.additive_model_
    values = contributions.to_numpy().reshape(-1, model.n_outputs)
    scores = model.intercept + values.sum(axis=0)
    if output is not None:
        position = output_position(output, facts.outputs)
    else:
        position = int(np.argmax(scores))
    columns = est.schema_.read(X, owner=type(est).__name__)
    rows = []
    n_tables = len(model.terms)
    for term, score in zip(model.terms, values[:n_tables], strict=True):
        basis = [axis.locate(columns[axis.name]) for axis in term.axes]
        edges = {"lower": np.nan, "upper": np.nan}
        if term.lower is not None:
            for name in edges:
                edges[name] = term.evaluate(basis, getattr(term, name))[0, position]
        words = [_value_in_words(axis, columns[axis.name][0], dictionary) for axis in term.axes]
        rows.append(
            {
                "term": term.name,
                "label": " × ".join(describe(dictionary, axis.name).label for axis in term.axes),
                "value": " × ".join(word for word, _ in words),
                "flag": "".join(mark for _, mark in words),
                "score": score[position],
                **edges,
            }
        )
    names = contributions.columns.get_level_values(0)[:: model.n_outputs]
    for name, score in zip(names[n_tables:], values[n_tables:], strict=True):
        rows.append(
            {
                "term": name,
                "label": title_beyond_tables(name),
                "value": "",
                "flag": "",
                "score": score[position],
                "lower": np.nan,
                "upper": np.nan,
            }
        )
    return Patient(pd.DataFrame(rows), model.intercept, scores, position, model.link)


def _value_in_words(axis, value, dictionary: DataDictionary | None) -> tuple[str, str]:
    entry = describe(dictionary, axis.name)
    if isinstance(axis, CategoricalAxis):
        if value == MISSING_CODE:
            return "missing", ""
        if value == UNSEEN_CODE:
            return "a category unseen in training", ""
        category = axis.categories[int(value)]
        return with_unit(category, entry) if isinstance(category, bool) else str(category), ""
    if entry.kind == "binary" and value in (0.0, 1.0):
        return zero_one_labels(entry)[int(value)], ""
    return with_unit(float(value), entry), flag(float(value), entry)
