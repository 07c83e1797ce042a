"""Whether predictions mean what they say: O/E, intercept, slope and a smooth curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from glassbox.core.natural_spline import natural_spline
from glassbox.evaluation.estimates import Estimate, Z
from glassbox.evaluation.regression import Fit, fit_linear, fit_logistic

# Log-odds of probabilities of exactly 0 or 1 are infinite.
_EDGE = 1e-8
_CURVE_POINTS = 120
# Harrell's places for five knots (Regression Modeling Strategies, 2nd edition, table 2.3).
_KNOT_QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)
_ROWS_PER_GROUP = 20
_MOST_GROUPS = 10


@dataclass(frozen=True, eq=False)
class Calibration:
    """Agreement of predictions with outcomes.

    Attributes
    ----------
    observed, expected : float
        Events and sum of predicted risks (classes), or mean outcome and mean prediction.
    ratio : Estimate
        observed / expected; NaN for regressions.
    intercept : Estimate
        Calibration in the large: log-odds by which risks are too low on average, 0 at best; for
        regressions, the mean of outcome minus prediction.
    slope : Estimate
        Calibration slope: 1 at best, below 1 where predictions are too extreme.
    curve : DataFrame or None
        ``predicted``, ``observed``, ``lower``, ``upper``; None where it cannot be estimated.
    groups : DataFrame
        ``predicted``, ``observed``, ``lower``, ``upper`` and ``n`` of rows grouped by prediction.
    ici, e50, e90 : float
        Mean, median and 90th percentile of the distance between prediction and curve, over rows.
    """

    observed: float
    expected: float
    ratio: Estimate
    intercept: Estimate
    slope: Estimate
    curve: pd.DataFrame | None
    groups: pd.DataFrame
    ici: float
    e50: float
    e90: float


def observed_to_expected(event: np.ndarray, risk: np.ndarray) -> Estimate:
    """Observed events over the sum of predicted risks.

    Parameters
    ----------
    event : ndarray of bool, shape (n_rows,)
    risk : ndarray of shape (n_rows,)

    Returns
    -------
    Estimate
        With an interval on the log scale, where the standard error is
        ``sqrt((1 - O/n) / O)`` (Debray et al., BMJ 2017;356:i6460); without one if there is no
        event.
    """
    events, expected = float(event.sum()), float(risk.sum())
    if expected == 0:
        return Estimate(np.nan)
    ratio = events / expected
    if events == 0:
        return Estimate(ratio)
    reach = Z * np.sqrt((1 - events / len(event)) / events)
    return Estimate(ratio, ratio * np.exp(-reach), ratio * np.exp(reach))


def risk_calibration(event: np.ndarray, risk: np.ndarray) -> Calibration:
    """Calibration of predicted risks.

    Parameters
    ----------
    event : ndarray of bool, shape (n_rows,)
    risk : ndarray of shape (n_rows,)
        Predictions for rows that the model has not seen.

    Returns
    -------
    Calibration

    Notes
    -----
    Intercept and slope come from logistic regressions on the log-odds of the risk (Cox 1958):
    the intercept with the slope held at 1. The curve is a logistic regression on a natural cubic
    spline of the log-odds with five knots, its band pointwise; ICI, E50 and E90 measure the
    distance from it (Austin & Steyerberg, Statistics in Medicine 2019;38:4051-4065). There is no
    Hosmer-Lemeshow test: its answer depends on the number of rows and of groups.
    """
    y = np.asarray(event, dtype=np.float64)
    score = logit(np.clip(risk, _EDGE, 1 - _EDGE))
    ones = np.ones((len(y), 1))
    shift = fit_logistic(ones, y, offset=score)
    line = fit_logistic(np.column_stack([ones, score]), y) if np.ptp(score) else None
    curve = _Curve.of(score, lambda design: fit_logistic(design, y))
    return Calibration(
        observed=float(y.sum()),
        expected=float(risk.sum()),
        ratio=observed_to_expected(y, risk),
        intercept=_coefficient(shift, 0),
        slope=_coefficient(line, 1),
        curve=None if curve is None else curve.table(transform=expit),
        groups=_risk_groups(y, risk),
        **_distances(risk, None if curve is None else expit(curve.at(score))),
    )


def mean_calibration(y: np.ndarray, prediction: np.ndarray) -> Calibration:
    """Calibration of predicted means, by least squares with robust standard errors.

    Parameters
    ----------
    y, prediction : ndarray of shape (n_rows,)

    Returns
    -------
    Calibration
        The curve is a regression of the outcome on a natural cubic spline of the prediction.
    """
    ones = np.ones((len(y), 1))
    shift = fit_linear(ones, y - prediction)
    line = fit_linear(np.column_stack([ones, prediction]), y) if np.ptp(prediction) else None
    curve = _Curve.of(prediction, lambda design: fit_linear(design, y))
    return Calibration(
        observed=float(y.mean()),
        expected=float(prediction.mean()),
        ratio=Estimate(np.nan),
        intercept=_coefficient(shift, 0),
        slope=_coefficient(line, 1),
        curve=None if curve is None else curve.table(),
        groups=_mean_groups(y, prediction),
        **_distances(prediction, None if curve is None else curve.at(prediction)),
    )


@dataclass(frozen=True, eq=False)
class _Curve:
    """A regression of the outcome on a spline of the score."""

    knots: np.ndarray
    fit: Fit
    span: tuple[float, float]

    @classmethod
    def of(cls, score: np.ndarray, regress) -> _Curve | None:
        knots = np.unique(np.quantile(score, _KNOT_QUANTILES))
        if np.ptp(score) == 0:
            return None
        # With few distinct predictions, or with too few events for a bend, a line is left.
        for some_knots in (knots, knots[:0]):
            fit = regress(natural_spline(score, some_knots))
            if fit is not None:
                return cls(some_knots, fit, (float(score.min()), float(score.max())))
        return None

    def at(self, score: np.ndarray) -> np.ndarray:
        return natural_spline(score, self.knots) @ self.fit.coefficients

    def table(self, transform=lambda value: value) -> pd.DataFrame:
        score = np.linspace(*self.span, _CURVE_POINTS)
        design = natural_spline(score, self.knots)
        centre = design @ self.fit.coefficients
        reach = Z * np.sqrt(np.einsum("ij,jk,ik->i", design, self.fit.covariance, design))
        return pd.DataFrame(
            {
                "predicted": transform(score),
                "observed": transform(centre),
                "lower": transform(centre - reach),
                "upper": transform(centre + reach),
            }
        )


def _coefficient(fit: Fit | None, k: int) -> Estimate:
    if fit is None:
        return Estimate(np.nan)
    value, reach = fit.coefficients[k], Z * np.sqrt(fit.covariance[k, k])
    return Estimate(float(value), float(value - reach), float(value + reach))


def _distances(prediction: np.ndarray, smooth: np.ndarray | None) -> dict[str, float]:
    if smooth is None:
        return {"ici": np.nan, "e50": np.nan, "e90": np.nan}
    distance = np.abs(prediction - smooth)
    e50, e90 = np.quantile(distance, [0.5, 0.9])
    return {"ici": float(distance.mean()), "e50": float(e50), "e90": float(e90)}


def _grouped(prediction: np.ndarray) -> list[np.ndarray]:
    n_groups = int(np.clip(len(prediction) // _ROWS_PER_GROUP, 1, _MOST_GROUPS))
    return np.array_split(np.argsort(prediction, kind="stable"), n_groups)


def _risk_groups(y: np.ndarray, risk: np.ndarray) -> pd.DataFrame:
    rows = []
    for members in _grouped(risk):
        n, share = len(members), y[members].mean()
        lower, upper = wilson(share, n)
        rows.append((risk[members].mean(), share, lower, upper, n))
    return pd.DataFrame(rows, columns=["predicted", "observed", "lower", "upper", "n"])


def _mean_groups(y: np.ndarray, prediction: np.ndarray) -> pd.DataFrame:
    rows = []
    for members in _grouped(prediction):
        n, mean = len(members), y[members].mean()
        reach = Z * y[members].std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        rows.append((prediction[members].mean(), mean, mean - reach, mean + reach, n))
    return pd.DataFrame(rows, columns=["predicted", "observed", "lower", "upper", "n"])


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (JASA 1927;22:209-212).

    Examples
    --------
    >>> [round(float(bound), 3) for bound in wilson(0.1, 50)]
    [0.043, 0.214]
    """
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(0.0, centre - reach), min(1.0, centre + reach)
