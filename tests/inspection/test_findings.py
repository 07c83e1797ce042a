import numpy as np
import pandas as pd

from tests.inspection.watched import STAGES, Watched, audit, numbers, patients


def test_equal_infinities_are_no_change():
    X = numbers()
    assert audit(lambda X: np.where(X[:, 0] > 0, np.inf, -np.inf), X, {"x0": 1}).passed
    falling = audit(lambda X: np.where(X[:, 0] > 0, -np.inf, np.inf), X, {"x0": 1})
    assert falling.summary.loc[0, "worst"] == np.inf


def test_counts_agree_with_the_moves():
    X = numbers()
    model = Watched(lambda X: np.sin(4 * X[:, 1]))
    result = audit(model, X, {"x1": -1}, n_sweeps=3, n_moves=200, n_examples=4)
    before, after = (
        np.concatenate([np.sin(4 * pair[side][:, 1]) for pair in model.moves()]) for side in (0, 1)
    )
    change = after - before
    summary = result.summary.iloc[0]
    assert list(result.summary.columns) == [
        *("feature", "declared", "moves", "violations", "share", "worst", "passed")
    ]
    assert summary["moves"] == len(change) == 600
    assert summary["violations"] == (change > result.tolerance).sum() > 0
    assert summary["share"] == summary["violations"] / 600
    assert summary["worst"] == change.max() == result.violations.loc[0, "change"]
    assert len(result.violations) == 4 and not result.violations["from"].duplicated().all()
    assert result.violations["change"].is_monotonic_decreasing


def test_examples_can_be_reproduced():
    X = patients()

    def score(X):
        return np.where(X["sex"] == "m", -1, 1) * X["age"].fillna(0) - X["falls"]

    result = audit(score, X, {"age": 1, "falls": 1})
    assert set(result.violations["feature"]) == {"age", "falls"}
    assert not result.violations.drop(columns="row").duplicated().any()
    for example in result.violations.to_dict("records"):
        row = pd.DataFrame([example["row"]])
        assert row.loc[0, example["feature"]] == example["from"]
        assert score(row)[0] == example["score_before"]
        moved = row.assign(**{example["feature"]: example["to"]})
        assert score(moved)[0] == example["score_after"]
        assert example["change"] == example["score_after"] - example["score_before"] < 0


def test_no_example_comes_twice():
    stages = pd.Categorical(STAGES[:3], ordered=True)
    result = audit(lambda X: -X["stage"].cat.codes, pd.DataFrame({"stage": stages}), {"stage": 1})
    moves = list(zip(result.violations["from"], result.violations["to"], strict=True))
    assert moves[0] == ("I", "III") and sorted(moves[1:]) == [("I", "II"), ("II", "III")]
