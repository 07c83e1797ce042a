"""What a spline GAM costs, and what it saves, beside pyGAM.

Time and memory: 100,000 rows of 20 numeric columns, each fit in a process of its own on one
thread; processor seconds of `fit` and the peak resident memory of the process (imports and table
included). Then 1,000,000 rows with glassbox alone. Accuracy without a grid search: five-fold
R2 on diabetes and log-loss on breast_cancer, with pyGAM after its own `gridsearch`.

pyGAM's grid search takes minutes for each fold of diabetes and longer for breast_cancer, hence
the option.

    python -m benchmarks.spline_cost [--quick] [--peer-folds 5]
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
import warnings

import numpy as np

from benchmarks._common import parser, print_table, write_results

N_COLUMNS = 20
ROWS = 100_000
MANY_ROWS = 1_000_000


def make_table(n_rows: int, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Normal columns, three of which matter."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n_rows, N_COLUMNS))
    score = np.sin(2 * X[:, 0]) + X[:, 1] + 0.3 * X[:, 2] ** 2
    if task == "regression":
        return X, score + rng.normal(size=n_rows)
    return X, (rng.random(n_rows) < 1 / (1 + np.exp(-score))).astype(int)


def make_model(package: str, task: str):
    """A spline GAM with default settings (for glassbox: smoothing by REML)."""
    if package == "pyGAM":
        import pygam

        return pygam.LinearGAM() if task == "regression" else pygam.LogisticGAM()
    from glassbox import SplineGAMClassifier, SplineGAMRegressor

    return SplineGAMRegressor() if task == "regression" else SplineGAMClassifier()


def fit_once(package: str, task: str, n_rows: int) -> None:
    """The work of one process: fit, and print what it took."""
    X, y = make_table(n_rows, task)
    model = make_model(package, task)
    wall, processor = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        model.fit(X, y)
    took = {
        "processor seconds": time.process_time() - processor,
        "wall seconds": time.perf_counter() - wall,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(took))


def in_own_process(package: str, task: str, n_rows: int) -> dict[str, float]:
    """Measure one fit in a fresh process with one thread."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    code = f"from benchmarks.spline_cost import fit_once; fit_once{(package, task, n_rows)!r}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **dict.fromkeys(names, "1")},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure_cost(n_rows: int) -> list[dict]:
    rows = []
    for task in ("regression", "classification"):
        ours = in_own_process("glassbox", task, n_rows)
        theirs = in_own_process("pyGAM", task, n_rows)
        for package, took in (("glassbox", ours), ("pyGAM", theirs)):
            rows.append({"task": task, "rows": n_rows, "package": package, **took})
        rows.append(
            {
                "task": task,
                "rows": n_rows,
                "package": "glassbox / pyGAM",
                **{name: ours[name] / theirs[name] for name in ours},
            }
        )
    return rows


def measure_many_rows(n_rows: int) -> list[dict]:
    return [
        {
            "task": task,
            "rows": n_rows,
            "package": "glassbox",
            **in_own_process("glassbox", task, n_rows),
        }
        for task in ("regression", "classification")
    ]


def measure_accuracy(n_folds: int, n_peer_folds: int) -> list[dict]:
    """Held-out R2 and log-loss, fold by fold."""
    from sklearn.datasets import load_breast_cancer, load_diabetes
    from sklearn.metrics import log_loss, r2_score
    from sklearn.model_selection import KFold, StratifiedKFold

    wanted = {"glassbox": n_folds, "pyGAM": n_peer_folds}
    rows = []
    for name, load, task, splitter in (
        ("diabetes", load_diabetes, "regression", KFold(5)),
        ("breast_cancer", load_breast_cancer, "classification", StratifiedKFold(5)),
    ):
        X, y = load(return_X_y=True)
        for package, n_wanted in wanted.items():
            if n_wanted == 0:
                continue
            found, start = [], time.process_time()
            for train, test in list(splitter.split(X, y))[:n_wanted]:
                model = make_model(package, task)
                with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    if package == "pyGAM":
                        model.gridsearch(X[train], y[train], progress=False)
                    else:
                        model.fit(X[train], y[train])
                if task == "regression":
                    found.append(r2_score(y[test], model.predict(X[test])))
                else:
                    p = model.predict_proba(X[test])
                    found.append(log_loss(y[test], p if p.ndim == 1 else p[:, 1]))
            rows.append(
                {
                    "table": name,
                    "score": "R2" if task == "regression" else "log-loss",
                    "package": package,
                    "folds": len(found),
                    "mean": float(np.mean(found)),
                    "sd": float(np.std(found)),
                    "by_fold": found,
                    "processor seconds": time.process_time() - start,
                }
            )
    return rows


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--peer-folds", type=int, default=5, help="folds that pyGAM fits")
    options = arguments.parse_args()
    cost = measure_cost(ROWS // 10 if options.quick else ROWS)
    print_table(cost, "Cost of a fit")
    many = [] if options.quick else measure_many_rows(MANY_ROWS)
    if many:
        print_table(many, "A million rows")
    accuracy = measure_accuracy(
        2 if options.quick else 5, 0 if options.quick else options.peer_folds
    )
    shown = [{name: row[name] for name in row if name != "by_fold"} for row in accuracy]
    print_table(shown, "Accuracy without a grid search (pyGAM: after its own)")
    results = {"cost": cost, "many_rows": many, "accuracy": accuracy}
    print(f"Written to {write_results('spline_cost', options, results)}")


if __name__ == "__main__":
    main()
