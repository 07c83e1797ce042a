"""The audit of a model: what it does to groups, by term, with uncertainty, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from glassbox import __version__
from glassbox.fairness._audit.findings import findings_of
from glassbox.fairness._audit.gaps import left_out
from glassbox.fairness._audit.groupings import groupings
from glassbox.fairness._audit.result import Audit
from glassbox.fairness._audit.row_resamples import RowResamples
from glassbox.fairness._audit.sections import Sections
from glassbox.fairness._counts import check_count
from glassbox.fairness._scored import score_rows
from glassbox.fairness._sensitive import attributes_of, sensitive_names, without_unknown

__all__ = ["Audit", "audit"]


def audit(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sensitive_features: Any,
    thresholds: float | Sequence[float] = (0.5,),
    strategies: Sequence[str] | None = None,
    n_bootstrap: int = 200,
    n_permutations: int = 500,
    min_cell: int = 20,
    intersections: bool = True,
    random_state: int | np.random.RandomState | None = None,
    verbose: int = 0,
) -> Audit:
    """Audit what a model does to groups.

    Parameters
    ----------
    estimator : fitted estimator, or array-like of shape (n_samples,) or (n_samples, n_classes)
        An additive estimator of glassbox or a strategy around one; another classifier or
        regressor, whose audit has no terms; or bare numbers: probabilities if all lie between 0
        and 1, else scores, whose audit has no thresholds either.
    X : DataFrame or array-like of shape (n_samples, n_features), or None for bare numbers
        Rows that the model has not seen; on its training rows everything looks better.
    y : array-like of shape (n_samples,)
        Outcome. Of bare numbers, the later of two classes is the event.
    sensitive_features : list of str, DataFrame, Series, array-like or mapping
        Names of columns of X, which the model need not read, or one value per row and attribute.
    thresholds : float or sequence of float, default=(0.5,)
        A row is selected where its probability is at or above; between 0 and 1.
    strategies : list of str, optional
        Also compare these, as :func:`glassbox.fairness.compare_strategies` does: they are fitted
        anew, on folds of the rows given here.
    n_bootstrap : int, default=200
        Resamples of the rows; without any, some intervals are NaN.
    n_permutations : int, default=500
        Permutations of attributes behind floors and p-values.
    min_cell : int, default=20
        No figure is shown for fewer rows than this.
    intersections : bool, default=True
        Also look at the groups of every pair of attributes that are groups.
    random_state : int, RandomState or None
        Seed of resamples, permutations and folds.
    verbose : int, default=0
        Show a bar over the sections.

    Returns
    -------
    Audit

    Raises
    ------
    ValueError, TypeError
        Naming what cannot be used, and what to do.

    Notes
    -----
    Amounts are cut into quarters where groups are needed; dependence and terms take them as they
    are. Of several classes each is looked at against the rest.

    Small cells. A group of fewer than `min_cell` rows has no figures, a share of fewer rows is not
    shown, and where one group's size could be had by subtracting the others from all rows, the
    smallest of those is withheld as well; so in each row and column of an intersection. This
    protects sizes within one frame. It does not protect numbers of events within groups that are
    shown, nor what two audits of overlapping rows tell together.

    Intervals of shares are Wilson's, those of AUC DeLong's, all others from one set of resamples
    of the rows. They hold the model fixed. The interval of a largest difference is less the bias
    that redrawing rows adds; its p-value is that of all groups being the same (χ² for shares,
    Cochran's Q for others). ``shape_p`` is a score test whether the slope or the bend of a term
    differs by group. Findings correct for the number of groups, or of terms, that were looked at.

    References
    ----------
    Collins GS, Moons KGM, Dhiman P, et al. BMJ 2024;385:e078378 (TRIPOD+AI). Kallus N, Zhou A.
    NeurIPS 2019 (xAUC). Vickers AJ, Elkin EB. Medical Decision Making 2006;26:565-574.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> site = rng.choice(["A", "B"], size=600)
    >>> risk = rng.uniform(size=600)
    >>> found = audit(
    ...     risk, None, rng.uniform(size=600) < risk, sensitive_features={"site": site},
    ...     n_bootstrap=50, n_permutations=99, random_state=0,
    ... )
    >>> print(found.findings[0].text)
    No evidence of dependence on site: dCor .041, floor .049, p = .56.
    """
    thresholds = _read_thresholds(thresholds)
    check_count("n_bootstrap", n_bootstrap)
    check_count("n_permutations", n_permutations)
    check_count("min_cell", min_cell, 1)
    names = sensitive_names(X, sensitive_features)
    readable = without_unknown(estimator, X, names)
    scored = score_rows(estimator, readable, y)
    attributes = attributes_of(X, sensitive_features, scored.n_rows)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    sections = Sections(
        estimator=estimator,
        X=readable,
        scored=scored,
        attributes=attributes,
        groupings=groupings(attributes, min_cell, intersections=intersections),
        resamples=RowResamples(scored.n_rows, n_bootstrap, seed),
        thresholds=thresholds,
        n_permutations=n_permutations,
        min_cell=min_cell,
    )
    frames = _frames(sections, verbose)
    absent = left_out(sections)
    compared = None
    if strategies is not None:
        compared, skipped = _compared(
            estimator, X, y, sensitive_features, strategies, thresholds[0], min_cell, verbose
        )
        absent |= {f"strategy {name!r}": reason for name, reason in skipped.items()}
    settings = {
        "model": type(estimator).__name__ if hasattr(estimator, "predict") else "bare scores",
        "task": scored.task,
        "classes": list(scored.classes),
        "outputs": list(scored.labels),
        "attributes": [attribute.name for attribute in attributes],
        "kinds": {attribute.name: attribute.kind for attribute in attributes},
        "n_rows": scored.n_rows,
        "thresholds": thresholds.tolist(),
        "n_bootstrap": n_bootstrap,
        "n_permutations": n_permutations,
        "min_cell": min_cell,
        "seed": seed,
        "glassbox": __version__,
    }
    found = Audit(**frames, strategies=compared, left_out=absent, settings=settings)
    return replace(found, findings=findings_of(found))


def _frames(sections: Sections, verbose: int) -> dict[str, pd.DataFrame]:
    """All frames but that of strategies, with a bar over what makes them."""
    found: dict[str, Any] = {"dependence": [], "terms": []}
    steps = [("overview", sections.overview)]
    for k in range(len(sections.groupings)):
        steps.append(("dependence", lambda k=k: sections.dependence(k)))
    steps += [
        ("groups disparities", sections.by_group),
        ("calibration calibration_curves", sections.calibration),
        ("net_benefit", sections.net_benefit),
    ]
    if sections.additive:
        for attribute in sections.attributes:
            steps.append(("terms", lambda attribute=attribute: sections.terms(attribute)))
    steps += [("proxies", sections.proxies), ("flip", sections.flip)]
    for names, make in _tracked(steps, verbose):
        made = make()
        if names in ("dependence", "terms"):
            found[names].append(made)
            continue
        many = made if isinstance(made, tuple) else (made,)
        found |= dict(zip(names.split(), many, strict=True))
    found["dependence"] = pd.concat(found["dependence"], ignore_index=True)
    parts = found["terms"]
    found["terms"] = pd.concat(parts, ignore_index=True) if parts else sections.no_terms()
    return found


def _tracked(steps: list, verbose: int) -> Any:
    if not verbose:
        return steps
    from rich.console import Console
    from rich.progress import track

    return track(steps, r"\[glassbox] audit", console=Console(stderr=True))


def _compared(
    estimator, X, y, sensitive_features, strategies, threshold, min_cell, verbose
) -> tuple[pd.DataFrame, dict[str, str]]:
    if not hasattr(estimator, "fit"):
        raise ValueError(
            "strategies needs an estimator that can be fitted; bare scores cannot. Leave it out."
        )
    from glassbox.fairness.comparison import compare_strategies

    found = compare_strategies(
        estimator,
        X,
        y,
        sensitive_features=sensitive_features,
        strategies=strategies,
        threshold=float(threshold),
        min_cell=min_cell,
        verbose=verbose,
    )
    return found.frame, found.skipped


def _read_thresholds(thresholds: Any) -> np.ndarray:
    given = [thresholds] if isinstance(thresholds, Real) else list(thresholds)
    for value in given:
        if not isinstance(value, Real) or not 0 < value < 1:
            raise ValueError(f"thresholds has {value!r}; give numbers between 0 and 1.")
    if not given:
        raise ValueError("thresholds is empty. Name one, or leave it out for 0.5.")
    return np.unique(np.array(given, dtype=float))
