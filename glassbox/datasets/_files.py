"""Where the bundled files lie, and how they are read."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

import pandas as pd


def bundled(filename: str) -> Traversable:
    """Find a bundled file, in an installed package or in a clone.

    A wheel carries the top-level folder ``datasets`` as ``glassbox/datasets/tables``;
    a clone (and an editable install, which points at one) has it at its root.
    """
    package = files("glassbox.datasets")
    installed = package / "tables" / filename
    if installed.is_file():
        return installed
    cloned = files("glassbox") / ".." / "datasets" / filename
    if cloned.is_file():
        return cloned
    raise FileNotFoundError(
        f"The bundled file {filename!r} is neither in {package / 'tables'} nor in the "
        "folder 'datasets' of a clone: install glassbox again."
    )


def read_text(filename: str) -> str:
    """Return the text of a bundled file."""
    return bundled(filename).read_text(encoding="utf-8")


def read_csv(filename: str) -> pd.DataFrame:
    """Return a bundled table as it stands in its file."""
    with bundled(filename).open("rb") as stream:
        return pd.read_csv(stream)
