"""Saving and loading fitted estimators as JSON. Never pickle: loading a model runs no code."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

import glassbox
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import NumericAxis
from glassbox.core.model_json import model_from_json, model_to_json
from glassbox.core.network import JOINT, JointPart
from glassbox.core.schema import ColumnSchema, Schema
from glassbox.core.storage import MAX_BYTES, ModelFileError, load_document, save_document
from glassbox.core.terms import Term
from glassbox.core.value_json import decode_value, encode_value, with_fields
from glassbox.estimators._nested import (
    broken_wrapper,
    names_of,
    wrapper_from_json,
    wrapper_to_json,
)
from glassbox.estimators.base import AdditiveEstimator

_FIELDS = ("estimator", "params", "schema", "model", "state", "versions")
_OWN_FIELDS = ("schema_", "additive_model_")

#: What a fitted attribute holds. Every name in an estimator's ``_fitted_state_names`` is here.
_STATE_TYPES: dict[str, tuple[type, ...]] = {
    "term_importances_": (pd.Series,),
    "band_description_": (str,),
    "classes_": (np.ndarray,),
    "additivity_": (float, int),
    "n_rounds_": (list,),
    "repair_": (dict,),
    "pruned_terms_": (list,),
    "training_record_": (dict,),
    "lam_": (dict,),
    "effective_df_": (float, int),
    "dispersion_": (float, int),
    "n_iter_": (int,),
}


def save(estimator: BaseEstimator, path: str | os.PathLike) -> None:
    """Save a fitted estimator as a JSON file.

    Parameters
    ----------
    estimator : estimator of glassbox
        Fitted; also a strategy of ``glassbox.fairness`` around one.
    path : str or path
        The file to write. An existing one is replaced, in one step.

    Raises
    ------
    TypeError
        If the estimator is not one of glassbox's own (use pickle for pipelines), or a parameter
        or fitted attribute cannot be stored (a callable, a RandomState): it is named.
    ValueError
        If the model does not keep the directions that it declares.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Notes
    -----
    The file holds the parameters, the schema of the training table, the tables of the model and
    what else was fitted, the versions that wrote it, and a checksum. Numbers are read back bit
    for bit. The file holds no training rows, but it does hold category names, knots and how many
    rows stand behind each coefficient.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from glassbox import BoostedGAMRegressor, load, save
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> model = BoostedGAMRegressor(n_bags=1, random_state=0).fit(X, X[:, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.json")
    ...     restored = load(f"{folder}/model.json")
    >>> bool(np.all(restored.predict(X) == model.predict(X)))
    True
    """
    _check_own(estimator)
    check_is_fitted(estimator)
    save_document({**_document_of(estimator), **_versions()}, path)


def _document_of(estimator: BaseEstimator) -> dict[str, Any]:
    """All of a fitted estimator but the versions."""
    _check_own(estimator)
    name = type(estimator).__name__
    if not isinstance(estimator, AdditiveEstimator):
        broken = broken_wrapper(estimator)
        if broken is not None:
            raise ValueError(f"No file of this {name} could be loaded: {broken}.")
        return wrapper_to_json(estimator, _encoded, _document_of)
    broken = _broken_promise(estimator)
    if broken is not None:
        raise ValueError(
            f"The model {broken}, so that no file of it could be loaded. Repair the tables, or "
            "take the direction back with set_params(monotonic_cst=...)."
        )
    params = estimator.get_params(deep=False)
    return {
        "estimator": name,
        "params": {key: _encoded("Parameter", key, value) for key, value in params.items()},
        "schema": estimator.schema_.to_json(),
        "model": model_to_json(estimator.additive_model_),
        "state": {
            key: _encoded("Attribute", key, getattr(estimator, key))
            for key in _other_state(type(estimator))
        },
        **_other_parts(estimator),
    }


def _check_own(estimator: Any) -> None:
    name = type(estimator).__name__
    if _class_called(name) is not type(estimator):
        raise TypeError(
            f"{name} is not an estimator of glassbox, and only those are saved as JSON; use "
            "pickle or joblib instead."
        )


def _versions() -> dict[str, dict[str, str]]:
    return {
        "versions": {
            "glassbox": glassbox.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
        }
    }


def load(path: str | os.PathLike, *, max_bytes: int = MAX_BYTES) -> BaseEstimator:
    """Load an estimator that :func:`save` wrote.

    No code from the file is run, whatever it holds: a file from a stranger can hold a wrong
    model, but nothing worse.

    Parameters
    ----------
    path : str or path
        The file.
    max_bytes : int, default=512 MiB
        Larger files are refused unread.

    Returns
    -------
    estimator
        Predicts bit for bit what the saved one predicts.

    Raises
    ------
    glassbox.core.storage.ModelFileError
        If the file is too large, truncated, edited, of another version, or contradicts itself;
        also if its tables and weights do not keep the directions that it declares. It is a
        ValueError.
    OSError
        If the file cannot be opened.
    """
    document = load_document(path, max_bytes=max_bytes)
    try:
        return _restored(document)
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be loaded: {error}") from error


def _class_called(name: Any) -> type | None:
    if type(name) is not str:
        return None
    if name in glassbox._FAIRNESS_HOME_OF:
        return getattr(import_module(glassbox._FAIRNESS_HOME_OF[name]), name)
    if name not in glassbox.__all__:
        return None
    kind = getattr(glassbox, name)
    return kind if isinstance(kind, type) and issubclass(kind, AdditiveEstimator) else None


def _other_state(kind: type[AdditiveEstimator]) -> list[str]:
    """Names from all base classes, as a classifier has those of its family and of classifiers."""
    return [name for name in names_of(kind, "_fitted_state_names") if name not in _OWN_FIELDS]


def _encoded(what: str, name: str, value: Any) -> Any:
    try:
        return encode_value(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{what} {name!r} cannot be saved: {error}. Use plain numbers, text, lists or arrays, "
            "or pickle."
        ) from error


def _restored(document: dict[str, Any], depth: int = 0) -> BaseEstimator:
    kind = _class_called(document.get("estimator"))
    if kind is None:
        raise ModelFileError(f"glassbox has no estimator {document.get('estimator')!r:.80}")
    if not issubclass(kind, AdditiveEstimator):
        versions = document.get("versions")
        _check_versions(versions)

        def inner(part: Any, depth: int) -> BaseEstimator:
            if type(part) is not dict or "versions" in part:
                raise ModelFileError("a fitted estimator is damaged")
            return _restored({**part, "versions": versions}, depth)

        return wrapper_from_json(document, kind, _class_called, inner, depth)
    fields = with_fields(document, (*_FIELDS, *kind._fitted_parts), "an estimator")
    estimator = kind(**_checked_params(fields["params"], kind))
    try:
        estimator._validate_params()
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"a parameter is invalid ({error})") from error
    try:
        schema = Schema.from_json(fields["schema"])
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"its schema is damaged ({error})") from error
    model = model_from_json(fields["model"])
    state = _checked_state(fields["state"], kind)
    parts = {
        name: None if fields[name] is None else from_json(fields[name])
        for name, (_, from_json) in kind._fitted_parts.items()
    }
    _check_versions(fields["versions"])
    _check_features(model.terms, schema)
    for part in parts.values():
        _check_part(part, model, schema)
    _check_importances(state["term_importances_"], model, parts)
    if is_classifier(estimator):
        _check_classes(state["classes_"], model)
    elif model.n_outputs != 1 or model.link not in ("identity", "log"):
        raise ModelFileError("a regression model has one output and an identity or log link")
    estimator.schema_ = schema
    estimator.additive_model_ = model
    for name, value in (state | parts).items():
        setattr(estimator, name, value)
    if schema.named:
        estimator.feature_names_in_ = np.array(schema.names, dtype=object)
    broken = _broken_promise(estimator)
    if broken is not None:
        raise ModelFileError(f"the model {broken}")
    return estimator


def _other_parts(estimator: AdditiveEstimator) -> dict[str, Any]:
    found = {}
    for name, (to_json, _) in estimator._fitted_parts.items():
        value = getattr(estimator, name)
        found[name] = None if value is None else to_json(value)
    return found


def _broken_promise(estimator: AdditiveEstimator) -> str | None:
    """What a model declares and does not keep, in words; None if it keeps all."""
    try:
        declared = estimator._declared_directions()
    except ValueError as error:
        return f"declares what it cannot ({error})"
    if not any(declared.values()):
        return None
    certificate = estimator.certificate()
    for row in certificate[certificate["declared"] != 0].itertuples():
        if row.holds is not True:
            verb = "rises" if row.declared > 0 else "falls"
            return f"declares that the score {verb} with {row.feature!r}, and that does not hold"
    return None


def _checked_params(document: Any, kind: type[AdditiveEstimator]) -> dict[str, Any]:
    if type(document) is not dict:
        raise ModelFileError("the parameters are not a mapping")
    unknown = sorted(set(document) - set(kind._get_param_names()))
    if unknown:
        raise ModelFileError(f"{kind.__name__} has no parameter {unknown[0]!r:.80}")
    return {name: decode_value(value) for name, value in document.items()}


def _checked_state(document: Any, kind: type[AdditiveEstimator]) -> dict[str, Any]:
    names = tuple(_other_state(kind))
    state = {n: decode_value(v) for n, v in with_fields(document, names, "the state").items()}
    for name, value in state.items():
        if type(value) not in _STATE_TYPES[name]:
            raise ModelFileError(f"attribute {name!r} has the type {type(value).__name__}")
    return state


def _check_versions(document: Any) -> None:
    if type(document) is not dict or not all(type(v) is str for v in document.values()):
        raise ModelFileError("the versions are damaged")


def _check_part(part: JointPart | None, model: AdditiveModel, schema: Schema) -> None:
    if part is None:
        return
    if model.n_outputs != 1:
        raise ModelFileError("a network stands beside a model of several outputs")
    _check_features((*part.network.directed, *part.network.others), schema)
    try:
        part.trunk(model)
    except ValueError as error:
        raise ModelFileError(str(error)) from error


def _check_features(terms: Sequence[Term], schema: Schema) -> None:
    columns: Mapping[str, ColumnSchema] = {column.name: column for column in schema.columns}
    for term in terms:
        for axis in term.axes:
            column = columns.get(axis.name)
            if column is None:
                raise ModelFileError(f"the model uses {axis.name!r}, which is not in its schema")
            if isinstance(axis, NumericAxis):
                agree = column.kind == "numeric"
            else:
                agree = column.kind == "categorical" and _typed(column.categories) == _typed(
                    axis.categories
                )
            if not agree:
                raise ModelFileError(f"model and schema contradict one another on {axis.name!r}")


def _typed(categories: tuple) -> list[tuple[type, Any]]:
    return [(type(category), category) for category in categories]


def _check_importances(
    importances: pd.Series, model: AdditiveModel, parts: Mapping[str, Any]
) -> None:
    with_joint = [*model.term_names, JOINT]
    if any(part is not None for part in parts.values()):
        known = [with_joint]
    else:
        known = [model.term_names, with_joint] if parts else [model.term_names]
    if list(importances.index) not in known or importances.dtype.kind != "f":
        raise ModelFileError("the importances do not belong to the terms of the model")


def _check_classes(classes: np.ndarray, model: AdditiveModel) -> None:
    n_classes = 2 if model.n_outputs == 1 else model.n_outputs
    link = "logit" if model.n_outputs == 1 else "softmax"
    if classes.shape != (n_classes,) or len(set(classes.tolist())) < n_classes:
        raise ModelFileError(f"{model.n_outputs} outputs do not fit the classes {classes!r:.80}")
    if model.link != link:
        raise ModelFileError(f"{n_classes} classes need the link {link!r}, not {model.link!r}")
