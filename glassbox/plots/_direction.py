"""What is known of a declared direction: the arrow, its certificate, and both in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassbox.core.dictionary import Entry
from glassbox.plots._labels import number, unit_after

CERTIFIED = "certified"
NOT_CERTIFIED = "not certified"
OPEN = "open"
UNCHECKED = ""

_ARROWS = {1: "↑", -1: "↓"}
_VERBS = {1: ("rise", "falls"), -1: ("fall", "rises")}


@dataclass(frozen=True)
class Direction:
    """A declared direction of the whole score in one feature.

    Attributes
    ----------
    sign : {-1, 0, 1}
        Falling, none, rising.
    verdict : str
        CERTIFIED, NOT_CERTIFIED (refuted somewhere), OPEN (neither), or UNCHECKED, where there is
        no certificate.
    start, end : object
        Of a refuted direction: from where to where the score runs most against it.
    elsewhere : bool
        Whether other features decide if that happens.

    Examples
    --------
    >>> Direction(1, CERTIFIED).mark
    '↑ certified'
    >>> Direction(-1).mark
    '↓'
    """

    sign: int = 0
    verdict: str = UNCHECKED
    start: Any = None
    end: Any = None
    elsewhere: bool = False

    @classmethod
    def from_certificate(cls, row: dict) -> Direction:
        """Read a row of a certificate."""
        sign, holds = int(row["declared"]), row["holds"]
        if holds is None or holds != holds:
            return cls(sign, OPEN)
        if holds:
            return cls(sign, CERTIFIED)
        partners = row.get("partners")
        elsewhere = isinstance(partners, dict) and bool(partners)
        return cls(sign, NOT_CERTIFIED, row.get("from"), row.get("to"), elsewhere)

    @property
    def mark(self) -> str:
        """What stands beside a panel or after the name of an axis; "" without a direction."""
        return f"{_ARROWS[self.sign]} {self.verdict}".rstrip() if self.sign else ""

    @property
    def is_warning(self) -> bool:
        """Whether the promise is broken."""
        return self.verdict == NOT_CERTIFIED

    def sentence(self, entry: Entry) -> str:
        """The direction and its certificate in words; "" without a direction."""
        if not self.sign:
            return ""
        verb, wrong = _VERBS[self.sign]
        said = {
            CERTIFIED: "certified over the whole input space",
            NOT_CERTIFIED: f"not certified: the score {wrong}{self._where(entry)}",
            OPEN: "neither certified nor refuted over the whole input space",
            UNCHECKED: "there is no certificate",
        }[self.verdict]
        return f"Declared to {verb}; {said}."

    def _where(self, entry: Entry) -> str:
        """From where to where, as the certificate has it."""
        if self.start is None:
            return " somewhere"
        unit = unit_after(entry)
        if self.start == self.end:
            where = f" at {_value(self.start)}{unit}"
        else:
            where = f" from {_value(self.start)} to {_value(self.end)}{unit}"
        return f"{where} for some values of other features" if self.elsewhere else where


def _value(value: Any) -> str:
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return number(value)
    return str(value)


def marks_sentence(directions: list[Direction]) -> str:
    """For captions: what the marks mean, those that are there; "" if there are none."""
    verdicts = {direction.verdict for direction in directions if direction.sign}
    if not verdicts:
        return ""
    arrows = ", ".join(_ARROWS[sign] for sign in (1, -1) if sign in {d.sign for d in directions})
    meanings = {
        CERTIFIED: "certified: kept over the whole input space",
        NOT_CERTIFIED: "not certified: broken somewhere",
        OPEN: "open: neither shown nor refuted",
        UNCHECKED: "an arrow alone: there is no certificate",
    }
    said = [f"{arrows}: declared direction of the score"]
    said += [text for verdict, text in meanings.items() if verdict in verdicts]
    return "; ".join(said) + "."
