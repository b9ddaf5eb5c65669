"""Cancel really ends the work."""

from __future__ import annotations

import time

import psutil
import pytest

from tests.processes.cluster import Cluster, living

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]
FREED_WITHIN_S = 2.0


def cpu_seconds(members: list[psutil.Process]) -> float:
    total = 0.0
    for member in living(members):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def test_cancelling_a_running_export_frees_the_processor_within_two_seconds(cluster: Cluster):
    """Over the API, in mid-export: the job's processes are gone, and nothing below the worker computes any more."""
    cluster.workers_only("north")
    job_id = cluster.export(long=True)
    cluster.wait_phase(job_id, "Exporting")
    family = cluster.engine_jobs("north")
    assert len(family) >= 2, "a keeper and the confined job"
    before = cpu_seconds(family)
    time.sleep(0.5)
    assert cpu_seconds(family) > before, "it computes"
    answer = cluster.api.post(f"/api/v1/jobs/{job_id}/cancel/")
    assert answer.status_code < 300, answer.text
    began = time.monotonic()
    while living(family) and time.monotonic() - began < 10:
        time.sleep(0.02)
    took_s = time.monotonic() - began
    assert took_s <= FREED_WITHIN_S
    assert cluster.wait(job_id, ("cancelled",), timeout=30)["error_code"] == ""
    worker = psutil.Process(cluster.running["north"].pid)
    tree = [worker, *worker.children(recursive=True)]
    before = cpu_seconds(tree)
    time.sleep(2)
    assert cpu_seconds(tree) - before < 1.0, "an idle worker with its warm engine costs next to nothing"
    assert cluster.artifacts_of(job_id) == []
    assert not list(cluster.work_root("north").glob("*-*"))
    assert cluster.wait(cluster.export(), ("succeeded",)), "the next job runs"
