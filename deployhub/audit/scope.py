"""The audit scope: what a use case changes is gathered here and written when it ends."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.db import DatabaseError, connection, models, transaction

from deployhub.audit.models import AuditEvent
from deployhub.audit.sealing.form import event_mark
from deployhub.audit.vocab import Operation, Outcome
from deployhub.kernel.actor import Actor, Door, system_actor
from deployhub.kernel.errors import AuditUnavailable


class UnauditedWrite(RuntimeError):
    """A domain row was written with no audit scope open: a defect in the code, never a user's mistake."""


class AuditMissing(RuntimeError):
    """A use case ended without having recorded anything: a defect in the code."""


class Auditable(Protocol):
    """What the log needs to know of an object."""

    pk: Any

    def audit_type(self) -> str: ...
    def audit_label(self) -> str: ...
    def audit_project_id(self) -> UUID | None: ...


@dataclass
class _Change:
    operation: str
    object_type: str
    object_id: str
    label: str
    project_id: UUID | None
    subject_id: UUID | None
    changes: dict[str, Any]


@dataclass
class AuditScope:
    actor: Actor
    action: str
    reason: str = ""
    changed: dict[tuple[str, str], _Change] = field(default_factory=dict)

    def record(self, obj: Auditable, operation: Operation, changes: dict[str, Any]) -> None:
        """Gather one change. Several changes of one object in one scope become one event."""
        key = (obj.audit_type(), str(obj.pk))
        earlier = self.changed.get(key)
        if earlier is None:
            self.changed[key] = _Change(
                operation,
                *key,
                obj.audit_label()[:200],
                obj.audit_project_id(),
                _subject_of(obj),
                dict(changes),
            )
            return
        earlier.label = obj.audit_label()[:200]
        for name, (before, after) in changes.items():
            first = earlier.changes.get(name, (before, after))[0]
            earlier.changes[name] = [first, after]
        if operation == Operation.DELETE:
            earlier.operation = operation

    def touch(self, obj: Auditable, **facts: object) -> None:
        """Record that the use case acted on `obj` without changing a row of it (a sign-in, say)."""
        self.record(obj, Operation.EVENT, {name: [None, value] for name, value in facts.items()})

    def events(self) -> list[AuditEvent]:
        return [
            AuditEvent(
                action=self.action,
                operation=change.operation,
                project_id=change.project_id,
                object_type=change.object_type,
                object_id=change.object_id,
                object_label=change.label,
                subject_id=change.subject_id,
                changes=change.changes,
                reason=self.reason[:500],
                **_actor_columns(self.actor),
            )
            for change in self.changed.values()
        ]


def _subject_of(obj: Any) -> UUID | None:
    told = getattr(obj, "audit_subject_id", None)
    return told() if told is not None else None


_current: ContextVar[AuditScope | None] = ContextVar("audit_scope", default=None)


def current_scope() -> AuditScope | None:
    return _current.get()


def require_scope(what: str) -> AuditScope:
    scope = _current.get()
    if scope is None:
        raise UnauditedWrite(
            f"{what} was written outside a use case; wrap it in @usecase or system_scope(...)"
        )
    return scope


@contextmanager
def audit_scope(actor: Actor, action: str, *, reason: str = "") -> Iterator[AuditScope]:
    """Open a scope; at its end write its events in the transaction that the caller holds."""
    scope = AuditScope(actor=actor, action=action, reason=reason)
    token = _current.set(scope)
    try:
        yield scope
        events_write(scope.events())
    finally:
        _current.reset(token)


@contextmanager
def system_scope(
    reason: str, *, action: str = "system.change", door: Door = Door.COMMAND
) -> Iterator[AuditScope]:
    """A scope for DeployHub itself: first start, demo seed, maintenance. One transaction."""
    with (
        transaction.atomic(),
        audit_scope(system_actor("DeployHub", door=door), action, reason=reason) as scope,
    ):
        yield scope


def _actor_columns(actor: Actor) -> dict[str, Any]:
    return {
        "actor_kind": actor.kind.value,
        "actor_id": actor.user_id,
        "actor_name": actor.name[:200],
        "door": actor.door.value,
        "address": actor.address[:64],
        "user_agent": actor.user_agent[:256],
        "auth_method": actor.auth_method[:20],
        "acting_as": actor.acting_as[:80],
        "session_id": actor.session_id[:64],
        "token_id": actor.token_id,
        "request_id": actor.request_id[:64],
        "job_id": actor.job_id,
    }


def _insert_fields() -> list[models.Field]:
    return [field for field in AuditEvent._meta.concrete_fields if not field.primary_key]


@functools.cache
def _insert_statement() -> str:
    """Written out once: every write and every read of the product inserts here, and compiling the statement anew by
    the ORM took longer than the database needs to carry it out."""
    quoted = ", ".join(connection.ops.quote_name(field.column or "") for field in _insert_fields())
    marks = ", ".join(["%s"] * len(_insert_fields()))
    return f"INSERT INTO {connection.ops.quote_name(AuditEvent._meta.db_table)} ({quoted}) VALUES ({marks})"  # noqa: S608


def _insert_row(event: AuditEvent) -> list[Any]:
    return [
        field.get_db_prep_save(getattr(event, field.attname), connection=connection)
        for field in _insert_fields()
    ]


def events_write(events: list[AuditEvent]) -> None:
    """Append events. Raises AuditUnavailable when the log does not take them: the request must then fail."""
    if not events:
        return
    try:
        with connection.cursor() as cursor:
            for event in events:
                event_mark(event)
                cursor.execute(_insert_statement(), _insert_row(event))
    except DatabaseError as error:
        raise AuditUnavailable(
            "The audit log could not be written, so nothing was done.",
            hint="Ask an administrator to look at the system page; nothing was changed.",
        ) from error


def event_record(
    actor: Actor,
    action: str,
    obj: Auditable | None = None,
    *,
    operation: Operation = Operation.READ,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str = "",
    facts: dict[str, Any] | None = None,
    project_id: UUID | None = None,
) -> None:
    """Write one event at once: a read, a refusal, a failed sign-in. It is committed before the answer leaves."""
    events_write(
        [
            AuditEvent(
                action=action,
                operation=operation,
                outcome=outcome,
                project_id=obj.audit_project_id() if obj is not None else project_id,
                object_type=obj.audit_type() if obj is not None else "",
                object_id=str(obj.pk) if obj is not None else "",
                object_label=obj.audit_label()[:200] if obj is not None else "",
                subject_id=_subject_of(obj),
                changes=facts or {},
                reason=reason[:500],
                **_actor_columns(actor),
            )
        ]
    )


def touch(obj: Auditable, **facts: object) -> None:
    """Tell the open scope that the use case acted on `obj` without changing a row of it."""
    require_scope("touch").touch(obj, **facts)
