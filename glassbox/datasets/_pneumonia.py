"""Patients with pneumonia, drawn from published shape functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.utils import Bunch, check_random_state

from glassbox.datasets import _dictionary as dictionaries
from glassbox.datasets._pneumonia_shapes import INTERCEPT, PAIRS, shapes
from glassbox.datasets._truth import centre, centred_product

DESCR = """Generated patients with pneumonia
=================================

28 features; the target is death, 10.9 % as observed. Drawn by glassbox from the shape
functions that a boosted GAM found in 14,199 patients (Caruana et al., KDD 2015), so the
true shapes are known. No row is a real patient, and the covariates follow simple
distributions of the generator's own. The version "observed" holds what treatment made
of the risks: asthma looks protective, creatinine above 5 looks harmless, age jumps. The
version "true" holds the risks without treatment.
"""


def make_pneumonia(
    n_samples: int = 10_000,
    *,
    random_state: int | np.random.RandomState | None = None,
    version: str = "observed",
    return_X_y: bool = False,
    as_frame: bool = True,
) -> Bunch | tuple:
    """Generate patients with pneumonia from known, published shape functions.

    The log-odds of death are an intercept, one shape for each of 28 features and three pairs.
    The shapes hold what made the case famous [1]_: asthma that looks protective because it
    was treated, creatinine whose risk drops where dialysis begins, jumps at ages, laboratory
    values that are recorded only when abnormal, and cancer that weighs more in the young.

    Parameters
    ----------
    n_samples : int, default=10_000
        How many patients.
    random_state : int, RandomState instance or None, default=None
        Determines the patients. The same number gives the same patients in both versions, and
        the same luck: who has the higher risk in one version dies there if in either.
    version : {"observed", "true"}, default="observed"
        The risks as they show in the records after treatment, or as they would be without it:
        asthma, chest pain, chronic lung disease and diabetes harmful, age, BUN and creatinine
        increasing. The first has 10.9 % deaths; the second has more, because nobody is saved.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Return pandas objects. Otherwise NumPy arrays; the data are then of dtype object.

    Returns
    -------
    Bunch, or (data, target) if ``return_X_y``
        Dictionary-like object with the attributes

        data : DataFrame of shape (n_samples, 28)
            The features, with missing values.
        target : Series of shape (n_samples,)
            Death, 0 or 1.
        target_names : ndarray
            What 0 and 1 mean.
        frame : DataFrame
            Data and target in one table, or None if not ``as_frame``.
        feature_names : list of str
            The columns of ``data``.
        shapes : dict of str to callable
            The effect of each feature in log-odds, centred: its mean over the data is zero.
            Called with an array of values (NaN for missing) or of levels.
        pair_shapes : dict of (str, str) to callable
            The joint effect of each pair, called with two arrays. A pair's features are drawn
            independently and its effect is a product of centred functions, so it holds no main
            effect beyond chance in the sample; its mean over the data is zero.
        intercept : float
            The intercept that goes with them.
        score : ndarray of shape (n_samples,)
            The true log-odds: the intercept plus all effects.
        probability : ndarray of shape (n_samples,)
            The true risk.
        version : str
            As given.
        dictionary : DataDictionary
            Label, unit, reference range, kind, order and note of every column.
        sensitive : list of str
            The column that names a protected group: sex, without any effect here.
        DESCR : str
            A short description.

    References
    ----------
    .. [1] Caruana R, Lou Y, Gehrke J, Koch P, Sturm M, Elhadad N. Intelligible models for
       healthcare: predicting pneumonia risk and hospital 30-day readmission. KDD 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from glassbox.datasets import make_pneumonia
    >>> observed = make_pneumonia(2000, random_state=0)
    >>> true = make_pneumonia(2000, random_state=0, version="true")
    >>> def odds_ratio_of_asthma(bunch):
    ...     absent, present = bunch.shapes["asthma"]([0, 1])
    ...     return float(np.exp(present - absent).round(2))
    >>> odds_ratio_of_asthma(observed), odds_ratio_of_asthma(true)
    (0.8, 1.35)
    """
    if version not in ("observed", "true"):
        raise ValueError(f"version={version!r} is not one of 'observed', 'true'.")
    if n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r} must be at least 1.")
    rng = check_random_state(random_state)
    data = _hide_unrecorded(_draw_patients(n_samples, rng), rng)
    luck = rng.uniform(size=n_samples)

    by_name = shapes(version)
    pairs = {names: centred_product(data, names, *parts) for names, parts in PAIRS.items()}
    truth = centre(
        data, {name: by_name[name] for name in data}, pairs, INTERCEPT, keep_intercept=False
    )
    probability = expit(truth.score)
    target = pd.Series((luck < probability).astype(int), name="death")
    if not as_frame:
        X, y = data.to_numpy(dtype=object), target.to_numpy()
    else:
        X, y = data, target
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=np.array(["survived", "died"]),
        frame=data.assign(death=target) if as_frame else None,
        feature_names=data.columns.to_list(),
        shapes=truth.shapes,
        pair_shapes=truth.pair_shapes,
        intercept=float(truth.intercept),
        score=truth.score,
        probability=probability,
        version=version,
        dictionary=dictionaries.as_data_dictionary(dictionaries.describe("pneumonia")),
        sensitive=["sex"],
        DESCR=DESCR,
    )


def _draw_patients(n: int, rng: np.random.RandomState) -> pd.DataFrame:
    """Draw complete patients.

    Two hidden traits make the columns go together: the severity of the illness (vital signs,
    blood gases) and the state of the kidneys, which declines with age. They are independent,
    and so are age and severity, hence the features of every pair with an interaction.
    """

    def mixed(trait: np.ndarray, share: float) -> np.ndarray:
        return share * trait + np.sqrt(1 - share**2) * rng.standard_normal(n)

    def having(prevalence: float, slope: float = 0.0, trait: np.ndarray | float = 0.0):
        return (rng.uniform(size=n) < expit(logit(prevalence) + slope * trait)).astype(int)

    # Skewed to the left, mean 69, with about one patient in a thousand above 101.
    age = np.clip(np.round(107 - rng.gamma(5.0, 7.6, size=n)), 18, 106)
    years = (age - 69) / 17
    severity = rng.standard_normal(n)
    kidneys = mixed(years, 0.3)
    shock = rng.uniform(size=n) < 0.015
    chronic_kidney = rng.uniform(size=n) < 0.03

    systolic = np.where(shock, 60 + 15 * rng.standard_normal(n), 132 + 25 * mixed(-severity, 0.4))
    creatinine = np.exp(0.1 + 0.45 * mixed(kidneys, 0.8))
    creatinine *= np.where(chronic_kidney, rng.uniform(2, 6, size=n), 1.0)

    def measured(values: np.ndarray, low: float, high: float, decimals: int) -> np.ndarray:
        return np.round(np.clip(values, low, high), decimals)

    # The prevalences of the first seven conditions are those at which the published effects of
    # absent and present balance.
    return pd.DataFrame(
        {
            "age": age.astype(int),
            "sex": pd.Categorical(
                np.where(rng.uniform(size=n) < 0.5, "female", "male"),
                categories=["female", "male"],
            ),
            "asthma": having(0.064, -0.3, years),
            "chest_pain": having(0.109),
            "chronic_lung": having(0.368),
            "diabetes": having(0.143),
            "heart_failure": having(0.277, 0.5, years),
            "cancer": having(0.099),
            "altered_mental_status": having(0.163, 0.7, severity),
            "liver_tests": having(0.08),
            "chronic_liver": having(0.02),
            "cerebrovascular": having(0.10, 0.5, years),
            "gi_bleed": having(0.02),
            "pneumothorax": having(0.01),
            "pleural_effusion": having(0.20),
            "nursing_home": having(0.10, 1.0, years),
            "systolic_bp": measured(systolic, 10, 240, 0),
            "respiration": measured(np.exp(3.15 + 0.28 * mixed(severity, 0.6)), 8, 70, 0),
            "heart_rate": measured(100 + 21 * mixed(severity, 0.4), 20, 200, 0),
            "temperature": measured(38.0 + 0.95 * rng.standard_normal(n), 33.5, 42.5, 1),
            "bun": measured(np.exp(np.log(19) + 0.55 * mixed(kidneys, 0.8)), 3, 150, 0),
            "creatinine": measured(creatinine, 0.3, 16, 1),
            "ph": measured(7.41 + 0.07 * mixed(-severity, 0.5), 6.9, 7.7, 2),
            "po2": measured(68 + 13 * mixed(-severity, 0.5), 25, 120, 0),
            "pco2": measured(38 + 8 * rng.standard_normal(n), 15, 90, 0),
            "albumin": measured(3.4 + 0.55 * mixed(-severity, 0.2), 1.2, 5.4, 1),
            "sodium": measured(137 + 5 * rng.standard_normal(n), 110, 165, 0),
            "glucose": measured(np.exp(4.85 + 0.35 * rng.standard_normal(n)), 40, 700, 0),
        }
    ).assign(_severity=severity)


def _hide_unrecorded(patients: pd.DataFrame, rng: np.random.RandomState) -> pd.DataFrame:
    """Take out what the records of such patients would not hold."""
    n = len(patients)
    severity = patients["_severity"]
    patients = patients.drop(columns="_severity")
    # Kept only when abnormal.
    patients["bun"] = patients["bun"].where(patients["bun"] > 20)
    patients["creatinine"] = patients["creatinine"].where(patients["creatinine"] > 1.2)
    # Blood gases are one sample, taken from those who look sick.
    gases_taken = rng.uniform(size=n) < expit(0.6 + 1.2 * severity)
    for name in ("ph", "po2", "pco2"):
        patients[name] = patients[name].where(gases_taken)
    patients["albumin"] = patients["albumin"].where(rng.uniform(size=n) >= 0.3)
    return patients
