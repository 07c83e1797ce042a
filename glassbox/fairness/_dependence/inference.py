"""One score and one attribute: estimates, what chance gives, p-values and intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.core.attributes import Attribute
from glassbox.fairness._dependence.amounts import FROM_ROWS
from glassbox.fairness._dependence.intervals import interval
from glassbox.fairness._dependence.joint import Joint
from glassbox.fairness._dependence.measures import MEASURES, TAKES_MISSING
from glassbox.fairness._dependence.resampling import (
    MOST_BESIDE_GROUPS,
    MOST_CELLS,
    Cells,
    amount_cells,
    bootstrap_tables,
    group_cells,
    observed_table,
    permuted_tables,
)

_FLOOR = 0.95
# Scores that differ by less than this, relative to their size, differ by rounding only.
_ROUNDING = 1e-12
# A permutation that gives what was observed can differ from it by rounding.
_TIE = 1e-10

_FIGURES = ("estimate", "floor", "floor_95", "p_value", "lower", "upper")
_TOO_FEW = "these rows are too few or too much alike"
_REASONS = {
    "ks": "needs groups, and {name!r} is an amount",
    "standardised_gap": "the score does not vary within groups of {name!r}",
    "dcor2_unbiased": "needs more rows: the corrected spread of the score or of {name!r} is zero",
}


def attribute_dependence(
    score: np.ndarray,
    attribute: Attribute,
    measures: Sequence[str],
    n_permutations: int,
    n_bootstrap: int,
    seed: int,
) -> pd.DataFrame:
    """The rows of :func:`glassbox.fairness.dependence` for one score and one attribute.

    Parameters
    ----------
    score : ndarray of shape (n_rows,)
    attribute : Attribute
    measures : sequence of str
    n_permutations, n_bootstrap : int
    seed : int
        Attributes and scores that are given the same seed do not disturb each other.
    """
    found: dict[str, dict[str, float]] = {}
    refused: dict[str, str] = {}
    for names, rows in _by_rows(attribute, measures):
        values = score[rows]
        taken = attribute.take(rows)
        why_not = _refusal(values, taken)
        if why_not:
            refused |= dict.fromkeys(names, why_not)
            continue
        problem = _Problem.of(values, taken, names)
        found |= problem.figures(n_permutations, n_bootstrap, seed)
    table = []
    for name in measures:
        figures = found.get(name, dict.fromkeys(_FIGURES, np.nan))
        reason = ""
        if np.isnan(figures["estimate"]):
            reason = refused.get(name, _REASONS.get(name, _TOO_FEW)).format(name=attribute.name)
        n_used = attribute.n_rows if name in TAKES_MISSING else int(attribute.present.sum())
        row = {"attribute": attribute.name, "measure": name, **figures}
        table.append({**row, "n": n_used, "reason": reason})
    return pd.DataFrame(table)


def _by_rows(
    attribute: Attribute, measures: Sequence[str]
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Measures that use the same rows, and these rows."""
    every = np.arange(attribute.n_rows)
    present = np.flatnonzero(attribute.present)
    if len(present) == len(every):
        yield list(measures), every
        return
    takes, leaves = [], []
    for name in measures:
        (takes if name in TAKES_MISSING else leaves).append(name)
    if takes:
        yield takes, every
    if leaves:
        yield leaves, present


def _refusal(score: np.ndarray, attribute: Attribute) -> str:
    """Why nothing can be measured; empty where something can."""
    if not attribute.present.any():
        return "no row has {name!r}"
    if np.ptp(score) <= _ROUNDING * np.abs(score).max():
        return "the score is constant"
    values = attribute.values[attribute.present]
    if attribute.present.all() and np.ptp(values) == 0:
        return "{name!r} is the same in every row"
    return ""


@dataclass(frozen=True, eq=False)
class _Problem:
    """A score that varies, an attribute, and measures that use all of these rows."""

    score: Cells
    attribute: Cells
    names: list[str]
    from_rows: dict[str, float]

    @classmethod
    def of(cls, score: np.ndarray, attribute: Attribute, names: list[str]) -> _Problem:
        if attribute.kind == "categorical":
            groups = group_cells(attribute.codes)
            exact = cls(amount_cells(score), groups, names, {})
            if exact.score.n_cells <= MOST_BESIDE_GROUPS:
                return exact
            from_rows = {name: float(value[0]) for name, value in exact.observed().items()}
            return cls(amount_cells(score, MOST_BESIDE_GROUPS), groups, names, from_rows)
        values = attribute.values
        standard = (score - score.mean()) / score.std()
        from_rows = {
            name: FROM_ROWS[name](standard, (values - values.mean()) / values.std())
            for name in names
            if name in FROM_ROWS
        }
        if "mean_gap" in from_rows:
            from_rows["mean_gap"] *= score.std()
        basis = attribute.whitened()
        if "eta2" in names:
            from_rows["eta2"] = float(((standard @ basis / len(score)) ** 2).sum())
        cells = amount_cells(values, MOST_CELLS, basis)
        return cls(amount_cells(score, MOST_CELLS), cells, names, from_rows)

    def figures(
        self, n_permutations: int, n_bootstrap: int, seed: int
    ) -> dict[str, dict[str, float]]:
        """The figures of each measure."""
        observed = self.observed()
        rng = np.random.default_rng(seed)
        tables = permuted_tables(self.score, self.attribute, n_permutations, rng)
        permuted = self._measured(tables, True)
        tables = bootstrap_tables(self.score, self.attribute, n_bootstrap, rng)
        resampled = self._measured(tables, False)
        found = {}
        for name in self.names:
            value = float(observed[name][0])
            estimate = self.from_rows.get(name, value)
            figures = dict.fromkeys(_FIGURES, np.nan) | {"estimate": estimate}
            if n_permutations and np.isfinite(value):
                figures |= _against_chance(value, permuted[name])
            if n_bootstrap and np.isfinite(value):
                ends = interval(name, estimate, value, resampled[name])
                figures |= dict(zip(("lower", "upper"), ends, strict=True))
            found[name] = figures
        return found

    def observed(self) -> dict[str, np.ndarray]:
        """Measures of the observed table, each of shape (1,)."""
        return self._measured([observed_table(self.score, self.attribute)], False)

    def _measured(
        self, batches: Iterable[np.ndarray], same_margins: bool
    ) -> dict[str, np.ndarray]:
        found: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in self.names}
        with np.errstate(divide="ignore", invalid="ignore"):
            for tables in batches:
                joint = Joint(tables, self.score, self.attribute, same_margins)
                for name in self.names:
                    found[name].append(MEASURES[name](joint))
        return {name: np.concatenate(values) for name, values in found.items()}


def _against_chance(observed: float, permuted: np.ndarray) -> dict[str, float]:
    reached = int((permuted >= observed - _TIE * abs(observed)).sum())
    return {
        "floor": float(permuted.mean()),
        "floor_95": float(np.quantile(permuted, _FLOOR)),
        "p_value": (1 + reached) / (1 + len(permuted)),
    }
