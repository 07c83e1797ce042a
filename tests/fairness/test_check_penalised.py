"""scikit-learn's own checks of dependence-penalised fitting, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.fairness import DependencePenalizedClassifier, DependencePenalizedRegressor


def classifier():
    return SplineGAMClassifier(n_knots=4, lam=1.0)


def regressor():
    return SplineGAMRegressor(n_knots=4, lam=1.0)


@parametrize_with_checks(
    [
        DependencePenalizedClassifier(classifier(), sensitive=[0]),
        DependencePenalizedRegressor(regressor(), sensitive=[0]),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [DependencePenalizedRegressor(regressor(), sensitive=[0], measure="dcov", strength=0.01)]
)
def test_scikit_learn_checks_of_a_measure(estimator, check):
    pytest.importorskip("torch")
    check(estimator)
