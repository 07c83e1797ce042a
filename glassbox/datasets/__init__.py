"""Bundled clinical tables, and generators of tables whose truth is known.

The loaders return real patients with a data dictionary and with every column
that must not be used as a predictor kept apart. The generators return, beside
the table, the shape functions that it was drawn from, so that the recovery of
a shape can be measured.
"""

from glassbox.datasets._additive import make_additive
from glassbox.datasets._loaders import load_birthwt, load_nhefs, load_support2
from glassbox.datasets._pneumonia import make_pneumonia

__all__ = [
    "load_birthwt",
    "load_nhefs",
    "load_support2",
    "make_additive",
    "make_pneumonia",
]
