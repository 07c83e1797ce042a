"""Scales: from the score of a term to what a clinician reads on the axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

from glassbox.core.links import get_link

AUTO = "auto"

#: The scales that make sense for a link; the first one is the default.
SCALES_OF_LINK = {
    "logit": ("odds_ratio", "log_odds", "risk"),
    "softmax": ("odds_ratio", "log_odds", "risk"),
    "log": ("rate_ratio", "log_rate", "rate"),
    "identity": ("score", "mean"),
}

_NICE_RATIOS = (
    (0.1, (0.95, 0.96, 0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03, 1.04, 1.05)),
    (0.4, (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25)),
    (0.9, (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)),
    (2.0, (0.25, 0.33, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0)),
    (6.5, tuple(2.0**k for k in range(-12, 13))),
    (14.0, tuple(4.0**k for k in range(-8, 9))),
    (np.inf, tuple(10.0**k for k in range(-30, 31))),
)


@dataclass(frozen=True, eq=False)
class Scale:
    """How effects are shown.

    Attributes
    ----------
    name : str
        One of the names in ``SCALES_OF_LINK``.
    label : str
        Label of the y-axis.
    forward : callable
        From scores of shape (..., n_outputs) to what is shown.
    null : ndarray of shape (n_outputs,)
        What a score of zero is shown as.
    is_ratio : bool
        Whether the axis is logarithmic, with the score itself on the right.
    score_label : str
        Label of the right axis.
    is_absolute : bool
        Whether what is shown includes the intercept (a risk, a mean).
    mixes_outputs : bool
        Whether one output's value depends on the scores of the others; a band of single scores
        says nothing then.
    smallest_jump : float
        Steps of the score below this are not worth a mark.
    """

    name: str
    label: str
    forward: Callable[[np.ndarray], np.ndarray]
    null: np.ndarray
    is_ratio: bool = False
    score_label: str = ""
    is_absolute: bool = False
    mixes_outputs: bool = False
    smallest_jump: float = 0.0


def get_scale(name: str, link: str, intercept: np.ndarray, outcome: str | None = None) -> Scale:
    """The scale of that name for a model with that link.

    Parameters
    ----------
    name : str
        "auto" for the link's usual one.
    link : str
        Name of the model's link.
    intercept : ndarray of shape (n_outputs,)
    outcome : str, optional
        What the odds or the risk are of.

    Raises
    ------
    ValueError
        If the scale makes no sense for the link.
    """
    known = SCALES_OF_LINK[link]
    if name == AUTO:
        name = known[0]
    if name not in known:
        raise ValueError(
            f"scale={name!r} does not fit a model with the {link} link; "
            f"use one of {', '.join(map(repr, known))} or 'auto'."
        )
    intercept = np.atleast_1d(np.asarray(intercept, dtype=float))
    of = f" of {outcome}" if outcome else ""
    zero = np.zeros_like(intercept)
    # Odds or rates that change by less than a tenth.
    smallest_jump = 0.0 if link == "identity" else 0.1
    if name in ("odds_ratio", "rate_ratio"):
        label, score_label = {
            ("logit", "odds_ratio"): ("Odds ratio" + of, "Log-odds"),
            ("softmax", "odds_ratio"): ("Relative odds" + of, "Score"),
            ("log", "rate_ratio"): ("Rate ratio", "Log rate ratio"),
        }[link, name]
        return Scale(
            name,
            label,
            np.exp,
            zero + 1.0,
            is_ratio=True,
            score_label=score_label,
            smallest_jump=smallest_jump,
        )
    if name in ("risk", "rate", "mean"):
        inverse = get_link(link).inverse
        factor = 100.0 if name == "risk" else 1.0
        label = {
            "risk": f"Risk{of} (%)",
            "rate": "Expected count",
            "mean": "Expected outcome",
        }[name]

        def absolute(score):
            return factor * inverse(intercept + score)

        return Scale(
            name,
            label,
            absolute,
            absolute(zero),
            is_absolute=True,
            mixes_outputs=link == "softmax",
            smallest_jump=smallest_jump,
        )
    label = {
        "log_odds": "Log-odds" + of if link == "logit" else "Score" + of,
        "log_rate": "Log rate ratio",
        "score": "Effect on the outcome",
    }[name]
    return Scale(name, label, lambda score: score, zero, smallest_jump=smallest_jump)


class RatioLocator(ticker.Locator):
    """Ticks for ratios: 0.25 0.5 1 2 4, finer or coarser as the range asks for."""

    def __call__(self):
        """Ticks of the current view."""
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        """Ticks between two ratios."""
        vmin, vmax = sorted((max(vmin, 1e-300), max(vmax, 1e-300)))
        octaves = np.log2(vmax / vmin)
        ratios = np.array(next(r for widest, r in _NICE_RATIOS if octaves <= widest))
        return ratios[(ratios >= vmin) & (ratios <= vmax)]


class ScoreLocator(ticker.MaxNLocator):
    """Round log-ratios on an axis of ratios."""

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        """Ticks between two ratios."""
        low, high = np.log([max(vmin, 1e-300), max(vmax, 1e-300)])
        return np.exp(super().tick_values(low, high))


def _ratio_text(value: float, _position=None) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 0.1 else f"{value:.3g}"


def _score_text(value: float, _position=None) -> str:
    score = np.log(value)
    return "0" if abs(score) < 1e-9 else f"{score:+.2g}".replace("-", "\N{MINUS SIGN}")


def dress_axis(ax: Axes, scale: Scale, axis: str = "y") -> None:
    """Give an axis the ticks of the scale."""
    if not scale.is_ratio:
        return
    getattr(ax, f"set_{axis}scale")("log")
    matplotlib_axis = getattr(ax, f"{axis}axis")
    matplotlib_axis.set_major_locator(RatioLocator())
    matplotlib_axis.set_major_formatter(ticker.FuncFormatter(_ratio_text))
    matplotlib_axis.set_minor_locator(ticker.NullLocator())


def add_score_axis(ax: Axes, scale: Scale, fontsize: float) -> Axes:
    """Put the score itself (log-odds) on the right of an axis of ratios."""
    right = ax.secondary_yaxis("right")
    right.yaxis.set_major_locator(ScoreLocator(nbins=6, steps=[1, 2, 5, 10]))
    right.yaxis.set_major_formatter(ticker.FuncFormatter(_score_text))
    right.yaxis.set_minor_locator(ticker.NullLocator())
    right.yaxis.set_minor_formatter(ticker.NullFormatter())
    right.set_ylabel(scale.score_label, fontsize=fontsize)
    right.tick_params(labelsize=fontsize)
    return right
