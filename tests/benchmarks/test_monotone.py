"""The comparison of monotone models: its tables, its arithmetic, and what it writes."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import _common, monotone
from benchmarks import _monotone_models as models
from benchmarks import _monotone_summary as summary
from benchmarks import _monotone_tables as tables


@pytest.fixture(autouse=True)
def no_table_of_another_test():
    monotone.problem_of.cache_clear()
    yield
    monotone.problem_of.cache_clear()


@pytest.mark.parametrize(
    ("row", "threeway", "truth"),
    [
        # 8 · 0.25; nothing else but the sigmoid's foot, 2 / (1 + exp(10)).
        ([0, 0, 0, 0, 0, 0, 0], False, 2 + 2 / (1 + np.exp(10))),
        # The sigmoid's middle 1, the step 1.5, 2 · 1 · (1 + 1), 2 · min(.5, 1), log 6, 0, sin 3.
        ([0.5, 0.7, 1, 1, 0.25, 0.5, 0.5], False, 1 + 1.5 + 4 + 1 + np.log(6) + np.sin(3)),
        # On the edge of the step there is no step; 2 · 1/8 · (1 - 1); 2 · min(.5, .2); log 2.
        ([0.5, 0.6, 0.5, 0.2, 0.75, 0.5, 0], False, 1 + 0.4 + np.log(2)),
        # 6 · 0.5 · 0.5 · 0.2 = 0.3, from u1 > 0.5 on, beside 8 · 0.01.
        ([0.5, 0.6, 0.5, 0.2, 0.75, 0.6, 0], True, 1 + 0.4 + np.log(2) + 0.08 + 0.3),
        ([0.5, 0.6, 0.5, 0.2, 0.75, 0.5, 0], True, 1 + 0.4 + np.log(2)),
    ],
)
def test_the_truth_by_hand(row, threeway, truth):
    assert tables.synthetic_truth([row], threeway)[0] == pytest.approx(truth, abs=1e-12)


@pytest.mark.parametrize("threeway", [False, True])
def test_the_truth_rises_in_every_constrained_column(threeway):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(5_000, 7))
    for j, name in enumerate(tables.SYNTHETIC_COLUMNS):
        higher = X.copy()
        higher[:, j] += (1 - X[:, j]) * rng.uniform(size=len(X))
        gain = tables.synthetic_truth(higher, threeway) - tables.synthetic_truth(X, threeway)
        assert (gain >= -1e-12).all() == (name in tables.SYNTHETIC)
    assert tables.SYNTHETIC == {"x0": 1, "x1": 1, "x2": 1, "x3": 1}


def test_the_sizes_and_seeds_of_the_synthetic_tables():
    problem = tables.PROBLEMS["synthetic"]()
    assert problem.n_splits == 20
    X, y, fresh, truth = problem.part(3)
    assert X.shape == (1_500, 7) and y.shape == (1_500,)
    assert fresh.shape == (20_000, 7) and truth.shape == (20_000,)
    assert min(X.min().min(), fresh.min().min()) >= 0
    assert max(X.max().max(), fresh.max().max()) <= 1
    noise = y - tables.synthetic_truth(X)
    assert abs(noise.std() - 0.5) < 0.05 and abs(noise.mean()) < 0.05
    np.testing.assert_array_equal(truth, tables.synthetic_truth(fresh))
    np.testing.assert_array_equal(problem.part(3)[1], y)
    assert not np.isin(problem.part(4)[0]["x0"], X["x0"]).any()
    threeway = tables.PROBLEMS["synthetic_threeway"]().part(3)
    pd.testing.assert_frame_equal(threeway[0], X)
    assert (threeway[3] - truth).max() > 3
    found = problem.scores(truth, truth + 0.2)
    assert found == {
        "rmse_to_truth": pytest.approx(0.2),
        "rmse_in_sd": pytest.approx(0.2 / truth.std()),
    }
    train, stop = models.held_out(y, problem.task, 0)
    assert (len(train), len(stop)) == (1_200, 300) and not set(train) & set(stop)


@pytest.mark.parametrize("name", list(tables.PROBLEMS))
def test_directions_name_numeric_columns(name):
    try:
        problem = tables.PROBLEMS[name]()
    except _common.TableMissingError:
        pytest.skip("not bundled")
    X, y, X_test, y_test = problem.part(0)
    numbers = X.select_dtypes("number").columns
    assert problem.directions and set(problem.directions) <= set(numbers)
    assert set(problem.directions.values()) <= {-1, 1}
    assert len(X) == len(y) and len(X_test) == len(y_test)
    assert (problem.n_splits == 1) == (problem.splits == tables.SINGLE)
    assert json.loads(json.dumps(problem.described())) == problem.described()


def test_every_table_has_its_scores():
    assert list(tables.COMPARED) == list(tables.PROBLEMS)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv(_common.DATA_VARIABLE, str(tmp_path))
    return tmp_path


def _cars(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = ["MPG", "Cylinders", "Displacement", "Horsepower", "Weight", "Acceleration"]
    frame = pd.DataFrame(rng.uniform(size=(n, 6)), columns=names)
    return frame.assign(**{"Model Year": 70, "Origin": rng.integers(1, 4, size=n)})


def test_the_published_split_is_kept_and_the_random_ones_join_it(folder):
    _cars(40, 0).to_csv(folder / "auto_mpg_train.csv")
    _cars(10, 1).set_axis(range(40, 50)).to_csv(folder / "auto_mpg_test.csv")
    published = tables.PROBLEMS["auto_mpg_published"]()
    X, y, X_test, y_test = published.part(0)
    np.testing.assert_allclose(y, _cars(40, 0)["MPG"])
    np.testing.assert_allclose(y_test, _cars(10, 1)["MPG"])
    np.testing.assert_allclose(X_test["Weight"], _cars(10, 1)["Weight"])
    assert published.protocol == "published split, nothing selected on test"
    assert X["Origin"].dtype == "category" and "MPG" not in X
    random = tables.PROBLEMS["auto_mpg"]()
    assert random.n_splits == 10 and set(random.directions.values()) == {-1}
    for split in range(10):
        parts = random.part(split)
        assert [len(part) for part in parts] == [40, 40, 10, 10]
        assert not set(parts[0].index) & set(parts[2].index)


def test_propublicas_filter_drops_what_it_says():
    frame = pd.DataFrame(
        {
            "days_b_screening_arrest": ["30", "-31", "", "0", "0", "-30.0"],
            "is_recid": [0, 0, 0, -1, 0, 1],
            "c_charge_degree": ["F", "F", "F", "F", "O", "M"],
            "score_text": ["Low", "Low", "Low", "Low", "Low", "N/A"],
        }
    )
    assert list(_common.propublica_filter(frame).index) == [0]
    frame["score_text"] = "High"
    assert list(_common.propublica_filter(frame).index) == [0, 5]


def test_scores_of_a_single_split_carry_the_error_over_its_rows():
    problem = tables._published(
        "p", _cars(4, 0), _cars(4, 1), "MPG", "regression", tables.AUTO_MPG
    )
    found = problem.scores(np.zeros(4), np.array([0.0, 0.0, 2.0, 2.0]))
    assert found["mse"] == 2
    # Squares 0, 0, 4, 4: variance 16 / 3.
    assert found["mse_se_over_rows"] == pytest.approx(np.sqrt(16 / 3 / 4))
    y, probability = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.5])
    problem = tables._problem("p", None, None, "classification", [None], {}, "", tables.SINGLE)
    found = problem.scores(y, probability)
    assert found["accuracy"] == 0.75
    assert found["accuracy_se_over_rows"] == pytest.approx(np.sqrt(0.25 / 4))


def test_a_paired_advantage_by_hand():
    # Losses: 2, 1, 0 less than the rival's; sd 1.
    gain = summary.paired_advantage(
        [1.0, 2.0, 3.0], [3.0, 3.0, 3.0], higher_is_better=False, test_to_train=0.25
    )
    assert gain["advantage"] == pytest.approx(1.0) and gain["splits"] == 3
    assert gain["se"] == pytest.approx(np.sqrt(1 / 3))
    assert gain["corrected_se"] == pytest.approx(np.sqrt(1 / 3 + 1 / 4))
    assert gain["within_one_se"] is True


@pytest.mark.parametrize(
    ("behind", "within_se", "within_corrected"),
    [(0.5, True, True), (0.7, False, True), (0.8, False, False)],
)
def test_within_one_error(behind, within_se, within_corrected):
    rival = np.array([2.0, 3.0, 4.0]) + behind
    gain = summary.paired_advantage(
        [1.0, 3.0, 5.0], rival, higher_is_better=True, test_to_train=0.25
    )
    assert gain["advantage"] == pytest.approx(-behind)
    assert gain["within_one_se"] is within_se
    assert gain["within_one_corrected_se"] is within_corrected


def test_one_split_has_no_error():
    gain = summary.paired_advantage([1.0], [2.0], higher_is_better=True, test_to_train=0.25)
    assert gain["advantage"] == -1 and np.isnan(gain["se"]) and np.isnan(gain["corrected_se"])
    assert gain["within_one_se"] is None and gain["within_one_corrected_se"] is None


def test_the_best_rival_is_the_best_on_the_same_splits():
    ours = {0: {"auc": 0.8}, 1: {"auc": 0.9}}
    rivals = {
        "a": {0: {"auc": 0.9}, 1: {"auc": 0.6}, 2: {"auc": 1.0}},
        "b": {0: {"auc": 0.7}, 1: {"auc": 0.9}},
        "incomplete": {0: {"auc": 1.0}},
    }
    found = summary.against_best(ours, rivals, "auc", 0.25)
    assert found["rival"] == "b" and found["advantage"] == pytest.approx(0.05)
    as_losses = {n: {s: {"mse": r["auc"]} for s, r in f.items()} for n, f in rivals.items()}
    ours = {split: {"mse": row["auc"]} for split, row in ours.items()}
    found = summary.against_best(ours, as_losses, "mse", 0.25)
    assert found["rival"] == "a" and found["advantage"] == pytest.approx(-0.1)
    assert summary.against_best(ours, {}, "mse", 0.25) == {}


def _row(model, split, value, table="synthetic", metric="rmse_to_truth", **others):
    seconds = {"fit_wall_seconds": 2.0, "fit_cpu_seconds": 1.0}
    row = {"part": "accuracy", "table": table, "model": model, "split": split, "threads": 1}
    return {**row, metric: value, **seconds, **others}


def test_the_summary_corrects_only_where_splits_share_rows():
    about = {"train_rows": 80, "test_rows": 20, "directions": {}, "protocol": ""}
    values = {"glassbox NAM, mains": (1.0, 2.0), "LightGBM": (2.0, 2.0), "linear": ()}
    for table, metric, kind, factor in (
        ("synthetic", "rmse_to_truth", tables.INDEPENDENT, 0.0),
        ("auto_mpg", "mse", tables.SHARED, 0.25),
    ):
        rows = [
            _row(model, split, value, table, metric, rmse_in_sd=value / 2)
            for model, scores in values.items()
            for split, value in enumerate(scores)
        ]
        rows.append({**_row("HistGB", 0, 0.0, table, metric), "failure": "x"})
        lines = summary.summarise(rows, {table: {**about, "splits": kind}})["accuracy"]
        assert [line["model"] for line in lines] == ["LightGBM", "glassbox NAM, mains"]
        assert "against" not in lines[0]
        assert lines[1][metric] == {"mean": 1.5, "se": pytest.approx(0.5)}
        for group in models.RIVALS:
            gain = lines[1]["against"][group].get(metric, {})
            if "members" in group:  # none of these has been measured
                assert not gain
                continue
            assert gain["rival"] == "LightGBM" and gain["advantage"] == pytest.approx(0.5)
            assert gain["se"] == pytest.approx(0.5)
            assert gain["corrected_se"] == pytest.approx(np.sqrt(0.5 * (0.5 + factor)))
        assert "+0.5000 ± 0.5000" in str(summary.printable(lines[1]))


def test_speed_is_the_middle_of_the_repeats_and_its_ratios():
    def fits(model, *seconds):
        return [
            {**_row(model, i, 0.0), "part": "speed", "fit_wall_seconds": s}
            for i, s in enumerate(seconds)
        ]

    rows = [*fits("glassbox MonotonicNet", 9.0, 8.0, 100.0), *fits("LightGBM", 2.0, 4.0)]
    lines = summary.summarise(rows, {})["speed"]
    assert [line["model"] for line in lines] == ["LightGBM", "glassbox MonotonicNet"]
    assert [line["seconds"] for line in lines] == [3.0, 9.0]
    assert lines[1]["times"] == {"LightGBM": 3.0}


def test_models_that_cannot_be_built_are_named_with_the_reason(monkeypatch):
    def gone(problem, setting):
        raise ImportError("no such model")

    def other_options(problem, setting):
        raise TypeError("unexpected keyword 'residual'")

    monkeypatch.setitem(models.MODELS, "gone", gone)
    monkeypatch.setitem(models.MODELS, "older", other_options)
    problem = tables.PROBLEMS["synthetic"]()
    found = models.unusable(["gone", "linear, unconstrained", "older"], problem, models.Setting())
    assert list(found) == ["gone", "older"]
    assert found["gone"] == "ImportError: no such model" and "'residual'" in found["older"]


class _Constant:
    def fit(self, X, y):
        self.value = y.mean()
        return self

    def predict(self, X):
        return np.full(len(X), self.value)


class _Broken(_Constant):
    def fit(self, X, y):
        raise ValueError("pairs with constrained columns are refused")


def _run(monkeypatch, out, *options):
    arguments = ["monotone", "--tables", "synthetic", "--parts", "accuracy", "--out", str(out)]
    monkeypatch.setattr("sys.argv", [*arguments, *options])
    monotone.main()
    return json.loads((out / "monotone.json").read_text())


@pytest.fixture
def constant(monkeypatch):
    monkeypatch.setitem(models.MODELS, "LightGBM", lambda problem, setting: _Constant())
    monkeypatch.setitem(models.MODELS, "glassbox NAM, mains", lambda problem, setting: _Constant())


def test_runs_in_parts_are_merged(monkeypatch, tmp_path, constant, capsys):
    def gone(problem, setting):
        raise ImportError("not built yet")

    with monkeypatch.context() as patch:
        patch.setitem(models.MODELS, "glassbox NAM, mains", gone)
        names = "LightGBM", "glassbox NAM, mains"
        found = _run(monkeypatch, tmp_path, "--seeds", "1", "--models", *names)
    assert found["results"]["skipped"] == {"glassbox NAM, mains": "ImportError: not built yet"}
    assert "SKIPPED glassbox NAM, mains: ImportError: not built yet" in capsys.readouterr().out
    found = _run(monkeypatch, tmp_path, "--seeds", "2", "--models", "LightGBM")
    assert "glassbox NAM, mains" in found["results"]["skipped"]
    found = _run(monkeypatch, tmp_path, "--seeds", "2", "--models", "glassbox NAM, mains")
    results = found["results"]
    assert results["skipped"] == {}
    cells = [(row["model"], row["split"]) for row in results["rows"]]
    assert cells == [("LightGBM", 0), ("LightGBM", 1)] + [
        ("glassbox NAM, mains", 0),
        ("glassbox NAM, mains", 1),
    ]
    assert all("scikit-learn" in run["versions"] for run in results["runs"])
    gain = results["overall"]["accuracy"][1]["against"]["best booster"]["rmse_to_truth"]
    assert gain["rival"] == "LightGBM" and gain["advantage"] == 0 and gain["within_one_se"]
    row = results["rows"][0]
    assert {"rmse_to_truth", "fit_wall_seconds", "fit_cpu_seconds", "run"} <= set(row)


def test_a_fit_that_fails_is_written_and_printed(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(models.MODELS, "XGBoost", lambda problem, setting: _Broken())
    found = _run(monkeypatch, tmp_path, "--seeds", "2", "--models", "XGBoost")
    rows = found["results"]["rows"]
    assert [row["failure"][:10] for row in rows] == ["ValueError"] * 2
    assert "FAILED XGBoost on synthetic, 2 of the fits" in capsys.readouterr().out
    assert found["results"]["overall"]["accuracy"] == []


def test_rows_under_other_directions_are_not_mixed(monkeypatch, tmp_path, constant):
    _run(monkeypatch, tmp_path, "--seeds", "1", "--models", "LightGBM")
    monkeypatch.setattr(tables, "NOISE", 0.1)
    monotone.problem_of.cache_clear()
    with pytest.raises(SystemExit, match="--fresh"):
        _run(monkeypatch, tmp_path, "--seeds", "1", "--models", "LightGBM")
    options = "--seeds", "1", "--models", "LightGBM", "--fresh"
    found = _run(monkeypatch, tmp_path, *options)
    assert "noise 0.1" in found["results"]["tables"]["synthetic"]["protocol"]


def test_an_unknown_model_is_refused_with_the_known_ones(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["monotone", "--models", "nonsense"])
    with pytest.raises(SystemExit):
        monotone.main()
    printed = capsys.readouterr().err
    assert "'nonsense' is not one of" in printed and "'glassbox MonotonicNet'" in printed


def test_a_quick_run_writes_nothing_without_a_folder(monkeypatch, capsys, constant):
    written = []
    monkeypatch.setattr(monotone, "write_merged", lambda *args, **options: written.append(args))
    options = ["--quick", "--parts", "accuracy", "--tables", "synthetic", "--models", "LightGBM"]
    monkeypatch.setattr("sys.argv", ["monotone", *options])
    monotone.main()
    printed = capsys.readouterr().out
    assert not written and "needs --out" in printed and "rmse_to_truth" in printed


@pytest.mark.parametrize(
    ("name", "library"),
    [("XGBoost", "xgboost"), ("LightGBM", "lightgbm"), ("HistGB", "sklearn")],
)
def test_boosters_keep_their_directions(name, library):
    pytest.importorskip(library)
    problem = tables.PROBLEMS["synthetic"]()
    X, y, fresh, _ = problem.part(0)
    fresh = fresh.iloc[:300]
    higher = fresh.assign(x1=1.0, x3=1.0)
    model = models.MODELS[name](problem, models.Setting()).fit(X.iloc[:400], y[:400])
    gain = model.predict(higher) - model.predict(fresh)
    assert gain.min() >= -1e-6 and gain.max() > 0.1
