"""What a worker does for an export of the log: events in, one file out, in constant memory."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from django.db.models import QuerySet

from deployhub.access import policy
from deployhub.audit.models import AuditEvent
from deployhub.jobs.context import JobContext
from deployhub.jobs.kinds import Finished, handles
from deployhub.registry.storage import blob_write
from deployhub.review.filters import events_fitting
from deployhub.review.models import AuditExport
from deployhub.review.services.exports import export_finish
from deployhub.review.vocab import EXPORT_JOB
from deployhub.review.writers import WRITERS

CHUNK_EVENTS = 2_000
ASK_EVERY = 500
"""So many events pass between two questions whether to stop."""


@handles(EXPORT_JOB, steps=("Counting the events", "Writing the events", "Storing the file"))
def audit_export_run(context: JobContext) -> Finished:
    """Write the file of an export. Idempotent: a file that was stored before a crash is stored again as itself."""
    export = AuditExport.objects.get(pk=context.spec["export_id"])
    # Who lost the right meanwhile gets no file.
    policy.require(context.actor, "audit.view")
    everything = AuditEvent.objects.filter(pk__lte=export.last_event_id).order_by("at", "id")
    events = events_fitting(export.query, everything)
    with context.phase("Counting the events", total=1, unit="count") as phase:
        total = events.count()
        phase.advance(1)
    writer = WRITERS[export.form]
    name = f"audit-{export.created_at:%Y%m%d-%H%M%S}{writer.suffix}{'.gz' if export.compressed else ''}"
    path = context.workdir_make() / "out" / name
    with context.phase("Writing the events", total=total, unit="events") as phase:
        count = 0
        with _opened(path, compressed=export.compressed) as sink:
            sink.write(writer.head)
            for event in _streamed(events):
                sink.write(writer.line(event))
                count += 1
                if count % ASK_EVERY == 0:
                    context.stop_check()
                    phase.advance(count)
    with context.phase("Storing the file", total=1, unit="file") as phase:
        stored = blob_write(path, move=True)
        phase.advance(1)
    return Finished(
        commit=partial(export_finish, export=export, stored=stored, file_name=name, event_count=count)
    )


def _streamed(events: QuerySet[AuditEvent]) -> Any:
    return events.iterator(chunk_size=CHUNK_EVENTS)


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[IO[str]]:
    """A text file; a compressed one holds neither its name nor the time, so equal events make equal bytes."""
    with path.open("wb") as file, ExitStack() as opened:
        sink: Any = (
            opened.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if compressed else file
        )
        yield opened.enter_context(
            io.TextIOWrapper(sink, encoding="utf-8", errors="backslashreplace", newline="")
        )
