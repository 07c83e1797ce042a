"""Terms: coefficient tables over one or two axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from glassbox.core.axes import Axis, BasisRows

PAIR_SEPARATOR = " & "


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of an additive model: a table of coefficients over one or two axes.

    Parameters
    ----------
    axes : tuple of NumericAxis or CategoricalAxis
        One axis (a main effect) or two (a pair, on the tensor product of their bases).
    coefficients : ndarray of shape (*axis sizes, n_outputs)
        The table. Models with one score have ``n_outputs = 1``; the last dimension may then be
        left out when constructing.
    lower, upper : ndarray of the same shape, optional
        Coefficients of the edges of the confidence band, read through the same basis.
    density : ndarray of shape (*axis sizes), optional
        How much training weight stands at each coefficient: the column sums of the basis rows.
        Zeros if not given.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> term = Term((age,), np.array([-0.5, 0.0, 1.0, 0.2]))
    >>> term.evaluate([age.locate(np.array([77.5, np.nan]))]).ravel()
    array([0.5, 0.2])
    """

    axes: tuple[Axis, ...]
    coefficients: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    density: np.ndarray | None = None

    def __post_init__(self):
        axes = tuple(self.axes)
        object.__setattr__(self, "axes", axes)
        if len(axes) not in (1, 2):
            raise ValueError(f"A term lives on one or two axes, got {len(axes)}.")
        if len(axes) == 2 and axes[0].name == axes[1].name:
            raise ValueError(f"A pair needs two different features, got {axes[0].name!r} twice.")
        for field in ("coefficients", "lower", "upper"):
            table = getattr(self, field)
            if table is not None:
                object.__setattr__(self, field, self._as_table(field, table))
        if (self.lower is None) != (self.upper is None):
            raise ValueError(f"Term {self.name!r}: give both edges of the band, or neither.")
        density = np.zeros(self.shape) if self.density is None else self.density
        density = np.array(density, dtype=np.float64)
        if density.shape != self.shape:
            raise ValueError(
                f"Term {self.name!r}: density has shape {density.shape}, expected {self.shape}."
            )
        density.setflags(write=False)
        object.__setattr__(self, "density", density)

    def _as_table(self, field: str, table: np.ndarray) -> np.ndarray:
        table = np.array(table, dtype=np.float64)
        if table.ndim == len(self.axes):
            table = table[..., None]
        n_outputs = table.shape[-1] if field == "coefficients" else self.n_outputs
        if table.shape != (*self.shape, n_outputs):
            raise ValueError(
                f"Term {self.name!r}: {field} have shape {table.shape}, "
                f"expected {(*self.shape, n_outputs)}."
            )
        if not np.isfinite(table).all():
            raise ValueError(f"Term {self.name!r}: {field} must be finite.")
        table.setflags(write=False)
        return table

    @property
    def name(self) -> str:
        """Names of the features, joined by " & "."""
        return PAIR_SEPARATOR.join(axis.name for axis in self.axes)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(axis.size for axis in self.axes)

    @property
    def n_outputs(self) -> int:
        """Number of scores that the model computes."""
        return self.coefficients.shape[-1]

    @cached_property
    def _flat(self) -> np.ndarray:
        return self.coefficients.reshape(-1, self.n_outputs)

    def evaluate(self, rows: list[BasisRows], table: np.ndarray | None = None) -> np.ndarray:
        """The term's value on each row.

        Parameters
        ----------
        rows : list of BasisRows
            One per axis.
        table : ndarray, optional
            Another table over the same axes (a band edge, the density) to read instead of the
            coefficients.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
        """
        flat = self._flat if table is None else table.reshape(np.prod(self.shape), -1)
        if all(r.weights is None for r in rows):
            return _take(flat, self._position(rows, [0] * len(rows)))
        total = np.zeros((len(rows[0].first), flat.shape[1]))
        for offsets in product(*(range(r.width) for r in rows)):
            weight = 1.0
            for r, offset in zip(rows, offsets, strict=True):
                weight = weight * r.weight(offset)
            total += weight[:, None] * _take(flat, self._position(rows, offsets))
        return total

    def _position(self, rows: list[BasisRows], offsets) -> np.ndarray:
        position = rows[0].first + offsets[0] if offsets[0] else rows[0].first
        if len(rows) == 1:
            return position
        return position.astype(np.int64) * self.shape[1] + (rows[1].first + offsets[1])

    def replace(self, **changes) -> Term:
        """A copy with some fields changed; a band goes where its coefficients go, if not given.

        Changing only the coefficients moves the band along with them: the shift of each
        coefficient is added to both edges.
        """
        fields = {
            "axes": self.axes,
            "coefficients": self.coefficients,
            "lower": self.lower,
            "upper": self.upper,
            "density": self.density,
        }
        if set(changes) == {"coefficients"} and self.lower is not None:
            shift = self._as_table("coefficients", changes["coefficients"]) - self.coefficients
            changes.update(lower=self.lower + shift, upper=self.upper + shift)
        return Term(**{**fields, **changes})


def _take(flat: np.ndarray, position: np.ndarray) -> np.ndarray:
    if flat.shape[1] == 1:
        return flat[:, 0].take(position)[:, None]
    return flat.take(position, axis=0)
