"""Strategies against dependence on a sensitive feature, beside fairlearn's, on the same splits.

glassbox's strategies and penalty paths change one spline GAM; fairlearn's mitigations work on a
logistic regression over splines with as many knots, and ThresholdOptimizer and CorrelationRemover
on the GAM as well. "blind" models do not read the sensitive feature A when they predict, "with A"
models do. fairlearn's exponentiated gradient comes three ways: drawn 0/1 predictions, the mixture
that they are drawn from, and the weighted mean of its models' probabilities. ε is the difference
of selection rates that it allows. ThresholdOptimizer is taken as the probabilities that it draws
from.

Gaps are at a probability of one half: demographic parity, and the larger one of the gaps within
the two classes. Where A is an amount, gaps are between its halves. dCor is the V-statistic of
the predicted probability; a model without dependence has what chance gives, printed per table.
Seconds are processor time on one thread. Those of a path are of the whole call; its fit seconds,
which exponentiated gradient is compared with, are those of one base fit and all strengths,
without the figures that the path makes of its own.

A path is compared at the dependence of a target, or of a peer in this run, on the straight line
between neighbouring strengths. Results are written after every split; a later run replaces the
rows of its own fits and keeps the others.

    python -m benchmarks.fairness [--quick] [--tables compas ...] [--strategies glassbox ...]
"""

from __future__ import annotations

import argparse
import warnings
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec

from benchmarks._common import (
    TableMissingError,
    one_thread,
    parser,
    print_table,
    stopwatch,
    versions,
)
from benchmarks._fairness_models import OURS, gam
from benchmarks._fairness_peers import NEED_FAIRLEARN, PEERS, STRATEGIES
from benchmarks._fairness_summary import printable, printable_merits, summarise
from benchmarks._fairness_tables import (
    FLOOR_PERMUTATIONS,
    PROBLEMS,
    Problem,
    distance_correlation,
    figures,
)
from benchmarks._results import read_results, write_merged

NAME = "fairness"
KEY = ("table", "strategy", "model", "at", "split")
GROUPS = {"peers": tuple(PEERS), "glassbox": tuple(OURS)}
QUICK_TABLES = ("nhefs_sex",)
QUICK_STRATEGIES = ("none, with A", "remove", "penalty mean, blind", "CorrelationRemover, GAM")


@cache
def problem_of(table: str) -> Problem:
    return PROBLEMS[table]()


def floor_of(problem: Problem) -> dict[str, float]:
    """What chance gives: the scores of the base without A, beside permuted values of it."""
    train, test = problem.parts(0)
    score = gam().fit(train.X, train.y).predict_proba(test.X)[:, 1]
    return distance_correlation(score, test, FLOOR_PERMUTATIONS)


def measured(strategy: str, problem: Problem, split: int) -> list[dict]:
    """Rows of a result file: the models that one strategy gives on one split."""
    train, test = problem.parts(split)
    place = {"table": problem.name, "strategy": strategy, "split": split}
    try:
        with warnings.catch_warnings(), one_thread():
            warnings.simplefilter("ignore")
            predict = STRATEGIES[strategy]
            with stopwatch() as seconds:
                at_test = predict(problem, train)
            predictions = list(at_test(test))
    except Exception as failure:  # a model that fails is a result, not an end
        said = f"{type(failure).__name__}: {failure}"[:300]
        return [{**place, "model": strategy, "at": None, "failure": said}]
    return [
        {
            **place,
            "model": one.model,
            "at": one.at,
            **figures(one.values, test, one.link_score),
            "seconds": seconds["cpu"],
            "fit_seconds": seconds["cpu"] - one.beside,
            "wall_seconds": seconds["wall"],
        }
        for one in predictions
    ]


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

    @property
    def floors(self) -> dict[str, dict]:
        return {name: about["dcor_by_chance"] for name, about in self.tables.items()}

    def describe(self, problem: Problem) -> None:
        """Take note of a table.

        Raises
        ------
        SystemExit
            The file has rows of the table with other splits or inputs.
        """
        about = problem.described()
        known = self.tables.get(problem.name)
        if known is None:
            self.tables[problem.name] = {**about, "dcor_by_chance": floor_of(problem)}
        elif {**known, **about} != known:
            raise SystemExit(
                f"The result file has rows of {problem.name} with other splits or inputs: begin "
                "it anew with --fresh, or write elsewhere with --out FOLDER."
            )

    def skip(self, name: str, reason: str) -> None:
        print(f"SKIPPED {name}: {reason}", flush=True)
        self.skipped[name] = reason

    def add(self, rows: list[dict]) -> None:
        measured = {row[name] for row in rows for name in ("strategy", "table")}
        self.skipped = {k: v for k, v in self.skipped.items() if k not in measured}
        for row in rows:
            if "failure" in row:
                print(f"FAILED {row['model']} on {row['table']}: {row['failure']}", flush=True)
        if not self.written:
            self.rows += rows
            return
        write_merged(
            NAME,
            self.args,
            rows,
            KEY,
            fresh=self.fresh,
            summary=lambda rows: summarise(rows, self.floors),
            tables=self.tables,
            skipped=self.skipped,
            fairlearn=_fairlearn(),
        )
        self.fresh = False
        self.rows = read_results(NAME, self.args.out)["results"]["rows"]

    def summary(self) -> dict:
        return summarise(self.rows, self.floors)


