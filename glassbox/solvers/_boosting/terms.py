"""The terms that are boosted: tables over the bins of one feature or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from glassbox.solvers._boosting._compiled import inner
from glassbox.solvers._boosting.pair_partition import random_quadrants
from glassbox.solvers._boosting.pair_search import QUARTERS, best_tree, weigh_trees
from glassbox.solvers._boosting.partition import (
    SIDES,
    best_cut,
    best_split_of_categories,
    random_cut,
    weigh_cuts,
)

_ORDERED, _NOMINAL, _PAIR = range(3)


@dataclass(frozen=True)
class BinnedFeature:
    """A column in bins.

    Attributes
    ----------
    codes : ndarray of uint8 or uint16, shape (n_rows,)
        The bin of each row.
    n_bins : int
        Bins that hold rows, or lie between some that do.
    nominal : bool
        Whether the bins have no order.
    separate : bool
        Whether bin 0, which holds the rows without a value, is a leaf of its own.
    direction : {-1, 0, 1}
        Whether the main effect must fall or rise.
    """

    codes: np.ndarray
    n_bins: int
    nominal: bool = False
    separate: bool = False
    direction: int = 0


class Terms(NamedTuple):
    """The terms of a stage, as the compiled loops take them.

    Attributes
    ----------
    start : ndarray of shape (n_terms + 1,)
        Where the cells of each term start in tables that hold all of them in a row.
    kind : ndarray of shape (n_terms,)
    n_first, n_second : ndarray of shape (n_terms,)
        Bins of the features; main effects have one second bin.
    separate : ndarray of bool, shape (n_terms,)
        Whether bin 0 is a leaf of its own.
    smoothed : ndarray of bool, shape (n_terms,)
        Whether smoothing rounds cut the term at random.
    direction : ndarray of int8, shape (n_terms,)
    """

    start: np.ndarray
    kind: np.ndarray
    n_first: np.ndarray
    n_second: np.ndarray
    separate: np.ndarray
    smoothed: np.ndarray
    direction: np.ndarray

    @property
    def n_terms(self) -> int:
        """Number of terms."""
        return len(self.kind)

    @property
    def of_pairs(self) -> bool:
        """Whether the terms are pairs."""
        return bool((self.kind == _PAIR).any())

    @property
    def n_cells(self) -> int:
        """Number of cells of all tables together."""
        return int(self.start[-1])

    @classmethod
    def none(cls) -> Terms:
        """No terms."""
        numbers, flags = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
        start = np.zeros(1, dtype=np.int64)
        return cls(start, numbers, numbers, numbers, flags, flags, np.zeros(0, dtype=np.int8))

    def slices(self) -> list[slice]:
        """Where each term lies in a table of all cells."""
        return [slice(a, b) for a, b in zip(self.start, self.start[1:], strict=False)]

    def prior_mass(self, of_slot: float) -> np.ndarray:
        """That much for cells that stand alone: categories, and *missing* as its own leaf.

        Returns
        -------
        ndarray of shape (n_cells,)
        """
        prior = np.zeros(self.n_cells)
        for t, here in enumerate(self.slices()):
            if self.kind[t] == _NOMINAL:
                prior[here] = of_slot
            elif self.separate[t]:
                prior[here.start] = of_slot
        return prior

    def any_order(self) -> np.ndarray | None:
        """An order of the cells of each term, to sort categories from; None without any."""
        if not (self.kind == _NOMINAL).any():
            return None
        return np.concatenate([np.arange(here.stop - here.start) for here in self.slices()])


def main_effects(
    features: Sequence[BinnedFeature], codes_type: type | None = None
) -> tuple[Terms, np.ndarray]:
    """One term for each feature, and the cells of the rows, shape (n_features, n_rows)."""
    sizes = np.array([feature.n_bins for feature in features])
    terms = Terms(
        np.concatenate([[0], np.cumsum(sizes)]),
        np.array([_NOMINAL if f.nominal else _ORDERED for f in features]),
        sizes,
        np.ones_like(sizes),
        np.array([f.separate and f.n_bins > 1 for f in features]),
        np.array([not f.nominal for f in features]),
        np.array([f.direction for f in features], dtype=np.int8),
    )
    return terms, np.array(
        [f.codes for f in features], dtype=codes_type or smallest_type(sizes.max())
    )


def pair_effects(
    features: Sequence[BinnedFeature],
    pairs: Sequence[tuple[int, int]],
    codes_type: type | None = None,
) -> tuple[Terms, np.ndarray]:
    """One term for each pair, and the cells of the rows, shape (n_pairs, n_rows)."""
    n_first = np.array([features[i].n_bins for i, _ in pairs])
    n_second = np.array([features[j].n_bins for _, j in pairs])
    nominal = np.array([features[i].nominal or features[j].nominal for i, j in pairs])
    sizes = n_first * n_second
    terms = Terms(
        np.concatenate([[0], np.cumsum(sizes)]),
        np.full(len(pairs), _PAIR),
        n_first,
        n_second,
        np.zeros(len(pairs), dtype=bool),
        ~nominal,
        np.zeros(len(pairs), dtype=np.int8),
    )
    codes = np.empty(
        (len(pairs), len(features[0].codes)), dtype=codes_type or smallest_type(sizes.max())
    )
    for p, (i, j) in enumerate(pairs):
        codes[p] = features[i].codes
        codes[p] *= n_second[p].astype(codes.dtype)
        codes[p] += features[j].codes
    return terms, codes


def smallest_type(most: int) -> type:
    """The smallest type for numbers below this one."""
    return np.uint8 if most <= 256 else np.uint16 if most <= 65_536 else np.uint32


class Weighed(NamedTuple):
    """What masses say about where terms may be cut, which holds for any pulls.

    Attributes
    ----------
    fresh : ndarray of bool, shape (n_terms,)
        Whether that is so for the masses as they are.
    up_to : ndarray of shape (n_outputs, n_cells)
        The mass of all cells up to each.
    inverses : ndarray of shape (n_outputs * n_parts, n_cells)
        Inverse curvatures of the parts that cuts after each cell make.
    legal : ndarray of uint8, shape (n_cells,)
        The legal trees of pairs.
    spans : ndarray of int64, shape (n_terms, 2)
        The first and the last legal cut of main effects.
    """

    fresh: np.ndarray
    up_to: np.ndarray
    inverses: np.ndarray
    legal: np.ndarray
    spans: np.ndarray


@inner
def nothing_weighed(n_terms, n_cells, n_outputs, of_pairs):
    """Room for what masses say about some terms, and nothing said yet."""
    n_parts = QUARTERS if of_pairs else SIDES
    return Weighed(
        np.zeros(n_terms, np.bool_),
        np.empty((n_outputs, n_cells)),
        np.empty((n_outputs * n_parts, n_cells)),
        np.empty(n_cells if of_pairs else 0, np.uint8),
        np.empty((n_terms, 2), np.int64),
    )


@inner
def find_step(
    terms, t, rule, random_rate, pull, mass, rows, legal, categories, weighed, random, room, delta
):  # fmt: skip
    """The next step of one term: what it adds in each cell, and its gain.

    Parameters
    ----------
    terms : Terms
    t : int
        Number of the term.
    rule : StepRule
    random_rate : float
        Learning rate of random cuts; 0 for the best cut.
    pull, mass : ndarray of shape (n_outputs, n_cells)
        Sums of residuals and curvatures in the cells of all terms.
    rows : ndarray of shape (n_cells,)
        Rows in each cell.
    legal : ndarray of uint8, shape (n_cells,), or None
        Which trees are legal, if all terms are pairs. What is None is not even compiled.
    categories : ndarray of int64, shape (n_cells,), or None
        The order in which the categories of each term were last cut, if some have any.
    weighed : Weighed
        Brought up to date with the masses of the term.
    random : ndarray of uint64, shape (1,)
    room : ndarray of shape (1 + 3 * n_outputs, n_cells of the term) at least
        Room to work in.
    delta : ndarray of shape (n_outputs, n_cells of the term) at least
        Written.

    Returns
    -------
    float
        The gain, 0 for random cuts.
    """
    here = slice(terms.start[t], terms.start[t + 1])
    smoothing = random_rate > 0.0 and terms.smoothed[t]
    if legal is not None:
        n_first, n_second = terms.n_first[t], terms.n_second[t]
        if smoothing:
            return random_quadrants(
                rule, pull, mass, here, n_first, n_second, random, random_rate, delta
            )
        if not weighed.fresh[t]:
            weighed.legal[here] = legal[here]
            weigh_trees(
                rule, mass, here, n_first, n_second, weighed.legal, weighed.up_to,
                weighed.inverses,
            )  # fmt: skip
            weighed.fresh[t] = True
        return best_tree(
            rule, pull, mass, here, n_first, n_second, weighed.legal, weighed.up_to,
            weighed.inverses, room, delta,
        )  # fmt: skip
    if categories is not None:
        if terms.kind[t] == _NOMINAL:
            gain = best_split_of_categories(
                rule, pull, mass, rows, here, room, categories[here], delta
            )
            return gain * rule.category_gain
    if smoothing:
        return random_cut(rule, pull, mass, here, terms.direction[t], random, random_rate, delta)
    if not weighed.fresh[t]:
        weigh_cuts(
            rule, mass, rows, here, terms.separate[t], weighed.up_to, weighed.inverses,
            weighed.spans[t],
        )  # fmt: skip
        weighed.fresh[t] = True
    return best_cut(
        rule, pull, mass, here, weighed.up_to, weighed.inverses, weighed.spans[t],
        terms.direction[t], terms.separate[t], random, room, delta,
    )  # fmt: skip


@inner
def widest(start):
    """The most cells that a term has."""
    most = 0
    for t in range(len(start) - 1):
        most = max(most, start[t + 1] - start[t])
    return most
