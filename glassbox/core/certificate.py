"""Certificates: monotonicity over the whole input space, established from the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from glassbox.core._nodes import Nodes, coefficient_labels, feature_nodes
from glassbox.core._slopes import Pieces, is_linear, outward_slopes, read_rows
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.refine import AxisMergeError

# Moves below this share of the feature's largest coefficient are rounding.
_ROUNDING = 1e-12

_SAMPLES_PER_PIECE = 9

_COLUMNS = [
    "feature",
    "declared",
    "holds",
    "method",
    "worst_slope",
    "worst_jump",
    "from",
    "to",
    "partners",
    "missing_lowest",
    "missing_highest",
    "unseen_lowest",
    "unseen_highest",
]


def monotonicity_certificate(
    model: AdditiveModel, directions: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Whether the score is monotone in each feature, whatever the values of all others.

    Parameters
    ----------
    model : AdditiveModel
        With one output.
    directions : mapping of str to {-1, 0, 1}, optional
        What is declared: the score does not rise (-1), does not fall (1), or no promise (0).
        Without it, the features of the model with no promise. Features that the model does not
        use are constant in it, so that any promise about them holds.

    Returns
    -------
    DataFrame
        One row per feature:

        feature, declared
            As given.
        holds
            True, False, or None: no promise, or neither established nor refuted.
        method
            "tables": exact. "coefficients": a sufficient condition on cubic pairs; where it
            fails, False says that a violation was found and None that none was found. "" where
            nothing was promised.
        worst_slope
            The slope that goes furthest against the promise (or least along with it), on the link
            scale per unit of the feature; the flat parts beyond the edges do not count. NaN if
            the feature has no sloped functions.
        worst_jump
            The same for jumps: at a cut, or from one category to the next. NaN if there are none.
        from, to, partners
            Where the worst move is: the ends of the stretch (equal for a jump at a cut), and the
            values of the other features of its pairs that attain it, as a dict (None for missing,
            "unseen" for unseen, an infinite number for beyond the edge of a linear term).
        missing_lowest, missing_highest
            By how much the score changes, at least and at most, when an observed value becomes
            missing and nothing else changes. Not part of the promise.
        unseen_lowest, unseen_highest
            The same when a category becomes an unseen one. NaN for numeric features.

    Raises
    ------
    ValueError
        If the model has several outputs, a direction is none of -1, 0 and 1, or one is declared
        for a feature without order.

    Notes
    -----
    With main effect f and pairs g_k, the score is monotone in a feature if and only if, on every
    stretch between knots and at every cut, the change of f plus the sum over partners of the
    smallest change of g_k over the partner's nodes is not negative: the change is linear in each
    stretch of each partner, and different partners are separate coordinates. *Missing* and
    *unseen* partners are nodes as well. The slope of a cubic main effect is a parabola on each
    stretch, whose minimum is known. For cubic pairs the slope lies above the polynomial whose
    Bernstein coefficients are the smallest over the partner's coefficients.

    The promise is about moves from one observed value to another; *missing* is a level of its
    own and is reported apart. Moves below 1e-12 of the largest coefficient are taken for rounding.

    Monotone scores of several classes do not make probabilities monotone, which is why models
    with several outputs are refused.

    Examples
    --------
    >>> from glassbox.core.terms import Term
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> model = AdditiveModel(-2.0, (Term((age,), np.array([-0.5, 0.0, 1.0, 0.2])),), "logit")
    >>> row = monotonicity_certificate(model, {"age": 1}).iloc[0]
    >>> row["holds"], row["method"]
    (True, 'tables')
    >>> print(row["missing_lowest"], row["missing_highest"])
    -0.8 0.7
    """
    if model.n_outputs != 1:
        raise ValueError(
            f"The model has {model.n_outputs} outputs. Scores that are monotone do not make the "
            "probabilities of several classes monotone, so there is no certificate; use a binary "
            "model for each class."
        )
    if directions is None:
        directions = dict.fromkeys(model.features, 0)
    parts = _parts_by_feature(model)
    rows = [_certify(name, sign, parts.get(name, [])) for name, sign in directions.items()]
    plain = dict.fromkeys(["holds", "from", "to"], object)
    return pd.DataFrame(rows, columns=_COLUMNS).astype(plain)


@dataclass(frozen=True)
class _Part:
    """One term, seen from one of its features: the table has that feature's axis first."""

    axis: Axis
    table: np.ndarray
    partner: Axis | None

    def times(self, sign: int) -> _Part:
        return _Part(self.axis, sign * self.table, self.partner)


