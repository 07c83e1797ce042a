"""What a neural additive model costs, beside interpret and dnamite.

Columns are normal, and each of 20 has an effect: six shapes in turn, each weaker than the one
before. Every fit has a process of its own, in which a table of 200 rows is fitted first, so that
libraries are loaded and compiled; seconds are those of the fit that follows. All methods may use
all processors. Held-out scores are those of 10,000 further rows.

- peers: 100,000 rows beside interpret with its default bags and without pairs, and 1,000 rows
  beside interpret and dnamite (in its own environment, see README.md; five splits)
- rows: a thousand to a million
- settings: knots, and the most steps, at 10,000 rows
- predict: a million rows, in turn with interpret

    python -m benchmarks.nam_speed [--quick] [--parts peers rows ...]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks._common import nam_estimators, parser, print_table, scores
from benchmarks._foreign import PEERS, Foreign, ForeignError, foreign_peers
from benchmarks._results import write_merged
from benchmarks.predict import side_by_side

N_COLUMNS = 20
TEST_ROWS = 10_000
WARM_UP_ROWS = 200
PEER_ROWS = 100_000
SMALL_ROWS = 1_000
ROWS = (1_000, 10_000, 100_000, 1_000_000)
SETTING_ROWS = 10_000
KNOTS = (16, 32, 64, 128)
STEPS = (50, 100, 200, 400)
PARTS = ("peers", "rows", "settings", "predict")

SHAPES = (
    lambda x: np.sin(2 * x),
    lambda x: x**2 / 2,
    lambda x: np.where(x > 0.5, 1.0, 0.0),
    np.abs,
    lambda x: 0.7 * x,
    lambda x: np.tanh(3 * x),
)


def make_table(n_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns, a 0/1 outcome, and its true probability; the last TEST_ROWS are for the test."""
    rng = np.random.default_rng(0)
    n_all = n_rows + TEST_ROWS
    X = rng.normal(size=(n_all, N_COLUMNS))
    score = np.zeros(n_all)
    for j in range(N_COLUMNS):
        score += 0.9**j * SHAPES[j % len(SHAPES)](X[:, j])
    probability = expit(score - score.mean())
    return X, (rng.random(n_all) < probability).astype(int), probability


def make_model(package: str, settings: dict):
    """A model with default settings but for these, on all processors."""
    if package == "interpret":
        from interpret.glassbox import ExplainableBoostingClassifier

        return ExplainableBoostingClassifier(
            interactions=0, n_jobs=os.cpu_count(), random_state=0, **settings
        )
    from glassbox import NAMClassifier

    return NAMClassifier(random_state=0, **settings)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def steps_taken(model) -> int | None:
    """The steps of the longest training; None of other models."""
    history = getattr(model, "history_", None)
    return None if history is None or not len(history) else int(history["step"].max())


def fit_once(package: str, n_rows: int, settings: dict) -> None:
    """The work of one process: warm up, fit, and print what it took."""
    warnings.simplefilter("ignore")
    X, y, _ = make_table(n_rows)
    start = time.perf_counter()
    make_model(package, settings).fit(X[:WARM_UP_ROWS], y[:WARM_UP_ROWS])
    took = {"warm_up_s": time.perf_counter() - start, "before_mb": peak_megabytes()}
    model = make_model(package, settings)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(X[:n_rows], y[:n_rows])
    took |= {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": peak_megabytes(),
        "steps": steps_taken(model),
    }
    if package == "interpret":  # its work is done in processes that are not counted
        took |= {"cpu_s": None, "peak_mb": None}
    found = scores("classification", y[n_rows:], model.predict_proba(X[n_rows:])[:, 1])
    print(json.dumps({**took, "log_loss": found["log_loss"], "auc": found["auc"]}))


def in_own_process(package: str, n_rows: int, settings: dict | None = None) -> dict[str, float]:
    """Measure one fit in a fresh process."""
    settings = settings or {}
    code = f"from benchmarks.nam_speed import fit_once; fit_once{(package, n_rows, settings)!r}"
    # A limit on threads that was meant for other benchmarks would bind here.
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in limits}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise RuntimeError(f"{package}, {n_rows:,} rows: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def dnamite_once(n_rows: int) -> dict:
    """dnamite on the same rows; seconds without imports."""
    X, y, _ = make_table(n_rows)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)])
    model = Foreign("classification", PEERS["dnamite"], threads=os.cpu_count())
    try:
        model.fit(frame[:n_rows], y[:n_rows])
        found = scores("classification", y[n_rows:], model.predict(frame[n_rows:]))
    finally:
        model.close()
    return {
        "wall_s": model.seconds["wall"],
        "cpu_s": model.seconds["cpu"],
        "log_loss": found["log_loss"],
        "auc": found["auc"],
        "versions": model.versions,
    }


