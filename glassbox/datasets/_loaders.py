"""Loaders of the bundled tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from glassbox.datasets import _dictionary as dictionaries
from glassbox.datasets._files import read_csv, read_text
from glassbox.datasets._protocol import SUPPORT2_LEFT_OUT, SUPPORT2_SPLITS, PublishedProtocol

# Codes that stand for "not known" in the NHEFS file. As numbers or levels of their own they
# would be drawn as if they were findings.
NHEFS_UNKNOWN = {
    "hbp": 2,
    "diabetes": 2,
    "pica": 2,
    "hbpmed": 2,
    "boweltrouble": 2,
    "birthcontrol": 2,
    "alcoholpy": 2,
    "alcoholfreq": 5,
    "marital": 8,
}


def load_support2(
    *,
    return_X_y: bool = False,
    as_frame: bool = True,
    target: str = "hospdead",
    protocol: str | None = None,
) -> Bunch | tuple:
    """Load SUPPORT2: 9,105 seriously ill adults in five hospitals.

    The predictors are the 30 columns that are known on the third day of the study. Outcomes,
    costs, decisions of care, later measurements and the outputs of earlier models are kept
    apart in ``outcomes``.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Return pandas objects, with text columns as categoricals (``income`` and ``ca``
        ordered). Otherwise NumPy arrays; the data are then of dtype object.
    target : {"hospdead", "death"}, default="hospdead"
        Death in hospital (25.9 %), or death by the end of 1994 (68.1 %).
    protocol : {None, "published"}, default=None
        With "published", the data are the 29 columns under which results have been
        published: ``dzgroup`` is left out. Needs the target "hospdead".

    Returns
    -------
    Bunch, or (data, target) if ``return_X_y``
        Dictionary-like object with the attributes

        data : DataFrame of shape (9105, 30)
            The predictors. With ``protocol="published"``, 29 columns.
        target : Series of shape (9105,)
            0 or 1.
        target_names : ndarray
            What 0 and 1 mean.
        frame : DataFrame
            Data and target in one table, or None if not ``as_frame``.
        feature_names : list of str
            The columns of ``data``.
        outcomes : DataFrame
            All other columns of the file, always a DataFrame.
        dictionary : DataDictionary
            Label, unit, reference range, kind, order and note of every column.
        sensitive : list of str
            The columns that name a protected group: sex and race.
        published : PublishedProtocol
            ``columns``, ``splitter()`` and ``splits(y)`` of the published protocol.
        DESCR : str
            Source, terms of use, citation and a description of the columns.
        filename : str
            The name of the file.

    Notes
    -----
    The source asks for this acknowledgement: "obtained from hbiostat.org/data courtesy of the
    Vanderbilt University Department of Biostatistics".

    A missing value is often a finding of its own here: ``adlp`` is missing where a patient was
    too ill to be interviewed. Nothing is filled in.

    References
    ----------
    Knaus WA, Harrell FE, Lynn J, et al. The SUPPORT prognostic model. Annals of Internal
    Medicine 1995;122:191-203.

    Examples
    --------
    >>> from glassbox.datasets import load_support2
    >>> support2 = load_support2()
    >>> support2.data.shape
    (9105, 30)
    >>> support2.target.mean().round(3)
    np.float64(0.259)
    >>> support2.data["ca"].cat.categories.to_list()
    ['no', 'yes', 'metastatic']
    >>> train, test = support2.published.splits(support2.target)[0]
    >>> len(train), len(test)
    (7739, 1366)
    """
    _check_choice("target", target, ("hospdead", "death"))
    _check_choice("protocol", protocol, (None, "published"))
    if protocol == "published" and target != "hospdead":
        raise ValueError(
            f"The published protocol predicts 'hospdead', got target={target!r}: "
            "use protocol=None for another target."
        )
    dictionary = dictionaries.describe("support2")
    day3 = dictionaries.features(dictionary)
    published = PublishedProtocol(
        target="hospdead",
        columns=tuple(name for name in day3 if name not in SUPPORT2_LEFT_OUT),
        **SUPPORT2_SPLITS,
    )
    bunch = _load(
        "support2",
        dictionary,
        features=list(published.columns) if protocol == "published" else day3,
        target=target,
        target_names=("survived", "died"),
        sensitive=["sex", "race"],
        as_frame=as_frame,
    )
    bunch.published = published
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_nhefs(*, return_X_y: bool = False, as_frame: bool = True) -> Bunch | tuple:
    """Load NHEFS: 1,629 smokers of 1971, followed until 1992.

    The target is death by 1992. The predictors are the 48 columns that were known at the
    baseline in 1971. What was learnt in 1982, quitting included, is kept apart in
    ``outcomes``, because whether it could be learnt depends on who was still reached: see
    ``DESCR``.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Return pandas objects, with coded columns as categoricals. Otherwise NumPy arrays; the
        data are then of dtype object.

    Returns
    -------
    Bunch, or (data, target) if ``return_X_y``
        Dictionary-like object with the attributes

        data : DataFrame of shape (1629, 48)
            The predictors.
        target : Series of shape (1629,)
            Death by 1992, 0 or 1.
        target_names : ndarray
            What 0 and 1 mean.
        frame : DataFrame
            Data and target in one table, or None if not ``as_frame``.
        feature_names : list of str
            The columns of ``data``.
        outcomes : DataFrame
            All other columns of the file, always a DataFrame.
        dictionary : DataDictionary
            Label, unit, reference range, kind, order and note of every column.
        sensitive : list of str
            The columns that name a protected group: sex and race.
        DESCR : str
            Source, terms of use, citation and a description of the columns.
        filename : str
            The name of the file.

    Notes
    -----
    Codes that mean "not known" in the file are read as missing. The other codes are kept, as
    text where they are levels ("2" in ``marital`` is "married"); the notes of the dictionary
    say what they mean.

    References
    ----------
    Hernán MA, Robins JM. Causal Inference: What If. Chapman & Hall/CRC, 2020.

    Examples
    --------
    >>> from glassbox.datasets import load_nhefs
    >>> nhefs = load_nhefs()
    >>> nhefs.data.shape, int(nhefs.target.sum())
    ((1629, 48), 318)
    >>> int(nhefs.outcomes["wt82"].isna().sum())
    63
    """
    dictionary = dictionaries.describe("nhefs")
    bunch = _load(
        "nhefs",
        dictionary,
        features=dictionaries.features(dictionary),
        target="death",
        target_names=("survived", "died"),
        sensitive=["sex", "race"],
        as_frame=as_frame,
        unknown=NHEFS_UNKNOWN,
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def load_birthwt(*, return_X_y: bool = False, as_frame: bool = True) -> Bunch | tuple:
    """Load the low birth weight study: 189 mothers, Baystate Medical Center, 1986.

    The target is a birth weight below 2,500 g, and the eight other columns are the
    predictors. The weight itself, from which the target was made, is kept apart in
    ``outcomes``.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Return pandas objects, with ``race`` as a categorical. Otherwise NumPy arrays; the data
        are then of dtype object.

    Returns
    -------
    Bunch, or (data, target) if ``return_X_y``
        Dictionary-like object with the attributes

        data : DataFrame of shape (189, 8)
            The predictors.
        target : Series of shape (189,)
            Low birth weight, 0 or 1.
        target_names : ndarray
            What 0 and 1 mean.
        frame : DataFrame
            Data and target in one table, or None if not ``as_frame``.
        feature_names : list of str
            The columns of ``data``.
        outcomes : DataFrame
            The birth weight in grams, always a DataFrame.
        dictionary : DataDictionary
            Label, unit, reference range, kind, order and note of every column.
        sensitive : list of str
            The column that names a protected group: race.
        DESCR : str
            Source, terms of use, citation and a description of the columns.
        filename : str
            The name of the file.

    References
    ----------
    Hosmer DW, Lemeshow S. Applied Logistic Regression. Wiley, 1989.

    Examples
    --------
    >>> from glassbox.datasets import load_birthwt
    >>> X, y = load_birthwt(return_X_y=True)
    >>> X.shape, int(y.sum())
    ((189, 8), 59)
    """
    dictionary = dictionaries.describe("birthwt")
    bunch = _load(
        "birthwt",
        dictionary,
        features=dictionaries.features(dictionary),
        target="low",
        target_names=("2,500 g or more", "below 2,500 g"),
        sensitive=["race"],
        as_frame=as_frame,
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def _load(
    name: str,
    dictionary: pd.DataFrame,
    *,
    features: list[str],
    target: str,
    target_names: tuple[str, str],
    sensitive: list[str],
    as_frame: bool,
    unknown: dict[str, int] | None = None,
) -> Bunch:
    table = read_csv(f"{name}.csv")
    for column, code in (unknown or {}).items():
        table[column] = table[column].mask(table[column] == code)
    table = _typed(table, dictionary)
    data, y = table[features], table[target]
    kept_apart = [
        column
        for column in dictionary.index
        if column != target and dictionary.at[column, "kind"] in dictionaries.KEPT_APART
    ]
    return Bunch(
        data=data if as_frame else data.to_numpy(dtype=object),
        target=y if as_frame else y.to_numpy(),
        target_names=np.array(target_names),
        frame=table[[*features, target]] if as_frame else None,
        feature_names=features,
        outcomes=table[kept_apart],
        dictionary=dictionaries.as_data_dictionary(dictionary),
        sensitive=sensitive,
        DESCR=read_text(f"{name}.md"),
        filename=f"{name}.csv",
    )


def _typed(table: pd.DataFrame, dictionary: pd.DataFrame) -> pd.DataFrame:
    """Turn the columns with levels into categoricals, ordered where the dictionary says so."""
    typed = {}
    for column in table:
        kind = dictionary.at[column, "kind"]
        values = table[column]
        if kind == "ordinal":
            order = dictionaries.levels(dictionary, column)
            typed[column] = pd.Categorical(_as_text(values), categories=order, ordered=True)
        elif kind == "categorical" or not pd.api.types.is_numeric_dtype(values):
            categories = [
                str(level) for level in sorted(_without_fraction(values).dropna().unique())
            ]
            typed[column] = pd.Categorical(_as_text(values), categories=categories)
        else:
            typed[column] = values
    return pd.DataFrame(typed, index=table.index)


def _without_fraction(values: pd.Series) -> pd.Series:
    # A column of whole codes that has gaps is read as floats: "47.0" is no name for a level.
    return values.astype("Int64") if pd.api.types.is_numeric_dtype(values) else values


def _as_text(values: pd.Series) -> pd.Series:
    return _without_fraction(values).astype("str").where(values.notna())


def _check_choice(name: str, value: object, choices: tuple) -> None:
    if value not in choices:
        options = ", ".join(map(repr, choices))
        raise ValueError(f"{name}={value!r} is not one of {options}.")
