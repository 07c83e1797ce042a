"""The strategies side by side, on the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing

from glassbox.core._tables import open_table
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._audit.groupings import quartered
from glassbox.fairness._comparison.levelling import group_merits
from glassbox.fairness._comparison.standing import quality, standing
from glassbox.fairness._comparison.verdicts import Verdicts, widening
from glassbox.fairness._rows import rows_of
from glassbox.fairness._scored import score_rows
from glassbox.fairness._sensitive import attributes_of, sensitive_names
from glassbox.fairness.penalties import DependencePenalizedClassifier, DependencePenalizedRegressor
from glassbox.fairness.strategies import (
    SensitiveFeatureRemoverClassifier,
    SensitiveFeatureRemoverRegressor,
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
    TrainThenCleanClassifier,
    TrainThenCleanRegressor,
)

#: Strategies that are compared if none are named.
STRATEGIES = ("none", "remove", "clean", "blind", "penalised")

_FLOOR_PERMUTATIONS = 50
_REMOVER = (SensitiveFeatureRemoverClassifier, SensitiveFeatureRemoverRegressor)
_CLEANER = (TrainThenCleanClassifier, TrainThenCleanRegressor)
_BLINDER = (TestTimeBlinderClassifier, TestTimeBlinderRegressor)
_PENALISED = (DependencePenalizedClassifier, DependencePenalizedRegressor)


@dataclass(frozen=True, eq=False, repr=False)
class StrategyComparison:
    """What each strategy costs and brings.

    Attributes
    ----------
    frame : DataFrame
        One row per strategy and sensitive feature: ``strategy``, ``attribute``; mean over the
        folds of ``auc``, ``accuracy``, ``brier`` and ``loss`` (or ``r2``, ``rmse``), of
        ``dependence`` (distance correlation of the score), ``dp_gap`` and ``eo_gap``, each with
        its standard error over folds (``_se``); ``floor``, the dependence that chance alone would
        give; ``dominated_by``: strategies that are no worse in both, and surely better in one;
        ``levelled_down``: groups whose own predictions became worse.
    groups : DataFrame
        ``strategy``, ``attribute``, ``group``, ``metric``, ``value``, ``change`` against "none",
        ``change_se``, ``fell`` (by more than two standard errors) and ``reason``.
    skipped : dict of str to str
        Strategies that could not be run, and why.
    """

    frame: pd.DataFrame
    groups: pd.DataFrame
    skipped: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"StrategyComparison({', '.join(self.frame['strategy'].unique())})"

    def plot(self, attribute: str | None = None, ax: Any = None) -> Any:
        """Draw performance against dependence.

        Parameters
        ----------
        attribute : str, optional
            By default the first.
        ax : Axes, optional

        Returns
        -------
        TradeOffDisplay
        """
        from glassbox.plots import TradeOffDisplay

        return TradeOffDisplay.from_frame(self.frame, attribute=attribute, ax=ax)


def compare_strategies(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sensitive_features: Any,
    strategies: Sequence[str] | Mapping[str, Any] = STRATEGIES,
    strengths: Sequence[float] = (1.0, 4.0, 16.0),
    cv: Any = 5,
    sample_weight: Any = None,
    threshold: float = 0.5,
    min_cell: int = 20,
    verbose: int = 0,
) -> StrategyComparison:
    """Run strategies on the same folds, and say which dominate which.

    Parameters
    ----------
    estimator : estimator
        Not fitted. "clean" and "penalised" need an additive estimator of glassbox.
    X : DataFrame (pandas, polars) or array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    sensitive_features : list of str, or DataFrame, Series, array-like or mapping
        Names of columns of X; or values, one per row, which only "none" and "penalised" can use.
    strategies : list of str, or mapping of str to estimator
        Of "none", "remove", "clean", "blind" (marginal, on the link scale where there are tables)
        and "penalised" (without the sensitive columns as inputs, once per strength); or
        estimators of your own by name, to which "none" is added.
    strengths : sequence of float
        Of the penalty.
    cv : int or cross-validator, default=5
        As in scikit-learn; an integer keeps classes in proportion, in shuffled folds.
    sample_weight : array-like of shape (n_samples,), optional
    threshold : float, default=0.5
        Of the predicted probability, for what is asked of each group.
    min_cell : int, default=20
        Groups with fewer rows in a fold are left out there.
    verbose : int
        Show a bar over the fits.

    Returns
    -------
    StrategyComparison

    Raises
    ------
    ValueError, TypeError
        Naming what cannot be used, and what to do.

    Notes
    -----
    One strategy dominates another if its mean performance (AUC; log-loss for several classes; R²)
    is no lower and its mean dependence no higher, and at least one of them is better by more than
    two standard errors of the difference over folds. A group is levelled down if its own AUC,
    true-positive rate or net benefit (accuracy, R²) is lower than under "none" by more than two
    standard errors of the difference. Folds share training rows, so that these standard errors
    are somewhat too small (Nadeau & Bengio 2003, Machine Learning 52:239-281); they are multiplied
    by the factor that this paper gives.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMClassifier
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(2, size=600).astype(float)
    >>> X = pd.DataFrame({"bun": rng.normal(size=600) + group, "group": group})
    >>> y = rng.normal(size=600) < X["bun"] + X["group"]
    >>> found = compare_strategies(
    ...     SplineGAMClassifier(), X, y, sensitive_features=["group"], strategies=["remove"]
    ... )
    >>> found.frame[["strategy", "attribute", "auc", "dependence"]].round(1)
      strategy attribute  auc  dependence
    0     none     group  0.9         0.8
    1   remove     group  0.9         0.5
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold={threshold!r} must be a probability from 0 to below 1.")
    if "penalised" in strategies and not len(strengths):
        raise ValueError("strengths is empty. Name one, or leave out 'penalised'.")
    y = np.asarray(y)
    n_rows = open_table(X).n_rows
    names = sensitive_names(X, sensitive_features)
    attributes = attributes_of(X, sensitive_features, n_rows)
    groups = [quartered(attribute) for attribute in attributes]
    chosen, skipped = _chosen(estimator, strategies, strengths, names)
    weights = np.ones(n_rows) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    folds = _folds(cv, X, y, estimator)
    steps = [(name, k) for k in range(len(folds)) for name in chosen]
    rows, group_rows = [], []
    for name, k in track(steps, "strategies", transient=True) if verbose else steps:
        train, test = folds[k]
        fitted = clone(chosen[name])
        given = {} if sample_weight is None else {"sample_weight": weights[train]}
        if isinstance(fitted, _PENALISED) and names is None:
            given["sensitive_features"] = rows_of(sensitive_features, train)
        fitted.fit(_safe_indexing(X, train), y[train], **given)
        scored = score_rows(fitted, _safe_indexing(X, test), y[test])
        here = [attribute.take(test) for attribute in attributes]
        merits = quality(scored, weights[test])
        for stand in standing(scored, here, weights[test], _FLOOR_PERMUTATIONS):
            rows.append({"strategy": name, "fold": k, **merits, **stand})
        inside = [grouped.take(test) for grouped in groups]
        for merit in group_merits(scored, inside, threshold, min_cell):
            group_rows.append({"strategy": name, "fold": k, **merit})
    verdicts = Verdicts(list(chosen), widening(folds))
    by_group = verdicts.groups(pd.DataFrame(group_rows))
    overall = verdicts.overall(pd.DataFrame(rows), by_group)
    return StrategyComparison(overall, by_group, skipped)


