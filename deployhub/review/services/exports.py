"""Exports of the log: asked for here, written by a worker (handlers.py), and removed when they expire."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from deployhub.audit.models import AuditEvent
from deployhub.audit.scope import audit_scope
from deployhub.jobs.services import job_enqueue
from deployhub.kernel.actor import Actor, system_actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.storage import StoredFile, blob_record, blob_remove
from deployhub.review.models import AuditExport
from deployhub.review.vocab import EXPORT_JOB, EXPORT_KEPT, TIME_PRESETS, ExportForm
from deployhub.usecase import usecase


@usecase("audit.export")
def export_create(
    *, actor: Actor, form: str, query: dict[str, str], reason: str, compressed: bool = False
) -> AuditExport:
    """Queue an export of the events that fit `query` now: filters that the door found valid. The log keeps both.

    Raises InvalidInput.
    """
    if form not in ExportForm.values:
        raise InvalidInput(
            "There is no such form.", errors={"form": [f"One of {', '.join(ExportForm.values)}."]}
        )
    if not reason.strip():
        raise InvalidInput("An export needs a reason.", errors={"reason": ["Say what it is for."]})
    newest = AuditEvent.objects.order_by("-id").values_list("pk", flat=True).first()
    export = AuditExport.objects.create(
        requested_by_id=actor.user_id,
        form=form,
        compressed=compressed,
        query=_time_fixed(query),
        reason=reason.strip()[:500],
        last_event_id=newest or 0,
    )
    export.job = job_enqueue(
        actor=actor,
        kind=EXPORT_JOB,
        title=f"Export the audit log as {ExportForm(form).label.partition(':')[0]}",
        project=None,
        spec={"export_id": str(export.pk)},
        subject=export,
    )
    export.save(update_fields=["job"])
    return export


def export_finish(
    *, export: AuditExport, stored: StoredFile, file_name: str, event_count: int
) -> dict[str, Any]:
    """Within the job's commit: the file that was written."""
    export.blob = blob_record(stored)
    export.file_name, export.event_count = file_name, event_count
    export.size_bytes, export.sha256 = stored.size_bytes, stored.sha256
    export.expires_at = utc_now() + EXPORT_KEPT
    export.save()
    return {"export_id": str(export.pk), "events": event_count, "size_bytes": stored.size_bytes}


@usecase("audit.export_remove", on="export")
def export_remove(*, actor: Actor, export: AuditExport) -> AuditExport:
    """Remove the file of an export or an archive before its time; the row stays. Raises Conflict without a file."""
    if export.blob is None:
        raise Conflict("This export has no file.", hint="It expired, or was never finished.")
    file_remove(export)
    return export


def exports_expire() -> int:
    """Remove the files of exports whose time is over; returns how many. A periodic duty."""
    count = 0
    for export in (
        AuditExport.objects.filter(expires_at__lte=utc_now()).exclude(blob=None).select_related("blob")
    ):
        with transaction.atomic(), audit_scope(system_actor("retention"), "audit.export_expire"):
            file_remove(export)
        count += 1
    return count


def file_remove(export: AuditExport) -> None:
    """Take the bytes of an export away, within an audit scope; its row stays."""
    blob, export.blob = export.blob, None
    export.save(update_fields=["blob"])
    if blob is not None:
        blob_remove(blob)


def _time_fixed(query: dict[str, str]) -> dict[str, str]:
    """The same filters with the time that they mean now: a job may begin later."""
    if "last" not in query:
        return query
    fixed = {name: value for name, value in query.items() if name != "last"}
    begin = (utc_now() - TIME_PRESETS[query["last"]][1]).isoformat()
    return {**fixed, "since": max(begin, query["since"]) if "since" in query else begin}
