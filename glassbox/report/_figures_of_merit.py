"""Performance and calibration of a study, as the lines of the page's tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassbox.evaluation.calibration import Calibration, mean_calibration, risk_calibration
from glassbox.evaluation.estimates import Estimate
from glassbox.evaluation.performance import auc, class_losses, regression_errors
from glassbox.report._format import digits_for, estimate, fixed
from glassbox.report._outcome import Outcome


@dataclass(frozen=True)
class Line:
    """One figure of merit.

    Attributes
    ----------
    name : str
    figure : str
        Value with interval.
    null : str
        What a prediction reaches that is the same for everybody.
    meaning : str
    """

    name: str
    figure: str
    null: str
    meaning: str


@dataclass(frozen=True, eq=False)
class Assessment:
    """What out-of-fold predictions are worth.

    Attributes
    ----------
    lines : list of Line
    headline : tuple of (str, str)
        Name and value of the figure that stands at the top of the page.
    fold_range : str
        The headline figure over the folds.
    calibrations : list of (str, Calibration, ndarray)
        What is predicted, its calibration, and the predictions; one for each class of several.
    digits_of_error : int
        Decimals that suit errors of the prediction.
    """

    lines: list[Line]
    headline: tuple[str, str]
    fold_range: str
    calibrations: list[tuple[str, Calibration, np.ndarray]]
    digits_of_error: int = 3


def assess(
    outcome: Outcome, predictions: np.ndarray, fold: np.ndarray, titles: list[str], seed: int
) -> Assessment:
    """Assess out-of-fold predictions.

    Parameters
    ----------
    outcome : Outcome
    predictions : ndarray of shape (n_rows, n_classes) or (n_rows,)
    fold : ndarray of int, shape (n_rows,)
    titles : list of str
        What readers call the classes, or (for a number, or two classes) the one thing predicted.
    seed : int
        Of the bootstrap.
    """
    if outcome.task == "numbers":
        return _assess_numbers(outcome.y, predictions, fold, titles, seed)
    if outcome.is_binary:
        return _assess_event(outcome.codes, predictions, fold, titles, seed)
    return _assess_classes(outcome.codes, predictions, fold, titles, seed)


def _assess_event(
    codes: np.ndarray, predictions: np.ndarray, fold: np.ndarray, titles: list[str], seed: int
) -> Assessment:
    event, risk = codes == 1, predictions[:, 1]
    area = auc(event, risk)
    per_fold = [auc(event[fold == k], risk[fold == k]).value for k in np.unique(fold)]
    lines = [_auc_line("AUC", area, "an event is given a higher risk than a non-event")]
    lines += _loss_lines(codes, predictions, seed)
    calibration = (titles[-1], risk_calibration(event, risk), risk)
    return Assessment(lines, ("AUC", fixed(area.value)), _span(per_fold), [calibration])


def _assess_classes(
    codes: np.ndarray, predictions: np.ndarray, fold: np.ndarray, titles: list[str], seed: int
) -> Assessment:
    areas = [auc(codes == k, predictions[:, k]) for k in range(len(titles))]
    lines = [
        _auc_line(f"AUC, {title} against the rest", area, "a row of the class ranks above another")
        for title, area in zip(titles, areas, strict=True)
    ]
    lines += _loss_lines(codes, predictions, seed)

    def mean_area(rows: np.ndarray) -> float:
        return float(
            np.mean(
                [auc(codes[rows] == k, predictions[rows, k]).value for k in range(len(titles))]
            )
        )

    calibrations = [
        (title, risk_calibration(codes == k, predictions[:, k]), predictions[:, k])
        for k, title in enumerate(titles)
    ]
    headline = ("Mean AUC of the classes", fixed(mean_area(np.ones(len(codes), dtype=bool))))
    per_fold = [mean_area(fold == k) for k in np.unique(fold)]
    return Assessment(lines, headline, _span(per_fold), calibrations)


def _assess_numbers(
    y: np.ndarray, prediction: np.ndarray, fold: np.ndarray, titles: list[str], seed: int
) -> Assessment:
    errors = regression_errors(y, prediction, seed)
    digits = digits_for(errors["rmse"][0].value)
    meanings = {
        "r2": ("R²", 3, "share of the outcome's variance that is predicted"),
        "rmse": ("RMSE", digits, "typical error, large errors weighing more"),
        "mae": ("Mean absolute error", digits, "mean distance of prediction and outcome"),
    }
    lines = [
        Line(name, estimate(errors[key][0], places), fixed(errors[key][1], places), meaning)
        for key, (name, places, meaning) in meanings.items()
    ]
    per_fold = [
        1 - ((y[fold == k] - prediction[fold == k]) ** 2).mean() / y[fold == k].var()
        for k in np.unique(fold)
    ]
    calibration = (titles[-1], mean_calibration(y, prediction), prediction)
    headline = ("R²", fixed(errors["r2"][0].value))
    return Assessment(lines, headline, _span(per_fold), [calibration], digits)


def _auc_line(name: str, area: Estimate, meaning: str) -> Line:
    return Line(name, estimate(area), fixed(0.5), f"how often {meaning}")


def _loss_lines(codes: np.ndarray, predictions: np.ndarray, seed: int) -> list[Line]:
    losses = class_losses(codes, predictions, seed)
    names = {
        "log_loss": ("Log-loss", "surprise at what happened; smaller is better"),
        "brier": ("Brier score", "mean squared error of the probabilities; smaller is better"),
    }
    return [
        Line(name, estimate(losses[key][0]), fixed(losses[key][1]), meaning)
        for key, (name, meaning) in names.items()
    ]


def _span(values: list[float]) -> str:
    return f"{fixed(min(values))} to {fixed(max(values))}"
