"""scikit-learn's own checks, around a spline GAM, with no expected failure."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from glassbox import SplineGAMClassifier, SplineGAMRegressor
from glassbox.fairness.strategies import (
    SensitiveFeatureRemoverClassifier,
    SensitiveFeatureRemoverRegressor,
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
    TrainThenCleanClassifier,
    TrainThenCleanRegressor,
)


def classifier():
    return SplineGAMClassifier(n_knots=4, lam=1.0)


def regressor():
    return SplineGAMRegressor(n_knots=4)


@parametrize_with_checks(
    [
        SensitiveFeatureRemoverClassifier(classifier(), sensitive=[0]),
        SensitiveFeatureRemoverRegressor(regressor(), sensitive=[0]),
        TrainThenCleanClassifier(classifier(), sensitive=[0]),
        TrainThenCleanRegressor(regressor(), sensitive=[0]),
        TestTimeBlinderClassifier(classifier(), sensitive=[0], scale="response"),
        TestTimeBlinderRegressor(regressor(), sensitive=[0]),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
