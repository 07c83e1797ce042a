"""The README's tables of neural additive models, as Markdown, from the files in results/.

python -m benchmarks.nam_tables
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks._results import read_results

REFERENCE = "glassbox NAM"


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Lines of a table."""
    header = list(header)
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _spread(value: dict | None, digits: int = 4) -> str:
    return "" if value is None else f"{value['mean']:.{digits}f} ± {value['sd']:.{digits}f}"


def _difference(value: dict | None) -> str:
    found = (value or {}).get(f"minus {REFERENCE}")
    if not found or not found["mean"]:
        return ""
    error = found["se"]
    return f"{found['mean']:+.4f}" + ("" if error is None else f" ± {error:.4f}")


def accuracy() -> Iterator[str]:
    """One table of methods for each table of data."""
    rows = read_results("nam_accuracy", None)["results"]["rows"]
    for table in dict.fromkeys(row["table"] for row in rows):
        own = [row for row in rows if row["table"] == table]
        classes = any("auc" in row for row in own)
        yield f"\n**{table}**: {own[0]['protocol']}\n"
        loss, other = ("log_loss", "auc") if classes else ("rmse", "r2")
        header = ("method", *(("AUC", "log-loss") if classes else ("R²", "RMSE")))
        yield from markdown(
            (*header, "loss − NAM", "fit CPU s", "splits"),
            (
                (
                    row["method"],
                    _spread(row.get(other)),
                    _spread(row.get(loss)),
                    _difference(row.get(loss)),
                    _seconds(row),
                    str(row["splits"]),
                )
                for row in own
            ),
        )


def _seconds(row: dict) -> str:
    found = row.get("fit_cpu_seconds") or row.get("fit_wall_seconds")
    return "" if found is None else f"{found['mean']:.2f}"


def plain(name: str, columns: Iterable[str]) -> Iterator[str]:
    """Chosen columns of the rows of a result file."""
    columns = list(columns)
    rows = read_results(name, None)["results"]["rows"]
    used = [column for column in columns if any(row.get(column) is not None for row in rows)]
    yield from markdown(used, ([_cell(row.get(column)) for column in used] for row in rows))


def _cell(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Print all tables."""
    print("\n".join(accuracy()))
    print("\n### Speed\n")
    print("\n".join(plain("nam_speed", ("part", "case", "method", "rows", "seconds", "log_loss"))))
    print("\n### Recovery\n")
    columns = ("scenario", "method", "rmse", "null", "fit_cpu_s")
    print("\n".join(plain("recovery", columns)))
    print("\n### Coverage\n")
    columns = ("scenario", "task", "rows", "method", "covered", "active", "null", "half_width")
    print("\n".join(plain("coverage", columns)))


if __name__ == "__main__":
    main()
