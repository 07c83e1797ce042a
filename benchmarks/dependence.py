"""Cost of measures of dependence on two groups, beside dcor and hyppo on the same rows.

Every measure is estimated alone, without permutations, on one thread; cost is the least processor
time of several turns. The general forms of dcor and hyppo hold n × n matrices, and are measured
where these fit. An audit's whole table, all measures with 500 permutations and 200 resamples, is
timed at 10,000 rows.

    python -m benchmarks.dependence [--quick] [--repeats 3]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from benchmarks._common import one_thread, parser, print_table, stopwatch, write_results

# Rows up to which an n × n matrix of a peer is made, some gigabytes at the most.
_MATRIX_ROWS = 10_000


def draw(kind: str, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A score, and two groups or six that shift it, or an amount."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=n)
    if kind == "amount":
        attribute = rng.normal(size=n)
        return noise + 0.2 * attribute, attribute
    groups = rng.integers(2 if kind == "two groups" else 6, size=n)
    return noise + 0.2 * (groups == 0), groups.astype(str)


def estimate(score: np.ndarray, attribute: np.ndarray, measure: str) -> float:
    from glassbox.fairness.dependence import dependence

    found = dependence(
        score, {"A": attribute}, measures=[measure], n_permutations=0, n_bootstrap=0
    )
    return float(found["estimate"].iloc[0])


def of_dcor(score: np.ndarray, attribute: np.ndarray) -> float:
    """dcor: O(n log n) for two columns of numbers, which two groups can be."""
    import dcor

    numbers = np.unique(attribute, return_inverse=True)[1].astype(float)
    return float(dcor.distance_correlation(score, numbers))


def of_dcor_matrix(score: np.ndarray, attribute: np.ndarray) -> float:
    import dcor

    numbers = np.unique(attribute, return_inverse=True)[1].astype(float)
    return float(dcor.distance_correlation(score, numbers, method="naive"))


def of_hyppo(score: np.ndarray, attribute: np.ndarray) -> float:
    from hyppo.independence import Hsic

    numbers = np.unique(attribute, return_inverse=True)[1].astype(float)
    # The root of ours: hyppo has one bandwidth for both, which is no matter for two groups.
    return float(Hsic(bias=True).statistic(score[:, None], numbers[:, None]))


def timed(function: Callable[[], float], repeats: int) -> tuple[float, float]:
    """The value, and the least processor seconds; the first turn compiles and warms up."""
    value, best = function(), np.inf
    for _ in range(repeats):
        with stopwatch() as seconds:
            value = function()
        best = min(best, seconds["cpu"])
    return value, best


def measures_beside_peers(n: int, repeats: int) -> list[dict]:
    from glassbox.fairness._dependence.measures import MEASURES

    score, groups = draw("two groups", n)
    rows = []

    def add(package: str, measure: str, function: Callable[[], float]) -> None:
        value, seconds = timed(function, repeats)
        rows.append(
            {"rows": n, "package": package, "measure": measure, "value": value, "cpu_s": seconds}
        )

    for measure in MEASURES:
        add("glassbox", measure, lambda measure=measure: estimate(score, groups, measure))
    add("dcor", "dcor", lambda: of_dcor(score, groups))
    if n <= _MATRIX_ROWS:
        add("dcor", "dcor, n × n", lambda: of_dcor_matrix(score, groups))
        add("hyppo", "hsic, n × n", lambda: of_hyppo(score, groups))
    return rows


def with_inference(n: int, repeats: int) -> list[dict]:
    """All measures with 500 permutations and 200 resamples."""
    from glassbox.fairness.dependence import dependence

    rows = []
    for kind in ("two groups", "six groups", "amount"):
        score, attribute = draw(kind, n)
        _, seconds = timed(
            lambda: dependence(score, {"A": attribute}, random_state=0),  # noqa: B023
            repeats,
        )
        rows.append({"rows": n, "attribute": kind, "cpu_s": seconds})
    return rows


def measure(args: argparse.Namespace) -> dict:
    sizes = [2_000, 20_000] if args.quick else [10_000, 200_000]
    with one_thread():
        estimates = [row for n in sizes for row in measures_beside_peers(n, args.repeats)]
        print_table(estimates, "Estimates, two groups")
        audits = with_inference(2_000 if args.quick else 10_000, args.repeats)
        print_table(audits, "All measures, 500 permutations and 200 resamples")
    peers = {name: version(name) for name in ("dcor", "hyppo")}
    print("Versions:", ", ".join(f"{name} {number}" for name, number in peers.items()))
    return {"peers": peers, "estimates": estimates, "with_inference": audits}


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--repeats", type=int, default=3, help="turns after the one that warms up"
    )
    args = options.parse_args()
    print("Written:", write_results("dependence", args, measure(args)).name)


if __name__ == "__main__":
    main()
