"""Dependence-penalised fitting of any additive model."""

from __future__ import annotations

from glassbox.fairness._penalties.penalized import DependencePenalized
from glassbox.fairness._strategies.wrapper import FairClassifier, FairRegressor


class DependencePenalizedClassifier(FairClassifier, DependencePenalized):
    """An additive classifier whose scores depend less on sensitive features.

    The estimator is fitted as it is. Then its tables are changed, smoothly and as little as
    possible in the units of its loss, so that the scores depend less on the sensitive features:
    minimised is the divergence from the original's predictions plus `strength` times a measure of
    dependence. The result is a model of the same kind: one table per term, all directions kept.

    Parameters
    ----------
    estimator : estimator of glassbox
        Boosted, spline or neural additive model, or monotonic net (whose tables change, and
        whose network does not).
    sensitive : list of str or int, optional
        Sensitive columns of X. Others are given to `fit` as `sensitive_features`.
    measure : {"mean", "dcov", "hsic", "hgr", "mmd"}, default="mean"
        What is penalised; all lie between 0 and 1. "mean": the share of the score's variance that
        the feature explains, which is zero if groups have the same mean (convex, and all of the
        others begin there). "dcov", "hsic", "hgr" and (groups only) "mmd" see every kind of
        dependence; they need torch: squared distance correlation, normalised Hilbert-Schmidt
        criterion, squared maximal correlation, maximum mean discrepancy. See
        :mod:`glassbox.nets.dependence`.
    strength : float, default=1.0
        Log-likelihood per row (in nats) that one unit of the measure costs; for regressors that is
        half the squared error over the variance of the scatter. 0 leaves the model as it is, 1e9
        is the most. Strengths of different measures do not compare.
    condition : {"outcome"} or None, default=None
        "outcome": penalise dependence within the classes of the outcome, as equalised odds does.
    group_weights : {"proportional", "equal"}, default="proportional"
        "equal": rare groups weigh as much as frequent ones.
    intersections : bool, default=False
        Penalise dependence on the intersections of every two sensitive features that are groups,
        too.
    use_sensitive : bool, default=True
        Whether the columns named in `sensitive` are inputs of the model. False leaves them out:
        predictions are then blind.
    smoothness : float, default=1.0
        Factor on the cost of changing a shape.

    Attributes
    ----------
    estimator_ : estimator
        With the changed tables; bands move along with them.
    dependence_ : DataFrame
        ``attribute``, ``measure``, ``before`` and ``after``, on the training rows.
    additive_model_, term_names_, term_importances_, ... :
        Of `estimator_`, as are ``contributions``, ``shape_function`` and ``certificate``.

    Notes
    -----
    The mean dependence is a quadratic form in the coefficients: with C the covariances of basis
    rows and whitened columns of the sensitive feature (indicators of groups, or a natural cubic
    spline of amounts), it is ``|C w|^2`` over the variance of the original's scores. Newton steps
    solve it, with a quadratic program each where directions are declared.

    Changes of a term are straight lines between at most 24 anchors (five along each axis of a
    pair) over its own coefficients, so that steps stay steps and curves stay curves. Divergence is
    the Kullback-Leibler divergence of the predicted outcomes: at strength 0 the original is its
    minimum, and noise of the outcomes is not learned twice.

    References
    ----------
    Perez-Suay et al. (2017), "Fair kernel learning", ECML PKDD. Szekely & Rizzo (2014), Annals of
    Statistics 42:2382-2412. Mary, Calauzenes & El Karoui (2019), "Fairness-aware learning for
    continuous attributes and treatments", ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMClassifier
    >>> from glassbox.fairness import DependencePenalizedClassifier
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(2, size=1000)
    >>> X = np.column_stack([rng.normal(size=1000) + group, rng.normal(size=1000)])
    >>> y = rng.normal(size=1000) < X[:, 0] + X[:, 1]
    >>> fair = DependencePenalizedClassifier(SplineGAMClassifier(), strength=100)
    >>> fair = fair.fit(X, y, sensitive_features=group)
    >>> gap = lambda score: abs(score[group == 1].mean() - score[group == 0].mean())
    >>> print(gap(fair.decision_function(X)) < 0.05 < 1 < gap(X[:, 0] + X[:, 1]) + 0.2)
    True
    """


class DependencePenalizedRegressor(FairRegressor, DependencePenalized):
    """An additive regressor whose scores depend less on sensitive features.

    Parameters, attributes and method are those of
    :class:`~glassbox.fairness.penalties.DependencePenalizedClassifier`; with
    ``condition="outcome"`` dependence is penalised within fifths of the outcome.

    Parameters
    ----------
    estimator : estimator of glassbox
    sensitive, measure, strength, condition, group_weights, intersections, use_sensitive, \
smoothness :
        As for the classifier.

    Attributes
    ----------
    estimator_, dependence_, additive_model_, ... :
        As for the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import SplineGAMRegressor
    >>> from glassbox.fairness import DependencePenalizedRegressor
    >>> rng = np.random.default_rng(0)
    >>> age = rng.uniform(20, 80, size=500)
    >>> X = np.column_stack([age / 20 + rng.normal(size=500), rng.normal(size=500)])
    >>> y = X[:, 0] + X[:, 1] + rng.normal(size=500)
    >>> fair = DependencePenalizedRegressor(SplineGAMRegressor(), strength=100)
    >>> fair = fair.fit(X, y, sensitive_features={"age": age})
    >>> fair.dependence_[["attribute", "measure"]].values.tolist()
    [['age', 'mean']]
    >>> bool((fair.dependence_["after"] < 0.1 * fair.dependence_["before"]).all())
    True
    """
