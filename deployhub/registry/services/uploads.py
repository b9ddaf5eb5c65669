"""Uploads: begun, continued, complete, given up, swept away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from deployhub.access import policy
from deployhub.audit.scope import system_scope
from deployhub.kernel.actor import Actor, Door
from deployhub.kernel.clock import utc_now
from deployhub.kernel.errors import Conflict, DeployHubError, InvalidInput, TooLarge
from deployhub.kernel.ids import parse_id
from deployhub.kernel.units import size_text
from deployhub.registry.file_kind import file_name_check, upload_suffix_check
from deployhub.registry.models import Project, Upload
from deployhub.registry.storage import Readable, blob_record, blob_write, incoming_sweep
from deployhub.registry.upload_files import (
    upload_append,
    upload_file_make,
    upload_file_remove,
    upload_path,
    upload_room_check,
    upload_size,
)
from deployhub.registry.vocab import UPLOAD_LIFETIME_HOURS, UPLOAD_MAX_BYTES, UPLOADS_OPEN_MAX, UploadState
from deployhub.usecase import usecase


class UploadGone(DeployHubError):
    status = 410
    code = "upload_gone"
    title = "This upload was given up"


@usecase("upload.create", on="project")
def upload_create(*, actor: Actor, project: Project, file_name: str, size_bytes: int) -> Upload:
    """Begin an upload. Refuses at once what could never be accepted: an empty, too large or unknown kind of file."""
    file_name_check(file_name)
    upload_suffix_check(file_name)
    if size_bytes <= 0:
        raise InvalidInput(
            f"{file_name} is empty.",
            hint="Choose a file with content.",
            errors={"file": ["The file is empty."]},
        )
    if size_bytes > UPLOAD_MAX_BYTES:
        raise TooLarge(
            f"{file_name} has {size_text(size_bytes)}; the most that is accepted is {size_text(UPLOAD_MAX_BYTES)}.",
            hint="Save the model without optimiser state (strip_optimizer), which makes it much smaller.",
        )
    if actor.user_id is None:
        raise InvalidInput("An upload belongs to a person.")
    if Upload.objects.filter(user_id=actor.user_id, state=UploadState.OPEN).count() >= UPLOADS_OPEN_MAX:
        raise Conflict(
            f"You have {UPLOADS_OPEN_MAX} uploads under way.",
            hint="Finish some or give them up, then begin new ones.",
        )
    upload_room_check(size_bytes)
    upload = Upload.objects.create(
        project=project, user_id=actor.user_id, file_name=file_name, size_bytes=size_bytes
    )
    upload_file_make(upload.pk)
    return upload


def upload_continue(
    *, actor: Actor, upload: Upload, offset_bytes: int, source: Readable, checksum: str = ""
) -> Upload:
    """Append a piece. The last one completes the upload.

    A piece is high-volume progress and is not logged by itself; that the upload was begun, completed or given up is.
    """
    policy.require(actor, "upload.append", upload)
    _open_check(upload)
    if upload.state == UploadState.OPEN:
        try:
            size_bytes = upload_append(
                upload_id=upload.pk,
                offset_bytes=offset_bytes,
                total_bytes=upload.size_bytes,
                source=source,
                checksum=checksum,
            )
        except FileNotFoundError as error:
            raise _gone() from error
        _offset_write(upload, size_bytes)
    elif offset_bytes != upload.size_bytes:
        raise Conflict(
            "This upload is complete.", code="wrong_offset", extra={"offset_bytes": upload.size_bytes}
        )
    return upload_settle(actor=actor, upload=upload)


def upload_settle(*, actor: Actor, upload: Upload) -> Upload:
    """Bring the row up to what has arrived; complete the upload when all has.

    Called at every look, so an upload whose last request broke off after the last byte is completed too.
    """
    _open_check(upload)
    if upload.state != UploadState.OPEN:
        return upload
    size_bytes = upload_size(upload.pk)
    if size_bytes is None:
        raise _gone()
    if size_bytes != upload.offset_bytes:
        _offset_write(upload, size_bytes)
    if size_bytes == upload.size_bytes:
        return _upload_complete(actor=actor, upload=upload)
    return upload


def _upload_complete(*, actor: Actor, upload: Upload) -> Upload:
    # The bytes are stored before the row says so, and the part file goes last: each cut in between is mended by
    # the next look, which stores the same content again at no cost.
    stored = blob_write(upload_path(upload.pk))
    upload_finish(actor=actor, upload=upload, stored=stored)
    upload_file_remove(upload.pk)
    return upload


@usecase("upload.append", on="upload")
def upload_finish(*, actor: Actor, upload: Upload, stored: Any) -> Upload:
    """The last byte has arrived and lies in the blob store as `stored`."""
    blob = blob_record(stored)
    moved = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN).compare_and_set(
        state=UploadState.COMPLETE, blob=blob, offset_bytes=upload.size_bytes
    )
    upload.refresh_from_db()
    if not moved:
        raise Conflict("This upload was completed or given up by another request.", hint="Look at it again.")
    return upload


@usecase("upload.abandon", on="upload")
def upload_abandon(*, actor: Actor, upload: Upload) -> Upload:
    """Give an upload up and free its room."""
    moved = Upload.objects.filter(
        pk=upload.pk, state__in=[UploadState.OPEN, UploadState.COMPLETE]
    ).compare_and_set(state=UploadState.ABANDONED)
    upload.refresh_from_db()
    if not moved:
        _open_check(upload)
        raise Conflict(
            "This upload has become a version or dataset already.", hint="It cannot be given up any more."
        )
    transaction.on_commit(lambda: upload_file_remove(upload.pk))
    return upload


def upload_consume(*, actor: Actor, upload: Upload) -> None:
    """Within a use case: the upload becomes something, once. Raises Conflict when it is not whole or was used."""
    if upload.state == UploadState.OPEN:
        raise Conflict(
            f"{upload.file_name} has not arrived completely.",
            hint="Finish the upload, then try again.",
            code="upload_incomplete",
        )
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.COMPLETE).compare_and_set(
        state=UploadState.CONSUMED
    ):
        raise Conflict(
            f"{upload.file_name} was used or given up already.",
            hint="Upload the file again.",
            code="upload_used",
        )


def _offset_write(upload: Upload, size_bytes: int) -> None:
    Upload.objects.filter(pk=upload.pk).unaudited_update(offset_bytes=size_bytes, touched_at=utc_now())
    upload.offset_bytes = size_bytes


def _gone() -> UploadGone:
    return UploadGone("This upload was given up or has expired.", hint="Begin it again.")


def _open_check(upload: Upload) -> None:
    if upload.state == UploadState.ABANDONED:
        raise _gone()


def uploads_sweep() -> dict[str, int]:
    """Give up uploads that nobody touched for two days, and remove files that belong to none. Run by beat."""
    limit = utc_now() - timedelta(hours=UPLOAD_LIFETIME_HOURS)
    counts = {"abandoned": 0, "files_removed": 0}
    stale = Upload.objects.filter(state__in=[UploadState.OPEN, UploadState.COMPLETE], touched_at__lt=limit)
    for upload in stale[:500]:
        with system_scope("not continued for two days", action="upload.abandon", door=Door.WORKER):
            counts["abandoned"] += (
                Upload.objects.filter(pk=upload.pk, touched_at__lt=limit)
                .exclude(state=UploadState.CONSUMED)
                .compare_and_set(state=UploadState.ABANDONED)
            )
    root = Path(settings.DEPLOYHUB_UPLOAD_ROOT)
    for path in root.glob("*.part") if root.is_dir() else ():
        upload_id = parse_id(path.stem)
        if upload_id is None or not Upload.objects.filter(pk=upload_id, state=UploadState.OPEN).exists():
            # A row is written after its file is made: leave a file alone that is younger than any request.
            try:
                if utc_now().timestamp() - path.stat().st_mtime > 3600:
                    path.unlink()
                    counts["files_removed"] += 1
            except FileNotFoundError:
                continue
    counts["files_removed"] += incoming_sweep(older_than_s=UPLOAD_LIFETIME_HOURS * 3600)
    return counts
