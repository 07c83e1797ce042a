"""Coarse cells, and how the rows of one term's cells lie among those of the others.

Between two passes over the rows, boosting needs to know what a step on one term does to the sums
of the others. For that, cells can be coarse and a sample of the rows is enough: whatever it gets
wrong, the next pass puts right.
"""

from __future__ import annotations

import numpy as np

from glassbox.solvers._boosting._compiled import entry, inner
from glassbox.solvers._boosting.terms import _PAIR, Terms
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers._boosting.walk_cells import Joint

#: Coarse cells of a main effect: a thousand in all, but so many at least and at most. Few features
#: may hang together closely, as places do; most coarse cells of a pair.
_MAINS, _FEWEST_OF_MAIN, _MOST_OF_MAIN, _MOST_OF_PAIR = 1_024, 32, 128, 64
#: Shares of fewer rows are mostly chance.
_ROWS_PER_COARSE, _FEWEST_OF_FEW = 24, 16
#: Coarse cells of all terms that are affordable, but at least so many for each term.
_AFFORDABLE, _FEWEST = 4_096, 4
#: Shares that are affordable: they need 64 MiB. Of more terms, those that stand side by side make
#: up blocks, and only within a block it is known how rows lie.
_MOST_SHARES = 4_096**2
#: Additions to a table of two coarse cells that are affordable.
_MOST_ADDITIONS = 20_000_000
_FEWEST_ROWS = 2_000
_BLOCK = 4_096
#: What a step takes, by rows and by cells, on one processor; only their ratios matter.
_NS_PER_ROW, _NS_PER_CELL, _NS_PER_SHARE, _NS_PER_READ = 5.0, 0.8, 0.1, 3.0
#: Where curvatures change, about so many steps are taken between two passes over the rows.
_STEPS_PER_PASS = 1_000
_COARSE_ROWS_OF_MAIN, _COARSE_ROWS_OF_PAIR = 3, 8


