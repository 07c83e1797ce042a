"""From a saved model and a table to the folder of an audit."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from glassbox.core.attributes import read_attributes
from glassbox.core.dictionary import DataDictionary
from glassbox.core.storage import ModelFileError
from glassbox.report._audit_target import read_audited_outcome
from glassbox.report._errors import InputError
from glassbox.report._reading import check_file
from glassbox.report._settings import Source
from glassbox.report._study import no_such_column
from glassbox.report._write import appearing, check_out
from glassbox.report.fairness import PAGE, audit_page

#: What the folder of an audit consists of.
AUDIT_PARTS = (PAGE, "audit.json")


@dataclass(frozen=True)
class AuditRequest:
    """The choices behind an audit.

    Attributes
    ----------
    target : str
        Column of the outcome.
    sensitive : tuple of str
        Columns whose groups are compared.
    thresholds : tuple of float
        Empty: 0.5, for classes.
    positive : str or None
        Of two classes, the value of the target that is the model's event.
    seed : int
    """

    target: str
    sensitive: tuple[str, ...]
    thresholds: tuple[float, ...] = ()
    positive: str | None = None
    seed: int = 0


def write_audit_folder(
    model: str | Path,
    frame: pd.DataFrame,
    out: str | Path,
    request: AuditRequest,
    source: Source,
    *,
    dictionary: DataDictionary | None = None,
    force: bool = False,
    console: Console | None = None,
) -> list[str]:
    """Audit a saved model on a table; write ``audit.html`` and ``audit.json``.

    Parameters
    ----------
    model : str or Path
        A file that ``glassbox.save`` wrote.
    frame : DataFrame
        The columns that the model needs, the target, and the sensitive columns.
    out : str or Path
        A folder that does not exist, or is empty.
    request : AuditRequest
    source : Source
        What the page says about where the table came from.
    dictionary : DataDictionary, optional
        Labels and units.
    force : bool, default=False
        Replace an earlier audit in `out`.
    console : Console, optional
        Where a progress bar is drawn; by default none is.

    Returns
    -------
    list of str
        What a reader must know about choices that were made; the page says the same.

    Raises
    ------
    InputError
        If model, table, request or `out` cannot be used. Nothing is written then.
    """
    out = Path(out).resolve()
    check_out(out, force, parts=AUDIT_PARTS, what="audit")
    estimator = read_model(model)
    _check_columns(frame, request)
    known = frame[request.target].notna()
    notices = []
    if not known.all():
        notices.append(
            f"{int((~known).sum()):,} of {len(frame):,} rows were left out: the target "
            f"{request.target!r} is missing there."
        )
        frame = frame[known].reset_index(drop=True)
    y = read_audited_outcome(estimator, frame[request.target], request)
    X = _table_of(estimator, frame, request, Path(model))
    from glassbox.fairness import audit

    options = {"thresholds": request.thresholds} if request.thresholds else {}
    found = audit(
        estimator,
        X,
        y,
        sensitive_features=list(request.sensitive),
        random_state=request.seed,
        verbose=int(console is not None and console.is_terminal),
        **options,
    )
    about = {
        "Model file": Path(model).name,
        "Table": source.name,
        "SHA-256 of the table": source.sha256,
        "Target": request.target,
        "Command": source.command,
        "Date": source.date,
    } | {f"Note {k}": notice for k, notice in enumerate(notices, start=1)}
    with appearing(out, parts=AUDIT_PARTS) as folder:
        page = audit_page(found, dictionary, _title(request, dictionary), about)
        (folder / PAGE).write_text(page, encoding="utf-8")
        document = json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)
        (folder / "audit.json").write_text(document + "\n", encoding="utf-8")
    return notices


def read_model(path: str | Path) -> Any:
    """Load a saved model.

    Raises
    ------
    InputError
        If there is no such file, or what it refuses itself.
    """
    import glassbox

    path = Path(path)
    check_file(path, "model")
    try:
        with warnings.catch_warnings():
            # Files of other versions are read with a warning, which is about the reader's console.
            warnings.simplefilter("ignore")
            return glassbox.load(path)
    except ModelFileError as error:
        raise InputError(error) from error


def _check_columns(frame: pd.DataFrame, request: AuditRequest) -> None:
    for option, names in (("--target", [request.target]), ("--sensitive", request.sensitive)):
        for name in names:
            if name not in frame:
                raise InputError(f"{option} {name!r}: {no_such_column(name, frame.columns)}")
            if option == "--sensitive" and name == request.target:
                raise InputError(f"{option} {name!r}: this column is the target.")
    if frame[request.target].isna().all():
        raise InputError(f"The target {request.target!r} is missing in every row.")


def _table_of(
    estimator: Any, frame: pd.DataFrame, request: AuditRequest, model: Path
) -> pd.DataFrame:
    """The columns that the model reads, and the sensitive ones."""
    needed = _needed(estimator)
    # Strategies predict without what they are blind to.
    spare = set(_names(getattr(estimator, "sensitive", None)))
    missing = [name for name in needed if name not in frame and name not in spare]
    if missing:
        raise InputError(
            f"The table has no column {missing[0]!r}, which the model {model.name} needs"
            f"{_more(missing)}; add it, or give the table that the model was made for."
        )
    read = [name for name in needed if name in frame]
    X = frame[[*read, *(name for name in request.sensitive if name not in read)]]
    try:
        read_attributes(X[list(request.sensitive)])
    except (ValueError, TypeError) as error:
        raise InputError(f"--sensitive: {error}") from error
    try:
        estimator.predict(X[read])
    except (ValueError, TypeError) as error:
        raise InputError(f"The model {model.name} cannot read the table: {error}") from error
    return X


def _needed(estimator: Any) -> list[str]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = estimator.schema_.names
    return _names(names)


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(name) for name in ([value] if isinstance(value, str) else np.asarray(value))]


def _more(missing: list[str]) -> str:
    n = len(missing) - 1
    return "" if n == 0 else f", nor {n} other{'s' if n > 1 else ''} such as {missing[1]!r}"


def _title(request: AuditRequest, dictionary: DataDictionary | None) -> str:
    label = (dictionary or DataDictionary()).describe(request.target).label
    return f"{label}: fairness audit"
