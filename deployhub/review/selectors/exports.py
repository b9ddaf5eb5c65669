"""Reads of exports."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.kernel.actor import Actor
from deployhub.kernel.errors import NotFound
from deployhub.registry.models import Blob
from deployhub.review.models import AuditExport


def exports_visible(actor: Actor) -> QuerySet[AuditExport]:
    """Everybody's: who takes the log away is of interest to all who may read it."""
    if not policy.can(actor, "audit.view"):
        return AuditExport.objects.none()
    return AuditExport.objects.select_related("requested_by", "job", "blob")


def export_get(actor: Actor, export_id: UUID) -> AuditExport:
    export = exports_visible(actor).filter(pk=export_id).first()
    if export is None:
        raise NotFound("There is no such export, or you have no access to it.")
    return export


def export_file(actor: Actor, export_id: UUID) -> tuple[AuditExport, Blob]:
    """An export and its file. Raises NotFound, also for a file that expired or is not written yet."""
    export = export_get(actor, export_id)
    if not export.is_ready or export.blob is None:
        raise NotFound("This export has no file.", hint="It expired, or is not ready yet. Export anew.")
    return export, export.blob
