"""The report: one self-contained page about a model fitted to a table, and the model itself."""

from glassbox.report._errors import InputError
from glassbox.report._reading import read_dictionary, read_table, sha256_of
from glassbox.report._request import ReportRequest
from glassbox.report._settings import Source
from glassbox.report._write import write_report

__all__ = [
    "InputError",
    "ReportRequest",
    "Source",
    "read_dictionary",
    "read_table",
    "sha256_of",
    "write_report",
]
