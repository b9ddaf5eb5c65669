"""Filters of oversight: one set for a page and its endpoint."""

from deployhub.review.filters.events import (
    AuditEventFilter,
    events_fitting,
    query_kept,
    query_valid,
    time_range,
)
from deployhub.review.filters.exports import AuditExportFilter
from deployhub.review.filters.findings import DigestFilter, FindingFilter, ReviewFilter

__all__ = [
    "AuditEventFilter",
    "AuditExportFilter",
    "DigestFilter",
    "FindingFilter",
    "ReviewFilter",
    "events_fitting",
    "query_kept",
    "query_valid",
    "time_range",
]
