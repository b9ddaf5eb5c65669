"""Rows of the review floor."""

from deployhub.review.models.findings import Finding, FindingComment
from deployhub.review.models.oversight import Digest, Review, RuleSetting
from deployhub.review.models.watching import JudgedEvent, PersonBaseline, WatchMark

__all__ = [
    "Digest",
    "Finding",
    "FindingComment",
    "JudgedEvent",
    "PersonBaseline",
    "Review",
    "RuleSetting",
    "WatchMark",
]
