"""Boosted GAMs: tables that are boosted step by step, by glassbox's own engine or by interpret."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import mean_tweedie_deviance

from glassbox.estimators._boosted_base import BoostedGAM
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveClassifier, AdditiveRegressor
from glassbox.solvers._boosting.losses import Loss

_LOSSES = {
    "squared_error": "rmse",
    "log_squared_error": "rmse_log",
    "poisson": "poisson_deviance",
    "gamma": "gamma_deviance",
    "tweedie": "tweedie_deviance",
    "pseudo_huber": "pseudo_huber",
}
_LOG_LOSSES = ("log_squared_error", "poisson", "gamma", "tweedie")
# Of each loss that has one: its parameter, the default, and what it lies between.
_PARAMETERS = {
    "tweedie": ("variance_power", 1.5, 1.0, 2.0),
    "pseudo_huber": ("delta", 1.0, 0.0, np.inf),
}
# The variance of the outcome grows like this power of its mean; positive powers need y >= 0.
_VARIANCE_POWERS = {"poisson": 1.0, "tweedie": 1.5, "gamma": 2.0}


class BoostedGAMClassifier(AdditiveClassifier, BoostedGAM):
    """Boosted generalised additive model for classes.

    One step function per feature (and per pair, on request), learned by cyclic gradient boosting
    as in interpret's explainable boosting machine (Lou et al. 2012; Nori et al. 2019, arXiv
    1909.09223): by glassbox's own engine, which takes most steps in the space of bins, or by
    interpret itself. Two classes share one score (log-odds); more have one each (softmax).

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
        As in interpret. Its own are `inner_bags` above 0, `max_leaves` above 2 and
        ``missing="gain"``, which ``engine="gram"`` refuses.
    exclude : list of names and pairs, optional
        Terms that must not be in the model.
    engine : {"gram", "interpret"}, default="gram"
        What boosts: glassbox's own engine, or interpret. Parameters and tables mean the same in
        both, and what only one can do the other refuses by name.
    warm_start : bool, default=False
        Whether `fit` goes on with the tables of the last fit, bag by bag: on the same columns,
        bins, bags and terms, after a change of `max_rounds`, say. The bags draw by the seed of the
        first fit; of other rows than its own, those that a bag holds out may be rows that it has
        learned from. Not with ``engine="interpret"``.
    device : {"cpu", "auto", "cuda", "cuda:0", ...}, default="cpu"
        Where rows are read (needs the extra `nets`); steps do not depend on the number of rows
        and stay on the CPU. Without a CUDA device that is asked for, a warning, and the CPU;
        "auto" does without the warning. Not with ``engine="interpret"``.
    n_jobs : int, optional
        Threads that read rows and boost bags, which share one copy of the table; processes with
        ``engine="interpret"``. Results do not depend on it.
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
    of smoothing. In benchmarks/coverage.py the nominal 95 % band holds the truth at 97.8 % of the
    points on average: at 94 % for 0/1 outcomes of 500 rows, 97 % of 2,000 and 10,000, and at more
    than 99 % for numeric outcomes, where it is wider than need be.

    **The engines.** ``engine="gram"`` follows interpret's rules of cuts, leaves, order and
    stopping; with nothing left to chance it gives interpret's tables (tests/solvers/boosting). It
    keeps sums of residuals and curvatures for every bin and bag, and a step changes those of the
    other features by what the joint distribution of their bins foretells; every few rounds all
    rows are read, and the sums are exact again. What differs on purpose was measured
    (benchmarks/README.md). Steps of the smoothing rounds begin five times as large and shrink to
    `learning_rate`. Categories and the missing slot lean on a normal prior that is worth one row,
    so that a single patient's score stays within reason. Categories are cut at their best also in
    the smoothing rounds. Tables are looked at between rounds, not between steps, to stop early.

    **Directions in pairs.** A pair may turn a column whose main effect does not. So tables that
    were boosted freely are replaced by the nearest ones under which no sum of main effect and
    pairs turns, whatever the values of the partners, *missing* included: the sum of squared
    changes, weighted by the training rows in each cell, is least over all main effects and pairs
    of such columns together. Without pairs this is isotonic regression of the shape. Bands move
    along, and keep their widths.

    **The defaults** were chosen with benchmarks/defaults.py. Against 8 bags, 14 gain next to
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

    def _loss(self) -> Loss:
        n_classes = len(self.classes_)
        if n_classes == 2:
            return Loss.named("log_loss")
        return Loss.named("multinomial", n_outputs=n_classes)

    def _variance_power(self) -> float:
        return 0.0

    def _training_loss(self, scores: np.ndarray, table: TrainingTable) -> float:
        losses = np.logaddexp(0.0, scores) - table.y * scores
        return float(np.average(losses, weights=table.weights))


