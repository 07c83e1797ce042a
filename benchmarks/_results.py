"""Result files that later runs add to: each row says in which run it was had."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks._common import HERE, circumstances, write_results

_CIRCUMSTANCES = ("date", "cpus", "machine", "versions", "settings")


def read_results(name: str, folder: str | Path | None) -> dict | None:
    """The document in ``<folder>/<name>.json``; None where there is none."""
    path = Path(folder or HERE / "results") / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def this_run(settings: argparse.Namespace | dict) -> dict:
    """When, with what and at which settings the rows of this run were had."""
    settings = dict(vars(settings)) if isinstance(settings, argparse.Namespace) else settings
    settings = {name: value for name, value in settings.items() if name != "out"}
    return {**circumstances(), "settings": settings}


def merge_rows(document: dict | None, rows: Iterable[dict], key: tuple[str, ...], run: dict):
    """Put rows into a document in place of those with the same key.

    Parameters
    ----------
    document : dict or None
        A result file, with ``results.rows`` and, where it has been added to, ``results.runs``.
    rows : iterable of dict
        New rows.
    key : tuple of str
        The entries that tell rows apart.
    run : dict
        From :func:`this_run`.

    Returns
    -------
    dict
        ``runs``, and ``rows`` with the number of their run under "run". Rows that are replaced
        keep their place; new ones stand at the end. A run without rows is left out.
    """
    old = (document or {}).get("results", {})
    runs = list(old.get("runs", []))
    if document and not runs:
        runs = [{name: document[name] for name in _CIRCUMSTANCES if name in document}]
    if run not in runs:
        runs.append(run)
    found = {_key(row, key): {"run": 0, **row} for row in old.get("rows", [])}
    for row in rows:
        found[_key(row, key)] = {**row, "run": runs.index(run)}
    used = sorted({row["run"] for row in found.values()})
    return {
        "runs": [runs[number] for number in used],
        "rows": [{**row, "run": used.index(row["run"])} for row in found.values()],
    }


def _key(row: dict, key: tuple[str, ...]) -> tuple:
    return tuple(row.get(name) for name in key)


def write_merged(
    name: str,
    settings: argparse.Namespace,
    rows: Iterable[dict],
    key: tuple[str, ...],
    *,
    fresh: bool = False,
    finish=None,
    summary=None,
    **others,
) -> Path:
    """Add rows to ``results/<name>.json``.

    Parameters
    ----------
    name : str
    settings : Namespace
        The options of the run; ``out`` is the folder.
    rows, key
        As for :func:`merge_rows`.
    fresh : bool
        Begin the file anew.
    finish : callable, default=None
        Takes and returns all rows, for what depends on several of them.
    summary : callable, default=None
        Takes all rows, and returns what stands above them as "overall".
    **others
        What else stands beside the rows.
    """
    old = None if fresh else read_results(name, settings.out)
    results = merge_rows(old, rows, key, _as_stored(this_run(settings)))
    if finish is not None:
        results["rows"] = finish(results["rows"])
    if summary is not None:
        others["overall"] = summary(results["rows"])
    return write_results(name, settings, {**others, **results})


def _as_stored(run: dict) -> dict:
    # A run must be equal to itself once it has been written and read.
    return json.loads(json.dumps(run, default=str))
