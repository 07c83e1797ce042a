import numpy as np
import pytest

from glassbox.core.axes import CategoricalAxis, NumericAxis
from glassbox.core.shapes import shape_function
from glassbox.core.terms import Term

KNOTS = np.array([0.0, 1.0, 3.0, 4.0])
SEX = CategoricalAxis("sex", ("f", "m"))


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_scores_are_what_the_term_evaluates(degree):
    axis = NumericAxis("age", KNOTS, degree)
    table = np.random.default_rng(0).normal(size=axis.size)
    term = Term((axis,), table, table - 1, table + 2, np.arange(axis.size))
    frame = shape_function(term)
    x = np.array([np.nan if value is None else value for value in frame["x"]])
    np.testing.assert_array_equal(frame["score"], term.evaluate([axis.locate(x)])[:, 0])
    np.testing.assert_allclose(frame["upper"] - frame["lower"], 3.0)
    assert frame["kind"].tolist()[-1] == "missing" and (frame["kind"][:-1] == "value").all()
    assert frame.attrs["degrees"] == [degree]


def test_steps_are_given_by_their_left_ends():
    term = Term((NumericAxis("age", KNOTS),), np.array([1.0, 2.0, 3.0, 9.0]))
    frame = shape_function(term)
    assert frame["x"].tolist() == [0.0, 1.0, 3.0, 4.0, None]
    assert frame["score"].tolist() == [1.0, 2.0, 3.0, 3.0, 9.0]


def test_categories_missing_and_unseen():
    frame = shape_function(Term((SEX,), np.arange(4.0), density=np.array([5, 6, 7, 0])))
    assert frame["x"].tolist() == ["f", "m", None, None]
    assert frame["kind"].tolist() == ["value", "value", "missing", "unseen"]
    assert frame["weight"].tolist() == [5, 6, 7, 0]
    assert frame["lower"].isna().all()
    assert frame.attrs["categorical"] == [True]


def test_pairs_in_long_form():
    axis = NumericAxis("age", KNOTS, degree=1)
    table = np.random.default_rng(0).normal(size=(axis.size, SEX.size))
    frame = shape_function(Term((axis, SEX), table))
    assert len(frame) == axis.size * SEX.size
    cell = frame[(frame["x1"] == 3.0) & (frame["x2"] == "m")]
    assert cell["score"].item() == table[2, 1]
    both = frame[(frame["kind1"] == "missing") & (frame["kind2"] == "unseen")]
    assert both["kind"].item() == "unseen" and both["score"].item() == table[-1, -1]


def test_outputs_are_stacked():
    table = np.arange(8.0).reshape(4, 2)
    frame = shape_function(Term((SEX,), table), outputs=["lived", "died"])
    assert frame.columns[0] == "output"
    np.testing.assert_array_equal(frame.query("output == 'died'")["score"], table[:, 1])
