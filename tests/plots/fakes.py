"""Small fitted estimators, made from tables written by hand."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.certificate import monotonicity_certificate
from glassbox.core.dictionary import DataDictionary
from glassbox.core.schema import Schema
from glassbox.core.shapes import shape_function
from glassbox.core.terms import Term

AGE_CUTS = np.array([20.0, 30, 40, 50, 60, 70, 80, 90, 100])
#: With the missing slot, zero on average.
AGE_SCORES = np.array([-0.65, -0.45, -0.25, -0.05, 0.25, 0.45, 0.65, 1.05])
AGE_WEIGHTS = np.array([100.0, 200, 300, 400, 300, 200, 100, 5])
STAGES = ("I", "II", "III")
WARDS = ("east", "north", "south", "west")


class FakeEstimator(BaseEstimator):
    """What displays may ask of a fitted estimator, and nothing more."""

    def __init__(self, model, importances=None, classes=None, directions=None, table=None):
        self.additive_model_ = model
        self.term_names_ = model.term_names
        sizes = np.arange(len(model.terms), 0, -1.0) if importances is None else importances
        self.term_importances_ = pd.Series(sizes, index=model.term_names)
        self.intercept_ = model.intercept
        self.band_description_ = "95 % band of the test"
        self.monotonic_cst = directions
        if classes is not None:
            self.classes_ = np.array(classes)
        self.schema_ = None if table is None else Schema.infer(table)

    def fit(self):
        return self

    @property
    def _outputs(self):
        return self.classes_.tolist() if self.additive_model_.n_outputs > 1 else None

    def shape_function(self, term):
        return shape_function(self.additive_model_[term], self._outputs)

    def contributions(self, X):
        values = self.additive_model_.contributions(self.schema_.read(X))
        if self._outputs is None:
            return pd.DataFrame(values[:, :, 0], columns=self.term_names_)
        names = pd.MultiIndex.from_product([self.term_names_, self._outputs])
        return pd.DataFrame(values.reshape(len(values), -1), columns=names)


def with_band(axes, coefficients, density, half_width=0.2):
    coefficients = np.asarray(coefficients, dtype=float)
    return Term(axes, coefficients, coefficients - half_width, coefficients + half_width, density)


def age_term(missing_weight=50.0, missing_score=0.4, scores=AGE_SCORES):
    axis = NumericAxis("age", AGE_CUTS)
    return with_band(
        (axis,), np.append(scores, missing_score), np.append(AGE_WEIGHTS, missing_weight)
    )


def stage_term():
    axis = CategoricalAxis("stage", STAGES, ordered=True)
    return with_band((axis,), [0.5, -0.3, 0.7, 0.1, 0.0], [900.0, 500, 10, 0, 0])


def ward_term():
    axis = CategoricalAxis("ward", WARDS)
    return with_band((axis,), [-0.5, 0.3, 0.9, 0.0, 0.0, 0.0], [300.0, 400, 200, 100, 0, 0])


def lines_term():
    """Straight lines over four knots."""
    axis = NumericAxis("bun", np.array([0.0, 20, 60, 100]), degree=1)
    return with_band((axis,), [0.2, -0.4, 0.6, 0.5, 0.0], [400.0, 800, 300, 100, 0])


def cubic_term():
    axis = NumericAxis("sodium", np.linspace(120, 160, 6), degree=3)
    n = axis.n_values
    return with_band(
        (axis,),
        np.append(np.linspace(0.6, -0.6, n) ** 2, 0.0),
        np.append(np.full(n, 1600 / n), 0.0),
    )


def pair_term():
    axes = (NumericAxis("age", AGE_CUTS), NumericAxis("bun", np.array([0.0, 20, 60, 100])))
    rng = np.random.RandomState(0)
    weight = np.full((9, 4), 60.0)
    weight[:, 3] = 0.0
    weight[7, :] = 0.0
    return with_band(axes, rng.normal(scale=0.3, size=(9, 4)), weight)


def ward_pair_term():
    axes = (CategoricalAxis("ward", WARDS), NumericAxis("age", AGE_CUTS))
    rng = np.random.RandomState(1)
    return with_band(axes, rng.normal(scale=0.3, size=(6, 9)), np.full((6, 9), 40.0))


def table():
    return pd.DataFrame(
        {
            "age": [45.0, 72.0, np.nan, 33.0],
            "stage": pd.Categorical(["I", "II", "III", "I"], categories=STAGES, ordered=True),
            "ward": pd.Categorical(["north", "east", "south", "west"], categories=WARDS),
            "bun": [10.0, 50.0, 90.0, 30.0],
            "sodium": [135.0, 140.0, 150.0, 130.0],
        }
    )


def binary_estimator(**options):
    terms = (
        age_term(),
        stage_term(),
        ward_term(),
        lines_term(),
        cubic_term(),
        pair_term(),
    )
    model = AdditiveModel(-1.0, terms, "logit")
    return FakeEstimator(model, classes=[0, 1], table=table(), **options)


def estimator_of(*terms, intercept=-1.0, link="logit", **options):
    model = AdditiveModel(intercept, terms, link)
    if link == "logit":
        options.setdefault("classes", [0, 1])
    return FakeEstimator(model, **options)


def multiclass_estimator():
    age, ward = age_term(), ward_term()
    rng = np.random.RandomState(2)
    terms = tuple(
        with_band(term.axes, rng.normal(scale=0.5, size=(*term.shape, 3)), term.density)
        for term in (age, ward, pair_term())
    )
    model = AdditiveModel(np.array([0.2, -0.1, -0.5]), terms, "softmax")
    return FakeEstimator(model, classes=["home", "rehab", "died"], table=table())


def dictionary():
    return DataDictionary.from_frame(
        pd.DataFrame(
            {
                "column": ["age", "bun", "sodium", "stage", "ward"],
                "label": ["Age", "Urea nitrogen, day 3", "Sodium", "Stage", "Ward"],
                "unit": ["years", "mg/dL", "mEq/L", None, None],
                "ref_low": [None, 7.0, 135.0, None, None],
                "ref_high": [None, 20.0, 145.0, None, None],
            }
        )
    )


class FakeConstrained(FakeEstimator):
    """With directions, and a certificate of the tables or one that is given."""

    def __init__(self, model, directions=None, certificate=None, **options):
        super().__init__(model, directions=directions, **options)
        self.given_certificate = certificate

    def certificate(self):
        if self.given_certificate is not None:
            return self.given_certificate
        return monotonicity_certificate(self.additive_model_, self.monotonic_cst)


def constrained(*terms, intercept=-1.0, link="logit", **options):
    model = AdditiveModel(intercept, terms, link)
    return FakeConstrained(model, classes=[0, 1], **options)


def verdict(feature, declared, holds, method="tables + weights", start=None, end=None):
    """A certificate of one row."""
    row = {"feature": feature, "declared": declared, "holds": holds, "method": method}
    row |= {"worst_slope": np.nan, "from": start, "to": end, "partners": {}}
    return pd.DataFrame([row]).astype({"holds": object, "from": object, "to": object})


class FakeJoint(FakeConstrained):
    """Tables, and a network that is in none of them."""

    def __init__(self, model, additivity=0.97, joint_importance=0.5, **options):
        super().__init__(model, **options)
        self.additivity_ = additivity
        self.joint_ = object()
        self.term_importances_ = pd.concat(
            [self.term_importances_, pd.Series({"joint": joint_importance})]
        )

    def joint(self, n_rows):
        """What the network adds to each row and score, shape (n_rows, n_outputs)."""
        n_outputs = self.additive_model_.n_outputs
        return 0.3 + np.arange(n_rows * n_outputs).reshape(n_rows, n_outputs) / 10

    def contributions(self, X):
        frame = super().contributions(X)
        for k, value in enumerate(self.joint(len(frame)).T):
            frame["joint" if self._outputs is None else ("joint", self._outputs[k])] = value
        return frame


def joint_estimator(**options):
    model = AdditiveModel(-1.0, (age_term(), lines_term(), stage_term()), "logit")
    return FakeJoint(model, classes=[0, 1], table=table()[["age", "bun", "stage"]], **options)
