"""Single fits of boosted GAMs: the tables they learn from, and what they take."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.metrics import log_loss

from benchmarks._boosting_models import ENGINE, GRAM, Wanted, make_model
from benchmarks._common import TABLES, Table, predict_for_scores, scores
from benchmarks._usage import usage
from benchmarks.nam_speed import SHAPES
from benchmarks.overhead import same_draws

TEST_ROWS = 50_000
WARM_UP = {"rows": 2_000, "bags": 2, "max_rounds": 20}
GENERATED = "generated"

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_NAMES_AN_ERROR = re.compile(r"[\w.]+(Error|Exception): ")


def make_table(n_rows: int, n_columns: int, seed: int) -> tuple[Table, np.ndarray]:
    """Normal columns, each weaker than the one before, two pairs, and a 0/1 outcome.

    Returns
    -------
    table : Table
        With one split; the last TEST_ROWS rows are for the test.
    probability : ndarray
        The true probability of each row.
    """
    rng = np.random.default_rng([seed, n_columns])
    n_all = n_rows + TEST_ROWS
    X = rng.standard_normal((n_all, n_columns))
    score = 0.8 * X[:, 0] * X[:, 1] + np.where(X[:, 2] * X[:, 3] > 0, 0.5, -0.5)
    for j in range(n_columns):
        score += 0.9**j * SHAPES[j % len(SHAPES)](X[:, j])
    probability = expit(score - score.mean())
    y = (rng.random(n_all) < probability).astype(int)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(n_columns)], copy=False)
    splits = [(np.arange(n_rows), np.arange(n_rows, n_all))]
    return Table(GENERATED, frame, y, "classification", splits, "generated"), probability


def warm_up(method: str, wanted: Wanted, table: Table) -> None:
    """Load and compile what a fit needs, and start its helpers."""
    n_rows = min(WARM_UP["rows"], len(table.y))
    settings = {**wanted.settings, "max_rounds": WARM_UP["max_rounds"]}
    small = replace(wanted, bags=min(WARM_UP["bags"], wanted.bags), settings=settings)
    make_model(method, small, 0).fit(table.X[:n_rows], table.y[:n_rows])


def fit(method: str, wanted: Wanted, table: Table, draws_seed: int) -> tuple[dict, object]:
    """One fit on all rows of a table: what it took, and the model."""
    model = make_model(method, wanted, draws_seed)
    gc.collect()
    with warnings.catch_warnings(), usage() as took:
        warnings.simplefilter("ignore")
        model.fit(table.X, table.y)
    if method in (GRAM, ENGINE):
        took["steps"] = float(np.mean(model.n_rounds_))
    return took, model


def fit_once(method: str, name: str, n_rows: int, n_columns: int, wanted: dict) -> None:
    """The work of one process: warm up, fit, and print what it took."""
    warnings.simplefilter("ignore")
    asked = Wanted(**wanted)
    if name == GENERATED:
        table, probability = make_table(n_rows, n_columns, asked.seed)
        # Views: a large table must not be held twice.
        train = replace(table, X=table.X.iloc[:n_rows], y=table.y[:n_rows], splits=[])
        test_X, test_y = table.X.iloc[n_rows:], table.y[n_rows:]
    else:
        train = replace(TABLES[name](), splits=[])
    draws_seed = asked.seed
    # In the order in which glassbox draws bags, all methods draw the same ones. The one table
    # that would be too large to be sorted is fitted by one method only.
    if n_rows <= 1_000_000:
        train, draws_seed = same_draws(train, asked.seed)
    warm_up(method, asked, train)
    took, model = fit(method, asked, train, draws_seed)
    if name == GENERATED:
        predicted = predict_for_scores(asked.task, model, test_X)
        took |= scores(asked.task, test_y, predicted)
        took["truth"] = log_loss(test_y, probability[n_rows:])
    print(json.dumps(took))


def in_own_process(method: str, name: str, n_rows: int, n_columns: int, wanted: Wanted) -> dict:
    """Measure one fit in a fresh process; a failure, such as too little memory, is a result."""
    call = (method, name, n_rows, n_columns, asdict(wanted))
    return _run(f"from benchmarks._boosting_fits import fit_once; fit_once{call!r}")


def first_fits(n_rows: int, n_pairs: int) -> None:
    """The work of one process: print the seconds of its first fit, and of a second."""
    from glassbox import BoostedGAMClassifier

    table, _ = make_table(n_rows, 20, 0)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        BoostedGAMClassifier(
            engine="gram", interactions=n_pairs, n_bags=2, n_jobs=2, random_state=0
        ).fit(table.X[:n_rows], table.y[:n_rows])
        seconds.append(time.perf_counter() - start)
    print(json.dumps(dict(zip(("first", "second"), seconds, strict=True))))


def compilation(n_rows: int, n_pairs: int) -> dict:
    """Seconds of the first fit of a fresh installation, and of those that follow."""
    code = f"from benchmarks._boosting_fits import first_fits; first_fits{(n_rows, n_pairs)!r}"
    with tempfile.TemporaryDirectory() as folder:
        fresh, again = (_run(code, NUMBA_CACHE_DIR=folder) for _ in range(2))
    if "failure" in {**fresh, **again}:
        return {**fresh, **again}
    return {
        "empty_cache_s": fresh["first"],
        "new_process_s": again["first"],
        "next_fit_s": again["second"],
    }


def _run(code: str, **variables: str) -> dict:
    # A limit on threads that was meant for other benchmarks would bind here.
    environment = {k: v for k, v in os.environ.items() if k not in _THREAD_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        # Some messages have many lines, and the last says least.
        named = [line for line in lines if _NAMES_AN_ERROR.match(line)]
        return {"failure": (named or lines)[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])
