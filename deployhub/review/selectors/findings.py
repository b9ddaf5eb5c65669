"""Findings, rules and digests, for those who review. Looking at one is in the log too."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from deployhub.access import policy
from deployhub.accounts.models import User
from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import event_record
from deployhub.audit.vocab import Operation
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import NotFound
from deployhub.review.models import Digest, Finding, Review, RuleSetting, WatchMark
from deployhub.review.rules import RULES
from deployhub.review.selectors.events import event_first_at
from deployhub.review.watch.rule import Rule, limits_of
from deployhub.review.watch.vocab import REVIEW_EVERY, FindingState

FIRED_WITHIN = timedelta(days=30)


def findings_visible(actor: Actor) -> QuerySet[Finding]:
    """All findings for those who may review, none for others."""
    if not policy.can(actor, "finding.view"):
        return Finding.objects.none()
    return Finding.objects.select_related("owner")


def findings_read(actor: Actor) -> QuerySet[Finding]:
    """The list, and a record that it was read."""
    event_record(actor, "finding.view")
    return findings_visible(actor)


def finding_get(actor: Actor, finding_id: UUID) -> Finding:
    return policy.one(findings_visible(actor), pk=finding_id)


def finding_read(actor: Actor, finding_id: UUID) -> Finding:
    """One finding, and a record of who looked at it."""
    finding = finding_get(actor, finding_id)
    event_record(actor, "finding.view", finding)
    return finding


def finding_history(finding: Finding) -> QuerySet[AuditEvent]:
    """What people and the duty did with a finding, newest first; who only looked stands in the audit log."""
    own = AuditEvent.objects.filter(object_type="finding", object_id=str(finding.pk))
    return own.exclude(operation=Operation.READ).order_by("-id")


def findings_open_count(actor: Actor) -> int:
    return findings_visible(actor).filter(state=FindingState.OPEN).count()


def reviewers() -> QuerySet[User]:
    """Who may be given a finding."""
    people = User.objects.filter(is_active=True)
    return (people.filter(is_administrator=True) | people.filter(is_auditor=True)).order_by("username")


def reviewed_last(*, before: datetime | None = None) -> datetime | None:
    """When somebody last reviewed: said so, or signed a finding off."""
    reviews, closed = Review.objects.all(), Finding.objects.exclude(closed_at=None)
    if before is not None:
        reviews, closed = reviews.filter(created_at__lt=before), closed.filter(closed_at__lt=before)
    times = [
        reviews.order_by("-created_at").values_list("created_at", flat=True).first(),
        closed.order_by("-closed_at").values_list("closed_at", flat=True).first(),
    ]
    return max((at for at in times if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class ReviewState:
    """How the review stands: for the pages that show it, and that nag."""

    last_at: datetime | None
    last_by: str
    days: int | None
    overdue: bool
    open_findings: int
    watched_at: datetime | None
    places_problem: str

    @property
    def sentence(self) -> str:
        if self.last_at is None:
            return "Nobody has reviewed the audit log yet."
        if self.overdue:
            return f"Nobody has reviewed for {self.days} days."
        return "Reviewed within the last week."


def review_state() -> ReviewState:
    """How the review stands now. Without any review yet, the time since the first event counts."""
    last = reviewed_last()
    review = Review.objects.order_by("-created_at").first()
    closed = Finding.objects.exclude(closed_at=None).order_by("-closed_at").first()
    by = review.reviewer_name if review is not None and review.created_at == last else ""
    if not by and closed is not None:
        by = closed.closed_by_name
    since = last or event_first_at()
    waited = utc_now() - since if since is not None else timedelta(0)
    mark = WatchMark.objects.filter(pk=1).first()
    return ReviewState(
        last_at=last,
        last_by=by,
        days=waited.days if last is not None else None,
        overdue=waited >= REVIEW_EVERY,
        open_findings=Finding.objects.filter(state=FindingState.OPEN).count(),
        watched_at=mark.ran_at if mark is not None else None,
        places_problem=mark.problem if mark is not None else "",
    )


@dataclass(frozen=True, slots=True)
class Threshold:
    name: str
    label: str
    help: str
    unit: str
    value: Any
    default: Any

    @property
    def tuned(self) -> bool:
        return bool(self.value != self.default)


@dataclass(frozen=True, slots=True)
class RuleFace:
    """A rule with what people changed of it, and how often it fired."""

    rule: Rule
    thresholds: list[Threshold]
    setting: RuleSetting | None
    fired: int
    open_findings: int

    @property
    def muted_until(self) -> datetime | None:
        return self.setting.muted_until if self.setting is not None and self.setting.is_muted else None


def _face(rule: Rule, setting: RuleSetting | None, counts: dict[str, int], live: dict[str, int]) -> RuleFace:
    limits = limits_of(rule, setting.thresholds if setting is not None else {})
    thresholds = [
        Threshold(
            name=entry.name,
            label=entry.metadata["label"],
            help=entry.metadata["help"],
            unit=entry.metadata["unit"],
            value=getattr(limits, entry.name),
            default=entry.default,
        )
        for entry in fields(rule.limits)
    ]
    return RuleFace(rule, thresholds, setting, counts.get(rule.key, 0), live.get(rule.key, 0))


def _counted(findings: QuerySet[Finding]) -> dict[str, int]:
    return {row["rule"]: row["n"] for row in findings.values("rule").annotate(n=Count("pk")).order_by()}


def rules_read(actor: Actor) -> list[RuleFace]:
    """All rules as they are set now, and a record that they were read."""
    event_record(actor, "rule.view")
    kept = {row.rule: row for row in RuleSetting.objects.all()}
    counts = _counted(Finding.objects.filter(created_at__gte=utc_now() - FIRED_WITHIN))
    live = _counted(Finding.objects.filter(state=FindingState.OPEN))
    return [_face(rule, kept.get(key), counts, live) for key, rule in RULES.items()]


def rule_get(key: str) -> Rule:
    """Raises NotFound for a rule that there is not."""
    if key not in RULES:
        raise NotFound("There is no such rule.")
    return RULES[key]


def rule_face(key: str) -> RuleFace:
    """One rule as it is set now."""
    rule = rule_get(key)
    mine = Finding.objects.filter(rule=key)
    return _face(
        rule,
        RuleSetting.objects.filter(rule=key).first(),
        _counted(mine.filter(created_at__gte=utc_now() - FIRED_WITHIN)),
        _counted(mine.filter(state=FindingState.OPEN)),
    )


def rule_read(actor: Actor, key: str) -> RuleFace:
    face = rule_face(key)
    event_record(actor, "rule.view", facts={"rule": [None, key]})
    return face


def digests_visible(actor: Actor) -> QuerySet[Digest]:
    return Digest.objects.all() if policy.can(actor, "digest.view") else Digest.objects.none()


def digests_read(actor: Actor) -> QuerySet[Digest]:
    """The digests, and a record that they were read."""
    event_record(actor, "digest.view")
    return digests_visible(actor)


def digest_read(actor: Actor, digest_id: UUID) -> Digest:
    digest = digests_visible(actor).filter(pk=digest_id).first()
    if digest is None:
        raise NotFound(policy.NOTHING)
    event_record(actor, "digest.view", digest)
    return digest


def reviews_read(actor: Actor) -> QuerySet[Review]:
    """Who reviewed when, for those who may review."""
    event_record(actor, "review.view")
    return Review.objects.all() if policy.can(actor, "review.view") else Review.objects.none()
