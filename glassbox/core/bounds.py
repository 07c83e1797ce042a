"""The smallest and the largest value that a term, and the whole score, can reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.core._elimination import EliminationTooLarge, Factor, smallest_sum
from glassbox.core._nodes import Nodes, feature_nodes
from glassbox.core._slopes import is_linear, outward_slopes
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import Axis
from glassbox.core.refine import AxisMergeError
from glassbox.core.terms import Term

#: Entries of the largest table that the search over combinations of features may build. Beyond
#: it, bounds of terms are added up instead.
MOST_ENTRIES = 20_000_000

# A rise beyond the edge, per width of the axis, below this share of the coefficients is rounding.
_NO_RISE = 1e-12


def term_bounds(
    model: AdditiveModel, *, include_missing: bool = True, include_unseen: bool = True
) -> pd.DataFrame:
    """Smallest and largest contribution of each term, over all inputs there can be.

    Parameters
    ----------
    model : AdditiveModel
        The model.
    include_missing, include_unseen : bool, default=True
        Whether features may be missing, and categories unseen.

    Returns
    -------
    DataFrame
        Columns ``term``, ``output`` (number of the score), ``smallest``, ``largest`` (link scale)
        and ``exact``: True where both values are reached (left of a step: approached), False
        where they are bounds, as for cubic terms, whose coefficients enclose the function.

    Notes
    -----
    A term that is extrapolated linearly, with a slope at its edge, has infinite bounds. A slope
    below 1e-12 of the largest coefficient over the width of the axis counts as none.

    Examples
    --------
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> model = AdditiveModel(-2.0, (Term((age,), np.array([-0.5, 0.0, 1.0, 3.0])),))
    >>> term_bounds(model, include_missing=False)
      term  output  smallest  largest  exact
    0  age       0      -0.5      1.0   True
    """
    rows = []
    for term in model.terms:
        low, high = _term_range(term, include_missing, include_unseen)
        exact = all(axis.degree < 3 for axis in term.axes)
        rows += [(term.name, k, low[k], high[k], exact) for k in range(model.n_outputs)]
    return pd.DataFrame(rows, columns=["term", "output", "smallest", "largest", "exact"])


def score_bounds(
    model: AdditiveModel, *, include_missing: bool = True, include_unseen: bool = True
) -> pd.DataFrame:
    """Smallest and largest score, over all inputs there can be.

    Features that several terms share take one value in all of them: the bounds are those of the
    whole function, not sums of bounds.

    Parameters
    ----------
    model : AdditiveModel
        The model.
    include_missing, include_unseen : bool, default=True
        Whether features may be missing, and categories unseen.

    Returns
    -------
    DataFrame
        One row per output: ``output``, ``smallest``, ``largest`` (link scale, intercept
        included), ``exact``. Not exact, but still bounds: where a term is cubic, or where pairs
        tie so many features together that a table of :data:`MOST_ENTRIES` would not do; their
        terms are then bounded one by one.

    Notes
    -----
    Steps and straight lines are extreme at their knots, and their tensor products at pairs of
    knots; over those, features are eliminated one at a time, those with the fewest partners
    first, as in Bertelè & Brioschi (1972), "Nonserial dynamic programming".

    A slope beyond the edge of a linearly extrapolated term makes a bound infinite.

    Examples
    --------
    >>> from glassbox.core.axes import CategoricalAxis
    >>> a, b = CategoricalAxis("a", ("no", "yes")), CategoricalAxis("b", ("no", "yes"))
    >>> opposed = np.zeros((4, 4))
    >>> opposed[1] = -1.0
    >>> terms = Term((a,), np.array([0.0, 1.0, 0.0, 0.0])), Term((a, b), opposed)
    >>> score_bounds(AdditiveModel(0.5, terms))
       output  smallest  largest  exact
    0       0       0.5      0.5   True
    """
    allowed = {"value": True, "missing": include_missing, "unseen": include_unseen}
    low = high = model.intercept
    exact = True
    for terms in _connected(model.terms):
        try:
            nodes = _nodes_by_feature(terms, allowed)
            factors = _factors(terms, nodes)
            lowest = smallest_sum(factors, MOST_ENTRIES)
            highest = -smallest_sum(_negative(factors), MOST_ENTRIES)
            exact &= all(n.exact for n in nodes.values())
        except (AxisMergeError, EliminationTooLarge):
            exact = False
            ranges = [_coefficient_range(t, include_missing, include_unseen) for t in terms]
            lowest, highest = np.sum(ranges, axis=0)
        low, high = low + lowest, high + highest
    falls, rises = _unbounded(model.terms, model.n_outputs, include_missing, include_unseen)
    return pd.DataFrame(
        {
            "output": np.arange(model.n_outputs),
            "smallest": np.where(falls, -np.inf, low),
            "largest": np.where(rises, np.inf, high),
            "exact": exact,
        }
    )


def _connected(terms: Sequence[Term]) -> list[list[Term]]:
    """Groups of terms that share features, directly or through others."""
    groups: list[tuple[set[str], list[Term]]] = []
    for term in terms:
        touched = [group for group in groups if group[0] & set(term.features)]
        merged = (set(term.features), [term])
        for group in touched:
            merged = (merged[0] | group[0], group[1] + merged[1])
            groups.remove(group)
        groups.append(merged)
    return [group for _, group in groups]


def _nodes_by_feature(terms: list[Term], allowed: dict[str, bool]) -> dict[str, Nodes]:
    axes: dict[str, list[Axis]] = {}
    for term in terms:
        for axis in term.axes:
            axes.setdefault(axis.name, []).append(axis)
    result = {}
    for feature, its_axes in axes.items():
        nodes = feature_nodes(its_axes)
        keep = np.array([allowed[kind] for kind in nodes.kinds])
        _check_any(keep, feature)
        result[feature] = nodes if keep.all() else nodes.keep(keep)
    return result


def _factors(terms: list[Term], nodes: dict[str, Nodes]) -> list[Factor]:
    """The terms as functions of the nodes of their features."""
    number = dict.fromkeys(nodes, 0)
    factors = []
    for term in terms:
        table = term.coefficients
        for dimension, feature in enumerate(term.features):
            front = np.moveaxis(table, dimension, 0)
            table = np.moveaxis(nodes[feature].read(number[feature], front), 0, dimension)
            number[feature] += 1
        factors.append(Factor(term.features, table))
    return factors


def _negative(factors: list[Factor]) -> list[Factor]:
    return [Factor(f.variables, -f.table) for f in factors]


def _term_range(term: Term, missing: bool, unseen: bool) -> tuple[np.ndarray, np.ndarray]:
    low, high = _coefficient_range(term, missing, unseen)
    falls, rises = _unbounded((term,), term.n_outputs, missing, unseen)
    return np.where(falls, -np.inf, low), np.where(rises, np.inf, high)


def _coefficient_range(term: Term, missing: bool, unseen: bool) -> tuple[np.ndarray, np.ndarray]:
    table = term.coefficients
    for dimension, axis in enumerate(term.axes):
        table = table.compress(_allowed(axis, missing, unseen), axis=dimension)
    flat = table.reshape(-1, term.n_outputs)
    return flat.min(axis=0), flat.max(axis=0)


def _unbounded(
    terms: Sequence[Term], n_outputs: int, missing: bool, unseen: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which outputs of a sum of terms fall, and which rise, without end beyond some edge."""
    falls, rises = np.zeros((2, n_outputs), dtype=bool)
    for feature in {axis.name for term in terms for axis in term.axes if is_linear(axis)}:
        noise = 0.0
        least, most = np.zeros((2, 2, n_outputs))
        for term in terms:
            if feature not in term.features:
                continue
            dimension = term.features.index(feature)
            axis = term.axes[dimension]
            slopes = outward_slopes(axis, np.moveaxis(term.coefficients, dimension, 0))
            resolution = _NO_RISE * np.abs(term.coefficients).max()
            noise += resolution / _span(axis)
            if len(term.axes) == 1:
                least, most = least + slopes, most + slopes
                continue
            partner = term.axes[1 - dimension]
            # beyond the edges of both, the product of the two distances decides
            corners = outward_slopes(partner, slopes.swapaxes(0, 1)).reshape(4, n_outputs)
            tiny = resolution / _span(axis) / _span(partner)
            falls |= (corners < -tiny).any(axis=0)
            rises |= (corners > tiny).any(axis=0)
            at_nodes = slopes[:, _allowed(partner, missing, unseen)]
            least, most = least + at_nodes.min(axis=1), most + at_nodes.max(axis=1)
        falls |= (least < -noise).any(axis=0)
        rises |= (most > noise).any(axis=0)
    return falls, rises


def _span(axis: Axis) -> float:
    return axis.knots[-1] - axis.knots[0] if is_linear(axis) else 1.0


def _allowed(axis: Axis, missing: bool, unseen: bool) -> np.ndarray:
    allowed = np.ones(axis.size, dtype=bool)
    allowed[axis.missing_index] = missing
    if axis.unseen_index is not None:
        allowed[axis.unseen_index] = unseen
    _check_any(allowed, axis.name)
    return allowed


def _check_any(allowed: np.ndarray, feature: str) -> None:
    if not allowed.any():
        raise ValueError(
            f"Feature {feature!r} has no categories; include missing or unseen values."
        )