def _chosen(estimator, strategies, strengths, names) -> tuple[dict[str, Any], dict[str, str]]:
    """Estimators by strategy, and why others cannot be run."""
    if isinstance(strategies, Mapping):
        return {"none": estimator, **strategies}, {}
    unknown = [name for name in strategies if name not in STRATEGIES]
    if unknown:
        raise ValueError(f"strategies has {unknown[0]!r}. Known are {', '.join(STRATEGIES)}.")
    additive = isinstance(estimator, AdditiveEstimator)
    regresses = int(not is_classifier(estimator))
    chosen, skipped = {"none": estimator}, {}
    for name in strategies:
        if name in ("clean", "penalised") and not additive:
            skipped[name] = "the estimator has no tables"
        elif name in ("remove", "clean", "blind") and names is None:
            skipped[name] = "the sensitive features are no columns of X"
        elif name == "penalised":
            beside = {"sensitive": names, "use_sensitive": False} if names is not None else {}
            for strength in strengths:
                chosen[f"penalised, λ = {strength:g}"] = _PENALISED[regresses](
                    estimator, strength=strength, **beside
                )
        elif name == "blind":
            scale = "link" if additive else "response"
            chosen[name] = _BLINDER[regresses](estimator, sensitive=names, scale=scale)
        elif name != "none":
            kind = _REMOVER if name == "remove" else _CLEANER
            chosen[name] = kind[regresses](estimator, sensitive=names)
    return chosen, skipped


def _folds(cv, X, y, estimator) -> list[tuple[np.ndarray, np.ndarray]]:
    splitter = check_cv(cv, y, classifier=is_classifier(estimator))
    if isinstance(cv, int):
        splitter = type(splitter)(cv, shuffle=True, random_state=0)
    return list(splitter.split(np.zeros((len(y), 1)), y))
