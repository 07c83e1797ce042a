"""How fast and in how much memory additive models predict, beside interpret and pyGAM.

interpret and glassbox hold the same fitted model (which is checked), on 20 numeric columns of 256
bins, and score the same rows in turn; so do pyGAM and a glassbox model converted from it. One
thread; the median over turns of the ratio peer / glassbox is reported, so above 1 is faster than
the peer. Peak memory is what Python and numpy allocate during the call, the table apart.

    python -m benchmarks.predict [--quick] [--rows 1000000] [--repeats 5]
"""

from __future__ import annotations

import gc
import time
import tracemalloc
import warnings
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks._common import parser, print_table, spline_estimators, write_results

N_COLUMNS = 20
N_BINS = 256
TRAINING_ROWS = 20_000
PYGAM_ROWS = 100_000


def training_table(n_rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Normal columns, and an outcome that all of them sway."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_rows, N_COLUMNS))
    score = np.sin(X[:, :10]).sum(axis=1) + X[:, 0] * X[:, 1]
    y = (rng.uniform(size=n_rows) < 1 / (1 + np.exp(-score))).astype(int)
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)]), y


def boosted_twins(n_pairs: int) -> tuple:
    """A fitted glassbox estimator, and the fitted machine of interpret behind it."""
    from glassbox import BoostedGAMClassifier
    from glassbox.estimators import _interpret

    read_ebm, machines = _interpret.read_ebm, []

    def remember(ebm, table):
        machines.append(ebm)
        return read_ebm(ebm, table)

    X, y = training_table(TRAINING_ROWS)
    with patch.object(_interpret, "read_ebm", remember):
        model = BoostedGAMClassifier(
            engine="interpret",
            interactions=n_pairs,
            # interpret counts missing and unseen among the bins.
            max_bins=N_BINS + 2,
            n_bags=2,
            max_rounds=200,
            random_state=0,
        ).fit(X, y)
    return model, machines[0]


def of_degree(model, degree: int):
    """A model with as many knots on the same columns, of another degree."""
    from glassbox.core.axes import NumericAxis
    from glassbox.core.terms import Term

    rng = np.random.RandomState(0)
    terms = []
    for term in model.terms:
        if len(term.axes) == 1:
            axis = NumericAxis(term.name, term.axes[0].knots, degree)
            terms.append(Term((axis,), rng.standard_normal(axis.size)))
    return model.replace(terms=tuple(terms))


def side_by_side(glassbox: Callable, peer: Callable, repeats: int) -> dict[str, float]:
    """Seconds of both, in turn."""
    seconds: dict[str, list[float]] = {"glassbox": [], "peer": []}
    contestants = {"glassbox": glassbox, "peer": peer}
    for turn in range(-1, repeats):
        for name in list(contestants)[:: 1 if turn % 2 else -1]:
            gc.collect()
            start = time.perf_counter()
            contestants[name]()
            if turn >= 0:  # the first turn warms up
                seconds[name].append(time.perf_counter() - start)
    ratios = np.array(seconds["peer"]) / np.array(seconds["glassbox"])
    return {
        "glassbox_s": float(np.median(seconds["glassbox"])),
        "peer_s": float(np.median(seconds["peer"])),
        "ratio": float(np.median(ratios)),
        "ratio_low": float(ratios.min()),
        "ratio_high": float(ratios.max()),
    }


def peak_megabytes(call: Callable) -> float:
    """The most that is allocated at any moment of a call, its result included."""
    gc.collect()
    tracemalloc.start()
    result = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del result
    return peak / 1e6


