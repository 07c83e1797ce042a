"""A randomised test of monotonicity, for any model."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from glassbox.core.schema import ColumnSchema, Schema
from glassbox.estimators._directions import resolve_directions
from glassbox.inspection._category_moves import CategoryMoves
from glassbox.inspection._checked_score import CheckedScore
from glassbox.inspection._findings import EXAMPLE_COLUMNS, End, Findings
from glassbox.inspection._number_moves import NumberMoves
from glassbox.inspection._partners import Partners
from glassbox.inspection._result import MonotonicityAudit
from glassbox.inspection._scores import find_score
from glassbox.inspection._tables import Tables, tables_like


def audit_monotonicity(
    estimator: Any,
    X: Any,
    monotonic_cst: Any,
    *,
    n_sweeps: int = 20,
    n_moves: int = 1_000,
    n_examples: int = 5,
    margin: float = 0.1,
    tolerance: float | None = None,
    random_state: Any = None,
) -> MonotonicityAudit:
    """Search for moves on which a model goes against a direction; for any model.

    This is a test and not a proof. What it finds is a violation; a model that passes may still
    have one where no move was tried. For glassbox's own estimators ``certificate()`` is the
    proof.

    Parameters
    ----------
    estimator : fitted estimator, torch module, or callable
        Compared are scores before rounding to labels and, where the model gives them, before the
        link, which would flatten changes: ``decision_function``; else the raw margin of XGBoost
        and LightGBM, also at the end of a pipeline; else ``predict_proba`` of the second class;
        else ``predict``. A torch module is called in evaluation mode with a tensor of its
        parameters' type; a callable with a table of the type of X. It returns one score per row.
    X : DataFrame (pandas, polars or another that narwhals knows) or ndarray, 2-d
        The rows that moves start from. Types of columns are kept in every table that the model
        is given: an integer moves by at least 1.
    monotonic_cst : mapping of str to {-1, 0, 1}, or array-like of shape (n_features,)
        The direction of each feature, as in the estimators. Columns of an array are called x0,
        x1, ... Ordered categories may have a direction; those that X holds are tried.
    n_sweeps : int
        Batches of moves per feature. In every second one the other features of a row are drawn
        separately, each level alike, and a tenth missing where X has missing values, so that
        unlikely combinations are tried as well.
    n_moves : int
        Moves per batch, each from one value of the feature to a larger one.
    n_examples : int
        How many violations to keep per feature.
    margin : float
        How far moves of numbers leave the range of X at either end, as a share of it. With 0 they
        stay inside, where a column has a meaning at all (0/1 columns, counts).
    tolerance : float, optional
        The largest change against a direction that is not a violation, in units of the score. By
        default, to allow for rounding, 1e-12 times the largest absolute score met if the scores
        are float64, and 1e-6 times if they are float32. Where a score is a small difference of
        large numbers, rounding is larger: give a tolerance.
    random_state : int, RandomState or None

    Returns
    -------
    MonotonicityAudit

    Raises
    ------
    ValueError
        If no feature has a direction, a direction cannot be used (naming the column), a column
        with a direction holds nothing to move between, or the scores are not one finite or
        infinite number per row: several classes are refused, because scores that are monotone do
        not make the probabilities of several classes monotone.
    TypeError
        If the model or the table is of a type that cannot be used.

    Notes
    -----
    Numbers make moves of six kinds, in equal parts: to the next representable number; of 1e-9 to
    1e-3 of the range, from and to observed values; between neighbouring observed values; within
    the gaps between these; across the range; and beyond its ends, as far as `margin` says.
    Observed values take turns, so that each is tried as soon as there are as many moves of a kind
    as values. A value never becomes missing, or stops being so: a direction says nothing there.

    Examples
    --------
    >>> X = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> audit = audit_monotonicity(lambda X: X[:, 0] ** 2, X, {"x0": 1}, random_state=0)
    >>> audit.passed  # a tenth of the range further down, the square falls
    False
    >>> print(audit.violations.loc[0, "to"] < 0.01)
    True
    """
    _check_counts(n_sweeps=n_sweeps, n_moves=n_moves, n_examples=n_examples)
    if tolerance is not None:
        _check_positive("tolerance", tolerance, ", or None for rounding")
    _check_positive("margin", margin)
    tables = tables_like(X)
    partners = Partners(tables)
    schema = Schema.infer(X)
    directions = _declared(monotonic_cst, schema)
    scored, score = find_score(estimator, schema)
    score = CheckedScore(score, scored)
    seed = check_random_state(random_state).randint(2**31)
    found = []
    for feature, direction in directions.items():
        rng = np.random.default_rng([seed, schema.names.index(feature)])
        moves = _moves(tables, schema[feature], margin, rng)
        findings = Findings(tables, feature, direction, n_examples)
        for sweep in range(n_sweeps):
            low, high = moves.draw(n_moves)
            if len(low) == 0:
                continue
            table = partners.draw(rng, len(low), recombine=sweep % 2 == 1)
            before = tables.with_column(table, feature, moves.column(low))
            after = tables.with_column(table, feature, moves.column(high))
            findings.add(
                End(low, before, score(tables.native(before))),
                End(high, after, score(tables.native(after))),
            )
        if not findings.n_moves:
            raise ValueError(
                f"Column {feature!r} holds no two values to move between; give more rows, or drop "
                "its direction."
            )
        found.append(findings)
    tolerance = score.tolerance if tolerance is None else float(tolerance)
    return MonotonicityAudit(
        pd.DataFrame([findings.summary(tolerance) for findings in found]),
        pd.DataFrame(
            [example for findings in found for example in findings.examples(tolerance)],
            columns=EXAMPLE_COLUMNS,
        ),
        scored,
        tolerance,
    )


def _moves(
    tables: Tables, column: ColumnSchema, margin: float, rng: np.random.Generator
) -> NumberMoves | CategoryMoves:
    values = column.read(tables.source, column.name)
    if column.kind == "numeric":
        return NumberMoves(tables, column.name, values, margin, rng)
    return CategoryMoves(tables, column.name, values, rng)


def _check_counts(**counts: Any) -> None:
    for name, count in counts.items():
        if not isinstance(count, numbers.Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {count!r}.")


def _check_positive(name: str, value: Any, otherwise: str = "") -> None:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < np.inf:
        raise ValueError(f"{name} must be a number of at least 0{otherwise}, got {value!r}.")


def _declared(monotonic_cst: Any, schema: Schema) -> dict[str, int]:
    if isinstance(monotonic_cst, str | numbers.Number):
        raise TypeError(
            "monotonic_cst must be a dict from column names to -1, 0 or 1, or one of these per "
            f"column, got {monotonic_cst!r}."
        )
    directions = resolve_directions(monotonic_cst, schema)
    if not directions:
        raise ValueError(
            "monotonic_cst gives no column a direction, so there is nothing to test; set at least "
            f"one of {schema.names} to 1 or -1."
        )
    return directions
