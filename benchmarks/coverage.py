"""How often a nominal 95 % pointwise band covers the true shape.

Tables are drawn from known shapes with correlated columns: six with an effect, one of them
categorical, and two without. A shape and its truth are centred over the rows of the table, and
compared at these rows: the share of rows and columns at which the band holds the truth is
reported, apart for columns with and without an effect.

    python -m benchmarks.coverage [--quick] [--seeds 8] [--jobs 2]
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

SIZES = (500, 2_000, 10_000)
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


def methods(task: str, seed: int, with_spline: bool) -> dict:
    """Estimators with a band, by name."""
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    which = TASKS.index(task)
    boosted = (BoostedGAMClassifier, BoostedGAMRegressor)[which]
    machine = (ExplainableBoostingClassifier, ExplainableBoostingRegressor)[which]
    found = {"glassbox boosted": Glassbox(task, boosted(n_jobs=1, random_state=seed))}
    if with_spline:
        found["glassbox spline"] = Glassbox(task, spline_estimators()[which]())
    found["interpret, ±1.96 sd"] = Interpret(
        task, machine(interactions=0, n_jobs=1, random_state=seed)
    )
    found["pyGAM, its interval"] = PyGAM(task)
    return found


def one_table(task: str, n_rows: int, scenario: str, seed: int, with_spline: bool) -> list[dict]:
    """Coverage of every method on one drawn table."""
    from glassbox.datasets import make_additive

    table = make_additive(n_rows, task=task, random_state=seed, **DESIGN, **SCENARIOS[scenario])
    found = []
    for name, method in methods(task, seed, with_spline).items():
        if scenario != "complete" and isinstance(method, PyGAM):
            continue
        with stopwatch() as seconds:
            method.fit(table.data, table.target.to_numpy())
        for column in table.data:
            truth = table.shapes[column](table.data[column])
            rows = np.arange(n_rows)
            shape = method.shape(column, table.data).centred(rows)
            truth = truth - truth.mean()
            missing = table.data[column].isna().to_numpy()
            inside = (shape.lower <= truth) & (truth <= shape.upper)
            found.append(
                {
                    "method": name,
                    "task": task,
                    "rows": n_rows,
                    "scenario": scenario,
                    "kind": table.kinds[column],
                    "active": table.kinds[column] != "null",
                    "covered": inside.mean(),
                    "missing_covered": inside[missing].mean() if missing.any() else np.nan,
                    "half_width": (shape.upper - shape.lower).mean() / 2,
                    "squared_error": np.mean((shape.score - truth) ** 2),
                    "cpu_seconds": seconds["cpu"],
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
                "covered": part["covered"].mean(),
                "active": part["covered"][part["active"]].mean(),
                "null": part["covered"][~part["active"]].mean(),
                "missing": part["missing_covered"].mean(),
                "half_width": part["half_width"].mean(),
                "rmse": np.sqrt(part["squared_error"].mean()),
                "cpu_seconds": part["cpu_seconds"].mean(),
                "by_kind": part.groupby("kind", sort=False)["covered"].mean().to_dict(),
            }
        )
    return sorted(rows, key=lambda row: (row["scenario"], row["method"]))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=8, help="tables per size and task")
    options.add_argument("--jobs", type=int, default=1, help="tables at the same time")
    args = options.parse_args()
    sizes = SIZES[:2] if args.quick else SIZES
    if args.quick:
        args.seeds = 2
    with_spline = spline_estimators() is not None
    cells = [
        (task, n_rows, scenario, seed, with_spline)
        for scenario in SCENARIOS
        for task in TASKS
        for n_rows in (sizes if scenario == "complete" else sizes[1:2])
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
    overall = {}
    for row in rows:
        if row["scenario"] == "complete":
            overall.setdefault(row["method"], []).append(row["covered"])
    overall = {name: float(np.mean(values)) for name, values in overall.items()}
    for name, value in overall.items():
        print(f"{name}: {value:.3f} on average")
    print("Written:", write_results("coverage", args, {"overall": overall, "rows": rows}).name)


if __name__ == "__main__":
    main()
