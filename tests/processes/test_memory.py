"""Nothing piles up over many exports."""

from __future__ import annotations

import psutil
import pytest

from tests.processes.cluster import Cluster

pytestmark = [pytest.mark.processes, pytest.mark.engine, pytest.mark.slow]
SETTLED_AFTER, EXPORTS, GROWTH_MAX = 10, 50, 1.10


def memory_bytes(cluster: Cluster) -> dict[str, int]:
    server = cluster.engine_server("north")
    assert server is not None
    return {
        "worker": psutil.Process(cluster.running["north"].pid).memory_info().rss,
        "engine server": server.memory_info().rss,
        "descriptors": psutil.Process(cluster.running["north"].pid).num_fds(),
    }


def test_a_worker_and_its_warm_engine_do_not_grow_over_fifty_exports(cluster: Cluster):
    """Resident memory after 50 exports is at most a tenth above that after 10, in both processes."""
    cluster.workers_only()
    cluster.workers_only("north")  # a fresh one, whatever the tests before did to it
    worker_pid = cluster.running["north"].pid
    job_ids = cluster.exports(EXPORTS)
    assert {job["state"] for job in cluster.wait_all(job_ids[:SETTLED_AFTER])} == {"succeeded"}
    early = memory_bytes(cluster)
    assert {job["state"] for job in cluster.wait_all(job_ids, timeout=1200)} == {"succeeded"}
    late = memory_bytes(cluster)
    assert cluster.running["north"].pid == worker_pid
    assert not cluster.engine_jobs("north"), "no keeper and no job is left"
    for name, before in early.items():
        assert late[name] <= before * GROWTH_MAX + (4 if name == "descriptors" else 0), (early, late)
