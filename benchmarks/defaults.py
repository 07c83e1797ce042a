"""Which settings of the boosted GAM earn their time.

One setting at a time is moved away from a base, on the same splits of the same tables. Fits run
on one core, and their cost is processor time, so that a busy machine does not blur it.

    python -m benchmarks.defaults [--quick] [--tables birthwt nhefs ...] [--jobs 2]
"""

from __future__ import annotations

import numpy as np
from joblib import Parallel, delayed

from benchmarks._common import (
    TABLES,
    Table,
    load_tables,
    mean_sd,
    paired_difference,
    parser,
    predict_for_scores,
    print_table,
    scores,
    stopwatch,
    write_results,
)

# Training rows and splits that are used of each table: enough to tell settings apart.
SIZES = {
    "birthwt": (None, 10),
    "heart_cleveland": (None, 10),
    "breast_cancer": (None, 3),
    "nhefs": (None, 5),
    "support2": (None, 3),
    "diabetes130": (10_000, 2),
    "california_housing": (2_000, 2),
}

# interpret's own settings for classifiers, but for pairs (3 per column), bags (14), bins (1,024).
BASE = {
    "interactions": 0,
    "n_bags": 8,
    "max_bins": 256,
    "learning_rate": 0.015,
    "smoothing_rounds": 75,
    "early_stopping_rounds": 100,
}
PAIRS = {"interactions": 10, "max_interaction_bins": 32}
FAST_PAIRS = {**PAIRS, "learning_rate": 0.05}

VARIANTS: dict[str, dict] = {
    "base": {},
    "n_bags=4": {"n_bags": 4},
    "n_bags=14": {"n_bags": 14},
    "max_bins=64": {"max_bins": 64},
    "max_bins=128": {"max_bins": 128},
    "max_bins=1024": {"max_bins": 1024},
    "learning_rate=0.03": {"learning_rate": 0.03},
    "learning_rate=0.05": {"learning_rate": 0.05},
    "smoothing_rounds=25": {"smoothing_rounds": 25},
    "smoothing_rounds=200": {"smoothing_rounds": 200},
    "smoothing_rounds=500": {"smoothing_rounds": 500},
    "early_stopping_rounds=50": {"early_stopping_rounds": 50},
    "early_stopping_tolerance=1e-4": {"early_stopping_tolerance": 1e-4},
    "interactions=5": {**PAIRS, "interactions": 5},
    "interactions=10": PAIRS,
    "interactions=n_features": {**PAIRS, "interactions": "n_features"},
    "10 pairs, max_interaction_bins=16": {**PAIRS, "max_interaction_bins": 16},
    "10 pairs, max_interaction_bins=64": {**PAIRS, "max_interaction_bins": 64},
    "10 pairs, interaction_smoothing_rounds=25": {**PAIRS, "interaction_smoothing_rounds": 25},
    "10 pairs, early_stopping_tolerance=1e-3": {**PAIRS, "early_stopping_tolerance": 1e-3},
    "10 pairs, learning_rate=0.05": FAST_PAIRS,
    "10 pairs, learning_rate=0.05, max_interaction_bins=16": {
        **FAST_PAIRS,
        "max_interaction_bins": 16,
    },
}
# Variants that take minutes and were told apart on other tables.
LEFT_OUT = {
    "breast_cancer": ("interactions=n_features", "10 pairs, max_interaction_bins=64"),
    "california_housing": (
        "interactions=10",
        "interactions=n_features",
        "10 pairs, max_interaction_bins=16",
        "10 pairs, max_interaction_bins=64",
        "10 pairs, interaction_smoothing_rounds=25",
        "10 pairs, early_stopping_tolerance=1e-3",
    ),
}
QUICK = ("base", "n_bags=4", "learning_rate=0.05", "interactions=5")


def fit_and_score(table: Table, split: int, changes: dict) -> dict[str, float]:
    """One fit: its scores on the test rows, and its processor seconds."""
    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    train, test = table.splits[split]
    settings = {**BASE, **changes}
    if settings["interactions"] == "n_features":
        settings["interactions"] = table.X.shape[1]
    family = BoostedGAMClassifier if table.task == "classification" else BoostedGAMRegressor
    model = family(**settings, n_jobs=1, random_state=split)
    with stopwatch() as seconds:
        model.fit(table.X.iloc[train], table.y[train])
    found = scores(
        table.task, table.y[test], predict_for_scores(table.task, model, table.X.iloc[test])
    )
    return {**found, "cpu_seconds": seconds["cpu"], "rounds": float(np.mean(model.n_rounds_))}


def compare(table: Table, variants: list[str], n_splits: int, jobs: int) -> list[dict]:
    """All variants on the same splits, with paired differences to the base."""
    tasks = [(name, split) for name in variants for split in range(n_splits)]
    fits = Parallel(n_jobs=jobs)(
        delayed(fit_and_score)(table, split, VARIANTS[name]) for name, split in tasks
    )
    by_variant: dict[str, list[dict]] = {name: [] for name in variants}
    for (name, _), fit in zip(tasks, fits, strict=True):
        by_variant[name].append(fit)
    rows = []
    for name, found in by_variant.items():
        row = {"table": table.name, "variant": name}
        for metric in found[0]:
            values = [fit[metric] for fit in found]
            row[metric] = mean_sd(values)
            if metric not in ("cpu_seconds", "rounds"):
                base = [fit[metric] for fit in by_variant["base"]]
                row[metric]["to_base"] = paired_difference(values, base)
        rows.append(row)
    return rows


def printable(row: dict) -> dict:
    loss = "log_loss" if "log_loss" in row else "rmse"
    return {
        "variant": row["variant"],
        "AUC": row["auc"]["mean"] if "auc" in row else None,
        "log-loss / RMSE": row[loss]["mean"],
        "to base": row[loss]["to_base"]["mean"],
        "± se": row[loss]["to_base"]["se"],
        "CPU s": row["cpu_seconds"]["mean"],
        "steps": row["rounds"]["mean"],
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", default=list(SIZES), choices=list(TABLES))
    options.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    args = options.parse_args()
    variants = list(QUICK) if args.quick else list(dict.fromkeys(["base", *args.variants]))
    tables, skipped = load_tables(args.tables)
    results = []
    for table in tables:
        n_rows, n_splits = SIZES[table.name]
        n_splits = 2 if args.quick else n_splits
        table = table.subsampled(2_000 if args.quick else n_rows or len(table.y))
        used = [name for name in variants if name not in LEFT_OUT.get(table.name, ())]
        rows = compare(table, used, min(n_splits, len(table.splits)), args.jobs)
        print_table([printable(row) for row in rows], f"{table.name} ({table.protocol})")
        results += rows
        document = {"base": BASE, "rows": results, "skipped": skipped}
        print("Written:", write_results("defaults", args, document).name)


if __name__ == "__main__":
    main()
