"""Fairness strategies behind one face: what each predicts on test rows, and its seconds.

The base of all of glassbox's is one spline GAM with eight knots a column, and that of fairlearn's
a logistic regression on splines with as many. fairlearn's mitigations need groups: amounts are
halved at their median on the training rows. Its weighted probabilities are the mean of those of
the models of a mixture, which fairlearn itself does not offer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks._common import one_thread, stopwatch
from benchmarks._fairness_tables import Part, Problem, figures

N_KNOTS = 8
STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
# Largest difference of the shares of predicted events that a reduction allows.
BOUNDS = (0.02, 0.05, 0.1)
MEASURES = ("mean", "dcov")


@dataclass(frozen=True)
class Prediction:
    """Of one model on the test rows; `at` is its strength or bound."""

    model: str
    values: np.ndarray
    at: float | None = None
    link_score: np.ndarray | None = None


def measured(strategy: str, problem: Problem, split: int) -> list[dict]:
    """Rows of a result file: the models that one strategy gives on one split."""
    train, test = problem.parts(split)
    place = {"table": problem.name, "strategy": strategy, "split": split}
    try:
        with warnings.catch_warnings(), one_thread():
            warnings.simplefilter("ignore")
            predict = STRATEGIES[strategy]
            with stopwatch() as seconds:
                at_test = predict(problem, train)
            predictions = list(at_test(test))
    except Exception as failure:  # a model that fails is a result, not an end
        said = f"{type(failure).__name__}: {failure}"[:300]
        return [{**place, "model": strategy, "at": None, "failure": said}]
    return [
        {
            **place,
            "model": one.model,
            "at": one.at,
            **figures(one.values, test, one.link_score),
            "seconds": seconds["cpu"],
            "wall_seconds": seconds["wall"],
        }
        for one in predictions
    ]


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


def _path(measure: str, blind: bool):
    """All strengths, the base fit and figures on the training and the test rows included."""
    name = path_name(measure, blind)

    def predict(problem: Problem, train: Part) -> AtTest:
        from glassbox.fairness import penalty_path

        def table(part: Part) -> pd.DataFrame:
            return part.X if blind else part.with_sensitive

        given = train.sensitive if blind else None
        named = {} if blind else {"sensitive": [problem.sensitive.name]}
        # Training rows again: no strength is chosen, and test rows are left for the figures.
        judged = (table(train), train.y, *((given,) if blind else ()))
        path = penalty_path(
            gam(),
            table(train),
            train.y,
            given,
            STRENGTHS,
            validation=judged,
            measure=measure,
            **named,
        )

        def at_test(test: Part) -> Iterator[Prediction]:
            X = table(test)
            for model in path.models:
                values, scores = model.predict_proba(X)[:, 1], model.decision_function(X)
                yield Prediction(name, values, model.strength, scores)

        return at_test

    return {name: predict}


def numbers(*steps, drop: str | None = None):
    """Columns as fairlearn takes them: numbers, further changed or not, and indicators."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    amounts = make_column_selector(dtype_include=np.number)
    groups = make_column_selector(dtype_exclude=np.number)
    one_hot = OneHotEncoder(drop=drop, handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), *steps), amounts),
        (MissingIndicator(error_on_new=False), amounts),
        (one_hot, groups),
    )


def spline_columns():
    """fairlearn's side of the basis."""
    from sklearn.preprocessing import SplineTransformer

    return numbers(SplineTransformer(N_KNOTS))


def _logistic():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2_000)


def _unmitigated(problem: Problem, train: Part) -> AtTest:
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(spline_columns(), _logistic()).fit(train.X, train.y)

    def at_test(test: Part) -> Iterator[Prediction]:
        yield Prediction("logistic, remove", model.predict_proba(test.X)[:, 1])

    return at_test


def _exponentiated_gradient(bound: float):
    def predict(problem: Problem, train: Part) -> AtTest:
        from fairlearn.reductions import DemographicParity, ExponentiatedGradient

        basis = spline_columns().fit(train.X)
        model = ExponentiatedGradient(_logistic(), DemographicParity(difference_bound=bound))
        model.fit(basis.transform(train.X), train.y, sensitive_features=train.groups)

        def at_test(test: Part) -> Iterator[Prediction]:
            columns = basis.transform(test.X)
            drawn = model.predict(columns, random_state=0)
            yield Prediction("exponentiated gradient, drawn", drawn, bound)
            mixture = np.clip(np.asarray(model._pmf_predict(columns))[:, 1], 0, 1)
            yield Prediction("exponentiated gradient, mixture", mixture, bound)
            used = model.weights_[model.weights_ > 0]
            weighted = sum(
                weight * _of_events(model.predictors_[i], columns) for i, weight in used.items()
            )
            # Weights sum to one but for rounding.
            weighted = np.clip(weighted, 0, 1)
            yield Prediction("exponentiated gradient, weighted", weighted, bound)

        return at_test

    return {f"exponentiated gradient, ε = {bound:g}": predict}


def _of_events(model, columns: np.ndarray) -> np.ndarray:
    # Where the costs call for one class alone, fairlearn takes a constant in place of a model.
    found = model.predict_proba(columns) * (np.asarray(model.classes_) == 1)
    return found.sum(axis=1)


def _threshold_optimizer(constraints: str):
    name = f"ThresholdOptimizer, {constraints.replace('_', ' ')}"

    def predict(problem: Problem, train: Part) -> AtTest:
        from fairlearn.postprocessing import ThresholdOptimizer

        base = gam().fit(train.X, train.y)
        model = ThresholdOptimizer(
            estimator=base, constraints=constraints, prefit=True, predict_method="predict_proba"
        ).fit(train.X, train.y, sensitive_features=train.groups)

        def at_test(test: Part) -> Iterator[Prediction]:
            mixture = model._pmf_predict(test.X, sensitive_features=test.groups)
            yield Prediction(name, np.clip(np.asarray(mixture)[:, 1], 0, 1))

        return at_test

    return {name: predict}


def _correlation_remover(on_basis: bool):
    name = f"CorrelationRemover, {'logistic' if on_basis else 'GAM'}"

    def predict(problem: Problem, train: Part) -> AtTest:
        from fairlearn.preprocessing import CorrelationRemover

        coding = spline_columns() if on_basis else numbers(drop="first")
        coding.fit(train.X)
        levels = sorted(set(train.groups))

        def table(part: Part) -> np.ndarray:
            sensitive = part.sensitive.to_numpy()
            coded = sensitive if problem.is_amount else part.groups == levels[-1]
            return np.column_stack([coded.astype(float), coding.transform(part.X)])

        remover = CorrelationRemover(sensitive_feature_ids=[0]).fit(table(train))
        model = _logistic() if on_basis else gam()
        model.fit(remover.transform(table(train)), train.y)

        def at_test(test: Part) -> Iterator[Prediction]:
            columns = remover.transform(table(test))
            yield Prediction(name, model.predict_proba(columns)[:, 1])

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
PEERS: dict[str, Callable[[Problem, Part], AtTest]] = {
    "logistic, remove": _unmitigated,
    **{k: v for bound in BOUNDS for k, v in _exponentiated_gradient(bound).items()},
    **_threshold_optimizer("demographic_parity"),
    **_threshold_optimizer("equalized_odds"),
    **_correlation_remover(on_basis=False),
    **_correlation_remover(on_basis=True),
}
STRATEGIES = OURS | PEERS


NEED_FAIRLEARN = tuple(name for name in PEERS if name != "logistic, remove")
