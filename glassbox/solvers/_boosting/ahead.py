"""On a fresh installation, a second process compiles the loops over pairs.

The first is busy for as long with those over single features. What a process has compiled the
other finds on the disk.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from glassbox.solvers._boosting.losses import Loss
from glassbox.solvers._boosting.partition import StepRule
from glassbox.solvers._boosting.passes import Look, Rows
from glassbox.solvers._boosting.schedule import Order
from glassbox.solvers._boosting.stage import Boosted, Rules, boost_stage
from glassbox.solvers._boosting.stopping import StoppingRule
from glassbox.solvers._boosting.terms import BinnedFeature, pair_effects
from glassbox.solvers._boosting.threads import Threads
from glassbox.solvers._boosting.walk_cells import walk_cells

_LONGEST_WAIT = 60.0


class PairsAhead:
    """The second process, if there is a need for one.

    Parameters
    ----------
    codes_type : type
        Of the cells of pairs.
    """

    def __init__(self, codes_type: type):
        self._process = None
        folder = Path(walk_cells.stats.cache_path)
        if sys.executable and not any(folder.glob("walk_cells.walk_cells-*.nbi")):
            code = f"from {__name__} import compile_pairs; compile_pairs({codes_type.__name__!r})"
            silent = subprocess.DEVNULL
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code], stdout=silent, stderr=silent
                )
            except OSError:
                return

    def wait(self) -> None:
        """Wait until it has compiled what it can; what it has not is compiled here."""
        if self._process is None:
            return
        try:
            self._process.wait(_LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()


def compile_pairs(codes_type: str) -> None:
    """Take one step on a pair of two rows, and read none."""
    codes = np.array([0, 1], dtype=np.uint8)
    features = [BinnedFeature(codes, 2), BinnedFeature(codes, 2)]
    terms, cells = pair_effects(features, [(0, 1)], np.dtype(codes_type).type)
    rules = Rules(
        Loss.named("log_loss"),
        StepRule(0.1, 0.0, 0.0, np.inf, 0.0, 1, 1, 0.0, 1.0),
        Order(1, 0.0, True),
        StoppingRule(0, 0.0, 1),
        0,
        "cells",
    )
    rows = Rows(np.zeros(2), np.ones(2), np.ones((2, 1), dtype=np.uint8), np.zeros((1, 1)))
    start = Boosted.nothing(terms, rules, np.zeros(1, dtype=np.uint64))
    boost_stage(terms, cells, rows, rules, start, Threads(1), _NoPasses(terms.n_cells))


class _NoPasses:
    """In place of rows that are read."""

    n_rows = 2

    def __init__(self, n_cells):
        self._n_cells = n_cells

    def look(self, tables, active, with_mass):
        return Look(np.zeros((1, 1, self._n_cells)), np.ones((1, 1, self._n_cells)), np.zeros(1))

    def row_sums(self, tables, n_rows):
        return np.zeros((2, n_rows, 1))

    def joint_rows(self, joint):
        return self

    def count(self, mass):
        pass
