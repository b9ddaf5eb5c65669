"""The web server dies in the middle of an upload, or loses its audit log."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import time
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.processes.cluster import MODEL, Cluster

pytestmark = pytest.mark.processes
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}
MIB = 1024 * 1024


def upload_begin(cluster: Cluster, size_bytes: int) -> Any:
    words = ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}"
        for key, value in {"filename": "shapes.pt", "project": "shapes"}.items()
    )
    return cluster.api.post(
        "/api/v1/uploads/", headers=TUS | {"Upload-Length": str(size_bytes), "Upload-Metadata": words}
    )


def piece_begin(cluster: Cluster, path: str, offset: int, whole: bytes, sent: int) -> socket.socket:
    """Announce a piece, send its first bytes, and keep the connection open."""
    connection = socket.create_connection(("127.0.0.1", cluster.port), timeout=30)
    head = {
        "Host": f"127.0.0.1:{cluster.port}", "Authorization": cluster.api.headers["Authorization"],
        "Content-Length": str(len(whole)), "Upload-Offset": str(offset),
    } | PIECE  # fmt: skip
    lines = [f"PATCH {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    connection.sendall("\r\n".join(lines).encode() + whole[:sent])
    return connection


def test_an_upload_goes_on_where_it_was_when_the_web_server_was_killed(cluster: Cluster):
    """kill -9 in mid-piece: nothing half-arrived counts as a file, the rest is sent, and the digest is right."""
    content = MODEL.read_bytes()
    content += hashlib.sha256(uuid4().bytes).digest() * MIB  # 38 MiB that nobody stored before
    begun = upload_begin(cluster, len(content))
    assert begun.status_code == 201, begun.text
    path = begun.headers["Location"]
    assert (
        cluster.api.patch(
            path, content=content[: 4 * MIB], headers=PIECE | {"Upload-Offset": "0"}
        ).status_code
        == 204
    )
    with piece_begin(cluster, path, 4 * MIB, content[4 * MIB :], 16 * MIB):
        time.sleep(0.5)  # let some of it be read
        cluster.web_kill()
    cluster.web_start()
    seen = cluster.api.get(path).json()
    assert seen["state"] == "open"
    refused = cluster.api.post("/api/v1/versions/", json={"upload": seen["id"], "model_name": "Half"})
    assert refused.status_code == 409, refused.text
    offset = int(cluster.api.head(path, headers=TUS).headers["Upload-Offset"])
    assert 4 * MIB <= offset <= 20 * MIB
    rest = cluster.api.patch(path, content=content[offset:], headers=PIECE | {"Upload-Offset": str(offset)})
    assert rest.status_code == 204, rest.text
    done = cluster.api.get(path).json()
    assert done["state"] == "complete"
    stored = cluster.ask(
        "import hashlib\nfrom deployhub.registry.models import Upload\nfrom deployhub.registry.storage import blob_open\n"
        f"blob = Upload.objects.get(pk={seen['id']!r}).blob\n"
        "answer = [blob.sha256, hashlib.sha256(blob_open(blob).read()).hexdigest()]"
    )
    assert stored == [hashlib.sha256(content).hexdigest()] * 2
    assert not list((cluster.folder / "home" / "uploads").glob("*.part"))


def rows_digest(cluster: Cluster) -> dict[str, str]:
    """What every table holds; sessions and the marks of a token's use are no changes to anybody's data."""
    assert cluster.postgres is not None
    with psycopg.connect(cluster.postgres.url) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename ~ "
                "'^(registry|conversion|access|jobs)_' AND tablename !~ 'workernode|beatmark'"
            )
        ]
        return {
            table: str(
                connection.execute(
                    f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{table}\" t".encode()
                ).fetchone()
            )
            for table in tables
        }


@pytest.mark.engine
@pytest.mark.slow
def test_promise_07_08_without_its_audit_log_a_live_server_changes_nothing_and_hands_out_nothing(
    cluster: Cluster,
):
    """The audit table is renamed under the running server: every mutating call is 503 and no row has changed."""
    cluster.workers_only("north")
    version = cluster.version_make()
    export_job = cluster.export()
    cluster.wait(export_job, ("succeeded",))
    artifact = cluster.artifacts_of(export_job)[0]
    cluster.workers_only()
    queued = cluster.export()
    project = cluster.api.get("/api/v1/projects/").json()["results"][0]["id"]
    model = cluster.api.get(f"/api/v1/versions/{version}/").json()["model"]
    model = model["id"] if isinstance(model, dict) else model
    content = MODEL.read_bytes()
    upload = upload_begin(cluster, len(content)).headers["Location"]
    assert (
        cluster.api.patch(upload, content=content, headers=PIECE | {"Upload-Offset": "0"}).status_code == 204
    )
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/api/v1/versions/", {"upload": upload.rstrip("/").rsplit("/", 1)[-1], "model_name": "New"}),
        ("PATCH", f"/api/v1/projects/{project}/", {"name": "Renamed"}),
        ("PATCH", f"/api/v1/models/{model}/", {"name": "Renamed"}),
        ("PATCH", f"/api/v1/versions/{version}/", {"notes": "Changed"}),
        (
            "POST",
            "/api/v1/exports/",
            {"version": version, "format": "onnx", "options": {"image_size_px": 1024}},
        ),
        ("POST", f"/api/v1/jobs/{queued}/cancel/", {}),
        ("DELETE", upload, None),
        ("GET", f"/api/v1/versions/{version}/download/", None),
        ("GET", f"/api/v1/artifacts/{artifact}/download/", None),
    ]
    assert cluster.postgres is not None
    with psycopg.connect(cluster.postgres.url, autocommit=True) as connection:
        before = rows_digest(cluster)
        connection.execute("ALTER TABLE audit_auditevent RENAME TO audit_elsewhere")
        try:
            answers = {
                f"{method} {path}": cluster.api.request(
                    method, path, **({} if body is None else {"json": body})
                )
                for method, path, body in calls
            }
            answers["POST upload"] = upload_begin(cluster, 1000)
            after = rows_digest(cluster)
        finally:
            connection.execute("ALTER TABLE audit_elsewhere RENAME TO audit_auditevent")
    wrong = {
        call: (answer.status_code, answer.text[:200])
        for call, answer in answers.items()
        if answer.status_code != 503
    }
    assert not wrong
    for answer in answers.values():
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.content) < 2000, "a sentence, and no byte of a model"
        json.loads(answer.content)
    assert after == before
    assert cluster.api.post(f"/api/v1/jobs/{queued}/cancel/").status_code < 300, (
        "with the log back, all works again"
    )