def beside_peers(n_rows: int, repeats: int, *, with_dnamite: bool) -> list[dict]:
    """Fits in turn, the ratio of seconds to glassbox's, and what the truth would score."""
    _, y, probability = make_table(n_rows)
    truth = scores("classification", y[n_rows:], probability[n_rows:])
    case = {"part": "peers", "rows": n_rows, "setting": ""}
    found = {"glassbox NAM": [], "interpret, no pairs": []}
    for _ in range(repeats):
        found["glassbox NAM"].append(in_own_process("glassbox", n_rows, {"n_bags": 16}))
        found["interpret, no pairs"].append(in_own_process("interpret", n_rows))
    if with_dnamite:
        try:
            found["dnamite"] = [dnamite_once(n_rows)]
        except ForeignError as failure:
            print(failure, flush=True)
    middle = {
        name: sorted(fits, key=lambda fit: fit["wall_s"])[len(fits) // 2]
        for name, fits in found.items()
    }
    ours = middle["glassbox NAM"]
    rows = [
        {
            **case,
            "method": name,
            **fit,
            "ratio": fit["wall_s"] / ours["wall_s"],
            "log_loss_minus_nam": fit["log_loss"] - ours["log_loss"],
            "repeats": len(found[name]),
        }
        for name, fit in middle.items()
    ]
    rows.append({**case, "method": "truth", "log_loss": truth["log_loss"], "auc": truth["auc"]})
    for row in rows[1:-1]:
        print(
            f"{n_rows:,} rows: glassbox is {row['ratio']:.1f} times as fast as {row['method']}; "
            f"its log-loss minus that: {-row['log_loss_minus_nam']:+.5f}",
            flush=True,
        )
    return rows


def by_rows(sizes: tuple[int, ...]) -> list[dict]:
    """Seconds and memory as the table grows."""
    rows = []
    for n_rows in sizes:
        took = in_own_process("glassbox", n_rows, {"n_bags": 16})
        row = {"part": "rows", "method": "glassbox NAM", "rows": n_rows, "setting": "", **took}
        row["table_mb"] = (n_rows + TEST_ROWS) * N_COLUMNS * 8 / 1e6
        row["times_the_first"] = took["wall_s"] / (rows[0]["wall_s"] if rows else took["wall_s"])
        rows.append(row)
        print(f"{n_rows:,} rows: {took['wall_s']:.2f} s, {took['peak_mb']:,.0f} MB", flush=True)
    return rows


def by_settings(knots: tuple[int, ...], steps: tuple[int, ...]) -> list[dict]:
    """Seconds as the axes get finer and the training longer."""
    settings = [{}]
    settings += [{"n_knots": n} for n in knots]
    # So much patience that every step is taken.
    settings += [{"max_steps": n, "patience": 10**6} for n in steps]
    rows = []
    for setting in settings:
        took = in_own_process("glassbox", SETTING_ROWS, {"n_bags": 16, **setting})
        name = ", ".join(f"{key}={value}" for key, value in setting.items()) or "default"
        case = {"part": "settings", "method": "glassbox NAM", "rows": SETTING_ROWS}
        rows.append({**case, "setting": name, **took})
    return rows


def prediction(n_rows: int, repeats: int) -> list[dict]:
    """Seconds of predict_proba, in turn with interpret's."""
    X, y, _ = make_table(SETTING_ROWS)
    names = [f"x{j}" for j in range(N_COLUMNS)]
    train = pd.DataFrame(X[:SETTING_ROWS], columns=names)
    nam = make_model("glassbox", {}).fit(train, y[:SETTING_ROWS])
    ebm = make_model("interpret", {}).fit(train, y[:SETTING_ROWS])
    array = np.random.default_rng(1).normal(size=(n_rows, N_COLUMNS))
    frame = pd.DataFrame(array, columns=names)
    rows = []
    for kind, table in (("data frame", frame), ("array", array)):
        took = side_by_side(
            lambda table=table: nam.predict_proba(table),
            lambda table=table: ebm.predict_proba(table),
            repeats,
        )
        case = {"part": "predict", "method": "glassbox NAM", "rows": n_rows, "setting": kind}
        rows.append({**case, "peer": "interpret, no pairs", **took})
        print(
            f"predict_proba, {n_rows:,} rows, {kind}: {took['glassbox_s']:.2f} s, "
            f"{took['ratio']:.1f} times as fast as interpret",
            flush=True,
        )
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    options.add_argument("--repeats", type=int, default=1, help="fits beside the peers, in turn")
    options.add_argument("--predict-repeats", type=int, default=5, help="turns that are counted")
    args = options.parse_args()
    if nam_estimators() is None:
        return
    # That an array has no names is meant.
    warnings.filterwarnings("ignore", "X has no feature names")
    quick = args.quick
    with_dnamite = bool(foreign_peers(["dnamite"])[0])
    parts = {
        "peers": lambda: (
            beside_peers(SMALL_ROWS, args.repeats, with_dnamite=with_dnamite)
            + ([] if quick else beside_peers(PEER_ROWS, args.repeats, with_dnamite=False))
        ),
        "rows": lambda: by_rows(ROWS[:2] if quick else ROWS),
        "settings": lambda: by_settings(
            KNOTS[:2] if quick else KNOTS, STEPS[:1] if quick else STEPS
        ),
        "predict": lambda: prediction(
            100_000 if quick else 1_000_000, 3 if quick else args.predict_repeats
        ),
    }
    for number, part in enumerate(args.parts):
        rows = parts[part]()
        print_table(
            [{k: v for k, v in row.items() if k not in ("part", "versions")} for row in rows], part
        )
        if quick and args.out is None:
            print("Not written: a quick run needs --out.")
            continue
        path = write_merged(
            "nam_speed",
            args,
            rows,
            ("part", "rows", "setting", "method"),
            # All parts: nothing is left that an earlier run would have to say.
            fresh=number == 0 and len(args.parts) == len(PARTS),
        )
        print("Written:", path.name, flush=True)


if __name__ == "__main__":
    main()
