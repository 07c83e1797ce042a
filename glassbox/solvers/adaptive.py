"""Adaptive penalised fits: shapes that are smooth where the data are, rough where they are not.

The coefficients of every term have normal priors on their local differences, each with a variance
that the data choose (empirical Bayes, with neighbours sharing what they know). Main effects are
one block of coefficients, each pair is another; blocks take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from glassbox.core.additive import Columns
from glassbox.core.layout import Layout, TermColumns
from glassbox.solvers._families import Family, LocalFit
from glassbox.solvers._priors import Prior, main_prior, pair_prior

#: Main effects with more coefficients than this are several blocks.
MAX_BLOCK = 1_536
_ROUNDS_OF_MAINS = 8
_ROUNDS_OF_ALL = 6
_FIRST_VISITS = 3
# After the user's factors: the variances stay, the coefficients follow.
_STRENGTHENED_ROUNDS = 4
_MOST_HALVINGS = 5
# Of the predictor's standard deviation, or of 1 for a logit: changes below it are no changes.
_SETTLED = 1e-3


@dataclass
class Block:
    """Coefficients that are solved for together.

    Attributes
    ----------
    name : str
    terms : tuple of TermColumns
    here : slice
        Where they stand in the layout.
    rows : sparse array of shape (n_rows, size)
    priors : list of Prior
        One per predictor.
    covariances : list of ndarray of shape (size, size)
        Posterior covariance, one per predictor.
    """

    name: str
    terms: tuple[TermColumns, ...]
    here: slice
    rows: sparse.csr_array
    priors: list[Prior]
    covariances: list[np.ndarray]

    def gram(self, curvature: np.ndarray) -> np.ndarray:
        """Weighted cross products of the basis rows."""
        return _weighted_gram(self.rows, curvature)


@dataclass
class AdaptiveFit:
    """What :func:`fit_adaptive` found.

    Attributes
    ----------
    layout : Layout
    family : Family
    intercept : ndarray of shape (n_predictors,)
    coefficients : ndarray of shape (n_columns, n_predictors)
    blocks : list of Block
    predictor : ndarray of shape (n_rows, n_predictors)
        At the training rows.
    dispersion : float
        1 where the mean determines the variance.
    effective_df : float
    deviance : float
    n_rounds : int
    """

    layout: Layout
    family: Family
    intercept: np.ndarray
    coefficients: np.ndarray
    blocks: list[Block]
    predictor: np.ndarray
    dispersion: float
    effective_df: float
    deviance: float
    n_rounds: int

    def without_rows(self) -> AdaptiveFit:
        """What a later fit needs to begin with, and nothing that shows single rows."""
        blocks = [replace(block, rows=None) for block in self.blocks]
        return replace(self, blocks=blocks, predictor=None)


@dataclass(frozen=True)
class Part:
    """Coefficients that are solved for together, and what is known of them.

    Attributes
    ----------
    here : slice
        Where they stand in the layout.
    precision : ndarray of shape (n_predictors, size, size)
        Prior precision of what differs from a constant.
    inverse : ndarray of shape (n_predictors, size, size)
        Inverse of the whole precision, data included: the posterior covariance.
    band : ndarray of shape (n_predictors, size, size)
        Posterior covariance under a prior that allows for what few rows cannot show.
    """

    here: slice
    precision: np.ndarray
    inverse: np.ndarray
    band: np.ndarray


def fit_adaptive(
    layout: Layout,
    columns: Columns,
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    *,
    strengths: Mapping[str, float] | None = None,
    start: AdaptiveFit | None = None,
    on_round: Callable[[int, float], None] | None = None,
) -> AdaptiveFit:
    """Fit tables whose local smoothness the data choose.

    Parameters
    ----------
    layout : Layout
        Main effects first, then pairs.
    columns : mapping of str to ndarray
        Typed columns of the training table.
    y : ndarray of shape (n_rows,)
        The outcome; class numbers for the multinomial family.
    weights : ndarray of shape (n_rows,)
        Positive; a row of weight three counts as three rows.
    family : Family
    strengths : mapping of str to float, optional
        Factors on the precision of a term's differences that the data chose.
    start : AdaptiveFit, optional
        A fit of the same layout and family to begin with.
    on_round : callable from int and float to None, optional
        Is told the number of each round and the deviance there.

    Returns
    -------
    AdaptiveFit

    References
    ----------
    MacKay (1992), "Bayesian interpolation", Neural Computation 4(3):415-447. Wood & Fasiolo
    (2017), "A generalized Fellner-Schall method for smoothing parameter optimization",
    Biometrics 73:1071-1081. Ruppert & Carroll (2000), "Spatially-adaptive penalties for spline
    fitting", Australian & New Zealand Journal of Statistics 42:205-223.
    """
    # Matrices of a few hundred rows gain nothing from threads, and waiting threads cost much
    # where other programs use the cores as well.
    with threadpool_limits(limits=1, user_api="blas"):
        solver = _Solver(layout, columns, y, weights, family, strengths or {})
        if start is not None:
            solver.begin_at(start)
        return solver.run(on_round)


class _Solver:
    def __init__(self, layout, columns, y, weights, family: Family, strengths):
        self.layout, self.family = layout, family
        self.y, self.weights = y, weights
        self.total = float(weights.sum())
        self.n_predictors = family.contrasts.shape[1]
        self.intercept = np.array(family.start(y, weights), dtype=np.float64)
        self.coefficients = np.zeros((layout.n_columns, self.n_predictors))
        self.predictor = np.tile(self.intercept, (len(y), 1))
        start = self._local_fit()
        self.dispersion = 1.0
        if not family.dispersion_known:
            self.dispersion = max(start.pearson / self.total, np.finfo(float).tiny ** 0.5)
        # On the identity link shapes are as large as the outcome's scatter; a log or a logit
        # has a scale of its own.
        self.unit = self.dispersion if family.link == "identity" else 1.0
        self.least_dispersion = 1e-6 * self.dispersion
        self.columns, self.strengths = columns, strengths
        self.blocks = self._make_blocks()
        self.freedom = {block.name: 0.0 for block in self.blocks}
        self.grams: dict[str, np.ndarray] = {}

    def _make_blocks(self) -> list[Block]:
        blocks, mains, size = [], [], 0
        groups: list[list] = []
        for term in self.layout.terms:
            if len(term.axes) == 2:
                groups.append([term])
                continue
            if mains and size + term.n_columns > MAX_BLOCK:
                mains, size = [], 0
            if not mains:
                groups.append(mains)
            mains.append(term)
            size += term.n_columns
        for terms in groups:
            part = Layout(tuple(terms))
            rows = part.rows(self.columns)
            start = self.layout.slices[terms[0].name].start
            here = slice(start, start + part.n_columns)
            priors = [self._prior(terms, rows, {})] * self.n_predictors
            none = [None] * self.n_predictors
            blocks.append(Block(terms[0].name, tuple(terms), here, rows, priors, none))
        return blocks

    def _prior(self, terms, rows, strengths: Mapping[str, float]) -> Prior:
        if len(terms[0].axes) == 2:
            strength = strengths.get(terms[0].name, 1.0)
            return pair_prior(terms[0], rows, self.weights, self.unit, strength)
        return main_prior(terms, rows, self.columns, self.weights, self.unit, strengths)

    def strengthen(self) -> bool:
        """Put the user's factors on the priors that the data chose; say whether there are any."""
        names = [term.name for term in self.layout.terms]
        if all(self.strengths.get(name, 1.0) == 1 for name in names):
            return False
        for block in self.blocks:
            prior = self._prior(block.terms, block.rows, self.strengths)
            block.priors = [replace(prior, variances=p.variances) for p in block.priors]
        return True

    def begin_at(self, start: AdaptiveFit) -> None:
        """Take over coefficients, variances and dispersion."""
        self.intercept = start.intercept.copy()
        self.dispersion = max(start.dispersion, self.least_dispersion)
        self.coefficients = start.coefficients.copy()
        self.predictor[:] = self.intercept
        for block, other in zip(self.blocks, start.blocks, strict=True):
            self.predictor += block.rows @ self.coefficients[block.here]
            block.priors = [
                replace(prior, variances=before.variances)
                for prior, before in zip(block.priors, other.priors, strict=True)
            ]
            block.covariances = list(other.covariances)

    def _local_fit(self) -> LocalFit:
        return self.family.local_fit(self.y, self.predictor, self.weights)

    def run(self, on_round) -> AdaptiveFit:
        mains = [block for block in self.blocks if not block.priors[0].overlapping]
        n_rounds = 0
        for blocks, most in ((mains, _ROUNDS_OF_MAINS), (self.blocks, _ROUNDS_OF_ALL)):
            if blocks is self.blocks and len(mains) == len(blocks):
                break
            for _ in range(most):
                before = self.predictor.copy()
                for block in blocks:
                    self._visit(block)
                n_rounds += 1
                fit = self._local_fit()
                if on_round is not None:
                    on_round(n_rounds, fit.deviance)
                self._update_dispersion(fit)
                moved = np.sqrt(np.mean((self.predictor - before) ** 2))
                if moved < _SETTLED * np.sqrt(self.unit):
                    break
        if self.strengthen():
            for _ in range(_STRENGTHENED_ROUNDS):
                for block in self.blocks:
                    self._visit(block, learn=False)
        return AdaptiveFit(
            self.layout,
            self.family,
            self.intercept,
            self.coefficients,
            self.blocks,
            self.predictor,
            self.dispersion,
            1.0 + sum(self.freedom.values()),
            self._local_fit().deviance,
            n_rounds,
        )

    def _update_dispersion(self, fit: LocalFit) -> None:
        if self.family.dispersion_known:
            return
        left = max(self.total - 1.0 - sum(self.freedom.values()), 0.1 * self.total)
        self.dispersion = max(fit.pearson / left, self.least_dispersion)

    def _visit(self, block: Block, learn: bool = True) -> None:
        first = block.covariances[0] is None and block.priors[0].overlapping
        for _ in range(_FIRST_VISITS if first else 1):
            freedom = 0.0
            for a in range(self.n_predictors):
                self._centre(a)
                freedom += self._solve(block, a, learn)
            self.freedom[block.name] = freedom

    def _centre(self, a: int) -> None:
        fit = self._local_fit()
        step = fit.slope[:, a].sum() / max(fit.curvature[:, a, a].sum(), 1e-12)
        self.intercept[a] += step
        self.predictor[:, a] += step

    def _solve(self, block: Block, a: int, learn: bool) -> float:
        """A Newton step in one block, then (to learn) the variances that fit it better."""
        fit = self._local_fit()
        gram = self._gram(block, fit.curvature[:, a, a]) / self.dispersion
        old = self.coefficients[block.here, a]
        prior = block.priors[a]
        precision = prior.precision()
        covariance = inverse_positive(gram + precision)
        slope = (block.rows.T @ fit.slope[:, a]) / self.dispersion
        new = covariance @ (slope + gram @ old)
        self._move(block, a, old, new, fit.deviance, precision)
        block.covariances[a] = covariance
        if learn:
            block.priors[a] = prior.updated(self.coefficients[block.here, a], covariance)
        return float(np.sum(covariance * gram))

    def _gram(self, block: Block, curvature: np.ndarray) -> np.ndarray:
        if not self.family.quadratic:
            return block.gram(curvature)
        if block.name not in self.grams:
            self.grams[block.name] = block.gram(curvature)
        return self.grams[block.name]

    def _move(self, block, a, old, new, deviance, precision) -> None:
        """Go to the new coefficients, or half as far if that is worse."""
        start = self.predictor[:, a].copy()
        step = block.rows @ (new - old)
        limit = deviance / self.dispersion + old @ precision @ old
        share = 1.0
        for _ in range(_MOST_HALVINGS):
            self.predictor[:, a] = start + share * step
            here = old + share * (new - old)
            if self.family.quadratic:
                break
            reached = self._local_fit().deviance / self.dispersion + here @ precision @ here
            if reached <= limit + 1e-9 * abs(limit):
                break
            share /= 2
        else:
            here = old
            self.predictor[:, a] = start
        self.coefficients[block.here, a] = here


