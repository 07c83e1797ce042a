"""What glassbox adds to the time that interpret takes to boost the same model.

Both fit the same table at the same settings, in turn, several times; which goes first changes
every time. The ratio of processor seconds is taken within each turn, and the median over turns
is reported. interpret gets the table as glassbox's users would give it.

    python -m benchmarks.overhead [--quick] [--repeats 9]
"""

from __future__ import annotations

import gc
import warnings

import numpy as np

from benchmarks._common import (
    TABLES,
    Table,
    load_tables,
    parser,
    print_table,
    stopwatch,
    write_results,
)

# The rows that are used, and the settings other than the defaults.
CASES = {
    "birthwt": (None, {}),
    "heart_cleveland": (None, {}),
    "breast_cancer": (None, {}),
    "nhefs": (None, {}),
    "support2": (None, {}),
    "diabetes130": (20_000, {}),
    "california_housing": (None, {"n_bags": 4}),
}
PAIR_CASES = {"nhefs": (None, {"interactions": 5}), "support2": (None, {"interactions": 5})}


def interpret_alone(model, table: Table):
    """interpret's own estimator at the settings of a glassbox estimator."""
    from glassbox.estimators.boosted import _PASSED_THROUGH

    # The pass-through list is the definition of "the same settings".
    return model._machine()(
        **{name: getattr(model, name) for name in _PASSED_THROUGH},
        outer_bags=model.n_bags,
        interactions=model.interactions,
        objective=model._objective(),
        feature_types=[
            "continuous" if column.dtype.kind in "iufb" else "nominal"
            for column in map(table.X.__getitem__, table.X)
        ],
        random_state=0,
    )


def measure(table: Table, settings: dict, repeats: int) -> dict:
    """Processor seconds of both, turn by turn."""
    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    family = BoostedGAMClassifier if table.task == "classification" else BoostedGAMRegressor

    def glassbox_fit():
        return family(**settings, n_jobs=1, random_state=0).fit(table.X, table.y)

    def interpret_fit():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            machine = interpret_alone(family(**settings, n_jobs=1), table)
            return machine.fit(table.X, table.y)

    contestants = {"glassbox": glassbox_fit, "interpret": interpret_fit}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    steps = {}
    for turn in range(-1, repeats):
        names = list(contestants) if turn % 2 else list(contestants)[::-1]
        for name in names:
            gc.collect()
            with stopwatch() as seconds:
                model = contestants[name]()
            if turn >= 0:  # the first turn warms up
                cpu[name].append(seconds["cpu"])
            taken = model.n_rounds_ if name == "glassbox" else np.sum(model.best_iteration_, axis=0)
            steps[name] = float(np.mean(taken))
    ratios = np.array(cpu["glassbox"]) / np.array(cpu["interpret"])
    return {
        "table": table.name,
        "rows": len(table.y),
        "columns": table.X.shape[1],
        "interactions": settings.get("interactions", family().interactions),
        "glassbox_cpu_seconds": np.median(cpu["glassbox"]),
        "interpret_cpu_seconds": np.median(cpu["interpret"]),
        "ratio": np.median(ratios),
        "ratio_quartiles": np.percentile(ratios, [25, 75]),
        "steps": steps,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", default=list(CASES), choices=list(TABLES))
    options.add_argument("--repeats", type=int, default=7, help="turns that are counted")
    args = options.parse_args()
    if args.quick:
        args.tables, args.repeats = ["birthwt", "nhefs"], 3
    tables, skipped = load_tables(args.tables)
    rows = []
    for cases in (CASES, PAIR_CASES) if not args.quick else (CASES,):
        for table in tables:
            if table.name in cases:
                n_rows, settings = cases[table.name]
                small = Table(
                    table.name, table.X[:n_rows], table.y[:n_rows], table.task, [], table.protocol
                )
                rows.append(measure(small, settings, args.repeats))
                print_table([{k: v for k, v in rows[-1].items() if k != "steps"}])
    print_table([{k: v for k, v in row.items() if k != "steps"} for row in rows])
    print("Written:", write_results("overhead", args, {"rows": rows, "skipped": skipped}).name)


if __name__ == "__main__":
    main()
