"""Plain values, arrays and series as JSON, and back with the same types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from glassbox.core.storage import ModelFileError

_TAG = "$"
_DEEPEST = 32
_MOST_DIMENSIONS = 8
_MOST_CHARACTERS = 100_000_000
_LARGEST_INTEGER = 2**64

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_SCALARS = (str, int, float, bool, type(None))
_ELEMENT_TYPES = {"b": {bool}, "i": {int}, "u": {int}, "f": {float, int}}
_DTYPES = {
    np.dtype(name).name: np.dtype(name)
    for name in ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
} | {"str": np.dtype(str), "object": np.dtype(object)}


def encode_value(value: Any) -> Any:
    """A value as plain JSON values.

    Parameters
    ----------
    value : object
        None, booleans, numbers, text; lists, tuples and dicts of these; numpy arrays and scalars
        of numbers, booleans and text; pandas Series of these.

    Returns
    -------
    object
        What JSON lacks is a dict with one key that starts with ``$``.

    Raises
    ------
    TypeError, ValueError
        For anything else, and for values nested more than 32 deep.

    Examples
    --------
    >>> encode_value({"pair": ("age", 2), "limit": float("inf")})
    {'pair': {'$tuple': ['age', 2]}, 'limit': {'$float': 'inf'}}
    >>> decode_value(encode_value((1, {2: np.array([True, False])})))
    (1, {2: array([ True, False])})
    """
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"values nested more than {_DEEPEST} deep cannot be stored")
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        if abs(value) >= _LARGEST_INTEGER:
            raise ValueError(f"the integer {value} is too large to be stored")
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": _name_of(value)}
    if kind is list:
        return [_encode(item, depth + 1) for item in value]
    if kind is tuple:
        return {"$tuple": [_encode(item, depth + 1) for item in value]}
    if kind is dict:
        if all(type(key) is str and not key.startswith(_TAG) for key in value):
            return {key: _encode(item, depth + 1) for key, item in value.items()}
        return {"$dict": [[_encode(x, depth + 1) for x in pair] for pair in value.items()]}
    if kind is np.ndarray:
        return {"$array": _encode_array(value)}
    if kind is pd.Series:
        name, index = value.name, value.index.to_list()
        if not all(isinstance(label, _SCALARS) for label in [name, *index]):
            raise TypeError("a Series must have plain labels to be stored")
        return {
            "$series": {
                "name": _encode(name, depth + 1),
                "index": [_encode(label, depth + 1) for label in index],
                "values": _encode_array(value.to_numpy()),
            }
        }
    raise TypeError(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be stored")


def _name_of(value: float) -> str:
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _encode_array(array: np.ndarray) -> dict[str, Any]:
    name = "str" if array.dtype.kind == "U" else array.dtype.name
    if name not in _DTYPES:
        raise TypeError(f"an array of dtype {array.dtype} cannot be stored")
    values = array.ravel().tolist()
    if name == "object" and not all(isinstance(item, _SCALARS) for item in values):
        raise TypeError("an array of objects other than text and numbers cannot be stored")
    if name == "object":
        values = [_encode(item, 0) for item in values]
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        values = [x if math.isfinite(x) else _name_of(x) for x in values]
    return {"dtype": name, "shape": list(array.shape), "values": values}


def decode_value(document: Any) -> Any:
    """The value that :func:`encode_value` was given.

    Raises
    ------
    ModelFileError
        If it was given none.
    """
    return _decode(document, 0)


def _decode(document: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ModelFileError("a value is nested too deeply")
    if type(document) is float and not math.isfinite(document):
        raise ModelFileError("a number is too large")
    if type(document) is list:
        return [_decode(item, depth + 1) for item in document]
    if type(document) is not dict:
        return document
    tags = [key for key in document if key.startswith(_TAG)]
    if not tags:
        return {key: _decode(item, depth + 1) for key, item in document.items()}
    if len(document) > 1 or tags[0] not in _DECODERS:
        raise ModelFileError(f"a value has the unknown tag {tags[0]!r}")
    return _DECODERS[tags[0]](document[tags[0]], depth + 1)


def _decode_float(name: Any, depth: int) -> float:
    if type(name) is not str or name not in _NON_FINITE:
        raise ModelFileError(f"{name!r} is not a number")
    return _NON_FINITE[name]


def _decode_tuple(items: Any, depth: int) -> tuple:
    return tuple(_decode(as_list(items, "a tuple"), depth))


def _decode_dict(pairs: Any, depth: int) -> dict:
    result = {}
    for pair in as_list(pairs, "a mapping"):
        if len(as_list(pair, "an entry of a mapping")) != 2:
            raise ModelFileError("an entry of a mapping is not a pair")
        key, value = (_decode(item, depth) for item in pair)
        try:
            repeated = key in result
        except TypeError:
            raise ModelFileError("a mapping has a key that cannot be one") from None
        if repeated:
            raise ModelFileError(f"a mapping has the key {key!r} twice")
        result[key] = value
    return result


def _decode_series(document: Any, depth: int) -> pd.Series:
    fields = with_fields(document, ("name", "index", "values"), "a series")
    labels = [_decode(label, depth) for label in as_list(fields["index"], "an index")]
    name = _decode(fields["name"], depth)
    if not all(isinstance(label, _SCALARS) for label in [name, *labels]):
        raise ModelFileError("a series has labels that are not plain")
    values = _decode_array(fields["values"], depth)
    if values.shape != (len(labels),):
        raise ModelFileError(f"a series has {len(labels)} labels for shape {values.shape}")
    return pd.Series(values, index=labels, name=name)


def _decode_array(document: Any, depth: int) -> np.ndarray:
    fields = with_fields(document, ("dtype", "shape", "values"), "an array")
    if type(fields["dtype"]) is not str or fields["dtype"] not in _DTYPES:
        raise ModelFileError(f"an array has the unknown dtype {fields['dtype']!r}")
    dtype = _DTYPES[fields["dtype"]]
    values = as_list(fields["values"], "the values of an array")
    shape = decode_shape(fields["shape"], len(values))
    if dtype.kind == "O":
        values = [_decode(item, depth) for item in values]
        if not all(isinstance(item, _SCALARS) for item in values):
            raise ModelFileError("an array of objects holds more than text and numbers")
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array.reshape(shape)
    if dtype.kind == "U":
        return _decode_text(values).reshape(shape)
    if dtype.kind == "f":
        values = [_decode_float(x, depth) if type(x) is str else x for x in values]
    return as_numbers(values, dtype).reshape(shape)


def _decode_text(values: list) -> np.ndarray:
    if not set(map(type, values)) <= {str}:
        raise ModelFileError("an array of text holds something else")
    if len(values) * max(map(len, values), default=0) > _MOST_CHARACTERS:
        raise ModelFileError("an array of text is too large")
    return np.array(values, dtype=str)


def as_numbers(values: list, dtype: np.dtype) -> np.ndarray:
    """A flat list of JSON numbers as an array; ModelFileError for any other element."""
    if not set(map(type, values)) <= _ELEMENT_TYPES[dtype.kind]:
        raise ModelFileError(f"an array of {dtype.name} holds something else")
    try:
        return np.array(values, dtype=dtype)
    except OverflowError:
        raise ModelFileError(f"an array of {dtype.name} holds a number too large for it") from None


def decode_shape(shape: Any, n_values: int) -> tuple[int, ...]:
    """A shape that holds `n_values` values; ModelFileError if it is none."""
    if (
        type(shape) is not list
        or len(shape) > _MOST_DIMENSIONS
        or any(type(n) is not int or not 0 <= n < 2**31 for n in shape)
        or math.prod(shape) != n_values
        or math.prod(n for n in shape if n) >= 2**40
    ):
        raise ModelFileError(f"an array with {n_values} values has the shape {shape!r:.80}")
    return tuple(shape)


def as_list(document: Any, what: str) -> list:
    """The document, which must be a list; ModelFileError if it is not."""
    if type(document) is not list:
        raise ModelFileError(f"{what} is not a list")
    return document


def with_fields(document: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    """The document, which must be a dict with exactly these keys; ModelFileError if not."""
    if type(document) is not dict or set(document) != set(names):
        raise ModelFileError(f"{what} needs exactly the fields {', '.join(names)}")
    return document


_DECODERS = {
    "$float": _decode_float,
    "$tuple": _decode_tuple,
    "$dict": _decode_dict,
    "$array": _decode_array,
    "$series": _decode_series,
}
