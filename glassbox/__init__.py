"""glassbox: models that are transparent by design, for clinical tables."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Estimators are loaded when they are first used, so that `import glassbox` stays light.
_HOME_OF = {
    "BoostedGAMClassifier": "glassbox.estimators.boosted",
    "BoostedGAMRegressor": "glassbox.estimators.boosted",
    "MonotonicNetClassifier": "glassbox.estimators.monotonic",
    "MonotonicNetRegressor": "glassbox.estimators.monotonic",
    "NAMClassifier": "glassbox.estimators.neural",
    "NAMRegressor": "glassbox.estimators.neural",
    "SplineGAMClassifier": "glassbox.estimators.spline",
    "SplineGAMRegressor": "glassbox.estimators.spline",
    "save": "glassbox.estimators.persistence",
    "load": "glassbox.estimators.persistence",
}

# Known to `save` and `load`; their public home is glassbox.fairness.
_FAIRNESS_HOME_OF = {
    "DependencePenalizedClassifier": "glassbox.fairness.penalties",
    "DependencePenalizedRegressor": "glassbox.fairness.penalties",
    "SensitiveFeatureRemoverClassifier": "glassbox.fairness.strategies",
    "SensitiveFeatureRemoverRegressor": "glassbox.fairness.strategies",
    "TestTimeBlinderClassifier": "glassbox.fairness.strategies",
    "TestTimeBlinderRegressor": "glassbox.fairness.strategies",
    "TrainThenCleanClassifier": "glassbox.fairness.strategies",
    "TrainThenCleanRegressor": "glassbox.fairness.strategies",
}

__all__ = [*_HOME_OF, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