def _fairlearn() -> str | None:
    return version("fairlearn") if find_spec("fairlearn") else None


def measure(args: argparse.Namespace, results: Results) -> None:
    strategies = args.strategies
    if not find_spec("fairlearn"):
        for name in (name for name in strategies if name in NEED_FAIRLEARN):
            results.skip(name, "fairlearn is not installed: pip install -e .[peers]")
        strategies = [name for name in strategies if name not in NEED_FAIRLEARN]
    for table in args.tables:
        try:
            problem = problem_of(table)
        except TableMissingError as reason:
            results.skip(table, str(reason))
            continue
        results.describe(problem)
        n_splits = min(args.splits or problem.n_splits, problem.n_splits)
        # Splits outside, so that what is compared runs side by side on a machine with other work.
        for split in range(n_splits):
            results.add([row for name in strategies for row in measured(name, problem, split)])
        _show_table(table, results)


def _show_table(table: str, results: Results) -> None:
    lines = [line for line in results.summary()["models"] if line["table"] == table]
    about = results.tables[table]
    chance = about["dcor_by_chance"]
    if lines:
        print_table(
            [printable(line) for line in lines],
            f"{table}, A = {about['sensitive']} ({about['kind']}): {about['protocol']}; "
            f"dCor by chance {chance['mean']:.3f}, 95 % {chance['95 %']:.3f}",
        )


def _show_verdicts(summary: dict) -> None:
    targets = [
        {
            **line,
            "ours": printable_merits(line["ours"]),
            "reached": {True: "yes", False: "NO", None: "not measured"}[line["reached"]],
        }
        for line in summary["targets"]
    ]
    print_table(targets, "Targets, and our paths at the same dependence (interpolated)")
    beside = [
        {name: printable_merits(v) if isinstance(v, dict) else v for name, v in line.items()}
        for line in summary["beside_peers"]
    ]
    if beside:
        print_table(beside, "Our paths at the dependence of fairlearn's models in this run")
    if summary["speed"]:
        print_table(summary["speed"], "Whole paths, and one fit of exponentiated gradient")


def _options() -> argparse.ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--tables", nargs="+", choices=list(PROBLEMS), help="default: all")
    options.add_argument(
        "--strategies",
        nargs="+",
        metavar="STRATEGY",
        help="default: all; 'peers' and 'glassbox' stand for several, a wrong name lists them",
    )
    options.add_argument("--splits", type=int, help="the most splits of a table")
    options.add_argument("--fresh", action="store_true", help="begin the result file anew")
    return options


def main() -> None:
    options = _options()
    args = options.parse_args()
    named = args.strategies or (QUICK_STRATEGIES if args.quick else STRATEGIES)
    args.strategies = list(dict.fromkeys(s for name in named for s in GROUPS.get(name, (name,))))
    if unknown := [name for name in args.strategies if name not in STRATEGIES]:
        known = ", ".join(map(repr, [*GROUPS, *STRATEGIES]))
        options.error(f"{unknown[0]!r} is not one of {known}.")
    args.tables = args.tables or list(QUICK_TABLES if args.quick else PROBLEMS)
    if args.quick:
        args.splits = min(args.splits or 2, 2)
    results = Results(args)
    measure(args, results)
    _show_verdicts(results.summary())
    used = {**versions(), "fairlearn": _fairlearn() or "not installed"}
    names = ("glassbox", "fairlearn", "scikit-learn", "numpy")
    print("Versions:", ", ".join(f"{name} {used[name]}" for name in names))
    print(f"Written: {NAME}.json" if results.written else "Not written: a quick run needs --out.")


if __name__ == "__main__":
    main()
