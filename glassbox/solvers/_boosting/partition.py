"""Where one boosting step cuts a term, and what it adds on each side.

The rules are those of interpret's explainable boosting machine. Sums over the rows in a bin are
called *pull* (residuals) and *mass* (curvatures).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glassbox.solvers._boosting._compiled import inner, larger, spliced

TINY = np.finfo(np.float64).tiny
IMPOSSIBLE = -1e300
#: A cut has two sides.
SIDES = 2


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
def is_plain(rule):
    """Whether what a leaf is worth is the square of its pull over its curvature."""
    return rule.reg_alpha == 0.0 and rule.largest == np.inf


@inner
def inverse_curvature(rule, mass, least):
    """One over the curvature of a leaf; anything, if it has too little mass."""
    return 1.0 / (mass + rule.reg_lambda) if mass >= least else 1.0


@inner
def worth_over(rule, pull, inverse):
    """What a leaf is worth, given the inverse of its curvature."""
    strength = max(abs(pull) - rule.reg_alpha, 0.0)
    size = min(strength * inverse, rule.largest)
    return size * (2.0 * strength - size / inverse)


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
def weigh_cuts(rule, mass, rows, here, separate, up_to, inverses, span):
    """What the masses of ordered bins say about every cut, and which of them are legal.

    Parameters
    ----------
    rule : StepRule
    mass : ndarray of shape (n_outputs, n_cells)
    rows : ndarray of shape (n_cells,)
    here : slice
        The bins, among all cells.
    separate : bool
        Whether the first bin is a leaf of its own.
    up_to : ndarray of shape (n_outputs, n_cells)
        Written: the mass up to each bin.
    inverses : ndarray of shape (n_outputs * SIDES, n_cells)
        Written: inverse curvatures left and right of a cut after each bin.
    span : ndarray of int64, shape (2,)
        Written: the first and the last cut with enough rows and mass on both sides.
    """
    first = 1 if separate else 0
    ordered = slice(here.start + first, here.stop)
    least = max(rule.min_hessian, TINY)
    low, high = _cuts_with_rows(rule, rows[here], first)
    for k in range(len(mass)):
        sums = up_to[k, ordered]
        left, right = inverses[SIDES * k, ordered], inverses[SIDES * k + 1, ordered]
        sum_up(mass[k, ordered], sums)
        total = sums[len(sums) - 1]
        for c in range(len(sums)):
            left[c] = inverse_curvature(rule, sums[c], least)
        for c in range(len(sums)):
            right[c] = inverse_curvature(rule, total - sums[c], least)
        while low <= high and sums[low - first] < least:
            low += 1
        while low <= high and total - sums[high - first] < least:
            high -= 1
    span[0], span[1] = low, high


@inner
def best_cut(
    rule, pull, mass, here, up_to, inverses, span, direction, separate, random, room, delta
):  # fmt: skip
    """Cut ordered bins in two, in the best place.

    Parameters
    ----------
    rule : StepRule
    pull, mass : ndarray of shape (n_outputs, n_cells)
    here : slice
        The bins, among all cells.
    up_to, inverses, span : ndarray
        From :func:`weigh_cuts`.
    direction : {-1, 0, 1}
        Which side must not get the smaller step: 1 the right one.
    separate : bool
        Whether the first bin is a leaf of its own.
    random : ndarray of uint64, shape (1,)
        Breaks ties.
    room : ndarray of shape (2, n_bins) at least
        Room to work in.
    delta : ndarray of shape (n_outputs, n_bins) at least
        Written: what the step adds in each bin.

    Returns
    -------
    float
        The gain.
    """
    n_bins = here.stop - here.start
    first = 1 if separate else 0
    low, high = span
    cuts, cells = slice(low, high + 1), slice(here.start + low, here.start + high + 1)
    sums, gains = room[0, first:n_bins], room[1, cuts]
    at_cuts = room[0, cuts]
    gains[:] = 0.0
    parent = 0.0
    for k in range(len(pull)):
        sum_up(pull[k, here.start + first : here.stop], sums)
        all_pull, all_mass = sums[len(sums) - 1], up_to[k, here.stop - 1]
        parent += worth(rule, all_pull, all_mass)
        if direction == 0:
            left, right = inverses[SIDES * k, cells], inverses[SIDES * k + 1, cells]
            _add_gains(rule, all_pull, at_cuts, left, right, gains)
        else:
            masses = up_to[k, cells]
            _add_directed_gains(rule, all_pull, all_mass, direction, at_cuts, masses, gains)
    place, best = _largest(gains, random)
    cut = low + place
    gain = best - parent
    if place < 0 or gain < TINY:
        cut, gain = n_bins - 1, 0.0
    if separate:
        gain += _gain_of_first(rule, pull, mass, here)
        if gain < TINY:
            gain, cut, separate = 0.0, n_bins - 1, False
    fill(rule, pull, mass, here, cut, separate, 0, rule.learning_rate, delta)
    return gain


@inner
def sum_up(values, sums):
    """Sums up to each value, itself included.

    In four runs at once: a processor adds numbers faster than it can wait for each sum.
    """
    quarter = len(values) // 4
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    values_b, values_c = values[quarter : 2 * quarter], values[2 * quarter : 3 * quarter]
    values_d = values[3 * quarter :]
    sums_b, sums_c = sums[quarter : 2 * quarter], sums[2 * quarter : 3 * quarter]
    sums_d = sums[3 * quarter : len(values)]
    for i in range(quarter):
        a += values[i]
        b += values_b[i]
        c += values_c[i]
        d += values_d[i]
        sums[i], sums_b[i], sums_c[i], sums_d[i] = a, b, c, d
    for i in range(quarter, len(values_d)):
        d += values_d[i]
        sums_d[i] = d
    c += a + b
    b += a
    for i in range(len(sums_b)):
        sums_b[i] += a
    for i in range(len(sums_c)):
        sums_c[i] += b
    for i in range(len(sums_d)):
        sums_d[i] += c


@spliced
def _add_gains(rule, all_pull, pulls, left, right, gains):
    """Add what both sides of every cut are worth."""
    if is_plain(rule):
        for c in range(len(gains)):
            rest = all_pull - pulls[c]
            gains[c] += pulls[c] * pulls[c] * left[c] + rest * rest * right[c]
    else:
        for c in range(len(gains)):
            gains[c] += worth_over(rule, pulls[c], left[c])
            gains[c] += worth_over(rule, all_pull - pulls[c], right[c])


@spliced
def _add_directed_gains(rule, all_pull, all_mass, direction, pulls, masses, gains):
    """The same, where the right side must not get the smaller or the larger step."""
    for c in range(len(gains)):
        pull, mass = pulls[c], masses[c]
        rise = newton(rule, all_pull - pull, all_mass - mass) - newton(rule, pull, mass)
        gain = worth(rule, pull, mass) + worth(rule, all_pull - pull, all_mass - mass)
        gains[c] += gain if rise * direction >= 0.0 else IMPOSSIBLE


@inner
def random_cut(rule, pull, mass, here, direction, random, rate, delta):
    """Cut ordered bins in two, anywhere; the gain of that is not counted.

    A cut against the direction is none. `rate` is the learning rate.
    """
    n_bins = here.stop - here.start
    cut = random_below(random, n_bins - 1) if n_bins > 1 else 0
    fill(rule, pull, mass, here, cut, False, direction, rate, delta)
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
def _largest(gains, random):
    """Where the largest gain is, and how large; a random place among equals."""
    best = 0.0
    for c in range(len(gains)):
        best = larger(best, gains[c])
    equals = 0
    for c in range(len(gains)):
        equals += gains[c] == best
    if equals == 0:
        return -1, best
    skip = random_below(random, equals) if equals > 1 else 0
    place = 0
    # Bounded, lest numbers that have grown beyond all bounds lead out of the array.
    while place < len(gains) - 1 and (gains[place] != best or skip > 0):
        skip -= gains[place] == best
        place += 1
    return place, best


@inner
def _gain_of_first(rule, pull, mass, here):
    """What it is worth that the first bin is a leaf of its own."""
    gain = 0.0
    for k in range(len(pull)):
        own_pull, own_mass = pull[k, here.start], mass[k, here.start]
        rest_pull, rest_mass = leaf_sums(pull[k], mass[k], here.start + 1, here.stop)
        gain += worth(rule, own_pull, own_mass) + worth(rule, rest_pull, rest_mass)
        gain -= worth(rule, own_pull + rest_pull, own_mass + rest_mass)
    return gain


@inner
def leaf_sums(pull, mass, first, end):
    """Sums over the cells from `first` to before `end`."""
    pulls, masses = pull[first:end], mass[first:end]
    total_pull, total_mass = 0.0, 0.0
    for b in range(len(pulls)):
        total_pull += pulls[b]
        total_mass += masses[b]
    return total_pull, total_mass


@inner
def fill(rule, pull, mass, here, cut, separate, direction, rate, delta):
    """Newton steps of the bins up to the cut, of the others, and of a separate first one."""
    first = 1 if separate else 0
    n_bins = here.stop - here.start
    middle = here.start + cut + 1
    for k in range(len(pull)):
        left_pull, left_mass = leaf_sums(pull[k], mass[k], here.start + first, middle)
        right_pull, right_mass = leaf_sums(pull[k], mass[k], middle, here.stop)
        left = newton(rule, left_pull, left_mass)
        right = newton(rule, right_pull, right_mass)
        if (right - left) * direction < 0.0:
            left = right = newton(rule, left_pull + right_pull, left_mass + right_mass)
        delta[k, first : cut + 1] = rate * left
        delta[k, cut + 1 : n_bins] = rate * right
        if separate:
            delta[k, 0] = rate * newton(rule, pull[k, here.start], mass[k, here.start])


@inner
def no_step(rule, pull, mass, here, delta):
    """The same Newton step in all cells."""
    fill(rule, pull, mass, here, here.stop - here.start - 1, False, 0, rule.learning_rate, delta)


@inner
def best_split_of_categories(rule, pull, mass, rows, here, room, order, delta):
    """Cut categories in two sets, in the best place of their order by slope.

    Categories with few rows are one group, which goes to either side and never stands alone.

    Parameters
    ----------
    rows : ndarray of shape (n_cells,)
    order : ndarray of int64, shape (n_bins,)
        The order of the categories when they were last cut, or any other; changed. All others as
        in :func:`best_cut`.
    """
    pull, mass, rows = pull[:, here], mass[:, here], rows[here]
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
            slopes[b] = IMPOSSIBLE
            rare_rows += rows[b]
    _sort(slopes, order)
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
                    gains[place] = IMPOSSIBLE
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
        all_pull, all_mass = leaf_sums(pull[k], mass[k], 0, n_bins)
        gain -= worth(rule, all_pull, all_mass)
    if best_place < 0 or gain < TINY:
        no_step(rule, pull, mass, slice(0, n_bins), delta)
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
