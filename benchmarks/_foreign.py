"""Peers that do not fit into the same environment as glassbox: each runs in one of its own.

The interpreter of such an environment is named by a variable, for example
`GLASSBOX_PEER_DNAMITE=/envs/dnamite/bin/python`. A peer whose variable is not set is skipped, and
the reason is written into the result.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks._peers import Shape, as_numbers

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ForeignError(RuntimeError):
    """A peer failed in its own environment, or took too long."""


@dataclass(frozen=True)
class Peer:
    """A peer, where its environment is named, and what its tables look like.

    Attributes
    ----------
    package : str
        Its name on PyPI, and to the worker.
    variable : str
        The variable that holds the path of its interpreter.
    numbers_only : bool
        Whether it takes neither text nor missing values.
    note : str
        Settings and preprocessing in words, for the result file.
    settings : dict
        What differs from its defaults.
    worker : Path
        The script that its interpreter runs.
    """

    package: str
    variable: str
    numbers_only: bool
    note: str
    settings: dict
    worker: Path = Path(__file__).with_name("_foreign_worker.py")

    def why_not(self) -> str | None:
        """Why it cannot run here; None where it can."""
        interpreter = os.environ.get(self.variable)
        if not interpreter:
            return f"{self.variable} is not set: benchmarks/README.md says how."
        if not Path(interpreter).is_file():
            return f"{self.variable} names no file."
        return None


_ENCODED = (
    "numbers scaled and filled in with the median, with a column that says where; categories as "
    "one-hot columns; numeric outcomes standardised"
)

PEERS = {
    "dnamite": Peer(
        "dnamite",
        "GLASSBOX_PEER_DNAMITE",
        numbers_only=False,
        note="default settings: five splits; text and missing values as they are; numeric "
        "outcomes standardised",
        settings={},
    ),
    "IGANN": Peer(
        "igann",
        "GLASSBOX_PEER_IGANN",
        numbers_only=True,
        note=f"default settings; {_ENCODED}",
        settings={},
    ),
    "NODE-GAM": Peer(
        "nodegam",
        "GLASSBOX_PEER_NODEGAM",
        numbers_only=True,
        note=f"default settings but for ga2m=0, no pairs, on the CPU; {_ENCODED}",
        settings={"ga2m": 0},
    ),
}


def foreign_peers(names=tuple(PEERS)) -> tuple[list[str], dict[str, str]]:
    """The peers that can run here; the others are skipped, and said to be.

    Returns
    -------
    found : list of str
    skipped : dict of str to str
        Why, by name.
    """
    found, skipped = [], {}
    for name in names:
        reason = PEERS[name].why_not()
        if reason is None:
            found.append(name)
        else:
            skipped[name] = reason
            print(f"SKIPPED {name}: {reason}", flush=True)
    return found, skipped


class Foreign:
    """A peer in its own process, with the same face as the others.

    Parameters
    ----------
    task : {"classification", "regression"}
    peer : Peer
    seed : int
    threads : int
        How many threads its libraries may use.
    limit : float
        Seconds after which a fit is given up.

    Attributes
    ----------
    seconds : dict
        Processor and wall-clock seconds of the fit alone, without imports.
    versions : dict
        What it ran with.
    """

    def __init__(
        self, task: str, peer: Peer, *, seed: int = 0, threads: int = 1, limit: float = 7200
    ):
        self.task = task
        self.peer = peer
        self.seed = seed
        self.threads = threads
        self.limit = limit
        self._process: subprocess.Popen | None = None

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Foreign:
        y = np.asarray(y, dtype=float)
        self._centre, self._scale = (
            (y.mean(), y.std() or 1.0) if self.task == "regression" else (0.0, 1.0)
        )
        self._encoder = as_numbers(impute=True).fit(X) if self.peer.numbers_only else None
        self._first_row = X.iloc[[0]]
        self._start()
        write_table(self._path("train"), self._encoded(X), (y - self._centre) / self._scale)
        reply = self._ask(
            do="fit",
            table=str(self._path("train")),
            task=self.task,
            seed=self.seed,
            settings=self.peer.settings,
        )
        self.seconds, self.versions = reply["seconds"], reply["versions"]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        scores = self._scores(X).mean(axis=1)
        return expit(scores) if self.task == "classification" else scores

    def shape(self, name: str, X: pd.DataFrame) -> Shape:
        """The effect of a column, from rows that differ in it alone.

        The band is ±1.96 standard errors of the members, as dnamite draws its own; without
        members there is none.
        """
        rows = pd.concat([self._first_row] * len(X), ignore_index=True)
        rows[name] = X[name].to_numpy() if X[name].dtype.kind in "iufb" else X[name].array
        members = self._scores(rows)
        members = members - members.mean(axis=0)
        score = members.mean(axis=1)
        if members.shape[1] == 1:
            return Shape(score, np.full(len(X), np.nan), np.full(len(X), np.nan))
        half_width = 1.96 * members.std(axis=1, ddof=1) / np.sqrt(members.shape[1])
        return Shape(score, score - half_width, score + half_width)

    def close(self) -> None:
        """End the process, and remove its files."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None
            self._folder.cleanup()

    def __del__(self):
        with contextlib.suppress(Exception):
            self.close()

    def _encoded(self, X: pd.DataFrame) -> pd.DataFrame:
        if self._encoder is None:
            return X
        matrix = np.asarray(self._encoder.transform(X), dtype=float)
        return pd.DataFrame(matrix, columns=[f"x{j:04d}" for j in range(matrix.shape[1])])

    def _scores(self, X: pd.DataFrame) -> np.ndarray:
        """Rows x members, on the link scale and in the outcome's unit."""
        write_table(self._path("rows"), self._encoded(X))
        self._ask(do="score", table=str(self._path("rows")), into=str(self._path("scores")))
        with np.load(self._path("scores"), allow_pickle=False) as file:
            return file["scores"] * self._scale + self._centre

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / f"{name}.npz"

    def _start(self) -> None:
        self.close()
        reason = self.peer.why_not()
        if reason:
            raise ForeignError(reason)
        self._folder = tempfile.TemporaryDirectory(prefix="glassbox-peer-")
        with open(Path(self._folder.name) / "errors", "w") as errors:
            self._process = subprocess.Popen(
                # Isolated, so that the scripts beside the worker are not taken for modules.
                [os.environ[self.peer.variable], "-I", str(self.peer.worker), self.peer.package],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=self._folder.name,
                env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(self.threads))},
            )

    def _ask(self, **request) -> dict:
        if self._process is None:
            raise ForeignError(f"{self.peer.package} has not been fitted.")
        late = threading.Event()

        def give_up(process=self._process):
            late.set()
            process.kill()

        clock = threading.Timer(self.limit, give_up)
        clock.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            clock.cancel()
        if not line:
            reason = f"took more than {self.limit:,.0f} seconds" if late.is_set() else "ended"
            last = self._last_error()
            self.close()
            raise ForeignError(f"{self.peer.package} {reason}{': ' + last if last else '.'}")
        reply = json.loads(line)
        if "failure" in reply:
            self.close()
            raise ForeignError(f"{self.peer.package} failed: {reply['failure']}")
        return reply

    def _last_error(self) -> str:
        lines = (Path(self._folder.name) / "errors").read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def write_table(path: Path, X: pd.DataFrame, y: np.ndarray | None = None) -> None:
    """Write a table for the worker: numbers as they are, everything else as text."""
    columns, numbers, texts = [], [], []
    for name, column in X.items():
        if pd.api.types.is_numeric_dtype(column.dtype):
            columns.append((str(name), "number", len(numbers)))
            numbers.append(column.to_numpy(dtype=float, na_value=np.nan))
        else:
            columns.append((str(name), "text", len(texts)))
            text = column.astype(object).where(column.notna(), "")
            texts.append(np.array([str(value) for value in text], dtype=str))
    empty = np.empty((len(X), 0))
    arrays = {
        "columns": np.array(json.dumps(columns)),
        "numbers": np.column_stack(numbers) if numbers else empty,
        "texts": np.column_stack(texts) if texts else empty.astype(str),
    }
    np.savez(path, **arrays, **({} if y is None else {"y": np.asarray(y, dtype=float)}))
