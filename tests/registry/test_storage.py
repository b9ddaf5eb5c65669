"""The blob store: the same bytes once, nothing half-written, a full disk said plainly, a bucket as good as a folder."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest

from deployhub.audit.scope import UnauditedWrite, system_scope
from deployhub.kernel.errors import StorageFull, Unavailable
from deployhub.registry import storage
from deployhub.registry.storage import StoredFile, blob_copy, blob_open, blob_store, blob_write

CONTENT = os.urandom(3 * 1024 * 1024 + 7)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def test_the_same_bytes_are_stored_once_whatever_way_they_come(blobs, tmp_path):
    source = tmp_path / "best.pt"
    source.write_bytes(CONTENT)
    assert blob_write(source) == blob_write(io.BytesIO(CONTENT)) == StoredFile(DIGEST, len(CONTENT))
    assert [path.name for path in files_below(blobs)] == [DIGEST]
    assert source.exists()


def test_a_moved_file_is_consumed(blobs, tmp_path):
    for _ in range(2):
        source = tmp_path / "best.pt"
        source.write_bytes(CONTENT)
        blob_write(source, move=True)
        assert not source.exists()
    assert [path.read_bytes() for path in files_below(blobs)] == [CONTENT]


def test_a_blob_can_be_read_from_any_offset(blobs):
    stored = blob_write(io.BytesIO(CONTENT))
    with blob_open(stored, 1_000_000) as file:
        assert file.read() == CONTENT[1_000_000:]


def test_a_copy_for_a_job_does_not_share_its_inode_with_the_store(blobs, tmp_path):
    stored = blob_write(io.BytesIO(CONTENT))
    blob_copy(stored, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_ino != files_below(blobs)[0].stat().st_ino
    assert files_below(blobs)[0].stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("as_path", [True, False])
def test_a_full_disk_leaves_nothing_half_written(blobs, tmp_path, monkeypatch, as_path):
    source = tmp_path / "best.pt"
    source.write_bytes(CONTENT)
    plain, written = storage._pour, []

    def pour(file: Any, sink: Any, digest: Any) -> int:
        written.append(sink.write(file.read(1_000_000)))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "_pour", pour)
    with pytest.raises(StorageFull):
        blob_write(source if as_path else io.BytesIO(CONTENT))
    assert written
    assert files_below(blobs) == []
    monkeypatch.setattr(storage, "_pour", plain)
    assert blob_write(source).sha256 == DIGEST


def test_missing_bytes_are_said_plainly(blobs):
    with pytest.raises(Unavailable, match="missing"):
        blob_open(StoredFile("0" * 64, 1))


@pytest.mark.django_db
def test_a_blob_row_is_written_only_within_an_audit_scope(blobs):
    with pytest.raises(UnauditedWrite):
        blob_store(io.BytesIO(CONTENT))
    with system_scope("test"):
        assert blob_store(io.BytesIO(CONTENT)).pk == blob_store(io.BytesIO(CONTENT)).pk


def test_a_large_stream_is_never_wholly_in_memory(blobs):
    import tracemalloc

    class Zeros:
        left = 200 * 1024 * 1024

        def read(self, size: int = -1, /) -> bytes:
            piece = b"\0" * min(size, self.left)
            self.left -= len(piece)
            return piece

    tracemalloc.start()
    try:
        assert blob_write(Zeros()).size_bytes == 200 * 1024 * 1024
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bucket at a stand-in for S3, named as STORAGE_URL names it."""
    from moto.server import ThreadedMotoServer

    from deployhub.config.environment import blob_storage

    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("STORAGE_URL", f"s3://models/prod?endpoint=http://{host}:{port}&region=us-east-1")
        settings.STORAGES = {**settings.STORAGES, "blobs": blob_storage(Path("/nowhere"))}
        import boto3

        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="models")
        yield client
    finally:
        server.stop()


def test_a_bucket_stores_reads_and_names_blobs_like_a_folder(bucket, tmp_path):
    source = tmp_path / "best.pt"
    source.write_bytes(CONTENT)
    assert blob_write(source) == blob_write(io.BytesIO(CONTENT)) == StoredFile(DIGEST, len(CONTENT))
    keys = [entry["Key"] for entry in bucket.list_objects_v2(Bucket="models")["Contents"]]
    assert keys == [f"prod/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}"]
    file = blob_open(StoredFile(DIGEST, len(CONTENT)), 2_000_000)
    assert file.read() == CONTENT[2_000_000:]
    blob_copy(StoredFile(DIGEST, len(CONTENT)), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT
    with pytest.raises(Unavailable):
        blob_open(StoredFile("0" * 64, 1))


def test_what_a_killed_process_left_half_written_is_swept_and_what_is_being_written_is_not(settings):
    import os
    import time

    from deployhub.registry.storage import incoming_sweep

    incoming = Path(settings.STORAGES["blobs"]["OPTIONS"]["location"]) / ".incoming"
    incoming.mkdir(parents=True)
    old, young = incoming / "old", incoming / "young"
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - 7_200
    os.utime(old, (long_ago, long_ago))
    assert incoming_sweep(older_than_s=3_600) == 1
    assert [path.name for path in incoming.iterdir()] == ["young"]
