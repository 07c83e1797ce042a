"""The difference of a score between groups, as a sum over the terms of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

from glassbox.core.attributes import Attribute
from glassbox.core.strata import outcome_strata
from glassbox.fairness._audit.gap_amounts import amount_gaps
from glassbox.fairness._audit.gap_groups import group_gaps, reference_group
from glassbox.fairness._audit.row_resamples import RowResamples
from glassbox.fairness._counts import check_count
from glassbox.fairness._scored import contributions_of, is_additive, link_scores
from glassbox.fairness._sensitive import attributes_of, sensitive_names, without_unknown

#: The row of the score itself.
TOTAL = "total"


def decompose_gap(
    estimator: Any,
    X: Any,
    sensitive_features: Any,
    *,
    y: Any = None,
    sample_weight: Any = None,
    intersections: bool = False,
    n_bootstrap: int = 0,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:
    """How much each term adds to what the score owes to a sensitive feature. Exact.

    Parameters
    ----------
    estimator : fitted additive estimator, or a strategy around one
    X : DataFrame or array-like of shape (n_samples, n_features)
    sensitive_features : list of str, DataFrame, Series, array-like or mapping
        Names of columns of X, or one value per row and attribute. Text, booleans, categories and
        numbers with two values are groups, and *missing* is one of them; other numbers are
        amounts.
    y : array-like of shape (n_samples,), optional
        Outcome: also decompose within its classes, or within fifths of a numeric one.
    sample_weight : array-like of shape (n_samples,), optional
    intersections : bool
        Also take the groups of every pair of attributes that are groups.
    n_bootstrap : int
        Resamples of the rows behind the intervals; without any they are NaN.
    random_state : int, RandomState or None
        Seed of the resamples.

    Returns
    -------
    DataFrame
        One row per term, and one for the score itself, called "total":

        - ``output``: class of the score, only where there are several
        - ``attribute``
        - ``contrast``: "a − b", a group less the largest one; for amounts "per SD" and "share of
          variance"
        - ``stratum``: "" over all rows, else for instance "outcome = yes"
        - ``term``: "joint" is what a network adds beyond the tables
        - ``gap``: on the link scale; the terms sum to the total
        - ``lower``, ``upper``: 95 % bootstrap interval
        - ``reason``: why there is no gap, else empty

    Raises
    ------
    TypeError
        If the estimator is not additive.
    ValueError
        For sensitive features, weights or outcomes that cannot be used.

    Notes
    -----
    A score is an intercept plus terms f_j, so that, over the rows at hand,

    - groups: ``E[s | a] - E[s | b] = Σ_j (E[f_j | a] - E[f_j | b])``
    - amounts, per SD: ``Cov(s, A) / sd(A) = Σ_j Cov(f_j, A) / sd(A)``, over rows with an amount
    - amounts, share of variance: ``Var(E[s | A]) / Var(s) = Σ_j Cov(E[f_j | A], E[s | A]) /
      Var(s)``, with E[ · | A] the projection on a natural cubic spline of the amount with five
      knots and an indicator of *missing*. The total is η².

    The total is taken from the scores and not summed from the terms. A pair term is one term: of
    a purified pair, nothing but its interaction. The gap of a term is no causal effect, and its
    sign says only which way it moves the difference.

    Contributions are computed once; a resample is a matrix product with the counts of the rows.
    The intervals hold the model fixed: they are about other rows, not about other models. Those
    of shares are less the bias that redrawing rows adds.

    Examples
    --------
    >>> from glassbox import SplineGAMRegressor
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], size=300, p=[0.6, 0.4])
    >>> height = rng.normal(165 + 12 * (sex == "m"), 6)
    >>> X = pd.DataFrame({"height": height, "x": rng.normal(size=300)})
    >>> model = SplineGAMRegressor().fit(X, X["height"] / 10 + X["x"])
    >>> gaps = decompose_gap(model, X, {"sex": sex})
    >>> gaps[["contrast", "term", "gap"]].round(2)
      contrast    term   gap
    0    m − f  height  1.17
    1    m − f       x -0.09
    2    m − f   total  1.07
    """
    if not is_additive(estimator):
        raise TypeError(
            f"{type(estimator).__name__} has no contributions of terms. Give an additive "
            "estimator of glassbox, or a strategy whose predictions are those of tables."
        )
    check_count("n_bootstrap", n_bootstrap)
    readable = without_unknown(estimator, X, sensitive_names(X, sensitive_features))
    terms, contributions = contributions_of(estimator, readable)
    scores = link_scores(estimator, readable)
    n_rows = len(scores)
    attributes = attributes_of(X, sensitive_features, n_rows, intersections=intersections)
    weights = np.ones(n_rows)
    if sample_weight is not None:
        weights = _check_sample_weight(
            sample_weight, scores, dtype=np.float64, ensure_non_negative=True
        )
    strata = {"": np.ones(n_rows, dtype=bool)}
    if y is not None:
        check_consistent_length(scores, y)
        classes = is_classifier(estimator)
        codes, names = outcome_strata(np.asarray(y), classes)
        between = "= " if classes else ""
        strata |= {f"outcome {between}{name}": codes == k for k, name in enumerate(names)}
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    resamples = RowResamples(n_rows, n_bootstrap, seed)
    labels = list(estimator.classes_) if scores.shape[1] > 1 else None
    return gap_frame(terms, contributions, scores, labels, attributes, strata, weights, resamples)


def gap_frame(
    terms: list[str],
    contributions: np.ndarray,
    scores: np.ndarray,
    labels: list | None,
    attributes: list[Attribute],
    strata: dict[str, np.ndarray],
    weights: np.ndarray,
    resamples: RowResamples,
) -> pd.DataFrame:
    """The frame of :func:`decompose_gap`, from contributions that are already there.

    Parameters
    ----------
    terms : list of str
    contributions : ndarray of shape (n_rows, n_terms, n_outputs)
    scores : ndarray of shape (n_rows, n_outputs)
    labels : list, or None
        Of the outputs, where there are several.
    attributes : list of Attribute
    strata : dict of str to ndarray of bool, shape (n_rows,)
    weights : ndarray of shape (n_rows,)
    resamples : RowResamples
    """
    n_rows, n_outputs = scores.shape
    values = np.concatenate([contributions, scores[:, None, :]], axis=1)
    # Differences do not change, and fewer digits are lost.
    values = (values - values.mean(axis=0)).reshape(n_rows, -1)
    rows = []
    for attribute in attributes:
        for stratum, rows_in in strata.items():
            for contrast in _contrasts(values, n_outputs, attribute, weights, resamples, rows_in):
                rows.append(_rows(contrast, attribute.name, stratum, [*terms, TOTAL], labels))
    frame = pd.concat(rows, ignore_index=True)
    return frame if labels is not None else frame.drop(columns="output")


def _contrasts(values, n_outputs, attribute, weights, resamples, rows_in) -> Iterator[tuple]:
    if attribute.kind == "categorical":
        reference = reference_group(attribute.levels, attribute.codes, weights)
        return group_gaps(
            values, attribute.levels, attribute.codes, weights, resamples, reference, rows_in
        )
    return amount_gaps(values, n_outputs, attribute, weights, resamples, rows_in)


def _rows(
    contrast: tuple, attribute: str, stratum: str, terms: list[str], labels: list | None
) -> pd.DataFrame:
    name, gap, lower, upper, reason = contrast
    outputs = [""] if labels is None else labels
    frame = pd.DataFrame({"gap": gap, "lower": lower, "upper": upper})
    if reason:
        frame[:] = np.nan
    frame.insert(0, "term", np.repeat(np.array(terms, dtype=object), len(outputs)))
    frame.insert(0, "stratum", stratum)
    frame.insert(0, "contrast", name)
    frame.insert(0, "attribute", attribute)
    frame.insert(0, "output", np.tile(np.array(outputs, dtype=object), len(terms)))
    frame["reason"] = reason
    if labels is None:
        return frame
    order = np.argsort(np.tile(np.arange(len(outputs)), len(terms)), kind="stable")
    return frame.iloc[order]
