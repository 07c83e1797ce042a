"""The groups of an audit: amounts cut into quarters, small groups withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassbox.core.attributes import MISSING, Attribute, crossed, groups
from glassbox.core.strata import cut

_QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class Grouping:
    """Rows by group, and which groups may be shown.

    Attributes
    ----------
    name : str
    levels : tuple of str
    codes : ndarray of int, shape (n_rows,)
    counts : ndarray of int, shape (n_levels,)
    small : ndarray of bool, shape (n_levels,)
        Fewer rows than a cell may have: no figure is shown.
    withheld : ndarray of bool, shape (n_levels,)
        Numbers of rows are not shown: small groups, and those that a subtraction would turn into
        the size of a small one.
    min_cell : int
    """

    name: str
    levels: tuple[str, ...]
    codes: np.ndarray
    counts: np.ndarray
    small: np.ndarray
    withheld: np.ndarray
    min_cell: int

    @property
    def n_levels(self) -> int:
        """Number of groups."""
        return len(self.levels)

    def reason(self, group: int) -> str:
        """Why a group has no figures; empty where it has."""
        return too_few(self.min_cell) if self.small[group] else ""


def too_few(min_cell: int) -> str:
    """Why a cell is left empty."""
    return f"fewer than {min_cell} rows"


def groupings(
    attributes: Sequence[Attribute], min_cell: int, *, intersections: bool
) -> list[Grouping]:
    """The groups of each attribute, and of each pair of attributes that are groups.

    Parameters
    ----------
    attributes : sequence of Attribute
    min_cell : int
        Groups of fewer rows are small.
    intersections : bool

    Notes
    -----
    Of the groups of one attribute, those that are withheld are two at least, and together no
    smaller than a cell may be, where enough groups are left to reach that: what is missing from
    the number of all rows then tells the size of none. Intersections are held to the same in each
    row and each column of their table. Several tables of one audit, or audits of overlapping
    rows, are not protected against each other, nor are numbers of events.
    """
    cut = [quartered(attribute) for attribute in attributes]
    found = [_grouping(attribute, min_cell, np.zeros((1, 0), dtype=int)) for attribute in cut]
    if not intersections:
        return found
    grouped = [a for a in attributes if a.kind == "categorical"]
    for k, second in enumerate(grouped):
        for first in grouped[:k]:
            both = crossed(first, second)
            _, rows = np.unique(both.codes, return_index=True)
            parents = np.stack([first.codes[rows], second.codes[rows]])
            found.append(_grouping(both, min_cell, parents))
    return found


def quartered(attribute: Attribute) -> Attribute:
    """Quarters of an amount, about equally many rows in each; groups are returned as they are.

    Examples
    --------
    >>> from glassbox.core.attributes import read_attributes
    >>> (age,) = read_attributes({"age": np.arange(20.0, 100.0)})
    >>> quartered(age).levels
    ('up to 39', 'over 39 to 59', 'over 59 to 79', 'over 79')
    """
    if attribute.kind == "categorical":
        return attribute
    known = attribute.present
    codes = np.full(attribute.n_rows, -1)
    codes[known], labels = cut(attribute.values[known], _QUARTERS)
    return groups(attribute.name, codes, labels)


def largest(levels: Sequence[str], sizes: np.ndarray) -> int:
    """The group that others are compared with: the largest whose value is known."""
    known = [k for k, level in enumerate(levels) if level != MISSING]
    return max(known, key=lambda k: sizes[k])


def _grouping(attribute: Attribute, min_cell: int, parents: np.ndarray) -> Grouping:
    counts = np.bincount(attribute.codes, minlength=len(attribute.levels))
    small = counts < min_cell
    # All groups of one attribute stand in one line; an intersection stands in a row and a column.
    lines = [np.arange(len(counts))]
    if parents.shape[1]:
        lines = [np.flatnonzero(side == code) for side in parents for code in np.unique(side)]
    return Grouping(
        attribute.name,
        attribute.levels,
        attribute.codes,
        counts,
        small,
        _withheld(counts, small, lines, min_cell),
        min_cell,
    )


def _withheld(
    counts: np.ndarray, small: np.ndarray, lines: list[np.ndarray], min_cell: int
) -> np.ndarray:
    withheld = small.copy()
    changed = True
    while changed:
        changed = False
        for line in lines:
            hidden, shown = line[withheld[line]], line[~withheld[line]]
            enough = len(hidden) > 1 and counts[hidden].sum() >= min_cell
            if len(hidden) and not enough and len(shown):
                withheld[shown[np.argmin(counts[shown])]] = True
                changed = True
    return withheld
