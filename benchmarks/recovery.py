"""How far a learned shape is from the one that the table was drawn from.

Shape and truth are centred over the rows whose value is not missing, and compared at these rows.
The effect of *missing* is compared apart, on the same zero, for methods that have one. Errors are
on the scale of the score (log-odds, or the outcome's unit). Columns without an effect are
averaged apart as well: "null", and "active" the others.

dnamite has an environment of its own (see README.md) and is slow: `--peer-seeds` says how many of
the tables it fits. With `--methods` or `--scenarios`, the rows that are measured replace those in
the result file, and the others stay as they are.

    python -m benchmarks.recovery [--quick] [--seeds 5] [--methods ...] [--jobs 2]
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks._common import (
    load_networks,
    nam_estimators,
    one_thread,
    parser,
    print_table,
    spline_estimators,
    stopwatch,
)
from benchmarks._foreign import PEERS, Foreign, ForeignError, foreign_peers
from benchmarks._peers import Glassbox, Interpret, PyGAM
from benchmarks._results import write_merged

KINDS = ("linear", "quadratic", "sine", "step", "kink", "tanh", "plateau", "null")
ADDITIVE = {"n_features": 9, "n_categorical": 1, "correlation": 0.4, "kinds": KINDS}

# Rows, and what make_additive is told beside ADDITIVE; None for make_pneumonia.
SCENARIOS: dict[str, tuple[int, dict | None]] = {
    f"additive, {outcome}, n={n_rows:,}": (n_rows, {"task": task})
    for outcome, task in (("0/1", "classification"), ("numeric", "regression"))
    for n_rows in (500, 2_000, 5_000, 20_000, 50_000)
} | {
    "additive with missing, 0/1, n=5,000": (
        5_000,
        {"task": "classification", "missing": "unable"},
    ),
    "pneumonia, n=14,199": (14_199, None),
}
QUICK = ("additive, 0/1, n=2,000", "additive, numeric, n=2,000")


def draw(scenario: str, seed: int) -> tuple:
    """The task, and a table drawn for it."""
    from glassbox.datasets import make_additive, make_pneumonia

    n_rows, options = SCENARIOS[scenario]
    if options is None:
        return "classification", make_pneumonia(n_rows, random_state=seed)
    return options["task"], make_additive(n_rows, random_state=seed, **ADDITIVE, **options)


NEURAL = "glassbox NAM"
METHODS = (
    "glassbox boosted",
    "glassbox spline",
    NEURAL,
    "interpret",
    "pyGAM",
    "pyGAM, grid search",
    "dnamite",
)


def make(name: str, task: str, seed: int):
    """An additive model, by name."""
    which = int(task == "regression")
    if name == "glassbox boosted":
        from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

        family = (BoostedGAMClassifier, BoostedGAMRegressor)[which]
        return Glassbox(task, family(n_jobs=1, random_state=seed))
    if name == "glassbox spline":
        return Glassbox(task, spline_estimators()[which]())
    if name == NEURAL:
        load_networks()
        return Glassbox(task, nam_estimators()[which](random_state=seed))
    if name == "interpret":
        from interpret.glassbox import (
            ExplainableBoostingClassifier,
            ExplainableBoostingRegressor,
        )

        machine = (ExplainableBoostingClassifier, ExplainableBoostingRegressor)[which]
        return Interpret(task, machine(interactions=0, n_jobs=1, random_state=seed))
    if name in PEERS:
        return Foreign(task, PEERS[name], seed=seed)
    return PyGAM(task, search=name.endswith("grid search"))


def usable(names) -> list[str]:
    """The methods that can run here; the others are said to be skipped."""
    left_out = set(foreign_peers([name for name in names if name in PEERS])[1])
    if spline_estimators() is None:
        left_out.add("glassbox spline")
    if NEURAL in names and nam_estimators() is None:
        left_out.add(NEURAL)
    return [name for name in names if name not in left_out]


def one_table(scenario: str, seed: int, names: list[str]) -> list[dict]:
    """Errors of every method and column on one drawn table."""
    task, table = draw(scenario, seed)
    found = []
    for name in names:
        method = make(name, task, seed)
        try:
            with one_thread(), stopwatch() as seconds:
                method.fit(table.data, table.target.to_numpy())
            seconds = getattr(method, "seconds", seconds)
            found += [
                {
                    "scenario": scenario,
                    "method": name,
                    "seed": seed,
                    "cpu_seconds": seconds["cpu"],
                    **errors,
                }
                for errors in errors_by_column(method, table)
            ]
        except ForeignError as failure:
            print(f"{scenario}, table {seed}: {failure}", flush=True)
        finally:
            if isinstance(method, Foreign):
                method.close()
    return found


def errors_by_column(method, table) -> list[dict]:
    """Squared errors of the learned shapes."""
    kinds = getattr(table, "kinds", {})
    found = []
    for column in table.data:
        truth = table.shapes[column](table.data[column])
        missing = table.data[column].isna().to_numpy()
        present = np.flatnonzero(~missing)
        shape = method.shape(column, table.data)
        error = shape.centred(present).score - (truth[present] - truth[present].mean())
        slot = np.nan
        if missing.any() and not isinstance(method, PyGAM):
            learned = shape.score[missing].mean() - shape.score[present].mean()
            slot = learned - (truth[missing].mean() - truth[present].mean())
        found.append(
            {
                "column": column,
                "kind": kinds.get(column, "published"),
                "squared_error": np.mean(error**2),
                "missing_squared_error": slot**2,
            }
        )
    return found


def summarise(found: list[dict]) -> list[dict]:
    """Root mean squared errors over columns and seeds."""
    rows = []
    for (scenario, name), part in pd.DataFrame(found).groupby(["scenario", "method"], sort=False):
        by_seed = np.sqrt(part.groupby("seed")["squared_error"].mean())
        row = {
            "scenario": scenario,
            "method": name,
            "tables": len(by_seed),
            "rmse": by_seed.mean(),
            "sd": by_seed.std(ddof=1) if len(by_seed) > 1 else 0.0,
            "missing_rmse": np.sqrt(part["missing_squared_error"].mean()),
            "fit_cpu_s": part["cpu_seconds"].mean(),
        }
        is_null = part["kind"] == "null"
        if is_null.any():
            row["active"] = np.sqrt(part["squared_error"][~is_null].mean())
        for kind, errors in part.groupby("kind", sort=False)["squared_error"]:
            if kind != "published":
                row[kind] = np.sqrt(errors.mean())
        if scenario.startswith("pneumonia"):
            for column in ("age", "bun", "creatinine", "asthma"):
                row[column] = np.sqrt(part[part["column"] == column]["squared_error"].mean())
        rows.append(row)
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=4, help="tables per scenario")
    options.add_argument("--jobs", type=int, default=1, help="tables at the same time")
    options.add_argument("--methods", nargs="+", choices=METHODS, help="default: all")
    options.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), help="default: all")
    options.add_argument(
        "--peer-seeds", type=int, default=2, help="tables per scenario that dnamite fits"
    )
    args = options.parse_args()
    names = list(args.scenarios or SCENARIOS)
    if args.quick:
        names, args.seeds = list(args.scenarios or QUICK), 1
    chosen = usable(args.methods or METHODS)
    cells = [
        (name, seed, [m for m in chosen if m not in PEERS or seed < args.peer_seeds])
        for name in names
        for seed in range(args.seeds)
    ]
    tables = Parallel(n_jobs=args.jobs)(delayed(one_table)(*cell) for cell in cells)
    rows = summarise([row for table in tables for row in table])
    for name in names:
        part = [
            {key: value for key, value in row.items() if key != "scenario"}
            for row in rows
            if row["scenario"] == name
        ]
        if part:
            print_table(part, f"{name}: root mean squared error of the shapes")
    path = write_merged(
        "recovery",
        args,
        rows,
        ("scenario", "method"),
        fresh=args.quick or (args.methods is None and args.scenarios is None),
        finish=in_order,
    )
    print("Written:", path.name)


def in_order(rows: list[dict]) -> list[dict]:
    """Rows in the order of scenarios and methods."""
    scenarios = list(SCENARIOS)
    return sorted(
        rows, key=lambda row: (scenarios.index(row["scenario"]), METHODS.index(row["method"]))
    )


if __name__ == "__main__":
    main()
