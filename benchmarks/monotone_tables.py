"""The README's tables of monotone models, as Markdown, from results/monotone.json.

python -m benchmarks.monotone_tables
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks._monotone_summary import summarise
from benchmarks._monotone_tables import COMPARED
from benchmarks._results import read_results
from benchmarks.nam_tables import markdown

_NAMES = {
    "auc": "AUC",
    "log_loss": "log-loss",
    "mse": "MSE",
    "rmse_to_truth": "RMSE to the truth",
    "rmse_in_sd": "in its deviations",
    "accuracy": "accuracy",
}
_GROUP = "best booster"


def accuracy(summary: dict, about: dict) -> Iterator[str]:
    """One table of models for each table of data."""
    lines = summary["accuracy"]
    for table in dict.fromkeys(line["table"] for line in lines):
        own = [line for line in lines if line["table"] == table]
        metrics = COMPARED[table]
        last = metrics[-1]
        yield f"\n**{table}**: {about[table]['protocol']}\n"
        header = ["model", *(_NAMES[metric] for metric in metrics)]
        header += [f"{_NAMES[last]}, gain on the best booster", "fit s", "splits"]
        yield from markdown(
            header,
            (
                [
                    line["model"],
                    *(_spread(line, metric) for metric in metrics),
                    _gain(line.get("against", {}).get(_GROUP, {}).get(last)),
                    f"{line['fit_wall_seconds']:.2f}",
                    str(line["splits"]),
                ]
                for line in own
            ),
        )


def _spread(line: dict, metric: str) -> str:
    value = line[metric]
    error = value["se"] if line["splits"] > 1 else value.get("se_over_rows")
    return f"{value['mean']:.4f}" + ("" if error is None else f" ± {error:.4f}")


def _gain(gain: dict | None) -> str:
    if not gain:
        return ""
    if gain["within_one_se"] is None:
        return f"{gain['advantage']:+.4f} ({gain['rival']})"
    errors = f"± {gain['se']:.4f}, {gain['corrected_se']:.4f}"
    return f"{gain['advantage']:+.4f} {errors} ({gain['rival']})"


def speed(summary: dict) -> Iterator[str]:
    """Seconds of a fit, by threads."""
    yield "\n**speed**: wall-clock seconds of a fit on one split of compas\n"
    lines = summary["speed"]
    threads = sorted({line["threads"] for line in lines})
    by_model: dict[str, dict[int, float]] = {}
    for line in lines:
        by_model.setdefault(line["model"], {})[line["threads"]] = line["seconds"]
    header = ["model", *(f"{n} thread{'s' * (n > 1)}" for n in threads)]
    yield from markdown(
        header,
        (
            [model, *(f"{seconds[n]:.2f}" if n in seconds else "" for n in threads)]
            for model, seconds in by_model.items()
        ),
    )


def main() -> None:
    results = read_results("monotone", None)["results"]
    summary = summarise(results["rows"], results["tables"])
    for line in (*accuracy(summary, results["tables"]), *speed(summary)):
        print(line)


if __name__ == "__main__":
    main()
