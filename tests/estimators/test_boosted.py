import re
import warnings
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import log_loss, mean_squared_error, mean_tweedie_deviance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import glassbox.estimators._interpret as interprets
from glassbox import BoostedGAMClassifier, BoostedGAMRegressor, load, save
from glassbox.core.additive import AdditiveModel
from glassbox.core.axes import MISSING_CODE, UNSEEN_CODE, NumericAxis
from glassbox.core.terms import Term
from glassbox.datasets import load_birthwt, load_nhefs, load_support2
from glassbox.estimators._interpret import read_ebm, to_interpret
from glassbox.estimators._training import TrainingTable

FAST = {"n_bags": 2, "max_rounds": 300, "random_state": 0}
ENGINES = ("gram", "interpret")


@pytest.fixture
def interprets_own(monkeypatch):
    """Catches the EBM that trained, so that both can be asked for the same scores."""
    caught = {}

    def spy(ebm, table):
        caught.update(ebm=ebm, table=table)
        return read_ebm(ebm, table)

    monkeypatch.setattr(interprets, "read_ebm", spy)
    return caught


def random_table(rng, n_rows, unseen=False):
    def choice(levels):
        values = rng.choice(np.array(levels, dtype=object), n_rows)
        values[rng.random(n_rows) < 0.1] = None
        return values

    return pd.DataFrame(
        {
            "a": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(size=n_rows)),
            "b & c": np.round(rng.normal(size=n_rows), 1),
            "flag": rng.random(n_rows) < 0.5,
            "sex": choice(["f", "m", "x"] if unseen else ["f", "m"]),
            "stage": pd.Categorical(
                choice(["I", "II", "III"]), categories=["I", "II", "III"], ordered=True
            ),
        }
    )


