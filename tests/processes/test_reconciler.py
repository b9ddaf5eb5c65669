"""The reconciler doubled, and hosts whose clocks are wrong."""

from __future__ import annotations

import pytest

from tests.processes.cluster import Cluster, Desk

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]
HOUR_S = 3600
RECONCILE = "from deployhub.jobs.services import jobs_reconcile\nanswer = jobs_reconcile()"
EXPIRE = "from deployhub.jobs.models import Job\nfrom datetime import timedelta\nfrom django.db.models.functions import Now\n"


def claim(desk: Desk, job_ids: list[str]) -> None:
    """Take jobs as a worker that is then never heard of again."""
    taken = desk.ask(
        "from deployhub.jobs.services import job_claim\n"
        f"answer = [bool(job_claim(job_id=job_id, worker_name='ghost')) for job_id in {job_ids!r}]"
    )
    assert all(taken)


def test_of_two_reconcilers_at_once_one_acts_on_each_job(cluster: Cluster):
    """Twenty jobs of a dead worker, two reconcilers in two processes at the same moment: each job is taken back once."""
    cluster.workers_only("north")
    cluster.version_make()
    cluster.workers_only()
    job_ids = cluster.exports(20)
    claim(cluster.desk, job_ids)
    cluster.ask(
        EXPIRE + f"answer = Job.objects.filter(pk__in={job_ids!r})"
        ".unaudited_update(lease_expires_at=Now() - timedelta(seconds=1))"
    )
    second = Desk(cluster.environment, cluster.folder / "desk.log")
    try:
        second.ask("import deployhub.jobs.services; answer = 1")
        for desk in (cluster.desk, second):
            desk.begin(RECONCILE)
        counts = [cluster.desk.answer(), second.answer()]
    finally:
        second.end()
    assert sum(count["requeued"] for count in counts) == len(job_ids), counts
    for job_id in job_ids:
        assert cluster.job(job_id)["state"] == "queued"
        assert cluster.events(job_id, "job.requeue") == 1


@pytest.mark.parametrize("skew_s", [HOUR_S, -HOUR_S], ids=["an hour ahead", "an hour behind"])
def test_leases_go_by_the_clock_of_the_database_alone(cluster: Cluster, skew_s: int):
    """A host whose clock is an hour off claims and reconciles like any other."""
    cluster.workers_only("north")
    cluster.version_make()
    cluster.workers_only()
    first, second = cluster.exports(2)
    wrong = Desk(cluster.environment, cluster.folder / "desk.log", skew_s=skew_s)
    lease = EXPIRE + (
        "from django.db.models import F\n"
        "answer = [left.total_seconds() for left in Job.objects.filter(pk__in={ids!r})"
        ".annotate(left=F('lease_expires_at') - Now()).values_list('left', flat=True)]"
    )
    try:
        claim(wrong, [first])
        claim(cluster.desk, [second])
        for left_s in cluster.ask(lease.format(ids=[first, second])):
            assert 0 < left_s <= 30
        assert wrong.ask(RECONCILE)["requeued"] == 0, "a living worker's job is left alone"
        assert cluster.ask(RECONCILE)["requeued"] == 0
        cluster.ask(
            EXPIRE + f"answer = Job.objects.filter(pk={second!r})"
            ".unaudited_update(lease_expires_at=Now() - timedelta(seconds=1))"
        )
        assert wrong.ask(RECONCILE)["requeued"] == 1, "a dead worker's job is taken back"
    finally:
        wrong.end()
    assert cluster.job(second)["state"] == "queued"
