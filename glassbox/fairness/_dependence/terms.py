"""Which terms of an additive model depend on an attribute, corrected for looking at them all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from glassbox.core.attributes import Attribute

# Numbers in a batch of permuted columns.
_BATCH = 1 << 20
# Contributions that differ by less than this, relative to their size, differ by rounding only.
_ROUNDING = 1e-12
# A permutation that gives what was observed can differ from it by rounding.
_TIE = 1e-10


def term_dependence(
    contributions: np.ndarray, attribute: Attribute, n_permutations: int, seed: int
) -> pd.DataFrame:
    """Share of each term's variance that an attribute explains, with permutation p-values.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_terms)
    attribute : Attribute
    n_permutations : int
        Without any, p-values are NaN.
    seed : int

    Returns
    -------
    DataFrame
        One row per term: ``term`` (its number), ``eta2``, ``p_value``, ``p_adjusted``, ``reason``.
        The adjusted p-value is the share of permutations in which *any* term reaches the observed
        value: the chance of one false finding among all terms is at most the level. Terms that
        are constant are NaN, and do not count.

    References
    ----------
    Westfall PH, Young SS. Resampling-Based Multiple Testing. Wiley, 1993: single-step max-T.

    Examples
    --------
    >>> from glassbox.core.attributes import read_attributes
    >>> rng = np.random.default_rng(0)
    >>> (sex,) = read_attributes({"sex": rng.choice(["f", "m"], size=200)})
    >>> terms = np.column_stack([rng.normal(size=200), sex.codes + rng.normal(size=200)])
    >>> term_dependence(terms, sex, n_permutations=199, seed=0).round(3)
       term   eta2  p_value  p_adjusted reason
    0     0  0.000    0.960       1.000
    1     1  0.184    0.005       0.005
    """
    n, n_terms = contributions.shape
    varies = np.ptp(contributions, axis=0) > _ROUNDING * np.abs(contributions).max(axis=0)
    basis = attribute.whitened()
    if not basis.shape[1]:
        raise ValueError(
            f"Sensitive feature {attribute.name!r} is the same in every row; no term can depend "
            "on it. Leave it out."
        )
    kept = contributions[:, varies]
    standard = (kept - kept.mean(axis=0)) / kept.std(axis=0)
    figures = np.full((3, n_terms), np.nan)
    observed = ((standard.T @ basis / n) ** 2).sum(axis=1)
    figures[0, varies] = observed
    if n_permutations and varies.any():
        permuted = _permuted(standard, basis, n_permutations, seed)
        least = observed * (1 - _TIE)
        own = (permuted >= least).sum(axis=0)
        largest = (permuted.max(axis=1)[:, None] >= least).sum(axis=0)
        figures[1:, varies] = (1 + np.stack([own, largest])) / (1 + n_permutations)
    table = pd.DataFrame({"term": np.arange(n_terms)})
    table["eta2"], table["p_value"], table["p_adjusted"] = figures
    table["reason"] = np.where(varies, "", "the term is constant")
    return table


def _permuted(
    standard: np.ndarray, basis: np.ndarray, n_permutations: int, seed: int
) -> np.ndarray:
    """Explained shares under permutations, shape (n_permutations, n_terms)."""
    n, n_columns = basis.shape
    rng = np.random.default_rng(seed)
    size = max(1, _BATCH // (n * n_columns))
    found = []
    for done in range(0, n_permutations, size):
        order = np.broadcast_to(np.arange(n), (min(size, n_permutations - done), n))
        columns = basis.T[:, rng.permuted(order, axis=1)]
        found.append((((columns @ standard) / n) ** 2).sum(axis=0))
    return np.concatenate(found)
