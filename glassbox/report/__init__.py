"""Self-contained pages: the report of a model fitted to a table, and the audit of a saved one."""

from glassbox.report._audit_command import AuditRequest, write_audit_folder
from glassbox.report._errors import InputError
from glassbox.report._reading import read_dictionary, read_table, sha256_of
from glassbox.report._request import ReportRequest
from glassbox.report._settings import Source
from glassbox.report._write import write_report
from glassbox.report.fairness import write_audit

__all__ = [
    "AuditRequest",
    "InputError",
    "ReportRequest",
    "Source",
    "read_dictionary",
    "read_table",
    "sha256_of",
    "write_audit",
    "write_audit_folder",
    "write_report",
]
