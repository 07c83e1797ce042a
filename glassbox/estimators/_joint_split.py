"""What of a network goes to the tables: its main effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from glassbox.core.additive import AdditiveModel
from glassbox.core.layout import Layout, TermColumns
from glassbox.core.network import JointPart, MonotoneNetwork
from glassbox.core.terms import Term
from glassbox.estimators._training import TrainingTable
from glassbox.solvers.nearest import nearest_in_order
from glassbox.solvers.order import MonotoneOrder

# A knot with that many rows has half of the network's mean there in its table.
_ROWS_OF_DOUBT = 1.0


@dataclass(frozen=True)
class Split:
    """Tables, and what they do not hold.

    Attributes
    ----------
    model : AdditiveModel
    joint : JointPart
    additivity : float
        Share of the variance of the score that is not the joint part's.
    joint_size : float
        Mean absolute value of the joint part.
    """

    model: AdditiveModel
    joint: JointPart
    additivity: float
    joint_size: float


def split(
    trunk: AdditiveModel,
    network: MonotoneNetwork,
    sample: TrainingTable,
    directions: Mapping[str, int],
) -> Split:
    """Put the main effects of a network into the tables of its trunk.

    Parameters
    ----------
    trunk : AdditiveModel
        With a main effect for every feature.
    network : MonotoneNetwork
    sample : TrainingTable
        Training rows, whose weights decide what a main effect is.
    directions : mapping of str to {-1, 1}

    Notes
    -----
    The main effects are the weighted least-squares fit of tables to the network's scores, so that
    what remains has mean zero around every knot. Where a feature has a direction it is the fit
    under the order of trunk and main effects together: no table turns where the model does not.
    """
    values = network.scores(sample.columns)
    mean = np.average(values, weights=sample.weights)
    layout = Layout(tuple(TermColumns(term.axes) for term in trunk.terms if len(term.axes) == 1))
    effects, inverse = _least_squares(layout, sample, values - mean)
    if directions:
        effects = _in_order(effects, trunk, layout, inverse, directions)
    tables = [term.table(effects[layout.slices[term.name], None]) for term in layout.terms]
    terms = [Term(main.axes, table) for main, table in zip(layout.terms, tables, strict=True)]
    joint = JointPart(network, AdditiveModel(mean, tuple(terms)))
    model = joint.tables(trunk)
    extra = values - joint.shown.scores(sample.columns)[:, 0]
    share = joint.additivity(model, sample.columns, sample.weights)
    return Split(model, joint, share, float(np.average(np.abs(extra), weights=sample.weights)))


def _least_squares(
    layout: Layout, sample: TrainingTable, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    rows = layout.rows(sample.columns)
    weighted = sparse.csr_array(rows.multiply(sample.weights[:, None]))
    gram = (weighted.T @ rows).toarray()
    inverse = linalg.inv(gram + _ROWS_OF_DOUBT * np.eye(len(gram)))
    return inverse @ (weighted.T @ values), inverse


def _in_order(
    effects: np.ndarray,
    trunk: AdditiveModel,
    layout: Layout,
    inverse: np.ndarray,
    directions: Mapping[str, int],
) -> np.ndarray:
    """Effects under which their sum with the trunk keeps the directions."""
    flat = np.concatenate([term.coefficients.ravel() for term in trunk.terms])
    order = MonotoneOrder([term.axes for term in trunk.terms], directions)
    tables = dict(zip(trunk.term_names, order.slices, strict=True))
    slots = np.concatenate([tables[term.name].start + term.slots for term in layout.terms])

    def spread(cuts: sparse.csr_array) -> np.ndarray:
        moves = np.zeros((len(flat), cuts.shape[0]))
        moves[slots] = inverse @ cuts[:, slots].T.toarray()
        return moves

    wished = flat.copy()
    wished[slots] += effects
    return nearest_in_order(wished[:, None], order, spread)[slots, 0] - flat[slots]
