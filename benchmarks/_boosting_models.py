"""Boosted GAMs that are compared: two engines of glassbox's, interpret itself, and trees."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

GRAM, ENGINE, ITSELF = "gram", "interpret engine", "interpret itself"
BOOSTED = (GRAM, ENGINE, ITSELF)
TREES = ("LightGBM", "XGBoost")

N_JOBS = 2

_LEARNING_RATE = 0.05
_MOST_TREES = 10_000
_ROUNDS_WITHOUT_GAIN = 50
_HELD_OUT = 0.15


@dataclass(frozen=True)
class Wanted:
    """What is asked of every method alike.

    Attributes
    ----------
    task : {"classification", "regression"}
    bags, pairs, seed : int
    settings : dict
        Parameters that glassbox and interpret share, if not their defaults.
    """

    task: str
    bags: int
    pairs: int
    seed: int
    settings: dict


def make_model(method: str, wanted: Wanted, draws_seed: int):
    """A model in scikit-learn's manner.

    Parameters
    ----------
    method : str
    wanted : Wanted
    draws_seed : int
        The seed with which glassbox draws its bags.
    """
    if method in TREES:
        return OneFeatureTrees(method, wanted, draws_seed)
    which = wanted.task == "regression"
    common = {"interactions": wanted.pairs, "n_jobs": N_JOBS, **wanted.settings}
    if method == ITSELF:
        from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

        families = ExplainableBoostingClassifier, ExplainableBoostingRegressor
        return families[which](outer_bags=wanted.bags, random_state=draws_seed, **common)
    from glassbox import BoostedGAMClassifier, BoostedGAMRegressor

    engine = "gram" if method == GRAM else "interpret"
    family = (BoostedGAMClassifier, BoostedGAMRegressor)[which]
    return family(engine=engine, n_bags=wanted.bags, random_state=wanted.seed, **common)


class OneFeatureTrees:
    """Boosted trees, each on one feature: a GAM; the mean score of several bags.

    Bags hold the same rows out as glassbox's, and stop early on them. Each is boosted by two
    threads, one bag after another.

    Parameters
    ----------
    package : {"LightGBM", "XGBoost"}
    wanted : Wanted
    draws_seed : int
    """

    def __init__(self, package: str, wanted: Wanted, draws_seed: int):
        if wanted.pairs:
            raise ValueError(
                f"{package} with one feature a tree has no pairs, but pairs={wanted.pairs}."
            )
        self._package = package
        self._wanted = wanted
        self._draws_seed = draws_seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> OneFeatureTrees:
        from glassbox.solvers._boosting.draws import draw_bags

        classes = y if self._wanted.task == "classification" else None
        n_held_out = max(1, int(_HELD_OUT * len(y)))
        draws = draw_bags(classes, len(y), n_held_out, self._wanted.bags, self._draws_seed)
        X = _numbered(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.models_ = [self._boost(X, y, kept == 1) for kept in draws.T]
        return self

    def _boost(self, X: pd.DataFrame, y: np.ndarray, kept: np.ndarray):
        most = self._wanted.settings.get("max_rounds", _MOST_TREES)
        common = {
            "n_estimators": most,
            "learning_rate": _LEARNING_RATE,
            "n_jobs": N_JOBS,
            "random_state": self._wanted.seed,
        }
        held_out = [(X[~kept], y[~kept])]
        which = self._wanted.task == "regression"
        if self._package == "LightGBM":
            from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping

            model = (LGBMClassifier, LGBMRegressor)[which](
                num_leaves=4,
                interaction_constraints=[[j] for j in range(X.shape[1])],
                verbose=-1,
                **common,
            )
            stop = early_stopping(_ROUNDS_WITHOUT_GAIN, verbose=False)
            return model.fit(X[kept], y[kept], eval_set=held_out, callbacks=[stop])
        from xgboost import XGBClassifier, XGBRegressor

        model = (XGBClassifier, XGBRegressor)[which](
            max_depth=2,
            interaction_constraints=[[name] for name in X],
            enable_categorical=True,
            early_stopping_rounds=_ROUNDS_WITHOUT_GAIN,
            verbosity=0,
            **common,
        )
        return model.fit(X[kept], y[kept], eval_set=held_out, verbose=False)

    def scores(self, X: pd.DataFrame) -> np.ndarray:
        """Mean score of the bags: log-odds of class 1, or the predicted number."""
        X = _numbered(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = {"raw_score": True} if self._package == "LightGBM" else {"output_margin": True}
            return np.mean([model.predict(X, **raw) for model in self.models_], axis=0)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        ones = expit(self.scores(X))
        return np.column_stack([1 - ones, ones])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.scores(X)


def _numbered(X: pd.DataFrame) -> pd.DataFrame:
    # Some names that columns have are no names to LightGBM or XGBoost.
    return X.set_axis([f"x{j}" for j in range(X.shape[1])], axis=1)
