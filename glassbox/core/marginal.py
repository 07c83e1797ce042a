"""Models without a feature: its components deleted, or its values averaged over."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from glassbox.core.additive import AdditiveModel, Columns
from glassbox.core.density import count_density
from glassbox.core.purify import purify
from glassbox.core.refine import add_tables
from glassbox.core.terms import Term


def without_features(model: AdditiveModel, names: Collection[str]) -> AdditiveModel:
    """The model without all that it learned of some features.

    The model is purified first, so that what a pair says of the other feature stays with that
    feature. Main effects are put at their means, pure pairs at zero, and their terms are gone.

    Parameters
    ----------
    model : AdditiveModel
        With a density in every term.
    names : collection of str
        Features; those that the model does not use are without effect.

    Returns
    -------
    AdditiveModel
        Purified, also where nothing was deleted.

    Raises
    ------
    AxisMergeError, ValueError
        If the model cannot be purified, see :func:`glassbox.core.purify.purify`.

    Examples
    --------
    A pair of which half belongs to the other feature:

    >>> from glassbox.core.axes import CategoricalAxis
    >>> a, b = CategoricalAxis("a", ("no", "yes")), CategoricalAxis("b", ("no", "yes"))
    >>> both = np.zeros((4, 4))
    >>> both[1, 1] = 1.0
    >>> seen = np.zeros((4, 4))
    >>> seen[:2, :2] = 25.0
    >>> rest = without_features(AdditiveModel(0.0, (Term((a, b), both, density=seen),)), ["a"])
    >>> rest.term_names, rest["b"].coefficients[:2].ravel()
    (['b'], array([-0.25,  0.25]))
    """
    return without_terms_of(purify(model), names)


def without_terms_of(model: AdditiveModel, names: Collection[str]) -> AdditiveModel:
    """The model without the terms of some features, as they are.

    Parameters
    ----------
    model : AdditiveModel
        Purified, or what pairs say of their other features is lost as well.
    names : collection of str
        Features.
    """
    kept = (term for term in model.terms if not set(term.features) & set(names))
    return model.replace(terms=tuple(kept))


def averaged_over(model: AdditiveModel, columns: Columns, weights: np.ndarray) -> AdditiveModel:
    """The model whose score is the mean over given values of some features.

    For every row, the score is that of the row with the features set to the given values, one
    combination after the other, averaged. One combination alone sets the features to it.

    Parameters
    ----------
    model : AdditiveModel
    columns : mapping of str to ndarray
        Typed columns of the features to average over, one row per combination of their values.
    weights : ndarray of shape (n_combinations,)
        Weights of the combinations.

    Returns
    -------
    AdditiveModel
        On the link scale exactly the mean. Its terms use none of the features. A pair that loses
        one side goes to the main effect of the other, which is appended if the model lacks it.

    Raises
    ------
    AxisMergeError
        If the rest of a pair cannot be written exactly together with the feature's own main
        effect, for instance because one has steps and the other straight lines.

    Examples
    --------
    >>> from glassbox.core.axes import CategoricalAxis
    >>> sex = CategoricalAxis("sex", ("f", "m"))
    >>> model = AdditiveModel(1.0, (Term((sex,), np.array([0.0, 2.0, 0.0, 0.0])),))
    >>> averaged_over(model, {"sex": np.array([0, 1])}, np.array([1.0, 3.0])).intercept
    array([2.5])
    """
    share = weights / weights.sum()
    intercept = model.intercept
    terms: dict[str, Term] = {
        term.name: term for term in model.terms if not set(term.features) & set(columns)
    }
    for term in model.terms:
        inside = [axis for axis in term.axes if axis.name in columns]
        if not inside:
            continue
        mass = count_density(inside, columns, share)
        if len(inside) == len(term.axes):
            intercept = intercept + np.tensordot(mass, term.coefficients, axes=mass.ndim)
            continue
        side = term.axes.index(inside[0])
        other = term.axes[1 - side]
        table = np.tensordot(mass, term.coefficients, axes=(0, side))
        if other.name in terms:
            terms[other.name] = add_tables(terms[other.name], (other,), table)
        else:
            terms[other.name] = Term((other,), table, density=term.density.sum(axis=side))
    return model.replace(intercept=intercept, terms=tuple(terms.values()))
