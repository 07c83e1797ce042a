"""Where one boosting step cuts a term, and what it adds on each side.

The rules are those of interpret's explainable boosting machine. Sums over the rows in a bin are
called *pull* (residuals) and *mass* (curvatures).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glassbox.solvers._boosting._compiled import inner, spliced

TINY = np.finfo(np.float64).tiny
_IMPOSSIBLE = -1e300
#: Smaller curvatures are taken for this: products of four of them must not vanish.
FLOOR = 1e-60


class StepRule(NamedTuple):
    """How a step is taken.

    Attributes
    ----------
    learning_rate : float
    reg_alpha, reg_lambda : float
        L1 and L2 penalties of a leaf.
    largest : float
        Largest Newton step of a leaf; infinite for no limit.
    min_hessian : float
        Least mass of a leaf.
    min_rows : int
        Least number of rows of a leaf.
    min_category_rows : int
        Categories with fewer rows are cut together.
    category_smooth : float
        Mass that is added to that of a category before categories are sorted.
    category_gain : float
        By how much the gain of a categorical main effect is multiplied in greedy rounds.
    slot_prior : float
        What categories, and *missing* as a leaf of its own, have on top of the mass of their own
        rows: the precision of a normal prior of their coefficients, which stand alone.
    first_random : float
        How much larger than `learning_rate` the first steps with random cuts are; they shrink
        towards it.
    """

    learning_rate: float
    reg_alpha: float
    reg_lambda: float
    largest: float
    min_hessian: float
    min_rows: int
    min_category_rows: int
    category_smooth: float
    category_gain: float
    slot_prior: float = 0.0
    first_random: float = 1.0


@inner
def newton(rule, pull, mass):
    """The Newton step of a leaf, before the learning rate."""
    if mass < TINY:
        return 0.0
    size = max(abs(pull) - rule.reg_alpha, 0.0) / (mass + rule.reg_lambda)
    size = min(size, rule.largest)
    return size if pull > 0.0 else -size


@inner
def worth(rule, pull, mass):
    """How much a leaf lowers the loss, twice over."""
    strength = max(abs(pull) - rule.reg_alpha, 0.0)
    curved = max(mass + rule.reg_lambda, TINY)
    size = min(strength / curved, rule.largest)
    return size * (2.0 * strength - size * curved)


@inner
def worth_over(rule, pull, curved, inverse):
    """What a leaf is worth, given its curvature, penalty included, and the inverse of that."""
    strength = max(abs(pull) - rule.reg_alpha, 0.0)
    size = min(strength * inverse, rule.largest)
    return size * (2.0 * strength - size * curved)


@inner
def next_random(state):
    """The next of a sequence of random 64-bit numbers (splitmix64); moves the state."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inner
