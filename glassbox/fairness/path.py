"""Models over strengths of a dependence penalty: the whole trade-off at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, check_random_state

from glassbox.core._tables import open_table
from glassbox.core.attributes import Attribute
from glassbox.fairness._comparison.standing import correlation, quality, standing
from glassbox.fairness._penalties.penalized import MOST_STRENGTH, DependencePenalized
from glassbox.fairness._penalties.refit import Refit
from glassbox.fairness._rows import rows_of
from glassbox.fairness._scored import score_rows
from glassbox.fairness.penalties import DependencePenalizedClassifier, DependencePenalizedRegressor

# Permutations behind the mean of what chance gives.
_FLOOR_PERMUTATIONS = 50
# Outcomes with more values are amounts, and not kept in proportion.
_MOST_STRATA = 20

#: Strengths from which a path is made, if none are given.
STRENGTHS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)


@dataclass(frozen=True, eq=False, repr=False)
class PenaltyPath:
    """Models over strengths of a penalty.

    Attributes
    ----------
    frame : DataFrame
        One row per strength, ``sample`` ("train", "validation") and ``attribute``: ``loss``,
        ``auc``, ``auc_se``, ``accuracy`` and ``brier`` (or ``r2`` and ``rmse``), ``dependence``
        (distance correlation of the score with the attribute) and, on validation rows,
        ``dependence_se``, ``floor`` (what it would be on average if
        nothing depended on it, on so many rows), ``dp_gap`` and ``eo_gap``.
    models : list of DependencePenalizedClassifier or DependencePenalizedRegressor
        Fitted, in the order of the strengths.
    """

    frame: pd.DataFrame
    models: list[DependencePenalized]

    def __repr__(self) -> str:
        strengths = ", ".join(f"{model.strength:g}" for model in self.models)
        return f"PenaltyPath(strengths={strengths})"

    def select(self, max_dependence: float, attribute: str | None = None) -> DependencePenalized:
        """The best model whose dependence on validation rows is low enough.

        Parameters
        ----------
        max_dependence : float
            Largest distance correlation. Compare it with the column ``floor``: less cannot be
            told from none.
        attribute : str, optional
            By default, all attributes must keep it.

        Returns
        -------
        DependencePenalizedClassifier or DependencePenalizedRegressor
            Of those, the one with the least validation loss.

        Raises
        ------
        ValueError
            If there is none; it says how low the path comes.
        """
        judged = self.frame[self.frame["sample"] == "validation"]
        if attribute is not None:
            known = list(judged["attribute"].unique())
            if attribute not in known:
                raise ValueError(f"There is no attribute {attribute!r}; there are {known}.")
            judged = judged[judged["attribute"] == attribute]
        by_strength = judged.groupby("strength").agg({"loss": "first", "dependence": "max"})
        allowed = by_strength[by_strength["dependence"] <= max_dependence]
        if allowed.empty:
            least = by_strength["dependence"].min()
            raise ValueError(
                f"No model of the path has a dependence of {max_dependence:g} or less on the "
                f"validation rows; the least is {least:.3g}. Give larger strengths, another "
                "measure, or a larger target."
            )
        strength = allowed["loss"].idxmin()
        return next(model for model in self.models if model.strength == strength)

    def plot(self, attribute: str | None = None, ax: Any = None) -> Any:
        """Draw performance against dependence on the validation rows.

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

        return TradeOffDisplay.from_path(self, attribute=attribute, ax=ax)


