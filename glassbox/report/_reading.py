"""Tables and data dictionaries from files, with errors that a user can act on."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import warnings
from importlib.resources.abc import Traversable
from pathlib import Path

import pandas as pd

from glassbox.core.dictionary import DataDictionary
from glassbox.report._errors import InputError

_SEPARATORS = {".csv": ",", ".txt": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")
# A field that does not end within this many characters starts with a stray quotation mark.
_LONGEST_FIELD = 1_000_000


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table from a CSV, TSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        The ending says the format: .csv and .txt (commas), .tsv (tabs), .parquet or .pq.

    Returns
    -------
    DataFrame
        Rows numbered from 0, columns named by text.

    Raises
    ------
    InputError
        If there is no such file, if it is empty, not UTF-8 or not what its ending says, if a line
        has another number of fields than the header, or if two columns share a name.
    """
    path = Path(path)
    check_file(path, "table")
    ending = path.suffix.lower()
    if ending in _PARQUET:
        return _read_parquet(path)
    if ending in _SEPARATORS:
        return _read_text(path, _SEPARATORS[ending])
    raise InputError(
        f"{path} ends in {path.suffix!r}: give a file that ends in .csv, .tsv or .parquet."
    )


def read_dictionary(path: str | Path, dataset: str) -> DataDictionary:
    """Read a data dictionary from a CSV file.

    Parameters
    ----------
    path : str or Path
        One row per column of the table, as :class:`~glassbox.core.dictionary.DataDictionary`
        reads it.
    dataset : str
        If the file has a column ``dataset``, the rows that count.

    Raises
    ------
    InputError
        If the file cannot be read, or is no dictionary.
    """
    path = Path(path)
    check_file(path, "dictionary")
    frame = _read_text(path, ",")
    if "column" not in frame:
        raise InputError(
            f"The dictionary {path} has no column called 'column' that names the columns of the "
            f"table; it has {', '.join(map(repr, frame.columns[:8]))}."
        )
    try:
        if "dataset" in frame:
            return DataDictionary.from_csv(path, dataset=dataset)
        return DataDictionary.from_csv(path)
    except (ValueError, TypeError) as error:
        raise InputError(f"The dictionary {path} cannot be used: {error}") from error


def sha256_of(path: Traversable) -> str:
    """SHA-256 of a file (a Path, or a file inside a package), in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_file(path: Path, what: str) -> None:
    """Refuse what is no file that can be read, or an empty one.

    Raises
    ------
    InputError
    """
    if path.is_dir():
        raise InputError(f"The {what} {path} is a folder: give a file.")
    if not path.exists():
        raise InputError(f"There is no file {path}: check the path of the {what}.")
    try:
        with open(path, "rb") as stream:
            if not stream.read(1):
                raise InputError(f"The {what} {path} is empty (0 bytes).")
    except OSError as error:
        raise InputError(f"The {what} {path} cannot be read: {error.strerror}.") from error


def _read_parquet(path: Path) -> pd.DataFrame:
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(
            f"Reading {path} needs pyarrow: pip install 'glassbox[parquet]', or give a CSV file."
        )
    import pyarrow

    try:
        frame = pd.read_parquet(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error
    frame = frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    _check_names(list(frame.columns), path)
    _check_rows(len(frame), path)
    return frame


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    try:
        _check_lines(path, separator)
        with warnings.catch_warnings():
            # pandas drops data with no more than a warning where lines are longer than the header.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, sep=separator, index_col=False, low_memory=False)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte {error.start:,}): save it as CSV in UTF-8."
        ) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from error
    _check_rows(len(frame), path)
    return frame


def _check_lines(path: Path, separator: str) -> None:
    """Refuse lines that do not fit the header; pandas would fill the short ones."""
    csv.field_size_limit(_LONGEST_FIELD)
    with open(path, encoding="utf-8-sig", newline="") as stream:
        lines = csv.reader(stream, delimiter=separator)
        header = next(lines, [])
        _check_names(header, path)
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            mark = "semicolons" if ";" in header[0] else "tabs"
            raise InputError(
                f"{path} seems to be separated by {mark}: save it with commas, or with tabs and "
                "the ending .tsv."
            )
        for fields in lines:
            if len(fields) != len(header) and fields:
                raise InputError(
                    f"{path}, line {lines.line_num:,}: {len(fields)} fields where the header has "
                    f"{len(header)}; mend the line, or quote the text that holds a separator."
                )


def _check_names(names: list[str], path: Path) -> None:
    if not names:
        raise InputError(f"{path} has no column: its first line must name the columns.")
    seen = set()
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise InputError(f"{path}: column {place} has no name; name it in the first line.")
        if name in seen:
            raise InputError(f"{path}: two columns are called {name!r}; rename one of them.")
        seen.add(name)


def _check_rows(n_rows: int, path: Path) -> None:
    if n_rows == 0:
        raise InputError(f"{path} has column names but no rows.")