def random_below(state, n):
    """A random whole number below n."""
    return int((next_random(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0) * n)


@inner
def best_cut(rule, pull, mass, rows, direction, separate, random, room, delta):
    """Cut ordered bins in two, in the best place.

    Parameters
    ----------
    rule : StepRule
    pull, mass : ndarray of shape (n_outputs, n_bins)
    rows : ndarray of shape (n_bins,)
    direction : {-1, 0, 1}
        Which side must not get the smaller step: 1 the right one.
    separate : bool
        Whether bin 0 is a leaf of its own.
    random : ndarray of uint64, shape (1,)
        Breaks ties.
    room : ndarray of shape (3, n_bins) at least
        Room to work in.
    delta : ndarray of shape (n_outputs, n_bins)
        Written: what the step adds in each bin.

    Returns
    -------
    float
        The gain.
    """
    n_outputs, n_bins = pull.shape
    first = 1 if separate else 0
    left_pull, left_mass, gains = room[0], room[1], room[2]
    low, high = _cuts_with_rows(rule, rows, first)
    least = max(rule.min_hessian, TINY)
    for c in range(low, high + 1):
        gains[c] = 0.0
    parent = 0.0
    for k in range(n_outputs):
        total_pull = 0.0
        total_mass = 0.0
        pulls, masses = pull[k, first:], mass[k, first:]
        pull_sums, mass_sums = left_pull[first:n_bins], left_mass[first:n_bins]
        for b in range(len(pulls)):
            total_pull += pulls[b]
            total_mass += masses[b]
            pull_sums[b] = total_pull
            mass_sums[b] = total_mass
        parent += worth(rule, total_pull, total_mass)
        pulls, masses = left_pull[low : high + 1], left_mass[low : high + 1]
        if direction == 0:
            _add_gains(rule, total_pull, total_mass, least, pulls, masses, gains[low : high + 1])
        else:
            _add_directed_gains(
                rule, total_pull, total_mass, least, direction, pulls, masses,
                gains[low : high + 1],
            )  # fmt: skip
    cut, best = _largest(gains, low, high, random)
    gain = best - parent
    if cut < 0 or gain < TINY:
        cut, gain = n_bins - 1, 0.0
    if separate:
        gain += _gain_of_first(rule, pull, mass)
        if gain < TINY:
            gain, cut, separate = 0.0, n_bins - 1, False
    fill(rule, pull, mass, cut, separate, 0, rule.learning_rate, delta)
    return gain


@spliced
def _add_gains(rule, all_pull, all_mass, least, left_pull, left_mass, gains):
    """Add what both sides of every cut are worth."""
    for c in range(len(gains)):
        p0, m0 = left_pull[c], left_mass[c]
        p1, m1 = all_pull - p0, all_mass - m0
        c0, c1 = max(m0 + rule.reg_lambda, FLOOR), max(m1 + rule.reg_lambda, FLOOR)
        # One division for two: divisions are what takes the time here.
        inverse = 1.0 / (c0 * c1)
        gain = worth_over(rule, p0, c0, c1 * inverse) + worth_over(rule, p1, c1, c0 * inverse)
        gains[c] += gain if min(m0, m1) >= least else _IMPOSSIBLE


@spliced
def _add_directed_gains(rule, all_pull, all_mass, least, direction, left_pull, left_mass, gains):
    """The same, where the right side must not get the smaller or the larger step."""
    for c in range(len(gains)):
        pull, mass = left_pull[c], left_mass[c]
        rise = newton(rule, all_pull - pull, all_mass - mass) - newton(rule, pull, mass)
        gain = worth(rule, pull, mass) + worth(rule, all_pull - pull, all_mass - mass)
        legal = (min(mass, all_mass - mass) >= least) & (rise * direction >= 0.0)
        gains[c] += gain if legal else _IMPOSSIBLE


@inner
def random_cut(rule, pull, mass, direction, random, rate, delta):
    """Cut ordered bins in two, anywhere; the gain of that is not counted.

    A cut against the direction is none. `rate` is the learning rate.
    """
    n_bins = pull.shape[1]
    cut = random_below(random, n_bins - 1) if n_bins > 1 else 0
    fill(rule, pull, mass, cut, False, direction, rate, delta)
    return 0.0


@inner
def _cuts_with_rows(rule, rows, first):
    """The first and the last cut that leave enough rows on both sides."""
    n_bins = len(rows)
    enough = max(rule.min_rows, 1)
    low, seen = first, rows[first]
    while low < n_bins - 1 and seen < enough:
        low += 1
        seen += rows[low]
    high, seen = n_bins - 2, rows[n_bins - 1]
    while high >= low and seen < enough:
        seen += rows[high]
        high -= 1
    return low, high


@inner
def _largest(gains, low, high, random):
    """Where the largest gain is, and how large; a random place among equals."""
    best = 0.0
    here = gains[low : high + 1]
    for c in range(len(here)):
        best = here[c] if here[c] > best else best
    equals = 0
    for c in range(len(here)):
        equals += here[c] == best
    if equals == 0:
        return -1, best
    skip = random_below(random, equals) if equals > 1 else 0
    place = low
    while gains[place] != best or skip > 0:
        skip -= gains[place] == best
        place += 1
    return place, best


@inner
def _gain_of_first(rule, pull, mass):
    """What it is worth that bin 0 is a leaf of its own."""
    gain = 0.0
    for k in range(len(pull)):
        rest_pull, rest_mass = leaf_sums(pull, mass, k, 1, pull.shape[1])
        gain += worth(rule, pull[k, 0], mass[k, 0]) + worth(rule, rest_pull, rest_mass)
        gain -= worth(rule, pull[k, 0] + rest_pull, mass[k, 0] + rest_mass)
    return gain


@inner
def leaf_sums(pull, mass, k, first, end):
    """Sums over the bins from `first` to before `end`."""
    pulls, masses = pull[k, first:end], mass[k, first:end]
    total_pull, total_mass = 0.0, 0.0
    for b in range(len(pulls)):
        total_pull += pulls[b]
        total_mass += masses[b]
    return total_pull, total_mass


@inner
def fill(rule, pull, mass, cut, separate, direction, rate, delta):
    """Newton steps of the bins up to the cut, of the others, and of bin 0 if it is separate."""
    first = 1 if separate else 0
    n_bins = pull.shape[1]
    for k in range(len(pull)):
        left_pull, left_mass = leaf_sums(pull, mass, k, first, cut + 1)
        right_pull, right_mass = leaf_sums(pull, mass, k, cut + 1, n_bins)
        left = newton(rule, left_pull, left_mass)
        right = newton(rule, right_pull, right_mass)
        if (right - left) * direction < 0.0:
            left = right = newton(rule, left_pull + right_pull, left_mass + right_mass)
        low, high = delta[k, first : cut + 1], delta[k, cut + 1 : n_bins]
        for b in range(len(low)):
            low[b] = rate * left
        for b in range(len(high)):
            high[b] = rate * right
        if separate:
            delta[k, 0] = rate * newton(rule, pull[k, 0], mass[k, 0])


@inner
def best_split_of_categories(rule, pull, mass, rows, room, order, delta):
    """Cut categories in two sets, in the best place of their order by slope.

    Categories with few rows are one group, which goes to either side and never stands alone.

    Parameters
    ----------
    order : ndarray of int64, shape (n_bins,) at least
        The order of the categories when they were last cut, or any other; changed. All others as
        in :func:`best_cut`.
    """
    n_outputs, n_bins = pull.shape
    slopes = room[0]
    n_common = 0
    rare_rows = 0
    n_rows = 0
    for b in range(n_bins):
        n_rows += rows[b]
        if rows[b] >= rule.min_category_rows:
            slopes[b] = _slope(rule, pull, mass, b)
            n_common += 1
        else:
            slopes[b] = _IMPOSSIBLE
            rare_rows += rows[b]
    _sort(slopes, order[:n_bins])
    enough = max(rule.min_rows, 1)
    least = max(rule.min_hessian, TINY)
    gains = room[1]
    best, best_place, best_side = 0.0, -1, 0
    for side in range(2):
        rare_go_left = side == 0
        for place in range(n_common):
            gains[place] = 0.0
        for k in range(n_outputs):
            left_pull, left_mass, all_pull, all_mass = 0.0, 0.0, 0.0, 0.0
            for b in range(n_bins):
                all_pull += pull[k, b]
                all_mass += mass[k, b]
                if rare_go_left and rows[b] < rule.min_category_rows:
                    left_pull += pull[k, b]
                    left_mass += mass[k, b]
            for place in range(n_common - 1):
                left_pull += pull[k, order[place]]
                left_mass += mass[k, order[place]]
                if left_mass < least or all_mass - left_mass < least:
                    gains[place] = _IMPOSSIBLE
                gains[place] += worth(rule, left_pull, left_mass)
                gains[place] += worth(rule, all_pull - left_pull, all_mass - left_mass)
        left_rows = rare_rows if rare_go_left else 0
        for place in range(n_common - 1):
            left_rows += rows[order[place]]
            if left_rows < enough or n_rows - left_rows < enough:
                continue
            if gains[place] > best:
                best, best_place, best_side = gains[place], place, side
    gain = best
    for k in range(n_outputs):
        all_pull, all_mass = leaf_sums(pull, mass, k, 0, n_bins)
        gain -= worth(rule, all_pull, all_mass)
    if best_place < 0 or gain < TINY:
        fill(rule, pull, mass, n_bins - 1, False, 0, rule.learning_rate, delta)
        return 0.0
    for k in range(n_outputs):
        for b in range(n_bins):
            delta[k, b] = 1.0 if best_side == 0 and rows[b] < rule.min_category_rows else 0.0
        for q in range(best_place + 1):
            delta[k, order[q]] = 1.0
        left_pull, left_mass, right_pull, right_mass = 0.0, 0.0, 0.0, 0.0
        for b in range(n_bins):
            left_pull += delta[k, b] * pull[k, b]
            left_mass += delta[k, b] * mass[k, b]
            right_pull += (1.0 - delta[k, b]) * pull[k, b]
            right_mass += (1.0 - delta[k, b]) * mass[k, b]
        left = rule.learning_rate * newton(rule, left_pull, left_mass)
        right = rule.learning_rate * newton(rule, right_pull, right_mass)
        for b in range(n_bins):
            delta[k, b] = left if delta[k, b] == 1.0 else right
    return gain


@inner
def _sort(slopes, order):
    """Largest slopes first; by insertion, since few change places from step to step."""
    for q in range(1, len(order)):
        b = order[q]
        place = q
        while place > 0:
            other = order[place - 1]
            if slopes[other] > slopes[b] or (slopes[other] == slopes[b] and other < b):
                break
            order[place] = other
            place -= 1
        order[place] = b


@inner
def _slope(rule, pull, mass, b):
    slope = 0.0
    for k in range(len(pull)):
        slope += pull[k, b] / max(mass[k, b] + rule.category_smooth, TINY)
    return slope
