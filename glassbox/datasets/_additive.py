"""Tables of any size, drawn from additive models that are known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from sklearn.utils import Bunch, check_random_state

from glassbox.datasets._additive_shapes import (
    KINDS,
    Bilinear,
    Levels,
    Loaded,
    NumericShape,
    population,
)
from glassbox.datasets._missingness import MECHANISMS, hide
from glassbox.datasets._truth import centre

TASKS = ("classification", "multiclass", "regression", "poisson")
LEVEL_NAMES = "abcdefgh"


def make_additive(
    n_samples: int = 1000,
    n_features: int = 10,
    *,
    task: str = "classification",
    n_informative: int | None = None,
    kinds: Sequence[str] | None = None,
    n_categorical: int = 0,
    n_pairs: int = 0,
    correlation: float = 0.0,
    marginal: str = "normal",
    signal: float = 1.5,
    intercept: float = 0.0,
    noise: float | None = None,
    n_classes: int | None = None,
    missing: str | None = None,
    missing_rate: float | None = None,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
    as_frame: bool = True,
) -> Bunch | tuple:
    """Generate a table from an additive model whose shapes are known.

    Parameters
    ----------
    n_samples, n_features : int, default=1000 and 10
        The size of the table.
    task : {"classification", "multiclass", "regression", "poisson"}, default="classification"
        What the score becomes: the log-odds of 1, one logit per class, the mean of a normal
        distribution, or the logarithm of the mean of a count.
    n_informative : int, default=None
        The first so many columns have an effect; the effect of the others is exactly zero.
        None gives all an effect.
    kinds : sequence of str, default=None
        The kinds of shape of the numeric columns, begun again when used up: "linear",
        "quadratic", "sine", "step" (two jumps), "kink" (an absolute value), "tanh", "plateau"
        (flat, a rise, flat) and "null" (none). None takes all but "null", in this order.
    n_categorical : int, default=0
        The last so many columns are categorical, with 3, 4, 5, 6 levels in turn.
    n_pairs : int, default=0
        How many pairs of informative numeric columns interact, neighbours first.
    correlation : float in [0, 1), default=0.0
        Between any two columns, on the scale of a Gaussian copula.
    marginal : {"normal", "uniform"}, default="normal"
        The distribution of each numeric column: standard normal, or uniform from -2 to 2.
    signal : float, default=1.5
        The standard deviation that the score would have with independent columns. All effects
        get equal shares of the variance.
    intercept : float, default=0.0
        The score at which all centred effects are zero; for a multiclass table, that of each
        class.
    noise : float, default=None
        The standard deviation around the mean, for the task "regression" only. None means 1.
    n_classes : int, default=None
        For the task "multiclass" only. None means 3.
    missing : {None, "random", "age_dependent", "when_sick", "unable"}, default=None
        How values of the numeric columns other than ``x0`` go missing. ``x0``, which stays
        complete, plays the part of age.

        - "random": completely at random. The missing slot has the mean effect.
        - "age_dependent": more in the old (high ``x0``). The missing slot has the mean effect.
        - "when_sick": values are ordered when the patient is sick, so that a low effect goes
          missing. The missing slot has the effect of a normal value, the middle of the range.
        - "unable": more in the old, who cannot be measured. The missing slot is itself a risk:
          0.5 above the mean effect.
    missing_rate : float in (0, 1), default=None
        The expected share of missing values in each column concerned. None means 0.2.
    random_state : int, RandomState instance or None, default=None
        Determines the table.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Return pandas objects. Otherwise NumPy arrays; with categorical columns the data are
        then of dtype object.

    Returns
    -------
    Bunch, or (data, target) if ``return_X_y``
        Dictionary-like object with the attributes

        data : DataFrame of shape (n_samples, n_features)
            Columns ``x0``, ``x1``, ... and then ``c0``, ``c1``, ...
        target : Series of shape (n_samples,)
            The outcome.
        frame : DataFrame
            Data and target (``y``) in one table, or None if not ``as_frame``.
        feature_names : list of str
            The columns of ``data``.
        shapes : dict of str to callable
            The effect of each column on the score, centred: its mean over the data is zero.
            Called with an array of values (NaN for missing) or of levels. For a multiclass
            table it returns one column per class.
        pair_shapes : dict of (str, str) to callable
            The joint effect of each pair, called with two arrays. Under the distribution that
            the columns are drawn from, correlation included, it holds no main effect; its mean
            over the data is zero. Where one of the two is missing it is what its centring
            left, a constant.
        kinds : dict of str to str
            The kind of each column: one of ``kinds``, or "levels".
        intercept : float or ndarray of shape (n_classes,)
            The intercept that goes with them.
        score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The true score: the intercept plus all effects.
        mean : ndarray of the shape of ``score``
            The expected outcome: a probability, a mean or a rate.
        probability : ndarray
            The same as ``mean``, for the tasks "classification" and "multiclass" only.

    Notes
    -----
    The effect of a pair is bilinear in the normal scores of its columns with their main
    effects taken out, which has a closed form for a bivariate normal distribution. Missing
    values that depend on the columns of a pair disturb this purity somewhat.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.datasets import make_additive
    >>> table = make_additive(500, 4, n_pairs=1, correlation=0.5, random_state=0)
    >>> table.data.shape, table.kinds["x1"], list(table.pair_shapes)
    ((500, 4), 'quadratic', [('x0', 'x1')])
    >>> total = table.intercept + sum(table.shapes[name](table.data[name]) for name in table.data)
    >>> total = total + table.pair_shapes["x0", "x1"](table.data["x0"], table.data["x1"])
    >>> bool(np.allclose(total, table.score, rtol=0, atol=1e-12))
    True
    """
    n_numeric = n_features - n_categorical
    if n_informative is None:
        n_informative = n_features
    _check(
        (n_samples >= 1, f"n_samples={n_samples!r} must be at least 1."),
        (task in TASKS, f"task={task!r} is not one of {TASKS}."),
        (
            0 <= n_categorical <= n_features and n_features >= 1,
            f"n_categorical={n_categorical!r} must be between 0 and n_features={n_features!r}, "
            "which must be at least 1.",
        ),
        (
            0 <= n_informative <= n_features,
            f"n_informative={n_informative!r} must be between 0 and n_features={n_features!r}.",
        ),
        (
            0 <= correlation < 1,
            f"correlation={correlation!r} must be at least 0 and below 1.",
        ),
        (
            marginal in ("normal", "uniform"),
            f"marginal={marginal!r} is not one of 'normal', 'uniform'.",
        ),
        (signal >= 0, f"signal={signal!r} must not be negative."),
        (
            noise is None or (task == "regression" and noise >= 0),
            f"noise={noise!r} is for task='regression' only, and not negative.",
        ),
        (
            n_classes is None or (task == "multiclass" and n_classes >= 2),
            f"n_classes={n_classes!r} is for task='multiclass' only, and at least 2.",
        ),
        (
            missing is None or missing in MECHANISMS,
            f"missing={missing!r} is not None or one of {MECHANISMS}.",
        ),
        (
            missing is None or n_numeric >= 2,
            f"missing={missing!r} needs two numeric columns: x0 stays complete.",
        ),
        (
            missing_rate is None or (missing is not None and 0 < missing_rate < 1),
            f"missing_rate={missing_rate!r} must lie between 0 and 1, and needs a mechanism "
            "in missing.",
        ),
    )
    kinds = tuple(k for k in KINDS if k != "null") if kinds is None else tuple(kinds)
    for kind in kinds:
        _check((kind in KINDS, f"kinds holds {kind!r}, which is not one of {tuple(KINDS)}."))
    _check((len(kinds) > 0, "kinds is empty: name at least one kind of shape."))

    rng = check_random_state(random_state)
    numeric = [f"x{i}" for i in range(n_numeric)]
    categorical = [f"c{i}" for i in range(n_categorical)]
    columns = [*numeric, *categorical]
    kind_of = dict(zip(numeric, (kinds[i % len(kinds)] for i in range(n_numeric)), strict=True))
    kind_of |= dict.fromkeys(categorical, "levels")
    kind_of |= dict.fromkeys(columns[n_informative:], "null")
    pairs = _choose_pairs([name for name in numeric[:n_informative]], n_pairs)

    effects = sum(kind != "null" for kind in kind_of.values()) + n_pairs
    share = signal / np.sqrt(max(effects, 1))
    # One strand of chance per part, so that asking for missing values or for another task does
    # not change the rows, nor a further column those before it.
    draw_rows, draw_levels, draw_classes, draw_gaps, draw_outcome = (
        np.random.RandomState(rng.randint(2**31 - 1)) for _ in range(5)
    )

    normal_scores = _copula(n_samples, len(columns), correlation, draw_rows)
    data, shapes = {}, {}
    for i, name in enumerate(columns):
        if name in categorical:
            n_levels = 3 + int(name[1:]) % 4
            effect = draw_levels.standard_normal(n_levels)
            effect = (effect - effect.mean()) / effect.std() * share
            if kind_of[name] == "null":
                effect = np.zeros(n_levels)
            labels = list(LEVEL_NAMES[:n_levels])
            rank = np.minimum((population.cdf(normal_scores[:, i]) * n_levels), n_levels - 1)
            data[name] = pd.Categorical.from_codes(rank.astype(int), categories=labels)
            shapes[name] = Levels(dict(zip(labels, effect.tolist(), strict=True)))
        else:
            data[name] = population.from_normal_scores(normal_scores[:, i], marginal)
            shapes[name] = NumericShape.of_kind(kind_of[name], marginal, share)
    data = pd.DataFrame(data)
    pair_shapes = {names: Bilinear.of(correlation, marginal, share) for names in pairs}
    if missing is not None:
        rate = 0.2 if missing_rate is None else missing_rate
        data, shapes = hide(data, shapes, numeric[1:], missing, rate, draw_gaps)
    if task == "multiclass":
        n_classes = 3 if n_classes is None else n_classes
        shapes = {k: Loaded.drawn(v, n_classes, draw_classes) for k, v in shapes.items()}
        pair_shapes = {k: Loaded.drawn(v, n_classes, draw_classes) for k, v in pair_shapes.items()}
        intercepts = np.full(n_classes, float(intercept))
    else:
        intercepts = float(intercept)

    truth = centre(data, shapes, pair_shapes, intercepts, keep_intercept=True)
    mean, outcome = _draw_outcome(task, truth.score, noise, draw_outcome)
    target = pd.Series(outcome, name="y")
    if as_frame:
        X, y = data, target
    else:
        X, y = data.to_numpy(dtype=object if categorical else float), outcome
    if return_X_y:
        return X, y
    bunch = Bunch(
        data=X,
        target=y,
        frame=data.assign(y=target) if as_frame else None,
        feature_names=columns,
        shapes=truth.shapes,
        pair_shapes=truth.pair_shapes,
        kinds=kind_of,
        intercept=truth.intercept,
        score=truth.score,
        mean=mean,
    )
    if task in ("classification", "multiclass"):
        bunch.probability = mean
    return bunch


def _check(*conditions: tuple[bool, str]) -> None:
    for holds, message in conditions:
        if not holds:
            raise ValueError(message)


def _choose_pairs(informative: list[str], n_pairs: int) -> list[tuple[str, str]]:
    candidates = list(combinations(range(len(informative)), 2))
    _check(
        (
            0 <= n_pairs <= len(candidates),
            f"n_pairs={n_pairs!r} must be between 0 and {len(candidates)}, the number of pairs "
            "of informative numeric columns.",
        )
    )
    # Neighbours that share no column come first: (0, 1), (2, 3), ..., (1, 2), ...
    candidates.sort(key=lambda pair: (pair[1] - pair[0], pair[0] % 2, pair[0]))
    return [(informative[i], informative[j]) for i, j in candidates[:n_pairs]]


def _copula(n: int, p: int, correlation: float, rng: np.random.RandomState) -> np.ndarray:
    """Return normal scores of which any two columns have the same correlation."""
    shared = rng.standard_normal((n, 1))
    # Drawn column by column: the first columns do not depend on how many follow.
    own = np.column_stack([rng.standard_normal(n) for _ in range(p)])
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own


def _draw_outcome(
    task: str, score: np.ndarray, noise: float | None, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected outcome, and a drawn one."""
    n = len(score)
    if task == "classification":
        mean = expit(score)
        return mean, (rng.uniform(size=n) < mean).astype(int)
    if task == "multiclass":
        mean = softmax(score, axis=1)
        # The last class closes the interval whatever rounding did to the sum.
        above = rng.uniform(size=(n, 1)) > np.cumsum(mean, axis=1)[:, :-1]
        return mean, above.sum(axis=1)
    if task == "poisson":
        mean = np.exp(score)
        return mean, rng.poisson(mean)
    return score, score + (1.0 if noise is None else noise) * rng.standard_normal(n)
