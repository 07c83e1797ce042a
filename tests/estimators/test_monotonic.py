import copy
import json
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from glassbox import (
    BoostedGAMClassifier,
    MonotonicNetClassifier,
    MonotonicNetRegressor,
    NAMClassifier,
    SplineGAMClassifier,
    load,
    save,
)
from glassbox.core.storage import ModelFileError, load_document, save_document
from glassbox.datasets import load_nhefs, load_support2

QUICK = {
    "n_bags": 3,
    "max_steps": 60,
    "hidden": (12, 12),
    "learning_rate": 0.02,
    "random_state": 0,
}
DIRECTIONS = {"lab": 1, "stage": -1}


def patients(n_rows=500, seed=0):
    """An outcome that no sum of tables holds: the lab counts for old smokers only."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(20, 90, n_rows),
            "lab": rng.gamma(2.0, 1.0, n_rows),
            "dose": rng.normal(size=n_rows),
            "sex": rng.choice(["f", "m"], n_rows),
            "stage": pd.Categorical(rng.choice([1, 2, 3], n_rows), ordered=True),
            "smoker": rng.random(n_rows) < 0.5,
        }
    )
    score = 4 * np.tanh(frame.lab) * (frame.age > 55) * frame.smoker - frame.stage.astype(float)
    frame.loc[::9, "lab"] = np.nan
    frame.loc[::11, "sex"] = None
    score = np.where(frame.lab.isna(), -1.0, score)
    return frame, score + rng.normal(size=n_rows) / 4


@pytest.fixture(scope="module")
def fitted():
    X, y = patients()
    est = MonotonicNetRegressor(monotonic_cst=DIRECTIONS, **QUICK).fit(X, y)
    assert est.joint_ is not None
    return est, X, y


def test_tables_and_joint_part_add_up_to_the_score(fitted):
    est, X, _ = fitted
    X = pd.concat([X, X.head(3).assign(lab=[1e6, -1e6, np.nan], sex=["x", None, "f"])])
    contributions = est.contributions(X)
    assert list(contributions) == [*est.term_names_, "joint"]
    np.testing.assert_allclose(
        contributions.sum(axis=1) + est.intercept_, est.predict(X), rtol=0, atol=1e-9
    )
    assert contributions.index.equals(X.index)
    assert contributions["joint"].abs().max() > 0.1


def test_the_sum_stays_exact_whatever_the_parameters_say_by_now(fitted):
    est, X, _ = fitted
    other = copy.deepcopy(est).set_params(residual=False)
    total = other.contributions(X).sum(axis=1) + other.intercept_
    np.testing.assert_allclose(total, other.predict(X), rtol=0, atol=1e-9)


def test_what_no_table_holds_is_found_and_named(fitted):
    est, X, y = fitted
    additive = MonotonicNetRegressor(monotonic_cst=DIRECTIONS, residual=False, **QUICK).fit(X, y)
    fresh, outcome = patients(3_000, 1)
    error = np.mean((est.predict(fresh) - outcome) ** 2)
    assert error < 0.85 * np.mean((additive.predict(fresh) - outcome) ** 2)
    assert 0.3 < est.additivity_ < 1
    joint = est.contributions(X)["joint"]
    assert est.additivity_ == pytest.approx(1 - np.var(joint) / np.var(est.predict(X)), abs=1e-9)
    assert est.term_importances_["joint"] == pytest.approx(joint.abs().mean(), rel=1e-9)


def test_an_additive_outcome_needs_no_network():
    X, _ = patients()
    rng = np.random.default_rng(0)
    y = X.age / 20 - X.stage.astype(float) + rng.normal(size=len(X))
    est = MonotonicNetRegressor(monotonic_cst=DIRECTIONS, **QUICK).fit(X, y)
    assert est.joint_ is None and est.additivity_ == 1.0
    assert (est.contributions(X)["joint"] == 0).all() and est.term_importances_["joint"] == 0


@pytest.mark.parametrize("options", [{"residual": False}, {"hidden": ()}, {"max_steps": 0}])
def test_without_a_network_the_model_is_its_tables(options):
    X, y = patients(200)
    est = MonotonicNetRegressor(monotonic_cst=DIRECTIONS, **{**QUICK, **options}).fit(X, y)
    assert est.joint_ is None and est.additivity_ == 1.0
    assert list(est.contributions(X)) == est.term_names_ == list(est.term_importances_.index)
    assert est.history_.empty
    columns = est.schema_.read(X)
    np.testing.assert_array_equal(est.predict(X), est.additive_model_.scores(columns)[:, 0])


def test_the_certificate_names_its_method(fitted):
    est, X, _ = fitted
    rows = est.certificate().set_index("feature")
    assert rows.loc[list(DIRECTIONS), "holds"].eq(True).all()
    assert rows.loc[list(DIRECTIONS), "method"].eq("tables + weights").all()
    assert rows.loc["lab", "worst_slope"] >= 0 and rows.loc["stage", "worst_jump"] <= 0
    # What the network makes of a missing value is not in the tables.
    assert rows.loc["lab", ["missing_lowest", "missing_highest"]].isna().all()
    tables = MonotonicNetRegressor(monotonic_cst=DIRECTIONS, residual=False, **QUICK)
    rows = tables.fit(X, X.age).certificate().set_index("feature")
    assert rows.loc[list(DIRECTIONS), "method"].eq("tables").all()
    assert rows.loc["lab", ["missing_lowest", "missing_highest"]].notna().all()


def test_a_broken_weight_breaks_the_certificate(fitted):
    est = copy.deepcopy(fitted[0])
    layers = list(est.joint_.network.layers)
    up = layers[1].up.copy()
    up[0, 3, 2] = -1e-9
    layers[1] = replace(layers[1], up=up)
    network = replace(est.joint_.network, layers=tuple(layers))
    est.joint_ = replace(est.joint_, network=network)
    rows = est.certificate().set_index("feature")
    assert rows.loc[list(DIRECTIONS), "holds"].isna().all()
    assert rows.loc["age", "holds"] is None


def test_a_broken_table_breaks_the_certificate(fitted):
    est = copy.deepcopy(fitted[0])
    terms = list(est.additive_model_.terms)
    k = est.term_names_.index("lab")
    table = terms[k].coefficients.copy()
    table[3] -= 10.0
    terms[k] = terms[k].replace(coefficients=table)
    est.additive_model_ = est.additive_model_.replace(terms=tuple(terms))
    assert est.certificate().set_index("feature").loc["lab", "holds"] is False


def _moved(X, name, rng):
    """Rows with a feature raised, by tiny steps and large ones."""
    column = X[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        most = len(column.cat.categories) - 1
        higher = np.where(codes < 0, codes, np.minimum(codes + rng.integers(0, 3, len(X)), most))
        return X.assign(**{name: pd.Categorical.from_codes(higher, dtype=column.dtype)})
    values = column.to_numpy(dtype=float)
    scale = np.nanstd(values)
    step = scale * 10.0 ** rng.uniform(-14, 1.5, len(X))
    return X.assign(**{name: np.maximum(values + step, np.nextafter(values, np.inf))})


def _worst_fall(est, X, directions, n_moves, seed=0):
    """The largest change of the score against a direction, over moves of shuffled rows."""
    rng = np.random.default_rng(seed)
    score = getattr(est, "decision_function", est.predict)
    worst, n_each = 0.0, -(-n_moves // len(directions))
    for name, direction in directions.items():
        low = X[X[name].notna()].sample(n_each, replace=True, random_state=seed)
        low = low.reset_index(drop=True)
        # Unlikely combinations too.
        for other in X.columns:
            if rng.random() < 0.5:
                low[other] = low[other].sample(frac=1, random_state=seed).array
        change = direction * (score(_moved(low, name, rng)) - score(low))
        worst = min(worst, change.min())
    return worst


@settings(max_examples=4)
@given(st.integers(0, 10_000), st.sampled_from([1, -1]), st.booleans())
def test_no_move_goes_against_a_direction(seed, direction, with_pairs):
    X, y = patients(200, seed)
    directions = {"lab": direction, "stage": -direction, "age": direction}
    options = {"interactions": [("lab", "age"), ("sex", "age")]} if with_pairs else {}
    est = MonotonicNetRegressor(monotonic_cst=directions, **options, **{**QUICK, "n_bags": 2})
    est.fit(X, y)
    assert est.certificate().set_index("feature").loc[list(directions), "holds"].eq(True).all()
    assert _worst_fall(est, X, directions, 6_000, seed) >= -1e-12


SUPPORT2 = {"age": 1, "crea": 1, "bili": 1, "alb": -1, "meanbp": 0}
NHEFS = {"age": 1, "smokeyrs": 1, "smokeintensity": 1}


@pytest.mark.parametrize("table", ["support2", "nhefs"])
@pytest.mark.parametrize(
    "make",
    [
        lambda directions, pairs: MonotonicNetClassifier(
            monotonic_cst=directions, interactions=pairs, **{**QUICK, "n_bags": 2, "hidden": (6,)}
        ),
        lambda directions, pairs: NAMClassifier(
            monotonic_cst=directions, interactions=pairs, n_bags=2, max_steps=20, random_state=0
        ),
        lambda directions, pairs: BoostedGAMClassifier(
            monotonic_cst=directions, interactions=pairs, n_bags=2, max_rounds=300, random_state=0
        ),
        lambda directions, pairs: SplineGAMClassifier(monotonic_cst=directions),
    ],
    ids=["net", "nam", "boosted", "spline"],
)
def test_a_million_moves_on_real_tables(make, table):
    if table == "support2":
        X, y = load_support2(return_X_y=True)
        directions, pairs = SUPPORT2, [("age", "crea"), ("crea", "sex"), ("alb", "meanbp")]
    else:
        X, y = load_nhefs(return_X_y=True)
        directions, pairs = NHEFS, [("age", "sex"), ("smokeyrs", "smokeintensity")]
    rows = X.sample(1_500, random_state=0).index
    est = make(directions, pairs).fit(X.loc[rows], y.loc[rows])
    directions = {name: sign for name, sign in directions.items() if sign}
    assert est.certificate().set_index("feature").loc[list(directions), "holds"].eq(True).all()
    assert _worst_fall(est, X, directions, 1_000_000) >= -1e-12


def test_a_million_moves_of_a_network_on_a_real_table():
    X, _ = load_support2(return_X_y=True)
    X = X[["age", "crea", "bili", "alb", "meanbp", "sex", "adlp"]]
    rows = X.sample(2_000, random_state=0).index
    rng = np.random.default_rng(0)
    # Only the old with a high creatinine are in danger: no sum of tables says so.
    danger = ((X.age > 65) & (X.crea > 1.2)).loc[rows]
    y = danger + rng.normal(size=len(rows)) / 4
    directions = {name: sign for name, sign in SUPPORT2.items() if sign}
    est = MonotonicNetRegressor(monotonic_cst=directions, **QUICK).fit(X.loc[rows], y)
    assert est.joint_ is not None
    assert est.certificate().set_index("feature").loc[list(directions), "holds"].eq(True).all()
    assert _worst_fall(est, X, directions, 1_000_000) >= -1e-12


def test_saved_and_loaded_bit_for_bit(fitted, tmp_path):
    est, X, _ = fitted
    save(est, tmp_path / "net.json")
    back = load(tmp_path / "net.json")
    assert back.predict(X).tobytes() == est.predict(X).tobytes()
    pd.testing.assert_frame_equal(back.contributions(X), est.contributions(X))
    pd.testing.assert_frame_equal(back.certificate(), est.certificate())
    assert back.additivity_ == est.additivity_


def _edited(est, path, edit):
    save(est, path)
    document = load_document(path)
    edit(document)
    save_document(document, path)
    return load(path)


def _negative_weight(document):
    document["joint_"]["network"]["layers"][0]["up"]["$array"]["values"][0] = -0.25


def _falling_table(document):
    term = document["model"]["terms"][1]["coefficients"]
    term["values"][0] += 1e3


def _value_in_the_free_branch(document):
    network = document["joint_"]["network"]
    lab = next(
        t
        for t in network["others"]["terms"]
        if network["others"]["axes"][t["axes"][0]]["name"] == "lab"
    )
    lab["coefficients"]["values"][0] += 0.5


@pytest.mark.parametrize("edit", [_negative_weight, _falling_table, _value_in_the_free_branch])
def test_a_file_that_breaks_its_promise_is_refused(fitted, tmp_path, edit):
    with pytest.raises(ModelFileError, match="declares that the score .* 'lab'"):
        _edited(fitted[0], tmp_path / "net.json", edit)


def _not_a_number(document):
    document["joint_"]["network"]["branch_bias"]["$array"]["values"][0] = "nan"


def _without_layers(document):
    document["joint_"]["network"]["layers"] = []


def _of_another_feature(document):
    document["joint_"]["network"]["directed"]["axes"][0]["name"] = "height"


def _shown_elsewhere(document):
    document["joint_"]["shown"]["axes"][0]["name"] = "height"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_not_a_number, "not finite"),
        (_without_layers, "a member and a layer"),
        (_of_another_feature, "'height', which is not in its schema"),
        (_shown_elsewhere, "do not show 'height'"),
    ],
)
def test_a_damaged_network_is_refused(fitted, tmp_path, edit, reason):
    with pytest.raises(ModelFileError, match=reason):
        _edited(fitted[0], tmp_path / "net.json", edit)


def test_a_model_that_breaks_its_promise_is_not_saved(fitted, tmp_path):
    est = copy.deepcopy(fitted[0]).set_params(monotonic_cst={"lab": -1})
    with pytest.raises(ValueError, match="falls with 'lab', and that does not hold"):
        save(est, tmp_path / "net.json")
    assert not list(tmp_path.iterdir())


def test_every_family_checks_its_promise_when_loaded(tmp_path):
    X, y = patients(200)
    est = NAMClassifier(monotonic_cst={"lab": 1}, n_bags=2, max_steps=0, random_state=0)
    est.fit(X, y > 0)

    def edit(document):
        document["params"]["monotonic_cst"] = {"lab": -1}

    with pytest.raises(ModelFileError, match="falls with 'lab'"):
        _edited(est, tmp_path / "nam.json", edit)


def test_classes_tables_and_pipelines():
    X, y = patients(300)
    died = np.where(y > 0, "died", "lived")
    est = MonotonicNetClassifier(monotonic_cst={"lab": -1}, **QUICK).fit(X, died)
    assert set(est.predict(X)) <= {"died", "lived"}
    np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1.0)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.predict_proba(X), est.predict_proba(X))
    same = clone(est).fit(
        X.sample(frac=1, random_state=3), pd.Series(died, X.index).sample(frac=1, random_state=3)
    )
    np.testing.assert_allclose(same.predict_proba(X), est.predict_proba(X), rtol=0, atol=1e-12)
    plain = X.drop(columns="stage").assign(smoker=X.smoker.astype(int))
    pandas = clone(est).fit(plain, died)
    polars = clone(est).fit(pl.from_pandas(plain), died)
    np.testing.assert_array_equal(polars.predict(pl.from_pandas(plain)), pandas.predict(plain))
    pipe = make_pipeline(FunctionTransformer(), clone(est))
    search = GridSearchCV(
        pipe, {"monotonicnetclassifier__residual": [True, False]}, cv=2, error_score="raise"
    )
    assert search.fit(X, died).best_score_ > 0.5


def test_weights_count_as_rows_and_classes_as_weights():
    X, y = patients(200)
    labels = (y > 0).astype(int)
    est = MonotonicNetClassifier(monotonic_cst={"lab": 1}, **QUICK)
    weights = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = clone(est).fit(X, labels, sample_weight=weights)
    repeated = X.loc[X.index.repeat(weights)]
    rows = clone(est).fit(repeated, labels.repeat(weights))
    np.testing.assert_allclose(weighted.predict_proba(X), rows.predict_proba(X), rtol=0, atol=1e-9)
    even = clone(est).set_params(class_weight="balanced").fit(X, labels)
    assert even.predict_proba(X)[:, 1].mean() > weighted.predict_proba(X)[:, 1].mean()
    with pytest.raises(ValueError, match="class_weight names 'dead'"):
        clone(est).set_params(class_weight={"dead": 2}).fit(X, labels)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_other_outcomes(loss):
    X, y = patients(300)
    rng = np.random.default_rng(0)
    mean = np.exp(y / 4)
    outcome = rng.poisson(mean) if loss == "poisson" else mean * rng.gamma(5, 0.2, len(mean))
    est = MonotonicNetRegressor(loss=loss, monotonic_cst=DIRECTIONS, **QUICK).fit(X, outcome)
    assert (est.predict(X) > 0).all()
    assert est.certificate().set_index("feature").loc[list(DIRECTIONS), "holds"].eq(True).all()
    assert _worst_fall(est, X, DIRECTIONS, 4_000) >= -1e-12


def test_parquet_files_give_the_same_model(tmp_path):
    X, y = patients(300)
    X = X.drop(columns="stage")
    X.assign(outcome=y).to_parquet(tmp_path / "rows.parquet")
    est = MonotonicNetRegressor(monotonic_cst={"lab": 1}, **QUICK)
    file = clone(est).fit(tmp_path / "rows.parquet", "outcome")
    np.testing.assert_array_equal(file.predict(X), est.fit(X, y).predict(X))


def test_bad_requests_name_what_is_wrong():
    X, y = patients(60)
    X["joint"] = X.dose
    with pytest.raises(ValueError, match="column is called 'joint'"):
        MonotonicNetRegressor(**QUICK).fit(X, y)
    MonotonicNetRegressor(residual=False, **QUICK).fit(X, y)
    X = X.drop(columns="joint")
    for directions, reason in [
        ({"sex": 1}, "no order"),
        ({"height": 1}, "'height', which is not a column"),
        ({"lab": 2}, "'lab' must be -1"),
        ([1, 0], "2 values for 6 features"),
    ]:
        with pytest.raises(ValueError, match=reason):
            MonotonicNetRegressor(monotonic_cst=directions, **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="Only binary classification"):
        MonotonicNetClassifier(**QUICK).fit(X, np.digitize(y, [-1, 1]))
    with pytest.raises(ValueError, match="device='cuda:7'"):
        MonotonicNetRegressor(device="cuda:7", **QUICK).fit(X, y)


@pytest.mark.parametrize("make", [lambda x: 3 - 2 * x, np.exp])
def test_a_free_copy_of_a_constrained_column_is_warned_of(make):
    X, y = patients(120)
    X["copy"] = make(X.lab)
    est = MonotonicNetRegressor(monotonic_cst={"lab": 1}, residual=False, n_bags=1)
    with pytest.warns(UserWarning, match="'copy' has no direction .* monotone copy of 'lab'"):
        est.fit(X, y)
    X["copy"] = make(X.lab) + np.random.default_rng(0).normal(size=len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        est.fit(X, y)


def test_progress_is_shown(capsys):
    X, y = patients(100)
    MonotonicNetRegressor(verbose=1, **QUICK).fit(X, y)
    assert "networks" in capsys.readouterr().err


def test_a_json_file_holds_no_rows(fitted, tmp_path):
    est, X, _ = fitted
    save(est, tmp_path / "net.json")
    text = json.dumps(load_document(tmp_path / "net.json"))
    middle = X.dose.sort_values().iloc[200:300]
    assert sum(repr(float(value)) in text for value in middle) < 50


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_nearly_the_same_model(fitted):
    est, X, y = fitted
    other = clone(est).set_params(device="cuda").fit(X, y)
    assert other.certificate().set_index("feature").loc[list(DIRECTIONS), "holds"].eq(True).all()
    np.testing.assert_allclose(other.predict(X), est.predict(X), atol=0.3)
