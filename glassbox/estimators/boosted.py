"""Boosted GAMs: interpret's explainable boosting machine trains, the tables are glassbox's."""

from __future__ import annotations

import numbers
import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
from scipy.stats import t as student_t
from sklearn.metrics import mean_tweedie_deviance
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from glassbox.core.additive import AdditiveModel
from glassbox.estimators._boosted_order import nearest_monotone_model
from glassbox.estimators._directions import check_one_score, resolve_directions
from glassbox.estimators._interpret import read_ebm, to_interpret
from glassbox.estimators._pairs import column_name, resolve_pairs
from glassbox.estimators._progress import BagProgress
from glassbox.estimators._slots import SlotErrors
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveClassifier, AdditiveEstimator, AdditiveRegressor

_LOSSES = {
    "squared_error": "rmse",
    "log_squared_error": "rmse_log",
    "poisson": "poisson_deviance",
    "gamma": "gamma_deviance",
    "tweedie": "tweedie_deviance",
    "pseudo_huber": "pseudo_huber",
}
_LOG_LOSSES = ("log_squared_error", "poisson", "gamma", "tweedie")
# The variance of the outcome grows like this power of its mean; positive powers need y >= 0.
_VARIANCE_POWERS = {"poisson": 1.0, "tweedie": 1.5, "gamma": 2.0}

_ROUNDING = 1e-12

_PASSED_THROUGH = (
    "max_bins",
    "max_interaction_bins",
    "inner_bags",
    "learning_rate",
    "greedy_ratio",
    "cyclic_progress",
    "smoothing_rounds",
    "interaction_smoothing_rounds",
    "max_rounds",
    "early_stopping_rounds",
    "early_stopping_tolerance",
    "min_samples_leaf",
    "min_hessian",
    "reg_alpha",
    "reg_lambda",
    "max_delta_step",
    "gain_scale",
    "min_cat_samples",
    "cat_smooth",
    "missing",
    "max_leaves",
    "n_jobs",
)

_POSITIVE_INT = Interval(numbers.Integral, 1, None, closed="left")
_NON_NEGATIVE_INT = Interval(numbers.Integral, 0, None, closed="left")
_NON_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")


