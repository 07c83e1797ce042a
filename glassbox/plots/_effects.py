"""What is drawn: frames of ``shape_function``, taken apart into arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Slot:
    """A value of its own beside the axis, such as *missing*.

    Attributes
    ----------
    score, lower, upper : ndarray of shape (n_outputs,)
    weight : float
        Training weight that stands there.
    """

    score: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    weight: float


@dataclass(frozen=True, eq=False)
class MainEffect:
    """The exact function of one feature.

    Attributes
    ----------
    name : str
        Name of the feature, and of the term.
    degree : int
        0: steps (or categories), 1: straight lines, 3: cubic pieces.
    categorical, ordered : bool
        What kind of axis it is.
    outputs : tuple
        Labels of the outputs; (None,) for a model with one score.
    x : ndarray of shape (n_points,)
        Numbers, or categories.
    score, lower, upper : ndarray of shape (n_points, n_outputs)
        On the scale of the link.
    weight : ndarray of shape (n_points,)
        Training weight, as the frame has it.
    missing : Slot or None
        The value for *missing*; None where no training weight stands there.
    frame : DataFrame
        The frame all this comes from.
    """

    name: str
    degree: int
    categorical: bool
    ordered: bool
    outputs: tuple
    x: np.ndarray
    score: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    missing: Slot | None
    frame: pd.DataFrame

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> MainEffect:
        """Read a frame of ``shape_function`` of a term on one axis."""
        outputs, blocks = _split(frame)
        value = (blocks[0]["kind"] == "value").to_numpy()
        tables = {
            name: np.column_stack([b[name].to_numpy(dtype=float) for b in blocks])
            for name in ("score", "lower", "upper")
        }
        weight = blocks[0]["weight"].to_numpy(dtype=float)
        categorical = frame.attrs["categorical"][0]
        x = blocks[0]["x"].to_numpy()[value]
        return cls(
            name=frame.attrs["term"],
            degree=frame.attrs["degrees"][0],
            categorical=categorical,
            ordered=frame.attrs["ordered"][0],
            outputs=outputs,
            x=x if categorical else x.astype(float),
            **{name: table[value] for name, table in tables.items()},
            weight=weight[value],
            missing=_slot(blocks[0]["kind"].to_numpy(), tables, weight),
            frame=frame,
        )

    @property
    def has_band(self) -> bool:
        """Whether a band was computed."""
        return bool(np.isfinite(self.lower).any())

    @property
    def step_weight(self) -> np.ndarray:
        """Training weight of each step or category, without the repeated right edge."""
        return self.weight[:-1] if self.degree == 0 and not self.categorical else self.weight

    @property
    def is_zero_one(self) -> bool:
        """Whether this is a function of zeros and ones.

        Either a cut in the middle, or a straight line with whole patients at both ends.
        """
        if self.categorical or self.degree == 3:
            return False
        if self.degree == 0:
            return np.array_equal(self.x, [0.0, 0.5, 1.0])
        return np.array_equal(self.x, [0.0, 1.0]) and np.array_equal(
            self.weight, np.round(self.weight)
        )

    def as_points(self, labels: tuple[str, str]) -> MainEffect:
        """A function of zeros and ones as one of two categories."""
        first_two = {
            name: getattr(self, name)[:2] for name in ("score", "lower", "upper", "weight")
        }
        return replace(
            self, categorical=True, ordered=True, x=np.array(labels, dtype=object), **first_two
        )

    def at(self, value, table: str = "score") -> np.ndarray:
        """A table's entry at a value of the feature, shape (n_outputs,).

        Raises
        ------
        ValueError
            If a category is unknown.
        """
        values = getattr(self, table)
        if _is_missing(value):
            nothing = np.full(values.shape[1], np.nan)
            return nothing if self.missing is None else getattr(self.missing, table)
        if self.categorical:
            return values[list(self.x).index(self.level(value))]
        if self.degree == 0:
            step = np.searchsorted(self.x[1:-1], float(value), side="right")
            return values[step]
        return np.array([np.interp(float(value), self.x, column) for column in values.T])

    def level(self, value):
        """The category of that name.

        Raises
        ------
        ValueError
            If there is none.
        """
        for label in self.x:
            if label == value or str(label) == str(value):
                return label
        known = ", ".join(map(str, self.x[:20]))
        raise ValueError(f"Feature {self.name!r} has no category {value!r}; it has {known}.")


@dataclass(frozen=True, eq=False)
class PairAxis:
    """One side of a pair.

    Attributes
    ----------
    name : str
    degree : int
    categorical : bool
    points : ndarray
        Numbers or categories; the right edge included for steps.
    """

    name: str
    degree: int
    categorical: bool
    points: np.ndarray

    @property
    def is_steps(self) -> bool:
        """Whether the points are left ends of steps, the last one the right edge."""
        return self.degree == 0 and not self.categorical

    @property
    def n_cells(self) -> int:
        """Number of values that differ along this side."""
        return len(self.points) - self.is_steps

    def edges(self) -> np.ndarray:
        """Where cells begin and end: n_cells + 1 numbers; categories stand at 0, 1, 2 ..."""
        if self.is_steps:
            return self.points
        centres = np.arange(len(self.points)) if self.categorical else self.points
        if len(centres) == 1:
            return np.array([centres[0] - 0.5, centres[0] + 0.5])
        middles = (centres[1:] + centres[:-1]) / 2
        if self.categorical:
            return np.concatenate([[-0.5], middles, [centres[-1] + 0.5]])
        return np.concatenate([centres[:1], middles, centres[-1:]])

    def cell_of(self, value) -> int:
        """Which cell a value lies in."""
        if self.categorical:
            return next(i for i, p in enumerate(self.points) if p == value or str(p) == str(value))
        cell = np.searchsorted(self.edges()[1:-1], float(value), side="right")
        return int(cell)


@dataclass(frozen=True, eq=False)
class PairEffect:
    """The exact function of two features together, for one output.

    Attributes
    ----------
    name : str
    axes : tuple of two PairAxis
    output : object
        Label of the output, None for a model with one score.
    score, lower, upper, weight : ndarray of shape (n_cells_1 + 1, n_cells_2 + 1)
        Cells; the last row and the last column are *missing*.
    frame : DataFrame
    """

    name: str
    axes: tuple[PairAxis, PairAxis]
    output: object
    score: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    frame: pd.DataFrame

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> PairEffect:
        """Read a frame of ``shape_function`` of a pair and one output."""
        outputs, blocks = _split(frame)
        block = blocks[0]
        n_second = _first_repeat(block["x1"], block["kind1"])
        kinds = (
            block["kind1"].to_numpy()[::n_second],
            block["kind2"].to_numpy()[:n_second],
        )
        labels = (block["x1"].to_numpy()[::n_second], block["x2"].to_numpy()[:n_second])
        axes = tuple(
            PairAxis(
                name=frame.attrs["features"][a],
                degree=frame.attrs["degrees"][a],
                categorical=frame.attrs["categorical"][a],
                points=_points(labels[a][kinds[a] == "value"], frame.attrs["categorical"][a]),
            )
            for a in range(2)
        )
        keep = [
            np.append(np.arange(axis.n_cells), np.flatnonzero(kind == "missing"))
            for axis, kind in zip(axes, kinds, strict=True)
        ]
        tables = {
            name: block[name].to_numpy(dtype=float).reshape(-1, n_second)[np.ix_(*keep)]
            for name in ("score", "lower", "upper", "weight")
        }
        return cls(frame.attrs["term"], axes, outputs[0], **tables, frame=frame)

    def transposed(self) -> PairEffect:
        """The same function with its features swapped."""
        tables = {n: getattr(self, n).T for n in ("score", "lower", "upper", "weight")}
        return replace(self, axes=self.axes[::-1], **tables)


def _split(frame: pd.DataFrame) -> tuple[tuple, list[pd.DataFrame]]:
    if "output" not in frame:
        return (None,), [frame]
    outputs = tuple(frame["output"].unique())
    return outputs, [frame[frame["output"] == output] for output in outputs]


def _slot(kinds: np.ndarray, tables: dict[str, np.ndarray], weight: np.ndarray) -> Slot | None:
    place = np.flatnonzero(kinds == "missing")
    if len(place) == 0 or weight[place[0]] <= 0:
        return None
    return Slot(**{n: t[place[0]] for n, t in tables.items()}, weight=float(weight[place[0]]))


def _points(labels: np.ndarray, categorical: bool) -> np.ndarray:
    return labels if categorical else labels.astype(float)


def _first_repeat(x1: pd.Series, kind1: pd.Series) -> int:
    """How many rows the first point of the first axis fills (row-major order)."""
    changed = (x1.to_numpy()[1:] != x1.to_numpy()[:-1]) | (
        kind1.to_numpy()[1:] != kind1.to_numpy()[:-1]
    )
    changes = np.flatnonzero(changed)
    return int(changes[0]) + 1 if len(changes) else len(x1)


def _is_missing(value) -> bool:
    return value is None or bool(np.ndim(value) == 0 and pd.isna(value))
