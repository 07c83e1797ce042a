"""What the user says of sensitive features, checked, and carried along with the rows."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from glassbox.core.attributes import Attribute, read_attributes
from glassbox.core.penalty_options import (
    CONDITIONS,
    GROUP_WEIGHTS,
    MEASURES,
    check_attributes,
)
from glassbox.core.strata import outcome_strata
from glassbox.estimators._training import TrainingTable
from glassbox.solvers.members import Batch

#: Fewest rows of a step under a penalty: fewer say little about dependence.
FEWEST_ROWS = 1_024


@dataclass(frozen=True)
class DependenceOptions:
    """A ``dependence_penalty``, checked.

    Attributes
    ----------
    measure : {"mean", "dcov", "hsic", "hgr", "mmd"}
    strength : float
    condition : {None, "outcome"}
    group_weights : {"proportional", "equal"}
    """

    measure: str
    strength: float
    condition: str | None = None
    group_weights: str = "proportional"

    @classmethod
    def of(cls, penalty: Mapping[str, Any] | None, sensitive_features: Any):
        """Check that there is either a penalty with sensitive features, or neither.

        Examples
        --------
        >>> DependenceOptions.of({"measure": "dcov", "strength": 1.0}, ["a", "b"])
        DependenceOptions(measure='dcov', strength=1.0, condition=None, \
group_weights='proportional')
        """
        if penalty is None:
            if sensitive_features is not None:
                raise ValueError(
                    "sensitive_features would do nothing without a penalty. Set "
                    "dependence_penalty={'measure': 'dcov', 'strength': 1.0}, or leave "
                    "sensitive_features out."
                )
            return None
        unknown = set(penalty) - {"measure", "strength", "condition", "group_weights"}
        if unknown:
            raise ValueError(
                f"dependence_penalty has the unknown key {sorted(unknown, key=str)[0]!r}; the "
                "keys are 'measure', 'strength', 'condition' and 'group_weights'."
            )
        options = {"condition": None, "group_weights": "proportional", **penalty}
        for key in ("measure", "strength"):
            if key not in options:
                raise ValueError(
                    f"dependence_penalty has no {key!r}; an example is {{'measure': 'dcov', "
                    "'strength': 1.0}."
                )
        for key, known in (
            ("measure", MEASURES),
            ("condition", CONDITIONS),
            ("group_weights", GROUP_WEIGHTS),
        ):
            if options[key] not in known:
                raise ValueError(
                    f"{key!r} of dependence_penalty must be one of {list(known)}, got "
                    f"{options[key]!r}."
                )
        strength = options["strength"]
        is_number = isinstance(strength, numbers.Real) and not isinstance(strength, bool)
        if not is_number or not 0 <= strength < np.inf:
            raise ValueError(
                f"'strength' of dependence_penalty must be a number of at least 0, got "
                f"{strength!r}."
            )
        if sensitive_features is None:
            raise ValueError(
                "dependence_penalty needs the features that the score should not depend on: "
                "fit(X, y, sensitive_features=...), or dependence_penalty=None."
            )
        return cls(**{**options, "strength": float(strength)})


@dataclass(frozen=True, eq=False)
class SensitiveColumn:
    """What rows say of one sensitive feature.

    Attributes
    ----------
    kind : {"categorical", "numeric"}
    codes : ndarray of int, shape (n_rows,)
    n_groups : int
        0 for amounts.
    values : ndarray of shape (n_rows,)
        Amounts, standardised, 0 where missing.
    strata : ndarray of int, shape (n_rows,), or None
    n_strata : int
    basis : ndarray of shape (n_rows, n_columns), or None
    present : ndarray of bool, shape (n_rows,)
        Whether a row counts.
    """

    kind: str
    codes: np.ndarray
    n_groups: int
    values: np.ndarray
    strata: np.ndarray | None
    n_strata: int
    basis: np.ndarray | None
    present: np.ndarray

    def take(self, rows: Any) -> SensitiveColumn:
        """The same of some rows."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return replace(
            self,
            codes=self.codes[rows],
            values=self.values[rows],
            strata=part(self.strata),
            basis=part(self.basis),
            present=self.present[rows],
        )


@dataclass(frozen=True)
class SensitiveTable(TrainingTable):
    """A training table whose rows carry sensitive features, which need not be columns of it.

    Attributes
    ----------
    sensitive : tuple of SensitiveColumn
    """

    sensitive: tuple[SensitiveColumn, ...] = ()

    def take(self, rows: np.ndarray) -> SensitiveTable:
        """The table with some rows, possibly repeated."""
        sensitive = tuple(column.take(rows) for column in self.sensitive)
        return replace(super().take(rows), sensitive=sensitive)

    def in_canonical_order(self) -> SensitiveTable:
        """Rows sorted by a hash of their content; sensitive features decide between equal rows."""
        keys = [key for column in self.sensitive for key in (column.values, column.codes)]
        return super(SensitiveTable, self.take(np.lexsort(keys))).in_canonical_order()


@dataclass(frozen=True)
class SensitiveBatch(Batch):
    """Some rows with their sensitive features.

    Attributes
    ----------
    sensitive : tuple of SensitiveColumn
    """

    sensitive: tuple[SensitiveColumn, ...] = ()


def with_sensitive(
    table: TrainingTable,
    options: DependenceOptions,
    sensitive_features: Any,
    y: Any,
    sample_weight: Any,
    has_classes: bool,
) -> SensitiveTable:
    """The table with the sensitive features of its rows.

    Parameters
    ----------
    table : TrainingTable
        Rows of positive weight, in the order given.
    options : DependenceOptions
    sensitive_features : DataFrame, Series, mapping or array-like
        Of all rows.
    y, sample_weight : array-like of shape (n_samples,)
        As given to ``fit``.
    has_classes : bool
        Whether the outcome is a class.
    """
    attributes = read_attributes(sensitive_features, _num_samples(y))
    if np.ndim(sample_weight) == 1:
        used = np.flatnonzero(np.asarray(sample_weight, dtype=np.float64) > 0)
        attributes = [attribute.take(used) for attribute in attributes]
    check_attributes(attributes, options.measure, options.group_weights)
    strata = _strata(table, options, has_classes)
    columns = tuple(_column(a, options, strata, table.weights) for a in attributes)
    return SensitiveTable(table.schema, table.columns, table.y, table.weights, columns)


def _strata(
    table: TrainingTable, options: DependenceOptions, has_classes: bool
) -> np.ndarray | None:
    if options.condition is None:
        return None
    return outcome_strata(table.y, has_classes, table.weights)[0]


def _column(
    attribute: Attribute,
    options: DependenceOptions,
    strata: np.ndarray | None,
    weights: np.ndarray,
) -> SensitiveColumn:
    grouped = attribute.kind == "categorical"
    by_mean = options.measure == "mean"
    present = attribute.present
    values = np.zeros(attribute.n_rows)
    if not grouped:
        values = attribute.standardised(weights)
    return SensitiveColumn(
        attribute.kind,
        attribute.codes,
        len(attribute.levels),
        values,
        strata,
        1 if strata is None else int(strata.max()) + 1,
        attribute.basis if by_mean and not grouped else None,
        # The basis of an amount says which rows have none.
        np.ones(attribute.n_rows, dtype=bool) if grouped or by_mean else present,
    )
