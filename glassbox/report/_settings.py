"""What it takes to make the same report again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from glassbox import __version__

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "matplotlib")
# Splines are fitted by glassbox's own solver.
_TRAINERS = {"boosted": ("interpret-core", "numba")}


@dataclass(frozen=True)
class Source:
    """Where the table came from.

    Attributes
    ----------
    name : str
        As readers know it: the name of the file.
    sha256 : str
        Of the file's bytes.
    command : str
        That made the report.
    date : str
        Of the report.
    """

    name: str
    sha256: str
    command: str
    date: str


def versions(model: str) -> dict[str, str]:
    """Versions of everything that the figures of a report depend on."""
    found = {"glassbox": __version__, "Python": platform.python_version()}
    for package in (*_PACKAGES, *_TRAINERS.get(model, ())):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not found"
    return found


def parameters(estimator: Any) -> str:
    """All parameters of an estimator, as JSON."""
    given = estimator.get_params(deep=False)
    return json.dumps(given, default=_plain, ensure_ascii=False, indent=1)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)
