"""Where an audit answers the TRIPOD+AI statement, and what it leaves to its authors."""

from __future__ import annotations

#: Item to what it asks, the parts of an audit that answer it, and what no audit can know.
#: Collins GS, Moons KGM, Dhiman P, et al. BMJ 2024;385:e078378.
TRIPOD_AI = {
    "3c": {
        "asks": "known health inequalities between sociodemographic groups",
        "frames": ["overview"],
        "to_add": "what is known of inequalities in this field, with sources",
    },
    "5a": {
        "asks": "sources of the data, and how representative they are",
        "frames": ["overview"],
        "to_add": "where the rows come from, and whom they leave out",
    },
    "7": {
        "asks": "preparation and quality of the data, and whether alike across groups",
        "frames": ["overview"],
        "to_add": "how the data were cleaned; missing values by group are in the overview",
    },
    "8a": {
        "asks": "the outcome, and whether it was assessed alike across groups",
        "frames": ["overview", "calibration"],
        "to_add": "how, when and by whom the outcome was assessed in each group",
    },
    "12e": {
        "asks": "measures and plots of performance",
        "frames": ["groups", "disparities", "calibration", "net_benefit", "strategies"],
        "to_add": "why these thresholds",
    },
    "12f": {
        "asks": "updating of the model, overall or for some groups",
        "frames": ["calibration", "calibration_curves", "strategies"],
        "to_add": "whether the model was recalibrated, and for whom",
    },
    "14": {
        "asks": "approaches to fairness, and why they were chosen",
        "frames": ["dependence", "terms", "proxies", "flip", "strategies"],
        "to_add": "which notion of fairness this use calls for",
    },
    "20b": {
        "asks": "characteristics of the participants, and differences between groups",
        "frames": ["overview", "proxies"],
        "to_add": "other characteristics, by setting",
    },
    "23a": {
        "asks": "performance with confidence intervals, also in subgroups",
        "frames": ["groups", "disparities", "calibration", "net_benefit"],
        "to_add": "",
    },
    "25": {
        "asks": "interpretation of the results, fairness included",
        "frames": ["findings"],
        "to_add": "what the findings mean for those whom the model is used on",
    },
}