def _parts_by_feature(model: AdditiveModel) -> dict[str, list[_Part]]:
    parts: dict[str, list[_Part]] = {name: [] for name in model.features}
    for term in model.terms:
        table = term.coefficients[..., 0]
        parts[term.features[0]].append(_Part(term.axes[0], table, (*term.axes, None)[1]))
        if len(term.axes) == 2:
            parts[term.features[1]].append(_Part(term.axes[1], table.T, term.axes[0]))
    return parts


def _certify(name: str, sign: int, parts: list[_Part]) -> dict:
    if isinstance(sign, bool) or sign not in (-1, 0, 1):
        raise ValueError(f"Feature {name!r}: a direction is -1, 0 or 1, got {sign!r}.")
    ordered = all(isinstance(p.axis, NumericAxis) or p.axis.ordered for p in parts)
    if sign and not ordered:
        raise ValueError(
            f"Feature {name!r} is an unordered category, which has no direction; declare 0, or "
            "make it an ordered category."
        )
    row = dict.fromkeys(_COLUMNS, np.nan) | {"feature": name, "declared": int(sign)}
    row |= {"holds": None, "method": "", "from": None, "to": None, "partners": {}}
    if not parts:
        return row | ({"holds": True, "method": "tables"} if sign else {})
    if sign:
        row |= _promise([part.times(sign) for part in parts], sign)
    return row | _levels(parts)


def _promise(parts: list[_Part], sign: int) -> dict:
    """Verdict on parts whose sign makes every promise one of not falling."""
    exact = all(p.partner is None or max(p.axis.degree, p.partner.degree) < 3 for p in parts)
    moves = _all_moves(parts, sampled=False)
    tolerance = _ROUNDING * _scale(parts)
    holds = all(move.falls.min() >= -tolerance for move in moves)
    if not holds and not exact:
        sampled = _all_moves(parts, sampled=True)
        if min(move.falls.min() for move in sampled) >= -tolerance:
            holds = None
        else:
            moves = sampled
    verdict = {"holds": holds, "method": "tables" if exact else "coefficients"}
    for move in moves:
        verdict["worst_" + move.kind] = sign * move.rates.min() + 0.0
    if moves:
        verdict |= min(moves, key=lambda move: move.falls.min()).worst()
    return verdict


@dataclass(frozen=True)
class _Moves:
    """The smallest changes of the score along the moves of one kind.

    ``falls`` are changes of the score, ``rates`` the same per unit of the feature for slopes.
    """

    kind: str
    start: Sequence
    end: Sequence
    rates: np.ndarray
    falls: np.ndarray
    partners: Callable[[int], dict]

    def worst(self) -> dict:
        i = int(self.falls.argmin())
        return {"from": self.start[i], "to": self.end[i], "partners": self.partners(i)}


def _all_moves(parts: list[_Part], sampled: bool) -> list[_Moves]:
    sloped = [p for p in parts if p.axis.degree > 0]
    stepped = [p for p in parts if p.axis.degree == 0]
    moves = []
    if sloped:
        moves.append(_slope_moves(sloped, sampled))
    if stepped:
        moves.append(_jump_moves(stepped, sampled))
    return [move for move in moves if len(move.falls)]


def _jump_moves(parts: list[_Part], sampled: bool) -> _Moves:
    if isinstance(parts[0].axis, CategoricalAxis):
        levels = parts[0].axis.categories
        start, end = levels[:-1], levels[1:]
        changes = [np.diff(p.table[: len(levels)], axis=0) for p in parts]
    else:
        start = end = reduce(np.union1d, [p.axis.knots[1:-1] for p in parts]).tolist()
        cuts = np.array(start)
        before = np.nextafter(cuts, -np.inf)
        changes = [p.table[p.axis.locate(cuts).first] for p in parts]
        changes = [
            c - p.table[p.axis.locate(before).first] for c, p in zip(changes, parts, strict=True)
        ]
    total, partners = _least_over_partners(parts, changes, sampled)
    return _Moves("jump", start, end, total, total, partners)


def _slope_moves(parts: list[_Part], sampled: bool) -> _Moves:
    pieces = Pieces.of([p.axis for p in parts])
    curved = any(p.axis.degree == 3 for p in parts)
    shares = np.linspace(0, 1, _SAMPLES_PER_PIECE if sampled else 3) if curved else [0.0]
    changes = [read_rows(pieces.slopes(p.axis, shares), p.table) for p in parts]
    if curved and not sampled:
        changes = [_bernstein(change) for change in changes]
    total, partners = _least_over_partners(parts, changes, sampled)
    by_share = total.reshape(len(shares), -1)
    at = by_share.argmin(axis=0)
    slopes = _smallest_of_parabolas(by_share) if curved and not sampled else by_share.min(axis=0)
    return _Moves(
        "slope",
        pieces.left.tolist(),
        pieces.right.tolist(),
        slopes,
        slopes * pieces.widths,
        lambda i: partners(at[i] * len(slopes) + i),
    )


