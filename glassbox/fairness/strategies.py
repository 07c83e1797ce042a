"""Strategies: remove, train-then-clean, and blind at test time."""

from glassbox.fairness._strategies.blinder import (
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
)
from glassbox.fairness._strategies.cleaner import TrainThenCleanClassifier, TrainThenCleanRegressor
from glassbox.fairness._strategies.remover import (
    SensitiveFeatureRemoverClassifier,
    SensitiveFeatureRemoverRegressor,
)

__all__ = [
    "SensitiveFeatureRemoverClassifier",
    "SensitiveFeatureRemoverRegressor",
    "TestTimeBlinderClassifier",
    "TestTimeBlinderRegressor",
    "TrainThenCleanClassifier",
    "TrainThenCleanRegressor",
]
