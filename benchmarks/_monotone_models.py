"""Monotone models behind one face, with the same directions.

Boosters stop early on the same fifth of the training rows; interpret and glassbox's boosted GAM
set a fifth apart in each of their bags; neural models stop early on the rows that they set apart
themselves. Categories go to each model as they are, but for the linear one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks._common import load_networks, predict_for_scores
from benchmarks._monotone_tables import Problem
from benchmarks._peers import ScikitLearn, as_numbers

SHARE = 0.2
LEARNING_RATE, DEPTH, MAX_TREES, PATIENCE, MIN_ROWS = 0.05, 4, 2_000, 50, 10
MEMBERS = 5


@dataclass(frozen=True)
class Setting:
    """What a builder is told besides the problem."""

    n_pairs: int = 6
    threads: int = 1


def held_out(y: np.ndarray, task: str, seed: int) -> list[np.ndarray]:
    """Rows to fit on, and rows to stop early on."""
    strata = y if task == "classification" else None
    rows = np.arange(len(y))
    return train_test_split(rows, test_size=SHARE, stratify=strata, random_state=seed)


class Booster:
    """Boosted trees that stop early; several members, each with a fifth of its own, averaged."""

    def __init__(self, task: str, build: Callable, fit: Callable, members: int):
        self.task, self.build, self.fit_one, self.members = task, build, fit, members

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Booster:
        self.models = []
        for seed in range(self.members):
            train, stop = held_out(y, self.task, seed)
            model = self.build(seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.fit_one(model, X.iloc[train], y[train], X.iloc[stop], y[stop])
            self.models.append(model)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.mean([predict_for_scores(self.task, m, X) for m in self.models], axis=0)


def _of_task(problem: Problem, classifier: type, regressor: type) -> type:
    return classifier if problem.task == "classification" else regressor


def _xgboost(problem: Problem, setting: Setting, members: int = 1) -> Booster:
    from xgboost import XGBClassifier, XGBRegressor

    family = _of_task(problem, XGBClassifier, XGBRegressor)

    def build(seed: int):
        return family(
            n_estimators=MAX_TREES,
            learning_rate=LEARNING_RATE,
            max_depth=DEPTH,
            # In sums of the Hessian, at most a quarter for each row of 0/1 outcomes.
            min_child_weight=MIN_ROWS / (4 if problem.task == "classification" else 1),
            early_stopping_rounds=PATIENCE,
            enable_categorical=True,
            monotone_constraints=problem.directions,
            n_jobs=setting.threads,
            random_state=seed,
            verbosity=0,
        )

    def fit(model, X, y, X_stop, y_stop):
        model.fit(X, y, eval_set=[(X_stop, y_stop)], verbose=False)

    return Booster(problem.task, build, fit, members)


def _lightgbm(problem: Problem, setting: Setting, members: int = 1) -> Booster:
    from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping

    family = _of_task(problem, LGBMClassifier, LGBMRegressor)

    def build(seed: int):
        return family(
            n_estimators=MAX_TREES,
            learning_rate=LEARNING_RATE,
            max_depth=DEPTH,
            num_leaves=2**DEPTH,
            min_child_samples=MIN_ROWS,
            monotone_constraints_method="intermediate",
            n_jobs=setting.threads,
            random_state=seed,
            verbose=-1,
        )

    def fit(model, X, y, X_stop, y_stop):
        model.set_params(monotone_constraints=[problem.directions.get(name, 0) for name in X])
        stop = early_stopping(PATIENCE, verbose=False)
        model.fit(X, y, eval_set=[(X_stop, y_stop)], callbacks=[stop])

    return Booster(problem.task, build, fit, members)


def _histogram(problem: Problem, setting: Setting, members: int = 1) -> Booster:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    family = _of_task(problem, HistGradientBoostingClassifier, HistGradientBoostingRegressor)

    def build(seed: int):
        return family(
            max_iter=MAX_TREES,
            learning_rate=LEARNING_RATE,
            max_depth=DEPTH,
            max_leaf_nodes=2**DEPTH,
            min_samples_leaf=MIN_ROWS,
            early_stopping=True,
            n_iter_no_change=PATIENCE,
            tol=0.0,
            monotonic_cst=problem.directions,
            random_state=seed,
        )

    def fit(model, X, y, X_stop, y_stop):
        model.fit(X, y, X_val=X_stop, y_val=y_stop)

    return Booster(problem.task, build, fit, members)


class _Interpret(ScikitLearn):
    def __init__(self, problem: Problem, estimator):
        super().__init__(problem.task, estimator)
        self.directions = problem.directions

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> _Interpret:
        constraints = [self.directions.get(name, 0) for name in X]
        self.model.set_params(monotone_constraints=constraints)
        super().fit(X, y)
        return self


def _interpret(problem: Problem, setting: Setting, **settings) -> ScikitLearn:
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    family = _of_task(problem, ExplainableBoostingClassifier, ExplainableBoostingRegressor)
    model = family(validation_size=SHARE, n_jobs=setting.threads, random_state=0, **settings)
    return _Interpret(problem, model)


def _linear(problem: Problem, setting: Setting) -> ScikitLearn:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    classes = problem.task == "classification"
    model = LogisticRegression(max_iter=2_000) if classes else LinearRegression()
    return ScikitLearn(problem.task, model, as_numbers(impute=True))


def _boosted(problem: Problem, setting: Setting) -> ScikitLearn:
    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    family = _of_task(problem, BoostedGAMClassifier, BoostedGAMRegressor)
    model = family(
        monotonic_cst=problem.directions,
        validation_size=SHARE,
        n_jobs=setting.threads,
        random_state=0,
    )
    return ScikitLearn(problem.task, model)


N_BAGS = 20


def _nam(problem: Problem, setting: Setting, n_pairs: int = 0) -> ScikitLearn:
    from glassbox import NAMClassifier, NAMRegressor

    return _network(problem, _of_task(problem, NAMClassifier, NAMRegressor), interactions=n_pairs)


def _net(problem: Problem, setting: Setting, **settings) -> ScikitLearn:
    from glassbox import MonotonicNetClassifier, MonotonicNetRegressor

    family = _of_task(problem, MonotonicNetClassifier, MonotonicNetRegressor)
    return _network(problem, family, **settings)


def _network(problem: Problem, family: type, **settings) -> ScikitLearn:
    load_networks()
    model = family(
        monotonic_cst=problem.directions,
        n_bags=N_BAGS,
        device="cpu",
        random_state=0,
        **settings,
    )
    return ScikitLearn(problem.task, model)


_TREES = {"XGBoost": _xgboost, "LightGBM": _lightgbm, "HistGB": _histogram}
_EBMS = {
    "interpret, mains": lambda problem, setting: _interpret(problem, setting, interactions=0),
    # Its own choice of pairs, which leaves constrained columns out.
    "interpret, pairs of free columns": _interpret,
}
PEERS: dict[str, Callable[[Problem, Setting], object]] = {
    "linear, unconstrained": _linear,
    **_TREES,
    **{
        f"{name}, {MEMBERS} members": (
            lambda problem, setting, build=build: build(problem, setting, members=MEMBERS)
        )
        for name, build in _TREES.items()
    },
    **_EBMS,
}
OURS: dict[str, Callable[[Problem, Setting], object]] = {
    "glassbox boosted, mains": _boosted,
    "glassbox NAM, mains": _nam,
    "glassbox NAM, pairs": lambda problem, setting: _nam(problem, setting, setting.n_pairs),
    "glassbox MonotonicNet, no residual": lambda problem, setting: _net(
        problem, setting, residual=False
    ),
    "glassbox MonotonicNet": _net,
    "glassbox MonotonicNet, pairs": lambda problem, setting: _net(
        problem, setting, interactions=setting.n_pairs
    ),
}
MODELS = PEERS | OURS
# Whom glassbox's models are compared with: the best of them on a table, by the mean.
RIVALS = {
    "best booster": (*_TREES, *_EBMS),
    f"best booster, trees of {MEMBERS} members": (
        *(f"{name}, {MEMBERS} members" for name in _TREES),
        *_EBMS,
    ),
}


def unusable(models: list[str], problem: Problem, setting: Setting) -> dict[str, str]:
    """Why models cannot be built here, by name; nothing is fitted."""
    reasons = {}
    for name in models:
        try:
            MODELS[name](problem, setting)
        except (ImportError, TypeError) as reason:
            reasons[name] = f"{type(reason).__name__}: {reason}"[:200]
    return reasons
