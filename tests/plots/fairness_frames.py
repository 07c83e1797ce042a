"""Frames of an audit, made up by hand: what displays and pages read, and nothing more."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

MINUS = "\N{MINUS SIGN}"
CONTRAST = f"Caucasian {MINUS} African-American"
GROUPS = ("African-American", "Caucasian", "Other")
QUARTERS = ("18 to 25", "25 to 31", "31 to 42", "42 to 83")
TOO_FEW = "fewer than 20 rows"
NAN = np.nan


def dependence():
    rows = [
        ("race", "dcor", 0.271, 0.031, 0.051, 0.002, 0.222, 0.318, 1584, ""),
        ("race", "dcor2_unbiased", 0.072, 0.0, 0.004, 0.002, 0.05, 0.1, 1584, ""),
        ("race", "hsic", 0.061, 0.002, 0.005, 0.002, 0.04, 0.085, 1584, ""),
        ("race", "ks", 0.264, 0.041, 0.068, 0.002, 0.218, 0.317, 1584, ""),
        ("race", "mean_gap", 0.638, 0.04, 0.09, 0.002, 0.53, 0.75, 1584, ""),
        ("race", "standardised_gap", 0.55, 0.041, 0.1, 0.002, 0.45, 0.65, 1584, ""),
        ("race", "auc", 0.657, 0.512, 0.526, 0.002, 0.628, 0.684, 1584, ""),
        ("race", "eta2", 0.074, 0.001, 0.002, 0.002, 0.049, 0.103, 1584, ""),
        ("age", "dcor", 0.041, 0.034, 0.052, 0.267, 0.02, 0.07, 1584, ""),
        ("age", "ks", NAN, NAN, NAN, NAN, NAN, NAN, 1584, "defined for groups only"),
        ("age", "eta2", 0.003, 0.002, 0.005, 0.31, 0.0, 0.012, 1584, ""),
        ("age", "auc", 0.507, 0.508, 0.522, 0.6, 0.5, 0.53, 1584, ""),
    ]
    names = ["attribute", "measure", "estimate", "floor", "floor_95", "p_value", "lower", "upper"]
    return pd.DataFrame(rows, columns=[*names, "n", "reason"])


def terms(n_small=6):
    gaps = {
        "priors_count": 0.287,
        "age": 0.257,
        "race": 0.069,
        "sex": 0.020,
        "priors_count & age": -0.045,
        "charge_degree": 0.012,
    }
    gaps |= {f"lab {k}": 0.004 * (-1) ** k for k in range(n_small)}
    total = sum(gaps.values())
    rows = [
        {
            "attribute": "race",
            "contrast": contrast,
            "term": name,
            "gap": size * gap,
            "lower": size * gap - 0.04 - 0.1 * abs(gap),
            "upper": size * gap + 0.04 + 0.1 * abs(gap),
            "share": gap / total,
            "eta2": abs(gap) / 4,
            "p_value": 0.002,
            "p_adjusted": 0.01,
            "shape_p": 0.2,
            "reason": "",
        }
        for contrast, size in ((CONTRAST, 1.0), (f"Other {MINUS} African-American", -0.4))
        for name, gap in (gaps | {"total": total}).items()
    ]
    amounts = [
        {**rows[0], "attribute": "age", "contrast": contrast, "term": name, "gap": gap,
         "lower": gap - 0.02, "upper": gap + 0.02}
        for contrast in ("per SD", "share of variance")
        for name, gap in (("age", 0.2), ("priors_count", 0.05), ("total", 0.25))
    ]  # fmt: skip
    return pd.DataFrame(rows + amounts)


def groups(thresholds=(0.2, 0.5)):
    rng = np.random.default_rng(0)
    rows = []
    for attribute, names in (("race", GROUPS), ("age", QUARTERS)):
        for k, group in enumerate(names):
            for threshold in thresholds:
                for metric in ("selection_rate", "tpr", "fpr", "fnr", "ppv", "npv", "accuracy"):
                    value = float(np.clip(0.7 - 0.12 * k - 0.3 * threshold, 0, 1))
                    value += rng.uniform(-0.02, 0.02)
                    rows.append((attribute, group, threshold, metric, value, 0.04, 500, ""))
            for metric, value in (("auc", 0.71), ("xauc", 0.69), ("brier", 0.21)):
                rows.append((attribute, group, NAN, metric, value, 0.03, 500, ""))
    frame = pd.DataFrame(
        rows,
        columns=["attribute", "group", "threshold", "metric", "value", "reach", "n", "reason"],
    )
    frame["lower"] = frame["value"] - frame["reach"]
    frame["upper"] = frame["value"] + frame.pop("reach")
    few = frame["group"] == "Other"
    frame.loc[few, ["value", "lower", "upper"]] = NAN
    frame.loc[few, "reason"] = TOO_FEW
    return frame[
        ["attribute", "group", "threshold", "metric", "value", "lower", "upper", "n", "reason"]
    ]


def calibration():
    rows = []
    for attribute, names in (("race", GROUPS), ("age", QUARTERS)):
        for k, group in enumerate(names):
            ratio = 1.0 + 0.08 * k
            row = {
                "attribute": attribute, "group": group, "n": 500, "events": 200,
                "observed": 200.0, "expected": 200 / ratio,
                "ratio": ratio, "ratio_lower": ratio - 0.09, "ratio_upper": ratio + 0.1,
                "intercept": 0.1 * k, "intercept_lower": 0.1 * k - 0.2,
                "intercept_upper": 0.1 * k + 0.2,
                "slope": 1.0 - 0.1 * k, "slope_lower": 0.8 - 0.1 * k,
                "slope_upper": 1.2 - 0.1 * k, "ici": 0.02, "reason": "",
            }  # fmt: skip
            if group == "Other":
                row |= dict.fromkeys([n for n in row if n not in ("attribute", "group", "n")], NAN)
                row |= {"n": 11, "reason": TOO_FEW}
            rows.append(row)
    return pd.DataFrame(rows)


def calibration_curves():
    predicted = np.linspace(0.05, 0.9, 40)
    parts = []
    for attribute, names in (("race", GROUPS[:2]), ("age", QUARTERS)):
        for k, group in enumerate(names):
            observed = np.clip(predicted + 0.05 * (k - 0.5) * np.sin(4 * predicted), 0, 1)
            reach = 0.03 + 0.06 * np.abs(predicted - 0.4)
            part = {
                "attribute": attribute, "group": group, "predicted": predicted,
                "observed": observed, "lower": observed - reach, "upper": observed + reach,
            }  # fmt: skip
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def net_benefit(thresholds=None):
    thresholds = np.linspace(0.05, 0.8, 16) if thresholds is None else np.asarray(thresholds)
    parts = []
    for attribute, names in (("race", GROUPS), ("age", QUARTERS)):
        for k, group in enumerate(names):
            rate = 0.52 - 0.1 * k
            treat_all = rate - (1 - rate) * thresholds / (1 - thresholds)
            value = np.maximum(treat_all, 0) + 0.05 * np.exp(-(((thresholds - 0.4) / 0.25) ** 2))
            part = pd.DataFrame(
                {
                    "attribute": attribute, "group": group, "threshold": thresholds,
                    "net_benefit": value, "lower": value - 0.02, "upper": value + 0.02,
                    "treat_all": treat_all, "n": 500, "reason": "",
                }
            )  # fmt: skip
            if group == "Other":
                part[["net_benefit", "lower", "upper", "treat_all"]] = NAN
                part["reason"] = TOO_FEW
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def proxies():
    names = ["priors_count", "age", "charge_degree", "juvenile felonies", "lab with a long name"]
    from_feature = [0.63, 0.61, 0.55, 0.53, 0.49]
    from_shape = [0.62, 0.58, 0.55, 0.51, 0.50]
    rows = [
        (attribute, name, measure, low + (a - 0.5) * size, low + (b - 0.5) * size, "")
        for attribute, measure, low, size in (("race", "auc", 0.5, 1), ("age", "r2", 0.0, 2))
        for name, a, b in zip(names, from_feature, from_shape, strict=True)
    ]
    rows.append(("race", "ward", "auc", NAN, NAN, "one value in every row"))
    names = ["attribute", "feature", "measure", "from_feature", "from_shape", "reason"]
    return pd.DataFrame(rows, columns=names)


def overview():
    rows = [
        {
            "attribute": attribute, "group": group, "n": 11 if group == "Other" else 500,
            "share": 0.3, "events": NAN if group == "Other" else 200,
            "event_rate": NAN if group == "Other" else 0.4,
            "mean_prediction": NAN if group == "Other" else 0.41, "missing": 0.02,
            "reason": TOO_FEW if group == "Other" else "",
        }
        for attribute, names in (("race", GROUPS), ("age", QUARTERS))
        for group in names
    ]  # fmt: skip
    return pd.DataFrame(rows)


def disparities(thresholds=(0.2, 0.5)):
    rows = [
        {
            "attribute": attribute, "threshold": threshold, "metric": metric,
            "difference": 0.22, "lower": 0.17, "upper": 0.27,
            "ratio": 0.61 if metric == "demographic_parity" else NAN,
            "ratio_lower": 0.5 if metric == "demographic_parity" else NAN,
            "ratio_upper": 0.7 if metric == "demographic_parity" else NAN,
            "highest": names[0], "lowest": names[1], "reason": "",
        }
        for attribute, names in (("race", GROUPS), ("age", QUARTERS))
        for threshold in thresholds
        for metric in ("demographic_parity", "equalised_odds", "equal_opportunity", "fpr", "ppv")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def strategies():
    rows = [
        ("none", "race", 0.742, 0.006, 0.287, 0.010, 0.231, 0.28, "", ""),
        ("remove", "race", 0.740, 0.006, 0.271, 0.010, 0.223, 0.26, "", ""),
        ("clean", "race", 0.739, 0.006, 0.262, 0.012, 0.214, 0.25, "", ""),
        ("blind", "race", 0.739, 0.006, 0.262, 0.012, 0.214, 0.25, "clean", ""),
        ("penalised", "race", 0.728, 0.007, 0.034, 0.006, 0.024, 0.05, "",
         "AUC of Caucasian fell by 0.02 (0.01 to 0.03)"),
    ]  # fmt: skip
    names = ["strategy", "attribute", "auc", "auc_se", "dependence", "dependence_se", "dp_gap"]
    frame = pd.DataFrame(rows, columns=[*names, "eo_gap", "dominated_by", "levelled_down"])
    return frame.assign(floor=0.031, brier=0.21, brier_se=0.003, log_loss=0.6, accuracy=0.68)


def path():
    strengths = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
    area = [0.740, 0.735, 0.722, 0.700, 0.678, 0.648, 0.610]
    size = [0.271, 0.24, 0.21, 0.18, 0.143, 0.093, 0.045]
    parts = [
        pd.DataFrame(
            {
                "strength": strengths, "sample": sample, "auc": np.array(area) + shift,
                "loss": 0.6, "accuracy": 0.66, "brier": 0.22, "attribute": "race",
                "dependence": size, "floor": 0.031, "dp_gap": size, "eo_gap": size,
            }
        )
        for sample, shift in (("train", 0.01), ("validation", 0.0))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def flip():
    rows = [("race", "race", "African-American → Caucasian", 0.016, 0.021),
            ("age", "age", "+1 SD", 0.09, 0.2)]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["attribute", "feature", "change", "mean_change", "max_change"]
    )


def findings():
    texts = [
        ("The score depends on race: dCor .27 (.22 to .32), floor .03, p = .002.", 3.0),
        ("No evidence of dependence on age: dCor .04, floor .03, p = .27.", 0.5),
    ]
    return [
        SimpleNamespace(
            text=text, weight=weight, kind="no evidence" if "No" in text else "dependence"
        )
        for text, weight in texts
    ]


def audit(**changes):
    """A whole audit of a model for two attributes, one of them an amount."""
    frames = {
        "overview": overview(),
        "dependence": dependence(),
        "groups": groups(),
        "disparities": disparities(),
        "terms": terms(),
        "proxies": proxies(),
        "calibration": calibration(),
        "calibration_curves": calibration_curves(),
        "net_benefit": net_benefit(),
        "flip": flip(),
        "strategies": strategies(),
        "findings": findings(),
        "left_out": {},
        "settings": {
            "model": "SplineGAMClassifier", "task": "classification", "classes": ["no", "yes"],
            "outputs": ["yes"], "attributes": ["race", "age"], "n_rows": 1584,
            "thresholds": [0.2, 0.5], "n_bootstrap": 200, "n_permutations": 500, "min_cell": 20,
            "seed": 7,
        },
        "tripod": {
            "12e": {"asks": "measures", "frames": ["groups", "net_benefit"], "to_add": ""},
            "25": {"asks": "interpretation", "frames": ["findings"], "to_add": "the meaning"},
        },
    }  # fmt: skip
    return SimpleNamespace(**(frames | changes))


def by_output(frame, outputs=("good", "mid", "bad")):
    """A frame as a model with several scores has it."""
    parts = [frame.assign(output=output) for output in outputs]
    joined = pd.concat(parts, ignore_index=True)
    return joined[["output", *frame.columns]]
