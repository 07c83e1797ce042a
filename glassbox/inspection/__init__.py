"""Looking at any model from outside."""

from glassbox.inspection._audit import audit_monotonicity
from glassbox.inspection._result import MonotonicityAudit

__all__ = ["MonotonicityAudit", "audit_monotonicity"]
