"""Documents on disk: JSON with a format name, a schema version and a checksum."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

FORMAT = "glassbox"
SCHEMA_VERSION = 1

#: Larger files are refused unread. A model of a thousand terms with a thousand coefficients each
#: takes about 100 MB.
MAX_BYTES = 512 * 2**20

_ENVELOPE = ("format", "schema_version", "checksum")
_MOST_DIGITS = 25


class ModelFileError(ValueError):
    """A model file is damaged, was edited, or is not one; the message says what is wrong."""


def save_document(document: dict[str, Any], path: str | os.PathLike) -> None:
    """Write a document, all of it or nothing.

    Parameters
    ----------
    document : dict
        Plain JSON values: dicts with text keys, lists, text, finite numbers, booleans, None.
    path : str or path
        Where to write. The file is written under another name in the same folder and then
        renamed, so that nobody ever reads half a document.

    Raises
    ------
    ValueError, TypeError
        If the document holds anything else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_document({"answer": 42}, f"{folder}/answer.json")
    ...     load_document(f"{folder}/answer.json")
    {'answer': 42}
    """
    payload = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **document}
    text = json.dumps({**payload, "checksum": _checksum(payload)}, allow_nan=False)
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "x", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_document(path: str | os.PathLike, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read a document that :func:`save_document` wrote. Runs no code from the file.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int, default=512 MiB
        Larger files are refused without being read. Parsed, a file may take some ten times its
        size in memory.

    Returns
    -------
    dict
        What was saved.

    Raises
    ------
    ModelFileError
        If the file is too large, truncated, edited, of another format or of another version.
    OSError
        If it cannot be opened.
    """
    path = Path(path)
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{path} is a folder, not a model file.")
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileError(f"{path} is not a regular file.")
    if status.st_size > max_bytes:
        raise ModelFileError(
            f"{path} has {status.st_size:,} bytes, more than max_bytes={max_bytes:,}; raise the "
            "limit if you trust the file."
        )
    with open(path, "rb") as file:
        content = file.read(max_bytes + 1)
    try:
        return _parse(content)
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be loaded: {error}") from error


def _parse(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_with_unique_keys,
            parse_constant=_refuse_constant,
            parse_int=_short_integer,
        )
        _check_envelope(document)
        checksum = document.pop("checksum")
        if checksum != _checksum(document):
            raise ModelFileError("its checksum does not match; it was edited or damaged")
    except ModelFileError:
        raise
    except RecursionError:
        raise ModelFileError("it is nested too deeply") from None
    except ValueError as error:
        raise ModelFileError(f"it is not valid JSON ({error})") from None
    return {key: value for key, value in document.items() if key not in _ENVELOPE}


def _check_envelope(document: Any) -> None:
    if type(document) is not dict or document.get("format") != FORMAT:
        raise ModelFileError(f"it is not in the format {FORMAT!r}")
    version = document.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ModelFileError(
            f"it has schema version {version!r}, and this version of glassbox reads "
            f"{SCHEMA_VERSION}; use the version that wrote it"
        )
    if type(document.get("checksum")) is not str:
        raise ModelFileError("it has no checksum")


def _checksum(payload: dict[str, Any]) -> str:
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ModelFileError("an object names the same key twice")
    return result


def _refuse_constant(name: str) -> None:
    raise ModelFileError(f"it holds {name}, which is not a number")


def _short_integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ModelFileError(f"it holds an integer of {len(digits)} digits")
    return int(digits)
