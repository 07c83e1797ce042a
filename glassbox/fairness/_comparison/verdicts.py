"""From figures by fold to verdicts: which strategy dominates which, and who pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

# A difference counts from so many standard errors over folds on.
_SURE = 2.0
_MERITS = ("loss", "auc", "accuracy", "brier", "r2", "rmse")
_SMALLER_IS_BETTER = ("loss", "brier", "rmse")
_GROUP_KEYS = ["attribute", "group", "metric"]


def widening(folds: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """From the standard deviation over folds to the standard error of their mean.

    References
    ----------
    Nadeau & Bengio (2003), "Inference for the generalization error", Machine Learning 52:239-281.
    """
    ratio = np.mean([len(test) / len(train) for train, test in folds])
    return float(np.sqrt(1 / len(folds) + ratio))


@dataclass(frozen=True)
class Verdicts:
    """What figures by fold say of strategies.

    Attributes
    ----------
    names : sequence of str
        Of the strategies; "none" is what groups are compared with.
    widening : float
    """

    names: Sequence[str]
    widening: float

    def overall(self, rows: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
        """Means and standard errors by strategy and attribute, and who dominates whom.

        Parameters
        ----------
        rows : DataFrame
            One row per strategy, fold and attribute.
        groups : DataFrame
            From :meth:`groups`.
        """
        figures = [name for name in _MERITS if name in rows] + ["dependence", "dp_gap", "eo_gap"]
        grouped = rows.groupby(["strategy", "attribute"], sort=False)
        errors = self.widening * grouped[figures].std(ddof=1)
        frame = grouped[[*figures, "floor"]].mean().join(errors.add_suffix("_se"))
        ordered = [name for figure in figures for name in (figure, f"{figure}_se")]
        frame = frame[[*ordered, "floor"]].reset_index()
        places = frame["strategy"].map({name: k for k, name in enumerate(self.names)})
        frame = frame.loc[places.sort_values(kind="stable").index].reset_index(drop=True)
        frame["dominated_by"] = [
            ", ".join(
                other
                for other in self.names
                if other != row.strategy
                and self._dominates(_of(rows, other, row), _of(rows, row.strategy, row))
            )
            for row in frame.itertuples()
        ]
        frame["levelled_down"] = [
            _in_words(_of(groups, row.strategy, row)) for row in frame.itertuples()
        ]
        return frame

    def groups(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Means by strategy and group, and changes against no strategy.

        Parameters
        ----------
        rows : DataFrame
            One row per strategy, fold, attribute, group and metric; larger values are better.
        """
        before = rows[rows["strategy"] == "none"].set_index([*_GROUP_KEYS, "fold"])["value"]
        found = []
        for (name, *key), part in rows.groupby(["strategy", *_GROUP_KEYS], sort=False):
            values = part.set_index([*_GROUP_KEYS, "fold"])["value"]
            changes = (values - before).reindex(values.index).dropna()
            known = len(changes) > 0
            found.append(
                {
                    "strategy": name,
                    **dict(zip(_GROUP_KEYS, key, strict=True)),
                    "value": values.mean() if known else np.nan,
                    "change": changes.mean() if known else np.nan,
                    "change_se": self.widening * changes.std(ddof=1) if known else np.nan,
                    "fell": self._gains(-changes),
                    "reason": "" if known else part["reason"].iloc[0],
                }
            )
        return pd.DataFrame(found)

    def _dominates(self, better: pd.DataFrame, worse: pd.DataFrame) -> bool:
        merit = next(name for name in ("auc", "r2", "loss") if name in better)
        better, worse = better.set_index("fold"), worse.set_index("fold")
        performance = better[merit] - worse[merit]
        if merit in _SMALLER_IS_BETTER:
            performance = -performance
        gains = [performance, worse["dependence"] - better["dependence"]]
        return all(gain.mean() >= 0 for gain in gains) and any(map(self._gains, gains))

    def _gains(self, changes: pd.Series) -> bool:
        """Whether the mean change is above zero by more than chance."""
        if len(changes) < 2:
            return False
        return bool(changes.mean() > _SURE * self.widening * changes.std(ddof=1))


def _of(frame: pd.DataFrame, strategy: str, row) -> pd.DataFrame:
    """The rows of a strategy about the attribute of another row."""
    return frame[(frame["strategy"] == strategy) & (frame["attribute"] == row.attribute)]


def _in_words(groups: pd.DataFrame) -> str:
    """Groups whose predictions became worse."""
    return "; ".join(
        f"{row.group}: {row.metric.replace('_', ' ')} {row.value - row.change:.3f} → "
        f"{row.value:.3f}"
        for row in groups[groups["fell"]].itertuples()
    )
