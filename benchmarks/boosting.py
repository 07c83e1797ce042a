"""The boosted GAM's own engine beside interpret as its engine, interpret itself, and trees.

Both engines fit with equal settings and draw bags by the same rule; interpret itself has as many
bags and pairs, and its own defaults otherwise. It and the second engine draw the very same bags.
Two threads or processes each. Every fit of a generated table has a process of its own, in which
2,000 of its rows are fitted first with the same settings, two bags and few rounds, so that
libraries are loaded and compiled; seconds are those of the fit that follows, and memory is that
of the process and its helpers, the table included. Methods take turns.

- speed: generated tables, without pairs and with ten. Normal columns with smooth, step and kinked
  effects, each weaker than the one before, two true pairs, a 0/1 outcome. Held-out scores are
  those of 50,000 further rows, and "truth" is the log-loss of the true probabilities. A repeat is
  another table.
- real: the tables and splits of `accuracy`, and five 80/20 splits of breast_cancer.
- peers: LightGBM and XGBoost with one feature a tree, stopping early on the rows that the
  engine's bags hold out, their scores averaged over as many bags.
- whole: the engine on a million rows with 14 bags and on ten million with 2, and breast_cancer
  with interpret's defaults: 14 bags, 3 pairs a column, 1,024 bins, 64 in pairs.
- compile: the first fit of a fresh installation.

    python -m benchmarks.boosting [--quick] [--parts speed real ...] [--sizes 569 10000x500 ...]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace

from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks._boosting_fits import GENERATED, compilation, fit, in_own_process, warm_up
from benchmarks._boosting_models import BOOSTED, GRAM, TREES, Wanted
from benchmarks._boosting_summary import KEY, gather, printable, verdicts, with_comparisons
from benchmarks._common import (
    TABLES,
    Table,
    load_tables,
    parser,
    predict_for_scores,
    print_table,
    scores,
)
from benchmarks._results import write_merged
from benchmarks.accuracy import DEFAULT_TABLES
from benchmarks.overhead import same_draws

PARTS = ("speed", "real", "peers", "whole", "compile")
Size = tuple[int, int]
SIZES: tuple[Size, ...] = ((569, 20), (10_000, 20), (100_000, 20), (1_000_000, 20), (10_000, 500))
PEER_SIZES: tuple[Size, ...] = ((10_000, 20), (100_000, 20), (1_000_000, 20))
REAL_BAGS = 8
BREAST_CANCER = "breast_cancer"
SHORT = (569, 2_000)
QUICK_SIZES: tuple[Size, ...] = ((2_000, 20),)
LIKE_INTERPRET = {"max_bins": 1024, "max_interaction_bins": 64}


def bags_of(size: Size) -> int:
    """So many that interpret ends within reason."""
    n_rows, n_columns = size
    if n_columns > 100:
        return 4
    return 14 if n_rows <= 10_000 else 4 if n_rows <= 100_000 else 2


def repeats_of(size: Size) -> int:
    """So many tables that chance in small ones averages out."""
    return 5 if size[0] < 1_000 else 3 if size == (10_000, 20) else 1


def in_turn(methods: list[str], turn: int) -> list[str]:
    """The methods, another one first in every turn."""
    start = turn % len(methods)
    return methods[start:] + methods[:start]


def on_generated(part: str, methods: list[str], size: Size, n_pairs: int, args) -> list[dict]:
    """All methods on the same generated tables, one process a fit."""
    n_bags = args.bags or bags_of(size)
    case = {"part": part, "table": GENERATED, "rows": size[0], "columns": size[1]}
    case |= {"pairs": n_pairs, "bags": n_bags}
    fits: dict[str, list[dict]] = {method: [] for method in methods}
    for turn in range(args.repeats or repeats_of(size)):
        wanted = Wanted("classification", n_bags, n_pairs, turn, {})
        for method in in_turn(methods, turn):
            fits[method].append(in_own_process(method, GENERATED, *size, wanted))
            print(
                f"{part}, {size}, {n_pairs} pairs, {method}: {said(fits[method][-1])}", flush=True
            )
    return [{**case, "method": method, **gather(found)} for method, found in fits.items()]


def said(took: dict) -> str:
    """A fit in a few words."""
    return took.get("failure") or f"{took['wall_s']:.2f} s"


def on_real(part: str, methods: list[str], table: Table, n_pairs: int, args) -> list[dict]:
    """All methods in turn on every split, in this process."""
    n_bags = args.bags or REAL_BAGS
    case = {"part": part, "table": table.name, "rows": len(table.y), "columns": table.X.shape[1]}
    case |= {"pairs": n_pairs, "bags": n_bags}
    fits: dict[str, list[dict]] = {method: [] for method in methods}
    for split, (train, test) in enumerate(table.splits[: 2 if args.quick else 10]):
        own = replace(table, X=table.X.iloc[train], y=table.y[train], splits=[])
        own, draws_seed = same_draws(own, 0)
        wanted = Wanted(table.task, n_bags, n_pairs, 0, {})
        for method in in_turn(methods, split):
            try:
                if split == 0:
                    warm_up(method, wanted, own)
                took, model = fit(method, wanted, own, draws_seed)
                predicted = predict_for_scores(table.task, model, table.X.iloc[test])
                found = {name: took[name] for name in ("wall_s", "cpu_s")}
                found |= scores(table.task, table.y[test], predicted)
            except Exception as failure:  # a peer that fails is a result, not an end
                first = next(iter(str(failure).splitlines()), "")
                found = {"failure": f"{type(failure).__name__}: {first}"[:300]}
            fits[method].append(found)
    print(f"{part}, {table.name}, {n_pairs} pairs: done", flush=True)
    case["protocol"] = table.protocol
    return [{**case, "method": method, **gather(found)} for method, found in fits.items()]


def real_tables(names: list[str]) -> list[Table]:
    """The tables of `accuracy`, and breast_cancer with splits of its own."""
    tables, _ = load_tables(names)
    return [_split_anew(table) if table.name == BREAST_CANCER else table for table in tables]


def _split_anew(table: Table) -> Table:
    splitter = StratifiedShuffleSplit(5, test_size=0.2, random_state=0)
    protocol = "benign, StratifiedShuffleSplit(5, test_size=0.2, random_state=0)"
    return replace(table, splits=list(splitter.split(table.X, table.y)), protocol=protocol)


def speed(args) -> Iterator[list[dict]]:
    """The part of this name; rows of one case at a time."""
    for size in args.sizes or QUICK_SIZES * args.quick or SIZES:
        for n_pairs in args.pairs:
            yield on_generated("speed", _chosen(args, BOOSTED), size, n_pairs, args)


def real(args) -> Iterator[list[dict]]:
    """Likewise."""
    for table in real_tables(args.tables):
        for n_pairs in args.pairs:
            yield on_real("real", _chosen(args, BOOSTED), table, n_pairs, args)


def peers(args) -> Iterator[list[dict]]:
    """Likewise; there are no pairs in trees on one feature."""
    methods = _chosen(args, (GRAM, *TREES))
    for size in args.sizes or QUICK_SIZES * args.quick or PEER_SIZES:
        yield on_generated("peers", methods, size, 0, args)
    for table in real_tables([] if args.quick else args.tables):
        yield on_real("peers", methods, table, 0, args)


def whole(args) -> Iterator[list[dict]]:
    """Likewise."""
    if not args.quick:
        for n_rows, n_bags in ((1_000_000, 14), (10_000_000, 2)):
            one = argparse.Namespace(bags=n_bags, repeats=1)
            yield on_generated("whole", [GRAM], (n_rows, 20), 0, one)
    case = {"part": "whole", "table": BREAST_CANCER, "rows": 569, "columns": 30}
    case |= {"pairs": 90, "bags": 2 if args.quick else 14}
    wanted = Wanted("classification", case["bags"], case["pairs"], 0, LIKE_INTERPRET)
    rows = []
    for method in _chosen(args, (GRAM,) if args.quick else BOOSTED):
        took = in_own_process(method, BREAST_CANCER, 569, 30, wanted)
        print(f"whole, {BREAST_CANCER}, {method}: {said(took)}", flush=True)
        rows.append({**case, "method": method, **gather([took])})
    yield rows


def compiled(args) -> Iterator[list[dict]]:
    """The part "compile"."""
    for n_rows in SHORT[1:] if args.quick else SHORT:
        for n_pairs in (10,) if args.quick else (0, 10):
            case = {"part": "compile", "table": GENERATED, "rows": n_rows, "columns": 20}
            case |= {"pairs": n_pairs, "bags": 2, "method": GRAM}
            yield [{**case, **gather([compilation(n_rows, n_pairs)])}]


def _chosen(args, methods: tuple[str, ...]) -> list[str]:
    return [method for method in methods if method in args.methods]


def size_of(text: str) -> Size:
    """ "10000x500" as numbers; 20 columns where none are given."""
    n_rows, _, n_columns = text.partition("x")
    if n_columns and int(n_columns) < 4:
        raise argparse.ArgumentTypeError(f"{text} has {n_columns} columns; the pairs need 4.")
    return int(n_rows), int(n_columns or 20)


def main() -> None:
    every = (*BOOSTED, *TREES)
    options = parser(__doc__)
    options.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    options.add_argument(
        "--sizes", nargs="+", type=size_of, help="rows, or rows x columns: 10000x500"
    )
    options.add_argument("--pairs", nargs="+", type=int, default=[0, 10])
    options.add_argument("--methods", nargs="+", default=list(every), choices=every)
    options.add_argument("--bags", type=int, help="of every method (default: by size)")
    options.add_argument("--repeats", type=int, help="generated tables (default: by size)")
    names = [*DEFAULT_TABLES, BREAST_CANCER]
    options.add_argument("--tables", nargs="+", default=names, choices=list(TABLES))
    args = options.parse_args()
    if args.quick:
        args.bags, args.repeats, args.tables = args.bags or 2, 1, ["birthwt"]
    warnings.filterwarnings("ignore")
    measures = {"speed": speed, "real": real, "peers": peers, "whole": whole, "compile": compiled}
    rows: list[dict] = []
    for part in args.parts:
        for found in measures[part](args):
            rows += found
            if args.quick and args.out is None:
                continue
            # After every case: a run of hours must not be lost.
            write_merged("boosting", args, found, KEY, finish=with_comparisons)
    rows = with_comparisons(rows)
    for part in args.parts:
        shown = [printable(row) for row in rows if row["part"] == part]
        if shown:
            print_table(shown, part)
    print("\n".join(verdicts(rows)))
    if args.quick and args.out is None:
        print("Not written: a quick run needs --out.")
    else:
        print("Written: boosting.json")


if __name__ == "__main__":
    main()
