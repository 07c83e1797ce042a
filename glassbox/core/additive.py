"""The additive model: what every glassbox estimator is once it is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from glassbox.core.axes import Axis, BasisRows
from glassbox.core.links import Link, get_link
from glassbox.core.terms import Term

#: Rows that are worked on at a time: small enough for the processor's cache, large enough that
#: the loop over blocks costs nothing.
BLOCK_ROWS = 16_384

Columns = Mapping[str, np.ndarray]


def row_blocks(n_rows: int, block_rows: int = BLOCK_ROWS) -> Iterator[slice]:
    """Slices that together cover ``range(n_rows)``."""
    for start in range(0, n_rows, block_rows):
        yield slice(start, min(start + block_rows, n_rows))


@dataclass(frozen=True, eq=False)
class AdditiveModel:
    """An intercept plus terms, and a link: ``mean = inverse_link(intercept + sum of terms)``.

    Parameters
    ----------
    intercept : float or ndarray of shape (n_outputs,)
        The score when every term is zero.
    terms : tuple of Term
        With different names. Main effects and pairs may share features.
    link : {"identity", "logit", "softmax", "log"}
        How the score becomes the mean of the outcome.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.core.axes import NumericAxis
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> model = AdditiveModel(-2.0, (Term((age,), np.array([-0.5, 0.0, 1.0, 0.2])),), "logit")
    >>> model.scores({"age": np.array([65.0, np.nan])}).ravel()
    array([-2. , -1.8])
    """

    intercept: np.ndarray
    terms: tuple[Term, ...]
    link: str = "identity"

    def __post_init__(self):
        intercept = np.atleast_1d(np.array(self.intercept, dtype=np.float64))
        if intercept.ndim != 1 or not np.isfinite(intercept).all():
            raise ValueError(f"The intercept must be finite and flat, got {self.intercept!r}.")
        intercept.setflags(write=False)
        object.__setattr__(self, "intercept", intercept)
        object.__setattr__(self, "terms", tuple(self.terms))
        get_link(self.link)
        features = [frozenset(term.features) for term in self.terms]
        for term in self.terms:
            if features.count(frozenset(term.features)) > 1:
                raise ValueError(
                    f"Two terms hold the features of {term.name!r}; add their tables first."
                )
        for term in self.terms:
            if term.n_outputs != self.n_outputs:
                raise ValueError(
                    f"Term {term.name!r} has {term.n_outputs} outputs, "
                    f"the intercept has {self.n_outputs}."
                )

    @property
    def n_outputs(self) -> int:
        """Number of scores per row."""
        return len(self.intercept)

    @property
    def term_names(self) -> list[str]:
        """Names of the terms, in order."""
        return [term.name for term in self.terms]

    @property
    def features(self) -> list[str]:
        """Names of the features that some term uses, in order of first use."""
        return list(dict.fromkeys(f for term in self.terms for f in term.features))

    @property
    def link_function(self) -> Link:
        """The link as an object with ``link`` and ``inverse``."""
        return get_link(self.link)

    def __getitem__(self, name: str) -> Term:
        for term in self.terms:
            if term.name == name:
                return term
        raise KeyError(f"No term is called {name!r}; the terms are {self.term_names}.")

    def replace(self, **changes) -> AdditiveModel:
        """A copy with another intercept, other terms or another link."""
        return replace(self, **changes)

    def contributions(self, columns: Columns) -> np.ndarray:
        """What each term adds to the score of each row.

        Parameters
        ----------
        columns : mapping of str to ndarray
            Typed columns, as ``Schema.read`` returns them.

        Returns
        -------
        ndarray of shape (n_rows, n_terms, n_outputs)
        """
        n_rows = _n_rows(columns)
        result = np.empty((n_rows, len(self.terms), self.n_outputs))
        for block in row_blocks(n_rows):
            for t, value in enumerate(self._term_values(columns, block)):
                result[block, t] = value
        return result

    def scores(self, columns: Columns) -> np.ndarray:
        """Intercept plus contributions, shape (n_rows, n_outputs)."""
        n_rows = _n_rows(columns)
        result = np.empty((n_rows, self.n_outputs))
        for block in row_blocks(n_rows):
            total = np.zeros((block.stop - block.start, self.n_outputs))
            for value in self._term_values(columns, block):
                total += value
            result[block] = total + self.intercept
        return result

    def means(self, columns: Columns) -> np.ndarray:
        """Mean of the outcome, shape (n_rows, n_outputs)."""
        return self.link_function.inverse(self.scores(columns))

    def _term_values(self, columns: Columns, block: slice) -> Iterator[np.ndarray]:
        located: dict[int, BasisRows] = {}

        def rows_of(axis: Axis) -> BasisRows:
            if id(axis) not in located:
                column = np.ascontiguousarray(columns[axis.name][block])
                located[id(axis)] = axis.locate(column)
            return located[id(axis)]

        for term in self.terms:
            yield term.evaluate([rows_of(axis) for axis in term.axes])


def _n_rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))
