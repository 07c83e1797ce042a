"""fairlearn's mitigations behind the same face.

Their base is a logistic regression on splines with as many knots as glassbox's. They need groups:
amounts are halved at their median on the training rows. The weighted probabilities of a mixture
are the mean of those of its models, which fairlearn itself does not offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks._fairness_models import N_KNOTS, OURS, AtTest, Prediction, gam
from benchmarks._fairness_tables import Part, Problem

# Largest difference of the shares of predicted events that a reduction allows.
BOUNDS = (0.02, 0.05, 0.1)


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
