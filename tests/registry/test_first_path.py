"""The first path: a file goes in, becomes a version, is inspected."""

from __future__ import annotations

import hashlib

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.engine.client import EngineFailed
from deployhub.registry.models import ModelVersion, RegisteredModel
from tests.registry.conftest import checkpoint_bytes, tus_send

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_engineer_uploads_a_version_and_sees_what_the_inspection_found(api, engineer, project, inspected):
    client = api(engineer)
    content = checkpoint_bytes()
    sent = tus_send(client, content)
    assert sent.status_code == 204, sent.content
    assert sent.headers["Upload-Offset"] == str(len(content))

    made = client.post(
        "/api/v1/versions/", {"upload": sent.upload_id, "model_name": "Street signs"}, format="json"
    )
    assert made.status_code == 202, made.content
    body = made.json()
    assert made.headers["Location"] == f"/api/v1/jobs/{body['job']}/"
    assert body["version"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert body["version"]["state"] == "quarantined"

    version = ModelVersion.objects.get(pk=body["version"]["id"])
    job = inspected(version)
    assert job.state == "succeeded", job.error_detail
    seen = client.get(f"/api/v1/versions/{version.pk}/").json()
    assert (seen["state"], seen["task"], seen["architecture"], seen["variant"]) == (
        "accepted",
        "detect",
        "YOLOv8",
        "n",
    )
    assert seen["class_names"] == ["circle", "square"]
    assert RegisteredModel.objects.get().task == "detect"
    assert AuditEvent.objects.filter(action="version.create", object_id=str(version.pk)).exists()


def test_a_malicious_file_fails_the_job_and_refuses_the_version_in_one_commit(
    engineer, project, version_of, inspected
):
    version = version_of(engineer, project)
    job = inspected(
        version, EngineFailed("malicious_model", "The file tries to run os.system.", "Do not trust it.")
    )
    assert (job.state, job.error_code) == ("failed", "malicious_model")
    assert version.state == "refused"
    assert version.refusal == "The file tries to run os.system. Do not trust it."


def test_a_crash_of_the_engine_leaves_the_version_in_quarantine(engineer, project, version_of, inspected):
    version = version_of(engineer, project)
    job = inspected(version, EngineFailed("engine_crashed", "The engine crashed.", ""))
    assert (job.state, job.error_code) == ("failed", "engine_crashed")
    assert version.state == "quarantined"
