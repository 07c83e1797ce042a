"""The shape functions of the pneumonia generator, in log-odds.

The observed ones follow the boosted GAM that Caruana et al. (2015) fitted to 14,199 patients
with pneumonia, as read off its published shape functions; between the published points they
are straight lines, and they jump where the published ones jump. Where nothing was published
(the level of a normal value, the untreated risks, the surfaces of the pairs), the numbers are
this project's own and are marked as such.

The shapes are written down with the same value at the reference (absent, or normal) in both
versions, so that one intercept serves both.
"""

from __future__ import annotations

from glassbox.datasets._truth import Levels, PiecewiseLinear, Shape

# Gives 10.86 % deaths as observed, the published rate: solved for on 4,000,000 generated patients.
INTERCEPT = -2.4264


def _binary(absent: float, present: float) -> Levels:
    return Levels({0: absent, 1: present}, missing=absent)


def _null() -> PiecewiseLinear:
    return PiecewiseLinear([(0.0, 0.0)])


# Protective as observed, because these patients were watched and treated early. The untreated
# risks are this project's own.
_TREATED = {
    "asthma": (_binary(0.014, -0.204), _binary(0.014, 0.314)),
    "chest_pain": (_binary(0.029, -0.238), _binary(0.029, 0.229)),
    "chronic_lung": (_binary(0.053, -0.091), _binary(0.053, 0.303)),
    "diabetes": (_binary(0.018, -0.108), _binary(0.018, 0.218)),
}

# The same in both versions. From liver_tests on only the effect of being present was published;
# that of being absent balances it at the generated prevalence.
_HARMS = {
    "heart_failure": _binary(-0.061, 0.159),
    "cancer": _binary(-0.062, 0.562),
    "altered_mental_status": _binary(-0.076, 0.390),
    "liver_tests": _binary(-0.034, 0.395),
    "chronic_liver": _binary(-0.006, 0.312),
    "cerebrovascular": _binary(-0.028, 0.234),
    "gi_bleed": _binary(-0.007, 0.360),
    "pneumothorax": _binary(-0.005, 0.536),
    "pleural_effusion": _binary(-0.062, 0.248),
    "nursing_home": _binary(-0.034, 0.225),
}

_NORMAL_BUN = -0.09
_NORMAL_CREATININE = -0.05  # own
_NORMAL_PH = 0.10
_NORMAL_PO2 = -0.11
_NORMAL_ALBUMIN = -0.06

_SAME = {
    "systolic_bp": PiecewiseLinear(
        [(44, 1.77), (50, 1.10), (57.5, 0.97), (59, 0.52), (81.5, 0.46), (89, 0.42)],
        jumps=[(89.5, -0.47)],
        missing=-0.05,
    ),
    "respiration": PiecewiseLinear(
        [(29.5, -0.13), (31.5, 0.14), (39.5, 0.47), (44.5, 0.79)], missing=-0.13
    ),
    # The level from 60 to 110 is own.
    "heart_rate": PiecewiseLinear(
        [(26, 0.64), (60, -0.04), (110, -0.04), (126, 0.22), (132, 0.22), (142, 0.55)],
        missing=-0.04,
    ),
    "temperature": PiecewiseLinear(
        [(38.0, 0.06), (38.8, -0.24), (39.0, -0.24), (41.0, 1.20)], missing=0.06
    ),
    "ph": PiecewiseLinear([(7.27, 0.53), (7.40, _NORMAL_PH), (7.565, 0.29)], missing=_NORMAL_PH),
    "po2": PiecewiseLinear([(30, 0.33), (56, 0.20), (60, _NORMAL_PO2)], missing=_NORMAL_PO2),
    "albumin": PiecewiseLinear([(2.45, 0.55), (2.65, _NORMAL_ALBUMIN)], missing=_NORMAL_ALBUMIN),
}

_OBSERVED = {
    "age": PiecewiseLinear(
        [
            (49, -0.39),
            (51, -0.34),
            (53.5, -0.28),
            (54.5, -0.27),
            (67.5, -0.27),
            (68.5, -0.18),
            (69.5, -0.11),
            (71.5, -0.11),
            (75, 0.00),
            (78, 0.05),
            (81.5, 0.07),
            (97, 0.07),
            (101.5, -0.40),
        ],
        # The lines above are written without the jumps: 0.17 at 67.5, 0.22 at 86.5.
        jumps=[(67.5, 0.17), (86.5, 0.22)],
        missing=-0.27,
    ),
    "bun": PiecewiseLinear(
        [
            (32.5, _NORMAL_BUN),
            (34.5, 0.18),
            (36.5, 0.48),
            (38.5, 0.43),
            (80, 0.43),
            (93.5, 0.91),
        ],
        missing=_NORMAL_BUN,
    ),
    # Dialysis begins at 5: the sickest patients are treated, and fall below the less sick.
    "creatinine": PiecewiseLinear(
        [(1.2, _NORMAL_CREATININE), (2, 0.20), (3, 0.39), (5.05, 0.67), (5.35, -0.07), (7, 0.0)],
        missing=_NORMAL_CREATININE,
    ),
}

# Own, apart from the points shared with the observed shapes: increasing, without jumps.
_TRUE = {
    "age": PiecewiseLinear(
        [
            (49, -0.39),
            (54.5, -0.27),
            (66.5, -0.05),
            (75, 0.17),
            (85, 0.36),
            (95, 0.57),
            (106, 0.80),
        ],
        missing=-0.27,
    ),
    "bun": PiecewiseLinear(
        [(20, _NORMAL_BUN), (34.5, 0.18), (45, 0.43), (80, 0.75), (93.5, 0.91)],
        missing=_NORMAL_BUN,
    ),
    "creatinine": PiecewiseLinear(
        [(1.2, _NORMAL_CREATININE), (2, 0.20), (3, 0.39), (5.05, 0.67), (10, 1.10)],
        missing=_NORMAL_CREATININE,
    ),
}

_NO_EFFECT = {
    "sex": Levels({"female": 0.0, "male": 0.0}),
    "pco2": _null(),
    "sodium": _null(),
    "glucose": _null(),
}


def shapes(version: str) -> dict[str, Shape]:
    """Return the shape of every feature, as observed after treatment or as in truth."""
    treated = {name: pair[version == "true"] for name, pair in _TREATED.items()}
    steered = _TRUE if version == "true" else _OBSERVED
    return {**treated, **_HARMS, **_SAME, **steered, **_NO_EFFECT}


def _scaled(middle: float, spread: float, missing: float) -> Shape:
    # Flat beyond two spreads, so that a few extreme patients do not carry a pair.
    ends = [(middle - 2 * spread, -2.0), (middle + 2 * spread, 2.0)]
    return PiecewiseLinear(ends, missing=missing)


# The published model names these pairs, and age with cancer as the largest; the surfaces are
# own. Cancer weighs most in the young.
PAIRS: dict[tuple[str, str], tuple[Shape, Shape, float]] = {
    ("age", "cancer"): (_scaled(69, 17, 0.0), _binary(0.0, 1.0), -0.40),
    ("age", "respiration"): (_scaled(69, 17, 0.0), _scaled(24, 7, 0.0), 0.08),
    # A missing BUN is a normal one.
    ("heart_rate", "bun"): (_scaled(100, 20, 0.0), _scaled(30, 15, -1.0), 0.06),
}
