"""The bytes of uploads on their way in. The file's size is the truth about how much has arrived.

A web process that dies in the middle of a piece leaves what it had written; the row's offset is only a copy that is
brought up to date at the next look.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

from deployhub.kernel.errors import Conflict, DeployHubError, InvalidInput, StorageFull, TooLarge
from deployhub.kernel.units import size_text
from deployhub.registry.storage import CHUNK_BYTES, Readable, storage_errors
from deployhub.registry.vocab import DISK_RESERVE_BYTES


class UploadLocked(DeployHubError):
    status = 423
    code = "upload_locked"
    title = "This upload is being written to"


class ChecksumMismatch(DeployHubError):
    status = 460  # tus 1.0, checksum extension
    code = "checksum_mismatch"
    title = "The piece arrived damaged"


def upload_path(upload_id: UUID) -> Path:
    return Path(settings.DEPLOYHUB_UPLOAD_ROOT) / f"{upload_id}.part"


def upload_room_check(size_bytes: int) -> None:
    """Refuse at the start what would fill the disk at the end. Raises StorageFull."""
    root = Path(settings.DEPLOYHUB_UPLOAD_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if free < size_bytes + DISK_RESERVE_BYTES:
        raise StorageFull(
            f"The server has {size_text(free)} left, which is too little for this file of {size_text(size_bytes)}.",
            hint="Ask an administrator to free space, then try again.",
        )


def upload_file_make(upload_id: UUID) -> None:
    path = upload_path(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with storage_errors():
        path.touch(mode=0o600)


def upload_size(upload_id: UUID) -> int | None:
    """Bytes that have arrived; None when the file is gone."""
    try:
        return upload_path(upload_id).stat().st_size
    except FileNotFoundError:
        return None


def upload_file_remove(upload_id: UUID) -> None:
    upload_path(upload_id).unlink(missing_ok=True)


@contextlib.contextmanager
def upload_lock(upload_id: UUID) -> Iterator[int]:
    """One writer at a time. Yields the open file's descriptor. Raises UploadLocked, FileNotFoundError."""
    handle = os.open(upload_path(upload_id), os.O_RDWR)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise UploadLocked(
                    "Another request is writing to this upload.",
                    hint="Wait for it to end, then ask for the offset.",
                ) from error
            raise
        yield handle
    finally:
        os.close(handle)


def upload_append(
    *, upload_id: UUID, offset_bytes: int, total_bytes: int, source: Readable, checksum: str = ""
) -> int:
    """Append a piece at `offset_bytes` and return the new size, which has reached the disk.

    checksum: `sha256 <base64>` of this piece, or empty. Raises Conflict for a wrong offset, TooLarge for bytes
    beyond the announced length, ChecksumMismatch, StorageFull; in the last three the piece leaves no trace.
    """
    wanted = _checksum_parse(checksum)
    with upload_lock(upload_id) as handle:
        before = os.fstat(handle).st_size
        if before != offset_bytes:
            raise Conflict(
                f"The upload stands at byte {before}, not at {offset_bytes}.",
                hint="Ask for the offset (HEAD) and go on from there.",
                code="wrong_offset",
                extra={"offset_bytes": before},
            )
        digest = hashlib.sha256() if wanted else None
        position = before
        try:
            with storage_errors():
                os.lseek(handle, before, os.SEEK_SET)
                while chunk := source.read(CHUNK_BYTES):
                    if position + len(chunk) > total_bytes:
                        raise TooLarge(
                            "More bytes were sent than the upload announced.",
                            hint="Begin the upload again.",
                        )
                    _write_all(handle, chunk)
                    position += len(chunk)
                    if digest is not None:
                        digest.update(chunk)
                os.fsync(handle)
            if digest is not None and digest.digest() != wanted:
                raise ChecksumMismatch("The piece does not match its checksum.", hint="Send it again.")
        except DeployHubError:
            os.ftruncate(handle, before)
            raise
        return position


def _write_all(handle: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _checksum_parse(text: str) -> bytes | None:
    if not text:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm != "sha256":
        raise InvalidInput(
            "The only checksum algorithm is sha256.", errors={"Upload-Checksum": ["Use sha256."]}
        )
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise InvalidInput(
            "The checksum is not base64.", errors={"Upload-Checksum": ["Not base64."]}
        ) from error
