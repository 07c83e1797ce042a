"""Penalised iteratively reweighted least squares on basis rows.

The solver of the spline GAM: the coefficients that maximise a log-likelihood minus any number of
quadratic penalties, their posterior covariance, and the smoothing parameters by REML.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from glassbox.core.additive import Columns
from glassbox.solvers import _reml
from glassbox.solvers._design import Design, Smoothing
from glassbox.solvers._families import Family
from glassbox.solvers._gram import NormalEquations, accumulate
from glassbox.solvers._monotone import OrderedTerms
from glassbox.solvers._ridge import RIDGE, pygam_ridge

_WEAK_PRIOR = ("line", "level", "missing", "pair line")
_REML_STEPS_PER_PASS = 12
_REML_STEPS = 200
# Of log smoothing parameters: from where they start to where they do nothing, or everything.
_RANGE = 16.0
_LONGEST_REACH = 16.0
# As if each missing slot also held one row of no effect: an outlier alone in it is halved.
_LEAST_MISSING_RIDGE = 1.0
# Of the criterion, a sum over rows.
_REML_GRADIENT = 1e-6
_FEW_ROWS = 1_000
# Share of the outcome's variance that no fit explains: REML's noise never falls below it.
_LEAST_NOISE = 1e-3
_MOST_HALVINGS = 30
_SINGULAR = 1e-11

#: Coefficients (times predictors) beyond which the normal equations take several GB.
MAX_COORDINATES = 12_000


@dataclass(frozen=True)
class PenalisedFit:
    """What :func:`fit_penalised` found, in natural coordinates.

    Attributes
    ----------
    design : Design
    family : Family
    coordinates : ndarray of shape (n_coordinates, n_predictors)
    covariance : ndarray of shape (n_predictors, n_coordinates, n_predictors, n_coordinates)
        Posterior covariance of the coordinates, the dispersion included.
    dispersion : float
    strengths : dict of Smoothing to float
        The smoothing parameters.
    effective_df : float
        Effective degrees of freedom, the intercept included.
    deviance : float
    n_passes : int
        How often the rows were read.
    converged : bool
    working : WorkingModel or None
        The working model whose REML was maximised, if it was.
    """

    design: Design
    family: Family
    coordinates: np.ndarray
    covariance: np.ndarray
    dispersion: float
    strengths: dict[Smoothing, float]
    effective_df: float
    deviance: float
    n_passes: int
    converged: bool
    working: _reml.WorkingModel | None

    @property
    def coefficients(self) -> np.ndarray:
        """Coefficients of the design's columns, shape (n_columns, n_predictors)."""
        return self.design.transform @ self.coordinates

    @property
    def outputs(self) -> np.ndarray:
        """Coefficients of the model's scores, shape (n_columns, n_outputs)."""
        return self.coefficients @ self.family.contrasts.T


def fit_penalised(
    design: Design,
    columns: Columns,
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    *,
    fixed_strength: Callable[[Smoothing], float] | None = None,
    extra_penalties: Sequence[np.ndarray] = (),
    directions: Mapping[str, int] | None = None,
    max_iter: int = 100,
    tol: float = 1e-8,
    on_pass: Callable[[int, float], None] | None = None,
) -> PenalisedFit:
    """Fit the coefficients of a design.

    Parameters
    ----------
    design : Design
    columns : mapping of str to ndarray
        Typed columns of the training table.
    y : ndarray of shape (n_rows,)
        The outcome; class numbers for the multinomial family.
    weights : ndarray of shape (n_rows,)
        Positive; a row of weight three counts as three rows.
    family : Family
    fixed_strength : callable from Smoothing to float, optional
        The smoothing parameters. By default they are chosen by REML.
    extra_penalties : sequence of ndarray of shape (n_columns, n_columns)
        More quadratic penalties, strength included, over the design's columns (see
        ``design.slices``): half of ``c @ penalty @ c`` is taken off the log-likelihood (times
        the dispersion) for the coefficients c of each score.
    directions : mapping of str to {-1, 1}, optional
        Terms whose value coefficients must not decrease (1) or not increase (-1).
    max_iter : int
        Most passes over the rows.
    tol : float
        Stop when a Newton step promises to improve the penalised deviance by less than this many
        units of the dispersion.
    on_pass : callable from int and float to None, optional
        Is told the number of each pass and the deviance there.

    Returns
    -------
    PenalisedFit

    Warns
    -----
    ConvergenceWarning
        If `max_iter` passes were not enough.

    References
    ----------
    Wood (2011), "Fast stable restricted maximum likelihood and marginal likelihood estimation of
    semiparametric generalized linear models", JRSS B 73:3-36.
    """
    solver = _Solver(
        design, columns, y, weights, family, fixed_strength, extra_penalties, directions or {}
    )
    # Matrices of a few hundred rows gain nothing from threads, and where other programs use the
    # cores as well, BLAS threads that wait for one another cost dozens of times the work itself.
    with threadpool_limits(limits=1, user_api="blas"):
        return solver.run(max_iter, tol, on_pass or _say_nothing)


