"""From a fitted estimator to panels: the only place that asks an estimator anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.dictionary import DataDictionary
from glassbox.core.network import JOINT
from glassbox.core.terms import PAIR_SEPARATOR, Term
from glassbox.plots._direction import Direction
from glassbox.plots._effects import MainEffect, PairEffect
from glassbox.plots._joint import has_joint
from glassbox.plots._labels import describe, zero_one_labels
from glassbox.plots._panels import MainPanel, PairPanel
from glassbox.plots._support import Support, support_of
from glassbox.plots._zero import find_zero

NO_BAND = "no band"


@dataclass(frozen=True, eq=False)
class ModelFacts:
    """What displays need to know of a model beside its shapes.

    Attributes
    ----------
    link : str
    intercept : ndarray of shape (n_outputs,)
    outputs : tuple
        Labels of the scores; (None,) if there is one.
    outcome : str or None
        What a single score is the log-odds of.
    band_description : str
    additivity : float or None
        Share of the score's variance that the tables hold; None where they are the whole model.
    """

    link: str
    intercept: np.ndarray
    outputs: tuple
    outcome: str | None
    band_description: str
    additivity: float | None = None


def facts_of(est: Any) -> ModelFacts:
    """Read the facts of a fitted estimator."""
    check_is_fitted(est)
    model = est.additive_model_
    classes = getattr(est, "classes_", None)
    outputs, outcome = (None,), None
    if classes is not None:
        classes = list(np.asarray(classes).tolist())
        if model.n_outputs > 1:
            outputs = tuple(classes)
        elif isinstance(classes[-1], str):
            outcome = classes[-1]
    description = getattr(est, "band_description_", NO_BAND)
    additivity = getattr(est, "additivity_", None)
    return ModelFacts(model.link, model.intercept, outputs, outcome, description, additivity)


def chosen_terms(est: Any, features: Any) -> list[str]:
    """Names of the terms to draw.

    Parameters
    ----------
    est : estimator
    features : None, str, int, pair of str, or iterable of these
        None: all main effects, the most important first.

    Raises
    ------
    ValueError
        For an unknown name or position, naming the known ones; for a part without a table.
    """
    names = list(est.term_names_)
    if features is None:
        mains = [t.name for t in est.additive_model_.terms if len(t.axes) == 1]
        importances = est.term_importances_
        if not mains:
            raise ValueError(
                "The model has no main effects to draw; name pairs in `features`. Its terms are "
                f"{_listed(names)}."
            )
        return sorted(mains, key=lambda name: -importances[name])
    if isinstance(features, str | int | np.integer) or _is_pair(features, names):
        features = [features]
    if not isinstance(features, Iterable):
        raise TypeError(f"features must be names, pairs of names or positions, got {features!r}.")
    features = list(features)
    _refuse_joint(est, features, names)
    chosen = [_term_name(feature, names) for feature in features]
    if not chosen:
        raise ValueError("features is empty; name at least one term, or pass None for all.")
    return chosen


def _is_pair(features: Any, names: list[str]) -> bool:
    """A tuple of two features means their pair; a list of two means two terms."""
    return (
        isinstance(features, tuple)
        and len(features) == 2
        and all(isinstance(f, str) for f in features)
        and _pair_name(features, names) is not None
    )


def _pair_name(pair: tuple[str, str], names: list[str]) -> str | None:
    return next(
        (n for n in (PAIR_SEPARATOR.join(pair), PAIR_SEPARATOR.join(pair[::-1])) if n in names),
        None,
    )


def _term_name(feature: Any, names: list[str]) -> str:
    found = None
    if isinstance(feature, int | np.integer) and not isinstance(feature, bool):
        if -len(names) <= feature < len(names):
            found = names[feature]
    elif isinstance(feature, str):
        found = feature if feature in names else None
        if found is None and PAIR_SEPARATOR in feature:
            found = _pair_name(tuple(feature.split(PAIR_SEPARATOR, 1)), names)
    elif len(feature) == 2:
        found = _pair_name(tuple(feature), names)
    if found is None:
        raise ValueError(f"There is no term {feature!r}; the terms are {_listed(names)}.")
    return found


def _listed(names: list[str]) -> str:
    return (", ".join(names[:40]) + (", ..." if len(names) > 40 else "")) or "none"


def _refuse_joint(est: Any, features: list, names: list[str]) -> None:
    asked = any(isinstance(feature, str) and feature == JOINT for feature in features)
    if asked and JOINT not in names and has_joint(est):
        raise ValueError(
            f"{JOINT!r} is the network part of the model, which works on several features at "
            "once and has no shape function of its own. Leave it out of `features`; "
            "ContributionDisplay shows what it adds for one patient, and `additivity_` how much "
            "of the score is in the tables."
        )


def declared_directions(est: Any) -> dict[str, int]:
    """Directions that the estimator was told, by feature."""
    given = getattr(est, "monotonic_cst", None)
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {name: int(direction) for name, direction in given.items()}
    schema = getattr(est, "schema_", None)
    names = schema.names if schema is not None else est.feature_names_in_
    return {name: int(direction) for name, direction in zip(names, given, strict=True)}


def directions_of(
    est: Any, given: Mapping[str, int] | None, features: Iterable[str]
) -> dict[str, Direction]:
    """Directions of features, with what is certified about them.

    The estimator certifies what was declared to it. Other directions are read off the tables,
    if these are the whole model and it has one score; otherwise nothing is known about them.

    Parameters
    ----------
    est : estimator
    given : mapping of str to {-1, 0, 1}, optional
        Instead of those declared to the estimator.
    features : iterable of str

    Raises
    ------
    ValueError
        If a direction is none of -1, 0 and 1, or given for a feature without order.
    """
    declared = declared_directions(est)
    wanted = declared if given is None else given
    signs = {name: _sign(name, wanted[name]) for name in features if wanted.get(name, 0)}
    found = {name: Direction(sign) for name, sign in signs.items()}
    if not signs or est.additive_model_.n_outputs != 1:
        return found
    own = {name for name, sign in signs.items() if declared.get(name) == sign}
    tables = []
    if own and hasattr(est, "certificate"):
        tables.append(est.certificate())
    others = {name: sign for name, sign in signs.items() if name not in own}
    if others and not has_joint(est):
        tables.append(monotonicity_certificate(est.additive_model_, others))
    for table in tables:
        for row in table.to_dict("records"):
            name = row["feature"]
            if name in signs and int(row["declared"]) == signs[name]:
                found[name] = Direction.from_certificate(row)
    return found


def _sign(name: str, given: Any) -> int:
    if isinstance(given, bool) or given not in (-1, 0, 1):
        raise ValueError(
            f"directions: that of feature {name!r} must be -1 (falling), 0 or 1 (rising), got "
            f"{given!r}."
        )
    return int(given)


def output_position(output: Any, outputs: tuple) -> int:
    """Number of a class among the outputs.

    Raises
    ------
    ValueError
        If there is no such class, or only one score.
    """
    if outputs == (None,):
        raise ValueError(f"output={output!r} makes no sense: this model has a single score.")
    if output not in outputs:
        known = ", ".join(map(repr, outputs))
        raise ValueError(f"There is no output {output!r}; the outputs are {known}.")
    return outputs.index(output)


def main_effect(est: Any, term: str, dictionary: DataDictionary | None) -> MainEffect:
    """The exact function of a main effect, all outputs."""
    effect = MainEffect.from_frame(est.shape_function(term))
    if effect.is_zero_one:
        return effect.as_points(zero_one_labels(describe(dictionary, term)))
    return effect


def main_panel(
    est: Any,
    term: str,
    dictionary: DataDictionary | None,
    reference: Any,
    direction: Direction,
    original: Any,
    output: Any = None,
) -> MainPanel:
    """Everything about one feature; `output` None means all classes."""
    effect = main_effect(est, term, dictionary)
    entry = describe(dictionary, term)
    support = None if effect.categorical else _support(est, effect)
    before = None if original is None else _original_effect(original, term, dictionary, effect)
    zero = find_zero(effect, reference, entry, _average(est.additive_model_[term]))
    drawn = tuple(range(len(effect.outputs)))
    if output is not None:
        drawn = (output_position(output, effect.outputs),)
    return MainPanel(effect, support, entry, zero, drawn, direction, before)


def _original_effect(
    original: Any, term: str, dictionary: DataDictionary | None, effect: MainEffect
) -> MainEffect:
    if term not in original.term_names_:
        raise ValueError(
            f"The original model has no term {term!r}; leave the term out of `features`."
        )
    before = main_effect(original, term, dictionary)
    if before.categorical != effect.categorical or before.outputs != effect.outputs:
        raise ValueError(f"Term {term!r} of the original model is of another type.")
    return before


def _support(est: Any, effect: MainEffect) -> Support:
    term = est.additive_model_[effect.name]
    return support_of(effect, float(term.density[: term.axes[0].n_values].sum()))


def _average(term: Term) -> np.ndarray:
    """Mean of a main effect over the training data, shape (n_outputs,)."""
    total = term.density.sum()
    nothing = np.zeros(term.n_outputs)
    return term.density @ term.coefficients / total if total > 0 else nothing


def pair_panel(
    est: Any,
    term: str,
    dictionary: DataDictionary | None,
    output: Any,
    outputs: tuple,
    directions: Mapping[str, Direction],
) -> PairPanel:
    """Everything about one pair, for one output."""
    frame = est.shape_function(term)
    position = 0
    if outputs != (None,):
        if output is None:
            known = ", ".join(map(repr, outputs))
            raise ValueError(
                f"Pair {term!r} shows one class at a time; choose output from {known}."
            )
        position = output_position(output, outputs)
        attrs, frame = frame.attrs, frame[frame["output"] == output].copy()
        frame.attrs = attrs
    effect = PairEffect.from_frame(frame)
    entries = tuple(describe(dictionary, axis.name) for axis in effect.axes)
    supports = tuple(_support_in_pair(est, effect, a) for a in range(2))
    arrows = tuple(directions.get(axis.name, Direction()) for axis in effect.axes)
    return PairPanel(effect, entries, supports, position, arrows)


def _support_in_pair(est: Any, effect: PairEffect, a: int) -> Support | None:
    """From the feature's main effect, which has finer cells, or else from the pair itself."""
    axis = effect.axes[a]
    if axis.categorical:
        return None
    if axis.name in est.term_names_:
        return _support(est, MainEffect.from_frame(est.shape_function(axis.name)))
    counts = np.maximum(effect.weight.sum(axis=1 - a)[:-1], 0.0)
    return Support(axis.edges(), counts, whole_cells=axis.is_steps)