def posterior(
    fit: AdaptiveFit, y: np.ndarray, weights: np.ndarray, growth: float = 1.0
) -> list[Part]:
    """What is known of the coefficients of each block.

    Parameters
    ----------
    fit : AdaptiveFit
    y, weights : ndarray of shape (n_rows,)
        What the fit was made from.
    growth : float
        How many times more rows there will be, if the fit was made from some of them.

    Returns
    -------
    list of Part
    """
    local = fit.family.local_fit(y, fit.predictor, weights)
    with threadpool_limits(limits=1, user_api="blas"):
        return [_part(fit, block, local, growth) for block in fit.blocks]


def more_informed(
    part: Part, rows: sparse.csr_array, curvature: np.ndarray, dispersion: float
) -> Part:
    """A part after more rows: what was known before is the prior.

    Parameters
    ----------
    part : Part
        Before these rows.
    rows : sparse array of shape (n_rows, size)
        Basis rows of the part's coefficients.
    curvature : ndarray of shape (n_rows, n_predictors)
        Weighted curvature of the log-likelihood, by predictor.
    dispersion : float
    """
    precisions, inverses, bands = [], [], []
    for a, (inverse, band) in enumerate(zip(part.inverse, part.band, strict=True)):
        information = _weighted_gram(rows, curvature[:, a]) / dispersion
        precisions.append(inverse_positive(inverse.copy()))
        inverses.append(inverse_positive(information + precisions[-1]))
        bands.append(inverse_positive(information + inverse_positive(band.copy())))
    return Part(part.here, np.array(precisions), np.array(inverses), np.array(bands))


