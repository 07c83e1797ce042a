"""The README's tables of boosting, as Markdown, from results/boosting.json.

python -m benchmarks.boosting_tables [--out FOLDER]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from benchmarks._boosting_models import GRAM, ITSELF
from benchmarks._boosting_summary import LOSSES, spread, verdicts, with_comparisons
from benchmarks._results import read_results
from benchmarks.nam_tables import markdown

Column = Callable[[dict], str]


def mean(name: str, digits: int) -> Column:
    """A column of means."""
    return lambda row: f"{row[name]['mean']:,.{digits}f}" if name in row else ""


def mean_and_sd(*names: str) -> Column:
    """A column of means and standard deviations, of the first that a row has."""

    def cell(row: dict) -> str:
        name = next((name for name in names if name in row), None)
        if name is None:
            return ""
        value = f"{row[name]['mean']:.4f}"
        return value + (f" ± {row[name]['sd']:.4f}" if row["fits"] > 1 else "")

    return cell


def times(name: str) -> Column:
    """A column of how many times gram's seconds a method takes."""

    def cell(row: dict) -> str:
        ratio = row.get("gram", {}).get(f"{name} ratio")
        return "" if ratio is None else f"{ratio:.1f}"

    return cell


def gram_minus(row: dict) -> str:
    """The loss of gram minus that of a method."""
    gains = row.get("gram", {})
    return next((spread(gains[name], 5) for name in LOSSES if name in gains), "")


def minus_truth(row: dict) -> str:
    """The log-loss minus that of the true probabilities."""
    return spread(row["minus truth"], 5) if "minus truth" in row else ""


COST: dict[str, Column] = {
    "wall s": mean("wall_s", 2),
    "CPU s": mean("cpu_s", 2),
    "MB": mean("peak_mb", 0),
}
TIMES: dict[str, Column] = {
    "wall / gram": times("wall_s"),
    "CPU / gram": times("cpu_s"),
}
GENERATED_LOSS: dict[str, Column] = {
    "log-loss": mean("log_loss", 5),
    "− truth": minus_truth,
    "gram − it": gram_minus,
}
REAL: dict[str, Column] = {
    "AUC": mean_and_sd("auc"),
    "log-loss or RMSE": mean_and_sd(*LOSSES),
    "gram − it": gram_minus,
    "wall s": mean("wall_s", 2),
    "CPU s": mean("cpu_s", 2),
    **TIMES,
}
COMPILE: dict[str, Column] = {
    "first fit s": mean("empty_cache_s", 1),
    "first of a process s": mean("new_process_s", 1),
    "next s": mean("next_fit_s", 2),
}


def case(row: dict) -> list[str]:
    """What was fitted, by which method."""
    size = f"{row['table']}, {row['rows']:,} × {row['columns']}"
    return [size, str(row["pairs"]), str(row["bags"]), row["method"], str(row["fits"])]


def table(rows: list[dict], columns: dict[str, Column]) -> Iterator[str]:
    """A table of chosen columns; a failure says why in the first of them."""
    header = ("table", "pairs", "bags", "method", "fits", *columns)

    def cells(row: dict) -> list[str]:
        if "failure" in row:
            return [row["failure"].replace("|", "/")] + [""] * (len(columns) - 1)
        return [cell(row) for cell in columns.values()]

    yield from markdown(header, (case(row) + cells(row) for row in rows))


SECTIONS: dict[str, tuple[str, dict[str, Column]]] = {
    "speed": ("Generated tables", {**COST, **TIMES, **GENERATED_LOSS}),
    "real": ("Real tables", REAL),
    "peers": ("Beside trees on one feature each", REAL),
    "whole": (f"Large tables, and the defaults of {ITSELF}", {**COST, **TIMES}),
    "compile": (f"The first fit with {GRAM}", COMPILE),
}


def lines(rows: list[dict]) -> Iterator[str]:
    """All tables, and what follows from them."""
    rows = with_comparisons(rows)
    for part, (title, columns) in SECTIONS.items():
        own = [row for row in rows if row["part"] == part]
        if own:
            yield f"\n### {title}\n"
            yield from table(own, columns)
    yield ""
    yield from (f"- {verdict}" for verdict in verdicts(rows))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", help="folder of the result file (default: benchmarks/results)")
    document = read_results("boosting", options.parse_args().out)
    if document is None:
        options.error("boosting.json is not there: run `python -m benchmarks.boosting` first.")
    print("\n".join(lines(document["results"]["rows"])))


if __name__ == "__main__":
    main()
