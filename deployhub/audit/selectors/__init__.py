"""Reads of the audit log."""

from __future__ import annotations

from django.db.models import QuerySet

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import Auditable


def events_all() -> QuerySet[AuditEvent]:
    """Every event, newest first."""
    return AuditEvent.objects.order_by("-at", "-id")


def object_history(obj: Auditable) -> QuerySet[AuditEvent]:
    """All events about one object, newest first."""
    return AuditEvent.objects.filter(object_type=obj.audit_type(), object_id=str(obj.pk)).order_by(
        "-at", "-id"
    )
