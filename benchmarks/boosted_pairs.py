"""What it costs to keep directions in the pairs of the boosted GAM.

Three listed pairs of columns with clinical directions, boosted freely ("free"), or changed after
that by as little as makes them keep their directions ("kept"); the same with ten pairs that are
found; and no pairs, where interpret keeps the directions while it boosts. Paired differences are
to the model without directions and with the same pairs, and to the monotone one without pairs:
below zero for the log-loss and above zero for the AUC, the first is better.

    python -m benchmarks.boosted_pairs [--quick] [--tables support2 nhefs] [--bags 4]
"""

from __future__ import annotations

from benchmarks._common import (
    Table,
    load_tables,
    mean_sd,
    one_thread,
    paired_difference,
    parser,
    predict_for_scores,
    print_table,
    scores,
    stopwatch,
    versions,
    write_results,
)
from benchmarks._monotone_tables import NHEFS, SUPPORT2

DIRECTIONS = {"support2": SUPPORT2, "nhefs": NHEFS}
PAIRS = {
    "support2": [("age", "num.co"), ("age", "bun"), ("scoma", "meanbp")],
    "nhefs": [("age", "smokeyrs"), ("age", "smokeintensity"), ("smokeyrs", "wt71")],
}
N_FOUND = 10
COMPARED = ("log_loss", "auc")
DIFFERENCES = [
    ("kept, 3 pairs", "free, 3 pairs"),
    ("kept, 3 pairs", "kept, no pairs"),
    ("kept, found pairs", "free, found pairs"),
    ("kept, found pairs", "kept, no pairs"),
    ("kept, no pairs", "free, no pairs"),
]


def variants(table: str) -> dict[str, dict]:
    """Settings of the boosted GAM, by name."""
    pairs = {"no pairs": 0, "3 pairs": PAIRS[table], "found pairs": N_FOUND}
    return {
        f"{word}, {name}": {"monotonic_cst": cst, "interactions": interactions}
        for name, interactions in pairs.items()
        for word, cst in (("free", None), ("kept", DIRECTIONS[table]))
    }


def measure(table: Table, n_splits: int | None, n_bags: int) -> list[dict]:
    """One row per fit."""
    from glassbox import BoostedGAMClassifier

    rows = []
    for split, (X, y, X_test, y_test) in enumerate(table.parts(n_splits)):
        for name, settings in variants(table.name).items():
            model = BoostedGAMClassifier(**settings, n_bags=n_bags, random_state=0)
            with one_thread(), stopwatch() as seconds:
                model.fit(X, y)
            found = scores(table.task, y_test, predict_for_scores(table.task, model, X_test))
            row = {"table": table.name, "model": name, "split": split}
            row |= {score: found[score] for score in COMPARED}
            row |= {"fit_cpu_seconds": seconds["cpu"], "repair": model.repair_}
            if settings["monotonic_cst"]:
                promised = model.certificate().query("declared != 0")
                row["certified"] = bool(promised["holds"].all())
            rows.append(row)
        print(f"{table.name}: split {split + 1} done", flush=True)
    return rows


def summarise(rows: list[dict]) -> dict:
    """Means by table and model, and paired differences."""

    def values(table: str, model: str, score: str) -> list[float]:
        return [r[score] for r in rows if r["table"] == table and r["model"] == model]

    tables = dict.fromkeys(row["table"] for row in rows)
    measured = (*COMPARED, "fit_cpu_seconds")
    return {
        table: {
            "models": {
                name: {score: mean_sd(values(table, name, score)) for score in measured}
                for name in variants(table)
            },
            "differences": {
                f"{first} - {second}": {
                    score: paired_difference(
                        values(table, first, score), values(table, second, score)
                    )
                    for score in COMPARED
                }
                for first, second in DIFFERENCES
            },
        }
        for table in tables
    }


def printable(summary: dict) -> list[dict]:
    """The differences, one a row."""
    return [
        {"table": table, "difference": name}
        | {
            f"{score}{what}": values[key]
            for score, values in scores_of.items()
            for what, key in (("", "mean"), (" s.e.", "se"))
        }
        for table, parts in summary.items()
        for name, scores_of in parts["differences"].items()
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", choices=list(PAIRS), default=list(PAIRS))
    options.add_argument("--bags", type=int, default=4)
    args = options.parse_args()
    tables, skipped = load_tables(args.tables)
    rows = []
    for table in tables:
        rows += measure(table, 1 if args.quick else None, args.bags)
    summary = summarise(rows)
    print_table(printable(summary), "Differences")
    print(versions())
    if args.quick and args.out is None:
        return
    about = {
        table.name: {
            "protocol": table.protocol,
            "directions": DIRECTIONS[table.name],
            "pairs": PAIRS[table.name],
        }
        for table in tables
    }
    results = {"tables": about, "skipped": skipped, "summary": summary, "rows": rows}
    print("written:", write_results("boosted_pairs", args, results))


if __name__ == "__main__":
    main()
