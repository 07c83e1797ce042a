"""How well the rows in a slot (a category, or *missing*) can determine its coefficient.

Neighbouring steps of a numeric feature lend one another strength; a slot stands alone. When one
patient alone has a missing value, most bags hold that patient, and the bags agree about a
coefficient that nobody can know. The Fisher information of the slot's own rows says how little
that is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis
from glassbox.core.terms import Term
from glassbox.estimators._training import TrainingTable

#: Prior standard deviation of a slot's effect on the logit or log scale, and in units of the
#: outcome's standard deviation on the identity scale: Gelman et al. (2008), "A weakly informative
#: default prior distribution for logistic and other regression models", Annals of Applied
#: Statistics 2(4):1360-1383.
PRIOR_SCALE = 2.5


@dataclass(frozen=True)
class SlotErrors:
    """Lower bounds on the standard errors of slots.

    Attributes
    ----------
    table : TrainingTable
    information : ndarray of shape (n_rows, n_outputs)
        Fisher information that each row carries about its own score.
    prior_information : float
        What is known of a slot without any row.
    """

    table: TrainingTable
    information: np.ndarray
    prior_information: float

    @classmethod
    def of(cls, model: AdditiveModel, table: TrainingTable, variance_power: float) -> SlotErrors:
        """Information under a fitted model.

        Parameters
        ----------
        model : AdditiveModel
        table : TrainingTable
        variance_power : float
            For numeric outcomes: the variance is proportional to this power of the mean.
        """
        means = model.means(table.columns)
        if model.link in ("logit", "softmax"):
            information = means * (1.0 - means)
            scale = 1.0
        else:
            y = table.y[:, None]
            variance = means**variance_power
            dispersion = np.average((y - means) ** 2 / variance, axis=0, weights=table.weights)
            slope = means if model.link == "log" else 1.0
            tiny = np.finfo(float).tiny
            information = slope**2 / np.maximum(dispersion * variance, tiny)
            scale = 1.0 if model.link == "log" else float(y.std())
        prior = 1.0 / (PRIOR_SCALE * max(scale, np.finfo(float).tiny ** 0.25)) ** 2
        return cls(table, information * table.weights[:, None], prior)

    def of_term(self, term: Term) -> np.ndarray:
        """Standard error of each coefficient from its own rows; 0 where neighbours help.

        Returns
        -------
        ndarray of the shape of the term's coefficients
        """
        errors = np.zeros(term.coefficients.shape)
        if len(term.axes) == 2:
            return errors
        axis = term.axes[0]
        column = self.table.columns[axis.name]
        if isinstance(axis, CategoricalAxis):
            slots = np.arange(axis.size)
            slot_of_row = axis.locate(column).first
        else:
            slots = np.array([axis.missing_index])
            slot_of_row = np.where(np.isnan(column), axis.missing_index, 0)
        for k in range(term.n_outputs):
            sums = np.bincount(slot_of_row, weights=self.information[:, k], minlength=axis.size)
            errors[slots, k] = 1.0 / np.sqrt(sums[slots] + self.prior_information)
        return errors