def _bernstein(values: np.ndarray) -> np.ndarray:
    """Bernstein coefficients of parabolas, from their values at the left, middle and right."""
    left, middle, right = values.reshape(3, -1, *values.shape[1:])
    return np.concatenate([left, 2 * middle - (left + right) / 2, right])


def _smallest_of_parabolas(bernstein: np.ndarray) -> np.ndarray:
    """Minimum over [0, 1] of parabolas with Bernstein coefficients in three rows."""
    smallest = bernstein[[0, 2]].min(axis=0)
    endless = ~np.isfinite(bernstein).all(axis=0)
    dips = ~endless & (bernstein[1] < smallest)
    left, middle, right = bernstein[:, dips]
    smallest[dips] = left - (left - middle) ** 2 / ((left - middle) + (right - middle))
    smallest[endless] = -np.inf
    return smallest


def _least_over_partners(parts: list[_Part], changes: list[np.ndarray], sampled: bool):
    """Sums of changes, each at the values of the partners that make it smallest.

    Returns
    -------
    total : ndarray of shape (n_changes,)
    partners : callable
        From the number of a change to those values.
    """
    total = np.zeros(len(changes[0]))
    chosen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for part, change in zip(parts, changes, strict=True):
        if part.partner is None:
            total += change
            continue
        values, labels = _at_partner(part.partner, change.T, sampled)
        best = values.argmin(axis=0)
        total += values.min(axis=0)
        chosen[part.partner.name] = (labels, best)
    return total, lambda i: {name: labels[best[i]] for name, (labels, best) in chosen.items()}


def _at_partner(axis: Axis, change: np.ndarray, sampled: bool) -> tuple[np.ndarray, np.ndarray]:
    """Changes at every value of the partner that could make one smallest, and those values."""
    labels, kinds = coefficient_labels(axis)
    values = change
    if sampled and axis.degree == 3:
        grid = axis.grid()
        labels, kinds = grid.labels, grid.kinds
        values = read_rows(axis.locate(grid.column), change)
    labels = labels.copy()
    labels[kinds == "unseen"] = "unseen"
    if not is_linear(axis):
        return values, labels
    slopes = outward_slopes(axis, change) * (axis.knots[-1] - axis.knots[0])
    endless = slopes < -_ROUNDING * np.abs(change).max(axis=0)
    beyond = np.where(endless, -np.inf, np.inf)
    return np.vstack([values, beyond]), np.append(labels, [-np.inf, np.inf])


def _scale(parts: list[_Part]) -> float:
    return sum(np.abs(p.table).max() for p in parts)


def _levels(parts: list[_Part]) -> dict:
    axis = parts[0].axis
    if axis.n_values == 0:
        return {}
    try:
        shared = [(parts, feature_nodes([p.axis for p in parts]))]
    except AxisMergeError:
        # Without common nodes, the parts may be at their lowest in different places.
        shared = [([part], feature_nodes([part.axis])) for part in parts]
    levels = {"missing": axis.missing_index, "unseen": axis.unseen_index}
    row = {}
    for level, index in levels.items():
        if index is not None:
            lowest = sum(_lowest_change_to(level, some, nodes, 1) for some, nodes in shared)
            highest = -sum(_lowest_change_to(level, some, nodes, -1) for some, nodes in shared)
            row |= {f"{level}_lowest": lowest, f"{level}_highest": highest}
    return row


def _lowest_change_to(level: str, parts: list[_Part], nodes: Nodes, sign: int) -> float:
    """Smallest change of the score, times a sign, when a value becomes missing or unseen."""
    observed = nodes.kinds == "value"
    changes = [
        sign * (p.table[getattr(p.axis, f"{level}_index")] - nodes.read(number, p.table)[observed])
        for number, p in enumerate(parts)
    ]
    lowest = _least_over_partners(parts, changes, sampled=False)[0].min()
    if any(is_linear(p.axis) for p in parts):
        away = [-sign * outward_slopes(p.axis, p.table) for p in parts]
        span = max(p.axis.knots[-1] - p.axis.knots[0] for p in parts)
        slope = _least_over_partners(parts, away, sampled=False)[0].min()
        if slope * span < -_ROUNDING * _scale(parts):
            return -np.inf
    return float(lowest)
