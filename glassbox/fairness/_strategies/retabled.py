"""A fitted additive estimator with other tables."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.density import term_importances
from glassbox.estimators.base import AdditiveEstimator


def with_tables(
    estimator: AdditiveEstimator,
    model: AdditiveModel,
    columns: Columns,
    weights: np.ndarray,
    said: str,
) -> AdditiveEstimator:
    """A copy of a fitted estimator that predicts from other tables.

    Parameters
    ----------
    estimator : AdditiveEstimator
    model : AdditiveModel
    columns : mapping of str to ndarray
        Typed columns of the training table.
    weights : ndarray of shape (n_rows,)
    said : str
        What is added to ``band_description_``.

    Returns
    -------
    AdditiveEstimator
        With the importances of the new terms, and what importances it had beyond tables.
    """
    importances = term_importances(model, columns, weights)
    before = estimator.term_importances_
    others = before.drop(estimator.additive_model_.term_names)
    changed = copy.copy(estimator)
    changed.additive_model_ = model
    changed.term_importances_ = pd.concat([importances, others]).astype(float)
    changed.term_importances_.name = before.name
    joint = getattr(estimator, "joint_", None)
    if joint is not None:
        changed.additivity_ = joint.additivity(model, columns, weights)
    changed.band_description_ = f"{estimator.band_description_}; {said}"
    return changed
