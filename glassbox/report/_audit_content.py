"""What the page of an audit shows: sections, parts, pictures and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from glassbox.core.dictionary import DataDictionary
from glassbox.plots import (
    DependenceDisplay,
    GapDisplay,
    GroupCalibrationDisplay,
    NetBenefitDisplay,
    ProxyDisplay,
    TradeOffDisplay,
)
from glassbox.plots._audit_rows import OUTPUT, label_of, unit_of
from glassbox.plots._dependence import DRAWN_MEASURES
from glassbox.report import _audit_tables as tables
from glassbox.report._audit_tables import AuditTable
from glassbox.report._figures import Gallery, Picture
from glassbox.report._format import count

# Contrasts beyond these have a table, and no picture.
_MOST_WATERFALLS = 4
_MOST_PROXIES = 15

#: Where the page shows a frame: id of the section and its title.
_SECTIONS = {
    "findings": ("audit-findings", "Findings"),
    "overview": ("audit-overview", "Who the rows are"),
    "dependence": ("audit-dependence", "Dependence"),
    "terms": ("audit-gaps", "Terms of the gap"),
    "groups": ("audit-groups", "Figures by group"),
    "disparities": ("audit-disparities", "Disparities"),
    "calibration": ("audit-calibration", "Calibration"),
    "calibration_curves": ("audit-calibration", "Calibration"),
    "net_benefit": ("audit-net-benefit", "Net benefit"),
    "proxies": ("audit-proxies", "Proxies"),
    "flip": ("audit-flip", "Flip test"),
    "strategies": ("audit-strategies", "Strategies"),
}
_SETTINGS = {
    "model": "Model",
    "task": "Task",
    "classes": "Classes",
    "attributes": "Sensitive features",
    "n_rows": "Rows",
    "thresholds": "Thresholds",
    "n_bootstrap": "Resamples of the rows",
    "n_permutations": "Permutations",
    "min_cell": "Fewest rows of a group",
    "seed": "Seed",
}


@dataclass(frozen=True)
class Part:
    """What a section says about one sensitive feature (and one class of several).

    Attributes
    ----------
    title : str
    pictures : list of Picture
    tables : list of AuditTable
    folded : list of AuditTable
        Shown on demand.
    notes : list of str
        What is not shown, and why.
    """

    title: str
    pictures: list[Picture] = field(default_factory=list)
    tables: list[AuditTable] = field(default_factory=list)
    folded: list[AuditTable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _TripodItem:
    item: str
    asks: str
    frames: list[str]
    to_add: str

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Ids and titles of the sections that answer it."""
        return list(dict.fromkeys(_SECTIONS[name] for name in self.frames if name in _SECTIONS))


@dataclass(frozen=True)
class AuditContent:
    """The sections of the page; an empty list is a section that is left out.

    Attributes
    ----------
    findings : list of (str, bool)
        Sentences, the weightiest first, and whether it says that there is no evidence.
    overview, dependence, gaps, groups, disparities, calibration, net_benefit, proxies, flip, \
strategies : list of Part
    left_out : list of (str, str)
        Sections that could not be computed, and why.
    min_cell : int
        Groups of fewer rows are not shown.
    settings : dict of str to str
        How the audit was made.
    subject : str
        What was audited, in a line.
    tripod : list of _TripodItem
    is_risk : bool
        Whether predictions are probabilities.
    """

    findings: list[tuple[str, bool]]
    overview: list[Part]
    dependence: list[Part]
    gaps: list[Part]
    groups: list[Part]
    disparities: list[Part]
    calibration: list[Part]
    net_benefit: list[Part]
    proxies: list[Part]
    flip: list[Part]
    strategies: list[Part]
    left_out: list[tuple[str, str]]
    min_cell: int
    settings: dict[str, str]
    subject: str
    tripod: list[_TripodItem]
    is_risk: bool

    @property
    def shown(self) -> set[str]:
        """Ids of the sections that are there."""
        parts = {name: getattr(self, name, ()) for name in _SECTIONS} | {"terms": self.gaps}
        return {_SECTIONS[name][0] for name, held in parts.items() if held} | {"audit-findings"}


def audit_content(audit: Any, gallery: Gallery, dictionary: DataDictionary) -> AuditContent:
    """Draw and tabulate the frames of an audit.

    Parameters
    ----------
    audit : Audit
    gallery : Gallery
    dictionary : DataDictionary
        May be empty.
    """
    # Risks have events; without a calibration nothing is drawn in per cent.
    is_risk = bool(_has(audit.overview) and audit.overview["events"].notna().any())
    hang = _Hanger(gallery, dictionary, is_risk, unit_of(audit))
    settings = dict(audit.settings)
    return AuditContent(
        findings=[(finding.text, finding.kind == "no evidence") for finding in audit.findings],
        overview=_parts(audit.overview, hang.overview, dictionary),
        dependence=_parts(audit.dependence, hang.dependence, dictionary),
        gaps=_parts(audit.terms, hang.gaps, dictionary),
        groups=_parts(audit.groups, hang.groups, dictionary),
        disparities=_parts(audit.disparities, hang.disparities, dictionary),
        calibration=_parts(
            audit.calibration,
            lambda title, rows: hang.calibration(title, rows, audit.calibration_curves),
            dictionary,
        ),
        net_benefit=_parts(audit.net_benefit, hang.net_benefit, dictionary),
        proxies=_parts(audit.proxies, hang.proxies, dictionary),
        flip=_parts(audit.flip, hang.flip, dictionary),
        strategies=_parts(audit.strategies, hang.strategies, dictionary),
        left_out=list(audit.left_out.items()),
        min_cell=settings["min_cell"],
        settings={
            title: _plain(settings[name]) for name, title in _SETTINGS.items() if name in settings
        },
        subject=_subject(settings, dictionary),
        tripod=[_TripodItem(item, **answer) for item, answer in audit.tripod.items()],
        is_risk=is_risk,
    )