class BoostedGAMRegressor(AdditiveRegressor, BoostedGAM):
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
        As in interpret. Its own are `inner_bags` above 0, `max_leaves` above 2 and
        ``missing="gain"``, which ``engine="gram"`` refuses.
    exclude : list of names and pairs, optional
        Terms that must not be in the model.
    engine : {"gram", "interpret"}, default="gram"
        What boosts: glassbox's own engine, or interpret. Parameters and tables mean the same in
        both, and what only one can do the other refuses by name.
    warm_start : bool, default=False
        Whether `fit` goes on with the tables of the last fit, bag by bag: on the same columns,
        bins, bags and terms, after a change of `max_rounds`, say. The bags draw by the seed of the
        first fit; of other rows than its own, those that a bag holds out may be rows that it has
        learned from. Not with ``engine="interpret"``.
    device : {"cpu", "auto", "cuda", "cuda:0", ...}, default="cpu"
        Where rows are read (needs the extra `nets`); steps do not depend on the number of rows
        and stay on the CPU. Without a CUDA device that is asked for, a warning, and the CPU;
        "auto" does without the warning. Not with ``engine="interpret"``.
    n_jobs : int, optional
        Threads that read rows and boost bags, which share one copy of the table; processes with
        ``engine="interpret"``. Results do not depend on it.
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

    _parameter_constraints: dict = {**BoostedGAM._parameter_constraints, "loss": [str]}

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
        engine="gram",
        warm_start=False,
        device="cpu",
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
            engine=engine,
            warm_start=warm_start,
            device=device,
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

    def _loss_parameter(self) -> float:
        """The parameter that stands in the loss, or its default; 0 for a loss without any."""
        name, _, given = self.loss.partition(":")
        if name not in _PARAMETERS:
            if given:
                raise ValueError(f"loss={self.loss!r}: {name!r} has no parameters.")
            return 0.0
        parameter, default, low, high = _PARAMETERS[name]
        if not given:
            return default
        key, _, text = given.partition("=")
        try:
            value = float(text) if key.strip() == parameter else np.nan
        except ValueError:
            value = np.nan
        if not low < value < high:
            raise ValueError(
                f"loss={self.loss!r}: {name!r} takes {parameter!r}, a number between {low:g} and "
                f"{high:g}, such as '{name}:{parameter}={default:g}'."
            )
        return value

    def _objective(self) -> str:
        self._loss_parameter()
        _, colon, parameters = self.loss.partition(":")
        return _LOSSES[self._loss_name()] + colon + parameters

    def _loss(self) -> Loss:
        name = self._loss_name()
        if name == "log_squared_error":
            raise ValueError(
                "loss='log_squared_error' is not possible with engine='gram'; use "
                "engine='interpret', or loss='poisson', which has a log link, too."
            )
        return Loss.named(name, self._loss_parameter())

    def _variance_power(self) -> float:
        return _VARIANCE_POWERS.get(self._loss_name(), 0.0)

    def _training_loss(self, scores: np.ndarray, table: TrainingTable) -> float:
        name = self._loss_name()
        if name == "pseudo_huber":
            delta = self._loss_parameter()
            losses = delta**2 * (np.sqrt(1.0 + ((table.y - scores) / delta) ** 2) - 1.0)
            return float(np.average(losses, weights=table.weights))
        power = self._variance_power()
        if name == "tweedie":
            power = self._loss_parameter()
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
