"""The smallest value of a sum of tables that share variables."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np


class EliminationTooLarge(Exception):
    """Some intermediate table would have more entries than allowed."""


@dataclass(frozen=True, eq=False)
class Factor:
    """A function of a few discrete variables.

    Attributes
    ----------
    variables : tuple of str
        Their names.
    table : ndarray of shape (*domain sizes, n_outputs)
        Its values.
    """

    variables: tuple[str, ...]
    table: np.ndarray


def smallest_sum(factors: list[Factor], most_entries: int) -> np.ndarray:
    """Minimum over all variables of the sum of the factors, exactly.

    Parameters
    ----------
    factors : list of Factor
        At least one; equal variables have equal domains.
    most_entries : int
        How many entries an intermediate table may have.

    Returns
    -------
    ndarray of shape (n_outputs,)
        The minimum for each output by itself.

    Raises
    ------
    EliminationTooLarge
        If the limit would be exceeded.

    References
    ----------
    U. Bertelè, F. Brioschi (1972). Nonserial Dynamic Programming. Academic Press.
    """
    for variable in _variables(factors):
        factors = _fold_alike_values(variable, factors)
    remaining = _variables(factors)
    while remaining:
        variable = min(remaining, key=lambda v: _cost(v, factors))
        if _cost(variable, factors) > most_entries:
            raise EliminationTooLarge
        touching = [f for f in factors if variable in f.variables]
        factors = [f for f in factors if variable not in f.variables]
        factors.append(_minimise_over(variable, touching))
        remaining = _variables(factors)
    return sum(f.table for f in factors)


def _variables(factors: list[Factor]) -> list[str]:
    return list(dict.fromkeys(v for f in factors for v in f.variables))


def _cost(variable: str, factors: list[Factor]) -> int:
    sizes = {}
    for factor in factors:
        if variable in factor.variables:
            sizes.update(zip(factor.variables, factor.table.shape[:-1], strict=True))
    return prod(sizes.values()) * factors[0].table.shape[-1]


def _minimise_over(variable: str, factors: list[Factor]) -> Factor:
    variables = (variable, *(v for v in _variables(factors) if v != variable))
    total = 0.0
    for factor in factors:
        order = [factor.variables.index(v) for v in variables if v in factor.variables]
        table = factor.table.transpose(*order, len(order))
        missing = [d for d, v in enumerate(variables) if v not in factor.variables]
        total = total + np.expand_dims(table, missing)
    return Factor(variables[1:], total.min(axis=0))


def _fold_alike_values(variable: str, factors: list[Factor]) -> list[Factor]:
    """Of the values that all joint factors treat alike, keep the best one.

    A feature may have a thousand steps of its own and sixty in its pairs: sixty values are left.
    """
    mine = [f for f in factors if variable in f.variables]
    joint = [f for f in mine if len(f.variables) > 1]
    if len(joint) == len(mine):
        return factors
    rows = [np.moveaxis(f.table, f.variables.index(variable), 0) for f in joint]
    numbers: dict[tuple[bytes, ...], int] = {}
    alike, first = [], []
    for value in range(mine[0].table.shape[mine[0].variables.index(variable)]):
        key = tuple(row[value].tobytes() for row in rows)
        if key not in numbers:
            numbers[key] = len(numbers)
            first.append(value)
        alike.append(numbers[key])
    own = sum(f.table for f in mine if len(f.variables) == 1)
    best = np.full((len(first), own.shape[1]), np.inf)
    np.minimum.at(best, np.array(alike), own)
    folded = [
        Factor(f.variables, f.table.take(first, axis=f.variables.index(variable))) for f in joint
    ]
    return [f for f in factors if f not in mine] + folded + [Factor((variable,), best)]
