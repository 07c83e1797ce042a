"""Spline GAMs: penalised cubic splines whose smoothness the data choose."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, Axis, CategoricalAxis
from glassbox.core.schema import ColumnSchema
from glassbox.core.terms import PAIR_SEPARATOR
from glassbox.estimators._directions import check_one_score, resolve_directions
from glassbox.estimators._outcomes import LOSSES, family_of
from glassbox.estimators._pairs import resolve_pairs
from glassbox.estimators._progress import say_pass
from glassbox.estimators._spline_tables import to_additive_model
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveClassifier, AdditiveEstimator, AdditiveRegressor
from glassbox.solvers._design import AxisSummary, Smoothing, make_design
from glassbox.solvers._families import Bernoulli, Family, Multinomial
from glassbox.solvers._knots import choose_axis
from glassbox.solvers._screen import rank_pairs
from glassbox.solvers.pirls import PenalisedFit, fit_penalised

# pyGAM's default.
_PYGAM_STRENGTH = 0.6


class _SplineGAM(AdditiveEstimator):
    _parameter_constraints: dict = {
        "solver": [StrOptions({"pirls", "pygam"})],
        "lam": [StrOptions({"reml"}), Interval(numbers.Real, 0, None, closed="left"), dict, None],
        "n_knots": [Interval(numbers.Integral, 2, None, closed="left")],
        "n_pair_knots": [Interval(numbers.Integral, 2, None, closed="left")],
        "knots": [StrOptions({"uniform", "quantile"})],
        "extrapolation": [StrOptions({"auto", "constant", "linear"})],
        "interactions": [Interval(numbers.Integral, 0, None, closed="left"), "array-like"],
        "monotonic_cst": ["array-like", dict, None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "confidence_level": [Interval(numbers.Real, 0, 1, closed="neither")],
        "max_iter": [Interval(numbers.Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
    }

    _fitted_state_names = ("lam_", "effective_df_", "dispersion_", "n_iter_")

    def __init__(
        self,
        *,
        solver="pirls",
        lam=None,
        n_knots=18,
        n_pair_knots=6,
        knots="uniform",
        extrapolation="auto",
        interactions=0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        confidence_level=0.95,
        max_iter=100,
        verbose=0,
    ):
        self.solver = solver
        self.lam = lam
        self.n_knots = n_knots
        self.n_pair_knots = n_pair_knots
        self.knots = knots
        self.extrapolation = extrapolation
        self.interactions = interactions
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.confidence_level = confidence_level
        self.max_iter = max_iter
        self.verbose = verbose

    def _learn(self, table: TrainingTable) -> AdditiveModel:
        if table.n_rows < 2:
            raise ValueError(
                f"A spline fit needs at least two rows of positive weight, got "
                f"n_samples={table.n_rows}."
            )
        family = self._family(table)
        directions = resolve_directions(self.monotonic_cst, table.schema)
        check_one_score(directions, family.contrasts.shape[1])
        learner = _LEARNERS[self.solver](self, table, family, directions)
        fit = learner.fit(self._pairs(learner))
        self.lam_ = {_strength_name(s): strength for s, strength in fit.strengths.items()}
        self.effective_df_ = fit.effective_df
        self.dispersion_ = fit.dispersion
        self.n_iter_ = fit.n_passes
        self.band_description_ = f"{self.confidence_level:.0%} pointwise {learner.band}"
        return learner.model(fit)

    def _pairs(self, learner: _Learner) -> list[tuple[str, str]]:
        if not isinstance(self.interactions, numbers.Integral):
            return resolve_pairs(self.interactions, learner.table.schema, learner.directions)
        if self.interactions == 0:
            return []
        candidates = learner.candidates()
        if len(candidates) < 2:
            return []
        model = learner.model(learner.fit([]))
        table, family = learner.table, learner.family
        predictor = model.scores(table.columns) @ family.contrasts
        ranked = rank_pairs(table.columns, candidates, table.y, table.weights, family, predictor)
        return ranked[: self.interactions]

    def _family(self, table: TrainingTable) -> Family:
        raise NotImplementedError


class _Learner:
    """From a training table to a penalised fit, and on to a model; one class per solver."""

    band: str

    def __init__(
        self,
        estimator: _SplineGAM,
        table: TrainingTable,
        family: Family,
        directions: Mapping[str, int],
    ):
        self.estimator, self.table, self.family = estimator, table, family
        self.directions = directions
        self.check()
        self.mains = [self.axis(column, estimator.n_knots) for column in table.schema.columns]
        self.summaries = {id(axis): self.summary(axis) for axis in self.mains}

    def check(self) -> None:
        """Refuse what the solver cannot do."""

    def axis(self, column: ColumnSchema, n_knots: int) -> Axis:
        """The axis of one column."""
        raise NotImplementedError

    def fit(self, pairs: list[tuple[str, str]]) -> PenalisedFit:
        """Fit all main effects and these pairs."""
        raise NotImplementedError

    def candidates(self) -> list[str]:
        """Columns that may take part in pairs."""
        return [name for name in self.table.schema.names if name not in self.directions]

    def summary(self, axis: Axis) -> AxisSummary:
        """Density and variance on an axis."""
        return AxisSummary.of(axis, self.table.columns[axis.name], self.table.weights)

    def pair_axes(self, pairs: list[tuple[str, str]]) -> list[tuple[Axis, Axis]]:
        """Axes of pairs: coarser than those of the main effects."""
        schema = self.table.schema
        names = dict.fromkeys(name for pair in pairs for name in pair)
        axes = {name: self.axis(schema[name], self.estimator.n_pair_knots) for name in names}
        return [(axes[first], axes[second]) for first, second in pairs]

    def strength_of(self, lam: float | Mapping[str, float]) -> Callable[[Smoothing], float]:
        """Look up fixed smoothing parameters."""

        def strength(smoothing: Smoothing) -> float:
            if smoothing.term is None:
                return 1.0
            return float(lam[smoothing.term] if isinstance(lam, Mapping) else lam)

        return strength

    def check_strengths(self, lam: Mapping[str, float], pairs: list[tuple[str, str]]) -> None:
        """Refuse a dict that does not fit the terms."""
        names = [*self.table.schema.names, *(PAIR_SEPARATOR.join(pair) for pair in pairs)]
        unknown = [name for name in lam if name not in names]
        absent = [name for name in names if name not in lam]
        if unknown or absent:
            raise ValueError(
                f"lam must name every term once: it lacks {absent} and names {unknown}, which "
                f"are no terms; the terms are {names}."
            )
        for name, value in lam.items():
            if not isinstance(value, numbers.Real) or not 0 <= value < np.inf:
                raise ValueError(f"lam of term {name!r} must be 0 or more, got {value!r}.")

    def model(self, fit: PenalisedFit) -> AdditiveModel:
        """The tables of a fit."""
        return to_additive_model(
            fit,
            self.summaries,
            self.table.columns,
            self.table.weights,
            confidence_level=self.estimator.confidence_level,
            directions=self.directions,
        )


class _Pirls(_Learner):
    band = "credible band (posterior of the penalised fit)"

    def axis(self, column: ColumnSchema, n_knots: int) -> Axis:
        if column.kind == "categorical":
            return CategoricalAxis(column.name, column.categories, column.ordered)
        outside = self.estimator.extrapolation
        return choose_axis(
            column.name,
            self.table.columns[column.name],
            self.table.weights,
            n_knots,
            self.estimator.knots,
            "constant" if outside == "auto" else outside,
        )

    def fit(self, pairs: list[tuple[str, str]]) -> PenalisedFit:
        lam = self.estimator.lam
        fixed = lam is not None and not isinstance(lam, str)
        if isinstance(lam, Mapping):
            self.check_strengths(lam, pairs)
        pair_axes = self.pair_axes(pairs)
        summaries = dict(self.summaries)
        for axis in (axis for pair in pair_axes for axis in pair):
            if id(axis) not in summaries:
                summaries[id(axis)] = self.summary(axis)
        design = make_design(self.mains, pair_axes, summaries, shrink_lines=not fixed)
        table = self.table
        return fit_penalised(
            design,
            table.columns,
            table.y,
            table.weights,
            self.family,
            fixed_strength=self.strength_of(lam) if fixed else None,
            directions=self.directions,
            max_iter=self.estimator.max_iter,
            on_pass=say_pass if self.estimator.verbose else None,
        )


class _PyGAM(_Learner):
    band = "confidence band (pyGAM's own covariance, which leaves out the bias of smoothing)"

    def check(self) -> None:
        if self.estimator.lam == "reml":
            self._refuse("choose the strength by REML", "lam='reml'", "give lam a number, or ")
        if self.estimator.knots != "uniform":
            self._refuse("place knots at quantiles", f"knots={self.estimator.knots!r}")
        if self.estimator.verbose:
            self._refuse("tell its progress", f"verbose={self.estimator.verbose!r}")
        if self.family.contrasts.shape[1] > 1:
            self._refuse("fit more than two classes", f"{len(self.family.contrasts)} classes")
        for column in self.table.schema.columns:
            values = self.table.columns[column.name]
            missing = np.isnan(values) if column.kind == "numeric" else values == MISSING_CODE
            if missing.any():
                self._refuse("handle missing values", f"{missing.sum()} in {column.name!r}")
            if column.name in self.directions and column.kind == "categorical":
                self._refuse("order categories", f"a direction for {column.name!r}")

    def _refuse(self, what: str, given: str, instead: str = "") -> None:
        raise ValueError(
            f"solver='pygam' cannot {what} (got {given}); {instead}use solver='pirls'."
        )

    def axis(self, column: ColumnSchema, n_knots: int) -> Axis:
        from glassbox.estimators._pygam import pygam_axis

        outside = self.estimator.extrapolation
        return pygam_axis(
            column,
            self.table.columns[column.name],
            n_knots,
            "linear" if outside == "auto" else outside,
        )

    def candidates(self) -> list[str]:
        kinds = {column.name: column.kind for column in self.table.schema.columns}
        return [name for name in super().candidates() if kinds[name] == "numeric"]

    def fit(self, pairs: list[tuple[str, str]]) -> PenalisedFit:
        from glassbox.estimators._pygam import fit_with_pygam

        for pair in pairs:
            if not set(pair) <= set(self.candidates()):
                self._refuse("fit pairs of categories", f"the pair {pair!r}")
        lam = _PYGAM_STRENGTH if self.estimator.lam is None else self.estimator.lam
        if isinstance(lam, Mapping):
            self.check_strengths(lam, pairs)
        table = self.table
        fit, _ = fit_with_pygam(
            self.mains,
            self.pair_axes(pairs),
            table.schema,
            table.columns,
            table.y,
            table.weights,
            self.family,
            strength=self.strength_of(lam),
            directions=self.directions,
            max_iter=self.estimator.max_iter,
        )
        return fit


_LEARNERS = {"pirls": _Pirls, "pygam": _PyGAM}


def _strength_name(smoothing: Smoothing) -> str:
    if smoothing.term is None:
        return f"({smoothing.kind})"
    side = f" [{smoothing.side}]" if smoothing.kind == "pair" else ""
    return f"{smoothing.term}{side}"


class SplineGAMClassifier(AdditiveClassifier, _SplineGAM):
    """Spline GAM for classes.

    One smooth curve per feature (and one surface per pair, on request), fitted by penalised
    likelihood. Two classes share one score (log-odds); more are one multinomial model with a
    score each, which sum to zero.

    Parameters
    ----------
    solver : {"pirls", "pygam"}, default="pirls"
        "pirls": penalised iteratively reweighted least squares, rows read in blocks. "pygam":
        pyGAM fits, and its model is converted exactly; it has no missing values, no more than two
        classes, no REML, no quantile knots and no pairs of categories.
    lam : "reml", float, dict of str to float, or None, default=None
        Strength of the smoothing. "reml": chosen for every term by restricted maximum likelihood;
        no grid search is needed. A number, or one number per term name: fixed, and then columns
        and penalties are pyGAM's, so that both solvers agree; a *missing* slot has a ridge of 1.
        None: "reml" for "pirls", pyGAM's own 0.6 for "pygam".
    n_knots : int, default=18
        Knots of a numeric column, both edges of the data included (18 make pyGAM's 20 splines).
        With "pirls", columns with few distinct values get fewer, and up to six values are joined
        by straight lines.
    n_pair_knots : int, default=6
        Knots of a numeric column in pairs.
    knots : {"uniform", "quantile"}, default="uniform"
        Equally wide segments, or segments with equally many rows.
    extrapolation : {"auto", "constant", "linear"}, default="auto"
        Beyond the data: the value at the edge, or the straight line that touches there. "auto" is
        "constant" for "pirls" and "linear" for "pygam", as pyGAM does.
    interactions : int or list of pairs, default=0
        How many pairs to find (by what the main effects leave unexplained, see
        :mod:`glassbox.solvers._screen`), or which to fit: pairs of column names or numbers. A
        column with a direction in `monotonic_cst` takes part in none. A pair adds nothing where
        one of its features is missing.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns on which the score must fall (-1) or rise (1); it does so over the whole input
        space, beyond the data too.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    max_iter : int, default=100
        Most passes over the rows.
    verbose : int, default=0
        Print a line after each pass over the rows.

    Attributes
    ----------
    lam_ : dict of str to float
        The smoothing parameters, by term; those that terms share are in brackets.
    effective_df_ : float
        Effective degrees of freedom of the fit.
    dispersion_ : float
        Estimated variance of the scatter around the mean (1 where the mean determines it).
    n_iter_ : int
        Passes over the rows (iterations, for pyGAM).
    band_description_ : str
        What the band is.

    Notes
    -----
    Numeric terms are cubic P-splines (Eilers & Marx 1996) with a second-order difference penalty;
    under REML their straight-line parts are shrunk together as well (Marra & Wood 2011), so that a
    feature without effect comes out nearly flat. Categories have a ridge, ordered ones a penalty
    on neighbours, *missing* slots a common ridge: a slot with few rows stays close to zero, the
    average patient, and one without rows is zero. Terms have mean zero over the training rows.

    The band is the Bayesian credible band of the penalised likelihood (Nychka 1988; Marra & Wood
    2012), for the centred term, widened for not knowing the smoothing parameters: its width comes
    from smoothing parameters under a prior that is flat in the standard deviation of a term's
    wiggles; with a fixed `lam` it is not widened. In benchmarks/coverage.py the nominal 95 % band
    covers 90 to 92 % of the points: it knows nothing of the jumps and sharp bends that a cubic
    spline rounds off. A term under a direction keeps the width of the unconstrained fit. With
    solver="pygam" the band comes from pyGAM's covariance and is narrower. Nothing is random in
    the fit.

    References
    ----------
    Wood (2017), "Generalized Additive Models: An Introduction with R", 2nd edition.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMClassifier
    >>> x = np.linspace(-2, 2, 400)[:, None]
    >>> y = np.sin(40 * np.arange(400)) < x[:, 0]
    >>> est = SplineGAMClassifier().fit(x, y)
    >>> est.term_names_
    ['x0']
    >>> est.predict(np.array([[-1.5], [1.5]]))
    array([False,  True])
    """

    def _family(self, table: TrainingTable) -> Family:
        n_classes = len(self.classes_)
        return Bernoulli() if n_classes == 2 else Multinomial(n_classes)


class SplineGAMRegressor(AdditiveRegressor, _SplineGAM):
    """Spline GAM for numeric outcomes.

    One smooth curve per feature (and one surface per pair, on request), fitted by penalised
    likelihood.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "gamma"}, default="squared_error"
        Normal scatter with the identity link; counts and positive outcomes with the log link.
    solver : {"pirls", "pygam"}, default="pirls"
        "pirls": penalised iteratively reweighted least squares, rows read in blocks. "pygam":
        pyGAM fits, and its model is converted exactly; it has no missing values, no more than two
        classes, no REML, no quantile knots and no pairs of categories.
    lam : "reml", float, dict of str to float, or None, default=None
        Strength of the smoothing. "reml": chosen for every term by restricted maximum likelihood;
        no grid search is needed. A number, or one number per term name: fixed, and then columns
        and penalties are pyGAM's, so that both solvers agree; a *missing* slot has a ridge of 1.
        None: "reml" for "pirls", pyGAM's own 0.6 for "pygam".
    n_knots : int, default=18
        Knots of a numeric column, both edges of the data included (18 make pyGAM's 20 splines).
        With "pirls", columns with few distinct values get fewer, and up to six values are joined
        by straight lines.
    n_pair_knots : int, default=6
        Knots of a numeric column in pairs.
    knots : {"uniform", "quantile"}, default="uniform"
        Equally wide segments, or segments with equally many rows.
    extrapolation : {"auto", "constant", "linear"}, default="auto"
        Beyond the data: the value at the edge, or the straight line that touches there. "auto" is
        "constant" for "pirls" and "linear" for "pygam", as pyGAM does.
    interactions : int or list of pairs, default=0
        How many pairs to find (by what the main effects leave unexplained, see
        :mod:`glassbox.solvers._screen`), or which to fit: pairs of column names or numbers. A
        column with a direction in `monotonic_cst` takes part in none. A pair adds nothing where
        one of its features is missing.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns on which the score must fall (-1) or rise (1); it does so over the whole input
        space, beyond the data too.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    max_iter : int, default=100
        Most passes over the rows.
    verbose : int, default=0
        Print a line after each pass over the rows.

    Attributes
    ----------
    lam_ : dict of str to float
        The smoothing parameters, by term; those that terms share are in brackets.
    effective_df_ : float
        Effective degrees of freedom of the fit.
    dispersion_ : float
        Estimated variance of the scatter around the mean (1 where the mean determines it).
    n_iter_ : int
        Passes over the rows (iterations, for pyGAM).
    band_description_ : str
        What the band is.

    Notes
    -----
    Numeric terms are cubic P-splines (Eilers & Marx 1996) with a second-order difference penalty;
    under REML their straight-line parts are shrunk together as well (Marra & Wood 2011), so that a
    feature without effect comes out nearly flat. Categories have a ridge, ordered ones a penalty
    on neighbours, *missing* slots a common ridge: a slot with few rows stays close to zero, the
    average patient, and one without rows is zero. Terms have mean zero over the training rows.

    The band is the Bayesian credible band of the penalised likelihood (Nychka 1988; Marra & Wood
    2012), for the centred term, widened for not knowing the smoothing parameters: its width comes
    from smoothing parameters under a prior that is flat in the standard deviation of a term's
    wiggles; with a fixed `lam` it is not widened. In benchmarks/coverage.py the nominal 95 % band
    covers 90 to 95 % of the points: it knows nothing of the jumps and sharp bends that a cubic
    spline rounds off. A term under a direction keeps the width of the unconstrained fit. With
    solver="pygam" the band comes from pyGAM's covariance and is narrower. Nothing is random in
    the fit.

    References
    ----------
    Wood (2017), "Generalized Additive Models: An Introduction with R", 2nd edition.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMRegressor
    >>> x = np.linspace(-2, 2, 200)[:, None]
    >>> est = SplineGAMRegressor().fit(x, np.sin(x[:, 0]))
    >>> bool(abs(est.predict([[1.0]])[0] - np.sin(1.0)) < 0.01)
    True
    """

    _parameter_constraints: dict = {
        **_SplineGAM._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
    }

    def __init__(
        self,
        *,
        loss="squared_error",
        solver="pirls",
        lam=None,
        n_knots=18,
        n_pair_knots=6,
        knots="uniform",
        extrapolation="auto",
        interactions=0,
        monotonic_cst=None,
        categorical_features="from_dtype",
        confidence_level=0.95,
        max_iter=100,
        verbose=0,
    ):
        super().__init__(
            solver=solver,
            lam=lam,
            n_knots=n_knots,
            n_pair_knots=n_pair_knots,
            knots=knots,
            extrapolation=extrapolation,
            interactions=interactions,
            monotonic_cst=monotonic_cst,
            categorical_features=categorical_features,
            confidence_level=confidence_level,
            max_iter=max_iter,
            verbose=verbose,
        )
        self.loss = loss

    def _family(self, table: TrainingTable) -> Family:
        return family_of(self.loss, float(table.y.min()), float(table.y.max()))
