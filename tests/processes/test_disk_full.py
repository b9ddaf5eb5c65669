"""The disk of the blob store, the uploads and the work folders is full (a small tmpfs)."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cluster import MODEL, Cluster, cluster_open, orphans_adopt
from tests.processes.test_web_death import PIECE, TUS, upload_begin

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]
DISK_MIB = 360
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dh-disk-"))
    folder.chmod(0o755)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        folder.rmdir()
        pytest.skip(f"a small disk needs the right to mount a tmpfs: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture(scope="module")
def small(disk: Path) -> Iterator[Cluster]:
    orphans_adopt()
    with cluster_open(
        STORAGE_URL=f"file://{disk / 'blobs'}", DEPLOYHUB_UPLOAD_ROOT=str(disk / "uploads"),
        CLUSTER_WORK=str(disk),
    ) as cluster:  # fmt: skip
        cluster.worker_start("north")
        cluster.version_make()
        yield cluster


def disk_fill(disk: Path, *, left_bytes: int) -> Path:
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - left_bytes))
    return ballast


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_on_a_full_disk_an_upload_is_refused_in_plain_words_and_goes_on_when_there_is_room(
    small: Cluster, disk: Path
):
    """507 as problem+json, the piece leaves no trace, reads still work, and the same upload ends later."""
    content = MODEL.read_bytes() + os.urandom(4 * MIB)
    path = upload_begin(small, len(content)).headers["Location"]
    blobs = files_of(disk / "blobs")
    ballast = disk_fill(disk, left_bytes=2 * MIB)
    try:
        refused = small.api.patch(path, content=content, headers=PIECE | {"Upload-Offset": "0"})
        assert refused.status_code == 507, refused.text
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert "disk is full" in refused.json()["detail"]
        assert refused.json()["hint"]
        assert small.api.head(path, headers=TUS).headers["Upload-Offset"] == "0"
        assert upload_begin(small, len(content)).status_code == 507, "said before the first byte is sent"
        assert files_of(disk / "blobs") == blobs
        for read in ("/api/v1/versions/", "/api/v1/jobs/", f"/api/v1/versions/{small.version}/"):
            assert small.api.get(read).status_code == 200
        fetched = small.api.get(f"/api/v1/versions/{small.version}/download/")
        assert hashlib.sha256(fetched.content).hexdigest() == hashlib.sha256(MODEL.read_bytes()).hexdigest()
        small.page("/jobs/")
    finally:
        ballast.unlink()
    assert small.api.patch(path, content=content, headers=PIECE | {"Upload-Offset": "0"}).status_code == 204
    assert small.api.get(path).json()["state"] == "complete"


@pytest.mark.parametrize(
    "left_mib", [1, 9], ids=["no room for the source", "room for the source and not for the export"]
)
def test_on_a_full_disk_an_export_fails_with_that_cause_and_succeeds_when_run_again(
    small: Cluster, disk: Path, left_mib: int
):
    """The job says that the disk is full, nothing half-made is kept, the worker lives, and a retry succeeds."""
    worker_pid = small.running["north"].pid
    blobs = files_of(disk / "blobs")
    ballast = disk_fill(disk, left_bytes=left_mib * MIB)
    try:
        job_id = small.export()
        job = small.wait(job_id, ("failed",), timeout=120)
        assert job["error_code"] == "storage_full", (job["error_detail"], job["log"])
        assert "disk is full" in job["error_detail"]
        assert "ree space" in job["error_hint"]
        assert small.artifacts_of(job_id) == []
        assert files_of(disk / "blobs") == blobs
        assert not list(small.work_root("north").glob("*-*"))
    finally:
        ballast.unlink()
    assert small.api.post(f"/api/v1/jobs/{job_id}/retry/").status_code < 300
    assert small.wait(job_id, ("succeeded",))
    assert small.running["north"].pid == worker_pid
    assert small.is_alive("north")
