"""Erasing a person from the log, and pruning old events, so that the rest still verifies.

Both are plain functions for a use case of a higher floor, which asks the policy and holds the transaction and the
audit scope. What they did is accounted for in events of their own, which are sealed like any other: verification
reports every erased or pruned event that no such account names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from deployhub.audit.models import AuditEvent, AuditLeaf, AuditPermit
from deployhub.audit.scope import require_scope
from deployhub.audit.sealing.accounts import id_ranges, ranges_text
from deployhub.audit.vocab import ERASURE, PRUNING, Permit

RANGES_PER_ACCOUNT = 1_000
"""How many ranges of ids one accounting event holds; more make further events."""


@dataclass(slots=True)
class _Account:
    """What an accounting event is about."""

    kind: str
    pk: str
    label: str

    def audit_type(self) -> str:
        return self.kind

    def audit_label(self) -> str:
        return self.label

    def audit_project_id(self) -> None:
        return None


def _account(kind: str, subject: str, ids: list[int]) -> None:
    ranges = id_ranges(ids)
    for start in range(0, len(ranges), RANGES_PER_ACCOUNT):
        part = ranges[start : start + RANGES_PER_ACCOUNT]
        count = sum(last - first + 1 for first, last in part)
        label = f"{count} event{'' if count == 1 else 's'}"
        require_scope(kind).touch(
            _Account(kind, f"{subject}/{part[0][0]}", label), events=ranges_text(part), count=count
        )


def _permitted(kind: Permit, ids: list[int]) -> None:
    AuditPermit.objects.bulk_create([AuditPermit(event_id=n, kind=kind) for n in ids], batch_size=500)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), 500):
        yield ids[start : start + 500]


def events_erase(events: QuerySet[AuditEvent], *, person_id: UUID) -> int:
    """Empty what names the person in `events`; returns in how many events.

    Where they acted, their name, address, browser and session go; where an event is about them, its label and the
    changes that name them. Ids stay, and so does what was done. Call it in the use case `audit.erase`, whose scope it
    records into (so that the use case needs no `touch` of its own unless it returns 0). Free text (`reason`) stays.
    """
    require_scope("events_erase")
    of_actor = Q(actor_id=person_id) & ~Q(personal_salt="")
    of_subject = Q(subject_id=person_id) & ~Q(subject_salt="")
    among = AuditEvent.objects.filter(id__in=events.values("id"))  # `events` may be a slice
    ids = list(among.filter(of_actor | of_subject).order_by("id").values_list("id", flat=True))
    for some in _chunks(ids):
        _permitted(Permit.ERASE, some)
        rows = AuditEvent.objects.filter(id__in=some)
        rows.filter(of_actor).update(
            actor_name="", address="", user_agent="", session_id="", personal_salt=""
        )
        for event in rows.filter(of_subject):
            named = event.subject_fields.split(",")
            kept = {name: pair for name, pair in event.changes.items() if name not in named}
            AuditEvent.objects.filter(id=event.id).update(object_label="", changes=kept, subject_salt="")
        AuditPermit.objects.filter(event_id__in=some).delete()
    if ids:
        _account(ERASURE, str(person_id), ids)
    return len(ids)


def events_prune(events: QuerySet[AuditEvent]) -> int:
    """Remove the sealed ones of `events`; their leaves stay, so that all others still verify. Returns how many.

    Events that are not sealed yet, and those that account for earlier erasures and prunings, are left. Call it in the
    use case `audit.prune`, whose scope it records into; a batch of at most some 10,000 keeps the transaction short.
    """
    require_scope("events_prune")
    sealed = AuditLeaf.objects.values("event_id")
    among = AuditEvent.objects.filter(id__in=events.values("id"))  # `events` may be a slice
    wanted = among.exclude(object_type__in=(ERASURE, PRUNING)).filter(id__in=sealed)
    ids = sorted(wanted.order_by().values_list("id", flat=True))
    for some in _chunks(ids):
        _permitted(Permit.PRUNE, some)
        marks = ", ".join(["%s"] * len(some))
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM audit_auditevent WHERE id IN ({marks})", some)  # noqa: S608
        AuditPermit.objects.filter(event_id__in=some).delete()
    if ids:
        _account(PRUNING, "pruned", ids)
    return len(ids)