def cells_pay(terms: Terms, n_rows: int, far: bool) -> bool:
    """Whether steps in the space of bins take less time than reading rows.

    Parameters
    ----------
    terms : Terms
    n_rows : int
    far : bool
        Whether scores may move any far between two passes over the rows.
    """
    most = min(_affordable(terms), _MOST_OF_PAIR)
    coarse = np.minimum(np.diff(terms.start), most).sum()
    touched = _COARSE_ROWS_OF_PAIR if terms.of_pairs else _COARSE_ROWS_OF_MAIN
    of_block = min(coarse, _MOST_SHARES // coarse)
    by_cells = _NS_PER_CELL * terms.n_cells / terms.n_terms + _NS_PER_SHARE * touched * of_block
    steps = terms.n_terms if far else _STEPS_PER_PASS
    by_cells += _NS_PER_READ * n_rows * terms.n_terms / steps
    return by_cells < _NS_PER_ROW * n_rows


def coarsen(terms: Terms, rows: np.ndarray, n_rows: int) -> Joint:
    """Coarse cells of about equally many rows, with no shares yet.

    Parameters
    ----------
    terms : Terms
    rows : ndarray of shape (n_cells,)
        Rows in every cell, of all bags together.
    n_rows : int
        Rows of the table.
    """
    per_term = _affordable(terms)
    of_main = min(max(_MAINS // terms.n_terms, _FEWEST_OF_MAIN), _MOST_OF_MAIN)
    of_main = min(of_main, max(n_rows // _ROWS_PER_COARSE, _FEWEST_OF_FEW))
    coarse_of = np.empty(terms.n_cells, dtype=np.uint32)
    n_first, n_second = np.ones_like(terms.n_first), np.ones_like(terms.n_first)
    for t, here in enumerate(terms.slices()):
        if terms.kind[t] == _PAIR:
            most = max(int(np.sqrt(min(per_term, _MOST_OF_PAIR))), 2)
            table = rows[here].reshape(terms.n_first[t], terms.n_second[t])
            first = _groups(table.sum(axis=1), most, False)
            second = _groups(table.sum(axis=0), most, False)
            n_first[t], n_second[t] = first[-1] + 1, second[-1] + 1
            coarse_of[here] = (first[:, None] * n_second[t] + second).ravel()
        else:
            groups = _groups(rows[here], min(per_term, of_main), bool(terms.separate[t]))
            n_first[t] = groups[-1] + 1
            coarse_of[here] = groups
    start = np.concatenate([[0], np.cumsum(n_first * n_second)])
    corners = np.empty((start[-1], 2), dtype=np.int32)
    for t, here in enumerate(terms.slices()):
        groups = coarse_of[here]
        own = corners[start[t] : start[t + 1]]
        own[:, 0] = np.unique(groups, return_index=True)[1]
        own[:, 1] = len(groups) - 1 - np.unique(groups[::-1], return_index=True)[1]
    block = _blocks(start)
    shares = np.zeros((start[-1], np.diff(block).max()), dtype=np.float32)
    return Joint(coarse_of, start, n_first, n_second, corners, block, shares)


def _affordable(terms: Terms) -> int:
    """Coarse cells that each term may have, when all have as many."""
    return max(_AFFORDABLE // terms.n_terms, _FEWEST)


def _blocks(start: np.ndarray) -> np.ndarray:
    """The first coarse cell of each term's block, and the first that is beyond."""
    widest = max(_MOST_SHARES // int(start[-1]), int(np.diff(start).max()))
    block = np.empty((len(start) - 1, 2), dtype=np.int64)
    first = 0
    while first < len(block):
        end = int(np.searchsorted(start, start[first] + widest, side="right")) - 1
        block[first:end] = start[first], start[end]
        first = end
    return block


def _groups(rows: np.ndarray, most: int, first_alone: bool) -> np.ndarray:
    """Groups of neighbouring bins, from 0, each with about as many rows."""
    if len(rows) <= most:
        return np.arange(len(rows), dtype=np.int32)
    if first_alone:
        return np.append(np.int32(0), 1 + _groups(rows[1:], max(most - 1, 1), False))
    middle = np.cumsum(rows) - rows / 2
    group = np.floor(middle / max(rows.sum(), 1e-300) * most)
    return np.unique(np.minimum(group, most - 1), return_inverse=True)[1].astype(np.int32)


class JointRows:
    """The sample of rows from which shares are counted.

    Parameters
    ----------
    terms : Terms
    joint : Joint
        Its shares are written.
    codes : ndarray of int, shape (n_terms, n_rows)
        In an order that has nothing to do with the outcome.
    threads : Threads
    """

    def __init__(self, terms: Terms, joint: Joint, codes: np.ndarray, threads: Threads):
        in_blocks = np.unique(joint.block[:, 0], return_counts=True)[1]
        n_pairs = max(int((in_blocks * (in_blocks - 1) // 2).sum()), 1)
        self.n_rows = min(codes.shape[1], max(_MOST_ADDITIONS // n_pairs, _FEWEST_ROWS))
        self._joint = joint
        self._threads = threads
        self._codes = np.empty((terms.n_terms, self.n_rows), dtype=np.uint8)
        for t, here in enumerate(terms.slices()):
            self._codes[t] = joint.coarse_of[here][codes[t, : self.n_rows]]

    def count(self, mass: np.ndarray) -> None:
        """Write the shares.

        Parameters
        ----------
        mass : ndarray of shape (n_rows,)
            What each row of the sample counts.
        """
        joint = self._joint

        def write(t: int) -> None:
            _write_shares(self._codes, mass, joint, t)

        self._threads.map(write, range(len(self._codes)))


@entry
def _write_shares(codes, mass, joint, t):
    """The shares between one term and all later ones of its block, in both directions."""
    start, n_first, n_second = joint.start, joint.n_first, joint.n_second
    own, size = start[t], start[t + 1] - start[t]
    first, end = joint.block[t]
    last = t
    while start[last + 1] < end:
        last += 1
    sums = np.zeros((size, end - start[t + 1]))
    n_rows = codes.shape[1]
    for here in range(0, n_rows, _BLOCK):
        rows = slice(here, min(here + _BLOCK, n_rows))
        for u in range(t + 1, last + 1):
            _add_up(codes[t, rows], codes[u, rows], mass[rows], start[u] - start[t + 1], sums)
    for u in range(t + 1, last + 1):
        shift = start[u] - start[t + 1]
        block = sums[:, shift : shift + start[u + 1] - start[u]]
        _cumulative_shares(block, n_first[t], n_second[t], joint.shares, own, start[u] - first)
        _cumulative_shares(block.T, n_first[u], n_second[u], joint.shares, start[u], own - first)


@inner
def _add_up(first, second, mass, shift, sums):
    """Add the masses of rows in each two coarse cells."""
    for i in range(len(first)):
        sums[first[i], shift + second[i]] += mass[i]


@inner
def _cumulative_shares(sums, n_first, n_second, shares, row, column):
    """Shares of the first index given the second, summed up along the first."""
    size, n_given = sums.shape
    total = sums.sum()
    for b in range(n_given):
        given = 0.0
        for a in range(size):
            given += sums[a, b]
        for a in range(size):
            if given > 0.0:
                share = sums[a, b] / given
            else:
                share = sums[a].sum() / total if total > 0.0 else 0.0
            i, j = a // n_second, a % n_second
            if i > 0:
                share += shares[row + a - n_second, column + b]
            if j > 0:
                share += shares[row + a - 1, column + b]
            if i > 0 and j > 0:
                share -= shares[row + a - n_second - 1, column + b]
            shares[row + a, column + b] = share
