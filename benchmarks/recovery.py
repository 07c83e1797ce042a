"""How far a learned shape is from the one that the table was drawn from.

Shape and truth are centred over the rows whose value is not missing, and compared at these rows.
The effect of *missing* is compared apart, on the same zero, for methods that have one. Errors are
on the scale of the score (log-odds, or the outcome's unit).

    python -m benchmarks.recovery [--quick] [--seeds 5] [--jobs 2]
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks._common import (
    parser,
    print_table,
    spline_estimators,
    stopwatch,
    write_results,
)
from benchmarks._peers import Glassbox, Interpret, PyGAM

KINDS = ("linear", "quadratic", "sine", "step", "kink", "tanh", "plateau", "null")
ADDITIVE = {"n_features": 9, "n_categorical": 1, "correlation": 0.4, "kinds": KINDS}

# Rows, and what make_additive is told beside ADDITIVE; None for make_pneumonia.
SCENARIOS: dict[str, tuple[int, dict | None]] = {
    "additive, 0/1, n=2,000": (2_000, {"task": "classification"}),
    "additive, 0/1, n=20,000": (20_000, {"task": "classification"}),
    "additive, numeric, n=2,000": (2_000, {"task": "regression"}),
    "additive, numeric, n=20,000": (20_000, {"task": "regression"}),
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


def methods(task: str, seed: int, with_spline: bool) -> dict:
    """Additive models, by name."""
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    which = int(task == "regression")
    boosted = (BoostedGAMClassifier, BoostedGAMRegressor)[which]
    machine = (ExplainableBoostingClassifier, ExplainableBoostingRegressor)[which]
    found = {"glassbox boosted": Glassbox(task, boosted(n_jobs=1, random_state=seed))}
    if with_spline:
        found["glassbox spline"] = Glassbox(task, spline_estimators()[which]())
    found["interpret"] = Interpret(task, machine(interactions=0, n_jobs=1, random_state=seed))
    found["pyGAM"] = PyGAM(task)
    found["pyGAM, grid search"] = PyGAM(task, search=True)
    return found


def one_table(scenario: str, seed: int, with_spline: bool) -> list[dict]:
    """Errors of every method and column on one drawn table."""
    task, table = draw(scenario, seed)
    kinds = getattr(table, "kinds", {})
    found = []
    for name, method in methods(task, seed, with_spline).items():
        with stopwatch() as seconds:
            method.fit(table.data, table.target.to_numpy())
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
                    "scenario": scenario,
                    "method": name,
                    "seed": seed,
                    "column": column,
                    "kind": kinds.get(column, "published"),
                    "squared_error": np.mean(error**2),
                    "missing_squared_error": slot**2,
                    "cpu_seconds": seconds["cpu"],
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
            "rmse": by_seed.mean(),
            "sd": by_seed.std(ddof=1) if len(by_seed) > 1 else 0.0,
            "missing_rmse": np.sqrt(part["missing_squared_error"].mean()),
            "fit_cpu_s": part["cpu_seconds"].mean(),
        }
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
    args = options.parse_args()
    names = [name for name in SCENARIOS if not args.quick or name in QUICK]
    if args.quick:
        args.seeds = 1
    with_spline = spline_estimators() is not None
    cells = [(name, seed, with_spline) for name in names for seed in range(args.seeds)]
    tables = Parallel(n_jobs=args.jobs)(delayed(one_table)(*cell) for cell in cells)
    rows = summarise([row for table in tables for row in table])
    for name in names:
        part = [
            {key: value for key, value in row.items() if key != "scenario"}
            for row in rows
            if row["scenario"] == name
        ]
        print_table(part, f"{name}: root mean squared error of the shapes")
    print("Written:", write_results("recovery", args, {"rows": rows}).name)


if __name__ == "__main__":
    main()
