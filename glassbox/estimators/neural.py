"""Neural additive models: tables that penalised fits begin and networks correct."""

from __future__ import annotations

import numbers
from itertools import islice
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from glassbox.estimators._blocks import Blocks
from glassbox.estimators._class_weights import class_weights
from glassbox.estimators._neural_base import NeuralAdditiveModel
from glassbox.estimators._outcomes import LOSSES, family_of_blocks
from glassbox.estimators._training import TrainingTable
from glassbox.estimators.base import AdditiveClassifier, AdditiveRegressor
from glassbox.solvers._families import (
    Bernoulli,
    Family,
    Huber,
    Multinomial,
    Quantile,
)
from glassbox.solvers._quantiles import weighted_quantiles

# Blocks whose outcomes show the scale, for losses that need one.
_SCALE_BLOCKS = 4


class NAMClassifier(AdditiveClassifier, NeuralAdditiveModel):
    """Neural additive model for classes.

    One table per feature (and one per pair, on request), begun by a penalised fit and corrected by
    networks on the knots. Two classes share one score (log-odds); more are one multinomial model
    with a score each, which sum to zero.

    Parameters
    ----------
    n_knots : int or "auto", default="auto"
        Knots of a numeric column, both edges of the data included; columns with fewer distinct
        values have a knot at each. Inner knots are quantiles. "auto": 16 to 128, so that the
        numeric columns have about a thousand together, and fewer for small tables.
    n_pair_knots : int or "auto", default="auto"
        Knots of a numeric column in pairs, some of those of its main effect. "auto": 4 to 24, the
        cube root of the number of rows.
    interactions : int or list of pairs, default=0
        How many pairs to find (by what the main effects leave unexplained, see
        :mod:`glassbox.solvers._screen`), or which to fit: pairs of column names or numbers. A
        pair adds nothing where one of its features is missing; its main effects are moved to
        those of its features.
    heredity : {"weak", "strong"} or None, default=None
        Of the pairs that are found, only those of which one feature ("weak"), or both ("strong"),
        have a main effect that stands out from what is not known of it.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns on which the score must fall (-1) or rise (1); it does so over the whole input
        space, beyond the data too, and whatever the values of its partners in pairs.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    start : {"penalised", "zero"}, default="penalised"
        "penalised": every member starts at the penalised fit of its own rows, whose local
        smoothness the data choose, and its networks correct it. "zero": the networks find
        everything themselves, as in Agarwal et al. (2021).
    hidden : sequence of int, default=(32,)
        Units of the hidden layers of each network.
    activation : {"silu", "relu", "tanh", "exu"}, default="silu"
        "exu": exp-centred units, cut off at 1, in the first layer.
    smoothness : float or dict of str to float, default=1.0
        Factor on the smoothness that the data choose, for all terms or by term name: 10 makes
        shapes smoother, 0.1 rougher.
    prune : bool, default=True
        Make terms flat that do not help: terms that a group penalty on their size under the data
        leaves out without loss on rows that the members did not draw, and that do not stand out
        from what is not known of them. No term is made flat under a dependence penalty: one that
        does not lower the loss may lower the dependence.
    n_bags : int, default=16
        Members. Each draws four fifths of the rows and is judged by the others; the model is
        their mean.
    max_steps : int, default=300
        Most steps of the networks. 0 leaves them out: the mean of the penalised fits.
    learning_rate : float or "auto", default="auto"
        "auto": 0.001 for networks that correct a fit, 0.01 for networks from scratch or under a
        dependence penalty.
    weight_decay : float, default=0.01
        Of AdamW.
    batch_size : int, default=16384
        Rows of a step; at least 1,024 under a dependence penalty.
    patience : int, default=4
        Training stops after that many looks, ten steps apart, that did not make the members
        better on rows that they did not draw. Each member keeps its best snapshot.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of rows, by class; "balanced": classes weigh the same. Probabilities
        are then those of a population with these weights.
    warm_start : bool, default=False
        Begin the next fit with knots, pairs and smoothness of this one ("penalised"), or with its
        members ("zero").
    dependence_penalty : dict or None, default=None
        Makes the score depend less on ``sensitive_features``, an argument of :meth:`fit`. Keys:
        ``measure`` ("mean", "dcov", "hsic", "hgr" or "mmd", see
        :class:`glassbox.nets.dependence.Measure`; "mmd" for groups only); ``strength`` (at least
        0, per unit of log-likelihood per row: the measure is at most 1); ``condition`` (None, or
        "outcome": within classes of the outcome, or within fifths of a numeric one);
        ``group_weights`` ("proportional", or "equal": rare groups weigh as much as others).
        With several features the mean over them counts, and with several classes the mean over
        their scores. Predictions need no sensitive feature.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    random_state : int, RandomState or None, default=None
        Which rows members draw, and where networks start. The order of rows has no influence
        (within blocks of 65,536).
    device : str, default="auto"
        Where networks are trained: "auto" (CUDA if there is any), "cpu", "cuda", "cuda:0".
    verbose : int, default=0
        Show what is being done, and a bar with loss and remaining time over the steps.

    Attributes
    ----------
    training_record_ : dict of str to ndarray
        ``step``, ``member``, ``training_loss`` (of the last batch, on the rows that the member
        drew), ``validation_loss`` (on the others) and ``kept`` (the snapshot that is in the
        model), one entry per look and member.
    history_ : DataFrame
        The same as a table.
    pruned_terms_ : list of str
        Terms that were made flat.
    dispersion_ : float
        Estimated variance of the scatter around the mean (1 where the mean determines it).
    effective_df_ : float
        Effective degrees of freedom of the penalised fit.
    band_description_ : str
        What the band is.

    Notes
    -----
    A neural additive model (Agarwal et al. 2021) is a sum of small networks, one per feature.
    Here the networks are evaluated on the knots of each feature only, and rows read their scores
    from that table by linear interpolation, in training as in prediction: the table is the model,
    and a step costs the same for a thousand rows and for a million.

    The penalised fit has a normal prior on the change of slope at every knot, with a variance that
    the data choose; neighbouring knots share what they know, so that a shape can jump in one place
    and be straight in another. Pairs have such priors along both axes. Smoothness is learned from
    16,384 rows at most, everything else from all rows. In benchmarks/nam_accuracy.py networks
    seldom find anything that this fit has missed; where they do not, each member stays where it
    started.

    The band is the Bayesian credible band of the penalised fit (Nychka 1988), with every variance
    of the prior one standard error of its logarithm larger, because few rows cannot show how rough
    a shape is; to it is added the delete-d jackknife variance of what the networks added. With
    start="zero" it is the latter alone. Its coverage is in benchmarks/README.md.

    Under a dependence penalty the networks minimise the loss plus strength times dependence, by
    batches and in the unbiased form of the measure; a member leaves its start for what is better
    in both together, on rows that it did not draw. The penalised fit at which they start, the
    smoothness and the band know nothing of the penalty. `partial_fit` refuses it.

    `fit` reads Parquet files, larger than memory too, a block of rows at a time (not under a
    dependence penalty).

    References
    ----------
    Agarwal et al. (2021), "Neural additive models: interpretable machine learning with neural
    nets", NeurIPS 34. Bouchiat et al. (2024), "Improving neural additive models with Bayesian
    principles", ICML. MacKay (1992), "Bayesian interpolation", Neural Computation 4(3):415-447.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import NAMClassifier
    >>> x = np.linspace(-2, 2, 400)[:, None]
    >>> y = np.sin(40 * np.arange(400)) < x[:, 0]
    >>> est = NAMClassifier(n_bags=4, random_state=0).fit(x, y)
    >>> est.term_names_
    ['x0']
    >>> est.predict(np.array([[-1.5], [1.5]]))
    array([False,  True])
    """

    _parameter_constraints: dict = {
        **NeuralAdditiveModel._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        *,
        n_knots="auto",
        n_pair_knots="auto",
        interactions=0,
        heredity=None,
        monotonic_cst=None,
        categorical_features="from_dtype",
        start="penalised",
        hidden=(32,),
        activation="silu",
        smoothness=1.0,
        prune=True,
        n_bags=16,
        max_steps=300,
        learning_rate="auto",
        weight_decay=1e-2,
        batch_size=16_384,
        patience=4,
        class_weight=None,
        warm_start=False,
        dependence_penalty=None,
        confidence_level=0.95,
        random_state=None,
        device="auto",
        verbose=0,
    ):
        super().__init__(
            n_knots=n_knots,
            n_pair_knots=n_pair_knots,
            interactions=interactions,
            heredity=heredity,
            monotonic_cst=monotonic_cst,
            categorical_features=categorical_features,
            start=start,
            hidden=hidden,
            activation=activation,
            smoothness=smoothness,
            prune=prune,
            n_bags=n_bags,
            max_steps=max_steps,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            patience=patience,
            warm_start=warm_start,
            dependence_penalty=dependence_penalty,
            confidence_level=confidence_level,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> NAMClassifier:
        """Learn from one chunk of rows after another.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The first chunk decides on the categories, knots, pairs and smoothness, so it should
            be a fair sample of some hundred rows at least. Later categories are *unseen*.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        classes : array-like of shape (n_classes,), optional
            All classes, to be checked against the first chunk, which must hold rows of each.

        Returns
        -------
        self

        Notes
        -----
        What the chunks before said of the coefficients (their posterior) is the prior for the
        next; rows are not kept.
        """
        if self._is_online:
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise ValueError(
                    f"classes={np.asarray(classes).tolist()} differs from the first call's "
                    f"{self.classes_.tolist()}. Leave it out, or call fit to start anew."
                )
            self._learn_more(X, y, sample_weight)
            return self
        if classes is not None and len(np.unique(classes)) < 2:
            raise ValueError(
                f"classes={np.asarray(classes).tolist()} names fewer than two classes. Name all "
                "classes that any chunk may hold."
            )
        self._declared_classes = None if classes is None else np.unique(classes)
        try:
            self._begin(X, y, sample_weight)
        finally:
            del self._declared_classes
        return self

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        declared = getattr(self, "_declared_classes", None)
        if declared is None:
            return super()._encode_target(y)
        check_classification_targets(y)
        self.classes_ = declared
        codes = self._encode_more(y)
        absent = np.setdiff1d(declared, y)
        if len(absent):
            # Nothing bounds the score of a class without rows, and no later chunk brings it back.
            raise ValueError(
                f"The first chunk of partial_fit has no row of the class {absent.tolist()[0]!r}. "
                "Begin with a chunk that holds rows of every class, such as a sample of the table."
            )
        return codes

    def _encode_more(self, y: np.ndarray) -> np.ndarray:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y holds the class {unknown.tolist()[0]!r}, which is not among "
                f"{self.classes_.tolist()}. The first call of partial_fit names all classes, and "
                "its chunk holds rows of each."
            )
        return np.searchsorted(self.classes_, y)

    def _family(self, blocks: Blocks) -> Family:
        n_classes = len(self.classes_)
        return Bernoulli() if n_classes == 2 else Multinomial(n_classes)

    def _class_weights(self, blocks: Blocks) -> np.ndarray | None:
        return class_weights(self.class_weight, self.classes_, blocks)


