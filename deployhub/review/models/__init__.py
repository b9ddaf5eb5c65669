"""Rows of the review floor."""

from deployhub.review.models.exports import AuditExport
from deployhub.review.models.findings import Finding, FindingComment
from deployhub.review.models.oversight import Digest, Review, RuleSetting
from deployhub.review.models.retention import LegalHold, RetentionRule
from deployhub.review.models.searches import SavedSearch
from deployhub.review.models.watching import JudgedEvent, PersonBaseline, WatchMark

__all__ = [
    "AuditExport",
    "Digest",
    "Finding",
    "FindingComment",
    "JudgedEvent",
    "LegalHold",
    "PersonBaseline",
    "RetentionRule",
    "Review",
    "RuleSetting",
    "SavedSearch",
    "WatchMark",
]
