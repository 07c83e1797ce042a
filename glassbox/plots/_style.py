"""Colours, sizes, and saving: what all pictures have in common.

Colours are those of Okabe & Ito (2008), "Color universal design", which readers with any kind of
colour vision tell apart; line styles and markers differ too, so that nothing hangs on colour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CURVE = "#0072B2"
BAND = "#0072B2"
THIN = "#6E6E6E"
NORMAL = "#009E73"
ALERT = "#D55E00"
ORIGINAL = "#333333"
RAISES = "#D55E00"
LOWERS = "#56B4E9"

#: Curves that share a panel: colour and line style of each.
CURVES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1))),
    ("#000000", (0, (4, 2))),
    ("#E69F00", (0, (7, 2))),
    ("#56B4E9", (0, (2, 1))),
)

#: Lightness of this map rises steadily, so that it also reads in grey.
COLOUR_MAP = "cividis"

FONT = 8.0
SMALL_FONT = 6.5

#: Inches.
PANEL_WIDTH = 2.75
PANEL_HEIGHT = 2.45
ONLY_PANEL_WIDTH = 4.4
ONLY_PANEL_HEIGHT = 3.2


def curve_style(k: int) -> dict[str, Any]:
    """Colour and line style of the k-th of several curves."""
    colour, line = CURVES[k % len(CURVES)]
    return {"color": colour, "linestyle": line}


def direction_style(is_warning: bool) -> dict[str, Any]:
    """Colour and weight of the mark of a direction."""
    return {"color": ALERT, "fontweight": "bold"} if is_warning else {"color": "0.25"}


def save_figure(display: Any, path: str | Path, *, dpi: int = 300) -> Path:
    """Save the figure of a display for print, its alternative text inside the file.

    Parameters
    ----------
    display : ShapeDisplay, ImportanceDisplay or ContributionDisplay
        After ``plot``, or from ``from_estimator``.
    path : str or Path
        The ending says the format: PNG, SVG, PDF or whatever else matplotlib writes.
    dpi : int, default=300
        Dots per inch, for formats that have dots.

    Returns
    -------
    Path
        Where the figure was written.
    """
    path = Path(path)
    text_field = {".png": "Description", ".svg": "Description", ".pdf": "Subject"}
    field = text_field.get(path.suffix.lower())
    metadata = {field: display.alt_text()} if field else None
    display.figure_.savefig(path, dpi=dpi, metadata=metadata)
    return path