def boosted_cases(n_rows: int, repeats: int) -> list[dict]:
    """The same boosted model in glassbox and in interpret."""
    rng = np.random.RandomState(1)
    array = rng.standard_normal((n_rows, N_COLUMNS))
    rows = []
    for n_pairs in (0, 10):
        estimator, ebm = boosted_twins(n_pairs)
        frame = pd.DataFrame(array, columns=estimator.feature_names_in_)
        # interpret knows the columns by number: glassbox hands them over so.
        numbered = pd.DataFrame(array, columns=[str(j) for j in range(N_COLUMNS)])
        model = estimator.additive_model_
        columns = {name: frame[name].to_numpy() for name in frame}
        gap = np.abs(estimator.decision_function(frame) - ebm.decision_function(numbered)).max()
        if gap > 1e-9:
            raise AssertionError(f"The two models differ by {gap:g}.")

        def row(name, glassbox, peer, n_pairs=n_pairs, gap=gap):
            found = side_by_side(glassbox, peer, repeats)
            return {
                "case": name,
                "peer": "interpret",
                "pairs": n_pairs,
                "rows": n_rows,
                **found,
                "glassbox_mb": peak_megabytes(glassbox),
                "peer_mb": peak_megabytes(peer),
                "largest_gap": gap,
            }

        def their_probabilities(ebm=ebm, numbered=numbered):
            return ebm.predict_proba(numbered)

        rows += [
            row(
                "predict_proba, data frame",
                lambda e=estimator, f=frame: e.predict_proba(f),
                their_probabilities,
            ),
            row(
                "predict_proba, array",
                lambda e=estimator: e.predict_proba(array),
                lambda e=ebm: e.predict_proba(array),
            ),
            row(
                "AdditiveModel.means, typed columns",
                lambda m=model, c=columns: m.means(c),
                their_probabilities,
            ),
            row(
                "AdditiveModel.contributions, typed columns",
                lambda m=model, c=columns: m.contributions(c),
                lambda e=ebm, f=numbered: e.eval_terms(f),
            ),
        ]
        if n_pairs == 0:
            for degree in (1, 3):
                other = of_degree(model, degree)
                rows.append(
                    row(
                        f"degree {degree}: AdditiveModel.means (peer: its steps)",
                        lambda m=other, c=columns: m.means(c),
                        their_probabilities,
                    )
                )
    return rows


def pygam_case(n_rows: int, repeats: int) -> list[dict]:
    """A model of pyGAM's, and the same one in glassbox."""
    from pygam import LogisticGAM

    X, y = training_table(5_000)
    families = spline_estimators()
    if families is None:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gam = LogisticGAM(n_splines=20).fit(X.to_numpy(), y)
        model = families[0](solver="pygam", lam=0.6).fit(X, y)
    array = np.random.RandomState(1).standard_normal((n_rows, N_COLUMNS))
    frame = pd.DataFrame(array, columns=X.columns)
    sizes = sorted({term.axes[0].n_values for term in model.additive_model_.terms})

    def ours():
        return model.predict_proba(frame)

    def theirs():
        return gam.predict_proba(array)

    return [
        {
            "case": f"cubic splines, {sizes} coefficients against 20: predict_proba",
            "peer": "pyGAM",
            "pairs": 0,
            "rows": n_rows,
            **side_by_side(ours, theirs, repeats),
            "glassbox_mb": peak_megabytes(ours),
            "peer_mb": peak_megabytes(theirs),
            "largest_gap": float(np.abs(ours()[:, 1] - theirs()).max()),
        }
    ]


def memory_by_rows(sizes: tuple[int, ...]) -> list[dict]:
    """Peak memory of a prediction beyond its result, as the table grows."""
    estimator, _ = boosted_twins(0)
    rows = []
    for n_rows in sizes:
        array = np.random.RandomState(1).standard_normal((n_rows, N_COLUMNS))
        frame = pd.DataFrame(array, columns=estimator.feature_names_in_)
        peak = peak_megabytes(lambda frame=frame: estimator.decision_function(frame))
        rows.append(
            {
                "rows": n_rows,
                "table_mb": array.nbytes / 1e6,
                "one_column_mb": n_rows * 8 / 1e6,
                "peak_mb": peak,
                "peak_in_columns": peak * 1e6 / (n_rows * 8),
            }
        )
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--repeats", type=int, default=5, help="turns that are counted")
    args = options.parse_args()
    if args.quick:
        args.rows, args.repeats = 100_000, 3
    # The models know their columns by name; that an array has none is meant.
    warnings.filterwarnings("ignore", "X has no feature names")
    rows = boosted_cases(args.rows, args.repeats)
    rows += pygam_case(min(args.rows, PYGAM_ROWS), args.repeats)
    print_table(rows, "Side by side; ratio above 1: glassbox is faster")
    memory = memory_by_rows((args.rows // 10, args.rows))
    print_table(memory, "Peak memory of decision_function, its result included")
    print("Written:", write_results("predict", args, {"rows": rows, "memory": memory}).name)


if __name__ == "__main__":
    main()
