"""The same on SQLite, as `make run` has it."""

from __future__ import annotations

import pytest

from tests.processes.cluster import cluster_open, orphans_adopt, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]


def test_promise_22_23_on_sqlite_a_killed_worker_and_a_wiped_broker_cost_an_attempt_and_no_job():
    """kill -9 of the worker in mid-export with three jobs queued behind it, and the broker wiped: each ends once."""
    orphans_adopt()
    with cluster_open() as cluster:
        cluster.workers_only("north")
        hit = cluster.export(long=True)
        cluster.wait_phase(hit, "Exporting")
        queued = cluster.exports(3)
        cluster.worker_kill("north")
        cluster.valkey_kill(wipe=True)
        cluster.valkey_start()
        cluster.workers_only("north", "south")
        jobs = cluster.wait_all([hit, *queued])
        assert [(job["state"], job["attempt"]) for job in jobs] == [("succeeded", 2)] + [("succeeded", 1)] * 3
        for job_id in (hit, *queued):
            assert len(cluster.artifacts_of(job_id)) == 1
            assert cluster.events(job_id, "job.succeed") == 1
        wait_until(
            lambda: not list(cluster.work_root("north").glob("*-*")), "the folder is swept", within_s=60
        )
