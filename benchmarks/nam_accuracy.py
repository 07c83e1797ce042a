"""Accuracy of the neural additive models beside peers, on the same splits.

Every method fits on the same training rows with one thread. Peers that need numbers get
categories as one-hot columns and medians in place of missing values; peers with an environment of
their own (dnamite, IGANN, NODE-GAM) are skipped where it is not named, see README.md. NODE-GAM
takes four thousand steps at least, so it fits the first split of the small tables only;
differences to it are over that split.

"start alone" is the penalised fit from which the networks start; "from scratch" are the networks
without it.

Results are written after every table. A later run replaces the rows of its own tables and methods
and keeps the others, with the versions that they were had with.

    python -m benchmarks.nam_accuracy [--quick] [--tables compas ...] [--methods ...] [--jobs 2]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from joblib import Parallel, delayed

from benchmarks._common import (
    TABLES,
    Table,
    load_networks,
    load_tables,
    mean_sd,
    nam_estimators,
    one_thread,
    paired_difference,
    parser,
    print_table,
    scores,
    spline_estimators,
    stopwatch,
)
from benchmarks._foreign import PEERS, Foreign, foreign_peers
from benchmarks._peers import ScikitLearn
from benchmarks._results import write_merged
from benchmarks.accuracy import METHODS as OTHERS

REFERENCE = "glassbox NAM"
SCRATCH = "glassbox NAM, from scratch"
# Beside the default of the estimators.
OTHER_ACTIVATIONS = ("relu", "tanh", "exu")
DEFAULT_TABLES = (
    "birthwt",
    "heart_cleveland",
    "breast_cancer",
    "nhefs",
    "support2",
    "california_housing_nam",
    "compas",
    "diabetes",
    "make_additive",
)
QUICK_TABLES = ("birthwt", "diabetes")
QUICK_METHODS = (REFERENCE, "glassbox NAM, start alone", "glassbox spline", "linear")
# The most splits that a method fits.
MAX_SPLITS = {"NODE-GAM": 1}
SMALL = ("birthwt", "heart_cleveland", "breast_cancer", "nhefs", "diabetes")
LEFT_OUT = {
    "NODE-GAM": [name for name in TABLES if name not in SMALL],
    "pyGAM": ["diabetes130"],
    "pyGAM, grid search": ["breast_cancer", "diabetes130"],
    "interpret, 10 pairs, 8 bags": ["california_housing", "california_housing_nam"],
}
# Not a sum of one effect for each column.
NOT_ADDITIVE = ("LightGBM", "XGBoost, depth 3", "random forest")


def _nam(task: str, **settings) -> ScikitLearn:
    load_networks()
    return ScikitLearn(task, nam_estimators()[task == "regression"](random_state=0, **settings))


def methods_with(n_pairs: int) -> dict[str, Callable]:
    """All methods, by name."""
    neural = {
        REFERENCE: _nam,
        f"glassbox NAM, {n_pairs} pairs": lambda task: _nam(task, interactions=n_pairs),
        "glassbox NAM, start alone": lambda task: _nam(task, max_steps=0),
        SCRATCH: lambda task: _nam(task, start="zero"),
    }
    for activation in OTHER_ACTIVATIONS:
        neural[f"{SCRATCH}, {activation}"] = lambda task, activation=activation: _nam(
            task, start="zero", activation=activation
        )
    foreign = {name: lambda task, peer=peer: Foreign(task, peer) for name, peer in PEERS.items()}
    return neural | OTHERS | foreign


def default_methods(n_pairs: int) -> list[str]:
    left_out = (
        "glassbox boosted, 10 pairs",
        "interpret, 10 pairs, 8 bags",
        "pyGAM, grid search",
        "random forest",
        *(f"{SCRATCH}, {activation}" for activation in OTHER_ACTIVATIONS),
    )
    return [name for name in methods_with(n_pairs) if name not in left_out]


def fit_and_score(table: Table, split: int, method: str, n_pairs: int) -> dict:
    """One fit: its scores on the test rows, and its seconds."""
    train, test = table.splits[split]
    model = methods_with(n_pairs)[method](table.task)
    try:
        with one_thread(), stopwatch() as seconds:
            model.fit(table.X.iloc[train], table.y[train])
        seconds = getattr(model, "seconds", seconds)
        found = scores(table.task, table.y[test], model.predict(table.X.iloc[test]))
        found |= {f"fit_{clock}_seconds": seconds[clock] for clock in ("cpu", "wall")}
        if isinstance(model, Foreign):
            found["versions"] = model.versions
    except Exception as failure:  # a peer that fails is a result, not an end
        return {"failure": f"{type(failure).__name__}: {failure}"[:300]}
    finally:
        if isinstance(model, Foreign):
            model.close()
    return found


def measure(table: Table, methods: list[str], n_splits: int, n_pairs: int, jobs: int):
    """One row for each method: what it reached, split by split."""
    cells = [
        (split, method)
        for method in methods
        for split in range(min(n_splits, MAX_SPLITS.get(method, n_splits)))
    ]
    fits = Parallel(n_jobs=jobs)(delayed(fit_and_score)(table, *cell, n_pairs) for cell in cells)
    rows = []
    for method in methods:
        found = [fit for (_, name), fit in zip(cells, fits, strict=True) if name == method]
        row = {
            "table": table.name,
            "method": method,
            "protocol": table.protocol,
            "splits": len(found),
        }
        if method in PEERS:
            row["note"] = PEERS[method].note
        failures = [fit["failure"] for fit in found if "failure" in fit]
        if failures:
            rows.append({**row, "failed": len(failures), "failure": failures[0]})
            continue
        if "versions" in found[0]:
            row["versions"] = found[0].pop("versions")
        for metric in found[0]:
            by_split = [fit[metric] for fit in found]
            row[metric] = {**mean_sd(by_split), "by_split": by_split}
        rows.append(row)
    return rows


def loss_of(row: dict) -> dict | None:
    """Log-loss, or RMSE; None of a method that failed."""
    return row.get("log_loss") or row.get("rmse")


def with_differences(rows: Iterable[dict]) -> list[dict]:
    """Rows with their paired differences to the reference, over the splits that both have."""
    rows = [dict(row) for row in rows]
    references = {row["table"]: row for row in rows if row["method"] == REFERENCE and loss_of(row)}
    for row in rows:
        reference = references.get(row["table"])
        for metric in ("auc", "log_loss", "brier", "rmse", "r2"):
            if metric not in row:
                continue
            row[metric] = {k: v for k, v in row[metric].items() if not k.startswith("minus")}
            if reference and reference["protocol"] == row["protocol"]:
                ours, theirs = reference[metric]["by_split"], row[metric]["by_split"]
                common = min(len(ours), len(theirs))
                row[metric][f"minus {REFERENCE}"] = paired_difference(
                    theirs[:common], ours[:common]
                )
    return rows


def in_order(rows: Iterable[dict], n_pairs: int) -> list[dict]:
    """Rows in the order of tables and methods."""
    tables, methods = list(TABLES), list(methods_with(n_pairs))

    def place(row):
        known = row["method"] in methods
        return tables.index(row["table"]), methods.index(row["method"]) if known else 1.5

    return sorted(rows, key=place)


def verdict(rows: list[dict]) -> str:
    """How the reference stands to the best additive model of a table."""
    additive = [
        row
        for row in rows
        if loss_of(row) and row["method"] not in NOT_ADDITIVE and "pairs" not in row["method"]
    ]
    full = max((row["splits"] for row in additive), default=0)
    additive = [row for row in additive if row["splits"] == full]
    if not any(row["method"] == REFERENCE for row in additive):
        return f"{REFERENCE} was not measured here."
    best = min(additive, key=lambda row: loss_of(row)["mean"])
    if best["method"] == REFERENCE:
        return f"Best additive model: {REFERENCE}."
    gap = loss_of(best)[f"minus {REFERENCE}"]
    error = gap["se"] or 0.0
    within = "within" if -gap["mean"] <= error else "not within"
    return (
        f"Best additive model: {best['method']}, by {-gap['mean']:.4f} ± {error:.4f}: "
        f"{REFERENCE} is {within} one standard error."
    )


def printable(row: dict) -> dict:
    shown = {"method": row["method"]}
    if not loss_of(row):
        return {**shown, "failure": row["failure"][:60]}
    for metric in ("auc", "log_loss", "rmse", "r2"):
        if metric in row:
            shown[metric] = f"{row[metric]['mean']:.4f} ± {row[metric]['sd']:.4f}"
    gap = loss_of(row).get(f"minus {REFERENCE}")
    if gap and row["method"] != REFERENCE:
        error = "" if gap["se"] is None or gap["se"] != gap["se"] else f" ± {gap['se']:.4f}"
        shown["loss - NAM"] = f"{gap['mean']:+.4f}{error}"
    shown["fit CPU s"] = row["fit_cpu_seconds"]["mean"]
    shown["splits"] = row["splits"]
    return shown


def usable(methods: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The methods that can run here, and why the others cannot."""
    methods = list(methods)
    found, skipped = foreign_peers([name for name in methods if name in PEERS])
    if spline_estimators() is None:
        skipped["glassbox spline"] = "cannot be imported"
    if nam_estimators() is None:
        skipped |= dict.fromkeys(
            [name for name in methods if name.startswith(REFERENCE)], "cannot be imported"
        )
    return [name for name in methods if name not in skipped], skipped


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", choices=list(TABLES), help="default: nine of them")
    options.add_argument(
        "--methods", nargs="+", help="default: nearly all; a wrong name lists them"
    )
    options.add_argument("--pairs", type=int, default=10, help="pairs of the NAM with pairs")
    options.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    options.add_argument("--fresh", action="store_true", help="begin the result file anew")
    args = options.parse_args()
    known = methods_with(args.pairs)
    if args.methods is None:
        args.methods = list(QUICK_METHODS) if args.quick else default_methods(args.pairs)
    if unknown := [name for name in args.methods if name not in known]:
        options.error(f"{unknown[0]!r} is not one of {', '.join(map(repr, known))}.")
    args.tables = args.tables or list(QUICK_TABLES if args.quick else DEFAULT_TABLES)
    tables, missing = load_tables(args.tables)
    methods, skipped = usable(args.methods)
    for number, table in enumerate(tables):
        used = [name for name in methods if table.name not in LEFT_OUT.get(name, ())]
        n_splits = min(2 if args.quick else 10, len(table.splits))
        rows = measure(table, used, n_splits, args.pairs, args.jobs)
        shown = with_differences(rows)
        print_table([printable(row) for row in shown], f"{table.name}: {table.protocol}")
        print(verdict(shown), flush=True)
        if left_out := [name for name in methods if name not in used]:
            print(f"Left out, too slow or too large here: {', '.join(left_out)}", flush=True)
        if args.quick and args.out is None:
            print("Not written: a quick run needs --out.")
            continue
        path = write_merged(
            "nam_accuracy",
            args,
            rows,
            ("table", "method"),
            fresh=args.fresh and number == 0,
            finish=lambda rows: in_order(with_differences(rows), args.pairs),
            skipped=missing | skipped,
            left_out=LEFT_OUT,
        )
        print("Written:", path.name, flush=True)


if __name__ == "__main__":
    main()
