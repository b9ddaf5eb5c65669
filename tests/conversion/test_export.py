"""From the request for a format to the artifact."""

from __future__ import annotations

import os

import pytest

from deployhub.audit.models import AuditEvent
from deployhub.conversion.models import Export
from deployhub.engine.client import EngineFailed
from deployhub.jobs.models import Job
from deployhub.jobs.runner import job_run
from deployhub.jobs.services import job_cancel
from deployhub.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from deployhub.registry.models import Artifact, Blob
from deployhub.registry.storage import blob_open

pytestmark = pytest.mark.django_db


def run(asked):
    return job_run(job_id=asked.export.job_id, worker_name="north")


def test_an_engineer_exports_a_version_and_gets_an_artifact(version, export, engine, engineer):
    asked = export(version, image_size_px=64)
    assert not asked.is_known
    assert asked.export.job.title == "Export Shapes detector v1 to ONNX FP32"
    assert run(asked) == "succeeded"
    artifact = Artifact.objects.get(version=version)
    assert (artifact.proof, artifact.precision, artifact.created_by) == ("verified", "fp32", engineer)
    assert artifact.file_name == "shapes-detector-v1-onnx-fp32.onnx"
    assert artifact.options["image_size_px"] == 64
    file = artifact.files.get()
    with blob_open(file.blob) as stream:
        assert stream.read() == b"onnx bytes"
    asked.export.refresh_from_db()
    assert asked.export.artifact == artifact
    assert Job.objects.get().result["artifact_id"] == str(artifact.pk)
    assert [p.name for p in Job.objects.get().phases.all()] == [
        "Fetching the model", "Loading the model", "Comparing with the source", "Storing the files",
    ]  # fmt: skip


def test_who_made_an_artifact_stands_in_the_audit_log(artifact, engineer):
    event = AuditEvent.objects.get(action="artifact.create", object_type="artifact")
    assert (event.actor_id, event.door, event.job_id) == (engineer.pk, "worker", artifact.job_id)
    assert event.project_id == artifact.project_id


def test_the_same_request_again_answers_with_the_same_artifact_and_queues_nothing(artifact, version, export):
    again = export(version)
    assert again.is_known
    assert again.export.artifact == artifact
    assert Job.objects.count() == 1


def test_a_default_that_is_written_out_is_the_same_request(artifact, version, export):
    assert export(version, image_size_px="96", precision="fp32").is_known


def test_a_request_for_work_under_way_joins_its_job(version, export, engine, owner):
    first, second = export(version), export(version, by=owner)
    assert second.is_joined
    assert second.export.job == first.export.job
    assert run(first) == "succeeded"
    assert set(Export.objects.values_list("artifact", flat=True)) == {Artifact.objects.get().pk}


def test_a_request_does_not_join_a_job_that_is_being_cancelled(version, export, engine, engineer, acting):
    from deployhub.jobs.services import job_claim

    first = export(version)
    job_claim(job_id=first.export.job_id, worker_name="north")
    job_cancel(actor=acting(engineer), job=first.export.job)
    assert export(version).export.job_id != first.export.job_id


def test_other_options_are_other_work(version, export):
    assert export(version).export.key != export(version, image_size_px=64).export.key
    assert Job.objects.count() == 2


def test_another_toolchain_makes_another_artifact(artifact, version, export, catalogue):
    catalogue.content["engine"]["torch"] = "3.0.0"
    catalogue.save()
    assert not export(version).is_known


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"image_size_px": 65}, "options.image_size_px"),
        ({"image_size_px": "large"}, "options.image_size_px"),
        ({"batch": 0}, "options.batch"),
        ({"opset": 99}, "options.opset"),
        ({"precision": "int4"}, "options.precision"),
        ({"nms": True, "end_to_end": True}, "options.end_to_end"),
        ({"colour": "red"}, "options.colour"),
    ],
)
def test_options_that_cannot_work_are_refused_before_a_worker_is_bothered(version, export, options, field):
    with pytest.raises(InvalidInput) as refused:
        export(version, **options)
    assert field in refused.value.errors
    assert not Job.objects.exists()
    assert not Export.objects.exists()


def test_an_unknown_and_an_unavailable_format_are_refused_with_the_reason(version, export, catalogue_content):
    with pytest.raises(InvalidInput) as refused:
        export(version, "teleport")
    assert "format" in refused.value.errors
    missing = next(entry for entry in catalogue_content["formats"] if not entry["available"])
    with pytest.raises(InvalidInput) as refused:
        export(version, missing["key"])
    assert refused.value.errors["format"] == [missing["unavailable_reason"]]


def test_an_onnx_version_is_not_exported_to_onnx(make_version, export):
    with pytest.raises(InvalidInput, match=r"made from a \.pt file"):
        export(make_version(source_kind="onnx"))


@pytest.mark.parametrize("state", ["quarantined", "refused"])
def test_only_an_accepted_version_is_exported(make_version, export, state):
    with pytest.raises(Conflict):
        export(make_version(state=state))


def test_without_any_worker_ever_the_formats_are_not_known(version, engineer, acting):
    from deployhub.conversion.services import export_create

    with pytest.raises(Unavailable, match="No worker has started"):
        export_create(actor=acting(engineer), version=version, format_key="onnx", options={})


def test_a_viewer_cannot_export_and_for_a_stranger_there_is_no_version(version, export, viewer, stranger):
    with pytest.raises(Forbidden):
        export(version, by=viewer)
    with pytest.raises(NotFound):
        export(version, by=stranger)


