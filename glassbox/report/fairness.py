"""The page of an audit: one self-contained file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassbox import __version__
from glassbox.core.dictionary import DataDictionary
from glassbox.report._page import render

#: Name of the page in a folder.
PAGE = "audit.html"


def write_audit(
    audit: Any,
    path: str | Path,
    *,
    dictionary: DataDictionary | None = None,
    title: str | None = None,
    about: Mapping[str, str] | None = None,
    force: bool = False,
) -> Path:
    """Write an audit as a page that needs no other file.

    The file appears as a whole or not at all.

    Parameters
    ----------
    audit : Audit
    path : str or Path
        The file to write, or a folder, which gets ``audit.html``.
    dictionary : DataDictionary, optional
        Labels and units of the columns.
    title : str, optional
        By default "Fairness audit".
    about : mapping of str to str, optional
        What was audited, such as the names of the model and of the table; the page lists it.
    force : bool, default=False
        Replace a file that is there.

    Returns
    -------
    Path
        Where the page was written.

    Raises
    ------
    FileExistsError
        If there is such a file, and `force` is not given.
    FileNotFoundError
        If there is no such folder.
    """
    path = Path(path)
    if path.is_dir():
        path = path / PAGE
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; give another name, or force=True to replace it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist; make it first.")
    _appear(path, audit_page(audit, dictionary, title, about))
    return path


def audit_page(
    audit: Any,
    dictionary: DataDictionary | None = None,
    title: str | None = None,
    about: Mapping[str, str] | None = None,
) -> str:
    """The page of :func:`write_audit` as text."""
    # matplotlib takes a second to load.
    from glassbox.report._audit_content import audit_content
    from glassbox.report._figures import Gallery, drawing

    with drawing():
        content = audit_content(audit, Gallery(None), dictionary or DataDictionary())
    return render(
        "audit.html.j2",
        title=title or "Fairness audit",
        audit=content,
        about=dict(about or {}),
        glassbox_version=__version__,
        heading="h2",
        heading_below="h3",
    )


def _appear(path: Path, page: str) -> None:
    """Write a file under another name in the same folder, then give it its own."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(page)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
