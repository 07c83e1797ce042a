"""The data dictionary: what the columns of a table mean to a clinician."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

KINDS = (
    "numeric",
    "categorical",
    "ordinal",
    "binary",
    "target",
    "leak",
    "score",
    "time",
    "id",
)

_LEVEL_SEPARATOR = "|"


@dataclass(frozen=True)
class Entry:
    """What one column means.

    Attributes
    ----------
    label : str
        Name for readers; the column's own name where nothing better is known.
    unit : str or None
        Unit of measurement.
    ref_low, ref_high : float or None
        Reference (normal) range, in `unit`.
    kind : str or None
        One of ``KINDS``.
    order : tuple of str
        Levels from lowest to highest, for ordinal columns.
    note : str or None
        Anything a reader should know.
    """

    label: str
    unit: str | None = None
    ref_low: float | None = None
    ref_high: float | None = None
    kind: str | None = None
    order: tuple[str, ...] = ()
    note: str | None = None

    @property
    def title(self) -> str:
        """Label with the unit in brackets."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


class DataDictionary(Mapping):
    """Column name → :class:`Entry`.

    Parameters
    ----------
    entries : mapping of str to Entry

    Examples
    --------
    >>> dictionary = DataDictionary.from_frame(
    ...     pd.DataFrame({"column": ["crea"], "label": ["Creatinine"], "unit": ["mg/dL"]})
    ... )
    >>> dictionary.title("crea"), dictionary.title("age")
    ('Creatinine (mg/dL)', 'age')
    """

    def __init__(self, entries: Mapping[str, Entry] = {}):  # noqa: B006 (never modified)
        self._entries = dict(entries)

    @classmethod
    def from_csv(cls, path: str | Path, dataset: str | None = None) -> DataDictionary:
        """Read a CSV file with the columns that :meth:`from_frame` understands.

        Parameters
        ----------
        path : str or Path
        dataset : str, optional
            Keep the rows whose column ``dataset`` has this value.
        """
        frame = pd.read_csv(path, dtype={"column": str, "order": str})
        if dataset is not None:
            if "dataset" not in frame or not (frame["dataset"] == dataset).any():
                raise ValueError(f"The dictionary {path} has no rows for dataset {dataset!r}.")
            frame = frame[frame["dataset"] == dataset]
        return cls.from_frame(frame)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> DataDictionary:
        """Read a table with one row per column of the data.

        Parameters
        ----------
        frame : DataFrame
            The name stands in a column called ``column``, or in the index. Any of ``label``,
            ``unit``, ``ref_low``, ``ref_high``, ``kind``, ``order`` (levels joined by "|") and
            ``note`` may be there; empty cells mean *unknown*.

        Raises
        ------
        ValueError
            If a column is described twice, a range is upside down or not a number, or a kind is
            unknown.
        """
        if "column" in frame:
            frame = frame.set_index("column")
        if frame.index.has_duplicates:
            twice = frame.index[frame.index.duplicated()][0]
            raise ValueError(f"The dictionary describes column {twice!r} twice; keep one row.")
        known = [field.name for field in fields(Entry)]
        return cls(
            {
                str(name): _entry(str(name), {k: row[k] for k in known if k in row})
                for name, row in frame.iterrows()
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """The dictionary as a table, one row per column."""
        rows = {name: asdict(entry) for name, entry in self._entries.items()}
        for row in rows.values():
            row["order"] = _LEVEL_SEPARATOR.join(row["order"]) or None
        columns = [field.name for field in fields(Entry)]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("column")

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"DataDictionary({len(self)} columns)"

    def describe(self, name: str) -> Entry:
        """The entry of a column, or one that knows only its name."""
        return self._entries.get(name, Entry(label=name))

    def title(self, name: str) -> str:
        """Label and unit of a column, for axes and tables."""
        return self.describe(name).title


def _entry(name: str, cells: dict) -> Entry:
    cells = {key: value for key, value in cells.items() if not pd.isna(value) and value != ""}
    for bound in ("ref_low", "ref_high"):
        if bound in cells:
            try:
                cells[bound] = float(cells[bound])
            except ValueError:
                raise ValueError(
                    f"Dictionary, column {name!r}: {bound} is {cells[bound]!r}, not a number."
                ) from None
    if cells.get("ref_low", -float("inf")) > cells.get("ref_high", float("inf")):
        raise ValueError(
            f"Dictionary, column {name!r}: ref_low {cells['ref_low']} lies above "
            f"ref_high {cells['ref_high']}; swap them."
        )
    if cells.get("kind", KINDS[0]) not in KINDS:
        raise ValueError(
            f"Dictionary, column {name!r}: kind {cells['kind']!r} is unknown; "
            f"use one of {', '.join(KINDS)}."
        )
    if "order" in cells:
        cells["order"] = tuple(str(cells["order"]).split(_LEVEL_SEPARATOR))
    for text in ("label", "unit", "note"):
        if text in cells:
            cells[text] = str(cells[text])
    return Entry(**{"label": name, **cells})
