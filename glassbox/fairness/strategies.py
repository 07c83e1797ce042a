"""Strategies: remove, train-then-clean, and blind at test time."""

from glassbox.fairness._blinder import TestTimeBlinderClassifier, TestTimeBlinderRegressor
from glassbox.fairness._cleaner import TrainThenCleanClassifier, TrainThenCleanRegressor
from glassbox.fairness._remover import (
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
