"""The blob store: files by their SHA-256, streamed, each content stored once.

Bytes first, rows second: `blob_write` puts the bytes away outside any transaction (a crash leaves at most an
unnamed file), `blob_record` writes the row inside the use case that needs it. `blob_store` does both.
A folder is written as temporary file → fsync → rename; a bucket as one (multipart) upload, atomic by itself.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.db import transaction
from django.db.models import ProtectedError

from deployhub.kernel.errors import NotFound, StorageFull, Unavailable
from deployhub.kernel.units import MIB
from deployhub.registry.models import Blob

CHUNK_BYTES = MIB
_FULL = (errno.ENOSPC, errno.EDQUOT)
_INCOMING = ".incoming"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Bytes that lie in the blob store."""

    sha256: str
    size_bytes: int


class Readable(Protocol):
    """Anything that hands out its bytes in pieces."""

    def read(self, size: int = ..., /) -> bytes: ...


class _Backend(Protocol):
    def size(self, sha256: str) -> int | None: ...
    def put(self, path: Path, sha256: str, *, move: bool) -> None: ...
    def open(self, sha256: str, offset: int) -> BinaryIO: ...
    def remove(self, sha256: str) -> None: ...
    def incoming(self) -> Path: ...


def blob_key(sha256: str) -> str:
    """The place of a blob: two levels of folders, so that none holds more than a few thousand entries."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def incoming(self) -> Path:
        folder = self.root / _INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def size(self, sha256: str) -> int | None:
        try:
            return (self.root / blob_key(sha256)).stat().st_size
        except FileNotFoundError:
            return None

    def put(self, path: Path, sha256: str, *, move: bool) -> None:
        target = self.root / blob_key(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not move or path.stat().st_dev != target.parent.stat().st_dev:
            with path.open("rb") as source, _temporary(self.incoming()) as (copy, sink):
                _pour(source, sink, None)
                _sync(sink)
                copy.chmod(0o444)
                copy.rename(target)
        else:
            with path.open("rb") as source:
                os.fsync(source.fileno())
            path.chmod(0o444)
            path.rename(target)
        _sync_folder(target.parent)

    def open(self, sha256: str, offset: int) -> BinaryIO:
        file = (self.root / blob_key(sha256)).open("rb")
        file.seek(offset)
        return file

    def remove(self, sha256: str) -> None:
        (self.root / blob_key(sha256)).unlink(missing_ok=True)


class _Bucket:
    """An S3 bucket through django-storages; reads are streams that begin at the offset asked for."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage

    def incoming(self) -> Path:
        folder = Path(settings.DEPLOYHUB_UPLOAD_ROOT) / _INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _object(self, sha256: str) -> Any:
        prefix = str(self.storage.location or "").strip("/")
        return self.storage.bucket.Object(f"{prefix}/{blob_key(sha256)}".lstrip("/"))

    def size(self, sha256: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return int(self._object(sha256).content_length)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return None
            raise

    def put(self, path: Path, sha256: str, *, move: bool) -> None:
        self._object(sha256).upload_file(str(path))
        if move:
            path.unlink(missing_ok=True)

    def open(self, sha256: str, offset: int) -> BinaryIO:
        from botocore.exceptions import ClientError

        try:
            answer = self._object(sha256).get(**({"Range": f"bytes={offset}-"} if offset else {}))
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                raise FileNotFoundError(sha256) from error
            raise
        return cast(BinaryIO, answer["Body"])

    def remove(self, sha256: str) -> None:
        self._object(sha256).delete()


def incoming_sweep(*, older_than_s: float) -> int:
    """Remove what a killed process left half-written; returns how many files. A file in the making is younger."""
    removed = 0
    for path in _backend().incoming().iterdir():
        try:
            if time.time() - path.stat().st_mtime > older_than_s:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed


def _backend() -> _Backend:
    storage = storages["blobs"]
    if isinstance(storage, FileSystemStorage):
        return _Folder(Path(storage.location))
    return _Bucket(storage)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A fresh file that is gone when the block ends, unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            yield path, sink
    finally:
        path.unlink(missing_ok=True)


def _pour(source: Readable, sink: BinaryIO, digest: Any) -> int:
    size_bytes = 0
    while chunk := source.read(CHUNK_BYTES):
        if digest is not None:
            digest.update(chunk)
        sink.write(chunk)
        size_bytes += len(chunk)
    return size_bytes


def _sync(sink: BinaryIO) -> None:
    sink.flush()
    os.fsync(sink.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """A full disk, a missing file and a silent bucket, each in one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unavailable(
            "The file's bytes are missing from the storage.",
            hint="Ask an administrator to look at the storage on the system page.",
            code="blob_missing",
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                "The disk is full, so the file was not stored.",
                hint="Free space on the server, then try again.",
            ) from error
        raise
    except Exception as error:
        if type(error).__module__.startswith(("botocore", "boto3", "s3transfer")):
            raise Unavailable(
                "The object storage does not answer, so the file was not stored or read.",
                hint="Wait a moment and try again; an administrator can look at the system page.",
                code="storage_unavailable",
            ) from error
        raise


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blob_write(source: Path | Readable, *, move: bool = False) -> StoredFile:
    """Put bytes into the store; the same bytes twice are stored once.

    With `move` a source path is consumed (renamed where the file system allows). Nothing half-written is ever
    visible. Raises StorageFull, Unavailable.
    """
    backend = _backend()
    with storage_errors():
        if isinstance(source, Path):
            stored = StoredFile(file_sha256(source), source.stat().st_size)
            if backend.size(stored.sha256) == stored.size_bytes:
                if move:
                    source.unlink()
            else:
                backend.put(source, stored.sha256, move=move)
            return stored
        digest = hashlib.sha256()
        with _temporary(backend.incoming()) as (path, sink):
            size_bytes = _pour(source, sink, digest)
            sink.flush()
            stored = StoredFile(digest.hexdigest(), size_bytes)
            if backend.size(stored.sha256) != size_bytes:
                backend.put(path, stored.sha256, move=True)
        return stored


def blob_record(stored: StoredFile) -> Blob:
    """The row of stored bytes, within an audit scope; one row for one content."""
    blob, _ = Blob.objects.get_or_create(sha256=stored.sha256, defaults={"size_bytes": stored.size_bytes})
    return blob


def blob_remove(blob: Blob) -> bool:
    """Remove a blob, row and bytes, within an audit scope; False where something else still needs it.

    The bytes go once the removal is committed: what is rolled back has lost nothing.
    """
    sha256 = blob.sha256
    try:
        with transaction.atomic():
            blob.delete()
    except ProtectedError:
        return False

    def bytes_remove() -> None:
        if not Blob.objects.filter(sha256=sha256).exists():  # nobody stored the same content meanwhile
            _backend().remove(sha256)

    transaction.on_commit(bytes_remove, robust=True)
    return True


def blob_store(source: Path | Readable, *, move: bool = False) -> Blob:
    """Store bytes and return their row. For large files prefer `blob_write` before the transaction begins."""
    return blob_record(blob_write(source, move=move))


def blob_open(blob: Blob | StoredFile, offset: int = 0) -> BinaryIO:
    """The bytes of a blob from `offset` on, as a stream that the caller closes. Raises Unavailable."""
    with storage_errors():
        return _backend().open(blob.sha256, offset)


def blob_head(blob: Blob | StoredFile, size_bytes: int) -> bytes:
    """The first bytes of a blob."""
    with contextlib.closing(blob_open(blob)) as file:
        return file.read(size_bytes)


def blob_copy(blob: Blob | StoredFile, target: Path) -> None:
    """A copy of a blob at `target`: a job's input must not share its inode with the store."""
    with (
        storage_errors(),
        contextlib.closing(_backend().open(blob.sha256, 0)) as source,
        target.open("wb") as sink,
    ):
        _pour(source, sink, None)


def blob_by_sha256(sha256: str) -> Blob:
    blob = Blob.objects.filter(sha256=sha256).first()
    if blob is None:
        raise NotFound("There is no file with this digest.")
    return blob
