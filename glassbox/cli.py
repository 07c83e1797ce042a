"""The command line: ``glassbox report``, ``glassbox audit`` and ``glassbox demo``."""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pandas as pd
from rich.console import Console

from glassbox import __version__
from glassbox.core.dictionary import DataDictionary
from glassbox.report import (
    AuditRequest,
    InputError,
    ReportRequest,
    Source,
    read_dictionary,
    read_table,
    sha256_of,
    write_audit_folder,
    write_report,
)

_DEMO_PAIRS = 3
# Of numpy's RandomState.
_LARGEST_SEED = 2**32 - 1
_DIRECTIONS = {"+1": 1, "1": 1, "-1": -1}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage of every option."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        Without the name of the program; by default those that the program was called with.

    Returns
    -------
    int
        0, or 2 if what was given cannot be used: one line on standard error says why.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(argv)
    command = shlex.join(["glassbox", *argv])
    try:
        arguments.run(arguments, command)
    except InputError as error:
        print(f"glassbox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("glassbox: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _report(arguments: argparse.Namespace, command: str) -> None:
    request = _request(arguments)
    frame, dictionary, source = _read(arguments, command)
    _write(frame, request, source, dictionary, arguments)


def _audit(arguments: argparse.Namespace, command: str) -> None:
    request = AuditRequest(
        target=arguments.target,
        sensitive=_once(arguments.sensitive),
        thresholds=_once(arguments.threshold),
        positive=arguments.outcome_positive,
        seed=arguments.seed,
    )
    frame, dictionary, source = _read(arguments, command)
    notices = write_audit_folder(
        arguments.model,
        frame,
        arguments.out,
        request,
        source,
        dictionary=dictionary,
        force=arguments.force,
        console=Console(stderr=True),
    )
    _tell(notices, Path(arguments.out) / "audit.html")


def _read(
    arguments: argparse.Namespace, command: str
) -> tuple[pd.DataFrame, DataDictionary | None, Source]:
    table = Path(arguments.table)
    frame = read_table(table)
    dictionary = None
    if arguments.dictionary is not None:
        dictionary = read_dictionary(arguments.dictionary, dataset=table.stem)
    return frame, dictionary, Source(table.name, sha256_of(table), command, _today())


def _demo(arguments: argparse.Namespace, command: str) -> None:
    from glassbox.datasets import load_support2
    from glassbox.datasets._files import bundled

    support2 = load_support2()
    request = ReportRequest(
        target=support2.target.name,
        sensitive=tuple(support2.sensitive),
        interactions=_DEMO_PAIRS,
    )
    source = Source(
        "SUPPORT2 (bundled with glassbox)",
        sha256_of(bundled(support2.filename)),
        command,
        _today(),
    )
    _write(support2.frame, request, source, support2.dictionary, arguments)


def _write(
    frame: pd.DataFrame,
    request: ReportRequest,
    source: Source,
    dictionary: DataDictionary | None,
    arguments: argparse.Namespace,
) -> None:
    console = Console(stderr=True)
    notices = write_report(
        frame,
        arguments.out,
        request,
        source,
        dictionary=dictionary,
        force=arguments.force,
        console=console,
    )
    _tell(notices, Path(arguments.out) / "report.html")


def _tell(notices: list[str], page: Path) -> None:
    for notice in notices:
        print(f"note: {notice}", file=sys.stderr)
    print(page)


def _today() -> str:
    return datetime.date.today().isoformat()


def _request(arguments: argparse.Namespace) -> ReportRequest:
    return ReportRequest(
        target=arguments.target,
        model=arguments.model,
        sensitive=_once(arguments.sensitive),
        drop=_once(arguments.drop),
        categorical=_once(arguments.categorical),
        monotonic=dict(arguments.monotonic),
        interactions=arguments.interactions,
        folds=arguments.folds,
        seed=arguments.seed,
        task=arguments.task,
        positive=arguments.positive,
    )


def _once(names: list) -> tuple:
    return tuple(dict.fromkeys(names))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="glassbox", description="Models for clinical tables that are transparent by design."
    )
    parser.add_argument("--version", action="version", version=f"glassbox {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_report(commands)
    _add_audit(commands)
    _add_demo(commands)
    return parser


def _add_report(commands: argparse._SubParsersAction) -> None:
    report = commands.add_parser(
        "report",
        help="fit a model to a table and write a report about it",
        description="Fit an additive model to a table, with cross-validation, and write one "
        "self-contained page (report.html), the model (model.json) and figures for print.",
    )
    report.set_defaults(run=_report)
    report.add_argument("table", metavar="TABLE", help="a .csv, .tsv or .parquet file")
    report.add_argument("--target", required=True, metavar="COL", help="column to predict")
    report.add_argument(
        "--model",
        choices=("boosted", "spline"),
        default="boosted",
        help="steps learned by boosting (default), or smooth curves",
    )
    _add_columns(report, "--sensitive", "show performance by the groups of these columns")
    report.add_argument(
        "--dictionary",
        metavar="CSV",
        help="labels, units, normal ranges, kinds and orders of the columns; those of the kinds "
        "target, leak, score, time and id are left out of the model",
    )
    _add_columns(report, "--drop", "columns that are no predictors")
    _add_columns(report, "--categorical", "columns whose numbers are codes of categories")
    report.add_argument(
        "--monotonic",
        nargs="+",
        action="extend",
        default=[],
        type=_direction,
        metavar="COL=+1",
        help="columns along which the prediction must rise (+1) or fall (-1)",
    )
    report.add_argument(
        "--interactions",
        type=_at_least(0),
        default=0,
        metavar="N",
        help="how many pairs of columns to find (default 0)",
    )
    report.add_argument(
        "--folds", type=_at_least(2), default=5, metavar="K", help="cross-validation (default 5)"
    )
    _add_seed(report)
    task = report.add_mutually_exclusive_group()
    task.add_argument(
        "--classifier",
        dest="task",
        action="store_const",
        const="classes",
        help="the target holds classes (by default told from its values, and stated)",
    )
    task.add_argument(
        "--regressor",
        dest="task",
        action="store_const",
        const="numbers",
        help="the target holds amounts",
    )
    report.add_argument("--positive", metavar="VALUE", help="which of two classes is the event")
    _add_out(report, required=True)


def _add_audit(commands: argparse._SubParsersAction) -> None:
    audit = commands.add_parser(
        "audit",
        help="audit what a saved model does to groups",
        description="Audit a saved model on rows that it has not seen, and write one "
        "self-contained page (audit.html) and its figures (audit.json).",
    )
    audit.set_defaults(run=_audit)
    audit.add_argument("model", metavar="MODEL", help="a file that glassbox.save wrote")
    audit.add_argument("table", metavar="TABLE", help="a .csv, .tsv or .parquet file")
    audit.add_argument("--target", required=True, metavar="COL", help="column of the outcome")
    _add_columns(
        audit, "--sensitive", "columns whose groups are compared, inputs or not", required=True
    )
    audit.add_argument(
        "--threshold",
        nargs="+",
        action="extend",
        default=[],
        type=_between_zero_and_one,
        metavar="T",
        help="predicted probabilities from which one acts (default 0.5)",
    )
    audit.add_argument(
        "--outcome-positive",
        metavar="VALUE",
        help="of two classes, the target's value that is the model's event",
    )
    audit.add_argument("--dictionary", metavar="CSV", help="labels and units of the columns")
    _add_seed(audit)
    _add_out(audit, required=True, what="audit")


def _add_demo(commands: argparse._SubParsersAction) -> None:
    demo = commands.add_parser(
        "demo",
        help="write the report of a bundled table of 9,105 patients",
        description="Write the report of SUPPORT2, 9,105 seriously ill adults, bundled with "
        "glassbox: death in hospital from what is known on day 3.",
    )
    demo.set_defaults(run=_demo)
    _add_out(demo, default="glassbox-demo")


def _add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=_at_least(0, _LARGEST_SEED), default=0, metavar="S", help="default 0"
    )


