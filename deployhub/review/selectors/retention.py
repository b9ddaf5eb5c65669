"""What retention means for the log as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from deployhub.access import policy
from deployhub.audit.models import AuditEvent, AuditLeaf
from deployhub.audit.vocab import ERASURE, PRUNING
from deployhub.kernel.actor import Actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import NotFound
from deployhub.review.models import LegalHold, RetentionRule
from deployhub.review.selectors.conditions import group_condition
from deployhub.review.vocab import NEVER_PRUNED, PREVIEW_CAP, RETENTION_DAYS, ActionGroup


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A group with its time. `due_count`: events past it that are sealed and not held, at most PREVIEW_CAP."""

    group: str
    label: str
    keep_days: int | None
    default_days: int | None
    fixed: bool
    due_count: int = 0

    @property
    def due_text(self) -> str:
        more = "more than " if self.due_count >= PREVIEW_CAP else ""
        return f"{more}{self.due_count:,} event{'' if self.due_count == 1 else 's'}"


def keep_days_of(group: str) -> int | None:
    """For how many days the events of a group are kept; None for ever."""
    if group in NEVER_PRUNED:
        return None
    rule = RetentionRule.objects.filter(group=group).first()
    return RETENTION_DAYS[group] if rule is None else rule.keep_days


def events_due(group: str) -> QuerySet[AuditEvent]:
    """Events of a group that may go: past their time, sealed, held by nobody, and no account of earlier removals."""
    days = keep_days_of(group)
    if days is None:
        return AuditEvent.objects.none()
    past = AuditEvent.objects.filter(group_condition(group), at__lt=utc_now() - timedelta(days=days))
    past = past.exclude(object_type__in=(ERASURE, PRUNING))
    for hold in LegalHold.objects.filter(released_at=None):
        past = past.exclude(pk__in=AuditEvent.objects.filter(hold.condition).order_by().values("pk"))
    return past.filter(pk__in=AuditLeaf.objects.values("event_id")).order_by("at", "id")


def retention_classes() -> list[RetentionClass]:
    """Every group with its time and what would go now: the preview."""
    return [
        RetentionClass(
            group=group,
            label=ActionGroup(group).label,
            keep_days=keep_days_of(group),
            default_days=RETENTION_DAYS[group],
            fixed=group in NEVER_PRUNED,
            due_count=events_due(group)[:PREVIEW_CAP].count(),
        )
        for group in RETENTION_DAYS
    ]


def holds_visible(actor: Actor) -> QuerySet[LegalHold]:
    if not policy.can(actor, "retention.view"):
        return LegalHold.objects.none()
    return LegalHold.objects.select_related("placed_by", "released_by")


def hold_get(actor: Actor, hold_id: UUID) -> LegalHold:
    hold = holds_visible(actor).filter(pk=hold_id).first()
    if hold is None:
        raise NotFound("There is no such hold, or you have no access to it.")
    return hold


def events_of_person(person_id: UUID) -> QuerySet[AuditEvent]:
    """What they did, and what is about them."""
    return AuditEvent.objects.filter(Q(actor_id=person_id) | Q(subject_id=person_id)).order_by("id")


def holds_on_person(person_id: UUID) -> list[LegalHold]:
    """Active holds that stand in the way of erasing this person."""
    of_person = events_of_person(person_id)
    active: Iterable[LegalHold] = LegalHold.objects.filter(released_at=None)
    return [
        hold
        for hold in active
        if hold.person_id == person_id or of_person.filter(hold.condition).order_by().exists()
    ]