def _say_nothing(n_passes: int, deviance: float) -> None:
    pass


class _Solver:
    def __init__(
        self, design, columns, y, weights, family, fixed_strength, extra_penalties, directions
    ):
        self.design, self.family = design, family
        self.columns, self.y, self.weights = columns, y, weights
        self.n_predictors = family.contrasts.shape[1]
        self.n_coordinates = design.transform.shape[1]
        size = self.n_predictors * self.n_coordinates
        if size > MAX_COORDINATES:
            raise ValueError(
                f"The model would have {size:,} coefficients, more than the {MAX_COORDINATES:,} "
                "that its normal equations can hold. Use fewer knots, columns, categories or "
                "interactions."
            )
        self.smoothings = list(design.penalties)
        self.penalties = np.array(
            [np.tile(design.penalties[s], self.n_predictors) for s in self.smoothings]
        ).reshape(-1, size)
        self.weak_prior = np.array([s.kind in _WEAK_PRIOR for s in self.smoothings], dtype=bool)
        self.floor = np.zeros(size)
        self.log_strengths = np.zeros(len(self.smoothings))
        if fixed_strength is None:
            self.floor.reshape(self.n_predictors, -1)[:, 1:] = RIDGE
        else:
            extra_penalties = [pygam_ridge(design), *extra_penalties]
            with np.errstate(divide="ignore"):
                self.log_strengths = np.log(
                    np.array([fixed_strength(s) for s in self.smoothings], dtype=np.float64)
                )
        self.choose = fixed_strength is None and len(self.smoothings) > 0
        self.extra = self._in_coordinates(extra_penalties)
        self.ordered = OrderedTerms(design, directions) if directions else None
        start = np.zeros((self.n_predictors, self.n_coordinates))
        start[:, 0] = family.start(y, weights)
        self.start = start.ravel()
        self.lowest = self.highest = None
        self.reml_gradient = _REML_GRADIENT * max(1.0, len(y) / _FEW_ROWS)

    def _in_coordinates(self, extra_penalties):
        if not len(extra_penalties):
            return None
        total = np.sum(extra_penalties, axis=0)
        if total.shape != (self.design.n_columns,) * 2:
            raise ValueError(
                f"Extra penalties must have shape {(self.design.n_columns,) * 2}, one row per "
                f"column of the design; got {total.shape}."
            )
        transform = self.design.transform
        once = transform.T @ (transform.T @ total).T
        return linalg.block_diag(*[(once + once.T) / 2] * self.n_predictors)

    def run(
        self, max_iter: int, tol: float, on_pass: Callable[[int, float], None]
    ) -> PenalisedFit:
        """Newton steps until nothing is left to gain."""
        start = point = self.start
        settled = not self.choose
        previous, halvings, converged, working, inside = None, 0, False, None, False
        for n_passes in range(1, max_iter + 1):
            equations = self._pass(point)
            on_pass(n_passes, equations.deviance)
            if n_passes == 1:
                self.null_deviance = equations.deviance
            objective = self._objective(equations, point)
            if previous is not None and halvings < _MOST_HALVINGS:
                limit = self._objective_of(*previous)
                if not objective <= limit + 1e-9 * abs(limit):
                    point = (point + previous[1]) / 2
                    halvings += 1
                    continue
            halvings = 0
            if not settled:
                working = self._working(equations, point)
                settled = self._choose_strengths(working)
            diagonal = self._diagonal()
            target = self._newton(equations, point, diagonal, settled)
            step = target - point
            gain = step @ (equations.matrix @ step) + step @ self._penalise(step, diagonal)
            scale = self._rough_dispersion(equations)
            # The step into the order may well cost something; from then on none may.
            entering = self.ordered is not None and settled and not inside
            inside = inside or entering
            expanded_at = point
            previous = None if entering else (equations.deviance, point)
            at_optimum = settled and not entering and gain <= tol * scale
            if self.family.quadratic and settled:
                converged = True
                point = target
                break
            point = target
            if at_optimum:
                converged = True
                break
        if not converged:
            warnings.warn(
                f"The spline fit did not converge in {max_iter} passes over the rows (the last "
                f"step promised to improve the penalised deviance by {gain:.3g}). Raise max_iter, "
                "or simplify the model: a larger lam, fewer knots or interactions.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if not np.isfinite(point).all():
            point = start
        return self._finish(equations, expanded_at, point, n_passes, converged, working)

    def _pass(self, point: np.ndarray) -> NormalEquations:
        coordinates = point.reshape(self.n_predictors, -1).T
        with np.errstate(over="ignore", invalid="ignore"):
            return accumulate(
                self.design,
                self.columns,
                self.y,
                self.weights,
                self.family,
                self.design.transform @ coordinates,
            )

    def _diagonal(self) -> np.ndarray:
        return np.exp(self.log_strengths) @ self.penalties + self.floor

    def _penalise(self, point: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
        penalised = diagonal * point
        return penalised if self.extra is None else penalised + self.extra @ point

    def _objective_of(self, deviance: float, point: np.ndarray) -> float:
        return deviance + float(point @ self._penalise(point, self._diagonal()))

    def _objective(self, equations: NormalEquations, point: np.ndarray) -> float:
        return self._objective_of(equations.deviance, point)

    def _rough_dispersion(self, equations: NormalEquations) -> float:
        if self.family.dispersion_known:
            return 1.0
        return equations.deviance / self.weights.sum()

    def _working(self, equations: NormalEquations, point: np.ndarray) -> _reml.WorkingModel:
        matrix, slope = equations.matrix, equations.slope
        if self.extra is not None:
            matrix, slope = matrix + self.extra, slope - self.extra @ point
        return _reml.WorkingModel(
            matrix,
            slope,
            point,
            equations.deviance,
            self.penalties,
            self.floor,
            self.weak_prior,
            float(self.weights.sum()),
            _LEAST_NOISE * self.null_deviance,
            self.family.dispersion_known,
        )

    def _choose_strengths(self, working: _reml.WorkingModel) -> bool:
        """Improve the smoothing parameters; say whether they no longer needed it."""
        if not self.family.dispersion_known and not working.deviance > 0:
            return True
        if self.lowest is None:
            start = _reml.starting_strengths(working)
            self.lowest, self.highest = start - _RANGE, start + _RANGE
            missing = [s.kind == "missing" for s in self.smoothings]
            self.lowest[missing] = np.log(_LEAST_MISSING_RIDGE)
            self.log_strengths = start
            self.reach = np.full(len(start), _LONGEST_REACH)
            self.last_gradient = np.zeros(len(start))
        if self.family.quadratic:
            self.log_strengths, _ = _reml.maximise(
                working, self.log_strengths, self.lowest, self.highest, _REML_STEPS
            )
            return True
        here = _reml.evaluate(working, self.log_strengths)
        gradient = _reml.free_gradient(here, self.log_strengths, self.lowest, self.highest)
        if np.abs(gradient).max() < self.reml_gradient:
            return True
        # The working model changes with the coefficients: where classes separate, its maximum
        # jumps back and forth. A parameter that would turn back may only go half as far.
        turned = gradient * self.last_gradient < 0
        self.reach = np.where(turned, self.reach / 2, np.minimum(4 * self.reach, _LONGEST_REACH))
        self.last_gradient = gradient
        self.log_strengths, _ = _reml.maximise(
            working,
            self.log_strengths,
            np.maximum(self.lowest, self.log_strengths - self.reach),
            np.minimum(self.highest, self.log_strengths + self.reach),
            _REML_STEPS_PER_PASS,
        )
        return False

    def _newton(self, equations, point, diagonal, settled) -> np.ndarray:
        matrix = equations.matrix + np.diag(diagonal)
        if self.extra is not None:
            matrix = matrix + self.extra
        slope = equations.slope - self._penalise(point, diagonal)
        if self.ordered is not None and settled:
            return self.ordered.solve(matrix, matrix @ point + slope)
        return point + solve_positive(matrix, slope)

    def _finish(self, equations, expanded_at, point, n_passes, converged, working):
        diagonal = self._diagonal()
        matrix = equations.matrix + np.diag(diagonal)
        if self.extra is not None:
            matrix = matrix + self.extra
        inverse = inverse_positive(matrix)
        effective_df = float(np.sum(inverse * equations.matrix))
        step = point - expanded_at
        dispersion = 1.0
        if not self.family.dispersion_known:
            pearson = equations.pearson - 2 * equations.slope @ step
            pearson = max(pearson + step @ (equations.matrix @ step), 0.0)
            dispersion = pearson / max(self.weights.sum() - effective_df, 1.0)
        if self.lowest is not None:
            covariance = self._wary_covariance(equations, expanded_at) * dispersion
        else:
            covariance = inverse * dispersion
        shape = (self.n_predictors, self.n_coordinates)
        return PenalisedFit(
            self.design,
            self.family,
            point.reshape(shape).T,
            covariance.reshape(shape + shape),
            dispersion,
            dict(zip(self.smoothings, np.exp(self.log_strengths).tolist(), strict=True)),
            effective_df,
            equations.deviance,
            n_passes,
            converged,
            working,
        )

    def _wary_covariance(self, equations: NormalEquations, point: np.ndarray) -> np.ndarray:
        """Posterior covariance (over the dispersion) of coefficients whose smoothness is unknown.

        REML's own smoothing parameters are often too large to leave room for the shapes that
        few rows cannot show. For the band, all of them carry the weak prior, and the uncertainty
        that remains is added to first order: Kass & Steffey (1989), JASA 84:717-726; Wood, Pya &
        Saefken (2016), JASA 111:1548-1563, section 4.
        """
        model = replace(
            self._working(equations, point), weak_prior=np.ones(len(self.smoothings), dtype=bool)
        )
        _, here = _reml.maximise(model, self.log_strengths, self.lowest, self.highest, _REML_STEPS)
        precision, directions = np.linalg.eigh(-here.hessian)
        # A flat direction (a term that is a straight line already) is no reason for an
        # infinite variance: the coefficients do not move along it.
        moves = here.shifts @ directions / np.sqrt(np.maximum(precision, 0.1))
        return here.covariance + moves @ moves.T / here.dispersion


def solve_positive(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve with a positive semidefinite matrix; the smallest solution if there are many."""
    scale = _scale(matrix)
    scaled = matrix * scale[:, None] * scale
    try:
        factor = linalg.cho_factor(scaled, lower=True)
        if np.diag(factor[0]).min() ** 2 > _SINGULAR:
            return scale * linalg.cho_solve(factor, scale * right)
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(scaled)
    kept = values > _SINGULAR * values[-1]
    return scale * (vectors[:, kept] @ ((vectors[:, kept].T @ (scale * right)) / values[kept]))


def inverse_positive(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a positive semidefinite matrix, or its pseudo-inverse where it is singular."""
    scale = _scale(matrix)
    values, vectors = np.linalg.eigh(matrix * scale[:, None] * scale)
    kept = values > _SINGULAR * values[-1]
    return (vectors[:, kept] / values[kept] @ vectors[:, kept].T) * scale[:, None] * scale


def _scale(matrix: np.ndarray) -> np.ndarray:
    diagonal = np.diag(matrix)
    return 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
