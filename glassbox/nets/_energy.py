"""Distance covariance in O(n log n): sums over pairs are linear in the sorted scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from glassbox.nets._centred import PairSums, by_group, group_sums


def score_sums(scores: Tensor, shares: Tensor) -> PairSums:
    """Sums of the distances of the scores with themselves, shape (n_rows, n_scores) each."""
    scores, order = scores.sort(dim=0)
    p = shares.gather(0, order)
    q = p.square()
    below = p.cumsum(dim=0)
    moments = (p * scores).cumsum(dim=0)
    rows = scores * (2 * below - below[-1]) - (2 * moments - moments[-1])

    def squares(u: Tensor, v: Tensor) -> Tensor:
        first, second = u.sum(dim=0), v.sum(dim=0)
        along = (u * scores).sum(dim=0) * (v * scores).sum(dim=0)
        of_u, of_v = ((w * scores.square()).sum(dim=0) for w in (u, v))
        return of_u * second + of_v * first - 2 * along

    return PairSums(
        pp=squares(p, p),
        pq=squares(p, q),
        qq=squares(q, q),
        p_rows=(p * rows.square()).sum(dim=0),
        q_rows=(q * rows.square()).sum(dim=0),
        totals=(p * rows).sum(dim=0).square(),
    )


def sums_with_groups(scores: Tensor, shares: Tensor, codes: Tensor, n_groups: int) -> PairSums:
    """Sums of the distances of the scores with the discrete metric of groups.

    Notes
    -----
    Double-centred they are the sum over groups of p_k² times the energy distance of the group
    from all (Rizzo & Szekely 2010, "DISCO analysis", Annals of Applied Statistics 4:1034).
    """
    scores, order = scores.sort(dim=0)
    p = shares.gather(0, order)
    q = p.square()
    mine = codes[order]
    sizes = by_group(shares, codes, n_groups)
    rows = 1 - sizes.gather(0, mine)

    weights = (p, q)

    def between(j: int, k: int) -> Tensor:
        u, v = weights[j], weights[k]
        return _everywhere(u, v) - _within(u, v, mine, n_groups)

    return _linear(scores, weights, rows, between)


def sums_with_amounts(scores: Tensor, shares: Tensor, values: Tensor) -> PairSums:
    """Sums of the distances of the scores with the distances of amounts, shape (n_rows,).

    Notes
    -----
    What the distances to earlier rows add up to is counted level by level, as a merge sort would
    (Chaudhuri & Hu 2019, "A fast algorithm for computing distance correlation", Computational
    Statistics & Data Analysis 135:15).
    """
    scores, order = scores.sort(dim=0)
    p = shares.gather(0, order)
    weights = torch.stack([p, p.square()])
    with torch.no_grad():
        earlier, all_rows = _distances_to(values[order], weights.movedim(0, -1))
        slopes = (2 * earlier - all_rows).movedim(-1, 0)

    def apart(j: int, k: int) -> Tensor:
        return weights[j] * slopes[k] + weights[k] * slopes[j]

    return _linear(scores, tuple(weights), all_rows[..., 0], apart)


def amount_sums(values: Tensor, shares: Tensor) -> PairSums:
    """Sums of the distances of amounts with themselves."""
    return score_sums(values[:, None].expand_as(shares), shares)


def _linear(
    scores: Tensor,
    weights: tuple[Tensor, Tensor],
    rows: Tensor,
    slopes: Callable[[int, int], Tensor],
) -> PairSums:
    """Sums that are linear in the sorted scores.

    `weights` are p and q, `rows` the mean dissimilarity of every row's attribute, and `slopes` of
    two of the weights by number are those of their sum over pairs.
    """
    with torch.no_grad():
        p, q = weights
        mean = (p * rows).sum(dim=0)
        found = [
            slopes(0, 0),
            slopes(0, 1),
            slopes(1, 1),
            _everywhere(p * rows, p),
            _everywhere(q * rows, p),
            mean * _everywhere(p, p),
        ]
    return PairSums(*((scores * slope).sum(dim=0) for slope in found))


def _everywhere(u: Tensor, v: Tensor) -> Tensor:
    """Slopes in the sorted scores of the sum of u_i v_j |s_i - s_j|."""
    before = [w.cumsum(dim=0) - w for w in (u, v)]
    after = [w.sum(dim=0) - w - earlier for w, earlier in zip((u, v), before, strict=True)]
    return u * (before[1] - after[1]) + v * (before[0] - after[0])


def _within(u: Tensor, v: Tensor, codes: Tensor, n_groups: int) -> Tensor:
    """The same for the pairs of one group."""
    codes, order = codes.sort(dim=0, stable=True)
    slopes = []
    for w in (u, v):
        w = w.gather(0, order)
        totals = w.new_zeros(n_groups, w.shape[1]).scatter_add(0, codes, w)
        start = (totals.cumsum(dim=0) - totals).gather(0, codes)
        before = w.cumsum(dim=0) - w - start
        slopes.append(2 * before + w - totals.gather(0, codes))
    found = u.gather(0, order) * slopes[1] + v.gather(0, order) * slopes[0]
    return torch.zeros_like(found).scatter(0, order, found)


def _distances_to(amounts: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted sums of the distances of every row to the rows before it, and to all rows.

    Parameters
    ----------
    amounts : Tensor of shape (n_rows, n_scores)
    weights : Tensor of shape (n_rows, n_scores, n_weights)
    """
    by_amount = amounts.argsort(dim=0)
    # Weights, and weights times amounts.
    both = torch.cat([weights, weights * amounts[..., None]], dim=-1)
    smaller = _smaller_before(by_amount, both)
    at = by_amount[..., None].expand_as(both)
    in_order = both.gather(0, at)
    smallest = torch.zeros_like(both).scatter(0, at, in_order.cumsum(dim=0))
    n, here = weights.shape[-1], amounts[..., None]

    def distances(below: Tensor, total: Tensor) -> Tensor:
        return here * (2 * below[..., :n] - total[..., :n]) - (2 * below[..., n:] - total[..., n:])

    return distances(smaller, both.cumsum(dim=0) - both), distances(smallest, both.sum(dim=0))


