import numpy as np
import pytest

from tests.inspection.watched import audit, numbers


def test_a_callable_may_return_a_tensor():
    torch = pytest.importorskip("torch")
    weights = torch.tensor([[1.0], [-1.0], [0.0]], requires_grad=True)
    for dtype in (torch.float32, torch.bfloat16):
        result = audit(
            lambda X, dtype=dtype: torch.as_tensor(X, dtype=dtype) @ weights.to(dtype),
            numbers(),
            [1, 1, 0],
            n_sweeps=2,
        )
        assert result.summary["passed"].tolist() == [True, False]


def test_rounding_is_no_violation_unless_it_is_asked_for():
    X = numbers()
    noise = 1e-15

    def score(X):
        return 3.0 + noise * np.sign(np.sin(1e9 * X[:, 0]))

    by_default = audit(score, X, {"x0": 1})
    assert by_default.passed and by_default.tolerance == pytest.approx(3e-12)
    assert by_default.summary.loc[0, "worst"] > 0 and len(by_default.violations) == 0
    assert not audit(score, X, {"x0": 1}, tolerance=0).passed


def test_single_precision_is_told_from_double():
    X = numbers()

    def score(X):
        return 3.0 + 3e-7 * np.sign(np.sin(1e9 * X[:, 0]))

    assert not audit(score, X, {"x0": 1}).passed
    single = audit(lambda X: score(X).astype(np.float32), X, {"x0": 1})
    assert not np.signbit(audit(lambda X: X[:, 0], X, {"x0": 1}).summary.loc[0, "worst"])
    assert single.passed and single.tolerance == pytest.approx(3e-6, rel=1e-3)
