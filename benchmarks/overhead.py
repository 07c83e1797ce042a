"""What glassbox adds to the time that interpret takes to boost the same model, as its engine.

Both fit the same table at the same settings, in turn, several times; which goes first changes
every time. The ratio of processor seconds is taken within each turn, and the median over turns
is reported. interpret gets the table as a pandas user would give it, in the order and with the
seed that make both draw the same bags, so that both take the same number of steps.

    python -m benchmarks.overhead [--quick] [--repeats 9]
"""

from __future__ import annotations

import gc
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import check_random_state

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


def same_draws(table: Table, seed: int) -> tuple[Table, int]:
    """The rows in the order in which glassbox boosts them, and the seed that it passes on.

    Bags are drawn from both. Other bags stop at other numbers of steps, and the ratio would
    measure that.
    """
    from glassbox.estimators._training import TrainingTable

    orders = []

    class Recorder(TrainingTable):
        def take(self, rows):
            orders.append(rows)
            return self

    family = _family(table)()
    full = family._read_training_table(table.X, table.y, None)
    columns = family.schema_.read(table.X)
    Recorder(
        full.schema, columns, family._encode_target(table.y), np.ones(len(table.y))
    ).in_canonical_order()
    X, y = table.X.iloc[orders[0]].reset_index(drop=True), table.y[orders[0]]
    interpret_seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
    return replace(table, X=X, y=y), int(interpret_seed)


def _family(table: Table) -> type:
    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    return BoostedGAMClassifier if table.task == "classification" else BoostedGAMRegressor


def interpret_alone(model, table: Table, seed: int):
    """interpret's own estimator at the settings of a glassbox estimator."""
    # The pass-through list is the definition of "the same settings".
    from glassbox.estimators._interpret import PASSED_THROUGH

    ordered = [getattr(column.dtype, "ordered", True) for _, column in table.X.items()]
    X = table.X.copy()
    # Where bags are alike but the names of categories are not, ties between them break otherwise.
    for name, is_ordered in zip(X, ordered, strict=True):
        if isinstance(X[name].dtype, pd.CategoricalDtype):
            seen = X[name].cat.remove_unused_categories()
            codes = seen.cat.rename_categories([str(c) for c in range(len(seen.cat.categories))])
            X[name] = seen.cat.codes.replace(-1, np.nan) if is_ordered else codes
    machine = model._machine()(
        **{name: getattr(model, name) for name in PASSED_THROUGH},
        outer_bags=model.n_bags,
        interactions=model.interactions,
        objective=model._objective(),
        feature_types=["continuous" if is_ordered else "nominal" for is_ordered in ordered],
        random_state=seed,
    )
    return machine, X


def measure(table: Table, settings: dict, repeats: int) -> dict:
    """Processor seconds of both, turn by turn."""
    family = _family(table)
    table, interpret_seed = same_draws(table, seed=0)
    settings = {**settings, "engine": "interpret", "n_jobs": 1}
    machine, X = interpret_alone(family(**settings), table, interpret_seed)

    def glassbox_fit():
        return family(**settings, random_state=0).fit(table.X, table.y)

    def interpret_fit():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clone(machine).fit(X, table.y)

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
            taken = (
                model.n_rounds_ if name == "glassbox" else np.sum(model.best_iteration_, axis=0)
            )
            steps[name] = float(np.mean(taken))
    ratios = np.array(cpu["glassbox"]) / np.array(cpu["interpret"])
    low, high = np.percentile(ratios, [25, 75])
    return {
        "table": table.name,
        "rows": len(table.y),
        "columns": table.X.shape[1],
        "interactions": model.interactions,
        "glassbox_cpu_s": np.median(cpu["glassbox"]),
        "interpret_cpu_s": np.median(cpu["interpret"]),
        "glassbox_steps": steps["glassbox"],
        "interpret_steps": steps["interpret"],
        "ratio": np.median(ratios),
        "ratio_q25": low,
        "ratio_q75": high,
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
                small = replace(table, X=table.X[:n_rows], y=table.y[:n_rows], splits=[])
                rows.append(measure(small, settings, args.repeats))
                print(f"{table.name}: {rows[-1]['ratio']:.3f}", flush=True)
    print_table(rows)
    print("Written:", write_results("overhead", args, {"rows": rows, "skipped": skipped}).name)


if __name__ == "__main__":
    main()