def interprets_scores(ebm, frame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(ebm, "decision_function"):
            return ebm.decision_function(frame)
        scores = ebm.predict(frame)
        return np.log(scores) if ebm.link_ == "log" else scores


def assert_parity(model, caught, X):
    """The same scores as interpret, for the rows it trained on and for new ones."""
    table = caught["table"]
    frame, _ = to_interpret(table)
    own = model.additive_model_.scores(table.columns)
    np.testing.assert_allclose(
        own, interprets_scores(caught["ebm"], frame).reshape(own.shape), rtol=0, atol=1e-9
    )
    new = model.schema_.read(X)
    unseen = {
        column.name: new[column.name] == UNSEEN_CODE
        for column in model.schema_.columns
        if column.kind == "categorical"
    }
    known = {
        name: np.where(unseen.get(name, False), MISSING_CODE, codes) for name, codes in new.items()
    }
    new_frame, _ = to_interpret(
        TrainingTable(model.schema_, known, np.zeros(len(X)), np.ones(len(X)))
    )
    for name, rows in unseen.items():
        j = str(model.schema_.names.index(name))
        new_frame[j] = new_frame[j].astype(object)
        new_frame.loc[rows, j] = "never seen"
    own = model.additive_model_.scores(new)
    np.testing.assert_allclose(
        own, interprets_scores(caught["ebm"], new_frame).reshape(own.shape), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("interactions", [0, 4])
@pytest.mark.parametrize("load", [load_support2, load_nhefs, load_birthwt])
def test_parity_with_interpret_on_real_tables(load, interactions, interprets_own):
    bunch = load()
    X, y = bunch.data.iloc[:3000], bunch.target.iloc[:3000]
    model = BoostedGAMClassifier(engine="interpret", interactions=interactions, **FAST).fit(X, y)
    assert_parity(model, interprets_own, X.iloc[:500])
    assert len(model.term_names_) == X.shape[1] + interactions


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["binary", "multiclass", "squared_error", "poisson"]),
)
def test_parity_with_interpret_on_random_tables(seed, task):
    rng = np.random.default_rng(seed)
    X = random_table(rng, 150)
    signal = np.nan_to_num(X["a"]) + (X["sex"] == "m")
    if task in ("binary", "multiclass"):
        n_classes = 2 if task == "binary" else 3
        y = np.clip(np.round(signal + rng.normal(size=150)), 0, n_classes - 1).astype(int)
        model = BoostedGAMClassifier(engine="interpret", interactions=3, **FAST)
    else:
        y = rng.poisson(np.exp(signal / 2)) + 0.0
        model = BoostedGAMRegressor(loss=task, engine="interpret", interactions=3, **FAST)
    caught = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            interprets,
            "read_ebm",
            lambda ebm, table: caught.update(ebm=ebm, table=table) or read_ebm(ebm, table),
        )
        model.fit(X, y)
    new = random_table(rng, 60, unseen=True)
    assert_parity(model, caught, new)
    scores = model._scores(new)
    contributions = model.contributions(new).to_numpy().reshape(60, -1, scores.shape[1])
    np.testing.assert_allclose(
        contributions.sum(axis=1) + model.intercept_, scores, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(
    "loss, link",
    [
        ("squared_error", "identity"),
        ("log_squared_error", "log"),
        ("poisson", "log"),
        ("gamma", "log"),
        ("tweedie:variance_power=1.3", "log"),
        ("pseudo_huber:delta=2", "identity"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_losses(loss, link, engine):
    if (loss, engine) == ("log_squared_error", "gram"):
        pytest.skip("only interpret has this loss")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = rng.gamma(5, np.exp(X[:, 0] / 2) / 5) + 0.01
    model = BoostedGAMRegressor(loss=loss, engine=engine, **FAST).fit(X, y)
    assert model.additive_model_.link == link
    assert model.score(X, y) > 0.2
    assert (model.predict(X) > 0).all() or link == "identity"


@pytest.mark.parametrize(
    "parameters, y, message",
    [
        ({"loss": "hinge"}, [1.0, 2.0], "loss must be one of"),
        ({"loss": "poisson"}, [-1.0, 2.0], "zero or more, but y holds -1"),
        ({"loss": "gamma"}, [0.0, 2.0], "positive, but y holds 0"),
        ({"interactions": [("age", "bun")]}, [1.0, 2.0], "interactions names 'bun'"),
        ({"interactions": ["age"]}, [1.0, 2.0], "give pairs of two columns"),
        ({"interactions": [("age", "age")]}, [1.0, 2.0], "twice over"),
        ({"interactions": [("age", "sex"), ("sex", "age")]}, [1.0, 2.0], "twice over"),
        ({"exclude": ["bun"]}, [1.0, 2.0], "exclude names 'bun'"),
        ({"monotonic_cst": {"bun": 1}}, [1.0, 2.0], "monotonic_cst names 'bun'"),
        ({"monotonic_cst": {"age": 2}}, [1.0, 2.0], "'age' must be -1"),
        ({"monotonic_cst": [1]}, [1.0, 2.0], "1 values for 2 features"),
        ({"monotonic_cst": {"sex": 1}}, [1.0, 2.0], "have no order"),
        ({"n_bags": 0}, [1.0, 2.0], "n_bags"),
        ({"max_leaves": 1}, [1.0, 2.0], "max_leaves"),
    ],
)
def test_errors_name_what_is_wrong(parameters, y, message):
    X = pd.DataFrame({"age": [40.0, 50.0] * 10, "sex": ["f", "m"] * 10})
    with pytest.raises(ValueError, match=message):
        BoostedGAMRegressor(**{**FAST, **parameters}).fit(X, y * 10)


def turning_table(n_rows=600):
    """Rows where the outcome rises with age, but falls for the few of one stage."""
    rng = np.random.default_rng(0)
    X = random_table(rng, n_rows).assign(
        age=rng.uniform(20, 90, n_rows), c=rng.normal(size=n_rows)
    )
    turns = np.where(X["stage"] == "III", -1.0, 1.0)
    score = turns * (X["age"] - 55) / 15 + X["age"] * X["c"] / 50 + X["stage"].cat.codes / 2
    return X, score + rng.logistic(size=n_rows)


PAIRS = [("age", "stage"), ("c", "age")]


@pytest.mark.parametrize("directions", [{"age": 1, "stage": 1, "a": -1}, {"age": -1, "stage": -1}])
@pytest.mark.parametrize("interactions", [PAIRS, 5])
def test_directions_hold_exactly_in_pairs(directions, interactions, tmp_path):
    X, score = turning_table()
    model = BoostedGAMClassifier(monotonic_cst=directions, interactions=interactions, **FAST)
    model.fit(X, score > 0)
    assert "c & age" in model.term_names_ or "age & c" in model.term_names_
    certificate = model.certificate().set_index("feature")
    assert certificate.loc[list(directions), "holds"].all()
    save(model, tmp_path / "model.json")
    restored = load(tmp_path / "model.json")
    pd.testing.assert_frame_equal(restored.certificate(), model.certificate())
    assert restored.repair_ == model.repair_
    rng = np.random.default_rng(1)
    rows = model.schema_.read(random_table(rng, 100_000, unseen=True).assign(age=0.0, c=0.0))
    rows["age"], rows["c"] = rng.uniform(10, 99, 100_000), rng.normal(size=100_000)
    for name, direction in directions.items():
        low, step = rows[name], rng.exponential(10.0 if name == "age" else 1.0, 100_000)
        if name == "stage":
            low, step = rng.integers(0, 2, 100_000), 1
        before, after = {**rows, name: low}, {**rows, name: low + step}
        moves = [model.additive_model_.scores(moved) for moved in (before, after)]
        assert (direction * (moves[1] - moves[0])).min() > -1e-12


def test_what_the_repair_took_is_said(interprets_own):
    X, score = turning_table()
    model = BoostedGAMClassifier(
        engine="interpret", monotonic_cst={"age": 1}, interactions=PAIRS, **FAST
    )
    model.fit(X, score > 0)
    free = read_ebm(interprets_own["ebm"], interprets_own["table"])[0]
    columns, y = interprets_own["table"].columns, interprets_own["table"].y
    moved = model.additive_model_.contributions(columns) - free.contributions(columns)
    repair = model.repair_
    for name, change in zip(model.term_names_, moved[:, :, 0].T, strict=True):
        assert repair["terms"].get(name, 0.0) == pytest.approx(np.sqrt(np.mean(change**2)))
    assert set(repair["terms"]) == {"age", "age & stage", "c & age"}
    assert repair["terms"]["age & stage"] > 0.1
    assert repair["score"] == pytest.approx(np.sqrt(np.mean(moved.sum(axis=1) ** 2)))
    assert repair["loss_before"] == pytest.approx(log_loss(y, free.means(columns)[:, 0]))
    assert repair["loss_after"] == pytest.approx(
        log_loss(y, model.additive_model_.means(columns)[:, 0])
    )
    assert repair["loss_after"] > repair["loss_before"]


def test_bands_move_with_repaired_tables():
    X, score = turning_table()
    settings = {"interactions": PAIRS, **FAST}
    free = BoostedGAMRegressor(**settings).fit(X, score).additive_model_
    ours = BoostedGAMRegressor(monotonic_cst={"age": 1}, **settings).fit(X, score).additive_model_
    for name in ("age & stage", "c & age"):
        assert np.abs(ours[name].coefficients - free[name].coefficients).max() > 0.01
        np.testing.assert_allclose(
            ours[name].upper - ours[name].lower, free[name].upper - free[name].lower
        )
    np.testing.assert_array_equal(ours["sex"].coefficients, free["sex"].coefficients)


def test_columns_in_no_pair_are_boosted_under_their_direction():
    X, score = turning_table()
    cst = {"age": 1, "a": -1}
    paired = BoostedGAMClassifier(monotonic_cst=cst, interactions=[("age", "c")], **FAST)
    paired.fit(X, score > 0)
    assert set(paired.repair_["terms"]) == {"age", "age & c"}
    assert paired.certificate().set_index("feature").loc["a", "holds"]
    assert BoostedGAMClassifier(monotonic_cst=cst, **FAST).fit(X, score > 0).repair_ == {}


@pytest.mark.parametrize(
    "loss, mean_loss",
    [
        ("squared_error", mean_squared_error),
        ("log_squared_error", mean_squared_error),
        ("poisson", partial(mean_tweedie_deviance, power=1)),
        ("gamma", partial(mean_tweedie_deviance, power=2)),
        ("tweedie:variance_power=1.3", partial(mean_tweedie_deviance, power=1.3)),
        ("pseudo_huber:delta=2", lambda y, m: np.mean(4 * (np.sqrt(1 + (y - m) ** 2 / 4) - 1))),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_losses_after_a_repair(loss, mean_loss, engine):
    if (loss, engine) == ("log_squared_error", "gram"):
        pytest.skip("only interpret has this loss")
    X, score = turning_table(300)
    y = np.exp(score / 4)
    model = BoostedGAMRegressor(
        loss=loss,
        engine=engine,
        monotonic_cst={"age": 1},
        interactions=[("age", "stage")],
        **FAST,
    ).fit(X, y)
    assert model.repair_["loss_after"] == pytest.approx(mean_loss(y, model.predict(X)))
    assert model.certificate().set_index("feature").loc["age", "holds"]


@pytest.mark.parametrize("interactions", [2, [("age", "c")]])
def test_a_main_effect_that_its_pairs_need_is_not_excluded(interactions):
    X, score = turning_table(100)
    model = BoostedGAMRegressor(
        monotonic_cst={"age": 1}, interactions=interactions, exclude=["age"], **FAST
    )
    with pytest.raises(ValueError, match="exclude names column 'age'"):
        model.fit(X, score)
    model.set_params(interactions=[("a", "c")]).fit(X, score)
    assert "age" not in model.term_names_


@pytest.mark.parametrize("direction", [-1, 1])
def test_declared_directions_hold_exactly(direction):
    rng = np.random.default_rng(0)
    X = random_table(rng, 500)
    stage = X["stage"].cat.codes.to_numpy()
    y = np.nan_to_num(X["a"]) + 0.3 * stage + rng.normal(size=500) > 0
    cst = {"a": direction, "stage": direction}
    model = BoostedGAMClassifier(monotonic_cst=cst, **FAST).fit(X, y)
    certificate = model.certificate().set_index("feature")
    assert certificate.loc[["a", "stage"], "holds"].all()
    for name in cst:
        axis = model.additive_model_[name].axes[0]
        values = model.additive_model_[name].coefficients[: axis.n_values, 0]
        assert (direction * np.diff(values) >= 0).all()


def test_no_directions_for_several_classes():
    X = np.random.default_rng(0).normal(size=(90, 2))
    with pytest.raises(ValueError, match="monotonic_cst needs one score"):
        BoostedGAMClassifier(monotonic_cst=[1, 0], **FAST).fit(X, np.arange(90) % 3)


def test_excluded_terms_are_absent():
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = BoostedGAMRegressor(exclude=["x0", ("x1", "x2")], interactions=3, **FAST).fit(
        X, X[:, 0]
    )
    assert "x0" not in model.term_names_ and "x1 & x2" not in model.term_names_


def test_whole_weights_are_rows():
    rng = np.random.default_rng(0)
    X = random_table(rng, 80)
    y = np.nan_to_num(X["a"]) + rng.normal(size=80)
    weights = rng.integers(0, 4, size=80)
    weighted = BoostedGAMRegressor(**FAST).fit(X, y, sample_weight=weights)
    rows = np.repeat(np.arange(80), weights)
    repeated = BoostedGAMRegressor(**FAST).fit(X.iloc[rows], y[rows])
    np.testing.assert_array_equal(weighted.predict(X), repeated.predict(X))


def test_fractional_weights_change_the_fit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    y = np.where(np.arange(300) % 2, 1.0, -1.0)
    weights = np.where(np.arange(300) % 2, 2.5, 0.5)
    model = BoostedGAMRegressor(**FAST).fit(X, y, sample_weight=weights)
    assert model.intercept_ == pytest.approx(np.average(y, weights=weights), abs=0.02)


def test_the_order_of_rows_and_columns_does_not_matter():
    rng = np.random.default_rng(0)
    X = random_table(rng, 200)
    y = pd.Series(np.where(np.nan_to_num(X["a"]) + rng.normal(size=200) > 0, "died", "lived"))
    model = BoostedGAMClassifier(**FAST).fit(X, y)
    order = rng.permutation(200)
    again = BoostedGAMClassifier(**FAST).fit(X.iloc[order], y.iloc[order])
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X[X.columns[::-1]]))
    assert model.classes_.tolist() == ["died", "lived"]


def test_polars_fits_like_pandas():
    rng = np.random.default_rng(0)
    X = random_table(rng, 200)
    y = np.nan_to_num(X["a"]) > 0
    polars = pl.DataFrame(
        {
            name: pl.Series(
                X[name].astype(object).where(X[name].notna(), None).tolist(),
                dtype=pl.Enum(["I", "II", "III"]) if name == "stage" else None,
            )
            for name in X
        }
    )
    model = BoostedGAMClassifier(**FAST).fit(X, y)
    other = BoostedGAMClassifier(**FAST).fit(polars, y)
    assert other.feature_names_in_.tolist() == list(X)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(polars))


def test_one_missing_row_is_not_shown_as_knowledge():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=600), "sex": ["f", "m"] * 300})
    X.loc[0, "a"] = np.nan
    X.loc[1, "sex"] = "rare"
    y = rng.random(600) < 0.3
    model = BoostedGAMClassifier(n_bags=4, max_rounds=300, random_state=0).fit(X, y)
    for term, kind, label in (("a", "missing", None), ("sex", "value", "rare")):
        frame = model.shape_function(term)
        slot = frame[(frame["kind"] == kind) & ((frame["x"] == label) | (label is None))]
        assert slot["weight"].item() == 1
        # one row with p = .3 knows its log-odds to about 1 / sqrt(.21 + 1 / 2.5 ** 2) = 1.6
        assert (slot["upper"] - slot["lower"]).item() > 2 * 1.96 * 1.5


