"""Neural additive models, monotonic nets and boosted GAMs on CUDA, and on processors beside it.

Each device has a process of its own, in which a small table is fitted first, so that kernels are
loaded and compiled. "rows_per_s" are the table's rows by the seconds of the whole fit,
"trained_rows_per_s" those of all its steps, each for all members at once. "device_mb" is the most
that torch had allocated on the device, "peak_mb" the resident memory of the process, table
included. Of a boosted GAM, "steps" are the most that a bag took; they read no rows, so that there
are no trained rows, and run on all processors whatever the device.

Without a CUDA device it says so and writes nothing, unless `--cpu-only` is given.

    python -m benchmarks.gpu [--quick] [--models nam net boosted] [--rows 1000000 10000000]
        [--columns 50] [--cpu-only]
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from benchmarks._common import nam_estimators, parser, print_table, scores
from benchmarks._results import write_merged
from benchmarks.nam_speed import SHAPES, steps_taken

TEST_ROWS = 50_000
# Columns in which the net may not turn.
DIRECTED = 10
WARM_UP_ROWS = 2_000


class Size(NamedTuple):
    """Tables that a model is fitted to, and its members."""

    rows: tuple[int, ...]
    columns: int
    bags: int


MODELS = {
    "nam": Size((1_000_000,), 50, 32),
    "net": Size((1_000_000,), 50, 20),
    "boosted": Size((1_000_000, 10_000_000), 20, 14),
}


def make_table(n_rows: int, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal columns, all of which matter, and a 0/1 outcome; the last rows are for the test."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows + TEST_ROWS, n_columns))
    score = np.zeros(len(X))
    for j in range(n_columns):
        score += 0.95**j * SHAPES[j % len(SHAPES)](X[:, j])
    return X, (rng.random(len(X)) < expit(score - score.mean())).astype(int)


def fit_once(device: str, name: str, n_rows: int, n_columns: int, n_bags: int) -> None:
    """The work of one process: warm up, fit, and print what it took."""
    import torch

    warnings.simplefilter("ignore")
    X, y = make_table(n_rows, n_columns)
    make_model(name, device, n_columns, n_bags).fit(X[:WARM_UP_ROWS], y[:WARM_UP_ROWS])
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    model = make_model(name, device, n_columns, n_bags)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(X[:n_rows], y[:n_rows])
    seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if name == "boosted":
        steps, trained_rows_per_s = max(model.n_rounds_), None
    else:
        steps = steps_taken(model) or 0
        trained_rows_per_s = steps * min(model.batch_size, n_rows) / seconds
    found = {
        "model": name,
        "device": device,
        "hardware": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "wall_s": seconds,
        "cpu_s": cpu,
        "rows_per_s": n_rows / seconds,
        "steps": steps,
        "trained_rows_per_s": trained_rows_per_s,
        "device_mb": torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else None,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    start = time.perf_counter()
    probability = model.predict_proba(X[n_rows:])[:, 1]
    found["predict_s"] = time.perf_counter() - start
    found |= scores("classification", y[n_rows:], probability)
    print(json.dumps(found))


def make_model(name: str, device: str, n_columns: int, n_bags: int):
    """A model on a device, with its defaults but for the number of members."""
    from glassbox import BoostedGAMClassifier, MonotonicNetClassifier, NAMClassifier

    settings = {"n_bags": n_bags, "device": device, "random_state": 0}
    if name == "boosted":
        return BoostedGAMClassifier(**settings, n_jobs=-1)
    if name == "nam":
        return NAMClassifier(**settings)
    rising = [j for j, shape in enumerate(SHAPES) if _rises(shape)]
    directed = [int(j % len(SHAPES) in rising) for j in range(n_columns)]
    most = np.cumsum(directed) <= DIRECTED
    directions = (np.array(directed) * most).tolist()
    return MonotonicNetClassifier(**settings, monotonic_cst=directions)


def _rises(shape) -> bool:
    return bool((np.diff(shape(np.linspace(-4, 4, 2_001))) >= 0).all())


def processor() -> str:
    """The processor's name, and how many there are."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = information.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} processors"


def in_own_process(device: str, name: str, n_rows: int, n_columns: int, n_bags: int) -> dict:
    """Measure one device; a failure, such as too little memory, is a result."""
    call = (device, name, n_rows, n_columns, n_bags)
    code = f"from benchmarks.gpu import fit_once; fit_once{call!r}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        return {"model": name, "device": device, "failure": last[:300]}
    return json.loads(done.stdout.splitlines()[-1])


def has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rows", type=int, nargs="+", help="rows of the table of every model")
    options.add_argument("--columns", type=int, help="columns of the table of every model")
    options.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options.add_argument("--bags", type=int, help="members of every model")
    options.add_argument("--cpu-only", action="store_true", help="measure the processors alone")
    options.add_argument("--cuda-only", action="store_true", help="measure the CUDA device alone")
    args = options.parse_args()
    if args.quick:
        args.rows, args.columns, args.bags = [20_000], 10, 4
    if nam_estimators() is None:
        return
    if not args.cpu_only and not has_cuda():
        print("There is no CUDA device here: nothing is measured or written. See --cpu-only.")
        return
    if args.cpu_only and args.cuda_only:
        options.error("--cpu-only and --cuda-only leave nothing to measure.")
    devices = ["cpu"] if args.cpu_only else ["cuda"] if args.cuda_only else ["cuda", "cpu"]
    rows = []
    for name in args.models:
        usual = MODELS[name]
        for n_rows in args.rows or usual.rows:
            columns, bags = args.columns or usual.columns, args.bags or usual.bags
            size = {"rows": n_rows, "columns": columns, "bags": bags}
            seconds = {}
            for device in devices:
                rows.append({**size, **in_own_process(device, name, *size.values())})
                title = f"{name}, {n_rows:,} rows, {device}"
                print_table(rows[-1:], f"{title}: {rows[-1].get('failure', 'done')}")
                seconds[device] = rows[-1].get("wall_s")
            if len(devices) == 2 and all(seconds.values()):
                ratio = seconds["cpu"] / seconds["cuda"]
                print(f"{name}: CUDA is {ratio:.1f} times as fast as the processors.")
    if args.quick and args.out is None:
        print("Not written: a quick run needs --out.")
        return
    path = write_merged("gpu", args, rows, ("model", "device", "hardware", *size))
    print("Written:", path.name)


if __name__ == "__main__":
    main()
