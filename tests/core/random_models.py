"""Random axes, models and columns for tests of what must hold for all of them."""

import numpy as np

from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, CategoricalAxis, NumericAxis
from glassbox.core.density import with_density
from glassbox.core.terms import Term


def numeric_axis(rng, name, degree, *, extrapolation="constant", n_knots=None, inner_only=False):
    """Knots on a coarse lattice, so that axes of one feature sometimes share some."""
    n_knots = rng.integers(2, 7) if n_knots is None else n_knots
    if inner_only:  # the same edges for every axis of the feature
        inner = rng.choice(np.arange(1, 16), size=n_knots - 2, replace=False)
        knots = np.sort(np.append(inner, [0, 16])) / 2.0
    else:
        knots = np.sort(rng.choice(np.arange(17), size=n_knots, replace=False)) / 2.0
    return NumericAxis(name, knots, degree, extrapolation)


def random_table(rng, axes, n_outputs):
    return rng.normal(size=(*(axis.size for axis in axes), n_outputs)).round(2)


def random_term(rng, axes, n_outputs=1, band=False):
    table = random_table(rng, axes, n_outputs)
    width = rng.uniform(0, 1, size=table.shape)
    edges = {"lower": table - width, "upper": table + width} if band else {}
    return Term(axes, table, **edges)


def random_model(
    rng,
    degrees=(0,),
    n_outputs=1,
    *,
    n_features=3,
    shared=False,
    linear=False,
    band=False,
    mixed=False,
):
    """Mains and pairs; axes of a feature differ between terms unless shared, degrees if mixed."""
    kinds = {}
    for j in range(n_features):
        extrapolation = "linear" if linear and rng.random() < 0.5 else "constant"
        kinds[f"x{j}"] = (int(rng.choice(degrees)), extrapolation, rng.random() < 0.3)
    known = {}

    def axis(name):
        degree, extrapolation, categorical = kinds[name]
        if categorical:
            return known.setdefault(name, CategoricalAxis(name, ("a", "b", "c"), ordered=True))
        if mixed:
            degree = int(rng.choice(degrees))
        made = numeric_axis(
            rng,
            name,
            degree,
            extrapolation="constant" if degree == 0 else extrapolation,
            inner_only=degree == 3,
        )
        return known.setdefault(name, made) if shared else made

    terms = [random_term(rng, (axis(n),), n_outputs, band) for n in kinds if rng.random() < 0.7]
    for j in range(n_features):
        for k in range(j + 1, n_features):
            if rng.random() < 0.6:
                axes = (axis(f"x{j}"), axis(f"x{k}"))
                terms.append(random_term(rng, axes, n_outputs, band))
    if not terms:
        terms.append(random_term(rng, (axis("x0"),), n_outputs, band))
    return AdditiveModel(rng.normal(size=n_outputs), tuple(terms), "identity")


def feature_axes(model):
    axes = {}
    for term in model.terms:
        for axis in term.axes:
            axes.setdefault(axis.name, []).append(axis)
    return axes


def random_columns(rng, model, n_rows=200, *, inside=False, missing=0.15):
    """Values on, between and (unless inside) beyond the knots, missing and unseen ones."""
    columns = {}
    for name, axes in feature_axes(model).items():
        if isinstance(axes[0], CategoricalAxis):
            codes = rng.integers(0, axes[0].n_values, size=n_rows)
            codes[rng.random(n_rows) < missing] = MISSING_CODE
            codes[rng.random(n_rows) < missing / 2] = UNSEEN_CODE
            columns[name] = codes
            continue
        low = max(axis.knots[0] for axis in axes)
        high = min(axis.knots[-1] for axis in axes)
        if high <= low or not inside:
            low = min(axis.knots[0] for axis in axes) - 3
            high = max(axis.knots[-1] for axis in axes) + 3
        x = rng.uniform(low, high, size=n_rows)
        on_a_knot = rng.random(n_rows) < 0.3
        x[on_a_knot] = np.clip(np.round(2 * x[on_a_knot]) / 2, low, high)
        x[rng.random(n_rows) < missing] = np.nan
        columns[name] = x
    return columns


def counted(rng, model, n_rows=60):
    """The model with a density that leaves some cells empty."""
    flat = model.replace(
        terms=tuple(Term(tuple(map(_constant, t.axes)), t.coefficients) for t in model.terms)
    )
    columns = random_columns(rng, model, n_rows)
    densities = [t.density for t in with_density(flat, columns, rng.uniform(0, 3, n_rows)).terms]
    terms = (t.replace(density=d) for t, d in zip(model.terms, densities, strict=True))
    return model.replace(terms=tuple(terms))


def _constant(axis):
    """Rows beyond the edge of a linear axis would have negative weights."""
    if isinstance(axis, NumericAxis):
        return NumericAxis(axis.name, axis.knots, axis.degree)
    return axis
