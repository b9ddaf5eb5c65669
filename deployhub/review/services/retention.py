"""How long the log is kept: rules, holds, and the duty that removes what is past its time."""

from __future__ import annotations

import gzip
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from deployhub.audit.models import AuditEvent
from deployhub.audit.services.erasure import events_prune
from deployhub.kernel.actor import Actor, system_actor
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, InvalidInput
from deployhub.registry.storage import StoredFile, blob_record, blob_write
from deployhub.review.models import AuditExport, LegalHold, RetentionRule
from deployhub.review.selectors.retention import events_due
from deployhub.review.vocab import (
    NEVER_PRUNED,
    PRUNE_BATCH,
    PRUNE_BATCHES,
    RETENTION_DAYS,
    SHORTEST_RETENTION_DAYS,
    ActionGroup,
    ExportForm,
    ExportKind,
)
from deployhub.review.writers import WRITERS
from deployhub.usecase import usecase


@usecase("retention.update")
def retention_update(*, actor: Actor, group: str, keep_days: int | None, reason: str) -> RetentionRule:
    """Say for how many days the events of a group are kept; None for ever. Raises InvalidInput."""
    if group not in RETENTION_DAYS or group in NEVER_PRUNED:
        raise InvalidInput(
            "The time of this group cannot be changed.", errors={"group": ["Choose another group."]}
        )
    if keep_days is not None and not SHORTEST_RETENTION_DAYS <= keep_days <= 36_500:
        raise InvalidInput(
            "The time is not valid.",
            errors={"keep_days": [f"From {SHORTEST_RETENTION_DAYS} to 36,500 days, or empty for ever."]},
        )
    rule = RetentionRule.objects.filter(group=group).first() or RetentionRule(
        group=group, keep_days=RETENTION_DAYS[group]
    )
    if not rule._state.adding and rule.keep_days == keep_days:
        raise Conflict("This is the time already.")
    rule.keep_days = keep_days
    rule.save()
    return rule


@usecase("hold.place")
def hold_place(
    *,
    actor: Actor,
    reason: str,
    person_id: UUID | None = None,
    project_id: UUID | None = None,
    object_type: str = "",
    object_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> LegalHold:
    """Hold the events that fit every criterion given, until the hold is released. Raises InvalidInput without any."""
    if not reason.strip():
        raise InvalidInput("A hold needs a reason.", errors={"reason": ["Say what it is for."]})
    hold = LegalHold(
        reason=reason.strip()[:500],
        placed_by_id=actor.user_id,
        person_id=person_id,
        project_id=project_id,
        object_type=object_type,
        object_id=object_id,
        since=since,
        until=until,
    )
    if not hold.criteria:
        raise InvalidInput(
            "The hold holds nothing.",
            hint="Name a person, a project, an object or a time.",
            errors={"non_field_errors": ["Name a person, a project, an object or a time."]},
        )
    if since and until and until <= since:
        raise InvalidInput("The time ends before it begins.", errors={"until": ["Give a later time."]})
    hold.save()
    return hold


@usecase("hold.release", on="hold")
def hold_release(*, actor: Actor, hold: LegalHold, reason: str) -> LegalHold:
    """Let the events of a hold go their way again. Raises Conflict for one that was released, InvalidInput."""
    if not reason.strip():
        raise InvalidInput("A release needs a reason.", errors={"reason": ["Say why it may end."]})
    if not hold.is_active:
        raise Conflict("This hold is released already.")
    hold.released_at, hold.released_by_id, hold.release_reason = (
        utc_now(),
        actor.user_id,
        reason.strip()[:500],
    )
    hold.save()
    return hold


@usecase("retention.prune")
def _batch_prune(*, actor: Actor, group: str, ids: list[int], archive: StoredFile, file_name: str) -> int:
    """Remove one batch, whose archive lies in the store: rows of both are committed together."""
    AuditExport.objects.create(
        kind=ExportKind.ARCHIVE,
        form=ExportForm.JSON_LINES,
        compressed=True,
        query={"group": group},
        reason=f"Past the time that “{ActionGroup(group).label}” are kept",
        last_event_id=max(ids),
        file_name=file_name,
        event_count=len(ids),
        size_bytes=archive.size_bytes,
        sha256=archive.sha256,
        blob=blob_record(archive),
    )
    count = events_prune(AuditEvent.objects.filter(pk__in=ids))
    if count != len(ids):
        raise Conflict("The log changed while a batch of it was removed.", hint="The next run tries again.")
    return count


def retention_run() -> dict[str, int]:
    """Remove what is sealed and past its time, each batch after an archive of it was stored. A periodic duty."""
    counts: dict[str, int] = {}
    me = system_actor("retention")
    for group in RETENTION_DAYS:
        for _ in range(PRUNE_BATCHES):
            ids = list(events_due(group).values_list("pk", flat=True)[:PRUNE_BATCH])
            if not ids:
                break
            archive, name = _archive_write(ids)
            counts[group] = counts.get(group, 0) + _batch_prune(
                actor=me, group=group, ids=ids, archive=archive, file_name=name
            )
    return counts


def _archive_write(ids: list[int]) -> tuple[StoredFile, str]:
    writer = WRITERS[ExportForm.JSON_LINES]
    events: Any = AuditEvent.objects.filter(pk__in=ids).order_by("at", "id")
    with tempfile.TemporaryDirectory(prefix="deployhub-archive-") as folder:
        path = Path(folder) / "archive"
        with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as sink:
            for event in events.iterator(chunk_size=2_000):
                sink.write(writer.line(event).encode("utf-8", "backslashreplace"))
        return blob_write(path, move=True), f"audit-archive-{utc_now():%Y%m%d-%H%M%S}{writer.suffix}.gz"
