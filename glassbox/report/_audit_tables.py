"""The frames of an audit as tables of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from glassbox.core.dictionary import DataDictionary
from glassbox.plots._audit_rows import probability, title_of
from glassbox.plots._dependence import MEASURE_TITLES
from glassbox.report._format import UNKNOWN, count, digits_for, fixed

_METRICS = {
    "selection_rate": "Selected",
    "tpr": "True-positive rate",
    "fpr": "False-positive rate",
    "fnr": "False-negative rate",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
    "accuracy": "Accuracy",
    "auc": "AUC",
    "xauc": "xAUC",
    "brier": "Brier score",
    "log_loss": "Log-loss",
    "loss": "Loss",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "r2": "R²",
    "mean_residual": "Mean of outcome − prediction",
    "mean_prediction": "Mean prediction",
}
_DISPARITIES = _METRICS | {
    "demographic_parity": "Demographic parity (selected)",
    "equalised_odds": "Equalised odds (larger of TPR and FPR)",
    "equal_opportunity": "Equal opportunity (TPR)",
    "fpr": "False-positive rate",
    "ppv": "Predictive parity (PPV)",
}
#: Shares, which are shown in per cent.
_SHARES = ("selection_rate", "tpr", "fpr", "fnr", "ppv", "npv", "accuracy")
_SHARE_DISPARITIES = (*_SHARES, "demographic_parity", "equalised_odds", "equal_opportunity")
#: Between 0 and 1, or nearly, whatever the outcome's unit.
_PLAIN = ("auc", "xauc", "brier", "log_loss", "loss", "r2")
_PROXY_MEASURES = {"auc": "AUC, chance 0.5", "r2": "R², chance 0"}


@dataclass(frozen=True)
class Cell:
    """One figure, and its interval on a line of its own."""

    text: str
    below: str = ""


@dataclass(frozen=True)
class AuditTable:
    """A table of the page.

    Attributes
    ----------
    caption : str
    header : list of str
        The first names what the rows are.
    rows : list of (str, list of Cell)
    notes : list of str
        Why cells are empty.
    n_words : int
        How many of the last columns hold words.
    """

    caption: str
    header: list[str]
    rows: list[tuple[str, list[Cell]]]
    notes: list[str] = field(default_factory=list)
    n_words: int = 0


def overview_table(rows: pd.DataFrame) -> AuditTable:
    """Who the rows are."""
    is_event = rows["events"].notna().any()
    digits = 3 if is_event else _digits(rows, ["event_rate", "mean_prediction"])
    mean = _percent if is_event else (lambda v: fixed(v, digits))
    header = ["Group", "Rows", "Share"]
    header += ["Events", "Event rate"] if is_event else ["Mean outcome"]
    header += ["Mean prediction", "Missing cells"]
    lines = []
    for row in rows.to_dict("records"):
        cells = [Cell(_count(row["n"])), Cell(_percent(row["share"]))]
        cells += [Cell(_count(row["events"]))] if is_event else []
        cells += [Cell(mean(row["event_rate"])), Cell(mean(row["mean_prediction"]))]
        lines.append((str(row["group"]), [*cells, Cell(_percent(row["missing"]))]))
    caption = "Rows, outcome and mean prediction by group."
    return AuditTable(caption, header, lines, _notes(rows, "group"))


def dependence_table(rows: pd.DataFrame) -> AuditTable:
    """All measures, against what chance gives."""
    named = rows.assign(title=[MEASURE_TITLES.get(name, name) for name in rows["measure"]])
    header = ["Measure", "Estimate (95 %)", "By chance, mean", "By chance, 95 % below", "p"]
    lines = [
        (
            row["title"],
            [
                _figure(row, "estimate"),
                Cell(fixed(row["floor"])),
                Cell(fixed(row["floor_95"])),
                Cell(_p(row["p_value"])),
            ],
        )
        for row in named.to_dict("records")
    ]
    caption = "Dependence of the score, with what an independent score would show."
    return AuditTable(caption, header, lines, _notes(named, "title"))


def group_tables(rows: pd.DataFrame) -> list[AuditTable]:
    """One table per threshold, and one of what needs none."""
    tables = []
    for threshold in sorted(rows["threshold"].dropna().unique()):
        part = rows[rows["threshold"] == threshold]
        caption = f"Acting from a predicted {threshold:g} on, by group; 95 % intervals below."
        tables.append(_metric_table(part, caption))
    part = rows[rows["threshold"].isna()]
    if len(part):
        tables.append(_metric_table(part, "Without a threshold, by group; 95 % intervals below."))
    return tables


def disparity_table(rows: pd.DataFrame) -> AuditTable:
    """Largest differences and smallest ratios between groups."""
    digits = _digits(rows, ["difference"])
    lines = []
    titles = []
    for row in rows.to_dict("records"):
        title = _DISPARITIES.get(row["metric"], row["metric"])
        if pd.notna(row["threshold"]):
            title += f" at {row['threshold']:g}"
        titles.append(title)
        if row["metric"] in _SHARE_DISPARITIES:
            difference = _figure(row, "difference", show=_points)
        else:
            places = 3 if row["metric"] in _PLAIN else digits
            difference = _figure(row, "difference", show=lambda v, places=places: fixed(v, places))
        cells = [difference, _figure(row, "ratio", "ratio_lower", "ratio_upper", show=_two)]
        cells.append(Cell(str(row["highest"] or UNKNOWN)))
        cells.append(Cell(str(row["lowest"] or UNKNOWN)))
        lines.append((title, cells))
    header = ["Measure", "Largest difference (95 %)", "Ratio (95 %)", "Highest", "Lowest"]
    caption = "Differences between groups; of shares in percentage points. Four fifths: 0.80."
    return AuditTable(caption, header, lines, _notes(rows.assign(title=titles), "title"), 2)


def calibration_table(rows: pd.DataFrame) -> AuditTable:
    """Calibration in figures."""
    is_event = rows["events"].notna().any() or rows["ratio"].notna().any()
    digits = _digits(rows, ["observed", "expected", "intercept"])
    header = ["Group", "Rows"]
    header += ["Observed events", "Expected", "O/E (95 %)"] if is_event else [
        "Mean outcome", "Mean prediction"]  # fmt: skip
    header += [
        "Intercept (95 %)" if is_event else "Mean difference (95 %)",
        "Slope (95 %)",
        "ICI (0 at best)",
    ]
    lines = []
    for row in rows.to_dict("records"):
        places = 1 if is_event else digits
        cells = [Cell(_count(row["n"]))]
        observed = _count(row["observed"]) if is_event else fixed(row["observed"], digits)
        cells += [Cell(observed), Cell(fixed(row["expected"], places))]
        if is_event:
            cells.append(_figure(row, "ratio", "ratio_lower", "ratio_upper", show=_two))
        for name in ("intercept", "slope"):
            show = _two if is_event or name == "slope" else (lambda v: fixed(v, digits))
            cells.append(_figure(row, name, f"{name}_lower", f"{name}_upper", show=show))
        cells.append(Cell(fixed(row["ici"], 3 if is_event else digits)))
        lines.append((str(row["group"]), cells))
    caption = "Calibration by group, 95 % intervals below. O/E and slope are 1 at best."
    return AuditTable(caption, header, lines, _notes(rows, "group"))


def net_benefit_table(rows: pd.DataFrame) -> AuditTable:
    """Net benefit at every threshold."""
    thresholds = sorted(rows["threshold"].unique())
    header = ["Group"]
    for threshold in thresholds:
        header += [f"At {threshold:g} (95 %)", "Treat all"]
    lines = []
    for group, part in rows.groupby("group", sort=False):
        by_threshold = {row["threshold"]: row for row in part.to_dict("records")}
        cells = []
        for threshold in thresholds:
            row = by_threshold[threshold]
            cells += [_figure(row, "net_benefit"), Cell(fixed(row["treat_all"]))]
        lines.append((str(group), cells))
    caption = "Net benefit per person of the group; treat none is 0."
    return AuditTable(caption, header, lines, _notes(rows, "group"))


def term_table(rows: pd.DataFrame, dictionary: DataDictionary, contrast: str) -> AuditTable:
    """The exact decomposition in figures."""
    size = rows["gap"].abs()
    is_total = rows["term"] == "total"
    ordered = pd.concat([rows[~is_total].loc[size[~is_total].sort_values(ascending=False).index],
                         rows[is_total]])  # fmt: skip
    titles = [
        "Total" if name == "total" else title_of(name, dictionary) for name in ordered["term"]
    ]
    ordered = ordered.assign(title=titles)
    columns = {name: how for name, how in _OF_TERMS.items() if name in ordered}
    lines = [
        (
            row["title"],
            [
                _figure(row, "gap"),
                *(Cell(show(row[name])) for name, (_, show) in columns.items()),
            ],
        )
        for row in ordered.to_dict("records")
    ]
    header = ["Term", "Gap (95 %)", *(title for title, _ in columns.values())]
    return AuditTable(f"{contrast}: term by term.", header, lines, _notes(ordered, "title"))


def proxy_table(rows: pd.DataFrame, dictionary: DataDictionary) -> AuditTable:
    """How well the attribute is told."""
    named = rows.assign(title=[title_of(name, dictionary) for name in rows["feature"]])
    strength = named[["from_feature", "from_shape"]].max(axis=1)
    named = named.loc[strength.sort_values(ascending=False, kind="stable").index]
    lines = [
        (row["title"], [Cell(fixed(row["from_feature"])), Cell(fixed(row["from_shape"]))])
        for row in named.to_dict("records")
    ]
    measure = _PROXY_MEASURES.get(rows["measure"].iloc[0], rows["measure"].iloc[0])
    header = ["Feature", "From the feature", "From its shape"]
    return AuditTable(f"Cross-validated {measure}.", header, lines, _notes(named, "title"))


def flip_table(rows: pd.DataFrame, dictionary: DataDictionary) -> AuditTable:
    """What predictions do when the attribute alone changes."""
    lines = [
        (
            f"{title_of(row['feature'], dictionary)}: {row['change']}",
            [Cell(fixed(row["mean_change"])), Cell(fixed(row["max_change"]))],
        )
        for row in rows.to_dict("records")
    ]
    header = ["Change", "Mean absolute change", "Largest"]
    return AuditTable("Change of the prediction, all else equal.", header, lines)


def strategy_table(rows: pd.DataFrame) -> AuditTable:
    """The strategies side by side."""
    metrics = [name for name in _METRICS if name in rows]
    columns = {name: _METRICS[name] for name in metrics}
    columns |= {"dependence": "Dependence (dCor)", "floor": "Floor", "dp_gap": "Parity gap",
                "eo_gap": "Odds gap"}  # fmt: skip
    columns = {
        name: title for name, title in columns.items() if name in rows and rows[name].notna().any()
    }
    lines, notes = [], []
    for row in rows.to_dict("records"):
        lines.append((str(row["strategy"]), [_with_error(row, name) for name in columns]))
        for name, verb in (("dominated_by", "is dominated by"), ("levelled_down", "levels down")):
            if isinstance(row.get(name), str) and row[name]:
                notes.append(f"“{row['strategy']}” {verb}: {row[name]}.")
    caption = "Means over the same folds, with their standard errors."
    return AuditTable(caption, ["Strategy", *columns.values()], lines, notes)


def _metric_table(rows: pd.DataFrame, caption: str) -> AuditTable:
    held = set(rows["metric"])
    metrics = [name for name in _METRICS if name in held]
    metrics += sorted(held - set(metrics))
    digits = _digits(rows[~rows["metric"].isin((*_SHARES, *_PLAIN))], ["value"])
    lines = []
    for group, part in rows.groupby("group", sort=False):
        by_metric = {row["metric"]: row for row in part.to_dict("records")}
        cells = []
        for name in metrics:
            show = _percent if name in _SHARES else _places(3 if name in _PLAIN else digits)
            cells.append(_figure(by_metric[name], "value", show=show) if name in by_metric
                         else Cell(UNKNOWN))  # fmt: skip
        lines.append((str(group), cells))
    header = ["Group", *(_METRICS.get(name, name) for name in metrics)]
    return AuditTable(caption, header, lines, _metric_notes(rows))


def _metric_notes(rows: pd.DataFrame) -> list[str]:
    """Reasons; what holds for all figures of a group is said once."""
    by_reason: dict[str, list[str]] = {}
    for group, part in rows.groupby("group", sort=False):
        for reason, empty in part[part["reason"] != ""].groupby("reason", sort=False):
            what = str(group)
            if len(empty) < len(part):
                titles = [_METRICS.get(name, name) for name in empty["metric"]]
                what += f" ({', '.join(titles)})"
            by_reason.setdefault(reason, []).append(what)
    return [f"{', '.join(what)}: {reason}." for reason, what in by_reason.items()]


def _notes(rows: pd.DataFrame, name: str) -> list[str]:
    """Reasons, each with what it is about."""
    if "reason" not in rows:
        return []
    known = rows[(rows["reason"] != "") & rows["reason"].notna()]
    by_reason: dict[str, dict[str, None]] = {}
    for what, reason in zip(known[name].astype(str), known["reason"], strict=True):
        by_reason.setdefault(reason, {})[what] = None
    return [f"{', '.join(what)}: {reason}." for reason, what in by_reason.items()]


def _figure(
    row: dict,
    name: str,
    lower: str = "lower",
    upper: str = "upper",
    *,
    show: Callable[[float], str] = fixed,
) -> Cell:
    ends = (row[lower], row[upper])
    below = ""
    if pd.notna(row[name]) and all(map(pd.notna, ends)):
        below = " to ".join(show(end).removesuffix(" %") for end in ends)
    return Cell(show(row[name]), below)


def _with_error(row: dict, name: str) -> Cell:
    error = row.get(f"{name}_se", np.nan)
    return Cell(fixed(row[name]), f"± {fixed(error)}" if pd.notna(error) else "")


def _digits(rows: pd.DataFrame, columns: Iterable[str]) -> int:
    values = rows[list(columns)].to_numpy(dtype=float)
    values = np.abs(values[np.isfinite(values)])
    return digits_for(float(values.max())) if len(values) else 3


def _places(digits: int) -> Callable[[float], str]:
    return lambda value: fixed(value, digits)


def _count(value: float) -> str:
    return count(value) if pd.notna(value) else UNKNOWN


def _percent(value: float) -> str:
    return f"{fixed(100 * value, 1)} %" if pd.notna(value) else UNKNOWN


def _points(value: float) -> str:
    return fixed(100 * value, 1)


def _two(value: float) -> str:
    return fixed(value, 2)


def _p(value: float) -> str:
    return probability(value).removeprefix("p ").removeprefix("= ") or UNKNOWN


#: Columns beside the gap, which not every decomposition has: title, and how they are shown.
_OF_TERMS = {
    "share": ("Share of the gap", _percent),
    "eta2": ("η² of the term", fixed),
    "p_adjusted": ("p, adjusted", _p),
    "shape_p": ("p, other shape", _p),
}