class _BoostedGAM(AdditiveEstimator):
    _parameter_constraints: dict = {
        "interactions": [_NON_NEGATIVE_INT, "array-like"],
        "monotonic_cst": ["array-like", dict, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "n_bags": [_POSITIVE_INT],
        "confidence_level": [Interval(numbers.Real, 0, 1, closed="neither")],
        "max_bins": [Interval(numbers.Integral, 3, None, closed="left")],
        "max_interaction_bins": [Interval(numbers.Integral, 3, None, closed="left")],
        "validation_size": [
            Interval(numbers.Real, 0, 1, closed="neither"),
            Interval(numbers.Integral, 0, None, closed="left"),
        ],
        "inner_bags": [_NON_NEGATIVE_INT],
        "learning_rate": [Interval(numbers.Real, 0, None, closed="neither")],
        "greedy_ratio": [_NON_NEGATIVE],
        "cyclic_progress": ["boolean", _NON_NEGATIVE],
        "smoothing_rounds": [_NON_NEGATIVE_INT],
        "interaction_smoothing_rounds": [_NON_NEGATIVE_INT],
        "max_rounds": [_NON_NEGATIVE_INT],
        "early_stopping_rounds": [_NON_NEGATIVE_INT],
        "early_stopping_tolerance": [numbers.Real],
        "min_samples_leaf": [_NON_NEGATIVE_INT],
        "min_hessian": [_NON_NEGATIVE],
        "reg_alpha": [_NON_NEGATIVE],
        "reg_lambda": [_NON_NEGATIVE],
        "max_delta_step": [_NON_NEGATIVE],
        "gain_scale": [_NON_NEGATIVE],
        "min_cat_samples": [_NON_NEGATIVE_INT],
        "cat_smooth": [_NON_NEGATIVE],
        "missing": [StrOptions({"low", "high", "separate", "gain"})],
        "max_leaves": [Interval(numbers.Integral, 2, None, closed="left")],
        "exclude": ["array-like", None],
        "n_jobs": [numbers.Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _fitted_state_names = ("n_rounds_", "repair_")

    def __init__(
        self,
        *,
        interactions=0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        n_bags=8,
        confidence_level=0.95,
        max_bins=256,
        max_interaction_bins=32,
        validation_size=0.15,
        inner_bags=0,
        learning_rate=0.015,
        greedy_ratio=10.0,
        cyclic_progress=False,
        smoothing_rounds=75,
        interaction_smoothing_rounds=75,
        max_rounds=50_000,
        early_stopping_rounds=50,
        early_stopping_tolerance=1e-5,
        min_samples_leaf=4,
        min_hessian=1e-4,
        reg_alpha=0.0,
        reg_lambda=0.0,
        max_delta_step=0.0,
        gain_scale=5.0,
        min_cat_samples=10,
        cat_smooth=10.0,
        missing="separate",
        max_leaves=2,
        exclude=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.interactions = interactions
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.n_bags = n_bags
        self.confidence_level = confidence_level
        self.max_bins = max_bins
        self.max_interaction_bins = max_interaction_bins
        self.validation_size = validation_size
        self.inner_bags = inner_bags
        self.learning_rate = learning_rate
        self.greedy_ratio = greedy_ratio
        self.cyclic_progress = cyclic_progress
        self.smoothing_rounds = smoothing_rounds
        self.interaction_smoothing_rounds = interaction_smoothing_rounds
        self.max_rounds = max_rounds
        self.early_stopping_rounds = early_stopping_rounds
        self.early_stopping_tolerance = early_stopping_tolerance
        self.min_samples_leaf = min_samples_leaf
        self.min_hessian = min_hessian
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.max_delta_step = max_delta_step
        self.gain_scale = gain_scale
        self.min_cat_samples = min_cat_samples
        self.cat_smooth = cat_smooth
        self.missing = missing
        self.max_leaves = max_leaves
        self.exclude = exclude
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _learn(self, table: TrainingTable) -> AdditiveModel:
        table = table.with_whole_weights_as_rows()
        directions = resolve_directions(self.monotonic_cst, table.schema)
        check_one_score(directions, len(getattr(self, "classes_", ())) - 1)
        pairs = self._requested_pairs(table)
        excluded = self._excluded(table)
        # interpret would make a column with a direction a constant in its pairs.
        repaired = _directions_in_pairs(directions, pairs, excluded, table.schema.names)
        kept = {name: sign for name, sign in directions.items() if name not in repaired}
        frame, types = to_interpret(table)
        ebm = self._machine()(
            **{name: getattr(self, name) for name in _PASSED_THROUGH},
            outer_bags=self.n_bags,
            validation_size=self._n_held_out(table.n_rows),
            objective=self._objective(),
            feature_types=types,
            interactions=pairs,
            exclude=excluded,
            # interpret takes a tenth longer per step when told of directions, be they all zero.
            monotone_constraints=[kept.get(name, 0) for name in table.schema.names]
            if kept
            else None,
            random_state=check_random_state(self.random_state).randint(np.iinfo(np.int32).max),
            callback=BagProgress(self.verbose) if self.verbose else None,
        )
        equal = np.all(table.weights == table.weights[0])
        with warnings.catch_warnings():
            # interpret warns that it cannot draw missing values and multiclass pairs; we can.
            warnings.filterwarnings("ignore", "Missing values detected", UserWarning)
            warnings.filterwarnings("ignore", "For multiclass we cannot", UserWarning)
            warnings.filterwarnings("ignore", "If validation_size is 0", UserWarning)
            ebm.fit(frame, table.y, sample_weight=None if equal else table.weights)
        if not np.isfinite(ebm.bagged_intercept_).all():
            raise ValueError(
                "A class has so few rows that some bag holds none of them. Give more rows of it, "
                "or leave the class out."
            )
        self.n_rounds_ = np.array(ebm.best_iteration_).sum(axis=0).tolist()
        model, bags = read_ebm(ebm, table)
        model = _without_rounding_dips(model, kept)
        model = self._with_bands(model, bags, table)
        self.repair_ = {}
        return self._repaired(model, repaired, table) if repaired else model

    def _n_held_out(self, n_rows: int) -> int:
        """Rows that each bag leaves out: at least one, since nothing else stops the boosting."""
        if self.validation_size == 0 or self.validation_size >= 1:
            n_held_out = int(self.validation_size)
        else:
            n_held_out = max(1, int(self.validation_size * n_rows))
        if n_held_out >= n_rows:
            raise ValueError(
                f"validation_size={self.validation_size!r} leaves no row to learn from: the table "
                f"has n_samples={n_rows} with a positive weight. Give more rows."
            )
        return n_held_out

    def _requested_pairs(self, table: TrainingTable) -> Any:
        """Pairs as interpret takes them: how many, or pairs of column numbers."""
        if isinstance(self.interactions, numbers.Integral):
            return int(self.interactions)
        names = table.schema.names
        pairs = resolve_pairs(self.interactions, table.schema)
        return [[names.index(name) for name in pair] for pair in pairs]

    def _excluded(self, table: TrainingTable) -> list | None:
        if self.exclude is None:
            return None
        names = table.schema.names

        def number(item: Any) -> int:
            return names.index(column_name(item, names, "exclude"))

        return [
            (number(item),)
            if isinstance(item, str | numbers.Integral)
            else tuple(number(name) for name in item)
            for item in self.exclude
        ]

    def _repaired(
        self, model: AdditiveModel, directions: dict[str, int], table: TrainingTable
    ) -> AdditiveModel:
        """The nearest model that keeps these directions; what it takes is remembered."""
        weights = table.weights
        nearest, changes = nearest_monotone_model(model, directions, table.columns, weights)
        before, after = model.scores(table.columns), nearest.scores(table.columns)
        change = np.average((after - before)[:, 0] ** 2, weights=weights)
        self.repair_ = {
            "terms": changes,
            "score": float(np.sqrt(change)),
            "loss_before": self._training_loss(before[:, 0], table),
            "loss_after": self._training_loss(after[:, 0], table),
        }
        return nearest

    @abstractmethod
    def _training_loss(self, scores: np.ndarray, table: TrainingTable) -> float:
        """Mean loss of scores on the training rows."""

    def _with_bands(
        self, model: AdditiveModel, bags: list[np.ndarray], table: TrainingTable
    ) -> AdditiveModel:
        held_out = self._n_held_out(table.n_rows) / table.n_rows
        if self.n_bags < 2 or held_out == 0:
            self.band_description_ = "no band: it needs n_bags of 2 or more and validation rows"
            return model
        self.band_description_ = (
            f"{self.confidence_level:.0%} pointwise confidence band (delete-d jackknife over "
            f"{self.n_bags} bags)"
        )
        # A bag lacks a share d of the rows. The spread of an estimate over such bags is
        # sqrt(d / (1 - d)) of its standard error (Shao & Wu 1989).
        jackknife = np.sqrt((1 - held_out) / held_out)
        quantile = student_t.ppf((1 + self.confidence_level) / 2, self.n_bags - 1)
        slot_errors = SlotErrors.of(model, table, self._variance_power())
        terms = []
        for term, every_bag in zip(model.terms, bags, strict=True):
            error = jackknife * every_bag.std(axis=0, ddof=1)
            half_width = quantile * np.maximum(error, slot_errors.of_term(term))
            terms.append(
                term.replace(
                    lower=term.coefficients - half_width, upper=term.coefficients + half_width
                )
            )
        return model.replace(terms=tuple(terms))


class BoostedGAMClassifier(AdditiveClassifier, _BoostedGAM):
    """Boosted generalised additive model for classes.

    One step function per feature (and per pair, on request), learned by cyclic gradient boosting
    (interpret's explainable boosting machine, Lou et al. 2012; Nori et al. 2019, arXiv
    1909.09223) and read, exactly, into an :class:`~glassbox.core.additive.AdditiveModel`. Two
    classes share one score (log-odds); more have one each (softmax).

    Parameters
    ----------
    interactions : int or list of pairs, default=0
        How many pairs to find among all columns (by FAST, Lou et al. 2013), or which to fit:
        pairs of column names or numbers.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns on which the score must fall (-1) or rise (1), whatever the values of all others.
        A column in no pair is boosted under its direction. One that takes part in a listed pair
        (or, if pairs are to be found, may take part in one) is boosted freely; afterwards, its
        tables are changed by as little as makes them keep it: see `repair_`.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    n_bags : int, default=8
        Subsamples without replacement that are boosted and averaged.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    max_bins, max_interaction_bins : int, default=256, 32
        Most bins of a numeric column, missing and unseen included: for its own shape, in pairs.
    validation_size : float or int, default=0.15
        Share or number of rows that each bag leaves out to stop early.
    inner_bags, learning_rate, greedy_ratio, cyclic_progress, smoothing_rounds, \
    interaction_smoothing_rounds, max_rounds, early_stopping_rounds, early_stopping_tolerance, \
    min_samples_leaf, min_hessian, reg_alpha, reg_lambda, max_delta_step, gain_scale, \
    min_cat_samples, cat_smooth, missing, max_leaves
        As in interpret, passed on to it.
    exclude : list of names and pairs, optional
        Terms that must not be in the model.
    n_jobs : int, optional
        Bags that are boosted at the same time.
    random_state : int, RandomState or None
        Seed of bags and random cuts.
    verbose : int, default=0
        Print progress: 1 every 2,000 steps of a bag, 2 every 1,000, ...

    Attributes
    ----------
    additive_model_ : AdditiveModel
    intercept_, term_names_, term_importances_, classes_, n_features_in_, feature_names_in_
        As in every additive estimator.
    band_description_ : str
        What the band of the shapes is.
    n_rounds_ : list of int
        Boosting steps of each bag.
    repair_ : dict
        What directions in pairs took; empty if no table had to be checked. "terms": for each
        term, the root of the mean squared change of its contributions to the training rows, on
        the link scale; "score": the same of the score; "loss_before", "loss_after": mean loss on
        the training rows, in nats.

    Notes
    -----
    **The band** around a shape is a delete-d jackknife confidence band (Shao & Wu 1989, Annals of
    Statistics 17(3):1176-1197). Each bag leaves a share d of the rows out; the standard deviation
    over bags, times ``sqrt((1 - d) / d)``, estimates the standard error of the shape; times the
    quantile of Student's t with ``n_bags - 1`` degrees of freedom, it is the half-width. A
    category and the missing slot stand alone, and are never given a smaller standard error than
    the Fisher information of their own rows allows. The band covers sampling error, not the bias
    of smoothing. In benchmarks/coverage.py the nominal 95 % band holds the truth at 96.5 % of the
    points on average: at 92 % for 0/1 outcomes of 500 rows, 96 % of 2,000 and 10,000, and 98 to
    99 % for numeric outcomes.

    **Directions in pairs.** A pair may turn a column whose main effect does not. So tables that
    were boosted freely are replaced by the nearest ones under which no sum of main effect and
    pairs turns, whatever the values of the partners, *missing* included: the sum of squared
    changes, weighted by the training rows in each cell, is least over all main effects and pairs
    of such columns together. Without pairs this is isotonic regression of the shape. Bands move
    along, and keep their widths.

    **The defaults** were chosen with benchmarks/defaults.py; interpret's own (3 pairs per feature,
    14 bags, 1,024 bins) take minutes on a table of 569 rows. Against 8 bags, 14 gain next to
    nothing and 4 lose on small tables; more than 256 bins gain nothing; stopping after 50 rounds
    without gain saves a quarter of the time. No pairs by default: on tables of some hundred rows
    they cost accuracy, and every pair is one more picture to read. From some thousand rows on,
    ``interactions=10`` is worth a try.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import BoostedGAMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = np.where(X[:, 0] + rng.normal(size=300) > 0, "died", "lived")
    >>> model = BoostedGAMClassifier(n_bags=2, random_state=0).fit(X, y)
    >>> model.term_names_
    ['x0', 'x1']
    >>> bool(np.allclose(
    ...     model.contributions(X).sum(axis=1) + model.intercept_, model.decision_function(X)
    ... ))
    True
    """

    def _machine(self):
        from interpret.glassbox import ExplainableBoostingClassifier

        return ExplainableBoostingClassifier

    def _objective(self) -> str:
        return "log_loss"

    def _variance_power(self) -> float:
        return 0.0

    def _training_loss(self, scores: np.ndarray, table: TrainingTable) -> float:
        losses = np.logaddexp(0.0, scores) - table.y * scores
        return float(np.average(losses, weights=table.weights))


class BoostedGAMRegressor(AdditiveRegressor, _BoostedGAM):
    """Boosted generalised additive model for numeric outcomes.

    As :class:`BoostedGAMClassifier`, with the loss of your choice.

    Parameters
    ----------
    loss : str, default="squared_error"
        "squared_error" (identity link); "log_squared_error", "poisson", "gamma", "tweedie" (log
        link); "pseudo_huber" (identity link). Parameters of interpret's follow a colon:
        "tweedie:variance_power=1.3", "pseudo_huber:delta=2".
    interactions : int or list of pairs, default=0
        How many pairs to find among all columns (by FAST, Lou et al. 2013), or which to fit:
        pairs of column names or numbers.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns on which the score must fall (-1) or rise (1), whatever the values of all others.
        A column in no pair is boosted under its direction. One that takes part in a listed pair
        (or, if pairs are to be found, may take part in one) is boosted freely; afterwards, its
        tables are changed by as little as makes them keep it: see `repair_`.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    n_bags : int, default=8
        Subsamples without replacement that are boosted and averaged.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    max_bins, max_interaction_bins : int, default=1024, 32
        Most bins of a numeric column, missing and unseen included: for its own shape, in pairs.
    validation_size : float or int, default=0.15
        Share or number of rows that each bag leaves out to stop early.
    inner_bags, learning_rate, greedy_ratio, cyclic_progress, smoothing_rounds, \
    interaction_smoothing_rounds, max_rounds, early_stopping_rounds, early_stopping_tolerance, \
    min_samples_leaf, min_hessian, reg_alpha, reg_lambda, max_delta_step, gain_scale, \
    min_cat_samples, cat_smooth, missing, max_leaves
        As in interpret, passed on to it.
    exclude : list of names and pairs, optional
        Terms that must not be in the model.
    n_jobs : int, optional
        Bags that are boosted at the same time.
    random_state : int, RandomState or None
        Seed of bags and random cuts.
    verbose : int, default=0
        Print progress: 1 every 2,000 steps of a bag, 2 every 1,000, ...

    Attributes
    ----------
    additive_model_ : AdditiveModel
    intercept_, term_names_, term_importances_, n_features_in_, feature_names_in_
        As in every additive estimator.
    band_description_ : str
        What the band of the shapes is: see :class:`BoostedGAMClassifier`.
    n_rounds_ : list of int
        Boosting steps of each bag.
    repair_ : dict
        What directions in pairs took; empty if no table had to be checked. "terms": for each
        term, the root of the mean squared change of its contributions to the training rows, on
        the link scale; "score": the same of the score; "loss_before", "loss_after": mean loss on
        the training rows: squared error, deviance or pseudo-Huber loss.

    Notes
    -----
    The defaults differ from the classifier's in what numeric outcomes, which tell more per row,
    repay: more bins, and more rounds of random cuts (interpret's own number). In
    benchmarks/recovery.py they bring the shapes closer to the truth than the classifier's do.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import BoostedGAMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = rng.poisson(np.exp(X[:, 0]))
    >>> model = BoostedGAMRegressor(loss="poisson", n_bags=2, random_state=0).fit(X, y)
    >>> model.additive_model_.link
    'log'
    """

    _parameter_constraints: dict = {**_BoostedGAM._parameter_constraints, "loss": [str]}

    def __init__(
        self,
        *,
        loss="squared_error",
        interactions=0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        n_bags=8,
        confidence_level=0.95,
        max_bins=1024,
        max_interaction_bins=32,
        validation_size=0.15,
        inner_bags=0,
        learning_rate=0.04,
        greedy_ratio=10.0,
        cyclic_progress=False,
        smoothing_rounds=500,
        interaction_smoothing_rounds=75,
        max_rounds=50_000,
        early_stopping_rounds=50,
        early_stopping_tolerance=1e-5,
        min_samples_leaf=4,
        min_hessian=1e-4,
        reg_alpha=0.0,
        reg_lambda=0.0,
        max_delta_step=0.0,
        gain_scale=5.0,
        min_cat_samples=10,
        cat_smooth=10.0,
        missing="separate",
        max_leaves=2,
        exclude=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            interactions=interactions,
            monotonic_cst=monotonic_cst,
            categorical_features=categorical_features,
            n_bags=n_bags,
            confidence_level=confidence_level,
            max_bins=max_bins,
            max_interaction_bins=max_interaction_bins,
            validation_size=validation_size,
            inner_bags=inner_bags,
            learning_rate=learning_rate,
            greedy_ratio=greedy_ratio,
            cyclic_progress=cyclic_progress,
            smoothing_rounds=smoothing_rounds,
            interaction_smoothing_rounds=interaction_smoothing_rounds,
            max_rounds=max_rounds,
            early_stopping_rounds=early_stopping_rounds,
            early_stopping_tolerance=early_stopping_tolerance,
            min_samples_leaf=min_samples_leaf,
            min_hessian=min_hessian,
            reg_alpha=reg_alpha,
            reg_lambda=reg_lambda,
            max_delta_step=max_delta_step,
            gain_scale=gain_scale,
            min_cat_samples=min_cat_samples,
            cat_smooth=cat_smooth,
            missing=missing,
            max_leaves=max_leaves,
            exclude=exclude,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss

    def _machine(self):
        from interpret.glassbox import ExplainableBoostingRegressor

        return ExplainableBoostingRegressor

    def _loss_name(self) -> str:
        name = self.loss.partition(":")[0]
        if name not in _LOSSES:
            raise ValueError(f"loss must be one of {list(_LOSSES)}, got {self.loss!r}.")
        return name

    def _objective(self) -> str:
        _, colon, parameters = self.loss.partition(":")
        return _LOSSES[self._loss_name()] + colon + parameters

    def _variance_power(self) -> float:
        return _VARIANCE_POWERS.get(self._loss_name(), 0.0)

    def _loss_parameter(self, name: str, default: float) -> float:
        parts = (part.partition("=") for part in self.loss.partition(":")[2].split(","))
        return next((float(value) for key, _, value in parts if key.strip() == name), default)

    def _training_loss(self, scores: np.ndarray, table: TrainingTable) -> float:
        name = self._loss_name()
        if name == "pseudo_huber":
            delta = self._loss_parameter("delta", 1.0)
            losses = delta**2 * (np.sqrt(1.0 + ((table.y - scores) / delta) ** 2) - 1.0)
            return float(np.average(losses, weights=table.weights))
        power = self._variance_power()
        if name == "tweedie":
            power = self._loss_parameter("variance_power", power)
        means = np.exp(scores) if name in _LOG_LOSSES else scores
        return float(
            mean_tweedie_deviance(table.y, means, sample_weight=table.weights, power=power)
        )

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        y = super()._encode_target(y)
        power = self._variance_power()
        lowest = y.min()
        if power and (lowest < 0 or (power >= 2 and lowest == 0)):
            allowed = "positive" if power >= 2 else "zero or more"
            raise ValueError(
                f"loss={self.loss!r} needs a target that is {allowed}, but y holds {lowest:g}. "
                "Shift it, or choose another loss."
            )
        return y


def _directions_in_pairs(
    directions: dict[str, int], pairs: Any, excluded: list | None, names: list[str]
) -> dict[str, int]:
    """Directions of columns that do, or may, take part in pairs.

    Raises
    ------
    ValueError
        If the main effect of one of them is excluded, which has to make up for its pairs.
    """
    if isinstance(pairs, int):
        found = directions if pairs else {}
    else:
        in_pairs = {names[number] for pair in pairs for number in pair}
        found = {name: sign for name, sign in directions.items() if name in in_pairs}
    for name in found:
        if (names.index(name),) in (excluded or []):
            raise ValueError(
                f"exclude names column {name!r}, which has a direction in monotonic_cst and may "
                "take part in pairs: its main effect has to rise where they fall. Exclude it "
                "no longer, drop its direction, or ask for pairs of other columns."
            )
    return dict(found)


def _without_rounding_dips(model: AdditiveModel, directions: dict[str, int]) -> AdditiveModel:
    """Mend dips of rounding size, so that the certificate of a constrained term is exact."""
    terms = []
    for term in model.terms:
        direction = directions.get(term.name, 0)
        if direction:
            coefficients = term.coefficients.copy()
            values = direction * coefficients[: term.axes[0].n_values]
            monotone = np.maximum.accumulate(values, axis=0)
            if np.abs(monotone - values).max() < _ROUNDING * max(1.0, np.abs(values).max()):
                coefficients[: term.axes[0].n_values] = direction * monotone
                term = term.replace(coefficients=coefficients)
        terms.append(term)
    return model.replace(terms=tuple(terms))
