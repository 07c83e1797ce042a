"""Monotone models side by side: the same directions, the same rows, nothing selected on test rows.

Accuracy: tables with directions that a domain demands, tables drawn from a known monotone truth
(scored against the truth), and the splits that papers on monotone networks publish. Those papers
choose the epoch, often the threshold, on the test rows; here each model is fitted once, so the
numbers are not to be laid beside theirs. Every fit uses one thread. The boosters are there with
one member, and with five members that each leave another fifth of the rows for early stopping,
as glassbox's networks are averages too.

An advantage is a paired difference over the same splits, positive where glassbox is better, to
the rival with the best mean on that table. The best of several is chosen after the fact, which
favours the rivals. Its standard error treats splits as independent; the corrected one, in
brackets, allows for the rows that random splits share.

Speed: wall-clock seconds of a fit on one split of compas, with one thread and with all.

Results are written after every model and table. A later run replaces the rows of its own fits and
keeps the others.

    python -m benchmarks.monotone [--quick] [--tables compas ...] [--models ...] [--seeds 20]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from joblib import Parallel, delayed

from benchmarks._common import TableMissingError, parser, print_table, stopwatch
from benchmarks._monotone_models import MODELS, OURS, PEERS, RIVALS, Setting, unusable
from benchmarks._monotone_summary import printable, summarise
from benchmarks._monotone_tables import INDEPENDENT, PROBLEMS, Problem
from benchmarks._results import read_results, write_merged

NAME = "monotone"
KEY = ("part", "table", "model", "split", "threads")
PARTS = ("accuracy", "speed")
QUICK_TABLES = ("auto_mpg", "synthetic")
QUICK_MODELS = ("linear, unconstrained", "LightGBM", "glassbox NAM, mains")
SPEED_TABLE, SPEED_REPEATS = "compas", 3
GROUPS = {"peers": tuple(PEERS), "glassbox": tuple(OURS)}


@cache
def problem_of(table: str) -> Problem:
    return PROBLEMS[table]()


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Keep numerical libraries, and torch where it is loaded, to some threads."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    with threadpool_limits(threads):
        if torch:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def fit_and_score(table: str, model: str, split: int, setting: Setting) -> dict:
    """One fit: its scores on the test rows, and its seconds."""
    problem = problem_of(table)
    X, y, X_test, y_test = problem.part(split)
    row = {"part": "accuracy", "table": table, "model": model, "split": split, "threads": 1}
    try:
        fitted = MODELS[model](problem, setting)
        with limited(setting.threads), stopwatch() as seconds:
            fitted.fit(X, y)
        found = problem.scores(y_test, fitted.predict(X_test))
    except Exception as failure:  # a model that fails is a result, not an end
        return {**row, "failure": f"{type(failure).__name__}: {failure}"[:300]}
    return {**row, **found, **_seconds(seconds)}


def _seconds(seconds: dict[str, float]) -> dict[str, float]:
    return {f"fit_{clock}_seconds": seconds[clock] for clock in ("cpu", "wall")}


def time_fits(model: str, n_pairs: int, threads: int, repeats: int) -> list[dict]:
    """Wall-clock seconds of the same fit, after a small one that loads what has to be loaded."""
    problem = problem_of(SPEED_TABLE)
    X, y, *_ = problem.part(0)
    rows = []
    for repeat in range(-1, repeats):
        row = {"part": "speed", "table": SPEED_TABLE, "model": model}
        row |= {"split": repeat, "threads": threads}
        n_rows = len(y) if repeat >= 0 else 500
        try:
            fitted = MODELS[model](problem, Setting(n_pairs, threads))
            with limited(threads), stopwatch() as seconds:
                fitted.fit(X.iloc[:n_rows], y[:n_rows])
        except Exception as failure:
            rows = [{**row, "split": 0, "failure": f"{type(failure).__name__}: {failure}"[:300]}]
            break
        if repeat >= 0:
            rows.append({**row, "train_rows": n_rows, **_seconds(seconds)})
    return rows


def _as_stored(row: dict) -> dict:
    # As the file rounds, so that a summary does not depend on which rows were read from it.
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()}


class Results:
    """Rows so far: in the result file, or in memory where nothing is to be written."""

    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.written = not (args.quick and args.out is None)
        self.fresh = args.fresh
        old = read_results(NAME, args.out) if self.written and not args.fresh else None
        old = old["results"] if old else {}
        self.rows: list[dict] = list(old.get("rows", []))
        self.tables: dict[str, dict] = dict(old.get("tables", {}))
        self.skipped: dict[str, str] = dict(old.get("skipped", {}))
        self.said: set[str] = set()

    def describe(self, table: str) -> None:
        """Take note of a table.

        Raises
        ------
        SystemExit
            The file has rows of the table under another protocol or with other directions.
        """
        about = json.loads(json.dumps(problem_of(table).described()))
        if self.tables.setdefault(table, about) != about:
            raise SystemExit(
                f"The result file has rows of {table} with other splits or directions: "
                "begin it anew with --fresh, or write elsewhere with --out FOLDER."
            )

    def skip(self, name: str, reason: str) -> None:
        if name not in self.said:
            print(f"SKIPPED {name}: {reason}", flush=True)
        self.said.add(name)
        self.skipped[name] = reason

    def add(self, rows: list[dict]) -> None:
        rows = [_as_stored(row) for row in rows]
        measured = {row["model"] for row in rows} | {row["table"] for row in rows}
        self.skipped = {k: v for k, v in self.skipped.items() if k not in measured}
        if not self.written:
            self.rows += rows
            return
        write_merged(
            NAME,
            self.args,
            rows,
            KEY,
            fresh=self.fresh,
            summary=lambda rows: summarise(rows, self.tables),
            tables=self.tables,
            skipped=self.skipped,
        )
        self.fresh = False
        self.rows = read_results(NAME, self.args.out)["results"]["rows"]

    def summary(self) -> dict:
        return summarise(self.rows, self.tables)


def usable_models(
    models: list[str], problem: Problem, setting: Setting, results: Results
) -> list[str]:
    """The models that can be built here; of the others, the results say why."""
    missing = unusable(models, problem, setting)
    for name, reason in missing.items():
        results.skip(name, reason)
    return [name for name in models if name not in missing]


def accuracy(args: argparse.Namespace, results: Results) -> None:
    for table in args.tables:
        try:
            problem = problem_of(table)
        except TableMissingError as reason:
            results.skip(table, str(reason))
            continue
        results.describe(table)
        setting = Setting(args.pairs)
        models = usable_models(args.models, problem, setting, results)
        wanted = args.seeds if problem.splits == INDEPENDENT else args.splits
        splits = range(min(wanted, problem.n_splits))
        for model in models:
            rows = Parallel(n_jobs=args.jobs)(
                delayed(fit_and_score)(table, model, split, setting) for split in splits
            )
            results.add(rows)
            _say_failures(rows)
        lines = [line for line in results.summary()["accuracy"] if line["table"] == table]
        if lines:
            print_table([printable(line) for line in lines], f"{table}: {problem.protocol}")


def speed(args: argparse.Namespace, results: Results) -> None:
    try:
        problem = problem_of(SPEED_TABLE)
    except TableMissingError as reason:
        results.skip(SPEED_TABLE, str(reason))
        return
    results.describe(SPEED_TABLE)
    models = usable_models(args.models, problem, Setting(args.pairs), results)
    for threads in sorted({1, os.cpu_count() or 1}):
        for model in models:
            rows = time_fits(model, args.pairs, threads, 1 if args.quick else SPEED_REPEATS)
            results.add(rows)
            _say_failures(rows)
    shown = [
        {"threads": line["threads"], "model": line["model"], "seconds": line["seconds"]}
        | {f"/ {name}": ratio for name, ratio in line["times"].items()}
        for line in results.summary()["speed"]
    ]
    if shown:
        print_table(shown, f"A fit on a split of {SPEED_TABLE}, wall-clock seconds")


def _say_failures(rows: Iterable[dict]) -> None:
    failures = [row for row in rows if "failure" in row]
    if failures:
        first = failures[0]
        print(
            f"FAILED {first['model']} on {first['table']}, {len(failures)} of the fits: "
            f"{first['failure']}",
            flush=True,
        )


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument("--tables", nargs="+", choices=list(PROBLEMS), help="default: all")
    options.add_argument(
        "--models",
        nargs="+",
        metavar="MODEL",
        help="default: all; 'peers' and 'glassbox' stand for several, a wrong name lists them",
    )
    options.add_argument("--seeds", type=int, default=20, help="draws of the synthetic tables")
    options.add_argument("--splits", type=int, default=10, help="the most splits of the others")
    options.add_argument("--pairs", type=int, default=6, help="pairs of models with pairs")
    options.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    options.add_argument("--fresh", action="store_true", help="begin the result file anew")
    return options


def main() -> None:
    options = _options()
    args = options.parse_args()
    named = args.models or (QUICK_MODELS if args.quick else MODELS)
    args.models = list(dict.fromkeys(m for name in named for m in GROUPS.get(name, (name,))))
    if unknown := [name for name in args.models if name not in MODELS]:
        known = ", ".join(map(repr, [*GROUPS, *MODELS]))
        options.error(f"{unknown[0]!r} is not one of {known}.")
    args.tables = args.tables or list(QUICK_TABLES if args.quick else PROBLEMS)
    if args.quick:
        args.splits, args.seeds = min(args.splits, 2), min(args.seeds, 2)
    results = Results(args)
    if "accuracy" in args.parts:
        accuracy(args, results)
    if "speed" in args.parts:
        speed(args, results)
    print("Compared with:", "; ".join(f"{k}: {', '.join(v)}" for k, v in RIVALS.items()))
    print(f"Written: {NAME}.json" if results.written else "Not written: a quick run needs --out.")


if __name__ == "__main__":
    main()
