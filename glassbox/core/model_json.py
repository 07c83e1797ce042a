"""Axes, terms and additive models as JSON, and back, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import Axis, CategoricalAxis, NumericAxis
from glassbox.core.storage import ModelFileError
from glassbox.core.terms import Term
from glassbox.core.value_json import (
    as_list,
    as_numbers,
    decode_shape,
    encode_value,
    with_fields,
)

_FLOAT = np.dtype(np.float64)
# Beyond this, the spacing of knots, or its threefold, may overflow.
_FURTHEST_KNOT = 1e300
_TABLES = ("coefficients", "lower", "upper", "density")


def model_to_json(model: AdditiveModel) -> dict[str, Any]:
    """An additive model as plain JSON values.

    Parameters
    ----------
    model : AdditiveModel
        The model.

    Returns
    -------
    dict
        ``link``, ``intercept``, ``axes`` and ``terms``. Terms name their axes by number, as many
        share one. Numbers are written so that they are read back bit for bit.

    Raises
    ------
    TypeError
        If a category is neither text, number nor boolean.

    Examples
    --------
    >>> age = NumericAxis("age", np.array([18.0, 65.0, 90.0]), degree=1)
    >>> model = AdditiveModel(-2.0, (Term((age,), np.array([-0.5, 0.0, 1.0, 0.2])),), "logit")
    >>> document = model_to_json(model)
    >>> document["axes"][0]["knots"]
    [18.0, 65.0, 90.0]
    >>> model_from_json(document).term_names
    ['age']
    """
    return {
        "link": model.link,
        "intercept": model.intercept.tolist(),
        **terms_to_json(model.terms),
    }


def model_from_json(document: Any) -> AdditiveModel:
    """The model that :func:`model_to_json` was given.

    Parameters
    ----------
    document : dict
        Plain JSON values, from anywhere.

    Raises
    ------
    ModelFileError
        If they are not a model: with the reason.
    """
    fields = with_fields(document, ("link", "intercept", "axes", "terms"), "a model")
    if type(fields["link"]) is not str:
        raise ModelFileError("the link is not text")
    terms = terms_from_json({name: fields[name] for name in ("axes", "terms")})
    intercept = _numbers_from_json(fields["intercept"], "the intercept")
    if not len(intercept):
        raise ModelFileError("the intercept is empty")
    return constructed(AdditiveModel, intercept, terms, fields["link"])


def terms_to_json(terms: Sequence[Term]) -> dict[str, Any]:
    """Terms, and the axes that they share, as plain JSON values."""
    axes: dict[int, Axis] = {id(axis): axis for term in terms for axis in term.axes}
    number = {key: n for n, key in enumerate(axes)}
    return {
        "axes": [_axis_to_json(axis) for axis in axes.values()],
        "terms": [
            {"axes": [number[id(axis)] for axis in term.axes]}
            | {field: _table_to_json(getattr(term, field)) for field in _TABLES}
            for term in terms
        ],
    }


def terms_from_json(document: Any) -> tuple[Term, ...]:
    """The terms that :func:`terms_to_json` was given; ModelFileError if they are none."""
    fields = with_fields(document, ("axes", "terms"), "a list of terms")
    axes = [_axis_from_json(axis) for axis in as_list(fields["axes"], "the list of axes")]
    _check_agreement(axes)
    terms = as_list(fields["terms"], "the list of terms")
    return tuple(_term_from_json(term, axes) for term in terms)


def _axis_to_json(axis: Axis) -> dict[str, Any]:
    if isinstance(axis, NumericAxis):
        return {
            "type": "numeric",
            "name": str(axis.name),
            "knots": axis.knots.tolist(),
            "degree": int(axis.degree),
            "extrapolation": str(axis.extrapolation),
        }
    categories = [encode_value(category) for category in axis.categories]
    if not all(_is_category(category) for category in categories):
        raise TypeError(
            f"Axis {axis.name!r}: categories must be text, finite numbers or booleans to be "
            f"stored, got {axis.categories!r:.80}."
        )
    return {
        "type": "categorical",
        "name": str(axis.name),
        "categories": categories,
        "ordered": bool(axis.ordered),
    }


def _is_category(value: Any) -> bool:
    return type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value))


def _axis_from_json(document: Any) -> Axis:
    kind = document.get("type") if type(document) is dict else None
    if kind == "numeric":
        fields = with_fields(
            document, ("type", "name", "knots", "degree", "extrapolation"), "a numeric axis"
        )
        name = _name_from_json(fields["name"])
        if type(fields["degree"]) is not int:
            raise ModelFileError(f"axis {name!r} has the degree {fields['degree']!r:.80}")
        knots = _numbers_from_json(fields["knots"], f"the list of knots of {name!r}")
        if np.abs(knots).max(initial=0.0) > _FURTHEST_KNOT:
            raise ModelFileError(f"the knots of {name!r} lie too far out")
        return constructed(NumericAxis, name, knots, fields["degree"], fields["extrapolation"])
    if kind == "categorical":
        fields = with_fields(
            document, ("type", "name", "categories", "ordered"), "a categorical axis"
        )
        name = _name_from_json(fields["name"])
        categories = as_list(fields["categories"], f"the list of categories of {name!r}")
        if not all(map(_is_category, categories)) or type(fields["ordered"]) is not bool:
            raise ModelFileError(f"the categories of {name!r} are damaged")
        return constructed(CategoricalAxis, name, tuple(categories), fields["ordered"])
    raise ModelFileError(f"an axis has the unknown type {kind!r:.80}")


def _name_from_json(name: Any) -> str:
    if type(name) is not str:
        raise ModelFileError("the name of an axis is not text")
    return name


def _check_agreement(axes: list[Axis]) -> None:
    """Axes of one feature must read the same kind of column, with the same codes."""
    first: dict[str, Axis] = {}
    for axis in axes:
        other = first.setdefault(axis.name, axis)
        numeric = isinstance(axis, NumericAxis), isinstance(other, NumericAxis)
        if numeric[0] != numeric[1] or (not numeric[0] and axis != other):
            raise ModelFileError(f"feature {axis.name!r} has axes that contradict one another")


def _term_from_json(document: Any, axes: list[Axis]) -> Term:
    fields = with_fields(document, ("axes", *_TABLES), "a term")
    numbers = as_list(fields["axes"], "the list of a term's axes")
    if any(type(n) is not int or not 0 <= n < len(axes) for n in numbers):
        raise ModelFileError("a term names an axis that is not there")
    tables = {field: _table_from_json(fields[field], field) for field in _TABLES}
    if tables["coefficients"] is None or tables["density"] is None:
        raise ModelFileError("a term lacks its coefficients or its density")
    if not np.isfinite(tables["density"]).all():
        raise ModelFileError("a density is not finite")
    if tables["coefficients"].ndim != len(numbers) + 1:
        raise ModelFileError("the coefficients of a term have the wrong number of dimensions")
    return constructed(Term, tuple(axes[n] for n in numbers), **tables)


def _table_to_json(table: np.ndarray | None) -> dict[str, Any] | None:
    if table is None:
        return None
    return {"shape": list(table.shape), "values": table.ravel().tolist()}


def _table_from_json(document: Any, field: str) -> np.ndarray | None:
    if document is None:
        return None
    fields = with_fields(document, ("shape", "values"), f"a table of {field}")
    values = _numbers_from_json(fields["values"], f"a table of {field}")
    return values.reshape(decode_shape(fields["shape"], len(values)))


def _numbers_from_json(document: Any, what: str) -> np.ndarray:
    return as_numbers(as_list(document, what), _FLOAT)


def constructed(kind: type, *arguments: Any, **named: Any) -> Any:
    """An object of a class that checks its arguments; ModelFileError if it refuses them."""
    try:
        return kind(*arguments, **named)
    except ValueError as error:
        raise ModelFileError(str(error)) from error
