"""What was tried in the boosting engine, as tables in Markdown."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student_t

from benchmarks._boosting_variants import ENGINE, VARIANTS

#: Differences are small: they are printed in units of this.
_UNIT = 1e-4


def markdown(rows: list[dict]) -> str:
    """The tables of rows from a result file."""
    parts = []
    for n_pairs in sorted({row["pairs"] for row in rows if row["trial"] == "loss"}):
        these = [row for row in rows if row["trial"] == "loss" and row["pairs"] == n_pairs]
        parts += [f"**{f'With {n_pairs}' if n_pairs else 'Without'} pairs**", _losses(these)]
    bands = [row for row in rows if row["trial"] == "band"]
    if bands:
        parts += ["**The band**", _bands(bands)]
    return "\n\n".join(parts)


def _losses(rows: list[dict]) -> str:
    """Variants, in their own order, by tables."""
    tables = list(dict.fromkeys(row["table"] for row in rows))
    by_cell = {(row["variant"], row["table"]): row for row in rows}
    lines = [["variant", *tables, "CPU"]]
    found_at_all = {row["variant"] for row in rows}
    for name in (name for name in VARIANTS if name in found_at_all):
        found = [by_cell.get((name, table)) for table in tables]
        if name == ENGINE:
            cells = [f"{_loss(row)['mean']:.4f}" if row else "" for row in found]
            lines.append([name, *cells, "1"])
            continue
        engines = [by_cell.get((ENGINE, table)) for table in tables]
        cells = [_cell(*pair) if pair[0] else "" for pair in zip(found, engines, strict=True)]
        ratios = [row["cpu_ratio"] for row in found if row]
        lines.append([name, *cells, f"{np.exp(np.mean(np.log(ratios))):.2f}"])
    return _as_text(lines)


def _loss(row: dict) -> dict:
    return row["log_loss"] if "log_loss" in row else row["rmse"]


def _cell(row: dict, engine: dict) -> str:
    """A difference, bold where chance alone would rarely give it; "=" where nothing changes."""
    difference = _loss(row)["difference"]
    mean, error = difference["mean"], difference["se"]
    if mean == 0 and error == 0:
        return "="
    rarely = error is not None and abs(mean) > student_t.ppf(0.975, row["splits"] - 1) * error
    # Outcomes have units: an RMSE is compared with the engine's.
    unit = _UNIT * (1.0 if "log_loss" in row else _loss(engine)["mean"])
    mean, error = mean / unit, np.nan if error is None else error / unit
    digits = 1 if max(abs(mean), error) < 10 else 0
    text = f"{mean:+.{digits}f} ± {error:.{digits}f}"
    return f"**{text}**" if rarely else text


def _bands(rows: list[dict]) -> str:
    lines = [
        ["rows", "bags and band", "tables", "covered", "− first", "with an effect", "without"]
        + ["half-width", "RMSE", "CPU s"]
    ]
    for row in rows:
        difference = row["difference"]
        own = difference["mean"] == 0 and difference["se"] == 0
        shares = (f"{row[name]:.1%}" for name in ("active", "null"))
        lines.append(
            [f"{row['rows']:,}", row["variant"], str(row["tables"]), f"{row['covered']:.1%}"]
            + ["" if own else f"{difference['mean']:+.1%} ± {difference['se']:.1%}", *shares]
            + [f"{row['half_width']:.3f}", f"{row['rmse']:.3f}", f"{row['cpu_seconds']:.2f}"]
        )
    return _as_text(lines)


def _as_text(lines: list[list[str]]) -> str:
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
