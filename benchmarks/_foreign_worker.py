"""The side of a peer that has an environment of its own: fits it, and scores rows with it.

Started by `_foreign.py` with that environment's interpreter, so that it imports nothing but numpy,
pandas and the peer. Requests come in and replies go out as one line of JSON each; tables travel
as `.npz` files without pickled objects.

    {"do": "fit", "table": PATH, "task": ..., "seed": ..., "settings": {...}}
        -> {"seconds": {"cpu": ..., "wall": ...}, "versions": {...}}
    {"do": "score", "table": PATH, "into": PATH}
        -> {"seconds": {...}}, and an array of rows x members on the link scale in that file

A request that fails is answered with {"failure": ...}.
"""

import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pandas as pd


def read_table(path):
    """The data frame of a file, and the outcome where it has one."""
    with np.load(path, allow_pickle=False) as file:
        columns = json.loads(str(file["columns"]))
        numbers, texts = file["numbers"], file["texts"]
        y = file["y"] if "y" in file else None
    frame = {}
    for name, kind, position in columns:
        if kind == "number":
            frame[name] = numbers[:, position]
        else:
            text = texts[:, position].astype(object)
            text[text == ""] = np.nan
            frame[name] = pd.Series(text, dtype=object)
    return pd.DataFrame(frame), y


def fit_dnamite(X, y, task, seed, settings):
    """DNAMite: its members are its validation splits."""
    from dnamite.models import DNAMiteBinaryClassifier, DNAMiteRegressor

    family = DNAMiteBinaryClassifier if task == "classification" else DNAMiteRegressor
    model = family(random_state=seed, **settings).fit(X, pd.Series(y))
    usual = X.mode().iloc[0]
    # Of its own reading of the columns: 0/1 columns take nothing else, missing values included.
    binary = [
        name for name, kind in zip(X, model.feature_dtypes_, strict=True) if kind == "binary"
    ]

    def score(X):
        X = X.copy()
        for name in binary:
            X[name] = X[name].where(X[name].isin([0, 1]), usual[name])
        model.batch_size = 4096
        bins = model._discretize_data(X)
        return np.column_stack([model._predict(bins, [member]) for member in model.models])

    return score


def fit_igann(X, y, task, seed, settings):
    """IGANN."""
    from igann import IGANN

    model = IGANN(task=task, random_state=seed, **settings)
    model.fit(X.copy(), y)
    return lambda X: np.reshape(model.predict_raw(X.copy()), (len(X), 1))


def fit_nodegam(X, y, task, seed, settings):
    """NODE-GAM; it writes its checkpoints into the current folder."""
    from nodegam.sklearn import NodeGAMClassifier, NodeGAMRegressor

    family = NodeGAMClassifier if task == "classification" else NodeGAMRegressor
    model = family(in_features=X.shape[1], seed=seed, device="cpu", verbose=0, **settings)
    model.fit(X, y)
    return lambda X: np.reshape(model.predict(X), (len(X), 1))


FITTERS = {"dnamite": fit_dnamite, "igann": fit_igann, "nodegam": fit_nodegam}


def versions(peer):
    """What the peer ran with."""
    found = {"python": platform.python_version()}
    for package in (peer, "torch", "scikit-learn", "numpy", "pandas"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            pass
    return found


class Worker:
    """One peer, and the model that it fitted last."""

    def __init__(self, peer, fitters):
        self.peer = peer
        self.fitters = fitters
        self.score_rows = None

    def answer(self, request):
        X, y = read_table(request["table"])
        if request["do"] == "fit":
            fitter = self.fitters[self.peer]
            with Stopwatch() as watch:
                self.score_rows = fitter(
                    X, y, request["task"], request["seed"], request["settings"]
                )
            return {"seconds": watch.seconds, "versions": versions(self.peer)}
        with Stopwatch() as watch:
            scores = self.score_rows(X)
        np.savez(request["into"], scores=np.asarray(scores, dtype=float))
        return {"seconds": watch.seconds}


class Stopwatch:
    """Processor and wall-clock seconds of a block."""

    def __enter__(self):
        self.start = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *failure):
        cpu, wall = time.process_time() - self.start[0], time.perf_counter() - self.start[1]
        self.seconds = {"cpu": cpu, "wall": wall}


def main(fitters=FITTERS):
    # What a peer prints must not be taken for a reply.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], fitters)
    for line in sys.stdin:
        try:
            reply = worker.answer(json.loads(line))
        except Exception as failure:  # the peer's failure is a result
            reply = {"failure": f"{type(failure).__name__}: {failure}"[:300]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
