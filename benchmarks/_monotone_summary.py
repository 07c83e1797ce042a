"""Means over splits, and paired differences of glassbox's models to the best rival."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks._monotone_models import MODELS, OURS, RIVALS
from benchmarks._monotone_tables import COMPARED, SHARED

HIGHER_IS_BETTER = ("auc", "accuracy")


def mean_se(values: Iterable[float]) -> dict[str, float]:
    """Mean, and its standard error as if the values were independent."""
    values = np.asarray(list(values), dtype=float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return {"mean": float(values.mean()), "se": float(error)}


def paired_advantage(ours, theirs, *, higher_is_better: bool, test_to_train: float = 0.0) -> dict:
    """By how much a model is better than a rival over the same splits.

    Parameters
    ----------
    ours, theirs : sequence of float
        Scores, split by split.
    higher_is_better : bool
    test_to_train : float, default=0.0
        Test rows for each training row, where splits share rows; 0 where each is drawn anew.

    Returns
    -------
    dict
        The mean "advantage", positive where the model is better; "se", as if splits were
        independent; "corrected_se", that of Nadeau & Bengio (2003), Machine Learning 52:239-281;
        and whether the model is behind by no more than each. One split has no error (nan, None).
    """
    sign = 1.0 if higher_is_better else -1.0
    gain = sign * (np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float))
    found = {"advantage": float(gain.mean()), "splits": len(gain)}
    spread = gain.var(ddof=1) if len(gain) > 1 else float("nan")
    for name, factor in (("se", 0.0), ("corrected_se", test_to_train)):
        error = float(np.sqrt(spread * (1 / len(gain) + factor)))
        found[name] = error
        found[f"within_one_{name}"] = None if np.isnan(error) else found["advantage"] >= -error
    return found


def against_best(model: dict, rivals: dict[str, dict], metric: str, test_to_train: float) -> dict:
    """The paired advantage over the rival with the best mean.

    Parameters
    ----------
    model : dict of int to dict
        Scores by split.
    rivals : dict of str to dict of int to dict
        The same, by name. Rivals without a score on one of the model's splits do not take part.
    """
    upwards = metric in HIGHER_IS_BETTER
    splits = sorted(model)
    complete = {
        name: [found[split][metric] for split in splits]
        for name, found in rivals.items()
        if set(splits) <= set(found)
    }
    if not complete:
        return {}
    best = (max if upwards else min)(complete, key=lambda name: np.mean(complete[name]))
    ours = [model[split][metric] for split in splits]
    gain = paired_advantage(
        ours, complete[best], higher_is_better=upwards, test_to_train=test_to_train
    )
    return {"rival": best, **gain}


def summarise(rows: Iterable[dict], tables: dict[str, dict]) -> dict:
    """What stands above the rows of a result file.

    Parameters
    ----------
    rows : iterable of dict
        One for each fit.
    tables : dict of str to dict
        From :meth:`Problem.described`.
    """
    rows = [row for row in rows if "failure" not in row]
    return {
        "accuracy": _accuracy([row for row in rows if row["part"] == "accuracy"], tables),
        "speed": _speed([row for row in rows if row["part"] == "speed"]),
    }


def _accuracy(rows: list[dict], tables: dict[str, dict]) -> list[dict]:
    found: dict[tuple, dict[int, dict]] = {}
    for row in rows:
        found.setdefault((row["table"], row["model"]), {})[row["split"]] = row
    lines = []
    for table, model in sorted(found, key=_place):
        by_split = found[table, model]
        about = tables[table]
        shared = about["splits"] == SHARED
        ratio = about["test_rows"] / about["train_rows"] if shared else 0.0
        line = {"table": table, "model": model, "splits": len(by_split)}
        for metric in COMPARED[table]:
            line[metric] = mean_se(row[metric] for row in by_split.values())
            if len(by_split) == 1:
                row = next(iter(by_split.values()))
                line[metric]["se_over_rows"] = row.get(f"{metric}_se_over_rows")
        for clock in ("cpu", "wall"):
            name = f"fit_{clock}_seconds"
            line[name] = float(np.mean([row[name] for row in by_split.values()]))
        if model in OURS:
            line["against"] = {
                group: {
                    metric: against_best(
                        by_split,
                        {name: found[table, name] for name in names if (table, name) in found},
                        metric,
                        ratio,
                    )
                    for metric in COMPARED[table]
                }
                for group, names in RIVALS.items()
            }
        lines.append(line)
    return lines


def _speed(rows: list[dict]) -> list[dict]:
    seconds: dict[tuple, list[float]] = {}
    for row in rows:
        seconds.setdefault((row["threads"], row["model"]), []).append(row["fit_wall_seconds"])
    boosters = next(iter(RIVALS.values()))
    middle = {key: float(np.median(values)) for key, values in seconds.items()}
    return [
        {
            "threads": threads,
            "model": model,
            "seconds": middle[threads, model],
            "repeats": len(seconds[threads, model]),
            "times": {
                name: middle[threads, model] / middle[threads, name]
                for name in boosters
                if (threads, name) in middle
            },
        }
        for threads, model in sorted(middle, key=lambda key: (key[0], list(MODELS).index(key[1])))
    ]


def _place(key: tuple[str, str]) -> tuple[int, int]:
    return list(COMPARED).index(key[0]), list(MODELS).index(key[1])


def printable(line: dict) -> dict:
    """One line of the accuracy of a table, short enough for a screen."""
    shown = {"model": line["model"]}
    for metric in COMPARED[line["table"]]:
        value = line[metric]
        error = value["se"] if line["splits"] > 1 else value.get("se_over_rows")
        shown[metric] = f"{value['mean']:.4f}" + ("" if error is None else f" ± {error:.4f}")
    for group, by_metric in line.get("against", {}).items():
        for metric, gain in by_metric.items():
            if gain:
                shown[f"{metric}, to {group}"] = _gain(gain)
    return {**shown, "fit s": line["fit_wall_seconds"], "splits": line["splits"]}


def _gain(gain: dict) -> str:
    text = f"{gain['advantage']:+.4f}"
    if gain["within_one_se"] is not None:
        text += f" ± {gain['se']:.4f} ({gain['corrected_se']:.4f})"
        text += " within" if gain["within_one_se"] else " BEHIND"
    return f"{text}, {gain['rival']}"
