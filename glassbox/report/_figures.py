"""Figures of the report: drawn once, put inline into the page and saved for print."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from glassbox.core.axes import CategoricalAxis
from glassbox.core.dictionary import DataDictionary
from glassbox.core.terms import Term
from glassbox.evaluation.calibration import Calibration
from glassbox.plots import ContributionDisplay, ImportanceDisplay, ShapeDisplay
from glassbox.report._format import fixed

_PRINT_DPI = 300
_SCREEN_DPI = 144
# Shown at about this size, so that the letters keep theirs.
_MAIN_SIZE = (3.6, 2.9)
_BROAD_SIZE = (7.3, 2.9)
_MANY_CATEGORIES = 7
_PAIR_SIZE = (8.2, 3.4)
_CASE_SIZE = (7.0, 4.4)
# Leaves a square for the curve above the histogram.
_CALIBRATION_SIZE = (5.2, 6.0)
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#6E6E6E"
# Ids of the parts of an SVG must not depend on chance, or the same fit gives another page.
_SVG_SALT = "glassbox"


@dataclass(frozen=True)
class Picture:
    """A figure as the page needs it.

    Attributes
    ----------
    name : str
        Of the file in the folder of figures, without its ending.
    title : str
        Empty where the page says enough.
    alt : str
        The figure in words.
    data_uri : str
        The image itself.
    width, height : int
        In CSS pixels.
    note : str
        What the marks mean.
    is_wide : bool
        Whether it takes the room of two.
    """

    name: str
    title: str
    alt: str
    data_uri: str
    width: int
    height: int
    note: str = ""
    is_wide: bool = False


class Gallery:
    """Saves figures for print into a folder and returns them as pictures for the page.

    Parameters
    ----------
    folder : Path, optional
        Must exist. None: the figures are only on the page.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder
        self._names: set[str] = set()

    def hang(self, figure: Figure, name: str, title: str, alt: str, note: str = "") -> Picture:
        """Save a figure under a safe form of its name, and turn it into a picture."""
        name = self._file_name(name)
        # Each file would lay the figure out anew, which takes longer than drawing it.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        if self.folder is not None:
            file = self.folder / f"{name}.png"
            figure.savefig(file, dpi=_PRINT_DPI, metadata={"Description": alt})
        width, height = figure.get_size_inches() * 96
        is_wide = width > 1.5 * 96 * _MAIN_SIZE[0]
        inline = _inline(figure, only_vector=self.folder is None)
        return Picture(name, title, alt, inline, round(width), round(height), note, is_wide)

    def _file_name(self, name: str) -> str:
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:60] or "figure"
        unique, k = safe, 2
        # Some file systems do not tell capitals from small letters.
        while unique.lower() in self._names:
            unique, k = f"{safe}_{k}", k + 1
        self._names.add(unique.lower())
        return unique


@contextmanager
def drawing() -> Iterator[None]:
    """Draw without a screen, and leave matplotlib as it was."""
    import matplotlib.pyplot as plt

    settings = {
        "svg.fonttype": "path",
        "svg.hashsalt": _SVG_SALT,
        # A name from the table is text, never mathematics.
        "text.parse_math": False,
        "font.family": ["DejaVu Sans"],
        "axes.spines.top": False,
    }
    backend = matplotlib.get_backend()
    already_open = set(plt.get_fignums())
    try:
        plt.switch_backend("agg")
        with matplotlib.rc_context(settings):
            yield
    finally:
        for number in set(plt.get_fignums()) - already_open:
            plt.close(number)
        plt.switch_backend(backend)


def draw_shapes(est: Any, terms: list[str], dictionary: DataDictionary) -> ShapeDisplay:
    """All main effects with one y-range, each on a figure of its own."""
    figures = [
        Figure(figsize=_shape_size(est.additive_model_[term]), layout="constrained")
        for term in terms
    ]
    axes = [figure.add_subplot() for figure in figures]
    display = ShapeDisplay.from_estimator(est, terms, dictionary=dictionary, ax=axes)
    for ax in display.axes_:
        handles, labels = ax.get_legend_handles_labels()
        if handles and ax.get_legend() is None:
            ax.legend(handles, labels, fontsize=8, frameon=False)
    return display


def _shape_size(term: Term) -> tuple[float, float]:
    axis = term.axes[0]
    many = isinstance(axis, CategoricalAxis) and len(axis.categories) >= _MANY_CATEGORIES
    return _BROAD_SIZE if many else _MAIN_SIZE


def shape_pictures(display: ShapeDisplay, terms: list[str], gallery: Gallery) -> Iterator[Picture]:
    """The figures of :func:`draw_shapes` as pictures."""
    texts = display.alt_text().split("\n")
    for term, panel, ax, text in zip(terms, display.panels, display.axes_, texts, strict=True):
        yield gallery.hang(ax.figure, f"shape_{term}", panel.entry.label, text)


