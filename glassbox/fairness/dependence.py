"""How much a score depends on sensitive features, beside what chance alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from glassbox.core.attributes import read_attributes
from glassbox.fairness._counts import check_count
from glassbox.fairness._dependence.inference import attribute_dependence
from glassbox.fairness._dependence.measures import MEASURES


def dependence(
    score: Any,
    sensitive_features: Any,
    *,
    measures: Sequence[str] | None = None,
    n_permutations: int = 500,
    n_bootstrap: int = 200,
    intersections: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> pd.DataFrame:
    """How much a score depends on each sensitive feature, and how sure that is.

    Parameters
    ----------
    score : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Any score or prediction.
    sensitive_features : DataFrame (pandas, polars), Series, array-like or mapping
        One value per row and attribute. Text, booleans, categories and numbers with two values
        are groups, and *missing* is one of them; other numbers are amounts.
    measures : list of str, optional
        Names from the table below; all by default.
    n_permutations : int
        Permutations of the attribute behind the floor and the p-value; without any they are NaN.
    n_bootstrap : int
        Resamples of the rows behind the interval; without any it is NaN.
    intersections : bool
        Also take the groups of every pair of attributes that are groups.
    random_state : int, RandomState or None
        Seed of permutations and resamples.

    Returns
    -------
    DataFrame
        One row per attribute and measure (and output, where the score has several columns):

        - ``output``: label of the score's column, only where there are several
        - ``attribute``, ``measure``
        - ``estimate``: a size without a sign
        - ``floor``, ``floor_95``: mean and 95 % quantile when the attribute is permuted, that is,
          when nothing depends on it. An estimate says something only by how far it is above.
        - ``p_value``: share of permutations, the observed order counted as one, that reach the
          observed value
        - ``lower``, ``upper``: 95 % bootstrap interval
        - ``n``: rows that were used
        - ``reason``: why the row has no estimate, else empty

    Raises
    ------
    ValueError, TypeError
        For a score that is not a table of finite numbers with as many rows as the sensitive
        features, and for unknown measures.

    Notes
    -----
    ====================== ========================================================================
    measure                definition
    ====================== ========================================================================
    ``dcor``               distance correlation; the distance of two groups is one
    ``dcor2_unbiased``     its square, corrected for bias: about zero under independence, and
                           negative half of the time
    ``hsic``               ‖Cov(φ(score), ψ(A))‖² over the root of ‖Cov(φ, φ)‖² ‖Cov(ψ, ψ)‖²,
                           between 0 and 1, also known as centred kernel alignment. φ belongs to
                           the Gaussian kernel with the median distance of the rows as bandwidth,
                           and so does ψ for amounts; for groups ψ are their indicators.
    ``ks``                 largest distance of two groups' distribution functions; not for amounts
    ``mean_gap``           largest difference of two groups' means, in units of the score; for
                           amounts its slope on the amount, per standard deviation
    ``standardised_gap``   the same, in standard deviations of the score within groups (pooled),
                           or about the straight line
    ``auc``                how well the score tells two groups apart, in either direction, the
                           largest over pairs; for amounts the share of pairs of rows that both
                           put in the same order, or in the reverse one, ties of the score counting
                           one half
    ``eta2``               share of the score's variance that lies between groups; for amounts R²
                           of a natural cubic spline with five knots
    ``hgr``                largest correlation of a function of the score with one of the attribute
                           (Hirschfeld, Gebelein, Rényi): the second singular value of their table
    ``mutual_information`` of the same table, in nats
    ====================== ========================================================================

    The table of the last two has ten bins of equal numbers of rows (fewer where values are tied)
    for the score and for amounts, and one row per group.

    Rows in which an amount is missing are left out, except by the last three, which take
    *missing* for a bin, or for one more column that may explain the score. Groups are taken as
    they are: a very small one makes the largest difference of two large, and its floor too.

    Estimates are computed from every row, in O(n log n), by sorting and cumulative sums. Floor,
    p-value and interval come from a table of 2,000 quantiles of the score by the groups, or of
    250 by 250 quantiles of the amount, each at its mean (of all values, where there are no more).
    The observed value of that same table is compared with its permutations, so that the p-value
    is exact for the statistic that is tested. Bandwidths and bins stay those of the observed
    rows.

    Most of these measures cannot be negative, and so have an upward bias, which the floor shows.
    Redrawing rows adds it once more. The interval is that of the percentiles, the upper end
    without the second bias and the lower end without both: it holds the estimate, and reaches
    down to independence where the data allow it.

    References
    ----------
    Székely GJ, Rizzo ML, Bakirov NK. Annals of Statistics 2007;35:2769-2794 (dcor).
    Székely GJ, Rizzo ML. Annals of Statistics 2014;42:2382-2412 (bias correction).
    Gretton A, Fukumizu K, Teo CH, et al. NeurIPS 2007 (hsic). Cortes C, Mohri M, Rostamizadeh A.
    Journal of Machine Learning Research 2012;13:795-828 (its normalisation).
    Mary J, Calauzènes C, El Karoui N. ICML 2019 (hgr).
    Phipson B, Smyth GK. Statistical Applications in Genetics and Molecular Biology 2010;9:39
    (p-values).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], size=400)
    >>> score = rng.normal(size=400) + (sex == "m")
    >>> found = dependence(score, {"sex": sex}, measures=["dcor", "auc"], random_state=0)
    >>> found[["attribute", "measure", "estimate", "floor", "p_value"]].round(3)
      attribute measure  estimate  floor  p_value
    0       sex    dcor     0.480  0.063    0.002
    1       sex     auc     0.788  0.524    0.002
    """
    scores, labels = _read_scores(score)
    names = _read_measures(measures)
    check_count("n_permutations", n_permutations)
    check_count("n_bootstrap", n_bootstrap)
    attributes = read_attributes(sensitive_features, intersections=intersections)
    if attributes[0].n_rows != len(scores):
        raise ValueError(
            f"sensitive_features has {attributes[0].n_rows} rows and score has {len(scores)}. "
            "Give one value per row of the score."
        )
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    rows = []
    for output, column in zip(labels, scores.T, strict=True):
        for attribute in attributes:
            found = attribute_dependence(
                column, attribute, names, n_permutations, n_bootstrap, seed
            )
            found.insert(0, "output", output)
            rows.append(found)
    table = pd.concat(rows, ignore_index=True)
    return table if scores.shape[1] > 1 else table.drop(columns="output")


def _read_scores(score: Any) -> tuple[np.ndarray, list]:
    """Scores of shape (n_rows, n_outputs), and the labels of the outputs."""
    table = np.asarray(score)
    try:
        table = table.astype(float)
    except (TypeError, ValueError) as error:
        raise TypeError("score must hold numbers.") from error
    if table.ndim not in (1, 2) or not table.size:
        raise ValueError(
            f"score has shape {table.shape}. Give one number per row, or one per row and output."
        )
    labels = list(getattr(score, "columns", range(table.shape[-1]) if table.ndim == 2 else [0]))
    table = table.reshape(len(table), -1)
    wrong = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"score is {table[wrong[0]][~np.isfinite(table[wrong[0]])][0]} in row {wrong[0]}. "
            "Leave out rows without a score."
        )
    return table, labels


def _read_measures(measures: Sequence[str] | None) -> list[str]:
    if measures is None:
        return list(MEASURES)
    if isinstance(measures, str):
        raise TypeError(f"measures must be a list of names; give [{measures!r}].")
    unknown = [name for name in measures if name not in MEASURES]
    if unknown:
        raise ValueError(f"measures has {unknown[0]!r}. Known are {', '.join(MEASURES)}.")
    if not len(measures):
        raise ValueError("measures is empty. Name one, or leave it out for all.")
    return list(dict.fromkeys(measures))
