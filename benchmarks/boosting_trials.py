"""What was tried in the boosting engine: each variant beside the engine as it is.

Constants of the engine are changed within a fit; bags are drawn otherwise; settings are moved away
from their defaults. One at a time, on the same splits of the same tables with the same seed; the
loss is compared split by split. Fits run on one core. Their cost is the median over splits of the
ratio of processor seconds.

A second trial is of the band: bootstrap bags and their standard deviation beside the engine's
delete-d jackknife, on the tables with known shapes of `coverage`.

With `--tables`, `--variants` or `--pairs`, what is measured replaces those rows in the result
file, and the others stay. `--markdown` measures nothing: it prints what is in the result file as
tables for README.md.

    python -m benchmarks.boosting_trials [--quick] [--tables birthwt ...] [--jobs 2] [--markdown]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from joblib import Parallel, delayed

from benchmarks._boosting_trial_tables import markdown
from benchmarks._boosting_variants import BANDS, VARIANTS, Variant, tried
from benchmarks._common import (
    Table,
    load_tables,
    mean_sd,
    paired_difference,
    parser,
    predict_for_scores,
    print_table,
    scores,
    stopwatch,
)
from benchmarks._peers import Glassbox
from benchmarks._results import read_results, write_merged
from benchmarks.coverage import DESIGN, coverage_by_column, summarise

NAME = "boosting_trials"
KEY = ("trial", "table", "rows", "pairs", "variant")

# Most splits of each table: enough to tell variants apart.
SPLITS = {
    "birthwt": 10,
    "heart_cleveland": 10,
    "nhefs": 10,
    "compas": 10,
    "breast_cancer": 10,
    "support2": 10,
    "make_additive": 10,
    "diabetes130": 3,
    "diabetes": 10,
    "california_housing": 3,
}
PAIRS = (0, 10)
BAND_SIZES = (500, 2_000)
QUICK_TABLES = ("birthwt", "diabetes")
QUICK_VARIANTS = ("prior worth 4 rows", "rows read every round", "8 bootstrap bags")
# What this process has loaded and compiled.
_WARM: set[tuple[str, int]] = set()


def fit_and_score(table: Table, split: int, n_pairs: int, name: str) -> dict[str, float]:
    """One fit: its loss on the test rows, and its processor seconds."""
    variant = VARIANTS[name]
    train, test = table.splits[split]
    if (table.name, n_pairs) not in _WARM:
        brief = Variant().estimator(table.task, interactions=n_pairs, n_bags=2, max_rounds=2)
        brief.fit(table.X.iloc[train], table.y[train])
        _WARM.add((table.name, n_pairs))
    model = variant.estimator(table.task, interactions=n_pairs, n_jobs=1, random_state=split)
    with variant.in_place(), stopwatch() as seconds:
        model.fit(table.X.iloc[train], table.y[train])
    predicted = predict_for_scores(table.task, model, table.X.iloc[test])
    found = scores(table.task, table.y[test], predicted)
    return {**found, "cpu_seconds": seconds["cpu"], "rounds": float(np.mean(model.n_rounds_))}


def compare(table: Table, n_pairs: int, names: list[str], n_splits: int, jobs: int) -> list[dict]:
    """All variants on the same splits, with paired differences."""
    tasks = [(split, n_pairs, name) for name in names for split in range(n_splits)]
    fits = Parallel(n_jobs=jobs)(delayed(fit_and_score)(table, *task) for task in tasks)
    by_variant: dict[str, list[dict]] = {name: [] for name in names}
    for (_, _, name), fit in zip(tasks, fits, strict=True):
        by_variant[name].append(fit)
    case = {"trial": "loss", "table": table.name, "task": table.task, "pairs": n_pairs}
    case |= {"splits": n_splits, "protocol": table.protocol}
    return [
        {**case, "variant": name, **_beside(found, VARIANTS[name].against, by_variant)}
        for name, found in by_variant.items()
    ]


def _beside(fits: list[dict], against: str, by_variant: dict[str, list[dict]]) -> dict:
    """Fits beside those of another variant on the same splits."""
    others = by_variant[against]
    row: dict = {"against": against}
    for metric in fits[0]:
        values, reference = ([fit[metric] for fit in found] for found in (fits, others))
        row[metric] = mean_sd(values)
        if metric == "cpu_seconds":
            row["cpu_ratio"] = float(np.median(np.divide(values, reference)))
        elif metric != "rounds":
            row[metric]["difference"] = paired_difference(values, reference)
    return row


def bands_on(n_rows: int, seed: int) -> list[dict]:
    """Coverage of every band on one drawn table."""
    from glassbox.datasets import make_additive

    task = "classification"
    table = make_additive(n_rows, task=task, random_state=seed, **DESIGN)
    found = []
    for name, variant in BANDS.items():
        method = Glassbox(task, variant.estimator(task, n_jobs=1, random_state=seed))
        with variant.in_place(), stopwatch() as seconds:
            method.fit(table.data, table.target.to_numpy())
        case = {"scenario": "complete", "method": name, "task": task, "rows": n_rows}
        case |= {"seed": seed, "cpu_seconds": seconds["cpu"]}
        found += [case | covered for covered in coverage_by_column(method, table)]
    return found


def compare_bands(n_rows: int, n_seeds: int, jobs: int) -> list[dict]:
    """All bands on the same tables, with paired differences in coverage to the engine's."""
    tables = Parallel(n_jobs=jobs)(delayed(bands_on)(n_rows, seed) for seed in range(n_seeds))

    def by_table(name: str) -> list[float]:
        return [
            float(np.mean([row["covered"] for row in table if row["method"] == name]))
            for table in tables
        ]

    reference = by_table(next(iter(BANDS)))
    rows = []
    for row in summarise([row for table in tables for row in table]):
        name = row.pop("method")
        row |= {"trial": "band", "variant": name, "sd": mean_sd(by_table(name))["sd"]}
        rows.append(row | {"difference": paired_difference(by_table(name), reference)})
    return sorted(rows, key=lambda row: list(BANDS).index(row["variant"]))


