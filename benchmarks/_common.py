"""What all benchmarks share: tables with their protocols, versions, scores, result files."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import (
    brier_score_loss,
    log_loss,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import (
    KFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

HERE = Path(__file__).parent
DATA_VARIABLE = "GLASSBOX_BENCHMARK_DATA"

_PACKAGES = (
    "glassbox",
    "interpret-core",
    "pygam",
    "lightgbm",
    "xgboost",
    "torch",
    "dnamite",
    "igann",
    "nodegam",
    "scikit-learn",
    "numba",
    "numpy",
    "scipy",
    "pandas",
)


class TableMissingError(Exception):
    """A table that is not bundled is not where benchmarks look for it."""


@dataclass(frozen=True)
class Table:
    """A table and the protocol that makes results on it comparable.

    Attributes
    ----------
    name : str
    X : DataFrame
        Numbers, and categoricals for everything else. Nothing is filled in.
    y : ndarray
        0 and 1, or the outcome of a regression.
    task : {"classification", "regression"}
    splits : list of (train rows, test rows)
    protocol : str
        The splits in words.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    task: str
    splits: list[tuple[np.ndarray, np.ndarray]]
    protocol: str

    def parts(self, n_splits: int | None = None) -> Iterator[tuple]:
        """Yield X and y of the training rows, then of the test rows, for each split."""
        for train, test in self.splits[:n_splits]:
            yield (self.X.iloc[train], self.y[train], self.X.iloc[test], self.y[test])

    def subsampled(self, n_rows: int, random_state: int = 0) -> Table:
        """The table with at most so many training rows in each split; test rows stay."""
        rng = np.random.RandomState(random_state)
        splits = [
            (np.sort(rng.choice(train, min(n_rows, len(train)), replace=False)), test)
            for train, test in self.splits
        ]
        protocol = f"{self.protocol}; {n_rows:,} training rows drawn"
        return Table(self.name, self.X, self.y, self.task, splits, protocol)


def data_folder() -> Path:
    """Where tables that are not bundled are looked for."""
    return Path(os.environ.get(DATA_VARIABLE, HERE / "data"))


def read_csv(name: str, **options) -> pd.DataFrame:
    """Read a table that is not bundled.

    Raises
    ------
    TableMissingError
        Saying where the file should be.
    """
    path = data_folder() / name
    if not path.is_file():
        raise TableMissingError(
            f"{name} is not there: benchmarks/README.md says where it can be had. Put it into "
            f"benchmarks/data/, or name another folder in the variable {DATA_VARIABLE}."
        )
    return pd.read_csv(path, **options)


