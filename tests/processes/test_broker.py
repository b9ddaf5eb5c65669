"""The broker carries wake-ups and nothing else: killed, wiped, restarted or doubled, it costs time only."""

from __future__ import annotations

import pytest

from tests.processes.cluster import Cluster, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]


def test_promise_22_a_wiped_broker_loses_none_of_twenty_queued_jobs(cluster: Cluster):
    """Valkey is killed with the queue in it, and its file with it; all twenty end, each once."""
    cluster.workers_only("north")
    cluster.version_make()
    cluster.workers_only()
    job_ids = cluster.exports(20)
    assert {cluster.job(job_id)["state"] for job_id in job_ids} == {"queued"}
    cluster.valkey_kill(wipe=True)
    assert cluster.api.get(f"/api/v1/jobs/{job_ids[0]}/").json()["state"] == "queued"
    cluster.valkey_start()
    cluster.workers_only("north", "south")
    for job_id, job in zip(job_ids, cluster.wait_all(job_ids), strict=True):
        assert (job["state"], job["attempt"]) == ("succeeded", 1), job
        assert len(cluster.artifacts_of(job_id)) == 1
        assert cluster.events(job_id, "job.succeed") == 1


def test_promise_22_a_job_that_is_asked_for_while_the_broker_is_away_is_done_when_it_is_back(
    cluster: Cluster,
):
    """Asking succeeds without a broker: the row is the job, the wake-up follows later."""
    cluster.workers_only("north")
    cluster.version_make()
    cluster.valkey_kill(wipe=True)
    job_id = cluster.export()
    assert cluster.job(job_id)["state"] == "queued"
    cluster.valkey_start()
    assert cluster.wait(job_id, ("succeeded",), timeout=180)["attempt"] == 1


@pytest.mark.parametrize("wipe", [False, True], ids=["file kept", "wiped"])
def test_a_worker_hears_again_after_the_broker_was_restarted_under_it(cluster: Cluster, wipe: bool):
    """An idle worker whose broker died must not turn deaf (celery issues 8030, 9054, 10205)."""
    cluster.workers_only("north")
    worker_pid = cluster.running["north"].pid
    assert cluster.wait(cluster.export(), ("succeeded",))
    for _ in range(3):
        cluster.valkey_kill(wipe=wipe)
        cluster.valkey_start()
        assert cluster.wait(cluster.export(), ("succeeded",), timeout=120)
    assert cluster.running["north"].pid == worker_pid
    assert cluster.is_alive("north"), "it heard again by itself; nobody had to start it anew"


def test_promise_23_a_wake_up_delivered_ten_times_to_two_workers_takes_effect_once(cluster: Cluster):
    """Ten messages for one job: one claim, one artifact, one success event."""
    cluster.workers_only("north", "south")
    cluster.version_make()
    cluster.workers_only()
    job_id = cluster.export()
    cluster.ask(
        "from deployhub.jobs.services import job_announce\n"
        f"answer = [job_announce(job_id={job_id!r}, queue='cpu') for _ in range(10)]"
    )
    cluster.workers_only("north", "south")
    job = cluster.wait(job_id, ("succeeded",))
    waiting = "import redis; from django.conf import settings\nanswer = redis.from_url(settings.DEPLOYHUB_REDIS_URL).llen('cpu')"
    wait_until(lambda: cluster.ask(waiting) == 0, "every message was heard", within_s=60)
    assert cluster.wait(cluster.export(), ("succeeded",)), (
        "what was sent later is done: the ten were heard out"
    )
    assert (job["attempt"], job["fence"]) == (1, 1)
    assert len(cluster.artifacts_of(job_id)) == 1
    assert cluster.events(job_id, "job.claim") == 1
    assert cluster.events(job_id, "job.succeed") == 1
