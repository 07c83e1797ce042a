import numpy as np

from glassbox.core.axes import NumericAxis
from glassbox.solvers._design import AxisSummary, make_design


def layout(X, weights=None, *, shrink_lines, n_knots=10, pairs=()):
    """A design of cubic terms over the columns of X, and the typed columns."""
    weights = np.ones(len(X)) if weights is None else weights
    columns = {f"x{j}": np.ascontiguousarray(X[:, j]) for j in range(X.shape[1])}

    def axis(j, n):
        column = X[:, j][~np.isnan(X[:, j])]
        return NumericAxis(f"x{j}", np.linspace(column.min(), column.max(), n), 3)

    mains = [axis(j, n_knots) for j in range(X.shape[1])]
    both = [(axis(a, 4), axis(b, 4)) for a, b in pairs]
    summaries = {
        id(a): AxisSummary.of(a, columns[a.name], weights)
        for a in (*mains, *(a for pair in both for a in pair))
    }
    return make_design(mains, both, summaries, shrink_lines=shrink_lines), columns


def predictor(fit, columns, n_rows):
    """Linear predictors of every row."""
    blocks = [block @ fit.coefficients for _, block in fit.design.blocks(columns, n_rows)]
    return np.concatenate(blocks)