def _add_columns(
    parser: argparse.ArgumentParser, option: str, what: str, *, required: bool = False
) -> None:
    parser.add_argument(
        option,
        nargs="+",
        action="extend",
        default=[],
        metavar="COL",
        required=required,
        help=what,
    )


def _add_out(parser: argparse.ArgumentParser, *, what: str = "report", **settings) -> None:
    shown = f" (default {settings['default']})" if "default" in settings else ""
    parser.add_argument(
        "--out", metavar="DIR", help=f"folder to make; it must be new or empty{shown}", **settings
    )
    parser.add_argument(
        "--force", action="store_true", help=f"replace an earlier {what} in that folder"
    )


def _direction(text: str) -> tuple[str, int]:
    name, equals, direction = text.rpartition("=")
    if not equals or not name or direction not in _DIRECTIONS:
        raise argparse.ArgumentTypeError(f"{text!r} should look like age=+1 or albumin=-1")
    return name, _DIRECTIONS[direction]


def _between_zero_and_one(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be a number between 0 and 1")
    return value


def _at_least(lowest: int, highest: int = sys.maxsize) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            limit = f" and at most {highest}" if highest < sys.maxsize else ""
            raise argparse.ArgumentTypeError(
                f"{text!r} should be a whole number of at least {lowest}{limit}"
            )
        return int(text)

    return whole_number
