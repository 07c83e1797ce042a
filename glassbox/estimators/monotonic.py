"""Monotonic networks: tables and a network that keep the directions that the user declares."""

from __future__ import annotations

import numpy as np
from sklearn.utils._param_validation import StrOptions

from glassbox.estimators._blocks import Blocks
from glassbox.estimators._class_weights import class_weights
from glassbox.estimators._monotonic_base import MonotonicNet
from glassbox.estimators._outcomes import LOSSES, family_of_blocks
from glassbox.estimators.base import AdditiveClassifier, AdditiveRegressor
from glassbox.solvers._families import Bernoulli, Family


class MonotonicNetClassifier(AdditiveClassifier, MonotonicNet):
    """Monotone tables and a monotone network for two classes.

    The score (log-odds) is the sum of one table per feature (and one per pair, on request), and of
    a network that takes what no sum of tables can hold. Both keep the declared directions for
    every value of all other features, which :meth:`certificate` shows from tables and weights
    alone.

    Parameters
    ----------
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns in which the score must fall (-1) or rise (1), over the whole input space and
        whatever the values of all others. Numbers and ordered categories can have a direction.
        *Missing* is a level of its own: the promise is about moves from one observed value to
        another.
    interactions : int or list of pairs, default=0
        How many pairs to find (by what the main effects leave unexplained, see
        :mod:`glassbox.solvers._screen`), or which to fit: pairs of column names or numbers. A
        pair adds nothing where one of its features is missing.
    heredity : {"weak", "strong"} or None, default=None
        Of the pairs that are found, only those of which one feature ("weak"), or both ("strong"),
        have a main effect that stands out from what is not known of it.
    residual : bool, default=True
        Whether there is a network. Without it the model is its tables.
    hidden : sequence of int, default=(32, 32)
        Units of the hidden layers of each member's network; none is ``residual=False``.
    joint_penalty : float, default=0.001
        On the mean square of what the network adds: it should speak only where it must.
    n_knots : int or "auto", default="auto"
        Knots of a numeric column, both edges of the data included; columns with fewer distinct
        values have a knot at each. Inner knots are quantiles. "auto": 16 to 128, so that the
        numeric columns have about a thousand together, and fewer for small tables.
    n_pair_knots : int or "auto", default="auto"
        Knots of a numeric column in pairs, some of those of its main effect. "auto": 4 to 24, the
        cube root of the number of rows.
    smoothness : float or dict of str to float, default=1.0
        Factor on the smoothness that the data choose, for all terms or by term name: 10 makes
        shapes smoother, 0.1 rougher.
    categorical_features : "from_dtype", None, or list of names, numbers or booleans
        Text and categorical columns are always categorical; the list adds columns whose
        categories are coded as numbers.
    n_bags : int, default=20
        Members. Each draws four fifths of the rows and is judged by the others; the model is
        their mean on the link scale, and a mean of monotone functions is monotone.
    max_steps : int, default=600
        Most steps of the networks.
    learning_rate, weight_decay : float, default=0.001, 1.0
        Of AdamW.
    batch_size : int, default=2048
        Rows of a step; at least 1,024 under a dependence penalty.
    patience : int, default=15
        Training stops after that many looks, ten steps apart (up to fifty in large tables), that
        did not make the members better on rows that they did not draw.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of rows, by class; "balanced": classes weigh the same. Probabilities
        are then those of a population with these weights.
    dependence_penalty : dict or None, default=None
        Makes the score depend less on ``sensitive_features``, an argument of :meth:`fit`. Keys:
        ``measure`` ("mean", "dcov", "hsic", "hgr" or "mmd", see
        :class:`glassbox.nets.dependence.Measure`; "mmd" for groups only); ``strength`` (at least
        0, per unit of log-likelihood per row: the measure is at most 1); ``condition`` (None, or
        "outcome": within classes of the outcome, or within fifths of a numeric one);
        ``group_weights`` ("proportional", or "equal": rare groups weigh as much as others).
        With several features the mean over them counts. Predictions need no sensitive feature.
    confidence_level : float, default=0.95
        Nominal pointwise coverage of the band.
    random_state : int, RandomState or None, default=None
        Which rows members draw, and where networks start. The order of rows has no influence
        (within blocks of 65,536).
    device : str, default="auto"
        Where networks are trained: "auto" (CUDA if there is any), "cpu", "cuda", "cuda:0".
        Prediction is in float64, on the CPU.
    verbose : int, default=0
        Show what is being done, and a bar with loss and remaining time over the steps.

    Attributes
    ----------
    additive_model_ : AdditiveModel
        The tables, the main effects of the network included: shapes, plots and audits read them.
    joint_ : JointPart or None
        What the network adds beyond the tables; None if there is no network, or none that makes
        the members better on rows that they did not draw by more than two standard errors.
    additivity_ : float
        Share of the variance of the score (over training rows) that the tables hold; 1 without a
        network.
    term_importances_ : Series
        Mean absolute contribution of each term over the training data, and that of the network
        part as "joint".
    training_record_, history_ : dict of str to ndarray, DataFrame
        As in :class:`glassbox.NAMClassifier`.
    dispersion_, effective_df_, band_description_
        As there.

    Notes
    -----
    **The tables** are fitted first, as in :class:`glassbox.NAMClassifier`, under the order that
    the directions put on their coefficients: the score rises in a feature if and only if each
    increment of its main effect is at least as large as what its pairs take away at the worst
    values of their partners (:class:`glassbox.solvers.order.MonotoneOrder`).

    **The network** reads features with a direction through non-negative weights and increasing
    activations only, and all others through a layer of their own that feeds every layer (Archer &
    Wang 1993; with two hidden layers and more such networks are universal, Daniels & Velikova
    2010). It begins near zero and is trained with the tables held fixed. Afterwards the main
    effects of what it has learned are added to the tables, and taken off what is called "joint".

    **Under a dependence penalty** the tables learn too: networks on their knots correct them,
    together with the network beside them (or alone, with ``residual=False``), under loss plus
    strength times dependence. Tables stay in order at every step, so the certificate holds.

    **Several classes** are refused: monotone scores do not make the probabilities of three classes
    monotone.

    References
    ----------
    Archer & Wang (1993), "Application of the back propagation neural network algorithm with
    monotonicity constraints for two-group classification problems", Decision Sciences 24:60-75.
    Daniels & Velikova (2010), "Monotone and partially monotone neural networks", IEEE Transactions
    on Neural Networks 21:906-917. Sartor et al. (2025), "Advancing constrained monotonic neural
    networks: achieving universal approximation beyond bounded activations".

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import MonotonicNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(400, 2))
    >>> y = rng.uniform(size=400) < X[:, 0]
    >>> est = MonotonicNetClassifier(monotonic_cst=[1, 0], n_bags=4, max_steps=50, random_state=0)
    >>> row = est.fit(X, y).certificate().iloc[0]
    >>> row["feature"], row["holds"]
    ('x0', True)
    """

    _parameter_constraints: dict = {
        **MonotonicNet._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        *,
        monotonic_cst=None,
        interactions=0,
        heredity=None,
        residual=True,
        hidden=(32, 32),
        joint_penalty=1e-3,
        n_knots="auto",
        n_pair_knots="auto",
        smoothness=1.0,
        categorical_features="from_dtype",
        n_bags=20,
        max_steps=600,
        learning_rate=1e-3,
        weight_decay=1.0,
        batch_size=2_048,
        patience=15,
        class_weight=None,
        dependence_penalty=None,
        confidence_level=0.95,
        random_state=None,
        device="auto",
        verbose=0,
    ):
        super().__init__(
            monotonic_cst=monotonic_cst,
            interactions=interactions,
            heredity=heredity,
            residual=residual,
            hidden=hidden,
            joint_penalty=joint_penalty,
            n_knots=n_knots,
            n_pair_knots=n_pair_knots,
            smoothness=smoothness,
            categorical_features=categorical_features,
            n_bags=n_bags,
            max_steps=max_steps,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            patience=patience,
            dependence_penalty=dependence_penalty,
            confidence_level=confidence_level,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def _encode_target(self, y: np.ndarray) -> np.ndarray:
        codes = super()._encode_target(y)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: "
                f"y holds {len(self.classes_)} classes, and monotone scores do not make the "
                "probabilities of several classes monotone. Fit one model per class "
                "(sklearn.multiclass.OneVsRestClassifier), or use NAMClassifier."
            )
        return codes

    def _family(self, blocks: Blocks) -> Family:
        return Bernoulli()

    def _class_weights(self, blocks: Blocks) -> np.ndarray | None:
        return class_weights(self.class_weight, self.classes_, blocks)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class MonotonicNetRegressor(AdditiveRegressor, MonotonicNet):
    """Monotone tables and a monotone network for numeric outcomes.

    As :class:`MonotonicNetClassifier`, with the loss of your choice.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "gamma"}, default="squared_error"
        Normal scatter; counts and positive outcomes, with the log link.
    monotonic_cst : dict of str to {-1, 0, 1}, or array-like of shape (n_features,), optional
        Columns in which the score must fall (-1) or rise (1), over the whole input space and
        whatever the values of all others.
    interactions, heredity, residual, hidden, joint_penalty, n_knots, n_pair_knots, smoothness, \
    categorical_features, n_bags, max_steps, learning_rate, weight_decay, batch_size, patience, \
    dependence_penalty, confidence_level, random_state, device, verbose
        As in :class:`MonotonicNetClassifier`.

    Attributes
    ----------
    additive_model_, joint_, additivity_, term_importances_, training_record_, history_, \
    dispersion_, effective_df_, band_description_
        As in :class:`MonotonicNetClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox import MonotonicNetRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(300, 2))
    >>> y = X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=300)
    >>> est = MonotonicNetRegressor(
    ...     monotonic_cst=[1, 1], interactions=1, n_bags=4, residual=False, random_state=0
    ... ).fit(X, y)
    >>> est.term_names_, est.additivity_
    (['x0', 'x1', 'x0 & x1'], 1.0)
    >>> bool(est.certificate()["holds"].all())
    True
    """

    _parameter_constraints: dict = {
        **MonotonicNet._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
    }

    def __init__(
        self,
        *,
        loss="squared_error",
        monotonic_cst=None,
        interactions=0,
        heredity=None,
        residual=True,
        hidden=(32, 32),
        joint_penalty=1e-3,
        n_knots="auto",
        n_pair_knots="auto",
        smoothness=1.0,
        categorical_features="from_dtype",
        n_bags=20,
        max_steps=600,
        learning_rate=1e-3,
        weight_decay=1.0,
        batch_size=2_048,
        patience=15,
        dependence_penalty=None,
        confidence_level=0.95,
        random_state=None,
        device="auto",
        verbose=0,
    ):
        super().__init__(
            monotonic_cst=monotonic_cst,
            interactions=interactions,
            heredity=heredity,
            residual=residual,
            hidden=hidden,
            joint_penalty=joint_penalty,
            n_knots=n_knots,
            n_pair_knots=n_pair_knots,
            smoothness=smoothness,
            categorical_features=categorical_features,
            n_bags=n_bags,
            max_steps=max_steps,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            batch_size=batch_size,
            patience=patience,
            dependence_penalty=dependence_penalty,
            confidence_level=confidence_level,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.loss = loss

    def _family(self, blocks: Blocks) -> Family:
        return family_of_blocks(self.loss, blocks)
