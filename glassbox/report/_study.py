"""From a table and a request to what is fitted: predictors, outcome, groups."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype, is_string_dtype

from glassbox.core.dictionary import DataDictionary
from glassbox.core.schema import Schema
from glassbox.report._errors import InputError
from glassbox.report._outcome import Outcome, read_outcome
from glassbox.report._request import ReportRequest

# Kinds of the data dictionary that are outcomes, follow from one, or name the patient.
_KEPT_APART = ("target", "leak", "score", "time", "id")
# Text of which this share are numbers is a numeric column with stray text in it.
_NEARLY_NUMERIC = 0.9
_FEW_LEVELS = 20


@dataclass(frozen=True, eq=False)
class Study:
    """What is fitted and described.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_predictors)
        The index holds the row numbers of the file: 1 is the first row after the header.
    outcome : Outcome
    schema : Schema
        Of `X`.
    categorical : list of str
        Columns of `X` whose numbers are codes.
    sensitive : DataFrame of shape (n_rows, n_sensitive)
        As they stand in the table, predictors or not.
    dictionary : DataDictionary
    n_rows_of_file : int
    left_out : dict of str to str
        Columns that are no predictors, and why.
    notices : list of str
        What a reader must know about these choices.
    """

    X: pd.DataFrame
    outcome: Outcome
    schema: Schema
    categorical: list[str]
    sensitive: pd.DataFrame
    dictionary: DataDictionary
    n_rows_of_file: int
    left_out: dict[str, str]
    notices: list[str]


def prepare(frame: pd.DataFrame, dictionary: DataDictionary, request: ReportRequest) -> Study:
    """Check a request against a table and split the table into its roles.

    Parameters
    ----------
    frame : DataFrame
    dictionary : DataDictionary
        May be empty.
    request : ReportRequest

    Returns
    -------
    Study

    Raises
    ------
    InputError
        Naming the column, the value and the remedy.
    """
    _check_columns(frame, request)
    n_rows_of_file = len(frame)
    frame = frame.set_axis(np.arange(1, n_rows_of_file + 1), axis=0)
    notices = _dictionary_notices(frame, dictionary)
    known = frame[request.target].notna()
    if not known.any():
        raise InputError(f"The target {request.target!r} is missing in every row.")
    if not known.all():
        n_lost = int((~known).sum())
        notices.append(
            f"{n_lost:,} of {n_rows_of_file:,} rows were left out: the target "
            f"{request.target!r} is missing there."
        )
        frame = frame[known]
    outcome = read_outcome(frame[request.target], request)
    left_out = _left_out(frame, dictionary, request)
    X = frame[[name for name in frame if name != request.target and name not in left_out]]
    X = _with_order(X, dictionary)
    categorical = [
        name
        for name in X
        if name in request.categorical
        or (dictionary.describe(name).kind == "categorical" and is_numeric_dtype(X[name].dtype))
    ]
    for name in X:
        _check_stray_text(name, X[name], categorical)
    notices += [
        f"Column {name!r} numbers the rows, and was kept as a predictor; --drop {name} leaves it "
        "out."
        for name in X
        if _counts_rows(X[name])
    ]
    schema = _schema(X, categorical)
    _check_directions(schema, outcome, request)
    return Study(
        X=X,
        outcome=outcome,
        schema=schema,
        categorical=categorical,
        sensitive=frame[list(request.sensitive)],
        dictionary=dictionary,
        n_rows_of_file=n_rows_of_file,
        left_out=left_out,
        notices=[*outcome.notices, *notices],
    )


def _check_columns(frame: pd.DataFrame, request: ReportRequest) -> None:
    asked = {
        "--target": [request.target],
        "--sensitive": request.sensitive,
        "--drop": request.drop,
        "--categorical": request.categorical,
        "--monotonic": request.monotonic,
    }
    for option, names in asked.items():
        for name in names:
            if name not in frame:
                raise InputError(f"{option} {name!r}: {no_such_column(name, frame.columns)}")
            if option != "--target" and name == request.target:
                raise InputError(f"{option} {name!r}: this column is the target.")
            if option in ("--categorical", "--monotonic") and name in request.drop:
                raise InputError(f"{option} {name!r}: this column is dropped; drop the option.")


def no_such_column(name: str, columns: Iterable) -> str:
    """What to say of a column that the table does not have."""
    columns = [str(column) for column in columns]
    near = difflib.get_close_matches(name, columns, n=1)
    if near:
        return f"the table has no such column; did you mean {near[0]!r}?"
    shown = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
    return f"the table has no such column; it has {shown}."


def _dictionary_notices(frame: pd.DataFrame, dictionary: DataDictionary) -> list[str]:
    if not dictionary:
        return []
    if not any(name in dictionary for name in frame):
        raise InputError(
            f"The dictionary describes none of the table's columns (it knows "
            f"{', '.join(map(repr, list(dictionary)[:5]))}); give the dictionary of this table."
        )
    unknown = [name for name in frame if name not in dictionary]
    if not unknown:
        return []
    return [f"The dictionary does not describe {', '.join(map(repr, unknown))}."]


def _left_out(
    frame: pd.DataFrame, dictionary: DataDictionary, request: ReportRequest
) -> dict[str, str]:
    candidates = {}
    reasons = {}
    for name in frame:
        kind = dictionary.describe(name).kind
        if name == request.target:
            continue
        if name in request.drop:
            reasons[name] = "as asked"
        elif kind in _KEPT_APART:
            reasons[name] = f"the dictionary calls it “{kind}”"
        else:
            candidates[name] = frame[name]
    if not candidates:
        raise InputError("No column is left to predict from; drop fewer columns.")
    if all(column.isna().all() for column in candidates.values()):
        raise InputError(
            f"All cells of the {len(candidates)} predictor columns are missing; there is nothing "
            "to learn from."
        )
    for name, column in candidates.items():
        if column.isna().all():
            reasons[name] = "no value is known"
        elif column.notna().all() and (column == column.iloc[0]).all():
            reasons[name] = f"it is {column.iloc[0]!s} in every row"
    if len(reasons) == len(frame.columns) - 1:
        raise InputError(
            "Every predictor column has one and the same value in all rows; there is nothing to "
            "learn from."
        )
    for option, names in (
        ("--monotonic", request.monotonic),
        ("--categorical", request.categorical),
    ):
        for name in names:
            if name in reasons:
                raise InputError(
                    f"{option} {name!r}: the column is left out of the model, because "
                    f"{reasons[name]}; leave the option away."
                )
    return reasons


def _with_order(X: pd.DataFrame, dictionary: DataDictionary) -> pd.DataFrame:
    """Ordinal columns as ordered categoricals, in the dictionary's order."""
    ordered = {}
    for name in X:
        order = dictionary.describe(name).order
        if not order or X[name].dtype == "category":
            continue
        levels = list(order)
        if is_numeric_dtype(X[name].dtype):
            try:
                levels = [float(level) for level in order]
            except ValueError:
                raise InputError(
                    f"Column {name!r} holds numbers, but its order in the dictionary is "
                    f"{'|'.join(order)!r}; write the same values in both."
                ) from None
        strange = [value for value in X[name].dropna().unique() if value not in levels]
        if strange:
            raise InputError(
                f"Column {name!r} holds {str(strange[0])!r}, which is not among the levels of the "
                f"dictionary, {'|'.join(order)!r}; add it there, or correct the table."
            )
        ordered[name] = pd.Categorical(X[name], categories=levels, ordered=True)
    return X.assign(**ordered)


