"""Estimators around other estimators as JSON: what they add to what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, is_classifier

from glassbox.core.storage import ModelFileError
from glassbox.core.value_json import as_list, decode_value, with_fields

_DEEPEST = 4
_FIELDS = ("estimator", "params", "nested", "features", "fitted", "state", "versions")

#: From a class name to the class, or None.
ClassOf = Callable[[Any], type | None]


def names_of(kind: type, attribute: str) -> list[str]:
    """Names that a class and its bases declare, each base its own."""
    inherited = (vars(base).get(attribute, ()) for base in kind.__mro__)
    return sorted(dict.fromkeys(name for part in inherited for name in part))


def params_to_json(estimator: BaseEstimator, encode: Callable) -> dict[str, Any]:
    """Parameters, with estimators among them as classes and parameters.

    Parameters
    ----------
    estimator : estimator
    encode : callable
        From what it is, its name and its value to plain JSON values; raises a TypeError that
        names what cannot be stored.
    """
    given = estimator.get_params(deep=False)
    nested = {n: value for n, value in given.items() if isinstance(value, BaseEstimator)}
    return {
        "params": {n: encode("Parameter", n, v) for n, v in given.items() if n not in nested},
        "nested": {
            n: {"estimator": type(value).__name__, **params_to_json(value, encode)}
            for n, value in nested.items()
        },
    }


def params_from_json(
    document: dict[str, Any], kind: type, class_of: ClassOf, depth: int = 0
) -> BaseEstimator:
    """An unfitted estimator from its class and parameters."""
    if depth > _DEEPEST:
        raise ModelFileError("estimators are nested too deeply")
    params, nested = document["params"], document["nested"]
    if type(params) is not dict or type(nested) is not dict:
        raise ModelFileError("the parameters are not a mapping")
    unknown = sorted((set(params) | set(nested)) - set(kind._get_param_names()))
    if unknown or set(params) & set(nested):
        raise ModelFileError(f"{kind.__name__} has no such parameters ({unknown!r:.80})")
    values = {name: decode_value(value) for name, value in params.items()}
    for name, inner in nested.items():
        fields = with_fields(inner, ("estimator", "params", "nested"), "a nested estimator")
        inner_kind = class_of(fields["estimator"])
        if inner_kind is None:
            raise ModelFileError(f"glassbox has no estimator {fields['estimator']!r:.80}")
        values[name] = params_from_json(fields, inner_kind, class_of, depth + 1)
    try:
        estimator = kind(**values)
        estimator._validate_params()
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"a parameter is invalid ({error})") from error
    return estimator


def wrapper_to_json(
    estimator: BaseEstimator, encode: Callable, to_json: Callable[[BaseEstimator], dict]
) -> dict[str, Any]:
    """What an estimator around others adds to them; `to_json` writes those."""
    kind = type(estimator)
    names = getattr(estimator, "feature_names_in_", None)
    # By name, where one object has two: it is one object again when it is loaded.
    written: dict[int, str] = {}
    fitted: dict[str, Any] = {}
    for name in names_of(kind, "_fitted_estimator_names"):
        inner = getattr(estimator, name)
        known = written.setdefault(id(inner), name)
        if isinstance(inner, list):
            fitted[name] = [to_json(one) for one in inner]
        else:
            fitted[name] = None if inner is None else known if known != name else to_json(inner)
    return {
        "estimator": kind.__name__,
        **params_to_json(estimator, encode),
        "features": {
            "n": int(estimator.n_features_in_),
            "names": None if names is None else [str(name) for name in names],
        },
        "fitted": fitted,
        "state": {
            name: _state_to_json(name, getattr(estimator, name), encode)
            for name in names_of(kind, "_fitted_state_names")
        },
    }


def wrapper_from_json(
    document: dict[str, Any], kind: type, class_of: ClassOf, from_json: Callable, depth: int
) -> BaseEstimator:
    """The estimator that :func:`wrapper_to_json` was given."""
    if depth > _DEEPEST:
        raise ModelFileError("estimators are nested too deeply")
    fields = with_fields(document, _FIELDS, "an estimator")
    estimator = params_from_json(fields, kind, class_of)
    features = with_fields(fields["features"], ("n", "names"), "the list of features")
    n_features, names = features["n"], features["names"]
    if type(n_features) is not int or n_features < 1:
        raise ModelFileError(f"it has {n_features!r:.80} features")
    if names is not None:
        if not set(map(type, as_list(names, "the names of the features"))) <= {str}:
            raise ModelFileError("the name of a feature is not text")
        if len(set(names)) != n_features or len(names) != n_features:
            raise ModelFileError("the features need different names, one each")
        estimator.feature_names_in_ = np.array(names, dtype=object)
    estimator.n_features_in_ = n_features
    declared = tuple(names_of(kind, "_fitted_estimator_names"))
    inside = with_fields(fields["fitted"], declared, "the list of fitted estimators")
    found: dict[str, Any] = {}
    for name, inner in inside.items():
        if type(inner) is list:
            found[name] = [from_json(one, depth + 1) for one in inner]
        elif type(inner) is not str:
            found[name] = None if inner is None else from_json(inner, depth + 1)
    for name, same in inside.items():
        if type(same) is str:
            if found.get(same) is None:
                raise ModelFileError(f"{name} is said to be {same!r:.80}, which is not there")
            found[name] = found[same]
    if type(found["estimator_"]) is not type(estimator.estimator):
        raise ModelFileError("the fitted estimator is of another class than the parameter")
    if is_classifier(estimator) != is_classifier(found["estimator_"]):
        raise ModelFileError(f"a {kind.__name__} cannot hold such an estimator")
    states = tuple(names_of(kind, "_fitted_state_names"))
    state = with_fields(fields["state"], states, "the state")
    state = {name: _state_from_json(value) for name, value in state.items()}
    for name, value in (found | state).items():
        setattr(estimator, name, value)
    broken = broken_wrapper(estimator)
    if broken is not None:
        raise ModelFileError(broken)
    return estimator


def broken_wrapper(estimator: BaseEstimator) -> str | None:
    """What contradicts itself in a fitted estimator around others; None if nothing does."""
    try:
        estimator._check_fitted()
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return str(error)
    return None


def _state_to_json(name: str, value: Any, encode: Callable) -> dict[str, Any]:
    if not isinstance(value, pd.DataFrame):
        return {"value": encode("Attribute", name, value)}
    plain = value.index.equals(pd.RangeIndex(len(value)))
    if not plain or not all(type(label) is str for label in value.columns):
        raise TypeError(f"Attribute {name!r} cannot be saved: a frame with an index or labels.")
    columns = [
        [label, str(column.dtype), encode("Attribute", name, column.to_numpy())]
        for label, column in value.items()
    ]
    return {"frame": columns, "n_rows": len(value)}


def _state_from_json(document: Any) -> Any:
    if type(document) is dict and set(document) == {"value"}:
        return decode_value(document["value"])
    fields = with_fields(document, ("frame", "n_rows"), "a frame")
    columns = {}
    for entry in as_list(fields["frame"], "a frame"):
        if len(as_list(entry, "a column")) != 3 or not {type(entry[0]), type(entry[1])} == {str}:
            raise ModelFileError("a column of a frame is damaged")
        label, dtype, array = entry[0], entry[1], decode_value(entry[2])
        if type(array) is not np.ndarray or array.shape != (fields["n_rows"],):
            raise ModelFileError(f"column {label!r:.80} of a frame is damaged")
        # Text comes back as the text that pandas makes of it; all other types are the array's.
        columns[label] = pd.Series(array, dtype="str" if dtype == "str" else array.dtype)
    return pd.DataFrame(columns)
