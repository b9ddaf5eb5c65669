"""The audit log as the rules read it: what is new, what came just before, and who made a thing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from deployhub.audit.models import AuditEvent
from deployhub.audit.vocab import Operation, Outcome
from deployhub.review.models import JudgedEvent
from deployhub.review.watch.actions import MAKES
from deployhub.review.watch.events import Event

LOOK_BACK = timedelta(hours=72)
"""The longest time that a threshold can name."""
READS_LOOK_BACK = timedelta(hours=1)

_COLUMNS = (
    "id", "at", "action", "operation", "outcome", "actor_kind", "actor_id", "actor_name", "door", "address",
    "user_agent", "auth_method", "session_id", "token_id", "project_id", "object_type", "object_id", "object_label",
    "changes", "reason",
)  # fmt: skip


def _as_events(queryset: QuerySet[AuditEvent]) -> list[Event]:
    return [Event(**row) for row in queryset.values(*_COLUMNS)]


def events_unjudged(*, settled_id: int, limit: int) -> list[Event]:
    """Committed events that were not judged yet, the earliest ids first."""
    judged = JudgedEvent.objects.filter(event_id=OuterRef("pk"))
    return _as_events(AuditEvent.objects.filter(~Exists(judged), pk__gt=settled_id).order_by("pk")[:limit])


def events_before(*, since: datetime, up_to_id: int, reads_since: datetime) -> list[Event]:
    """What the rules look back on: everything of the last hour, and what is no plain read of the last days."""
    first = event_id_at(since)
    weighty = ~Q(operation=Operation.READ, outcome=Outcome.SUCCESS) | Q(action__endswith=".download")
    wanted = Q(at__gte=reads_since) | weighty
    return _as_events(
        AuditEvent.objects.filter(wanted, pk__gte=first, pk__lte=up_to_id, at__gte=since).order_by("pk")
    )


def event_id_at(moment: datetime) -> int:
    """An id below every event from `moment` on, by halving: times grow with ids but for a moment of lateness."""
    moment -= timedelta(hours=1)
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    low, high = 0, last + 1
    while low < high:
        middle = (low + high) // 2
        found = AuditEvent.objects.filter(pk__gte=middle).order_by("pk").values_list("pk", "at").first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


def events_settled_id(*, judged_id: int, before: datetime) -> int:
    """The last judged event that is older than any transaction which may still be open; 0 for none."""
    bound = AuditEvent.objects.filter(pk__lte=judged_id, at__lt=before)
    return bound.order_by("-pk").values_list("pk", flat=True).first() or 0


def makers_of(object_ids: Iterable[str]) -> dict[str, UUID]:
    """Who made each version or artifact, as the log tells."""
    ids = sorted(set(object_ids))
    made = AuditEvent.objects.filter(
        object_type__in=("modelversion", "artifact"),
        object_id__in=ids,
        action__in=MAKES,
        operation=Operation.CREATE,
    )
    return {
        object_id: actor_id for object_id, actor_id in made.values_list("object_id", "actor_id") if actor_id
    }


def event_first_at() -> datetime | None:
    """The time of the first event that the log still holds."""
    return AuditEvent.objects.order_by("at").values_list("at", flat=True).first()


def events_by_id(ids: Iterable[int]) -> list[AuditEvent]:
    """Events of the log in the order of time; those that retention removed are missing."""
    return list(AuditEvent.objects.filter(pk__in=list(ids)).order_by("at", "pk"))
