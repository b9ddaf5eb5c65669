"""Workers and engines die; their jobs don't."""

from __future__ import annotations

import os
import signal
import time

import psutil
import psycopg
import pytest

from tests.processes.cluster import ENDED, Cluster, living, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]


def work_folders(cluster: Cluster, worker: str) -> list[str]:
    return [path.name for path in cluster.work_root(worker).glob("*-*")]


def test_promise_22_23_a_job_whose_worker_is_killed_is_run_again_by_itself_and_ends_once(cluster: Cluster):
    """kill -9 in mid-export: one artifact, one success event, no process and no work folder of the dead worker."""
    cluster.workers_only("north")
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    assert work_folders(cluster, "north")
    cluster.worker_kill("north")  # sees to it that no process of it survives
    assert work_folders(cluster, "north"), "kill -9 leaves the work folder: so there is something to sweep"
    assert cluster.job(job_id)["state"] == "running"
    cluster.worker_start("north")
    wait_until(
        lambda: cluster.job(job_id)["attempt"] == 2 and cluster.job(job_id)["state"] == "running",
        "the second attempt began", within_s=120, every_s=0.1,
    )  # fmt: skip
    assert "Retrying (2/3)" in cluster.page(f"/jobs/{job_id}/")
    job = cluster.wait(job_id, ("succeeded",))
    assert job["attempt"] == 2
    assert any("Retrying (2/3)" in line for line in job["log"])
    assert len(cluster.artifacts_of(job_id)) == 1
    assert cluster.events(job_id, "job.succeed") == 1
    wait_until(
        lambda: not work_folders(cluster, "north"), "both attempts' work folders are swept", within_s=60
    )


def test_a_job_whose_engine_is_killed_fails_with_a_cause_and_the_worker_lives_on(cluster: Cluster):
    """kill -9 of the confined process alone: the machine ran out of memory, most often."""
    cluster.workers_only("north")
    worker_pid = cluster.running["north"].pid
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    leaves = [process for process in cluster.engine_jobs("north") if not process.children()]
    assert leaves
    for process in leaves:
        process.kill()
    job = cluster.wait(job_id, ("failed",), timeout=60)
    assert job["error_code"] == "engine_crashed"
    assert job["error_detail"].startswith("The operating system ended the job")
    assert job["error_hint"]
    assert cluster.artifacts_of(job_id) == []
    assert cluster.wait(cluster.export(), ("succeeded",))["attempt"] == 1
    assert cluster.running["north"].pid == worker_pid
    assert cluster.is_alive("north")


def test_a_killed_engine_server_is_replaced_and_its_job_gets_a_cause(cluster: Cluster):
    """kill -9 of the warm server with all it forked: the next job starts a new one in the same worker."""
    cluster.workers_only("north")
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    server = cluster.engine_server("north")
    assert server is not None
    family = [server, *server.children(recursive=True)]
    for process in family:
        process.kill()
    job = cluster.wait(job_id, ENDED, timeout=200)
    assert job["state"] == "succeeded" or job["error_detail"], job
    assert cluster.wait(cluster.export(), ("succeeded",))
    assert not living(family)
    assert cluster.is_alive("north")


def test_promise_24_a_job_that_kills_its_worker_is_given_up_after_three_attempts(cluster: Cluster):
    """Poison: whoever works on it dies, three times. Its neighbours end at their first attempt."""
    cluster.workers_only("north", "south")
    poison = cluster.export(long=True)
    deaths = 0
    neighbours: list[str] = []
    ends = time.monotonic() + 400
    while (job := cluster.job(poison))["state"] not in ENDED:
        assert time.monotonic() < ends, job
        if job["state"] == "running" and job["attempt"] == deaths + 1 and job["phases"]:
            victim = job["worker_name"]
            cluster.worker_kill(victim)
            deaths += 1
            neighbours += cluster.exports(2)
            cluster.worker_start(victim)
        time.sleep(0.2)
    assert (job["state"], job["error_code"], deaths) == ("failed", "worker_lost", 3)
    assert "3 times" in job["error_detail"]
    assert job["error_hint"]
    assert cluster.artifacts_of(poison) == []
    for neighbour in cluster.wait_all(neighbours):
        assert (neighbour["state"], neighbour["attempt"]) == ("succeeded", 1)


def test_promise_23_a_worker_killed_between_the_stored_files_and_the_commit_leaves_no_double(
    cluster: Cluster,
):
    """The files lie in the blob store, the transaction that names them never ends; the next attempt finds the same."""
    cluster.workers_only("north")
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    assert cluster.postgres is not None
    with psycopg.connect(cluster.postgres.url) as connection:
        # Whoever wants to move the job waits for us (phases can still be written): the worker stores its files and
        # stands before the commit.
        connection.execute("SELECT 1 FROM jobs_job WHERE id = %s FOR NO KEY UPDATE", [job_id])
        cluster.wait_phase(job_id, "Storing the files", state="done")
        wait_until(
            lambda: connection.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
            ).fetchone()[0],
            "the worker waits for the row", within_s=30,
        )  # fmt: skip
        cluster.worker_kill("north")
    assert cluster.artifacts_of(job_id) == []
    cluster.worker_start("north")
    job = cluster.wait(job_id, ("succeeded",))
    assert job["attempt"] == 2
    assert len(cluster.artifacts_of(job_id)) == 1
    assert cluster.events(job_id, "job.succeed") == 1


def test_promise_22_a_worker_that_stands_still_loses_its_job_and_cannot_end_it_later(cluster: Cluster):
    """SIGSTOP: the lease runs out, another worker ends the job; the first one wakes up and writes nothing."""
    cluster.workers_only("north")
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    frozen = cluster.running["north"].pid
    os.kill(frozen, signal.SIGSTOP)
    try:
        cluster.worker_start("south")
        job = cluster.wait(job_id, ("succeeded",))
        assert (job["worker_name"], job["attempt"]) == ("south", 2)
    finally:
        os.kill(frozen, signal.SIGCONT)
    wait_until(lambda: not work_folders(cluster, "north"), "the first worker let go of the job", within_s=60)
    assert not cluster.engine_jobs("north")
    assert psutil.pid_exists(frozen)
    assert cluster.job(job_id)["worker_name"] == "south"
    assert len(cluster.artifacts_of(job_id)) == 1
    assert cluster.events(job_id, "job.succeed") == 1
