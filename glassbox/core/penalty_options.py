"""What a dependence penalty can be, wherever it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassbox.core.attributes import Attribute

#: What can be penalised, see :mod:`glassbox.nets.dependence`.
MEASURES = ("mean", "dcov", "hsic", "hgr", "mmd")

#: Within what: everywhere, or within the classes of the outcome.
CONDITIONS = (None, "outcome")

#: How much groups weigh.
GROUP_WEIGHTS = ("proportional", "equal")


def check_attributes(attributes: Sequence[Attribute], measure: str, group_weights: str) -> None:
    """Refuse attributes that a penalty cannot work with, or that an option does nothing for.

    Parameters
    ----------
    attributes : sequence of Attribute
    measure : str
        One of ``MEASURES``.
    group_weights : str
        One of ``GROUP_WEIGHTS``.

    Raises
    ------
    ValueError
        Naming the attribute and the remedy.

    Examples
    --------
    >>> from glassbox.core.attributes import read_attributes
    >>> check_attributes(read_attributes({"age": [51.0, 60.0, 72.0]}), "mmd", "proportional")
    Traceback (most recent call last):
    ...
    ValueError: measure='mmd' compares groups, and sensitive feature 'age' holds amounts. Use \
'dcov' or 'hsic', or cut it into groups.
    """
    for attribute in attributes:
        if len(np.unique(attribute.values[attribute.present])) < 2:
            raise ValueError(
                f"Sensitive feature {attribute.name!r} has one value only in the rows of positive "
                "weight; nothing can depend on it. Leave it out."
            )
        if attribute.kind == "numeric" and measure == "mmd":
            raise ValueError(
                f"measure='mmd' compares groups, and sensitive feature {attribute.name!r} holds "
                "amounts. Use 'dcov' or 'hsic', or cut it into groups."
            )
    if group_weights == "equal" and all(a.kind == "numeric" for a in attributes):
        raise ValueError(
            "group_weights='equal' would do nothing: no sensitive feature has groups. Use "
            "'proportional'."
        )
