"""Purification: main effects moved out of pair terms, under the weights of the data."""

from __future__ import annotations

import numpy as np

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import Axis
from glassbox.core.refine import AxisMergeError, add_tables
from glassbox.core.terms import Term

# Shares of the whole that rounding cannot tell from nothing.
_NO_MASS = 1e-12
_NO_EFFECT = 1e-12
_SAME_COMPONENT = 1e-12

_POLISHING_SWEEPS = 2


def purify(model: AdditiveModel) -> AdditiveModel:
    """Move main effects out of pair terms and constants into the intercept.

    Scores stay what they are. Afterwards the coefficients of each pair have mean zero along every
    row and every column, and those of each main effect have mean zero, under the weights of the
    term's own density. What a pair then shows is interaction and nothing else.

    Parameters
    ----------
    model : AdditiveModel
        With a density in every term.

    Returns
    -------
    AdditiveModel
        The same function. A main effect that the model lacked is appended, without a band. Bands
        move with their coefficients.

    Raises
    ------
    AxisMergeError
        If the main effect of a pair cannot be written exactly together with the feature's own
        main effect, for instance because one has steps and the other straight lines.
    ValueError
        If a term has no density, or a negative one.

    Notes
    -----
    The mean is taken in the space of coefficients: a row shares its weight between the
    coefficients that it touches. As the basis functions sum to one, adding a vector along one
    side of a pair's table is adding a main effect, whatever the degree, beyond the edges too.

    The means vanish where the weighted two-way least-squares fit to the table has been taken off,
    which is solved through one singular value decomposition, the smallest solution where the data
    leave a choice (groups of categories that never meet). A row of the table without data (less
    than 1e-12 of the whole) has no mean of its own; it gives the main effect its mean under the
    density of the other feature, which leaves the least in the pair.

    If pair and main effect have different knots, the main effect goes to an axis with the knots
    of both; see :func:`glassbox.core.refine.refine` for what becomes of its density.

    References
    ----------
    B. Lengerich, S. Tan, C.-H. Chang, G. Hooker, R. Caruana (2020). Purifying interaction effects
    with the functional ANOVA. AISTATS. arXiv:1911.04974.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.core.axes import CategoricalAxis
    >>> a, b = CategoricalAxis("a", ("no", "yes")), CategoricalAxis("b", ("no", "yes"))
    >>> both = np.zeros((4, 4))
    >>> both[1, 1] = 1.0
    >>> seen = np.zeros((4, 4))
    >>> seen[:2, :2] = 25.0
    >>> pure = purify(AdditiveModel(0.0, (Term((a, b), both, density=seen),)))
    >>> pure.intercept, pure["a"].coefficients[:2].ravel()
    (array([0.25]), array([-0.25,  0.25]))
    >>> pure["a & b"].coefficients[:2, :2, 0]
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    for term in model.terms:
        _check_density(term)
    terms = {term.name: term for term in model.terms}
    intercept = model.intercept
    for pair in model.terms:
        if len(pair.axes) == 1:
            continue
        effects = _two_way_effects(pair.coefficients, pair.density)
        rest = pair.coefficients
        for side, effect in enumerate(effects):
            axis, density = pair.axes[side], pair.density.sum(axis=1 - side)
            if axis.name not in terms:
                constant = _mean(effect, density)
                if np.abs(effect - constant).max() <= _NO_EFFECT * np.abs(rest).max():
                    intercept = intercept + constant
                    rest = rest - constant
                    continue
                terms[axis.name] = Term((axis,), np.zeros_like(effect), density=density)
            terms[axis.name] = _with_effect(terms[axis.name], axis, effect, pair.name)
            rest = rest - np.expand_dims(effect, 1 - side)
        terms[pair.name] = pair.replace(coefficients=rest)
    for name, term in terms.items():
        if len(term.axes) == 1:
            constant = _mean(term.coefficients, term.density)
            intercept = intercept + constant
            terms[name] = term.replace(coefficients=term.coefficients - constant)
    return model.replace(intercept=intercept, terms=tuple(terms.values()))


def _check_density(term: Term) -> None:
    # Weights of a spline's basis may be zero but for rounding.
    if (term.density < -_NO_MASS * np.abs(term.density).sum()).any():
        raise ValueError(f"Term {term.name!r} has a negative density; weights must be positive.")
    if not term.density.any():
        raise ValueError(
            f"Term {term.name!r} has no density, and purification weighs by it; "
            "construct the term with the column sums of its basis rows."
        )


def _with_effect(main: Term, axis: Axis, effect: np.ndarray, pair_name: str) -> Term:
    try:
        return add_tables(main, (axis,), effect)
    except AxisMergeError as error:
        raise AxisMergeError(f"Term {pair_name!r} cannot be purified. {error}") from error


def _mean(table: np.ndarray, density: np.ndarray) -> np.ndarray:
    return density @ table / density.sum()


def _two_way_effects(table: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors along both sides whose removal leaves weighted row and column means of zero."""
    rows, columns = (weight.sum(axis=a) > _NO_MASS * weight.sum() for a in (1, 0))
    core = np.ix_(rows, columns)
    effects = [np.zeros((n, table.shape[2])) for n in table.shape[:2]]
    effects[0][rows], effects[1][columns] = _fit_two_way(table[core], weight[core])
    masses = weight.sum(axis=1) * rows, weight.sum(axis=0) * columns
    empty_row_means = np.tensordot(masses[1] / masses[1].sum(), table - effects[1], axes=(0, 1))
    empty_column_means = np.tensordot(
        masses[0] / masses[0].sum(), table - effects[0][:, None], axes=(0, 0)
    )
    effects[0][~rows] = empty_row_means[~rows]
    effects[1][~columns] = empty_column_means[~columns]
    return effects[0], effects[1]


def _fit_two_way(table: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row_mass, column_mass = weight.sum(axis=1)[:, None], weight.sum(axis=0)[:, None]
    row_root, column_root = np.sqrt(row_mass), np.sqrt(column_mass)
    # In units of the square root of the mass, the normal equations are [[1, A], [A', 1]].
    left, cosines, right = np.linalg.svd(weight / (row_root * column_root.T), full_matrices=False)
    by_row = np.einsum("ij,ijk->ik", weight, table) / row_root
    by_column = np.einsum("ij,ijk->jk", weight, table) / column_root
    p, q = left.T @ by_row, right @ by_column
    same = 1 - cosines[:, None]
    apart = np.divide(p - q, same, out=np.zeros_like(p), where=same > _SAME_COMPONENT)
    together = (p + q) / (1 + cosines[:, None])
    rows = (by_row + left @ ((together + apart) / 2 - p)) / row_root
    columns = (by_column + right.T @ ((together - apart) / 2 - q)) / column_root
    for _ in range(_POLISHING_SWEEPS):
        rows = np.einsum("ij,ijk->ik", weight, table - columns) / row_mass
        columns = np.einsum("ij,ijk->jk", weight, table - rows[:, None]) / column_mass
    return rows, columns