def prior_parts(
    layout: Layout,
    columns: Columns,
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    strengths: Mapping[str, float] | None = None,
) -> tuple[list[Part], float]:
    """The priors with which a fit begins, and the dispersion of the model without terms."""
    solver = _Solver(layout, columns, y, weights, family, strengths or {})
    solver.strengthen()
    parts = []
    for block in solver.blocks:
        precision = np.array([prior.precision(centred=False) for prior in block.priors])
        nothing = np.zeros_like(precision)
        parts.append(Part(block.here, precision, nothing, nothing))
    return parts, solver.dispersion


def _part(fit: AdaptiveFit, block: Block, local: LocalFit, growth: float) -> Part:
    precisions, inverses, bands = [], [], []
    for a, prior in enumerate(block.priors):
        information = block.gram(local.curvature[:, a, a]) * (growth / fit.dispersion)
        precisions.append(prior.precision(centred=False))
        inverses.append(inverse_positive(information + prior.precision()))
        loose = prior.loosened(fit.coefficients[block.here, a], inverses[-1])
        bands.append(inverse_positive(information + loose.precision()))
    return Part(block.here, np.array(precisions), np.array(inverses), np.array(bands))


def _weighted_gram(rows: sparse.csr_array, curvature: np.ndarray) -> np.ndarray:
    scaled = rows.copy()
    scaled.data = scaled.data * np.repeat(np.sqrt(curvature), np.diff(rows.indptr))
    return (scaled.T @ scaled).toarray()


def inverse_positive(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a positive definite matrix, which is overwritten."""
    factor, failed = linalg.lapack.dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError("The normal equations are not positive definite.")
    inverse, _ = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse)
    return lower + np.tril(lower, -1).T
