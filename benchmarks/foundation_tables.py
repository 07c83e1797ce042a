"""The README's tables of accuracy, coverage and recovery, as Markdown, from the files in results/.

Sizes and scenarios that the neural additive models are measured at, and these models themselves,
stand in tables of their own: see nam_tables.py.

    python -m benchmarks.foundation_tables [--out FOLDER] [--write]
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks._common import HERE
from benchmarks._foreign import PEERS
from benchmarks._results import read_results
from benchmarks.accuracy import REFERENCES
from benchmarks.coverage import averages
from benchmarks.nam_tables import markdown
from benchmarks.recovery import KINDS, NEURAL

Column = Callable[[dict], str]

README = HERE / "README.md"
TITLES = {
    "birthwt": "low birth weight",
    "heart_cleveland": "disease",
    "nhefs": "death",
    "support2": "death in hospital, published protocol",
    "diabetes130": "readmission within 30 days",
    "california_housing": "house value in 100,000",
}
SIZES = (500, 2_000, 10_000)
SCENARIOS = (
    "additive, 0/1, n=2,000",
    "additive, 0/1, n=20,000",
    "additive, numeric, n=2,000",
    "additive, numeric, n=20,000",
    "additive with missing, 0/1, n=5,000",
    "pneumonia, n=14,199",
)
BY_KIND = {
    "additive, numeric, n=2,000": (*KINDS, "levels"),
    "pneumonia, n=14,199": ("age", "bun", "creatinine", "asthma"),
}
# What these sections hold beside the prose: tables, and the lines that belong to them.
_DRAWN = re.compile(
    r"\| |\*\*.+\*\* \(\d+ splits?\)$|By the kind of shape|Average over the complete tables: "
)


def number(name: str, digits: int) -> Column:
    """A column of numbers; nothing where there is none."""
    return lambda row: "" if row.get(name) is None else f"{row[name]:.{digits}f}"


def text(name: str) -> Column:
    """A column of names and whole numbers."""
    return lambda row: f"{row[name]:,}" if isinstance(row[name], int) else row[name]


def mean_and_sd(name: str) -> Column:
    """A column of means and standard deviations over splits."""
    return lambda row: f"{row[name]['mean']:.4f} ± {row[name]['sd']:.4f}"


def minus(reference: str, loss: str) -> Column:
    """A column of paired differences to one of glassbox's models."""

    def cell(row: dict) -> str:
        found = row[loss].get(f"minus {reference}")
        if found is None or row["method"] == reference:
            return ""
        error = found["se"]
        return f"{found['mean']:+.4f}" + ("" if error is None else f" ± {error:.4f}")

    return cell


def table(rows: list[dict], columns: dict[str, Column]) -> str:
    """A table of chosen columns; a failure says why in the second of them."""

    def cells(row: dict) -> list[str]:
        if "failure" in row:
            reason = row["failure"].replace("|", "/")
            return [row["method"], reason] + [""] * (len(columns) - 2)
        return [cell(row) for cell in columns.values()]

    return "\n".join(markdown(columns, map(cells, rows)))


def accuracy(rows: list[dict]) -> Iterator[str]:
    """One table of methods for each table of data."""
    for name in dict.fromkeys(row["table"] for row in rows):
        own = [row for row in rows if row["table"] == name]
        title = f"{name}, {TITLES[name]}" if name in TITLES else name
        splits = max(row["splits"] for row in own)
        yield f"**{title}** ({splits} split{'s' * (splits > 1)})"
        metrics = {"RMSE": "rmse", "R²": "r2"}
        if any("auc" in row for row in own):
            metrics = {"AUC": "auc", "log-loss": "log_loss", "Brier": "brier"}
        loss = "log_loss" if "log-loss" in metrics else "rmse"
        columns = {label: mean_and_sd(metric) for label, metric in metrics.items()}
        columns |= {f"− {model.split()[1]}": minus(model, loss) for model in REFERENCES}
        columns["fit CPU s"] = lambda row: f"{row['fit_cpu_seconds']['mean']:.2f}"
        yield table(own, {"method": text("method"), **columns})


