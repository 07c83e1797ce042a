"""Means over splits, fronts, and how they stand to targets and to fairlearn's models.

A front is what a path gives: dependence and merit (means over splits) from strength zero on. Its
merit at a given dependence lies on the straight line between neighbouring strengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks._common import mean_sd
from benchmarks._fairness_models import MEASURES, OURS, path_name
from benchmarks._fairness_peers import STRATEGIES

FIGURES = (
    "auc",
    "accuracy",
    "brier",
    "dp_gap",
    "eo_gap",
    "dcor",
    "dcor_of_link",
    "seconds",
    "fit_seconds",
)
# Where a path begins: at strength zero.
START = {True: "remove", False: "none, with A"}
TIMED = "exponentiated gradient, ε = 0.05"


@dataclass(frozen=True)
class Target:
    """A merit to be had where dependence is no more than a number."""

    table: str
    blind: bool
    value: float
    at_most: float
    merit: str = "auc"
    dependence: str = "dcor"
    source: str = ""


TARGETS = (
    Target("compas", False, 0.728, 0.039, source="CorrelationRemover"),
    Target("compas", True, 0.678, 0.142, source="exponentiated gradient, weighted"),
    Target("compas", True, 0.607, 0.079, "accuracy", "dp_gap", "exponentiated gradient, mixture"),
    Target("hrs", True, 0.814, 0.157, source="exponentiated gradient, weighted"),
    Target("hrs", True, 0.788, 0.074, source="exponentiated gradient, weighted"),
    Target("hrs", False, 0.798, 0.059, source="convex penalty"),
    Target("communities", False, 0.801, 0.171, source="CorrelationRemover"),
    Target("communities", True, 0.745, 0.105, source="exponentiated gradient"),
)


def best_at(front: Sequence[tuple[float, float]], at_most: float) -> float | None:
    """The largest merit of a front where dependence is at most a number.

    Parameters
    ----------
    front : sequence of (dependence, merit)
        In the order of the strengths.
    at_most : float

    Returns
    -------
    float or None
        None where the front stays above the number.
    """
    found = [merit for dependence, merit in front if dependence <= at_most]
    for (left, before), (right, after) in zip(front, front[1:], strict=False):
        if min(left, right) <= at_most <= max(left, right) and left != right:
            found.append(before + (after - before) * (at_most - left) / (right - left))
    return max(found, default=None)


def summarise(rows: Iterable[dict], floors: dict[str, dict]) -> dict:
    """What stands above the rows of a result file.

    Parameters
    ----------
    rows : iterable of dict
        One for each model and split.
    floors : dict of str to dict
        What chance gives, by table.
    """
    rows = [row for row in rows if "failure" not in row]
    models = _models(rows)
    return {
        "models": models,
        "targets": [_verdict(target, models) for target in TARGETS],
        "beside_peers": _beside_peers(models),
        "speed": _speed(rows),
        "floors": floors,
    }


def _models(rows: list[dict]) -> list[dict]:
    found: dict[tuple, list[dict]] = {}
    for row in rows:
        found.setdefault((row["table"], row["strategy"], row["model"], row["at"]), []).append(row)
    lines = []
    for (table, strategy, model, at), parts in found.items():
        line = {"table": table, "strategy": strategy, "model": model, "at": at}
        line["splits"] = len(parts)
        for name in FIGURES:
            if all(name in part for part in parts):
                line[name] = mean_sd(part[name] for part in parts)
        lines.append(line)
    order = {name: place for place, name in enumerate(STRATEGIES)}
    # Sorting is stable: models of one strategy and strength stay in the order of the strategy.
    return sorted(
        lines, key=lambda m: (m["table"], order[m["strategy"]], m["model"], m["at"] or 0)
    )


def front_of(
    models: list[dict], table: str, path: str, blind: bool, merit: str, dependence: str
) -> list[tuple[float, float]]:
    """Dependence and merit of a path, begun at strength zero; empty where it was not measured."""
    of_table = [line for line in models if line["table"] == table]
    steps = [line for line in of_table if line["model"] == path]
    if not steps:
        return []
    start = [line for line in of_table if line["model"] == START[blind]]
    return [(line[dependence]["mean"], line[merit]["mean"]) for line in start + steps]


def _ours_at(models, table, blind, merit, dependence, at_most) -> dict[str, float | None]:
    fronts = {
        name: front_of(models, table, path_name(name, blind), blind, merit, dependence)
        for name in MEASURES
    }
    return {name: best_at(front, at_most) for name, front in fronts.items() if front}


def _verdict(target: Target, models: list[dict]) -> dict:
    ours = _ours_at(
        models, target.table, target.blind, target.merit, target.dependence, target.at_most
    )
    reached = None
    if ours:
        reached = any(value is not None and value >= target.value for value in ours.values())
    return {
        "table": target.table,
        "inputs": "blind" if target.blind else "with A",
        "of": target.source,
        "target": f"{target.merit} ≥ {target.value:g} at {target.dependence} ≤ {target.at_most:g}",
        "ours": ours,
        "reached": reached,
    }


def _beside_peers(models: list[dict]) -> list[dict]:
    """For each of fairlearn's models, our merit at its own dependence in the same run."""
    lines = []
    for peer in models:
        if peer["strategy"] in OURS or peer["strategy"] == "logistic, remove":
            continue
        # Those that read A when they predict stand beside paths that do.
        blind = peer["strategy"].startswith("exponentiated gradient")
        line = {"table": peer["table"], "peer": peer["model"], "at": peer["at"]}
        line["inputs"] = "blind" if blind else "with A"
        for merit, dependence in (("auc", "dcor"), ("accuracy", "dp_gap")):
            there = peer[dependence]["mean"]
            line[dependence], line[merit] = there, peer[merit]["mean"]
            line[f"our {merit}"] = _ours_at(models, peer["table"], blind, merit, dependence, there)
        lines.append(line)
    return lines


def _speed(rows: list[dict]) -> list[dict]:
    """Seconds of whole paths over those of one exponentiated gradient, on the same splits."""
    measured = {(row["table"], row["strategy"], row["split"]): row for row in rows}
    lines = []
    for table in dict.fromkeys(row["table"] for row in rows):
        for strategy in (path_name(m, blind) for blind in (True, False) for m in MEASURES):
            pairs = [
                (row, measured[table, TIMED, split])
                for (t, s, split), row in measured.items()
                if (t, s) == (table, strategy) and (table, TIMED, split) in measured
            ]
            if not pairs:
                continue
            line = {"table": table, "path": strategy, "splits": len(pairs)}
            line[TIMED] = sum(peer["seconds"] for _, peer in pairs) / len(pairs)
            for name in ("fit_seconds", "seconds"):
                line[name] = sum(row[name] for row, _ in pairs) / len(pairs)
                line[f"{name}, ratio"] = line[name] / line[TIMED]
            lines.append({**line, "faster": line["fit_seconds"] < line[TIMED]})
    return lines


def printable(line: dict) -> dict:
    """One model, short enough for a screen."""
    shown = {"model": line["model"], "at": "" if line["at"] is None else f"{line['at']:g}"}
    for name in FIGURES:
        if name.endswith("seconds"):
            shown[name] = f"{line[name]['mean']:.2f}"
        elif name in line:
            shown[name] = f"{line[name]['mean']:.3f} ± {line[name]['sd']:.3f}"
        else:
            shown[name] = ""
    return shown


def printable_merits(ours: dict[str, float | None]) -> str:
    """Ours by measure; a dash where the front does not come so far."""
    return ", ".join(
        f"{name} {'—' if value is None else format(value, '.3f')}" for name, value in ours.items()
    )