def pair_picture(
    est: Any, term: str, dictionary: DataDictionary, gallery: Gallery, output: Any = None
) -> Picture:
    """Heat map and conditional lines of a pair; of one class, if there are several."""
    figure = Figure(figsize=_PAIR_SIZE, layout="constrained")
    display = ShapeDisplay.from_estimator(
        est, [term], dictionary=dictionary, ax=list(figure.subplots(1, 2)), output=output
    )
    title, name = display.panels[0].title, f"pair_{term}"
    if output is not None:
        title, name = f"{title}, class {output}", f"{name}_{output}"
    return gallery.hang(figure, name, title, display.alt_text(), display.caption_)


def importance_picture(est: Any, dictionary: DataDictionary, gallery: Gallery) -> Picture:
    """All terms by importance."""
    display = ImportanceDisplay.from_estimator(
        est, dictionary=dictionary, max_terms=max(1, len(est.term_names_))
    )
    return gallery.hang(display.figure_, "importances", "Term importances", display.alt_text())


def case_picture(
    est: Any,
    row: pd.DataFrame,
    name: str,
    dictionary: DataDictionary,
    gallery: Gallery,
) -> Picture:
    """Why one row is predicted what it is."""
    figure = Figure(figsize=_CASE_SIZE, layout="constrained")
    display = ContributionDisplay.from_estimator(
        est, row, dictionary=dictionary, ax=figure.add_subplot()
    )
    return gallery.hang(figure, name, "", display.alt_text(), display.caption_)


def calibration_picture(
    calibration: Calibration,
    prediction: np.ndarray,
    gallery: Gallery,
    *,
    outcome: str,
    is_risk: bool,
    name: str = "calibration",
) -> Picture:
    """Observed against predicted: curve with band, groups, and where the predictions are."""
    figure = Figure(figsize=_CALIBRATION_SIZE, layout="constrained")
    ax, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    groups, curve = calibration.groups, calibration.curve
    ends = _calibration_range(calibration, prediction, is_risk)
    ax.plot(ends, ends, color=_GREY, linewidth=1, linestyle=(0, (4, 3)), label="Perfect")
    if curve is not None:
        ax.fill_between(
            curve["predicted"],
            curve["lower"],
            curve["upper"],
            color=_BLUE,
            alpha=0.18,
            linewidth=0,
        )
        ax.plot(
            curve["predicted"], curve["observed"], color=_BLUE, label="Smooth curve, 95 % band"
        )
    errors = np.abs(groups[["lower", "upper"]].to_numpy().T - groups["observed"].to_numpy())
    label = f"{len(groups)} groups of equal size, 95 % interval"
    ax.errorbar(
        groups["predicted"],
        groups["observed"],
        yerr=np.nan_to_num(errors),
        fmt="o",
        color=_ORANGE,
        markersize=4,
        linewidth=1,
        label=label,
    )
    ax.set(xlim=ends, ylim=ends, ylabel=f"Observed: {outcome}")
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    below.hist(np.clip(prediction, *ends), bins=np.linspace(*ends, 51), color=_GREY)
    below.set(xlabel=f"Predicted: {outcome}", ylabel="Rows")
    if is_risk:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0))
    for one in (ax, below):
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    figure.align_ylabels()
    return gallery.hang(
        figure, name, f"Calibration: {outcome}", _calibration_in_words(calibration, is_risk)
    )


def _calibration_range(
    calibration: Calibration, prediction: np.ndarray, is_risk: bool
) -> tuple[float, float]:
    groups = calibration.groups
    values = [prediction.max(), *groups["upper"].dropna(), *groups["observed"]]
    if is_risk:
        return 0.0, float(min(1.0, 1.05 * max(max(values), 0.05)))
    values += [prediction.min(), *groups["lower"].dropna()]
    margin = 0.04 * (max(values) - min(values))
    return float(min(values) - margin), float(max(values) + margin)


def _calibration_in_words(calibration: Calibration, is_risk: bool) -> str:
    factor, unit, digits = (100.0, " %", 1) if is_risk else (1.0, "", 3)
    listed = "; ".join(
        f"{fixed(factor * row.predicted, digits)}{unit} predicted, "
        f"{fixed(factor * row.observed, digits)}{unit} observed"
        for row in calibration.groups.itertuples()
    )
    return f"Calibration curve. In groups from the lowest to the highest prediction: {listed}."


def _inline(figure: Figure, *, only_vector: bool) -> str:
    """The figure as a data URI: SVG, which is quicker, or the one that takes less room of two."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    if only_vector:
        return f"data:image/svg+xml;base64,{base64.b64encode(svg.getvalue()).decode('ascii')}"
    figure.savefig(png, format="png", dpi=_SCREEN_DPI, metadata={"Software": None})
    vector, pixels = svg.getvalue(), png.getvalue()
    kind, data = ("svg+xml", vector) if len(vector) <= len(pixels) else ("png", pixels)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