def coverage(rows: list[dict]) -> Iterator[str]:
    """Coverage by cell, by the kind of shape, and on average."""
    rows = [row for row in rows if _shown(row) and row["rows"] in SIZES]
    cell = {"method": text("method"), "task": text("task"), "n": text("rows")}
    shares = {"all": "covered", "active": "active", "null": "null", "missing slot": "missing"}
    errors = {"half-width": "half_width", "RMSE": "rmse"}
    columns = {label: number(name, 3) for label, name in (shares | errors).items()}
    yield table(rows, {"scenario": text("scenario"), **cell, **columns})
    yield "By the kind of shape:"
    complete = [row for row in rows if row["scenario"] == "complete"]
    ours = [{**row, **row["by_kind"]} for row in complete if row["method"] in REFERENCES]
    kinds = dict.fromkeys(kind for row in ours for kind in row["by_kind"])
    yield table(ours, cell | {kind: number(kind, 3) for kind in kinds})
    found = "; ".join(f"{name} {value:.3f}" for name, value in averages(complete).items())
    yield f"Average over the complete tables: {found}."


def _shown(row: dict) -> bool:
    return not row["method"].startswith((NEURAL, *PEERS))


def recovery(rows: list[dict]) -> Iterator[str]:
    """Errors by table, and by the kind of shape or the column on two of them."""
    rows = [row for row in rows if _shown(row) and row["scenario"] in SCENARIOS]
    columns = {
        "table": text("scenario"),
        "method": text("method"),
        "RMSE": lambda row: f"{row['rmse']:.3f} ± {row['sd']:.3f}",
        "missing slot": number("missing_rmse", 3),
        "fit CPU s": number("fit_cpu_s", 1),
    }
    yield table(rows, columns)
    names = " and ".join(f'"{name.removesuffix(", n=14,199")}"' for name in BY_KIND)
    yield f"By the kind of shape, on {names}:"
    for scenario, kinds in BY_KIND.items():
        own = [row for row in rows if row["scenario"] == scenario]
        yield table(own, {"method": text("method")} | {kind: number(kind, 3) for kind in kinds})


# The heading of each section, the result file that it is drawn from, and how.
SECTIONS: dict[str, tuple[str, Callable[[list[dict]], Iterator[str]]]] = {
    "### Accuracy": ("accuracy", accuracy),
    "### Coverage of the nominal 95 % band": ("coverage", coverage),
    "### Recovery of known shapes": ("recovery", recovery),
}


def drawn(folder: str | Path | None) -> dict[str, list[str]]:
    """Tables and the lines that belong to them, by heading.

    Raises
    ------
    FileNotFoundError
        Naming the script that writes the result file.
    """
    found = {}
    for heading, (name, draw) in SECTIONS.items():
        document = read_results(name, folder)
        if document is None:
            raise FileNotFoundError(
                f"{name}.json is not there: run `python -m benchmarks.{name}` first."
            )
        found[heading] = list(draw(document["results"]["rows"]))
    return found


def replaced(document: str, sections: dict[str, list[str]]) -> str:
    """A document with the tables of its sections replaced, in place; prose stays.

    Parameters
    ----------
    document : str
        Markdown, with blank lines around tables.
    sections : dict of str to list of str
        From :func:`drawn`.

    Raises
    ------
    ValueError
        If a heading is not there once.
    """
    parts = re.split(r"(?m)^(?=#)", document)
    headings = [part.partition("\n")[0] for part in parts]
    for heading, new in sections.items():
        if headings.count(heading) != 1:
            raise ValueError(
                f"The heading {heading!r} is there {headings.count(heading)} times. Let it be "
                "there once."
            )
        place = headings.index(heading)
        blocks = parts[place].strip("\n").split("\n\n")
        end = "\n" if place == len(parts) - 1 else "\n\n"
        parts[place] = "\n\n".join(_in_place(blocks, new)) + end
    return "".join(parts)


def _in_place(old: list[str], new: list[str]) -> Iterator[str]:
    """Blocks with the drawn ones replaced one by one; what is left over follows the last."""
    places = [place for place, block in enumerate(old) if _DRAWN.match(block)]
    last = places[-1] if places else len(old) - 1
    rest = iter(new)
    for place, block in enumerate(old):
        if place not in places:
            yield block
        elif (following := next(rest, None)) is not None:
            yield following
        if place == last:
            yield from rest


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", help="folder of the result files (default: benchmarks/results)")
    options.add_argument("--write", action="store_true", help="put the tables into README.md")
    args = options.parse_args()
    try:
        sections = drawn(args.out)
    except FileNotFoundError as reason:
        options.error(str(reason))
    if args.write:
        README.write_text(replaced(README.read_text(encoding="utf-8"), sections), encoding="utf-8")
        print("Written:", README.name)
    else:
        print("\n\n".join(block for found in sections.items() for block in (found[0], *found[1])))


if __name__ == "__main__":
    main()
