"""From a prepared study to the files of a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import glassbox
from glassbox.report import _figures as figures
from glassbox.report._audit_section import report_audit
from glassbox.report._cases import spread_rows
from glassbox.report._describe import describe_table
from glassbox.report._figures_of_merit import Assessment, assess
from glassbox.report._fitting import make_estimator, out_of_fold, predict_means
from glassbox.report._format import digits_for, fixed
from glassbox.report._groups import FEWEST_EVENTS, FEWEST_ROWS, GroupTable, group_table
from glassbox.report._model_tables import term_tables
from glassbox.report._outcome import Outcome
from glassbox.report._page import render
from glassbox.report._progress import Steps
from glassbox.report._request import ReportRequest
from glassbox.report._settings import Source, parameters, versions
from glassbox.report._study import Study

# What fitting a model costs, in pictures: only the bar's pace hangs on it.
_FIT = 8.0
_AUDIT = 16.0

_ANSWERS = ("no", "yes")


@dataclass(frozen=True)
class Case:
    """One row explained.

    Attributes
    ----------
    row : int
        Its number in the file.
    fitted, unseen : str
        Prediction of the final model, and of the one that was fitted without the row.
    exact : float
        The final model's prediction with all digits.
    observed : str
    picture : Picture
    """

    row: int
    fitted: str
    unseen: str
    exact: float
    observed: str
    picture: figures.Picture


def build(
    study: Study, request: ReportRequest, source: Source, folder: Path, steps: Steps
) -> None:
    """Fit, assess and write ``report.html``, ``model.json`` and ``figures/``.

    Parameters
    ----------
    study : Study
    request : ReportRequest
    source : Source
    folder : Path
        Must exist and be empty.
    steps : Steps
    """
    n_terms = study.X.shape[1] + request.interactions
    audited = _AUDIT if request.sensitive else 0.0
    steps.plan(_FIT * (request.folds + 1) + n_terms + 8 + audited)
    template = make_estimator(study, request)
    steps.now(f"Cross-validating, {request.folds} folds")
    unseen, fold = out_of_fold(template, study, request, lambda: steps.advance(_FIT))
    steps.now("Fitting the model to all rows")
    est = template.fit(study.X, study.outcome.y)
    steps.advance(_FIT)
    glassbox.save(est, folder / "model.json")

    steps.now("Measuring performance")
    titles = class_titles(study, request)
    outcome_title = _outcome_title(study, request)
    predicted = titles if len(titles) > 2 else [outcome_title]
    assessment = assess(study.outcome, unseen, fold, predicted, request.seed)
    steps.advance()

    (folder / "figures").mkdir()
    with figures.drawing():
        pictures = _draw(est, study, assessment, unseen, folder / "figures", steps)
    steps.now("Writing the page")
    audit, audit_reasons = None, []
    if len(study.sensitive.columns):
        steps.now("Auditing by group")
        with figures.drawing():
            audit, audit_reasons = report_audit(est, study, unseen, request.seed)
        steps.advance(_AUDIT)
        steps.now("Writing the page")
    page = render(
        audit=audit,
        audit_reasons=audit_reasons,
        out_of_fold=True,
        heading="h3",
        heading_below="h4",
        title=study.dictionary.describe(request.target).label,
        outcome_title=outcome_title,
        titles=titles,
        study=study,
        request=request,
        source=source,
        n_events=_n_events(study),
        description=describe_table(study, titles),
        assessment=assessment,
        groups=_groups(study, unseen, predicted),
        fewest_rows=FEWEST_ROWS,
        fewest_events=FEWEST_EVENTS,
        digits_of_error=assessment.digits_of_error,
        certificate=_certificate(est, study, request),
        terms=term_tables(est, study.dictionary),
        intercept=[fixed(value, 4) for value in est.additive_model_.intercept],
        link=est.additive_model_.link,
        band=est.band_description_,
        estimator=type(est).__name__,
        parameters=parameters(est),
        versions=versions(request.model),
        **pictures,
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    steps.advance()


def class_titles(study: Study, request: ReportRequest) -> list[str]:
    """What readers call the classes; empty for a regression."""
    if _is_coded(study.outcome):
        title = study.dictionary.title(request.target)
        return [f"{title}: {answer}" for answer in _ANSWERS]
    return list(study.outcome.labels)


def _outcome_title(study: Study, request: ReportRequest) -> str:
    """What is predicted, in words."""
    title = study.dictionary.title(request.target)
    if study.outcome.is_binary and not _is_coded(study.outcome):
        return f"{title} = {study.outcome.labels[1]}"
    return title


def _observed(outcome: Outcome, place: int, digits: int) -> str:
    if outcome.task == "numbers":
        return fixed(outcome.y[place], digits)
    names = _ANSWERS if _is_coded(outcome) else outcome.labels
    return names[outcome.codes[place]]


def _is_coded(outcome: Outcome) -> bool:
    """Whether the classes are 0 and 1, which say nothing but no and yes."""
    return outcome.labels in (("0", "1"), ("False", "True"))


def _n_events(study: Study) -> int | None:
    return int(study.outcome.codes.sum()) if study.outcome.is_binary else None


def _draw(
    est: Any,
    study: Study,
    assessment: Assessment,
    unseen: np.ndarray,
    folder: Path,
    steps: Steps,
) -> dict[str, Any]:
    gallery, dictionary = figures.Gallery(folder), study.dictionary
    is_risk = study.outcome.task == "classes"
    steps.now("Drawing calibration and importances")
    several = len(assessment.calibrations) > 1
    calibration = [
        figures.calibration_picture(
            curve,
            prediction,
            gallery,
            outcome=title,
            is_risk=is_risk,
            name=f"calibration_{title}" if several else "calibration",
        )
        for title, curve, prediction in assessment.calibrations
    ]
    importance = figures.importance_picture(est, dictionary, gallery)
    steps.advance(2)

    ranked = est.term_importances_.sort_values(ascending=False, kind="stable").index
    is_pair = {term.name: len(term.axes) == 2 for term in est.additive_model_.terms}
    mains = [name for name in ranked if not is_pair[name]]
    steps.now(f"Drawing {len(mains)} shape functions")
    display = figures.draw_shapes(est, mains, dictionary)
    shapes = []
    for picture in figures.shape_pictures(display, mains, gallery):
        shapes.append(picture)
        steps.advance()
    steps.now("Drawing pairs")
    outputs = study.outcome.classes if est.additive_model_.n_outputs > 1 else (None,)
    pairs = [
        figures.pair_picture(est, name, dictionary, gallery, output)
        for name in ranked
        if is_pair[name]
        for output in outputs
    ]
    steps.advance(len(is_pair) - len(mains))
    steps.now("Explaining five rows")
    return {
        "calibration_pictures": calibration,
        "importance_picture": importance,
        "shape_pictures": shapes,
        "shape_caption": display.caption_,
        "pair_pictures": pairs,
        "cases": _cases(est, study, unseen, gallery, steps),
    }


def _cases(
    est: Any,
    study: Study,
    unseen: np.ndarray,
    gallery: figures.Gallery,
    steps: Steps,
) -> list[Case]:
    outcome = study.outcome
    is_risk = outcome.task == "classes"
    means = predict_means(est, study.X, is_risk)
    # Of several classes, rows are spread over the risk of the last, and explained for the one
    # that is most probable.
    spread_over = means[:, -1] if is_risk else means
    digits = digits_for(float(np.abs(means).max()))
    cases = []
    for place in spread_rows(spread_over):
        k = int(means[place].argmax()) if len(outcome.classes) > 2 else -1
        fitted, without = (
            (means[place, k], unseen[place, k]) if is_risk else (means[place], unseen[place])
        )
        number = int(study.X.index[place])
        picture = figures.case_picture(
            est,
            study.X.iloc[[place]],
            f"row_{number}",
            study.dictionary,
            gallery,
        )
        cases.append(
            Case(
                row=number,
                fitted=_mean_in_words(fitted, is_risk, digits),
                unseen=_mean_in_words(without, is_risk, digits),
                exact=float(fitted),
                observed=_observed(outcome, place, digits),
                picture=picture,
            )
        )
        steps.advance()
    return cases


def _mean_in_words(value: float, is_risk: bool, digits: int) -> str:
    return f"{fixed(100 * value, 1)} %" if is_risk else fixed(value, digits)


def _groups(
    study: Study, unseen: np.ndarray, predicted: list[str]
) -> list[tuple[str, bool, list[tuple[str, GroupTable]]]]:
    """Per sensitive column: its title, whether it is a predictor, and a table per class."""
    outcome = study.outcome
    if outcome.task == "numbers":
        targets = [(outcome.y, unseen)]
    elif outcome.is_binary:
        targets = [(outcome.codes.astype(float), unseen[:, 1])]
    else:
        targets = [
            ((outcome.codes == k).astype(float), unseen[:, k]) for k in range(len(predicted))
        ]
    result = []
    for name in study.sensitive:
        tables = [
            (title, group_table(study.sensitive[name], y, mean, outcome.task == "classes"))
            for title, (y, mean) in zip(predicted, targets, strict=True)
        ]
        result.append((study.dictionary.title(name), name in study.X, tables))
    return result


def _certificate(est: Any, study: Study, request: ReportRequest) -> list[dict[str, str]]:
    """One line per declared direction."""
    if not request.monotonic:
        return []
    frame = est.certificate()
    lines = []
    for row in frame[frame["declared"] != 0].to_dict("records"):
        steepest = [row[name] for name in ("worst_slope", "worst_jump") if pd.notna(row[name])]
        lines.append(
            {
                "title": study.dictionary.title(row["feature"]),
                "declared": "rises" if row["declared"] > 0 else "falls",
                "holds": {True: "yes", False: "no"}.get(row["holds"], "not established"),
                "method": row["method"],
                "worst": fixed(min(steepest, key=lambda v: v * row["declared"]), 4)
                if steepest
                else "–",
                "missing": f"{fixed(row['missing_lowest'], 4)} to "
                f"{fixed(row['missing_highest'], 4)}",
            }
        )
    return lines
