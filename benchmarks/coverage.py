"""How often a nominal 95 % pointwise band covers the true shape.

Tables are drawn from known shapes with correlated columns: six with an effect, one of them
categorical, and two without. A shape and its truth are centred over the rows of the table, and
compared at these rows: the share of rows and columns at which the band holds the truth is
reported, apart for columns with and without an effect.

dnamite has an environment of its own (see README.md) and is slow: `--peer-seeds` says how many of
the tables it fits. With `--methods` or `--sizes`, the rows that are measured replace those in the
result file, and the others stay as they are.

    python -m benchmarks.coverage [--quick] [--seeds 8] [--methods ...] [--jobs 2]
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks._common import one_thread, parser, print_table, stopwatch
from benchmarks._foreign import PEERS, Foreign, ForeignError
from benchmarks._peers import PyGAM
from benchmarks._results import write_merged
from benchmarks.recovery import make, usable

SIZES = (500, 2_000, 5_000, 10_000, 50_000)
QUICK_SIZES = (500, 2_000)
# The size of the tables with missing values.
MISSING_SIZE = 2_000
TASKS = ("classification", "regression")
DESIGN = {
    "n_features": 8,
    "n_categorical": 1,
    "kinds": ("linear", "quadratic", "sine", "step", "tanh", "null", "null"),
    "correlation": 0.4,
}
SCENARIOS = {
    "complete": {},
    "missing": {"missing": "unable", "missing_rate": 0.2},
}


# Estimators with a band, and what recovery.py calls them.
METHODS = {
    "glassbox boosted": "glassbox boosted",
    "glassbox spline": "glassbox spline",
    "glassbox NAM": "glassbox NAM",
    "interpret, ±1.96 sd": "interpret",
    "pyGAM, its interval": "pyGAM",
    "dnamite, ±1.96 se": "dnamite",
}


def one_table(task: str, n_rows: int, scenario: str, seed: int, names: list[str]) -> list[dict]:
    """Coverage of every method on one drawn table."""
    from glassbox.datasets import make_additive

    table = make_additive(n_rows, task=task, random_state=seed, **DESIGN, **SCENARIOS[scenario])
    found = []
    for name in names:
        method = make(METHODS[name], task, seed)
        if scenario != "complete" and isinstance(method, PyGAM):
            continue
        try:
            with one_thread(), stopwatch() as seconds:
                method.fit(table.data, table.target.to_numpy())
            seconds = getattr(method, "seconds", seconds)
            found += [
                {
                    "method": name,
                    "task": task,
                    "rows": n_rows,
                    "scenario": scenario,
                    "seed": seed,
                    "cpu_seconds": seconds["cpu"],
                    **covered,
                }
                for covered in coverage_by_column(method, table)
            ]
        except ForeignError as failure:
            print(f"{task}, {n_rows} rows, table {seed}: {failure}", flush=True)
        finally:
            if isinstance(method, Foreign):
                method.close()
    return found


def coverage_by_column(method, table) -> list[dict]:
    """Where the bands hold the truth."""
    found = []
    for column in table.data:
        truth = table.shapes[column](table.data[column])
        shape = method.shape(column, table.data).centred(np.arange(len(truth)))
        truth = truth - truth.mean()
        missing = table.data[column].isna().to_numpy()
        inside = (shape.lower <= truth) & (truth <= shape.upper)
        found.append(
            {
                "kind": table.kinds[column],
                "active": table.kinds[column] != "null",
                "covered": inside.mean(),
                "missing_covered": inside[missing].mean() if missing.any() else np.nan,
                "half_width": (shape.upper - shape.lower).mean() / 2,
                "squared_error": np.mean((shape.score - truth) ** 2),
            }
        )
    return found


def summarise(found: list[dict]) -> list[dict]:
    """Averages over columns and seeds."""
    frame = pd.DataFrame(found)
    rows = []
    for key, part in frame.groupby(["scenario", "method", "task", "rows"], sort=False):
        rows.append(
            dict(zip(("scenario", "method", "task", "rows"), key, strict=True))
            | {
                "tables": part["seed"].nunique(),
                "covered": part["covered"].mean(),
                "active": part["covered"][part["active"]].mean(),
                "null": part["covered"][~part["active"]].mean(),
                "missing": part["missing_covered"].mean(),
                "half_width": part["half_width"].mean(),
                "rmse": np.sqrt(part["squared_error"].mean()),
                "null_rmse": np.sqrt(part["squared_error"][~part["active"]].mean()),
                "cpu_seconds": part["cpu_seconds"].mean(),
                "by_kind": part.groupby("kind", sort=False)["covered"].mean().to_dict(),
            }
        )
    return in_order(rows)


def in_order(rows: list[dict]) -> list[dict]:
    """Rows by scenario and method, then by task and size."""
    return sorted(rows, key=lambda r: (r["scenario"], r["method"], r["task"], r["rows"]))


def averages(rows: list[dict]) -> dict[str, float]:
    """Coverage of the complete tables on average, by method."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["scenario"] == "complete":
            found.setdefault(row["method"], []).append(row["covered"])
    return {name: float(np.mean(values)) for name, values in found.items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=8, help="tables per size and task")
    options.add_argument("--jobs", type=int, default=1, help="tables at the same time")
    options.add_argument("--methods", nargs="+", choices=list(METHODS), help="default: all")
    options.add_argument("--sizes", nargs="+", type=int, choices=SIZES, help="default: all")
    options.add_argument(
        "--peer-seeds", type=int, default=2, help="tables per size and task that dnamite fits"
    )
    args = options.parse_args()
    sizes = tuple(args.sizes or (QUICK_SIZES if args.quick else SIZES))
    if args.quick:
        args.seeds = 2
    names = {METHODS[name]: name for name in args.methods or METHODS}
    chosen = [names[name] for name in usable(list(names))]
    cells = [
        (
            task,
            n_rows,
            scenario,
            seed,
            [m for m in chosen if METHODS[m] not in PEERS or seed < args.peer_seeds],
        )
        for scenario in SCENARIOS
        for task in TASKS
        for n_rows in sizes
        if scenario == "complete" or n_rows == MISSING_SIZE
        for seed in range(args.seeds)
    ]
    tables = Parallel(n_jobs=args.jobs)(delayed(one_table)(*cell) for cell in cells)
    rows = summarise([row for table in tables for row in table])
    shown = [{key: row[key] for key in row if key != "by_kind"} for row in rows]
    print_table(shown, "Share of rows and columns where the nominal 95 % band holds the truth")
    by_kind = [
        {key: row[key] for key in ("method", "task", "rows")} | row["by_kind"]
        for row in rows
        if row["scenario"] == "complete"
    ]
    print_table(by_kind, "The same by the kind of shape")
    for name, value in averages(rows).items():
        print(f"{name}: {value:.3f} on average")
    path = write_merged(
        "coverage",
        args,
        rows,
        ("scenario", "method", "task", "rows"),
        fresh=args.quick or (args.methods is None and args.sizes is None),
        finish=in_order,
        summary=averages,
    )
    print("Written:", path.name)


if __name__ == "__main__":
    main()