def test_a_release_manager_exports_the_whole_way(version, export, engine, release_manager):
    assert run(export(version, by=release_manager)) == "succeeded"


def test_who_lost_their_role_meanwhile_gets_no_artifact_and_no_computing_time(
    version, export, engine, engineer
):
    from deployhub.access.models import Membership
    from deployhub.audit.scope import system_scope

    asked = export(version)
    with system_scope("left the team"):
        Membership.objects.filter(user=engineer).delete()
    assert run(asked) == "failed"
    assert engine.runs == []
    assert not Artifact.objects.exists()
    assert AuditEvent.objects.filter(action="artifact.create", outcome="denied").exists()


def test_promise_23_a_job_that_was_interrupted_after_its_bytes_were_stored_makes_one_artifact(
    version, export, engine, monkeypatch
):
    """Killed between the bytes and the rows: the next attempt finds the bytes and commits once."""
    from deployhub.conversion import handlers
    from deployhub.jobs import services

    asked = export(version)
    job = services.job_claim(job_id=asked.export.job_id, worker_name="victim")
    from deployhub.jobs.context import JobContext

    handlers.export_run(JobContext(job=job, engine=lambda: engine))  # its commit is never called
    assert not Artifact.objects.exists()
    from datetime import timedelta

    from deployhub.kernel.clock import utc_now

    Job.objects.filter(pk=job.pk).unaudited_update(lease_expires_at=utc_now() - timedelta(seconds=1))
    assert [run(asked) for _ in range(10)] == ["succeeded"] + ["skipped"] * 9
    assert Artifact.objects.count() == 1
    assert Blob.objects.count() == 2  # the source and the export
    assert AuditEvent.objects.filter(action="job.succeed", object_type="job").count() == 1


def test_a_retried_export_whose_artifact_exists_by_now_computes_nothing(
    version, export, engine, engineer, acting
):
    from deployhub.jobs.services import job_retry

    engine.failure = EngineFailed("export_failed", "It did not work.", "Try another option.")
    first = export(version)
    assert run(first) == "failed"
    engine.failure = None
    second = export(version)
    assert run(second) == "succeeded"
    job_retry(actor=acting(engineer), job=Job.objects.get(pk=first.export.job_id))
    assert run(first) == "succeeded"
    assert len(engine.runs) == 2
    assert Artifact.objects.count() == 1


def test_the_engines_cause_and_advice_reach_the_job(version, export, engine):
    engine.failure = EngineFailed(
        "limit_memory", "The model needed too much memory.", "Choose a smaller image size."
    )
    asked = export(version)
    assert run(asked) == "failed"
    job = Job.objects.get()
    assert (job.error_code, job.error_detail) == ("limit_memory", "The model needed too much memory.")
    assert job.error_hint == "Choose a smaller image size."
    assert not Artifact.objects.exists()


def _link(workdir):
    os.symlink("/etc/passwd", workdir / "out" / "extra.onnx")


def _hard_link(workdir):
    os.link(workdir / "in" / "source.pt", workdir / "out" / "extra.onnx")


def _fifo(workdir):
    os.mkfifo(workdir / "out" / "extra.onnx")


def _extra(workdir):
    (workdir / "out" / "extra.onnx").write_bytes(b"?")


def _other_bytes(workdir):
    (workdir / "out" / "model.onnx").write_bytes(b"ONNX bytes")


def _missing(workdir):
    (workdir / "out" / "model.onnx").unlink()


@pytest.mark.parametrize("trick", [_link, _hard_link, _fifo, _extra, _other_bytes, _missing])
def test_output_that_is_not_what_the_engine_told_is_refused(version, export, engine, trick):
    engine.before_end = trick
    assert run(export(version)) == "failed"
    assert Job.objects.get().error_code == "engine_output_invalid"
    assert not Artifact.objects.exists()


def test_what_was_not_compared_is_never_called_verified(version, export, engine):
    engine.result["comparison"] = {"passed": False}
    assert run(export(version)) == "succeeded"
    artifact = Artifact.objects.get()
    assert artifact.proof == "loadable"
    assert artifact.proof_reason


def test_an_invented_proof_counts_as_none(version, export, engine):
    engine.result["proof"] = "perfect"
    run(export(version))
    assert Artifact.objects.get().proof == "exported"


def test_numbers_that_are_none_are_stored_as_missing(version, export, engine):
    engine.result["comparison"]["outputs"][0]["max_abs_error"] = float("nan")
    run(export(version))
    assert Artifact.objects.get().comparison["outputs"][0]["max_abs_error"] is None


def test_a_folder_format_is_one_artifact_with_several_files(version, export, engine):
    engine.files = {"model_openvino_model/model.xml": b"<net/>", "model_openvino_model/model.bin": b"\0" * 10}
    assert run(export(version, "openvino")) == "succeeded"
    artifact = Artifact.objects.get()
    assert artifact.file_name == "shapes-detector-v1-openvino-fp32.zip"
    assert [f.path for f in artifact.files.all()] == [
        "model_openvino_model/model.bin",
        "model_openvino_model/model.xml",
    ]
    assert artifact.size_bytes == 16


def test_nothing_of_a_job_stays_in_the_work_folder(version, export, engine, settings):
    run(export(version))
    assert list(settings.DEPLOYHUB_WORK_ROOT.iterdir()) == []
