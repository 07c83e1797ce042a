"""A report appears as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from rich.console import Console

from glassbox.core.dictionary import DataDictionary
from glassbox.report._errors import InputError
from glassbox.report._progress import Steps
from glassbox.report._request import ReportRequest
from glassbox.report._settings import Source
from glassbox.report._study import prepare

#: What a report consists of; --force replaces a folder that holds nothing else.
PARTS = ("report.html", "model.json", "figures")


def write_report(
    frame: pd.DataFrame,
    out: str | Path,
    request: ReportRequest,
    source: Source,
    *,
    dictionary: DataDictionary | None = None,
    force: bool = False,
    console: Console | None = None,
) -> list[str]:
    """Fit a model to a table and write its report.

    Parameters
    ----------
    frame : DataFrame
        Predictors, target and sensitive columns.
    out : str or Path
        A folder that does not exist, or is empty. It gets ``report.html``, ``model.json`` and
        ``figures/``.
    request : ReportRequest
    source : Source
        What the page says about where the table came from.
    dictionary : DataDictionary, optional
        Labels, units, reference ranges, kinds and orders of the columns.
    force : bool, default=False
        Replace an earlier report in `out`.
    console : Console, optional
        Where a progress bar is drawn; by default none is.

    Returns
    -------
    list of str
        What a reader must know about choices that were made; the page says the same.

    Raises
    ------
    InputError
        If the table, the request or `out` cannot be used. Nothing is written then.
    """
    out = Path(out).resolve()
    check_out(out, force)
    study = prepare(frame, dictionary or DataDictionary(), request)
    # matplotlib and the estimators take a second to load: not before the input is known good.
    from glassbox.report._build import build

    with appearing(out) as folder, Steps(console or Console(quiet=True)) as steps:
        build(study, request, source, folder, steps)
    return study.notices


def check_out(
    out: Path, force: bool, *, parts: tuple[str, ...] = PARTS, what: str = "report"
) -> None:
    """Refuse an output folder that holds something, or cannot be made.

    Parameters
    ----------
    out : Path
    force : bool
        Whether a folder with nothing but `parts` may be replaced.
    parts : tuple of str
    what : str
        What the parts make.

    Raises
    ------
    InputError
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder.")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: the folder {out.parent} does not exist; make it first.")
    if not os.access(out.parent, os.W_OK):
        raise InputError(f"--out {out}: the folder {out.parent} cannot be written to.")
    held = sorted(path.name for path in out.iterdir()) if out.exists() else []
    if held and not force:
        raise InputError(
            f"--out {out} exists and is not empty; name another folder, or say --force to "
            f"replace an earlier {what}."
        )
    foreign = [name for name in held if name not in parts]
    if foreign:
        raise InputError(
            f"--out {out} holds {foreign[0]!r}, which is no part of such a folder; --force "
            f"replaces an earlier {what} only. Name another folder."
        )


@contextmanager
def appearing(out: Path, *, parts: tuple[str, ...] = PARTS) -> Iterator[Path]:
    """A folder beside `out` that takes its place at the end, or vanishes with an error."""
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        umask = os.umask(0)
        os.umask(umask)
        folder.chmod(0o777 & ~umask)
        if out.exists():
            for part in parts:
                path = out / part
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            out.rmdir()
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
