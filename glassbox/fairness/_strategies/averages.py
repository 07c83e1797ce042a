"""Predictions averaged over the values of sensitive columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._strategies.columns import TableColumns
from glassbox.fairness._strategies.support import WEIGHT

#: More combinations are drawn together, see :func:`condensed`.
MOST_COMBINATIONS = 2_000

_OWN = "(own)"

#: From the number of a combination to the predictions of all rows, shape (n_rows, n_outputs).
Predictions = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Average:
    """A mean over combinations.

    Attributes
    ----------
    mean : ndarray of shape (n_rows, n_outputs)
    variance : ndarray of shape (n_rows, n_outputs)
        Between the combinations.
    """

    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def over(cls, predictions: Predictions, shares: np.ndarray) -> Average:
        """Average predictions.

        Parameters
        ----------
        predictions : callable
        shares : ndarray of shape (n_combinations,) or (n_rows, n_combinations)
            Weights that sum to one.
        """
        mean = variance = 0.0
        seen = np.zeros(shares.shape[:-1])
        for k in range(shares.shape[-1]):
            # West (1979), "Updating mean and variance estimates", CACM 22:532-535.
            share = shares[..., k]
            seen = seen + share
            part = np.divide(share, seen, out=np.zeros_like(seen), where=seen > 0)
            part, weight = (np.expand_dims(w, -1) for w in (part, share))
            value = predictions(k)
            step = value - mean
            mean = mean + part * step
            variance = variance + weight * step * (value - mean)
        return cls(mean, variance)


def of_tables(
    estimator: AdditiveEstimator, columns: Columns, support: pd.DataFrame, names: Sequence[str]
) -> Predictions:
    """Scores of a glassbox estimator with its sensitive columns set to each combination.

    Parameters
    ----------
    estimator : AdditiveEstimator
    columns : mapping of str to ndarray
        Typed columns.
    support : DataFrame
        Typed values of the sensitive columns, one row per combination.
    names : sequence of str
        The sensitive columns.
    """
    model, joint = estimator.additive_model_, getattr(estimator, "joint_", None)
    n_rows = len(next(iter(columns.values())))
    free, own, mixed = _parts(model, names)
    base, alone = free.scores(columns), own_scores(own, support, names)

    def scores(k: int) -> np.ndarray:
        if joint is None and not mixed.terms:
            return base + alone[k]
        values = {name: np.full(n_rows, support[name].to_numpy()[k]) for name in names}
        here = {**columns, **values}
        total = base + alone[k] + mixed.scores(here)
        return total if joint is None else total + joint.scores(here)[:, None]

    return scores


def own_scores(model: AdditiveModel, support: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """What combinations add by themselves, shape (n_combinations, n_outputs)."""
    return model.scores({name: support[name].to_numpy() for name in names})


def _parts(model: AdditiveModel, names: Sequence[str]) -> tuple[AdditiveModel, ...]:
    """The terms without sensitive features, of these alone, and of both."""
    nothing = np.zeros(model.n_outputs)
    inside = [len(set(term.features) & set(names)) for term in model.terms]
    free, own, mixed = [], [], []
    for term, n in zip(model.terms, inside, strict=True):
        (free if n == 0 else own if n == len(term.axes) else mixed).append(term)
    return (
        model.replace(terms=tuple(free)),
        model.replace(terms=tuple(own), intercept=nothing),
        model.replace(terms=tuple(mixed), intercept=nothing),
    )


def condensed(support: pd.DataFrame, model: AdditiveModel, names: Sequence[str]) -> pd.DataFrame:
    """At most about two thousand combinations that stand for all.

    Within each group, combinations are sorted by what they add to the (first) score by
    themselves, and cut into parts of equal weight; the middle one of each part stands for it.
    """
    if len(support) <= MOST_COMBINATIONS:
        return support
    own = _parts(model, names)[1]
    support = support.assign(**{_OWN: own_scores(own, support, names)[:, 0]})
    groups = [name for name in support if name.startswith("(group ") and name not in names]
    cells = [members for _, members in support.groupby(groups)] if groups else [support]
    most = max(1, MOST_COMBINATIONS // len(cells))
    kept = []
    for members in cells:
        members = members.sort_values(_OWN, kind="stable")
        upto = members[WEIGHT].cumsum() - members[WEIGHT] / 2
        part = np.floor(most * upto / members[WEIGHT].sum()).astype(int)
        kept += [_middle(some) for _, some in members.groupby(part)]
    return pd.DataFrame(kept).drop(columns=_OWN).reset_index(drop=True).astype(_types(support))


def _middle(members: pd.DataFrame) -> pd.Series:
    half = members[WEIGHT].cumsum() >= members[WEIGHT].sum() / 2
    row = members.iloc[int(half.to_numpy().argmax())].copy()
    row[WEIGHT] = members[WEIGHT].sum()
    return row


def _types(support: pd.DataFrame) -> dict:
    return {name: kind for name, kind in support.dtypes.items() if name != _OWN}


def of_others(
    predict: Callable[[Any], np.ndarray], X: Any, columns: TableColumns, cells: Any, owner: str
) -> Predictions:
    """Predictions of any estimator with its sensitive columns set to each combination."""

    def predictions(k: int) -> np.ndarray:
        found = np.asarray(predict(columns.filled(X, cells, k, owner)), dtype=float)
        return found[:, None] if found.ndim == 1 else found

    return predictions