def printable(row: dict) -> dict:
    loss = "log_loss" if "log_loss" in row else "rmse"
    return {
        "variant": row["variant"],
        "log-loss / RMSE": row[loss]["mean"],
        "difference": row[loss]["difference"]["mean"],
        "± se": row[loss]["difference"]["se"],
        "CPU s": row["cpu_seconds"]["mean"],
        "CPU ratio": row["cpu_ratio"],
        "steps": row["rounds"]["mean"],
    }


def measure(args: argparse.Namespace, tables: list[Table]) -> Iterator[list[dict]]:
    """Rows of one case at a time."""
    for table in tables:
        n_splits = min(2 if args.quick else SPLITS[table.name], len(table.splits))
        for n_pairs in args.pairs:
            names = tried(n_pairs, args.variants)
            rows = compare(table, n_pairs, names, n_splits, args.jobs)
            title = f"{table.name}, {n_pairs} pairs ({table.protocol})"
            print_table([printable(row) for row in rows], title)
            yield rows
    for n_rows in BAND_SIZES if args.seeds else ():
        rows = compare_bands(n_rows, args.seeds, args.jobs)
        columns = ("variant", "covered", "active", "null", "half_width", "rmse", "cpu_seconds")
        shown = [{column: row[column] for column in columns} for row in rows]
        print_table(shown, f"Share of points in the nominal 95 % band, {n_rows} rows")
        yield rows


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", choices=list(SPLITS), help="default: all")
    options.add_argument("--variants", nargs="+", choices=list(VARIANTS), help="default: all")
    options.add_argument("--pairs", nargs="+", type=int, default=list(PAIRS), choices=PAIRS)
    options.add_argument("--seeds", type=int, default=20, help="tables of each size for the band")
    options.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    options.add_argument("--markdown", action="store_true", help="print the result file")
    return options


def main() -> None:
    options = _options()
    args = options.parse_args()
    if args.markdown:
        document = read_results(NAME, args.out)
        if document is None:
            options.error(f"{NAME}.json is not there: measure first, or name its folder (--out).")
        print(markdown(document["results"]["rows"]))
        return
    fresh = not args.tables and not args.variants and tuple(args.pairs) == PAIRS
    args.tables = args.tables or list(QUICK_TABLES if args.quick else SPLITS)
    args.variants = args.variants or list(QUICK_VARIANTS if args.quick else VARIANTS)
    if args.quick:
        args.seeds = min(args.seeds, 2)
    tables, skipped = load_tables(args.tables)
    results: list[dict] = []
    written = None
    for rows in measure(args, tables):
        results += rows
        if not args.quick or args.out is not None:
            written = write_merged(NAME, args, results, KEY, fresh=fresh, skipped=skipped)
    print(markdown(results))
    print(f"Written: {written.name}" if written else "Not written: a quick run needs --out.")


if __name__ == "__main__":
    main()
