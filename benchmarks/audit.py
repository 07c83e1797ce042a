"""What an audit costs: seconds of the whole, and of its parts.

The table is generated: 30 columns with an effect, 10,000 rows for the model and as many for the
audit, two sensitive features, 200 resamples and 500 permutations. Three cases: two features that
are groups (with their intersection), a group and an amount, and the same with three classes of
outcome. Each runs once to load and compile, on fewer rows, and then once more to be measured.

    python -m benchmarks.audit [--quick] [--rows 10000]
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from benchmarks._common import parser, print_table, stopwatch, write_results

N_COLUMNS = 30
CASES = ("groups", "group_and_amount", "three_classes")


def make_table(n_rows: int, case: str) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Columns, an outcome, and two sensitive features that some columns tell of."""
    rng = np.random.default_rng(0)
    race = rng.choice(["A", "B", "C"], p=[0.5, 0.3, 0.2], size=n_rows)
    sex = rng.choice(["f", "m"], size=n_rows)
    age = rng.normal(60, 12, size=n_rows)
    X = rng.normal(size=(n_rows, N_COLUMNS))
    X[:, :3] += 0.5 * (race == "B")[:, None]
    X[:, 3:6] += 0.5 * (sex == "m")[:, None]
    X[:, 6:9] += (age - 60)[:, None] / 24
    score = 0.3 * np.sin(X[:, ::2]).sum(axis=1) + 0.15 * (X[:, 1::2] ** 2 - 1).sum(axis=1)
    score += rng.logistic(size=n_rows)
    if case == "three_classes":
        y = np.array(["low", "middle", "high"])[np.digitize(score, [-0.5, 0.8])]
    else:
        y = np.where(score > 0, "yes", "no")
    second = {"sex": sex} if case == "groups" else {"age": age}
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)])
    return frame, y, pd.DataFrame({"race": race, **second})


def measure(n_rows: int, case: str) -> dict:
    """Seconds of an audit and of the decomposition alone."""
    from glassbox import SplineGAMClassifier
    from glassbox.fairness import audit, decompose_gap

    X, y, sensitive = make_table(2 * n_rows, case)
    model = SplineGAMClassifier().fit(X[:n_rows], y[:n_rows])
    X, y, sensitive = X[n_rows:], y[n_rows:], sensitive[n_rows:]
    few = slice(0, min(500, n_rows))
    audit(model, X[few], y[few], sensitive_features=sensitive[few], n_bootstrap=5, random_state=0)
    with stopwatch() as seconds:
        found = audit(model, X, y, sensitive_features=sensitive, random_state=0)
    start = time.perf_counter()
    decompose_gap(model, X, sensitive, n_bootstrap=200, random_state=0)
    return {
        "case": case,
        "rows": n_rows,
        "terms": len(model.term_names_),
        "sensitive": len(sensitive.columns),
        "n_bootstrap": found.settings["n_bootstrap"],
        "n_permutations": found.settings["n_permutations"],
        "audit_wall_s": seconds["wall"],
        "audit_cpu_s": seconds["cpu"],
        "decompose_gap_wall_s": time.perf_counter() - start,
        "findings": len(found.findings),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=10_000)
    options.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    args = options.parse_args()
    if args.quick:
        args.rows, args.cases = 1_000, ["groups"]
    rows = [measure(args.rows, case) for case in args.cases]
    print_table(rows)
    print("Written:", write_results("audit", args, {"rows": rows}).name)


if __name__ == "__main__":
    main()
