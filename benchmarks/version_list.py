"""A list of 100 versions over REST with 1,000, 10,000 and 100,000 in the database, and MLflow's for comparison.

Both are real servers on this machine over SQLite, asked over one kept-open connection. MLflow lives in an
environment of its own (`var/benchmarks/mlflow`), made on the first run.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.stage import django_staged
from benchmarks.table import ROOT, Row, median, milliseconds, row_print
from tests.servers import port_free

SIZES = (1_000, 10_000, 100_000)
RUNS = 60
GROWTH_AIM = 1.3
MLFLOW_AIM = 5.0
MLFLOW_HOME = ROOT / "var" / "benchmarks" / "mlflow"


def _seed(size: int) -> str:
    """`size` versions of one model, written past the audit floor; returns a token's text."""
    from datetime import timedelta

    from django.db.models import QuerySet

    from deployhub.access.models import Membership
    from deployhub.accounts.models import ApiToken, User
    from deployhub.accounts.sealing import token_digest
    from deployhub.audit.scope import system_scope
    from deployhub.kernel.clock import utc_now
    from deployhub.registry.models import Blob, ModelVersion, Project, RegisteredModel

    text = f"dh_pat_{secrets.token_urlsafe(32)}"
    with system_scope("benchmark"):
        user = User.objects.create(username="bench")
        project = Project.objects.create(name="Bench", slug="bench")
        Membership.objects.create(user=user, project=project, role="engineer")
        model = RegisteredModel.objects.create(project=project, name="Model", slug="model")
        blob = Blob.objects.create(sha256="0" * 64, size_bytes=6_000_000)
        ApiToken.objects.create(
            user=user,
            label="bench",
            digest=token_digest(text),
            scopes=["read"],
            expires_at=utc_now() + timedelta(1),
        )
    rows = [
        ModelVersion(
            project=project, model=model, number=n + 1, blob=blob, file_name="best.pt", source_kind="pt",
            state="accepted", task="detect", architecture="YOLOv8", variant="n", parameters=3_011_043, gflops=8.1,
            image_size_px=640, class_names=["circle", "square", "triangle", "star"], created_by=user,
            inspection={"layers": [{"index": i, "type": "Conv", "parameters": 464} for i in range(23)]},
        )
        for n in range(size)
    ]  # fmt: skip
    QuerySet(ModelVersion).bulk_create(rows, batch_size=500)
    return text


@contextlib.contextmanager
def _served(command: list[str], url: str, environment: dict[str, str]) -> Iterator[None]:
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        ends = time.monotonic() + 120
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=2).status_code < 500:
                    break
            if server.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"{command[0]} did not start")
            time.sleep(0.3)
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()


def measure_ours(size: int) -> None:
    """Print the median of one size; a process of its own, since Django is set up once in a process."""
    os.environ["DEPLOYHUB_API_RATE"] = "1000000/min"
    with django_staged():
        token = _seed(size)
        port = port_free()
        base = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "deployhub.config.asgi:application",
            "--port",
            str(port),
            "--no-access-log",
        ]
        with (
            _served(command, f"{base}/healthz", dict(os.environ)),
            httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client,
        ):

            def ask() -> None:
                answer = client.get("/api/v1/versions/", params={"limit": 100})
                assert answer.status_code == 200, answer.text
                assert len(answer.json()["results"]) == 100

            print(f"MEDIAN {median(milliseconds(ask, runs=RUNS, warmup=10))}")


def _mlflow_python() -> Path:
    python = MLFLOW_HOME / "bin" / "python"
    if not (MLFLOW_HOME / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", MLFLOW_HOME], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "mlflow"], check=True, stderr=subprocess.DEVNULL
        )
        (MLFLOW_HOME / "ready").touch()
    return python


def _mlflow_fill(database: str, have: int, want: int) -> None:
    """Copy the first version until there are `want`: what a hundred thousand requests would have written."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(model_versions)")]
        # Each has a number and times of its own, as versions have that were made one after the other.
        own = {
            "version": "?1",
            "creation_time": "creation_time + ?1",
            "last_updated_time": "last_updated_time + ?1",
        }
        chosen = ", ".join(own.get(name, name) for name in columns)
        connection.executemany(
            f"INSERT INTO model_versions ({', '.join(columns)}) SELECT {chosen} FROM model_versions WHERE version = 1",
            ((number,) for number in range(have + 1, want + 1)),
        )


def measure_mlflow() -> dict[int, float]:
    """Median of `model-versions/search?max_results=100` in ms, by the number of versions of one model."""
    python = _mlflow_python()
    port = port_free()
    base = f"http://127.0.0.1:{port}/api/2.0/mlflow"
    found: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="deployhub-mlflow-") as folder:
        store = f"sqlite:///{folder}/mlflow.db"
        command = [
            str(python), "-m", "mlflow", "server", "--backend-store-uri", store, "--default-artifact-root",
            f"{folder}/artifacts", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        ]  # fmt: skip
        environment = {
            **os.environ,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "MLFLOW_TRACKING_URI": store,
        }
        with (
            _served(command, f"http://127.0.0.1:{port}/health", environment),
            httpx.Client(base_url=base, timeout=60) as client,
        ):
            client.post("/registered-models/create", json={"name": "model"}).raise_for_status()
            body = {"name": "model", "source": "s3://bucket/model"}
            client.post("/model-versions/create", json=body).raise_for_status()

            def ask() -> None:
                answer = client.get(
                    "/model-versions/search", params={"max_results": 100, "filter": "name = 'model'"}
                )
                answer.raise_for_status()
                assert len(answer.json()["model_versions"]) == 100

            have = 1
            for size in (SIZES[0], SIZES[-1]):
                _mlflow_fill(f"{folder}/mlflow.db", have, size)
                have = size
                found[size] = median(milliseconds(ask, runs=RUNS, warmup=10))
    return found


def main() -> None:
    if len(sys.argv) > 1:
        measure_ours(int(sys.argv[1]))
        return
    found: dict[int, float] = {}
    for size in SIZES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.version_list", str(size)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        found[size] = float(done.stdout.split("MEDIAN ")[1])
        print(f"{size:>7,} versions: {found[size]:.1f} ms", flush=True)
    small, large = found[SIZES[0]], found[SIZES[-1]]
    row_print(
        Row("List of 100 versions at 100,000", f"{large:.1f} ms", f"{small:.1f} ms at 1,000", large / small,
            f"at most {GROWTH_AIM}", large / small <= GROWTH_AIM)
    )  # fmt: skip
    for size, peer in measure_mlflow().items():
        row_print(
            Row(f"List of 100 of {size:,} versions, times faster than MLflow", f"{found[size]:.1f} ms",
                f"{peer:.1f} ms, MLflow", peer / found[size], f"at least {MLFLOW_AIM}", peer / found[size] >= MLFLOW_AIM)
        )  # fmt: skip


if __name__ == "__main__":
    main()