def penalty_path(
    estimator: Any,
    X: Any,
    y: Any,
    sensitive_features: Any = None,
    strengths: Sequence[float] = STRENGTHS,
    *,
    validation: float | tuple = 0.25,
    sample_weight: Any = None,
    random_state: Any = None,
    n_bootstrap: int = 50,
    verbose: int = 0,
    **options: Any,
) -> PenaltyPath:
    """Fit one model and change it at every strength of a dependence penalty.

    Parameters
    ----------
    estimator : estimator of glassbox
        Additive; not fitted.
    X : DataFrame (pandas, polars) or array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    sensitive_features : DataFrame, Series, array-like or mapping, optional
        One value per row; columns of X can be named by ``sensitive=[...]`` instead.
    strengths : sequence of float
        Different from one another; they are taken in increasing order, each begun at the last.
    validation : float or tuple, default=0.25
        Share of the rows that are kept from fitting to judge the models by; or other rows:
        (X, y) or (X, y, sensitive_features).
    sample_weight : array-like of shape (n_samples,), optional
    random_state : int, RandomState or None
        Of that choice.
    n_bootstrap : int, default=50
        Resamples of the validation rows behind the standard error of the dependence; 0 for none.
    verbose : int
        Show a bar over the strengths.
    **options
        Parameters of :class:`~glassbox.fairness.DependencePenalizedClassifier`: sensitive,
        measure, condition, group_weights, intersections, use_sensitive, smoothness.

    Returns
    -------
    PenaltyPath

    Raises
    ------
    ValueError, TypeError
        Naming what cannot be used, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMClassifier
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(2, size=1000)
    >>> X = np.column_stack([rng.normal(size=1000) + group, rng.normal(size=1000)])
    >>> y = rng.normal(size=1000) < X[:, 0] + X[:, 1]
    >>> path = penalty_path(SplineGAMClassifier(), X, y, group, [0, 1, 100], random_state=0)
    >>> path.select(max_dependence=0.15).strength
    100.0
    """
    strengths = _checked(strengths)
    if "strength" in options:
        raise TypeError("penalty_path takes `strengths`, a list of them; leave strength out.")
    kind = DependencePenalizedClassifier
    if not is_classifier(estimator):
        kind = DependencePenalizedRegressor
    model = kind(estimator, **options)
    train, judged = _split(X, y, sensitive_features, sample_weight, validation, random_state)
    refit = model._prepared_refit(train)
    read = {
        "train": _Sample.of(model, refit, train, 0),
        "validation": _Sample.of(model, refit, judged, n_bootstrap),
    }
    models, rows, unknowns = [], [], None
    steps = track(strengths, "strengths", transient=True) if verbose else strengths
    for strength in steps:
        unknowns = refit.least(strength, unknowns)
        here = copy(model).set_params(strength=strength)
        here._finish(refit, unknowns)
        models.append(here)
        for name, sample in read.items():
            rows += [{"strength": strength, "sample": name, **row} for row in sample.judge(here)]
    return PenaltyPath(pd.DataFrame(rows), models)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows to fit or to judge."""

    X: Any
    y: np.ndarray
    sensitive_features: Any
    sample_weight: np.ndarray | None


@dataclass(frozen=True, eq=False)
class _Sample:
    """Rows by which models are judged."""

    rows: _Rows
    attributes: list[Attribute]
    floors: list[float]
    weights: np.ndarray
    n_bootstrap: int

    @classmethod
    def of(
        cls, model: DependencePenalized, refit: Refit, rows: _Rows, n_bootstrap: int
    ) -> _Sample:
        attributes = model._read_attributes(rows.X, rows.sensitive_features)
        scores = refit.estimator._scores(model._as_read(rows.X))
        floors = [correlation(scores, a, _FLOOR_PERMUTATIONS)["floor"] for a in attributes]
        weights = model._weights(rows.X, rows.sample_weight)
        return cls(rows, attributes, floors, weights, n_bootstrap)

    def judge(self, model: DependencePenalized) -> list[dict[str, Any]]:
        scored = score_rows(model, self.rows.X, self.rows.y)
        merits = quality(scored, self.weights)
        stands = standing(scored, self.attributes, self.weights, n_bootstrap=self.n_bootstrap)
        return [
            {**merits, **stand, "floor": floor}
            for stand, floor in zip(stands, self.floors, strict=True)
        ]


def _checked(strengths: Sequence[float]) -> list[float]:
    found = sorted(float(strength) for strength in strengths)
    alike = len(set(found)) < len(found)
    if not found or alike or not 0 <= found[0] <= found[-1] <= MOST_STRENGTH:
        raise ValueError(
            f"strengths must be different numbers from 0 to {MOST_STRENGTH:g}, got "
            f"{list(strengths)!r}."
        )
    return found


def _split(
    X, y, sensitive_features, sample_weight, validation, random_state
) -> tuple[_Rows, _Rows]:
    """Rows to fit, and rows to judge."""
    if isinstance(validation, tuple):
        if len(validation) not in (2, 3):
            raise ValueError(
                f"validation has {len(validation)} parts; give (X, y) or (X, y, "
                "sensitive_features)."
            )
        features = validation[2] if len(validation) == 3 else None
        if (sensitive_features is None) != (features is None):
            raise ValueError(
                "sensitive_features must be given for the training and the validation rows, or "
                "for neither; validation=(X, y, sensitive_features) takes them."
            )
        judged = _Rows(validation[0], np.asarray(validation[1]), features, None)
        return _Rows(X, np.asarray(y), sensitive_features, sample_weight), judged
    if not isinstance(validation, Real) or not 0 < validation < 1:
        raise ValueError(
            f"validation={validation!r} must be a share of the rows between 0 and 1, or a tuple "
            "of other rows."
        )
    y = np.asarray(y)
    n_rows = open_table(X).n_rows
    classes, counts = np.unique(y, return_counts=True)
    few_values = len(classes) <= _MOST_STRATA and counts.min() >= 2
    fitted, judged = train_test_split(
        np.arange(n_rows),
        test_size=validation,
        stratify=y if few_values else None,
        random_state=check_random_state(random_state),
    )
    weights = None if sample_weight is None else np.asarray(sample_weight)
    return tuple(
        _Rows(
            _safe_indexing(X, rows),
            y[rows],
            rows_of(sensitive_features, rows),
            None if weights is None else weights[rows],
        )
        for rows in (np.sort(fitted), np.sort(judged))
    )