class _Hanger:
    """Makes a part of each section from the rows of one attribute and output."""

    def __init__(self, gallery: Gallery, dictionary: DataDictionary, is_risk: bool, unit: str):
        self.gallery, self.dictionary = gallery, dictionary
        self.is_risk, self.unit = is_risk, unit

    def _picture(self, display: Any, name: str, title: str = "") -> Picture:
        picture = self.gallery.hang(display.figure_, name, title, display.alt_text())
        plt.close(display.figure_)
        return picture

    def overview(self, title: str, rows: pd.DataFrame) -> Part:
        return Part(title, tables=[tables.overview_table(rows)])

    def dependence(self, title: str, rows: pd.DataFrame) -> Part:
        pictures = []
        drawn = rows[rows["measure"].isin(DRAWN_MEASURES)]
        if drawn["estimate"].notna().any():
            display = DependenceDisplay.from_frame(rows, dictionary=self.dictionary)
            pictures.append(self._picture(display, f"dependence_{title}"))
        return Part(title, pictures, folded=[tables.dependence_table(rows)])

    def gaps(self, title: str, rows: pd.DataFrame) -> Part:
        pictures, folded, notes = [], [], []
        for contrast, part in rows.groupby("contrast", sort=False):
            if part["gap"].isna().all():
                notes.append(f"{contrast}: {part['reason'].max()}.")
                continue
            folded.append(tables.term_table(part, self.dictionary, str(contrast)))
            if part["gap"].notna().all() and len(pictures) < _MOST_WATERFALLS:
                display = GapDisplay.from_frame(part, unit=self.unit, dictionary=self.dictionary)
                name = f"gap_{title}_{contrast}"
                pictures.append(self._picture(display, name, f"{title}: {contrast}"))
        return Part(title, pictures, folded=folded, notes=notes)

    def groups(self, title: str, rows: pd.DataFrame) -> Part:
        return Part(title, tables=tables.group_tables(rows))

    def disparities(self, title: str, rows: pd.DataFrame) -> Part:
        return Part(title, tables=[tables.disparity_table(rows)])

    def calibration(self, title: str, rows: pd.DataFrame, curves: pd.DataFrame) -> Part:
        pictures = []
        mine = _like(curves, rows) if _has(curves) else curves
        if _has(mine):
            display = GroupCalibrationDisplay.from_frame(
                mine, figures=rows, is_risk=self.is_risk, dictionary=self.dictionary,
                output=_output(rows),
            )  # fmt: skip
            pictures.append(self._picture(display, f"calibration_{title}"))
        return Part(title, pictures, [tables.calibration_table(rows)])

    def net_benefit(self, title: str, rows: pd.DataFrame) -> Part:
        pictures = []
        if rows["net_benefit"].notna().any():
            display = NetBenefitDisplay.from_frame(rows, dictionary=self.dictionary)
            pictures.append(self._picture(display, f"net_benefit_{title}"))
        return Part(title, pictures, folded=[tables.net_benefit_table(rows)])

    def proxies(self, title: str, rows: pd.DataFrame) -> Part:
        pictures = []
        if rows[["from_feature", "from_shape"]].notna().any(axis=None):
            display = ProxyDisplay.from_frame(
                rows, max_features=_MOST_PROXIES, dictionary=self.dictionary
            )
            pictures.append(self._picture(display, f"proxies_{title}"))
        return Part(title, pictures, folded=[tables.proxy_table(rows, self.dictionary)])

    def flip(self, title: str, rows: pd.DataFrame) -> Part:
        return Part(title, tables=[tables.flip_table(rows, self.dictionary)])

    def strategies(self, title: str, rows: pd.DataFrame) -> Part:
        display = TradeOffDisplay.from_frame(rows, dictionary=self.dictionary)
        pictures = [self._picture(display, f"strategies_{title}")]
        return Part(title, pictures, [tables.strategy_table(rows)])


def _parts(
    frame: pd.DataFrame | None,
    make: Callable[[str, pd.DataFrame], Part],
    dictionary: DataDictionary,
) -> list[Part]:
    if not _has(frame):
        return []
    return [make(title, rows) for title, rows in _split(frame, dictionary)]


def _split(frame: pd.DataFrame, dictionary: DataDictionary) -> Iterator[tuple[str, pd.DataFrame]]:
    """Title and rows of every sensitive feature, and of every class of several."""
    keys = ["attribute", OUTPUT] if OUTPUT in frame else ["attribute"]
    for key, rows in frame.groupby(keys, sort=False):
        title = label_of(str(key[0]), dictionary)
        if len(key) > 1 and key[1] != "":
            title += f", class {key[1]}"
        yield title, rows


def _like(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of another frame about the same attribute and output."""
    same = frame["attribute"] == rows["attribute"].iloc[0]
    if OUTPUT in frame:
        same &= frame[OUTPUT] == _output(rows)
    return frame[same]


def _output(rows: pd.DataFrame) -> Any:
    return rows[OUTPUT].iloc[0] if OUTPUT in rows else None


def _has(frame: pd.DataFrame | None) -> bool:
    return frame is not None and not frame.empty


def _subject(settings: dict, dictionary: DataDictionary) -> str:
    names = ", ".join(label_of(name, dictionary) for name in settings["attributes"])
    return f"{settings['model']}, {count(settings['n_rows'])} rows, by {names}."


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