def test_no_band_without_bags_or_validation_rows():
    X = np.random.default_rng(0).normal(size=(100, 2))
    for parameters in ({"n_bags": 1}, {"n_bags": 2, "validation_size": 0}):
        model = BoostedGAMRegressor(max_rounds=50, random_state=0, **parameters).fit(X, X[:, 0])
        assert model.band_description_.startswith("no band")
        assert model.shape_function("x0")["lower"].isna().all()


def test_the_band_is_a_delete_d_jackknife(interprets_own):
    X = np.random.default_rng(0).normal(size=(200, 1))
    model = BoostedGAMRegressor(engine="interpret", n_bags=5, max_rounds=300, random_state=0)
    model.fit(X, X[:, 0])
    spread = np.std(interprets_own["ebm"].bagged_scores_[0], axis=0, ddof=1)[1:-1]
    term = model.additive_model_["x0"]
    t_quantile = 2.7764451051977987  # Student's t, 4 degrees of freedom, 97.5 %
    half_width = t_quantile * np.sqrt(0.85 / 0.15) * spread
    np.testing.assert_allclose((term.upper - term.coefficients)[:-1, 0], half_width)
    np.testing.assert_allclose((term.coefficients - term.lower)[:-1, 0], half_width)


def test_dips_of_rounding_size_are_mended_and_others_are_not():
    axis = NumericAxis("a", np.arange(4.0))
    for dip, mended in ((1e-15, True), (1e-3, False)):
        term = Term((axis,), np.array([0.0, 1.0, 1.0 - dip, 0.3]))
        model = interprets._without_rounding_dips(AdditiveModel(0.0, (term,)), {"a": 1})
        values = model["a"].coefficients[:3, 0]
        assert (np.diff(values) >= 0).all() == mended
        assert model["a"].coefficients[3, 0] == 0.3


