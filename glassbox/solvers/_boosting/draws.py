"""Which rows each bag learns from: subsamples without replacement, alike in every class."""

from __future__ import annotations

import numpy as np


def draw_bags(
    classes: np.ndarray | None, n_rows: int, n_held_out: int, n_bags: int, seed: int
) -> np.ndarray:
    """Leave some rows out of each bag.

    Parameters
    ----------
    classes : ndarray of int, shape (n_rows,), optional
        Each bag leaves the same share of every class out, up to one row.
    n_rows, n_held_out, n_bags : int
    seed : int

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_bags)
        1 for the rows that a bag learns from, 0 for those that it leaves out.

    Examples
    --------
    >>> draw_bags(None, 10, 3, 4, 0).sum(axis=0)
    array([7, 7, 7, 7], dtype=uint64)
    """
    groups = [np.arange(n_rows)]
    if classes is not None:
        groups = [np.flatnonzero(classes == k) for k in np.unique(classes)]
    draws = np.ones((n_rows, n_bags), dtype=np.uint8)
    wanted = np.array([len(group) for group in groups]) * (n_held_out / n_rows)
    for b, child in enumerate(np.random.SeedSequence(seed).spawn(n_bags)):
        rng = np.random.default_rng(child)
        for group, n in zip(groups, _whole(wanted, n_held_out, rng), strict=True):
            if n:
                keys = rng.random(len(group))
                draws[group[np.argpartition(keys, n - 1)[:n]], b] = 0
    return draws


def _whole(wanted: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers that add up to the total, each next to what is wanted; at random which."""
    whole = np.floor(wanted).astype(int)
    rest = total - int(whole.sum())
    if rest > 0:
        keys = rng.random(len(wanted)) ** (1.0 / np.maximum(wanted - whole, 1e-12))
        whole[np.argsort(-keys)[:rest]] += 1
    return whole
