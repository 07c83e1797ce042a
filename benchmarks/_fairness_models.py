"""glassbox's fairness strategies behind one face: fitted, and asked for predictions on test rows.

The base of all of them is one spline GAM with eight knots a column.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks._fairness_tables import Part, Problem

N_KNOTS = 8
STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
MEASURES = ("mean", "dcov")


@dataclass(frozen=True)
class Prediction:
    """Of one model on the test rows.

    `at` is its strength or bound, `beside` the seconds that a path spent on figures of its own.
    """

    model: str
    values: np.ndarray
    at: float | None = None
    link_score: np.ndarray | None = None
    beside: float = 0.0


# From test rows to predictions.
AtTest = Callable[[Part], Iterator[Prediction]]


def gam():
    """The base of glassbox's strategies."""
    from glassbox import SplineGAMClassifier

    return SplineGAMClassifier(n_knots=N_KNOTS)


def _additive(name: str, build: Callable[[Problem], object], sensitive_is_input: bool):
    """A strategy that is one estimator."""

    def predict(problem: Problem, train: Part) -> AtTest:
        def table(part: Part) -> pd.DataFrame:
            return part.with_sensitive if sensitive_is_input else part.X

        model = build(problem).fit(table(train), train.y)

        def at_test(test: Part) -> Iterator[Prediction]:
            X = table(test)
            yield Prediction(
                name, model.predict_proba(X)[:, 1], link_score=model.decision_function(X)
            )

        return at_test

    return {name: predict}


def _remove(problem: Problem):
    from glassbox.fairness import SensitiveFeatureRemoverClassifier

    return SensitiveFeatureRemoverClassifier(gam(), sensitive=[problem.sensitive.name])


def _clean(problem: Problem, **options):
    from glassbox.fairness import TrainThenCleanClassifier

    return TrainThenCleanClassifier(gam(), sensitive=[problem.sensitive.name], **options)


def _blind(problem: Problem):
    from glassbox.fairness import TestTimeBlinderClassifier

    sensitive = [problem.sensitive.name]
    return TestTimeBlinderClassifier(gam(), sensitive=sensitive, scale="response")


def path_name(measure: str, blind: bool) -> str:
    return f"penalty {measure}, {'blind' if blind else 'with A'}"


# What penalty_path calls to describe its models, not to fit them.
_DESCRIBING = ("score_rows", "quality", "standing", "correlation")


@contextmanager
def clocked(module, names: tuple[str, ...]) -> Iterator[list[float]]:
    """Processor seconds in functions of a module, so far."""
    spent = [0.0]

    def timed(function: Callable) -> Callable:
        def call(*args, **options):
            begin = time.process_time()
            try:
                return function(*args, **options)
            finally:
                spent[0] += time.process_time() - begin

        return call

    with ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(module, name, timed(getattr(module, name))))
        yield spent


def _path(measure: str, blind: bool):
    """One base fit and all strengths."""
    name = path_name(measure, blind)

    def predict(problem: Problem, train: Part) -> AtTest:
        from glassbox.fairness import path as module

        def table(part: Part) -> pd.DataFrame:
            return part.X if blind else part.with_sensitive

        given = train.sensitive if blind else None
        named = {} if blind else {"sensitive": [problem.sensitive.name]}
        # A quarter of the training rows again: no strength is chosen by them.
        some = slice(len(train.y) // 4)
        judged = (table(train)[some], train.y[some], *((given[some],) if blind else ()))
        with clocked(module, _DESCRIBING) as beside:
            path = module.penalty_path(
                gam(),
                table(train),
                train.y,
                given,
                STRENGTHS,
                validation=judged,
                measure=measure,
                n_bootstrap=0,
                **named,
            )

        def at_test(test: Part) -> Iterator[Prediction]:
            X = table(test)
            for model in path.models:
                values, scores = model.predict_proba(X)[:, 1], model.decision_function(X)
                yield Prediction(name, values, model.strength, scores, beside[0])

        return at_test

    return {name: predict}


OURS: dict[str, Callable[[Problem, Part], AtTest]] = {
    **_additive("none, with A", lambda problem: gam(), True),
    **_additive("remove", _remove, True),
    **_additive("clean", _clean, True),
    **_additive("clean, proxies too", lambda problem: _clean(problem, proxies="all"), True),
    **_additive("blind at test", _blind, True),
    **{k: v for blind in (True, False) for m in MEASURES for k, v in _path(m, blind).items()},
}