def _smaller_before(by_amount: Tensor, values: Tensor) -> Tensor:
    """Sums of `values` over the rows that stand before a row and have a smaller amount.

    Parameters
    ----------
    by_amount : Tensor of shape (n_rows, n_scores)
        Rows in the order of their amounts.
    values : Tensor of shape (n_rows, n_scores, n_values)
    """
    n_rows = len(by_amount)
    place = torch.arange(n_rows, device=by_amount.device)[:, None]
    found = torch.zeros_like(values)
    rows = by_amount
    for level in reversed(range(max(n_rows - 1, 1).bit_length())):
        half = 1 << level
        # Rows stand block by block, and by amount within their block of two halves.
        start = place - place % (2 * half)
        left = (rows & half) == 0
        at = rows[..., None].expand_as(values)
        counted = values.gather(0, at) * left[..., None]
        sums = counted.cumsum(dim=0)
        first = start[..., None].expand_as(sums)
        sums = sums - (sums - counted).gather(0, first)
        found.scatter_add_(0, at, sums * ~left[..., None])
        lefts = left.long().cumsum(dim=0)
        lefts = lefts - (lefts - left.long()).gather(0, start.expand_as(lefts))
        n_left = (n_rows - start).clamp(max=half)
        position = torch.where(left, start + lefts - 1, place + n_left - lefts)
        rows = torch.zeros_like(rows).scatter(0, position, rows)
    return found


def distance_sums(scores: Tensor, shares: Tensor, sensitive) -> tuple[PairSums, ...]:
    """Sums of scores with the attribute, of scores with themselves, and of the attribute.

    Notes
    -----
    In double precision: sums over pairs of a hundred thousand rows nearly cancel.
    """
    scores, shares = scores.double(), shares.double()
    if sensitive.kind == "categorical":
        codes, n_groups = sensitive.codes, sensitive.n_groups
        between = sums_with_groups(scores, shares, codes, n_groups)
        own = group_sums(codes, n_groups, shares)
    else:
        values = sensitive.values.double()
        between = sums_with_amounts(scores, shares, values)
        own = amount_sums(values, shares)
    return between, score_sums(scores, shares), own
