"""TrainingCurveDisplay: what every step of training gained, member by member."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from glassbox.plots import _style
from glassbox.plots._labels import MINUS, number, wrap
from glassbox.plots._layout import new_figure

_COLUMNS = ("step", "member", "training_loss", "validation_loss")
_WIDTH, _HEIGHT = 7.2, 3.2
_CHARACTERS_PER_INCH = 15


class TrainingCurveDisplay:
    """Loss against the step, by member.

    Use :meth:`from_estimator`. Validation loss is that on the rows which a member did not draw:
    a thin line for each member, a bold one for their mean. Training loss (the mean over members,
    dashed) is that of the last batch. A circle marks the best snapshot of a member, which is what
    the fitted model keeps.

    Parameters
    ----------
    history : DataFrame
        Columns ``step``, ``member``, ``training_loss``, ``validation_loss``: one row per look and
        member. Losses that are not known are NaN or infinite. With a column ``kept``, a member's
        best snapshot is where it is true, else the one with the lowest validation loss.
    start : str, default="start"
        What readers call the model before the first step.
    loss_name : str, default="Loss"
        What the y-axis shows.
    relative : bool, default=False
        Draw the change of each member since its first look. Members are judged by different rows,
        so that their losses differ more than training changes any of them.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    verdict_ : str
        What stands above the axes: how many members any step improved, and by how much.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> history = pd.DataFrame(
    ...     {
    ...         "step": [0, 0, 10, 10],
    ...         "member": [0, 1, 0, 1],
    ...         "training_loss": [np.nan, np.nan, 0.30, 0.32],
    ...         "validation_loss": [0.40, 0.44, 0.41, 0.42],
    ...     }
    ... )
    >>> TrainingCurveDisplay(history).plot().verdict_
    '1 of 2 members improved on the start; best snapshots gain 0.01 on average.'
    """

    def __init__(
        self,
        history: pd.DataFrame,
        *,
        start: str = "start",
        loss_name: str = "Loss",
        relative: bool = False,
    ):
        self.history = history
        self.start = start
        self.loss_name = loss_name
        self.relative = relative

    @classmethod
    def from_estimator(
        cls, est: Any, *, relative: bool = False, ax: Axes | None = None
    ) -> TrainingCurveDisplay:
        """Draw how a fitted neural additive model was trained.

        Parameters
        ----------
        est : NAMClassifier or NAMRegressor
            Fitted; any estimator with a ``history_`` of these columns will do.
        relative : bool, default=False
            Draw the change of each member since its first look.
        ax : Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            For an estimator without a history of its training.
        """
        check_is_fitted(est)
        history = getattr(est, "history_", None)
        if history is None:
            raise ValueError(
                f"{type(est).__name__} has no history_: only networks are trained in steps. Draw "
                "a NAMClassifier or NAMRegressor, and before it is saved: files hold the model, "
                "not the history."
            )
        missing = [name for name in _COLUMNS if name not in history]
        if missing:
            raise ValueError(
                f"history_ of {type(est).__name__} lacks the column {missing[0]!r}; it needs "
                f"{', '.join(_COLUMNS)}."
            )
        penalised = getattr(est, "start", None) == "penalised"
        return cls(
            history,
            start="penalised start" if penalised else "start",
            loss_name="Log-loss" if is_classifier(est) else "Loss",
            relative=relative,
        ).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> TrainingCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional

        Returns
        -------
        self
        """
        validation, training = self._drawn("validation_loss"), self._drawn("training_loss")
        own = ax is None
        if own:
            ax = new_figure(_WIDTH, _HEIGHT).add_subplot()
        lines = {"marker": "." if len(validation) == 1 else "", "zorder": 2}
        for i, member in enumerate(validation):
            (thin,) = ax.plot(
                validation[member], color=_style.CURVE, alpha=0.4, linewidth=0.7, gid="member"
            )
            thin.set_label("validation, each member" if i == 0 else "_")
        ax.plot(
            validation.mean(axis=1),
            color=_style.CURVE,
            linewidth=2.2,
            label="validation, mean",
            gid="validation",
            **lines,
        )
        if training.notna().any(axis=None):
            ax.plot(
                training.mean(axis=1),
                color=_style.ALERT,
                linewidth=1.5,
                linestyle="--",
                label="training, mean",
                gid="training",
                **lines,
            )
        members = self.to_frame().dropna(subset="best_loss")
        heights = [validation.at[row.best_step, row.member] for row in members.itertuples()]
        ax.plot(
            members["best_step"],
            heights,
            linestyle="none",
            marker="o",
            markersize=4,
            markerfacecolor="white",
            markeredgecolor=_style.ORIGINAL,
            label="best snapshot of a member",
            gid="best",
            zorder=3,
        )
        self.verdict_ = self._verdict()
        self._dress(ax)
        options = {"fontsize": _style.FONT - 0.5, "handlelength": 2.6}
        if own:
            handles = ax.get_legend_handles_labels()[0]
            ax.figure.legend(handles=handles, loc="outside right upper", frameon=False, **options)
        else:
            below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "ncols": 2}
            ax.legend(frameon=False, **below, **options)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def to_frame(self) -> pd.DataFrame:
        """What training gained, by member.

        Returns
        -------
        DataFrame
            ``member``, ``start_loss`` (validation loss of the first look), ``best_step`` (of the
            snapshot that is kept), ``best_loss``, ``gain`` (how much lower that is than the
            start). A member that left no row out cannot be judged: its losses are NaN, its best
            step is the first.
        """
        validation = self._losses("validation_loss")
        first = validation.iloc[0]
        # The first of equals, as in training: a tie is no improvement.
        best = validation.fillna(np.inf).idxmin()
        if "kept" in self.history:
            best = self.history.pivot(index="step", columns="member", values="kept").idxmax()
        lowest = validation.where(validation.index.to_numpy()[:, None] == best.to_numpy()).min()
        return pd.DataFrame(
            {
                "member": validation.columns.to_numpy(),
                "start_loss": first.to_numpy(),
                "best_step": best.to_numpy(),
                "best_loss": lowest.to_numpy(),
                "gain": (first - lowest).to_numpy(),
            }
        )

    def alt_text(self) -> str:
        """The course of the losses, in words."""
        validation, training = self._losses("validation_loss"), self._losses("training_loss")
        last, members = validation.index[-1], self.to_frame()
        parts = [
            f"{self.loss_name} against the step of training, {_members(len(members))}, "
            f"{last} steps."
        ]
        mean = validation.mean(axis=1)
        if mean.notna().any():
            parts.append(
                f"Validation, mean: {_loss(mean.iloc[0])} at the start, {_loss(mean.iloc[-1])} at "
                f"the last look, {_loss(members['best_loss'].mean())} at the best snapshots "
                f"(steps {members['best_step'].min()} to {members['best_step'].max()})."
            )
        known = training.mean(axis=1).dropna()
        if len(known):
            parts.append(
                f"Training, mean: {_loss(known.iloc[0])} at step {known.index[0]}, "
                f"{_loss(known.iloc[-1])} at step {known.index[-1]}."
            )
        return " ".join([*parts, self._verdict()])

    def _losses(self, column: str) -> pd.DataFrame:
        """One row per step, one column per member."""
        table = self.history.pivot(index="step", columns="member", values=column)
        return table.where(np.isfinite(table))

    def _drawn(self, column: str) -> pd.DataFrame:
        losses = self._losses(column)
        return losses - losses.bfill().iloc[0] if self.relative else losses

    def _verdict(self) -> str:
        members = self.to_frame()
        judged = members.dropna(subset="gain")
        if judged.empty:
            return "No member left rows out, so that no step can be judged."
        improved = int((judged["gain"] > 0).sum())
        if not improved:
            return f"No step improved on the {self.start} (best step 0)."
        gain = number(float(f"{judged['gain'].mean():.2g}"))
        return (
            f"{improved} of {_members(len(members))} improved on the {self.start}; best snapshots "
            f"gain {gain} on average."
        )

    def _dress(self, ax: Axes) -> None:
        inches = ax.get_window_extent().width / ax.figure.dpi
        ax.set_title(
            wrap(self.verdict_, max(20, int(_CHARACTERS_PER_INCH * inches))),
            loc="left",
            fontsize=_style.FONT,
            parse_math=False,
        )
        ax.set_xlabel("Step", fontsize=_style.FONT)
        label = f"{self.loss_name}, change since the first look" if self.relative else None
        ax.set_ylabel(label or self.loss_name, fontsize=_style.FONT)
        if self.relative:
            ax.axhline(0, color="0.35", linewidth=0.7, zorder=1)
        ax.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True))
        ax.tick_params(labelsize=_style.FONT, length=2.5)
        ax.grid(axis="y", color="0.9", linewidth=0.5)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)


def _members(n: int) -> str:
    return "1 member" if n == 1 else f"{n} members"


def _loss(value: float) -> str:
    """Losses differ in their fourth digit."""
    text = number(value) if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", MINUS)
