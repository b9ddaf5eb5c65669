"""One cluster for the whole crash suite: a warm engine costs many seconds, so what a test killed is mended, not rebuilt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes.cluster import Cluster, cluster_open, orphans_adopt


@pytest.fixture(scope="session")
def _standing_cluster() -> Iterator[Cluster]:
    orphans_adopt()
    with cluster_open(postgres=True) as cluster:
        yield cluster


@pytest.fixture
def cluster(_standing_cluster: Cluster) -> Cluster:
    """Database (PostgreSQL), Valkey and web run, no job lives; the test says which workers it wants."""
    _standing_cluster.calm()
    return _standing_cluster
