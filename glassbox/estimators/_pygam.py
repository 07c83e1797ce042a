"""Fits by pyGAM, read as penalised fits of ours."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.schema import Schema
from glassbox.solvers._design import Design, Smoothing, TermDesign
from glassbox.solvers._families import Bernoulli, Family, Gamma, Gaussian, Poisson
from glassbox.solvers.pirls import PenalisedFit

_MACHINES = {
    Gaussian: "LinearGAM",
    Bernoulli: "LogisticGAM",
    Poisson: "PoissonGAM",
    Gamma: "GammaGAM",
}
_CONSTRAINTS = {-1: "monotonic_dec", 1: "monotonic_inc"}

# pyGAM holds constraints down with a penalty of 1e9: it leaves dips of about this size, as a
# share of the range of all coefficients. Larger ones mean that its iterations ended too early.
_LARGEST_DIP = 1e-3


def pygam_axis(column: Any, values: np.ndarray, n_knots: int, extrapolation: str) -> Axis:
    """The axis on which pyGAM's basis of a column lives.

    Parameters
    ----------
    column : ColumnSchema
    values : ndarray of shape (n_rows,)
        The typed column.
    n_knots : int
    extrapolation : {"constant", "linear"}
    """
    if column.kind == "categorical":
        return CategoricalAxis(column.name, column.categories, column.ordered)
    low, high = values.min(), values.max()
    high = low + 1.0 if high == low else high
    return NumericAxis(column.name, np.linspace(low, high, n_knots), 3, extrapolation)


def fit_with_pygam(
    mains: Sequence[Axis],
    pairs: Sequence[tuple[NumericAxis, NumericAxis]],
    schema: Schema,
    columns: Mapping[str, np.ndarray],
    y: np.ndarray,
    weights: np.ndarray,
    family: Family,
    *,
    strength: Callable[[Smoothing], float],
    directions: Mapping[str, int],
    max_iter: int,
) -> tuple[PenalisedFit, Any]:
    """Fit with pyGAM.

    Parameters
    ----------
    mains : sequence of Axis
        From :func:`pygam_axis`.
    pairs : sequence of pairs of NumericAxis
    schema : Schema
    columns : mapping of str to ndarray
        Without missing values.
    y, weights : ndarray of shape (n_rows,)
    family : Gaussian, Bernoulli, Poisson or Gamma
    strength : callable from Smoothing to float
    directions : mapping of str to {-1, 1}
    max_iter : int

    Returns
    -------
    PenalisedFit
        On the value coefficients themselves.
    GAM
        pyGAM's fitted object.
    """
    import pygam

    machine = getattr(pygam, _MACHINES[type(family)])
    terms = [_main(axis, schema, strength, directions) for axis in mains]
    for first, second in pairs:
        name = f"{first.name} & {second.name}"
        terms.append(
            pygam.te(
                *(schema.names.index(axis.name) for axis in (first, second)),
                n_splines=[first.n_values, second.n_values],
                lam=[strength(Smoothing("pair", name, side)) for side in (0, 1)],
            )
        )
    gam = machine(sum(terms[1:], terms[0]), max_iter=max_iter)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="invalid value", category=RuntimeWarning)
        table = np.column_stack([columns[name] for name in schema.names]).astype(np.float64)
        gam.fit(table, y, weights=None if np.all(weights == 1) else weights)
    converged = "did not converge" not in said.getvalue()
    if not converged:
        warnings.warn(
            f"pyGAM did not converge in {max_iter} iterations. Raise max_iter or lam, or use "
            "solver='pirls'.",
            ConvergenceWarning,
            stacklevel=2,
        )
    design = Design(
        tuple(_plain_design((axis,)) for axis in mains) + tuple(map(_plain_design, pairs))
    )
    return _read(gam, design, family, strength, directions, converged), gam


def _main(axis: Axis, schema: Schema, strength, directions) -> Any:
    import pygam

    feature = schema.names.index(axis.name)
    if isinstance(axis, CategoricalAxis):
        return pygam.f(feature, lam=strength(Smoothing("level", axis.name)))
    return pygam.s(
        feature,
        n_splines=axis.n_values,
        lam=strength(Smoothing("curve", axis.name)),
        constraints=_CONSTRAINTS.get(directions.get(axis.name, 0)),
    )


def _plain_design(axes: tuple[Axis, ...]) -> TermDesign:
    term = TermDesign(axes, np.empty((0, 0)), {})
    return TermDesign(axes, np.eye(len(term.slots)), {})


def _read(gam, design, family, strength, directions, converged) -> PenalisedFit:
    coefficients = np.zeros((design.n_columns, 1))
    kept = np.zeros(design.n_columns, dtype=int)
    held = np.zeros(design.n_columns, dtype=bool)
    for number, term in enumerate(design.terms):
        indices = np.array(gam.terms.get_coef_indices(number))
        here = np.arange(*design.slices[term.name].indices(design.n_columns))[: len(indices)]
        kept[here], held[here] = indices, True
        coefficients[here, 0] = _ordered(
            gam.coef_[indices], directions.get(term.name, 0), term.name, np.ptp(gam.coef_)
        )
    kept[0], held[0] = len(gam.coef_) - 1, True
    coefficients[0] = gam.coef_[-1]
    dispersion = float(gam.distribution.scale) if not family.dispersion_known else 1.0
    # Slots without rows are as uncertain as a coefficient of the solver "pirls" in such a slot.
    covariance = np.diag(np.where(held, 0.0, dispersion))
    covariance[np.ix_(held, held)] = gam.statistics_["cov"][np.ix_(kept[held], kept[held])]
    return PenalisedFit(
        design,
        family,
        coefficients,
        covariance[None, :, None, :],
        dispersion,
        {
            Smoothing("level", term.name): strength(Smoothing("level", term.name))
            for term in design.terms
            if isinstance(term.axes[0], CategoricalAxis)
        },
        float(gam.statistics_["edof"]),
        float(gam.statistics_["deviance"]),
        len(gam.logs_["deviance"]),
        converged,
        None,
    )


def _ordered(coefficients: np.ndarray, direction: int, name: str, scale: float) -> np.ndarray:
    if not direction:
        return coefficients
    ordered = direction * np.maximum.accumulate(direction * coefficients)
    dip = np.abs(ordered - coefficients).max()
    if dip > _LARGEST_DIP * scale:
        raise ValueError(
            f"pyGAM left a dip of {dip:.3g} in term {name!r}, which monotonic_cst wants "
            "monotone. Raise max_iter or lam, or use solver='pirls'."
        )
    return ordered
