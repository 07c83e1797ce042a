"""How well a sensitive feature can be predicted from each of the others."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from glassbox.core.attributes import Attribute
from glassbox.core.schema import Schema

# Bins of about equally many rows, for numbers with more distinct values: a copy of an amount
# then has an R² of 1 - 1/400.
_MOST_BINS = 20


def proxy_scores(
    X: Any,
    attributes: Sequence[Attribute],
    *,
    cv: Any = 5,
    random_state: Any = None,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """How well each feature alone predicts each sensitive one, cross-validated.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features), or mapping of str to ndarray
        Features; a mapping holds typed columns, as ``Schema.read`` returns them. A feature is no
        proxy of an attribute of the same name.
    attributes : sequence of Attribute
        Sensitive features of the same rows.
    cv : int or cross-validation splitter, default=5
        Folds.
    random_state : int, RandomState or None
        Which rows go to which of `cv` folds.
    weights : ndarray of shape (n_samples,), optional
        Of the rows, where predictions are judged.

    Returns
    -------
    DataFrame
        ``attribute``, ``feature``, ``measure`` ("auc" for groups, "r2" for amounts), ``value``,
        and ``reason``: why a value is NaN. Of several groups, the AUC is that of each against
        the rest, weighted by their sizes.

    Notes
    -----
    Each feature is cut into at most twenty bins of about equally many rows (or its categories,
    or its distinct values), with one for missing. The prediction for a row is the mean of the
    sensitive feature over the rows of its bin in the other folds, shrunk towards the mean of all
    by empirical Bayes (Micci-Barreca 2001, "A preprocessing scheme for high-cardinality
    categorical attributes", SIGKDD Explorations 3:27-32).

    Examples
    --------
    >>> from glassbox.core.attributes import read_attributes
    >>> sex = np.tile([0, 1], 50)
    >>> found = proxy_scores({"height": 160.0 + 15 * sex}, read_attributes({"sex": sex}))
    >>> float(found["value"][0])
    1.0
    """
    columns = dict(X) if isinstance(X, Mapping) else Schema.infer(X).read(X)
    n_rows = len(next(iter(columns.values()))) if columns else 0
    weights = np.ones(n_rows) if weights is None else weights
    bins = {name: _bins(column) for name, column in columns.items()}
    rows = []
    for attribute in attributes:
        names = [name for name in columns if name != attribute.name]
        if names:
            codes = np.column_stack([bins[name] for name in names])
            for name, value, reason in zip(
                names, *_values(codes, attribute, weights, cv, random_state), strict=True
            ):
                measure = "auc" if attribute.kind == "categorical" else "r2"
                rows.append((attribute.name, name, measure, value, reason))
    return pd.DataFrame(rows, columns=["attribute", "feature", "measure", "value", "reason"])


def _bins(column: np.ndarray) -> np.ndarray:
    """Codes of a column, -1 for missing."""
    if column.dtype.kind == "i":
        return column
    missing = np.isnan(column)
    distinct = np.unique(column[~missing])
    if len(distinct) <= _MOST_BINS:
        codes = np.searchsorted(distinct, column)
    else:
        shares = np.linspace(0, 1, _MOST_BINS + 1)[1:-1]
        cuts = np.unique(np.quantile(column[~missing], shares))
        codes = np.searchsorted(cuts, column, side="right")
    return np.where(missing, -1, codes)


def _values(
    codes: np.ndarray, attribute: Attribute, weights: np.ndarray, cv: Any, random_state: Any
) -> tuple[list[float], list[str]]:
    n_features = codes.shape[1]
    used = attribute.present & (weights > 0)
    codes, weights = codes[used], weights[used]
    groups = attribute.kind == "categorical"
    target = attribute.codes[used] if groups else attribute.values[used]
    reason = _why_not(target, cv, groups)
    if reason:
        return [np.nan] * n_features, [reason] * n_features
    kind = (
        "continuous" if not groups else "binary" if len(np.unique(target)) == 2 else "multiclass"
    )
    if isinstance(cv, numbers.Integral):
        folds = StratifiedKFold if groups else KFold
        cv = folds(int(cv), shuffle=True, random_state=random_state)
    # The encoder asks for groups that it was not given, where metadata are routed.
    with config_context(enable_metadata_routing=False), warnings.catch_warnings():
        # A group with fewer rows than folds is missing from some of them, which is no harm here.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        encoder = TargetEncoder(target_type=kind, cv=cv)
        predicted = encoder.fit_transform(codes, target).reshape(len(codes), n_features, -1)
    if not groups:
        values = [r2_score(target, p[:, 0], sample_weight=weights) for p in _by_feature(predicted)]
    else:
        values = [_auc(target, p, weights) for p in _by_feature(predicted)]
    return [float(value) for value in values], [""] * n_features


def _why_not(target: np.ndarray, cv: Any, groups: bool) -> str:
    if len(np.unique(target)) < 2:
        return "the sensitive feature does not vary"
    if isinstance(cv, numbers.Integral):
        most = np.unique(target, return_counts=True)[1].max() if groups else len(target)
        if most < cv:
            return f"fewer rows than the {cv} folds"
    return ""


def _by_feature(predicted: np.ndarray) -> list[np.ndarray]:
    return list(np.moveaxis(predicted, 1, 0))


def _auc(target: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """Each group against the rest, weighted by the sizes of the groups."""
    levels = np.unique(target)
    if len(levels) == 2:
        return roc_auc_score(target == levels[1], predicted[:, 0], sample_weight=weights)
    sizes = [weights[target == level].sum() for level in levels]
    areas = [
        roc_auc_score(target == level, predicted[:, k], sample_weight=weights)
        for k, level in enumerate(levels)
    ]
    return float(np.average(areas, weights=sizes))