class NAMRegressor(AdditiveRegressor, NeuralAdditiveModel):
    """Neural additive model for numeric outcomes.

    One table per feature (and one per pair, on request), begun by a penalised fit and corrected by
    networks on the knots.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "gamma", "huber", "quantile"}, default="squared_error"
        Normal scatter; counts and positive outcomes, with the log link; normal scatter with
        outliers; a quantile of the outcome instead of its mean.
    quantile : float, default=0.5
        Which quantile, for loss="quantile".
    epsilon : float, default=1.35
        For loss="huber": residuals larger than that many robust standard deviations of the
        outcome pull no harder.
    n_knots : int or "auto", default="auto"
        Knots of a numeric column, both edges of the data included; columns with fewer distinct
        values have a knot at each. Inner knots are quantiles. "auto": 16 to 128, so that the
        numeric columns have about a thousand together, and fewer for small tables.
    n_pair_knots : int or "auto", default="auto"
        Knots of a numeric column in pairs, some of those of its main effect. "auto": 4 to 24, the
        cube root of the number of rows.
    interactions : int or list of pairs, default=0
        How many pairs to find (by what the main effects leave unexplained, see
        :mod:`glassbox.solvers._screen`), or which to fit: pairs of column names or numbers. A
        pair adds nothing where one of its features is missing; its main effects are moved to
        those of its features.
    heredity : {"weak", "strong"} or None, default=None
        Of the pairs that are found, only those of which one feature ("weak"), or both ("strong"),
        have a main effect that stands out from what is not known of it.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns on which the score must fall (-1) or rise (1); it does so over the whole input
        space, beyond the data too, and whatever the values of its partners in pairs.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    start : {"penalised", "zero"}, default="penalised"
        "penalised": every member starts at the penalised fit of its own rows, whose local
        smoothness the data choose, and its networks correct it. "zero": the networks find
        everything themselves, as in Agarwal et al. (2021).
    hidden : sequence of int, default=(32,)
        Units of the hidden layers of each network.
    activation : {"silu", "relu", "tanh", "exu"}, default="silu"
        "exu": exp-centred units, cut off at 1, in the first layer.
    smoothness : float or dict of str to float, default=1.0
        Factor on the smoothness that the data choose, for all terms or by term name: 10 makes
        shapes smoother, 0.1 rougher.
    prune : bool, default=True
        Make terms flat that do not help: terms that a group penalty on their size under the data
        leaves out without loss on rows that the members did not draw, and that do not stand out
        from what is not known of them. No term is made flat under a dependence penalty: one that
        does not lower the loss may lower the dependence.
    n_bags : int, default=16
        Members. Each draws four fifths of the rows and is judged by the others; the model is
        their mean.
    max_steps : int, default=300
        Most steps of the networks. 0 leaves them out: the mean of the penalised fits.
    learning_rate : float or "auto", default="auto"
        "auto": 0.001 for networks that correct a fit, 0.01 for networks from scratch or under a
        dependence penalty.
    weight_decay : float, default=0.01
        Of AdamW.
    batch_size : int, default=16384
        Rows of a step; at least 1,024 under a dependence penalty.
    patience : int, default=4
        Training stops after that many looks, ten steps apart, that did not make the members
        better on rows that they did not draw. Each member keeps its best snapshot.
    warm_start : bool, default=False
        Begin the next fit with knots, pairs and smoothness of this one ("penalised"), or with its
        members ("zero").
    dependence_penalty : dict or None, default=None
        Makes the score depend less on ``sensitive_features``, an argument of :meth:`fit`. Keys:
        ``measure`` ("mean", "dcov", "hsic", "hgr" or "mmd", see
        :class:`glassbox.nets.dependence.Measure`; "mmd" for groups only); ``strength`` (at least
        0, per unit of log-likelihood per row: the measure is at most 1); ``condition`` (None, or
        "outcome": within classes of the outcome, or within fifths of a numeric one);
        ``group_weights`` ("proportional", or "equal": rare groups weigh as much as others).
        With several features the mean over them counts, and with several classes the mean over
        their scores. Predictions need no sensitive feature.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    random_state : int, RandomState or None, default=None
        Which rows members draw, and where networks start. The order of rows has no influence
        (within blocks of 65,536).
    device : str, default="auto"
        Where networks are trained: "auto" (CUDA if there is any), "cpu", "cuda", "cuda:0".
    verbose : int, default=0
        Show what is being done, and a bar with loss and remaining time over the steps.

    Attributes
    ----------
    training_record_ : dict of str to ndarray
        ``step``, ``member``, ``training_loss`` (of the last batch, on the rows that the member
        drew), ``validation_loss`` (on the others) and ``kept`` (the snapshot that is in the
        model), one entry per look and member.
    history_ : DataFrame
        The same as a table.
    pruned_terms_ : list of str
        Terms that were made flat.
    dispersion_ : float
        Estimated variance of the scatter around the mean (1 where the mean determines it).
    effective_df_ : float
        Effective degrees of freedom of the penalised fit.
    band_description_ : str
        What the band is.

    Notes
    -----
    A neural additive model (Agarwal et al. 2021) is a sum of small networks, one per feature.
    Here the networks are evaluated on the knots of each feature only, and rows read their scores
    from that table by linear interpolation, in training as in prediction: the table is the model,
    and a step costs the same for a thousand rows and for a million.

    The penalised fit has a normal prior on the change of slope at every knot, with a variance that
    the data choose; neighbouring knots share what they know, so that a shape can jump in one place
    and be straight in another. Pairs have such priors along both axes. Smoothness is learned from
    16,384 rows at most, everything else from all rows. In benchmarks/nam_accuracy.py networks
    seldom find anything that this fit has missed; where they do not, each member stays where it
    started.

    The band is the Bayesian credible band of the penalised fit (Nychka 1988), with every variance
    of the prior one standard error of its logarithm larger, because few rows cannot show how rough
    a shape is; to it is added the delete-d jackknife variance of what the networks added. With
    start="zero" it is the latter alone. Its coverage is in benchmarks/README.md.

    Under a dependence penalty the networks minimise the loss plus strength times dependence, by
    batches and in the unbiased form of the measure; a member leaves its start for what is better
    in both together, on rows that it did not draw. The penalised fit at which they start, the
    smoothness and the band know nothing of the penalty. `partial_fit` refuses it.

    `fit` reads Parquet files, larger than memory too, a block of rows at a time (not under a
    dependence penalty).

    References
    ----------
    Agarwal et al. (2021), "Neural additive models: interpretable machine learning with neural
    nets", NeurIPS 34. Bouchiat et al. (2024), "Improving neural additive models with Bayesian
    principles", ICML. MacKay (1992), "Bayesian interpolation", Neural Computation 4(3):415-447.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import NAMRegressor
    >>> x = np.linspace(-2, 2, 200)[:, None]
    >>> est = NAMRegressor(n_bags=4, random_state=0).fit(x, np.sin(x[:, 0]))
    >>> bool(abs(est.predict([[1.0]])[0] - np.sin(1.0)) < 0.01)
    True
    """

    _parameter_constraints: dict = {
        **NeuralAdditiveModel._parameter_constraints,
        "loss": [StrOptions({*LOSSES, "huber", "quantile"})],
        "quantile": [Interval(numbers.Real, 0, 1, closed="neither")],
        "epsilon": [Interval(numbers.Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        loss="squared_error",
        quantile=0.5,
        epsilon=1.35,
        n_knots="auto",
        n_pair_knots="auto",
        interactions=0,
        heredity=None,
        monotonic_cst=None,
        categorical_features="from_dtype",
        start="penalised",
        hidden=(32,),
        activation="silu",
        smoothness=1.0,
        prune=True,
        n_bags=16,
        max_steps=300,
        learning_rate="auto",
        weight_decay=1e-2,
        batch_size=16_384,
        patience=4,
        warm_start=False,
        dependence_penalty=None,
        confidence_level=0.95,
        random_state=None,
        device="auto",
        verbose=0,
    ):
        super().__init__(
            n_knots=n_knots,
            n_pair_knots=n_pair_knots,
            interactions=interactions,
            heredity=heredity,
            monotonic_cst=monotonic_cst,
            categorical_features=categorical_features,
            start=start,
            hidden=hidden,
            activation=activation,
            smoothness=smoothness,
            prune=prune,
            n_bags=n_bags,
            max_steps=max_steps,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            patience=patience,
            warm_start=warm_start,
            dependence_penalty=dependence_penalty,
            confidence_level=confidence_level,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.loss = loss
        self.quantile = quantile
        self.epsilon = epsilon

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NAMRegressor:
        """Learn from one chunk of rows after another.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The first chunk decides on the categories, knots, pairs and smoothness, so it should
            be a fair sample of some hundred rows at least. Later categories are *unseen*.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self

        Notes
        -----
        What the chunks before said of the coefficients (their posterior) is the prior for the
        next; rows are not kept.
        """
        if self._is_online:
            self._learn_more(X, y, sample_weight)
        else:
            self._begin(X, y, sample_weight)
        return self

    def _encode_more(self, y: np.ndarray) -> np.ndarray:
        return self._encode_target(y)

    def _family(self, blocks: Blocks) -> Family:
        return _regression_family(self.loss, self.quantile, self.epsilon, blocks)


def _robust_scale(blocks: Blocks) -> float:
    """Median distance from the median, as a standard deviation."""
    some = TrainingTable.joined(list(islice(blocks, _SCALE_BLOCKS)))
    y, weights = some.y, some.weights
    middle = weighted_quantiles(y, weights, 0.5)
    scale = 1.4826 * float(weighted_quantiles(np.abs(y - middle), weights, 0.5))
    if scale > 0:
        return scale
    mean = np.average(y, weights=weights)
    return float(np.sqrt(np.average((y - mean) ** 2, weights=weights))) or 1.0


def _regression_family(loss: str, quantile: float, epsilon: float, blocks: Blocks) -> Family:
    if loss in ("huber", "quantile"):
        scale = _robust_scale(blocks)
        return Huber(epsilon * scale) if loss == "huber" else Quantile(quantile, scale)
    return family_of_blocks(loss, blocks)