def _check_stray_text(name: str, column: pd.Series, categorical: list[str]) -> None:
    if name in categorical or not is_string_dtype(column.dtype) or column.nunique() <= _FEW_LEVELS:
        return
    present = column.dropna()
    numbers = pd.to_numeric(present, errors="coerce")
    share = numbers.notna().mean()
    if _NEARLY_NUMERIC <= share < 1:
        stray = present[numbers.isna()]
        raise InputError(
            f"Column {name!r} holds numbers and, in {len(stray):,} rows, text such as "
            f"{str(stray.iloc[0])!r} (row {stray.index[0]:,}); correct or empty these cells, or "
            f"say --categorical {name}."
        )


def _counts_rows(column: pd.Series) -> bool:
    if not is_numeric_dtype(column.dtype) or column.isna().any() or len(column) < _FEW_LEVELS:
        return False
    return bool((column.diff().iloc[1:] == 1).all())


def _schema(X: pd.DataFrame, categorical: list[str]) -> Schema:
    try:
        return Schema.infer(X, categorical or "from_dtype")
    except (ValueError, TypeError) as error:
        raise InputError(error) from error


def _check_directions(schema: Schema, outcome: Outcome, request: ReportRequest) -> None:
    if request.monotonic and len(outcome.classes) > 2:
        raise InputError(
            f"--monotonic needs a target with two classes or a number, and {request.target!r} has "
            f"{len(outcome.classes)} classes; leave the option away."
        )
    for name in request.monotonic:
        column = schema[name]
        if column.kind == "categorical" and not column.ordered:
            raise InputError(
                f"--monotonic {name!r}: the column's categories have no order (such as "
                f"{column.categories[0]!r}); give their order in the dictionary."
            )