def _splits(splitter, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(splitter.split(np.zeros((len(y), 1)), y))


def _stratified_folds(y: np.ndarray, n_repeats: int):
    splitter = RepeatedStratifiedKFold(n_splits=5, n_repeats=n_repeats, random_state=0)
    return _splits(splitter, y)


def _support2() -> Table:
    from glassbox.datasets import load_support2

    bunch = load_support2(protocol="published")
    y = bunch.target.to_numpy()
    return Table(
        "support2",
        bunch.data,
        y,
        "classification",
        bunch.published.splits(y),
        "death in hospital, published protocol: StratifiedShuffleSplit(5, test_size=0.15, "
        "random_state=1377)",
    )


def _nhefs() -> Table:
    from glassbox.datasets import load_nhefs

    X, y = load_nhefs(return_X_y=True)
    y = y.to_numpy()
    return Table("nhefs", X, y, "classification", _stratified_folds(y, 1), "death, 5 folds")


def _birthwt() -> Table:
    from glassbox.datasets import load_birthwt

    X, y = load_birthwt(return_X_y=True)
    y = y.to_numpy()
    protocol = "low birth weight, 5 folds, 2 repeats"
    return Table("birthwt", X, y, "classification", _stratified_folds(y, 2), protocol)


def _breast_cancer() -> Table:
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    y = y.to_numpy()
    splits = _splits(StratifiedKFold(5, shuffle=True, random_state=0), y)
    return Table("breast_cancer", X, y, "classification", splits, "benign, 5 folds")


def _heart_cleveland() -> Table:
    frame = read_csv("heart_cleveland.csv")
    y = (frame.pop("num") > 0).to_numpy().astype(int)
    X = _with_categories(frame, ["cp", "restecg", "thal"])
    protocol = "disease, 5 folds, 2 repeats"
    return Table("heart_cleveland", X, y, "classification", _stratified_folds(y, 2), protocol)


# Discharged dead or to a hospice: such a patient cannot be readmitted.
_DIED_OR_HOSPICE = (11, 13, 14, 19, 20, 21)


def _diabetes130() -> Table:
    # "None" is a value here: not measured.
    frame = read_csv("diabetes130.csv.gz", keep_default_na=False, na_values=[""], low_memory=False)
    frame = frame.sort_values("encounter_id").drop_duplicates("patient_nbr")
    frame = frame[~frame["discharge_disposition_id"].isin(_DIED_OR_HOSPICE)]
    y = (frame.pop("readmitted") == "<30").to_numpy().astype(int)
    X = frame.drop(columns=["encounter_id", "patient_nbr"]).reset_index(drop=True)
    for name in ("diag_1", "diag_2", "diag_3"):
        X[name] = X[name].map(icd9_group, na_action="ignore")
    X = X.loc[:, X.nunique(dropna=False) > 1]
    codes = ["admission_type_id", "discharge_disposition_id", "admission_source_id"]
    X = _with_categories(X, codes)
    splitter = StratifiedShuffleSplit(3, test_size=0.2, random_state=0)
    protocol = (
        "readmission within 30 days; first encounter of each patient, without deaths and "
        "hospice; three stratified 80/20 splits; ICD-9 codes as nine groups"
    )
    return Table("diabetes130", X, y, "classification", _splits(splitter, y), protocol)


_ICD9_GROUPS = (
    ("circulatory", 390, 459),
    ("respiratory", 460, 519),
    ("digestive", 520, 579),
    ("injury", 800, 999),
    ("musculoskeletal", 710, 739),
    ("genitourinary", 580, 629),
    ("neoplasms", 140, 239),
)
_ICD9_SYMPTOMS = {785: "circulatory", 786: "respiratory", 787: "digestive", 788: "genitourinary"}


def icd9_group(code: str) -> str:
    """The group of an ICD-9 code, as in Strack et al. (2014), doi:10.1155/2014/781670."""
    if not code[0].isdigit():
        return "other"
    number = int(float(code))
    if number == 250:
        return "diabetes"
    if number in _ICD9_SYMPTOMS:
        return _ICD9_SYMPTOMS[number]
    for group, low, high in _ICD9_GROUPS:
        if low <= number <= high:
            return group
    return "other"


def _california_housing() -> Table:
    frame = read_csv("california_housing.csv.gz")
    y = frame.pop("median_house_value").to_numpy() / 100_000
    splits = _splits(KFold(5, shuffle=True, random_state=0), y)
    protocol = "median house value in units of 100,000, 5 folds"
    return Table("california_housing", frame, y, "regression", splits, protocol)


# The folds of Agarwal et al. (2021), "Neural additive models".
_NAM_FOLDS = {"n_splits": 5, "shuffle": True, "random_state": 42}


def _california_housing_nam() -> Table:
    table = _california_housing()
    raw = table.X
    # As scikit-learn's fetch_california_housing gives the same houses.
    X = pd.DataFrame(
        {
            "MedInc": raw["median_income"],
            "HouseAge": raw["housing_median_age"],
            "AveRooms": raw["total_rooms"] / raw["households"],
            "AveBedrms": raw["total_bedrooms"] / raw["households"],
            "Population": raw["population"],
            "AveOccup": raw["population"] / raw["households"],
            "Latitude": raw["latitude"],
            "Longitude": raw["longitude"],
        }
    )
    return replace(
        table,
        X=X,
        name="california_housing_nam",
        splits=_splits(KFold(**_NAM_FOLDS), table.y),
        protocol="median house value in units of 100,000, rooms and occupants per household, "
        "the NAM paper's protocol: "
        "KFold(5, shuffle=True, random_state=42)",
    )


def _compas() -> Table:
    frame = propublica_filter(read_csv("compas.csv", keep_default_na=False))
    y = frame["two_year_recid"].to_numpy()
    came, left = (
        pd.to_datetime(frame[name]).dt.normalize() for name in ("c_jail_in", "c_jail_out")
    )
    X = frame[["age", "race", "sex", "priors_count"]].assign(
        length_of_stay=(left - came).dt.days, charge_degree=frame["c_charge_degree"]
    )
    return Table(
        "compas",
        _with_categories(X.reset_index(drop=True), []),
        y,
        "classification",
        _splits(StratifiedKFold(**_NAM_FOLDS), y),
        "new offence within two years, the NAM paper's protocol: "
        "StratifiedKFold(5, shuffle=True, random_state=42)",
    )


def propublica_filter(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that ProPublica's own analysis keeps, of their file read without missing values."""
    screened = pd.to_numeric(frame["days_b_screening_arrest"], errors="coerce").abs() <= 30
    known = (frame["is_recid"] != -1) & (frame["score_text"] != "N/A")
    return frame[screened & known & (frame["c_charge_degree"] != "O")]


def _diabetes() -> Table:
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    y = y.to_numpy()
    splits = _splits(KFold(5, shuffle=True, random_state=0), y)
    return Table("diabetes", X, y, "regression", splits, "progression after a year, 5 folds")


def _make_additive() -> Table:
    from glassbox.datasets import make_additive

    kinds = ("linear", "quadratic", "sine", "step", "kink", "tanh", "plateau", "null")
    table = make_additive(5_000, 9, n_categorical=1, kinds=kinds, correlation=0.4, random_state=0)
    y = table.target.to_numpy()
    splits = _splits(StratifiedKFold(5, shuffle=True, random_state=0), y)
    protocol = "drawn from known shapes, one of them null; correlation 0.4; 5 folds"
    return Table("make_additive", table.data, y, "classification", splits, protocol)


def _with_categories(frame: pd.DataFrame, coded: Iterable[str]) -> pd.DataFrame:
    """Text, and columns whose numbers are codes, as categoricals."""
    typed = {}
    for name, column in frame.items():
        if name in coded:
            column = column.astype("Int64").astype("str").where(column.notna())
        numeric = pd.api.types.is_numeric_dtype(column)
        typed[name] = column if numeric else pd.Categorical(column)
    return pd.DataFrame(typed, index=frame.index)


TABLES: dict[str, Callable[[], Table]] = {
    "birthwt": _birthwt,
    "heart_cleveland": _heart_cleveland,
    "breast_cancer": _breast_cancer,
    "nhefs": _nhefs,
    "support2": _support2,
    "diabetes130": _diabetes130,
    "california_housing": _california_housing,
    "california_housing_nam": _california_housing_nam,
    "compas": _compas,
    "diabetes": _diabetes,
    "make_additive": _make_additive,
}


def load_tables(names: Iterable[str]) -> tuple[list[Table], dict[str, str]]:
    """Load tables; those that are not there are skipped, and said to be.

    Returns
    -------
    tables : list of Table
    skipped : dict of str to str
        Why, by name.
    """
    tables, skipped = [], {}
    for name in names:
        try:
            tables.append(TABLES[name]())
        except TableMissingError as reason:
            skipped[name] = str(reason)
            print(f"SKIPPED {name}: {reason}", flush=True)
    return tables, skipped


def spline_estimators() -> tuple[type, type] | None:
    """glassbox's spline GAMs for classes and for numbers; None where they cannot be imported."""
    try:
        from glassbox import SplineGAMClassifier, SplineGAMRegressor
    except ImportError as reason:
        print(f"SKIPPED the spline GAM: {reason}", flush=True)
        return None
    return SplineGAMClassifier, SplineGAMRegressor


def nam_estimators() -> tuple[type, type] | None:
    """glassbox's neural additive models, likewise."""
    try:
        from glassbox import NAMClassifier, NAMRegressor
    except ImportError as reason:
        print(f"SKIPPED the neural additive model: {reason}", flush=True)
        return None
    return NAMClassifier, NAMRegressor


@cache
def load_networks() -> None:
    """Load torch and compile what is compiled, so that the first fit need not pay for it."""
    family = nam_estimators()[0]
    X = np.random.default_rng(0).normal(size=(100, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        family(n_bags=2, max_steps=2).fit(X, (X[:, 0] > 0).astype(int))


def scores(task: str, y: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Scores of probabilities of class 1, or of predicted numbers."""
    if task == "classification":
        return {
            "auc": float(roc_auc_score(y, prediction)),
            "log_loss": float(log_loss(y, prediction, labels=[0, 1])),
            "brier": float(brier_score_loss(y, prediction)),
        }
    return {
        "rmse": float(np.sqrt(mean_squared_error(y, prediction))),
        "r2": float(r2_score(y, prediction)),
    }


def predict_for_scores(task: str, model, X) -> np.ndarray:
    """What :func:`scores` wants of a scikit-learn estimator."""
    return model.predict_proba(X)[:, 1] if task == "classification" else model.predict(X)


def mean_sd(values: Iterable[float]) -> dict[str, float]:
    """Mean and standard deviation over splits."""
    values = np.asarray(list(values), dtype=float)
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(values.mean()), "sd": spread}


def paired_difference(values: Iterable[float], reference: Iterable[float]) -> dict[str, float]:
    """Mean difference over the same splits, and its standard error.

    The error treats splits as independent. They share training rows, so it is a lower bound.
    """
    difference = np.asarray(list(values), dtype=float) - np.asarray(list(reference), dtype=float)
    if len(difference) < 2:
        return {"mean": float(difference.mean()), "se": float("nan")}
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return {"mean": float(difference.mean()), "se": float(error)}


@contextmanager
def stopwatch() -> Iterator[dict[str, float]]:
    """Measure wall-clock and processor seconds of a block, children's excluded."""
    seconds: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield seconds
    seconds["cpu"] = time.process_time() - cpu
    seconds["wall"] = time.perf_counter() - wall


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep numerical libraries, torch included, to one thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        if find_spec("torch") is None:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def versions() -> dict[str, str]:
    """Versions of the packages that are compared."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package == "glassbox":
                from glassbox import __version__

                found[package] = __version__
    return found


def circumstances() -> dict:
    """When, with what and on how many processors something was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpus": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
    }


def write_results(name: str, settings: argparse.Namespace | dict, results) -> Path:
    """Write ``results/<name>.json``: whole or not at all."""
    settings = dict(vars(settings)) if isinstance(settings, argparse.Namespace) else settings
    folder = Path(settings.pop("out", None) or HERE / "results")
    folder.mkdir(parents=True, exist_ok=True)
    document = {"benchmark": name, "settings": settings, **circumstances(), "results": results}
    text = json.dumps(_rounded(document), indent=1, default=_plain, allow_nan=False) + "\n"
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}-", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        path = folder / f"{name}.json"
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def _plain(value):
    if isinstance(value, np.generic):
        return _rounded(value.item())
    if isinstance(value, np.ndarray):
        return _rounded(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written to a result file.")


def _rounded(value):
    """Six significant digits, and None for what is not a number."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value


def print_table(rows: list[dict], title: str = "") -> None:
    """Print rows as an aligned table, at once."""
    if title:
        print(f"\n{title}")
    print(pd.DataFrame(rows).to_string(index=False, na_rep="", float_format="{:.4f}".format))
    print(flush=True)


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="a subset, in a minute or so")
    options.add_argument("--out", help="folder of the result file (default: benchmarks/results)")
    return options