def test_wider_confidence_wider_band():
    X = np.random.default_rng(0).normal(size=(200, 1))
    widths = []
    for level in (0.8, 0.95):
        model = BoostedGAMRegressor(confidence_level=level, **FAST).fit(X, X[:, 0])
        frame = model.shape_function("x0")
        widths.append((frame["upper"] - frame["lower"]).to_numpy())
    assert (widths[0] < widths[1]).all()


def test_verbose_tells_how_far_a_bag_has_come(capfd):
    X = np.random.default_rng(0).normal(size=(200, 2))
    BoostedGAMRegressor(
        n_bags=1, max_rounds=2000, early_stopping_rounds=0, verbose=1, random_state=0
    ).fit(X, X[:, 0])
    assert re.search(r"\[glassbox\] bag 1: 2,0\d\d steps, validation loss", capfd.readouterr().err)


def test_in_pipelines_and_searches():
    bunch = load_birthwt()
    pipeline = make_pipeline(FunctionTransformer(), BoostedGAMClassifier(**FAST))
    scores = cross_val_score(pipeline, bunch.data, bunch.target, cv=3, scoring="roc_auc")
    assert scores.mean() > 0.5
    search = GridSearchCV(
        BoostedGAMClassifier(**FAST), {"max_bins": [8, 64]}, cv=2, scoring="neg_log_loss"
    ).fit(bunch.data, bunch.target)
    assert search.best_params_["max_bins"] in (8, 64)
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()
