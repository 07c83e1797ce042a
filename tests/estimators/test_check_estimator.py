"""scikit-learn's own checks, with the default parameters and no expected failure."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from glassbox import (
    BoostedGAMClassifier,
    BoostedGAMRegressor,
    MonotonicNetClassifier,
    MonotonicNetRegressor,
    NAMClassifier,
    NAMRegressor,
    SplineGAMClassifier,
    SplineGAMRegressor,
)


@parametrize_with_checks(
    [
        BoostedGAMClassifier(),
        BoostedGAMRegressor(),
        MonotonicNetClassifier(),
        MonotonicNetRegressor(),
        NAMClassifier(),
        NAMRegressor(),
        SplineGAMClassifier(),
        SplineGAMRegressor(),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
