"""Accuracy beside peers, on the same splits of clinical tables (and one of houses).

Every method fits on the same training rows. Peers that need numbers get categories as one-hot
columns and, where they need it, medians in place of missing values with a column that says where.
Boosted trees and forests have the settings written below, chosen once for all tables.

    python -m benchmarks.accuracy [--quick] [--tables support2 ...] [--methods ...] [--jobs 2]
"""

from __future__ import annotations

from collections.abc import Callable

from joblib import Parallel, delayed

from benchmarks._common import (
    TABLES,
    Table,
    load_tables,
    mean_sd,
    paired_difference,
    parser,
    print_table,
    scores,
    spline_estimators,
    stopwatch,
    write_results,
)
from benchmarks._peers import PyGAM, ScikitLearn, as_numbers

REFERENCES = ("glassbox boosted", "glassbox spline")

# pyGAM's dense design is too large for this table; one fit of interpret with pairs takes two
# minutes on the houses.
TOO_LARGE = {
    "pyGAM": ("diabetes130",),
    "pyGAM, grid search": ("diabetes130",),
    "interpret, 10 pairs, 8 bags": ("california_housing",),
}


def _boosted(task: str, **settings) -> ScikitLearn:
    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    family = BoostedGAMClassifier if task == "classification" else BoostedGAMRegressor
    return ScikitLearn(task, family(n_jobs=1, random_state=0, **settings))


def _spline(task: str) -> ScikitLearn:
    return ScikitLearn(task, spline_estimators()[task == "regression"]())


def _interpret(task: str, **settings) -> ScikitLearn:
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    classes = ExplainableBoostingClassifier, ExplainableBoostingRegressor
    return ScikitLearn(task, classes[task == "regression"](n_jobs=1, random_state=0, **settings))


def _linear(task: str) -> ScikitLearn:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    model = LogisticRegression(max_iter=2_000) if task == "classification" else LinearRegression()
    return ScikitLearn(task, model, as_numbers(impute=True))


def _forest(task: str) -> ScikitLearn:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    family = RandomForestClassifier if task == "classification" else RandomForestRegressor
    model = family(n_estimators=300, min_samples_leaf=3, n_jobs=1, random_state=0)
    return ScikitLearn(task, model, as_numbers(impute=False))


def _xgboost(task: str) -> ScikitLearn:
    from xgboost import XGBClassifier, XGBRegressor

    family = XGBClassifier if task == "classification" else XGBRegressor
    model = family(
        max_depth=3, n_estimators=300, learning_rate=0.05, n_jobs=1, random_state=0, verbosity=0
    )
    return ScikitLearn(task, model, as_numbers(impute=False))


def _lightgbm(task: str) -> ScikitLearn:
    from lightgbm import LGBMClassifier, LGBMRegressor

    family = LGBMClassifier if task == "classification" else LGBMRegressor
    model = family(
        num_leaves=15, n_estimators=300, learning_rate=0.05, n_jobs=1, random_state=0, verbose=-1
    )
    return ScikitLearn(task, model)


METHODS: dict[str, Callable] = {
    "glassbox boosted": _boosted,
    "glassbox boosted, 10 pairs": lambda task: _boosted(task, interactions=10),
    "glassbox spline": _spline,
    "interpret, no pairs": lambda task: _interpret(task, interactions=0),
    "interpret, 10 pairs, 8 bags": lambda task: _interpret(task, interactions=10, outer_bags=8),
    "pyGAM": PyGAM,
    "pyGAM, grid search": lambda task: PyGAM(task, search=True),
    "linear": _linear,
    "LightGBM": _lightgbm,
    "XGBoost, depth 3": _xgboost,
    "random forest": _forest,
}
DEFAULT_TABLES = (
    "birthwt",
    "heart_cleveland",
    "nhefs",
    "support2",
    "diabetes130",
    "california_housing",
)
QUICK_TABLES = ("birthwt", "heart_cleveland", "support2")
QUICK_METHODS = ("glassbox boosted", "glassbox spline", "linear", "XGBoost, depth 3")


def fit_and_score(table: Table, split: int, method: str) -> dict:
    """One fit: its scores on the test rows, and its processor seconds."""
    train, test = table.splits[split]
    model = METHODS[method](table.task)
    try:
        with stopwatch() as seconds:
            model.fit(table.X.iloc[train], table.y[train])
        found = scores(table.task, table.y[test], model.predict(table.X.iloc[test]))
    except Exception as failure:  # a peer that fails is a result, not an end
        return {"failure": f"{type(failure).__name__}: {failure}"[:200]}
    return {**found, "fit_cpu_seconds": seconds["cpu"]}


def compare(table: Table, methods: list[str], n_splits: int, jobs: int) -> list[dict]:
    """All methods on the same splits, with paired differences to glassbox's."""
    cells = [(split, method) for method in methods for split in range(n_splits)]
    fits = Parallel(n_jobs=jobs)(delayed(fit_and_score)(table, *cell) for cell in cells)
    by_method: dict[str, list[dict]] = {}
    for (_, method), fit in zip(cells, fits, strict=True):
        by_method.setdefault(method, []).append(fit)
    rows = []
    for method, found in by_method.items():
        row = {"table": table.name, "method": method, "splits": n_splits}
        failures = [fit["failure"] for fit in found if "failure" in fit]
        if failures:
            rows.append({**row, "failed": len(failures), "failure": failures[0]})
            continue
        for metric in found[0]:
            row[metric] = mean_sd(fit[metric] for fit in found)
            for reference in REFERENCES:
                others = by_method.get(reference, [])
                if metric != "fit_cpu_seconds" and others and "failure" not in str(others):
                    row[metric][f"minus {reference}"] = paired_difference(
                        [fit[metric] for fit in found], [fit[metric] for fit in others]
                    )
        rows.append(row)
    return rows


def printable(row: dict) -> dict:
    if "failure" in row:
        return {"method": row["method"], "failure": row["failure"][:60]}
    shown = {"method": row["method"]}
    for metric in ("auc", "log_loss", "brier", "rmse", "r2"):
        if metric in row:
            shown[metric] = f"{row[metric]['mean']:.4f} ± {row[metric]['sd']:.4f}"
    loss = row.get("log_loss") or row["rmse"]
    for reference in REFERENCES:
        difference = loss.get(f"minus {reference}")
        if difference and row["method"] != reference:
            name = f"loss - {reference.split()[1]}"
            shown[name] = f"{difference['mean']:+.4f} ± {difference['se']:.4f}"
    shown["fit CPU s"] = row["fit_cpu_seconds"]["mean"]
    return shown


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", default=list(DEFAULT_TABLES), choices=list(TABLES))
    options.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    options.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    args = options.parse_args()
    if args.quick:
        args.tables, args.methods = list(QUICK_TABLES), list(QUICK_METHODS)
    tables, skipped = load_tables(args.tables)
    methods = args.methods
    if spline_estimators() is None:
        methods = [method for method in methods if method != "glassbox spline"]
    results = []
    for table in tables:
        used = [m for m in methods if table.name not in TOO_LARGE.get(m, ())]
        n_splits = min(2 if args.quick else 10, len(table.splits))
        rows = compare(table, used, n_splits, args.jobs)
        print_table([printable(row) for row in rows], f"{table.name}: {table.protocol}")
        left_out = [m for m in methods if m not in used]
        if left_out:
            print(f"Left out, too slow or too large here: {', '.join(left_out)}", flush=True)
        results += rows
        document = {"rows": results, "skipped": skipped, "left_out": TOO_LARGE}
        print("Written:", write_results("accuracy", args, document).name)


if __name__ == "__main__":
    main()
