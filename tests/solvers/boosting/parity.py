"""One table, boosted by interpret and by the engine, with nothing left to chance."""

from __future__ import annotations

import contextlib
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
from interpret import develop
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

from glassbox.core.schema import Schema
from glassbox.estimators._interpret import read_ebm, to_interpret
from glassbox.estimators._training import TrainingTable
from glassbox.solvers._boosting.bins import bin_column
from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers.boosting import BoostingOptions, Problem, boost

SETTINGS = {
    "learning_rate": 0.1,
    "greedy_ratio": 10.0,
    "cyclic_progress": 0.0,
    "max_rounds": 12,
    "min_samples_leaf": 4,
    "min_hessian": 1e-4,
    "reg_alpha": 0.0,
    "reg_lambda": 0.0,
    "max_delta_step": 0.0,
    "gain_scale": 5.0,
    "min_cat_samples": 10,
    "cat_smooth": 10.0,
    "missing": "separate",
    "max_bins": 16,
    "max_interaction_bins": 6,
}
_OBJECTIVES = {
    "squared_error": "rmse",
    "log_loss": "log_loss",
    "multinomial": "log_loss",
    "poisson": "poisson_deviance",
    "gamma": "gamma_deviance",
    "tweedie": "tweedie_deviance:variance_power=1.3",
}
_PARAMETERS = {"tweedie": 1.3}
#: Interpret starts these from somewhere else, unless it is told not to.
_STARTED = ("poisson", "gamma", "tweedie")


