from glassbox.inspection import MonotonicityAudit, audit_monotonicity
from tests.inspection.watched import audit, numbers


def test_the_text_says_that_it_is_no_proof():
    X = numbers()
    for model, verdict in [(lambda X: X[:, 0], "found: none"), (lambda X: -X[:, 0], "1 of 1")]:
        result = audit(model, X, {"x0": 1}, n_sweeps=2)
        assert isinstance(result, MonotonicityAudit)
        assert verdict in str(result) and verdict in result._repr_html_()
        for text in (str(result), result._repr_html_(), audit_monotonicity.__doc__):
            assert "test and not a proof" in text
        assert "not a proof" in str(result).splitlines()[-1]
        assert ("Worst examples" in str(result)) == (not result.passed)
