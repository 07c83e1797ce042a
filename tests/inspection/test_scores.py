import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from glassbox import BoostedGAMClassifier
from tests.inspection.watched import audit, numbers, patients


@pytest.fixture(scope="module")
def problem():
    return make_classification(300, 4, n_informative=4, n_redundant=0, random_state=0)


DIRECTIONS = {"x0": 1, "x1": 1, "x2": -1, "x3": 0}


@pytest.mark.parametrize("family", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_histogram_gradient_boosting(problem, family):
    X, y = problem
    constrained = family(max_iter=30, monotonic_cst=list(DIRECTIONS.values())).fit(X, y)
    free = family(max_iter=30).fit(X, y)
    result = audit(constrained, X, DIRECTIONS, n_sweeps=6)
    assert result.passed and result.summary["feature"].tolist() == ["x0", "x1", "x2"]
    assert result.scored == ("decision_function" if hasattr(free, "classes_") else "predict")
    assert not audit(free, X, DIRECTIONS, n_sweeps=6).passed


@pytest.mark.parametrize("interactions", [0, 3])
def test_own_estimators_agree_with_their_certificate(interactions):
    X = patients()
    rng = np.random.default_rng(1)
    y = X["age"].fillna(50) / 20 + X["falls"] + rng.normal(0, 3, len(X)) > 7
    directions = {"age": 1, "falls": 1, "stage": -1}
    model = BoostedGAMClassifier(
        monotonic_cst=directions,
        interactions=interactions,
        n_bags=2,
        max_rounds=100,
        random_state=0,
    ).fit(X, y)
    assert model.certificate().set_index("feature").loc[list(directions), "holds"].all()
    result = audit(model, X, directions, n_sweeps=10)
    assert result.passed, str(result)
    assert result.scored == "decision_function"
    assert not audit(model, X, {"falls": -1}, n_sweeps=2).passed


def test_a_linear_torch_module_with_a_negative_weight():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Dropout(0.5))
    with torch.no_grad():
        module[0].weight[:] = torch.tensor([1.0, -0.1, 0.0])
    X = numbers()
    for dtype in (torch.float32, torch.float64):
        result = audit(module.to(dtype), X, {"x0": 1, "x1": 1, "x2": -1}, n_sweeps=4)
        assert result.summary["passed"].tolist() == [True, False, True]
        assert module.training and module[1].training
    frame = pd.DataFrame({"stage": pd.Categorical(["a", "b"], ordered=True)})
    with pytest.raises(TypeError, match="'stage' holds categories"):
        audit(module, frame, {"stage": 1})


@pytest.mark.parametrize("task, in_pipeline", [("Classifier", True), ("Regressor", False)])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_other_boosters_are_read_before_the_link(problem, library, task, in_pipeline):
    pytest.importorskip(library)
    module = __import__(library)
    X, y = problem
    X = pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"])
    family = getattr(module, {"xgboost": "XGB", "lightgbm": "LGBM"}[library] + task)
    silent = {"verbosity": 0 if library == "xgboost" else -1, "n_jobs": 1, "n_estimators": 20}

    def fitted(**options):
        model = family(**silent, **options)
        if in_pipeline:
            model = make_pipeline(FunctionTransformer(), model)
        return model.fit(X, y)

    constrained = fitted(monotone_constraints=tuple(DIRECTIONS.values()))
    result = audit(constrained, X, DIRECTIONS, n_sweeps=4)
    assert result.passed, str(result)
    before_the_link = (
        "decision_function",
        "predict(output_margin=True)",
        "predict(raw_score=True)",
    )
    assert result.scored in before_the_link
    assert not audit(fitted(), X, DIRECTIONS, n_sweeps=4).passed


def test_pipelines_and_probabilities(problem):
    X, y = problem
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    signs = np.sign(linear[-1].coef_[0]).astype(int)
    assert audit(linear, X, signs).passed
    assert not audit(linear, X, -signs).passed
    assert audit(LinearRegression().fit(X, y), X, [0, 0, 1, 0]).scored == "predict"
    assert audit(DummyClassifier().fit(X, y), X, {"x0": 1}).scored == "predict_proba"


@pytest.mark.parametrize(
    "model, error, message",
    [
        (LogisticRegression, TypeError, "LogisticRegression is a class"),
        (3, TypeError, "int is not"),
        (lambda X: X, ValueError, r"shape \(1000, 3\) for 1000 rows, and one score per row"),
        (lambda X: 1.0, ValueError, r"shape \(\) for 1000 rows"),
        (lambda X: np.where(X[:, 0] > 0, np.nan, 1.0), ValueError, "gave NaN for .* fill them in"),
        (lambda X: np.full(len(X), "high"), TypeError, "'high'.*, which is not a number"),
    ],
)
def test_models_that_cannot_be_tested(model, error, message):
    with pytest.raises(error, match=message):
        audit(model, numbers(), {"x0": 1})


def test_models_of_several_classes_or_of_labels_only(problem):
    X, y = problem
    three = y + (X[:, 0] > 0)
    with pytest.raises(ValueError, match="one score per row is needed. For models of several"):
        audit(LogisticRegression().fit(X, three), X, {"x0": 1})
    with pytest.raises(ValueError, match="two classes"):
        audit(DummyClassifier().fit(X, three), X, {"x0": 1})

    class LabelsOnly:
        classes_ = np.array([0, 1])

        def predict(self, X):
            return np.zeros(len(X))

    with pytest.raises(TypeError, match="LabelsOnly predicts labels only"):
        audit(LabelsOnly(), X, {"x0": 1})
    assert audit(NearestCentroid().fit(X, y), X, {"x0": 1}).scored == "decision_function"