@contextlib.contextmanager
def _no_chance():
    """Interpret in double precision, with all terms in their order."""
    wanted = {
        "randomize_initial_feature_order": False,
        "randomize_greedy_feature_order": False,
        "randomize_feature_order": False,
        "acceleration": 0,
        "n_intercept_rounds_initial": 0,
    }
    before = {name: develop.get_option(name) for name in wanted}
    for name, value in wanted.items():
        develop.set_option(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            develop.set_option(name, value)


def table_of(frame, y, weights=None):
    """A frame as estimators read it."""
    schema = Schema.infer(frame)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    return TrainingTable(schema, schema.read(frame), np.asarray(y), weights)


def interprets_model(table, loss, pairs=(), directions=None, **settings):
    """An intercept, and for each term a table over the coefficients of axes, and the axes."""
    classes = loss in ("log_loss", "multinomial")
    machine = ExplainableBoostingClassifier if classes else ExplainableBoostingRegressor
    frame, types = to_interpret(table)
    ebm = machine(
        **(SETTINGS | settings),
        feature_types=types,
        interactions=pairs if isinstance(pairs, int) else list(pairs),
        objective=_OBJECTIVES[loss],
        outer_bags=1,
        inner_bags=0,
        validation_size=0,
        smoothing_rounds=0,
        interaction_smoothing_rounds=0,
        max_leaves=2,
        monotone_constraints=directions,
        n_jobs=1,
    )
    start = None
    if loss in _STARTED:
        mean = np.average(table.y, weights=table.weights)
        start = np.log(mean)
    with warnings.catch_warnings(), _no_chance():
        warnings.simplefilter("ignore")
        scores = None if start is None else np.full(table.n_rows, start)
        ebm.fit(frame, table.y, sample_weight=table.weights, init_score=scores)
    model = read_ebm(ebm, table)[0]
    return model.intercept + (start or 0.0), {
        tuple(axis.name for axis in term.axes): (term.coefficients, term.axes)
        for term in model.terms
    }


def step_rule(**settings):
    """A step rule; what is not said is as in `SETTINGS`."""
    s = SETTINGS | settings
    return StepRule(
        s["learning_rate"], s["reg_alpha"], s["reg_lambda"], s["max_delta_step"] or np.inf,
        s["min_hessian"], s["min_samples_leaf"], s["min_cat_samples"], s["cat_smooth"],
        s["gain_scale"],
    )  # fmt: skip


def engines_problem(table, pairs=(), directions=None, **settings):
    """The problem of one bag of all rows, and its columns in bins."""
    s = SETTINGS | settings
    signs = directions or [0] * len(table.schema)
    columns = [(column, table.columns[column.name]) for column in table.schema.columns]
    mains = [
        bin_column(*column, s["max_bins"], sign, s["missing"])
        for column, sign in zip(columns, signs, strict=True)
    ]
    in_pairs = [bin_column(*column, s["max_interaction_bins"]) for column in columns]
    if isinstance(pairs, int):
        candidates, n_pairs = list(combinations(range(len(columns)), 2)), pairs
    else:
        candidates, n_pairs = list(pairs), len(pairs)
    problem = Problem(
        [column.feature for column in mains],
        [column.feature for column in in_pairs],
        candidates,
        n_pairs,
        table.y.astype(float),
        table.weights,
        np.ones((table.n_rows, 1), dtype=np.uint8),
    )
    return problem, mains, in_pairs


def engines_options(table, loss, upkeep="rows", **settings):
    """Options without chance; what is not said is as in `SETTINGS`."""
    s = SETTINGS | settings
    n_outputs = int(table.y.max()) + 1 if loss == "multinomial" else 1
    return BoostingOptions(
        Loss.named(loss, _PARAMETERS.get(loss, 0.0), n_outputs),
        step_rule(**settings),
        s["greedy_ratio"],
        s["cyclic_progress"],
        smoothing_rounds=0,
        interaction_smoothing_rounds=0,
        max_rounds=s["max_rounds"],
        early_stopping_rounds=0,
        shuffle=False,
        upkeep=upkeep,
    )


def engines_model(table, loss, pairs=(), directions=None, upkeep="rows", **settings):
    """As :func:`interprets_model`, with the bins of each term instead of its axes."""
    problem, mains, in_pairs = engines_problem(table, pairs, directions, **settings)
    boosted = boost(problem, engines_options(table, loss, upkeep, **settings), seed=0)
    columns = [(column,) for column in mains] + [
        (in_pairs[i], in_pairs[j]) for i, j in boosted.pairs
    ]
    tables = [np.moveaxis(t[0], 0, -1) for t in (*boosted.mains, *boosted.pair_tables)]
    names = [tuple(column.axis.name for column in of_term) for of_term in columns]
    return boosted.intercept, dict(zip(names, zip(tables, columns, strict=True), strict=True))


def assert_same_models(interprets, engines, values, atol=1e-10):
    """In cells with rows, both have the same coefficients; and the same intercept.

    Trees of a pair that differ in empty cells only are equally good, up to rounding.
    """
    (intercept, terms), (engines_intercept, engines_terms) = interprets, engines
    np.testing.assert_allclose(
        intercept - intercept[0], engines_intercept - engines_intercept[0], rtol=0, atol=1e-9
    )
    if len(intercept) == 1:
        np.testing.assert_allclose(intercept, engines_intercept, rtol=0, atol=atol)
    assert set(terms) == set(engines_terms)
    for names, (coefficients, axes) in terms.items():
        table, columns = engines_terms[names]
        assert axes == tuple(column.axis for column in columns)
        rows = [column.feature.codes for column in columns]
        slots = [
            column.axis.locate(values[name]).first
            for name, column in zip(names, columns, strict=True)
        ]
        found = table[rows[0], rows[1] if len(rows) == 2 else 0]
        np.testing.assert_allclose(found, coefficients[tuple(slots)], rtol=0, atol=atol)


def random_frame(rng, n_rows, kinds, missing=0.1):
    """Columns of numbers ("n"), few numbers ("f"), categories ("c"), ordered categories ("o")."""
    frame = {}
    for j, kind in enumerate(kinds):
        if kind in "nf":
            values = rng.normal(size=n_rows)
            values = values.round(0 if kind == "f" else 6)
            frame[f"x{j}"] = np.where(rng.random(n_rows) < missing, np.nan, values)
        else:
            codes = np.minimum(rng.geometric(0.35, n_rows) - 1, 5)
            codes[rng.random(n_rows) < missing] = -1
            frame[f"x{j}"] = pd.Categorical.from_codes(
                codes, [f"level {k}" for k in range(6)], ordered=kind == "o"
            )
    return pd.DataFrame(frame)


def signal_of(frame, rng):
    """A score that depends on all columns, and on products of neighbours."""
    parts = []
    for name in frame:
        column = frame[name]
        values = column.cat.codes if column.dtype == "category" else column.fillna(1.3)
        parts.append(np.sin(rng.uniform(0.5, 2.0) * values.to_numpy(float) + rng.normal()))
    products = [a * b for a, b in zip(parts, parts[1:], strict=False)]
    return np.sum([*parts, *products], axis=0)


def outcome_of(signal, loss, rng):
    """An outcome that suits a loss."""
    noisy = signal + rng.normal(scale=0.5, size=len(signal))
    if loss == "squared_error":
        return noisy
    if loss == "poisson":
        return rng.poisson(np.exp(signal / 2)).astype(float)
    if loss in ("gamma", "tweedie"):
        return np.exp(noisy / 2)
    if loss == "log_loss":
        return (noisy > np.median(noisy)).astype(int)
    return np.digitize(noisy, np.quantile(noisy, [0.3, 0.7]))
