"""What can be asked of an additive estimator, asked of a strategy around one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from glassbox.core._tables import Table
from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators.base import AdditiveEstimator
from glassbox.fairness._strategies.columns import TableColumns


@dataclass(frozen=True)
class OuterSchema(Schema):
    """The columns that tables read, found in tables that have, or lack, others.

    Attributes
    ----------
    outer : TableColumns
        Of the table given to ``fit`` of the strategy.
    found_as : tuple of str
        What that table calls the columns that are read.
    """

    outer: TableColumns = None
    found_as: tuple[str, ...] = ()

    def _matched(self, table: Table, owner: str) -> list[tuple[str, ColumnSchema]]:
        spare = [name for name in self.outer.names if name not in self.found_as]
        where = self.outer.positions(table, spare, owner)
        names = [table.names[where[name]] for name in self.found_as]
        return list(zip(names, self.columns, strict=True))


def _has_tables(self: TablesFace) -> bool:
    return self._shows_tables()


def _of_inner(name: str, what: str) -> property:
    def read(self: TablesFace) -> Any:
        self._check_tables(name)
        return getattr(self.estimator_, name)

    return property(read, doc=what)


class TablesFace:
    """Methods and attributes of additive estimators, for a strategy whose `estimator_` is one."""

    def _shows_tables(self) -> bool:
        """Whether the predictions are those of the tables of `estimator_`."""
        inner = getattr(self, "estimator_", self.estimator)
        if isinstance(inner, TablesFace):
            return inner._shows_tables()
        return isinstance(inner, AdditiveEstimator)

    def _check_tables(self, name: str) -> None:
        if not hasattr(self, "estimator_") or not self._shows_tables():
            raise AttributeError(
                f"{type(self).__name__} has {name} once it is fitted, around an additive "
                "estimator of glassbox, and if its predictions are those of tables."
            )

    @available_if(_has_tables)
    def contributions(self, X: Any) -> pd.DataFrame:
        """What each term adds to the score, as the additive estimator gives it."""
        check_is_fitted(self)
        return self.estimator_.contributions(self._as_read(X))

    @available_if(_has_tables)
    def shape_function(self, term: str | tuple[str, str]) -> pd.DataFrame:
        """The exact function of a term, as the additive estimator gives it."""
        check_is_fitted(self)
        return self.estimator_.shape_function(term)

    @available_if(_has_tables)
    def certificate(self) -> pd.DataFrame:
        """Whether declared directions hold, as the additive estimator gives it."""
        check_is_fitted(self)
        return self.estimator_.certificate()

    additive_model_ = _of_inner("additive_model_", "The tables that predict.")
    intercept_ = _of_inner("intercept_", "The score when every term is zero.")
    term_names_ = _of_inner("term_names_", "Names of the terms.")
    term_importances_ = _of_inner("term_importances_", "Mean absolute contribution by term.")
    band_description_ = _of_inner("band_description_", "What the bands are.")
    additivity_ = _of_inner("additivity_", "Share of the score's variance that tables hold.")
    joint_ = _of_inner("joint_", "What a network adds beyond the tables.")
    history_ = _of_inner("history_", "The training record as a table.")

    @property
    def schema_(self) -> Schema:
        """Names and types of the columns that the tables read.

        It reads tables with and without the sensitive columns, if the tables do not use them.
        """
        self._check_tables("schema_")
        inner, hidden = self.estimator_.schema_, set(self.sensitive_names_)
        used = set(self.additive_model_.features)
        names, columns = [], []
        for name, column in zip(self._names_read, inner.columns, strict=True):
            if name not in hidden or column.name in used:
                names.append(name)
                columns.append(column)
        return OuterSchema(tuple(columns), inner.named, self._columns, tuple(names))

    @property
    def monotonic_cst(self) -> dict[str, int] | None:
        """Directions declared to the inner estimator, by name."""
        self._check_tables("monotonic_cst")
        declared = self.estimator_.monotonic_cst
        if declared is None or isinstance(declared, Mapping):
            return declared
        return dict(zip(self.estimator_.schema_.names, declared, strict=True))
