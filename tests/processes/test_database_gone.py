"""The database goes away for half a minute, and comes back."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.processes.cluster import Cluster, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]
GONE_S = 30


def test_promise_22_23_the_web_says_wait_and_the_worker_computes_on_while_the_database_is_away(
    cluster: Cluster,
):
    """PostgreSQL is stopped for 30 s in mid-export: 503 with Retry-After meanwhile; the job ends once."""
    cluster.workers_only("north")
    worker_pid = cluster.running["north"].pid
    web_pid = cluster.running["web"].pid
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    assert cluster.postgres is not None
    gone_at = time.monotonic()
    cluster.postgres.stop()
    asked = 0
    while time.monotonic() - gone_at < GONE_S:
        for client, path in ((cluster.api, f"/api/v1/jobs/{job_id}/"), (cluster.browser, "/jobs/")):
            answer = client.get(path)
            assert answer.status_code == 503, f"{path}: {answer.status_code} {answer.text[:300]}"
            assert int(answer.headers["Retry-After"]) > 0
            asked += 1
        assert (
            cluster.api.get(f"/api/v1/jobs/{job_id}/").headers["Content-Type"] == "application/problem+json"
        )
        assert httpx.get(f"{cluster.address}/healthz", timeout=60).status_code == 200, (
            "the process itself is well"
        )
        assert httpx.get(f"{cluster.address}/readyz", timeout=60).status_code == 503
    assert asked >= 2
    cluster.postgres.start()
    wait_until(
        lambda: cluster.api.get(f"/api/v1/jobs/{job_id}/").status_code == 200,
        "the web serves again",
        within_s=60,
    )
    wait_until(lambda: desk_answers(cluster), "the desk has a connection again", within_s=60)
    job = cluster.wait(job_id, ("succeeded",))
    assert job["attempt"] <= 2
    assert len(cluster.artifacts_of(job_id)) == 1
    assert cluster.events(job_id, "job.succeed") == 1
    assert cluster.running["north"].pid == worker_pid
    assert cluster.running["web"].pid == web_pid
    assert cluster.is_alive("north")
    assert cluster.wait(cluster.export(), ("succeeded",))["attempt"] == 1


def desk_answers(cluster: Cluster) -> bool:
    return bool(
        cluster.ask(
            "from django.db import connection\n"
            "try:\n    connection.ensure_connection(); connection.cursor().execute('SELECT 1'); answer = True\n"
            "except Exception:\n    connection.close(); answer = False"
        )
    )
