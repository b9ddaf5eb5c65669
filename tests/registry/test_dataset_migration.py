"""Datasets from before they had versions: each becomes version 1 of itself, and waits for its check."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from deployhub.kernel.clock import utc_now

BEFORE = [("registry", "0004_certificates")]


@pytest.mark.django_db(transaction=True)
def test_a_dataset_of_old_becomes_version_one_and_is_checked_by_the_next_worker():
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate(BEFORE)
        old = executor.loader.project_state(BEFORE).apps
        project = old.get_model("registry", "Project").objects.create(name="Shapes", slug="shapes")
        blob = old.get_model("registry", "Blob").objects.create(sha256="a" * 64, size_bytes=5)
        made_at = utc_now()
        dataset = old.get_model("registry", "Dataset").objects.create(
            project=project, name="Shelves", slug="shelves", purpose="evaluation", blob=blob, file_name="shelves.zip",
            image_count=3, label_count=2, class_names=["box"], created_at=made_at,
        )  # fmt: skip
        executor = MigrationExecutor(connection)
        executor.migrate(latest)

        from deployhub.jobs.models import Job
        from deployhub.registry.models import DatasetVersion

        version = DatasetVersion.objects.select_related("dataset", "blob").get()
        assert (version.dataset_id, version.number, version.state) == (dataset.pk, 1, "checking")
        assert (version.file_name, version.blob.sha256, version.image_count) == ("shelves.zip", "a" * 64, 3)
        assert (version.class_names, version.created_at) == (["box"], made_at)
        job = Job.objects.get(kind="dataset_check")
        assert (job.state, job.subject_id) == ("queued", version.pk)
        assert UUID(job.spec["dataset_version_id"]) == version.pk
    finally:
        MigrationExecutor(connection).migrate(latest)
