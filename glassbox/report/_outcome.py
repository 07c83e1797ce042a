"""The target column: classes or numbers, and which class is the event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from glassbox.report._errors import InputError
from glassbox.report._request import ReportRequest, Task

# A numeric target with no more different whole numbers than this is read as classes.
_MOST_NUMBERS_AS_CLASSES = 5
_MOST_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is predicted.

    Attributes
    ----------
    task : {"classes", "numbers"}
    y : ndarray of shape (n_rows,)
        What the model is trained on.
    codes : ndarray of int, shape (n_rows,), or None
        Number of each row's class among `classes`.
    classes : tuple
        What `y` holds, in the model's order; of two, the second is the event.
    labels : tuple of str
        The classes as they stand in the table.
    notices : tuple of str
        What was decided without being asked.
    """

    task: Task
    y: np.ndarray
    codes: np.ndarray | None
    classes: tuple
    labels: tuple[str, ...]
    notices: tuple[str, ...]

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes."""
        return len(self.classes) == 2


def read_outcome(target: pd.Series, request: ReportRequest) -> Outcome:
    """Read a target without missing values.

    Raises
    ------
    InputError
        If the values do not fit the task, or there are too few rows of a class.
    """
    if is_datetime64_any_dtype(target.dtype):
        raise InputError(
            f"The target {request.target!r} holds dates; convert it to a number of days."
        )
    task, notices = _task(target, request)
    if task == "numbers":
        return _read_numbers(target, request, notices)
    return _read_classes(target, request, notices)


def _task(target: pd.Series, request: ReportRequest) -> tuple[Task, tuple[str, ...]]:
    if request.task is not None:
        return request.task, ()
    name, n_distinct = request.target, target.nunique()
    if not is_numeric_dtype(target.dtype) or is_bool_dtype(target.dtype):
        return "classes", ()
    whole = bool((target == target.round()).all())
    if n_distinct == 2 or (whole and n_distinct <= _MOST_NUMBERS_AS_CLASSES):
        told = (
            ()
            if n_distinct == 2
            else (
                f"The {n_distinct} different whole numbers of the target {name!r} were read as "
                "classes; --regressor reads them as amounts.",
            )
        )
        return "classes", told
    return "numbers", (
        f"The {n_distinct:,} different numbers of the target {name!r} were read as amounts; "
        "--classifier reads them as classes.",
    )


def finite_numbers(target: pd.Series, name: str) -> np.ndarray:
    """A column of numbers, without infinite ones."""
    y = target.to_numpy(dtype=np.float64)
    if np.isinf(y).any():
        raise InputError(f"The target {name!r} holds infinity; correct or empty these cells.")
    return y


def _read_numbers(target: pd.Series, request: ReportRequest, notices: tuple) -> Outcome:
    name = request.target
    if request.positive is not None:
        raise InputError(
            f"--positive is for a target with two classes, and {name!r} is read as a number; "
            "say --classifier, or leave --positive away."
        )
    if not is_numeric_dtype(target.dtype):
        example = target.iloc[0]
        raise InputError(
            f"The target {name!r} holds text (such as {str(example)!r}), and a regression needs "
            "numbers; correct it, or say --classifier."
        )
    y = finite_numbers(target, name)
    if np.ptp(y) == 0:
        raise InputError(
            f"The target {name!r} is {y[0]:g} in every row; there is nothing to learn."
        )
    if len(y) < 2 * request.folds:
        raise InputError(
            f"The table has {len(y)} rows with a target, too few for {request.folds} folds; add "
            "rows, or use fewer --folds."
        )
    return Outcome("numbers", y, None, (), (), notices)


def _read_classes(target: pd.Series, request: ReportRequest, notices: tuple) -> Outcome:
    name = request.target
    values = plain_classes(target)
    classes, codes, sizes = np.unique(values, return_inverse=True, return_counts=True)
    labels = [str(label) for label in classes]
    if len(classes) < 2:
        raise InputError(
            f"The target {name!r} has one class only ({labels[0]!r}, {len(values):,} rows); rows "
            "of at least two classes are needed."
        )
    if len(classes) > _MOST_CLASSES:
        raise InputError(
            f"The target {name!r} has {len(classes):,} classes (such as {labels[0]!r}), more than "
            f"{_MOST_CLASSES}; group them, or say --regressor if they are amounts."
        )
    smallest = int(sizes.argmin())
    if sizes[smallest] < request.folds:
        raise InputError(
            f"The target {name!r} has {sizes[smallest]} rows of class {labels[smallest]!r}, fewer "
            f"than the {request.folds} folds; use fewer --folds, or group the class."
        )
    if request.positive is not None:
        return _with_event(request, codes, classes, labels, notices)
    if len(classes) == 2 and labels not in (["0", "1"], ["False", "True"]):
        notices += (
            f"{labels[1]!r} was taken as the event, because it sorts after {labels[0]!r}; "
            f"--positive {labels[0]} turns it round.",
        )
    return Outcome("classes", values, codes, tuple(classes.tolist()), tuple(labels), notices)


def _with_event(
    request: ReportRequest, codes: np.ndarray, classes: np.ndarray, labels: list, notices: tuple
) -> Outcome:
    if len(labels) != 2:
        raise InputError(
            f"--positive is for a target with two classes, and {request.target!r} has "
            f"{len(labels)}: {', '.join(labels)}."
        )
    if request.positive not in labels:
        raise InputError(
            f"--positive {request.positive!r} is not a value of {request.target!r}, which holds "
            f"{labels[0]!r} and {labels[1]!r}."
        )
    if request.positive == labels[1]:
        return Outcome(
            "classes", classes[codes], codes, tuple(classes.tolist()), tuple(labels), notices
        )
    notices += (
        f"The model predicts 1 for {labels[0]!r} and 0 for {labels[1]!r}, so that its score is "
        "that of the event.",
    )
    turned = 1 - codes
    return Outcome("classes", turned, turned, (0, 1), (labels[1], labels[0]), notices)


def plain_classes(target: pd.Series) -> np.ndarray:
    """Classes as booleans, integers, floats or text; 1.0 is read as 1."""
    if is_bool_dtype(target.dtype):
        return target.to_numpy(dtype=bool)
    if is_numeric_dtype(target.dtype):
        values = target.to_numpy(dtype=np.float64)
        whole = np.all(values == np.round(values))
        return values.astype(np.int64) if whole else values
    return target.astype(str).to_numpy(dtype=str)
