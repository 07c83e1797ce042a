"""Fits of boosted GAMs put side by side: means, ratios of seconds, paired differences."""

from __future__ import annotations

from benchmarks._boosting_models import ENGINE, GRAM
from benchmarks._common import mean_sd, paired_difference

#: The entries that tell rows apart, and those that methods in one comparison share.
CASE = ("part", "table", "rows", "columns", "pairs", "bags")
KEY = (*CASE, "method")

LOSSES = ("log_loss", "rmse")
_COMPARED = ("log_loss", "rmse", "auc")
_SECONDS = ("wall_s", "cpu_s")


def gather(fits: list[dict]) -> dict:
    """Fits of one method on the tables or splits of one case, as one row."""
    failures = [fit["failure"] for fit in fits if "failure" in fit]
    if failures:
        return {"fits": len(fits), "failed": len(failures), "failure": failures[0]}
    spread = {
        name: mean_sd(fit[name] for fit in fits) | {"by_fit": [fit[name] for fit in fits]}
        for name in fits[0]
    }
    return {"fits": len(fits), **spread}


def with_comparisons(rows: list[dict]) -> list[dict]:
    """Rows with what gram gains on each, in the same case.

    "gram": how many times the seconds of gram a method takes, over all fits together; and gram's
    scores minus those of the method, paired over the tables or splits. The truth is compared,
    too: "minus truth" is a log-loss minus that of the true probabilities.
    """
    references = {_case(row): row for row in rows if row["method"] == GRAM}
    return [_compared(row, references.get(_case(row))) for row in rows]


def _case(row: dict) -> tuple:
    return tuple(row.get(name) for name in CASE)


def _compared(row: dict, reference: dict | None) -> dict:
    row = {name: value for name, value in row.items() if name not in ("gram", "minus truth")}
    if "failure" in row:
        return row
    if "truth" in row:
        row["minus truth"] = paired_difference(_by_fit(row, "log_loss"), _by_fit(row, "truth"))
    other = reference is not None and row["method"] != GRAM and "failure" not in reference
    # Fits of different runs may be of different tables.
    if not other or reference["fits"] != row["fits"]:
        return row
    found = {}
    for name in _SECONDS:
        if name in row and name in reference:
            found[f"{name} ratio"] = row[name]["mean"] / reference[name]["mean"]
    for name in _COMPARED:
        if name in row and name in reference:
            found[name] = paired_difference(_by_fit(reference, name), _by_fit(row, name))
    return {**row, "gram": found}


def _by_fit(row: dict, name: str) -> list[float]:
    return row[name]["by_fit"]


def printable(row: dict) -> dict:
    """A row in a few columns."""
    shown = {name: row[name] for name in (*CASE[1:], "method")}
    if "failure" in row:
        return {**shown, "failure": row["failure"][:60]}
    columns = ("wall_s", "cpu_s", "before_mb", "peak_mb", "auc", *LOSSES, "truth")
    columns += ("empty_cache_s", "new_process_s", "next_fit_s")
    shown |= {name: row[name]["mean"] for name in columns if name in row}
    gains = row.get("gram", {})
    for name in _SECONDS:
        if f"{name} ratio" in gains:
            shown[f"{name} / gram"] = gains[f"{name} ratio"]
    for name in LOSSES:
        if name in gains:
            shown[f"gram - it, {name}"] = spread(gains[name], 5)
    return shown


def spread(difference: dict, digits: int = 4) -> str:
    """A mean difference and, where there is one, its standard error."""
    mean, error = difference["mean"], difference["se"]
    has_error = error is not None and error == error
    return f"{mean:+.{digits}f}" + (f" ± {error:.{digits}f}" if has_error else "")


def verdicts(rows: list[dict]) -> list[str]:
    """What gram gains on interpret as an engine, a sentence a case."""
    said = []
    for row in rows:
        gains = row.get("gram")
        if row["method"] != ENGINE or not gains:
            continue
        loss = next((name for name in LOSSES if name in gains), None)
        difference = "" if loss is None else f", its {loss} {spread(gains[loss], 5)} beside it"
        said.append(
            f"{row['part']}, {row['table']}, {row['rows']:,} x {row['columns']}, "
            f"{row['pairs']} pairs, {row['bags']} bags: gram is {gains['wall_s ratio']:.1f} times "
            f"as fast ({gains['cpu_s ratio']:.1f} in CPU seconds){difference}."
        )
    return said
