"""Blind at test time: the model keeps the sensitive columns, predictions do not see them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from glassbox.core.links import get_link
from glassbox.fairness._strategies.blinding import TestTimeBlinder
from glassbox.fairness._strategies.wrapper import FairClassifier, FairRegressor

# Probabilities that round to 0 or 1 have no finite log-odds.
_LEAST, _MOST = np.finfo(float).tiny, 1 - np.finfo(float).eps / 2


class TestTimeBlinderClassifier(FairClassifier, TestTimeBlinder):
    """A classifier that is fitted with the sensitive columns, and predicts without seeing them.

    The model stays as it is, so that the effect of the sensitive columns is in their own terms
    and not in those of their proxies. A prediction is the average over what the model says with
    the sensitive columns set to one combination of values after the other; it is the same
    whatever these columns hold.

    Parameters
    ----------
    estimator : classifier
        One of glassbox's additive estimators, whose averages are exact, or any other with
        ``predict_proba``.
    sensitive : list of str or int
        Columns of X that predictions must not see.
    how : {"marginal", "reference", "missing", "conditional"}, default="marginal"
        Which values the sensitive columns are set to. "marginal": all combinations that the
        training table has, weighted by how often. "reference": one value each, see `reference`.
        "missing": none, which the model must have learned to read. "conditional": as "marginal",
        weighted by how likely a group is given the other columns; that brings their proxies back,
        and is a diagnostic only.
    scale : {"link", "response"}, default="link"
        What is averaged: scores, so that the result is an additive model again, or probabilities,
        so that it is calibrated where the model is. With a single combination both are the same.
        Other packages' estimators need "response".
    reference : dict of str to value, optional
        For how="reference", by column. The others get their median (numbers) or most frequent
        category.
    n_draws : int, default=200
        For estimators of other packages: combinations drawn by chance, if the training table has
        more of them.
    random_state : int, RandomState or None, default=None
        Which are drawn, once, in ``fit``.

    Attributes
    ----------
    sighted_estimator_ : classifier
        The fitted model, which sees everything.
    estimator_ : classifier
        What predicts. Averages of scores of tables are tables, and it is the additive estimator
        that has them; otherwise it is the sighted model.
    support_ : DataFrame or None
        Combinations that are averaged for every prediction, with their weights.
    weights_estimators_ : list of SplineGAMClassifier
        For how="conditional": one for each sensitive column, predicting its groups from the
        columns that are not sensitive.
    n_drawn_ : int
        How many combinations were drawn; 0 if all are averaged.
    sensitive_names_ : list of str
    n_features_in_, feature_names_in_
        Of the table given to ``fit``; later tables may lack the sensitive columns.

    Notes
    -----
    Without interactions of the sensitive columns, all but the conditional version on the link
    scale rank rows as :class:`TrainThenCleanClassifier` does; they differ by constants.

    The sum over combinations is exact for tables. Above 2,000 combinations (which numbers can
    have), averages of probabilities run over the middle ones of 2,000 parts of equal weight,
    sorted by what they add to the score; averages of scores have no limit. For
    how="conditional", amounts are cut into five groups of equal weight, and inside a group
    values have the weights of the training table; several sensitive columns are predicted one by
    one, and each changes the weights of combinations as if the others were known.

    Additive estimators with ``scale="link"`` (or one combination) keep their tables:
    ``contributions``, ``shape_function``, ``certificate`` and plots show the blind model.

    References
    ----------
    Pope & Sydnor (2011), "Implementing anti-discrimination policies in statistical profiling
    models", American Economic Journal: Economic Policy 3(3):206-231.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from glassbox import SplineGAMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"bun": rng.normal(20, 5, 200), "race": rng.choice(["a", "b"], 200)})
    >>> y = rng.random(200) < 0.3 + 0.3 * (X["race"] == "a")
    >>> est = TestTimeBlinderClassifier(
    ...     SplineGAMClassifier(), sensitive=["race"], scale="response"
    ... ).fit(X, y)
    >>> other = X.assign(race=np.where(X["race"] == "a", "b", "a"))
    >>> bool(np.all(est.predict_proba(X) == est.predict_proba(other)))
    True
    """

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores; those of averaged probabilities are their link.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        if self.support_ is None:
            return self.estimator_.decision_function(self._as_read(X))
        found = self._average(X).mean
        if self._link() is None:
            binary = found.shape[1] == 2
            found, link = (found[:, 1:], "logit") if binary else (found, "softmax")
            found = get_link(link).link(np.clip(found, _LEAST, _MOST))
        elif self.scale == "response":
            found = self._link().link(np.clip(found, _LEAST, _MOST))
        return found[:, 0] if found.shape[1] == 1 else found

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        if self.support_ is None:
            return self.estimator_.predict_proba(self._as_read(X))
        means = self._means(X)
        return means if means.shape[1] > 1 else np.column_stack([1.0 - means, means])

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        if self.support_ is None:
            return self.estimator_.predict(self._as_read(X))
        scores = self.decision_function(X)
        winner = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[winner]


class TestTimeBlinderRegressor(FairRegressor, TestTimeBlinder):
    """A regressor that is fitted with the sensitive columns, and predicts without seeing them.

    Parameters, attributes and notes are those of :class:`TestTimeBlinderClassifier`.

    Parameters
    ----------
    estimator : regressor
        One of glassbox's additive estimators, whose averages are exact, or any other.
    scale : {"link", "response"}, default="link"
        What is averaged: scores, or means of the outcome. The two differ for losses with a log
        link. Of other packages' estimators, predictions are averaged on either scale.
    sensitive, how, reference, n_draws, random_state
        As for the classifier.

    Attributes
    ----------
    sighted_estimator_, estimator_, support_, weights_estimators_, n_drawn_, sensitive_names_, \
n_features_in_, feature_names_in_
        As for the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> a = np.tile([0.0, 0.0, 1.0], 40)
    >>> X = np.column_stack([np.arange(120.0), a])
    >>> est = TestTimeBlinderRegressor(LinearRegression(), sensitive=[1]).fit(X, X[:, 0] + 3 * a)
    >>> est.predict(np.array([[5.0, 0.0], [5.0, 1.0]])).round(6)
    array([6., 6.])
    """

    def predict(self, X: Any) -> np.ndarray:
        """Mean of the outcome.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A table with names may lack the sensitive columns.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        if self.support_ is None:
            return self.estimator_.predict(self._as_read(X))
        return self._means(X)[:, 0]
