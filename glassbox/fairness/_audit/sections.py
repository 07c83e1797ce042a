"""The sections of an audit, each a frame made from the same rows and the same resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core._tables import open_table
from glassbox.core.attributes import Attribute, groups, read_attributes
from glassbox.fairness._audit import (
    disparities,
    flip,
    group_calibration,
    group_metrics,
    net_benefit,
    overview,
    proxies,
    terms,
)
from glassbox.fairness._audit.confusion import confusion
from glassbox.fairness._audit.groupings import Grouping
from glassbox.fairness._audit.row_resamples import RowResamples
from glassbox.fairness._dependence.inference import attribute_dependence
from glassbox.fairness._dependence.measures import MEASURES
from glassbox.fairness._scored import Scored, contributions_of, is_additive
from glassbox.fairness._sensitive import columns_as_frame

# Thresholds of decision curves, beside those that were asked for.
_CURVE = np.arange(1, 20) / 20

_DEPENDENCE = [
    "attribute", "measure", "estimate", "floor", "floor_95", "p_value", "lower", "upper", "n",
    "reason",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sections:
    """What all sections read.

    Attributes
    ----------
    estimator : object
    X : DataFrame, array-like or None
        What the estimator reads.
    scored : Scored
    attributes : list of Attribute
    groupings : list of Grouping
        Of the attributes, in their order, then of intersections.
    resamples : RowResamples
    thresholds : ndarray
    n_permutations, min_cell : int
    """

    estimator: Any
    X: Any
    scored: Scored
    attributes: list[Attribute]
    groupings: list[Grouping]
    resamples: RowResamples
    thresholds: np.ndarray
    n_permutations: int
    min_cell: int

    @property
    def classes(self) -> bool:
        """Whether outcomes are events."""
        return self.scored.task == "classification"

    @property
    def seed(self) -> int:
        """Of resamples, permutations and folds."""
        return self.resamples.seed

    @property
    def additive(self) -> bool:
        """Whether there are terms."""
        return is_additive(self.estimator)

    def overview(self) -> pd.DataFrame:
        """Sizes, outcomes and missing values."""
        missing = overview.missing_shares(self.X, None)
        scored = self.scored

        def rows(o: int, grouping: Grouping):
            prediction = None if scored.prediction is None else scored.prediction[:, o]
            return overview.overview_rows(
                scored.truth[:, o], prediction, missing, grouping, classes=self.classes
            )

        return self._frame(rows, overview.COLUMNS)

    def dependence(self, grouping: int) -> pd.DataFrame:
        """What the score owes to one attribute or intersection; small groups are left out."""
        group = self.groupings[grouping]
        attribute = (
            self.attributes[grouping]
            if grouping < len(self.attributes)
            else groups(group.name, group.codes, group.levels)
        )
        kept = np.ones(self.scored.n_rows, dtype=bool)
        if attribute.kind == "categorical":
            kept = ~group.small[group.codes]
        frames = []
        for o, label in enumerate(self.scored.labels):
            if attribute.kind == "categorical" and len(np.unique(group.codes[kept])) < 2:
                found = pd.DataFrame({"measure": list(MEASURES)}).reindex(columns=_DEPENDENCE)
                found["attribute"] = attribute.name
                found["reason"] = f"one group has {self.min_cell} rows, and others fewer"
            else:
                found = attribute_dependence(
                    self.scored.score[kept, o],
                    attribute.take(np.flatnonzero(kept)),
                    list(MEASURES),
                    self.n_permutations,
                    self.resamples.n_resamples,
                    self.seed,
                )
                if not kept.all():
                    # The rows that are missing here are those of the small groups.
                    found["n"] = np.nan
            found.insert(0, "output", label)
            frames.append(found)
        frame = pd.concat(frames, ignore_index=True)
        return frame if self.scored.several else frame.drop(columns="output")

    def by_group(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Figures of each group, and how far groups are apart."""
        kinds = ("groups", "disparities")
        found: dict[str, list] = {kind: [] for kind in kinds}
        for o, label in enumerate(self.scored.labels):
            for grouping in self.groupings:
                parts = self._class_rows(o, grouping) if self.classes else self._errors(grouping)
                for kind, rows in zip(kinds, parts, strict=True):
                    found[kind] += [(label, *row) for row in rows]
        apart = self._of_rows(found["disparities"], disparities.COLUMNS)
        apart["p_adjusted"] = disparities.adjusted(apart["p_value"].to_numpy(dtype=float))
        return self._of_rows(found["groups"], group_metrics.COLUMNS), apart

    def _class_rows(self, o: int, grouping: Grouping) -> tuple[list, list]:
        event, ranking = self.scored.truth[:, o], self.scored.ranking[:, o]
        areas = group_metrics.rank_areas(event, ranking, grouping)
        rows = list(group_metrics.area_rows(grouping, areas))
        n_draws = self.resamples.n_resamples
        apart = list(disparities.area_disparities(grouping, areas["auc"], n_draws, self.seed))
        if self.scored.prediction is None:
            return rows, apart
        risk = self.scored.prediction[:, o]
        counts = confusion(event, risk, grouping, self.thresholds)
        resampled = confusion(event, risk, grouping, self.thresholds, self.resamples)
        shares = list(group_metrics.share_rows(grouping, counts, self.thresholds))
        brier = list(group_metrics.brier_rows(event, risk, grouping, self.resamples))
        apart_shares = list(
            disparities.share_disparities(grouping, counts, resampled, self.thresholds)
        )
        return shares + rows + brier, apart_shares + apart

    def _errors(self, grouping: Grouping) -> tuple[list, list]:
        truth, mean = self.scored.truth[:, 0], self.scored.prediction[:, 0]
        found = group_metrics.errors(truth, mean, grouping, self.resamples)
        return (
            list(group_metrics.error_rows(grouping, *found)),
            list(disparities.error_disparities(grouping, *found)),
        )

    def calibration(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Calibration of each group, and its curves."""
        figures, curves = [], []
        if self.scored.prediction is not None:
            for o, label in enumerate(self.scored.labels):
                for grouping in self.groupings:
                    rows, drawn = group_calibration.group_calibration(
                        self.scored.truth[:, o],
                        self.scored.prediction[:, o],
                        grouping,
                        classes=self.classes,
                    )
                    figures += [(label, *row) for row in rows]
                    for curve in drawn:
                        curve.insert(0, "output", label)
                        curves.append(curve)
        frame = self._of_rows(figures, group_calibration.COLUMNS)
        if not curves:
            return frame, self._of_rows([], group_calibration.CURVE_COLUMNS)
        drawn = pd.concat(curves, ignore_index=True)
        return frame, drawn if self.scored.several else drawn.drop(columns="output")

    def net_benefit(self) -> pd.DataFrame:
        """Decision curves of each group."""
        scored = self.scored
        if not self.classes or scored.prediction is None:
            return self._of_rows([], net_benefit.COLUMNS)
        grid = np.union1d(_CURVE, self.thresholds)

        def rows(o: int, grouping: Grouping):
            event, risk = scored.truth[:, o], scored.prediction[:, o]
            counts = confusion(event, risk, grouping, grid)
            resampled = confusion(event, risk, grouping, grid, self.resamples)
            return net_benefit.net_benefit_rows(grouping, counts, resampled, grid)

        return self._frame(rows, net_benefit.COLUMNS)

    @cached_property
    def _terms(self) -> tuple[list[str], np.ndarray]:
        return contributions_of(self.estimator, self.X)

    @property
    def _main_effects(self) -> dict[str, str]:
        """Names of the features by main effect."""
        terms = self.estimator.additive_model_.terms
        return {term.name: term.features[0] for term in terms if len(term.features) == 1}

    def terms(self, attribute: Attribute) -> pd.DataFrame:
        """The exact decomposition by term, for one attribute."""
        names, contributions = self._terms
        return terms.term_frame(
            self.scored,
            names,
            contributions,
            self._main_effects,
            attribute,
            self.resamples,
            self.n_permutations,
            self.min_cell,
        )

    def no_terms(self) -> pd.DataFrame:
        """The frame of terms of a model that has none."""
        return self._of_rows([], terms.COLUMNS)

    def proxies(self) -> pd.DataFrame:
        """What tells the attributes."""
        if self.X is None:
            return self._of_rows([], proxies.COLUMNS)
        shapes = []
        if self.additive:
            names, contributions = self._terms
            for o in range(len(self.scored.labels)):
                shapes.append(
                    {
                        self._main_effects[name]: contributions[:, j, o]
                        for j, name in enumerate(names)
                        if name in self._main_effects
                    }
                )
        labels = list(self.scored.labels) if self.scored.several else None
        return proxies.proxy_frame(self.X, self.attributes, shapes, labels, self.seed)

    def flip(self) -> pd.DataFrame:
        """What changing an attribute alone does to predictions."""
        rows = []
        for attribute in self.own_columns():
            changes = flip.flips(self.scored.predict, self.X, attribute, self.min_cell)
            for change, mean, largest in changes:
                for o, label in enumerate(self.scored.labels):
                    name = attribute.name
                    rows.append((label, name, name, change, float(mean[o]), float(largest[o])))
        return self._of_rows(rows, flip.COLUMNS)

    def own_columns(self) -> list[Attribute]:
        """Attributes that are columns of X, as they are there."""
        if self.X is None or self.scored.predict is None:
            return []
        table = open_table(self.X)
        names = [a.name for a in self.attributes if a.name in table.names]
        if not names:
            return []
        frame = columns_as_frame(table, names)
        varying = [name for name in names if frame[name].nunique(dropna=False) > 1]
        return read_attributes(frame[varying]) if varying else []

    def _frame(self, rows: Callable[[int, Grouping], Any], columns: Sequence[str]):
        found = [
            (label, *row)
            for o, label in enumerate(self.scored.labels)
            for grouping in self.groupings
            for row in rows(o, grouping)
        ]
        return self._of_rows(found, columns)

    def _of_rows(self, rows: list[tuple], columns: Sequence[str]) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=["output", *columns])
        return frame if self.scored.several else frame.drop(columns="output")
