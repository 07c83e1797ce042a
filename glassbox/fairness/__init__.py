"""Fairness: what a model's predictions owe to sensitive features, and what to do about it."""

from glassbox.fairness._audit.decomposition import decompose_gap
from glassbox.fairness.audit import Audit, audit
from glassbox.fairness.comparison import StrategyComparison, compare_strategies
from glassbox.fairness.dependence import dependence
from glassbox.fairness.path import PenaltyPath, penalty_path
from glassbox.fairness.penalties import (
    DependencePenalizedClassifier,
    DependencePenalizedRegressor,
)
from glassbox.fairness.strategies import (
    SensitiveFeatureRemoverClassifier,
    SensitiveFeatureRemoverRegressor,
    TestTimeBlinderClassifier,
    TestTimeBlinderRegressor,
    TrainThenCleanClassifier,
    TrainThenCleanRegressor,
)

__all__ = [
    "Audit",
    "DependencePenalizedClassifier",
    "DependencePenalizedRegressor",
    "PenaltyPath",
    "SensitiveFeatureRemoverClassifier",
    "SensitiveFeatureRemoverRegressor",
    "StrategyComparison",
    "TestTimeBlinderClassifier",
    "TestTimeBlinderRegressor",
    "TrainThenCleanClassifier",
    "TrainThenCleanRegressor",
    "audit",
    "compare_strategies",
    "decompose_gap",
    "dependence",
    "penalty_path",
]
